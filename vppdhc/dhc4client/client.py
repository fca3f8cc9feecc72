"""All DHCPv4 clients of the router: made and ended as configured, fed with packets, told of the link."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Protocol

import gevent
import structlog
from gevent.event import Event as Signal

from vppdhc.clients.wake import Wake
from vppdhc.clock import Clock
from vppdhc.dhc4client.binding import Binding
from vppdhc.dhc4client.config import ClientConfig, ClientIdType
from vppdhc.dhc4client.identity import Identity, identify
from vppdhc.dhc4client.journal import Event, Journal
from vppdhc.dhc4client.machine import Machine
from vppdhc.dhc4client.mailbox import Mailbox
from vppdhc.dhc4client.ports import ConflictCheck, Programmer
from vppdhc.dhc4client.store import LeaseFile
from vppdhc.dhc4client.talk import Talk
from vppdhc.dhc4client.tenure import Tenure
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
    """What all clients share.

    interfaces: the live table. send: takes sw_if_index, punt action and packet.
    programmer, check: bring leases into VPP, and find out who else uses an address.
    duid: gives the router's DUID; is told a hardware address that one may be made from.
    directory: where leases are kept, a file each. supervisor: runs the greenlets.
    want_packets: is told on which interfaces VPP has to take packets of clients in; none: no packets at all.
    settled: is called once, as soon as every client has told VPP what its earlier lease needs; may wait.
    """

    interfaces: Interfaces
    send: Callable[[int, int, bytes], object]
    programmer: Programmer
    check: ConflictCheck
    clock: Clock
    supervisor: Supervisor
    random: Random
    duid: Callable[[bytes], bytes]
    directory: Path
    want_packets: Callable[[frozenset[str]], object]
    settled: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Client:
    """One client: machine.state, tenure.lease, tenure.learned, tenure.programmed, journal.history and so on."""

    mailbox: Mailbox
    journal: Journal
    tenure: Tenure
    machine: Machine


class DhcpClients:
    """The clients, by the names of their interfaces."""

    def __init__(self, world: World) -> None:
        """Have no clients before configure()."""
        self.elsewhere: Counter[str] = Counter()
        """Datagrams for no client, by reason."""
        self._world = world
        self._wanted: dict[str, ClientConfig] = {}
        self._clients: dict[str, Client] = {}
        self._connected = False
        self._undecided: set[str] | None = None
        self._stopping = False
        self._ended = Signal()
        self._event_listeners: list[Callable[[Event], object]] = []
        self._learned_listeners: list[Learned] = []
        self._log = structlog.get_logger()
        world.interfaces.on_change(self._interface_changed)

    @property
    def clients(self) -> Mapping[str, Client]:
        """The clients that there are, with those that are about to end."""
        return dict(self._clients)

    def learned(self, interface: str) -> Mapping[int, bytes]:
        """Return the options of a client's lease that others may use, as they were sent, by code."""
        client = self._clients.get(interface)
        return {} if client is None else client.tenure.learned

    def on_event(self, listener: Callable[[Event], object]) -> None:
        """Have a listener told what happens to leases; it must not wait."""
        self._event_listeners.append(listener)

    def on_learned(self, listener: Learned) -> None:
        """Have a listener told when the options that others may use have changed; it must not wait."""
        self._learned_listeners.append(listener)

    def configure(self, configs: Mapping[str, ClientConfig]) -> None:
        """Have a client on each interface from now on, and no others; does not wait."""
        before, self._wanted = self._wanted, dict(configs)
        for name, client in self._clients.items():
            config = configs.get(name)
            if config is None and name in before:
                client.mailbox.wake(Wake.REMOVE)
            elif config is not None and config != client.tenure.config and name in before:
                client.tenure.config = config
                client.mailbox.wake(Wake.CONFIGURED)
        for name in configs.keys() - self._clients.keys():
            self._start(name)
        self._world.want_packets(frozenset(configs))

    def duid_changed(self) -> None:
        """Have the clients that go by the router's DUID begin anew, as somebody else for servers; does not wait."""
        for client in self._clients.values():
            config = client.tenure.config
            if not config.client_id and config.client_id_type is ClientIdType.DUID:
                client.mailbox.wake(Wake.CONFIGURED)

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
        """Hand the datagrams of port 68 to their clients, for ever; never waits for anything else."""
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

    def _start(self, name: str) -> None:
        client = self._make(name, self._wanted[name])
        self._clients[name] = client
        self._world.supervisor.start(f"dhc4client {name}", partial(self._run, name, client))

    def _make(self, name: str, config: ClientConfig) -> Client:
        world, clock = self._world, self._world.clock
        journal = Journal(name, clock, self._tell)
        mailbox = Mailbox(partial(self._live, name), world.send, clock, journal.counters.drops)
        in_thread = gevent.get_hub().threadpool.apply
        tenure = Tenure(
            config,
            mailbox,
            LeaseFile(world.directory, name, clock, in_thread),
            Binding(name, world.programmer, world.check, clock),
            journal,
            clock,
            partial(self._tell_learned, name),
        )
        talk = Talk(mailbox, clock, journal.counters, world.random, tenure.upkeep)
        machine = Machine(
            mailbox, talk, tenure, journal, clock, world.random, self._identify, partial(self._begun, name)
        )
        return Client(mailbox, journal, tenure, machine)

    def _run(self, name: str, client: Client) -> None:
        """Run a client to its end. One that has its interface again meanwhile is followed by another."""
        client.machine.run()
        del self._clients[name]
        if client.tenure.learned:
            self._tell_learned(name, {})
        self._begun(name)
        if self._stopping:
            if not self._clients:
                self._ended.set()
        elif name in self._wanted:
            gevent.spawn(self._start_again, name)  # once the supervisor has forgotten this one

    def _start_again(self, name: str) -> None:
        if name in self._wanted and name not in self._clients and not self._stopping:
            self._start(name)

    def _identify(self, config: ClientConfig, interface: Interface) -> Identity:
        return identify(config, interface.name, interface.mac, self._world.duid)

    def _live(self, name: str) -> Interface | None:
        interface = self._world.interfaces.named(name) if self._connected else None
        return interface if interface is not None and interface.up else None

    def _interface_changed(self, old: Interface | None, new: Interface | None) -> None:
        changed = new or old
        client = None if changed is None else self._clients.get(changed.name)
        if changed is None or client is None or not self._connected:
            return
        before = old if old is not None and old.up else None
        now = new if new is not None and new.up else None
        if now is None and before is not None:
            client.mailbox.wake(Wake.DOWN)
            self._begun(changed.name)
        elif now is not None and (before is None or _seat(before) != _seat(now)):
            client.mailbox.wake(Wake.UP)

    def _hand_over(self, datagram: bytes) -> None:
        try:
            interface = self._world.interfaces.get(punt.decode(datagram))
        except DecodeError as error:
            self.elsewhere[error.kind] += 1
            return
        client = None if interface is None else self._clients.get(interface.name)
        if client is None:
            self.elsewhere["no-client"] += 1
        else:
            client.mailbox.put(datagram)

    def _begun(self, name: str) -> None:
        if self._undecided:
            self._undecided.discard(name)
            self._decide()

    def _decide(self) -> None:
        """Say once that VPP holds what earlier leases need, as soon as nobody is left who may have one."""
        if self._undecided is not None and not self._undecided:
            self._undecided = set()
            self._world.supervisor.start("dhc4client settled", self._world.settled)

    def _tell(self, event: Event) -> None:
        for listener in self._event_listeners:
            listener(event)

    def _tell_learned(self, name: str, options: Mapping[int, bytes]) -> None:
        for listener in self._learned_listeners:
            try:
                listener(name, options)
            except Exception:
                self._log.exception("listener of learned options failed", interface=name)


def _seat(interface: Interface) -> tuple[object, ...]:
    """Return what makes an interface another one for its client."""
    return interface.index, interface.mac, interface.vlans, interface.table4
