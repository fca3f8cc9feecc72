"""All DHCPv4 clients of the router; what they have in common with those of DHCPv6 is in vppdhc.clients.crowd."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import gevent

from vppdhc.clients import crowd
from vppdhc.clients.crowd import Crowd
from vppdhc.clients.mailbox import Mailbox
from vppdhc.dhc4client.binding import Binding
from vppdhc.dhc4client.config import ClientConfig, ClientIdType
from vppdhc.dhc4client.identity import Identity, identify
from vppdhc.dhc4client.journal import Event, Journal
from vppdhc.dhc4client.machine import Machine
from vppdhc.dhc4client.ports import ConflictCheck, Programmer
from vppdhc.dhc4client.store import LeaseFile
from vppdhc.dhc4client.talk import Talk
from vppdhc.dhc4client.tenure import Tenure
from vppdhc.interface import Interface


@dataclass(frozen=True, slots=True)
class World(crowd.World):
    """What all clients share.

    programmer: brings leases into VPP.
    check: makes what finds out who else uses an address of a client; is given what it has to wait with, in seconds.
    """

    programmer: Programmer
    check: Callable[[Callable[[float], None]], ConflictCheck]


@dataclass(frozen=True, slots=True)
class Client:
    """One client: machine.state, tenure.lease, tenure.learned, tenure.programmed, journal.history and so on."""

    mailbox: Mailbox
    journal: Journal
    tenure: Tenure
    machine: Machine

    @property
    def learned(self) -> Mapping[int, bytes]:
        """See Running."""
        return self.tenure.learned

    def run(self) -> None:
        """See Running."""
        self.machine.run()


class DhcpClients(Crowd[ClientConfig, Event, Client]):
    """The clients, by the names of their interfaces."""

    def __init__(self, world: World) -> None:
        """Have no clients before configure()."""
        super().__init__(world, "dhc4client")
        self._world = world

    def _make(self, name: str, config: ClientConfig) -> Client:
        world, clock = self._world, self._world.clock
        journal = Journal(name, clock, self._tell)
        mailbox = Mailbox(partial(self._live, name), world.send, clock, journal.counters.drops)
        in_thread = gevent.get_hub().threadpool.apply
        tenure = Tenure(
            config,
            mailbox,
            LeaseFile(world.directory, name, clock, in_thread),
            Binding(name, world.programmer, world.check(mailbox.sleep), clock),
            journal,
            clock,
            partial(self._tell_learned, name),
        )
        talk = Talk(mailbox, clock, journal.counters, world.random, tenure.upkeep)
        machine = Machine(
            mailbox, talk, tenure, journal, clock, world.random, self._identify, partial(self._begun, name)
        )
        return Client(mailbox, journal, tenure, machine)

    def _reconfigure(self, client: Client, config: ClientConfig) -> None:
        client.tenure.config = config

    def _goes_by_duid(self, config: ClientConfig) -> bool:
        return not config.client_id and config.client_id_type is ClientIdType.DUID

    def _passes(self, interface: Interface) -> bool:
        return interface.up

    def _seat(self, interface: Interface) -> tuple[object, ...]:
        return interface.index, interface.mac, interface.vlans, interface.table4

    def _identify(self, config: ClientConfig, interface: Interface) -> Identity:
        return identify(config, interface.name, interface.mac, self._world.duid)
