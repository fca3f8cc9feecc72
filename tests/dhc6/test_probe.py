"""Whether somebody uses addresses: many questions at once, each with one answer, and none for ever."""

from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from scapy.layers.inet6 import ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import Dot1Q, Ether

from tests.dhc4.shell import Clock
from tests.dhc6.clients import ROUTER, ROUTER_MAC, interface, mac, message, number, octets, text
from tests.dhc6.shell import Router
from vppdhc.dhc6.outcome import ProbeWanted
from vppdhc.dhc6.prober import Prober
from vppdhc.interface import Interface, Vlan
from vppdhc.packet import punt
from vppdhc.packet.dhcp6 import Message
from vppdhc.servers.questions import Result

LAN = interface("2001:db8:1::1/64")
TAGGED = interface("2001:db8:2::1/64", name="tap1.7", index=7, vlans=(Vlan(0x88A8, 200), Vlan(0x8100, 7)))
SQUATTER = octets("02:00:00:00:66:66")
TIMEOUT = 0.3
ONE, TWO, THREE = "2001:db8:1::50", "2001:db8:1::51", "2001:db8:1::52"


class Answer(NamedTuple):
    """What a question led to; station: whose message it was."""

    station: int
    addresses: tuple[str, ...]
    result: Result
    holders: dict[str, bytes]


def wanted(*addresses: str, station: int = 1) -> ProbeWanted:
    return ProbeWanted(0, tuple(map(number, addresses)), number(ROUTER), octets(mac(station)), TIMEOUT)


class Asking:
    """A prober with everything round it in the hands of a test."""

    def __init__(self, **options: Any) -> None:
        self.clock = Clock()
        self.router = Router(LAN, TAGGED)
        self.router.watched = {LAN.name, TAGGED.name}
        self.answers: list[Answer] = []
        self.messages: list[Message] = []
        self.prober = Prober(self.router.dataplane, self.clock, self.take, sleep=self.clock.sleep, **options)

    def take(self, asked: Message, onto: Interface, question: ProbeWanted, result: Result, holders: Any) -> None:
        assert onto.name in {LAN.name, TAGGED.name}
        self.messages.append(asked)
        held = {text(address): holder for address, holder in holders.items()}
        self.answers.append(Answer(asked.source_mac[5], tuple(map(text, question.addresses)), result, held))

    def ask(self, *addresses: str, station: int = 1, onto: Interface = LAN) -> None:
        self.prober.ask(message("solicit", station), onto, wanted(*addresses, station=station))

    def after(self, seconds: float) -> None:
        """Let time pass, and have done what is due by then."""
        self.clock.now += seconds
        self.prober.work(self.clock.now)

    def questions(self) -> list[Any]:
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
    asking.ask(ONE)
    assert (asking.answers, asking.router.sent) == ([], [])
    asking.after(0)
    (question,) = asking.questions()
    assert (question.src, question.dst) == (ROUTER_MAC, "33:33:ff:00:00:50")
    assert (question[IPv6].src, question[IPv6].dst, question[IPv6].hlim) == (ROUTER, "ff02::1:ff00:50", 255)
    assert (question[ICMPv6ND_NS].tgt, question[ICMPv6NDOptSrcLLAddr].lladdr) == (ONE, ROUTER_MAC)
    checked = question[IPv6].copy()
    del checked[ICMPv6ND_NS].cksum
    assert IPv6(bytes(checked))[ICMPv6ND_NS].cksum == question[ICMPv6ND_NS].cksum
    asking.after(TIMEOUT / 2 - 0.01)
    assert len(asking.router.sent) == 1
    asking.after(0.01)
    assert [packet[ICMPv6ND_NS].tgt for packet in asking.questions()] == [ONE, ONE], "one may have been lost"
    asking.after(TIMEOUT / 2 - 0.01)
    assert asking.answers == []
    asking.after(0.01)
    assert asking.answers == [Answer(1, (ONE,), Result.FREE, {})]
    asking.end()
    assert (len(asking.router.sent), len(asking.answers)) == (2, 1)


def test_several_addresses_are_one_question_with_one_answer(asking: Asking) -> None:
    asking.ask(ONE, TWO, THREE)
    asking.after(0)
    assert [packet[ICMPv6ND_NS].tgt for packet in asking.questions()] == [ONE, TWO, THREE]
    asking.prober.heard(LAN.name, number(TWO), SQUATTER)
    asking.after(TIMEOUT / 2)
    assert [packet[ICMPv6ND_NS].tgt for packet in asking.questions()[3:]] == [ONE, THREE], "of one it is known"
    assert asking.answers == [], "the others may be used as well"
    assert asking.end() == [Answer(1, (ONE, TWO, THREE), Result.TAKEN, {TWO: SQUATTER})]


@pytest.mark.parametrize("requests", [0, 1, 2])
def test_nobody_waits_once_there_is_an_answer_for_each_address(asking: Asking, requests: int) -> None:
    asking.ask(ONE, TWO)
    for _ in range(requests):
        asking.after(TIMEOUT / 2)
    for address in (ONE, TWO):
        asking.prober.heard(LAN.name, number(address), SQUATTER)
    assert asking.answers == [], "whoever tells it does not wait"
    asking.after(0)
    assert asking.answers == [Answer(1, (ONE, TWO), Result.TAKEN, {ONE: SQUATTER, TWO: SQUATTER})]
    assert len(asking.router.sent) == 2 * requests
    assert asking.end() == asking.answers[:1]


def test_who_answers_first_is_named_and_neither_the_client_nor_the_router_is(asking: Asking) -> None:
    asking.ask(ONE)
    for holder in (octets(mac(1)), octets(ROUTER_MAC), SQUATTER, SQUATTER[:5] + b"\1"):
        asking.prober.heard(LAN.name, number(ONE), holder)
    assert asking.end() == [Answer(1, (ONE,), Result.TAKEN, {ONE: SQUATTER})]


def test_others_are_heard_of_in_vain(asking: Asking) -> None:
    asking.ask(ONE)
    asking.prober.heard(LAN.name, number(TWO), SQUATTER)
    asking.prober.heard(TAGGED.name, number(ONE), SQUATTER)
    assert asking.end() == [Answer(1, (ONE,), Result.FREE, {})]
    asking.prober.heard(LAN.name, number(ONE), SQUATTER)
    assert len(asking.end()) == 1


def test_the_newest_message_is_answered(asking: Asking) -> None:
    asking.ask(ONE)
    asking.after(0)
    again = message("solicit", 1, trid=0x777)
    asking.prober.ask(again, LAN, wanted(ONE))
    assert asking.end() == [Answer(1, (ONE,), Result.FREE, {})]
    assert [one.transaction_id for one in asking.messages] == [0x777]
    assert len(asking.router.sent) == 2


def test_another_question_about_an_address_takes_the_place_of_the_first(asking: Asking) -> None:
    asking.ask(ONE, TWO)
    asking.after(0)
    asking.ask(TWO, THREE, station=2)
    asking.prober.heard(LAN.name, number(ONE), SQUATTER)
    asking.prober.heard(LAN.name, number(THREE), SQUATTER)
    assert asking.end() == [Answer(2, (TWO, THREE), Result.TAKEN, {THREE: SQUATTER})]


def test_a_question_is_of_its_interface(asking: Asking) -> None:
    asking.ask(ONE)
    asking.ask(ONE, station=2, onto=TAGGED)
    asking.after(0)
    untagged, tagged = asking.questions()
    assert Dot1Q not in untagged
    assert [layer.vlan for layer in tagged.iterpayloads() if isinstance(layer, Dot1Q) or layer.name == "802_1AD"] == [
        200,
        7,
    ]
    assert [index for index, _, _ in asking.router.sent] == [LAN.index, TAGGED.index]
    assert [answer.station for answer in asking.end()] == [1, 2]


def test_no_more_wait_than_may() -> None:
    few = Asking(limit=2)
    for last in range(5):
        few.ask(f"2001:db8:1::{last:x}", station=last)
    assert [(answer.station, answer.result) for answer in few.answers] == [
        (2, Result.TOO_MANY),
        (3, Result.TOO_MANY),
        (4, Result.TOO_MANY),
    ]
    few.answers.clear()
    assert [answer.station for answer in few.end()] == [0, 1]
    few.ask(ONE)
    assert len(few.prober) == 1


def test_nobody_is_asked_where_vpp_would_not_tell(asking: Asking) -> None:
    asking.router.watched = set()
    asking.ask(ONE)
    assert asking.answers == [Answer(1, (ONE,), Result.NOT_WATCHED, {})]
    assert asking.router.sent == []


@pytest.mark.parametrize("other", [None, interface(name="tap9")], ids=["gone", "another has its index"])
def test_nothing_is_sent_where_the_interface_has_gone(asking: Asking, other: Interface | None) -> None:
    asking.ask(ONE)
    del asking.router.interfaces[LAN.index]
    if other is not None:
        asking.router.interfaces[other.index] = other
    assert [answer.result for answer in asking.end()] == [Result.NOT_SENT]
    assert asking.router.sent == []


def test_a_question_that_vpp_does_not_take_is_none(asking: Asking) -> None:
    asking.router.deaf = True
    asking.ask(ONE)
    assert asking.end() == [Answer(1, (ONE,), Result.NOT_SENT, {})]


def test_many_questions_are_one_long_work_that_gives_others_their_turn(asking: Asking) -> None:
    def slowly(index: int, action: int, packet: bytes) -> bool:
        asking.clock.now += 0.001
        return asking.router.send(index, action, packet)

    slow = replace(asking.router.dataplane, send=slowly)
    asking.prober = Prober(slow, asking.clock, asking.take, sleep=asking.clock.sleep)
    for last in range(1, 201):
        asking.ask(f"2001:db8:1::{last:x}", station=last)
    asking.prober.work(asking.clock.now)
    assert 32 <= len(asking.clock.slept) <= 40
    assert len(asking.router.sent) == 200
