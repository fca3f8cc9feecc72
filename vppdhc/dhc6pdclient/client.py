"""All DHCPv6 clients of the router; what they have in common with those of DHCPv4 is in vppdhc.clients.crowd."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import gevent

from vppdhc.clients import crowd
from vppdhc.clients.crowd import Crowd
from vppdhc.clients.wake import Wake
from vppdhc.dhc6pdclient.config import ClientConfig
from vppdhc.dhc6pdclient.demand import Flags
from vppdhc.dhc6pdclient.identity import identify
from vppdhc.dhc6pdclient.journal import Event, Journal
from vppdhc.dhc6pdclient.machine import Machine
from vppdhc.dhc6pdclient.mailbox import Mailbox
from vppdhc.dhc6pdclient.store import BindingsFile
from vppdhc.dhc6pdclient.talk import Talk
from vppdhc.dhc6pdclient.tenant import LeaseTenant
from vppdhc.dhc6pdclient.tenure import Tenure
from vppdhc.interface import Interface
from vppdhc.supervisor import Supervisor

_NAME: Final = "dhc6pdclient"
ROUTERS_WITHIN: Final = 12.0
"""Seconds within which the routers of a link are heard behind a start, if there are any: as long as a host solicits
them (RFC 4861, 10)."""


@dataclass(frozen=True, slots=True)
class World(crowd.World):
    """What all clients share.

    tenant: makes what brings the bindings of an interface to where they are used.
    flags: gives the flags of the provider's routers on an interface; None where none has been heard.
    routers_within: seconds for which what an earlier run made of router advertisements is left in VPP.
    """

    tenant: Callable[[str, ClientConfig], LeaseTenant]
    flags: Callable[[str], Flags | None]
    routers_within: float = ROUTERS_WITHIN


@dataclass(frozen=True, slots=True)
class Client:
    """One client: machine.state, tenure.bindings, talk.limits, tenant.layout, journal.history and so on."""

    name: str
    supervisor: Supervisor
    mailbox: Mailbox
    journal: Journal
    tenure: Tenure
    talk: Talk
    machine: Machine
    tenant: LeaseTenant

    @property
    def learned(self) -> Mapping[int, bytes]:
        """See Running."""
        return self.tenure.learned

    def run(self) -> None:
        """Be the client, see Running; meanwhile time and routers change what its tenant has made of the bindings."""
        tenant = f"{_NAME} {self.name} tenant"
        self.supervisor.start(tenant, self.tenant.run)
        try:
            self.machine.run()
        finally:
            self.supervisor.stop(tenant)


class Dhcp6Clients(Crowd[ClientConfig, Event, Client]):
    """The clients, by the names of their interfaces."""

    def __init__(self, world: World) -> None:
        """Have no clients before configure()."""
        super().__init__(world, _NAME)
        self._world = world
        self._flags: dict[str, Flags | None] = {}

    def routers_changed(self, name: str) -> None:
        """Note that the routers on an interface say something else than before; does not wait."""
        client = self._clients.get(name)
        if client is None:
            return
        client.tenant.routers_changed()
        flags = self._world.flags(name)
        if flags != self._flags.get(name):
            self._flags[name] = flags
            client.mailbox.wake(Wake.ROUTERS)

    def look_again(self) -> None:
        """Note that VPP refuses something else than before; does not wait."""
        for client in self._clients.values():
            client.tenure.look_again()

    def _make(self, name: str, config: ClientConfig) -> Client:
        world, clock = self._world, self._world.clock
        self._flags[name] = world.flags(name)
        journal = Journal(name, clock, self._tell)
        mailbox = Mailbox(
            partial(self._live, name), partial(world.flags, name), world.send, clock, journal.counters.drops
        )
        in_thread = gevent.get_hub().threadpool.apply
        tenant = world.tenant(name, config)
        tenure = Tenure(
            config,
            BindingsFile(world.directory, name, clock, in_thread),
            tenant,
            journal,
            clock,
            partial(self._tell_learned, name),
        )
        talk = Talk(mailbox, clock, journal.counters, world.random, tenure.upkeep, tenure.reconfigured)
        machine = Machine(mailbox, talk, tenure, journal, clock, self._identify, partial(self._told_vpp, name))
        return Client(name, world.supervisor, mailbox, journal, tenure, talk, machine, tenant)

    def _reconfigure(self, client: Client, config: ClientConfig) -> None:
        client.tenure.config = client.tenant.config = config

    def _goes_by_duid(self, config: ClientConfig) -> bool:
        return not config.client_duid

    def _passes(self, interface: Interface) -> bool:
        return interface.up and interface.link_local is not None

    def _seat(self, interface: Interface) -> tuple[object, ...]:
        return interface.index, interface.mac, interface.vlans, interface.table6, interface.link_local

    def _identify(self, config: ClientConfig, interface: Interface) -> bytes:
        return identify(config, interface.mac, self._world.duid)

    def _interface_changed(self, old: Interface | None, new: Interface | None) -> None:
        super()._interface_changed(old, new)
        changed = new or old
        client = None if changed is None else self._clients.get(changed.name)
        if client is not None:
            client.tenant.routers_changed()  # what LANs have is laid out although no packets pass

    def _told_vpp(self, name: str) -> None:
        """Note that VPP has been told what earlier bindings need; what came from routers needs these to be heard."""
        if self._is_undecided(name):
            gevent.spawn_later(self._world.routers_within, self._begun, name)
