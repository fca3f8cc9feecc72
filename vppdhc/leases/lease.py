"""What a DHCPv4 lease is, and a change of one."""

from enum import IntEnum
from typing import NamedTuple


class LeaseState(IntEnum):
    """Where a lease stands. Expiry is not a state: an ACTIVE lease whose time is over has expired."""

    OFFERED = 0
    """Held for a client that was sent an OFFER. In memory only, never stored."""
    ACTIVE = 1
    """Acknowledged to a client."""
    RELEASED = 2
    """Given back by its client (RFC 2131, 4.3.4); remembered so that the client gets the address again."""
    DECLINED = 3
    """Somebody else was found to use the address (RFC 2131, 4.3.3); nobody gets it before it expires."""


class Lease(NamedTuple):
    """One IPv4 address and who has it. Never changed: a change replaces it.

    table: routing table (VRF) id; with address the lease's identity.
    address: IPv4 address as an integer.
    client: key of the client, see vppdhc.dhc4.server.client_key(); empty for a declined address.
    interface: name of the interface it was given out on.
    hardware: hardware type (one byte) and hardware address; empty where unknown.
    client_id: option 61 as sent, empty where the client sent none.
    hostname: of the client's reservation, else option 12 as it sent it, decoded for people to read; empty without.
    granted: lifetime granted, in seconds; 0xffffffff is for ever (RFC 2131, 3.3).
    since: CLOCK_BOOTTIME of the first ACK, in seconds.
    renewed: CLOCK_BOOTTIME of the last ACK.
    expires: CLOCK_BOOTTIME at which it ends; infinity for a lifetime of for ever.
    """

    table: int
    address: int
    state: LeaseState
    client: bytes
    interface: str
    hardware: bytes
    client_id: bytes
    hostname: str
    granted: int
    since: float
    renewed: float
    expires: float


class Change(NamedTuple):
    """A lease replaced by another: old is None for a new one, new is None for one that is forgotten.

    Both have the same table and address. Change(new, old) takes it back.
    """

    old: Lease | None
    new: Lease | None
