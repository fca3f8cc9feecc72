"""What replies look like and where they go: RFC 2131, 4.1 and table 3, as scapy reads them."""

from typing import Any

import pytest

from tests.dhc4.clients import EVERYBODY, ROUTER_MAC, Lan, interface, mac, message, octets, options
from vppdhc.dhc4.config import ServerConfig, Settings
from vppdhc.interface import Vlan
from vppdhc.packet import punt

ROUTED = ""


def asked(kind: str, **more: Any) -> Any:
    """Make a message that gets this kind of answer."""
    if kind == "offer":
        return message("discover", **more)
    if kind == "nak":
        return message("request", 1, ("requested_addr", "172.16.5.5"), **more)
    return message("request", 1, ("requested_addr", "192.168.1.200"), **more)


@pytest.mark.parametrize(
    ("kind", "more", "frame", "destination", "port", "flags"),
    [
        # giaddr is set: to the relay agent, whatever else is set.
        ("offer", {"giaddr": "192.168.1.9"}, ROUTED, "192.168.1.9", 67, 0),
        ("offer", {"giaddr": "192.168.1.9", "flags": 0x8000}, ROUTED, "192.168.1.9", 67, 0x8000),
        ("ack", {"giaddr": "192.168.1.9"}, ROUTED, "192.168.1.9", 67, 0),
        ("ack", {"giaddr": "192.168.1.9", "ciaddr": "192.168.1.200"}, ROUTED, "192.168.1.9", 67, 0),
        # A NAK has the relay agent broadcast it (4.3.2).
        ("nak", {"giaddr": "192.168.1.9"}, ROUTED, "192.168.1.9", 67, 0x8000),
        # ciaddr is set: to that address, at the link layer back to where it came from.
        ("ack", {"ciaddr": "192.168.1.200"}, mac(77), "192.168.1.200", 68, 0),
        ("ack", {"ciaddr": "192.168.1.200", "flags": 0x8000}, mac(77), "192.168.1.200", 68, 0x8000),
        # Neither: as the broadcast flag says.
        ("offer", {"flags": 0x8000}, EVERYBODY, "255.255.255.255", 68, 0x8000),
        ("ack", {"flags": 0x8000}, EVERYBODY, "255.255.255.255", 68, 0x8000),
        ("ack", {}, mac(1), "192.168.1.200", 68, 0),
        ("offer", {}, mac(1), "yiaddr", 68, 0),
        # A hardware address that is not of Ethernet cannot be put into a frame.
        ("offer", {"htype": 6}, EVERYBODY, "255.255.255.255", 68, 0),
        # A NAK is broadcast.
        ("nak", {}, EVERYBODY, "255.255.255.255", 68, 0),
        ("nak", {"flags": 0x8000}, EVERYBODY, "255.255.255.255", 68, 0x8000),
        ("nak", {"ciaddr": "172.16.5.5"}, EVERYBODY, "255.255.255.255", 68, 0),
    ],
)
def test_addressing(kind: str, more: dict[str, Any], frame: str, destination: str, port: int, flags: int) -> None:
    seen = Lan().ask(asked(kind, frame_source=mac(77), **more))
    assert seen.type == kind
    assert seen.action == (punt.IP4 if frame == ROUTED else punt.L2)
    assert seen.frame_destination == frame
    assert seen.frame_source == ("" if frame == ROUTED else ROUTER_MAC)
    assert seen.source == "192.168.1.1"
    assert seen.destination == (seen.bootp.yiaddr if destination == "yiaddr" else destination)
    assert seen.ports == (67, port)
    assert int(seen.bootp.flags) == flags


@pytest.mark.parametrize(
    ("giaddr", "action", "frame"), [("0.0.0.0", punt.L2, mac(77)), ("192.168.1.9", punt.IP4, ROUTED)]
)
def test_the_answer_to_inform_goes_to_its_sender(giaddr: str, action: int, frame: str) -> None:
    seen = Lan().ask(message("inform", ciaddr="192.168.1.50", giaddr=giaddr, flags=0x8000, frame_source=mac(77)))
    assert (seen.action, seen.frame_destination, seen.destination, seen.ports) == (
        action,
        frame,
        "192.168.1.50",
        (67, 68),
    )


def test_the_answer_to_a_relayed_inform_without_ciaddr_goes_to_the_relay_agent() -> None:
    seen = Lan().ask(message("inform", giaddr="192.168.1.9", source="192.168.1.9"))
    assert (seen.action, seen.destination, seen.ports) == (punt.IP4, "192.168.1.9", (67, 67))


@pytest.mark.parametrize("kind", ["offer", "ack", "nak"])
def test_header_fields(kind: str) -> None:
    bootp = (
        Lan()
        .ask(
            asked(
                kind,
                xid=0x12345678,
                secs=7,
                hops=3,
                giaddr="192.168.1.9",
                ciaddr="192.168.1.200" if kind == "ack" else 0,
            )
        )
        .bootp
    )
    assert (bootp.op, bootp.htype, bootp.hlen, bootp.hops) == (2, 1, 6, 0)
    assert (bootp.xid, bootp.secs) == (0x12345678, 0)
    assert bootp.ciaddr == ("192.168.1.200" if kind == "ack" else "0.0.0.0")
    assert (bootp.yiaddr == "0.0.0.0") == (kind == "nak")
    assert (bootp.siaddr, bootp.giaddr) == ("0.0.0.0", "192.168.1.9")
    assert bootp.chaddr == octets(mac(1)).ljust(16, b"\0")
    assert (bootp.sname, bootp.file) == (bytes(64), bytes(128))


FULL = Settings(
    options=options(
        domain_name_servers=["8.8.8.8", "2.2.2.2", "9.9.9.9"], ntp_servers=["192.168.1.1"], domain_name="example.net"
    )
)
ALL = {
    "subnet_mask": "255.255.255.0",
    "router": "192.168.1.1",
    "name_server": ["8.8.8.8", "2.2.2.2", "9.9.9.9"],
    "domain": b"example.net",
    "broadcast_address": "192.168.1.255",
    "NTP_server": "192.168.1.1",
}
LIFETIMES = {"lease_time": 3600, "renewal_time": 1800, "rebinding_time": 3150}


def full() -> Lan:
    return Lan(config=ServerConfig(FULL))


@pytest.mark.parametrize(("kind", "number_"), [("offer", 2), ("ack", 5)])
def test_options_without_a_list_are_all(kind: str, number_: int) -> None:
    assert full().ask(asked(kind)).options == {
        "message-type": number_,
        "server_id": "192.168.1.1",
        **LIFETIMES,
        **ALL,
    }


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ([1, 3, 6], ["subnet_mask", "router", "name_server"]),
        ([6, 3, 1], ["subnet_mask", "name_server", "router"]),
        ([42, 15, 28], ["subnet_mask", "NTP_server", "domain", "broadcast_address"]),
        ([1, 121, 33, 249, 252, 43, 6, 6], ["subnet_mask", "name_server"]),
        ([51, 53, 54], ["subnet_mask"]),
        ([1], ["subnet_mask"]),
    ],
)
def test_options_asked_for_come_in_the_order_asked(wanted: list[int], given: list[str]) -> None:
    lan = full()
    for _ in range(2):  # the answer to a list is remembered
        seen = lan.ask(message("discover", 1, ("param_req_list", wanted)))
        assert {name: seen.options[name] for name in LIFETIMES} == LIFETIMES
        others = [name for name in seen.order if name in ALL]
        assert others == given
        assert {name: seen.options[name] for name in others} == {name: ALL[name] for name in others}


def test_many_different_lists_are_not_all_remembered() -> None:
    lan = full()
    for first in range(100, 200):
        for second in (6, 15, 28):
            seen = lan.ask(message("discover", 1, ("param_req_list", [first, second])))
            assert len([name for name in seen.order if name in ALL]) == 2


def test_what_is_not_configured_is_not_sent() -> None:
    given = Lan().ask(message("discover", 1, ("param_req_list", [1, 3, 6, 15, 28, 42]))).options
    assert set(given) == {"message-type", "server_id", *LIFETIMES, "subnet_mask", "router", "broadcast_address"}


def test_nak_says_who_and_why() -> None:
    given = Lan().ask(asked("nak")).options
    assert given == {"message-type": 6, "server_id": "192.168.1.1", "error_message": b"wrong network"}


@pytest.mark.parametrize("kind", ["offer", "ack", "nak"])
def test_client_id_and_relay_information_are_echoed(kind: str) -> None:
    relay = b"\1\4port\2\3mac"
    seen = full().ask(_relayed(kind, relay))
    assert seen.options["client_id"] == b"\xff12345"
    assert seen.options["relay_agent_information"] == relay
    assert seen.order[-1] == "relay_agent_information"


def _relayed(kind: str, relay: bytes) -> Any:
    more: dict[str, Any] = {"client_id": b"\xff12345", "giaddr": "192.168.1.9"}
    if kind == "offer":
        return message("discover", 1, (82, relay), **more)
    wanted = "172.16.5.5" if kind == "nak" else "192.168.1.200"
    return message("request", 1, ("requested_addr", wanted), (82, relay), **more)


def test_a_relayed_client_has_an_address_where_its_relay_agent_is() -> None:
    lan = Lan(interface("192.168.1.1/24"), interface("10.0.0.1/16", "10.9.0.1/24", name="tap1", index=2))
    for giaddr, server in (("10.0.200.9", "10.0.0.1"), ("10.9.0.9", "10.9.0.1")):
        seen = lan.ask(message("discover", 1, giaddr=giaddr))
        assert seen.options["server_id"] == server
        assert seen.bootp.yiaddr.split(".")[:2] == giaddr.split(".")[:2]
        assert seen.source == server
    acked = lan.ask(
        message("request", 1, ("requested_addr", "10.0.99.9"), ("server_id", "10.0.0.1"), giaddr="10.0.200.9")
    )
    assert (acked.type, acked.bootp.yiaddr) == ("ack", "10.0.99.9")


def test_relay_agents_of_another_table_are_not_served() -> None:
    lan = Lan(interface("192.168.1.1/24"), interface("10.0.0.1/24", name="blue", index=2, table=7))
    assert lan.hear(message("discover", giaddr="10.0.0.9")).drop == "no-subnet"
    assert lan.ask(message("discover", giaddr="10.0.0.9"), lan.interfaces[1]).type == "offer"


@pytest.mark.parametrize(
    "vlans", [(), (Vlan(0x8100, 7),), (Vlan(0x88A8, 100), Vlan(0x8100, 7))], ids=["untagged", "vlan", "qinq"]
)
def test_frames_have_the_tags_of_the_interface(vlans: tuple[Vlan, ...]) -> None:
    lan = Lan(interface("192.168.1.1/24", vlans=vlans))
    for flags in (0, 0x8000):
        seen = lan.ask(message("discover", flags=flags, vlans=vlans))
        assert seen.vlans == [vlan.vid for vlan in vlans]
        assert seen.type == "offer"


def test_a_sub_interface_that_takes_any_tag_answers_with_the_clients() -> None:
    lan = Lan(interface("192.168.1.1/24"))
    assert lan.ask(message("discover", 1, vlans=(Vlan(0x8100, 30), Vlan(0x8100, 4)))).vlans == [30, 4]
    assert lan.ask(message("discover", 2, vlans=(Vlan(0x8100, 31),))).vlans == [31]


@pytest.mark.parametrize(
    ("option", "size"), [(None, 548), (b"\0\0", 548), (b"\x05\xdc", 1472), (b"\xff\xff", 1472), (b"\x05", 548)]
)
def test_how_large_a_message_may_be(option: bytes | None, size: int) -> None:
    asked = message("discover", 1, *([(57, option)] if option is not None else []))
    (reply,) = Lan().hear(asked).replies
    assert reply.max_size == size
