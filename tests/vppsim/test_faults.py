from collections.abc import Callable
from pathlib import Path

import pytest
from scapy.layers.inet import IP
from scapy.layers.l2 import ARP
from scapy.packet import Packet

from tests.vppsim.client import Api, change_address, register
from tests.vppsim.frames import HOST, arp, discover, offer
from tests.vppsim.rig import LAN, SimulatorRig, Wire, mac_of

L2 = 0
ROUTER = mac_of(LAN)


@pytest.fixture
def api(simulator: SimulatorRig) -> Api:
    return simulator.api()


@pytest.fixture
def lan(simulator: SimulatorRig) -> tuple[int, Wire]:
    return simulator.interface(LAN, "10.0.0.1/24")


def requests(*numbers: int) -> list[Packet]:
    return [discover(f"10.0.0.{number}", "10.0.0.1", ROUTER) for number in numbers]


def arrived(simulator: SimulatorRig, api: Api, wire: Wire, *numbers: int) -> list[int]:
    """Send requests of numbered hosts, and after the faults a last one, 99; return whose arrive, in their order."""
    punt = simulator.punt()
    register(api, punt.path, 67)
    wire.send(*requests(*numbers))
    simulator.settled()
    simulator.ctl("simulate clear")
    wire.send(*requests(99))
    seen: list[int] = []
    while seen[-1:] != [99]:
        seen.append(int(punt.receive()[1][IP].src.rsplit(".", 1)[1]))
    return seen[:-1]


def sent(simulator: SimulatorRig, lan: tuple[int, Wire], *numbers: int) -> list[int]:
    """Let the router send frames to numbered hosts, and after the faults a last one, 99; return which leave."""
    index, wire = lan
    for number in numbers:
        simulator.punt_to_router(index, L2, offer(f"10.0.0.{number}"))
    simulator.ctl("show version")
    simulator.ctl("simulate clear")
    simulator.punt_to_router(index, L2, offer("10.0.0.99"))
    seen: list[int] = []
    while seen[-1:] != [99]:
        seen.append(int(wire.receive()[IP].dst.rsplit(".", 1)[1]))
    return seen[:-1]


@pytest.mark.parametrize(
    ("fault", "left"),
    [("drop {} 2", [7, 8]), ("drop {} 100%", []), ("drop {} 0%", [5, 6, 7, 8]), ("duplicate {} 1", [5, 5, 6, 7, 8]),
     ("duplicate {} 100%", [5, 5, 6, 6, 7, 7, 8, 8]), ("reorder {} 1", [6, 5, 7, 8]),
     ("reorder {} 2", [6, 5, 8, 7]), ("reorder {} 100%", [6, 5, 8, 7])],
)  # fmt: skip
def test_packets_are_dropped_duplicated_and_reordered(
    simulator: SimulatorRig, api: Api, lan: tuple[int, Wire], fault: str, left: list[int]
) -> None:
    assert simulator.ctl("simulate " + fault.format("rx")) == ""
    assert arrived(simulator, api, lan[1], 5, 6, 7, 8) == left
    assert simulator.ctl("simulate " + fault.format("tx")) == ""
    assert sent(simulator, lan, 5, 6, 7, 8) == left


def test_a_share_of_packets_is_the_same_again_with_the_same_seed(
    start: Callable[..., SimulatorRig], tmp_path: Path
) -> None:
    outcomes = []
    for number in range(2):
        rig = start("--seed", "5", directory=tmp_path / str(number))
        lan = rig.interface(LAN, "10.0.0.1/24")
        rig.ctl("simulate drop tx 50%")
        outcomes.append(sent(rig, lan, *range(2, 40)))
    assert outcomes[0] == outcomes[1]
    assert 0 < len(outcomes[0]) < 38


def test_a_packet_held_back_for_reordering_goes_on_when_faults_end(
    simulator: SimulatorRig, api: Api, lan: tuple[int, Wire]
) -> None:
    simulator.ctl("simulate reorder rx 1")
    assert arrived(simulator, api, lan[1], 5) == [5]


def test_packets_can_be_under_way_for_a_while(simulator: SimulatorRig, api: Api, lan: tuple[int, Wire]) -> None:
    index, wire = lan
    simulator.ctl("simulate latency rx 3600000")
    assert arrived(simulator, api, wire, 5, 6) == []
    simulator.ctl("simulate latency tx 3600000")
    simulator.punt_to_router(index, L2, offer())
    simulator.ctl("show version")
    simulator.ctl("simulate latency tx 1")
    simulator.punt_to_router(index, L2, offer("10.0.0.5"))
    assert wire.receive()[IP].dst == "10.0.0.5", "the first is still under way"


def test_faults_befall_arp_as_well(simulator: SimulatorRig, lan: tuple[int, Wire]) -> None:
    simulator.ctl("simulate duplicate tx 1")
    lan[1].send(arp(1, "10.0.0.5", "10.0.0.1"))
    assert [lan[1].receive()[ARP].hwdst for _ in range(2)] == [HOST] * 2


def test_a_request_is_refused_as_often_as_was_said(simulator: SimulatorRig, api: Api, lan: tuple[int, Wire]) -> None:
    simulator.ctl("simulate refuse sw_interface_add_del_address -57 2")
    assert [change_address(api, lan[0], f"10.1.{n}.1/24") for n in range(3)] == [-57, -57, 0]
    simulator.ctl("simulate refuse sw_interface_add_del_address -57")
    assert [change_address(api, lan[0], f"10.2.{n}.1/24") for n in range(3)] == [-57] * 3
    simulator.ctl("simulate clear")
    assert change_address(api, lan[0], "10.2.0.1/24") == 0


@pytest.mark.parametrize("what", ["", " show_version"])
def test_a_delay_holds_up_every_client_until_it_is_cleared(simulator: SimulatorRig, api: Api, what: str) -> None:
    other = simulator.api()
    simulator.ctl(f"simulate delay 3600000{what}")
    asked = api.send("show_version")
    simulator.ctl("show version")
    pinged = other.send("control_ping")
    assert api.waits(0.2)
    assert other.waits(0)
    simulator.ctl("simulate clear")
    assert api.receive().context == asked
    assert other.receive().context == pinged


def test_a_delayed_request_is_answered_in_the_end(simulator: SimulatorRig, api: Api) -> None:
    simulator.ctl("simulate delay 50 show_version")
    assert api.retval("show_version") == 0


def test_a_message_can_be_made_silent(simulator: SimulatorRig, api: Api) -> None:
    simulator.ctl("simulate silent show_version")
    api.send("show_version")
    assert api.retval("control_ping") == 0, "the first answer is that of the ping"
    simulator.ctl("simulate clear")
    assert api.retval("show_version") == 0


def test_what_is_set_is_shown(simulator: SimulatorRig) -> None:
    for fault in ("delay 5", "delay 7 arping", "refuse arping -1 3", "silent show_version", "drop rx 25%",
                  "reorder tx 4"):  # fmt: skip
        assert simulator.ctl(f"simulate {fault}") == ""
    assert simulator.state()["faults"] == {
        "delays": {"": 0.005, "arping": 0.007},
        "refusals": {"arping": [-1, 3]},
        "silent": ["show_version"],
        "rx": {"drop": {"share": 0.25, "left": 0}},
        "tx": {"reorder": {"share": 0.0, "left": 4}},
    }
    simulator.ctl("simulate clear")
    assert not any(simulator.state()["faults"].values())


@pytest.mark.parametrize(
    ("line", "complaint"),
    [("delay", "simulate delay: expected MILLISECONDS [MESSAGE]"),
     ("delay 5 nonsense", "simulate delay: unknown message `nonsense'"),
     ("delay soon", "simulate delay: expected a number, not `soon'"),
     ("refuse arping", "simulate refuse: expected MESSAGE RETVAL [COUNT]"),
     ("refuse sw_interface_dump -1", "simulate refuse: sw_interface_dump has no reply that could refuse it"),
     ("silent", "simulate silent: unknown message `'"),
     ("latency rx", "simulate latency: expected rx|tx MILLISECONDS"),
     ("latency rx -1", "simulate latency: expected rx|tx MILLISECONDS"),
     ("drop up 5", "simulate drop: expected rx|tx PERCENT%|COUNT"),
     ("drop rx 200%", "simulate drop: expected rx|tx PERCENT%|COUNT"),
     ("drop rx -3", "simulate drop: expected rx|tx PERCENT%|COUNT")],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(simulator: SimulatorRig, line: str, complaint: str) -> None:
    assert simulator.ctl(f"simulate {line}") == complaint
