"""New leases: DISCOVER, and REQUEST in SELECTING (RFC 2131, 4.3.1 and 4.3.2)."""

import pytest

from tests.dhc4.clients import (
    Lan,
    dropped,
    interface,
    kinds,
    message,
    number,
    reboot,
    release,
    see,
)
from vppdhc.dhc4.book import LeaseBook
from vppdhc.dhc4.config import Overrides, ServerConfig
from vppdhc.dhc4.events import EventKind
from vppdhc.dhc4.request import Drop
from vppdhc.dhc4.server import Server, client_key
from vppdhc.leases.lease import NO_DETAILS, LeaseState

# The first lease


def test_discover_is_offered_an_address_that_is_nowhere_stored(lan: Lan) -> None:
    outcome = lan.hear(message("discover"))
    assert see(outcome, lan.interfaces[0]).type == "offer"
    assert (outcome.changes, outcome.events, outcome.drop) == ([], [], None)
    assert len(lan.book) == 0
    held = lan.book.offer_of(client_key(message("discover")))
    assert held is not None
    assert (held.state, held.expires) == (LeaseState.OFFERED, lan.now + 60)


def test_request_makes_the_lease(lan: Lan) -> None:
    offered = lan.ask(message("discover"))
    outcome = lan.hear(lan.select(1, offered.bootp.yiaddr, ("hostname", "printer")))
    (change,) = outcome.changes
    assert change.old is None
    lease = change.new
    assert lease is not None
    assert lease._asdict() == {
        "table": 0,
        "address": number(offered.bootp.yiaddr),
        "state": LeaseState.ACTIVE,
        "client": b"\x01\x02\0\0\0\0\x01",
        "interface": "tap0",
        "hardware": b"\x01\x02\0\0\0\0\x01",
        "hostname": "printer",
        "granted": 3600,
        "since": 1000.0,
        "renewed": 1000.0,
        "expires": 4600.0,
        "details": NO_DETAILS,
    }
    assert kinds(outcome) == [EventKind.GRANTED]
    assert lan.book.offer_of(lease.client) is None
    assert lan.book.active == {"tap0": 1}


def test_two_clients_have_two_addresses(lan: Lan) -> None:
    assert len({lan.bind(station) for station in range(1, 200)}) == 199


def test_a_repeated_discover_is_offered_the_same(lan: Lan) -> None:
    first = lan.ask(message("discover")).bootp.yiaddr
    lan.now += 30
    assert lan.ask(message("discover")).bootp.yiaddr == first
    lan.now += 45
    lan.expire()
    assert lan.book.offer_of(client_key(message("discover"))) is not None


def test_an_offer_holds_its_address_for_a_minute(lan: Lan) -> None:
    offered = lan.ask(message("discover")).bootp.yiaddr
    assert lan.ask(message("discover", 2, ("requested_addr", offered))).bootp.yiaddr != offered
    assert lan.ask(lan.select(3, offered)).type == "nak"
    lan.now += 61
    lan.expire()
    assert lan.ask(message("discover", 4, ("requested_addr", offered))).bootp.yiaddr == offered


def test_a_late_client_gets_what_it_was_offered_when_it_is_still_free(lan: Lan) -> None:
    offered = lan.ask(message("discover")).bootp.yiaddr
    lan.now += 61
    lan.expire()
    assert lan.ask(lan.select(1, offered)).type == "ack"


def test_a_client_with_a_lease_is_offered_the_same_again(lan: Lan) -> None:
    address = lan.bind()
    lan.now += 100
    assert lan.ask(message("discover", 1, ("requested_addr", "192.168.1.200"))).bootp.yiaddr == address


def test_a_flood_of_discovers_takes_a_pool_for_the_holding_time_and_no_longer() -> None:
    quiet = ServerConfig(
        per_interface={"tap0": Overrides(offer_hold=2), "tap1": Overrides(offer_hold=3600)},
    )
    lan = Lan(interface("192.168.1.1/28"), interface("192.168.2.1/24", name="tap1", index=2), config=quiet)
    mine = lan.bind(1)
    lan.ask(message("discover", 2), lan.interfaces[1])
    for station in range(100, 300):
        lan.hear(message("discover", station))
    assert dropped(lan.hear(message("discover", 3)), Drop.NO_ADDRESS)
    assert lan.ask(message("discover", 1)).bootp.yiaddr == mine, "who has a lease is not touched"
    lan.now += 2
    lan.expire()
    assert lan.ask(message("discover", 3)).type == "offer"


def test_a_flood_of_discovers_takes_a_bounded_part_of_memory() -> None:
    lan = Lan(interface("10.0.0.1/8"))
    lan.book = LeaseBook(offers_most=100)
    lan.server = Server(lan.config, lan.book)
    lan.server.interface_changed(None, lan.interfaces[0])
    good = lan.ask(message("discover", 1)).bootp.yiaddr
    for station in range(2, 400):
        lan.hear(message("discover", station))
    table = lan.book._table(0)
    assert (len(table.offers), len(table.taken), len(lan.book)) == (100, 100, 0)
    assert lan.ask(lan.select(1, good, server="10.0.0.1")).type == "ack", "an offer forgotten is an address still free"


def test_so_is_one_whose_lease_has_expired_or_was_released(lan: Lan) -> None:
    lan.bind(1, wish="192.168.1.200")
    lan.bind(2, wish="192.168.1.201")
    lan.hear(release(2, "192.168.1.201"))
    lan.now += 10_000
    lan.expire()
    assert lan.bind(1) == "192.168.1.200"
    assert lan.bind(2) == "192.168.1.201"


@pytest.mark.parametrize(
    ("wish", "honoured"),
    [
        ("192.168.1.200", True),
        ("192.168.1.24", False),
        ("192.168.1.1", False),
        ("192.168.1.255", False),
        ("192.168.2.200", False),
        ("0.0.0.0", False),
    ],
)
def test_a_wish_is_honoured_within_the_pool(lan: Lan, wish: str, honoured: bool) -> None:
    without = lan.ask(message("discover")).bootp.yiaddr
    lan.restart()
    assert lan.ask(message("discover", 1, ("requested_addr", wish))).bootp.yiaddr == (wish if honoured else without)


def test_a_wish_for_what_somebody_else_had_is_not_honoured(lan: Lan) -> None:
    lan.bind(1, wish="192.168.1.200")
    lan.hear(release(1, "192.168.1.200"))
    assert lan.ask(message("discover", 2, ("requested_addr", "192.168.1.200"))).bootp.yiaddr != "192.168.1.200"


def test_same_client_same_address_on_a_fresh_server() -> None:
    there = {station: Lan().bind(station) for station in range(1, 20)}
    assert {station: Lan().bind(station) for station in range(1, 20)} == there


def test_a_full_pool_takes_the_lease_that_ended_first() -> None:
    lan = Lan(interface("10.0.0.1/29"))
    addresses = [lan.bind(station) for station in range(1, 6)]
    assert dropped(lan.hear(message("discover", 6)), Drop.NO_ADDRESS)
    lan.now += 5
    lan.hear(release(4, addresses[3]))
    lan.now += 5
    lan.hear(release(2, addresses[1]))
    assert lan.bind(6) == addresses[3]
    assert lan.bind(7) == addresses[1]
    assert dropped(lan.hear(message("discover", 8)), Drop.NO_ADDRESS)
    assert lan.ask(reboot(4, addresses[3])).type == "nak"


def test_an_offer_of_a_used_address_that_is_not_taken_leaves_it_to_its_client() -> None:
    lan = Lan(interface("10.0.0.1/30"))
    address = lan.bind(1)
    lan.hear(release(1, address))
    assert lan.ask(message("discover", 2)).bootp.yiaddr == address
    assert dropped(lan.hear(message("discover", 1)), Drop.NO_ADDRESS)
    lan.now += 61
    lan.expire()
    assert lan.bind(1) == address


# SELECTING


def test_a_client_that_chose_another_server_sets_our_offer_free(lan: Lan) -> None:
    offered = lan.ask(message("discover")).bootp.yiaddr
    assert dropped(lan.hear(lan.select(1, offered, server="192.168.1.9")), Drop.OTHER_SERVER)
    assert lan.book.offer_of(client_key(message("discover"))) is None
    assert lan.ask(message("discover", 2, ("requested_addr", offered))).bootp.yiaddr == offered


def test_that_client_keeps_the_lease_it_had(lan: Lan) -> None:
    address = lan.bind()
    lan.ask(message("discover"))
    lan.hear(lan.select(1, address, server="192.168.1.9"))
    assert lan.ask(message("discover")).bootp.yiaddr == address


def test_selecting_an_address_of_another_network(lan: Lan) -> None:
    assert lan.ask(lan.select(1, "192.168.7.7")).type == "nak"


def test_selecting_what_another_client_has(lan: Lan) -> None:
    address = lan.bind(1)
    assert lan.ask(lan.select(2, address)).type == "nak"


def test_selecting_after_a_restart_of_the_server(lan: Lan) -> None:
    offered = lan.ask(message("discover")).bootp.yiaddr
    lan.restart()
    assert lan.ask(lan.select(1, offered)).type == "ack"


def test_selecting_another_address_gives_up_the_one_before(lan: Lan) -> None:
    address = lan.bind()
    outcome = lan.hear(lan.select(1, "192.168.1.200"))
    assert [change.new is None for change in outcome.changes] == [True, False]
    assert kinds(outcome) == [EventKind.RELEASED, EventKind.GRANTED]
    assert lan.book.get(0, number(address)) is None
    assert len(lan.stored) == 1
    assert lan.book.active == {"tap0": 1}


def test_any_address_of_ours_in_the_network_is_our_server_id() -> None:
    lan = Lan(interface("192.168.1.1/24", "192.168.1.2/24"))
    offered = lan.ask(message("discover"))
    assert offered.options["server_id"] == "192.168.1.1"
    assert lan.ask(lan.select(1, offered.bootp.yiaddr, server="192.168.1.2")).type == "ack"
