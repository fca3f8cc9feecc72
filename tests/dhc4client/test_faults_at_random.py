"""Whatever goes wrong, in the end VPP has what the lease says, and nothing else of ours."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path
from random import Random

import pytest

from tests.dhc4client.faults import Faults
from tests.dhc4client.world import World
from tests.vpp.conftest import VirtualClock
from tests.vpp.programmed import Programmed
from tests.vppsim.rig import make_rig
from vppdhc.dhc4client.config import ClientConfig
from vppdhc.vpp.items import InterfaceAddress, Item, Route

PREFIXES = ("0.0.0.0/0", "10.0.0.0/8", *(f"192.0.2.{host}/32" for host in range(1, 10)))
SHORT = 1200
"""Seconds of a lease: short enough to end in many of the faults."""


class Simple:
    """The fake VPP of the world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def lose(self) -> None:
        self._world.vpp.go()

    def find(self) -> None:
        self._world.vpp.come()

    def refuse(self) -> None:
        self._world.vpp.refuses = lambda item: "overlaps" if isinstance(item, InterfaceAddress) else ""

    def permit(self) -> None:
        self._world.vpp.refuses = lambda _: ""

    def meddle(self, rng: Random) -> None:
        """What somebody takes away is put back by the reconciler, which is not here."""

    def restart_daemon(self) -> None:
        self._world.restart()

    def holds(self) -> set[Item]:
        return self._world.vpp.held


class Routed:
    """A router, with the reconciler of the daemon between it and the client."""

    def __init__(self, bench: Programmed, name: str) -> None:
        self.world = World(clock=bench.clock, interface=bench.table.named(name), programmer=bench.programming)
        self._bench = bench
        self._name = name

    def lose(self) -> None:
        self._bench.lose()

    def find(self) -> None:
        self._bench.place(again=True)
        self._find_interface()

    def refuse(self) -> None:
        self._bench.faults.refusals["sw_interface_add_del_address"] = -105

    def permit(self) -> None:
        self._bench.faults.refusals.clear()

    def meddle(self, rng: Random) -> None:
        held = sorted(self.holds(), key=str)
        if held:
            one = rng.choice(held)
            if isinstance(one, InterfaceAddress):
                self._bench.other_address(one, add=False)
            elif isinstance(one, Route):
                self._bench.other_route(one, add=False)

    def restart_daemon(self) -> None:
        self._bench.start()
        self.world.programmer = self._bench.programming
        self.world.restart()

    def holds(self) -> set[Item]:
        self._bench.later()
        routes = {plain(route) for route in self._bench.routes(*PREFIXES) if route.kind == "unicast"}
        return {*self._bench.addresses(), *routes}

    def _find_interface(self) -> None:
        found = self._bench.table.named(self._name)
        assert found is not None
        self.world.home = found


def plain(route: Route) -> Route:
    """Return a route as it was wanted: VPP shows a host on the link as its own next hop."""
    itself = route.prefix.num_addresses == 1 and route.next_hop == route.prefix.network_address
    return replace(route, next_hop=None) if itself else route


def test_a_thousand_faults() -> None:
    world = World(ClientConfig(default_route=True), seed=3)
    world.server.lease_time = SHORT
    faults = Faults(world, Simple(world), seed=4)
    for _ in range(250):
        for _ in range(4):
            faults.one()
        faults.well_again()
        faults.compare()
    assert len(faults.happened) == 1000
    assert len(set(faults.happened)) == 14


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Programmed]:
    """Give a router with a daemon's reconciler on it."""
    rig = make_rig(tmp_path)
    made = Programmed(rig, tmp_path, VirtualClock())
    try:
        yield made
    finally:
        made.close()
        rig.close()


def test_faults_of_a_client_and_its_router(bench: Programmed) -> None:
    name = bench.loopback()
    bench.place()
    routed = Routed(bench, name)
    routed.world.server.lease_time = SHORT
    faults = Faults(routed.world, routed, seed=5)
    for _ in range(60):
        for _ in range(4):
            faults.one()
        faults.well_again()
        faults.compare()
    assert len(set(faults.happened)) == 14


def test_a_router_that_dies_gets_everything_anew(bench: Programmed) -> None:
    name = bench.loopback()
    bench.place()
    routed = Routed(bench, name)
    world = routed.world
    faults = Faults(world, routed, seed=6)
    world.run(5)
    for number in range(5):
        world.link_down()
        bench.restart_router()
        world.server.gives = f"192.0.2.{60 + number}/24"
        world.run(10)
        assert bench.loopback() == name
        routed.find()
        world.link_up()
        faults.well_again()
        faults.compare()


def test_routes_and_addresses_of_others_are_never_touched(bench: Programmed) -> None:
    name = bench.loopback()
    bench.place()
    routed = Routed(bench, name)
    theirs = Route(0, IPv4Network("0.0.0.0/0"), None, name, 5)
    bench.other_route(theirs)
    world = routed.world
    world.run(5)
    assert theirs in bench.routes("0.0.0.0/0")
    assert len(bench.routes("0.0.0.0/0")) == 2
    world.server.silent = True
    world.run(4000)
    assert routed.holds() == {theirs}
