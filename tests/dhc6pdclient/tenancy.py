"""A tenant in virtual time, with a VPP, a link and routers that tests invent."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv6Address, IPv6Interface, IPv6Network
from pathlib import Path
from typing import Any

from tests.dhc4client.world import AnyClock, VirtualClock
from tests.dhc6pdclient.delegated import lease
from vppdhc.dhc6pdclient.bindings import Association, Bindings, IaKey, IaType, Lease
from vppdhc.dhc6pdclient.config import ClientConfig, Lan
from vppdhc.dhc6pdclient.needs import AdvertisedPrefix
from vppdhc.dhc6pdclient.prefixes import OnwardPrefix
from vppdhc.dhc6pdclient.routers import UpstreamRouters
from vppdhc.dhc6pdclient.tenant import LeaseTenant, TenantWorld
from vppdhc.interface import Interface
from vppdhc.packet.nd_options import Preference
from vppdhc.vpp.items import InterfaceAddress, Item, NptBinding, Route

WAN = Interface("wan0", 1, bytes(6), admin_up=True, link_up=True, link_local=IPv6Address("fe80::1"), table6=5)
INTERNAL = IPv6Network("fd00::/48")
NPT = ClientConfig(npt66=True, internal_prefix=INTERNAL)
LANS = ClientConfig(lans=(Lan("lan0"), Lan("lan1")))
OLD, NEW = "2001:db8:1::/48", "2001:db8:2::/48"
SERVER = IPv6Address("fe80::5e")


@dataclass(frozen=True)
class Prefix:
    """A prefix that a router advertises."""

    prefix: IPv6Network
    autonomous: bool = True
    valid: int = 86400
    preferred: int = 14400


@dataclass(frozen=True)
class Advertisement:
    """What a router says."""

    router: IPv6Address
    lifetime: int
    managed: bool = True
    other: bool = True
    preference: Preference = Preference.MEDIUM
    prefixes: tuple[Prefix, ...] = ()


def advertisement(router: str = "fe80::a", lifetime: int = 1800, *prefixes: Prefix, **changes: Any) -> Advertisement:
    return replace(Advertisement(IPv6Address(router), lifetime, prefixes=prefixes), **changes)


def prefix(text: str = "2001:db8:f::/64", **changes: Any) -> Prefix:
    return replace(Prefix(IPv6Network(text)), **changes)


def has(
    *prefixes: str | Lease, addresses: Sequence[str | Lease] = (), now: float = 0.0, server: IPv6Address | None = SERVER
) -> Bindings:
    """Bindings of prefixes and addresses that were granted now, in words or as leases."""
    delegated = tuple(one if isinstance(one, Lease) else lease(one, granted_at=now) for one in prefixes)
    given = tuple(one if isinstance(one, Lease) else lease(one, granted_at=now) for one in addresses)
    associations = [Association(IaKey(IaType.PD, 1), delegated)] if delegated else []
    associations += [Association(IaKey(IaType.NA, 1), given)] if given else []
    return Bindings(associations=tuple(associations), server_address=server)


class FakeProgrammer:
    """Keeps what is wanted. history: of each want. refusals: what is refused, and why."""

    def __init__(self) -> None:
        self.history: list[list[Item]] = []
        self.refusals: dict[Item, str] = {}

    def want(self, owner: str, items: Sequence[Item]) -> Mapping[Item, str]:
        assert owner == "dhc6pdclient wan0"
        assert len({item.slot for item in items}) == len(items), "each thing once"
        self.history.append(list(items))
        return self.problems(owner)

    def withdraw(self, owner: str) -> None:
        self.want(owner, [])

    def problems(self, owner: str) -> Mapping[Item, str]:
        return {item: reason for item, reason in self.refusals.items() if item in self.present}

    @property
    def present(self) -> list[Item]:
        return self.history[-1] if self.history else []


class FakeDuplicates:
    """Others on the link. users: addresses that they use; everybody: whether they use each. asked: what was asked.

    meanwhile: is done while it is waited for an answer.
    """

    def __init__(self, clock: AnyClock, interface: str = "wan0") -> None:
        self.users: set[IPv6Address] = set()
        self.everybody = False
        self.asked: list[list[str]] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self._clock = clock
        self._interface = interface

    def taken(self, interface: str, addresses: Collection[IPv6Address]) -> frozenset[IPv6Address]:
        assert interface == self._interface
        self.asked.append([str(address) for address in sorted(addresses)])
        self._clock.now += 1.5
        self.meanwhile()
        return frozenset(addresses) if self.everybody else frozenset(addresses) & self.users


class Tenancy:
    """One tenant and everything round it. told: what hosts were to hear, each time. ways: whether there was a way."""

    def __init__(self, directory: Path, config: ClientConfig, clock: VirtualClock | None = None) -> None:
        self.clock = clock or VirtualClock(now=1000.0)
        self.interface: Interface | None = WAN
        self.programmer = FakeProgrammer()
        self.duplicates = FakeDuplicates(self.clock)
        self.routers = UpstreamRouters(self.clock, lambda _: self.tenant.routers_changed())
        self.told: list[Mapping[str, tuple[AdvertisedPrefix, ...]]] = []
        self.ways: list[bool] = []
        self.onward: list[tuple[OnwardPrefix, ...]] = []
        self.handed_on: list[IPv6Network] = []
        self.directory = directory
        self.tenant = self._make(config)

    def _make(self, config: ClientConfig) -> LeaseTenant:
        world = TenantWorld(
            interfaces=self,
            programmer=self.programmer,
            duplicates=self.duplicates,
            routers=self.routers.of,
            clock=self.clock,
            directory=self.directory,
            on_advertised=lambda _, told: self.told.append(told),
            on_way=lambda _, found: self.ways.append(found),
            on_onward=lambda _, found: self.onward.append(found),
            handed_on=lambda: self.handed_on,
        )
        return LeaseTenant("wan0", world, config)

    def restart(self) -> None:
        """Make a tenant as at a start of the daemon."""
        self.tenant = self._make(self.tenant.config)

    def named(self, name: str) -> Interface | None:
        return self.interface if name == "wan0" else None

    @property
    def now(self) -> float:
        return self.clock.now

    def hear(self, said: Advertisement) -> None:
        """Hear a router."""
        self.routers.heard("wan0", said)
        self.tenant.work()

    def run(self, seconds: float) -> None:
        """Let time pass: run() does what it does whenever it is due."""
        end = self.now + seconds
        self.tenant.work()
        while (left := self.tenant.left) is not None and self.now + left <= end:
            self.clock.now += left
            before = self.now
            self.tenant.work()
            if self.tenant.left == 0 and self.now == before:
                raise AssertionError("it never rests")
        self.clock.now = max(end, self.now)

    # What VPP is to have

    def addresses(self, interface: str = "wan0") -> list[str]:
        return [
            str(item.address)
            for item in self.programmer.present
            if isinstance(item, InterfaceAddress) and item.interface == interface
        ]

    def bindings(self) -> list[str]:
        return [str(item.external) for item in self.programmer.present if isinstance(item, NptBinding)]

    def hops(self) -> list[str]:
        """Next hops of the default routes."""
        return [
            str(item.next_hop)
            for item in self.programmer.present
            if isinstance(item, Route) and str(item.prefix) == "::/0"
        ]

    def hosts(self, interface: str = "lan0") -> dict[str, tuple[int, int]]:
        """What the hosts of a LAN hear now: lifetimes by prefix."""
        told = self.told[-1] if self.told else {}
        return {str(one.prefix): one.lifetimes(self.now) for one in told.get(interface, ())}


def own(tenancy: Tenancy) -> list[IPv6Interface]:
    """The addresses that the interface has made for itself."""
    return [IPv6Interface((one.address, 128)) for one in tenancy.tenant.slaac]
