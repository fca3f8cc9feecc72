"""What the router's own DHCPv6 clients know of their providers, as far as router advertisements tell it to hosts."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address, IPv6Network
from re import compile as pattern
from types import MappingProxyType
from typing import Final, Protocol

from vppdhc.packet import names
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.options6 import Option

_LEARNED_MOST: Final = 32
"""Addresses or names of a provider that are passed on: they must not fill whole advertisements."""
_LONGEST_URI: Final = 255
"""Octets of a URI that is passed on (RFC 8910, 2.3)."""
_NAME: Final = pattern(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?")
"""What a provider may call a domain. Hosts hand it to scripts, so nothing else is passed on."""
_URI: Final = pattern(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
"""What a provider may call an API (RFC 3986, 3.1: a scheme, and then no spaces)."""

Learned = Mapping[str, Mapping[int, bytes]]
"""Options by the interface of the client that they were learned by, and by code, as they were sent."""


class AdvertisedPrefix(Protocol):
    """A prefix that a DHCPv6 client gives a LAN; its dhc6pdclient has it so."""

    @property
    def prefix(self) -> IPv6Network:
        """The part that the LAN has."""

    @property
    def delegated(self) -> IPv6Network:
        """The whole delegated prefix."""

    @property
    def stale(self) -> bool:
        """Whether it is no longer delegated, and advertised only so that hosts let go of it."""

    def lifetimes(self, now: float) -> tuple[int, int]:
        """Return what is left of the preferred and the valid lifetime, in seconds; INFINITY is for ever."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """What the clients know.

    learned: options. routers: by the interface of a client, whether the router has a way to that provider.
    """

    learned: Learned = field(default_factory=lambda: MappingProxyType({}))
    routers: Mapping[str, bool] = field(default_factory=lambda: MappingProxyType({}))

    def reachable(self, interface: str | None) -> bool:
        """Whether there is a way to the provider of a client; None: to that of any."""
        return any(self.routers.values()) if interface is None else self.routers.get(interface, False)

    def servers(self, interface: str | None) -> list[IPv6Address]:
        """Return the DNS servers that were learned by a client, None: by all, each once (RFC 3646, 3)."""
        found = [address for raw in self._values(Option.DNS_SERVERS, interface) for address in _addresses(raw)]
        return list(dict.fromkeys(found))[:_LEARNED_MOST]

    def domains(self, interface: str | None) -> list[str]:
        """Return the search domains that were learned (RFC 3646, 4)."""
        found = [name for raw in self._values(Option.DOMAIN_SEARCH, interface) for name in _names(raw)]
        return list(dict.fromkeys(found))[:_LEARNED_MOST]

    def captive_portal(self, interface: str | None) -> str | None:
        """Return the first API of a captive portal that was learned (RFC 8910, 2.2)."""
        texts = (raw.decode("latin-1") for raw in self._values(Option.V6_CAPTIVE_PORTAL, interface))
        return next((text for text in texts if len(text) <= _LONGEST_URI and _URI.fullmatch(text)), None)

    def _values(self, code: int, interface: str | None) -> Iterator[bytes]:
        sources = self.learned.values() if interface is None else [self.learned.get(interface, {})]
        return (source[code] for source in sources if code in source)


NO_UPSTREAM: Final = Upstream()
"""There are no clients."""


def _addresses(raw: bytes) -> Iterable[IPv6Address]:
    """Go through the addresses that hosts can have; an option of another length has none."""
    if len(raw) % 16:
        return
    for start in range(0, len(raw), 16):
        address = IPv6Address(raw[start : start + 16])
        # A link-local address is one of the provider's link, and means somebody else on ours.
        if not (address.is_multicast or address.is_loopback or address.is_unspecified or address.is_link_local):
            yield address


def _names(raw: bytes) -> list[str]:
    try:
        found = names.decode_list(raw)
    except DecodeError:
        return []
    return [name.lower() for name in found if _NAME.fullmatch(name)]
