"""What a level of the configuration says about DHCPv4 options, encoded, and how one level lies over another."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from types import MappingProxyType
from typing import Final, Self

from vppdhc.packet import names
from vppdhc.servers import learned as shared
from vppdhc.servers.option_set import BaseOptionSet, FromUpstream, OptionValue, Upstream

__all__ = [
    "BOOT_FILE_NAME",
    "BROADCAST_ADDRESS",
    "CLASSLESS_ROUTES",
    "DOMAIN_NAME",
    "DOMAIN_NAME_SERVER",
    "DOMAIN_SEARCH",
    "HOST_NAME",
    "MICROSOFT_ROUTES",
    "NO_OPTIONS",
    "NTP_SERVERS",
    "ROUTER",
    "STATIC_ROUTES",
    "SUBNET_MASK",
    "V6_ONLY_PREFERRED",
    "WPAD",
    "FromUpstream",
    "OptionSet",
    "OptionValue",
    "Upstream",
]

SUBNET_MASK: Final = 1
ROUTER: Final = 3
DOMAIN_NAME_SERVER: Final = 6
HOST_NAME: Final = 12
DOMAIN_NAME: Final = 15
BROADCAST_ADDRESS: Final = 28
STATIC_ROUTES: Final = 33
NTP_SERVERS: Final = 42
BOOT_FILE_NAME: Final = 67
V6_ONLY_PREFERRED: Final = 108
DOMAIN_SEARCH: Final = 119
CLASSLESS_ROUTES: Final = 121
MICROSOFT_ROUTES: Final = 249
WPAD: Final = 252

_ADDRESS: Final = 4
_NAME_LONGEST: Final = 253


@dataclass(frozen=True, slots=True)
class OptionSet(BaseOptionSet):
    """What is said about options, see BaseOptionSet, and about the next server.

    next_server: IPv4 address for the field siaddr (RFC 2131, 2); None where nothing is said about it.
    """

    next_server: int | None = None

    def __hash__(self) -> int:
        return self._hash

    def __bool__(self) -> bool:
        """Whether anything is said."""
        return bool(self.next_server) or BaseOptionSet.__bool__(self)

    def over(self, outer: Self) -> Self:
        """Return what holds where this level lies within another one."""
        options = BaseOptionSet.over(self, outer)
        next_server = outer.next_server if self.next_server is None else self.next_server
        return options if options.next_server == next_server else replace(options, next_server=next_server)

    @staticmethod
    def _join(code: int, value: FromUpstream, learned: Sequence[bytes]) -> bytes:
        return _JOIN[code](value, learned)


NO_OPTIONS: Final = OptionSet()
"""Nothing is said."""


def _join_addresses(value: FromUpstream, learned: Iterable[bytes]) -> bytes:
    return shared.join_addresses(value, learned, _ADDRESS, _is_host)


def _is_host(raw: bytes) -> bool:
    address = IPv4Address(raw)
    return raw[0] != 0 and not (address.is_loopback or address.is_multicast or address.is_reserved)


def _first_name(_: FromUpstream, learned: Iterable[bytes]) -> bytes:
    """Return the first domain name (RFC 2132, 3.17: one name, as text)."""
    stripped = (raw.rstrip(b"\0") for raw in learned)
    return next((name for name in stripped if len(name) <= _NAME_LONGEST and _is_safe(name)), b"")


def _is_safe(name: bytes) -> bool:
    return name.isascii() and shared.is_safe_name(name.decode("ascii"))


def _join_names(value: FromUpstream, learned: Iterable[bytes]) -> bytes:
    """Join domain names, each once (RFC 3397)."""
    return names.encode_list(shared.join_names(value, learned))


_JOIN: Final = MappingProxyType(
    {
        DOMAIN_NAME_SERVER: _join_addresses,
        DOMAIN_NAME: _first_name,
        DOMAIN_SEARCH: _join_names,
        NTP_SERVERS: _join_addresses,
    }
)
"""By the codes of the options that can be learned."""
