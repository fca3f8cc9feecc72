"""Call home (RFC 8071): the server connects, the client then logs in as if it had."""

import socket
import subprocess
import sys

from netconf_client.connect import CallhomeManager
from netconf_client.ncclient import Manager

from tests.nc.clients import PATIENCE, TEST, is_served
from tests.nc.served import PASSWORD, Served
from tests.nc.test_server import free_port
from tests.waiting import wait_for

NAME = "call-home noc"


def call(served: Served, *ports: int) -> None:
    served.serve(call_home={"noc": [["127.0.0.1", port] for port in ports]})


def problem(served: Served) -> str | None:
    reason: str | None = served.state()["endpoints"][NAME][0]
    return reason


def hold_a_session(home: CallhomeManager) -> None:
    with Manager(home.accept_one_ssh(username="olga", password=PASSWORD), timeout=PATIENCE) as client:
        assert client.get().data_ele.findtext(f"{{{TEST}}}value") == "42"
        client.close_session()


def test_ncclient_is_called(served: Served) -> None:
    """In a process of its own, as it does not close the socket that it waits on."""
    port = free_port()
    take_the_call = f"""
from ncclient import manager
login = dict(username="olga", password={PASSWORD!r}, hostkey_verify=False, look_for_keys=False, allow_agent=False)
with manager.call_home(host="127.0.0.1", port={port}, timeout={PATIENCE}, **login) as client:
    print(client.get().data_xml)
"""
    call(served, port)
    client = subprocess.run(
        [sys.executable, "-c", take_the_call], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert "42" in client.stdout
    assert served.end_of(1) == "closed"


def test_netconf_client_is_called_again_after_each_session(served: Served) -> None:
    with CallhomeManager("127.0.0.1", free_port()) as home:
        call(served, home.port)
        for _ in range(3):
            hold_a_session(home)
            assert problem(served) is None
    assert is_served(served)


def test_a_client_that_does_not_answer_is_called_until_it_does(served: Served) -> None:
    port = free_port()
    call(served, port)
    reason = f"cannot call home to noc: 127.0.0.1 port {port}: Connection refused; it is tried again"
    wait_for(lambda: problem(served) == reason, "the call has failed")
    with CallhomeManager("127.0.0.1", port) as home:
        hold_a_session(home)
    assert [NAME, None] in served.state()["reports"]


def test_the_endpoints_are_tried_in_their_order(served: Served) -> None:
    first, second = free_port(), free_port()
    with CallhomeManager("127.0.0.1", second) as home:
        call(served, first, second)
        hold_a_session(home)
        with CallhomeManager("127.0.0.1", first) as preferred:
            hold_a_session(preferred)


def test_a_client_that_begins_no_session_is_a_problem(served: Served) -> None:
    with socket.create_server(("127.0.0.1", 0)) as home:
        port = home.getsockname()[1]
        call(served, port)
        for _ in range(2):
            home.accept()[0].close()
        reason = (
            f"cannot call home to noc: 127.0.0.1 port {port}: the client took the connection and began no session;"
            " it is tried again"
        )
        wait_for(lambda: problem(served) == reason, "the problem is seen")


def test_a_client_that_is_not_to_be_called_any_more_keeps_its_session(served: Served) -> None:
    with CallhomeManager("127.0.0.1", free_port()) as home:
        call(served, home.port)
        with Manager(home.accept_one_ssh(username="olga", password=PASSWORD), timeout=PATIENCE) as client:
            served.ask("configure", **served.usual())
            assert NAME not in served.state()["endpoints"]
            assert client.get().data_ele.findtext(f"{{{TEST}}}value") == "42"
            client.close_session()
        wait_for(lambda: served.state()["sessions"] == {}, "the session is over")
        assert is_served(served)
