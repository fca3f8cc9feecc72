"""What happened to a lease or a pool, for the log and for whoever wants to be told."""

from enum import StrEnum
from typing import NamedTuple

from vppdhc.leases.lease6 import Lease6


class EventKind(StrEnum):
    """The kinds of lease events."""

    GRANTED = "granted"
    """A client got an address or prefix that it did not hold."""
    RENEWED = "renewed"
    """A client keeps what it holds."""
    RELEASED = "released"
    """A client gave it back."""
    WITHDRAWN = "withdrawn"
    """A client was told that it must not use it any longer, as it got another one or the network is gone."""
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
    lease: Lease6
    holder: bytes = b""
