"""What the client has: its identity associations, with addresses and prefixes and their times.

Instants are CLOCK_BOOTTIME of this boot, infinity for never. Times that were granted are seconds.
"""

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from ipaddress import IPv6Address, IPv6Network
from types import MappingProxyType
from typing import Final, NamedTuple

from vppdhc.packet.dhcp6 import INFINITY
from vppdhc.packet.ia6 import Status

NO_STATUS: Final = Status(0, "")
LEASES_MOST: Final = 16
"""Addresses or prefixes of one association: a server that gives others each time must not fill the memory."""


class IaType(StrEnum):
    """Types of identity associations, by the names of the model."""

    PD = "ia-pd"
    """For prefixes."""
    NA = "ia-na"
    """For addresses."""


class IaKey(NamedTuple):
    """By what an identity association is known. ia_id: its IAID, which says nothing without the type."""

    type: IaType
    ia_id: int

    def __str__(self) -> str:
        return f"{self.type} {self.ia_id}"


class ReconfigureKey(NamedTuple):
    """The key by which a server proves that a Reconfigure is its own (RFC 8415, 20.4).

    server: its DUID. replay: replay detection value of the last message that had one.
    """

    server: bytes
    key: bytes
    replay: int


@dataclass(frozen=True, slots=True)
class Lease:
    """A prefix, or an address as a prefix of length 128.

    preferred, valid: lifetimes as they were granted, INFINITY is for ever.
    granted_at: when the Reply came that had it last (RFC 8415, 18.2.10.1); the same for all that it had.
    excluded: part of the prefix that belongs to the provider's link, and may be used nowhere else (RFC 6603).
    """

    prefix: IPv6Network
    preferred: int
    valid: int
    granted_at: float
    excluded: IPv6Network | None = None

    @property
    def address(self) -> IPv6Address:
        """The address, where it is one."""
        return self.prefix.network_address

    @property
    def preferred_until(self) -> float:
        """When it is deprecated."""
        return self.granted_at + lasting(self.preferred)

    @property
    def valid_until(self) -> float:
        """When it ends."""
        return self.granted_at + lasting(self.valid)

    def moved(self, seconds: float, now: float) -> "Lease":
        """Return the lease on a clock that shows so many seconds more; what is left is never more than was granted."""
        return replace(self, granted_at=min(self.granted_at + seconds, now))


@dataclass(frozen=True, slots=True)
class Association:
    """An identity association.

    leases: what it has, the newest first; may be nothing.
    t1, t2: seconds as they are used, whether the server or the client chose them. renewal, rebinding: when that is.
    server: DUID of the server that it has its leases from.
    obtained, renewed: when something was got for it first, and when last; None where nothing was.
    status: that of the last message that said something of it.
    doubted: whether its server knows nothing of it, and is being asked for it again.
    """

    key: IaKey
    leases: tuple[Lease, ...] = ()
    t1: int = 0
    t2: int = 0
    renewal: float = math.inf
    rebinding: float = math.inf
    server: bytes = b""
    obtained: float | None = None
    renewed: float | None = None
    status: Status = NO_STATUS
    doubted: bool = False

    @property
    def prefixes(self) -> tuple[IPv6Network, ...]:
        """What it has, without times."""
        return tuple(lease.prefix for lease in self.leases)

    def keeping(self, leases: Iterable[Lease]) -> "Association":
        """Return the association with these leases of its own only; one without any waits for others to be renewed."""
        left = tuple(leases)
        if left:
            return replace(self, leases=left)
        return Association(self.key, status=self.status)

    def moved(self, seconds: float, now: float) -> "Association":
        """Return the association on a clock that shows so many seconds more, see Lease.moved()."""
        return replace(
            self,
            leases=tuple(lease.moved(seconds, now) for lease in self.leases),
            renewal=min(self.renewal + seconds, now + lasting(self.t1)) if self.leases else math.inf,
            rebinding=min(self.rebinding + seconds, now + lasting(self.t2)) if self.leases else math.inf,
            obtained=None if self.obtained is None else min(self.obtained + seconds, now),
            renewed=None if self.renewed is None else min(self.renewed + seconds, now),
        )


@dataclass(frozen=True, slots=True)
class Bindings:
    """All that a client has.

    duid: by which it was got.
    server, server_address: the server that is asked for more time, and where its last message came from: its own
        link-local address, or that of its relay agent.
    learned: what the server told about the network: options as they were sent, by code.
    key: by which the server proves that a Reconfigure is its own; None where it gave none.
    """

    duid: bytes = b""
    associations: tuple[Association, ...] = ()
    server: bytes = b""
    server_address: IPv6Address | None = None
    learned: Mapping[int, bytes] = field(default_factory=lambda: MappingProxyType({}))
    key: ReconfigureKey | None = None

    @property
    def leased(self) -> bool:
        """Whether there is an address or a prefix."""
        return any(association.leases for association in self.associations)

    @property
    def delegated(self) -> bool:
        """Whether there is a prefix."""
        return any(one.leases and one.key.type is IaType.PD for one in self.associations)

    @property
    def leases(self) -> Iterator[tuple[IaKey, Lease]]:
        """All addresses and prefixes."""
        for association in self.associations:
            for lease in association.leases:
                yield association.key, lease

    @property
    def keys(self) -> tuple[IaKey, ...]:
        """The identity associations."""
        return tuple(association.key for association in self.associations)

    @property
    def renewal(self) -> float:
        """The earliest T1: all associations are renewed together (RFC 8415, 18.2.4)."""
        return min((association.renewal for association in self.associations), default=math.inf)

    @property
    def rebinding(self) -> float:
        """The earliest T2."""
        return min((association.rebinding for association in self.associations), default=math.inf)

    @property
    def expires(self) -> float:
        """When the last lease ends; minus infinity where there is none."""
        return max((lease.valid_until for _, lease in self.leases), default=-math.inf)

    @property
    def next_expiry(self) -> float:
        """When the first lease ends."""
        return min((lease.valid_until for _, lease in self.leases), default=math.inf)

    def get(self, key: IaKey) -> Association:
        """Return an association; one without anything where there is none."""
        for association in self.associations:
            if association.key == key:
                return association
        return Association(key)

    def only(self, keys: Collection[IaKey]) -> "Bindings":
        """Return the bindings without other associations than these."""
        return replace(self, associations=tuple(one for one in self.associations if one.key in keys))

    def at(self, now: float) -> "Bindings":
        """Return the bindings without leases that are over."""
        return self._filtered(lambda _, lease: lease.valid_until > now)

    def without(self, prefixes: Collection[IPv6Network]) -> "Bindings":
        """Return the bindings without some leases."""
        return self._filtered(lambda _, lease: lease.prefix not in prefixes)

    def with_addresses(self, addresses: Collection[IPv6Address]) -> "Bindings":
        """Return the bindings with some of their addresses only, and no prefixes."""
        return self._filtered(lambda one, lease: one.key.type is IaType.NA and lease.address in addresses)

    def trusted(self) -> "Bindings":
        """Return the bindings without the leases that their server knows nothing of."""
        return self._filtered(lambda association, _: not association.doubted)

    def moved(self, seconds: float, now: float) -> "Bindings":
        """Return the bindings on a clock that shows so many seconds more, see Lease.moved()."""
        return replace(self, associations=tuple(one.moved(seconds, now) for one in self.associations))

    def _filtered(self, keep: Callable[[Association, Lease], bool]) -> "Bindings":
        associations = []
        for association in self.associations:
            left = [lease for lease in association.leases if keep(association, lease)]
            changed = len(left) != len(association.leases)
            associations.append(association.keeping(left) if changed else association)
        return replace(self, associations=tuple(associations))


NOTHING: Final = Bindings()


def lasting(seconds: int) -> float:
    """Return a lifetime as a number of seconds that may be infinity (RFC 8415, 7.7)."""
    return math.inf if seconds == INFINITY else float(seconds)
