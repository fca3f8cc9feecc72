import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

from tests.vppsim.client import NO_INTERFACE, Api, change_address
from tests.vppsim.frames import EVERYBODY, HOST, arp
from tests.vppsim.rig import LAN, Rig, Wire, mac_of

ROUTER = mac_of(LAN)
CONFLICT = "IP4 source address matches local interface"
ADDED, REMOVED = 1, 2
ANY = "0.0.0.0"
L2 = 0


@pytest.fixture
def lan(rig: Rig) -> tuple[int, Wire]:
    return rig.interface(LAN, "10.0.0.1/24")


def watch(api: Api, index: int, address: str = ANY, *, enable: bool = True) -> int:
    values = {"enable": enable, "ip": address, "sw_if_index": index, "pid": 9}
    return api.retval("want_ip_neighbor_events_v2", **values)


def event(api: Api) -> tuple[int, str, str]:
    told = api.event()
    return told.flags, str(told.neighbor.ip_address), str(told.neighbor.mac_address)


def taught(api: Api, wire: Wire) -> tuple[int, str, str]:
    """Return the first event that comes when a last packet teaches the router: of that one, or of one before."""
    wire.send(arp(2, "10.0.0.99", "10.0.0.1", ROUTER))
    return event(api)


LAST = (ADDED, "10.0.0.99", HOST)


def test_the_router_answers_arp_for_its_address_and_learns_with_an_event_also_when_known(
    lan: tuple[int, Wire], api: Api
) -> None:
    index, wire = lan
    assert watch(api, index) == 0
    for _ in range(2):
        wire.send(arp(1, "10.0.0.5", "10.0.0.1"))
        answer = wire.receive()
        assert (answer[ARP].op, answer[ARP].hwsrc, answer[ARP].psrc) == (2, ROUTER, "10.0.0.1")
        assert event(api) == (ADDED, "10.0.0.5", HOST)
    (known,) = api.dump("ip_neighbor_dump", sw_if_index=index)
    assert (str(known.neighbor.ip_address), str(known.neighbor.mac_address)) == ("10.0.0.5", HOST)
    assert known.age >= 0


def test_a_reply_addressed_to_the_router_teaches_it_unasked(lan: tuple[int, Wire], api: Api) -> None:
    watch(api, lan[0])
    lan[1].send(arp(2, "10.0.0.6", "10.0.0.1", ROUTER))
    told = api.event()
    assert (str(told.neighbor.ip_address), told.neighbor.sw_if_index, told.pid) == ("10.0.0.6", lan[0], 9)


def test_a_request_with_sender_0_teaches_nothing_and_is_not_answered(rig: Rig, lan: tuple[int, Wire], api: Api) -> None:
    watch(api, lan[0])
    lan[1].send(arp(1, ANY, "10.0.0.1"))
    rig.settled()
    assert lan[1].nothing()
    assert taught(api, lan[1]) == LAST


def test_gratuitous_arp_teaches_only_of_neighbours_that_are_known(lan: tuple[int, Wire], api: Api) -> None:
    _, wire = lan
    watch(api, lan[0])
    wire.send(arp(1, "10.0.0.99", "10.0.0.99", hardware="02:00:00:00:00:cc"))
    assert taught(api, wire) == LAST
    other = "02:00:00:00:00:bb"
    wire.send(arp(1, "10.0.0.99", "10.0.0.99", hardware=other))
    assert event(api) == (ADDED, "10.0.0.99", other)


def test_what_is_not_addressed_to_the_router_or_not_from_its_network_teaches_nothing(
    rig: Rig, lan: tuple[int, Wire], api: Api
) -> None:
    watch(api, lan[0])
    lan[1].send(arp(1, "10.0.0.5", "10.0.0.77"), arp(1, "99.0.0.5", "10.0.0.1"))
    rig.settled()
    assert lan[1].nothing()
    assert taught(api, lan[1]) == LAST
    assert rig.errors("IP4 source address not local to subnet") == 1


def test_an_interface_without_an_ip4_address_answers_and_learns_nothing(rig: Rig, api: Api) -> None:
    index, wire = rig.interface()
    watch(api, index)
    wire.send(arp(1, "10.0.0.5", "10.0.0.1"))
    rig.settled()
    assert wire.nothing()
    assert rig.errors("ARP Disabled") == 1
    assert change_address(api, index, "10.0.0.1/24") == 0
    assert taught(api, wire) == LAST


def test_our_own_arp_request_by_l2_punt_gives_an_event_where_somebody_has_the_address(rig: Rig, api: Api) -> None:
    index, wire = rig.interface(LAN, "10.0.0.1/24")
    watch(api, index)
    rig.punt_to_router(index, L2, arp(1, "10.0.0.1", "10.0.0.5", hardware=ROUTER))
    asked = wire.receive()[ARP]
    assert (asked.op, asked.psrc, asked.pdst) == (1, "10.0.0.1", "10.0.0.5")
    wire.send(arp(2, "10.0.0.5", "10.0.0.1", ROUTER))
    assert event(api) == (ADDED, "10.0.0.5", HOST)


def test_a_probe_of_our_own_address_that_is_answered_raises_an_error_counter(rig: Rig, api: Api) -> None:
    index, wire = rig.interface(LAN, "10.0.0.1/24")
    rig.punt_to_router(index, L2, arp(1, ANY, "10.0.0.1", hardware=ROUTER))
    wire.receive()
    assert rig.errors(CONFLICT) == 0
    wire.send(arp(2, "10.0.0.1", ANY, ROUTER))
    rig.settled()
    assert rig.errors(CONFLICT) == 1
    assert CONFLICT[:35] in api.call("cli_inband", cmd="show errors").reply
    rig.ctl("clear errors")
    assert rig.errors(CONFLICT) == 0


def test_events_are_only_for_what_was_asked_for(lan: tuple[int, Wire], api: Api) -> None:
    index, wire = lan
    assert watch(api, index, "10.0.0.99") == 0
    wire.send(arp(2, "10.0.0.5", "10.0.0.1", ROUTER))
    assert taught(api, wire) == LAST
    assert watch(api, index, "10.0.0.99", enable=False) == 0
    assert watch(api, index, "10.0.0.6") == 0
    wire.send(arp(2, "10.0.0.99", "10.0.0.1", ROUTER), arp(2, "10.0.0.6", "10.0.0.1", ROUTER))
    assert event(api)[1] == "10.0.0.6"


@pytest.mark.parametrize(("address", "everywhere"), [("10.0.0.99", True), ("::", True), ("::", False)])
def test_an_address_without_its_interface_and_the_ip6_wildcard_match_nothing(
    rig: Rig, lan: tuple[int, Wire], api: Api, address: str, everywhere: bool
) -> None:
    index, wire = lan
    assert watch(api, NO_INTERFACE if everywhere else index, address) == 0
    wire.send(arp(2, "10.0.0.99", "10.0.0.1", ROUTER))
    rig.settled()
    assert watch(api, NO_INTERFACE) == 0
    wire.send(arp(2, "10.0.0.6", "10.0.0.1", ROUTER))
    assert event(api)[1] == "10.0.0.6"


def test_who_wants_to_hear_of_neighbours_is_shown_also_of_an_interface_that_is_gone(rig: Rig, api: Api) -> None:
    index, _ = rig.interface(LAN, "10.0.0.1/24")
    loopback = rig.loopback()
    for wanted in (index, index, rig.index(loopback)):
        assert watch(api, wanted) == 0
    assert watch(api, NO_INTERFACE) == 0
    gone = f"DELETED ({rig.index(loopback)})"
    rig.ctl(f"delete loopback interface intfc {loopback}")
    lines = rig.ctl("show ip neighbor-watcher").splitlines()
    wanted_by = next(line for line in lines if line.startswith("  [pid:9, client:"))
    shown = {lines[at]: lines[at + 1] for at in range(0, len(lines), 2)}
    keys = (f"{LAN}, 0.0.0.0", f"{gone}, 0.0.0.0", f"DELETED ({NO_INTERFACE}), 0.0.0.0")
    assert shown == {f"Key: [{key}]": wanted_by for key in keys}


def test_a_subscription_outlives_its_interface_and_counts_for_the_next_one_with_the_index(rig: Rig, api: Api) -> None:
    first = rig.loopback()
    index = rig.index(first)
    assert watch(api, index) == 0
    rig.ctl(f"delete loopback interface intfc {first}")
    assert watch(api, index, enable=False) == -2, "it cannot be taken back meanwhile"
    _, wire = rig.interface(LAN, "10.0.0.1/24")
    assert rig.index(LAN) == index
    assert taught(api, wire) == LAST


def test_neighbours_go_with_an_event(lan: tuple[int, Wire], rig: Rig, api: Api) -> None:
    watch(api, lan[0])
    taught(api, lan[1])
    rig.ctl(f"set interface state {LAN} down")
    assert event(api) == (REMOVED, "10.0.0.99", HOST)


def test_neighbours_go_with_the_address_that_they_were_near(lan: tuple[int, Wire], api: Api) -> None:
    watch(api, lan[0])
    taught(api, lan[1])
    assert change_address(api, lan[0], "10.0.0.1/24", add=False) == 0
    assert event(api) == (REMOVED, "10.0.0.99", HOST)
    assert api.dump("ip_neighbor_dump", sw_if_index=NO_INTERFACE) == []


def test_the_router_answers_pings(lan: tuple[int, Wire]) -> None:
    _, wire = lan
    wire.send(arp(1, "10.0.0.5", "10.0.0.1"))
    wire.receive()
    wire.send(Ether(src=HOST, dst=ROUTER) / IP(src="10.0.0.5", dst="10.0.0.1") / ICMP(id=5, seq=6) / Raw(b"abc"))
    answer = wire.receive()
    again = Ether(bytes(answer))
    del again[ICMP].chksum
    assert (answer[ICMP].type, answer[ICMP].id, answer[Raw].load[:3]) == (0, 5, b"abc")
    assert bytes(again) == bytes(answer), "its checksum is right"


def test_arping_acd_that_finds_nobody_holds_up_every_client(rig: Rig, lan: tuple[int, Wire]) -> None:
    index, wire = lan
    asker, other = rig.api(), rig.api()
    probe = {"address": "10.0.0.9", "sw_if_index": index, "repeat": 1, "interval": 1.0}
    asker.send("arping_acd", **probe)
    assert wire.receive()[ARP].pdst == "10.0.0.9", "VPP waits for an answer from now on"
    other.send("control_ping")
    assert other.waits(0.5), "the answer to a ping does not come meanwhile"
    assert asker.receive().reply_count == 0
    assert other.receive().retval == 0


def test_arping_acd_answers_at_once_where_someone_has_the_address(lan: tuple[int, Wire], api: Api) -> None:
    index, wire = lan
    api.send("arping_acd", address="10.0.0.5", sw_if_index=index, repeat=1, interval=1.0)
    assert wire.receive()[ARP].pdst == "10.0.0.5"
    wire.send(arp(2, "10.0.0.5", "10.0.0.1", ROUTER))
    reply = api.receive()
    assert (reply.reply_count, str(reply.mac_address)) == (1, HOST)


def test_arping_sends_nothing_on_an_interface_without_an_address(rig: Rig, api: Api) -> None:
    index, wire = rig.interface()
    reply = api.call("arping", address="10.0.0.5", sw_if_index=index, repeat=1, interval=0.1)
    assert reply.reply_count == 0
    assert wire.nothing()


def test_arping_asks_as_often_as_it_is_told(lan: tuple[int, Wire], api: Api) -> None:
    index, wire = lan
    reply = api.call("arping", address="10.0.0.5", sw_if_index=index, repeat=3, interval=0.01)
    assert reply.reply_count == 0
    assert [wire.receive()[ARP].pdst for _ in range(3)] == ["10.0.0.5"] * 3
    assert api.call("arping", address="10.0.0.5", sw_if_index=index, repeat=0, interval=0.01).reply_count == 0
    assert wire.nothing()


def test_arping_can_be_gratuitous(lan: tuple[int, Wire], api: Api) -> None:
    index, wire = lan
    values = {"sw_if_index": index, "is_garp": True, "repeat": 2, "interval": 0.01}
    assert api.call("arping", address="10.0.0.7", **values).reply_count == 0
    for _ in range(2):
        said = wire.receive()
        assert (said.dst, said[ARP].op, said[ARP].psrc, said[ARP].pdst) == (EVERYBODY, 1, "10.0.0.7", "10.0.0.7")


def test_250_probes_at_once_give_events_of_exactly_those_that_answer(rig: Rig, api: Api) -> None:
    index, wire = rig.interface(LAN, "10.0.0.1/24")
    watch(api, index)
    asked = [f"10.0.0.{n}" for n in range(2, 252)]
    for address in asked:
        rig.punt_to_router(index, L2, arp(1, "10.0.0.1", address, hardware=ROUTER))
    assert [wire.receive()[ARP].pdst for _ in asked] == asked
    taken = asked[50:150]
    wire.send(*(arp(2, address, "10.0.0.1", ROUTER) for address in taken))
    assert {event(api)[1] for _ in taken} == set(taken)
