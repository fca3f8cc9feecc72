from ipaddress import IPv4Network
from math import inf

import pytest

from vppdhc.dhc4.book import LeaseBook
from vppdhc.dhc4.events import Event, EventKind
from vppdhc.dhc4.pool import Pool
from vppdhc.leases.expiry import ExpiryQueue
from vppdhc.leases.lease import Change, Lease, LeaseState

BASE = 10 << 24


def lease(
    address: int, client: bytes = b"c", state: LeaseState = LeaseState.ACTIVE, *, expires: float = 100.0, table: int = 0
) -> Lease:
    return Lease(table, BASE + address, state, client, "tap0", client, "", 60, 0.0, 0.0, expires)


def pool(network: str = "10.0.0.0/24") -> Pool:
    return Pool.of_network(0, IPv4Network(network), (), 0)


@pytest.fixture
def book() -> LeaseBook:
    return LeaseBook()


def test_leases_are_found_by_address_and_by_client(book: LeaseBook) -> None:
    ours = [lease(1), lease(2), lease(1, table=5)]
    for one in ours:
        book.apply(Change(None, one))
    book.apply(Change(None, lease(3, b"other")))
    assert book.get(5, BASE + 1) is ours[2]
    assert list(book.of_client(b"c")) == ours
    assert len(book) == 4
    assert set(book) == {*ours, lease(3, b"other")}
    replaced = lease(2, b"other")
    book.apply(Change(ours[1], replaced))
    assert list(book.of_client(b"c")) == [ours[0], ours[2]]
    assert list(book.of_client(b"other")) == [lease(3, b"other"), replaced]
    renewed = lease(1, expires=200.0)
    book.apply(Change(ours[0], renewed))
    book.apply(Change(ours[2], None))
    assert list(book.of_client(b"c")) == [renewed]
    book.apply(Change(renewed, None))
    assert list(book.of_client(b"c")) == []
    assert book.get(0, BASE + 1) is None
    assert len(book) == 2


def test_renewing_one_of_several_leases_of_a_client(book: LeaseBook) -> None:
    for table in range(3):
        book.apply(Change(None, lease(1, table=table)))
    book.apply(Change(lease(1, table=1), lease(1, table=1, expires=500.0)))
    assert [one.expires for one in book.of_client(b"c")] == [100.0, 500.0, 100.0]


def test_an_expired_lease_is_told_once(book: LeaseBook) -> None:
    book.apply(Change(None, lease(1, expires=100.5)))
    assert book.next_expiry() == 101
    assert book.expire(100.9) == ([], [])
    assert book.expire(101.0) == ([], [Event(EventKind.EXPIRED, lease(1, expires=100.5))])
    assert book.active == {"tap0": 0}
    assert (book.expire(1000.0), book.next_expiry()) == (([], []), inf)
    assert book.get(0, BASE + 1) is not None


def test_a_renewed_lease_expires_later(book: LeaseBook) -> None:
    for expires in (100.0, 150.0, 200.0, 120.0, 180.0):
        book.apply(Change(book.get(0, BASE + 1), lease(1, expires=expires)))
    seen = [(now, event) for now in range(100, 300) for event in book.expire(float(now)).events]
    assert seen == [(180, Event(EventKind.EXPIRED, lease(1, expires=180.0)))]


def test_expiry_in_portions(book: LeaseBook) -> None:
    for address in range(10):
        book.apply(Change(None, lease(address, bytes([address]), expires=50.0 + address % 2)))
        book.offer(lease(100 + address, bytes([100 + address]), LeaseState.OFFERED, expires=60.0))
    told = []
    portions = 0
    while book.next_expiry() <= 70.0:
        told += book.expire(70.0, limit=3).events
        portions += 1
    assert portions == 7
    assert len(told) == 10


def test_probation_ends(book: LeaseBook) -> None:
    declined = lease(1, b"", LeaseState.DECLINED)
    book.apply(Change(None, declined))
    assert book.active == {}
    assert list(book.of_client(b"")) == []
    assert book.expire(101.0) == ([Change(declined, None)], [])
    assert BASE + 1 not in book.taken(0)


def test_load_brings_back_what_is_over_without_telling(book: LeaseBook) -> None:
    stored = [
        lease(1, b"a", expires=30.0),
        lease(2, b"b", expires=90.0),
        lease(3, b"c", LeaseState.RELEASED, expires=20.0),
        lease(4, b"", LeaseState.DECLINED, expires=10.0),
        lease(5, b"e", expires=inf),
    ]
    book.load(stored, now=50.0)
    book.add_pool(everything := pool())
    assert set(book) == set(stored)
    assert book.active == {"tap0": 2}
    assert book.oldest_ended(everything) == BASE + 3
    assert book.expire(50.0) == ([Change(stored[3], None)], [])
    assert book.expire(91.0).events == [Event(EventKind.EXPIRED, stored[1])]
    ended = []
    while (oldest := book.oldest_ended(everything)) is not None:
        ended.append(oldest - BASE)
        book.apply(Change(book.get(0, oldest), None))
    assert ended == [3, 1, 2]


def test_ended_leases_go_with_their_pool(book: LeaseBook) -> None:
    low, high = pool("10.0.0.0/25"), pool("10.0.0.128/25")
    for address in (1, 200):
        book.apply(Change(None, lease(address, bytes([address]), LeaseState.RELEASED, expires=address)))
    book.add_pool(high)
    book.add_pool(low)
    assert (book.oldest_ended(low), book.oldest_ended(high)) == (BASE + 1, BASE + 200)
    book.remove_pool(high)
    book.remove_pool(low)
    book.apply(Change(None, lease(0, b"0", LeaseState.RELEASED, expires=0.5)))
    book.add_pool(both := pool())
    assert book.oldest_ended(both) == BASE + 1  # the network's own address is in no pool
    book.apply(Change(book.get(0, BASE + 1), lease(1)))
    assert book.oldest_ended(both) == BASE + 200
    book.apply(Change(book.get(0, BASE + 200), None))
    assert book.oldest_ended(both) is None
    book.remove_pool(both)
    book.apply(Change(book.get(0, BASE), None))
    assert len(book) == 1


def test_an_offer_holds_an_ended_address(book: LeaseBook) -> None:
    book.add_pool(everything := pool())
    for address in (1, 2):
        book.apply(Change(None, lease(address, bytes([address]), LeaseState.RELEASED, expires=address)))
    book.offer(lease(1, b"new", LeaseState.OFFERED, expires=60.0))
    assert book.oldest_ended(everything) == BASE + 2
    book.remove_pool(everything)
    book.add_pool(everything)
    assert book.oldest_ended(everything) == BASE + 2
    book.withdraw(b"new")
    book.apply(Change(book.get(0, BASE + 2), None))
    assert book.oldest_ended(everything) == BASE + 1


def test_a_lease_that_ends_while_it_is_offered_to_its_client_again(book: LeaseBook) -> None:
    book.add_pool(everything := pool())
    book.apply(Change(None, lease(1, expires=30.0)))
    book.offer(lease(1, state=LeaseState.OFFERED, expires=60.0))
    book.expire(31.0)
    assert book.oldest_ended(everything) is None
    book.expire(60.0)
    assert book.oldest_ended(everything) == BASE + 1


def test_offers(book: LeaseBook) -> None:
    first, second = (lease(n, state=LeaseState.OFFERED, expires=60.0 + n) for n in (1, 2))
    book.offer(first)
    book.offer(second)
    assert book.offer_of(b"c") is second
    assert (book.offer_at(0, BASE + 1), book.offer_at(0, BASE + 2)) == (None, second)
    assert (BASE + 1 in book.taken(0), BASE + 2 in book.taken(0)) == (False, True)
    assert (len(book), book.next_expiry()) == (0, 62.0)
    assert book.expire(62.0) == ([], [])
    assert len(book.taken(0)) == 0
    book.withdraw(b"c")
    assert book.offer_at(9, BASE) is None


def test_offers_are_bounded() -> None:
    book = LeaseBook(offers_most=3)
    for n in range(5):
        book.offer(lease(n, bytes([n]), LeaseState.OFFERED))
    assert [book.offer_of(bytes([n])) is not None for n in range(5)] == [False, False, True, True, True]
    assert len(book.taken(0)) == 3


def test_offers_end_when_they_say_however_long_others_are_held(book: LeaseBook) -> None:
    book.offer(lease(1, b"long", LeaseState.OFFERED, expires=3600.0))
    book.offer(lease(2, b"short", LeaseState.OFFERED, expires=1.0))
    assert book.next_expiry() == 1.0
    book.expire(1.0)
    assert (book.offer_of(b"short"), BASE + 2 in book.taken(0)) == (None, False)
    assert book.offer_of(b"long") is not None
    assert book.next_expiry() == 3600.0


def test_the_offer_that_ends_first_makes_room() -> None:
    book = LeaseBook(offers_most=2)
    for n, expires in ((1, 3600.0), (2, 1.0), (3, 60.0)):
        book.offer(lease(n, bytes([n]), LeaseState.OFFERED, expires=expires))
    assert [book.offer_of(bytes([n])) is not None for n in (1, 2, 3)] == [True, False, True]


def test_a_network_that_moves_keeps_its_ended_leases(book: LeaseBook) -> None:
    before, after = pool(), pool()
    book.add_pool(before)
    for address in (2, 1):
        book.apply(Change(None, lease(address, bytes([address]), LeaseState.RELEASED, expires=3.0 - address)))
    book.add_pool(after)  # seen on the other interface already
    book.remove_pool(before)
    assert book.oldest_ended(after) == BASE + 2
    book.apply(Change(book.get(0, BASE + 2), None))
    assert book.oldest_ended(after) == BASE + 1


def test_a_network_that_was_elsewhere_for_a_moment_is_counted_again(book: LeaseBook) -> None:
    stays, goes = pool(), pool()
    book.add_pool(stays)
    for address in (1, 2, 3):
        book.apply(Change(None, lease(address, bytes([address]))))
    book.offer(lease(9, b"new", LeaseState.OFFERED, expires=60.0))
    book.add_pool(goes)
    assert book.usage(goes)[1:4] == (3, 1, 0)
    book.apply(Change(book.get(0, BASE + 1), lease(1, b"1", LeaseState.RELEASED, expires=1.0)))
    book.apply(Change(book.get(0, BASE + 2), lease(2, b"", LeaseState.DECLINED)))
    book.apply(Change(None, lease(4, b"4")))
    book.withdraw(b"new")
    assert book.usage(goes)[1:4] == (2, 0, 1)
    book.remove_pool(goes)
    assert book.usage(stays)[1:4] == (2, 0, 1)


def test_a_lease_that_ends_under_an_offer_leaves_the_address_in_use(book: LeaseBook) -> None:
    book.add_pool(everything := pool())
    book.apply(Change(None, lease(1, expires=30.0)))
    book.offer(lease(1, state=LeaseState.OFFERED, expires=60.0))
    assert book.usage(everything)[1:4] == (1, 0, 0)
    book.expire(31.0)
    assert book.usage(everything)[1:4] == (0, 1, 0)
    book.expire(60.0)
    assert book.usage(everything)[1:4] == (0, 0, 0)


def test_an_offer_to_another_client_is_not_withdrawn_with_an_old_one(book: LeaseBook) -> None:
    book.offer(lease(1, b"late", LeaseState.OFFERED, expires=10.0))
    book.offer(fresh := lease(1, b"fresh", LeaseState.OFFERED, expires=70.0))
    book.expire(11.0)
    assert book.offer_at(0, BASE + 1) is fresh
    assert BASE + 1 in book.taken(0)


def test_take_back_of_a_forgotten_record(book: LeaseBook) -> None:
    one = lease(1)
    book.apply(Change(None, one))
    book.apply(Change(one, None))
    book.take_back([Change(one, None)])
    assert book.get(0, BASE + 1) is one
    assert BASE + 1 in book.taken(0)
    assert book.active == {"tap0": 1}
    assert book.expire(101.0).events == [Event(EventKind.EXPIRED, one)]


def test_renewals_do_not_pile_up_in_the_queue(book: LeaseBook) -> None:
    for now in range(1000):
        book.apply(Change(book.get(0, BASE + 1), lease(1, expires=now + 3600.0)))
        book.expire(float(now))
    queue = book._table(0).due
    assert sum(len(waiting) for waiting in queue._seconds.values()) == 1


def test_leases_given_back_and_taken_again_do_not_pile_up_either(book: LeaseBook) -> None:
    book.apply(Change(None, lease(2, b"other", expires=5000.0)))
    for second in range(5000):
        book.apply(Change(book.get(0, BASE + 1), lease(1, expires=second + 3600.0)))
        book.apply(Change(book.get(0, BASE + 1), lease(1, state=LeaseState.RELEASED, expires=float(second))))
    assert len(book._table(0).due) < 1100
    book.apply(Change(book.get(0, BASE + 1), lease(1, expires=6000.0)))
    told = []
    while (now := book.next_expiry()) < inf:
        told += [(now, event.lease.client) for event in book.expire(now).events]
    assert told == [(5000.0, b"other"), (6000.0, b"c")]


def test_expiry_queue() -> None:
    queue = ExpiryQueue()
    assert queue.next() == inf
    for address, expires in ((1, 5.1), (2, 5.9), (1, 5.5), (3, 2.0)):
        queue.add(address, expires)
    assert (queue.next(), queue.pop(1.9, 10), len(queue)) == (2, [], 4)
    assert queue.pop(6.0, 2) in ([3, 1], [3, 2])
    assert (queue.next(), len(queue)) == (0.0, 1)
    assert len(queue.pop(6.0, 2)) == 1
    assert (queue.next(), len(queue)) == (inf, 0)
