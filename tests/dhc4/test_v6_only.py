"""Networks and clients that work with IPv6 alone (RFC 8925, 3.3)."""

import pytest

from tests.dhc4.clients import EVERYBODY, Lan, dropped, interface, message, number, options, reboot, renew
from vppdhc.dhc4.request import Drop
from vppdhc.dhc4.server import client_key

ASKS = ("param_req_list", [1, 3, 108])
NEEDS_IPV4 = ("param_req_list", [1, 3])


def mostly(*addresses: str) -> Lan:
    return Lan(interface(*(addresses or ("192.168.1.1/24",))), options=options(v6_only_preferred=900))


def test_a_client_that_asks_is_told_and_gets_no_address() -> None:
    lan = mostly()
    seen = lan.ask(message("discover", 1, ASKS))
    assert (seen.type, seen.bootp.yiaddr, seen.options["ipv6-only-preferred"]) == ("offer", "0.0.0.0", 900)
    assert (seen.frame_destination, seen.destination) == (EVERYBODY, "255.255.255.255")
    assert seen.options["server_id"] == "192.168.1.1"
    assert (lan.asked, lan.book.offer_of(client_key(message("discover")))) == ([], None), "nor is one kept for it"


@pytest.mark.parametrize("said", [[NEEDS_IPV4], []], ids=["another list", "no list"])
def test_a_client_that_does_not_ask_is_not_told(said: list[tuple[str, list[int]]]) -> None:
    seen = mostly().ask(message("discover", 1, *said))
    assert (seen.type, "ipv6-only-preferred" in seen.options) == ("offer", False)
    assert seen.bootp.yiaddr != "0.0.0.0"


def test_a_network_that_needs_ipv4_offers_an_address(lan: Lan) -> None:
    seen = lan.ask(message("discover", 1, ASKS))
    assert (seen.bootp.yiaddr != "0.0.0.0", "ipv6-only-preferred" in seen.options) == (True, False)


def test_a_client_that_asks_for_an_address_all_the_same_gets_it() -> None:
    lan = mostly()
    for asked in (reboot(1, "192.168.1.200", ASKS), renew(1, "192.168.1.200", ASKS)):
        seen = lan.ask(asked)
        assert (seen.type, seen.bootp.yiaddr, seen.options["ipv6-only-preferred"]) == ("ack", "192.168.1.200", 900)
    assert (0, number("192.168.1.200")) in lan.stored


def test_no_address_need_be_left() -> None:
    lan = mostly("10.0.0.1/30")
    lan.bind(1)
    assert lan.ask(message("discover", 2, ASKS)).bootp.yiaddr == "0.0.0.0"
    assert dropped(lan.hear(message("discover", 2, NEEDS_IPV4)), Drop.NO_ADDRESS)


def test_a_lease_stays_where_it_is_until_its_client_lets_it_go() -> None:
    lan = mostly()
    address = lan.bind(1)
    assert lan.ask(message("discover", 1, ASKS)).bootp.yiaddr == "0.0.0.0"
    assert lan.ask(message("discover", 1, NEEDS_IPV4)).bootp.yiaddr == address
