"""Reservations in a subnet and for all, and those for whom a relay agent names: which of them is a client's."""

from ipaddress import IPv4Network
from typing import NamedTuple

import pytest

from tests.dhc4.clients import TWO_LANS, Lan, message, number, options, reboot, renew, reservation
from vppdhc.dhc4.config import ServerConfig, SubnetConfig
from vppdhc.dhc4.reservations import Reservation, Reservations

STATION = reservation(1).client
A, B = SubnetConfig("a", IPv4Network("192.168.1.0/24")), SubnetConfig("b", IPv4Network("192.168.2.0/24"))


class Place(NamedTuple):
    """A subnet, as far as it matters."""

    id: str


def relayed(id_: str, circuit_id: bytes = b"", remote_id: bytes = b"", subnet: str = "") -> Reservation:
    table = 0 if subnet else None
    return Reservation(id_, table, b"", None, "", subnet=subnet, circuit_id=circuit_id, remote_id=remote_id)


EVERY = (
    reservation(1, id_="sub-hw", subnet="a"),
    reservation(b"me", id_="sub-id", subnet="a"),
    relayed("sub-both", b"c", b"r", "a"),
    relayed("sub-c", b"c", subnet="a"),
    relayed("sub-r", remote_id=b"r", subnet="a"),
    reservation(1, id_="hw", table=None),
    reservation(b"me", id_="id", table=None),
    relayed("both", b"c", b"r"),
    relayed("c", b"c"),
    relayed("r", remote_id=b"r"),
)


@pytest.mark.parametrize("count", range(len(EVERY)))
def test_in_which_order_they_count(count: int) -> None:
    """Of all that fit, the first in EVERY that is there is the client's."""
    found = Reservations(EVERY[count:]).of(b"\0me", STATION, 0, (Place(""), Place("a")), b"c", b"r")
    assert found is EVERY[count]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ((b"c", b"r"), "both"),
        ((b"c", b""), "c"),
        ((b"c", b"other"), "c"),
        ((b"", b"r"), "r"),
        ((b"other", b"r"), "r"),
        ((b"other", b"other"), None),
        ((b"", b""), None),
    ],
)
def test_what_the_relay_agent_says_has_to_agree_with_all_of_it(said: tuple[bytes, bytes], expected: str | None) -> None:
    found = Reservations(EVERY[7:]).of(b"\1x", b"\1x", 0, (), *said)
    assert (found.id if found else None) == expected
    both_only = Reservations(EVERY[7:8]).of(b"\1x", b"\1x", 0, (), *said)
    assert (both_only is not None) == (said == (b"c", b"r"))


def test_those_of_another_subnet_do_not_count() -> None:
    found = Reservations(EVERY)
    in_b = found.of(STATION, STATION, 0, (Place("b"),))
    assert in_b is not None
    assert in_b.id == "hw"
    assert Reservations(EVERY[:5]).of(STATION, STATION, 0, (Place("b"), Place(""))) is None


def test_of_two_subnets_on_a_link_the_first_counts() -> None:
    one, two = reservation(1, id_="one", subnet="a"), reservation(1, id_="two", subnet="b")
    found = Reservations([one, two])
    assert found.contradictions == []
    assert found.of(STATION, STATION, 0, (Place("b"), Place("a"))) is two
    assert found.of(STATION, STATION, 0, (Place("a"), Place("b"))) is one


def test_the_same_id_in_several_places() -> None:
    found = Reservations([reservation(1, id_="x", subnet="a"), reservation(2, id_="x", table=None)])
    assert (found.by_id("x"), found.by_id("x", "a")) == (
        reservation(2, id_="x", table=None),
        reservation(1, id_="x", subnet="a"),
    )
    assert len(found) == 2


def test_what_two_relay_agents_cannot_both_have() -> None:
    found = Reservations([relayed("x", b"c"), relayed("y", b"c"), relayed("z", b"c", b"r")])
    assert [(one.first.id, one.second.id, one.about) for one in found.contradictions] == [("x", "y", "client")]


def test_a_client_has_an_address_reserved_in_each_network() -> None:
    entries = [
        reservation(1, "192.168.1.9", id_="x", subnet="a"),
        reservation(1, "192.168.2.9", id_="x", subnet="b", options=options(domain_name="b.example")),
    ]
    lan = Lan(*TWO_LANS, config=ServerConfig(subnets=(A, B), reservations=Reservations(entries)))
    assert lan.ask(message("discover", 1), TWO_LANS[0]).bootp.yiaddr == "192.168.1.9"
    there = lan.ask(message("discover", 1), TWO_LANS[1])
    assert (there.bootp.yiaddr, there.options["domain"]) == ("192.168.2.9", b"b.example")
    assert lan.ask(message("discover", 1, giaddr="192.168.2.77"), TWO_LANS[0]).bootp.yiaddr == "192.168.2.9"


def test_what_is_reserved_in_its_subnet_goes_before_what_is_reserved_everywhere() -> None:
    entries = [reservation(1, "192.168.1.9", id_="x", subnet="a"), reservation(1, "192.168.1.8", "host", table=None)]
    lan = Lan(config=ServerConfig(subnets=(A,), reservations=Reservations(entries)))
    assert lan.bind(1) == "192.168.1.9"
    assert lan.ask(reboot(1, "192.168.1.8")).type == "nak"
    assert lan.ask(reboot(2, "192.168.1.8")).type == "nak", "it is reserved all the same"


def test_by_the_circuit_of_the_relay_agent() -> None:
    information = bytes.fromhex("0102aabb0201cc")  # RFC 3046, 2.0
    config = ServerConfig(
        reservations=Reservations(
            [Reservation("port 7", None, b"", number("192.168.1.9"), "", circuit_id=b"\xaa\xbb", remote_id=b"\xcc")]
        )
    )
    lan = Lan(config=config)
    behind = ("relay_agent_information", information)
    asked = {"giaddr": "192.168.1.200"}
    assert lan.ask(message("discover", 1, behind, **asked)).bootp.yiaddr == "192.168.1.9"
    assert lan.ask(message("discover", 2, **asked)).bootp.yiaddr != "192.168.1.9"
    other = ("relay_agent_information", bytes.fromhex("0102aabb0201cd"))
    assert lan.ask(message("discover", 3, other, **asked)).bootp.yiaddr != "192.168.1.9"


def test_an_address_in_an_excluded_range() -> None:
    excluded = SubnetConfig("a", A.network, excluded=((number("192.168.1.100"), number("192.168.1.250")),))
    lan = Lan(config=ServerConfig(subnets=(excluded,), reservations=Reservations([reservation(1, "192.168.1.200")])))
    assert lan.bind(1) == "192.168.1.200"
    assert lan.ask(renew(1, "192.168.1.200")).type == "ack"
    assert lan.ask(reboot(2, "192.168.1.201")).type == "nak"
