"""Delegated prefixes, which of them can be used, and the arithmetic of their parts."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv6Network
from typing import Final, NamedTuple

from vppdhc.dhc6pdclient.bindings import Bindings, IaType, Lease

MOST_DELEGATIONS: Final = 16
"""Prefixes of one client that are used: a server must not fill VPP with addresses and routes."""

_BITS: Final = 128
_SHORTEST: Final = 16
"""Bits of the largest prefix that is believed: no provider delegates more, and it is routed to discard."""
_NOT_FOR_HOSTS: Final = tuple(IPv6Network(text) for text in ("::/8", "fe80::/10", "ff00::/8"))
"""Reserved, link-local and multicast (RFC 4291, 2.4)."""


@dataclass(frozen=True, slots=True)
class Delegation:
    """A prefix that is delegated to the router, and the IAID of its IA_PD (RFC 8415, 21.22).

    Raises ValueError for an excluded prefix that is not a part of the prefix (RFC 6603, 4.2).
    """

    ia_id: int
    lease: Lease

    def __post_init__(self) -> None:
        excluded = self.excluded
        if excluded is not None and (excluded == self.prefix or not excluded.subnet_of(self.prefix)):
            raise ValueError(f"{excluded} is not a part of {self.prefix}")

    @property
    def prefix(self) -> IPv6Network:
        """The prefix."""
        return self.lease.prefix

    @property
    def excluded(self) -> IPv6Network | None:
        """The part that belongs to the provider's link (RFC 6603); None without."""
        return self.lease.excluded

    @property
    def preferred_until(self) -> float:
        """When it is deprecated, never after its end; CLOCK_BOOTTIME, infinity for never."""
        return min(self.lease.preferred_until, self.lease.valid_until)

    @property
    def valid_until(self) -> float:
        """When it ends; CLOCK_BOOTTIME, infinity for never."""
        return self.lease.valid_until


class Usable(NamedTuple):
    """The delegations that can be used, the most wanted first, and why the others cannot."""

    delegations: tuple[Delegation, ...]
    problems: tuple[str, ...]


class OnwardPrefix(NamedTuple):
    """A delegated prefix of which routers behind this one can have parts.

    taken: what they cannot have: the provider's link, what is translated, and what LANs have.
    preferred_until, valid_until: as those of its delegation.
    """

    prefix: IPv6Network
    taken: tuple[IPv6Network, ...]
    preferred_until: float
    valid_until: float


def delegations_of(bindings: Bindings) -> list[Delegation]:
    """Return all prefixes that a client has, in the order of its IAs."""
    return [Delegation(key.ia_id, lease) for key, lease in bindings.leases if key.type is IaType.PD]


def usable(delegations: Sequence[Delegation], now: float) -> Usable:
    """Return the delegations to use, in their order, but those that are deprecated last.

    delegations: in the order of their IAs. One that has ended is left out without a word. Of two that overlap, as
    when a provider renumbers within its own prefix, the first one in this order is used.

    A Reply leaves alone what it does not mention (RFC 8415, 18.2.10.1), so that stays valid until it ends. But where
    its IA has got something else meanwhile, it is a prefix of before a renumbering: it is deprecated from then on, so
    that hosts take the new one at once (RFC 9096, 3.5).
    """
    live = [delegation for delegation in delegations if delegation.valid_until > now]
    latest: dict[int, float] = {}
    for delegation in live:
        latest[delegation.ia_id] = max(delegation.lease.granted_at, latest.get(delegation.ia_id, -math.inf))
    current = [_deprecated(delegation, latest[delegation.ia_id]) for delegation in live]
    current.sort(key=lambda delegation: delegation.preferred_until <= now)
    found: list[Delegation] = []
    problems = []
    for delegation in current[:MOST_DELEGATIONS]:
        rival = next((other for other in found if other.prefix.overlaps(delegation.prefix)), None)
        if rival is None:
            found.append(delegation)
        else:
            problems.append(f"{_name(delegation)} is not used, as it overlaps {_name(rival)}")
    if len(current) > MOST_DELEGATIONS:
        problems.append(
            f"of {len(current)} delegated prefixes, the last {len(current) - MOST_DELEGATIONS} are not used"
        )
    return Usable(tuple(found), tuple(problems))


def why_not_for_hosts(prefix: IPv6Network) -> str:
    """Return why hosts cannot have addresses in a prefix; empty where they can."""
    if prefix.prefixlen < _SHORTEST:
        return f"a /{prefix.prefixlen} is more than anybody has"
    if any(prefix.overlaps(other) for other in _NOT_FOR_HOSTS):
        return "hosts cannot have addresses in it"
    return ""


def part(whole: IPv6Network, length: int, number: int) -> IPv6Network:
    """Return one of the parts of a length that a prefix has, counted from 0; there has to be such a part."""
    return IPv6Network((int(whole.network_address) + (number << (_BITS - length)), length))


def number_of(whole: IPv6Network, network: IPv6Network) -> int:
    """Return the number of a part among those of its length; see part()."""
    return (int(network.network_address) - int(whole.network_address)) >> (_BITS - network.prefixlen)


def without(networks: Iterable[IPv6Network], taken: IPv6Network) -> Iterator[IPv6Network]:
    """Give what is left of networks without another one: the fewest networks, in the order of their addresses."""
    for network in networks:
        if not network.overlaps(taken):
            yield network
        elif network != taken and taken.subnet_of(network):
            yield from sorted(network.address_exclude(taken))


class Space:
    """A prefix of which parts are taken that do not overlap, each by somebody."""

    def __init__(self, whole: IPv6Network) -> None:
        """Nothing is taken."""
        self._whole = whole
        self._starts: list[int] = []
        self._taken: list[tuple[IPv6Network, str]] = []
        self._full_below: dict[int, int] = {}

    def holder(self, network: IPv6Network) -> tuple[IPv6Network, str] | None:
        """Return what is taken already and overlaps a network, the last of them, and who has it; None if it is free."""
        index = bisect_right(self._starts, int(network.broadcast_address)) - 1
        if index < 0 or not self._taken[index][0].overlaps(network):
            return None
        return self._taken[index]

    def take(self, network: IPv6Network, holder: str) -> None:
        """Note that somebody has a network, which has to be free."""
        index = bisect_right(self._starts, int(network.network_address))
        self._starts.insert(index, int(network.network_address))
        self._taken.insert(index, (network, holder))

    def first_free(self, length: int) -> IPv6Network | None:
        """Return the first part of a length that is free; None where there is none."""
        if length < self._whole.prefixlen:
            return None
        start = self._full_below.get(length, int(self._whole.network_address))
        while start <= int(self._whole.broadcast_address):
            network = IPv6Network((start, length))
            holder = self.holder(network)
            self._full_below[length] = start
            if holder is None:
                return network
            start = int(max(network.broadcast_address, holder[0].broadcast_address)) + 1
        return None


def _deprecated(delegation: Delegation, latest: float) -> Delegation:
    """Return a delegation with the preferred lifetime that it has, given when its IA was renewed last."""
    lease = delegation.lease
    if lease.granted_at == latest:
        return delegation
    return replace(
        delegation, lease=replace(lease, preferred=min(lease.preferred, max(0, int(latest - lease.granted_at))))
    )


def _name(delegation: Delegation) -> str:
    return f"{delegation.prefix} of ia-pd {delegation.ia_id}"
