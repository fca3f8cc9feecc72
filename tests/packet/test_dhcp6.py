"""DHCPv6 messages: headers, options in order, relay messages, datagrams of the punt socket; against scapy."""

from ipaddress import IPv6Address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.packet.recorded import punted
from tests.packet.scapy_layers6 import UDP, Dot1AD, Dot1Q, Ether, Raw
from tests.packet.scapy_layers6 import dhcp6 as scapy
from tests.packet.scapy_layers6 import inet6 as ip
from vppdhc.interface import Vlan
from vppdhc.packet import dhcp6, frame, ipv6, punt
from vppdhc.packet.dhcp6 import Message, MessageType, Relay, StatusCode
from vppdhc.packet.errors import DecodeError

CLIENT, SERVER = "fe80::1", "ff02::1:2"
LINK, PEER = IPv6Address("2001:db8:2::1"), IPv6Address("fe80::5054:ff:fe12:3457")
MESSAGES = {
    MessageType.SOLICIT: scapy.DHCP6_Solicit,
    MessageType.ADVERTISE: scapy.DHCP6_Advertise,
    MessageType.REQUEST: scapy.DHCP6_Request,
    MessageType.CONFIRM: scapy.DHCP6_Confirm,
    MessageType.RENEW: scapy.DHCP6_Renew,
    MessageType.REBIND: scapy.DHCP6_Rebind,
    MessageType.REPLY: scapy.DHCP6_Reply,
    MessageType.RELEASE: scapy.DHCP6_Release,
    MessageType.DECLINE: scapy.DHCP6_Decline,
    MessageType.RECONFIGURE: scapy.DHCP6_Reconf,
    MessageType.INFORMATION_REQUEST: scapy.DHCP6_InfoRequest,
    MessageType.ADDR_REG_INFORM: scapy.DHCP6_AddrRegInform,
    MessageType.ADDR_REG_REPLY: scapy.DHCP6_AddrRegReply,
}
OPTIONS = scapy.DHCP6OptElapsedTime(elapsedtime=9) / scapy.DHCP6OptRapidCommit() / scapy.DHCP6OptElapsedTime()


def link() -> Any:
    return Ether(src="02:00:00:00:00:01", dst="33:33:00:01:00:02") / ip.IPv6(src=CLIENT, dst=SERVER)


@pytest.mark.parametrize("message_type", MESSAGES)
def test_every_message_against_scapy(message_type: MessageType) -> None:
    theirs = bytes(MESSAGES[message_type](trid=0xABCDEF) / OPTIONS)
    message = Message(message_type, 0xABCDEF, [(8, b"\0\x09"), (14, b""), (8, b"\0\0")])
    assert dhcp6.encode(message) == theirs
    assert dhcp6.decode(theirs) == message


def test_scapys_types_are_ours() -> None:
    shortened = {12: "RELAY_FORWARD", 13: "RELAY_REPLY"}
    for number, name in scapy.dhcp6types.items():
        assert MessageType(number).name == shortened.get(number, name.replace("-", "_"))


def test_scapys_status_codes_are_ours() -> None:
    for number, name in scapy.dhcp6statuscodes.items():
        assert StatusCode(number).name.replace("_", "") == name.upper()


def test_options_are_found_in_order_and_as_often_as_they_come() -> None:
    message = Message(MessageType.REQUEST, 1, [(3, b"a"), (25, b"b"), (3, b"c"), (6, b"\0\x17\0\x18")])
    assert message.get(3) == b"a"
    assert message.all(3) == [b"a", b"c"]
    assert message.get(1) is None
    assert message.all(1) == []
    assert message.requested == (23, 24)
    assert Message(MessageType.REQUEST, 1).requested == ()
    assert Message(MessageType.REQUEST, 1, [(6, b"\0\x17\0")]).requested == (23,)
    assert dhcp6.decode(dhcp6.encode(message)).options == message.options


def relays() -> tuple[Relay, ...]:
    outer = Relay(MessageType.RELAY_FORWARD, 1, int(LINK), int(PEER), [(18, b"if1"), (37, b"\0\0\0\x09x")])
    inner = Relay(MessageType.RELAY_FORWARD, 0, 0, int(PEER), [(18, b"if0"), (79, b"\0\x01\x02\0\0\0\0\x01")])
    return outer, inner


def test_relay_messages_against_scapy() -> None:
    solicit = scapy.DHCP6_Solicit(trid=5) / OPTIONS
    inner = (
        scapy.DHCP6_RelayForward(hopcount=0, linkaddr="::", peeraddr=str(PEER))
        / scapy.DHCP6OptIfaceId(ifaceid=b"if0")
        / scapy.DHCP6OptClientLinkLayerAddr(clladdr="02:00:00:00:00:01")
        / scapy.DHCP6OptRelayMsg(message=solicit)
    )
    outer = (
        scapy.DHCP6_RelayForward(hopcount=1, linkaddr=str(LINK), peeraddr=str(PEER))
        / scapy.DHCP6OptIfaceId(ifaceid=b"if1")
        / scapy.DHCP6OptRemoteID(enterprisenum=9, remoteid=b"x")
        / scapy.DHCP6OptRelayMsg(message=inner)
    )
    message = Message(MessageType.SOLICIT, 5, [(8, b"\0\x09"), (14, b""), (8, b"\0\0")], relays())
    assert dhcp6.decode(bytes(outer)) == message
    assert dhcp6.encode(message) == bytes(outer)


def test_the_relay_message_option_may_stand_anywhere() -> None:
    forward = (
        scapy.DHCP6_RelayForward(hopcount=0, linkaddr="::", peeraddr=str(PEER))
        / scapy.DHCP6OptRelayMsg(message=scapy.DHCP6_Solicit(trid=5))
        / scapy.DHCP6OptIfaceId(ifaceid=b"if0")
    )
    message = dhcp6.decode(bytes(forward))
    assert (message.type, message.transaction_id) == (MessageType.SOLICIT, 5)
    assert message.relays[0].options == [(18, b"if0")]


def test_a_relay_reply_goes_the_same_way_back() -> None:
    request = Message(MessageType.SOLICIT, 5, [], relays())
    reply = Message(MessageType.ADVERTISE, 5, [(14, b"")], tuple(relay.reply() for relay in request.relays))
    outer = scapy.DHCP6_RelayReply(dhcp6.encode(reply))
    assert (outer.msgtype, outer.hopcount, outer.linkaddr, outer.peeraddr) == (13, 1, str(LINK), str(PEER))
    assert outer[scapy.DHCP6OptIfaceId].ifaceid == b"if1"
    assert scapy.DHCP6OptRemoteID not in outer
    inner = outer[scapy.DHCP6OptRelayMsg].message
    assert (inner.msgtype, inner.hopcount, inner.linkaddr, inner.peeraddr) == (13, 0, "::", str(PEER))
    assert inner[scapy.DHCP6OptIfaceId].ifaceid == b"if0"
    advertise = inner[scapy.DHCP6OptRelayMsg].message
    assert (advertise.msgtype, advertise.trid) == (2, 5)


def test_a_relay_reply_echoes_what_is_asked_for() -> None:
    options = [(37, b"\0\0\0\x09x"), (38, b"s"), (43, b"\0\x25"), (135, b"\0\0"), (18, b"if")]
    relay = Relay(MessageType.RELAY_FORWARD, 0, 1, 2, options)
    assert relay.reply() == (MessageType.RELAY_REPLY, 0, 1, 2, [(37, b"\0\0\0\x09x"), (135, b"\0\0"), (18, b"if")])


def nested(times: int) -> bytes:
    layers = [Relay(MessageType.RELAY_FORWARD, (times - level - 1) % 256, 0, 1, []) for level in range(times)]
    return dhcp6.encode(Message(MessageType.SOLICIT, 7, [], tuple(layers)))


def test_as_many_relays_as_the_hop_count_limit_allows() -> None:
    assert len(dhcp6.decode(nested(9)).relays) == 9
    assert dhcp6.decode(nested(9)).relays[0].hop_count == dhcp6.HOP_COUNT_LIMIT
    for times in (10, 33, 1500):
        with pytest.raises(DecodeError) as caught:
            dhcp6.decode(nested(times))
        assert caught.value.kind == "dhcp6-malformed"


FORWARD = b"\x0c" + bytes(33)
REPLY = b"\x0d" + bytes(33)


@pytest.mark.parametrize(
    ("payload", "kind", "offset"),
    [
        (b"", "dhcp6-truncated", 0),
        (b"\1\2\3", "dhcp6-truncated", 3),
        (b"\1\0\0\1\0\x03\0", "dhcp6-truncated", 4),
        (b"\1\0\0\1\0\0\0\0\1", "dhcp6-truncated", 8),
        (b"\1\0\0\1\0\x0e\0\0\0\x08\0\2\0", "dhcp6-truncated", 8),
        (FORWARD[:33], "dhcp6-truncated", 33),
        (FORWARD, "dhcp6-malformed", 0),
        (FORWARD + b"\0\x12\0\1x", "dhcp6-malformed", 0),
        (FORWARD + b"\0\x09\0\5\1\0\0", "dhcp6-truncated", 34),
        (FORWARD + b"\0\x09\0\0", "dhcp6-truncated", 38),
        (FORWARD + b"\0\x09\0\x03\1\0\0", "dhcp6-truncated", 41),
        (FORWARD + b"\0\x09\0\x04\1\0\0\1\0\x09\0\x04\1\0\0\1", "dhcp6-malformed", 46),
        (FORWARD + b"\0\x09\0\x22" + REPLY, "dhcp6-malformed", 38),
    ],
)
def test_messages_that_are_wrong(payload: bytes, kind: str, offset: int) -> None:
    with pytest.raises(DecodeError) as caught:
        dhcp6.decode(payload)
    assert (caught.value.kind, caught.value.offset, caught.value.layer) == (kind, offset, "dhcp6")
    before = len(punted(in_frame(b"")))
    with pytest.raises(DecodeError) as caught:
        dhcp6.receive(punted(in_frame(payload)))
    assert (caught.value.kind, caught.value.offset) == (kind, offset + before)


def test_zeros_behind_the_options_are_no_option() -> None:
    assert dhcp6.decode(b"\1\0\0\1\0\x0e\0\0\0\0\0").options == [(14, b"")]
    assert dhcp6.decode(b"\1\0\0\1\0\x0e\0\0" + bytes(4)).options == [(14, b""), (0, b"")]


@pytest.mark.parametrize(
    "message",
    [
        Message(256, 0),
        Message(-1, 0),
        Message(1, 1 << 24),
        Message(1, -1),
        Message(1, 0, [(-1, b"")]),
        Message(1, 0, [(65536, b"")]),
        Message(1, 0, [(9, bytes(65536))]),
        Message(1, 0, [], (Relay(12, 256, 0, 0, []),)),
        Message(1, 0, [], (Relay(12, 0, 1 << 128, 0, []),)),
        Message(1, 0, [], (Relay(12, 0, 0, -1, []),)),
    ],
)
def test_messages_that_cannot_be_written(message: Message) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        dhcp6.encode(message)


def in_frame(payload: bytes, vlans: tuple[Vlan, ...] = ()) -> bytes:
    return frame.encode_udp6(
        source_mac=b"\2\0\0\0\0\1",
        destination_mac=ipv6.multicast_mac(dhcp6.ALL_RELAY_AGENTS_AND_SERVERS),
        vlans=vlans,
        source=int(IPv6Address(CLIENT)),
        destination=dhcp6.ALL_RELAY_AGENTS_AND_SERVERS,
        source_port=dhcp6.CLIENT_PORT,
        destination_port=dhcp6.SERVER_PORT,
        payload=payload,
    )


TAGS = [
    ((), Ether(src="02:00:00:00:00:01", dst="33:33:00:01:00:02")),
    ((Vlan(0x8100, 7),), Ether(src="02:00:00:00:00:01", dst="33:33:00:01:00:02") / Dot1Q(vlan=7)),
    (
        (Vlan(0x88A8, 4094), Vlan(0x8100, 1)),
        Ether(src="02:00:00:00:00:01", dst="33:33:00:01:00:02") / Dot1AD(vlan=4094) / Dot1Q(vlan=1),
    ),
]


@pytest.mark.parametrize(("vlans", "ethernet"), TAGS)
def test_datagrams_of_the_punt_socket(vlans: tuple[Vlan, ...], ethernet: Any) -> None:
    solicit = scapy.DHCP6_Solicit(trid=0x010203) / OPTIONS
    theirs = bytes(ethernet / ip.IPv6(src=CLIENT, dst=SERVER) / UDP(sport=1024, dport=547) / solicit)
    message = dhcp6.receive(punt.encode(7, punt.L2, theirs))
    assert (message.type, message.transaction_id) == (MessageType.SOLICIT, 0x010203)
    assert message.options == [(8, b"\0\x09"), (14, b""), (8, b"\0\0")]
    assert (message.interface, message.vlans, message.source_port) == (7, vlans, 1024)
    assert (message.source_mac.hex(":"), message.destination_mac.hex(":")) == ("02:00:00:00:00:01", "33:33:00:01:00:02")
    assert (str(IPv6Address(message.source)), str(IPv6Address(message.destination))) == (CLIENT, SERVER)
    assert dhcp6.encode(message) == bytes(solicit)
    ours = in_frame(dhcp6.encode(message), vlans)
    again = bytes(ethernet / ip.IPv6(src=CLIENT, dst=SERVER, hlim=64) / UDP(sport=546, dport=547) / solicit)
    assert ours == again


GOOD = bytes(link() / UDP(sport=546, dport=547) / scapy.DHCP6_Solicit(trid=1))


def edited(offset: int, replacement: bytes) -> bytes:
    return GOOD[:offset] + replacement + GOOD[offset + len(replacement) :]


@pytest.mark.parametrize(
    ("packet", "kind"),
    [
        (b"", "ethernet-truncated"),
        (edited(12, b"\x08\0"), "ethernet-type"),
        (GOOD[:53], "ipv6-truncated"),
        (edited(14, b"\x40"), "ipv6-malformed"),
        (edited(20, b"\x06"), "ipv6-protocol"),
        (bytes(link() / ip.IPv6ExtHdrFragment(m=1) / UDP(sport=546, dport=547)), "ipv6-fragment"),
        (edited(58, b"\0\x07"), "udp-malformed"),
        (edited(58, b"\0\x0d"), "udp-truncated"),
        (edited(60, b"\0\0"), "udp-malformed"),
        (edited(58, b"\0\x0b"), "dhcp6-truncated"),
    ],
)
def test_datagrams_that_are_wrong(packet: bytes, kind: str) -> None:
    with pytest.raises(DecodeError) as caught:
        dhcp6.receive(punted(packet))
    assert caught.value.kind == kind


def test_a_datagram_too_short_for_its_header() -> None:
    with pytest.raises(DecodeError) as caught:
        dhcp6.receive(bytes(7))
    assert caught.value.kind == "punt-truncated"


def test_extension_headers_padding_and_partial_checksums_do_no_harm() -> None:
    udp = UDP(sport=546, dport=547, chksum=0x1234) / scapy.DHCP6_Solicit(trid=1)
    extended = bytes(link() / ip.IPv6ExtHdrHopByHop() / ip.IPv6ExtHdrDestOpt() / udp) + bytes(9)
    assert dhcp6.receive(punted(extended)).transaction_id == 1
    longer = bytes(link() / UDP(sport=546, dport=547, len=12) / scapy.DHCP6_Solicit(trid=1) / Raw(b"nobody's"))
    assert dhcp6.receive(punted(longer)).options == []


OPTION_LISTS = st.lists(
    st.tuples(st.integers(0, 0xFFFF).filter(lambda code: code != 9), st.binary(max_size=40)), max_size=6
)
RELAYS = st.lists(
    st.tuples(st.integers(0, 255), st.integers(0, (1 << 128) - 1), st.integers(0, (1 << 128) - 1), OPTION_LISTS),
    max_size=9,
)


@settings(deadline=None)
@given(st.sampled_from([1, 2, 7, 10, 36, 200]), st.integers(0, 0xFFFFFF), OPTION_LISTS, RELAYS)
def test_any_message_comes_back(message_type: int, xid: int, options: Any, layers: Any) -> None:
    message = Message(message_type, xid, options, tuple(Relay(12, *layer) for layer in layers))
    payload = dhcp6.encode(message)
    assert dhcp6.decode(payload) == message
