"""What happened to a lease, for the log and for whoever wants to be told."""

from enum import StrEnum
from typing import NamedTuple

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


class Event(NamedTuple):
    """Something that happened to a lease.

    kind: what.
    lease: as it is now; of a declined one, hardware names the client that declined it.
    """

    kind: EventKind
    lease: Lease
