"""What a level of the configuration says about DHCPv4 options, encoded, and how one level lies over another."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from vppdhc.packet import names
from vppdhc.packet.errors import DecodeError

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

_LEARNED_MOST: Final = 32
"""Addresses or names of a provider that are passed on in one option: it must not fill the whole answer."""
_NAME = re.compile(rb"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?")
"""What a provider may call a domain. Clients hand it to scripts, so nothing else is passed on."""


class FromUpstream(NamedTuple):
    """A value that is learned from the provider.

    before, after: constants in front of it and behind it, encoded as the option is; empty without.
    """

    before: bytes = b""
    after: bytes = b""


OptionValue: TypeAlias = bytes | FromUpstream

Upstream: TypeAlias = Mapping[str, Mapping[int, bytes]]
"""What was learned: by the interface of the router's own client, values as received by option code."""


@dataclass(frozen=True, slots=True)
class OptionSet:
    """What is said about options. Never changed.

    values: by code, encoded or to be learned.
    omitted: codes that are not sent, whatever the levels around say. What is omitted is in no values.
    next_server: IPv4 address for the field siaddr (RFC 2131, 2); None where nothing is said about it.
    upstream_interface: interface whose client gives the learned values; None where nothing is said: all of them do.
    """

    values: Mapping[int, OptionValue] = field(default_factory=lambda: MappingProxyType({}))
    omitted: frozenset[int] = frozenset()
    next_server: int | None = None
    upstream_interface: str | None = None
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        values = {code: value for code, value in self.values.items() if code not in self.omitted}
        content = frozenset(values.items()), self.omitted, self.next_server, self.upstream_interface
        object.__setattr__(self, "values", MappingProxyType(values))
        object.__setattr__(self, "_hash", hash(content))  # once, as the sets of classes are looked up for each packet

    def __hash__(self) -> int:
        return self._hash

    def __bool__(self) -> bool:
        """Whether anything is said."""
        return bool(self.values or self.omitted or self.next_server or self.upstream_interface)

    def over(self, outer: "OptionSet") -> "OptionSet":
        """Return what holds where this level lies within another one."""
        if not outer:
            return self
        if not self:
            return outer
        kept = {code: value for code, value in outer.values.items() if code not in self.omitted}
        return OptionSet(
            values={**kept, **self.values},
            omitted=self.omitted | outer.omitted.difference(self.values),
            next_server=outer.next_server if self.next_server is None else self.next_server,
            upstream_interface=self.upstream_interface or outer.upstream_interface,
        )

    def resolved(self, upstream: Upstream) -> dict[int, bytes]:
        """Return the encoded values with what was learned; a value of which nothing is known is left out."""
        found = {}
        for code, value in self.values.items():
            if isinstance(value, bytes):
                found[code] = value
            elif learned := self._learned(code, value, upstream):
                found[code] = learned
        return found

    def _learned(self, code: int, value: FromUpstream, upstream: Upstream) -> bytes:
        one = self.upstream_interface
        sources = list(upstream.values()) if one is None else [upstream.get(one, {})]
        return _JOIN[code](value, [source[code] for source in sources if code in source])


NO_OPTIONS: Final = OptionSet()
"""Nothing is said."""


def _join_addresses(value: FromUpstream, learned: Iterable[bytes]) -> bytes:
    """Join addresses, each once."""
    hosts = [address for raw in learned for address in _addresses(raw) if _is_host(address)]
    return b"".join(dict.fromkeys([*_addresses(value.before), *hosts[:_LEARNED_MOST], *_addresses(value.after)]))


def _addresses(raw: bytes) -> Iterator[bytes]:
    """Go through the addresses of an option; none are in one of a length that it cannot have."""
    if len(raw) % 4 == 0:
        for start in range(0, len(raw), 4):
            yield raw[start : start + 4]


def _is_host(raw: bytes) -> bool:
    address = IPv4Address(raw)
    return raw[0] != 0 and not (address.is_loopback or address.is_multicast or address.is_reserved)


def _first_name(_: FromUpstream, learned: Iterable[bytes]) -> bytes:
    """Return the first domain name (RFC 2132, 3.17: one name, as text)."""
    stripped = (raw.rstrip(b"\0") for raw in learned)
    return next((name for name in stripped if len(name) <= 253 and _NAME.fullmatch(name)), b"")


def _join_names(value: FromUpstream, learned: Iterable[bytes]) -> bytes:
    """Join domain names, each once (RFC 3397)."""
    safe = [name for raw in learned for name in _names(raw) if _NAME.fullmatch(name.encode("ascii"))]
    every: dict[str, str] = {}
    for name in [*_names(value.before), *safe[:_LEARNED_MOST], *_names(value.after)]:
        every.setdefault(name.lower(), name)
    return names.encode_list(every.values())


def _names(raw: bytes) -> list[str]:
    try:
        return names.decode_list(raw)
    except DecodeError:
        return []


_JOIN: Final = MappingProxyType(
    {
        DOMAIN_NAME_SERVER: _join_addresses,
        DOMAIN_NAME: _first_name,
        DOMAIN_SEARCH: _join_names,
        NTP_SERVERS: _join_addresses,
    }
)
"""By the codes of the options that can be learned."""
