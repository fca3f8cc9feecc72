"""Which address a client gets in a network."""

from math import inf

import pytest

from tests.dhc6.allocating import SMALL, Advertised, Site, named, network, subnet
from tests.dhc6.clients import duid, interface, number
from vppdhc.dhc6.allocation import Why
from vppdhc.dhc6.config import Lifetimes
from vppdhc.dhc6.reservations import Reservation, Reservations
from vppdhc.leases.lease import LeaseState

BASE = number("2001:db8:1::")


def address(host: int) -> str:
    return f"2001:db8:1::{host:x}"


def test_a_wish_is_granted_when_it_is_free_and_in_the_pool() -> None:
    site = Site(SMALL)
    choice = site.choose(1, number("2001:db8:2::5"), BASE + 5)
    assert (named(choice), choice and choice.why) == (address(5), Why.WISH)
    for refused in (BASE, BASE + 1, BASE + 8, number("fe80::1")):
        choice = site.choose(1, refused)
        assert choice is not None
        assert choice.why is Why.HASH
    site.end(site.take(1, BASE + 5))
    other = site.choose(2, BASE + 5)
    assert other is not None
    assert (other.network == BASE + 5, other.why) == (False, Why.HASH)


def test_what_a_client_has_or_had_or_was_offered_goes_before_its_wish() -> None:
    site = Site(SMALL)
    site.offer(1, site.choose(1, BASE + 3))
    offered = site.choose(1, BASE + 4)
    assert (named(offered), offered and offered.why) == (address(3), Why.OFFER)
    lease = site.grant(1, offered)
    leased = site.choose(1, BASE + 4)
    assert (named(leased), leased and leased.why) == (address(3), Why.LEASE)
    site.end(lease)
    site.now += 100_000
    last = site.choose(1, BASE + 4)
    assert (named(last), last and last.why) == (address(3), Why.LAST_LEASE)


def test_a_lease_is_remembered_for_a_week() -> None:
    site = Site(SMALL)
    site.take(1, BASE + 3)
    site.now += 7200
    assert [named(lease) for lease in site.expire()] == [address(3)]
    site.now += 7 * 86_400 - 1
    assert site.expire() == []
    assert named(site.choose(1)) == address(3)
    site.now += 2
    site.expire()
    assert (len(site.book), site.stored, site.book.next_expiry()) == (0, {}, inf)


def test_each_identity_association_has_an_address_of_its_own() -> None:
    site = Site(SMALL)
    got = [named(site.take(1, ia_id=ia_id)) for ia_id in range(1, 7)]
    assert sorted(got) == [address(host) for host in range(2, 8)]
    assert site.choose(1, ia_id=7) is None
    assert [named(site.choose(1, ia_id=ia_id)) for ia_id in range(1, 7)] == got


def test_an_offer_is_nobody_elses_until_it_ends() -> None:
    site = Site(SMALL, subnets=(subnet("s", "2001:db8:1::/125", (5, 5)),))
    site.offer(1, site.choose(1))
    assert site.choose(2) is None
    site.now += 60
    site.expire()
    assert named(site.choose(2)) == address(5)


def test_the_lease_that_ended_first_makes_room() -> None:
    site = Site(SMALL)
    leases = [site.take(station) for station in range(1, 7)]
    assert site.choose(7) is None
    order = [3, 0, 5]
    for number_ in order:
        site.end(leases[number_])
        site.now += 10
    for station, number_ in enumerate(order, 7):
        choice = site.choose(station)
        assert (named(choice), choice and choice.why) == (named(leases[number_]), Why.OLDEST_ENDED)
        site.grant(station, choice)
    assert site.choose(10) is None
    site.now += 7199  # those who came first have ended, and not yet those who got what others had
    assert len(site.expire()) == 3
    assert named(site.choose(20)) in {named(leases[kept]) for kept in (1, 2, 4)}


def test_an_address_in_probation_is_nobodys_until_that_is_over() -> None:
    site = Site(SMALL, subnets=(subnet("s", "2001:db8:1::/125", (5, 6)),), probation_time=600)
    choice = site.choose(1, BASE + 5)
    assert choice is not None
    site.quarantine(choice)
    assert named(site.choose(1, BASE + 5)) == address(6)
    assert not site.allocation.grantable(site.asking(1), site.subnets()[0], BASE + 5)
    site.take(2)
    assert site.choose(1) is None
    site.now += 600
    site.expire()
    assert named(site.choose(1)) == address(5)
    assert [one.state for one in site.stored.values()] == [LeaseState.ACTIVE]


BY_DUID = Reservation("r", duid=duid(1), address=BASE + 6)
BY_IAID = Reservation("r", duid=duid(1), ia_id=1, address=BASE + 6)
BY_HARDWARE = Reservation("r", hardware=b"\1" + duid(1)[4:], address=BASE + 6)


@pytest.mark.parametrize("reservation", [BY_DUID, BY_IAID, BY_HARDWARE])
@pytest.mark.parametrize("pools", [(), ((2, 3),)])
def test_a_reserved_address_inside_or_outside_of_the_pool(
    reservation: Reservation, pools: tuple[tuple[int, int], ...]
) -> None:
    site = Site(SMALL, subnets=(subnet("s", "2001:db8:1::/125", *pools),))
    site.take(1, BASE + 3)
    site.reserve(reservation)
    mine, others = site.choose(1), site.choose(2, BASE + 6)
    assert (named(mine), mine and mine.why) == (address(6), Why.RESERVATION)
    assert named(others) != address(6)
    site.grant(1, mine)
    assert named(site.choose(1)) == address(6)
    second = site.choose(1, ia_id=2)
    assert second is not None
    assert second.network != BASE + 6


def test_a_reservation_of_duid_and_iaid_goes_before_that_of_the_duid_and_that_of_the_hardware() -> None:
    one = BY_DUID._replace(id="2", address=BASE + 5)
    third = BY_HARDWARE._replace(id="3", address=BASE + 4)
    known = Reservations([third, one, BY_IAID])
    assert known.contradictions == []
    hardware = [b"\1" + duid(1)[4:]]
    assert known.of(duid(1), 1, hardware, 0) == BY_IAID
    assert known.of(duid(1), 2, hardware, 0) == one
    assert known.of(duid(9), 2, hardware, 0) == third
    assert known.of(duid(9), 2, [], 0) is None
    assert known.of(duid(1), None, [], 0) == one


def test_what_is_reserved_is_for_one_identity_association_at_a_time() -> None:
    """Also while it is only on offer to the first of two in one message."""
    site = Site(SMALL)
    site.reserve(BY_DUID)
    site.offer(1, site.choose(1, ia_id=1), ia_id=1)
    second = site.choose(1, ia_id=2)
    assert second is not None
    assert second.network != BASE + 6


def test_a_station_with_another_duid_gets_what_is_reserved_for_its_hardware() -> None:
    """A boot loader had it, with a lease in force."""
    site = Site(SMALL)
    site.reserve(BY_HARDWARE)
    lease = site.take(1)
    loader = lease._replace(duid=b"\0\4" + bytes(16))
    site.change(lease, loader)
    assert named(site.choose(1)) == address(6)
    site.change(loader, loader._replace(hardware=b"\1zzzzzz"))
    assert named(site.choose(1)) != address(6)


@pytest.mark.parametrize("host", [0, 1, 8])
def test_reservations_that_nobody_can_have(host: int) -> None:
    """The anycast address, the router's own, and one of no network here: the client is served as any other."""
    site = Site(SMALL)
    site.reserve(BY_DUID._replace(address=BASE + host))
    choice = site.choose(1)
    assert choice is not None
    assert choice.why is Why.HASH


def test_a_reserved_address_that_somebody_has_is_given_when_he_lets_go() -> None:
    site = Site(SMALL)
    lease = site.take(2, BASE + 6)
    site.reserve(BY_DUID)
    assert named(site.choose(1)) != address(6)
    assert not site.allocation.grantable(site.asking(2), site.subnets()[0], BASE + 6)
    site.end(lease)
    assert named(site.choose(1)) == address(6)
    assert named(site.choose(2)) != address(6)


def test_reservations_of_a_subnet_go_before_those_of_all() -> None:
    site = Site(SMALL, subnets=(subnet("s", "2001:db8:1::/125"),))
    site.reserve(BY_DUID, BY_DUID._replace(subnet="s", address=BASE + 4))
    assert named(site.choose(1)) == address(4)


def test_contradicting_reservations() -> None:
    same_client = BY_DUID._replace(id="2", address=BASE + 7)
    same_address = Reservation("3", duid=duid(3), address=BASE + 6)
    same_prefix = [
        Reservation(str(station), duid=duid(station), prefix=network("2001:db8:9::/56")) for station in (4, 5)
    ]
    known = Reservations([BY_DUID, same_client, same_address, *same_prefix])
    assert [(one.second.id, one.about) for one in known.contradictions] == [
        ("2", "client"),
        ("3", "address"),
        ("5", "prefix"),
    ]
    for wrong in (BY_DUID._replace(duid=duid(2)), Reservation("4")):
        with pytest.raises(ValueError, match=r"no client|two reservations"):
            Reservations([BY_DUID, wrong])


def test_a_deprecated_network_gives_nothing_new_and_extends_what_there_is() -> None:
    site = Site(SMALL)
    lease = site.take(1)
    site.serving.set_delegated({"tap0": [Advertised(network("2001:db8:1::/125"), site.now, site.now + 900)]})
    assert site.choose(2) is None
    assert not site.allocation.grantable(site.asking(2), site.subnets()[0], BASE + 5)
    kept = site.choose(1)
    assert (named(kept), kept and kept.why) == (named(lease), Why.LEASE)
    assert kept is not None
    assert kept.lifetimes(site.now) == (0, 900)
    renewed = site.grant(1, kept)
    assert (renewed.valid, renewed.expires, renewed.since) == (900, site.now + 900, lease.since)
    site.end(renewed)
    assert site.choose(1) is None
    site.serving.set_delegated({})
    assert named(site.choose(1)) == named(lease)


def test_lifetimes_end_with_the_prefix() -> None:
    site = Site(SMALL)
    site.serving.set_delegated({"tap0": [Advertised(network("2001:db8:1::/125"), site.now + 100.9, site.now + 5000)]})
    choice = site.choose(1)
    assert choice is not None
    assert choice.lifetimes(site.now) == (100, 5000)
    site.serving.set_delegated({"tap0": [Advertised(network("2001:db8:1::/125"), site.now + 90_000, inf)]})
    assert choice.lifetimes(site.now) == Lifetimes(3600, 7200)
    site.serving.set_delegated({"tap0": [Advertised(network("2001:db8:1::/125"), -inf, -inf)]})
    assert choice.lifetimes(site.now) == (0, 0)


def test_clients_get_an_address_of_every_network_of_the_link() -> None:
    site = Site(interface("2001:db8:1::1/64", "fd00::1/64", "2001:db8:2::1/64"))
    leases = [site.grant(1, site.choose(1, of=one)) for one in site.subnets()]
    assert [str(one.network) for one in site.subnets()] == ["2001:db8:1::/64", "fd00::/64", "2001:db8:2::/64"]
    assert list(site.book.of_association(site.asking(1).association)) == leases
    assert [named(site.choose(1, of=one)) for one in site.subnets()] == [named(lease) for lease in leases]


def test_a_full_book_is_a_full_pool() -> None:
    """Nobody can fill the memory by asking for ever more addresses: those that have ended make room, if any."""
    site = Site()
    site.book._leases_most = 3
    site.take(1)
    lease = site.take(2)
    site.offer(3, site.choose(3))
    assert site.choose(4, BASE + 5) is None
    assert site.choose_prefix(4) is None
    assert named(site.choose(2)) == named(lease)
    site.end(lease)
    assert named(site.choose(4)) == named(lease)
