"""Whatever goes wrong, in the end everybody has what the server gives, and nothing else."""

import random
from dataclasses import replace

from tests.dhc6pdclient.faults import Faults
from tests.dhc6pdclient.world import BOTH, TWO, World, bound, drops
from tests.fuzz.mutations import mutated
from vppdhc.dhc6pdclient.bindings import LEASES_MOST
from vppdhc.dhc6pdclient.states import State
from vppdhc.packet.dhcp6 import MessageType
from vppdhc.packet.errors import KINDS

UDP_PAYLOAD = 8 + 14 + 40 + 8
"""Where the DHCPv6 message begins in a datagram of the punt socket."""


def test_a_thousand_faults() -> None:
    world = World(replace(TWO, ia_nas=(1,)), seed=3)
    world.tenant.stored = None  # a disk may be full
    faults = Faults(world, seed=4)
    for _ in range(250):
        for _ in range(4):
            faults.one()
        faults.well_again()
        faults.compare()
    assert len(faults.happened) == 1000
    assert len(set(faults.happened)) == 19


def test_mutated_advertises_and_replies() -> None:
    """Fifteen thousand answers that are nearly right: each is believed or counted, and the client goes on."""
    rng = random.Random(7)
    world = bound(BOTH, key=bytes(16))
    good = [
        world.server.datagram(heard, kind, [])
        for heard in world.heard
        for kind in (MessageType.ADVERTISE, MessageType.REPLY)
    ]
    for number in range(500):
        world.server.answers = {"solicit"} if number % 2 else set()
        if number % 3 == 0:
            world.restart()
        world.run(rng.uniform(0, 10))
        heard = world.heard[-1]
        for _ in range(30):
            kind = rng.choice([MessageType.ADVERTISE, MessageType.REPLY])
            datagram = world.server.datagram(heard, kind, [])
            world.deliver(mutated(rng, datagram, good, start=UDP_PAYLOAD))
        world.run(rng.uniform(0, 3000))
        assert not world.over
        for association in world.bindings.associations:
            assert len(association.leases) <= LEASES_MOST
    assert len(set(drops(world)) & set(KINDS)) >= 2
    world.server.answers = {"solicit", "request", "renew", "rebind"}
    world.run(40_000)
    assert world.state is State.BOUND
    assert {str(lease.prefix) for _, lease in world.bindings.leases} >= {"2001:db8:100::/56", "2001:db8::50/128"}


def test_mutated_reconfigures_are_never_believed() -> None:
    rng = random.Random(8)
    world = bound(BOTH, key=bytes(range(16)))
    good = world.server.reconfigure(MessageType.RENEW)
    for _ in range(3000):
        datagram = mutated(rng, good, [good], start=UDP_PAYLOAD + 1)
        if datagram[: len(good)] != good:  # what comes behind the length that UDP says is padding
            world.deliver(datagram)
            world.run(0)
    assert world.server.types() == ["solicit", "request"]
    world.deliver(good)
    world.run(1)
    assert world.server.types()[2:] == ["renew"]
