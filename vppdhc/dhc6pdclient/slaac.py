"""Addresses that an interface makes for itself of prefixes that routers advertise (RFC 4862, 5.5).

The lower half of an address is stable and opaque (RFC 7217), as RFC 8064 recommends: the same each time in one network,
another one in the next, and without the hardware address in it. So lengths other than 64 are no use.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from ipaddress import IPv6Address, IPv6Network
from typing import Final, NamedTuple

from vppdhc.dhc6pdclient.bindings import lasting
from vppdhc.dhc6pdclient.prefixes import why_not_for_hosts
from vppdhc.dhc6pdclient.subprefixes import is_reserved

SECRET: Final = 16
"""Bytes of the key that makes addresses opaque (RFC 7217, 5)."""

_LENGTH: Final = 64
_IDENTIFIER: Final = 8
"""Bytes of an interface identifier."""
_TWO_HOURS: Final = 7200.0
_RETRIES: Final = 3
"""Further addresses that are tried in a prefix where others have the first one (RFC 7217, 7, IDGEN_RETRIES)."""


@dataclass(frozen=True, slots=True)
class Autonomous:
    """A prefix of which hosts make addresses.

    preferred_until, valid_until: those of the addresses, CLOCK_BOOTTIME, infinity for never.
    """

    prefix: IPv6Network
    preferred_until: float
    valid_until: float


class SlaacAddress(NamedTuple):
    """An address that the interface has made for itself; its times as those of the prefix."""

    address: IPv6Address
    preferred_until: float
    valid_until: float


def renewed(known: Autonomous | None, prefix: IPv6Network, preferred: int, valid: int, now: float) -> Autonomous | None:
    """Return what an advertised prefix makes of what is known of it (RFC 4862, 5.5.3); None for nothing.

    prefix: of an option with the A flag. preferred, valid: its lifetimes in seconds. now: CLOCK_BOOTTIME.
    Nobody can end addresses at once by a forged advertisement: their time is cut to two hours at most.
    """
    if known is not None and known.valid_until <= now:
        known = None
    if prefix.prefixlen != _LENGTH or preferred > valid or why_not_for_hosts(prefix):
        return known
    if known is None:
        return Autonomous(prefix, now + lasting(preferred), now + lasting(valid)) if valid else None
    remaining = known.valid_until - now
    until = known.valid_until
    if lasting(valid) > min(_TWO_HOURS, remaining):
        until = now + lasting(valid)
    elif remaining > _TWO_HOURS:
        until = now + _TWO_HOURS
    return replace(known, preferred_until=min(now + lasting(preferred), until), valid_until=until)


def interface_id(secret: bytes, prefix: IPv6Network, interface: str, counter: int) -> int:
    """Return the lower half of an address (RFC 7217, 5).

    secret: SECRET bytes, the same each time. prefix: the upper half. interface: its name.
    counter: how many other identifiers of this prefix were in use, or reserved (RFC 5453).
    """
    name = interface.encode()
    message = prefix.network_address.packed[: _LENGTH // 8] + counter.to_bytes(4, "big") + name
    return int.from_bytes(blake2b(message, digest_size=_IDENTIFIER, key=secret).digest(), "big")


class Slaac:
    """What addresses an interface makes."""

    def __init__(self, interface: str, secret: bytes) -> None:
        """interface: its name. secret: see interface_id()."""
        self._interface = interface
        self._secret = secret
        self._counters: dict[IPv6Network, int] = {}
        self._failures: dict[IPv6Network, int] = {}

    def addresses(self, prefixes: Iterable[Autonomous]) -> list[SlaacAddress]:
        """Return the address of each prefix, and forget all about other prefixes.

        A prefix in which others have every address that was tried has none.
        """
        found = list(prefixes)
        present = {one.prefix for one in found}
        self._counters = {prefix: count for prefix, count in self._counters.items() if prefix in present}
        self._failures = {prefix: count for prefix, count in self._failures.items() if prefix in present}
        return [
            SlaacAddress(self._address(one.prefix), one.preferred_until, one.valid_until)
            for one in found
            if self._failures.get(one.prefix, 0) <= _RETRIES
        ]

    def taken(self, addresses: Iterable[IPv6Address]) -> None:
        """Take note that other hosts have addresses, so that others are made in their place."""
        for address in addresses:
            prefix = IPv6Network((address, _LENGTH), strict=False)
            self._counters[prefix] = self._counters.get(prefix, 0) + 1
            self._failures[prefix] = self._failures.get(prefix, 0) + 1

    @property
    def problems(self) -> Iterator[str]:
        """Say which prefixes have no address, and why."""
        for prefix, count in self._failures.items():
            if count > _RETRIES:
                yield f"no address in {prefix}: others use each one that was tried; see whether a host answers for all"

    def _address(self, prefix: IPv6Network) -> IPv6Address:
        counter = self._counters.get(prefix, 0)
        identifier = interface_id(self._secret, prefix, self._interface, counter)
        while is_reserved(identifier):
            counter += 1
            identifier = interface_id(self._secret, prefix, self._interface, counter)
        self._counters[prefix] = counter
        return prefix[identifier]


def next_end(prefixes: Iterable[Autonomous], now: float) -> float:
    """Return when the next of some prefixes is deprecated or ends, CLOCK_BOOTTIME; infinity for never."""
    ends = (instant for one in prefixes for instant in (one.preferred_until, one.valid_until))
    return min((instant for instant in ends if instant > now), default=math.inf)
