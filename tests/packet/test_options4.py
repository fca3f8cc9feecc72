"""Typed option values: every option of the table, in both directions, and against scapy."""

import json
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.packet.cases4 import CASES, MALFORMED, REFUSED, TOLERATED
from tests.packet.recorded import DHCP as RECORDED
from tests.packet.recorded import punted
from tests.packet.scapy_layers import (
    BOOTP,
    DHCP,
    DHCPOptions,
    Ether,
    FieldListField,
    StrField,
    dns,
)
from vppdhc.packet import dhcp4, names
from vppdhc.packet.dhcp4 import Message
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.options4 import (
    Option,
    RelayOption,
    by_code,
    by_name,
    decode_value,
    encode_value,
    relay_suboptions,
)


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
    with pytest.raises(DecodeError) as caught:
        decode_value(code, bytes.fromhex(digits))
    assert caught.value.kind == "dhcp4-option"
    assert _label(code) in str(caught.value)


@pytest.mark.parametrize(("code", "value"), REFUSED)
def test_values_that_an_option_cannot_have(code: int, value: Any) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        encode_value(code, value)
    assert not isinstance(caught.value, DecodeError)
    if code in set(Option):
        assert _label(code) in str(caught.value)


def test_the_table_is_found_by_code_and_by_name() -> None:
    for option in Option:
        assert by_code(option.value) is option
        assert by_name(option.label) is option
    assert by_code(224) is None
    assert by_name("no-such-option") is None
    assert Option.DOMAIN_NAME_SERVERS.label == "domain-name-servers"
    assert Option.CLASSLESS_STATIC_ROUTE.kind.name == "classless route list"
    options: dict[int, bytes] = {Option.ROUTERS: b"x"}
    assert options[3] == b"x"
    assert len({option.label for option in RelayOption}) == len(RelayOption)


def test_relay_suboptions_raw() -> None:
    assert relay_suboptions(bytes.fromhex("010461626364c800")) == {1: b"abcd", 200: b""}
    with pytest.raises(DecodeError):
        relay_suboptions(b"\x01\x09a")


def scapy_values(field: Any, value: Any, raw: bytes) -> list[Any]:
    """An option's value as scapy wants it, one argument a field."""
    if isinstance(field, str | StrField) or field is None:
        return [raw]
    if isinstance(field, FieldListField):
        routes = isinstance(value[0], dict)
        return [[f"{route['destination']}:{route['router']}" for route in value] if routes else value]
    values = value if isinstance(value, list) else [value]
    flat: list[Any] = []
    for element in values:
        flat += element.values() if isinstance(element, dict) else [element]
    return [scapy_scalar(element) for element in flat]


def scapy_scalar(value: Any) -> Any:
    if isinstance(value, IPv4Address | IPv4Network):
        return str(value)
    return value & 0xFFFFFFFF if isinstance(value, int) else value


def scapy_name(code: int) -> Any:
    field: Any = DHCPOptions.get(code)
    return code if field is None else field if isinstance(field, str) else field.name


# Scapy knows no empty list of addresses. The message type, and overload, which is not set by hand, are compared in
# test_dhcp4.
COMPARED = [case for case in CASES if case[0] not in (52, 53) and case[1] != []]
assert {code for code, _, _ in COMPARED} - {224} | {52, 53} == set(Option)


@pytest.mark.parametrize(("code", "value", "digits"), COMPARED)
def test_scapy_reads_what_is_written(code: int, value: Any, digits: str) -> None:
    payload = dhcp4.encode(Message(options={53: b"\1", code: encode_value(code, value)}))
    found = BOOTP(payload)[DHCP].options
    expected = scapy_values(DHCPOptions.get(code), value, bytes.fromhex(digits))
    assert found[0] == ("message-type", 1)
    assert found[1] == (scapy_name(code), *expected)
    assert found[2] == "end"


@pytest.mark.parametrize(("code", "value", "digits"), COMPARED)
def test_what_scapy_writes_is_read(code: int, value: Any, digits: str) -> None:
    values = scapy_values(DHCPOptions.get(code), value, bytes.fromhex(digits))
    payload = bytes(BOOTP() / DHCP(options=[("message-type", 1), (scapy_name(code), *values), "end"]))
    options = dhcp4.decode(payload).options
    assert options == {53: b"\1", code: bytes.fromhex(digits)}
    assert decode_value(code, options[code]) == value


@pytest.mark.parametrize("name", [name for name in RECORDED if name not in ("bootp-request", "overloaded-offer")])
def test_recorded_options_mean_what_scapy_says(name: str) -> None:
    options = dhcp4.receive(punted(RECORDED[name])).options
    listed = [option for option in Ether(RECORDED[name])[DHCP].options if isinstance(option, tuple)]
    values = {code: scapy_values(DHCPOptions.get(code), decode_value(code, raw), raw) for code, raw in options.items()}
    assert listed == [(scapy_name(code), *value) for code, value in values.items()]


FQDN_KEYS = ("server-updates", "overridden", "encoded", "no-updates")


@pytest.mark.parametrize(
    ("name", "code", "value"),
    [
        ("dnsmasq-rapid-ack", 119, ["example.com", "lab.example.com"]),
        (
            "dnsmasq-rapid-ack",
            121,
            [
                {"destination": IPv4Network("0.0.0.0/0"), "router": IPv4Address("192.168.70.1")},
                {"destination": IPv4Network("10.0.0.0/8"), "router": IPv4Address("192.168.70.1")},
            ],
        ),
        ("dnsmasq-rapid-ack", 6, [IPv4Address("9.9.9.9"), IPv4Address("8.8.8.8")]),
        (
            "dhcpcd-discover",
            81,
            {
                **dict.fromkeys(FQDN_KEYS, False),
                "server-updates": True,
                "encoded": True,
                "rcode1": 0,
                "rcode2": 0,
                "domain-name": "tablet",
            },
        ),
        (
            "udhcpc-discover-fqdn",
            81,
            {
                **dict.fromkeys(FQDN_KEYS, False),
                "server-updates": True,
                "rcode1": 0,
                "rcode2": 0,
                "domain-name": "laptop.example.com",
            },
        ),
        ("dhcpcd-discover", 77, ["iot"]),
        ("dhcpcd-discover", 80, True),
        ("dhcpcd-discover", 145, [1]),
        ("dhcpcd-discover", 61, "ff:00:12:34:61:00:01:00:01:32:98:65:8b:52:54:00:12:34:61"),
        ("relayed-discover", 82, {"circuit-id": "70:63:72:31"}),
        ("windows-discover", 60, "MSFT 5.0"),
    ],
)
def test_what_recorded_options_say(name: str, code: int, value: Any) -> None:
    assert decode_value(code, dhcp4.receive(punted(RECORDED[name])).options[code]) == value


labels = st.binary(min_size=1, max_size=63)
plain_labels = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=30)
plain_names = st.lists(plain_labels, min_size=1, max_size=6).map(".".join)


@settings(deadline=None)
@given(st.lists(plain_names, min_size=1, max_size=10))
def test_domain_names_against_scapys_dns(texts: list[str]) -> None:
    scapy_dns: Any = dns  # without types
    assert names.encode_plain_list(texts) == b"".join(scapy_dns.dns_encode(f"{text}.".encode()) for text in texts)
    wire = names.encode_list([*texts, *(f"www.{text}" for text in texts)])
    found, rest = [], wire
    while rest:
        name, rest, *_ = scapy_dns.dns_get_str(rest, full=wire)
        found.append(name.decode().removesuffix("."))
    assert found == [*texts, *(f"www.{text}" for text in texts)]
    assert names.decode_list(wire) == found


name_labels = st.lists(labels, min_size=1, max_size=8).filter(lambda parts: sum(len(part) + 1 for part in parts) < 255)


@settings(deadline=None)
@given(st.lists(name_labels, min_size=1, max_size=12))
def test_any_domain_names_come_back(lists: list[list[bytes]]) -> None:
    texts = [names.to_text(parts) for parts in lists]
    assert names.decode_list(names.encode_list(texts)) == texts
    assert names.decode_list(names.encode_plain_list(texts)) == texts
    assert names.decode_partial(names.encode_partial(texts[0])) == texts[0]
    assert names.decode_partial(names.encode_partial(texts[0] + ".")) == texts[0] + "."


def test_names_beyond_the_reach_of_pointers() -> None:
    texts = [f"host-{number}.site-{number % 1999}.example.com" for number in range(3000)]
    wire = names.encode_list(texts)
    assert len(wire) > 0x4000
    assert names.decode_list(wire) == texts


@settings(deadline=None, max_examples=300)
@given(st.integers(1, 254), st.binary(max_size=300))
def test_any_bytes_have_a_value_or_an_error(code: int, raw: Any) -> None:
    try:
        value = decode_value(code, raw)
    except DecodeError:
        return
    json.dumps(as_json(value)).encode()


@settings(deadline=None, max_examples=300)
@given(st.integers(1, 254), st.binary(max_size=60))
def test_a_value_that_can_be_written_is_read_the_same(code: int, raw: Any) -> None:
    try:
        value = decode_value(code, raw)
        written = encode_value(code, value)
    except ValueError:
        return
    assert decode_value(code, written) == value


@settings(deadline=None)
@given(st.text())
def test_any_text_is_refused_or_comes_back(text: str) -> None:
    try:
        raw = encode_value(Option.HOST_NAME, text)
    except ValueError:
        assert not text.isprintable() or not text
    else:
        assert decode_value(Option.HOST_NAME, raw) == text
