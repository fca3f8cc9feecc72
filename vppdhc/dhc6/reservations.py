"""Host reservations: what single clients get, found by client, by address and by prefix."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv6Network
from typing import NamedTuple, TypeAlias

from vppdhc.dhc6.options import NO_OPTIONS, OptionSet
from vppdhc.leases.lease6 import ADDRESS_LENGTH, LeaseKind, Place6
from vppdhc.servers.reservations import BaseReservations, HasId, Scope

_Client: TypeAlias = tuple[bytes, int | None] | bytes
"""Whom a reservation is for: DUID and IAID, the DUID with any IAID, or hardware type and address."""
_Thing: TypeAlias = tuple[LeaseKind, int, int]
"""What is reserved: kind, length and network."""


class Reservation(NamedTuple):
    """What one client gets.

    id: names it for people, in its subnet or among those that are for none.
    table: id of the routing table (VRF) that it is for; None for all.
    duid: DUID of the client, empty where it is known by its hardware address.
    ia_id: IAID that it is for; None for any of this client.
    hardware: hardware type (one byte) and hardware address of the client, empty where it is known by its DUID.
    address: IPv6 address as an integer; None for one of a pool.
    prefix: the prefix that is delegated to it; None for one of a pool.
    subnet: id of the subnet that it is for, empty for all.
    options: what the client is told, before all levels.
    """

    id: str
    table: int | None = None
    duid: bytes = b""
    ia_id: int | None = None
    hardware: bytes = b""
    address: int | None = None
    prefix: IPv6Network | None = None
    subnet: str = ""
    options: OptionSet = NO_OPTIONS

    @property
    def client(self) -> _Client:
        """Whom it is for."""
        return (self.duid, self.ia_id) if self.duid else self.hardware

    def things(self) -> Iterator[_Thing]:
        """Go through what is reserved: an address, a prefix, both or neither."""
        if self.address is not None:
            yield LeaseKind.ADDRESS, ADDRESS_LENGTH, self.address
        if self.prefix is not None:
            yield LeaseKind.PREFIX, self.prefix.prefixlen, int(self.prefix.network_address)


class Reservations(BaseReservations[Reservation, _Thing]):
    """All reservations, found by client, by address and by prefix; see BaseReservations."""

    __slots__ = ("_scopes",)

    def __init__(self, reservations: Iterable[Reservation] = ()) -> None:
        """Index them; raises ValueError where an id comes twice, and where there is no client."""
        self._scopes: dict[Scope, dict[_Client, Reservation]] = {}
        super().__init__(reservations)

    def of(
        self, duid: bytes, ia_id: int | None, hardware: Iterable[bytes], table: int, subnets: Iterable[HasId] = ()
    ) -> Reservation | None:
        """Return the reservation for a client: one of its subnets before one of all.

        In each of these by DUID and IAID, else by its DUID, else by its hardware address.

        ia_id: None where it is about the client and none of its identity associations.
        hardware: hardware type and address of each address that the client is known to have: that a relay agent saw
            (RFC 6939) first, then that of its link-local address or its frame, then that of its DUID.
        subnets: those that it can have an address in, in the routing table with this id.
        """
        if not self._scopes:
            return None
        clients: list[_Client] = [(duid, ia_id), (duid, None), *hardware]
        for scope in (*(subnet.id for subnet in subnets if subnet.id), table, None):
            known = self._scopes.get(scope)
            if known is not None:
                found = next((known[client] for client in clients if client in known), None)
                if found is not None:
                    return found
        return None

    def holder(self, place: Place6) -> Reservation | None:
        """Return the reservation of just this address or prefix, which may be for another client."""
        if not self._holders:
            return None
        thing = place.kind, place.length, place.network
        return self._holders.get((place.table, thing)) or self._holders.get((None, thing))

    def places(self, table: int) -> Iterator[Place6]:
        """Go through the addresses and prefixes that are reserved in a table."""
        return (Place6(table, *thing) for thing in self._reserved(table))

    def _check(self, one: Reservation) -> None:
        if not (one.duid or one.hardware):
            raise ValueError(f"reservation {one.id!r} is for no client")

    def _take_in(self, one: Reservation) -> Reservation:
        return self._scopes.setdefault(one.subnet or one.table, {}).setdefault(one.client, one)

    @staticmethod
    def _reserved_by(one: Reservation) -> Iterator[tuple[str, _Thing]]:
        for thing in one.things():
            yield "address" if thing[0] is LeaseKind.ADDRESS else "prefix", thing
