"""Addresses that somebody else uses are declined (RFC 8415, 18.2.8)."""

import pytest

from tests.dhc6pdclient.world import ADDRESS, ADDRESS_ONLY, BOTH, NA, PREFIX, World, gaps, instants, kinds
from vppdhc.dhc6pdclient.config import ClientConfig
from vppdhc.dhc6pdclient.states import State
from vppdhc.packet.options6 import Option

FREE = "2001:db8::60"


def taken(config: ClientConfig = BOTH) -> World:
    world = World(config)
    world.tenant.taken = {ADDRESS}
    return world


def test_the_address_is_declined_and_the_prefix_is_used() -> None:
    world = taken()
    world.run(5)
    decline = world.heard[-1]
    assert world.server.types() == ["solicit", "request", "decline"]
    assert decline.message.get(Option.SERVERID) == world.server.duid
    assert set(decline.ias) == {NA}
    assert decline.wishes(NA) == [ADDRESS]
    assert world.tenant.has == [PREFIX]
    assert world.state is State.BOUND
    assert kinds(world) == ["prefix-delegated", "conflict", "problem"]
    assert f"other hosts use {ADDRESS}: tell the provider" in world.journal.problem


def test_another_address_is_asked_for_after_ten_seconds() -> None:
    world = taken()
    world.run(5)
    world.server.gives[NA] = [FREE]
    world.run(10)
    assert world.server.types() == ["solicit", "request", "decline", "renew"]
    assert world.heard[-1].wishes(NA) == []
    assert world.tenant.has == [PREFIX, FREE]
    assert world.journal.problem == ""


def test_conflicts_are_answered_more_and_more_seldom() -> None:
    world = taken()
    world.run(6 * 3600)
    pauses = gaps(instants(world, "decline"))
    assert [round(pause) for pause in pauses[:5]] == [10, 20, 40, 80, 160]
    assert pauses[-1] == pytest.approx(1800, abs=1)
    assert world.tenant.has == [PREFIX]


def test_an_address_alone_begins_anew_after_ten_seconds() -> None:
    world = taken(ADDRESS_ONLY)
    world.run(8)
    assert world.server.types() == ["solicit", "request", "decline"]
    world.server.gives[NA] = [FREE]
    world.run(10)
    assert world.server.types() == ["solicit", "request", "decline", "solicit", "request"]
    assert 10 <= world.heard[-2].at - world.heard[2].at <= 11
    assert world.tenant.has == [FREE]


def test_a_conflict_with_an_address_in_use_is_found_when_the_link_comes_back() -> None:
    world = World(BOTH)
    world.run(5)
    world.tenant.taken = {ADDRESS}
    world.link_down()
    world.run(1)
    world.link_up()
    world.run(3)
    assert "decline" in world.server.types()
    assert world.tenant.has == [PREFIX]
    assert [str(event.reason) for event in world.events if str(event.kind) == "lost"] == ["declined"]


def test_nothing_of_a_declined_address_is_stored() -> None:
    world = taken()
    world.run(5)
    assert [str(prefix) for prefix in world.store.bindings.get(NA).prefixes] == []
    world = taken(ADDRESS_ONLY)
    world.run(5)
    assert not world.store.bindings.leased
