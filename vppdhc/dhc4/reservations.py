"""Host reservations: what single clients get, found by client and by address."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

_NAME_LONGEST = 255
"""Octets that an option holds (RFC 2132, 2)."""
_NONE: frozenset[int] = frozenset()


class Reservation(NamedTuple):
    """What one client gets.

    id: names it for people.
    table: routing table (VRF) id of the networks that it is for.
    client: whom it is for, as request.client_key() has it: hardware type (one byte) and hardware address, or a
        zero byte and a client identifier.
    address: IPv4 address as an integer; None for one of a pool.
    hostname: option 12 in ASCII, empty for none.
    """

    id: str
    table: int
    client: bytes
    address: int | None
    hostname: str


class Reservations:
    """All reservations, never changed. Two are equal when the same reservations are in them.

    Every look-up takes the same time however many there are.
    """

    __slots__ = ("_addresses", "_by_client", "_by_id", "_holders")

    def __init__(self, reservations: Iterable[Reservation] = ()) -> None:
        """Index them.

        Raises ValueError where an id, or a client or address of a table, comes twice, where there is no client,
        and for a host name that does not fit into its option.
        """
        every = tuple(reservations)
        self._by_id = {one.id: one for one in every}
        self._by_client = {(one.table, one.client): one for one in every}
        self._holders = {(one.table, one.address): one for one in every if one.address is not None}
        addresses: dict[int, set[int]] = {}
        for table, address in self._holders:
            addresses.setdefault(table, set()).add(address)
        self._addresses = {table: frozenset(found) for table, found in addresses.items()}
        for one in every:
            self._check(one)

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Reservation]:
        return iter(self._by_id.values())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reservations) and self._by_id == other._by_id

    def __hash__(self) -> int:
        return hash(frozenset(self._by_id.values()))

    @property
    def tables(self) -> Iterable[int]:
        """The routing tables in which addresses are reserved."""
        return self._addresses.keys()

    def by_id(self, id_: str) -> Reservation | None:
        """Return the reservation with an id."""
        return self._by_id.get(id_)

    def of(self, client: bytes, hardware: bytes, table: int) -> Reservation | None:
        """Return the reservation for a client: by its hardware address, else by its client identifier.

        client: what request.client_key() makes of its messages.
        hardware: hardware type and address, empty for a client without.
        """
        if not self._by_client:
            return None
        found = self._by_client.get((table, hardware))
        if found is None and client != hardware:
            found = self._by_client.get((table, client))
        return found

    def holder(self, table: int, address: int) -> Reservation | None:
        """Return the reservation of an address."""
        return self._holders.get((table, address)) if self._holders else None

    def addresses(self, table: int) -> frozenset[int]:
        """Return the addresses that are reserved in a table."""
        return self._addresses.get(table, _NONE)

    def _check(self, one: Reservation) -> None:
        if not one.client:
            raise ValueError(f"reservation {one.id!r} is for no client")
        if len(one.hostname) > _NAME_LONGEST or not one.hostname.isascii():
            raise ValueError(f"reservation {one.id!r}: {one.hostname!r} is not a host name in ASCII")
        if self._by_id[one.id] is not one:
            raise ValueError(f"two reservations have the id {one.id!r}")
        other = self._by_client[one.table, one.client]
        if other is not one:
            raise ValueError(f"reservations {one.id!r} and {other.id!r} are for the same client")
        if one.address is not None and (other := self._holders[one.table, one.address]) is not one:
            raise ValueError(f"reservations {one.id!r} and {other.id!r} are of the same address")
