"""The server as a whole: what a new configuration changes and what it leaves alone, and how it stops."""

import socket

from tests.nc.clients import GET, TEST, is_served, raw, ssh_manager, unix_manager
from tests.nc.served import Served
from tests.waiting import wait_for


def free_port(family: socket.AddressFamily = socket.AF_INET, host: str = "127.0.0.1") -> int:
    with socket.socket(family) as sock:
        sock.bind((host, 0))
        return int(sock.getsockname()[1])


def can_connect(port: int, host: str = "127.0.0.1") -> bool:
    try:
        with socket.create_connection((host, port), 10) as sock:
            return sock.recv(4) == b"SSH-"
    except ConnectionRefusedError:
        return False


def test_a_new_configuration_touches_only_what_it_changes(served: Served) -> None:
    port, other = served.port, free_port()
    with ssh_manager(port) as client, unix_manager(served) as local:
        served.ask("configure", **(served.usual() | {"ssh": [["127.0.0.1", 0], ["127.0.0.1", other]]}))
        assert can_connect(port)
        assert can_connect(other)
        served.ask("configure", **(served.usual() | {"ssh": [["127.0.0.1", other]], "unix": {}}))
        assert not can_connect(port)
        assert can_connect(other)
        assert not served.socket.exists()
        assert client.get().data_ele.findtext(f"{{{TEST}}}value") == "42"
        assert local.get().data_ele.findtext(f"{{{TEST}}}value") == "42"
        assert served.state()["closed"] == []


def test_the_same_port_can_change_its_address(served: Served) -> None:
    port = free_port()
    served.serve(ssh=[["127.0.0.1", port]])
    served.ask("configure", **(served.usual() | {"ssh": [["0.0.0.0", port]]}))
    assert can_connect(port, "127.0.0.2")
    served.ask("configure", **(served.usual() | {"ssh": [["127.0.0.3", port]]}))
    assert not can_connect(port)
    assert can_connect(port, "127.0.0.3")


def test_both_families_can_have_the_same_port(served: Served) -> None:
    port = free_port(socket.AF_INET6, "::")
    served.serve(ssh=[["0.0.0.0", port], ["::", port]])
    assert can_connect(port)
    assert can_connect(port, "::1")
    assert served.state()["endpoints"][f"ssh [::]:{port}"][0] is None


def test_an_address_that_cannot_be_had_is_tried_again_and_reported(served: Served) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        name = f"ssh 127.0.0.1:{port}"
        served.serve(ssh=[["127.0.0.1", port], ["192.0.2.1", 830]])
        endpoints = served.state()["endpoints"]
        assert "Address already in use" in endpoints[name][0]
        assert "Cannot assign requested address" in endpoints["ssh 192.0.2.1:830"][0]
        with unix_manager(served) as client:
            assert client.get().data_ele.findtext(f"{{{TEST}}}value") == "42"
    wait_for(lambda: can_connect(port), "the address is taken")
    reports = [problem for reported, problem in served.state()["reports"] if reported == name]
    assert [problem is None for problem in reports] == [False, True]
    served.ask("configure", **served.usual())
    assert served.state()["reports"][-2:].count(["ssh 192.0.2.1:830", None]) == 1


def test_a_stopped_server_can_be_started_again(served: Served) -> None:
    port = served.port
    with raw(served).greet() as client, socket.create_connection(("127.0.0.1", port)) as half_open:
        assert client.request(GET) is not None
        served.ask("stop")
        assert client.is_closed()
        while half_open.recv(4096):
            pass
    state = served.state()
    assert state["sessions"] == {}
    assert state["endpoints"] == {}
    assert not can_connect(port)
    served.ask("start")
    assert is_served(served)


def test_nothing_is_left_of_sessions_that_are_over(served: Served) -> None:
    assert is_served(served)
    wait_for(lambda: not served.state()["sessions"], "the sessions are over")
    before = served.state()
    for _ in range(5):
        assert is_served(served)

    def same() -> bool:
        state = served.state()
        return state["sessions"] == {} and all(state[count] <= before[count] for count in ("greenlets", "files"))

    wait_for(same, "greenlets and files are as they were")
