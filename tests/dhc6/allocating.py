"""Networks with addresses and prefixes to give, and clients that take them, without any message."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv6Network
from math import inf
from typing import Any

from tests.dhc6.clients import duid, interface, text
from vppdhc.dhc6 import lease_maker
from vppdhc.dhc6.allocation import Allocation, Asking, Choice, in_force
from vppdhc.dhc6.book import LeaseBook6
from vppdhc.dhc6.config import Lifetimes, PoolConfig, PrefixPoolConfig, ServerConfig, Settings, SubnetConfig
from vppdhc.dhc6.delegation import Delegated
from vppdhc.dhc6.lease_maker import Client, LeaseMaker
from vppdhc.dhc6.levels import FOR_EVER, Life
from vppdhc.dhc6.reservations import Reservation, Reservations
from vppdhc.dhc6.serving import Serving
from vppdhc.dhc6.subnet import Subnet
from vppdhc.interface import Interface
from vppdhc.leases.lease import LeaseState
from vppdhc.leases.lease6 import Association, Change6, Lease6, LeaseKind, Place6

LAN = interface("2001:db8:1::1/64")
SMALL = interface("2001:db8:1::1/125")
CUSTOMERS = PrefixPoolConfig("customers", 56, IPv6Network("2001:db8:8000::/48"))


@dataclass(frozen=True)
class Advertised:
    """A prefix that a LAN has of a delegation."""

    prefix: IPv6Network
    preferred_until: float = inf
    valid_until: float = inf


def network(of: str) -> IPv6Network:
    return IPv6Network(of)


def delegated(prefix: str, *taken: str, life: Life = FOR_EVER) -> Delegated:
    return Delegated(network(prefix), tuple(network(one) for one in taken), life)


def subnet(
    id_: str, of: str, *pools: tuple[int, int], excluded: tuple[tuple[int, int], ...] = (), **more: Any
) -> SubnetConfig:
    """Configure a network; pools and what is excluded by first and last host number."""
    base = int(network(of).network_address)
    made = tuple(PoolConfig(str(number), base + first, base + last) for number, (first, last) in enumerate(pools))
    holes = tuple((base + first, base + last) for first, last in excluded)
    return SubnetConfig(id_, network(of), pools=made, excluded=holes, **more)


class Site:
    """What a server gives, its lease book, a store that remembers what was made durable, and a clock."""

    def __init__(self, *interfaces: Interface, names: Sequence[str] | None = None, **config: Any) -> None:
        """Serve interfaces, all of them without names; config: of the server, or of its settings."""
        self.interfaces = interfaces or (LAN,)
        self.now = 1000.0
        self.stored: dict[Place6, Lease6] = {}
        known = {name: config.pop(name) for name in list(config) if name in ServerConfig.__dataclass_fields__}
        served = tuple(one.name for one in self.interfaces) if names is None else tuple(names)
        self.config = ServerConfig(**{"settings": Settings(**config), "interfaces": served, **known})
        self.restart()

    def restart(self) -> None:
        """Forget everything that is not stored."""
        self.book = LeaseBook6()
        self.book.load(self.stored.values(), self.now)
        self.serving = Serving(self.config, self.book)
        self.allocation = Allocation(self.book, self.config.reservations)
        self.maker = LeaseMaker()
        for served in self.interfaces:
            self.serving.interface_changed(None, served)

    def configure(self, **changes: Any) -> None:
        self.config = replace(self.config, **changes)
        self.serving.configure(self.config)
        self.allocation.reservations = self.config.reservations

    def reserve(self, *reservations: Reservation) -> None:
        self.configure(reservations=Reservations(reservations))

    def become(self, *interfaces: Interface) -> None:
        """Have interfaces be others."""
        before = {one.name: one for one in self.interfaces}
        self.interfaces = interfaces
        for one in interfaces:
            self.serving.interface_changed(before.pop(one.name, None), one)
        for gone in before.values():
            self.serving.interface_changed(gone, None)

    def subnets(self, name: str = "tap0") -> tuple[Subnet, ...]:
        served = self.serving.networks.served(name)
        return () if served is None else served.subnets

    def asking(self, station: int, ia_id: int = 1, kind: LeaseKind = LeaseKind.ADDRESS, name: str = "tap0") -> Asking:
        hardware = [b"\1" + duid(station)[4:]]
        found = self.config.reservations.of(duid(station), ia_id, hardware, 0, self.subnets(name))
        return Asking(Association(kind, duid(station), ia_id), found, self.now)

    def choose(self, station: int, *hints: int, ia_id: int = 1, of: Subnet | None = None) -> Choice | None:
        """Choose an address in the first network, or another one."""
        return self.allocation.choose(self.asking(station, ia_id), of or self.subnets()[0], hints)

    def choose_prefix(
        self, station: int, *wishes: str, ia_id: int = 1, name: str = "tap0", link: int = 0
    ) -> Choice | None:
        asked = [(int(network(wish).network_address), network(wish).prefixlen) for wish in wishes]
        pools = self.serving.networks.prefix_pools(name, link)
        return self.allocation.choose_prefix(self.asking(station, ia_id, LeaseKind.PREFIX, name), pools, asked)

    def client(self, station: int, ia_id: int = 1, kind: LeaseKind = LeaseKind.ADDRESS) -> Client:
        return Client(Association(kind, duid(station), ia_id), "tap0", b"\1" + duid(station)[4:])

    def grant(self, station: int, choice: Choice | None, ia_id: int = 1, *, fails: bool = False) -> Lease6:
        """Make the lease of what was chosen, and make it durable or not."""
        assert choice is not None
        record = self.book.get(choice.place)
        client = self.client(station, ia_id, choice.place.kind)
        held = record if record is not None and record.association == client.association else None
        held = held if held is not None and in_force(held, self.now) else None
        new = self.maker.lease(client, choice, choice.lifetimes(self.now), self.now, held)
        self.change(record, new, fails=fails)
        self.book.withdraw(client.association)
        self.book.release(new.place)
        return new

    def take(self, station: int, *hints: int, ia_id: int = 1) -> Lease6:
        return self.grant(station, self.choose(station, *hints, ia_id=ia_id), ia_id)

    def take_prefix(self, station: int, *wishes: str, ia_id: int = 1) -> Lease6:
        return self.grant(station, self.choose_prefix(station, *wishes, ia_id=ia_id), ia_id)

    def offer(self, station: int, choice: Choice | None, ia_id: int = 1) -> Lease6:
        assert choice is not None
        client = self.client(station, ia_id, choice.place.kind)
        offer = lease_maker.offer(client, choice, choice.lifetimes(self.now), self.now)
        self.book.withdraw(client.association)
        self.book.hold(offer)
        return offer

    def end(self, lease: Lease6, state: LeaseState = LeaseState.RELEASED) -> Lease6:
        """Give a lease back."""
        ended = lease._replace(state=state, expires=self.now)
        self.change(lease, ended)
        return ended

    def quarantine(self, choice: Choice) -> Lease6:
        """Find an address in use."""
        new = lease_maker.probation(self.client(99), choice, b"\1abcdef", self.now)
        self.change(self.book.get(choice.place), new)
        return new

    def change(self, old: Lease6 | None, new: Lease6 | None, *, fails: bool = False) -> None:
        change = Change6(old, new)
        self.book.apply(change)
        if fails:
            self.book.take_back([change])
            self.expire()  # a lease that had ended before it was replaced ends again
        else:
            self.store([change])

    def store(self, changes: Iterable[Change6]) -> None:
        for old, new in changes:
            if new is not None:
                self.stored[new.place] = new
            elif old is not None:
                del self.stored[old.place]

    def expire(self) -> list[Lease6]:
        ended: list[Lease6] = []
        while self.book.next_expiry() <= self.now:
            changes, leases = self.book.expire(self.now, limit=3)
            self.store(changes)
            ended += leases
        return ended


def named(choice: Choice | Lease6 | None) -> str:
    """An address or prefix for people; empty for none."""
    return "" if choice is None else text(choice.network, choice.length)


def lifetimes(choice: Choice | None, now: float) -> Lifetimes | None:
    return None if choice is None else choice.lifetimes(now)
