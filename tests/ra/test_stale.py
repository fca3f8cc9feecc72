"""Prefixes that change, go and come back, also over restarts: RFC 9096, 3.3 to 3.5, and lifetimes that count down."""

import math
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network
from typing import Any

import pytest
from hypothesis import given as examples
from hypothesis import settings as how
from hypothesis import strategies as st

from tests.packet.scapy_layers6 import inet6
from tests.ra.world import DAY, DELEGATED, HOST, OTHER_PART, PART, Seen, World, given, lan, stale, steady
from vppdhc.dhc6pdclient.needs import AdvertisedPrefix
from vppdhc.packet.nd_options import INFINITY, Preference
from vppdhc.ra.config import Pref64Config, PrefixConfig, RouteConfig
from vppdhc.ra.memory import MOST_GONE
from vppdhc.ra.prefixes import ND_PREFERRED_LIMIT, ND_VALID_LIMIT, Source

OWN = "2001:db8:7::/64"
SETTLING = 30.0


def static(prefix: str = OWN, **more: Any) -> PrefixConfig:
    return PrefixConfig(IPv6Network(prefix), **more)


def flags(seen: Seen, prefix: str) -> tuple[int, int]:
    """L and A of a prefix."""
    (one,) = [one for one in seen.options(inet6.ICMPv6NDOptPrefixInfo) if f"{one.prefix}/{one.prefixlen}" == prefix]
    return one.L, one.A


def sources(world: World) -> dict[str, Source]:
    assert world.sender.last is not None
    return {str(one.prefix): one.source for one in world.sender.last.advertisement.prefixes}


# Lifetimes of delegations (3.3, 3.4)


def test_the_limits_are_those_of_the_standard() -> None:
    assert (ND_PREFERRED_LIMIT, ND_VALID_LIMIT) == (2700, 5400)


def test_lifetimes_are_capped_and_never_beyond_those_of_the_delegation() -> None:
    world = World()
    start = world.now
    world.delegate(given(start + 7200, start + 14400))
    world.run(20000)
    for seen in world.seen:
        preferred, valid = seen.prefixes[str(PART)]
        passed = seen.at - start
        assert preferred == int(max(0, min(2700, 7200 - passed)))
        assert valid == int(max(0, min(5400, 14400 - passed)))
        assert seen.routes[str(DELEGATED)] == valid
    assert world.last.prefixes == {str(PART): (0, 0)}


def test_a_delegation_without_end_is_told_for_a_while_at_a_time() -> None:
    world = World()
    world.delegate(given(math.inf, math.inf))
    assert world.run(10 * DAY).last.prefixes == {str(PART): (2700, 5400)}


def test_a_configured_prefix_lives_no_longer_than_the_delegation_it_is_a_part_of() -> None:
    inner = str(IPv6Network("2001:db8:100:3::/64"))
    world = World(
        prefixes=(static(str(PART), autonomous_flag=False), static(inner, valid_lifetime=100, preferred_lifetime=50))
    )
    world.delegate(given(world.now + 1000, world.now + 2000))
    assert world.run(0).last.prefixes == {str(PART): (1000, 2000), inner: (50, 100)}
    assert flags(world.last, str(PART)) == (1, 0)
    assert sources(world)[str(PART)] is Source.CONFIGURED


def test_an_address_of_a_delegation_makes_no_longer_lived_prefix_of_the_interface() -> None:
    world = World(
        lan("2001:db8:100:1::1/64"),
        advertise_interface_prefixes=True,
        advertise_delegated_prefixes=False,
        interface_prefix_autonomous_flag=False,
    )
    world.delegate(given(world.now + 1000, world.now + 2000))
    assert world.run(0).last.prefixes == {str(PART): (1000, 2000)}
    assert flags(world.last, str(PART)) == (1, 0)


def test_a_route_into_a_delegation_does_not_outlive_it() -> None:
    world = World(routes=(RouteConfig(IPv6Network("2001:db8:100:40::/60"), Preference.LOW, 86400),))
    world.delegate(given(world.now + 1000, world.now + 2000))
    assert world.run(0).last.routes == {"2001:db8:100:40::/60": 2000, str(DELEGATED): 2000}


def test_a_renewed_delegation_that_changes_nothing_for_hosts_is_not_announced() -> None:
    world = World()
    world.delegate(given(world.now + 10_000, world.now + 20_000))
    world.run(100).fresh()
    world.delegate(given(world.now + 10_000, world.now + 20_000))
    assert world.run(20).seen == []


# What has gone (3.5)


def test_another_prefix_is_announced_at_once_and_the_one_before_has_lifetimes_of_zero() -> None:
    world = World()
    world.delegate(given(math.inf, math.inf))
    world.run(1000).fresh()
    world.delegate(given(math.inf, math.inf, OTHER_PART), stale())
    changed = world.now
    world.run(100)
    assert [round(seen.at - changed) for seen in world.seen] == [0, 16, 32]
    assert all(seen.prefixes == {str(OTHER_PART): (2700, 5400), str(PART): (0, 0)} for seen in world.seen)
    assert sources(world) == {str(OTHER_PART): Source.DELEGATED, str(PART): Source.DEPRECATED}


def test_the_flags_of_what_has_gone_stay() -> None:
    prefixes = (
        static(),
        static("2001:db8:8::/64", autonomous_flag=False),
        static("2001:db8:9::/64", on_link_flag=False),
    )
    world = steady(prefixes=prefixes, dhcpv6_pd_preferred_flag=True)
    world.configure(prefixes=())
    world.run(0)
    assert {prefix: flags(world.last, prefix) for prefix in world.last.prefixes} == {
        OWN: (1, 1),
        "2001:db8:8::/64": (1, 0),
        "2001:db8:9::/64": (0, 1),
    }
    assert [one.res1 & 0x10 for one in world.last.options(inet6.ICMPv6NDOptPrefixInfo)] == [0, 0, 0]


@pytest.mark.parametrize(("valid", "most"), [(3600, 3600), (5 * DAY, 5 * DAY), (INFINITY, 30 * DAY)])
def test_hosts_are_told_for_as_long_as_they_may_believe_in_it(valid: float, most: float) -> None:
    world = steady(prefixes=(static(valid_lifetime=int(valid), preferred_lifetime=600),))
    world.sender.request()
    world.run(0).fresh()
    removed = world.now
    world.configure(prefixes=())
    world.run(most + DAY)
    told = world.times(lambda seen: OWN in seen.prefixes)
    assert told[0] - removed == 3
    assert all(seen.prefixes[OWN] == (0, 0) for seen in world.seen if seen.at in told)
    assert most - 600 <= told[-1] - removed <= most + 3


def test_hosts_that_missed_a_shorter_lifetime_are_told_as_well() -> None:
    world = steady(prefixes=(static(valid_lifetime=int(5 * DAY), preferred_lifetime=600),))
    world.configure(prefixes=(static(valid_lifetime=3600, preferred_lifetime=600),))
    world.run(1000)
    removed = world.now
    world.configure(prefixes=())
    world.run(6 * DAY)
    told = world.times(lambda seen: seen.prefixes.get(OWN) == (0, 0))
    assert told[-1] - removed >= 5 * DAY - 2000


def test_an_address_that_is_removed_takes_its_prefix_along() -> None:
    world = steady(lan("2001:db8:1::1/64", "2001:db8:2::1/64"), advertise_interface_prefixes=True)
    world.become(lan("2001:db8:2::1/64"))
    assert world.run(0).last.prefixes == {"2001:db8:2::/64": (604800, 2592000), "2001:db8:1::/64": (0, 0)}


def test_what_comes_back_is_advertised_again() -> None:
    world = steady(prefixes=(static(),))
    world.configure(prefixes=())
    world.run(50)
    world.configure(prefixes=(static(),))
    assert world.run(0).last.prefixes == {OWN: (604800, 2592000)}
    assert sources(world) == {OWN: Source.CONFIGURED}


def test_the_address_of_a_lost_delegation_is_not_taken_for_a_prefix_of_the_interface() -> None:
    """VPP's table is read a moment later than the client loses its prefix."""
    world = World(lan("2001:db8:100:1::1/64"), advertise_interface_prefixes=True)
    world.delegate(given(math.inf, math.inf))
    world.run(100)
    world.delegate(stale())
    assert world.run(0).last.prefixes == {str(PART): (0, 0)}
    world.delegate()
    assert world.run(10).last.prefixes == {str(PART): (0, 0)}


def test_a_prefix_that_must_not_be_advertised_never_is() -> None:
    world = World(
        lan("2001:db8:1::1/64"),
        advertise_interface_prefixes=True,
        prefixes=(static("2001:db8:1::/64", advertise=False), static(str(PART), advertise=False)),
    )
    world.delegate(given(math.inf, math.inf))
    assert world.run(100).last.prefixes == {}
    world.delegate(stale())
    assert world.run(100).last.prefixes == {}
    world = steady(prefixes=(static(),))
    world.configure(prefixes=(static(advertise=False),))
    assert world.run(0).last.prefixes == {}


def test_routes_servers_and_nat64_prefixes_are_withdrawn_likewise() -> None:
    settings: dict[str, Any] = {
        "routes": (RouteConfig(IPv6Network("fd00::/8")),),
        "rdnss": (IPv6Address("2001:db8::53"),),
        "dnssl": ("example.com",),
        "pref64": (Pref64Config(IPv6Network("64:ff9b::/96")),),
    }
    world = steady(**settings)
    world.configure(**dict.fromkeys(settings, ()))
    seen = world.run(0).last
    assert (seen.routes, seen.servers) == ({"fd00::/8": 0}, {"2001:db8::53": 0})
    assert [one.lifetime for one in seen.options(inet6.ICMPv6NDOptDNSSL)] == [0]
    assert [(one.scaledlifetime, one.prefix) for one in seen.options(inet6.ICMPv6NDOptPREF64)] == [(0, "64:ff9b::")]
    seen = world.run(3000).last
    assert (seen.routes, seen.servers, seen.options(inet6.ICMPv6NDOptPREF64)) == ({}, {}, [])


def test_of_very_many_the_latest_are_told() -> None:
    world = World()
    for number in range(100):
        world.configure(prefixes=(static(f"2001:db8:{number:x}::/64"),))
        world.run(100)
    world.configure(prefixes=())
    seen = world.run(100).last
    assert list(seen.prefixes) == [f"2001:db8:{number:x}::/64" for number in range(99, 99 - MOST_GONE, -1)]


def test_routes_have_a_lifetime_of_zero_in_final_advertisements() -> None:
    world = World(routes=(RouteConfig(IPv6Network("fd00::/8")),))
    world.delegate(given(math.inf, math.inf))
    world.run(100)
    world.sender.cease()
    assert world.run(0).last.routes == {"fd00::/8": 0, str(DELEGATED): 0}


# Restarts


def test_a_prefix_that_was_removed_while_the_daemon_was_away_is_deprecated() -> None:
    world = steady(prefixes=(static(), static("2001:db8:8::/64", autonomous_flag=False)))
    world.config = replace(world.config, prefixes=(static(),))
    world.restart()
    started = world.now
    world.run(100)
    assert {seen.at - started: seen.prefixes for seen in world.seen} == {
        0: {OWN: (604800, 2592000)},
        16: {OWN: (604800, 2592000)},
        SETTLING: {OWN: (604800, 2592000), "2001:db8:8::/64": (0, 0)},
        SETTLING + 16: {OWN: (604800, 2592000), "2001:db8:8::/64": (0, 0)},
        SETTLING + 32: {OWN: (604800, 2592000), "2001:db8:8::/64": (0, 0)},
    }
    assert flags(world.last, "2001:db8:8::/64") == (1, 0)


def test_what_comes_late_after_a_restart_is_not_deprecated_meanwhile() -> None:
    world = World(lan("2001:db8:1::1/64"), advertise_interface_prefixes=True)
    world.delegate(given(math.inf, math.inf))
    world.run(100).fresh()
    world.interface = lan()
    world.restart(())
    world.run(20)
    world.become(lan("2001:db8:1::1/64"))
    world.delegate(given(math.inf, math.inf))
    world.run(100)
    assert all((0, 0) not in seen.prefixes.values() for seen in world.seen)
    assert set(world.last.prefixes) == {"2001:db8:1::/64", str(PART)}


def test_a_delegation_that_nobody_knows_of_after_a_restart_is_deprecated() -> None:
    world = World(lan("2001:db8:100:1::1/64"), advertise_interface_prefixes=True)
    world.delegate(given(math.inf, math.inf))
    world.run(1000).fresh()
    world.restart(())
    assert world.run(20).last.prefixes == {}
    assert world.run(15).last.prefixes == {str(PART): (0, 0)}
    assert world.last.routes == {str(DELEGATED): 0}


def test_a_prefix_is_told_as_gone_for_long_enough_whenever_the_daemon_restarts() -> None:
    world = World()
    world.delegate(given(math.inf, math.inf))
    world.run(1000)
    world.sender.request()
    world.run(3)
    last = world.now
    world.fresh().restart(())
    while world.now < last + 6 * ND_VALID_LIMIT:
        world.run(700)
        world.restart()
    told = world.times(lambda seen: seen.prefixes.get(str(PART)) == (0, 0))
    assert told[0] - last <= SETTLING + 3
    assert told[-1] - last >= ND_VALID_LIMIT - 700
    # And no longer than twice: what is stored ends later than it needs to.
    assert told[-1] - last <= 2 * ND_VALID_LIMIT + 600


def test_interfaces_that_come_and_go_leave_time_to_settle_each_time() -> None:
    world = steady(lan("2001:db8:1::1/64"), advertise_interface_prefixes=True)
    world.become(None)
    world.run(1000)
    world.become(lan())
    assert world.run(29).last.prefixes == {}
    assert world.run(2).last.prefixes == {"2001:db8:1::/64": (0, 0)}


def test_it_is_on_disk_before_hosts_hear_of_it() -> None:
    world = World()
    heard: list[int] = []
    world.disk.before = lambda: heard.append(len(world.seen))
    world.delegate(given(math.inf, math.inf))
    world.run(0)
    assert heard == [0]
    assert len(world.seen) == 1


def test_not_each_advertisement_is_written() -> None:
    world = steady(prefixes=(static(),))
    world.delegate(given(math.inf, math.inf))
    world.run(100)
    before = world.disk.writes
    world.run(DAY)
    assert len(world.multicast()) > 200
    assert world.disk.writes - before <= DAY / ND_VALID_LIMIT + 2


def test_a_full_disk_does_not_keep_hosts_from_hearing() -> None:
    world = World(prefixes=(static(),))
    world.disk.full = True
    world.run(100)
    assert len(world.seen) == 3
    for _ in range(100):
        world.solicit()
        world.run(1)
    assert world.disk.writes <= 4
    world.disk.full = False
    world.run(700)
    assert OWN in world.disk.files["lan0"]


# Lifetimes that count down (6.2.1)


def test_lifetimes_count_down_from_when_they_were_configured() -> None:
    world = World(prefixes=(static(valid_lifetime=10_000, preferred_lifetime=5000, decrementing=True),))
    start = world.now
    world.run(12_000)
    for seen in world.seen:
        passed = seen.at - start
        assert seen.prefixes[OWN] == (int(max(0, 5000 - passed)), int(max(0, 10_000 - passed)))


def test_they_go_on_over_restarts_and_begin_anew_with_other_values() -> None:
    counting = static(valid_lifetime=10_000, preferred_lifetime=5000, decrementing=True)
    world = World(prefixes=(counting,))
    world.run(1000).restart()
    assert world.run(0).last.prefixes == {OWN: (4000, 9000)}
    world.run(100)
    world.configure(managed_flag=False)
    assert world.run(0).last.prefixes == {OWN: (3900, 8900)}
    world.run(100)
    world.configure(prefixes=(replace(counting, valid_lifetime=20_000),))
    assert world.run(0).last.prefixes == {OWN: (5000, 20_000)}


def test_they_count_down_also_while_the_interface_is_down() -> None:
    world = World(None, prefixes=())
    world.become(None)
    world.configure(prefixes=(static(valid_lifetime=10_000, preferred_lifetime=5000, decrementing=True),))
    world.run(1000)
    world.restart()
    world.become(lan())
    assert world.run(0).last.prefixes == {OWN: (4000, 9000)}


def test_what_never_ends_does_not_count_down() -> None:
    forever = static(valid_lifetime=INFINITY, preferred_lifetime=INFINITY, decrementing=True)
    assert steady(prefixes=(forever,)).run(DAY).last.prefixes == {OWN: (INFINITY, INFINITY)}


# Whatever happens


class Host:
    """Believes what it hears: prefixes on the link until their ends (RFC 4861, 6.3.4)."""

    def __init__(self) -> None:
        self.until: dict[str, float] = {}

    def hear(self, seen: Seen) -> None:
        for prefix, (preferred, valid) in seen.prefixes.items():
            assert preferred <= valid
            self.until[prefix] = seen.at + valid

    def believes(self, now: float) -> set[str]:
        return {prefix for prefix, until in self.until.items() if until > now}


class Life:
    """What can happen to a link: each method is one thing. number: which prefix, or how many."""

    def __init__(self) -> None:
        self.world = World(lan("2001:db8:1::1/64"), unicast_solicited_advertisements=True)
        self.current: dict[IPv6Network, AdvertisedPrefix] = {}

    def delegate(self, number: int) -> None:
        part, now = self._part(number), self.world.now
        self.current[part] = given(now + 1000 * number, now + 2000 * number, part)
        self.world.delegate(*self.current.values())

    def lose(self, number: int) -> None:
        self.current.pop(self._part(number), None)
        self.world.delegate(*self.current.values())

    def restart(self, _: int) -> None:
        self.world.restart(tuple(self.current.values()))

    def down(self, _: int) -> None:
        self.world.become(None)

    def up(self, _: int) -> None:
        self.world.become(lan("2001:db8:1::1/64"))

    def prefixes(self, number: int) -> None:
        self.world.configure(prefixes=tuple(static(f"2001:db8:{one:x}::/64") for one in range(2, 2 + number)))

    def solicit(self, _: int) -> None:
        self.world.solicit(HOST)

    def vanish(self, number: int) -> None:
        """The interface goes, or becomes another one, while something is stored."""

        def change() -> None:
            self.world.disk.before = lambda: None
            self.world.become(lan("2001:db8:1::1/64", index=number) if number else None)

        self.world.disk.before = change

    def there(self) -> set[str]:
        """The prefixes that there are."""
        return {str(one.prefix) for one in self.world.config.prefixes} | {str(part) for part in self.current}

    @staticmethod
    def _part(number: int) -> IPv6Network:
        return IPv6Network((int(DELEGATED.network_address) + (number << 64), 64))


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *(Life.delegate, Life.lose, Life.restart, Life.down, Life.up, Life.prefixes, Life.solicit),
                Life.vanish,
            ]
        ),
        st.integers(0, 4),
        st.floats(0, 40),
    ),
    max_size=30,
)


@examples(CHANGES)
@how(deadline=None, max_examples=60)
def test_no_host_believes_in_what_has_gone_a_minute_after(changes: list[tuple[Any, int, float]]) -> None:
    """The host misses no advertisement: it lets go with the first one behind the settling time."""
    life = Life()
    world, host = life.world, Host()
    for change, number, seconds in changes:
        change(life, number)
        world.run(seconds)
    world.disk.before = lambda: None
    life.up(0)
    world.run(60)
    for seen in world.seen:
        host.hear(seen)
    assert host.believes(world.now) <= life.there()
