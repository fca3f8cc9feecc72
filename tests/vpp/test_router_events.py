"""Routers are looked for when there is a reason to, and what they advertise is told as it was said."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network
from itertools import pairwise
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from scapy.layers.inet6 import ICMPv6ND_RS, ICMPv6NDOptPrefixInfo, ICMPv6NDOptSrcLLAddr, IPv6
from structlog.testing import capture_logs

from tests.vpp.advertised import advertisement
from tests.vpp.conftest import VirtualClock, until
from tests.vppsim.frames import HOST_LINK_LOCAL
from tests.vppsim.rig import LAN, WAN, Rig, mac_of
from vppdhc.interface import Interface
from vppdhc.packet.nd_options import Preference
from vppdhc.vpp.api import ApiClient
from vppdhc.vpp.errors import VppCallError, VppGoneError, VppUnsupportedError
from vppdhc.vpp.interfaces import InterfaceTable
from vppdhc.vpp.router_events import PrefixInformation, RouterAdvertisement, RouterEvents

SOLICIT = "ip6nd_send_router_solicitation"
LINK_LOCAL = IPv6Address("fe80::1")
UP = Interface("wan0", 1, bytes(6), admin_up=True, link_up=True, link_local=LINK_LOCAL)
DAY = 86400.0


class Table(InterfaceTable):
    """A table that a test fills."""

    def put(self, interface: Interface | None, name: str = "wan0") -> None:
        self._set(self.named(name), interface)


class Searching:
    """RouterEvents over a VPP that does not exist. calls: what it was asked, and when."""

    def __init__(self, *watched: str, seed: int = 1) -> None:
        self.clock = VirtualClock()
        self.table = Table()
        self.events = RouterEvents(self.table, self.clock, Random(seed))
        self.calls: list[tuple[str, float, dict[str, Any]]] = []
        self.heard: list[tuple[str, RouterAdvertisement]] = []
        self.refusal: Exception | None = None
        self.events.on_advertisement(lambda name, one: self.heard.append((name, one)))
        self.events.watch(watched)

    def call(self, name: str, /, **arguments: Any) -> Any:
        self.calls.append((name, self.clock.now, arguments))
        if self.refusal is not None:
            raise self.refusal

    def dump(self, name: str, /, **arguments: Any) -> list[Any]:
        raise AssertionError(name)

    def run(self, seconds: float) -> None:
        """Let time pass, as the link does: place() is called when it is due, and now and then besides."""
        end = self.clock.now + seconds
        self.events.place(self)
        while (step := min(self.events.due, end)) < end:
            self.clock.now = max(self.clock.now, step)
            self.events.place(self)
        self.clock.now = end

    def advertise(self, lifetime: int, router: str = "fe80::a", index: int = 1, **changes: Any) -> None:
        self.events.take(event(lifetime, router, index, **changes))

    @property
    def asked(self) -> list[float]:
        """When solicitations were sent."""
        return [at for name, at, _ in self.calls if name == SOLICIT]


def event(lifetime: int, router: str = "fe80::a", index: int = 1, **changes: Any) -> Any:
    """What VPP tells."""
    return SimpleNamespace(
        **{
            "sw_if_index": index,
            "router_addr": IPv6Address(router),
            "current_hop_limit": 64,
            "flags": 0,
            "router_lifetime_in_sec": lifetime,
            "neighbor_reachable_time_in_msec": 0,
            "time_in_msec_between_retransmitted_neighbor_solicitations": 0,
            "prefixes": [],
            **changes,
        }
    )


def searching(**changes: Any) -> Searching:
    made = Searching("wan0", **changes)
    made.table.put(UP)
    return made


def test_nobody_is_asked_while_nobody_is_watched_or_nothing_passes() -> None:
    made = Searching()
    made.table.put(UP)
    made.run(DAY)
    assert made.calls == []
    made = Searching("wan0")
    for unable in (replace(UP, admin_up=False), replace(UP, link_up=False), replace(UP, link_local=None)):
        made.table.put(unable)
        made.run(DAY)
    assert [name for name, *_ in made.calls] == ["want_ip6_ra_events"]


def test_without_an_answer_it_is_asked_ever_more_seldom_and_for_ever() -> None:
    """RFC 4861, 6.3.7: within a second at first. RFC 7559, 2: 4 s, doubled up to an hour, each a tenth more or less."""
    made = searching()
    began = made.clock.now
    made.run(2 * DAY)
    waits = [later - earlier for earlier, later in pairwise(made.asked)]
    assert 0 <= made.asked[0] - began <= 1
    assert 3.6 <= waits[0] <= 4.4
    for earlier, later in pairwise(waits[:9]):
        assert 1.9 * earlier <= later <= 2.1 * earlier
    assert len(waits) > 50
    assert all(3240 <= wait <= 3960 for wait in waits[11:])


@pytest.mark.parametrize("seed", range(20))
def test_each_solicitation_is_one(seed: int) -> None:
    """VPP takes any advertisement for an answer; so it is never left to VPP to go on."""
    made = searching(seed=seed)
    made.run(1)
    (arguments,) = [arguments for name, _, arguments in made.calls if name == SOLICIT]
    assert arguments == {"sw_if_index": 1, "irt": 4, "mrt": 3600, "mrc": 1}


def test_a_router_that_answers_is_asked_again_before_it_ends() -> None:
    made = searching()
    made.run(2)
    made.advertise(1800)
    heard = made.clock.now
    made.run(1769)
    assert len(made.asked) == 1
    made.run(31)
    early = [at - heard for at in made.asked[1:]]
    assert 1770 <= early[0] < 1771
    assert len(early) == 4, "and again, as it does not answer"
    made.advertise(1800)
    made.run(1000)
    assert len(made.asked) == 5


def test_a_router_of_a_short_time_is_asked_after_half_of_it() -> None:
    made = searching()
    made.run(2)
    for _ in range(10):
        made.advertise(20)
        made.run(9.9)
    assert len(made.asked) == 1
    made.advertise(20)
    made.run(10.1)
    assert len(made.asked) == 2


def test_the_router_that_lasts_longest_counts() -> None:
    made = searching()
    made.run(2)
    made.advertise(300)
    made.advertise(1800, "fe80::b")
    made.run(1000)
    assert len(made.asked) == 1
    made.advertise(0, "fe80::b")
    made.run(2)
    assert len(made.asked) == 2, "the other one has ended meanwhile"


def test_a_router_that_goes_is_missed_at_once() -> None:
    made = searching()
    made.run(2)
    made.advertise(1800)
    made.advertise(0)
    made.run(1)
    assert len(made.asked) == 2


def test_who_is_no_default_router_does_not_end_the_search_nor_hurry_it() -> None:
    """RFC 7559, 2: only a lifetime other than 0 does. One that answers each question must not be asked all the time."""
    made = searching()
    for _ in range(int(DAY / 4)):
        made.run(4)
        made.advertise(0)
    assert 20 < len(made.asked) < 45


def test_a_flood_of_advertisements_does_not_put_the_question_off() -> None:
    made = searching()
    for _ in range(100):
        made.advertise(0)
        made.run(0.02)
    assert len(made.asked) == 1


def test_many_routers_take_no_memory() -> None:
    made = searching()
    for number in range(1, 1000):
        made.advertise(1800, f"fe80::{number:x}")
    assert len(made.events._searches["wan0"].routers) == 16
    made.run(1800)
    made.advertise(1800)
    made.run(60)
    assert len(made.events._searches["wan0"].routers) == 1


@pytest.mark.parametrize(
    "back",
    [
        [replace(UP, link_up=False), UP],
        [replace(UP, link_local=None), UP],
        [None, UP],
        [replace(UP, index=2)],
    ],
)
def test_whenever_packets_pass_again_routers_are_asked_for_anew(back: list[Interface | None]) -> None:
    made = searching()
    made.run(2)
    made.advertise(1800)
    made.run(10)
    for interface in back:
        made.table.put(interface)
    made.run(1)
    assert len(made.asked) == 2


def test_changes_that_do_not_matter_lead_to_no_question() -> None:
    made = searching()
    made.run(2)
    made.advertise(1800)
    made.table.put(replace(UP, table6=7))
    made.table.put(replace(UP, name="lan0", index=5), "lan0")
    made.run(2)
    assert len(made.asked) == 1


def test_a_new_connection_is_subscribed_and_a_clean_end_unsubscribes() -> None:
    made = searching()
    made.run(1)
    made.events.forget()
    made.events.place(made)
    made.events.remove(made)
    made.events.remove(made)
    wanted = [arguments["enable"] for name, _, arguments in made.calls if name == "want_ip6_ra_events"]
    assert wanted == [True, True, False]


def test_what_vpp_refuses_is_logged_once_and_tried_again() -> None:
    made = searching()
    made.refusal = VppCallError(SOLICIT, {}, -1)
    with capture_logs() as logs:
        made.run(60)
    assert [line["event"] for line in logs] == ["VPP does not look for routers"]
    assert len(made.asked) > 2
    made.refusal = VppUnsupportedError(SOLICIT, {}, "this VPP has no such message")
    made.run(60)
    made.refusal = None
    made.run(1)
    assert [name for name, *_ in made.calls].count("want_ip6_ra_events") > 1


def test_a_vpp_that_does_not_answer_is_for_others_to_notice() -> None:
    made = searching()
    made.refusal = VppGoneError("gone")
    with pytest.raises(VppGoneError):
        made.events.place(made)


def test_whether_something_is_news() -> None:
    made = Searching()
    assert made.events.watch(["wan0"])
    assert not made.events.watch({"wan0"})
    assert made.events.listen(["lan0"])
    assert not made.events.listen(["lan0"])
    assert made.events.watch([])


# --- what is told


def test_only_interfaces_that_somebody_wants_to_hear_of_are_told_of() -> None:
    made = searching()
    for index, name in ((2, "lan0"), (3, "lan1")):
        made.table.put(replace(UP, name=name, index=index), name)
    made.events.listen(["lan0"])
    for index in (1, 2, 3, 99):
        made.advertise(9, index=index)
    assert [name for name, _ in made.heard] == ["wan0", "lan0"]
    made.run(60)
    assert {arguments.get("sw_if_index") for name, _, arguments in made.calls if name == SOLICIT} <= {1}


def test_an_advertisement_from_elsewhere_is_not_believed() -> None:
    made = searching()
    made.advertise(1800, "2001:db8::1")
    assert made.heard == []


@pytest.mark.parametrize(
    ("flags", "lifetime", "preference"),
    [
        (0x08, 9, Preference.HIGH),
        (0x00, 9, Preference.MEDIUM),
        (0x18, 9, Preference.LOW),
        (0x10, 9, Preference.MEDIUM),
        (0x08, 0, Preference.MEDIUM),
    ],
)
def test_preferences(flags: int, lifetime: int, preference: Preference) -> None:
    made = searching()
    made.advertise(lifetime, flags=flags)
    assert made.heard[0][1].preference is preference


# --- with a router


class Connected:
    """RouterEvents over a router."""

    def __init__(self, vpp: ApiClient) -> None:
        self.vpp = vpp
        self.clock = VirtualClock()
        self.table = InterfaceTable()
        self.events = RouterEvents(self.table, self.clock, Random(1))
        self.heard: list[tuple[str, RouterAdvertisement]] = []
        self.events.on_advertisement(lambda name, one: self.heard.append((name, one)))
        vpp.on_event("ip6_ra_event", self.events.take)
        self.table.read(vpp)

    def place(self, seconds: float = 0.0) -> None:
        self.clock.now += seconds
        self.events.place(self.vpp)


def test_a_router_is_asked_and_heard(any_rig: Rig, connect_to: Callable[[Rig], ApiClient]) -> None:
    _, wan = any_rig.interface(WAN, "2001:db8::1/64")
    _, lan = any_rig.interface(LAN, "2001:db8:1::1/64")
    made = Connected(connect_to(any_rig))
    made.events.watch([WAN])
    made.place(1)
    frame = wan.receive()
    while not frame.haslayer(ICMPv6ND_RS):
        frame = wan.receive()
    own = made.table.named(WAN)
    assert own is not None
    assert (frame.dst, frame[IPv6].src, frame[IPv6].dst) == ("33:33:00:00:00:02", str(own.link_local), "ff02::2")
    assert (frame[IPv6].hlim, frame[ICMPv6NDOptSrcLLAddr].lladdr) == (255, mac_of(WAN))
    lan.send(advertisement(M=1))
    any_rig.settled()
    wan.send(
        advertisement(
            ICMPv6NDOptPrefixInfo(
                prefix="2001:db8:7::99", prefixlen=64, L=1, A=0, validlifetime=90, preferredlifetime=80
            ),
            ICMPv6NDOptPrefixInfo(
                prefix="2001:db8:8::", prefixlen=64, L=0, A=1, validlifetime=0xFFFFFFFF, preferredlifetime=0
            ),
            M=0,
            O=1,
            prf=3,
        )
    )
    until(lambda: made.heard, "it is told of")
    assert made.heard == [
        (
            WAN,
            RouterAdvertisement(
                router=IPv6Address(HOST_LINK_LOCAL),
                hop_limit=60,
                managed=False,
                other=True,
                preference=Preference.LOW,
                lifetime=1800,
                reachable_time=7,
                retrans_timer=8,
                prefixes=(
                    PrefixInformation(
                        IPv6Network("2001:db8:7::/64"), on_link=True, autonomous=False, valid=90, preferred=80
                    ),
                    PrefixInformation(
                        IPv6Network("2001:db8:8::/64"), on_link=False, autonomous=True, valid=0xFFFFFFFF, preferred=0
                    ),
                ),
            ),
        )
    ]
    made.events.listen([LAN])
    lan.send(advertisement(M=1))
    until(lambda: len(made.heard) == 2, "the other one is told of, too")
    assert made.heard[1][0] == LAN
    assert made.heard[1][1].managed
    made.events.remove(made.vpp)


def test_a_prefix_that_is_none_hides_only_the_advertisement_that_it_is_in(
    any_rig: Rig, connect_to: Callable[[Rig], ApiClient]
) -> None:
    _, wan = any_rig.interface(WAN, "2001:db8::1/64")
    made = Connected(connect_to(any_rig))
    made.events.watch([WAN])
    made.place(1)
    wan.send(advertisement(ICMPv6NDOptPrefixInfo(prefix="2001:db8:7::", prefixlen=200), routerlifetime=1))
    wan.send(advertisement(routerlifetime=2))
    until(lambda: made.heard, "the one behind it is told of")
    assert made.heard[-1][1].lifetime == 2
