"""Configuration of the DHCPv6 server, as the core wants it: frozen, complete, in seconds and integers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv6Network
from types import MappingProxyType
from typing import Final, NamedTuple

from vppdhc.dhc6.options import NO_OPTIONS, OptionSet
from vppdhc.dhc6.reservations import Reservations
from vppdhc.packet.dhcp6 import INFINITY
from vppdhc.servers.config import BasePoolConfig, BaseSubnetConfig, check, put_over

SHORTEST_LEASE: Final = 3
"""The shortest valid lifetime that has room for two different whole seconds before its end, T1 and T2."""


class ConflictDetection(StrEnum):
    """How it is found out, before a new address is offered, whether somebody uses it."""

    PROBE = "probe"
    """Neighbour solicitations through the punt socket, for many addresses at once."""
    NONE = "none"
    """Not at all."""


class Lifetimes(NamedTuple):
    """The preferred and the valid lifetime of an address or prefix in seconds; INFINITY is for ever."""

    preferred: int
    valid: int


NO_LIFETIMES: Final = Lifetimes(0, 0)
"""Those of what must not be used any longer (RFC 8415, 18.3.4)."""


class Times(NamedTuple):
    """When an identity association is renewed (T1) and rebound (T2), in seconds; INFINITY is never."""

    renewal: int
    rebinding: int


@dataclass(frozen=True, slots=True)
class Settings:
    """How clients of one interface, subnet or pool are served.

    valid_lifetime: seconds a lease lives, 3 or more; INFINITY is for ever.
    preferred_lifetime: seconds that it is used for new connections; no longer than valid_lifetime counts.
    renewal_time, rebinding_time: T1 and T2 in seconds; None for 1/2 and 4/5 of the shortest preferred lifetime (RFC
        8415, 14.2).
    options: what clients are told beside it.
    max_address_utilization: percent of a pool, 1 to 100, that may be in use before that is told.
    preference: how much clients should prefer this server, 0 to 255 (RFC 8415, 21.8).
    offer_hold: seconds that an advertised address or prefix is kept for its client.
    probation_time: seconds that an address that somebody else uses is given to nobody.
    conflict_detection, probe_timeout: how, and for how many seconds, it is asked whether somebody uses a new address.
    rapid_commit: whether a client that asks for it gets its lease by two messages (RFC 8415, 18.3.1).
    reconfigure: whether clients that accept it are told of changes at once (RFC 8415, 18.3.11).

    Raises ValueError where a value is out of its range.
    """

    valid_lifetime: int = 7200
    preferred_lifetime: int = 3600
    renewal_time: int | None = None
    rebinding_time: int | None = None
    options: OptionSet = NO_OPTIONS
    max_address_utilization: int = 90
    preference: int = 0
    offer_hold: int = 60
    probation_time: int = 86_400
    conflict_detection: ConflictDetection = ConflictDetection.PROBE
    probe_timeout: float = 0.3
    rapid_commit: bool = False
    reconfigure: bool = False

    def __post_init__(self) -> None:
        check("valid-lifetime", self.valid_lifetime, SHORTEST_LEASE, INFINITY)
        check("preferred-lifetime", self.preferred_lifetime, 1, INFINITY)
        for name, value in (("renew-time", self.renewal_time), ("rebind-time", self.rebinding_time)):
            if value is not None:
                check(name, value, 1, INFINITY)
        check("max-address-utilization", self.max_address_utilization, 1, 100)
        check("preference", self.preference, 0, 255)
        check("offer-hold-time", self.offer_hold, 1, 3600)
        check("probation-time", self.probation_time, 0, INFINITY)

    @property
    def lifetimes(self) -> Lifetimes:
        """The lifetimes of a lease in a prefix that lives long enough."""
        return Lifetimes(min(self.preferred_lifetime, self.valid_lifetime), self.valid_lifetime)

    def times(self, leases: Iterable[Lifetimes]) -> Times:
        """Return T1 and T2 of an identity association with these leases (RFC 8415, 14.2 and 21.4).

        They go by the shortest preferred lifetime of those leases that are not deprecated, for a client is to renew
        before one becomes that; where all are deprecated by the shortest valid one. Both are never after that, and T1
        is not after T2: a configured T1 or T2 that does not fit, as a prefix ends soon, gives way to the default.
        Without any lease that lives, both are 0: the client decides.
        """
        alive = [lease for lease in leases if lease.valid]
        shortest = min(
            (lease.preferred for lease in alive if lease.preferred),
            default=min((lease.valid for lease in alive), default=0),
        )
        if shortest == INFINITY:
            rebinding = self.rebinding_time or INFINITY
            return Times(min(self.renewal_time or INFINITY, rebinding), rebinding)
        rebinding = self.rebinding_time or shortest
        if rebinding >= shortest:
            rebinding = shortest * 4 // 5
        renewal = self.renewal_time or shortest
        if renewal >= rebinding:
            renewal = min(shortest // 2, rebinding)
        return Times(renewal, rebinding)


@dataclass(frozen=True, slots=True)
class Overrides:
    """Settings of an inner level that differ from those around it; None where they do not.

    Of the options it is code by code, see OptionSet.over().
    """

    valid_lifetime: int | None = None
    preferred_lifetime: int | None = None
    renewal_time: int | None = None
    rebinding_time: int | None = None
    options: OptionSet = NO_OPTIONS
    max_address_utilization: int | None = None
    preference: int | None = None
    offer_hold: int | None = None
    probation_time: int | None = None
    conflict_detection: ConflictDetection | None = None
    probe_timeout: float | None = None
    rapid_commit: bool | None = None
    reconfigure: bool | None = None

    def over(self, settings: Settings) -> Settings:
        """Return the settings with these put over them; raises ValueError where they do not go together."""
        return put_over(settings, self)


NO_OVERRIDES: Final = Overrides()
"""Nothing is different."""


@dataclass(frozen=True, slots=True)
class PoolConfig(BasePoolConfig[Overrides]):
    """A range of addresses for clients; see BasePoolConfig."""

    overrides: Overrides = NO_OVERRIDES


@dataclass(frozen=True, slots=True)
class SubnetConfig(BaseSubnetConfig[IPv6Network, Overrides]):
    """A network that is not just as its interface makes it; see BaseSubnetConfig."""

    overrides: Overrides = NO_OVERRIDES


@dataclass(frozen=True, slots=True)
class PrefixPoolConfig:
    """Prefixes that are delegated to routers: parts of a configured prefix, or of one that we are delegated ourselves.

    id: names it for people.
    length: of the prefixes that routers get.
    prefix: whose parts they are; None with delegated_from.
    delegated_from: name of the interface of our own DHCPv6 client whose prefixes they are parts of; None with prefix.
    table: id of the routing table (VRF) for the routes to them.
    interfaces: names of those whose clients are served; without any, those of all that are served.
    relay_addresses: relay agents (link-address) whose clients are served; without any, those of all.
    overrides: of lifetimes.
    max_utilization: percent of the pool, 1 to 100, that may be in use before that is told.

    Raises ValueError unless it has one of prefix and delegated_from, and the length of a part.
    """

    id: str
    length: int
    prefix: IPv6Network | None = None
    delegated_from: str | None = None
    table: int = 0
    interfaces: tuple[str, ...] = ()
    relay_addresses: tuple[int, ...] = ()
    overrides: Overrides = NO_OVERRIDES
    max_utilization: int = 90

    def __post_init__(self) -> None:
        if (self.prefix is None) == (self.delegated_from is None):
            raise ValueError(f"prefix pool {self.id!r} has no place of its own that its prefixes come from")
        check("client-prefix-length", self.length, 1 if self.prefix is None else self.prefix.prefixlen, 128)
        check("max-pd-space-utilization", self.max_utilization, 1, 100)


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """The whole configuration of the DHCPv6 server.

    settings: what holds wherever an interface has nothing of its own.
    interfaces: names of the interfaces to serve with these settings.
    per_interface: overrides by interface name; these interfaces are served as well, and no others.
    subnets: networks that are not just as their interfaces make them. One that overlaps an earlier one of its table
        is not served.
    prefix_pools: prefixes for routers.
    reservations: what single clients get.
    server_duid: DUID of the server; None for that of the system.
    max_pending_probes: clients that may wait for an answer to a probe; further ones are offered an address without.
    """

    settings: Settings = field(default_factory=Settings)
    interfaces: tuple[str, ...] = ()
    per_interface: Mapping[str, Overrides] = field(default_factory=lambda: MappingProxyType({}))
    subnets: tuple[SubnetConfig, ...] = ()
    prefix_pools: tuple[PrefixPoolConfig, ...] = ()
    reservations: Reservations = field(default_factory=Reservations)
    server_duid: bytes | None = None
    max_pending_probes: int = 1000

    def settings_for(self, interface: str) -> Settings | None:
        """Return the settings for an interface of this name, None where it is not served."""
        overrides = self.per_interface.get(interface)
        if overrides is not None:
            return overrides.over(self.settings)
        return self.settings if interface in self.interfaces else None
