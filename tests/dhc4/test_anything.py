"""Whatever decodes is answered or dropped, and every answer can be encoded."""

from ipaddress import IPv4Address

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dhc4.clients import Lan, interface, number, options
from vppdhc.dhc4.classes import ClientClass, ClientClasses
from vppdhc.dhc4.config import BootpClients, ServerConfig, Settings
from vppdhc.dhc4.events import EventKind
from vppdhc.dhc4.reply import encode
from vppdhc.packet.dhcp4 import Message, decode

OCTET = st.integers(0, 255)
ADDRESS = st.sampled_from([0, 1, number("192.168.1.1"), number("192.168.1.50"), number("192.168.1.255"), 2**32 - 1])
SERVER_ID = IPv4Address("192.168.1.1").packed
OVERRIDE = b"\x0b\4\1\2\3\4"
KNOWN = st.fixed_dictionaries(
    {53: st.sampled_from([bytes([kind]) for kind in (1, 3, 4, 7, 8)])},
    optional={
        50: st.sampled_from([IPv4Address("192.168.1.50").packed, bytes(4), b"\xff" * 4, b""]),
        51: st.binary(min_size=4, max_size=4),
        54: st.sampled_from([SERVER_ID, bytes(4), b"\1"]),
        12: st.binary(max_size=600),
        55: st.binary(max_size=300) | st.just(b"\1\x6c"),
        57: st.binary(max_size=3),
        60: st.binary(max_size=300),
        61: st.binary(max_size=300),
        77: st.binary(max_size=300),
        80: st.just(b""),
        81: st.binary(max_size=300),
        82: st.binary(max_size=900) | st.sampled_from([b"\1\4port", b"\5\4\xc0\xa8\1\0\x13\0", OVERRIDE]),
        118: st.binary(max_size=5) | st.just(SERVER_ID),
    },
)
OTHER = st.dictionaries(st.integers(1, 254).filter(lambda code: code != 52), st.binary(max_size=20), max_size=4)


@st.composite
def messages(draw: st.DrawFn) -> Message:
    hlen = draw(st.sampled_from([6, 6, 6, 0, 1, 16]))
    chaddr = draw(st.one_of(st.just(b"\2" * hlen), st.binary(min_size=hlen, max_size=hlen)))
    return Message(
        op=draw(st.sampled_from([1, 1, 1, 2])),
        htype=draw(st.sampled_from([1, 1, 0, 32, 255])),
        hlen=hlen,
        hops=draw(st.sampled_from([0, 16, 17])),
        xid=draw(st.integers(0, 2**32 - 1)),
        secs=draw(st.integers(0, 65535)),
        flags=draw(st.integers(0, 65535)),
        ciaddr=draw(ADDRESS),
        yiaddr=draw(ADDRESS),
        giaddr=draw(ADDRESS),
        chaddr=chaddr,
        sname=draw(st.sampled_from([b"", b"", b"boot"])),
        options={**draw(OTHER), **draw(KNOWN)},
        source_mac=b"\2" * 6,
        source=draw(ADDRESS),
        source_port=draw(st.sampled_from([0, 68, 5067])),
    )


@st.composite
def bootp(draw: st.DrawFn) -> Message:
    message = draw(messages())
    del message.options[53]
    if draw(st.booleans()):
        message.cookie = False
        message.options.clear()
    return message


CLASSES = ClientClasses([ClientClass("any", user_classes=(b"*",), options=options(boot_file_name="file"))])
TOLD = options(domain_name_servers=["8.8.8.8"], domain_name="example.net", v6_only_preferred=300)
CONFIG = ServerConfig(
    Settings(
        options=TOLD,
        rapid_commit=True,
        bootp_clients=BootpClients.DYNAMIC,
        max_client_rate=2,
        max_leases_per_hardware_address=2,
    ),
    classes=CLASSES,
)


@settings(max_examples=400, deadline=None)
@given(st.lists(messages() | bootp(), min_size=1, max_size=4), st.sets(st.integers(1, 254), max_size=200))
def test_anything(asked: list[Message], squatted: set[int]) -> None:
    lan = Lan(interface("192.168.1.1/24"), config=CONFIG)
    lan.squatters = {f"192.168.1.{host}": "02:00:00:00:66:66" for host in squatted}
    for message in asked:
        outcome = lan.hear(message)
        assert (outcome.drop is None) or not outcome.replies
        assert outcome.drop is None or outcome.reason == outcome.drop
        assert {event.kind for event in outcome.events} <= {EventKind.CONFLICT} or outcome.drop is None
        for reply in outcome.replies:
            answer = decode(_payload(encode(reply, lan.interfaces[0])))
            assert (53 in answer.options) == (53 in message.options)
            if 53 in answer.options:
                assert answer.options[53] in (b"\2", b"\5", b"\6")
                overridden = message.giaddr and message.options.get(82) == OVERRIDE
                assert answer.options[54] == (OVERRIDE[2:] if overridden else SERVER_ID)
            assert answer.options.get(82) == message.options.get(82)
        lan.now += 1.0


def _payload(encoded: tuple[int, bytes]) -> bytes:
    action, packet = encoded
    return packet[28 if action else 42 :]
