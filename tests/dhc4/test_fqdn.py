"""The full name of a client (RFC 4702), as scapy reads it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dhc4.clients import Lan, message, number, options, renew, reservation, see
from vppdhc.dhc4.fqdn import client_fqdn

S, OVERRIDE, E, N = 1, 2, 4, 8


def wire(*labels: bytes, full: bool = True) -> bytes:
    return b"".join(bytes((len(label),)) + label for label in labels) + (b"\0" if full else b"")


def option(flags: int, name: bytes, rcodes: bytes = b"\0\0") -> tuple[int, bytes]:
    return 81, bytes((flags,)) + rcodes + name


def example(**settings: Any) -> Lan:
    return Lan(options=options(domain_name="example.net"), **settings)


def answered(lan: Lan, *said: Any, station: int = 1) -> bytes:
    """Option 81 as it comes back in the OFFER, and just so in the ACK."""
    outcome = lan.hear(message("discover", station, *said))
    raw = outcome.replies[0].message.options[81]
    seen = see(outcome, lan.interfaces[0])
    assert seen.options["client_FQDN"] is not None
    (reply,) = lan.hear(lan.select(station, seen.bootp.yiaddr, *said)).replies
    assert reply.message.options[81] == raw
    return raw


@pytest.mark.parametrize(
    ("flags", "back"),
    [
        (E, E | N),
        (E | S, E | N | OVERRIDE),  # it wanted us to set its address: we do not, and say so
        (E | N, E | N),
        (E | S | N, E | N | OVERRIDE),
        (E | OVERRIDE, E | N),  # O is for servers, and is ignored
        (E | 0xF0, E | N),  # as is what must be zero
    ],
)
def test_flags(flags: int, back: int) -> None:
    """RFC 4702, 2.1: S 0 and N 1 as we change nothing, O where the client's S is not honoured, E as the client's."""
    name = wire(b"pc", b"example", b"org")
    assert answered(example(), option(flags, name)) == bytes((back, 255, 255)) + name


def test_rcodes_are_255_whatever_the_client_sends() -> None:
    assert answered(example(), option(E, wire(b"pc", full=False), b"\7\7"))[1:3] == b"\xff\xff"


@pytest.mark.parametrize(
    ("sent", "back"),
    [
        (wire(b"pc", full=False), wire(b"pc", b"example", b"net")),
        (wire(b"pc", b"sub", full=False), wire(b"pc", b"sub", b"example", b"net")),
        (wire(b"pc", b"else", b"where"), wire(b"pc", b"else", b"where")),
        (wire(b"pc"), wire(b"pc")),
        (b"", b""),
        (b"\0", b""),
    ],
)
def test_a_partial_name_is_made_a_full_one(sent: bytes, back: bytes) -> None:
    assert answered(example(), option(E, sent)) == bytes((E | N, 255, 255)) + back


@pytest.mark.parametrize(
    ("sent", "back"),
    [
        (b"pc", b"pc.example.net"),
        (b"pc\0", b"pc.example.net"),
        (b"pc.else.where", b"pc.else.where"),
        (b"pc.else.where.", b"pc.else.where"),
        (b"", b""),
    ],
)
def test_the_deprecated_ascii_encoding(sent: bytes, back: bytes) -> None:
    """RFC 4702, 2.3.1: answered in the same."""
    assert answered(example(), option(S, sent)) == bytes((N | OVERRIDE, 255, 255)) + back


def test_without_a_domain_a_partial_name_stays_one() -> None:
    assert answered(Lan(), option(E, wire(b"pc", full=False)))[3:] == wire(b"pc", full=False)


@pytest.mark.parametrize(
    ("hostname", "name"),
    [("printer", (b"printer", b"example", b"net")), ("printer.office.test", (b"printer", b"office", b"test"))],
)
def test_the_name_of_a_reservation_goes_first(hostname: str, name: tuple[bytes, ...]) -> None:
    lan = example()
    lan.reserve(reservation(1, hostname=hostname))
    assert answered(lan, option(E, wire(b"pc", b"else", b"where")))[3:] == wire(*name)


def test_the_domain_is_the_one_that_the_client_gets() -> None:
    lan = example()
    lan.reserve(reservation(1, options=options(domain_name="office.test")))
    assert answered(lan, option(E, wire(b"pc", full=False)))[3:] == wire(b"pc", b"office", b"test")


def test_a_name_too_long_together_with_the_domain() -> None:
    lan = Lan(options=options(domain_name=".".join(["d" * 60] * 4)))
    said = option(E, wire(b"pc" * 15, full=False)), ("param_req_list", [1])
    assert answered(lan, *said)[3:] == wire(b"pc" * 15, full=False)


def test_only_who_sends_the_option_gets_it() -> None:
    lan = example()
    assert "client_FQDN" not in lan.ask(message("discover", 1, ("param_req_list", [1, 81]))).options
    refused = message("request", 1, ("requested_addr", "10.0.0.1"), option(E, wire(b"pc")))
    assert "client_FQDN" not in lan.ask(refused).options


@pytest.mark.parametrize(
    "raw", [b"", b"\1\0", b"\4\0\0\x40a", b"\4\0\0\3ab", b"\4\0\0\0\0", b"\0\0\0p\xc3\xa4c", b"\0\0\0a..b"]
)
def test_a_name_that_makes_no_sense_is_none(raw: bytes) -> None:
    seen = example().ask(message("discover", 1, (81, raw)))
    assert seen.type == "offer"
    assert "client_FQDN" not in seen.options


def test_the_name_is_kept_with_the_lease() -> None:
    """RFC 4702, 3.1 and 4: option 12 beside option 81 is ignored."""
    lan = example()
    said = option(E, wire(b"pc", full=False))
    address = lan.bind(1, said, ("hostname", "something-else"))
    lease = lan.stored[0, number(address)]
    assert (lease.hostname, lease.details.fqdn) == ("pc", "pc.example.net")
    lan.ask(renew(1, address, ("hostname", "something-else")))
    lease = lan.stored[0, number(address)]
    assert (lease.hostname, lease.details.fqdn) == ("something-else", "")


@given(st.binary(max_size=255))
def test_whatever_a_client_calls_itself(raw: bytes) -> None:
    (reply,) = example().hear(message("discover", 1, (81, raw))).replies
    assert (81 in reply.message.options) == (client_fqdn(raw) is not None)
    answer = reply.message.options.get(81, b"")
    assert len(answer) <= 255
    assert answer[1:3] in {b"", b"\xff\xff"}
