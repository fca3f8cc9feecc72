"""The exchanges of RFC 8415, 18.2: which message leads from which state to which."""

from dataclasses import replace
from ipaddress import IPv6Network

import pytest

from tests.dhc6pdclient.world import (
    ADDRESS,
    ADDRESS_ONLY,
    BOTH,
    NA,
    ONE,
    OTHER_PREFIX,
    PD,
    PD2,
    PREFIX,
    SECOND_PREFIX,
    TWO,
    World,
    bound,
    counts,
    drops,
    has,
    kinds,
    visited,
)
from vppdhc.clients.wake import Wake
from vppdhc.dhc6pdclient.config import ClientConfig, IaPd, OnStop
from vppdhc.dhc6pdclient.states import State
from vppdhc.packet.dhcp6 import MessageType, StatusCode
from vppdhc.packet.options6 import Option

RAPID = replace(ONE, rapid_commit=True)


def test_four_messages() -> None:
    world = bound()
    assert visited(world) == ["soliciting", "requesting", "bound"]
    assert world.server.types() == ["solicit", "request"]
    assert world.tenant.has == [PREFIX]
    assert kinds(world) == ["prefix-delegated"]
    assert world.learned == [world.tenure.learned]
    assert counts(world) == {"solicit": 1, "advertise": 1, "request": 1, "reply": 1}


def test_the_request_names_its_server_and_what_that_offered() -> None:
    request = bound().heard[-1]
    assert request.message.get(Option.SERVERID) == bound().server.duid
    assert request.wishes(PD) == [PREFIX]


def test_prefix_and_address_in_one_exchange() -> None:
    world = bound(BOTH)
    assert world.server.types() == ["solicit", "request"]
    assert world.tenant.has == [PREFIX, ADDRESS]
    assert kinds(world) == ["prefix-delegated", "bound"]


def test_rapid_commit() -> None:
    world = World(RAPID, rapid=True)
    world.run(2)
    assert world.server.types() == ["solicit"]
    assert world.state is State.BOUND
    assert visited(world) == ["soliciting", "bound"]
    assert world.bindings.get(PD).renewed == world.heard[0].at + world.server.delay


def test_rapid_commit_with_a_server_that_does_not_know_it() -> None:
    world = World(RAPID, rapid=False)
    world.run(5)
    assert world.server.types() == ["solicit", "request"]
    assert world.state is State.BOUND


def test_a_reply_to_a_solicit_without_rapid_commit_is_not_believed() -> None:
    world = World(RAPID, answers=set())
    world.run(1)
    world.server.answer(world.heard[0], MessageType.REPLY)
    world.run(0.5)
    assert world.state is State.SOLICITING
    assert drops(world) == {"no-rapid-commit": 1}


def test_advertises_are_collected_for_the_first_wait() -> None:
    world = World()
    other = world.add_server(2, preference=10, delay=0.9)
    world.run(5)
    assert world.bindings.server == other.duid
    assert 1 < other.heard[1].at - other.heard[0].at <= 1.1


def test_a_preference_of_255_is_chosen_at_once() -> None:
    world = World(preference=255)
    world.add_server(2, preference=254, gives={PD: [PREFIX], PD2: [SECOND_PREFIX]})
    world.run(5)
    solicit, request = world.heard[:2]
    assert request.at - solicit.at == pytest.approx(0.01)
    assert world.bindings.server == world.server.duid


def test_behind_the_first_wait_the_first_advertise_is_taken_at_once() -> None:
    world = World(silent=True)
    world.run(10)
    world.server.silent = False
    world.run(20)
    solicit, request = world.heard[-2:]
    assert (solicit.type, request.type) == ("solicit", "request")
    assert request.at - solicit.at == pytest.approx(0.01)


def test_a_server_that_does_not_grant_what_it_offers_is_followed_by_the_next() -> None:
    world = World(preference=200, answers={"solicit"})
    other = world.add_server(2)
    world.run(400)
    assert world.bindings.server == other.duid
    assert world.server.types().count("solicit") == 1


def test_renewing_and_back() -> None:
    world = bound(BOTH)
    world.run(1800)
    assert visited(world)[-2:] == ["renewing", "bound"]
    renew = world.heard[-1]
    assert renew.type == "renew"
    assert renew.message.get(Option.SERVERID) == world.server.duid
    assert renew.wishes(PD) == [PREFIX]
    assert renew.wishes(NA) == [ADDRESS]
    assert kinds(world) == ["prefix-delegated", "bound"]
    assert len(world.tenant.history) == 3, "nothing at first, then granted, then renewed"


def test_server_gone_another_one_takes_over_by_rebind() -> None:
    world = bound()
    other = world.add_server(2)
    world.server.silent = True
    world.run(2900)
    assert world.state is State.BOUND
    assert other.heard[-1].message.get(Option.SERVERID) is None
    assert world.bindings.server == other.duid
    assert world.bindings.get(PD).server == other.duid
    assert world.tenant.has == [PREFIX]


def test_server_gone_everything_is_lost_at_its_end_and_not_before() -> None:
    world = bound()
    expires = world.bindings.expires
    world.server.silent = True
    world.run(expires - world.now - 0.01)
    assert world.tenant.has == [PREFIX]
    assert world.state is State.REBINDING
    world.run(0.02)
    assert world.tenant.has == []
    assert world.state is State.SOLICITING
    assert world.learned[-1] == {}
    assert kinds(world) == ["prefix-delegated", "problem", "prefix-lost"]
    assert str(world.events[-1].reason) == "expired"
    world.server.silent = False
    world.run(3600)
    assert world.tenant.has == [PREFIX]


def test_behind_the_end_the_old_prefix_is_wished_for() -> None:
    world = bound()
    world.server.silent = True
    world.run(8000)
    assert world.heard[-1].type == "solicit"
    assert world.heard[-1].wishes(PD) == [PREFIX]


def test_one_prefix_ends_before_another() -> None:
    world = World(TWO, t1=0, t2=0, lifetimes={SECOND_PREFIX: (900, 1800)})
    world.run(5)
    assert world.tenant.has == [PREFIX, SECOND_PREFIX]
    ends = world.bindings.next_expiry
    world.server.silent = True
    world.run(ends - world.now - 0.01)
    assert world.tenant.has == [PREFIX, SECOND_PREFIX]
    world.run(0.02)
    assert world.tenant.has == [PREFIX]
    assert world.bindings.leased
    assert world.heard[-1].type == "rebind"
    world.server.silent = False
    world.run(700)
    assert world.tenant.has == [PREFIX, SECOND_PREFIX]


def test_renumbering_by_zero_lifetimes_is_one_step() -> None:
    world = bound()
    steps = len(world.tenant.history)
    world.server.gives[PD], world.server.zero[PD] = [OTHER_PREFIX], [PREFIX]
    world.wake(Wake.RENEW)
    world.run(1)
    assert [has(bindings) for bindings in world.tenant.history[steps:]] == [[OTHER_PREFIX]]
    event = world.events[-1]
    assert str(event.kind) == "prefix-changed"
    assert event.previous is not None
    assert str(event.previous.prefix) == PREFIX


def test_a_prefix_that_a_reply_leaves_out_lives_until_its_end() -> None:
    world = bound()
    world.server.gives[PD] = [OTHER_PREFIX]
    world.run(1801)
    assert world.tenant.has == [OTHER_PREFIX, PREFIX]  # the newest first
    world.run(5400)
    assert world.tenant.has == [OTHER_PREFIX]
    assert kinds(world) == ["prefix-delegated", "prefix-delegated", "prefix-lost"]


def test_lifetimes_are_updated_by_each_reply() -> None:
    world = bound()
    world.server.preferred, world.server.valid, world.server.t1, world.server.t2 = 100, 200, 50, 80
    world.wake(Wake.RENEW)
    world.run(1)
    lease = world.bindings.get(PD).leases[0]
    assert (lease.preferred, lease.valid) == (100, 200)
    assert world.bindings.renewal == lease.granted_at + 50
    assert world.bindings.rebinding == lease.granted_at + 80


def test_a_server_that_gives_others_each_time_does_not_fill_the_memory() -> None:
    world = bound(t1=10, t2=20, preferred=0xFFFFFFFF, valid=0xFFFFFFFF)
    for number in range(100):
        world.server.gives[PD] = [f"2001:db8:{number + 1:x}00::/56"]
        world.wake(Wake.RENEW)
        world.run(5)
    assert len(world.tenant.has) == 16
    assert world.tenant.has[0] == "2001:db8:6400::/56"


def test_released_by_an_operator() -> None:
    world = bound(BOTH)
    world.wake(Wake.RELEASE)
    world.run(1)
    assert world.state is State.RELEASED
    release = world.heard[-1]
    assert release.type == "release"
    assert release.message.get(Option.SERVERID) == world.server.duid
    assert release.wishes(PD) == [PREFIX]
    assert release.wishes(NA) == [ADDRESS]
    assert world.tenant.has == []
    assert not world.store.bindings.leased
    assert [str(event.reason) for event in world.events[-2:]] == ["released", "released"]
    world.run(100_000)
    assert world.heard[-1] is release
    world.wake(Wake.RENEW)
    world.run(5)
    assert world.tenant.has == [PREFIX, ADDRESS]


def test_nothing_is_used_any_more_when_it_is_released() -> None:
    world = bound()
    used: list[list[str]] = []
    world.server.watch = lambda _: used.append(world.tenant.has)
    world.wake(Wake.RELEASE)
    world.run(1)
    assert used == [[]]


@pytest.mark.parametrize("status", [StatusCode.NO_BINDING, StatusCode.UNSPEC_FAIL, None])
def test_whatever_is_answered_to_a_release_ends_it(status: StatusCode | None) -> None:
    world = bound(status=None)
    world.server.status = status
    world.wake(Wake.RELEASE)
    world.run(30)
    assert world.server.types().count("release") == 1
    assert world.state is State.RELEASED


@pytest.mark.parametrize(
    ("on_stop", "wake", "has_after", "released"),
    [
        (OnStop.KEEP, Wake.STOP, [PREFIX], 0),
        (OnStop.KEEP, Wake.REMOVE, [], 0),
        (OnStop.WITHDRAW, Wake.STOP, [], 0),
        (OnStop.RELEASE, Wake.STOP, [], 1),
        (OnStop.RELEASE, Wake.REMOVE, [], 1),
    ],
)
def test_the_end(on_stop: OnStop, wake: Wake, has_after: list[str], released: int) -> None:
    world = bound(replace(ONE, on_stop=on_stop))
    world.wake(wake)
    world.run(1)
    assert world.over
    assert world.tenant.has == has_after
    assert world.server.types().count("release") == released
    assert world.store.bindings.leased is not bool(released)


def test_the_end_while_a_release_is_under_way() -> None:
    world = bound(replace(ONE, on_stop=OnStop.RELEASE))
    world.server.silent = True
    world.wake(Wake.REMOVE)
    world.run(1)
    world.wake(Wake.STOP)
    world.run(0.1)
    assert world.over


@pytest.mark.parametrize(("wake", "kind"), [(Wake.RENEW, "renew"), (Wake.REBIND, "rebind")])
def test_operator_asks_early(wake: Wake, kind: str) -> None:
    world = bound()
    world.wake(wake)
    world.run(1)
    assert world.server.types()[2:] == [kind]
    assert world.state is State.BOUND


@pytest.mark.parametrize("wake", [Wake.RENEW, Wake.REBIND])
def test_operator_asks_for_a_lease_without_end(wake: Wake) -> None:
    world = bound(t1=0xFFFFFFFF, t2=0xFFFFFFFF, preferred=0xFFFFFFFF, valid=0xFFFFFFFF)
    world.server.silent = True
    world.wake(wake)
    world.run(100)
    assert world.state is State.BOUND
    assert world.tenant.has == [PREFIX]
    assert len(world.heard) - 2 <= 4


@pytest.mark.parametrize("wake", [Wake.RENEW, Wake.REBIND])
def test_operator_asks_without_a_lease(wake: Wake) -> None:
    world = World(silent=True)
    world.run(3000)
    world.server.silent = False
    world.wake(wake)
    world.run(5)
    assert world.state is State.BOUND


def test_a_problem_of_the_tenant_is_shown_until_it_has_gone() -> None:
    world = World()
    world.tenant.problem = "VPP refuses the address"
    world.run(5)
    assert world.journal.problem == "VPP refuses the address"
    world.tenant.problem = ""
    world.run(1801)
    assert world.journal.problem == ""


def test_a_disk_that_is_full_does_not_cut_the_router_off() -> None:
    world = World()
    world.tenant.stored = None
    world.store.error = OSError(28, "No space left on device")
    world.run(5)
    assert world.tenant.has == [PREFIX]
    assert "No space left on device" in world.journal.problem
    world.store.error = None
    world.run(1801)
    assert world.journal.problem == ""
    assert world.store.bindings == world.bindings


def test_a_listener_that_fails_does_not_matter() -> None:
    world = World()

    def fail(_: object) -> None:
        raise RuntimeError

    world.journal._tell = fail
    world.run(5)
    assert world.tenant.has == [PREFIX]


def test_hints() -> None:
    config = ClientConfig(
        ia_pds=(IaPd(1, length_hint=56), IaPd(2, prefix_hint=IPv6Network("2001:db8:7700::/56"))), ia_nas=(1,)
    )
    world = World(config, silent=True)
    world.run(2)
    assert world.heard[0].wishes(PD) == ["::/56"]
    assert world.heard[0].wishes(PD2) == ["2001:db8:7700::/56"]
    assert world.heard[0].wishes(NA) == []


def test_an_address_alone() -> None:
    world = bound(ADDRESS_ONLY)
    assert world.tenant.has == [ADDRESS]
    assert not world.bindings.delegated
