"""Clients that say that they have an address: INIT-REBOOT, RENEWING and REBINDING (RFC 2131, 4.3.2)."""

from typing import Any

import pytest

from tests.dhc4.clients import (
    TWO_LANS,
    Lan,
    dropped,
    interface,
    kinds,
    mac,
    message,
    number,
    rebind,
    reboot,
    release,
    renew,
    see,
)
from vppdhc.dhc4.events import EventKind
from vppdhc.dhc4.request import Drop

STATES = pytest.mark.parametrize("state", [reboot, renew, rebind], ids=["init-reboot", "renewing", "rebinding"])


@STATES
def test_confirming_a_lease_makes_it_longer(lan: Lan, state: Any) -> None:
    address = lan.bind(1, ("hostname", "printer"))
    lan.now += 1800
    outcome = lan.hear(state(1, address))
    assert see(outcome, lan.interfaces[0]).type == "ack"
    (change,) = outcome.changes
    assert change.new is not None
    assert change.old is not None
    assert change.new == change.old._replace(renewed=2800.0, expires=6400.0)
    assert kinds(outcome) == [EventKind.RENEWED]


@STATES
def test_an_expired_lease_is_granted_anew_while_nobody_else_has_it(lan: Lan, state: Any) -> None:
    address = lan.bind()
    lan.now += 4000
    outcome = lan.hear(state(1, address))
    assert see(outcome, lan.interfaces[0]).type == "ack"
    assert kinds(outcome) == [EventKind.GRANTED]
    assert outcome.changes[0].new is not None
    assert outcome.changes[0].new.since == lan.now


@STATES
@pytest.mark.parametrize("authoritative", [True, False])
def test_a_known_client_with_another_address(state: Any, authoritative: bool) -> None:
    lan = Lan(authoritative=authoritative)
    lan.bind(1, wish="192.168.1.200")
    assert lan.ask(state(1, "192.168.1.201")).type == "nak"


@STATES
def test_an_unknown_client_gets_a_free_address(lan: Lan, state: Any) -> None:
    outcome = lan.hear(state(1, "192.168.1.200"))
    assert see(outcome, lan.interfaces[0]).type == "ack"
    assert kinds(outcome) == [EventKind.GRANTED]


@STATES
@pytest.mark.parametrize("address", ["192.168.1.24", "192.168.1.1", "192.168.1.255", "192.168.7.7", "8.8.8.8"])
def test_an_unknown_client_is_told_what_it_cannot_have(lan: Lan, state: Any, address: str) -> None:
    assert lan.ask(state(1, address)).type == "nak"


@STATES
def test_a_lease_is_its_clients_until_its_end(lan: Lan, state: Any) -> None:
    address = lan.bind(1)
    lan.now += 3599.9
    assert lan.ask(state(2, address)).type == "nak"
    lan.now += 0.1
    assert lan.ask(state(2, address)).type == "ack"
    assert lan.ask(state(1, address)).type == "nak"


@STATES
def test_an_unknown_client_cannot_have_what_another_has(lan: Lan, state: Any) -> None:
    leased = lan.bind(1)
    offered = lan.ask(message("discover", 2)).bootp.yiaddr
    assert lan.ask(state(3, leased)).type == "nak"
    assert lan.ask(state(3, offered)).type == "nak"


@STATES
@pytest.mark.parametrize("address", ["192.168.1.200", "192.168.1.1", "192.168.7.7"])
def test_a_server_without_authority_is_silent_to_unknown_clients(state: Any, address: str) -> None:
    assert dropped(Lan(authoritative=False).hear(state(1, address)), Drop.UNKNOWN_CLIENT)


def test_a_client_that_moved_to_another_link_is_told_so() -> None:
    lan = Lan(*TWO_LANS)
    address = lan.bind()
    for asked in (renew(1, address), rebind(1, address), reboot(1, address)):
        assert lan.ask(asked, TWO_LANS[1]).type == "nak"
    assert lan.ask(renew(1, address)).type == "ack"


def test_a_renewal_that_came_through_a_router_is_believed() -> None:
    lan = Lan(*TWO_LANS)
    address = lan.bind()
    outcome = lan.hear(renew(1, address, frame_source=mac(77)), TWO_LANS[1])
    seen = see(outcome, TWO_LANS[1])
    assert (seen.type, seen.bootp.yiaddr, seen.options["server_id"]) == ("ack", address, "192.168.1.1")
    assert (seen.frame_destination, seen.destination) == (mac(77), address)
    assert kinds(outcome) == [EventKind.RENEWED]
    assert lan.book.active == {"tap0": 1}
    # No router forwards a broadcast, so this one is on the link, behind something that has put its own address in.
    assert lan.ask(rebind(1, address, frame_source=mac(77)), TWO_LANS[1]).type == "nak"
    # Nobody serves that network here, wherever the client is.
    assert lan.ask(renew(1, "192.168.7.7", frame_source=mac(77)), TWO_LANS[1]).type == "nak"


def test_a_release_is_taken_wherever_it_comes_from() -> None:
    lan = Lan(*TWO_LANS)
    address = lan.bind()
    assert kinds(lan.hear(release(1, address), TWO_LANS[1])) == [EventKind.RELEASED]


def test_a_client_behind_a_bridge_that_hides_it_has_one_address_on_its_link() -> None:
    lan = Lan(interface("192.168.1.1/24", "172.16.0.1/24"))
    address = lan.bind()
    assert address.startswith("192.168.1.")
    assert lan.ask(renew(1, "172.16.0.200", frame_source=mac(77))).type == "nak"
    assert lan.ask(renew(1, address, frame_source=mac(77))).type == "ack"


def test_a_renewal_that_a_relay_agent_passed_on_is_answered_through_it(lan: Lan) -> None:
    address = lan.bind()
    seen = lan.ask(renew(1, address, giaddr="192.168.1.9", frame_source=mac(77)))
    assert (seen.type, seen.destination, seen.ports) == ("ack", "192.168.1.9", (67, 67))


def test_renewing_with_a_server_id_as_some_clients_do(lan: Lan) -> None:
    address = lan.bind()
    assert lan.ask(renew(1, address, ("server_id", "192.168.1.1"))).type == "ack"
    assert dropped(lan.hear(renew(1, address, ("server_id", "192.168.1.9"))), Drop.OTHER_SERVER)


def test_a_request_without_any_address(lan: Lan) -> None:
    assert dropped(lan.hear(message("request")), Drop.MALFORMED)
    assert dropped(lan.hear(message("request", 1, ("server_id", "192.168.1.1"))), Drop.MALFORMED)


def test_an_ended_lease_gives_no_authority_over_what_another_server_may_have_given() -> None:
    lan = Lan(authoritative=False)
    address = lan.bind(1, wish="192.168.1.200")
    assert lan.ask(reboot(1, "192.168.1.201")).type == "nak"
    lan.hear(release(1, address))
    for asked in (reboot(1, "192.168.1.201"), rebind(1, "192.168.1.201"), reboot(1, "192.168.7.7")):
        assert dropped(lan.hear(asked), Drop.UNKNOWN_CLIENT)
    assert lan.ask(reboot(1, address)).type == "ack"


def test_a_router_with_a_new_address_goes_on_with_its_leases(lan: Lan) -> None:
    address = lan.bind()
    changed = interface("192.168.1.2/24")
    lan.server.interface_changed(lan.interfaces[0], changed)
    assert dropped(lan.hear(lan.select(2, "192.168.1.200"), changed), Drop.OTHER_SERVER)
    seen = lan.ask(rebind(1, address), changed)
    assert (seen.type, seen.options["server_id"], seen.options["router"]) == ("ack", "192.168.1.2", "192.168.1.2")


def test_an_address_that_the_router_took_is_not_renewed() -> None:
    lan = Lan()
    lan.bind(1, wish="192.168.1.200")
    changed = interface("192.168.1.1/24", "192.168.1.200/24")
    lan.server.interface_changed(lan.interfaces[0], changed)
    assert lan.ask(renew(1, "192.168.1.200"), changed).type == "nak"
    offered = lan.ask(message("discover"), changed)
    assert offered.bootp.yiaddr != "192.168.1.200"
    lan.hear(lan.select(1, offered.bootp.yiaddr), changed)
    assert lan.book.get(0, number("192.168.1.200")) is None
