"""BOOTP clients (RFC 951, RFC 1542) of a DHCP server (RFC 1534)."""

from math import inf
from typing import Any

import pytest

from tests.dhc4.clients import (
    EVERYBODY,
    Lan,
    dropped,
    interface,
    kinds,
    mac,
    message,
    number,
    options,
    renew,
    reservation,
    see,
)
from vppdhc.dhc4.config import BootpClients
from vppdhc.dhc4.events import EventKind
from vppdhc.dhc4.request import Drop
from vppdhc.packet import punt
from vppdhc.packet.dhcp4 import decode

DYNAMIC = BootpClients.DYNAMIC


def bootp(station: int = 1, *said: Any, **more: Any) -> Any:
    return message(None, station, *said, **more)


def test_who_has_a_reservation_is_served() -> None:
    lan = Lan()
    assert dropped(lan.hear(bootp()), Drop.BOOTP)
    lan.reserve(reservation(1, hostname="no-address"), reservation(2, "192.168.1.7"))
    assert dropped(lan.hear(bootp()), Drop.BOOTP)
    outcome = lan.hear(bootp(2))
    seen = see(outcome, lan.interfaces[0])
    assert (seen.type, seen.bootp.op, seen.bootp.yiaddr) == ("bootp", 2, "192.168.1.7")
    assert kinds(outcome) == [EventKind.GRANTED]


def test_nobody_is_where_that_is_not_wanted() -> None:
    lan = Lan(bootp_clients=BootpClients.NONE)
    lan.reserve(reservation(1, "192.168.1.7"))
    assert dropped(lan.hear(bootp()), Drop.BOOTP)


def test_everybody_is_where_that_is_wanted_and_for_ever() -> None:
    lan = Lan(bootp_clients=DYNAMIC)
    seen = lan.ask(bootp())
    lease = lan.stored[0, number(seen.bootp.yiaddr)]
    assert (lease.granted, lease.expires) == (0xFFFFFFFF, inf)
    lan.now += 1e9
    assert lan.expire() == []
    again = lan.hear(bootp())
    assert see(again, lan.interfaces[0]).bootp.yiaddr == seen.bootp.yiaddr
    assert kinds(again) == [EventKind.RENEWED]
    assert lan.ask(message("request", 2, ("requested_addr", seen.bootp.yiaddr))).type == "nak"


def test_a_reserved_address_that_somebody_has_is_not_given_twice(lan: Lan) -> None:
    lan.bind(2, wish="192.168.1.200")
    lan.reserve(reservation(1, "192.168.1.200"))
    assert dropped(lan.hear(bootp()), Drop.NO_ADDRESS)
    assert lan.ask(renew(2, "192.168.1.200")).type == "nak"


def test_a_boot_loader_that_speaks_bootp_and_its_system_have_one_address() -> None:
    lan = Lan(bootp_clients=DYNAMIC)
    address = lan.ask(bootp()).bootp.yiaddr
    assert lan.bind(1) == address
    assert lan.stored[0, number(address)].expires < inf


def test_a_new_address_is_asked_about_and_only_once() -> None:
    lan = Lan(interface("10.0.0.1/29"), static_percentage=0, bootp_clients=DYNAMIC)
    first = lan.server.handle(bootp(), lan.interfaces[0], lan.now)
    second = lan.server.handle(bootp(), lan.interfaces[0], lan.now)
    assert (first.replies, first.changes) == ([], [])
    assert first.probe == second.probe
    assert first.probe is not None
    answered = lan.server.probed(bootp(), lan.interfaces[0], lan.now, first.probe.address)
    assert (len(answered.replies), len(answered.changes), answered.probe) == (1, 1, None)
    assert lan.server.handle(bootp(), lan.interfaces[0], lan.now).probe is None


def test_an_address_that_somebody_uses_is_not_given_to_a_bootp_client() -> None:
    lan = Lan(bootp_clients=DYNAMIC)
    lan.squatters[lan.ask(bootp()).bootp.yiaddr] = mac(99)
    taken = set(lan.squatters)
    lan.stored.clear()
    lan.restart()
    assert lan.ask(bootp()).bootp.yiaddr not in taken


# What is in the answer


def test_options_are_for_those_that_know_them() -> None:
    told = options(domain_name="example.net", boot_file_name="/boot/x", next_server="192.168.1.5")
    lan = Lan(bootp_clients=DYNAMIC, options=told)
    with_cookie = lan.ask(bootp())
    assert with_cookie.options == {
        "subnet_mask": "255.255.255.0",
        "router": "192.168.1.1",
        "domain": b"example.net",
        "broadcast_address": "192.168.1.255",
    }, "and none of the DHCP protocol itself"
    outcome = lan.hear(bootp(2, cookie=False))
    without = see(outcome, lan.interfaces[0])
    assert (without.type, without.options) == ("bootp", {})
    for seen in (with_cookie, without):
        assert (seen.bootp.siaddr, seen.bootp.file.rstrip(b"\0")) == ("192.168.1.5", b"/boot/x")


def test_a_bootreply_has_a_vendor_field_of_64_octets() -> None:
    lan = Lan(bootp_clients=DYNAMIC, options=options(domain_name="a" * 50 + ".example", root_path="/" + "r" * 80))
    for asked in (bootp(), bootp(2, cookie=False)):
        seen = lan.ask(asked)
        assert seen.size == 300
        assert seen.bootp.sname == bytes(64), "nor are options in other fields, which BOOTP does not know of"
        assert seen.bootp.file == bytes(128)
    (reply,) = lan.hear(bootp()).replies
    assert 17 in reply.message.options, "what finds no room is left out"
    assert "root_disk_path" not in lan.ask(bootp()).options


def test_a_client_that_wants_a_certain_server(lan: Lan) -> None:
    lan.reserve(reservation(1, "192.168.1.7"))
    assert dropped(lan.hear(bootp(1, sname=b"boothost")), Drop.OTHER_SERVER)


# Where it goes: RFC 1542, 5.4


@pytest.mark.parametrize(
    ("more", "frame", "destination", "port"),
    [
        ({}, mac(1), "192.168.1.7", 68),
        ({"flags": 0x8000}, EVERYBODY, "255.255.255.255", 68),
        ({"giaddr": "192.168.1.9"}, "", "192.168.1.9", 67),
        ({"giaddr": "192.168.1.9", "flags": 0x8000}, "", "192.168.1.9", 67),
        ({"ciaddr": "192.168.1.7"}, mac(77), "192.168.1.7", 68),
        ({"ciaddr": "192.168.1.7", "giaddr": "192.168.1.9"}, "", "192.168.1.7", 68),
        ({"htype": 6}, EVERYBODY, "255.255.255.255", 68),
    ],
)
@pytest.mark.parametrize("cookie", [True, False])
def test_addressing(more: dict[str, Any], frame: str, destination: str, port: int, cookie: bool) -> None:
    lan = Lan()
    hardware = bytes((more.get("htype", 1),)) + bytes.fromhex(mac(1).replace(":", ""))
    lan.reserve(reservation(1, "192.168.1.7")._replace(client=hardware))
    seen = lan.ask(bootp(cookie=cookie, frame_source=mac(77), **more))
    assert (seen.frame_destination, seen.destination, seen.ports) == (frame, destination, (67, port))
    assert seen.action == (punt.L2 if frame else punt.IP4)
    assert int(seen.bootp.flags) == more.get("flags", 0)
    assert (seen.bootp.giaddr, seen.bootp.ciaddr) == (more.get("giaddr", "0.0.0.0"), more.get("ciaddr", "0.0.0.0"))
    assert (seen.bootp.xid, seen.source) == (0x1001, "192.168.1.1")


def test_relay_information_comes_back(lan: Lan) -> None:
    lan.reserve(reservation(1, "192.168.1.7"))
    seen = lan.ask(bootp(1, (82, b"\1\4port"), giaddr="192.168.1.9"))
    assert (seen.order[-1], seen.options["relay_agent_information"]) == ("relay_agent_information", b"\1\4port")


def test_what_has_no_cookie_decodes_to_no_options(lan: Lan) -> None:
    lan.reserve(reservation(1, "192.168.1.7"))
    (reply,) = lan.hear(bootp(cookie=False)).replies
    assert not reply.message.cookie
    assert decode(bytes(236) + bytes(64)).cookie is False
