"""Typed DHCPv6 option values: every option of the table, in both directions, and against scapy."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.packet.cases6 import CASES, MALFORMED, REFUSED, TOLERATED
from tests.packet.scapy_layers6 import dhcp6 as scapy
from tests.packet.scapy_options6 import UNKNOWN_TO_SCAPY, said, scapy_option
from vppdhc.packet import dhcp6
from vppdhc.packet.dhcp6 import Message, MessageType
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.options6 import Option, by_code, by_name, decode_value, encode_value

NOT_IN_SCAPY = [
    (39, "01027063"),  # it writes no partial name
    (39, "00"),
]
KNOWN = [case for case in CASES if case[0] not in UNKNOWN_TO_SCAPY and (case[0], case[2]) not in NOT_IN_SCAPY]
UNKNOWN = [case for case in CASES if case[0] in UNKNOWN_TO_SCAPY]


def _label(code: int) -> str:
    """How messages name an option."""
    option = by_code(code)
    assert option is not None
    return f"{option.label} ({code})"


def as_json(value: Any) -> Any:
    """What a value becomes in a configuration file."""
    return json.loads(json.dumps(value, default=str))


@pytest.mark.parametrize(("code", "value", "digits"), CASES)
def test_value_to_bytes_and_back(code: int, value: Any, digits: str) -> None:
    raw = bytes.fromhex(digits)
    assert decode_value(code, raw) == value
    assert type(decode_value(code, raw)) is type(value)
    assert encode_value(code, value) == raw


@pytest.mark.parametrize(("code", "value", "digits"), CASES)
def test_value_from_json(code: int, value: Any, digits: str) -> None:
    assert encode_value(code, as_json(value)) == bytes.fromhex(digits)


@pytest.mark.parametrize(("code", "digits", "value"), TOLERATED)
def test_bytes_that_are_unusual_have_a_value(code: int, digits: str, value: Any) -> None:
    assert decode_value(code, bytes.fromhex(digits)) == value


@pytest.mark.parametrize(("code", "digits"), MALFORMED)
def test_malformed_bytes(code: int, digits: str) -> None:
    raw = bytes.fromhex(digits)
    with pytest.raises(DecodeError) as caught:
        decode_value(code, raw)
    assert caught.value.kind == "dhcp6-option"
    assert 0 <= caught.value.offset <= len(raw)
    assert _label(code) in str(caught.value)


@pytest.mark.parametrize(("code", "value"), REFUSED)
def test_values_that_an_option_cannot_have(code: int, value: Any) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        encode_value(code, value)
    assert not isinstance(caught.value, DecodeError)
    if code in set(Option):
        assert _label(code) in str(caught.value)


def test_an_error_deep_inside_names_the_way_to_it() -> None:
    with pytest.raises(DecodeError, match=r"ia-na \(3\): iaaddr \(5\): "):
        decode_value(3, bytes.fromhex("00000001000003e8000007d00005000100"))
    with pytest.raises(ValueError, match=r"ia-pd \(25\): iaprefix \(26\): .*2001:db8::1/56"):
        encode_value(25, {"iaid": 1, "t1": 0, "t2": 0, "options": [{"option": "iaprefix", "value": {
            "preferred-lifetime": 0, "valid-lifetime": 0, "prefix": "2001:db8::1/56", "options": []}}]})  # fmt: skip


def test_the_table_is_found_by_code_and_by_name() -> None:
    for option in Option:
        assert by_code(option.value) is option
        assert by_name(option.label) is option
    assert by_code(65001) is None
    assert by_name("no-such-option") is None
    assert Option.DNS_SERVERS.label == "dns-servers"
    assert Option.DNS_SERVERS.kind.name == "IPv6 address list"
    assert Message(1, 0, [(Option.DNS_SERVERS, b"x")]).get(23) == b"x"


def test_no_bytes_nest_deeper_than_the_options_do() -> None:
    raw = b""
    for _ in range(2000):
        raw = bytes(12) + b"\0\3" + len(raw).to_bytes(2, "big") + raw
    value = decode_value(3, raw)
    assert isinstance(value, dict)
    assert value["options"][0]["option"] == "3"
    assert isinstance(value["options"][0]["value"], str)


def in_message(code: int, raw: bytes) -> bytes:
    return dhcp6.encode(Message(MessageType.REPLY, 0x123456, [(Option.PREFERENCE, b"\x07"), (code, raw)]))


@pytest.mark.parametrize(("code", "value", "digits"), KNOWN)
def test_scapy_reads_what_is_written(code: int, value: Any, digits: str) -> None:
    found = scapy.DHCP6_Reply(in_message(code, encode_value(code, value)))
    assert (found.msgtype, found.trid, found.payload.prefval) == (7, 0x123456, 7)
    option = found.payload.payload
    assert type(option) is type(scapy_option(code, value))
    assert said(option) == said(scapy_option(code, value))


@pytest.mark.parametrize(("code", "value", "digits"), KNOWN)
def test_what_scapy_writes_is_read(code: int, value: Any, digits: str) -> None:
    payload = bytes(scapy.DHCP6_Reply(trid=0x123456) / scapy.DHCP6OptPref(prefval=7) / scapy_option(code, value))
    message = dhcp6.decode(payload)
    assert message.options == [(7, b"\x07"), (code, bytes.fromhex(digits))]
    assert decode_value(code, message.options[1][1]) == value
    assert dhcp6.encode(message) == payload


@pytest.mark.parametrize(("code", "value", "digits"), UNKNOWN)
def test_scapy_sees_the_bytes_of_what_it_does_not_know(code: int, value: Any, digits: str) -> None:
    raw = encode_value(code, value)
    option = scapy.DHCP6OptUnknown(bytes(scapy.DHCP6OptUnknown(optcode=code, data=raw)))
    assert (option.optcode, option.data) == (code, bytes.fromhex(digits))
    assert in_message(code, raw).endswith(bytes(option))


def test_every_option_that_scapy_knows_is_compared() -> None:
    known = {code for code, name in scapy.dhcp6opts_by_code.items() if hasattr(scapy, name)} - {9}
    assert {case[0] for case in KNOWN} == known & set(Option)
    assert known <= set(Option)


@settings(deadline=None, max_examples=600)
@given(st.sampled_from(sorted(set(Option))), st.data())
def test_what_can_be_read_and_written_says_the_same_again(code: int, data: st.DataObject) -> None:
    own = [bytes.fromhex(digits) for other, _, digits in CASES if other == code]
    raw = bytearray(data.draw(st.one_of(st.sampled_from(own), st.binary(max_size=80))))
    for _ in range(data.draw(st.integers(0, 3))):
        if raw:
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        value = decode_value(code, bytes(raw))
        written = encode_value(code, value)
    except ValueError:
        return
    assert decode_value(code, written) == value
    assert encode_value(code, as_json(value)) == written
