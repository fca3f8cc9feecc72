"""What is said about every message: whom it is about, which address, and why."""

from typing import Any

import pytest

from tests.dhc4.clients import (
    Lan,
    decline,
    interface,
    message,
    number,
    rebind,
    reboot,
    release,
    renew,
    reservation,
)
from vppdhc.dhc4.allocation import Why
from vppdhc.dhc4.config import BootpClients
from vppdhc.dhc4.events import EventKind
from vppdhc.dhc4.reply import Nak
from vppdhc.dhc4.request import Drop
from vppdhc.dhc4.server import Outcome
from vppdhc.packet.dhcp4 import Message

CLIENT = b"\1\2\0\0\0\0\1"
ADDRESS = "192.168.1.200"


def said(outcome: Outcome) -> tuple[bytes, int, int, str]:
    return outcome.client, outcome.table, outcome.address, outcome.reason


def test_reasons_of_offers() -> None:
    lan = Lan(interface("10.0.0.1/29", table=7), static_percentage=0)
    assert lan.hear(message("discover", 1, ("requested_addr", "10.0.0.4"))).reason == Why.WISH
    offered = lan.hear(message("discover", 1))
    assert said(offered) == (CLIENT, 7, number("10.0.0.4"), Why.OFFER)
    lan.bind(1)
    assert lan.hear(message("discover", 1)).reason == Why.LEASE
    lan.hear(release(1, "10.0.0.4"))
    assert lan.hear(message("discover", 1)).reason == Why.LAST_LEASE
    for station in range(2, 6):
        assert lan.hear(message("discover", station)).reason == Why.HASH
    lan.now += 61
    lan.expire()
    for station in range(2, 6):
        lan.bind(station)
    assert lan.hear(message("discover", 6)).reason == Why.OLDEST_ENDED
    assert lan.hear(message("discover", 7)).reason == Drop.NO_ADDRESS


def test_reasons_of_acknowledgements(lan: Lan) -> None:
    offered = lan.hear(message("discover", 1))
    address = offered.replies[0].message.yiaddr
    text = f"192.168.1.{address & 255}"
    assert said(lan.hear(lan.select(1, text))) == (CLIENT, 0, address, Why.OFFER)
    for asked in (renew(1, text), rebind(1, text), reboot(1, text)):
        assert said(lan.hear(asked)) == (CLIENT, 0, address, Why.LEASE)
    lan.hear(release(1, text))
    assert lan.hear(reboot(1, text)).reason == Why.LAST_LEASE
    assert lan.hear(reboot(2, ADDRESS)).reason == Why.WISH
    lan.reserve(reservation(3, "192.168.1.7"))
    assert lan.hear(message("discover", 3)).reason == Why.RESERVATION
    assert lan.hear(lan.select(3, "192.168.1.7")).reason == Why.RESERVATION


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (reboot(1, "10.9.9.9"), Nak.WRONG_NETWORK),
        (reboot(1, "192.168.1.50"), Nak.OTHER_ADDRESS),
        (reboot(3, ADDRESS), Nak.NOT_AVAILABLE),
        (reboot(2, ADDRESS), Nak.RESERVED),
    ],
)
def test_reasons_of_refusals(lan: Lan, asked: Message, reason: Nak) -> None:
    lan.bind(1, wish=ADDRESS)
    lan.reserve(reservation(2, "192.168.1.7"))
    outcome = lan.hear(asked)
    assert (outcome.reason, outcome.address) == (reason, int.from_bytes(asked.options[50], "big"))
    assert outcome.replies[0].message.options[56] == reason.encode()
    assert outcome.client[-1:] == asked.chaddr[-1:]


@pytest.mark.parametrize(
    ("asked", "client", "address"),
    [
        (message("discover", op=2), CLIENT, "0.0.0.0"),
        (message("offer"), CLIENT, "0.0.0.0"),
        (message("discover", hardware=b""), b"", "0.0.0.0"),
        (message("discover", 1, client_id=b"me", giaddr="172.16.0.1"), b"\0me", "0.0.0.0"),
        (message("discover", 1, (82, b"\1")), CLIENT, "0.0.0.0"),
        (message("request", 1, ("server_id", "192.168.1.9"), ("requested_addr", ADDRESS)), CLIENT, ADDRESS),
        (release(1, ADDRESS), CLIENT, ADDRESS),
        (message(None), CLIENT, "0.0.0.0"),
    ],
)
def test_messages_without_an_answer(lan: Lan, asked: Message, client: bytes, address: str) -> None:
    outcome = lan.hear(asked)
    assert outcome.drop is not None
    assert said(outcome) == (client, 0, number(address), outcome.drop)


def test_everything_else() -> None:
    lan = Lan(bootp_clients=BootpClients.DYNAMIC)
    lan.bind(1, wish=ADDRESS)
    expected: list[tuple[Message, Any]] = [
        (message("inform", 1, ciaddr=ADDRESS), "has an address of its own"),
        (release(1, ADDRESS), EventKind.RELEASED),
        (message(None, 1), Why.LAST_LEASE),
        (message(None, 1), Why.LEASE),
        (decline(1, ADDRESS), EventKind.DECLINED),
    ]
    for asked, reason in expected:
        assert said(lan.hear(asked)) == (CLIENT, 0, number(ADDRESS), reason)
    assert lan.hear(message(None, 2)).reason == Why.HASH


def test_in_the_table_of_the_interface() -> None:
    lan = Lan(interface("192.168.1.1/24"), interface("192.168.1.1/24", name="blue", index=2, table=7))
    assert lan.hear(message("discover"), lan.interfaces[1]).table == 7
    assert lan.hear(message("discover", op=2), lan.interfaces[1]).table == 7
