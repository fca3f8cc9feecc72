"""When advertisements are sent: RFC 4861, 6.2.2 and 6.2.4 to 6.2.8, each rule on a virtual clock."""

from dataclasses import replace
from ipaddress import IPv6Address, IPv6Interface, IPv6Network
from itertools import pairwise
from typing import Any

import pytest

from tests.packet.scapy_layers6 import Dot1Q, inet6
from tests.ra.world import ALL_NODES, DAY, HOST, INDEX, MAC, ROUTER, World, gaps, lan, steady
from vppdhc.interface import Vlan
from vppdhc.ra.config import PrefixConfig
from vppdhc.ra.schedule import (
    MAX_FINAL_RTR_ADVERTISEMENTS,
    MAX_INITIAL_RTR_ADVERT_INTERVAL,
    MAX_INITIAL_RTR_ADVERTISEMENTS,
    MAX_RA_DELAY_TIME,
    MIN_DELAY_BETWEEN_RAS,
)
from vppdhc.ra.solicitations import Solicitation

LINK_LOCAL = int(IPv6Address("fe80::1"))
ANOTHER = IPv6Address("fe80::99")


def test_the_constants_are_those_of_the_standard() -> None:
    assert MAX_INITIAL_RTR_ADVERT_INTERVAL == 16
    assert MAX_INITIAL_RTR_ADVERTISEMENTS == 3
    assert MAX_FINAL_RTR_ADVERTISEMENTS == 3
    assert MIN_DELAY_BETWEEN_RAS == 3
    assert MAX_RA_DELAY_TIME == 0.5


# Unsolicited ones (6.2.4)


def test_the_first_three_come_at_once_and_then_every_16_seconds() -> None:
    world = World()
    start = world.now
    times = world.run(700).multicast()
    assert [time - start for time in times[:3]] == [0, 16, 32]
    assert 200 <= gaps(times)[2] <= 600


def test_the_first_ones_are_closer_where_the_intervals_are_short() -> None:
    world = World(max_rtr_adv_interval=4, min_rtr_adv_interval=3)
    assert all(3 <= gap <= 4 for gap in gaps(world.run(100).multicast()))


@pytest.mark.parametrize(("longest", "shortest"), [(600, None), (1800, 1350), (10, None), (4, None), (100, 3)])
def test_a_fortnight_of_intervals_is_random_between_the_two(longest: int, shortest: int | None) -> None:
    world = World(max_rtr_adv_interval=longest, min_rtr_adv_interval=shortest)
    low = world.config.min_interval
    found = gaps(world.run(14 * DAY if longest > 10 else DAY).multicast())[2:]
    assert all(low <= gap <= longest for gap in found)
    # Uniform: each quarter of the range has its part.
    quarter = (longest - low) / 4
    for number in range(4):
        within = [gap for gap in found if low + number * quarter <= gap <= low + (number + 1) * quarter]
        assert 0.15 < len(within) / len(found) < 0.35


def test_two_routers_do_not_send_in_step() -> None:
    assert World(seed=1).run(DAY).multicast()[3:] != World(seed=2).run(DAY).multicast()[3:]


def test_each_one_goes_to_all_hosts_from_the_link_local_address_with_hop_limit_255() -> None:
    seen = World().run(0).last
    assert seen.interface == INDEX
    assert (seen.packet.src, seen.packet.dst) == (MAC, "33:33:00:00:00:01")
    ip = seen.packet[inet6.IPv6]
    assert (ip.src, ip.dst, ip.hlim, ip.nh) == (ROUTER, ALL_NODES, 255, 58)
    assert seen.ra.code == 0
    packet = seen.packet
    del packet[inet6.ICMPv6ND_RA].cksum, packet[inet6.IPv6].plen
    assert bytes(packet) == seen.frame


def test_a_sub_interface_has_its_tags() -> None:
    world = World(lan(vlans=(Vlan(0x8100, 100),))).run(0)
    assert world.last.packet[Dot1Q].vlan == 100
    assert world.last.ra.routerlifetime == 1800


def test_what_changes_is_announced_at_once_and_three_times() -> None:
    world = steady()
    world.configure(link_mtu=1400)
    changed = world.now
    times = [time - changed for time in world.run(150).multicast()]
    assert times == [0, 16, 32]
    assert all(seen.options(inet6.ICMPv6NDOptMTU)[0].mtu == 1400 for seen in world.seen)


def test_what_says_the_same_is_not_announced() -> None:
    world = steady()
    world.configure(rdnss_lifetime=3600)
    world.become(lan("2001:db8:1::1/64", "2001:db8:2::1/64"))
    assert world.run(10).seen == []


def test_changes_are_announced_every_three_seconds_at_most() -> None:
    world = steady()
    for number in range(100):
        world.configure(link_mtu=1300 + number)
        world.run(0.1)
    assert all(gap >= MIN_DELAY_BETWEEN_RAS for gap in gaps(world.run(100).multicast()))
    assert world.last.options(inet6.ICMPv6NDOptMTU)[0].mtu == 1399


def test_a_change_right_after_an_advertisement_waits_three_seconds() -> None:
    world = steady()
    world.configure(link_mtu=1400)
    world.run(1)
    world.configure(link_mtu=1500)
    assert gaps(world.run(5).multicast()) == [3]


def test_an_advertisement_can_be_asked_for_within_the_rate() -> None:
    world = steady()
    assert world.sender.request()
    assert world.sender.request()
    assert len(world.run(2).multicast()) == 1
    assert world.sender.request()
    assert gaps(world.run(100).multicast()) == [3]


def test_the_timer_is_set_anew_by_whatever_is_sent() -> None:
    world = steady()
    world.sender.request()
    sent = world.now
    world.run(0)
    assert 200 <= world.sender.next_time - sent <= 600


def test_what_vpp_does_not_take_is_sent_again_soon() -> None:
    world = World()
    world.deaf = True
    world.run(20)
    assert world.seen == []
    assert world.sender.problem == "VPP does not take what is to be sent"
    assert world.sender.last is None
    assert world.counters.unsolicited == 0
    world.deaf = False
    assert [round(gap) for gap in gaps(world.run(100).multicast())] == [16, 16]
    assert world.sender.problem == ""


# Becoming an advertising interface, and another one (6.2.2, 6.2.8)


@pytest.mark.parametrize(
    ("interface", "problem"),
    [
        (None, "VPP has no interface of this name"),
        (lan(admin_up=False), "the interface is down"),
        (lan(link_up=False), "the interface is down"),
        (lan(link_local=None), "the interface has no link-local address"),
    ],
)
def test_nothing_is_sent_where_the_interface_cannot(interface: Any, problem: str) -> None:
    world = steady()
    world.become(interface)
    assert world.run(DAY).seen == []
    assert world.sender.problem == problem
    assert not world.sender.request()
    world.become(lan("2001:db8:1::1/64"))
    start = world.now
    assert [time - start for time in world.run(100).multicast()] == [0, 16, 32]
    assert world.sender.problem == ""


def test_an_index_that_is_another_now_is_used_at_once() -> None:
    world = steady()
    world.become(replace(lan("2001:db8:1::1/64"), index=9))
    assert [seen.interface for seen in world.run(100).seen] == [9, 9, 9]


def test_another_link_local_address_is_another_router_and_the_former_one_is_none_any_more() -> None:
    world = steady(routes=())
    world.become(lan("2001:db8:1::1/64", link_local=ANOTHER))
    world.run(150)
    said = [(seen.packet[inet6.IPv6].src, seen.ra.routerlifetime) for seen in world.seen]
    assert said == [(ROUTER, 0), (str(ANOTHER), 1800)] * 3
    assert world.fresh().run(1000).times(lambda seen: seen.packet[inet6.IPv6].src == ROUTER) == []


def test_an_address_that_comes_is_no_new_interface() -> None:
    world = steady(advertise_interface_prefixes=True)
    addresses = (IPv6Interface("2001:db8:1::1/64"), IPv6Interface("2001:db8:9::1/64"))
    world.become(replace(lan(), addresses6=addresses))
    assert "2001:db8:9::/64" in world.run(0).last.prefixes


# Ceasing (6.2.5)


def test_the_last_three_say_that_it_is_no_router() -> None:
    world = steady(advertise_interface_prefixes=True)
    world.sender.cease()
    ceased = world.now
    times = [time - ceased for time in world.run(DAY).multicast()]
    assert times == [0, 3, 6]
    assert all(seen.ra.routerlifetime == 0 for seen in world.seen)
    assert all(seen.prefixes == {"2001:db8:1::/64": (604800, 2592000)} for seen in world.seen)
    assert world.sender.over


def test_one_is_enough_when_the_daemon_stops() -> None:
    world = steady()
    world.sender.cease(finals=1)
    assert len(world.run(100).seen) == 1
    assert world.sender.over


def test_the_final_one_keeps_to_the_rate() -> None:
    world = steady()
    world.sender.request()
    world.run(1)
    world.sender.cease(finals=1)
    assert gaps(world.run(10).multicast()) == [3]


def test_there_are_never_more_than_three_final_ones() -> None:
    world = steady()
    world.sender.cease()
    world.run(4)
    world.sender.cease()
    assert len(world.run(100).seen) == 3


def test_a_stop_makes_them_fewer() -> None:
    world = steady()
    world.sender.cease()
    world.run(1)
    world.sender.cease(finals=1)
    assert len(world.run(100).seen) == 2


def test_nobody_is_answered_any_more_meanwhile() -> None:
    world = steady()
    world.sender.cease()
    world.run(0)
    world.solicit()
    assert not world.sender.request()
    assert world.counters.drops == {"not-advertising": 1}
    assert all(seen.destination == ALL_NODES for seen in world.run(100).seen)
    assert len(world.seen) == 3


def test_ceasing_on_an_interface_that_is_down_is_over_at_once() -> None:
    world = steady()
    world.become(None)
    world.sender.cease()
    assert world.sender.over
    world = steady()
    world.sender.cease()
    world.become(None)
    assert world.sender.over


def test_an_interface_that_is_wanted_again_goes_on() -> None:
    world = steady()
    world.sender.cease()
    world.run(1)
    world.sender.configure(world.config)
    world.run(100)
    assert [seen.ra.routerlifetime for seen in world.seen] == [0, 1800, 1800, 1800]
    assert not world.sender.over


# Answers (6.2.6)


def test_a_solicitation_is_answered_to_all_hosts_within_half_a_second() -> None:
    delays = []
    for seed in range(200):
        world = World(seed=seed).run(100).fresh()
        world.solicit()
        asked = world.now
        (time,) = world.run(1).multicast()
        delays.append(time - asked)
        assert world.counters.solicited == 1
        # The timer is set anew (6.2.6).
        assert 200 <= world.sender.next_time - time <= 600
    assert all(0 <= delay <= MAX_RA_DELAY_TIME for delay in delays)
    assert max(delays) - min(delays) > 0.4


def test_an_answer_within_three_seconds_of_another_waits_for_them_and_a_random_time() -> None:
    world = steady()
    world.solicit()
    (first,) = world.run(0.6).multicast()
    world.solicit()
    second = world.run(5).multicast()[1]
    assert 3 < second - first <= 3.5
    assert world.counters.solicited == 2


def test_many_solicitations_have_one_answer_whose_delay_counts_from_the_first() -> None:
    world = steady()
    world.solicit("::")
    due = world.sender.next_time
    for number in range(1, 100):
        world.solicit(f"fe80::{number:x}")
    assert world.sender.next_time == due
    assert len(world.run(2).seen) == 1
    assert world.counters.solicitations == 100
    assert world.counters.rate_limited == 99


def test_one_that_is_due_before_is_the_answer() -> None:
    world = steady()
    world.run(world.sender.next_time - world.now - 0.000001)
    due = world.sender.next_time
    world.solicit()
    assert world.run(1).multicast() == [due]
    assert world.counters.solicited == 0
    assert world.counters.rate_limited == 1


def test_ten_thousand_solicitations_in_a_second_have_one_answer_in_three() -> None:
    world = steady()
    for number in range(10_000):
        world.sender.solicit(Solicitation(INDEX, LINK_LOCAL + number, bytes(6)))
        world.run(0.0001)
    times = world.run(10).multicast()
    assert times == world.times()
    assert len(times) == 2
    assert all(gap >= MIN_DELAY_BETWEEN_RAS for gap in gaps(times))
    assert world.counters.solicitations == 10_000
    assert world.counters.rate_limited == 10_000 - world.counters.solicited


def test_an_answer_can_go_to_its_host_alone() -> None:
    world = steady(unicast_solicited_advertisements=True)
    due = world.sender.next_time
    world.solicit()
    asked = world.now
    (seen,) = world.run(1).seen
    assert 0 <= seen.at - asked <= MAX_RA_DELAY_TIME
    assert (seen.destination, seen.packet.dst) == (HOST, "52:54:00:12:34:56")
    assert world.sender.next_time == due
    assert world.counters.solicited == 1


def test_it_goes_to_the_hardware_address_that_the_host_tells() -> None:
    world = steady(unicast_solicited_advertisements=True)
    world.solicit(HOST, inet6.ICMPv6NDOptSrcLLAddr(lladdr="52:54:00:00:00:01"))
    assert world.run(1).last.packet.dst == "52:54:00:00:00:01"
    world.solicit(HOST, inet6.ICMPv6NDOptSrcLLAddr(lladdr="33:33:00:00:00:01"))
    assert world.run(1).last.packet.dst == "52:54:00:12:34:56"


def test_a_host_without_an_address_is_answered_to_all() -> None:
    world = steady(unicast_solicited_advertisements=True)
    world.solicit("::")
    assert world.run(1).last.destination == ALL_NODES


def test_one_host_cannot_have_many_answers() -> None:
    world = steady(unicast_solicited_advertisements=True)
    for _ in range(100):
        world.solicit()
    assert len(world.run(1).seen) == 1
    assert world.counters.rate_limited == 99


def test_a_host_is_not_answered_alone_where_all_are_told_before() -> None:
    world = steady(unicast_solicited_advertisements=True)
    world.sender.request()
    world.solicit()
    assert [seen.destination for seen in world.run(1).seen] == [ALL_NODES]


def test_a_crowd_is_answered_together() -> None:
    world = steady(unicast_solicited_advertisements=True)
    for number in range(10_000):
        world.sender.solicit(Solicitation(INDEX, LINK_LOCAL + number, bytes(6)))
    world.run(10)
    assert len(world.multicast()) == 1
    assert len(world.seen) == 17
    assert world.counters.solicited == 17
    assert world.counters.rate_limited == 10_000 - 17


def test_answers_put_the_unsolicited_ones_off() -> None:
    world = steady(max_rtr_adv_interval=20, min_rtr_adv_interval=15)
    before = world.counters.unsolicited
    for _ in range(200):
        world.solicit()
        world.run(7)
    assert all(later - earlier >= 3 for earlier, later in pairwise(world.multicast()))
    assert world.counters.unsolicited == before
    assert world.counters.solicited == 200


def test_an_interface_that_goes_while_something_is_stored_is_sent_nothing() -> None:
    """Its index may be that of another one by then."""
    world = World(prefixes=(PrefixConfig(IPv6Network("2001:db8:7::/64")),))
    world.disk.before = lambda: world.become(None)
    world.run(100)
    assert world.seen == []
    assert world.sender.problem == "VPP has no interface of this name"
    world.disk.before = lambda: None
    world.become(lan(index=9))
    assert [seen.interface for seen in world.run(5).seen] == [9]


def test_the_rate_counts_from_when_it_has_left() -> None:
    """What is to be stored, or VPP, may take its time."""
    world = steady(prefixes=(PrefixConfig(IPv6Network("2001:db8:7::/64")),))

    def slow() -> None:
        world.clock.now += 2
        world.configure(link_mtu=1500)

    world.disk.before = slow
    world.configure(prefixes=(PrefixConfig(IPv6Network("2001:db8:8::/64")),))
    changed = world.now
    assert [time - changed for time in world.run(6).multicast()] == [2, 5]
    assert world.last.options(inet6.ICMPv6NDOptMTU)[0].mtu == 1500
