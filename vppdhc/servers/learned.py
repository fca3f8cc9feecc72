"""What clients are told of what a provider said: only what is of use to hosts, and not too much of it."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from vppdhc.packet import names
from vppdhc.packet.errors import DecodeError
from vppdhc.servers.option_set import FromUpstream

LEARNED_MOST: Final = 32
"""Addresses or names of a provider that are passed on in one option: it must not fill the whole answer."""
_NAME: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?")


def is_safe_name(name: str) -> bool:
    """Whether a provider may call a domain so. Clients hand it to scripts, so nothing else is passed on."""
    return _NAME.fullmatch(name) is not None


def join_addresses(value: FromUpstream, learned: Iterable[bytes], size: int, is_host: Callable[[bytes], bool]) -> bytes:
    """Join addresses, each once.

    size: octets of an address.
    is_host: says whether hosts can reach an address of the provider.
    """
    hosts = [address for raw in learned for address in _addresses(raw, size) if is_host(address)]
    every = [*_addresses(value.before, size), *hosts[:LEARNED_MOST], *_addresses(value.after, size)]
    return b"".join(dict.fromkeys(every))


def _addresses(raw: bytes, size: int) -> Iterator[bytes]:
    """Go through the addresses of an option; none are in one of a length that it cannot have."""
    if len(raw) % size == 0:
        for start in range(0, len(raw), size):
            yield raw[start : start + size]


def join_names(value: FromUpstream, learned: Iterable[bytes]) -> list[str]:
    """Join domain names, each once, in the spelling that comes first."""
    safe = [name for raw in learned for name in decoded_names(raw) if is_safe_name(name)]
    every: dict[str, str] = {}
    for name in [*decoded_names(value.before), *safe[:LEARNED_MOST], *decoded_names(value.after)]:
        every.setdefault(name.lower(), name)
    return list(every.values())


def decoded_names(raw: bytes) -> list[str]:
    """Return the domain names of an option; none are in one that makes no sense."""
    try:
        return names.decode_list(raw)
    except DecodeError:
        return []
