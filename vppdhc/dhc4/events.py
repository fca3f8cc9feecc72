"""What happened to a lease or a pool, for the log and for whoever wants to be told."""

from enum import StrEnum
from ipaddress import IPv4Network
from typing import NamedTuple

from vppdhc.leases.lease import Lease
from vppdhc.leases.usage import PoolUsage


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
    CONFLICT = "conflict"
    """The server found that somebody else uses an address that it was about to offer."""
    CLEARED = "cleared"
    """An operator had it forgotten."""


class Event(NamedTuple):
    """Something that happened to a lease.

    kind: what.
    lease: as it is now. Of a declined one, hardware names the client that declined it; of a conflict, who uses the
        address. A cleared one is no more, and may have been an offer only.
    holder: hardware address of who was found to use the address; empty for all other kinds.
    """

    kind: EventKind
    lease: Lease
    holder: bytes = b""


class PoolEvent(NamedTuple):
    """A pool has become too full, or is so no longer.

    table: routing table (VRF) id.
    network, interface: what the pool is of, and where.
    usage: how full it is, against which threshold; usage.exceeded says which of the two has happened.
    subnet, pool_id: the subnet and pool in the configuration; empty where they are made from the interface.
    """

    table: int
    network: IPv4Network
    interface: str
    usage: PoolUsage
    subnet: str = ""
    pool_id: str = ""
