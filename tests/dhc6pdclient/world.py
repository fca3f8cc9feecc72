"""A world for one client in virtual time: link, tenant, provider. An hour of it takes as long as what happens in it."""

import heapq
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network
from itertools import count, pairwise
from random import Random
from typing import Any

from greenlet import getcurrent, greenlet

from tests.dhc4client.world import VirtualClock
from tests.dhc6pdclient.provider import CLIENT_MAC, LINK_LOCAL, Heard, Server
from vppdhc.clients.statefile import Stored
from vppdhc.clients.wake import InterruptError, Wake
from vppdhc.dhc6pdclient.bindings import NOTHING, Bindings, IaKey, IaType
from vppdhc.dhc6pdclient.config import ClientConfig, IaPd
from vppdhc.dhc6pdclient.demand import Flags
from vppdhc.dhc6pdclient.identity import identify
from vppdhc.dhc6pdclient.journal import Event, Journal
from vppdhc.dhc6pdclient.machine import Machine
from vppdhc.dhc6pdclient.ports import LeaseStore, Outcome
from vppdhc.dhc6pdclient.states import State
from vppdhc.dhc6pdclient.talk import Talk
from vppdhc.dhc6pdclient.tenure import Tenure
from vppdhc.interface import Interface
from vppdhc.packet.dhcp6 import decode
from vppdhc.packet.frame import decode_udp6

WAN = "wan0"
DUID = bytes.fromhex("00010001300000000200000000aa")
PD = IaKey(IaType.PD, 1)
PD2 = IaKey(IaType.PD, 2)
NA = IaKey(IaType.NA, 1)
PREFIX = "2001:db8:100::/56"
OTHER_PREFIX = "2001:db8:aa00::/56"
SECOND_PREFIX = "2001:db8:200::/60"
ADDRESS = "2001:db8::50"
ONE = ClientConfig(ia_pds=(IaPd(1),))
TWO = ClientConfig(ia_pds=(IaPd(1), IaPd(2)))
BOTH = ClientConfig(ia_pds=(IaPd(1),), ia_nas=(1,))
ADDRESS_ONLY = ClientConfig(ia_nas=(1,))
MANAGED = Flags(managed=True, other=True)
GIVES = {PD: [PREFIX], PD2: [SECOND_PREFIX], NA: [ADDRESS]}


def wan(**changes: Any) -> Interface:
    """The interface to the provider."""
    return replace(Interface(WAN, 3, CLIENT_MAC, admin_up=True, link_up=True, link_local=LINK_LOCAL), **changes)


class FakeTenant:
    """Uses what it is told. history: all that was adopted. taken: addresses that others on the link use."""

    def __init__(self) -> None:
        self.bindings = NOTHING
        self.history: list[Bindings] = []
        self.taken: set[str] = set()
        self.problem = ""
        self.withdrawn = False
        self.stored: Callable[[], Bindings] | None = None

    def adopt(self, bindings: Bindings) -> Outcome:
        if self.stored is not None and bindings.leased:
            assert self.stored() == bindings, "used before it is stored"
        self.withdrawn = False
        duplicates = frozenset(lease.address for _, lease in bindings.leases if str(lease.address) in self.taken)
        self.bindings = bindings.without([IPv6Network(address) for address in duplicates])
        self.history.append(self.bindings)
        return Outcome(duplicates, self.problem)

    def withdraw(self) -> None:
        self.withdrawn = True

    @property
    def has(self) -> list[str]:
        """What is used."""
        return [] if self.withdrawn else has(self.bindings)


class FakeStore:
    """Keeps bindings in memory."""

    def __init__(self) -> None:
        self.bindings = NOTHING
        self.same_boot = True
        self.saves = 0
        self.error: OSError | None = None

    def save(self, bindings: Bindings) -> None:
        if self.error is not None:
            raise self.error
        self.bindings = bindings
        self.saves += 1

    def load(self) -> Stored | None:
        return Stored(self.bindings, self.same_boot) if self.bindings.leased else None

    def forget(self) -> None:
        if self.error is not None:
            raise self.error
        self.bindings = NOTHING


class Wire:
    """The link of the client: what it sends goes to the world, and waiting makes the world go on."""

    def __init__(self, world: "World", interface: Interface) -> None:
        self.current: Interface | None = interface
        self.flags: Flags | None = MANAGED
        self._world = world

    @property
    def interface(self) -> Interface | None:
        return self.current

    def send(self, frame: bytes) -> None:
        self._world.sent(frame)

    def receive(self, timeout: float) -> bytes | None:
        return self._world.wait(timeout)


class World:
    """Everything round one client, which runs in a greenlet of its own whenever run() lets time pass."""

    def __init__(self, config: ClientConfig = ONE, *, seed: int = 1, **wishes: Any) -> None:
        """wishes: of the server."""
        self.clock = VirtualClock()
        self.random = Random(seed)
        self.tenant = FakeTenant()
        self.store = FakeStore()
        self.home = wan()
        self.wire = Wire(self, self.home)
        self.server = Server(self, **{"gives": dict(GIVES), **wishes})
        self.servers = [self.server]
        self.events: list[Event] = []
        self.learned: list[Mapping[int, bytes]] = []
        self.states: list[str] = []
        self.frames: list[bytes] = []
        self.began = 0
        self.duid = DUID
        self.lose: Callable[[bytes], bool] = lambda _: False
        self._plans: list[tuple[float, int, Callable[[], None]]] = []
        self._number = count()
        self._datagrams: list[bytes] = []
        self._wakes: list[Wake] = []
        self._deadline = 0.0
        self._main = getcurrent()
        self.config = config
        self.tenant.stored = lambda: self.store.bindings
        self.restart()

    def restart(self, store: LeaseStore | None = None) -> None:
        """Make a client, as at the start of the daemon: of the one before, only what it stored is left."""
        self._wakes.clear()
        self.journal = Journal(WAN, self.clock, self.events.append)
        if store is not None:
            self.tenant.stored = None
        self.tenure = Tenure(
            self.config, store or self.store, self.tenant, self.journal, self.clock, self.learned.append
        )
        self.talk = Talk(
            self.wire,
            self.clock,
            self.journal.counters,
            self.random,
            self.tenure.upkeep,
            self.tenure.reconfigured,
        )
        self.machine = Machine(
            self.wire,
            self.talk,
            self.tenure,
            self.journal,
            self.clock,
            lambda config, interface: identify(config, interface.mac, lambda _: self.duid),
            self._begun,
        )
        self._deadline = -math.inf
        self._greenlet = greenlet(self.machine.run)

    @property
    def now(self) -> float:
        return self.clock.now

    @property
    def state(self) -> State:
        return self.machine.state

    @property
    def bindings(self) -> Bindings:
        return self.tenure.bindings

    @property
    def heard(self) -> list[Heard]:
        return self.server.heard

    def add_server(self, number: int, **wishes: Any) -> Server:
        """Have one more server."""
        duid = bytes.fromhex("000300010200000000") + bytes((number,))
        self.servers.append(Server(self, duid, f"fe80::{number:x}", **{"gives": dict(GIVES), **wishes}))
        return self.servers[-1]

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        """Do something when so many seconds have passed."""
        heapq.heappush(self._plans, (self.now + seconds, next(self._number), do))

    def deliver(self, datagram: bytes) -> None:
        """Give the client a datagram, if the link is up and does not lose it."""
        if self.wire.current is not None and not self.lose(datagram):
            self._datagrams.append(datagram)

    def wake(self, wake: Wake) -> None:
        """End the client's wait."""
        self._wakes.append(wake)

    def link_down(self) -> None:
        self.wire.current = None
        self.wake(Wake.DOWN)

    def link_up(self, interface: Interface | None = None) -> None:
        self.wire.current = interface or self.home
        self.wake(Wake.UP)

    def routers_say(self, flags: Flags | None) -> None:
        self.wire.flags = flags
        self.wake(Wake.ROUTERS)

    def configure(self, config: ClientConfig) -> None:
        self.config = self.tenure.config = config
        self.wake(Wake.CONFIGURED)

    def run(self, seconds: float) -> "World":
        """Let time pass."""
        until = self.now + seconds
        while not self._greenlet.dead:
            if self._wakes or self._datagrams:
                self._resume()
                continue
            planned = self._plans[0][0] if self._plans else math.inf
            next_time = min(planned, self._deadline)
            if next_time > until:
                break
            self.clock.now = max(self.now, next_time)
            if planned <= self._deadline:
                heapq.heappop(self._plans)[2]()
            else:
                self._resume()
        self.clock.now = max(self.now, until)
        return self

    def run_until(self, state: State, most: float = 100_000) -> "World":
        """Let time pass until the client is in a state."""
        end = self.now + most
        while self.state is not state:
            assert self.now < end, f"still {self.state}, not {state}"
            self.run(0.05 if most <= 1000 else 1)
        return self

    @property
    def over(self) -> bool:
        """Whether the client has ended."""
        return self._greenlet.dead

    def wait(self, timeout: float) -> bytes | None:
        """Called by the client: let the world go on until there is something for it, or its time is over."""
        assert timeout > 0
        self._deadline = self.now + timeout
        self.states.append(str(self.machine.state))
        self._main.switch()
        self._deadline = math.inf
        if self._wakes:
            raise InterruptError(self._wakes.pop(0))
        return self._datagrams.pop(0) if self._datagrams else None

    def sent(self, frame: bytes) -> None:
        """Called by the client."""
        if self.lose(frame):
            return
        self.frames.append(frame)
        packet = decode_udp6(frame)
        assert (packet.source_port, packet.destination_port) == (546, 547)
        assert packet.destination == int(IPv6Address("ff02::1:2"))
        heard = Heard(self.now, packet, decode(packet.payload))
        for server in self.servers:
            server.hear(heard)

    def _resume(self) -> None:
        self._main = getcurrent()
        self._greenlet.switch()

    def _begun(self) -> None:
        self.began += 1


def bound(config: ClientConfig = ONE, **wishes: Any) -> World:
    """A world whose client has a lease. wishes: of the server."""
    world = World(config, **wishes)
    world.run(5)
    assert world.state is State.BOUND
    return world


def has(bindings: Bindings) -> list[str]:
    """What is in bindings, as text."""
    return [str(lease.prefix) if key.type is IaType.PD else str(lease.address) for key, lease in bindings.leases]


def counts(world: World) -> dict[str, int]:
    """How many messages of each type were sent and received."""
    return dict(world.journal.counters.messages)


def drops(world: World) -> dict[str, int]:
    """How many messages, or parts of them, were not believed, by reason."""
    return {str(reason): number for reason, number in world.journal.counters.drops.items()}


def gaps(times: Sequence[float]) -> list[float]:
    """The seconds between instants."""
    return [later - earlier for earlier, later in pairwise(times)]


def instants(world: World, kind: str) -> list[float]:
    """When messages of a type were heard."""
    return [heard.at for heard in world.heard if heard.type == kind]


def kinds(world: World) -> list[str]:
    """What others were told of, in its order."""
    return [str(event.kind) for event in world.events]


def visited(world: World) -> list[str]:
    """The states in the order in which they were waited in, repetitions left out."""
    return [state for state, before in zip(world.states, ["", *world.states], strict=False) if state != before]
