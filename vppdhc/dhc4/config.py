"""Configuration of the DHCPv4 server, as the core wants it: frozen, complete, in seconds and integers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network
from types import MappingProxyType

from vppdhc.dhc4.classes import ClientClasses
from vppdhc.dhc4.options import NO_OPTIONS, OptionSet
from vppdhc.dhc4.reservations import Reservations
from vppdhc.servers.config import BasePoolConfig, BaseSubnetConfig, check, put_over

INFINITE = 0xFFFFFFFF
"""A lifetime of for ever (RFC 2131, 3.3)."""
SHORTEST_LEASE = 3
"""The shortest lease time that has room for two different whole seconds before its end, T1 and T2."""
SHORTEST_WISH = 120
"""Seconds below which no client can wish its lease, so that it cannot keep the server busy (RFC 2131, 4.3.1,
leaves what to make of the wish to the server)."""


class ConflictDetection(StrEnum):
    """How it is found out, before a new address is offered, whether somebody uses it."""

    PROBE = "probe"
    """ARP requests through the punt socket, for many addresses at once."""
    ARPING = "arping"
    """VPP's arping plugin, one address at a time; VPP's API waits meanwhile."""
    NONE = "none"
    """Not at all."""


class BootpClients(StrEnum):
    """Which BOOTP clients are served (RFC 1534)."""

    NONE = "none"
    FIXED = "fixed"
    """Those with a host reservation."""
    DYNAMIC = "dynamic"
    """All, for ever."""


@dataclass(frozen=True, slots=True)
class Times:
    """The lifetimes of one lease in seconds; renewal (T1) and rebinding (T2) are None where not sent."""

    lease: int
    renewal: int | None
    rebinding: int | None


@dataclass(frozen=True, slots=True)
class Settings:
    """How clients of one interface, subnet or pool are served.

    lease_time: seconds a lease lives, 3 or more; INFINITE is for ever.
    renewal_time, rebinding_time: T1 and T2 in seconds; None for 1/2 and 7/8 of the lease (RFC 2131, 4.4.5).
    options: what they are told beside it.
    static_percentage: how much of the network, from its start, is never given out.
    authoritative: whether this is the one server of its links, which is what a router usually is. It then
        gives a client that it has no record of the address that this client says it has, when it is free, and
        tells it with a NAK when it is not, so that a client has service at once after the leases were lost or
        it came from somewhere else. Otherwise it keeps quiet to such clients, as RFC 2131, 4.3.2, wants it
        from servers that share a link and do not know of each other's leases.
    offer_hold: seconds that an offered address is kept for its client.
    probation_time: seconds that a declined address is given to nobody.
    max_address_utilization: percent of a pool, 1 to 100, that may be in use before that is told.
    conflict_detection, probe_timeout: how, and for how many seconds, it is asked whether somebody uses a new address.
    rapid_commit: whether a client that asks for it gets its lease by two messages (RFC 4039).
    bootp_clients: which BOOTP clients are served.
    known_clients_only: whether clients without a reservation get no answer.
    subnet_selection: whether a client may name the network that it wants its address in (RFC 3011).
    max_client_rate: messages of one client that are answered in a second; None for all.
    max_leases_per_hardware_address: leases that one hardware address can have on an interface; None for any number.

    Raises ValueError where a value is out of its range.
    """

    lease_time: int = 3600
    renewal_time: int | None = None
    rebinding_time: int | None = None
    options: OptionSet = NO_OPTIONS
    static_percentage: int = 10
    authoritative: bool = True
    offer_hold: int = 60
    probation_time: int = 86_400
    max_address_utilization: int = 90
    conflict_detection: ConflictDetection = ConflictDetection.PROBE
    probe_timeout: float = 0.3
    rapid_commit: bool = False
    bootp_clients: BootpClients = BootpClients.FIXED
    known_clients_only: bool = False
    subnet_selection: bool = False
    max_client_rate: int | None = None
    max_leases_per_hardware_address: int | None = None

    def __post_init__(self) -> None:
        check("lease-time", self.lease_time, SHORTEST_LEASE, INFINITE)
        for name, value in (("renewal-time", self.renewal_time), ("rebinding-time", self.rebinding_time)):
            if value is not None:
                check(name, value, 1, INFINITE)
        check("static-percentage", self.static_percentage, 0, 100)
        check("offer-hold", self.offer_hold, 1, 3600)
        check("probation-time", self.probation_time, 0, INFINITE)
        check("max-address-utilization", self.max_address_utilization, 1, 100)

    @property
    def default_rebinding_time(self) -> int | None:
        """T2 of the configured lease time where none is configured; None for a lease without end, which has none."""
        return None if self.lease_time == INFINITE else _default_rebinding_time(self.lease_time)

    def times(self, wish: int | None) -> Times:
        """Return the lifetimes for a client that wishes so many seconds (option 51); None is for no wish.

        A shorter lease than the configured one is granted down to SHORTEST_WISH seconds, a longer one is not.
        T1 < T2 < lease always holds: a configured T1 or T2 that does not fit, because the client has its
        lease shorter or an interface has another lease time than the server, gives way to the default.
        """
        lease = self.lease_time
        if wish is not None and wish < lease:
            lease = max(wish, min(lease, SHORTEST_WISH))
        if lease == INFINITE:
            # The defaults are parts of a lifetime that has an end; without one, a client need not renew.
            return Times(lease, self.renewal_time, self.rebinding_time)
        rebinding = self.rebinding_time
        if rebinding is None or not 1 < rebinding < lease:
            rebinding = _default_rebinding_time(lease)
        renewal = self.renewal_time
        if renewal is None or renewal >= rebinding:
            renewal = lease // 2 if lease // 2 < rebinding else max(1, rebinding * 4 // 7)
        return Times(lease, renewal, rebinding)


def _default_rebinding_time(lease: int) -> int:
    return lease * 7 // 8


@dataclass(frozen=True, slots=True)
class Overrides:
    """Settings of an inner level that differ from those around it; None where they do not.

    Of the options it is code by code, see OptionSet.over().
    """

    lease_time: int | None = None
    renewal_time: int | None = None
    rebinding_time: int | None = None
    options: OptionSet = NO_OPTIONS
    static_percentage: int | None = None
    authoritative: bool | None = None
    offer_hold: int | None = None
    probation_time: int | None = None
    max_address_utilization: int | None = None
    conflict_detection: ConflictDetection | None = None
    probe_timeout: float | None = None
    rapid_commit: bool | None = None
    bootp_clients: BootpClients | None = None
    known_clients_only: bool | None = None
    subnet_selection: bool | None = None
    max_client_rate: int | None = None
    max_leases_per_hardware_address: int | None = None

    def over(self, settings: Settings) -> Settings:
        """Return the settings with these put over them; raises ValueError where they do not go together."""
        return put_over(settings, self)


NO_OVERRIDES = Overrides()
"""Nothing is different."""


@dataclass(frozen=True, slots=True)
class PoolConfig(BasePoolConfig[Overrides]):
    """A range of addresses for clients; see BasePoolConfig."""

    overrides: Overrides = NO_OVERRIDES


@dataclass(frozen=True, slots=True)
class SubnetConfig(BaseSubnetConfig[IPv4Network, Overrides]):
    """A network that is not just as its interface makes it; see BaseSubnetConfig."""

    overrides: Overrides = NO_OVERRIDES


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """The whole configuration of the DHCPv4 server.

    settings: what holds wherever an interface has nothing of its own.
    interfaces: names of the interfaces to serve with these settings.
    per_interface: overrides by interface name; these interfaces are served as well.
    client_interfaces: interfaces on which this router is itself a client of somebody. They are not served
        unless named in one of the two before. When those are both empty, every other interface with an IPv4
        address is.
    subnets: networks that are not just as their interfaces make them. One that overlaps an earlier one of its table
        is not served.
    classes: options for clients of a kind.
    reservations: what single clients get.
    enabled: whether anybody is served at all.
    max_pending_probes: clients that may wait for an answer to a probe; further ones are offered an address without.
    """

    settings: Settings = field(default_factory=Settings)
    interfaces: tuple[str, ...] = ()
    per_interface: Mapping[str, Overrides] = field(default_factory=lambda: MappingProxyType({}))
    client_interfaces: frozenset[str] = frozenset()
    subnets: tuple[SubnetConfig, ...] = ()
    classes: ClientClasses = field(default_factory=ClientClasses)
    reservations: Reservations = field(default_factory=Reservations)
    enabled: bool = True
    max_pending_probes: int = 1000

    def settings_for(self, interface: str) -> Settings | None:
        """Return the settings for an interface of this name, None where it is not served."""
        if not self.enabled:
            return None
        overrides = self.per_interface.get(interface)
        if overrides is not None:
            return overrides.over(self.settings)
        if self.interfaces or self.per_interface:
            return self.settings if interface in self.interfaces else None
        return None if interface in self.client_interfaces else self.settings
