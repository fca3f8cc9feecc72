"""Who is not served, how often, and with how many leases."""

import pytest

from tests.dhc4.clients import (
    Lan,
    decline,
    dropped,
    interface,
    kinds,
    mac,
    message,
    number,
    octets,
    reboot,
    release,
    renew,
    reservation,
)
from vppdhc.dhc4.config import BootpClients, Overrides, ServerConfig, Settings
from vppdhc.dhc4.events import EventKind
from vppdhc.dhc4.limits import ClientRates
from vppdhc.dhc4.request import Drop

# known-clients-only


def test_a_client_without_a_reservation_gets_no_answer() -> None:
    lan = Lan(known_clients_only=True, bootp_clients=BootpClients.DYNAMIC)
    lan.reserve(reservation(1), reservation(2, "192.168.1.7"))
    for asked in (
        message("discover", 9),
        reboot(9, "192.168.1.200"),
        renew(9, "192.168.1.200"),
        message("inform", 9, ciaddr="192.168.1.9"),
        message(None, 9),
    ):
        assert dropped(lan.hear(asked), Drop.NO_RESERVATION)
    lan.bind(1)
    assert lan.bind(2) == "192.168.1.7"


def test_but_may_give_back_what_it_has(lan: Lan) -> None:
    first, second = lan.bind(1), lan.bind(2)
    lan.server.configure(ServerConfig(Settings(known_clients_only=True)))
    assert dropped(lan.hear(renew(1, first)), Drop.NO_RESERVATION)
    assert kinds(lan.hear(release(1, first))) == [EventKind.RELEASED]
    assert kinds(lan.hear(decline(2, second))) == [EventKind.DECLINED]


def test_a_client_is_served_on_the_interface_where_all_are() -> None:
    two = interface("192.168.1.1/24"), interface("192.168.2.1/24", name="tap1", index=2)
    config = ServerConfig(interfaces=("tap1",), per_interface={"tap0": Overrides(known_clients_only=True)})
    lan = Lan(*two, config=config)
    assert dropped(lan.hear(message("discover")), Drop.NO_RESERVATION)
    assert lan.ask(message("discover"), two[1]).type == "offer"


# max-client-rate


def test_a_client_that_asks_too_often_is_answered_as_often_as_it_may() -> None:
    lan = Lan(max_client_rate=3)
    lan.now = 1234.56
    seen = [lan.hear(message("discover")).drop for _ in range(5)]
    assert seen == [None, None, None, Drop.RATE, Drop.RATE]
    assert lan.ask(message("discover", 2)).type == "offer", "others are served"
    lan.now += 0.34
    assert [lan.hear(message("discover")).drop for _ in range(2)] == [None, Drop.RATE]
    lan.now += 10
    assert [lan.hear(message("discover")).drop for _ in range(4)] == [None, None, None, Drop.RATE]


def test_every_kind_of_message_counts_but_not_what_the_server_asks_itself() -> None:
    lan = Lan(max_client_rate=2)
    address = lan.bind(1)
    assert lan.asked == [address]
    assert dropped(lan.hear(decline(1, address)), Drop.RATE)


def test_without_a_rate_all_are_answered(lan: Lan) -> None:
    assert all(lan.hear(message("discover")).drop is None for _ in range(50))


@pytest.mark.parametrize("rate", [1, 2, 3, 7, 10, 49, 1000])
def test_a_rate_is_what_it_says(rate: int) -> None:
    rates = ClientRates()
    passed = [second / 10_000 for second in range(50_000) if rates.allow(0, b"client", rate, 77.7 + second / 10_000)]
    assert rate * 6 - 1 <= len(passed) <= rate * 6, "as many at once, then so many a second"
    assert sum(1 for second in passed if second < 1.0) <= 2 * rate


def test_clients_that_are_remembered_are_bounded() -> None:
    rates = ClientRates(most=10)
    for number_ in range(1000):
        assert rates.allow(0, b"%d" % number_, 1, 5.0)
    assert len(rates) == 10
    assert not rates.allow(0, b"999", 1, 5.0)
    assert rates.allow(1, b"999", 1, 5.0), "the same key in another table is another client"
    assert rates.allow(0, b"0", 1, 5.0), "which was forgotten"


# max-leases-per-hardware-address


def test_one_hardware_address_has_so_many_leases_and_no_more() -> None:
    lan = Lan(max_leases_per_hardware_address=2)
    first, second = lan.bind(1, client_id=b"one"), lan.bind(1, client_id=b"two")
    third = message("discover", 1, client_id=b"three")
    assert dropped(lan.hear(third), Drop.TOO_MANY_LEASES)
    assert dropped(lan.hear(reboot(1, "192.168.1.200", client_id=b"three")), Drop.TOO_MANY_LEASES)
    assert dropped(lan.hear(lan.select(1, "192.168.1.200", client_id=b"three")), Drop.TOO_MANY_LEASES)
    assert lan.ask(renew(1, first, client_id=b"one")).type == "ack", "what it has, it keeps"
    assert lan.ask(message("discover", 1, client_id=b"two")).bootp.yiaddr == second
    assert lan.ask(message("discover", 2, client_id=b"three")).type == "offer", "others are served"
    lan.hear(release(1, first, client_id=b"one"))
    assert lan.ask(third).type == "offer"


def test_a_lease_that_has_ended_is_none() -> None:
    lan = Lan(max_leases_per_hardware_address=1)
    lan.bind(1, client_id=b"one")
    assert dropped(lan.hear(message("discover", 1, client_id=b"two")), Drop.TOO_MANY_LEASES)
    lan.now += 3601
    lan.expire()
    lan.bind(1, client_id=b"two")
    assert dropped(lan.hear(message("discover", 1, client_id=b"one")), Drop.TOO_MANY_LEASES)


def test_leases_are_counted_on_each_interface() -> None:
    two = interface("192.168.1.1/24"), interface("192.168.2.1/24", name="tap1", index=2)
    lan = Lan(*two, max_leases_per_hardware_address=1)
    lan.bind(1, client_id=b"one")
    assert dropped(lan.hear(message("discover", 1, client_id=b"two")), Drop.TOO_MANY_LEASES)
    assert lan.ask(message("discover", 1, client_id=b"two"), two[1]).type == "offer"


def test_leases_are_counted_when_the_limit_is_set_and_not_when_a_packet_comes(lan: Lan) -> None:
    lan.bind(1)
    lan.server.configure(ServerConfig(Settings(max_leases_per_hardware_address=2)))
    leases = lan.book._table(0).leases
    lan.book._table(0).leases = {}  # whoever counted now would find none
    assert lan.book.held_by(b"\1" + octets(mac(1)), "tap0") == 1
    lan.book._table(0).leases = leases


def test_leases_from_before_a_restart_count_and_so_do_those_that_were_taken_back() -> None:
    lan = Lan(max_leases_per_hardware_address=1)
    lan.bind(1, client_id=b"one")
    lan.restart()
    assert dropped(lan.hear(message("discover", 1, client_id=b"two")), Drop.TOO_MANY_LEASES)
    hardware = b"\1\2\0\0\0\0\1"
    assert lan.book.held_by(hardware, "tap0") == 1
    outcome = lan.server.handle(reboot(2, "192.168.1.200"), lan.interfaces[0], lan.now)
    assert lan.book.held_by(b"\1\2\0\0\0\0\2", "tap0") == 1
    lan.book.take_back(outcome.changes)
    assert lan.book.held_by(b"\1\2\0\0\0\0\2", "tap0") == 0


def test_moving_to_another_address_needs_no_further_lease(lan: Lan) -> None:
    lan = Lan(max_leases_per_hardware_address=1)
    address = lan.bind(1, client_id=b"one")
    lan.reserve(reservation(b"one", "192.168.1.7"))
    assert lan.bind(1, client_id=b"one") == "192.168.1.7"
    assert (0, number(address)) not in lan.stored
