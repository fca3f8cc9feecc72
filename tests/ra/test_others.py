"""Other routers of the link: what they say otherwise is found, told once, and bounded (RFC 4861, 6.2.7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network
from typing import Any, NamedTuple

import pytest

from tests.ra.world import NAME, World, given, lan, steady
from vppdhc.packet.nd_options import INFINITY
from vppdhc.ra.config import PrefixConfig
from vppdhc.ra.events import Inconsistent

OTHER = IPv6Address("fe80::2")
OWN = IPv6Network("2001:db8:7::/64")


class HeardPrefix(NamedTuple):
    prefix: IPv6Network = OWN
    valid: int = 2592000
    preferred: int = 604800


@dataclass(frozen=True)
class Heard:
    """An advertisement of another router that agrees with the defaults."""

    router: IPv6Address = OTHER
    hop_limit: int = 64
    managed: bool = True
    other: bool = True
    reachable_time: int = 0
    retrans_timer: int = 0
    prefixes: Sequence[HeardPrefix] = ()


def world(**settings: Any) -> World:
    usual = {"reachable_time": 30000, "retrans_timer": 1000, "prefixes": (PrefixConfig(OWN),)}
    return steady(**{**usual, **settings})


@pytest.mark.parametrize(
    "heard",
    [
        Heard(),
        Heard(hop_limit=0),
        Heard(reachable_time=30000, retrans_timer=1000),
        Heard(prefixes=[HeardPrefix()]),
        Heard(prefixes=[HeardPrefix(valid=2592000 - 9, preferred=604800 + 9)]),
        Heard(prefixes=[HeardPrefix(IPv6Network("2001:db8:8::/64"), 1, 1)]),
        Heard(prefixes=[HeardPrefix(IPv6Network("2001:db8:7::/65"), 1, 1)]),
    ],
)
def test_what_agrees_or_is_left_open_is_consistent(heard: Heard) -> None:
    found = world()
    assert found.sender.hear(heard) is None
    assert found.counters.other_advertisements == 1
    assert found.counters.inconsistent == 0
    (router,) = found.sender.others
    assert (router.address, router.heard, router.inconsistencies) == (OTHER, found.now, ())


def test_what_we_leave_open_is_consistent() -> None:
    found = steady(cur_hop_limit=0)
    assert found.sender.hear(Heard(hop_limit=255, reachable_time=1, retrans_timer=1)) is None


@pytest.mark.parametrize(
    ("heard", "said"),
    [
        (Heard(hop_limit=255), "hop limit 255, ours is 64"),
        (Heard(managed=False), "managed flag not set, ours is set"),
        (Heard(other=False), "other flag not set, ours is set"),
        (Heard(reachable_time=1), "reachable time 1 ms, ours is 30000 ms"),
        (Heard(retrans_timer=1), "retransmission timer 1 ms, ours is 1000 ms"),
        (
            Heard(prefixes=[HeardPrefix(valid=INFINITY)]),
            "valid lifetime of 2001:db8:7::/64 for ever, ours is 2592000 s",
        ),
        (
            Heard(prefixes=[HeardPrefix(preferred=604800 + 11)]),
            "preferred lifetime of 2001:db8:7::/64 604811 s, ours is 604800 s",
        ),
    ],
)
def test_each_thing_that_is_said_otherwise(heard: Heard, said: str) -> None:
    found = world()
    assert found.sender.hear(heard) == Inconsistent(NAME, OTHER, (said,))
    assert found.sender.others[0].inconsistencies == (said,)
    assert found.counters.inconsistent == 1


def test_it_is_told_once_until_it_changes() -> None:
    found = world()
    assert found.sender.hear(Heard(managed=False)) is not None
    for _ in range(10):
        found.run(5)
        assert found.sender.hear(Heard(managed=False)) is None
    assert found.sender.hear(Heard(managed=False, other=False)) is not None
    assert found.sender.hear(Heard()) is None
    assert found.sender.hear(Heard(managed=False)) is not None
    assert found.counters.inconsistent == 13
    assert found.counters.other_advertisements == 14


def test_lifetimes_that_count_down_are_compared_by_their_ends_and_told_once() -> None:
    found = world(prefixes=())
    found.delegate(given(found.now + 1000, found.now + 2000, OWN))
    found.run(10)
    assert found.sender.hear(Heard(prefixes=[HeardPrefix(valid=1990, preferred=990)])) is None
    found.run(500)
    assert found.sender.hear(Heard(prefixes=[HeardPrefix(valid=1490, preferred=490)])) is None
    assert found.sender.hear(Heard(prefixes=[HeardPrefix(valid=3000, preferred=490)])) is not None
    found.run(100)
    assert found.sender.hear(Heard(prefixes=[HeardPrefix(valid=2900, preferred=390)])) is None


def test_nothing_is_compared_where_nothing_is_advertised() -> None:
    found = world()
    found.become(lan(admin_up=False))
    assert found.sender.hear(Heard(managed=False)) is None
    assert found.counters.other_advertisements == 0


def test_a_flood_of_made_up_routers_takes_a_bounded_part_of_memory_and_of_attention() -> None:
    found = world()
    assert found.sender.hear(Heard(managed=False)) is not None
    told = 0
    for number in range(1000):
        made_up = IPv6Address(f"fe80::{number + 256:x}")
        told += found.sender.hear(Heard(router=made_up, managed=False)) is not None
    assert told == 15
    assert len(found.sender.others) == 16
    assert found.sender.others[0].address == OTHER
    assert found.counters.inconsistent == 1001
    found.run(3601)
    assert found.sender.hear(Heard(router=IPv6Address("fe80::9"), managed=False)) is not None
    assert len(found.sender.others) == 16
