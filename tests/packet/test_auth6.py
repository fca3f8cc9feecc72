"""The reconfiguration key authentication protocol: on what dibbler signed, and against HMAC of scapy's bytes."""

import hashlib
import hmac
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.packet.recorded import punted
from tests.packet.recorded6 import DHCP6
from tests.packet.scapy_layers6 import dhcp6 as scapy
from vppdhc.packet import auth6, dhcp6
from vppdhc.packet.auth6 import Auth
from vppdhc.packet.dhcp6 import Message, MessageType, Relay
from vppdhc.packet.errors import DecodeError

KEY = bytes(range(16))
AUTH = 11
RECONFIGURE = Message(MessageType.RECONFIGURE, 0, [(2, b"\0\3\0\1abcdef"), (1, b"\0\3\0\1ghijkl"), (19, b"\5")])


def dibbler_key() -> bytes:
    raw = dhcp6.receive(punted(DHCP6["dibbler-server-key-reply"])).get(AUTH)
    assert raw is not None
    key = auth6.key_of(auth6.decode(raw))
    assert key is not None
    return key


def test_dibblers_reconfigure_is_of_the_owner_of_dibblers_key() -> None:
    key = dibbler_key()
    assert key.hex() == "9f096518d2cfa68ac0b30f60cc0b55e4"
    message = dhcp6.receive(punted(DHCP6["dibbler-server-reconfigure"]))
    auth = auth6.verify(message, key)
    assert auth is not None
    assert (auth.protocol, auth.algorithm, auth.rdm, auth.replay_detection) == (3, 1, 0, 0)
    assert auth6.verify(message, KEY) is None


def test_what_is_signed_with_dibblers_key_is_what_dibbler_signed() -> None:
    message = dhcp6.receive(punted(DHCP6["dibbler-server-reconfigure"]))
    unsigned = replace(message, options=[option for option in message.options if option[0] != AUTH])
    assert auth6.sign(unsigned, dibbler_key(), 0) == message


def test_the_digest_is_over_the_whole_message_with_zeros_in_its_place() -> None:
    def theirs(digest: bytes) -> bytes:
        auth = scapy.DHCP6OptAuth(replay=bytes(7) + b"\x2a", authinfo=b"\2" + digest)
        return dhcp6.encode(RECONFIGURE) + bytes(auth)

    digest = hmac.new(KEY, theirs(bytes(16)), hashlib.md5).digest()
    assert dhcp6.encode(auth6.sign(RECONFIGURE, KEY, 42)) == theirs(digest)
    assert auth6.verify(dhcp6.decode(theirs(digest)), KEY) is not None


def test_relay_messages_are_not_signed() -> None:
    relay = Relay(MessageType.RELAY_REPLY, 0, 1, 2, [(18, b"if0")])
    signed = auth6.sign(replace(RECONFIGURE, relays=(relay,)), KEY, 1)
    assert signed.relays == (relay,)
    assert auth6.verify(replace(signed, relays=()), KEY) is not None


def test_a_key_for_a_client() -> None:
    raw = auth6.encode_key(KEY, 7)
    option = scapy.DHCP6OptAuth(bytes(scapy.DHCP6OptAuth(replay=bytes(7) + b"\7", authinfo=b"\1" + KEY)))
    assert raw == bytes(option)[4:]
    assert auth6.key_of(auth6.decode(raw)) == KEY
    with pytest.raises(ValueError, match="16 bytes"):
        auth6.encode_key(KEY + b"x", 7)


@given(st.integers(0, (1 << 64) - 1), st.data())
def test_nothing_can_be_changed(replay: int, data: st.DataObject) -> None:
    payload = bytearray(dhcp6.encode(auth6.sign(RECONFIGURE, KEY, replay)))
    place = data.draw(st.integers(0, len(payload) - 1))
    payload[place] ^= data.draw(st.integers(1, 255))
    try:
        message = dhcp6.decode(bytes(payload))
    except DecodeError:
        return
    assert auth6.verify(message, KEY) is None


def auth_of(message: Message) -> Auth:
    raw = message.get(AUTH)
    assert raw is not None
    return auth6.decode(raw)


@pytest.mark.parametrize(
    ("protocol", "algorithm", "rdm", "information"),
    [
        (2, 1, 0, None),
        (3, 0, 0, None),
        (3, 1, 1, None),
        (3, 1, 0, b"\1" + KEY),
        (3, 1, 0, b"\2" + KEY[:15]),
        (3, 1, 0, b"\2" + KEY + b"x"),
        (3, 1, 0, b""),
    ],
)
def test_authentication_of_another_kind(protocol: int, algorithm: int, rdm: int, information: bytes | None) -> None:
    signed = auth6.sign(RECONFIGURE, KEY, 1)
    digest = auth_of(signed).information
    auth = Auth(protocol, algorithm, rdm, 1, digest if information is None else information)
    options = [*signed.options[:-1], (AUTH, auth6.encode(auth))]
    assert auth6.verify(replace(signed, options=options), KEY) is None


def test_no_authentication_two_and_half_of_one() -> None:
    signed = auth6.sign(RECONFIGURE, KEY, 1)
    assert auth6.verify(RECONFIGURE, KEY) is None
    assert auth6.verify(replace(signed, options=[*signed.options, signed.options[-1]]), KEY) is None
    assert auth6.verify(replace(signed, options=[*RECONFIGURE.options, (AUTH, b"\3\1\0")]), KEY) is None
    with pytest.raises(DecodeError) as caught:
        auth6.decode(bytes(10))
    assert (caught.value.kind, caught.value.offset) == ("dhcp6-option", 10)
    with pytest.raises(ValueError, match="out of range"):
        auth6.encode(Auth(256, 0, 0, 0, b""))
    with pytest.raises(ValueError, match="out of range"):
        auth6.sign(RECONFIGURE, KEY, 1 << 64)
    assert auth6.key_of(auth_of(signed)) is None
