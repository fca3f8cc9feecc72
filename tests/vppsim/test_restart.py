import signal
from collections.abc import Callable

import pytest

from tests.vppsim.client import Api, NoReplyError, addresses, register, route
from tests.vppsim.frames import arp
from tests.vppsim.rig import LAN, WAN, SimulatorRig, listens, mac_of
from tests.waiting import wait_for


def names(api: Api) -> list[str]:
    return [interface.interface_name for interface in api.dump("sw_interface_dump")]


def gone(api: Api) -> bool:
    with pytest.raises(NoReplyError, match="end of connection"):
        api.receive()
    return True


def back(rig: SimulatorRig) -> Api:
    wait_for(lambda: listens(rig.run_dir / "api.sock"), "it is back")
    return rig.api()


@pytest.mark.parametrize("end", ["simulate exit", "SIGTERM", "SIGINT"])
def test_it_goes_away_on_command_and_takes_its_sockets_along(simulator: SimulatorRig, end: str) -> None:
    api = simulator.api()
    if end.startswith("SIG"):
        simulator.process.send_signal(signal.Signals[end])
    else:
        simulator.ctl(end)
    assert gone(api)
    assert simulator.process.wait(timeout=10) == 0
    assert list(simulator.run_dir.iterdir()) == []


def test_it_comes_back_as_another_process(simulator: SimulatorRig) -> None:
    api = simulator.api()
    before = api.call("control_ping").vpe_pid
    simulator.ctl("simulate restart")
    assert gone(api)
    assert back(simulator).call("control_ping").vpe_pid != before


def test_it_comes_back_empty(simulator: SimulatorRig) -> None:
    api = simulator.api()
    index, _ = simulator.interface(LAN, "10.0.0.1/24")
    register(api, simulator.directory / "ours", 67)
    route(api, True, "10.9.0.0/16", {"type": 2})
    simulator.ctl("ip table add 9")
    simulator.ctl("create bridge-domain 5")
    simulator.ctl("simulate restart")
    assert gone(api)
    state = simulator.state()
    assert [i["name"] for i in state["interfaces"]] == ["local0"]
    assert (state["routes"], state["punt"], state["tables"]) == ([], [], [{"af": 4, "id": 0}, {"af": 6, "id": 0}])
    assert names(back(simulator)) == ["local0"]
    assert index == 1


def test_it_comes_back_with_its_interfaces(simulator: SimulatorRig) -> None:
    api = simulator.api()
    index, wire = simulator.interface(LAN, "10.0.0.1/24", "2001:db8::1/64")
    register(api, simulator.directory / "ours", 67)
    simulator.loopback()
    simulator.ctl("simulate restart keep-interfaces")
    assert gone(api)
    api = back(simulator)
    assert names(api) == ["local0", LAN], "what has no wire is not kept"
    assert addresses(api, index) + addresses(api, index, ip6=True) == ["10.0.0.1/24", "2001:db8::1/64"]
    assert api.dump("punt_socket_dump", type=0) == []
    wire.send(arp(1, "10.0.0.5", "10.0.0.1"))
    assert wire.receive().src == mac_of(LAN)


def test_it_stays_away_as_long_as_it_was_told_and_comes_back_when_told_anew(simulator: SimulatorRig) -> None:
    api = simulator.api()
    simulator.interface(LAN, "10.0.0.1/24")
    simulator.ctl("simulate restart keep-interfaces after 3600")
    assert gone(api)
    assert simulator.ctl("show punt socket registrations") == "", "its command line still answers"
    assert [p.name for p in simulator.run_dir.iterdir()] == ["cli.sock"]
    simulator.ctl("simulate restart keep-interfaces")
    assert names(back(simulator)) == ["local0", LAN]


def test_hosts_and_faults_outlive_it(simulator: SimulatorRig) -> None:
    api = simulator.api()
    simulator.interface(LAN, "10.0.0.1/24")
    simulator.ctl(f"simulate host create h interface {LAN} mac 02:00:00:00:00:05 address 10.0.0.5/24")
    simulator.ctl("simulate drop tx 0%")
    simulator.ctl("simulate restart")
    assert gone(api)
    back(simulator)
    simulator.ctl(f"create sim-interface {LAN}")
    simulator.ctl(f"set interface state {LAN} up")
    simulator.ctl(f"set interface ip address {LAN} 10.0.0.1/24")
    simulator.ctl("simulate host h ping 10.0.0.1")
    state = simulator.state()
    assert state["hosts"]["h"]["received"] == {"echo reply": 1}
    assert state["faults"]["tx"] == {"drop": {"share": 0.0, "left": 0}}


def test_killed_it_leaves_its_sockets_and_starts_over_them(start: Callable[..., SimulatorRig]) -> None:
    first = start()
    first.interface(WAN)
    first.process.kill()
    first.process.wait()
    assert {p.name for p in first.run_dir.iterdir()} == {"api.sock", "punt.sock", "cli.sock"}
    assert names(start().api()) == ["local0"]
