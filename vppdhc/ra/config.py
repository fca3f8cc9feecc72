"""Configuration of router advertisements, as the core wants it: frozen, complete, in the words of RFC 8349."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv6Address, IPv6Network
from types import MappingProxyType
from typing import Final

from vppdhc.packet import nd_options
from vppdhc.packet.nd_options import INFINITY, Preference

LONGEST_LIFETIME: Final = 65535
"""Seconds that a host uses a router as default router, at most (RFC 8319, 4)."""
_SHORTEST_INTERVAL: Final = 4  # seconds (RFC 4861, 6.2.1, MaxRtrAdvInterval)
_SHORT_INTERVAL: Final = 9  # seconds, from which on a third of it is the default (RFC 4861, 6.2.1, MinRtrAdvInterval)
_DEFAULT_LIFETIME_FACTOR: Final = 3  # of MaxRtrAdvInterval (RFC 4861, 6.2.1; RFC 8106, 5.1)


class FromUpstream(Enum):
    """Stands for what the router's own DHCPv6 client has learned from its provider."""

    UPSTREAM = "from-upstream"


UPSTREAM: Final = FromUpstream.UPSTREAM
"""A value that is learned."""


@dataclass(frozen=True, slots=True)
class PrefixConfig:
    """A prefix, and how it is advertised.

    advertise: False leaves it out, even where it is one of the interface or of a delegation; the rest is void then.
    valid_lifetime, preferred_lifetime: seconds; INFINITY is for ever.
    on_link_flag, autonomous_flag: the flags L and A.
    decrementing: whether the lifetimes count down from when the prefix was configured.
    Raises ValueError where the preferred lifetime is longer than the valid one (RFC 4861, 4.6.2).
    """

    prefix: IPv6Network
    advertise: bool = True
    valid_lifetime: int = 2592000
    preferred_lifetime: int = 604800
    on_link_flag: bool = True
    autonomous_flag: bool = True
    decrementing: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.preferred_lifetime <= self.valid_lifetime <= INFINITY:
            raise ValueError(f"{self.prefix}: preferred {self.preferred_lifetime} s, valid {self.valid_lifetime} s")


@dataclass(frozen=True, slots=True)
class RouteConfig:
    """A destination that the router is a way to (RFC 4191, 2.3); lifetime: seconds, INFINITY is for ever."""

    prefix: IPv6Network
    preference: Preference = Preference.MEDIUM
    lifetime: int = 1800


@dataclass(frozen=True, slots=True)
class Pref64Config:
    """A prefix of NAT64 (RFC 8781), of length 32, 40, 48, 56, 64 or 96; lifetime: seconds, 65,528 at most."""

    prefix: IPv6Network
    lifetime: int = 1800


@dataclass(frozen=True, slots=True)
class InterfaceConfig:
    """How the router advertises itself on an interface; the names are those of the YANG leaves.

    max_rtr_adv_interval: seconds, 4 to 65,535. min_rtr_adv_interval: seconds; None for the default, see min_interval.
    link_mtu: bytes; 0 leaves the option out. reachable_time, retrans_timer: milliseconds; 0 says nothing of them.
    cur_hop_limit: 0 says nothing of it.
    default_lifetime: seconds; None for the default, see lifetime.
    default_lifetime_follows_upstream: whether it is 0 while the router has no way to its provider (RFC 7084, G-4), and
    while there is no prefix on the interface (L-4).
    dhcpv6_pd_preferred_flag: the flag P of all prefixes that are not deprecated (RFC 9762).
    rdnss, dnssl, captive_portal: constants and UPSTREAM, in the order in which they are sent.
    rdnss_lifetime, dnssl_lifetime: seconds, INFINITY is for ever; None for the default, see dns_lifetime().
    upstream_interface: of the client whose values and way to the provider count; None for those of all.
    prefixes: those of prefix-list; each prefix once.
    Raises ValueError where max_rtr_adv_interval is out of its range, and where dnssl, captive_portal or pref64 have
    what cannot be sent.
    """

    max_rtr_adv_interval: int = 600
    min_rtr_adv_interval: int | None = None
    managed_flag: bool = True
    other_config_flag: bool = True
    link_mtu: int = 0
    reachable_time: int = 0
    retrans_timer: int = 0
    cur_hop_limit: int = 64
    default_lifetime: int | None = None
    default_lifetime_follows_upstream: bool = False
    router_preference: Preference = Preference.MEDIUM
    dhcpv6_pd_preferred_flag: bool = False
    source_link_layer_address: bool = True
    unicast_solicited_advertisements: bool = False
    advertise_interface_prefixes: bool = False
    interface_prefix_autonomous_flag: bool = True
    advertise_delegated_prefixes: bool = True
    rdnss: tuple[IPv6Address | FromUpstream, ...] = ()
    rdnss_lifetime: int | None = None
    dnssl: tuple[str | FromUpstream, ...] = ()
    dnssl_lifetime: int | None = None
    captive_portal: str | FromUpstream | None = None
    upstream_interface: str | None = None
    routes: tuple[RouteConfig, ...] = ()
    pref64: tuple[Pref64Config, ...] = ()
    prefixes: tuple[PrefixConfig, ...] = ()

    def __post_init__(self) -> None:
        if not _SHORTEST_INTERVAL <= self.max_rtr_adv_interval <= LONGEST_LIFETIME:
            raise ValueError(f"max-rtr-adv-interval {self.max_rtr_adv_interval} s")
        for domain in self.dnssl:
            if domain is not UPSTREAM:
                nd_options.encode([nd_options.Dnssl(0, (domain,))])
        if isinstance(self.captive_portal, str):
            nd_options.encode([nd_options.CaptivePortal(self.captive_portal)])
        for one in self.pref64:
            nd_options.encode([nd_options.Pref64(0, one.prefix.prefixlen, one.lifetime)])

    @property
    def min_interval(self) -> float:
        """MinRtrAdvInterval in seconds.

        The configured one gives way to the default where it does not fit, as it is that of another level of the
        configuration than max_rtr_adv_interval.
        """
        longest = self.max_rtr_adv_interval
        said = self.min_rtr_adv_interval
        if said is not None and said <= 0.75 * longest:
            return said
        return longest / 3 if longest >= _SHORT_INTERVAL else 0.75 * longest

    @property
    def lifetime(self) -> int:
        """AdvDefaultLifetime in seconds: 0, or MaxRtrAdvInterval to 65,535 (RFC 4861, 6.2.1; RFC 8319, 4)."""
        return min(self._longer_than_interval(self.default_lifetime), LONGEST_LIFETIME)

    def dns_lifetime(self, said: int | None) -> int:
        """Return the lifetime of DNS servers or domains in seconds; said: as it is configured (RFC 8106, 5.1)."""
        return self._longer_than_interval(said)

    def _longer_than_interval(self, said: int | None) -> int:
        """Return a lifetime that does not end before the next advertisement, or 0; the default where it would."""
        if said is not None and (said == 0 or said >= self.max_rtr_adv_interval):
            return said
        return _DEFAULT_LIFETIME_FACTOR * self.max_rtr_adv_interval


@dataclass(frozen=True, slots=True)
class RaConfig:
    """The whole configuration: interfaces, by name, complete with what they have of the level above."""

    interfaces: Mapping[str, InterfaceConfig] = field(default_factory=lambda: MappingProxyType({}))
