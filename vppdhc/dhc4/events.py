"""What happened to a lease or a pool, for the log and for whoever wants to be told."""

from enum import StrEnum
from ipaddress import IPv4Network
from typing import NamedTuple

from vppdhc.dhc4.usage import PoolUsage
from vppdhc.leases.lease import Lease


class EventKind(StrEnum):
    """The kinds of lease events."""

    GRANTED = "granted"
    """A client got an address that it did not hold."""
    RENEWED = "renewed"
    """A client keeps the address that it holds."""
    RELEASED = "released"
    """A client gave its address back."""
    EXPIRED = "expired"
    """A client did not renew in time."""
    DECLINED = "declined"
    """A client found that somebody else uses the address."""
    CLEARED = "cleared"
    """An operator had it forgotten."""


class Event(NamedTuple):
    """Something that happened to a lease.

    kind: what.
    lease: as it is now; of a declined one, hardware names the client that declined it; a cleared one is no more,
        and may have been an offer only.
    """

    kind: EventKind
    lease: Lease


class PoolEvent(NamedTuple):
    """A pool has become too full, or is so no longer.

    table: routing table (VRF) id.
    network, interface: what the pool is of, and where.
    usage: how full it is, against which threshold; usage.exceeded says which of the two has happened.
    """

    table: int
    network: IPv4Network
    interface: str
    usage: PoolUsage
