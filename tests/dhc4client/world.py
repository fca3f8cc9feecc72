"""A world for one client in virtual time: link, VPP, provider. An hour of it takes as long as what happens in it."""

import heapq
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Address
from itertools import count, pairwise
from random import Random
from typing import Any, Protocol

from greenlet import getcurrent, greenlet

from tests.dhc4client.provider import Heard, Server
from vppdhc.clients.statefile import Stored
from vppdhc.clients.wake import InterruptError, Wake
from vppdhc.dhc4client.binding import Binding
from vppdhc.dhc4client.config import ClientConfig
from vppdhc.dhc4client.identity import identify
from vppdhc.dhc4client.journal import Event, EventKind, Journal, LostReason
from vppdhc.dhc4client.lease import Lease
from vppdhc.dhc4client.machine import Machine
from vppdhc.dhc4client.ports import LeaseStore, Programmer
from vppdhc.dhc4client.states import State
from vppdhc.dhc4client.talk import Talk
from vppdhc.dhc4client.tenure import Tenure
from vppdhc.interface import Interface
from vppdhc.packet.dhcp4 import decode
from vppdhc.packet.frame import decode_udp4
from vppdhc.vpp.items import InterfaceAddress, Item, Route

WAN = "wan0"
MAC = bytes.fromhex("02fe000000aa")
DUID = bytes.fromhex("00010001300000000200000000aa")
OWNER = f"dhc4client {WAN}"
LONG_UP = 10_000.0  # seconds since the boot: so long that nobody else starts as well


def wan(**changes: Any) -> Interface:
    """The interface to the provider."""
    return replace(Interface(WAN, 3, MAC, admin_up=True, link_up=True), **changes)


class VirtualClock:
    """Clocks that go on when the world says so."""

    def __init__(self, now: float = LONG_UP, wall: float = 1_800_000_000.0, boot_id: str = "boot") -> None:
        self.now = now
        self.offset = wall - now
        self.boot_id = boot_id

    def boottime(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now + self.offset


class AnyClock(Protocol):
    """Clocks that go on when somebody puts them forward."""

    now: float

    @property
    def boot_id(self) -> str: ...

    def boottime(self) -> float: ...

    def wall(self) -> float: ...


class FakeVpp:
    """Takes what it is told, unless it is away or refuses. items: what it holds, by owner."""

    def __init__(self) -> None:
        self.items: dict[str, tuple[Item, ...]] = {}
        self.refuses: Callable[[Item], str] = lambda _: ""
        self.away = False
        self.history: list[tuple[Item, ...]] = []
        self.wanted: dict[str, tuple[Item, ...]] = {}

    def want(self, owner: str, items: Sequence[Item]) -> Mapping[Item, str]:
        assert len({item.slot for item in items}) == len(items), "two things in one place of VPP"
        self.wanted[owner] = tuple(items)
        if self.away:
            return {}
        refused = {item: self.refuses(item) for item in items if self.refuses(item)}
        self.items[owner] = tuple(item for item in items if item not in refused)
        self.history.append(self.items[owner])
        return refused

    def withdraw(self, owner: str) -> None:
        self.want(owner, ())

    def go(self) -> None:
        """Die, and forget."""
        self.away = True
        self.items.clear()

    def come(self) -> None:
        """Be back, and be told at once what is wanted."""
        self.away = False
        for owner, items in self.wanted.items():
            self.items[owner] = tuple(item for item in items if not self.refuses(item))

    @property
    def held(self) -> set[Item]:
        return set(self.items.get(OWNER, ()))

    @property
    def addresses(self) -> list[str]:
        return [str(item.address) for item in self.items.get(OWNER, ()) if isinstance(item, InterfaceAddress)]

    @property
    def routes(self) -> list[tuple[str, str, str]]:
        """Prefix, next hop and table of each route."""
        routes = [item for item in self.items.get(OWNER, ()) if isinstance(item, Route)]
        return [(str(route.prefix), str(route.next_hop or "link"), str(route.table)) for route in routes]


class FakeCheck:
    """Knows who else uses an address. wait: is called before it says so."""

    def __init__(self, wait: Callable[[], object] = lambda: None) -> None:
        self._wait = wait
        self.taken: set[str] = set()
        self.asked: list[str] = []
        self.announced: list[str] = []
        self.vpp: FakeVpp | None = None

    def conflict(self, interface: str, address: IPv4Address) -> bool:
        if self.vpp is not None and not self.vpp.away:
            assert str(address) in [held.split("/")[0] for held in self.vpp.addresses], "asked before VPP has it"
        self.asked.append(str(address))
        self._wait()
        return str(address) in self.taken

    def announce(self, interface: str, address: IPv4Address) -> None:
        self.announced.append(str(address))


class FakeStore:
    """Keeps the lease in memory."""

    def __init__(self) -> None:
        self.lease: Lease | None = None
        self.same_boot = True
        self.saves = 0
        self.error: OSError | None = None

    def save(self, lease: Lease) -> None:
        if self.error is not None:
            raise self.error
        self.lease = lease
        self.saves += 1

    def load(self) -> Stored | None:
        return None if self.lease is None else Stored(self.lease, self.same_boot)

    def forget(self) -> None:
        self.lease = None


class Wire:
    """The link of the client: what it sends goes to the world, and waiting makes the world go on."""

    def __init__(self, world: "World", interface: Interface) -> None:
        self.current: Interface | None = interface
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

    def __init__(
        self,
        config: ClientConfig | None = None,
        *,
        seed: int = 1,
        clock: AnyClock | None = None,
        interface: Interface | None = None,
        programmer: Programmer | None = None,
    ) -> None:
        self.clock = clock or VirtualClock()
        self.name = WAN if interface is None else interface.name
        self.random = Random(seed)
        self.vpp = FakeVpp()
        self.programmer = programmer or self.vpp
        self.check = FakeCheck()
        if programmer is None:
            self.check.vpp = self.vpp
        self.store = FakeStore()
        self.home = interface or wan()
        self.wire = Wire(self, self.home)
        self.server = Server(self)
        self.servers = [self.server]
        self.events: list[Event] = []
        self.learned: list[Mapping[int, bytes]] = []
        self.states: list[str] = []
        self.began = 0
        self.lose: Callable[[bytes], bool] = lambda _: False
        self._plans: list[tuple[float, int, Callable[[], None]]] = []
        self._number = count()
        self._datagrams: list[bytes] = []
        self._wakes: list[Wake] = []
        self._deadline = 0.0
        self._main = getcurrent()
        self.config = config or ClientConfig()
        self.restart()

    def restart(self, store: LeaseStore | None = None) -> None:
        """Make a client, as at the start of the daemon: of the one before, only what it stored is left."""
        self.journal = Journal(self.name, self.clock, self.events.append)
        binding = Binding(self.name, self.programmer, self.check, self.clock)
        self.tenure = Tenure(
            self.config, self.wire, store or self.store, binding, self.journal, self.clock, self.learned.append
        )
        self.talk = Talk(self.wire, self.clock, self.journal.counters, self.random, self.tenure.upkeep)
        self.machine = Machine(
            self.wire,
            self.talk,
            self.tenure,
            self.journal,
            self.clock,
            self.random,
            lambda config, interface: identify(config, interface.name, interface.mac, lambda _: DUID),
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
    def lease(self) -> Lease:
        assert self.tenure.lease is not None
        return self.tenure.lease

    @property
    def heard(self) -> list[Heard]:
        return self.server.heard

    def add_server(self, address: str, gives: str, **wishes: Any) -> Server:
        """Have one more server."""
        self.servers.append(Server(self, address, gives, mac=bytes((2, 0, 0, 0, 1, len(self.servers))), **wishes))
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

    def vpp_gone(self) -> None:
        self.vpp.go()
        self.link_down()

    def vpp_back(self) -> None:
        self.vpp.come()
        self.link_up()

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
        packet = decode_udp4(frame)
        assert (packet.source_port, packet.destination_port) == (68, 67)
        heard = Heard(self.now, packet, decode(packet.payload))
        for server in self.servers:
            server.hear(heard)

    def _resume(self) -> None:
        self._main = getcurrent()
        self._greenlet.switch()

    def _begun(self) -> None:
        self.began += 1


def bound(config: ClientConfig | None = None, **wishes: Any) -> World:
    """A world whose client has a lease. wishes: of the server."""
    world = World(config)
    for name, value in wishes.items():
        setattr(world.server, name, value)
    world.run(5)
    assert world.state is State.BOUND
    return world


def counts(world: World) -> dict[str, int]:
    """How many messages of each type were sent and received."""
    return dict(world.journal.counters.messages)


def drops(world: World) -> dict[str, int]:
    """How many messages were not believed, by reason."""
    return dict(world.journal.counters.drops)


def gaps(times: Sequence[float]) -> list[float]:
    """The seconds between instants."""
    return [later - earlier for earlier, later in pairwise(times)]


def by_type(heard: Sequence[Heard]) -> dict[str, list[Heard]]:
    """Messages by type."""
    found: dict[str, list[Heard]] = defaultdict(list)
    for one in heard:
        found[one.type].append(one)
    return found


def kinds(world: World) -> list[str]:
    """What others were told of, in its order."""
    return [str(event.kind) for event in world.events]


def lost(world: World) -> list[LostReason | None]:
    """Why addresses were lost."""
    return [event.reason for event in world.events if event.kind is EventKind.LOST]


def visited(world: World) -> list[str]:
    """The states in the order in which they were waited in, repetitions left out."""
    return [state for state, before in zip(world.states, ["", *world.states], strict=False) if state != before]
