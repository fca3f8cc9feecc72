"""Host reservations: what single clients get, found by client and by address."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol, TypeAlias

from vppdhc.dhc4.options import NO_OPTIONS, OptionSet

_NAME_LONGEST = 255
"""Octets that an option holds (RFC 2132, 2)."""
_NONE: frozenset[int] = frozenset()
_Scope: TypeAlias = str | int | None
"""Where a reservation counts: in the subnet with this id, in a routing table, everywhere."""


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


class Contradiction(NamedTuple):
    """Two reservations that cannot both hold; the first one does.

    about: what they share, "client" or "address".
    """

    first: Reservation
    second: Reservation
    about: str


class HasId(Protocol):
    """A subnet, as far as it is needed here."""

    @property
    def id(self) -> str:
        """Id in the configuration, empty for one that is not there."""


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


class Reservations:
    """All reservations, never changed. Two are equal when the same reservations are in them.

    Every look-up takes the same time however many there are.

    contradictions: those that cannot hold, each with the one before it that does.
    """

    __slots__ = ("_addresses", "_by_id", "_holders", "_scopes", "contradictions")

    def __init__(self, reservations: Iterable[Reservation] = ()) -> None:
        """Index them.

        Raises ValueError where an id comes twice, where there is no client, and for a host name that does not fit into
        its option.
        """
        self._by_id: dict[tuple[str, str], Reservation] = {}
        self._scopes: dict[_Scope, _Clients] = {}
        self._holders: dict[tuple[int | None, int], Reservation] = {}
        self.contradictions: list[Contradiction] = []
        elsewhere: dict[int, Reservation] = {}
        for one in reservations:
            self._add(one, elsewhere)
        addresses: dict[int | None, set[int]] = {None: set()}
        for table, address in self._holders:
            addresses.setdefault(table, set()).add(address)
        everywhere = addresses[None]
        self._addresses = {table: frozenset(found | everywhere) for table, found in addresses.items()}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Reservation]:
        return iter(self._by_id.values())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reservations) and self._by_id == other._by_id

    def __hash__(self) -> int:
        return hash(frozenset(self._by_id.values()))

    def by_id(self, id_: str, subnet: str = "") -> Reservation | None:
        """Return the reservation with an id, of a subnet or of none."""
        return self._by_id.get((subnet, id_))

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
        found = self._addresses.get(table)
        return self._addresses[None] if found is None else found

    def _add(self, one: Reservation, elsewhere: dict[int, Reservation]) -> None:
        """Take one in; elsewhere: the first that is of an address in one table."""
        self._check(one)
        if self._by_id.setdefault((one.subnet, one.id), one) is not one:
            raise ValueError(f"two reservations have the id {one.id!r}")
        other = self._scopes.setdefault(one.subnet or one.table, _Clients()).add(one)
        if other is not one:
            self.contradictions.append(Contradiction(other, one, "client"))
        elif one.address is not None:
            other = self._holder_before(one, one.address, elsewhere)
            if other is not one:
                self.contradictions.append(Contradiction(other, one, "address"))

    def _holder_before(self, one: Reservation, address: int, elsewhere: dict[int, Reservation]) -> Reservation:
        """Have an address held; returns who holds it: an address of all tables is in none of them already."""
        if one.table is None:
            other = elsewhere.get(address)
        else:
            other = self._holders.get((None, address))
            elsewhere.setdefault(address, one)
        return other or self._holders.setdefault((one.table, address), one)

    def _check(self, one: Reservation) -> None:
        if not (one.client or one.circuit_id or one.remote_id):
            raise ValueError(f"reservation {one.id!r} is for no client")
        if len(one.hostname) > _NAME_LONGEST or not one.hostname.isascii():
            raise ValueError(f"reservation {one.id!r}: {one.hostname!r} is not a host name in ASCII")
