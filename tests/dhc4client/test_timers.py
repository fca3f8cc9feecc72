"""Every timer of RFC 2131, on a virtual clock."""

import math
import time
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dhc4client.provider import SERVER_MAC
from tests.dhc4client.world import World, bound, by_type, counts, drops, gaps
from vppdhc.clients.wake import Wake
from vppdhc.dhc4client.config import INFINITE
from vppdhc.dhc4client.states import State
from vppdhc.dhc4client.terms import sane_times
from vppdhc.packet.dhcp4 import MessageType
from vppdhc.packet.options4 import Option


def instants(world: World, kind: str) -> list[float]:
    return [heard.at for heard in by_type(world.heard)[kind]]


def test_discover_is_repeated_after_4_8_16_32_and_then_64_seconds() -> None:
    world = World()
    world.server.silent = True
    world.run(3600)
    waits = gaps(instants(world, "discover"))
    for wait, wanted in zip(waits, [4, 8, 16, 32] + [64] * (len(waits) - 4), strict=True):
        assert wanted - 1 <= wait <= wanted + 1
    assert len(waits) > 50
    assert len(set(waits)) == len(waits)  # with jitter
    assert len({heard.message.xid for heard in world.heard}) == 1


def test_a_server_that_was_silent_for_an_hour() -> None:
    world = World()
    world.server.silent = True
    world.run(3600)
    assert "no DHCP server answers" in world.journal.problem
    secs = [heard.message.secs for heard in world.heard]
    assert secs == sorted(secs)
    assert secs[0] == 0
    assert secs[-1] > 3000
    world.server.silent = False
    world.run(70)
    assert world.state is State.BOUND
    request = world.heard[-1]
    assert request.message.secs == by_type(world.heard)["discover"][-1].message.secs  # RFC 2131, 3.1, step 3
    assert world.journal.problem == ""


def test_secs_do_not_overflow() -> None:
    world = World()
    world.server.silent = True
    world.run(80_000)
    assert world.heard[-1].message.secs == 0xFFFF


def test_request_is_sent_four_times_in_a_minute() -> None:
    world = World()
    world.server.answers = {"discover"}
    world.run(65)
    waits = gaps(instants(world, "request")[:4])
    for wait, wanted in zip(waits, [4, 8, 16], strict=True):
        assert wanted - 1 <= wait <= wanted + 1
    assert 28 <= instants(world, "discover")[1] - instants(world, "request")[3] <= 33


def test_rebooting_asks_four_times_in_a_minute() -> None:
    world = bound()
    since = len(world.heard)
    world.server.silent = True
    world.restart()
    began = world.now
    world.run_until(State.BOUND, most=100)
    assert 56 <= world.now - began <= 64
    assert world.server.types()[since:] == ["request"] * 4


def test_renewing_begins_at_half_of_the_lease_and_never_later() -> None:
    world = bound(lease_time=10_000)
    asked = world.lease.asked
    world.server.silent = True
    world.run_until(State.RENEWING)
    assert 0.95 * 5000 <= world.heard[-1].at - asked <= 5000


def test_times_of_the_server_are_used() -> None:
    world = bound(options={Option.DHCP_RENEWAL_TIME: 100, Option.DHCP_REBINDING_TIME: 200})
    asked = world.lease.asked
    world.server.silent = True
    world.run_until(State.RENEWING, most=101)
    assert 95 <= world.heard[-1].at - asked <= 100
    world.run_until(State.REBINDING, most=101)
    assert 190 <= by_type(world.heard)["request"][-1].at - asked <= 200


def test_routers_that_started_together_renew_apart() -> None:
    worlds = [World(seed=seed) for seed in range(20)]
    renewals = {world.run(5).lease.renewal for world in worlds}
    assert len(renewals) == 20


def test_renewing_repeats_after_half_of_what_is_left_until_t2() -> None:
    world = bound(lease_time=100_000)
    lease = world.lease
    world.server.silent = True
    world.run(lease.rebinding - world.now - 1)
    times = instants(world, "request")[1:]
    assert all(heard.unicast for heard in world.heard[2:])
    for earlier, later in zip(times, [*times[1:], lease.rebinding], strict=True):
        wanted = min(max(60, (lease.rebinding - earlier) / 2), lease.rebinding - earlier)
        assert later - earlier == pytest.approx(wanted)
    assert len(times) > 5


def test_rebinding_repeats_after_half_of_what_is_left_until_the_end() -> None:
    world = bound(lease_time=100_000)
    lease = world.lease
    world.server.silent = True
    world.run_until(State.REBINDING)
    since = len(world.heard) - 1
    world.run(lease.expires - world.now - 0.5)
    times = [heard.at for heard in world.heard[since:]]
    assert not any(heard.unicast for heard in world.heard[since:])
    for earlier, later in zip(times, [*times[1:], lease.expires], strict=True):
        wanted = min(max(60, (lease.expires - earlier) / 2), lease.expires - earlier)
        assert later - earlier == pytest.approx(wanted)
    world.run(1)
    assert world.state is State.SELECTING


def test_a_lease_counts_from_its_request() -> None:
    world = World()
    world.server.delay = 0.9
    world.run(5)
    request = by_type(world.heard)["request"][0]
    assert world.lease.asked == request.at
    assert world.lease.expires == request.at + 3600


def test_a_renewed_lease_counts_from_the_request_that_was_answered() -> None:
    world = bound()
    world.server.silent = True
    world.run_until(State.RENEWING)
    world.run(100)
    world.server.silent = False
    world.run_until(State.BOUND)
    last = world.heard[-1]
    assert last.message.xid != world.heard[-2].message.xid
    assert world.lease.expires == last.at + 3600


def test_an_answer_to_an_earlier_renewal_is_too_late() -> None:
    world = bound()
    world.server.answers = set()
    world.run_until(State.RENEWING)
    first = world.heard[-1].message
    requests = len(world.heard)
    while len(world.heard) == requests:
        world.run(1)
    world.server.answer(first, MessageType.ACK)
    world.run(1)
    assert world.state is State.RENEWING
    assert drops(world) == {"wrong-transaction": 1}


def test_a_lease_without_end_is_never_renewed() -> None:
    world = bound(lease_time=INFINITE)
    world.run(10 * 365 * 86400)
    assert counts(world)["request"] == 1
    assert world.lease.expires == math.inf
    assert world.vpp.addresses == ["192.0.2.50/24"]


def test_a_lease_without_end_is_renewed_where_its_server_says_when() -> None:
    world = bound(lease_time=INFINITE, options={Option.DHCP_RENEWAL_TIME: 3600, Option.DHCP_REBINDING_TIME: 7200})
    world.run(3600)
    assert counts(world)["request"] == 2


def test_naks_are_answered_more_and_more_seldom() -> None:
    world = World()
    world.server.naks = True
    world.run(6 * 3600)
    pauses = gaps(instants(world, "discover"))
    for number, pause in enumerate(pauses):
        assert pause == pytest.approx(min(2**number, 1800) + 1.03, abs=0.1)
    assert pauses[-1] > 1800
    assert "refuses what it offers" in world.journal.problem


def test_naks_for_more_than_a_month_are_answered_every_half_an_hour() -> None:
    world = World()
    world.server.naks = True
    world.run(40 * 86_400)
    pauses = gaps(instants(world, "discover"))
    assert len(pauses) > 1100
    assert pauses[-1] == pytest.approx(1801, abs=0.1)


def test_a_lease_ends_the_delay_behind_naks() -> None:
    world = World()
    world.server.naks = True
    world.run(200)
    world.server.naks = False
    world.run(300)
    assert world.state is State.BOUND
    world.server.naks = True
    world.wake(Wake.RENEW)
    world.run(0.5)
    refused = world.now
    assert world.state is State.INIT
    world.server.naks = False
    world.run_until(State.BOUND, most=10)
    assert world.now - refused < 3


def test_a_link_that_comes_back_ends_the_delay_behind_naks() -> None:
    world = World()
    world.server.naks = True
    world.run(3600)
    world.link_down()
    world.run(1)
    world.server.naks = False
    world.link_up()
    world.run(15)
    assert world.state is State.BOUND


def test_conflicts_are_answered_more_and_more_seldom() -> None:
    world = World()
    world.check.taken = {"192.0.2.50"}
    world.run(4 * 3600)
    pauses = gaps(instants(world, "discover"))
    for number, pause in enumerate(pauses):
        assert pause == pytest.approx(min(10 * 2**number, 1800) + 1.03, abs=0.1)
    assert pauses[-1] > 1800
    assert counts(world)["decline"] >= 10


def test_refused_leases_are_tried_again_more_and_more_seldom() -> None:
    world = World()
    tries: list[float] = []

    def refuse(item: object) -> str:
        if hasattr(item, "address"):
            tries.append(world.now)
            return "overlaps"
        return ""

    world.vpp.refuses = refuse
    world.run(1700)
    pauses = gaps(sorted(set(tries)))
    assert len(pauses) == 7
    for number, pause in enumerate(pauses):
        assert pause == pytest.approx(min(10 * 2**number, 600))


def test_two_weeks_in_less_than_a_second() -> None:
    world = bound()
    began = time.process_time()
    world.run(14 * 86400)
    took = time.process_time() - began
    renewals = counts(world)["request"] - 1
    assert 672 <= renewals <= 720
    assert world.vpp.addresses == ["192.0.2.50/24"]
    assert [str(event.kind) for event in world.events] == ["bound"]
    print(f"two weeks with {renewals} renewals took {took:.2f} s")


def test_months_of_everything() -> None:
    """Servers come and go at every stage; the client has always a lease when one is there."""
    world = bound(lease_time=86400)
    for _ in range(4):
        world.server.silent = world.random.random() < 0.5
        world.server.gives = f"192.0.2.{world.random.randint(50, 90)}/24"
        world.run(world.random.uniform(0, 10 * 86400))
        world.server.silent = False
        world.run(3 * 86400)
        assert world.vpp.addresses == [world.server.gives]


@pytest.mark.parametrize(
    ("lease", "t1", "t2", "wanted"),
    [
        (3600, None, None, (1800, 3150)),
        (3600, 600, 1200, (600, 1200)),
        (3600, 0, 0, (1800, 3150)),
        (3600, 3600, 7200, (1800, 3150)),
        (3600, 1200, 1200, (685, 1200)),
        (3600, 2000, None, (2000, 3150)),
        (3600, None, 900, (514, 900)),
        (3600, 3150, None, (1800, 3150)),
        (3, None, None, (1, 2)),
        (INFINITE, None, None, (INFINITE, INFINITE)),
        (INFINITE, 10, 20, (10, 20)),
        (INFINITE, 20, 10, (INFINITE, INFINITE)),
        (INFINITE, 10, None, (INFINITE, INFINITE)),
        (INFINITE - 1, INFINITE, INFINITE, ((INFINITE - 1) // 2, (INFINITE - 1) * 7 // 8)),
    ],
)
def test_times_that_are_missing_or_wrong(lease: int, t1: int | None, t2: int | None, wanted: tuple[int, int]) -> None:
    assert sane_times(lease, t1, t2) == wanted


SECONDS = st.one_of(st.none(), st.integers(0, 100), st.integers(0, INFINITE), st.just(INFINITE))


@given(st.one_of(st.integers(3, 100), st.integers(3, INFINITE)), SECONDS, SECONDS)
def test_t1_comes_before_t2_and_t2_before_the_end(lease: int, t1: int | None, t2: int | None) -> None:
    renewal, rebinding = sane_times(lease, t1, t2)
    if lease == INFINITE and renewal == INFINITE:
        assert rebinding == INFINITE
    else:
        assert 0 < renewal < rebinding < lease
    if t1 is not None and t2 is not None and 0 < t1 < t2 < lease and t2 > 1:
        assert (renewal, rebinding) == (t1, t2)


def test_unicast_goes_where_the_last_reply_came_from() -> None:
    world = bound()
    world.server.mac = bytes.fromhex("020000000099")
    lease = world.lease
    world.run(lease.rebinding - world.now - 1)
    assert world.state is State.RENEWING  # the old hardware address does not answer any more; a broadcast is heard
    world.run(2)
    assert world.lease.terms.server_mac == world.server.mac != SERVER_MAC
    world.run(1800)
    assert world.state is State.BOUND
    assert world.heard[-1].packet.destination == int(IPv4Address("192.0.2.1"))
