"""What the standards say of a DHCPv4 server in half a sentence, as docs/rfc-dhcpv4-server.md lists it."""

from ipaddress import IPv4Network

import pytest

from tests.dhc4.clients import EVERYBODY, Lan, dropped, mac, message, number, options, see
from vppdhc.dhc4.config import Overrides, PoolConfig, ServerConfig, SubnetConfig
from vppdhc.dhc4.request import Drop

CLIENTS_ONLY = [
    ("requested_addr", "192.168.1.200"),
    ("max_dhcp_size", 1000),
    ("param_req_list", [50, 55, 57, 1, 3]),
]


@pytest.mark.parametrize(
    ("flags", "frame", "destination"),
    [(0x4001, mac(1), "192.168.1.200"), (0x7FFF, mac(1), "192.168.1.200"), (0xFFFF, EVERYBODY, "255.255.255.255")],
)
def test_flags_that_are_reserved_mean_nothing(lan: Lan, flags: int, frame: str, destination: str) -> None:
    """RFC 2131, 2."""
    seen = lan.ask(message("discover", 1, ("requested_addr", "192.168.1.200"), flags=flags))
    assert (seen.type, seen.frame_destination, seen.destination) == ("offer", frame, destination)


def test_what_only_clients_say_is_in_no_answer(lan: Lan) -> None:
    """RFC 2131, table 3."""
    offered = lan.ask(message("discover", 1, *CLIENTS_ONLY))
    acked = lan.ask(message("request", 1, ("server_id", "192.168.1.1"), *CLIENTS_ONLY))
    refused = lan.ask(message("request", 2, ("requested_addr", "10.0.0.1"), *CLIENTS_ONLY[1:]))
    for seen, kind in ((offered, "offer"), (acked, "ack"), (refused, "nak")):
        assert seen.type == kind
        assert not {"requested_addr", "max_dhcp_size", "param_req_list"} & set(seen.options)


def test_an_ack_says_what_its_offer_said() -> None:
    """RFC 2131, 3.1 and 4.3.2."""
    lan = Lan(options=options(domain_name="example.net", boot_file_name="boot", next_server="192.168.1.5"))
    said = ("param_req_list", [6, 15, 67, 1, 3]), ("lease_time", 1200)
    offered = lan.ask(message("discover", 1, *said))
    acked = lan.ask(lan.select(1, offered.bootp.yiaddr, *said))
    assert {**offered.options, "message-type": 5} == acked.options
    assert offered.order == acked.order
    for field in ("yiaddr", "siaddr", "file", "sname"):
        assert getattr(offered.bootp, field) == getattr(acked.bootp, field)


def test_a_request_is_not_asked_about(lan: Lan) -> None:
    """RFC 2131, 3.1 and 3.2: by then the client may answer itself, and it asks on its own."""
    lan.squatters["192.168.1.200"] = mac(99)
    assert lan.ask(lan.select(1, "192.168.1.200")).type == "ack"
    lan.squatters["192.168.1.201"] = mac(99)
    assert lan.ask(message("request", 2, ("requested_addr", "192.168.1.201"))).type == "ack"
    assert lan.asked == []


def test_inform_is_answered_whoever_has_the_lease(lan: Lan) -> None:
    """RFC 2131, 3.4: the address has to be in a network of the link; whose it is does not matter."""
    address = lan.bind(1)
    held = dict(lan.stored)
    seen = lan.ask(message("inform", 2, ciaddr=address, source=address))
    assert (seen.type, seen.destination) == ("ack", address)
    assert lan.stored == held
    assert dropped(lan.hear(message("inform", 2, ciaddr="192.168.7.7")), Drop.NO_SUBNET)


def test_vendor_specific_information_of_a_client_means_nothing(lan: Lan) -> None:
    """RFC 2132, 8.4."""
    plain = lan.ask(message("discover", 1))
    for raw in (b"", b"\xff", b"\x01\xffcut", b"x" * 255):
        assert lan.ask(message("discover", 1, (43, raw), (60, b"nobody knows"))).options == plain.options


def test_each_option_once_however_often_it_is_asked_for(lan: Lan) -> None:
    """RFC 2131, 4.3.1."""
    seen = lan.ask(message("discover", 1, ("param_req_list", [3, 1, 3, 3, 1, 28, 28])))
    assert len(seen.order) == len(set(seen.order))
    assert seen.order[-3:] == ["subnet_mask", "router", "broadcast_address"]


def test_one_pool_needs_no_ipv4_and_another_one_does() -> None:
    """RFC 8925, 3.3."""
    mostly = Overrides(options=options(v6_only_preferred=900))
    pools = (
        PoolConfig("old", number("192.168.1.50"), number("192.168.1.59")),
        PoolConfig("new", number("192.168.1.60"), number("192.168.1.69"), mostly),
    )
    lan = Lan(config=ServerConfig(subnets=(SubnetConfig("lan", IPv4Network("192.168.1.0/24"), pools=pools),)))
    asks = ("param_req_list", [1, 3, 108])
    for wish, offered, said in (("192.168.1.55", "192.168.1.55", False), ("192.168.1.65", "0.0.0.0", True)):
        seen = see(lan.hear(message("discover", 1, asks, ("requested_addr", wish))), lan.interfaces[0])
        assert (seen.bootp.yiaddr, "ipv6-only-preferred" in seen.options) == (offered, said)
        lan.restart()
