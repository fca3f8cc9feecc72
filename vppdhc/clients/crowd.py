"""All clients of one protocol: made and ended as configured, fed with packets, told of the link."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Generic, Protocol, TypeVar

import gevent
import structlog
from gevent.event import Event as Signal

from vppdhc.clients.mailbox import Mailbox
from vppdhc.clients.wake import Wake
from vppdhc.clock import Clock
from vppdhc.interface import Interface
from vppdhc.packet import punt
from vppdhc.packet.errors import DecodeError
from vppdhc.supervisor import Supervisor

Learned = Callable[[str, Mapping[int, bytes]], object]
"""Called with an interface and the options of its lease that others may use, by code; none where there is no lease."""


class Interfaces(Protocol):
    """The live interface table."""

    def get(self, index: int) -> Interface | None:
        """Return the interface that has an index now."""

    def named(self, name: str) -> Interface | None:
        """Return the interface of exactly that name."""

    def on_change(self, listener: Callable[[Interface | None, Interface | None], object]) -> None:
        """Have a listener told of every change."""


class Source(Protocol):
    """Where datagrams come from."""

    def receive(self) -> Sequence[bytes]:
        """Wait for datagrams and return all that are there."""


@dataclass(frozen=True, slots=True)
class World:
    """What all clients of a protocol share.

    interfaces: the live table. send: takes sw_if_index, punt action and packet.
    duid: gives the router's DUID; is told a hardware address that one may be made from.
    directory: where leases are kept, a file each. supervisor: runs the greenlets.
    want_packets: is told on which interfaces VPP has to take packets of clients in; none: no packets at all.
    settled: is called once, as soon as every client has told VPP what its earlier lease needs; may wait.
    """

    interfaces: Interfaces
    send: Callable[[int, int, bytes], object]
    clock: Clock
    supervisor: Supervisor
    random: Random
    duid: Callable[[bytes], bytes]
    directory: Path
    want_packets: Callable[[frozenset[str]], object]
    settled: Callable[[], object]


class Running(Protocol):
    """A client as the crowd sees it."""

    @property
    def mailbox(self) -> Mailbox:
        """Where the world reaches it."""

    @property
    def learned(self) -> Mapping[int, bytes]:
        """The options of its lease that others may use, as they were sent, by code."""

    def run(self) -> None:
        """Be the client until it is removed or the daemon stops."""


ConfigT = TypeVar("ConfigT")
EventT = TypeVar("EventT")
ClientT = TypeVar("ClientT", bound=Running)


class Crowd(ABC, Generic[ConfigT, EventT, ClientT]):
    """The clients of one protocol, by the names of their interfaces.

    elsewhere: datagrams for no client, by reason.
    """

    def __init__(self, world: World, protocol: str) -> None:
        """Have no clients before configure(). protocol: names the greenlets."""
        self.elsewhere: Counter[str] = Counter()
        self._surroundings = world
        self._protocol = protocol
        self._wanted: dict[str, ConfigT] = {}
        self._clients: dict[str, ClientT] = {}
        self._connected = False
        self._undecided: set[str] | None = None
        self._stopping = False
        self._ended = Signal()
        self._event_listeners: list[Callable[[EventT], object]] = []
        self._learned_listeners: list[Learned] = []
        self._log = structlog.get_logger()
        world.interfaces.on_change(self._interface_changed)

    # What each protocol does in its own way

    @abstractmethod
    def _make(self, name: str, config: ConfigT) -> ClientT:
        """Make the client of an interface, with _live(), _begun(), _tell() and _tell_learned() for it to call."""

    @abstractmethod
    def _reconfigure(self, client: ClientT, config: ConfigT) -> None:
        """Have a client behave otherwise; it is woken behind that."""

    @abstractmethod
    def _goes_by_duid(self, config: ConfigT) -> bool:
        """Whether servers know a client by the DUID of the router."""

    @abstractmethod
    def _passes(self, interface: Interface) -> bool:
        """Whether packets of a client pass on an interface."""

    @abstractmethod
    def _seat(self, interface: Interface) -> tuple[object, ...]:
        """Return what makes an interface another one for its client."""

    # For everybody else

    @property
    def clients(self) -> Mapping[str, ClientT]:
        """The clients that there are, with those that are about to end."""
        return dict(self._clients)

    def learned(self, interface: str) -> Mapping[int, bytes]:
        """Return the options of a client's lease that others may use, as they were sent, by code."""
        client = self._clients.get(interface)
        return {} if client is None else client.learned

    def on_event(self, listener: Callable[[EventT], object]) -> None:
        """Have a listener told what happens to leases; it must not wait."""
        self._event_listeners.append(listener)

    def on_learned(self, listener: Learned) -> None:
        """Have a listener told when the options that others may use have changed; it must not wait."""
        self._learned_listeners.append(listener)

    def configure(self, configs: Mapping[str, ConfigT]) -> None:
        """Have a client on each interface from now on, and no others; does not wait."""
        before, self._wanted = self._wanted, dict(configs)
        for name in before.keys() & self._clients.keys():
            client, config = self._clients[name], configs.get(name)
            if config is None:
                client.mailbox.wake(Wake.REMOVE)
            elif config != before[name]:
                self._reconfigure(client, config)
                client.mailbox.wake(Wake.CONFIGURED)
        for name in configs.keys() - self._clients.keys():
            self._start(name)
        self._want_packets()

    def duid_changed(self) -> None:
        """Have the clients that go by the router's DUID begin anew, as somebody else for servers; does not wait."""
        for name in self._wanted.keys() & self._clients.keys():
            if self._goes_by_duid(self._wanted[name]):
                self._clients[name].mailbox.wake(Wake.CONFIGURED)

    def vpp_connected(self) -> None:
        """Note that VPP is there and everything is set up; does not wait."""
        self._connected = True
        if self._undecided is None:
            self._undecided = {name for name in self._clients if self._live(name) is not None}
            self._decide()
        for name, client in self._clients.items():
            if self._live(name) is not None:
                client.mailbox.wake(Wake.UP)

    def vpp_lost(self) -> None:
        """Note that VPP has gone; does not wait."""
        self._connected = False
        for client in self._clients.values():
            client.mailbox.wake(Wake.DOWN)

    def serve(self, source: Source) -> None:
        """Hand the datagrams of the clients' port to them, for ever; never waits for anything else."""
        while True:
            for datagram in source.receive():
                self._hand_over(datagram)

    def renew(self, interface: str) -> None:
        """Have a client ask its server for more time, or begin anew without a lease; KeyError where there is none."""
        self._clients[interface].mailbox.wake(Wake.RENEW)

    def rebind(self, interface: str) -> None:
        """Have a client ask any server for more time; KeyError where there is none."""
        self._clients[interface].mailbox.wake(Wake.REBIND)

    def release(self, interface: str) -> None:
        """Have a client give its lease back, and rest until renew() or configure(); KeyError where there is none."""
        self._clients[interface].mailbox.wake(Wake.RELEASE)

    def stop(self, timeout: float) -> bool:
        """End all clients as they are configured to; returns whether so many seconds were enough."""
        self._stopping = True
        for client in self._clients.values():
            client.mailbox.wake(Wake.STOP)
        if not self._clients:
            return True
        return bool(self._ended.wait(timeout))

    # For the clients

    def _live(self, name: str) -> Interface | None:
        """Return an interface as it is now; None while no packets pass."""
        interface = self._surroundings.interfaces.named(name) if self._connected else None
        return interface if interface is not None and self._passes(interface) else None

    def _is_undecided(self, name: str) -> bool:
        """Whether it is waited for a client to have begun."""
        return self._undecided is not None and name in self._undecided

    def _begun(self, name: str) -> None:
        """Note that VPP has been told what an earlier lease of a client needs."""
        if self._undecided:
            self._undecided.discard(name)
            self._decide()

    def _tell(self, event: EventT) -> None:
        for listener in self._event_listeners:
            listener(event)

    def _tell_learned(self, name: str, options: Mapping[int, bytes]) -> None:
        for listener in self._learned_listeners:
            try:
                listener(name, options)
            except Exception:
                self._log.exception("listener of learned options failed", interface=name)

    # How they live

    def _start(self, name: str) -> None:
        client = self._make(name, self._wanted[name])
        self._clients[name] = client
        self._surroundings.supervisor.start(f"{self._protocol} {name}", partial(self._run, name, client))

    def _run(self, name: str, client: ClientT) -> None:
        """Run a client to its end. One that has its interface again meanwhile is followed by another."""
        client.run()
        del self._clients[name]
        if client.learned:
            self._tell_learned(name, {})
        self._begun(name)
        if self._stopping:
            if not self._clients:
                self._ended.set()
        elif name in self._wanted:
            gevent.spawn(self._start_again, name)  # once the supervisor has forgotten this one
        else:
            self._want_packets()

    def _want_packets(self) -> None:
        """Have packets of all clients taken in, also of those that give their leases back before they end."""
        self._surroundings.want_packets(frozenset((*self._wanted, *self._clients)))

    def _start_again(self, name: str) -> None:
        if name in self._wanted and name not in self._clients and not self._stopping:
            self._start(name)

    def _interface_changed(self, old: Interface | None, new: Interface | None) -> None:
        changed = new or old
        client = None if changed is None else self._clients.get(changed.name)
        if changed is None or client is None or not self._connected:
            return
        before = old if old is not None and self._passes(old) else None
        now = new if new is not None and self._passes(new) else None
        if now is None and before is not None:
            client.mailbox.wake(Wake.DOWN)
            self._begun(changed.name)
        elif now is not None and (before is None or self._seat(before) != self._seat(now)):
            client.mailbox.wake(Wake.UP)

    def _hand_over(self, datagram: bytes) -> None:
        try:
            interface = self._surroundings.interfaces.get(punt.decode(datagram))
        except DecodeError as error:
            self.elsewhere[error.kind] += 1
            return
        client = None if interface is None else self._clients.get(interface.name)
        if client is None:
            self.elsewhere["no-client"] += 1
        else:
            client.mailbox.put(datagram)

    def _decide(self) -> None:
        """Say once that VPP holds what earlier leases need, as soon as nobody is left who may have one."""
        if self._undecided is not None and not self._undecided:
            self._undecided = set()
            self._surroundings.supervisor.start(f"{self._protocol} settled", self._surroundings.settled)
