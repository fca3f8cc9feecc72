"""Reservations: what they are found by, who gets what is reserved, and what becomes of who has it."""

import pytest

from tests.dhc4.clients import (
    TWO_LANS,
    Lan,
    decline,
    dropped,
    interface,
    kinds,
    mac,
    message,
    number,
    octets,
    rebind,
    reboot,
    release,
    renew,
    reservation,
    text,
)
from vppdhc.dhc4.config import ServerConfig
from vppdhc.dhc4.events import EventKind
from vppdhc.dhc4.request import Drop
from vppdhc.dhc4.reservations import Reservation, Reservations
from vppdhc.leases.address_set import AddressSet

IN_POOL, OUTSIDE = "192.168.1.200", "192.168.1.5"  # the first tenth of the network is in no pool
HARDWARE = b"\1" + octets(mac(1))

# The index


def test_finds_by_hardware_address_before_client_identifier() -> None:
    by_hardware, by_identifier = reservation(1, IN_POOL), reservation(b"me", OUTSIDE)
    found = Reservations([by_identifier, by_hardware])
    assert found.of(HARDWARE, HARDWARE, 0) is by_hardware
    assert found.of(b"\0other", HARDWARE, 0) is by_hardware
    assert found.of(b"\0me", HARDWARE, 0) is by_hardware
    assert found.of(b"\0me", b"\1another", 0) is by_identifier
    assert found.of(b"\0me", b"", 0) is by_identifier
    assert found.of(b"\1another", b"\1another", 0) is None
    assert found.of(HARDWARE, HARDWARE, 1) is None
    assert Reservations().of(HARDWARE, HARDWARE, 0) is None


def test_finds_by_address_and_id() -> None:
    here, there = reservation(1, IN_POOL), reservation(1, IN_POOL, table=7, id_="blue")
    nameless = reservation(2, hostname="printer")
    found = Reservations([here, there, nameless])
    assert found.holder(0, number(IN_POOL)) is here
    assert found.holder(7, number(IN_POOL)) is there
    assert found.holder(7, number(OUTSIDE)) is None
    assert found.by_id("blue") is there
    assert found.by_id("green") is None
    assert (found.addresses(7), found.addresses(1)) == (frozenset({number(IN_POOL)}), frozenset())
    assert (list(found), len(found)) == ([here, there, nameless], 3)


def test_are_equal_when_the_same_is_reserved() -> None:
    ours = [reservation(1, IN_POOL), reservation(2, hostname="printer")]
    assert Reservations(ours) == Reservations([reservation(2, hostname="printer"), reservation(1, IN_POOL)])
    assert hash(Reservations(ours)) == hash(Reservations(reversed(ours)))
    assert Reservations(ours) != Reservations(ours[:1])
    assert Reservations(ours) != Reservations([ours[0], reservation(2, hostname="plotter")])
    assert ServerConfig(reservations=Reservations(ours)) == ServerConfig(reservations=Reservations(ours))


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ([reservation(1, id_="a"), reservation(2, id_="a")], "two reservations have the id 'a'"),
        ([Reservation("a", 0, b"", None, "")], "'a' is for no client"),
        ([reservation(1, hostname="küche", id_="a")], "'a': 'küche' is not a host name"),
        ([reservation(1, hostname="x" * 256, id_="a")], "'a': 'x+' is not a host name"),
    ],
)
def test_refuses_what_contradicts_itself(wrong: list[Reservation], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        Reservations(wrong)


@pytest.mark.parametrize(
    ("entries", "about"),
    [
        ([reservation(1, id_="a"), reservation(1, id_="b")], "client"),
        ([reservation(1, IN_POOL, id_="a"), reservation(2, IN_POOL, id_="b")], "address"),
        ([reservation(1, IN_POOL, id_="a"), reservation(2, IN_POOL, id_="b", table=None)], "address"),
        ([reservation(1, IN_POOL, id_="a", table=None), reservation(2, IN_POOL, id_="b")], "address"),
    ],
)
def test_of_two_that_contradict_each_other_the_first_holds(entries: list[Reservation], about: str) -> None:
    found = Reservations(entries)
    assert [tuple(one) for one in found.contradictions] == [(*entries, about)]
    assert found.of(entries[0].client, entries[0].client, 0) is entries[0]
    if about == "address":
        assert found.holder(0, number(IN_POOL)) is entries[0]
        assert found.of(entries[1].client, entries[1].client, 0) is entries[1], "its options and name count"


# Who gets what


@pytest.mark.parametrize("address", [IN_POOL, OUTSIDE])
def test_a_client_gets_what_is_reserved_for_it(lan: Lan, address: str) -> None:
    lan.reserve(reservation(1, address))
    assert lan.bind(1, wish="192.168.1.99") == address
    for asked in (renew(1, address), rebind(1, address), reboot(1, address)):
        assert lan.ask(asked).bootp.yiaddr == address
    lan.hear(release(1, address))
    lan.restart()
    assert lan.bind(1) == address


def test_by_its_hardware_address_whatever_identifier_it_sends(lan: Lan) -> None:
    lan.reserve(reservation(1, IN_POOL), reservation(b"me", OUTSIDE))
    assert lan.bind(1, client_id=b"me") == IN_POOL
    assert lan.bind(2, client_id=b"me") == OUTSIDE


def test_boot_loader_and_system_share_the_address_of_their_station(lan: Lan) -> None:
    lan.reserve(reservation(1, IN_POOL))
    for name in (b"boot loader", b"system", b"boot loader", None):
        assert lan.bind(1, client_id=name) == IN_POOL
        assert len(lan.stored) == 1


def test_but_no_other_station_takes_it_over(lan: Lan) -> None:
    assert lan.ask(reboot(2, IN_POOL, client_id=b"me")).type == "ack"
    lan.reserve(reservation(b"me", IN_POOL))
    assert lan.bind(1, client_id=b"me") == IN_POOL, "it is the same client, with another interface"
    lan.reserve(reservation(3, IN_POOL))
    assert lan.bind(3) != IN_POOL


def test_nobody_else_gets_it_by_hash_or_wish_or_claim(lan: Lan) -> None:
    usual = lan.ask(message("discover", 2)).bootp.yiaddr
    lan.book.withdraw(b"\1" + octets(mac(2)))
    lan.reserve(reservation(1, usual))
    assert lan.ask(message("discover", 2)).bootp.yiaddr != usual
    assert lan.ask(message("discover", 2, ("requested_addr", usual))).bootp.yiaddr != usual
    assert lan.ask(lan.select(2, usual)).type == "nak"
    assert lan.ask(reboot(2, usual)).type == "nak"
    assert lan.ask(renew(2, usual)).type == "nak"
    assert lan.stored == {}


def test_nor_as_the_one_that_ended_first() -> None:
    lan = Lan(interface("192.168.1.1/29"), static_percentage=0)
    addresses = []
    for station in range(1, 6):
        lan.now += 10
        addresses.append(lan.bind(station))
    lan.now += 4000
    lan.expire()
    lan.reserve(reservation(9, addresses[0]), reservation(1, "192.168.1.99"))
    assert lan.bind(10) == addresses[1]
    lan.reserve()
    assert lan.bind(11) == addresses[2], "which waits behind those that wait already"
    assert [lan.bind(station) for station in (12, 13)] == addresses[3:]
    assert lan.bind(14) == addresses[0]
    assert dropped(lan.hear(message("discover", 15)), Drop.NO_ADDRESS)


@pytest.mark.parametrize("address", ["192.168.1.0", "192.168.1.255", "192.168.1.1", "192.168.2.7", "10.0.0.1"])
def test_what_no_client_can_have_here_is_ignored(lan: Lan, address: str) -> None:
    without = lan.ask(message("discover")).bootp.yiaddr
    lan.reserve(reservation(1, address, "printer"))
    assert lan.bind() == without
    assert lan.ask(renew(1, without)).options["hostname"] == b"printer"
    assert lan.ask(reboot(1, address)).type == "nak"


def test_both_addresses_of_a_point_to_point_network_are_for_hosts() -> None:
    lan = Lan(interface("192.168.1.0/31"))
    assert dropped(lan.hear(message("discover", 2)), Drop.NO_ADDRESS)
    lan.reserve(reservation(1, "192.168.1.1"))
    assert lan.ask(message("discover", 1)).bootp.yiaddr == "192.168.1.1"


def test_it_counts_in_its_table_and_on_its_link_only() -> None:
    lan = Lan(*TWO_LANS, interface("192.168.1.1/24", name="blue", index=3, table=7))
    lan.reserve(reservation(1, IN_POOL))
    usual = {link.name: lan.ask(message("discover", 1), link).bootp.yiaddr for link in lan.interfaces}
    assert usual["tap0"] == IN_POOL
    assert usual["tap1"].startswith("192.168.2.")
    assert usual["blue"] == text(number(usual["tap1"]) - 256), "which is the hash's"
    assert lan.ask(reboot(2, IN_POOL), lan.interfaces[2]).type == "ack"


def test_relayed_clients_have_reservations_too() -> None:
    lan = Lan(*TWO_LANS)
    lan.reserve(reservation(1, "192.168.2.5"))
    offer = lan.ask(message("discover", 1, giaddr="192.168.2.9"))
    assert (offer.bootp.yiaddr, offer.destination) == ("192.168.2.5", "192.168.2.9")


# Somebody else has it


def test_who_has_it_keeps_it_until_he_renews(lan: Lan) -> None:
    assert lan.ask(reboot(2, IN_POOL)).type == "ack"
    lan.reserve(reservation(1, IN_POOL))
    meanwhile = lan.bind(1)
    assert meanwhile != IN_POOL
    assert lan.ask(renew(1, meanwhile)).bootp.yiaddr == meanwhile
    assert lan.ask(renew(2, IN_POOL)).type == "nak"
    assert lan.ask(renew(1, meanwhile)).type == "ack", "he may be using it yet"
    elsewhere = lan.bind(2)
    assert elsewhere != IN_POOL
    assert lan.ask(renew(1, meanwhile)).type == "nak"
    assert lan.bind(1) == IN_POOL
    assert {lease.address for lease in lan.book} == {number(elsewhere), number(IN_POOL)}


@pytest.mark.parametrize("way", ["release", "expiry"])
def test_it_becomes_free(lan: Lan, way: str) -> None:
    assert lan.ask(reboot(2, IN_POOL)).type == "ack"
    lan.reserve(reservation(1, IN_POOL))
    lan.now += 3500
    meanwhile = lan.bind(1)
    if way == "release":
        lan.hear(release(2, IN_POOL))
    else:
        lan.now += 101
    assert lan.ask(renew(1, meanwhile)).type == "nak"
    assert lan.ask(lan.select(1, meanwhile)).type == "nak"
    outcome = lan.hear(lan.select(1, IN_POOL))
    assert kinds(outcome) == [EventKind.RELEASED, EventKind.GRANTED]
    assert lan.ask(renew(2, IN_POOL)).type == "nak"


def test_an_offer_to_somebody_else_is_not_kept(lan: Lan) -> None:
    assert lan.ask(message("discover", 2, ("requested_addr", IN_POOL))).bootp.yiaddr == IN_POOL
    lan.reserve(reservation(1, IN_POOL))
    assert lan.ask(message("discover", 1)).bootp.yiaddr == IN_POOL
    assert lan.ask(lan.select(2, IN_POOL)).type == "nak"
    assert lan.ask(lan.select(1, IN_POOL)).type == "ack"


def test_a_declined_address_is_not_offered_during_its_probation(lan: Lan) -> None:
    lan.reserve(reservation(1, IN_POOL))
    lan.bind(1)
    lan.hear(decline(1, IN_POOL))
    meanwhile = lan.bind(1)
    assert meanwhile != IN_POOL
    assert lan.ask(renew(1, meanwhile)).type == "ack"
    lan.now += 86_401
    lan.expire()
    assert lan.bind(1) == IN_POOL


def test_a_reservation_that_goes_leaves_the_lease(lan: Lan) -> None:
    lan.reserve(reservation(1, IN_POOL), reservation(2, OUTSIDE))
    lan.bind(1)
    lan.bind(2)
    lan.reserve()
    assert lan.ask(renew(1, IN_POOL)).type == "ack"
    assert lan.ask(renew(2, OUTSIDE)).type == "nak", "that address is for nobody now"
    assert lan.bind(2) != OUTSIDE


def test_a_client_that_asks_for_its_reserved_address_need_not_ask_anew(lan: Lan) -> None:
    before = lan.bind(1)
    lan.reserve(reservation(1, OUTSIDE))
    assert lan.ask(reboot(1, OUTSIDE)).type == "ack"
    assert lan.book.get(0, number(before)) is None


def test_a_reservation_that_moves_takes_its_client_along(lan: Lan) -> None:
    lan.reserve(reservation(1, IN_POOL))
    lan.bind(1)
    lan.reserve(reservation(1, OUTSIDE))
    assert lan.ask(renew(1, IN_POOL)).type == "nak"
    assert lan.bind(1) == OUTSIDE
    assert lan.ask(reboot(2, IN_POOL)).type == "ack"


def test_a_server_among_others_knows_whom_it_has_reservations_for() -> None:
    lan = Lan(authoritative=False)
    lan.reserve(reservation(1, IN_POOL))
    assert dropped(lan.hear(reboot(2, "192.168.1.77")), Drop.UNKNOWN_CLIENT)
    assert lan.ask(reboot(1, "192.168.1.77")).type == "nak"
    assert lan.ask(reboot(1, IN_POOL)).type == "ack"


# Host names


def test_a_host_name_is_told_to_who_has_one_reserved(lan: Lan) -> None:
    lan.reserve(reservation(1, hostname="printer"))
    usual = lan.bind(2)
    assert "hostname" not in lan.ask(renew(2, usual)).options
    address = lan.bind(1, ("hostname", b"as-it-says"))
    assert lan.book.of_client(HARDWARE)[0].hostname == "printer"
    acked = lan.ask(renew(1, address))
    assert acked.options["hostname"] == b"printer"
    asked = lan.ask(renew(1, address, ("param_req_list", [3, 12, 28])))
    assert asked.order[-4:] == ["subnet_mask", "router", "hostname", "broadcast_address"]
    unasked = lan.ask(renew(1, address, ("param_req_list", [3, 28])))
    assert unasked.order[-2:] == ["broadcast_address", "hostname"], "what is for this client alone: RFC 2131, 4.3.1"
    informed = lan.ask(message("inform", 1, ciaddr=address, source=address))
    assert informed.options["hostname"] == b"printer"
    assert "hostname" not in lan.ask(renew(1, "10.0.0.1")).options, "which is refused"


# Reconfiguration


def test_one_more_reservation_touches_nothing_else(lan: Lan) -> None:
    for station in range(1, 5):
        lan.bind(station)
    (served,) = lan.server.networks
    leases = list(lan.book)
    lan.reserve(reservation(1, IN_POOL))
    (still,) = lan.server.networks
    assert still is served
    assert all(before is after for before, after in zip(leases, lan.book, strict=True))
    assert lan.server.reservations.by_id("for 1") == reservation(1, IN_POOL)


def test_what_changes_is_all_that_is_worked_on(lan: Lan, monkeypatch: pytest.MonkeyPatch) -> None:
    many = [reservation(station, text(number("192.168.1.2") + station)) for station in range(200)]
    lan.reserve(*many)
    changed = []
    for name in ("add", "discard"):
        monkeypatch.setattr(AddressSet, name, lambda _, address, name=name: changed.append((name, text(address))))
    lan.reserve(*many[1:], reservation(300, IN_POOL[:-3] + "250"))
    assert changed == [("add", "192.168.1.250"), ("discard", "192.168.1.2")]
