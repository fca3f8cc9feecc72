"""Every retransmission rule of RFC 8415, sections 7.6, 14.1, 15 and 18.2, on a virtual clock."""

from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest

from tests.dhc6pdclient.world import (
    ADDRESS_ONLY,
    BOTH,
    ONE,
    PD,
    World,
    bound,
    drops,
    gaps,
    instants,
)
from vppdhc.clients.wake import Wake
from vppdhc.dhc6pdclient.config import ClientConfig, Mode
from vppdhc.dhc6pdclient.retransmission import CONFIRM, PARAMETERS, Parameters, next_wait
from vppdhc.dhc6pdclient.states import State
from vppdhc.packet.dhcp6 import MessageType, StatusCode
from vppdhc.packet.options6 import Option

STATELESS = ClientConfig(mode=Mode.STATELESS)


class Extreme(Random):
    """Draws the same all the time: 0 is the least, 1 nearly the most."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def random(self) -> float:
        return self.value


def waits(parameters: Parameters, number: int, random: Random) -> list[float]:
    found: list[float] = []
    for _ in range(number):
        found.append(next_wait(parameters, found[-1] if found else 0.0, random))
    return found


def check_doubling(waited: list[float], first: float, most: float) -> None:
    """See that waits follow section 15."""
    assert first * 0.9 <= waited[0] <= first * 1.1
    for before, after in pairwise(waited):
        if before * 1.9 > most:
            assert most * 0.9 <= after <= most * 1.1
        else:
            assert before * 1.9 <= after <= min(before * 2.1, most * 1.1)


def test_the_parameters_are_those_of_the_standard() -> None:
    """RFC 8415, table 1."""
    wanted = {
        MessageType.SOLICIT: (1, 3600, 0, 0, 1),
        MessageType.REQUEST: (1, 30, 10, 0, 0),
        MessageType.CONFIRM: (1, 4, 0, 10, 1),
        MessageType.RENEW: (10, 600, 0, 0, 0),
        MessageType.REBIND: (10, 600, 0, 0, 0),
        MessageType.INFORMATION_REQUEST: (1, 3600, 0, 0, 1),
        MessageType.RELEASE: (1, 0, 4, 0, 0),
        MessageType.DECLINE: (1, 0, 4, 0, 0),
    }
    assert {kind: (p.irt, p.mrt, p.mrc, p.mrd, p.max_delay) for kind, p in PARAMETERS.items()} == wanted
    assert PARAMETERS[MessageType.CONFIRM] is CONFIRM


@pytest.mark.parametrize("seed", range(5))
def test_waits_double_up_to_the_maximum(seed: int) -> None:
    found = waits(Parameters(irt=10, mrt=600), 20, Random(seed))
    check_doubling(found, 10, 600)
    assert len(set(found)) == 20


@pytest.mark.parametrize(("drawn", "share"), [(0.0, -0.1), (1.0, 0.1), (0.5, 0.0)])
def test_rand_is_within_a_tenth(drawn: float, share: float) -> None:
    random = Extreme(drawn)
    assert next_wait(Parameters(irt=10, mrt=600), 0.0, random) == pytest.approx(10 * (1 + share))
    assert next_wait(Parameters(irt=10, mrt=600), 10.0, random) == pytest.approx(20 + share * 10)
    assert next_wait(Parameters(irt=10, mrt=600), 500.0, random) == pytest.approx(600 * (1 + share))


def test_without_a_maximum_waits_double_for_ever() -> None:
    assert waits(Parameters(irt=1), 12, Extreme(0.5))[-1] == 2048


@pytest.mark.parametrize("drawn", [0.0, 0.3, 0.999999])
def test_the_first_wait_behind_a_solicit_is_longer_than_its_irt(drawn: float) -> None:
    first = next_wait(PARAMETERS[MessageType.SOLICIT], 0.0, Extreme(drawn))
    assert 1 < first <= 1.1


def test_solicit() -> None:
    world = World(silent=True)
    world.run(6 * 3600)
    times = instants(world, "solicit")
    check_doubling(gaps(times), 1, 3600)
    assert gaps(times)[0] > 1
    assert 0 <= times[0] - 10_000 <= 1
    assert len({heard.message.transaction_id for heard in world.heard}) == 1
    assert len(times) > 13


def test_the_first_solicit_waits_for_a_random_time() -> None:
    begun = {instants(World(seed=seed, silent=True).run(5), "solicit")[0] for seed in range(10)}
    assert len(begun) == 10
    assert max(begun) <= 10_001


def test_elapsed_time_counts_from_the_first_transmission() -> None:
    world = World(silent=True)
    world.run(3000)
    first = world.heard[0].at
    assert world.heard[0].elapsed == 0
    for heard in world.heard:
        assert heard.elapsed == min(int((heard.at - first) * 100), 0xFFFF)
    assert world.heard[-1].elapsed == 0xFFFF


def test_sol_max_rt_of_a_server_is_used_also_without_an_offer() -> None:
    world = World(gives={}, options={Option.SOLMAX_RT: 120})
    world.run(3600)
    check_doubling(gaps(instants(world, "solicit")), 1, 120)
    assert world.talk.limits.sol_max_rt == 120
    assert world.state is State.SOLICITING


@pytest.mark.parametrize("value", [0, 59, 86_401, 0xFFFFFFFF])
def test_a_sol_max_rt_out_of_range_is_ignored(value: int) -> None:
    world = World(gives={}, options={Option.SOLMAX_RT: value, Option.INF_MAX_RT: value})
    world.run(10)
    assert world.talk.limits.sol_max_rt == world.talk.limits.inf_max_rt == 3600


@pytest.mark.parametrize("value", [60, 86_400])
def test_the_ends_of_the_range_of_sol_max_rt(value: int) -> None:
    world = World(gives={}, options={Option.SOLMAX_RT: value, Option.INF_MAX_RT: value})
    world.run(10)
    assert world.talk.limits.sol_max_rt == world.talk.limits.inf_max_rt == value


def test_another_network_has_its_own_limits() -> None:
    world = World(gives={}, options={Option.SOLMAX_RT: 120})
    world.run(10)
    world.server.options = {}
    world.link_down()
    world.run(1)
    world.link_up()
    world.run(1)
    assert world.talk.limits.sol_max_rt == 3600


def test_request_is_sent_ten_times() -> None:
    world = World(answers={"solicit"})
    world.run(300)
    first = instants(world, "solicit")
    requests = [at for at in instants(world, "request") if at < first[1]]
    assert len(requests) == 10
    check_doubling(gaps(requests), 1, 30)
    assert len({heard.message.transaction_id for heard in world.heard if heard.at in requests}) == 1
    assert "does not grant what it offers" in world.journal.problem


def test_renew_until_t2_and_rebind_until_the_end() -> None:
    world = bound(t1=10_000, t2=16_000, preferred=20_000, valid=30_000)
    got = world.bindings.get(PD).renewed
    assert got is not None
    world.server.silent = True
    world.run(40_000)
    renews, rebinds = instants(world, "renew"), instants(world, "rebind")
    assert renews[0] == got + 10_000
    assert renews[-1] < got + 16_000
    check_doubling(gaps(renews), 10, 600)
    assert rebinds[0] == got + 16_000
    assert rebinds[-1] < got + 30_000
    check_doubling(gaps(rebinds), 10, 600)
    solicits = instants(world, "solicit")
    assert got + 30_000 <= solicits[1] <= got + 30_001


def test_confirm_for_ten_seconds() -> None:
    world = bound(ADDRESS_ONLY)
    world.server.silent = True
    world.restart()
    began = world.now
    world.run(60)
    times = instants(world, "confirm")
    assert 0 < times[0] - began <= 1
    check_doubling(gaps(times), 1, 4)
    assert times[-1] < times[0] + 10
    assert world.state is State.BOUND


def test_rebind_that_confirms_prefixes_has_the_times_of_confirm() -> None:
    world = bound(BOTH)
    world.server.silent = True
    world.restart()
    began = world.now
    world.run_until(State.BOUND, most=20)
    times = instants(world, "rebind")
    assert 0 < times[0] - began <= 1
    check_doubling(gaps(times), 1, 4)
    assert times[0] + 10 <= world.now <= times[0] + 10.1


def test_information_request() -> None:
    world = World(STATELESS, silent=True)
    world.run(6 * 3600)
    times = instants(world, "information-request")
    assert 0 <= times[0] - 10_000 <= 1
    check_doubling(gaps(times), 1, 3600)


def test_inf_max_rt_of_a_server_is_used() -> None:
    world = World(STATELESS, options={Option.INF_MAX_RT: 100}, status=StatusCode.UNSPEC_FAIL)
    world.run(3600)
    check_doubling(gaps(instants(world, "information-request")), 1, 100)


def test_release_is_sent_four_times() -> None:
    world = bound()
    world.server.silent = True
    world.wake(Wake.RELEASE)
    world.run(100)
    times = instants(world, "release")
    assert len(times) == 4
    check_doubling(gaps(times), 1, 1000)
    assert world.state is State.RELEASED


def test_decline_is_sent_four_times() -> None:
    world = bound(BOTH)
    world.server.silent = True
    world.tenant.taken = {"2001:db8::50"}
    world.wake(Wake.UP)
    world.run(30)
    times = instants(world, "decline")
    assert len(times) == 4
    check_doubling(gaps(times), 1, 1000)


def test_each_exchange_has_another_transaction() -> None:
    world = bound()
    world.run(20_000)
    transactions = [heard.message.transaction_id for heard in world.heard]
    assert len(set(transactions)) == len(transactions) > 10


def test_no_more_than_twenty_messages_in_a_row_and_one_a_second() -> None:
    """RFC 8415, 14.1: a server that keeps the client busy, and an operator who does."""
    world = bound()
    for _ in range(500):
        world.wake(Wake.RENEW)
        world.run(0.05)
    times = instants(world, "renew")
    assert len(times) > 30
    for start in times:
        for seconds in (1, 5, 20):
            assert sum(1 for at in times if start <= at < start + seconds) <= 20 + seconds


def test_lifetimes_of_a_second_do_not_flood_the_link() -> None:
    world = World(t1=0, t2=0, preferred=1, valid=1)
    world.run(600)
    assert len(world.heard) <= 20 + 600 + 1


def test_a_refusal_behind_each_offer_is_asked_for_more_and_more_seldom() -> None:
    world = World(breaks_its_word=True)
    world.run(4 * 3600)
    pauses = gaps(instants(world, "solicit"))
    assert pauses[-1] > 1800
    assert len(pauses) < 30
    assert "NoPrefixAvail (sorry) of ia-pd 1" in world.journal.problem
    assert drops(world) == {}


def test_a_config_without_rapid_commit_ignores_it() -> None:
    world = World(replace(ONE, rapid_commit=False), rapid=True)
    world.run(5)
    assert world.server.types() == ["solicit", "request"]
