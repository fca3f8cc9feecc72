"""What a DHCPv4 lease is, and a change of one; lease6 has the same of DHCPv6."""

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


class Details(NamedTuple):
    """What is known of a lease for people to read. Leases with equal details share one object.

    relay_address: relay agent that the client came by (giaddr), 0 without.
    circuit_id, remote_id: what the relay agent says of the client (RFC 3046), empty without.
    vendor_class, user_class: options 60 and 77 as text, empty without.
    fqdn: full name that was agreed on (RFC 4702), empty without.
    """

    relay_address: int = 0
    circuit_id: bytes = b""
    remote_id: bytes = b""
    vendor_class: str = ""
    user_class: str = ""
    fqdn: str = ""


NO_DETAILS = Details()

_IDENTIFIER = b"\0"
"""What the key of a client with an identifier begins with."""


class Lease(NamedTuple):
    """One IPv4 address and who has it. Never changed: a change replaces it.

    table: routing table (VRF) id; with address the lease's identity.
    address: IPv4 address as an integer.
    client: key of the client, see vppdhc.dhc4.request.client_key(); empty for a declined address.
    interface: name of the interface it was given out on.
    hardware: hardware type (one byte) and hardware address; empty where unknown.
    hostname: of the client's reservation, else option 12 as it sent it, decoded for people to read; empty without.
    granted: lifetime granted, in seconds; 0xffffffff is for ever (RFC 2131, 3.3).
    since: CLOCK_BOOTTIME of the first ACK, in seconds.
    renewed: CLOCK_BOOTTIME of the last ACK.
    expires: CLOCK_BOOTTIME at which it ends; infinity for a lifetime of for ever.
    details: what else is known.
    """

    table: int
    address: int
    state: LeaseState
    client: bytes
    interface: str
    hardware: bytes
    hostname: str
    granted: int
    since: float
    renewed: float
    expires: float
    details: Details = NO_DETAILS

    @property
    def client_id(self) -> bytes:
        """Option 61 as the client sent it, empty where it sent none; its key says so already."""
        return self.client[1:] if self.client.startswith(_IDENTIFIER) else b""


class Change(NamedTuple):
    """A lease replaced by another: old is None for a new one, new is None for one that is forgotten.

    Both have the same table and address. Change(new, old) takes it back.
    """

    old: Lease | None
    new: Lease | None
