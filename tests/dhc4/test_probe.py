"""Whether somebody uses an address: many questions at once, each with one answer, and none for ever."""

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Any, NamedTuple

import gevent
import pytest
from scapy.layers.l2 import ARP, Dot1Q, Ether

from tests.dhc4.clients import ROUTER_MAC, interface, mac, message, number, octets
from tests.dhc4.shell import Clock, Known, Router
from tests.vpp.conftest import until
from vppdhc.dhc4.config import ConflictDetection
from vppdhc.dhc4.outcome import ProbeWanted
from vppdhc.dhc4.probe import Prober
from vppdhc.dhc4.protocols import Dataplane
from vppdhc.interface import Interface, Vlan
from vppdhc.packet import punt
from vppdhc.packet.dhcp4 import Message
from vppdhc.servers.questions import Result

LAN = interface("192.168.1.1/24")
TAGGED = interface("192.168.2.1/24", name="tap1.7", index=7, vlans=(Vlan(0x88A8, 200), Vlan(0x8100, 7)))
SQUATTER = octets("02:00:00:00:66:66")
TIMEOUT = 0.3


class Answer(NamedTuple):
    """What a question led to; station: whose message it was."""

    station: int
    address: str
    result: Result
    holder: bytes


def wanted(address: str, station: int = 1, how: ConflictDetection = ConflictDetection.PROBE) -> ProbeWanted:
    return ProbeWanted(0, number(address), number("192.168.1.1"), octets(mac(station)), TIMEOUT, how)


class Asking:
    """A prober with everything round it in the hands of a test."""

    def __init__(self, **options: Any) -> None:
        self.clock = Clock()
        self.router = Router(LAN, TAGGED)
        self.router.watched = {LAN.name, TAGGED.name}
        self.answers: list[Answer] = []
        self.messages: list[Message] = []
        self.prober = Prober(self.router.dataplane, self.clock, self.take, sleep=self.clock.sleep, **options)

    def take(self, asked: Message, onto: Interface, question: ProbeWanted, result: Result, holder: bytes) -> None:
        self.messages.append(asked)
        self.answers.append(Answer(asked.chaddr[5], str(IPv4Address(question.address)), result, holder))

    def ask(self, address: str, station: int = 1, onto: Interface = LAN, **more: Any) -> None:
        self.prober.ask(message("discover", station), onto, wanted(address, station, **more))

    def after(self, seconds: float) -> None:
        """Let time pass, and have done what is due by then."""
        self.clock.now += seconds
        self.prober.work(self.clock.now)

    def arp(self) -> list[Any]:
        """What was sent, as scapy reads it."""
        assert {action for _, action, _ in self.router.sent} <= {punt.L2}
        return [Ether(packet) for _, _, packet in self.router.sent]

    def end(self) -> list[Answer]:
        """Let all time pass that anybody could wait, and return the answers."""
        for _ in range(4):
            self.after(TIMEOUT)
        assert len(self.prober) == 0
        return self.answers


@pytest.fixture
def asking() -> Asking:
    return Asking()


def test_nobody_answers(asking: Asking) -> None:
    asking.ask("192.168.1.50")
    assert asking.answers == []
    asking.after(0)
    (request,) = asking.arp()
    assert (request.src, request.dst) == (ROUTER_MAC, "ff:ff:ff:ff:ff:ff")
    arp = request[ARP]
    assert (arp.op, arp.hwsrc, arp.psrc, arp.hwdst, arp.pdst) == (
        1,
        ROUTER_MAC,
        "192.168.1.1",
        "00:00:00:00:00:00",
        "192.168.1.50",
    )
    asking.after(TIMEOUT / 2 - 0.01)
    assert len(asking.router.sent) == 1
    asking.after(0.01)
    assert [packet[ARP].pdst for packet in asking.arp()] == ["192.168.1.50"] * 2, "one may have been lost"
    asking.after(TIMEOUT / 2 - 0.01)
    assert asking.answers == []
    asking.after(0.01)
    assert asking.answers == [Answer(1, "192.168.1.50", Result.FREE, b"")]
    assert len(asking.prober) == 0
    asking.end()
    assert (len(asking.router.sent), len(asking.answers)) == (2, 1)


@pytest.mark.parametrize("requests", [0, 1, 2])
def test_somebody_answers(asking: Asking, requests: int) -> None:
    asking.ask("192.168.1.50")
    for _ in range(requests):
        asking.after(TIMEOUT / 2)
    asking.prober.heard(LAN.name, number("192.168.1.50"), SQUATTER)
    assert asking.answers == [], "whoever tells it does not wait"
    asking.after(0)
    assert asking.answers == [Answer(1, "192.168.1.50", Result.TAKEN, SQUATTER)]
    assert len(asking.router.sent) == requests
    assert asking.end() == asking.answers[:1]


def test_who_answers_first_is_named(asking: Asking) -> None:
    asking.ask("192.168.1.50")
    for last in (1, 2):
        asking.prober.heard(LAN.name, number("192.168.1.50"), SQUATTER[:5] + bytes((last,)))
    assert asking.end() == [Answer(1, "192.168.1.50", Result.TAKEN, SQUATTER[:5] + b"\1")]


def test_the_clients_own_answer_is_no_conflict_and_anothers_behind_it_is(asking: Asking) -> None:
    asking.ask("192.168.1.50")
    asking.ask("192.168.1.51", 2)
    for station in (1, 2):
        asking.prober.heard(LAN.name, number(f"192.168.1.{49 + station}"), octets(mac(station)))
    asking.after(0)
    asking.prober.heard(LAN.name, number("192.168.1.51"), SQUATTER)
    assert asking.end() == [
        Answer(2, "192.168.1.51", Result.TAKEN, SQUATTER),
        Answer(1, "192.168.1.50", Result.FREE, b""),
    ]


def test_what_is_heard_elsewhere_or_of_others_is_no_answer(asking: Asking) -> None:
    asking.ask("192.168.1.50")
    asking.prober.heard(TAGGED.name, number("192.168.1.50"), SQUATTER)
    asking.prober.heard(LAN.name, number("192.168.1.51"), SQUATTER)
    assert [answer.result for answer in asking.end()] == [Result.FREE]


def test_many_wait_at_once_and_each_has_its_own_answer(asking: Asking) -> None:
    for last in range(1, 201):
        asking.ask(f"192.168.1.{last}", last)
    asking.after(0)
    assert len(asking.router.sent) == 200
    for last in range(1, 201, 2):
        asking.prober.heard(LAN.name, number(f"192.168.1.{last}"), SQUATTER)
    asking.after(0)
    assert [answer.station for answer in asking.answers] == list(range(1, 201, 2))
    assert {answer.result for answer in asking.answers} == {Result.TAKEN}
    asking.answers.clear()
    assert {answer.result for answer in asking.end()} == {Result.FREE}
    assert [answer.station for answer in asking.answers] == list(range(2, 201, 2))


def test_tags_of_the_interface_are_put_on(asking: Asking) -> None:
    asking.ask("192.168.2.50", onto=TAGGED)
    asking.after(0)
    (request,) = asking.arp()
    assert [layer.vlan for layer in request.iterpayloads() if isinstance(layer, Dot1Q)] == [200, 7]
    assert request.type == 0x88A8
    assert request[ARP].pdst == "192.168.2.50"
    assert asking.router.sent[0][0] == TAGGED.index


def test_a_message_that_is_sent_again_takes_the_place_of_the_first(asking: Asking) -> None:
    asking.ask("192.168.1.50")
    asking.after(0.1)
    asking.prober.ask(message("discover", 1, secs=4), LAN, wanted("192.168.1.50"))
    asking.after(0.05)
    assert asking.end() == [Answer(1, "192.168.1.50", Result.FREE, b"")]
    assert [asked.secs for asked in asking.messages] == [4]
    assert len(asking.router.sent) == 2


def test_the_question_of_another_client_takes_the_place_of_the_first(asking: Asking) -> None:
    """The address is held for somebody else by now; the first client's own answer would be a conflict for that one."""
    asking.ask("192.168.1.50", 1)
    asking.after(0.1)
    asking.ask("192.168.1.50", 2)
    asking.prober.heard(LAN.name, number("192.168.1.50"), octets(mac(1)))
    assert asking.end() == [Answer(2, "192.168.1.50", Result.TAKEN, octets(mac(1)))]


# Where nobody can be asked


def test_more_than_may_wait_are_answered_at_once() -> None:
    asking = Asking(limit=3)
    for last in range(1, 6):
        asking.ask(f"192.168.1.{last}", last)
    assert asking.answers == [
        Answer(4, "192.168.1.4", Result.TOO_MANY, b""),
        Answer(5, "192.168.1.5", Result.TOO_MANY, b""),
    ]
    asking.ask("192.168.1.1", 1)
    assert len(asking.answers) == 2, "who waits already goes on waiting"
    asking.end()
    asking.ask("192.168.1.6", 6)
    assert len(asking.prober) == 1, "there is room again"


def test_an_interface_whose_neighbours_are_not_told_of(asking: Asking) -> None:
    asking.router.watched = {TAGGED.name}
    asking.ask("192.168.1.50")
    assert asking.answers == [Answer(1, "192.168.1.50", Result.NOT_WATCHED, b"")]
    assert (asking.end(), asking.router.sent) == (asking.answers, [])


@pytest.mark.parametrize(
    ("known", "age", "holder"),
    [(SQUATTER, 599.0, SQUATTER), (SQUATTER, 601.0, b""), (octets(mac(1)), 1.0, b"")],
    ids=["somebody else", "somebody else, long ago", "the client"],
)
def test_what_vpp_knows_has_to_do_where_nobody_is_asked(known: bytes, age: float, holder: bytes) -> None:
    asking = Asking(limit=0)
    asking.router.known[LAN.name, number("192.168.1.50")] = Known(known, asking.clock.now - age)
    asking.ask("192.168.1.50")
    assert asking.answers == [Answer(1, "192.168.1.50", Result.TOO_MANY, holder)]


def test_what_vpp_knows_does_not_count_where_it_can_be_asked(asking: Asking) -> None:
    asking.router.known[LAN.name, number("192.168.1.50")] = Known(SQUATTER, asking.clock.now)
    asking.ask("192.168.1.50")
    assert asking.end() == [Answer(1, "192.168.1.50", Result.FREE, b"")]


def test_a_request_that_vpp_does_not_take_is_no_question(asking: Asking) -> None:
    asking.router.deaf = True
    asking.ask("192.168.1.50", 1)
    asking.ask("192.168.1.51", 2)
    asking.after(0)
    asking.router.deaf = False
    asking.router.sent.clear()
    del asking.router.interfaces[LAN.index]
    asking.ask("192.168.2.52", 3, onto=TAGGED)
    assert [(answer.address, answer.result) for answer in asking.end()] == [
        ("192.168.1.50", Result.NOT_SENT),
        ("192.168.1.51", Result.NOT_SENT),
        ("192.168.2.52", Result.FREE),
    ]
    assert {index for index, _, _ in asking.router.sent} == {TAGGED.index}


@pytest.mark.parametrize("other", [None, interface("10.0.0.1/8", name="tap9")], ids=["gone", "another has its index"])
def test_nothing_is_sent_where_the_interface_has_gone(asking: Asking, other: Interface | None) -> None:
    asking.ask("192.168.1.50")
    del asking.router.interfaces[LAN.index]
    if other is not None:
        asking.router.interfaces[other.index] = other
    assert [answer.result for answer in asking.end()] == [Result.NOT_SENT]
    assert asking.router.sent == []


# The loops


def test_many_questions_are_one_long_work_that_gives_others_their_turn(asking: Asking) -> None:
    for last in range(1, 201):
        asking.ask(f"192.168.1.{last}", last)
    asking.clock.now += 1
    send = asking.router.send

    def slowly(index: int, action: int, packet: bytes) -> bool:
        asking.clock.now += 0.001
        return send(index, action, packet)

    dataplane = asking.router.dataplane
    slow = Dataplane(dataplane.interfaces, dataplane.neighbours, slowly, dataplane.send_at_once, dataplane.arping)
    prober = Prober(slow, asking.clock, asking.take, sleep=asking.clock.sleep)
    for last in range(1, 201):
        prober.ask(message("discover", last), LAN, wanted(f"192.168.1.{last}", last))
    prober.work(asking.clock.now)
    assert 32 <= len(asking.clock.slept) <= 40
    assert len(asking.router.sent) == 200


@pytest.fixture
def plugin() -> Iterator[Asking]:
    """Give a prober whose arping loop runs."""
    asking = Asking()
    loop = gevent.spawn(asking.prober.run_arping)
    yield asking
    loop.kill()


def test_the_arping_plugin_is_asked_one_by_one(plugin: Asking) -> None:
    own, other = octets(mac(2)), SQUATTER
    plugin.router.holders = {number("192.168.1.2"): own, number("192.168.1.3"): other}
    for last in (1, 2, 3):
        plugin.ask(f"192.168.1.{last}", last, how=ConflictDetection.ARPING)
    until(lambda: len(plugin.answers) == 3, "all are answered")
    assert plugin.answers == [
        Answer(1, "192.168.1.1", Result.FREE, b""),
        Answer(2, "192.168.1.2", Result.FREE, b""),
        Answer(3, "192.168.1.3", Result.TAKEN, SQUATTER),
    ]
    assert (len(plugin.prober), plugin.router.sent) == (0, [])


def test_no_more_than_sixteen_wait_for_the_arping_plugin(asking: Asking) -> None:
    for last in range(1, 19):
        asking.ask(f"192.168.1.{last}", last, how=ConflictDetection.ARPING)
    assert [(answer.station, answer.result) for answer in asking.answers] == [
        (17, Result.TOO_MANY),
        (18, Result.TOO_MANY),
    ]
    asking.answers.clear()
    asking.ask("192.168.1.5", 55, how=ConflictDetection.ARPING)
    assert [answer.station for answer in asking.answers] == [55]
    loop = gevent.spawn(asking.prober.run_arping)
    until(lambda: len(asking.prober) == 0, "all are answered")
    loop.kill()
    assert [answer.station for answer in asking.answers] == [55, *(n for n in range(1, 17) if n != 5)]


def test_without_the_arping_plugin_nobody_is_asked(plugin: Asking) -> None:
    plugin.router.holders = None
    plugin.router.known[LAN.name, number("192.168.1.2")] = Known(SQUATTER, plugin.clock.now)
    for last in (1, 2):
        plugin.ask(f"192.168.1.{last}", last, how=ConflictDetection.ARPING)
    until(lambda: len(plugin.answers) == 2, "all are answered")
    assert plugin.answers == [
        Answer(1, "192.168.1.1", Result.NOT_SENT, b""),
        Answer(2, "192.168.1.2", Result.NOT_SENT, SQUATTER),
    ]
