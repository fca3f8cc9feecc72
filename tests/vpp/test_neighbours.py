"""The mirror of VPP's neighbour table: what VPP knows, hears and forgets, on the interfaces that are watched."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from structlog.testing import capture_logs

from tests.vpp.conftest import VirtualClock, until
from tests.vppsim.frames import HOST, advertisement, arp, solicitation
from tests.vppsim.rig import LAN, WAN, SimulatorRig, Wire, mac_of
from vppdhc.vpp.api import ApiClient
from vppdhc.vpp.errors import VppUnsupportedError
from vppdhc.vpp.interfaces import InterfaceTable
from vppdhc.vpp.neighbours import Neighbour, NeighbourEvents, Neighbours

OTHER = "02:00:00:00:00:bb"
INDEX = 1  # of the first interface beside local0


def number(address: str) -> int:
    return int(IPv4Address(address))


def octets(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


class Watched:
    """The neighbours of a simulator's interfaces, and what was told of them."""

    def __init__(self, vpp: ApiClient) -> None:
        self.vpp = vpp
        self.clock = VirtualClock()
        self.interfaces = InterfaceTable()
        self.neighbours = Neighbours(self.interfaces, self.clock)
        self.told: list[tuple[str, str, bytes]] = []
        self.drift: list[tuple[NeighbourEvents, str]] = []
        self.neighbours.on_neighbour(
            lambda name, address, mac: self.told.append((name, str(IPv4Address(address)), mac))
        )
        self.neighbours.on_drift(lambda item, reason: self.drift.append((item, reason)))
        vpp.on_event("ip_neighbor_event_v2", self.neighbours.take)

    def watch(self, *names: str) -> None:
        self.interfaces.read(self.vpp)
        self.neighbours.watch(names)
        self.neighbours.place(self.vpp)

    def mac(self, name: str, address: str) -> bytes | None:
        found = self.neighbours.find(name, number(address))
        return None if found is None else found.mac

    def heard_at(self, address: str) -> float:
        found = self.neighbours.find(LAN, number(address))
        return 0.0 if found is None else found.heard


@pytest.fixture
def watched(vpp: ApiClient) -> Watched:
    return Watched(vpp)


@pytest.fixture
def lan(rig: SimulatorRig) -> Wire:
    return rig.interface(LAN, "10.0.0.1/24")[1]


@pytest.fixture
def wan(rig: SimulatorRig) -> Wire:
    return rig.interface(WAN, "10.1.0.1/24")[1]


def teach(wire: Wire, name: str, address: str, mac: str = HOST) -> None:
    """Have VPP hear of a neighbour."""
    router = address.rpartition(".")[0] + ".1"
    wire.send(arp(2, address, router, mac_of(name), hardware=mac))


def test_what_vpp_knows_hears_and_forgets_is_known_here(rig: SimulatorRig, lan: Wire, watched: Watched) -> None:
    teach(lan, LAN, "10.0.0.5")
    rig.settled()
    watched.watch(LAN)
    assert watched.neighbours.watches(LAN)
    assert watched.mac(LAN, "10.0.0.5") == octets(HOST)
    assert watched.told == [], "nobody heard of it now"
    teach(lan, LAN, "10.0.0.6", OTHER)
    until(lambda: watched.mac(LAN, "10.0.0.6") == octets(OTHER), "the other one is known")
    assert watched.told == [(LAN, "10.0.0.6", octets(OTHER))]
    assert len(watched.neighbours) == 2
    rig.ctl(f"set interface state {LAN} down")
    until(lambda: len(watched.neighbours) == 0, "they are forgotten")
    assert len(watched.told) == 1, "what goes is not heard of"


def test_who_is_known_already_is_told_of_again(lan: Wire, watched: Watched) -> None:
    watched.watch(LAN)
    for mac in (HOST, HOST, OTHER):
        watched.clock.now += 1
        teach(lan, LAN, "10.0.0.5", mac)
        until(lambda: watched.heard_at("10.0.0.5") == watched.clock.now, "it is told")
    assert [mac for _, _, mac in watched.told] == [octets(HOST), octets(HOST), octets(OTHER)]
    assert watched.neighbours.find(LAN, number("10.0.0.5")) == Neighbour(octets(OTHER), watched.clock.now)


def test_what_is_read_is_as_old_as_vpp_says(rig: SimulatorRig, lan: Wire, watched: Watched) -> None:
    teach(lan, LAN, "10.0.0.5")
    rig.settled()
    gevent.sleep(0.05)
    watched.watch(LAN)
    found = watched.neighbours.find(LAN, number("10.0.0.5"))
    assert found is not None
    assert watched.clock.now - 20 < found.heard <= watched.clock.now - 0.05


def test_only_what_is_watched_is_told(rig: SimulatorRig, lan: Wire, wan: Wire, watched: Watched) -> None:
    watched.watch(LAN)
    teach(wan, WAN, "10.1.0.5")
    rig.settled()
    teach(lan, LAN, "10.0.0.5")
    until(lambda: watched.told, "something is told")
    assert watched.told == [(LAN, "10.0.0.5", octets(HOST))]
    assert not watched.neighbours.watches(WAN)
    assert watched.mac(WAN, "10.1.0.5") is None


def test_another_interface_is_watched_from_then_on(rig: SimulatorRig, lan: Wire, wan: Wire, watched: Watched) -> None:
    teach(wan, WAN, "10.1.0.6")
    watched.watch(LAN)
    assert watched.neighbours.watch([WAN])
    assert not watched.neighbours.watch([WAN]), "that is no news"
    watched.neighbours.place(watched.vpp)
    assert not watched.neighbours.watches(LAN)
    assert watched.mac(WAN, "10.1.0.6") == octets(HOST)
    teach(lan, LAN, "10.0.0.5")
    rig.settled()
    teach(wan, WAN, "10.1.0.5")
    until(lambda: watched.told, "something is told")
    assert watched.told == [(WAN, "10.1.0.5", octets(HOST))]


def test_nothing_is_told_after_the_end(rig: SimulatorRig, lan: Wire, watched: Watched, vpp: ApiClient) -> None:
    watched.watch(LAN)
    watched.neighbours.remove(vpp)
    assert not watched.neighbours.watches(LAN)
    events: list[Any] = []
    vpp.on_event("ip_neighbor_event_v2", events.append)
    teach(lan, LAN, "10.0.0.5")
    rig.settled()
    vpp.call("control_ping")  # behind which there is no event on its way any more
    assert (events, watched.told) == ([], [])


def test_an_interface_that_has_the_index_of_another_one_is_not_taken_for_it(
    rig: SimulatorRig, lan: Wire, watched: Watched
) -> None:
    watched.watch(LAN)
    index = rig.index(LAN)
    teach(lan, LAN, "10.0.0.5")
    until(lambda: watched.told, "it is told")
    rig.ctl(f"delete sim-interface {LAN}")
    other = rig.interface(WAN, "10.1.0.1/24")[1]
    assert rig.index(WAN) == index
    watched.interfaces.read(watched.vpp)
    assert not watched.neighbours.watches(LAN)
    assert (watched.mac(LAN, "10.0.0.5"), watched.mac(WAN, "10.0.0.5"), len(watched.neighbours)) == (None, None, 0)
    watched.told.clear()
    seen: list[Any] = []
    watched.vpp.on_event("ip_neighbor_event_v2", seen.append)
    teach(other, WAN, "10.1.0.5")
    until(lambda: seen, "VPP tells of it, as the subscription is to the index")
    assert watched.told == []
    watched.watch(LAN, WAN)
    assert watched.mac(WAN, "10.1.0.5") == octets(HOST)


def test_an_interface_of_the_same_name_is_watched_again(rig: SimulatorRig, lan: Wire, watched: Watched) -> None:
    watched.watch(LAN)
    rig.ctl(f"delete sim-interface {LAN}")
    rig.ctl("create sim-interface tap9")  # which has the index now
    rig.ctl(f"create sim-interface {LAN}")
    rig.ctl(f"set interface state {LAN} up")
    rig.ctl(f"set interface ip address {LAN} 10.0.0.1/24")
    watched.interfaces.read(watched.vpp)
    assert not watched.neighbours.watches(LAN)
    watched.neighbours.place(watched.vpp)
    assert watched.neighbours.watches(LAN)
    rig.ctl(f"simulate host create host interface {LAN} mac {HOST} address 10.0.0.5/24")
    rig.ctl("simulate host host ping 10.0.0.1")
    until(lambda: watched.told == [(LAN, "10.0.0.5", octets(HOST))], "it is told")


def test_a_refusal_is_said_once_and_tried_again(rig: SimulatorRig, lan: Wire, watched: Watched) -> None:
    rig.ctl("simulate refuse want_ip_neighbor_events_v2 -1 2")
    with capture_logs() as logs:
        watched.watch(LAN)
        watched.neighbours.place(watched.vpp)
    (line,) = logs
    assert (line["interface"], line["log_level"]) == (LAN, "warning")
    assert not watched.neighbours.watches(LAN)
    (item,) = watched.neighbours.refused
    assert (str(item), watched.neighbours.refused[item].attempts) == (f"events of neighbours on {LAN}", 2)
    watched.neighbours.place(watched.vpp)
    assert watched.neighbours.watches(LAN)
    assert watched.neighbours.refused == {}
    assert [bool(reason) for _, reason in watched.drift] == [True, False]


# With a VPP in the hands of the test


class Vpp:
    """Answers as told, and may tell of neighbours in the middle of a dump."""

    def __init__(self, *known: tuple[str, str]) -> None:
        self.known = [SimpleNamespace(age=1.0, neighbor=neighbour(*entry)) for entry in known]
        self.meanwhile: Callable[[], object] = lambda: None
        self.unsupported = False

    def call(self, name: str, /, **arguments: Any) -> None:
        if self.unsupported:
            raise VppUnsupportedError(name, arguments, "this VPP has no such message")

    def dump(self, name: str, /, **arguments: Any) -> list[Any]:
        assert (name, arguments["sw_if_index"]) == ("ip_neighbor_dump", INDEX)
        self.meanwhile()
        return self.known


def neighbour(address: str, mac: str = HOST) -> SimpleNamespace:
    return SimpleNamespace(
        sw_if_index=INDEX, ip_address=IPv4Address(address), mac_address=SimpleNamespace(packed=octets(mac))
    )


def event(address: str, mac: str = HOST, flags: int = 1) -> SimpleNamespace:
    return SimpleNamespace(flags=flags, neighbor=neighbour(address, mac))


@pytest.fixture
def table(rig: SimulatorRig, lan: Wire, vpp: ApiClient) -> InterfaceTable:
    made = InterfaceTable()
    made.read(vpp)
    assert made.get(INDEX) == made.named(LAN)
    return made


@pytest.fixture
def neighbours(table: InterfaceTable) -> Neighbours:
    made = Neighbours(table, VirtualClock())
    made.watch([LAN])
    return made


def test_what_vpp_tells_while_it_is_asked_is_newer(neighbours: Neighbours) -> None:
    vpp = Vpp(("10.0.0.5", HOST), ("10.0.0.6", HOST), ("10.0.0.7", HOST))

    def meanwhile() -> None:
        neighbours.take(event("10.0.0.5", OTHER))
        neighbours.take(event("10.0.0.6", flags=2))

    vpp.meanwhile = meanwhile
    neighbours.place(vpp)
    known = {last: neighbours.find(LAN, number(f"10.0.0.{last}")) for last in (5, 6, 7)}
    assert known == {5: Neighbour(octets(OTHER), 1000.0), 6: None, 7: Neighbour(octets(HOST), 999.0)}
    assert len(neighbours) == 2


def test_an_interface_that_goes_while_vpp_is_asked_leaves_nothing(
    neighbours: Neighbours, table: InterfaceTable
) -> None:
    vpp = Vpp(("10.0.0.5", HOST))
    vpp.meanwhile = lambda: table.deleted(INDEX)
    neighbours.place(vpp)
    assert (len(neighbours), neighbours.watches(LAN), neighbours.refused) == (0, False, {})


def test_a_vpp_without_such_events_is_a_refusal(neighbours: Neighbours) -> None:
    vpp = Vpp()
    vpp.unsupported = True
    neighbours.place(vpp)
    assert list(neighbours.refused) == [NeighbourEvents(LAN)]
    neighbours.watch([])
    neighbours.place(vpp)
    assert neighbours.refused == {}


def test_the_mirror_is_bounded_and_listeners_hear_all_the_same(neighbours: Neighbours) -> None:
    told: list[int] = []
    neighbours.on_neighbour(lambda _, address, __: told.append(address))
    neighbours.place(Vpp())
    first = number("10.0.0.0")
    for address in range(first, first + 50_001):
        neighbours.take(event(str(IPv4Address(address))))
    assert (len(neighbours), neighbours.left_out, len(told)) == (50_000, 1, 50_001)
    neighbours.take(event("10.0.0.0", OTHER))
    assert neighbours.find(LAN, first) == Neighbour(octets(OTHER), 1000.0), "those that are known stay up to date"
    neighbours.take(event("10.0.0.9", flags=2))
    neighbours.take(event(str(IPv4Address(first + 50_000))))
    assert len(neighbours) == 50_000


def test_ipv6_neighbours_are_left_aside(watched: Watched, rig: SimulatorRig, lan: Wire) -> None:
    watched.watch(LAN)
    events: list[Any] = []
    watched.vpp.on_event("ip_neighbor_event_v2", events.append)
    rig.ctl(f"enable ip6 interface {LAN}")
    lan.send(solicitation(str(link_local()), source="fe80::aa"))
    until(lambda: events, "VPP tells of the host")
    assert str(events[0].neighbor.ip_address) == "fe80::aa"
    assert (watched.told, len(watched.neighbours)) == ([], 0)


def link_local() -> IPv6Address:
    """Return the link-local address that the router has made of its MAC address (RFC 4291, appendix A)."""
    mac = octets(mac_of(LAN))
    return IPv6Address(b"\xfe\x80" + bytes(6) + bytes((mac[0] ^ 2,)) + mac[1:3] + b"\xff\xfe" + mac[3:])


def test_neighbours_of_ipv6_are_told_of_and_not_kept(rig: SimulatorRig, lan: Wire, watched: Watched) -> None:
    rig.ctl(f"enable ip6 interface {LAN}")
    told: list[tuple[str, str, bytes]] = []
    watched.neighbours.on_neighbour6(lambda name, address, mac: told.append((name, str(IPv6Address(address)), mac)))
    watched.watch(LAN)
    for _ in range(2):
        lan.send(advertisement("2001:db8::5"))
    until(lambda: len(told) == 2, "they are told of, again each time")
    assert set(told) == {(LAN, "2001:db8::5", octets(HOST))}
    assert watched.told == []
    assert len(watched.neighbours) == 0


def test_a_neighbour_of_ipv6_that_goes_is_not_told_of(rig: SimulatorRig, lan: Wire, watched: Watched) -> None:
    rig.ctl(f"enable ip6 interface {LAN}")
    told: list[str] = []
    watched.neighbours.on_neighbour6(lambda _, address, __: told.append(str(IPv6Address(address))))
    watched.watch(LAN)
    lan.send(advertisement("2001:db8::5"))
    until(lambda: told, "it is told of")
    rig.ctl(f"set interface state {LAN} down")
    rig.ctl(f"set interface state {LAN} up")
    lan.send(advertisement("2001:db8::6"))
    until(lambda: "2001:db8::6" in told, "the other one is told of")
    assert told == ["2001:db8::5", "2001:db8::6"]


def test_an_interface_is_watched_as_long_as_anybody_wants_it(lan: Wire, wan: Wire, watched: Watched) -> None:
    watched.watch(LAN)
    assert watched.neighbours.watch([LAN, WAN], "dhc6pdclient")
    watched.neighbours.place(watched.vpp)
    assert not watched.neighbours.watch([WAN]), "that is no news, as both are watched still"
    assert watched.neighbours.watch([WAN], "dhc6pdclient")
    watched.neighbours.place(watched.vpp)
    assert not watched.neighbours.watches(LAN)
    assert watched.neighbours.watches(WAN)
