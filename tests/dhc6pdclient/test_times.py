"""T1, T2 and lifetimes (RFC 8415, 7.7, 14.2, 21.4, 21.6, 21.21 and 21.22)."""

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dhc6pdclient.world import NA, PD, PREFIX, SECOND_PREFIX, TWO, World, bound, counts, drops, kinds
from vppdhc.dhc6pdclient.config import ClientConfig, IaPd
from vppdhc.dhc6pdclient.grants import Granted, choose_times
from vppdhc.dhc6pdclient.states import State
from vppdhc.packet.dhcp6 import INFINITY

EVERYTHING = ClientConfig(ia_pds=(IaPd(1), IaPd(2)), ia_nas=(1,))


def granted(preferred: int, valid: int) -> Granted:
    return Granted(next(iter(bound().bindings.get(PD).prefixes)), preferred, valid, None)


LEASE = granted(3600, 7200)


@pytest.mark.parametrize(
    ("t1", "t2", "preferred", "valid", "wanted"),
    [
        (1800, 2880, 3600, 7200, (1800, 2880)),
        (0, 0, 3600, 7200, (1800, 2880)),
        (1000, 0, 3600, 7200, (1000, 2880)),
        (3000, 0, 3600, 7200, (3000, 3000)),
        (0, 1000, 3600, 7200, (1000, 1000)),
        (0, 3000, 3600, 7200, (1800, 3000)),
        (7200, 8000, 3600, 7200, (1800, 2880)),
        (1800, 7200, 3600, 7200, (1800, 2880)),
        (INFINITY, INFINITY, 3600, 7200, (1800, 2880)),
        (600, INFINITY, 3600, 7200, (600, 2880)),
        (0, 0, 0, 7200, (3600, 5760)),
        (0, 0, 1, 1, (1, 1)),
        (0, 0, INFINITY, INFINITY, (INFINITY, INFINITY)),
        (INFINITY, INFINITY, INFINITY, INFINITY, (INFINITY, INFINITY)),
        (3600, 7200, INFINITY, INFINITY, (3600, 7200)),
        (3600, INFINITY, INFINITY, INFINITY, (3600, INFINITY)),
        (0, 0, 3600, INFINITY, (1800, 2880)),
    ],
)
def test_times_that_are_missing_or_senseless(
    t1: int, t2: int, preferred: int, valid: int, wanted: tuple[int, int]
) -> None:
    assert choose_times(t1, t2, [LEASE._replace(preferred=preferred, valid=valid)]) == wanted


def test_the_shortest_of_several_lifetimes_counts() -> None:
    leases = [LEASE, LEASE._replace(preferred=1000, valid=5000), LEASE._replace(preferred=0, valid=6000)]
    assert choose_times(0, 0, leases) == (500, 800)


SECONDS = st.one_of(st.integers(0, 100), st.integers(0, INFINITY), st.just(INFINITY))


@given(SECONDS, SECONDS, SECONDS, SECONDS)
def test_t1_comes_before_t2_and_both_before_the_end(t1: int, t2: int, preferred: int, valid: int) -> None:
    preferred, valid = min(preferred, valid), max(preferred, valid, 2)
    t1, t2 = (min(t1, t2), max(t1, t2)) if t2 else (t1, t2)
    renewal, rebinding = choose_times(t1, t2, [LEASE._replace(preferred=preferred, valid=valid)])
    assert 0 < renewal <= rebinding
    assert rebinding < valid or valid == INFINITY
    if 0 < t1 <= t2 < valid:
        assert (renewal, rebinding) == (t1, t2)


def test_times_count_from_when_the_reply_came() -> None:
    world = World(delay=0.9)
    world.run(10)
    lease = world.bindings.get(PD).leases[0]
    assert lease.granted_at == world.heard[-1].at + 0.9
    assert lease.valid_until == lease.granted_at + 7200
    assert lease.preferred_until == lease.granted_at + 3600
    assert world.bindings.renewal == lease.granted_at + 1800


def test_an_association_with_t1_behind_t2_is_left_aside() -> None:
    world = World(t1=3000, t2=2000)
    world.run(30)
    assert world.state is State.SOLICITING
    assert drops(world)["bad-identity-association"] == len(world.heard)


def test_t1_behind_a_t2_of_zero_is_no_mistake() -> None:
    assert bound(t1=3000, t2=0).bindings.get(PD).t1 == 3000


def test_a_lease_with_preferred_behind_valid_is_left_aside_alone() -> None:
    world = bound(TWO, lifetimes={SECOND_PREFIX: (200, 100)})
    assert world.tenant.has == [PREFIX]
    assert drops(world)["bad-lease"] == 2


def test_all_associations_are_renewed_together_at_the_earliest_t1() -> None:
    world = World(EVERYTHING, t1=0, t2=0, lifetimes={SECOND_PREFIX: (1000, 2000)})
    world.run(5)
    got = world.bindings.get(PD).renewed
    assert got is not None
    world.run(501)
    assert world.heard[-1].type == "renew"
    assert world.heard[-1].at == got + 500
    assert len(world.heard[-1].ias) == 3
    assert world.bindings.get(NA).renewed == world.bindings.get(PD).renewed != got


def test_a_lease_without_end_is_never_renewed() -> None:
    world = bound(t1=INFINITY, t2=INFINITY, preferred=INFINITY, valid=INFINITY)
    world.run(10 * 365 * 86_400)
    assert len(world.heard) == 2
    assert world.bindings.expires == math.inf
    assert world.tenant.has == [PREFIX]


def test_a_lease_without_end_is_renewed_where_its_server_says_when() -> None:
    world = bound(t1=3600, t2=INFINITY, preferred=INFINITY, valid=INFINITY)
    world.run(3601)
    assert world.server.types() == ["solicit", "request", "renew"]
    world.server.silent = True
    world.run(100_000)
    assert world.state is State.RENEWING
    assert world.tenant.has == [PREFIX]


def test_a_deprecated_prefix_is_renewed_all_the_same() -> None:
    world = bound(t1=0, t2=0, preferred=0, valid=1000)
    world.run(501)
    assert world.server.types() == ["solicit", "request", "renew"]


def test_two_weeks_in_less_than_a_second() -> None:
    world = bound(EVERYTHING)
    began = time.process_time()
    world.run(14 * 86_400)
    took = time.process_time() - began
    assert 670 <= counts(world)["renew"] <= 672
    assert len(world.tenant.has) == 3
    assert kinds(world) == ["prefix-delegated", "prefix-delegated", "bound"]
    print(f"two weeks with {counts(world)['renew']} renewals took {took:.2f} s")


def test_months_of_everything() -> None:
    """Servers come and go at every stage; the client has always a lease when one is there."""
    world = bound(EVERYTHING, preferred=40_000, valid=86_400, t1=0, t2=0)
    for _ in range(20):
        world.server.silent = world.random.random() < 0.5
        world.server.forgot = world.random.random() < 0.5
        world.server.gives[PD] = [f"2001:db8:{world.random.randint(1, 0xFF):x}00::/56"]
        world.run(world.random.uniform(0, 4 * 86_400))
        world.server.silent = False
        world.run(3 * 86_400)
        assert [str(prefix) for prefix in world.bindings.get(PD).prefixes] == world.server.gives[PD]
