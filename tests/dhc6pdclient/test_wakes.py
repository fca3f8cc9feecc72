"""What ends a state before its time: the link, routers, the configuration; and what a restart leaves (18.2.12)."""

from dataclasses import replace
from ipaddress import IPv6Address

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
    instants,
    kinds,
    visited,
    wan,
)
from vppdhc.clients.wake import Wake
from vppdhc.dhc6pdclient.config import ClientConfig, IaPd, Mode
from vppdhc.dhc6pdclient.demand import NOTHING, Demand, Flags, demand
from vppdhc.dhc6pdclient.identity import ia_id
from vppdhc.dhc6pdclient.states import State
from vppdhc.packet.options6 import Option

NEITHER = Flags(managed=False, other=False)
OTHER = Flags(managed=False, other=True)
MANAGED_ONLY = Flags(managed=True, other=False)
STATELESS = ClientConfig(mode=Mode.STATELESS)


def test_link_down_keeps_the_lease_and_link_up_asks_any_server() -> None:
    world = bound(BOTH)
    world.link_down()
    world.run(100)
    assert world.state is State.LINK_DOWN
    assert world.tenant.has == [PREFIX, ADDRESS]
    world.link_up()
    world.run(2)
    assert world.server.types()[2:] == ["rebind"]
    assert world.heard[-1].message.get(Option.SERVERID) is None
    assert world.state is State.BOUND
    assert visited(world)[-3:] == ["link-down", "confirming", "bound"]
    assert kinds(world) == ["prefix-delegated", "bound"]


def test_what_ends_while_the_link_is_down_is_lost() -> None:
    world = bound()
    world.link_down()
    world.run(7300)
    assert world.tenant.has == []
    assert world.state is State.LINK_DOWN
    assert world.learned[-1] == {}


def test_an_address_alone_is_confirmed_when_the_link_comes_back() -> None:
    world = bound(ADDRESS_ONLY)
    world.link_down()
    world.run(1)
    world.link_up()
    world.run(3)
    confirm = world.heard[-1]
    assert confirm.type == "confirm"
    assert confirm.wishes(NA) == [ADDRESS]
    assert world.state is State.BOUND
    world.run(1800)
    assert world.heard[-1].type == "renew"


def test_information_is_asked_for_anew_when_the_link_comes_back() -> None:
    world = World(STATELESS)
    world.run(5)
    world.link_down()
    world.run(1)
    world.link_up()
    world.run(2)
    assert world.server.types() == ["information-request"] * 2


def test_another_link_local_address_is_told_at_once() -> None:
    """RFC 8415, 18.2.4: a server that is to send Reconfigure messages has to know where."""
    world = bound()
    moved = wan(link_local=IPv6Address("fe80::77"))
    world.link_up(moved)
    world.run(2)
    assert world.heard[-1].type == "rebind"
    assert world.heard[-1].packet.source == int(IPv6Address("fe80::77"))


def test_restart_within_a_boot_uses_the_lease_at_once_and_rebinds() -> None:
    world = bound(BOTH)
    world.tenant.bindings = replace(world.tenant.bindings, associations=())
    world.restart()
    steps = len(world.tenant.history)
    began = world.began
    world.server.silent = True
    world.run(0.001)
    assert world.tenant.has == [PREFIX, ADDRESS]
    assert len(world.tenant.history) == steps + 1
    assert world.began == began + 1
    assert world.learned[-1] == world.tenure.learned
    world.run(60)
    assert world.state is State.BOUND
    assert set(world.server.types()[2:]) == {"rebind"}
    assert kinds(world) == ["prefix-delegated", "bound"]
    assert "release" not in world.server.types()


def test_restart_behind_a_reboot_uses_nothing_before_a_server_or_its_silence_confirms_it() -> None:
    world = bound()
    world.tenant.adopt(replace(world.bindings, associations=()))
    world.store.same_boot = False
    world.restart()
    world.server.silent = True
    world.run(5)
    assert world.state is State.CONFIRMING
    assert world.tenant.has == []
    world.run(10)
    assert world.state is State.BOUND
    assert world.tenant.has == [PREFIX]


def test_what_there_was_before_a_reboot_does_not_come_back_once_it_is_lost() -> None:
    world = bound()
    world.store.same_boot = False
    world.restart()
    world.run(5)
    world.wake(Wake.RELEASE)
    world.run(1)
    world.wake(Wake.RENEW)
    world.run(5)
    assert world.server.types()[2:] == ["rebind", "release", "solicit", "request"]


def test_restart_behind_a_reboot_with_a_server_that_has_renumbered() -> None:
    world = bound()
    world.store.same_boot = False
    world.server.gives[PD], world.server.zero[PD] = [OTHER_PREFIX], [PREFIX]
    world.restart()
    world.run(3)
    assert world.tenant.has == [OTHER_PREFIX]


def test_restart_with_a_server_that_has_forgotten() -> None:
    world = bound()
    world.server.forgot = True
    world.restart()
    world.run(3)
    assert world.server.types()[2:] == ["rebind", "request"]
    assert world.tenant.has == [PREFIX]


def test_restart_after_the_end_wishes_for_the_old_prefix() -> None:
    world = bound()
    world.server.silent = True
    world.run(10_000)
    world.store.same_boot = False
    world.restart()
    world.run(5)
    assert world.heard[-1].type == "solicit"
    assert world.heard[-1].wishes(PD) == [PREFIX]


def test_begun_is_told_also_where_an_address_is_taken() -> None:
    world = bound(BOTH)
    world.tenant.taken = {ADDRESS}
    began = world.began
    world.restart()
    world.run(1)
    assert world.began > began
    assert world.tenant.has == [PREFIX]


def test_another_duid_gives_the_old_lease_back_by_the_old_one() -> None:
    world = bound()
    old = world.duid
    world.duid = b"\0\3\0\1\2\0\0\0\0\x99"
    world.wake(Wake.CONFIGURED)
    world.run(5)
    assert world.server.types()[2:] == ["release", "solicit", "request"]
    assert world.heard[2].message.get(Option.CLIENTID) == old
    assert world.heard[3].message.get(Option.CLIENTID) == world.duid
    assert world.bindings.duid == world.duid


def test_another_duid_behind_a_reboot() -> None:
    world = bound()
    world.store.same_boot = False
    world.duid = b"\0\3\0\1\2\0\0\0\0\x99"
    world.restart()
    world.run(5)
    assert world.server.types()[2:] == ["release", "solicit", "request"]


def test_a_configured_duid_goes_before_the_router_s() -> None:
    world = bound(replace(ONE, client_duid=b"\0\4" + bytes(16)))
    assert world.heard[0].message.get(Option.CLIENTID) == b"\0\4" + bytes(16)


def test_one_association_more_is_asked_for_at_once() -> None:
    world = bound()
    world.configure(TWO)
    world.run(2)
    assert world.server.types()[2:] == ["rebind"]
    assert world.tenant.has == [PREFIX, SECOND_PREFIX]


def test_one_association_less_is_given_back_alone() -> None:
    world = bound(TWO)
    world.configure(ONE)
    world.run(3)
    assert world.server.types()[2:] == ["release", "rebind"]
    assert set(world.heard[2].ias) == {PD2}
    assert world.tenant.has == [PREFIX]


def test_from_stateful_to_stateless_gives_everything_back() -> None:
    world = bound()
    world.configure(STATELESS)
    world.run(3)
    assert world.server.types()[2:] == ["release", "information-request"]
    assert world.tenant.has == []
    assert world.state is State.INFORMED


def test_iaids_are_of_the_interface_and_a_number_and_stay() -> None:
    assert ia_id("wan0", 0) == 0x488E9BA4  # printf 'wan0 0' | b2sum -l 32
    assert len({ia_id(name, number) for name in ("wan0", "wan1", "tap0") for number in range(4)}) == 12


@pytest.mark.parametrize(
    ("mode", "flags", "wanted"),
    [
        (Mode.AUTO, None, None),
        (Mode.AUTO, NEITHER, NOTHING),
        (Mode.AUTO, OTHER, Demand((PD,), information=True)),
        (Mode.AUTO, MANAGED_ONLY, Demand((PD, NA), information=True)),
        (Mode.AUTO, Flags(managed=True, other=True), Demand((PD, NA), information=True)),
        (Mode.STATEFUL, None, Demand((PD, NA), information=True)),
        (Mode.STATEFUL, NEITHER, Demand((PD, NA), information=True)),
        (Mode.STATELESS, None, Demand((), information=True)),
        (Mode.STATELESS, Flags(managed=True, other=True), Demand((), information=True)),
    ],
)
def test_what_is_asked_for(mode: Mode, flags: Flags | None, wanted: Demand | None) -> None:
    assert demand(replace(BOTH, mode=mode), flags) == wanted


def test_without_associations_the_other_flag_means_information() -> None:
    world = World(ClientConfig(ia_nas=(1,)))
    world.wire.flags = OTHER
    world.run(3)
    assert world.server.types() == ["information-request"]


def test_waits_for_a_router_and_does_what_it_says() -> None:
    world = World(BOTH)
    world.wire.flags = None
    world.run(5)
    assert world.state is State.WAITING
    assert world.heard == []
    world.routers_say(OTHER)
    world.run(3)
    assert set(world.heard[0].ias) == {PD}
    assert world.tenant.has == [PREFIX]


def test_without_any_router_everything_is_asked_for_after_a_while() -> None:
    world = World(BOTH)
    world.wire.flags = None
    world.run(20)
    assert 10_012 <= world.heard[0].at <= 10_013
    assert world.tenant.has == [PREFIX, ADDRESS]


def test_a_router_without_flags_is_waited_for_and_shown() -> None:
    world = World()
    world.wire.flags = NEITHER
    world.run(1000)
    assert world.state is State.WAITING
    assert world.heard == []
    assert "set mode to stateful" in world.journal.problem
    world.routers_say(MANAGED_ONLY)
    world.run(5)
    assert world.state is State.BOUND
    assert world.journal.problem == ""


def test_a_lease_stays_whatever_routers_say() -> None:
    world = bound(BOTH)
    for flags in (NEITHER, None, OTHER):
        world.routers_say(flags)
        world.run(1)
        assert world.state is State.BOUND
        assert world.tenant.has == [PREFIX, ADDRESS]
    assert len(world.heard) == 2


def test_routers_that_are_heard_while_confirming_do_not_end_that() -> None:
    world = bound()
    world.restart()
    world.run(0.001)
    world.routers_say(OTHER)
    world.run(3)
    assert world.server.types()[2:] == ["rebind"]
    assert world.state is State.BOUND


def test_the_address_is_asked_for_once_a_router_says_so() -> None:
    world = World(BOTH)
    world.wire.flags = OTHER
    world.run(5)
    assert world.tenant.has == [PREFIX]
    world.routers_say(MANAGED_ONLY)
    world.run(1801)
    assert world.tenant.has == [PREFIX, ADDRESS]


def test_a_client_that_was_released_rests_whatever_the_link_does() -> None:
    world = bound()
    world.wake(Wake.RELEASE)
    world.run(1)
    world.link_down()
    world.run(1)
    world.link_up()
    world.run(1)
    world.routers_say(OTHER)
    world.run(100)
    assert world.state is State.RELEASED
    assert instants(world, "solicit") == [world.heard[0].at]
    world.configure(replace(ONE, ia_pds=(IaPd(1, length_hint=48),)))
    world.run(5)
    assert world.state is State.BOUND


@pytest.mark.parametrize("wake", list(Wake))
@pytest.mark.parametrize("when", [0.0, 0.5, 1.1, 1.3, 3.0, 1810.0, 3000.0, 7300.0])
@pytest.mark.parametrize("config", [BOTH, ADDRESS_ONLY, STATELESS])
def test_every_wake_in_every_state_leads_on(wake: Wake, when: float, config: ClientConfig) -> None:
    world = World(config)
    world.after(1.2 if when < 1.2 else 2, lambda: setattr(world.server, "silent", True))
    world.run(when)
    world.wake(wake)
    world.run(50)
    world.server.silent = False
    if wake in (Wake.REMOVE, Wake.STOP):
        assert world.over
        return
    world.link_up()
    world.wake(Wake.RENEW)
    world.run(3700)
    assert world.state in (State.BOUND, State.INFORMED)
    assert len(world.tenant.has) == len(config.keys)
