"""What is written about DHCPv6 options ends on the wire as the RFCs say; scapy reads it where it knows the option."""

from typing import Any

import pytest

from nc.schema import Schema
from tests.dhc6.clients import number
from tests.northbound.dhc6_settings import WAN, Judge, config_of
from tests.packet.scapy_layers6 import dhcp6 as scapy
from vppdhc.dhc6.options import FromUpstream, OptionSet
from vppdhc.dhc6.parameters import Answer, Parameters
from vppdhc.packet.dhcp6 import join

EVERY_CODE = tuple(range(1, 150))
SEVEN = number("2001:db8::7").to_bytes(16, "big")
EIGHT = number("2001:db8::8").to_bytes(16, "big")


def answer(options: OptionSet, upstream: Any = None) -> Answer:
    """Return what a client is told that asks for everything."""
    return Parameters(options, upstream or {}).answer(EVERY_CODE, stateless=True)


def seen_by_scapy(answer: Answer) -> dict[int, Any]:
    """Have scapy read a Reply with these options."""
    reply = scapy.DHCP6_Reply(bytes(scapy.DHCP6_Reply(trid=1)) + join(answer))
    return {layer.optcode: layer for layer in list(reply.iterpayloads())[1:]}


LEAFS: list[tuple[dict[str, Any], int, bytes, str, Any]] = [
    # what is written, code, octets, scapy's field and value
    ({"dns": ["2001:db8::7", "2001:db8::8"]}, 23, SEVEN + EIGHT, "dnsservers", ["2001:db8::7", "2001:db8::8"]),
    (
        {"domain-search": ["eng.example.net", "example.org"]},
        24,
        b"\3eng\7example\3net\0\7example\3org\0",
        "dnsdomains",
        ["eng.example.net.", "example.org."],
    ),
    ({"sntp-server": ["2001:db8::8"]}, 31, EIGHT, "sntpservers", ["2001:db8::8"]),
    ({"ntp-server": ["2001:db8::7"]}, 56, b"\0\1\0\x10" + SEVEN, "ntpserver", None),  # RFC 5908, 4.1
    ({"ntp-server": ["ntp.example.net"]}, 56, b"\0\3\0\x11\3ntp\7example\3net\0", "ntpserver", None),  # 4.3
    ({"captive-portal": "https://p.example/api"}, 103, b"https://p.example/api", "", None),  # RFC 8910
    ({"info-refresh-time": 86400}, 32, b"\0\1\x51\x80", "reftime", 86400),
    ({"option": [{"code": 64, "hex": "04:61:66:74:72:00"}]}, 64, b"\4aftr\0", "", None),
    ({"option": [{"code": 22, "address": ["2001:db8::7"]}]}, 22, SEVEN, "sipservers", ["2001:db8::7"]),
    ({"option": [{"code": 59, "text": "tftp://b/x"}]}, 59, b"tftp://b/x", "", None),
    ({"option": [{"code": 31, "address": ["2001:db8::7"]}], "sntp-server": ["2001:db8::8"]}, 31, SEVEN, "", None),
]


@pytest.mark.parametrize(
    ("written", "code", "wire", "field", "value"), LEAFS, ids=[f"{one[1]}-{next(iter(one[0]))}" for one in LEAFS]
)
def test_every_leaf_is_sent_as_its_rfc_says(
    schema: Schema, written: dict[str, Any], code: int, wire: bytes, field: str, value: Any
) -> None:
    told = answer(config_of(schema, written).settings.options)
    assert told == ((code, wire),)
    layer = seen_by_scapy(told)[code]
    assert bytes(layer)[4:] == wire
    if value is not None:
        assert getattr(layer, field) == value


def test_every_leaf_of_the_model_is_in_that_list(schema: Schema) -> None:
    written = {leaf for one in LEAFS for leaf in one[0]}
    reservation = schema.node_at("/vppdhc:dhc6server/vppdhc:host-reservation")
    assert reservation is not None
    own = {"id", "description", "hardware-address", "client-duid", "ia-id", "reserved-addr", "reserved-prefix"}
    leafs = {node.name for node in reservation.children.values()} - own
    assert leafs - written == {"upstream-interface", "omit-option"}


def test_several_time_servers_are_several_options(schema: Schema) -> None:
    options = config_of(schema, {"ntp-server": ["2001:db8::7", "ntp.example.net"]}).settings.options
    assert answer(options) == (
        (56, b"\0\1\0\x10" + SEVEN),
        (56, b"\0\3\0\x11\3ntp\7example\3net\0"),
    )


def test_what_is_omitted(schema: Schema) -> None:
    written = {
        "omit-option": [23, 31],
        "dns": ["2001:db8::7"],
        "sntp-server": ["2001:db8::8"],
        "info-refresh-time": 600,
    }
    assert answer(config_of(schema, written).settings.options) == ((32, b"\0\0\2\x58"),)


def test_a_learned_value_among_constants(schema: Schema) -> None:
    said = config_of(
        schema,
        {
            "dns": ["2001:db8::7", "from-upstream", "2001:db8::8"],
            "domain-search": ["home.arpa", "from-upstream"],
            "ntp-server": ["from-upstream", "ntp.example.net"],
            "sntp-server": ["from-upstream"],
            "captive-portal": "from-upstream",
            "upstream-interface": "wan0",
        },
        dhc6pdclient=WAN,
    ).settings.options
    assert said.upstream_interface == "wan0"
    assert said.values[31] == said.values[103] == FromUpstream()
    unknown = dict(answer(said))
    assert (unknown[23], unknown[24]) == (SEVEN + EIGHT, b"\4home\4arpa\0")
    assert not {31, 103} & unknown.keys()
    nine = number("2001:db8::9").to_bytes(16, "big")
    learned = {
        "wan0": {23: nine, 24: b"\3isp\7example\0", 31: nine, 56: b"\0\1\0\x10" + nine, 103: b"https://isp.example"},
        "wan1": {23: number("2001:db8::a").to_bytes(16, "big")},
    }
    known = answer(said, learned)
    assert dict(known)[23] == SEVEN + nine + EIGHT
    assert dict(known)[24] == b"\4home\4arpa\0\3isp\7example\0"
    assert (dict(known)[31], dict(known)[103]) == (nine, b"https://isp.example")
    assert [raw for code, raw in known if code == 56] == [
        b"\0\1\0\x10" + nine,
        b"\0\3\0\x11\3ntp\7example\3net\0",
    ]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"option": [{"code": 23, "hex": "20:01"}]}, "/option[code='23']"),
    ({"option": [{"code": 23, "text": "2001:db8::7"}]}, "/option[code='23']"),
    ({"option": [{"code": 24, "text": "example.net"}]}, "/option[code='24']"),
    ({"option": [{"code": 56, "hex": "00:01:00:10:20"}]}, "/option[code='56']"),
    ({"option": [{"code": 32, "address": ["2001:db8::7"]}]}, "/option[code='32']"),
    ({"option": [{"code": 82, "hex": "00:00:00:3b"}]}, "/option[code='82']"),
    ({"option": [{"code": 83, "hex": "00:01:51:81"}]}, "/option[code='83']"),
]


@pytest.mark.parametrize(("written", "path"), WRONG)
@pytest.mark.parametrize(
    ("around", "place"),
    [
        (lambda written: written, ""),
        (lambda written: {"interface": [{"name": "tap1", **written}]}, "/interface[name='tap1']"),
        (
            lambda written: {"subnet": [{"id": "a", "network-prefix": "2001:db8:1::/64", **written}]},
            "/subnet[id='a']",
        ),
        (
            lambda written: {"host-reservation": [{"id": "x", "hardware-address": "02:00:00:00:00:01", **written}]},
            "/host-reservation[id='x']",
        ),
    ],
    ids=["server", "interface", "subnet", "host-reservation"],
)
def test_what_clients_could_not_read_is_refused(
    schema: Schema, written: dict[str, Any], path: str, around: Any, place: str
) -> None:
    judge = Judge(schema, known=False)
    assert judge.commit(around(written)) == [(place + path, "invalid-option")]
    assert judge.commit(around(written), strict=False) == []
    assert [where for where, _ in judge.warnings] == [place + path]
