"""DHCPv6 messages of real clients, relay agents and servers: read, written again, and what they say."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Any

import pytest

from tests.packet.recorded import punted
from tests.packet.recorded6 import DHCP6
from tests.packet.scapy_layers6 import Ether
from vppdhc.packet import dhcp6, duid6, frame, ia6
from vppdhc.packet.dhcp6 import Message, MessageType
from vppdhc.packet.options6 import Option, decode_value, encode_value

ONE = IPv6Address("2001:db8::53")
RULE = {
    "flags": 1,
    "ea-length": 16,
    "ipv4-prefix-length": 24,
    "ipv4-prefix": IPv4Address("192.0.2.0"),
    "ipv6-prefix": IPv6Network("2001:db8:f000::/36"),
    "options": [{"option": "s46-portparams", "value": {"offset": 6, "psid-length": 8, "psid": 0x3400}}],
}


def recorded(name: str) -> Message:
    return dhcp6.receive(punted(DHCP6[name]))


def said(name: str, code: int) -> Any:
    raw = recorded(name).get(code)
    assert raw is not None
    return decode_value(code, raw)


def test_every_message_between_clients_and_servers_is_there() -> None:
    assert {recorded(name).type for name in DHCP6} == set(range(1, 12))


@pytest.mark.parametrize("name", DHCP6)
def test_it_is_written_as_it_was(name: str) -> None:
    payload = frame.decode_udp6(DHCP6[name]).payload
    message = dhcp6.decode(payload)
    written = dhcp6.encode(message)
    if message.relays and written != payload:
        assert dhcp6.decode(written) == message  # dhcrelay writes the relay message option before the interface id
        assert len(written) == len(payload)
    else:
        assert written == payload[: len(written)]
        assert payload[len(written) :] == (b"\0\0" if name == "dhcpcd-request" else b"")


@pytest.mark.parametrize("name", [name for name in DHCP6 if "relay" not in name])
def test_scapy_sees_the_same_options(name: str) -> None:
    message = recorded(name)
    layer = Ether(DHCP6[name])["UDP"].payload
    assert (layer.msgtype, layer.trid) == (message.type, message.transaction_id)
    found = []
    option = layer.payload
    while hasattr(option, "optcode"):
        found.append(option.optcode)
        option = option.payload
    assert found == [code for code, _ in message.options]


@pytest.mark.parametrize("name", DHCP6)
def test_every_option_has_a_value_that_is_written_as_it_was(name: str) -> None:
    message = recorded(name)
    for code, raw in message.options:
        assert code in set(Option)
        assert encode_value(code, decode_value(code, raw)) == raw
    if message.type != MessageType.RECONFIGURE:
        assert message.get(Option.CLIENTID) is not None


@pytest.mark.parametrize(
    ("code", "value"),
    [
        (1, "00:01:00:01:32:98:e0:fa:52:54:00:12:34:56"),
        (7, 255),
        (12, IPv6Address("2001:db8:1::1")),
        (21, ["sip.example.com"]),
        (22, [IPv6Address("2001:db8::5060")]),
        (23, [ONE, IPv6Address("2001:db8::54")]),
        (24, ["example.com", "lab.example.com"]),
        (31, [IPv6Address("2001:db8::123")]),
        (32, 7200),
        (41, "EST5EDT4,M3.2.0/02:00,M11.1.0/02:00"),
        (42, "Europe/Zurich"),
        (56, [{"option": "server-name", "value": "ntp.example"}]),
        (59, "tftp://[2001:db8::1]/boot"),
        (60, ["root=/dev/nfs", "quiet"]),
        (64, "aftr.example.net"),
        (74, {"server": ONE, "preference": 1, "domains": ["corp.example.com"]}),
        (82, 3600),
        (83, 7200),
    ],
)
def test_what_kea_was_configured_to_say(code: int, value: Any) -> None:
    assert said("kea-reply", code) == value


def test_softwires_as_kea_writes_them() -> None:
    relay = {"option": "s46-br", "value": IPv6Address("2001:db8:ffff::1")}
    assert said("kea-reply", 94) == [{"option": "s46-rule", "value": RULE}, relay]
    domain = {"option": "s46-dmr", "value": {"prefix": IPv6Network("2001:db8:ffff::/64")}}
    assert said("kea-reply", 95) == [domain]
    prefix = IPv6Network("2001:db8:1:2::/64")
    binding = {"ipv4-address": IPv4Address("192.0.2.1"), "ipv6-prefix": prefix, "options": []}
    assert said("kea-reply", 96) == [{"option": "s46-v4v6bind", "value": binding}]


def test_what_kea_leased() -> None:
    message = recorded("kea-reply")
    addresses = ia6.decode_ia(message.all(Option.IA_NA)[0])
    assert addresses[:3] == (0x123456, 1000, 2000)
    raw = dhcp6.find(addresses.options, Option.IAADDR)
    assert raw is not None
    assert ia6.decode_address(raw) == (int(IPv6Address("2001:db8:1::100")), 3000, 4000, [])
    prefixes = ia6.decode_ia(message.all(Option.IA_PD)[0])
    raw = dhcp6.find(prefixes.options, Option.IAPREFIX)
    assert raw is not None
    assert ia6.decode_prefix(raw)[:4] == (int(IPv6Address("2001:db8:100::")), 56, 3000, 4000)


def test_the_prefix_that_kea_excludes() -> None:
    ia = ia6.decode_ia(recorded("kea-exclude-advertise").all(Option.IA_PD)[0])
    raw = dhcp6.find(ia.options, Option.IAPREFIX)
    assert raw is not None
    prefix = ia6.decode_prefix(raw)
    assert IPv6Network((prefix.prefix, prefix.length)) == IPv6Network("2001:db8:100:500::/56")
    raw = dhcp6.find(prefix.options, Option.PD_EXCLUDE)
    assert raw is not None
    excluded = ia6.decode_excluded(raw, prefix.prefix, prefix.length)
    assert IPv6Network(excluded) == IPv6Network("2001:db8:100:5ff::/64")


def test_status_codes() -> None:
    ia = ia6.decode_ia(recorded("dibbler-server-no-binding-reply").all(Option.IA_NA)[0])
    status = ia6.decode_status(dhcp6.find(ia.options, Option.STATUS_CODE))
    assert status == (dhcp6.StatusCode.NO_BINDING, "Who are you? Do I know you?")
    assert ia6.decode_status(recorded("kea-confirm-reply").get(Option.STATUS_CODE)).code == 0
    assert ia6.decode_status(recorded("kea-reply").get(Option.STATUS_CODE)) == (0, "")


def test_two_relay_agents_one_behind_the_other() -> None:
    message = recorded("dhcrelay-relay-forward")
    assert (message.type, message.source_port) == (MessageType.SOLICIT, 547)
    outer, inner = message.relays
    assert (outer.type, outer.hop_count, inner.type, inner.hop_count) == (12, 1, 12, 0)
    assert outer.link_address == int(IPv6Address("2001:db8:3::2"))
    assert outer.peer_address == int(IPv6Address("2001:db8:3::1"))
    assert inner.link_address == int(IPv6Address("2001:db8:2::1"))
    assert inner.peer_address == int(IPv6Address("fe80::5054:ff:fe12:3457"))
    assert outer.options == inner.options == [(Option.INTERFACE_ID, b"\1\0\0\0")]
    reply = recorded("kea-relay-reply")
    assert reply.relays == (outer.reply(), inner.reply())


@pytest.mark.parametrize(
    ("name", "code", "value"),
    [
        ("dhclient-solicit", 6, [23, 24, 39, 31]),
        ("dhclient-solicit", 17, {"enterprise": 311, "options": [{"option": "1", "value": "61:62"}]}),
        ("dhclient-solicit", 39,
         {"server-updates": False, "overridden": False, "no-updates": False, "domain-name": "laptop.example.com."}),
        ("dhcpcd-solicit", 15, ["iot"]),
        ("dhcpcd-solicit", 112, "https://example.com/mud.json"),
        ("dhcpcd-solicit", 39,
         {"server-updates": True, "overridden": False, "no-updates": False, "domain-name": "tablet"}),
        ("dibbler-solicit", 14, True),
        ("dibbler-accept-request", 20, True),
        ("dibbler-server-reconfigure", 19, 5),
        ("wide-solicit", 8, 0),
    ],
)  # fmt: skip
def test_what_clients_say(name: str, code: int, value: Any) -> None:
    assert said(name, code) == value


def test_who_they_are() -> None:
    texts = {name: duid6.text(recorded(name).get(Option.CLIENTID) or b"") for name in DHCP6}
    assert texts["dhclient-solicit"] == "llt 52:54:00:12:34:56 of 2026-11-24T23:57:46Z"
    assert texts["dibbler-solicit"] == "ll 52:54:00:12:34:56"
    assert duid6.text(recorded("kea-reply").get(Option.SERVERID) or b"") == "en 9999 6b:65:61"


def test_checksums_that_are_left_to_the_hardware_are_in_here() -> None:
    """What a kernel leaves to a virtual link is the sum of the pseudo-header alone, and is wrong to anybody else."""
    packet = Ether(DHCP6["dhclient-solicit"])
    sent = packet["UDP"].chksum
    del packet["UDP"].chksum
    assert Ether(bytes(packet))["UDP"].chksum != sent
