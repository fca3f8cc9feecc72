"""Leases by two messages instead of four (RFC 4039)."""

import pytest

from tests.dhc4.clients import Lan, interface, kinds, mac, message, number, options, renew, see, text
from vppdhc.dhc4.config import Overrides, ServerConfig
from vppdhc.dhc4.events import EventKind
from vppdhc.leases.lease import LeaseState

RAPID = (80, b"")


def test_a_discover_is_acknowledged_and_the_lease_is_there() -> None:
    lan = Lan(rapid_commit=True)
    outcome = lan.hear(message("discover", 1, RAPID, ("hostname", "printer")))
    seen = see(outcome, lan.interfaces[0])
    assert (seen.type, seen.options["rapid_commit"]) == ("ack", b"")
    assert seen.options["lease_time"] == 3600
    lease = lan.stored[0, number(seen.bootp.yiaddr)]
    assert (lease.state, lease.hostname, lease.expires) == (LeaseState.ACTIVE, "printer", lan.now + 3600)
    assert kinds(outcome) == [EventKind.GRANTED]
    assert lan.book.offer_of(lease.client) is None
    assert lan.ask(renew(1, seen.bootp.yiaddr)).type == "ack"


def test_only_after_it_is_known_that_nobody_has_the_address() -> None:
    lan = Lan(rapid_commit=True)
    asked = message("discover", 1, RAPID)
    outcome = lan.server.handle(asked, lan.interfaces[0], lan.now)
    assert (outcome.replies, outcome.changes) == ([], [])
    assert outcome.probe is not None
    lan.squatters[text(outcome.probe.address)] = mac(99)
    assert lan.ask(asked).bootp.yiaddr != text(outcome.probe.address)


@pytest.mark.parametrize("configured", [True, False])
@pytest.mark.parametrize("wanted", [True, False])
def test_only_for_who_asks_where_it_is_configured(configured: bool, wanted: bool) -> None:
    lan = Lan(rapid_commit=configured)
    seen = lan.ask(message("discover", 1, *([RAPID] if wanted else [])))
    assert seen.type == ("ack" if configured and wanted else "offer")
    assert ("rapid_commit" in seen.options) == (configured and wanted)


def test_in_no_other_answer() -> None:
    lan = Lan(rapid_commit=True)
    address = lan.bind(1)
    for asked in (renew(1, address, RAPID), message("request", 1, ("requested_addr", "10.0.0.1"), RAPID)):
        assert "rapid_commit" not in lan.ask(asked).options


def test_where_it_is_configured_for_one_interface() -> None:
    two = interface("192.168.1.1/24"), interface("192.168.2.1/24", name="tap1", index=2)
    lan = Lan(*two, config=ServerConfig(interfaces=("tap0",), per_interface={"tap1": Overrides(rapid_commit=True)}))
    assert lan.ask(message("discover", 1, RAPID)).type == "offer"
    assert lan.ask(message("discover", 2, RAPID), two[1]).type == "ack"


def test_through_a_relay_agent() -> None:
    seen = Lan(rapid_commit=True).ask(message("discover", 1, RAPID, (82, b"\1\4port"), giaddr="192.168.1.9"))
    assert (seen.type, seen.destination, seen.order[-1]) == ("ack", "192.168.1.9", "relay_agent_information")


def test_a_network_that_needs_no_ipv4_comes_first() -> None:
    """RFC 8925, 3.3."""
    lan = Lan(rapid_commit=True, options=options(v6_only_preferred=900))
    seen = lan.ask(message("discover", 1, RAPID, ("param_req_list", [1, 108])))
    assert (seen.type, seen.bootp.yiaddr) == ("offer", "0.0.0.0")
    assert "rapid_commit" not in seen.options
    assert lan.ask(message("discover", 1, RAPID, ("param_req_list", [1]))).type == "ack"
