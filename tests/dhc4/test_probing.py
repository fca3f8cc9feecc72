"""Addresses that somebody is asked about before they are offered (RFC 2131, 2.2 and 3.1), seen from the core."""

from ipaddress import IPv4Network
from typing import Any

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
    reboot,
    release,
    renew,
    reservation,
    see,
    text,
)
from vppdhc.dhc4.allocation import Why
from vppdhc.dhc4.config import ConflictDetection, ServerConfig, Settings, SubnetConfig
from vppdhc.dhc4.events import EventKind
from vppdhc.dhc4.request import Drop
from vppdhc.dhc4.server import Outcome, ProbeWanted, client_key
from vppdhc.leases.lease import LeaseState
from vppdhc.packet.dhcp4 import Message

SQUATTER = "02:00:00:00:66:66"


def handle(lan: Lan, asked: Message) -> Outcome:
    """Have the server see a message, and nobody answer what it asks."""
    return lan.server.handle(asked, lan.interfaces[0], lan.now)


def probed(lan: Lan, asked: Message, outcome: Outcome) -> Outcome:
    assert outcome.probe is not None
    return lan.server.probed(asked, lan.interfaces[0], lan.now, outcome.probe.address)


def conflicted(lan: Lan, asked: Message, outcome: Outcome) -> Outcome:
    assert outcome.probe is not None
    conflict = lan.server.conflicted(asked, lan.interfaces[0], lan.now, outcome.probe.address, octets(SQUATTER))
    lan.store(conflict.changes)
    return conflict


def test_a_new_address_is_asked_about_before_it_is_offered() -> None:
    lan = Lan(probe_timeout=0.2)
    asked = message("discover")
    outcome = handle(lan, asked)
    assert outcome[:4] == ([], [], [], None)
    assert outcome.probe == ProbeWanted(
        0, outcome.address, number("192.168.1.1"), octets(mac(1)), 0.2, ConflictDetection.PROBE
    )
    assert (outcome.client, outcome.table, outcome.reason) == (client_key(asked), 0, Why.HASH)
    answered = probed(lan, asked, outcome)
    seen = see(answered, lan.interfaces[0])
    assert (seen.type, seen.bootp.yiaddr) == ("offer", text(outcome.address))
    assert answered[4:] == (*outcome[4:8], None), "it is the same address for the same reason"


def test_nobody_else_gets_the_address_meanwhile(lan: Lan) -> None:
    outcome = handle(lan, message("discover", 1, ("requested_addr", "192.168.1.200")))
    assert outcome.address == number("192.168.1.200")
    assert handle(lan, message("discover", 2, ("requested_addr", "192.168.1.200"))).address != outcome.address
    assert lan.ask(lan.select(3, "192.168.1.200")).type == "nak"


def test_a_repeated_discover_asks_the_same_question(lan: Lan) -> None:
    first, second = handle(lan, message("discover")), handle(lan, message("discover", 1, ("hostname", "again")))
    assert first.probe is not None
    assert first == second


def test_an_offer_is_asked_about_once(lan: Lan) -> None:
    lan.ask(message("discover"))
    lan.ask(message("discover"))
    assert len(lan.asked) == 1


def test_an_address_held_while_it_is_asked_about_is_free_again_in_the_end(lan: Lan) -> None:
    outcome = handle(lan, message("discover", 1, ("requested_addr", "192.168.1.200")))
    lan.now += 61
    lan.expire()
    assert handle(lan, message("discover", 2, ("requested_addr", "192.168.1.200"))).address == outcome.address
    late = probed(lan, message("discover", 1), outcome)
    assert late.address != outcome.address, "and an answer that comes later takes it from nobody"
    assert late.probe is not None


def test_who_comes_back_to_its_address_is_not_asked_about(lan: Lan) -> None:
    address = lan.bind(1)
    lan.asked.clear()
    assert handle(lan, message("discover")).reason == Why.LEASE
    lan.ask(renew(1, address))
    lan.hear(release(1, address))
    assert handle(lan, message("discover")).reason == Why.LAST_LEASE
    assert lan.ask(reboot(1, address)).type == "ack"
    lan.now += 5000
    lan.expire()
    assert handle(lan, message("discover")).reason == Why.LAST_LEASE
    assert lan.asked == []


def test_an_address_that_somebody_else_had_is_asked_about() -> None:
    lan = Lan(interface("10.0.0.1/30"))
    address = lan.bind(1)
    lan.hear(release(1, address))
    outcome = handle(lan, message("discover", 2))
    assert (outcome.reason, outcome.address) == (Why.OLDEST_ENDED, number(address))
    assert outcome.probe is not None


def test_a_reserved_address_is_asked_about_when_it_is_new(lan: Lan) -> None:
    lan.reserve(reservation(1, "192.168.1.7"))
    assert handle(lan, message("discover")).probe is not None
    lan.bind(1)
    assert handle(lan, message("discover")).probe is None


@pytest.mark.parametrize("how", [ConflictDetection.PROBE, ConflictDetection.ARPING])
def test_the_way_to_ask_is_configured(how: ConflictDetection) -> None:
    probe = handle(Lan(conflict_detection=how), message("discover")).probe
    assert probe is not None
    assert probe.how is how


def test_asking_can_be_turned_off() -> None:
    lan = Lan(conflict_detection=ConflictDetection.NONE)
    lan.bind()
    assert lan.asked == []


@pytest.mark.parametrize(
    ("more", "network"),
    [
        ({"giaddr": "192.168.1.9"}, None),  # a relayed client is not on the link
        ({}, "10.5.0.0/24"),  # a network that we have no address in
        ({}, "192.168.2.0/24"),  # our address in that network is on another interface
    ],
    ids=["relayed", "without our address", "our address elsewhere"],
)
def test_nobody_is_asked_where_nobody_could_answer(more: dict[str, Any], network: str | None) -> None:
    subnets = () if network is None else (SubnetConfig("x", IPv4Network(network), interface="tap0"),)
    lan = Lan(*TWO_LANS, config=ServerConfig(subnets=subnets))
    wish = IPv4Network(network or "192.168.1.0/24")[77]
    seen = lan.ask(message("discover", 1, ("requested_addr", str(wish)), **more))
    assert (seen.type, seen.bootp.yiaddr) == ("offer", str(wish))
    assert lan.asked == []


# Conflicts


def test_an_address_that_somebody_uses_goes_into_probation_and_the_client_gets_another(lan: Lan) -> None:
    asked = message("discover")
    first = handle(lan, asked)
    outcome = conflicted(lan, asked, first)
    assert kinds(outcome) == [EventKind.CONFLICT]
    (event,) = outcome.events
    assert event.holder == octets(SQUATTER)
    assert event.lease == outcome.changes[0].new
    assert (event.lease.state, event.lease.client, event.lease.address) == (LeaseState.DECLINED, b"", first.address)
    assert event.lease.hardware == b"\1" + octets(SQUATTER), "who uses it"
    assert event.lease.expires == lan.now + 86_400
    assert (outcome.replies, outcome.drop) == ([], None)
    assert outcome.probe is not None
    assert outcome.probe.address not in {0, first.address}, "the other one is asked about in its turn"
    assert see(probed(lan, asked, outcome), lan.interfaces[0]).type == "offer"
    lan.now += 86_000
    lan.expire()
    assert lan.ask(reboot(2, text(first.address))).type == "nak"
    lan.now += 500
    lan.expire()
    assert lan.ask(reboot(2, text(first.address))).type == "ack"


def test_whoever_answers_for_everything_gets_one_message_dropped_at_a_time(lan: Lan) -> None:
    asked = message("discover")
    for _ in range(2):
        outcome = handle(lan, asked)
        tries = 0
        while outcome.probe is not None:
            outcome = conflicted(lan, asked, outcome)
            tries += 1
        assert tries == 8
        assert (outcome.replies, outcome.drop, outcome.reason) == ([], Drop.CONFLICTS, Drop.CONFLICTS)
        assert len(outcome.changes) == 1
    assert len(lan.stored) == 16
    assert lan.ask(message("discover")).type == "offer"


def test_conflicts_are_counted_for_each_message_afresh(lan: Lan) -> None:
    for _ in range(3):
        asked = message("discover")
        outcome = handle(lan, asked)
        for _ in range(7):
            outcome = conflicted(lan, asked, outcome)
        assert see(probed(lan, asked, outcome), lan.interfaces[0]).type == "offer"
        lan.now += 61
        lan.expire()


def test_a_conflict_over_the_last_address_of_all() -> None:
    lan = Lan(interface("10.0.0.1/30"))
    asked = message("discover")
    outcome = conflicted(lan, asked, handle(lan, asked))
    assert (kinds(outcome), outcome.drop, outcome.probe) == ([EventKind.CONFLICT], Drop.NO_ADDRESS, None)
    assert lan.book.offer_of(client_key(asked)) is None


def test_a_reserved_address_that_somebody_uses(lan: Lan) -> None:
    lan.reserve(reservation(1, "192.168.1.200"))
    lan.squatters["192.168.1.200"] = SQUATTER
    assert lan.bind(1) != "192.168.1.200"
    assert lan.asked[0] == "192.168.1.200"


def test_who_got_the_address_in_the_meantime_keeps_it(lan: Lan) -> None:
    asked = message("discover")
    outcome = handle(lan, asked)
    address = text(outcome.address)
    lan.ask(lan.select(1, address))  # without having been offered it
    late = conflicted(lan, asked, outcome)
    assert (late.changes, late.events) == ([], [])
    assert lan.ask(renew(1, address)).type == "ack"


def test_a_conflict_found_for_a_client_that_is_not_served_any_longer(lan: Lan) -> None:
    asked = message("discover")
    outcome = handle(lan, asked)
    lan.server.configure(ServerConfig(Settings(known_clients_only=True)))
    assert dropped(conflicted(lan, asked, outcome), Drop.NO_RESERVATION)
    assert dropped(probed(lan, asked, outcome), Drop.NO_RESERVATION)


def test_an_offer_of_an_address_that_is_then_reserved_and_taken_holds_nothing_any_longer(lan: Lan) -> None:
    lan.ask(message("discover", 1, ("requested_addr", "192.168.1.200")))
    lan.reserve(reservation(2, "192.168.1.200"))
    assert lan.bind(2) == "192.168.1.200"
    lan.reserve()
    assert dropped(lan.hear(decline(1, "192.168.1.200")), Drop.NO_LEASE)
    assert lan.ask(renew(2, "192.168.1.200")).type == "ack"
