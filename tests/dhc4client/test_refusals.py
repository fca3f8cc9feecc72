"""What VPP or the disk refuses."""

from ipaddress import IPv4Address

from tests.dhc4client.world import (
    OWNER,
    World,
    bound,
    counts,
    kinds,
    lost,
)
from vppdhc.dhc4client.journal import LostReason
from vppdhc.dhc4client.states import State
from vppdhc.vpp.items import InterfaceAddress, Item

ADDRESS = IPv4Address("192.0.2.50")


def test_refused_network_is_a_problem_and_is_tried_again_whole() -> None:
    world = World()
    overlap = "overlaps 192.0.2.1/24 of lan0"
    world.vpp.refuses = lambda item: overlap if hasattr(item, "address") else ""
    world.run(100)
    assert world.state is State.BOUND  # the lease is kept, and nobody is told that somebody else had the address
    assert "decline" not in counts(world)
    assert world.vpp.held == set()
    assert all(held == () for held in world.vpp.history)  # never half done
    assert not world.tenure.programmed
    assert overlap in world.journal.problem
    assert "problem" in kinds(world)
    assert kinds(world).count("problem") == 1
    world.vpp.refuses = lambda _: ""
    world.run(80)
    assert world.vpp.addresses == ["192.0.2.50/24"]
    assert world.vpp.routes
    assert world.tenure.programmed
    assert world.journal.problem == ""


def test_an_earlier_address_that_is_in_the_way_goes_first() -> None:
    world = bound()
    vpp = world.vpp

    def overlaps(item: Item) -> str:
        """Refuse what VPP does: an address whose network contains that of another one on the interface."""
        wide = isinstance(item, InterfaceAddress) and item.address.network.prefixlen == 16
        return "overlaps" if wide and any(str(one).startswith("192.0.2.50") for one in vpp.wanted[OWNER]) else ""

    vpp.refuses = overlaps
    world.server.gives = "192.0.77.3/16"
    steps = len(vpp.history)
    world.run(1830)
    assert vpp.addresses == ["192.0.77.3/16"]
    held = [[str(item.address) for item in items if hasattr(item, "address")] for items in vpp.history[steps:]]
    assert held == [["192.0.2.50/24"], ["192.0.77.3/16"], ["192.0.77.3/16"]]
    assert "problem" not in kinds(world)
    assert world.tenure.programmed
    assert world.journal.problem == ""


def test_refused_route_leaves_the_address() -> None:
    world = World()
    world.vpp.refuses = lambda item: "no such table" if hasattr(item, "prefix") else ""
    world.run(30)
    assert world.vpp.addresses == ["192.0.2.50/24"]
    assert not world.tenure.programmed
    assert "no such table" in world.journal.problem
    world.vpp.refuses = lambda _: ""
    world.run(60)
    assert world.vpp.routes
    assert world.tenure.programmed


def test_refused_lease_is_renewed_and_expires_like_any_other() -> None:
    world = World()
    world.vpp.refuses = lambda item: "overlaps" if hasattr(item, "address") else ""
    world.run(2000)
    assert counts(world)["request"] == 2
    world.server.silent = True
    world.run(4000)
    assert lost(world) == [LostReason.EXPIRED]


def test_full_disk_does_not_cut_the_router_off() -> None:
    world = World()
    world.store.error = OSError(28, "No space left on device")
    world.run(5)
    assert world.vpp.addresses == ["192.0.2.50/24"]
    assert "No space left" in world.journal.problem
    world.store.error = None
    world.run(1810)
    assert world.journal.problem == ""
    assert world.store.lease is not None
