"""What a client has, brought to where it is used: VPP, and the hosts of the LANs.

All of it is laid out at once, from the bindings, the routers that are heard and the time, and VPP is told the whole. So
a renumbering is one step: what is new is there before what is old goes, and the prefix translation goes over from one
prefix to the other, never with both or with none.

An address is asked for on the link before VPP has it (RFC 4862, 5.4). That takes a second or two, for which nothing
else waits: prefixes, routes and addresses that were asked for before are in VPP already.
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv6Address, IPv6Interface, IPv6Network
from pathlib import Path
from secrets import token_bytes
from typing import Final, Protocol

import structlog
from gevent.event import Event
from gevent.lock import BoundedSemaphore

from vppdhc.clock import Clock
from vppdhc.dhc6pdclient.bindings import NOTHING, Bindings, IaType
from vppdhc.dhc6pdclient.config import ClientConfig, ConflictDetection, DefaultRoute
from vppdhc.dhc6pdclient.lans import Advertised
from vppdhc.dhc6pdclient.layout import Layout, lay_out, next_change
from vppdhc.dhc6pdclient.needs import rejected
from vppdhc.dhc6pdclient.ports import Outcome
from vppdhc.dhc6pdclient.prefixes import OnwardPrefix
from vppdhc.dhc6pdclient.routers import Routers
from vppdhc.dhc6pdclient.slaac import SECRET, Slaac, SlaacAddress
from vppdhc.dhc6pdclient.tenant_file import Remembered, TenantFile
from vppdhc.interface import Interface
from vppdhc.vpp.items import InterfaceAddress, Item, Route

_EVERYWHERE: Final = IPv6Network("::/0")
_AGAIN: Final = 5.0
"""Seconds until it is tried again to ask for addresses, where no packets pass."""


class Interfaces(Protocol):
    """The live interface table."""

    def named(self, name: str) -> Interface | None:
        """Return the interface of exactly that name."""


class Programmer(Protocol):
    """Keeps what is wanted in VPP; waits for VPP."""

    def want(self, owner: str, items: Sequence[Item]) -> Mapping[Item, str]:
        """Have VPP hold exactly these items for an owner; returns what it refuses, with its reason.

        While VPP is away nothing is refused: it is done when VPP is back.
        """

    def withdraw(self, owner: str) -> object:
        """Have VPP hold nothing for an owner."""

    def problems(self, owner: str) -> Mapping[Item, str]:
        """Return what an owner wants and VPP has not, with the reason."""


class DuplicateCheck(Protocol):
    """Finds out whether others use addresses (RFC 4862, 5.4); waits for answers."""

    def taken(self, interface: str, addresses: Collection[IPv6Address]) -> frozenset[IPv6Address]:
        """Return which of some addresses other hosts on an interface use."""


@dataclass(frozen=True, slots=True)
class TenantWorld:
    """What the tenants of all clients share.

    interfaces: the live table. programmer: keeps things in VPP. duplicates: asks for addresses on a link.
    routers: gives the table of the routers that are heard on an interface.
    directory: where is kept what the next start has to know.
    on_advertised: is told a client's interface and what the hosts of its LANs are to hear, whenever that is something
        else than before; must not wait.
    on_way: is told a client's interface and whether there is a way to its provider, whenever that changes; must not
        wait.
    on_onward: is told a client's interface and what routers behind this one can have of its prefixes, whenever that is
        something else, and before anybody waits: nobody else gets what a LAN has; must not wait.
    handed_on: returns what such routers have.
    in_thread: has a function called where it may wait for the disk, and waits for its end.
    """

    interfaces: Interfaces
    programmer: Programmer
    duplicates: DuplicateCheck
    routers: Callable[[str], Routers]
    clock: Clock
    directory: Path
    on_advertised: Callable[[str, Advertised], object]
    on_way: Callable[[str, bool], object] = lambda _, __: None
    on_onward: Callable[[str, tuple[OnwardPrefix, ...]], object] = lambda _, __: None
    handed_on: Callable[[], Collection[IPv6Network]] = tuple
    in_thread: Callable[[Callable[[], None]], None] = lambda work: work()


class LeaseTenant:
    """The tenant of one client, see ports.Tenant.

    layout: what follows from the delegated prefixes. slaac: the addresses that the interface has made for itself.
    duplicates: addresses of an IA_NA that others were found to use. routes: the default routes.
    """

    def __init__(self, name: str, world: TenantWorld, config: ClientConfig) -> None:
        """Have nothing yet. name: of the interface to the provider."""
        self.layout = Layout()
        self.slaac: tuple[SlaacAddress, ...] = ()
        self.duplicates: frozenset[IPv6Address] = frozenset()
        self.routes: tuple[Route, ...] = ()
        self.owner = f"dhc6pdclient {name}"
        self._name = name
        self._world = world
        self._config = config
        self._file = TenantFile(world.directory / "lans", name, world.clock, world.in_thread)
        self._remembered: Remembered | None = None
        self._own: Slaac | None = None
        self._interface: Interface | None = None
        self._bindings: Bindings | None = None
        self._living = True
        self._unasked: frozenset[IPv6Address] = frozenset()
        self._asked: frozenset[IPv6Address] = frozenset()
        self._wanted: list[Item] | None = None
        self._told: Advertised = {}
        self._remarks: tuple[str, ...] = ()
        self._told_onward: tuple[OnwardPrefix, ...] = ()
        self._way = False
        self._due = 0.0
        self._unstored = ""
        self._wake = Event()
        self._lock = BoundedSemaphore(1)
        self._log = structlog.get_logger().bind(interface=name)

    @property
    def config(self) -> ClientConfig:
        """How the client behaves; what follows from a change is laid out by run()."""
        return self._config

    @config.setter
    def config(self, config: ClientConfig) -> None:
        self._config = config
        self._wake.set()

    @property
    def problem(self) -> str:
        """What keeps VPP and LANs from having all of it, in words; empty where nothing does."""
        return "; ".join(self._problems())

    def adopt(self, bindings: Bindings) -> Outcome:
        """Have exactly these bindings be used from now on; see ports.Tenant."""
        with self._lock:
            self._bindings, self._living = bindings, True
            self.duplicates = frozenset()
            self._wanted = None  # even what VPP has been told before is told again
            self._settle(leased=True)
            self._wake.set()
            return Outcome(self.duplicates, self.problem)

    def withdraw(self) -> None:
        """Take everything out of VPP; hosts hear that their prefixes have gone, as nobody would forward for them."""
        with self._lock:
            self._living = False
            if self._bindings is not None:
                self._bindings = NOTHING
                self._lay_out_prefixes()
            self.layout = Layout(advertised=self.layout.advertised, memory=self.layout.memory)
            self.slaac, self.routes = (), ()
            self._asked = self._unasked = frozenset()
            self._wanted = None
            self._world.programmer.withdraw(self.owner)
            self._tell()

    def routers_changed(self) -> None:
        """Note that a router was heard; never waits."""
        self._wake.set()

    def run(self) -> None:
        """Lay out anew whenever time, routers or the configuration change something, for ever."""
        while True:
            self._wake.wait(self.left)
            self._wake.clear()
            self.work()

    @property
    def left(self) -> float | None:
        """Seconds until time alone changes something; None for never."""
        return None if math.isinf(self._due) else max(0.0, self._due - self._world.clock.boottime())

    def work(self) -> None:
        """Lay out anew, once."""
        with self._lock:
            if self._living:
                self._settle(leased=False)

    # Laying out; all with the lock

    def _settle(self, *, leased: bool) -> None:
        """Bring everything to what it should be now.

        leased: whether addresses of leases that have not been asked for may be: only adopt() can tell what came of it.
        """
        self._due = math.inf
        self._interface = self._world.interfaces.named(self._name) or self._interface
        if self._interface is None:
            return
        if self._bindings is not None:
            self._lay_out_prefixes()
        self._lay_out_own()
        self._want()
        while self._unasked and self._ask(leased=leased):
            self._want()
        self._tell()
        self._due = self._next()

    def _lay_out_prefixes(self) -> None:
        if self._interface is None or self._bindings is None:
            return
        remembered = self._remember()
        now = self._world.clock.boottime()
        handed_on = self._world.handed_on()
        self.layout = lay_out(self._config, self._interface, self._bindings, remembered.memory, now, handed_on)
        self._log_remarks(() if self.layout.translation is None else self.layout.translation.remarks)
        if self.layout.onward != self._told_onward:
            self._told_onward = self.layout.onward
            self._world.on_onward(self._name, self._told_onward)
        self._save(replace(remembered, memory=self.layout.memory))

    def _log_remarks(self, remarks: tuple[str, ...]) -> None:
        """Log what an operator should know of the translation, where that is not as before."""
        for remark in remarks if remarks != self._remarks else ():
            self._log.warning("npt66", remark=remark)
        self._remarks = remarks

    def _lay_out_own(self) -> None:
        """Find out what addresses the interface makes itself, and where the default routes lead."""
        now, internal = self._world.clock.boottime(), self._config.internal_prefix
        heard = self._world.routers(self._name).autonomous(now) if self._config.slaac else ()
        # An address of the network behind the router would be in the way there, and be translated.
        prefixes = [one for one in heard if internal is None or not one.prefix.overlaps(internal)]
        self.slaac = tuple(self._slaac().addresses(prefixes)) if prefixes or self._own else ()
        self.routes = tuple(self._default_routes(now))

    def _slaac(self) -> Slaac:
        if self._own is None:
            remembered = self._remember()
            if not remembered.secret:
                remembered = replace(remembered, secret=token_bytes(SECRET))
                self._save(remembered)
            self._own = Slaac(self._name, remembered.secret)
        return self._own

    def _want(self) -> None:
        """Have VPP hold everything but addresses that have not been asked for, or that others use."""
        assert self._interface is not None
        addresses = [address for address in self._addresses() if address not in self.duplicates]
        asking = self._config.conflict_detection is ConflictDetection.PROBE
        self._asked &= set(addresses)
        self._unasked = frozenset(addresses) - self._asked if asking else frozenset()
        items: list[Item] = [
            InterfaceAddress(self._name, IPv6Interface((address, 128)))
            for address in addresses
            if address not in self._unasked
        ]
        items += [*self.layout.items, *self.routes]
        if self._config.npt66 and self._config.internal_prefix is not None:
            items.append(rejected(self._table(), self._config.internal_prefix))
        items = list(dict.fromkeys(items))
        if items != self._wanted:
            self._wanted = items
            self._world.programmer.want(self.owner, items)

    def _ask(self, *, leased: bool) -> bool:
        """Ask for addresses that VPP has not yet; returns whether anything is known now that was not before."""
        interface = self._world.interfaces.named(self._name)
        own = {one.address for one in self.slaac}
        wanted = self._unasked if leased else self._unasked & own
        if interface is None or not interface.up or not wanted:
            return False
        taken = self._world.duplicates.taken(self._name, wanted)
        self._asked |= wanted - taken
        self.duplicates |= taken - own
        for address in sorted(taken):
            self._log.warning("another host uses an address", address=str(address))
        if taken & own:
            self._slaac().taken(taken & own)
            self._lay_out_own()
        return True

    def _tell(self) -> None:
        """Tell what the hosts of LANs are to hear, and of the way to the provider, where that is not as before."""
        if self.layout.advertised != self._told:
            self._told = self.layout.advertised
            self._world.on_advertised(self._name, self._told)
        way = self._has_way()
        if way != self._way:
            self._way = way
            self._world.on_way(self._name, way)

    def _has_way(self) -> bool:
        """Whether packets get to the provider: by our default route, or, without one, by routers that are there."""
        if self._config.default_route is DefaultRoute.NONE:
            return self._living and bool(self._world.routers(self._name).best(self._world.clock.boottime()))
        return bool(self.routes)

    def _next(self) -> float:
        """Return when time alone changes something, CLOCK_BOOTTIME."""
        now = self._world.clock.boottime()
        instants = [self._world.routers(self._name).next_change(now)]
        if self._bindings is not None:
            instants.append(next_change(self._bindings, self.layout, now))
            instants += [lease.valid_until for _, lease in self._bindings.leases if lease.valid_until > now]
        if self._unasked:
            instants.append(now + _AGAIN)
        return min(instants)

    # What there is to be

    def _addresses(self) -> list[IPv6Address]:
        """Return the addresses that the interface is to have: those of its leases, and its own."""
        now = self._world.clock.boottime()
        leases = () if self._bindings is None else self._bindings.leases
        granted = [lease.address for key, lease in leases if key.type is IaType.NA and lease.valid_until > now]
        return list(dict.fromkeys((*granted, *(one.address for one in self.slaac))))

    def _default_routes(self, now: float) -> Iterator[Route]:
        config, hops = self._config, self._next_hops(now)
        for hop in hops:
            yield Route(self._table(), _EVERYWHERE, hop, self._name, config.route_preference)

    def _next_hops(self, now: float) -> list[IPv6Address]:
        """Return the routers of the default route: all that have the highest preference (RFC 4191, 3.2)."""
        match self._config.default_route:
            case DefaultRoute.ROUTER_ADVERTISEMENT:
                return [router.address for router in self._world.routers(self._name).best(now)]
            case DefaultRoute.SERVER:
                server = self._server()
                return [] if server is None or not server.is_link_local else [server]
            case DefaultRoute.NONE:
                return []

    def _server(self) -> IPv6Address | None:
        """Return where the server's messages come from, while there is anything from it."""
        leased = self._bindings is not None and self._bindings.leased
        return self._bindings.server_address if leased and self._bindings is not None else None

    def _table(self) -> int:
        assert self._interface is not None
        return self._interface.table6 if self._config.route_table is None else self._config.route_table

    def _problems(self) -> Iterator[str]:
        yield from self.layout.problems
        if self._own is not None:
            yield from self._own.problems
        server = self._server()
        if self._config.default_route is DefaultRoute.SERVER and server is not None and not server.is_link_local:
            yield f"no default route, as {server} of the server is no link-local address: choose another default-route"
        if self._unstored:
            yield self._unstored
        refused = self._world.programmer.problems(self.owner)
        if refused:
            reasons = "; ".join(f"{item}: {reason}" for item, reason in refused.items())
            yield f"VPP refuses what the lease needs: {reasons}"

    # What is remembered

    def _remember(self) -> Remembered:
        if self._remembered is None:
            stored = self._file.load()
            self._remembered = Remembered() if stored is None else stored.content
        return self._remembered

    def _save(self, remembered: Remembered) -> None:
        """Store what is to be remembered; what cannot be stored is used all the same."""
        if remembered == self._remembered and not self._unstored:
            return
        self._remembered = remembered
        try:
            self._file.save(remembered)
            self._unstored = ""
        except OSError as error:
            self._unstored = (
                f"it cannot be stored what LANs have ({error.strerror}): behind a restart their hosts may not hear of "
                "what has gone"
            )
