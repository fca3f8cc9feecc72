"""Each status code, and each association for itself (RFC 8415, 18.2.10)."""

from ipaddress import IPv6Network
from itertools import pairwise

import pytest

from tests.dhc6pdclient.provider import Heard
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
    drops,
    has,
    instants,
    kinds,
    visited,
)
from vppdhc.clients.wake import Wake
from vppdhc.dhc6pdclient.bindings import IaKey
from vppdhc.dhc6pdclient.config import ClientConfig, IaPd
from vppdhc.dhc6pdclient.states import State
from vppdhc.packet.dhcp6 import StatusCode
from vppdhc.packet.options6 import Option

UNKNOWN_STATUS = StatusCode.QUERY_TERMINATED


@pytest.mark.parametrize(
    ("config", "key", "status"),
    [
        (ONE, PD, StatusCode.NO_PREFIX_AVAIL),
        (ADDRESS_ONLY, NA, StatusCode.NO_ADDRS_AVAIL),
        (ONE, PD, StatusCode.UNSPEC_FAIL),
        (ONE, PD, UNKNOWN_STATUS),
    ],
)
def test_an_advertise_without_anything_is_ignored_and_shown(
    config: ClientConfig, key: IaKey, status: StatusCode
) -> None:
    world = World(config, statuses={key: status})
    world.run(60)
    assert world.state is State.SOLICITING
    assert drops(world)["nothing-offered"] == len(world.heard)
    assert "(sorry)" in world.journal.problem
    assert "request" not in world.server.types()
    world.server.statuses = {}
    world.run(120)
    assert world.state is State.BOUND
    assert world.journal.problem == ""


@pytest.mark.parametrize("status", [StatusCode.UNSPEC_FAIL, StatusCode.USE_MULTICAST, UNKNOWN_STATUS])
def test_an_advertise_that_fails_as_a_whole_is_ignored(status: StatusCode) -> None:
    world = World(status=status)
    world.run(30)
    assert world.state is State.SOLICITING
    assert "as it is" in world.journal.problem


def test_a_server_of_old_that_says_for_the_whole_message_what_is_so_of_one_association() -> None:
    world = bound(BOTH, status=StatusCode.NO_ADDRS_AVAIL, unknown={NA})
    assert world.tenant.has == [PREFIX]
    assert world.bindings.get(NA).status.code == StatusCode.NO_ADDRS_AVAIL


def test_two_delegations_of_which_one_fails() -> None:
    world = bound(TWO, statuses={PD2: StatusCode.NO_PREFIX_AVAIL})
    assert world.tenant.has == [PREFIX]
    assert world.bindings.get(PD2).status.code == StatusCode.NO_PREFIX_AVAIL
    assert world.bindings.get(PD2).status.message == "sorry"
    assert "NoPrefixAvail (sorry) of ia-pd 2" in world.journal.problem
    assert kinds(world) == ["prefix-delegated", "problem"]
    world.run(3 * 1800)
    assert all({PD, PD2} == set(heard.ias) for heard in world.heard)  # asked for with each Renew (18.2.4)
    assert kinds(world) == ["prefix-delegated", "problem"]
    world.server.statuses = {}
    world.run(1801)
    assert world.tenant.has == [PREFIX, SECOND_PREFIX]
    assert world.journal.problem == ""
    assert kinds(world)[2:] == ["prefix-delegated"]


def test_an_association_that_the_server_does_not_know_of_at_all() -> None:
    world = bound(BOTH, unknown={NA})
    assert world.tenant.has == [PREFIX]
    assert "nothing of ia-na 1" in world.journal.problem


@pytest.mark.parametrize("how", ["renew", "rebind"])
def test_no_binding_is_answered_by_a_request_and_nothing_is_missing_meanwhile(how: str) -> None:
    world = bound(BOTH)
    steps = len(world.tenant.history)
    world.server.forgot = True
    world.server.gives[PD] = [OTHER_PREFIX]
    world.wake(Wake.RENEW if how == "renew" else Wake.REBIND)
    world.run(2)
    assert world.server.types()[2:] == [how, "request"]
    request = world.heard[-1]
    assert request.message.get(Option.SERVERID) == world.server.duid
    assert request.wishes(PD) == [PREFIX]
    assert request.wishes(NA) == [ADDRESS]
    assert [has(bindings) for bindings in world.tenant.history[steps:]] == [
        [PREFIX, ADDRESS],
        [OTHER_PREFIX, ADDRESS],
    ]
    assert kinds(world) == ["prefix-delegated", "bound", "prefix-changed"]
    assert world.state is State.BOUND


def test_no_binding_for_one_association_leaves_the_other_alone() -> None:
    world = bound(BOTH, statuses={})
    world.server.statuses = {PD: StatusCode.NO_BINDING}
    world.server.watch = lambda heard: world.server.statuses.clear() if heard.type == "request" else None
    world.run(1801)
    assert world.server.types()[2:] == ["renew", "request"]
    assert world.tenant.has == [PREFIX, ADDRESS]
    assert set(world.heard[-1].ias) == {PD, NA}


def test_no_binding_and_then_nothing_left() -> None:
    world = bound(forgot=False)
    world.server.forgot = True
    world.server.gives = {}
    world.run(1802)
    assert world.tenant.has == []
    assert [str(event.reason) for event in world.events if str(event.kind) == "prefix-lost"] == ["no-binding"]
    assert world.state is State.SOLICITING


def test_no_binding_and_then_no_answer() -> None:
    world = bound(BOTH)
    world.server.statuses = {PD: StatusCode.NO_BINDING}
    world.server.answers = {"renew"}
    world.run(1801)
    assert world.state is State.REQUESTING
    assert world.tenant.has == [PREFIX, ADDRESS]
    world.run(300)
    assert world.server.types().count("request") == 11
    assert world.tenant.has == [ADDRESS]
    assert world.state is State.BOUND


def test_a_server_that_says_no_binding_for_ever_is_not_asked_for_ever() -> None:
    world = bound(statuses={})
    world.server.statuses = {PD: StatusCode.NO_BINDING}
    world.run(1900)
    assert world.server.types().count("request") <= 3
    assert world.tenant.has == []
    assert world.state is State.SOLICITING


def test_no_binding_for_the_whole_message() -> None:
    world = bound()
    world.server.status = StatusCode.NO_BINDING
    world.server.unknown = {PD}

    def remember(heard: Heard) -> None:
        if world.server.types() and world.heard[-1].type == "renew":
            world.server.status = None
            world.server.unknown = set()

    world.server.watch = remember
    world.run(1802)
    assert world.server.types()[2:] == ["renew", "request"]
    assert world.tenant.has == [PREFIX]


@pytest.mark.parametrize("status", [StatusCode.UNSPEC_FAIL, StatusCode.USE_MULTICAST, UNKNOWN_STATUS])
def test_a_failure_is_as_if_nothing_had_come_and_the_message_is_repeated(status: StatusCode) -> None:
    world = bound()
    world.server.status = status
    world.run(1801 + 100)
    assert world.state is State.RENEWING
    renews = instants(world, "renew")
    assert len(renews) >= 3
    assert renews[1] - renews[0] >= 9
    assert drops(world) == {"failure-status": len(renews)}
    assert world.tenant.has == [PREFIX]
    assert "(as it is)" in world.journal.problem
    world.server.status = None
    world.run(200)
    assert world.state is State.BOUND
    assert world.journal.problem == ""


def test_a_failure_of_a_request_is_retried_ten_times() -> None:
    world = World()
    world.server.watch = lambda heard: setattr(
        world.server, "status", StatusCode.UNSPEC_FAIL if heard.type == "request" else None
    )
    world.run(250)
    assert world.server.types()[1:11] == ["request"] * 10
    assert world.server.types()[11] == "solicit"


def test_unspec_fail_for_one_association_keeps_what_it_has() -> None:
    world = bound(BOTH)
    world.server.statuses = {PD: StatusCode.UNSPEC_FAIL}
    got = world.bindings.get(PD).renewed
    world.run(1802)
    assert world.tenant.has == [PREFIX, ADDRESS]
    assert world.bindings.get(PD).renewed == got
    assert world.bindings.get(NA).renewed != got
    assert world.state is State.BOUND
    world.server.statuses = {}
    world.run(601)
    assert world.bindings.get(PD).renewed != got


def test_a_renewal_without_my_association_is_put_off_and_then_bound_elsewhere() -> None:
    world = bound(BOTH)
    got = world.bindings.get(PD).renewed
    assert got is not None
    world.server.unknown = {PD}
    world.run(1802)
    assert world.state is State.BOUND
    assert world.tenant.has == [PREFIX, ADDRESS]
    renews = instants(world, "renew")
    world.run(3000)
    renews = instants(world, "renew")
    assert all(later - earlier >= 10 for earlier, later in pairwise(renews))
    assert 3 <= len(world.heard) <= 30
    assert "rebind" in world.server.types()
    world.run(got + 7200 - world.now + 1)
    assert world.tenant.has == [ADDRESS]


def test_a_renewal_without_any_association_is_as_if_it_had_not_come() -> None:
    world = bound(unknown=set())
    world.server.unknown = {PD}
    world.run(1801 + 60)
    assert world.state is State.RENEWING
    assert drops(world) == {"nothing-granted": len(instants(world, "renew"))}


def test_not_on_link_for_a_request_is_asked_for_again_without_prefix() -> None:
    world = World(BOTH)

    def refuse(heard: Heard) -> None:
        wished = world.heard and world.heard[-1].type == "solicit"
        world.server.statuses = {NA: StatusCode.NOT_ON_LINK} if wished else {}

    world.server.watch = refuse
    world.run(5)
    assert world.server.types() == ["solicit", "request", "request"]
    assert world.heard[1].wishes(NA) == [ADDRESS]
    assert world.heard[2].wishes(NA) == []
    assert world.heard[2].wishes(PD) == [PREFIX]
    assert world.tenant.has == [PREFIX, ADDRESS]


def test_not_on_link_for_a_prefix_that_was_wished_for() -> None:
    world = World(ClientConfig(ia_pds=(IaPd(1, prefix_hint=IPv6Network("2001:db8:7700::/56")),)))

    def refuse(_: Heard) -> None:
        wished = world.heard and world.heard[-1].type == "solicit"
        world.server.statuses = {PD: StatusCode.NOT_ON_LINK} if wished else {}

    world.server.watch = refuse
    world.run(5)
    assert world.server.types() == ["solicit", "request", "request"]
    assert world.heard[0].wishes(PD) == ["2001:db8:7700::/56"]
    assert world.heard[2].wishes(PD) == []
    assert world.tenant.has == [PREFIX]


def test_no_binding_for_a_first_request_leads_to_discovery() -> None:
    world = World()
    world.server.watch = lambda heard: setattr(
        world.server, "statuses", {PD: StatusCode.NO_BINDING} if heard.type == "request" else {}
    )
    world.run(5)
    assert world.server.types()[:3] == ["solicit", "request", "solicit"]


def test_not_on_link_for_ever_is_not_asked_for_ever() -> None:
    world = World()
    world.server.watch = lambda heard: setattr(
        world.server, "statuses", {PD: StatusCode.NOT_ON_LINK} if heard.type == "request" else {}
    )
    world.run(600)
    assert 3 <= len(instants(world, "solicit")) <= 11
    assert len(instants(world, "request")) <= 3 * len(instants(world, "solicit"))


def test_not_on_link_for_a_rebind_at_link_up_loses_what_there_was() -> None:
    world = bound()
    world.server.watch = lambda heard: setattr(
        world.server, "statuses", {PD: StatusCode.NOT_ON_LINK} if heard.type == "rebind" else {}
    )
    world.server.gives[PD] = [OTHER_PREFIX]
    world.link_down()
    world.run(1)
    world.link_up()
    world.run(5)
    assert world.tenant.has == [OTHER_PREFIX]
    assert kinds(world) == ["prefix-delegated", "prefix-lost", "prefix-delegated"]
    assert str(world.events[1].reason) == "not-on-link"


def test_not_on_link_for_a_confirm() -> None:
    world = bound(ADDRESS_ONLY)
    world.server.status = StatusCode.NOT_ON_LINK
    world.server.watch = lambda heard: setattr(
        world.server, "status", StatusCode.NOT_ON_LINK if heard.type == "confirm" else None
    )
    world.link_down()
    world.run(1)
    world.link_up()
    world.run(1)
    assert world.tenant.has == []
    assert str(world.events[-1].reason) == "not-on-link"
    world.run(5)
    assert world.server.types()[2:] == ["confirm", "solicit", "request"]
    assert world.tenant.has == [ADDRESS]


def test_a_confirm_that_is_answered_by_success() -> None:
    world = bound(ADDRESS_ONLY)
    world.server.status = StatusCode.SUCCESS
    world.restart()
    world.run(3)
    assert world.server.types()[2:] == ["confirm"]
    assert world.state is State.BOUND


def test_everything_withdrawn_is_requested_anew_at_once() -> None:
    world = bound()
    world.server.gives, world.server.zero = {}, {PD: [PREFIX]}

    def give(heard: Heard) -> None:
        if world.heard[-1].type == "renew":
            world.server.gives, world.server.zero = {PD: [OTHER_PREFIX]}, {}

    world.server.watch = give
    world.run(1801)
    assert world.server.types()[2:] == ["renew", "request"]
    assert world.tenant.has == [OTHER_PREFIX]
    assert str(world.events[1].reason) == "withdrawn"


def test_one_of_two_withdrawn_leaves_the_other() -> None:
    world = bound(TWO)
    world.server.gives, world.server.zero = {PD: [PREFIX]}, {PD2: [SECOND_PREFIX]}
    world.run(1805)
    assert world.tenant.has == [PREFIX]
    assert world.state is State.BOUND
    assert "request" in world.server.types()[3:]


def test_what_is_withdrawn_beside_a_refusal_has_gone() -> None:
    """Kea says NoPrefixAvail and gives the prefix without lifetimes where its pool was taken away."""
    world = bound(statuses={})
    world.server.statuses, world.server.zero = {PD: StatusCode.NO_PREFIX_AVAIL}, {PD: [PREFIX]}
    world.wake(Wake.RENEW)
    world.run(1)
    assert world.tenant.has == []
    assert str(world.events[1].reason) == "withdrawn"
    assert world.state is State.SOLICITING
    assert "NoPrefixAvail (sorry) of ia-pd 1" in world.journal.problem


def test_what_is_withdrawn_beside_a_refusal_leaves_the_others() -> None:
    world = bound(TWO)
    world.server.statuses, world.server.zero = {PD: StatusCode.NO_PREFIX_AVAIL}, {PD: [PREFIX]}
    world.server.unknown = {PD2}
    world.wake(Wake.RENEW)
    world.run(1)
    assert world.tenant.has == [SECOND_PREFIX]
    assert world.state is State.BOUND


def test_the_states_of_a_server_that_forgot() -> None:
    world = bound()
    world.server.forgot = True
    world.run(1801)
    assert visited(world)[-4:] == ["bound", "renewing", "requesting", "bound"]
    assert kinds(world) == ["prefix-delegated"]
    assert world.bindings.get(PD).prefixes == tuple(lease.prefix for _, lease in world.bindings.leases)
