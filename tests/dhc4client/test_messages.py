"""What the client sends, as scapy reads it; RFC 2131, table 5, message by message."""

import warnings
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest

from tests.dhc4client.provider import SERVER_MAC
from tests.dhc4client.world import MAC, wan
from vppdhc.dhc4client import messages
from vppdhc.dhc4client.config import ClientConfig, ClientIdType
from vppdhc.dhc4client.identity import Identity, identify
from vppdhc.interface import Vlan
from vppdhc.packet.dhcp4 import Message

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of scapy about ciphers that it does not need here
    from scapy.layers.dhcp import BOOTP, DHCP
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Dot1Q, Ether

IDENTITY = Identity(MAC, bytes.fromhex("ff0102030400030001020000000001"))
ADDRESS, SERVER = IPv4Address("192.0.2.50"), IPv4Address("192.0.2.1")
PLAIN = ClientConfig()
RICH = ClientConfig(
    hostname="router",
    vendor_class="vendor",
    user_classes=("one", "second"),
    max_message_size=1400,
    lease_time=7200,
    rapid_commit=True,
    ipv6_only_preferred=True,
    request_options=(43, 3, 125),
    options={43: b"\1\2\3", 60: b"other"},
)
ASKING = ("message-type", "client_id", "param_req_list", "max_dhcp_size")


def look(frame: bytes) -> tuple[Any, dict[Any, Any]]:
    """Return the packet, and its options by scapy's names, or their codes where it has none."""
    packet = Ether(frame)
    checked = packet.copy()
    del checked[IP].chksum
    del checked[UDP].chksum
    again = Ether(bytes(checked))
    assert (again[IP].chksum, again[UDP].chksum) == (packet[IP].chksum, packet[UDP].chksum)
    options: dict[Any, Any] = {}
    for option in packet[DHCP].options:
        if isinstance(option, tuple):
            value = option[1] if len(option) == 2 else list(option[1:])
            options[option[0]] = options[option[0]] + value if option[0] in options else value  # RFC 3396
    return packet, options


def sent(message: Message) -> tuple[Any, dict[Any, Any]]:
    return look(messages.broadcast(message, wan()))


def header(packet: Any) -> tuple[int, ...]:
    bootp = packet[BOOTP]
    return bootp.op, bootp.htype, bootp.hlen, bootp.hops, bootp.xid, bootp.secs, int(bootp.flags)


def test_discover() -> None:
    packet, options = sent(messages.discover(PLAIN, IDENTITY, 0x12345678, 7, None))
    assert packet.dst == "ff:ff:ff:ff:ff:ff"
    assert packet.src == "02:fe:00:00:00:aa"
    assert (packet[IP].src, packet[IP].dst) == ("0.0.0.0", "255.255.255.255")
    assert (packet[UDP].sport, packet[UDP].dport) == (68, 67)
    assert header(packet) == (1, 1, 6, 0, 0x12345678, 7, 0)
    assert packet[BOOTP].chaddr[:6] == MAC
    assert packet[BOOTP].ciaddr == packet[BOOTP].yiaddr == packet[BOOTP].giaddr == "0.0.0.0"
    assert tuple(options) == ("message-type", "client_id", "param_req_list", "max_dhcp_size")
    assert options["message-type"] == 1
    assert options["client_id"] == IDENTITY.client_id
    assert options["max_dhcp_size"] == 1500


def test_everything_that_can_be_told() -> None:
    _, options = sent(messages.discover(RICH, IDENTITY, 1, 0, ADDRESS))
    assert options["hostname"] == b"router"
    assert options["vendor_class_id"] == b"other"  # a raw option goes before its setting
    assert options["user_class"] == b"\x03one\x06second"
    assert options["max_dhcp_size"] == 1400
    assert options["lease_time"] == 7200
    assert options["requested_addr"] == "192.0.2.50"
    assert options["rapid_commit"] == b""
    assert options["vendor_specific"] == b"\1\2\3"
    assert options["param_req_list"] == [1, 121, 3, 6, 15, 119, 42, 26, 58, 59, 108, 43, 125]


def test_classless_routes_are_asked_for_before_routers() -> None:
    _, options = sent(messages.discover(PLAIN, IDENTITY, 1, 0, None))
    asked = options["param_req_list"]
    assert asked.index(121) < asked.index(3)
    assert 33 not in asked
    assert 108 not in asked


@pytest.mark.parametrize("config", [PLAIN, RICH])
def test_the_parameter_list_is_the_same_in_all_messages(config: ClientConfig) -> None:
    lists = [
        sent(message)[1]["param_req_list"]
        for message in (
            messages.discover(config, IDENTITY, 1, 0, None),
            messages.request_offered(config, IDENTITY, 1, 0, ADDRESS, SERVER),
            messages.request_again(config, IDENTITY, 1, 0, ADDRESS),
            messages.request_more(config, IDENTITY, 1, 0, ADDRESS),
        )
    ]
    assert all(one == lists[0] for one in lists)


def test_request_of_selecting() -> None:
    packet, options = sent(messages.request_offered(PLAIN, IDENTITY, 5, 9, ADDRESS, SERVER))
    assert header(packet) == (1, 1, 6, 0, 5, 9, 0)
    assert packet[BOOTP].ciaddr == "0.0.0.0"
    assert options["message-type"] == 3
    assert options["server_id"] == "192.0.2.1"
    assert options["requested_addr"] == "192.0.2.50"
    assert set(options) == {*ASKING, "server_id", "requested_addr"}


def test_request_of_init_reboot() -> None:
    packet, options = sent(messages.request_again(PLAIN, IDENTITY, 5, 0, ADDRESS))
    assert packet[BOOTP].ciaddr == "0.0.0.0"
    assert options["requested_addr"] == "192.0.2.50"
    assert set(options) == {*ASKING, "requested_addr"}


def test_request_of_renewing_and_rebinding() -> None:
    message = messages.request_more(PLAIN, IDENTITY, 5, 0, ADDRESS)
    packet, options = look(messages.unicast(message, wan(), ADDRESS, SERVER, SERVER_MAC))
    assert packet[BOOTP].ciaddr == "192.0.2.50"
    assert set(options) == set(ASKING)
    assert (packet.dst, packet[IP].src, packet[IP].dst) == ("02:00:00:00:00:01", "192.0.2.50", "192.0.2.1")
    packet, _ = look(messages.broadcast(message, wan(), ADDRESS))
    assert (packet.dst, packet[IP].src, packet[IP].dst) == ("ff:ff:ff:ff:ff:ff", "192.0.2.50", "255.255.255.255")


def test_decline() -> None:
    packet, options = sent(messages.decline(IDENTITY, 5, ADDRESS, SERVER))
    assert header(packet) == (1, 1, 6, 0, 5, 0, 0)
    assert packet[BOOTP].ciaddr == "0.0.0.0"
    assert options["message-type"] == 4
    assert (options["requested_addr"], options["server_id"]) == ("192.0.2.50", "192.0.2.1")
    assert set(options) == {"message-type", "client_id", "requested_addr", "server_id", "error_message"}


def test_release() -> None:
    message = messages.release(IDENTITY, 5, ADDRESS, SERVER)
    packet, options = look(messages.unicast(message, wan(), ADDRESS, SERVER, SERVER_MAC))
    assert header(packet) == (1, 1, 6, 0, 5, 0, 0)
    assert packet[BOOTP].ciaddr == "192.0.2.50"
    assert options["message-type"] == 7
    assert options["server_id"] == "192.0.2.1"
    assert set(options) == {"message-type", "client_id", "server_id", "error_message"}
    assert packet[IP].dst == "192.0.2.1"


def test_on_a_sub_interface_frames_have_its_tags() -> None:
    onto = replace(wan(), vlans=(Vlan(0x88A8, 100), Vlan(0x8100, 7)))
    message = messages.discover(PLAIN, IDENTITY, 1, 0, None)
    packet, _ = look(messages.broadcast(message, onto))
    assert [layer.vlan for layer in packet.iterpayloads() if isinstance(layer, Dot1Q)] == [100, 7]


def test_many_options_of_the_operators_own_find_room() -> None:
    config = ClientConfig(options={200: bytes(1000)})
    packet, options = sent(messages.discover(config, IDENTITY, 1, 0, None))
    assert options[200] == bytes(1000)
    assert packet[IP].len <= 1500


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        (ClientConfig(client_id=b"\0me"), b"\0me"),
        (ClientConfig(client_id_type=ClientIdType.HARDWARE_ADDRESS), b"\1" + MAC),
        (ClientConfig(ia_id=0x01020304), b"\xff\1\2\3\4duid"),
        (ClientConfig(), b"\xff\xe0\x2b\xe6\xa0duid"),  # as b2sum -l 32 says of wan0
    ],
)
def test_client_identifier(config: ClientConfig, wanted: bytes) -> None:
    assert identify(config, "wan0", MAC, lambda _: b"duid") == Identity(MAC, wanted)


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_message_size": 575},
        {"lease_time": 2},
        {"ia_id": 1 << 32},
        {"route_preference": 256},
        {"route_table": -1},
        {"request_options": (0,)},
        {"request_options": (255,)},
        {"user_classes": ("",)},
        {"user_classes": ("x" * 256,)},
        {"options": {53: b"\1"}},
        {"options": {61: b"\1"}},
    ],
)
def test_configuration_out_of_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"is not within|belong to the protocol"):
        ClientConfig(**wrong)
