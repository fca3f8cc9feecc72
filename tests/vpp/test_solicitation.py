"""Whether somebody uses an address: asked by our own neighbour solicitation, answered by VPP's neighbour events."""

from collections.abc import Callable
from ipaddress import IPv6Address
from random import Random

import gevent
import pytest
from scapy.layers.inet6 import ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import Dot1Q, Ether
from structlog.testing import capture_logs

from tests.vpp.conftest import VirtualClock
from tests.vppsim.frames import advertisement
from tests.vppsim.rig import WAN, Rig, mac_of
from vppdhc.interface import Interface, Vlan
from vppdhc.packet import punt
from vppdhc.vpp.api import ApiClient
from vppdhc.vpp.interfaces import InterfaceTable
from vppdhc.vpp.neighbours import Neighbours
from vppdhc.vpp.solicitation import NeighbourQuestion

OURS = bytes.fromhex("020000000001")
THEIRS = bytes.fromhex("020000000002")
ADDRESSES = [IPv6Address(f"2001:db8::{number:x}") for number in range(1, 4)]


class Table(InterfaceTable):
    """A table that a test fills."""

    def put(self, interface: Interface) -> None:
        self._set(self.named(interface.name), interface)


class Heard(Neighbours):
    """Neighbours that a test invents. watched: whether VPP tells of them."""

    watched = True

    def watches(self, name: str) -> bool:
        return self.watched

    def say(self, name: str, address: IPv6Address, mac: bytes = THEIRS) -> None:
        self._tell_of(self._listeners6, name, int(address), mac)


class Asking:
    """A question, and what is done while it waits. waits: for how many seconds each time."""

    def __init__(self, vlans: tuple[Vlan, ...] = ()) -> None:
        self.table = Table()
        self.table.put(Interface("wan0", 3, OURS, admin_up=True, link_up=True, vlans=vlans))
        self.neighbours = Heard(self.table, VirtualClock())
        self.sent: list[tuple[int, int, bytes]] = []
        self.waits: list[float] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.question = NeighbourQuestion(self.table, self.neighbours, self.send, Random(1), self.sleep)

    def send(self, index: int, action: int, frame: bytes) -> bool:
        self.sent.append((index, action, frame))
        return True

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        if len(self.waits) == 2:
            self.meanwhile()

    def taken(self, name: str = "wan0") -> frozenset[IPv6Address]:
        return self.question.taken(name, ADDRESSES)


def test_nobody_answers() -> None:
    asking = Asking()
    assert asking.taken() == frozenset()
    assert len(asking.waits) == 2
    assert 0 <= asking.waits[0] <= 1, "RFC 4862, 5.4.2"
    assert asking.waits[1] == 1, "RFC 4861, 10, RetransTimer"
    for address, (index, action, raw) in zip(ADDRESSES, asking.sent, strict=True):
        frame = Ether(raw)
        low = f"{int(address) & 0xFF:02x}"
        assert (index, action) == (3, punt.L2)
        assert (frame.src, frame.dst) == ("02:00:00:00:00:01", f"33:33:ff:00:00:{low}")
        assert (frame[IPv6].src, frame[IPv6].dst) == ("::", f"ff02::1:ff00:{int(low, 16):x}")
        assert (frame[IPv6].hlim, frame[ICMPv6ND_NS].tgt) == (255, str(address))
        assert not frame.haslayer(ICMPv6NDOptSrcLLAddr), "RFC 4861, 4.3"


def test_who_answers_has_the_address() -> None:
    asking = Asking()
    asking.meanwhile = lambda: asking.neighbours.say("wan0", ADDRESSES[1])
    assert asking.taken() == {ADDRESSES[1]}


@pytest.mark.parametrize(
    ("name", "address", "mac"),
    [
        ("lan0", ADDRESSES[1], THEIRS),
        ("wan0", IPv6Address("2001:db8::99"), THEIRS),
        ("wan0", ADDRESSES[1], OURS),
    ],
)
def test_what_is_no_answer(name: str, address: IPv6Address, mac: bytes) -> None:
    asking = Asking()
    asking.meanwhile = lambda: asking.neighbours.say(name, address, mac)
    assert asking.taken() == frozenset()


def test_an_answer_that_comes_too_late_belongs_to_no_question() -> None:
    asking = Asking()
    assert asking.taken() == frozenset()
    asking.neighbours.say("wan0", ADDRESSES[1])
    assert asking.taken() == frozenset()


def test_what_cannot_be_asked_is_said_and_used() -> None:
    asking = Asking()
    asking.neighbours.watched = False
    with capture_logs() as logs:
        assert asking.taken() == frozenset()
    assert asking.sent == []
    assert "cannot see whether another host uses an address" in logs[0]["event"]
    assert asking.taken("gone0") == frozenset()
    assert asking.question.taken("wan0", []) == frozenset()


def test_an_interface_that_goes_meanwhile_gets_no_packet() -> None:
    asking = Asking()

    def go(seconds: float) -> None:
        asking.table.clear()

    question = NeighbourQuestion(asking.table, asking.neighbours, asking.send, Random(1), go)
    assert question.taken("wan0", ADDRESSES) == frozenset()
    assert asking.sent == []


def test_tags_are_those_of_the_interface() -> None:
    asking = Asking((Vlan(0x8100, 7),))
    asking.taken()
    assert Ether(asking.sent[0][2])[Dot1Q].vlan == 7


def test_a_host_of_a_router_answers(any_rig: Rig, connect_to: Callable[[Rig], ApiClient]) -> None:
    _, wire = any_rig.interface(WAN, "2001:db8::1/64")
    vpp, table = connect_to(any_rig), InterfaceTable()
    neighbours = Neighbours(table, VirtualClock())
    vpp.on_event("ip_neighbor_event_v2", neighbours.take)
    table.read(vpp)
    neighbours.watch([WAN], "dhc6pdclient")
    neighbours.place(vpp)

    def send(to: int, action: int, frame: bytes) -> bool:
        any_rig.punt_to_router(to, action, frame)
        return True

    question = NeighbourQuestion(table, neighbours, send, Random(1))
    asked = gevent.spawn(question.taken, WAN, ADDRESSES)
    wanted = {str(address) for address in ADDRESSES}
    while wanted:
        with gevent.Timeout(10):
            frame = gevent.get_hub().threadpool.apply(wire.receive)
        if not frame.haslayer(ICMPv6ND_NS) or frame[ICMPv6ND_NS].tgt not in wanted:
            continue
        wanted.remove(frame[ICMPv6ND_NS].tgt)
        assert (frame.src, frame[IPv6].src) == (mac_of(WAN), "::")
        if frame[ICMPv6ND_NS].tgt == str(ADDRESSES[1]):
            wire.send(advertisement(str(ADDRESSES[1])))
    assert asked.get(timeout=10) == {ADDRESSES[1]}
