"""What the hosts of LANs are to hear of the delegated prefixes of all clients together."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv6Network

from vppdhc.dhc6pdclient.needs import AdvertisedPrefix

Advertised = Mapping[str, tuple[AdvertisedPrefix, ...]]
"""What the hosts of each LAN are to hear, by its interface."""


def together(advertised: Iterable[Advertised]) -> Advertised:
    """Return what the hosts of each LAN are to hear, whichever clients it is from: first what the LAN has.

    What a LAN had by one client and has by another one is not stale.
    """
    found: dict[str, dict[IPv6Network, AdvertisedPrefix]] = {}
    for interface, prefixes in (pair for one in advertised for pair in one.items()):
        of_lan = found.setdefault(interface, {})
        for prefix in prefixes:
            if prefix.prefix not in of_lan or of_lan[prefix.prefix].stale:
                of_lan[prefix.prefix] = prefix
    return {interface: tuple(sorted(of_lan.values(), key=lambda one: one.stale)) for interface, of_lan in found.items()}
