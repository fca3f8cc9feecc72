"""What can go wrong for a client, at random, and how everything is well again."""

from collections.abc import Callable
from ipaddress import IPv4Interface
from random import Random
from typing import Protocol

from tests.dhc4client.world import World
from tests.fuzz.mutations import mutated
from vppdhc.clients.wake import Wake
from vppdhc.dhc4client.needs import needs
from vppdhc.dhc4client.states import State
from vppdhc.packet.dhcp4 import MessageType
from vppdhc.packet.options4 import Option
from vppdhc.vpp.items import Item


class Vpp(Protocol):
    """The VPP of a world, and what can be done to it."""

    def lose(self) -> None:
        """Have VPP go, and with it what it holds, or only the connection to it."""

    def find(self) -> None:
        """Have it come back."""

    def refuse(self) -> None:
        """Have it refuse addresses from now on."""

    def permit(self) -> None:
        """Have it refuse nothing any more."""

    def meddle(self, rng: Random) -> None:
        """Have somebody take away what the client has put there."""

    def restart_daemon(self) -> None:
        """Have the daemon end without a word, and start again."""

    def holds(self) -> set[Item]:
        """Return what it has of the client's, read back."""


class Faults:
    """Lets one fault after the other happen."""

    def __init__(self, world: World, vpp: Vpp, seed: int) -> None:
        self.happened: list[str] = []
        self._world = world
        self._vpp = vpp
        self._rng = Random(seed)
        self._kinds: list[Callable[[], None]] = [
            self._link_flaps,
            self._vpp_goes,
            self._packets_lost,
            self._naks,
            self._address_changes,
            self._routes_change,
            self._garbage,
            self._conflict,
            self._refusal,
            self._meddling,
            self._silence,
            self._operator,
            self._daemon_restarts,
            self._false_naks,
        ]

    def one(self) -> None:
        """Let something go wrong, and time pass."""
        kind = self._rng.choice(self._kinds)
        self.happened.append(kind.__name__)
        kind()
        self._pass(0, 20)

    def well_again(self) -> None:
        """Have everything be well, and wait until the client has noticed."""
        world = self._world
        world.lose = lambda _: False
        world.check.taken.clear()
        world.server.silent = world.server.naks = False
        self._vpp.permit()
        if world.wire.current is None:
            self._vpp.find()
            world.link_up()
        world.wake(Wake.RENEW)
        world.run(200)
        assert world.state is State.BOUND, f"{world.state} behind {self.happened[-5:]}: {world.journal.problem}"

    def compare(self) -> None:
        """See that VPP has exactly what the lease says."""
        world = self._world
        assert world.wire.current is not None
        terms = world.lease.terms
        wanted = set(needs(terms, world.tenure.config, world.wire.current))
        assert self._vpp.holds() == wanted, f"behind {self.happened[-5:]}"
        assert terms.address == IPv4Interface(world.server.gives)
        assert world.tenure.programmed
        assert world.store.lease == world.lease
        assert world.learned[-1] == world.tenure.learned == terms.learned

    def _pass(self, least: float, most: float) -> None:
        self._world.run(self._rng.uniform(least, most))

    def _link_flaps(self) -> None:
        self._world.link_down()
        self._pass(0, 100)
        self._world.link_up()

    def _vpp_goes(self) -> None:
        self._vpp.lose()
        self._world.link_down()
        self._pass(0, 100)
        self._vpp.find()
        self._world.link_up()

    def _packets_lost(self) -> None:
        share = self._rng.random()
        self._world.lose = lambda _: self._rng.random() < share
        self._pass(0, 1000)
        self._world.lose = lambda _: False

    def _naks(self) -> None:
        self._world.server.naks = True
        self._pass(0, 2000)
        self._world.server.naks = False

    def _false_naks(self) -> None:
        for heard in self._world.heard[-3:]:
            self._world.server.answer(heard.message, MessageType.NAK)

    def _address_changes(self) -> None:
        network, length = self._rng.choice([("192.0.2", 24), ("198.51.100", 24), ("203.0.113", 32)])
        self._world.server.gives = f"{network}.{self._rng.randint(50, 99)}/{length}"
        self._pass(0, 1200)

    def _routes_change(self) -> None:
        router = f"192.0.2.{self._rng.randint(1, 9)}"
        routes = [{"destination": "10.0.0.0/8", "router": router}, {"destination": "0.0.0.0/0", "router": router}]
        self._world.server.options = self._rng.choice(
            [{Option.ROUTERS: [router]}, {}, {Option.CLASSLESS_STATIC_ROUTE: routes, Option.ROUTERS: ["192.0.2.1"]}]
        )
        self._pass(0, 1200)

    def _garbage(self) -> None:
        world = self._world
        if world.heard:
            good = world.server.datagram(world.heard[-1].message, MessageType.ACK)
            for _ in range(10):
                world.deliver(mutated(self._rng, good, [good], start=8))

    def _conflict(self) -> None:
        self._world.check.taken.add(str(IPv4Interface(self._world.server.gives).ip))
        self._world.wake(Wake.UP)
        self._pass(0, 500)
        self._world.check.taken.clear()

    def _refusal(self) -> None:
        self._vpp.refuse()
        self._pass(0, 1000)
        self._vpp.permit()

    def _meddling(self) -> None:
        self._vpp.meddle(self._rng)

    def _silence(self) -> None:
        self._world.server.silent = True
        self._pass(0, 2000)
        self._world.server.silent = False

    def _operator(self) -> None:
        self._world.wake(self._rng.choice([Wake.RENEW, Wake.REBIND, Wake.RELEASE]))
        self._pass(0, 10)

    def _daemon_restarts(self) -> None:
        self._vpp.restart_daemon()
