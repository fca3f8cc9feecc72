"""DHCPv4 messages: header fields, option fields, and against scapy."""

from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.packet.recorded import DHCP as RECORDED
from tests.packet.recorded import FRAMES, punted
from tests.packet.scapy_layers import BOOTP, DHCP, IP, UDP, Ether, Raw
from vppdhc.interface import Vlan
from vppdhc.packet import dhcp4, frame
from vppdhc.packet.dhcp4 import Message, MessageType
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.fields4 import begin

HEADER: dict[str, Any] = {
    "op": 2,
    "htype": 6,
    "hlen": 16,
    "hops": 3,
    "xid": 0x12345678,
    "secs": 0x0102,
    "flags": 0x8000,
    "ciaddr": 0x0A000001,
    "yiaddr": 0x0A000002,
    "siaddr": 0x0A000003,
    "giaddr": 0x0A000004,
    "chaddr": bytes(range(1, 17)),
    "sname": b"server.example",
    "file": b"/boot/pxelinux.0",
}
ADDRESSES = ("ciaddr", "yiaddr", "siaddr", "giaddr")


def scapy_header() -> Any:
    fields: dict[str, Any] = {
        name: str(IPv4Address(value)) if name in ADDRESSES else value for name, value in HEADER.items()
    }
    fields["sname"] = HEADER["sname"].ljust(64, b"\0")
    fields["file"] = HEADER["file"].ljust(128, b"\0")
    return BOOTP(**fields)


def instances(field: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """(code, value) of each option in an options field up to its END, PAD left out."""
    found = []
    offset = 0
    while field[offset] != 255:
        if field[offset]:
            length = field[offset + 1]
            found.append((field[offset], field[offset + 2 : offset + 2 + length]))
            offset += 1 + length
        offset += 1
    return found, field[offset + 1 :]


def payload_with(field: bytes) -> bytes:
    """A message with just these bytes behind the magic cookie."""
    return dhcp4.encode(Message())[:240] + field


@pytest.mark.parametrize("message_type", MessageType)
def test_every_message_type_and_header_field_against_scapy(message_type: MessageType) -> None:
    message = Message(**HEADER, options={53: bytes((message_type,))})
    ours = dhcp4.encode(message)
    theirs = bytes(scapy_header() / DHCP(options=[(53, bytes((message_type,))), "end"]))
    assert ours == theirs.ljust(300, b"\0")
    read = dhcp4.decode(theirs)
    assert read == message
    assert read.type is message_type
    dissected = BOOTP(ours)
    for name, value in HEADER.items():
        seen = getattr(dissected, name)
        if name in ADDRESSES:
            assert seen == str(IPv4Address(value))
        else:
            assert (seen.rstrip(b"\0") if isinstance(seen, bytes) else int(seen)) == value
    assert dissected[DHCP].options[:2] == [("message-type", message_type), "end"]


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_packets_mean_what_scapy_says(name: str) -> None:
    packet = RECORDED[name]
    message = dhcp4.receive(punted(packet, 7))
    scapy = Ether(packet)
    assert message.interface == 7
    assert message.source_mac == bytes.fromhex(scapy.src.replace(":", ""))
    assert message.destination_mac == bytes.fromhex(scapy.dst.replace(":", ""))
    assert (message.source, message.destination) == (int(IPv4Address(scapy[IP].src)), int(IPv4Address(scapy[IP].dst)))
    assert message.source_port == scapy[UDP].sport
    bootp = scapy[BOOTP]
    for field in ("op", "htype", "hlen", "hops", "xid", "secs"):
        assert getattr(message, field) == getattr(bootp, field)
    assert message.flags == int(bootp.flags)
    for field in ADDRESSES:
        assert getattr(message, field) == int(IPv4Address(getattr(bootp, field)))
    assert message.chaddr == bootp.chaddr[: bootp.hlen]
    if DHCP in scapy:
        assert message.type == bootp[DHCP].getopt("message-type")


@pytest.mark.parametrize("name", [name for name in RECORDED if name != "overloaded-offer"])
def test_recorded_messages_survive_being_written_again(name: str) -> None:
    message = dhcp4.receive(punted(RECORDED[name]))
    again = dhcp4.decode(dhcp4.encode(message))
    for field in (*HEADER, "options", "cookie"):
        assert getattr(again, field) == getattr(message, field)


def test_vlan_tags_of_recorded_frames() -> None:
    tags = {name: dhcp4.receive(punted(FRAMES[name])).vlans for name in RECORDED}
    assert tags.pop("qinq-discover") == (Vlan(0x88A8, 100), Vlan(0x8100, 7))
    assert tags.pop("stacked-discover") == (Vlan(0x8100, 200), Vlan(0x8100, 8))
    assert set(tags.values()) == {()}


def test_options_in_file_and_sname() -> None:
    message = dhcp4.receive(punted(FRAMES["overloaded-offer"]))
    assert (message.file, message.sname) == (b"", b"")
    assert message.options == {
        53: b"\x02",
        54: bytes((192, 0, 2, 1)),
        119: b"\x03sub\x03org\x00\x07example\x03com\x00",
        15: b"foo.bar",
        66: b"tftp.local",
    }
    assert list(message.options) == [53, 54, 119, 15, 66], "options, then file, then sname (RFC 3396, 5)"


def test_scapy_reads_options_in_all_fields() -> None:
    options = {53: b"\2", 224: bytes(255), 225: b"f" * 120, 226: b"s" * 60}
    message = BOOTP(dhcp4.encode(Message(options=dict(options))))
    assert [*message[DHCP].options[:3], message[DHCP].options[3]] == [
        ("message-type", 2), (224, bytes(255)), ("dhcp-option-overload", 3), "end",
    ]  # fmt: skip
    assert DHCP(message.file).options[:2] == [(225, b"f" * 120), "end"]
    assert DHCP(message.sname).options[:2] == [(226, b"s" * 60), "end"]


def test_options_that_scapy_writes_into_all_fields_are_read() -> None:
    in_file = bytes(DHCP(options=[("boot-file-name", b"pxelinux.0"), (224, b"2"), "end"]))
    in_sname = bytes(DHCP(options=[(224, b"3"), "end"]))
    plain = [("message-type", 2), (224, b"1"), ("dhcp-option-overload", 3), "end"]
    payload = BOOTP(file=in_file.ljust(128, b"\0"), sname=in_sname.ljust(64, b"\0")) / DHCP(options=plain)
    message = dhcp4.decode(bytes(payload))
    assert message.options == {53: b"\2", 224: b"123", 67: b"pxelinux.0"}
    assert (message.file, message.sname) == (b"", b"")


@pytest.mark.parametrize("used", [0, 1, 2, 3])
def test_overload_says_which_fields_hold_options(used: int) -> None:
    payload = bytearray(payload_with(bytes((53, 1, 2, 52, 1, used, 255))))
    payload[44:48] = b"\x0c\x01s\xff"
    payload[108:112] = b"\x0c\x01f\xff"
    message = dhcp4.decode(bytes(payload))
    assert message.options.get(12, b"") == (b"f" if used & 1 else b"") + (b"s" if used & 2 else b"")
    assert message.sname == (b"" if used & 2 else b"\x0c\x01s\xff")
    assert message.file == (b"" if used & 1 else b"\x0c\x01f\xff")


def test_bootp_without_magic_cookie() -> None:
    message = dhcp4.receive(punted(FRAMES["bootp-request"]))
    assert (message.cookie, message.type, message.options) == (False, None, {})
    assert message.file == b"/tftpboot/x"
    assert dhcp4.decode(bytes(236)).cookie is False
    assert dhcp4.encode(message) == FRAMES["bootp-request"][42:]
    message.options = {1: b"\xff\xff\xff\0"}
    with pytest.raises(ValueError, match="cookie"):
        dhcp4.encode(message)


@pytest.mark.parametrize("raw", [b"", b"\0", b"\x13", b"\1\1"])
def test_a_type_that_is_none(raw: Any) -> None:
    assert Message(options={53: raw}).type is None


@pytest.mark.parametrize(
    ("payload", "kind", "offset"),
    [
        (b"", "dhcp4-truncated", 0),
        (bytes(235), "dhcp4-truncated", 235),
        (bytes((1, 1, 17)) + bytes(297), "dhcp4-malformed", 2),
        (payload_with(b"\x35"), "dhcp4-truncated", 240),
        (payload_with(b"\0\x35\x01"), "dhcp4-truncated", 241),
        (payload_with(b"\x35\x01\x01\x0c\x05abc\xff"), "dhcp4-truncated", 243),
        (payload_with(b"\x34\x02\x01\x01\xff"), "dhcp4-malformed", 240),
        (payload_with(b"\x34\x00\xff"), "dhcp4-malformed", 240),
        (bytes(44) + b"\x0c\x40" + bytes(190) + b"\x63\x82\x53\x63\x34\x01\x02\xff", "dhcp4-truncated", 44),
    ],
)
def test_malformed_messages(payload: bytes, kind: str, offset: int) -> None:
    with pytest.raises(DecodeError) as caught:
        dhcp4.decode(payload)
    assert (caught.value.kind, caught.value.offset, caught.value.layer) == (kind, offset, "dhcp4")
    assert kind in str(caught.value)


def test_options_without_end_and_empty_ones() -> None:
    assert dhcp4.decode(payload_with(b"\x35\x01\x01\x50\x00")).options == {53: b"\1", 80: b""}
    assert dhcp4.decode(payload_with(b"")).options == {}
    assert dhcp4.decode(payload_with(b"\0\0\xff\x35\x01\x01")).options == {}


def test_scapy_reads_long_options_in_parts() -> None:
    value = bytes(range(256)) + b"the rest"
    payload = dhcp4.encode(Message(options={53: b"\2", 224: value}), 576)
    parts = [option for option in BOOTP(payload)[DHCP].options if option[0] == 224]
    assert parts == [(224, value[:255]), (224, value[255:])]
    theirs = bytes(BOOTP() / DHCP(options=[("message-type", 2), (224, value[:255]), (12, b"x"), (224, value[255:])]))
    assert dhcp4.decode(theirs).options == {53: b"\2", 224: value, 12: b"x"}


def test_padding_and_limits() -> None:
    assert len(dhcp4.encode(Message())) == 300
    full = Message(options={224: bytes(200), 225: bytes(103)}, file=b"f", sname=b"s")
    assert dhcp4.pack(full, 548) == (dhcp4.encode(full), ())
    assert len(dhcp4.encode(full)) == 548
    full.options[225] += b"\0"
    assert dhcp4.pack(full).dropped == (225,)
    assert len(dhcp4.encode(Message(options={224: bytes(255)}), 1472)) == 498


def test_an_exact_fit_needs_no_overload() -> None:
    message = Message(options={53: b"\2", 224: bytes(200), 225: bytes(100)})
    payload = dhcp4.encode(message)
    assert len(payload) == 548
    assert payload[44:236] == bytes(192)


def test_file_and_sname_are_used_when_the_options_field_is_full() -> None:
    options = {
        53: b"\2",
        54: bytes(4),
        224: bytes(255),
        225: b"a" * 120,
        226: b"b" * 60,
        227: b"c" * 20,
        228: b"d" * 30,
    }
    payload, dropped = dhcp4.pack(Message(options=dict(options)))
    assert dropped == (228,)
    assert len(payload) <= 548
    in_options, rest = instances(payload[240:])
    assert [code for code, _ in in_options] == [53, 54, 224, 227, 52]
    assert in_options[-1] == (52, b"\3")
    assert not any(rest)
    in_file, padding = instances(payload[108:236])
    assert (in_file, any(padding)) == ([(225, b"a" * 120)], False)
    in_sname, padding = instances(payload[44:108])
    assert (in_sname, any(padding)) == ([(226, b"b" * 60)], False)
    del options[228]
    assert dhcp4.decode(payload).options == options


def test_a_field_with_contents_is_not_overloaded() -> None:
    options = {53: b"\2", 224: bytes(255), 225: bytes(50), 226: bytes(10)}
    payload, dropped = dhcp4.pack(Message(options=dict(options), file=b"/boot"))
    assert dropped == ()
    message = dhcp4.decode(payload)
    assert (message.file, message.sname, message.options) == (b"/boot", b"", options)
    assert (52, b"\2") in instances(payload[240:])[0]
    assert dhcp4.pack(Message(options=dict(options), file=b"/boot", sname=b"s")).dropped == (225,)


def test_parts_of_one_option_over_all_fields_keep_their_order() -> None:
    value = bytes(range(256)) + bytes(range(130))
    payload, dropped = dhcp4.pack(Message(options={53: b"\2", 224: bytes(20), 225: value[:300], 226: b"z"}))
    assert dropped == ()
    assert dhcp4.decode(payload).options[225] == value[:300]


def test_what_an_answer_needs_is_kept_and_comes_first() -> None:
    options = {
        12: b"h" * 250,
        224: bytes(250),
        51: bytes(4),
        54: bytes(4),
        1: bytes(4),
        61: b"id",
        53: b"\5",
        3: bytes(4),
    }
    payload, dropped = dhcp4.pack(Message(options=options), 300)
    assert dropped == (12, 224)
    assert [code for code, _ in instances(payload[240:])[0]] == [53, 54, 51, 1, 61, 3]


@pytest.mark.parametrize("size", [0, 1, 100, 253, 255, 256, 1000])
@pytest.mark.parametrize("limit", [300, 548, 1472])
def test_option_82_is_last_in_the_options_field_and_never_dropped(size: int, limit: int) -> None:
    relay = bytes(size)
    options = {82: relay, 53: b"\5", 54: bytes(4), 51: bytes(4), 12: b"h" * 200, 224: bytes(255)}
    payload, dropped = dhcp4.pack(Message(options=options, file=b"f", sname=b"s"), limit)
    laid, rest = instances(payload[240:])
    assert not any(rest)
    tail = [code for code, _ in laid]
    assert tail[:3] == [53, 54, 51]
    assert tail[-(max(size - 1, 0) // 255 + 1) :] == [82] * (max(size - 1, 0) // 255 + 1)
    assert b"".join(value for code, value in laid if code == 82) == relay
    if size <= 100:
        assert len(payload) <= max(limit, 300 + size + 2)
    assert set(dropped) <= {12, 224}


@pytest.mark.parametrize(
    ("fields", "limit"),
    [
        ({}, 299),
        ({"chaddr": bytes(17)}, 548),
        ({"hlen": 17}, 548),
        ({"sname": bytes(65)}, 548),
        ({"file": bytes(129)}, 548),
        ({"yiaddr": 1 << 32}, 548),
        ({"secs": -1}, 548),
        ({"options": {0: b""}}, 548),
        ({"options": {255: b""}}, 548),
        ({"options": {52: b"\1"}}, 548),
        ({"options": {256: b""}}, 548),
        ({"options": {-1: b"x" * 300}}, 548),
    ],
)
def test_what_cannot_be_encoded(fields: dict[str, Any], limit: int) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        dhcp4.encode(Message(**fields), limit)


@pytest.mark.parametrize(
    ("raw", "mtu", "limit"),
    [
        (None, 1500, 548),
        ("0240", 1500, 548),
        ("05c0", 1500, 1444),
        ("ffff", 1500, 1472),
        ("05dc", 1400, 1372),
        ("0100", 1500, 548),
        ("40", 1500, 548),
        ("05dc05", 1500, 548),
        ("05dc", 500, 548),
    ],
)
def test_how_long_an_answer_may_be(raw: Any, mtu: int, limit: int) -> None:
    options = {} if raw is None else {57: bytes.fromhex(raw)}
    assert dhcp4.size_limit(Message(options=options), mtu) == limit


@pytest.mark.parametrize(("flags", "broadcast"), [(0x8000, True), (0x7FFF, False), (0, False), (0xFFFF, True)])
def test_the_broadcast_flag(flags: int, broadcast: bool) -> None:
    assert Message(flags=flags).broadcast is broadcast


def udp_in_ethernet(payload: bytes = b"", **ip: Any) -> bytes:
    return bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(**ip) / UDP(sport=68, dport=67) / payload)


@pytest.mark.parametrize(
    ("datagram", "kind"),
    [
        (b"\1\0\0", "punt-truncated"),
        (punted(b""), "ethernet-truncated"),
        (punted(FRAMES["arp-request"]), "ethernet-type"),
        (
            punted(bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(proto=6) / Raw(bytes(300)))),
            "ipv4-protocol",
        ),
        (punted(udp_in_ethernet(bytes(235))), "dhcp4-truncated"),
    ],
)
def test_what_is_no_dhcp_message(datagram: bytes, kind: str) -> None:
    with pytest.raises(DecodeError) as caught:
        dhcp4.receive(datagram)
    assert caught.value.kind == kind


def test_bytes_behind_the_udp_datagram_are_not_options() -> None:
    payload = payload_with(b"\x35\x01\x01\x0c\x03abc\xff")
    packet = frame.encode_udp4(
        source_mac=bytes(6), destination_mac=bytes(6), vlans=(), source=1, destination=2,
        source_port=68, destination_port=67, payload=payload[:243],
    )  # fmt: skip
    assert dhcp4.receive(punted(packet + b"\x0c\x03abc")).options == {53: b"\1"}


octets = st.integers(0, 255)
words = st.integers(0, 0xFFFF)
longs = st.integers(0, 0xFFFFFFFF)
codes = st.integers(1, 254).filter(lambda code: code != 52)
field_text = st.binary(max_size=20).filter(lambda raw: b"\0" not in raw)
messages = st.builds(
    Message,
    op=octets, htype=octets, hops=octets, xid=longs, secs=words, flags=words,
    ciaddr=longs, yiaddr=longs, siaddr=longs, giaddr=longs,
    chaddr=st.binary(min_size=6, max_size=6), sname=field_text, file=field_text,
    options=st.dictionaries(codes, st.binary(max_size=600), max_size=12),
)  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(messages, st.integers(300, 1472))
def test_any_message_comes_back_but_for_what_was_dropped(message: Message, limit: int) -> None:
    payload, dropped = dhcp4.pack(message, limit)
    again = dhcp4.decode(payload)
    kept = {code: value for code, value in message.options.items() if code not in dropped}
    assert again.options == kept
    assert not {53, 82} & set(dropped) or len(message.options.get(53, b"")) > 50
    relay = len(message.options.get(82, b""))
    assert len(payload) <= limit or len(payload) <= 300 + relay + 2 * (relay // 255 + 1)
    for field in HEADER:
        assert getattr(again, field) == getattr(message, field)


@settings(deadline=None, max_examples=300)
@given(messages, st.integers(300, 1472), st.integers(0, 12))
def test_options_that_are_laid_before_lie_as_if_laid_now(message: Message, limit: int, count: int) -> None:
    begun = begin(dict(list(message.options.items())[:count]))
    assert dhcp4.pack(message, limit, begun) == dhcp4.pack(message, limit)


@settings(deadline=None)
@given(messages)
def test_what_was_dropped_had_no_room(message: Message) -> None:
    dropped = dhcp4.pack(message, 548).dropped
    roomy, none = dhcp4.pack(message, 60000)
    assert none == ()
    assert dhcp4.decode(roomy).options == message.options
    if sum(len(value) + 2 * (len(value) // 255 + 1) for value in message.options.values()) < 308:
        assert dropped == ()
