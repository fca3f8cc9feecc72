"""What a level of the configuration says about DHCPv6 options, encoded, and how one level lies over another."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import IPv6Address
from types import MappingProxyType
from typing import Final

from vppdhc.packet import names
from vppdhc.packet.dhcp6 import join, split
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.options6 import Option
from vppdhc.packet.structures6 import NtpOption
from vppdhc.servers import learned as shared
from vppdhc.servers.learned import LEARNED_MOST, decoded_names, is_safe_name
from vppdhc.servers.option_set import NOTHING_LEARNED, BaseOptionSet, FromUpstream, OptionValue, Upstream

__all__ = ["NOTHING_LEARNED", "NO_OPTIONS", "FromUpstream", "OptionSet", "OptionValue", "Upstream", "time_sources"]

_ADDRESS: Final = 16
_URI_LONGEST: Final = 1024
_URI: Final = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")


class OptionSet(BaseOptionSet):
    """What is said about options, see BaseOptionSet.

    The value of option 56, which names one server each time (RFC 5908, 4), has the time sources of all of them, one
    after the other.
    """

    __slots__ = ()

    @staticmethod
    def _join(code: int, value: FromUpstream, learned: Sequence[bytes]) -> bytes:
        return _JOIN[code](value, learned)


NO_OPTIONS: Final = OptionSet()
"""Nothing is said."""


def _join_addresses(value: FromUpstream, learned: Iterable[bytes]) -> bytes:
    return shared.join_addresses(value, learned, _ADDRESS, _is_host)


def _is_host(raw: bytes) -> bool:
    """Whether hosts can reach an address of the provider; one of its link they cannot."""
    address = IPv6Address(raw)
    special = address.is_multicast or address.is_loopback or address.is_unspecified or address.is_link_local
    return not special and address.ipv4_mapped is None


def _join_names(value: FromUpstream, learned: Iterable[bytes]) -> bytes:
    """Join domain names, each once; they are never compressed (RFC 8415, 10)."""
    return names.encode_plain_list(shared.join_names(value, learned))


def _join_time_sources(value: FromUpstream, learned: Iterable[bytes]) -> bytes:
    """Join the time sources of option 56, each once (RFC 5908, 4)."""
    safe = [source for raw in learned for source in time_sources(raw) if _is_time_source(*source)]
    return join(dict.fromkeys([*time_sources(value.before), *safe[:LEARNED_MOST], *time_sources(value.after)]))


def time_sources(raw: bytes) -> Sequence[tuple[int, bytes]]:
    """Return the suboptions of option 56, each of which names a server (RFC 5908, 4); none where they are cut."""
    try:
        return split(raw, 0, len(raw))
    except DecodeError:
        return ()


def _is_time_source(code: int, raw: bytes) -> bool:
    """Whether a time source of the provider is of use to hosts: a server, not what is multicast on its link."""
    match code:
        case NtpOption.SERVER_ADDRESS:
            return len(raw) == _ADDRESS and _is_host(raw)
        case NtpOption.SERVER_NAME:
            found = decoded_names(raw)
            return len(found) == 1 and is_safe_name(found[0])
        case _:
            return False


def _first_uri(_: FromUpstream, learned: Iterable[bytes]) -> bytes:
    """Return the first URI (RFC 8910, 2.2)."""
    return next((raw for raw in learned if len(raw) <= _URI_LONGEST and _URI.fullmatch(raw)), b"")


_JOIN: Final[Mapping[int, Callable[[FromUpstream, Iterable[bytes]], bytes]]] = MappingProxyType(
    {
        Option.DNS_SERVERS: _join_addresses,
        Option.DOMAIN_SEARCH: _join_names,
        Option.SNTP_SERVERS: _join_addresses,
        Option.NTP_SERVER: _join_time_sources,
        Option.V6_CAPTIVE_PORTAL: _first_uri,
    }
)
"""By the codes of the options that can be learned."""
