"""What delegated prefixes need in VPP, and what hosts are to hear of them."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Network
from typing import Final

from vppdhc.dhc6pdclient.nptv6 import Translation
from vppdhc.dhc6pdclient.prefixes import Delegation, without
from vppdhc.dhc6pdclient.subprefixes import Assignment, LanPrefix
from vppdhc.packet.dhcp6 import INFINITY
from vppdhc.vpp.items import InterfaceAddress, Item, NptBinding, Route

_LAST_RESORT: Final = 255
"""Preference of the routes to discard: whoever has another path for the same prefix knows better."""


@dataclass(frozen=True, slots=True)
class AdvertisedPrefix:
    """What hosts of a LAN hear of a prefix, by router advertisements and by DHCPv6.

    preferred_until, valid_until: CLOCK_BOOTTIME, infinity for never; minus infinity once it is stale.
    stale: whether it is no longer delegated, and advertised only so that hosts let go of it.
    """

    prefix: IPv6Network
    delegated: IPv6Network
    preferred_until: float
    valid_until: float
    stale: bool

    def lifetimes(self, now: float) -> tuple[int, int]:
        """Return the preferred and the valid lifetime to advertise now, in seconds; INFINITY is for ever.

        They never exceed what is left of the delegation's (RFC 9096, 3.3); of one that was lost they are zero (RFC
        7084, L-13).
        """
        return _left(self.preferred_until, now), _left(self.valid_until, now)


def needs(
    interface: str,
    table: int,
    delegations: Iterable[Delegation],
    assignments: Sequence[Assignment],
    translation: Translation | None,
) -> list[Item]:
    """Return all that is to be in VPP, in the order in which one thing needs the other.

    interface: to the provider. table: where packets from the provider are routed.
    delegations: those that can be used; they go to discard as far as nobody has them (RFC 7084, WPD-5), or a packet
    to an address that nobody has would go back and forth between the router and its provider.
    """
    items: list[Item] = [InterfaceAddress(one.interface, one.address) for one in assignments]
    if translation is not None:
        items.append(NptBinding(interface, translation.internal, translation.external))
    connected = {one.prefix for one in assignments}
    for delegation in delegations:
        unassigned = _unassigned(delegation, connected, translation)
        items += [Route(table, network, None, "", _LAST_RESORT, "unreachable") for network in unassigned]
    return items


def rejected(table: int, internal: IPv6Network) -> Route:
    """Return the route that answers for what no network behind the router has of an internal prefix.

    Without it such a packet would leave by the default route, to a provider who has nothing to do with it (RFC 4193,
    4.3), and one that a host beyond sends there would go back and forth. The longer prefixes of LANs win against it.
    Where somebody routes the whole internal prefix to another router, that has to be done with longer prefixes.
    """
    return Route(table, internal, None, "", _LAST_RESORT, "unreachable")


def _unassigned(
    delegation: Delegation, connected: Iterable[IPv6Network], translation: Translation | None
) -> Iterator[IPv6Network]:
    """Give what is to be routed to discard of a delegation.

    That is the whole, as the longer prefixes of the LANs, and of routers that get a part by DHCPv6, win against it.
    Only a LAN that has all of it has the very same route, and VPP would hide ours. Left out as well are the provider's
    link, which is reached as everything beyond it (RFC 6603), and what is translated: packets to that come in as
    others do, and of those that hosts send there the provider makes some that come in.
    """
    networks: Iterable[IPv6Network] = [delegation.prefix]
    if delegation.excluded is not None:
        networks = without(networks, delegation.excluded)
    if translation is not None:
        networks = without(networks, translation.external)
    taken = set(connected)
    return (network for network in networks if network not in taken)


def advertised(
    assignments: Iterable[Assignment], stale: Iterable[LanPrefix]
) -> Mapping[str, tuple[AdvertisedPrefix, ...]]:
    """Return what the hosts of each LAN are to hear, by its interface: what it has, then what it had."""
    found: dict[str, list[AdvertisedPrefix]] = {}
    for one in assignments:
        granted = one.delegation
        heard = AdvertisedPrefix(one.prefix, granted.prefix, granted.preferred_until, granted.valid_until, stale=False)
        found.setdefault(one.interface, []).append(heard)
    for old in stale:
        heard = AdvertisedPrefix(old.prefix, old.delegated, -math.inf, -math.inf, stale=True)
        found.setdefault(old.interface, []).append(heard)
    return {interface: tuple(prefixes) for interface, prefixes in found.items()}


def _left(until: float, now: float) -> int:
    if until == math.inf:
        return INFINITY
    return int(max(0.0, min(until - now, INFINITY - 1)))
