"""What a DHCPv6 lease is, of an address or a prefix, and a change of one."""

from collections.abc import Iterable
from enum import IntEnum
from typing import Final, NamedTuple, TypeAlias

from vppdhc.leases.lease import Change, LeaseState

ADDRESS_LENGTH: Final = 128
"""The prefix length that an address has where it is looked at as a prefix."""


class LeaseKind(IntEnum):
    """What kind of identity association a lease belongs to, and so what it is of."""

    ADDRESS = 0
    """Of an IA_NA (RFC 8415, 21.4)."""
    PREFIX = 1
    """Of an IA_PD (RFC 8415, 21.21)."""


class Association(NamedTuple):
    """An identity association: whose leases are renewed together (RFC 8415, 4.2).

    duid: DUID of the client; empty for nobody's.
    ia_id: IAID, which a client has once for each kind.
    """

    kind: LeaseKind
    duid: bytes
    ia_id: int


class Details6(NamedTuple):
    """By which relay agent a client came, the one nearest to it; leases with equal details share one object.

    link_address: by which it names the client's link, 0 where it does not, or without a relay agent.
    peer_address: by which it knows the client, 0 without a relay agent.
    interface_id: what it calls the client's link (RFC 8415, 21.18), empty without.
    remote_id: enterprise number and remote id (RFC 4649), empty without.
    """

    link_address: int = 0
    peer_address: int = 0
    interface_id: bytes = b""
    remote_id: bytes = b""


NO_DETAILS6: Final = Details6()


class Lease6(NamedTuple):
    """One IPv6 address or prefix and who has it. Never changed: a change replaces it.

    table: routing table (VRF) id; with kind, network and length the lease's identity.
    network, length: the address as an integer and 128, or the prefix with the bits behind its length zero.
    duid, ia_id: of the client; the DUID is empty for an address in probation.
    interface: name of the interface it was given out on.
    hardware: hardware type (one byte) and hardware address of the client (RFC 6939, or from its DUID); empty where
        unknown.
    hostname: that was agreed on (RFC 4704), or as the client sent it; empty without.
    preferred, valid: lifetimes granted, in seconds; 0xffffffff is for ever.
    since: CLOCK_BOOTTIME of the first Reply with it, in seconds.
    renewed: CLOCK_BOOTTIME of the last one.
    expires: CLOCK_BOOTTIME at which it ends; infinity for never.
    next_hop: link-local address that the route to a prefix leads to; 0 for an address, or where it is not known.
    reconfigure_key: of 16 bytes, by which a Reconfigure is signed (RFC 8415, 20.4); empty where the client accepts
        none.
    details: what else is known.
    """

    table: int
    kind: LeaseKind
    network: int
    length: int
    state: LeaseState
    duid: bytes
    ia_id: int
    interface: str
    hardware: bytes
    hostname: str
    preferred: int
    valid: int
    since: float
    renewed: float
    expires: float
    next_hop: int = 0
    reconfigure_key: bytes = b""
    details: Details6 = NO_DETAILS6

    @property
    def association(self) -> Association:
        """The identity association that it belongs to."""
        return Association(self.kind, self.duid, self.ia_id)

    @property
    def place(self) -> "Place6":
        """What it is of."""
        return Place6(self.table, self.kind, self.length, self.network)


class Place6(NamedTuple):
    """An address or prefix in a routing table: the identity of a lease."""

    table: int
    kind: LeaseKind
    length: int
    network: int


class Change6(NamedTuple):
    """A lease replaced by another: old is None for a new one, new is None for one that is forgotten.

    Both are of the same address or prefix. Change6(new, old) takes it back.
    """

    old: Lease6 | None
    new: Lease6 | None


AnyChange: TypeAlias = Change | Change6
"""A change of a lease of either version."""


def by_version(changes: Iterable[AnyChange]) -> tuple[list[Change], list[Change6]]:
    """Return the changes of DHCPv4 leases, and those of DHCPv6 leases, each in their order."""
    changes4: list[Change] = []
    changes6: list[Change6] = []
    for change in changes:
        if isinstance(change, Change6):
            changes6.append(change)
        else:
            changes4.append(change)
    return changes4, changes6
