"""Host reservations, as far as they are the same for addresses of both kinds."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Iterator
from typing import Generic, NamedTuple, Protocol, TypeAlias, TypeVar

Scope: TypeAlias = str | int | None
"""Where a reservation counts: in the subnet with this id, in a routing table, everywhere."""


class HasId(Protocol):
    """A subnet, as far as it is needed here."""

    @property
    def id(self) -> str:
        """Id in the configuration, empty for one that is not there."""


class AnyReservation(Hashable, Protocol):
    """What one client gets, as far as it is needed here."""

    @property
    def id(self) -> str:
        """Names it for people, in its subnet or among those that are for none."""

    @property
    def table(self) -> int | None:
        """Id of the routing table (VRF) that it is for; None for all."""

    @property
    def subnet(self) -> str:
        """Id of the subnet that it is for, empty for all."""


ReservationT = TypeVar("ReservationT", bound=AnyReservation)
ThingT = TypeVar("ThingT", bound=Hashable)


class Contradiction(NamedTuple, Generic[ReservationT]):
    """Two reservations that cannot both hold; the first one does.

    about: what they share, "client", "address" or "prefix".
    """

    first: ReservationT
    second: ReservationT
    about: str


class BaseReservations(ABC, Generic[ReservationT, ThingT]):
    """All reservations, never changed. Two are equal when the same reservations are in them.

    Every look-up takes the same time however many there are. ThingT is what is reserved, such as an address.

    contradictions: those that cannot hold, each with the one before it that does.
    """

    __slots__ = ("_by_id", "_holders", "_things", "contradictions")

    def __init__(self, reservations: Iterable[ReservationT]) -> None:
        """Index them.

        Raises ValueError where an id comes twice, where there is no client, and for what else _check() refuses.
        """
        self._by_id: dict[tuple[str, str], ReservationT] = {}
        self._holders: dict[tuple[int | None, ThingT], ReservationT] = {}
        self.contradictions: list[Contradiction[ReservationT]] = []
        elsewhere: dict[ThingT, ReservationT] = {}
        for one in reservations:
            self._add(one, elsewhere)
        things: dict[int | None, set[ThingT]] = {None: set()}
        for table, thing in self._holders:
            things.setdefault(table, set()).add(thing)
        everywhere = things[None]
        self._things = {table: frozenset(found | everywhere) for table, found in things.items()}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[ReservationT]:
        return iter(self._by_id.values())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self._by_id == other._by_id

    def __hash__(self) -> int:
        return hash(frozenset(self._by_id.values()))

    def by_id(self, id_: str, subnet: str = "") -> ReservationT | None:
        """Return the reservation with an id, of a subnet or of none."""
        return self._by_id.get((subnet, id_))

    @abstractmethod
    def _check(self, one: ReservationT) -> None:
        """Raise ValueError where a reservation cannot be any."""

    @abstractmethod
    def _take_in(self, one: ReservationT) -> ReservationT:
        """Have it found by its client, unless there is one for the same client; returns the one that holds."""

    @staticmethod
    @abstractmethod
    def _reserved_by(one: ReservationT) -> Iterator[tuple[str, ThingT]]:
        """Go through what one reserves: what it is for people, and which."""

    def _reserved(self, table: int) -> frozenset[ThingT]:
        """Return what is reserved in a table; the same object each time."""
        found = self._things.get(table)
        return self._things[None] if found is None else found

    def _add(self, one: ReservationT, elsewhere: dict[ThingT, ReservationT]) -> None:
        """Take one in; elsewhere: the first that is of a thing in one table."""
        self._check(one)
        if self._by_id.setdefault((one.subnet, one.id), one) is not one:
            raise ValueError(f"two reservations have the id {one.id!r}")
        other = self._take_in(one)
        if other is not one:
            self.contradictions.append(Contradiction(other, one, "client"))
            return
        for about, thing in self._reserved_by(one):
            other = self._holder_before(one, thing, elsewhere)
            if other is not one:
                self.contradictions.append(Contradiction(other, one, about))

    def _holder_before(self, one: ReservationT, thing: ThingT, elsewhere: dict[ThingT, ReservationT]) -> ReservationT:
        """Have a thing held; returns who holds it: one of all tables is in none of them already."""
        if one.table is None:
            other = elsewhere.get(thing)
        else:
            other = self._holders.get((None, thing))
            elsewhere.setdefault(thing, one)
        return other or self._holders.setdefault((one.table, thing), one)
