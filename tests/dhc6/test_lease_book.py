"""The DHCPv6 lease book; what it has in common with the other one is tested there."""

from collections.abc import Iterable
from math import inf

import pytest

from tests.dhc6.clients import duid, number
from vppdhc.dhc6.book import REMEMBERED, LeaseBook6
from vppdhc.leases.lease import LeaseState
from vppdhc.leases.lease6 import Association, Change6, Lease6, LeaseKind, Place6

BASE = number("2001:db8::")
NOBODY = b""


def lease(
    host: int,
    station: int = 1,
    state: LeaseState = LeaseState.ACTIVE,
    *,
    length: int = 128,
    ia_id: int = 1,
    table: int = 0,
    since: float = 0.0,
    expires: float = 100.0,
) -> Lease6:
    """A lease of an address, or of a prefix: the host is then its number among those of its length."""
    kind = LeaseKind.ADDRESS if length == 128 else LeaseKind.PREFIX
    network = BASE + (host << (128 - length))
    whose = duid(station) if station else NOBODY
    return Lease6(table, kind, network, length, state, whose, ia_id, "tap0", b"", "", 50, 100, since, since, expires)


def filled(*leases: Lease6) -> LeaseBook6:
    book = LeaseBook6()
    for one in leases:
        book.apply(Change6(None, one))
    return book


def test_leases_are_found_by_address_prefix_and_identity_association() -> None:
    address, second, prefix = lease(1), lease(2), lease(1, length=56)
    other, elsewhere = lease(3, ia_id=2), lease(1, table=7)
    book = filled(address, second, prefix, other, elsewhere)
    assert book.find(0, BASE + 1) is book.get(address.place) is address
    assert book.find(7, BASE + 1) is elsewhere
    assert book.get(prefix.place) is prefix
    assert book.get(prefix.place._replace(length=57)) is None
    assert list(book.of_association(address.association)) == [address, second, elsewhere]
    assert list(book.of_association(prefix.association)) == [prefix]
    assert book.of_association(Association(LeaseKind.PREFIX, duid(1), 2)) == ()
    assert list(book) == [address, second, other, prefix, elsewhere]
    assert (len(book), book.active) == (5, {"tap0": 5})


def test_changes_are_taken_back() -> None:
    first, renewed = lease(1), lease(1, expires=500.0)
    book = filled(first)
    changes = [Change6(first, renewed), Change6(None, lease(5)), Change6(renewed, None)]
    for change in changes:
        book.apply(change)
    assert list(book) == [lease(5)]
    book.take_back(changes[::-1])
    assert list(book) == [first]
    assert list(book.of_association(first.association)) == [first]


def test_leases_are_told_when_they_expire_and_forgotten_a_week_later() -> None:
    book = filled(lease(1), lease(2, expires=inf), lease(3, length=56, expires=150.0))
    assert book.next_expiry() == 100.0
    assert book.expire(100.0) == ([], [lease(1)])
    assert book.expire(200.0) == ([], [lease(3, length=56, expires=150.0)])
    assert book.active == {"tap0": 1}
    assert book.next_expiry() == 100.0 + REMEMBERED
    assert book.expire(100.0 + REMEMBERED) == ([Change6(lease(1), None)], [])
    assert len(book) == 2
    assert book.expire(1e12).changes == [Change6(lease(3, length=56, expires=150.0), None)]
    assert (list(book), book.next_expiry()) == ([lease(2, expires=inf)], inf)


def test_a_lease_that_is_renewed_or_given_back_is_forgotten_a_week_after_that() -> None:
    book = filled(lease(1))
    released = lease(1, state=LeaseState.RELEASED, expires=50.0)
    book.apply(Change6(lease(1), released))
    assert book.expire(100.0) == ([], [])
    renewed = lease(1, expires=1_000_000.0)
    book.apply(Change6(released, renewed))
    assert book.expire(50.0 + REMEMBERED + 1) == ([], [])
    assert book.expire(1_000_000.0) == ([], [renewed])
    assert book.expire(1_000_000.0 + REMEMBERED) == ([Change6(renewed, None)], [])


def test_what_could_not_be_forgotten_durably_is_forgotten_again() -> None:
    book = filled(lease(1))
    book.expire(100.0)
    changes, _ = book.expire(100.0 + REMEMBERED)
    book.take_back(changes)
    assert list(book) == [lease(1)]
    while book.next_expiry() <= 200.0 + REMEMBERED:
        book.expire(200.0 + REMEMBERED)
    assert list(book) == []


def test_leases_are_loaded_without_events() -> None:
    ended = lease(1, expires=40.0)
    released = lease(2, state=LeaseState.RELEASED, expires=30.0)
    declined = lease(3, 0, state=LeaseState.DECLINED, expires=60.0)
    long_ago = lease(4, expires=50.0 - REMEMBERED)
    running = lease(5, length=60, expires=90.0)
    book = LeaseBook6()
    book.load([ended, released, declined, long_ago, running], 50.0)
    assert book.active == {"tap0": 1}
    assert book.expire(50.0) == ([Change6(long_ago, None)], [])
    assert book.expire(60.0) == ([Change6(declined, None)], [])
    assert book.expire(90.0) == ([], [running])
    assert list(book) == [ended, released, running]


def test_offers_of_an_association_are_held_and_withdrawn_together() -> None:
    book = LeaseBook6()
    offers = [lease(host, state=LeaseState.OFFERED, expires=60.0) for host in (1, 2)]
    other = lease(3, 2, state=LeaseState.OFFERED, expires=60.0)
    for one in (*offers, other):
        book.hold(one)
    assert list(book.offers()) == [*offers, other]
    assert list(book.offers_of(offers[0].association)) == offers
    assert book.offer_at(offers[1].place) is offers[1]
    assert BASE + 1 in book.taken(book._space(offers[0]))
    book.withdraw(offers[0].association)
    assert list(book.offers()) == [other]
    assert book.offers_of(offers[0].association) == ()
    taken_over = lease(3, 5, state=LeaseState.OFFERED, since=10.0, expires=70.0)
    book.hold(taken_over)
    assert (list(book.offers()), book.offers_of(other.association)) == ([taken_over], ())
    assert book.next_expiry() == 70.0
    assert book.expire(70.0) == ([], [])
    assert (list(book.offers()), book._held) == ([], {})
    assert BASE + 3 not in book.taken(book._space(other))


def test_offers_are_bounded() -> None:
    book = LeaseBook6(offers_most=100)
    for host in range(1000):
        book.hold(lease(host, host, state=LeaseState.OFFERED, since=float(host), expires=60.0 + host))
    assert [one.network - BASE for one in book.offers()] == list(range(900, 1000))
    assert len(book._held) == len(book.taken(book._space(lease(0)))) == 100


def test_a_book_with_as_many_leases_as_can_be_is_full() -> None:
    book = LeaseBook6(leases_most=2)
    book.apply(Change6(None, lease(1)))
    assert not book.full
    book.hold(lease(2, 2, state=LeaseState.OFFERED, expires=60.0))
    assert book.full
    book.withdraw(Association(LeaseKind.ADDRESS, duid(2), 1))
    assert not book.full


def places(*prefixes: tuple[int, int]) -> Iterable[Place6]:
    return (Place6(0, LeaseKind.PREFIX, length, BASE + (part << (128 - length))) for part, length in prefixes)


@pytest.mark.parametrize(
    ("there", "asked", "beyond"),
    [
        ((5, 60), (0, 56), (6, 60)),
        ((16, 60), (0, 56), None),
        ((1, 56), (31, 60), (2, 56)),
        ((1, 56), (32, 60), None),
        ((1, 56), (1, 56), None),
        ((70_000, 64), (1, 48), (70_001, 64)),
    ],
)
def test_overlapping_prefixes(there: tuple[int, int], asked: tuple[int, int], beyond: tuple[int, int] | None) -> None:
    (place,) = places(asked)
    expected = None if beyond is None else BASE + (beyond[0] << (128 - beyond[1]))
    running = lease(there[0], length=there[1])
    book = filled(running)
    assert book.overlapping(place) == expected
    assert book.overlapping(place._replace(table=7)) is None
    book.expire(100.0)
    assert book.overlapping(place) is None
    book.hold(running._replace(state=LeaseState.OFFERED, since=100.0, expires=160.0))
    assert book.overlapping(place) == expected
    book.expire(160.0)
    assert book.overlapping(place) is None
    book.reserve(places(there))
    assert book.overlapping(place) == expected
