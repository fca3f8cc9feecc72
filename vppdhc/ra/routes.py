"""The routes that hosts are told (RFC 4191)."""

from ipaddress import IPv6Network
from typing import Final, NamedTuple

from vppdhc.packet.nd_options import Preference, RouteInformation
from vppdhc.ra.known import Known
from vppdhc.ra.memory import Kind, Memory
from vppdhc.ra.prefixes import ND_VALID_LIMIT, delegation_of

_MOST: Final = 17
"""Routes up to which those to delegations are added to the configured ones (RFC 4191, 4)."""


class Route(NamedTuple):
    """A route to tell; lifetime: seconds, INFINITY is for ever."""

    prefix: IPv6Network
    preference: Preference
    lifetime: int

    def option(self) -> RouteInformation:
        """Return the option that tells it."""
        address = int(self.prefix.network_address)
        return RouteInformation(address, self.prefix.prefixlen, self.preference, self.lifetime)


def routes(known: Known, memory: Memory, now: float) -> list[Route]:
    """Return the routes to tell now, each once (RFC 4191, 4).

    These are the configured ones, those to the delegations of which the LAN has a part (RFC 7084, L-3), and, with a
    lifetime of zero, those that hosts may still have. What leads into a delegation lives no longer than that.
    """
    config = known.config
    found: dict[IPv6Network, Route] = {}
    for one in config.routes:
        most = delegation_of(known, one.prefix, now)
        lifetime = one.lifetime if most is None else min(one.lifetime, most[1])
        found[one.prefix] = Route(one.prefix, one.preference, lifetime)
    if config.advertise_delegated_prefixes:
        for given in known.current:
            if given.delegated != given.prefix and len(found) < _MOST:  # else the prefix itself says it
                lifetime = min(given.lifetimes(now)[1], ND_VALID_LIMIT)
                found.setdefault(given.delegated, Route(given.delegated, Preference.MEDIUM, lifetime))
    for gone in memory.forgotten(Kind.ROUTE, map(str, found), now):
        network = IPv6Network(gone)
        found[network] = Route(network, Preference.MEDIUM, 0)
    return list(found.values())
