"""Host reservations: what single clients get, found by client and by address."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from vppdhc.dhc4.options import NO_OPTIONS, OptionSet
from vppdhc.servers.reservations import BaseReservations, HasId, Scope

_NAME_LONGEST = 255
"""Octets that an option holds (RFC 2132, 2)."""


class Reservation(NamedTuple):
    """What one client gets.

    id: names it for people, in its subnet or among those that are for none.
    table: id of the routing table (VRF) that it is for; None for all.
    client: whom it is for, as request.client_key() has it: hardware type (one byte) and hardware address, or a
        zero byte and a client identifier; empty where it is for whom a relay agent names.
    address: IPv4 address as an integer; None for one of a pool.
    hostname: option 12 in ASCII, empty for none.
    subnet: id of the subnet that it is for, empty for all.
    circuit_id, remote_id: what the relay agent says of the client (RFC 3046); where there are both, both have to agree.
    options: what the client is told, before all levels.
    """

    id: str
    table: int | None
    client: bytes
    address: int | None
    hostname: str
    subnet: str = ""
    circuit_id: bytes = b""
    remote_id: bytes = b""
    options: OptionSet = NO_OPTIONS


class _Clients:
    """The reservations of one scope by who they are for: by client key, and by circuit and remote id."""

    __slots__ = ("by_key", "by_relay")

    def __init__(self) -> None:
        self.by_key: dict[bytes, Reservation] = {}
        self.by_relay: dict[tuple[bytes, bytes], Reservation] = {}

    def add(self, one: Reservation) -> Reservation:
        """Take one in, unless there is one for the same client; returns the one that holds."""
        if one.client:
            return self.by_key.setdefault(one.client, one)
        return self.by_relay.setdefault((one.circuit_id, one.remote_id), one)

    def find(self, client: bytes, hardware: bytes, circuit_id: bytes, remote_id: bytes) -> Reservation | None:
        found = self.by_key.get(hardware)
        if found is None and client != hardware:
            found = self.by_key.get(client)
        if found is None and self.by_relay:
            for ids in ((circuit_id, remote_id), (circuit_id, b""), (b"", remote_id)):
                found = self.by_relay.get(ids)
                if found is not None:
                    break
        return found


class Reservations(BaseReservations[Reservation, int]):
    """All reservations, found by client and by address; see BaseReservations."""

    __slots__ = ("_scopes",)

    def __init__(self, reservations: Iterable[Reservation] = ()) -> None:
        """Index them.

        Raises ValueError where an id comes twice, where there is no client, and for a host name that does not fit into
        its option.
        """
        self._scopes: dict[Scope, _Clients] = {}
        super().__init__(reservations)

    def of(
        self,
        client: bytes,
        hardware: bytes,
        table: int,
        subnets: Iterable[HasId] = (),
        circuit_id: bytes = b"",
        remote_id: bytes = b"",
    ) -> Reservation | None:
        """Return the reservation for a client: one of its subnets before one of all.

        In each of these by its hardware address, else by its client identifier, else by what its relay agent says of
        it: circuit and remote id, else circuit id, else remote id.

        client: what request.client_key() makes of its messages.
        hardware: hardware type and address, empty for a client without.
        subnets: those that it can have an address in, in the routing table with this id.
        circuit_id, remote_id: empty where no relay agent says them.
        """
        scopes = self._scopes
        if not scopes:
            return None
        for scope in (*(subnet.id for subnet in subnets if subnet.id), table, None):
            clients = scopes.get(scope)
            if clients is not None:
                found = clients.find(client, hardware, circuit_id, remote_id)
                if found is not None:
                    return found
        return None

    def holder(self, table: int, address: int) -> Reservation | None:
        """Return the reservation of an address."""
        holders = self._holders
        return (holders.get((table, address)) or holders.get((None, address))) if holders else None

    def addresses(self, table: int) -> frozenset[int]:
        """Return the addresses that are reserved in a table."""
        return self._reserved(table)

    def _check(self, one: Reservation) -> None:
        if not (one.client or one.circuit_id or one.remote_id):
            raise ValueError(f"reservation {one.id!r} is for no client")
        if len(one.hostname) > _NAME_LONGEST or not one.hostname.isascii():
            raise ValueError(f"reservation {one.id!r}: {one.hostname!r} is not a host name in ASCII")

    def _take_in(self, one: Reservation) -> Reservation:
        return self._scopes.setdefault(one.subnet or one.table, _Clients()).add(one)

    @staticmethod
    def _reserved_by(one: Reservation) -> Iterator[tuple[str, int]]:
        if one.address is not None:
            yield "address", one.address
