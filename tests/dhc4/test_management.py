"""What an operator asks of the server: what a client would get, to forget leases, how full the pools are."""

from collections.abc import Iterator
from itertools import islice

import pytest

from tests.dhc4.clients import (
    TWO_LANS,
    Lan,
    decline,
    interface,
    mac,
    message,
    number,
    octets,
    reboot,
    release,
    renew,
    reservation,
    text,
)
from vppdhc.dhc4.config import Overrides, ServerConfig, Settings, Times
from vppdhc.dhc4.events import Event, EventKind, PoolEvent
from vppdhc.dhc4.preview import Preview
from vppdhc.dhc4.request import Drop
from vppdhc.dhc4.server import Outcome
from vppdhc.leases.lease import Change, Lease, LeaseState
from vppdhc.leases.usage import PoolUsage

HARDWARE = b"\1" + octets(mac(1))
TINY = interface("192.168.1.1/29")  # five addresses


def preview(lan: Lan, client: bytes = HARDWARE, *, hardware: bytes = b"", relay: str = "0.0.0.0") -> Preview:
    return lan.server.preview(client, hardware, lan.interfaces[0], number(relay), lan.now)


def state_of(lan: Lan) -> tuple[list[Lease], list[Lease], PoolUsage]:
    return list(lan.book), list(lan.book.offers()), lan.usage


# Which address


def test_a_preview_says_what_the_client_then_gets_and_why(lan: Lan) -> None:
    first = preview(lan)
    assert state_of(lan) == ([], [], PoolUsage(230, 0, 0, 0, 90, exceeded=False))
    offered = lan.hear(message("discover")).replies[0].message
    assert (first.address, list(first.options.items())) == (offered.yiaddr, list(offered.options.items()))
    assert first.subnet is not None
    assert first.subnet.interface == "tap0"
    assert (first.times, first.reservation, first.drop, first.why) == (Times(3600, 1800, 3150), None, None, "hash")
    before = state_of(lan)
    assert preview(lan).why == "an offer"
    assert state_of(lan) == before
    address = lan.bind()
    assert (preview(lan).why, preview(lan).address) == ("its lease", number(address))
    lan.hear(release(1, address))
    assert (preview(lan).why, preview(lan).address) == ("its last lease", number(address))
    lan.reserve(wanted := reservation(1, "192.168.1.9", "printer"))
    last = preview(lan)
    assert (last.why, last.address, last.reservation) == ("reservation", number("192.168.1.9"), wanted)
    assert last.options[12] == b"printer"


def test_a_preview_of_a_client_with_an_identifier(lan: Lan) -> None:
    address = lan.bind(1, client_id=b"me")
    for hardware in (HARDWARE, b""):
        seen = preview(lan, b"\0me", hardware=hardware)
        assert (seen.why, seen.address) == ("its lease", number(address))
        assert seen.options[61] == b"me"
    assert preview(lan, b"\0you", hardware=HARDWARE).why == "hash"


def test_a_preview_by_a_relay_agent() -> None:
    lan = Lan(*TWO_LANS)
    seen = preview(lan, relay="192.168.2.9")
    assert seen.subnet is not None
    assert seen.subnet.interface == "tap1"
    assert seen.options[54] == octets("c0:a8:02:01")


def test_a_preview_of_one_who_gets_nothing() -> None:
    lan = Lan(TINY, static_percentage=0)
    for station in range(2, 7):
        lan.bind(station)
    lan.reserve(somewhere_else := reservation(1, "10.0.0.1"))
    assert preview(lan) == Preview(None, None, None, somewhere_else, Drop.NO_ADDRESS, {}, "no-address-free")
    assert preview(lan, b"").why == "no-identity"
    assert preview(lan, b"\1\1\0\0\0\0\0").why == "hardware-address"
    assert preview(lan, relay="10.0.0.1").why == "no-subnet"
    lan.now += 4000
    seen = preview(lan, b"\1" + octets(mac(9)))
    assert seen.why == "no-address-free", "nobody has noticed yet that leases have ended"
    lan.expire()
    assert preview(lan, b"\1" + octets(mac(9))).why == "oldest ended"
    lan.server.interface_changed(TINY, None)
    assert preview(lan).why == "not-served"


# Forgetting leases


def test_a_cleared_lease_is_gone(lan: Lan) -> None:
    address = lan.bind()
    (lease,) = lan.book
    outcome = lan.server.clear([lease], lan.now + 10)
    assert outcome == Outcome(
        [], [Change(lease, None)], [Event(EventKind.CLEARED, lease._replace(expires=lan.now + 10))], None
    )
    lan.store(outcome.changes)
    assert (len(lan.book), lan.stored, lan.book.active, lan.usage.active) == (0, {}, {"tap0": 0}, 0)
    assert lan.ask(reboot(2, address)).type == "ack", "others can have it"
    assert lan.ask(renew(1, address)).type == "nak"


def test_its_client_renews_as_one_without_a_record(lan: Lan) -> None:
    address = lan.bind()
    lan.store(lan.server.clear(lan.book, lan.now).changes)
    granted = lan.hear(renew(1, address))
    assert [event.kind for event in granted.events] == [EventKind.GRANTED]
    assert list(lan.book) == [granted.changes[0].new]


def test_leases_of_every_state_and_offers_can_be_cleared(lan: Lan) -> None:
    lan.hear(release(1, lan.bind(1)))
    lan.hear(decline(2, lan.bind(2)))
    lan.hear(message("discover", 3))
    lan.bind(4)
    leases = [*lan.book, *lan.book.offers()]
    outcome = lan.server.clear(leases, lan.now)
    lan.store(outcome.changes)
    assert len(outcome.changes) == 3
    states = {LeaseState.RELEASED, LeaseState.DECLINED, LeaseState.OFFERED, LeaseState.ACTIVE}
    assert {event.lease.state for event in outcome.events} == states
    assert {event.kind for event in outcome.events} == {EventKind.CLEARED}
    assert state_of(lan) == ([], [], PoolUsage(230, 0, 0, 0, 90, exceeded=False))
    assert lan.server.clear(leases, lan.now) == Outcome([], [], [], None)


def test_what_has_become_of_a_lease_meanwhile_counts(lan: Lan) -> None:
    address = lan.bind(1)
    (seen,) = lan.book
    lan.now += 100
    lan.ask(renew(1, address))
    (renewed,) = lan.book
    assert lan.server.clear([seen], lan.now).changes == [Change(renewed, None)]
    lan.ask(reboot(2, address))
    assert lan.server.clear([seen], lan.now) == Outcome([], [], [], None), "it is somebody else's"


def test_what_could_not_be_stored_is_taken_back(lan: Lan) -> None:
    lan.bind()
    before = state_of(lan)
    lan.book.take_back(lan.server.clear(list(lan.book), lan.now).changes[::-1])
    assert state_of(lan) == before


# Going through leases


def test_leases_and_offers_come_in_order() -> None:
    lan = Lan(*TWO_LANS, interface("192.168.1.1/24", name="blue", index=3, table=7))
    for station in range(1, 9):
        lan.ask(reboot(station, f"192.168.1.{220 - station}"), lan.interfaces[2 * (station % 2)])
        lan.ask(message("discover", 20 + station), lan.interfaces[2 * (station % 2)])
    keys = [(lease.table, lease.address) for lease in lan.book]
    assert keys == sorted(keys)
    assert len(keys) == 8
    offers = [(offer.table, offer.address) for offer in lan.book.offers()]
    assert offers == sorted(offers)
    assert len(offers) == 8


def test_going_through_leases_that_change(lan: Lan) -> None:
    for host in range(100, 200):
        assert lan.ask(reboot(host, f"192.168.1.{host}")).type == "ack"
    for station in range(1000, 1050):
        lan.hear(message("discover", station))
    leases, offers = iter(lan.book), lan.book.offers()
    seen = [text(lease.address) for lease in islice(leases, 50)]
    passed = next(offers)
    lan.store(lan.server.clear([lease for lease in lan.book if lease.address & 1], lan.now).changes)
    lan.server.clear([offer for offer in lan.book.offers() if offer.address & 1], lan.now)
    lan.bind(1)
    rest = [text(lease.address) for lease in leases if lease.client != HARDWARE]
    assert seen + rest == [f"192.168.1.{host}" for host in (*range(100, 150), *range(150, 200, 2))]
    others = list(offers)
    assert others
    assert all(offer.address % 2 == 0 and offer.address > passed.address for offer in others)


def test_an_offer_of_what_the_client_has_is_none_to_others(lan: Lan) -> None:
    lan.bind(1)
    lan.hear(message("discover", 1))
    lan.hear(message("discover", 2))
    (offer,) = lan.book.offers()
    assert offer.client == b"\1" + octets(mac(2))
    assert (lan.usage.active, lan.usage.offered, lan.usage.allocated) == (1, 1, 2)


# How full pools are


def test_pools_are_counted(lan: Lan) -> None:
    assert lan.usage == PoolUsage(230, 0, 0, 0, 90, exceeded=False)
    lan.hear(message("discover", 1))
    assert lan.usage[1:4] == (0, 1, 0)
    for station in range(1, 5):
        lan.bind(station)
    assert lan.usage[1:4] == (4, 0, 0)
    lan.hear(decline(1, text(lan.book.of_client(HARDWARE)[0].address)))
    lan.hear(release(2, text(lan.book.of_client(b"\1" + octets(mac(2)))[0].address)))
    lan.hear(message("discover", 2))
    assert lan.usage[1:4] == (2, 1, 1)
    lan.restart()
    assert lan.usage[1:4] == (2, 0, 1), "offers are not stored"
    lan.now += 3601
    lan.expire()
    assert lan.usage[1:4] == (0, 0, 1)
    lan.now += 86_400
    lan.expire()
    assert lan.usage[1:4] == (0, 0, 0)


@pytest.mark.parametrize(
    ("usage", "percent"),
    [
        (PoolUsage(200, 0, 0, 0, 90, exceeded=False), 0),
        (PoolUsage(200, 1, 0, 0, 90, exceeded=False), 1),
        (PoolUsage(200, 100, 10, 1, 90, exceeded=False), 56),
        (PoolUsage(200, 199, 0, 0, 90, exceeded=True), 100),
        (PoolUsage(3, 1, 0, 0, 90, exceeded=False), 34),
        (PoolUsage(3, 1, 1, 1, 90, exceeded=True), 100),
    ],
)
def test_utilization_is_rounded_up(usage: PoolUsage, percent: int) -> None:
    assert usage.utilization == percent


def crossings(lan: Lan, addresses: Iterator[str]) -> Iterator[tuple[str, int, bool]]:
    """Bind a client to each address, then release all, and tell at which count the pool crosses its threshold."""
    bound = []
    for station, address in enumerate(addresses, 1):
        assert lan.ask(reboot(station, address)).type == "ack"
        bound.append((station, address))
        for event in lan.server.pool_events():
            yield "up", len(bound), event.usage.exceeded
    while bound:
        lan.hear(release(*bound.pop()))
        for event in lan.server.pool_events():
            yield "down", len(bound), event.usage.exceeded


@pytest.mark.parametrize(
    ("percent", "up", "down"),
    # Of a hundred addresses more than the threshold, and less than 5 below it.
    [(90, 91, 84), (50, 51, 44), (99, 100, 93), (6, 7, 0), (5, 6, 0), (1, 2, 0), (100, None, None)],
)
def test_a_pool_crosses_its_threshold_once_each_way(percent: int, up: int | None, down: int | None) -> None:
    link = interface("192.168.1.153/24", "192.168.1.254/24")
    lan = Lan(link, static_percentage=60, max_address_utilization=percent)
    assert lan.usage.size == 100
    expected = [] if up is None else [("up", up, True), ("down", down, False)]
    assert list(crossings(lan, (f"192.168.1.{host}" for host in range(154, 254)))) == expected


def test_an_event_says_of_which_pool() -> None:
    lan = Lan(TINY, static_percentage=0, max_address_utilization=50)
    for station in range(1, 4):
        lan.bind(station)
    (served,) = lan.server.networks
    usage = PoolUsage(5, 3, 0, 0, 50, exceeded=True)
    assert lan.server.pool_events() == [PoolEvent(0, served.subnets[0].network, "tap0", usage)]
    assert lan.server.pool_events() == []


def test_what_is_taken_back_before_anybody_asks_is_not_told() -> None:
    lan = Lan(TINY, static_percentage=0, max_address_utilization=50)
    lan.bind(1)
    lan.bind(2)
    free = next(host for host in range(2, 7) if lan.book.get(0, number(f"192.168.1.{host}")) is None)
    third = lan.server.handle(reboot(3, f"192.168.1.{free}"), TINY, lan.now)
    assert lan.usage.exceeded
    lan.book.take_back(third.changes[::-1])
    assert lan.server.pool_events() == []


def test_another_threshold_holds_at_once() -> None:
    lan = Lan(TINY, static_percentage=0)
    for station in range(1, 4):
        lan.bind(station)
    assert lan.server.pool_events() == []
    lan.server.configure(ServerConfig(Settings(static_percentage=0, max_address_utilization=40)))
    assert [event.usage.exceeded for event in lan.server.pool_events()] == [True]
    overrides = Overrides(max_address_utilization=80)
    lan.server.configure(ServerConfig(Settings(static_percentage=0), per_interface={"tap0": overrides}))
    assert [(event.usage.exceeded, event.usage.threshold) for event in lan.server.pool_events()] == [(False, 80)]


def test_a_pool_that_is_there_from_the_beginning_is_told_of() -> None:
    lan = Lan(TINY, static_percentage=0)
    for station in range(1, 6):
        lan.bind(station)
    lan.restart()
    assert [event.usage.exceeded for event in lan.server.pool_events()] == [True]
    lan.server.interface_changed(TINY, None)
    assert lan.server.pool_events() == []


def test_other_settings_leave_the_pool(lan: Lan) -> None:
    lan.hear(release(1, lan.bind(1)))
    (before,) = lan.server.networks
    lan.server.configure(ServerConfig(Settings(lease_time=600)))
    (after,) = lan.server.networks
    assert after.subnets[0] is not before.subnets[0]
    assert after.subnets[0].pools[0].pool is before.subnets[0].pools[0].pool
    assert lan.ask(message("discover", 1)).options["lease_time"] == 600
    lan.server.configure(ServerConfig(Settings(lease_time=600, static_percentage=20)))
    (smaller,) = lan.server.networks
    assert smaller.subnets[0].pools[0].pool is not before.subnets[0].pools[0].pool
    assert lan.usage.size == 204
