"""What is written about DHCPv4 options ends on the wire as the RFCs say; scapy reads it where it knows the option."""

import warnings
from ipaddress import IPv4Network
from typing import Any

import pytest

from nc.schema import Schema
from tests.northbound.dhc4_settings import CLIENT, Judge, config_of
from vppdhc.dhc4.options import NO_OPTIONS, FromUpstream, OptionSet
from vppdhc.dhc4.parameters import Answer, Parameters
from vppdhc.packet.dhcp4 import Message, encode

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of scapy about ciphers that it does not need here
    from scapy.layers.dhcp import BOOTP, DHCP

NETWORK = IPv4Network("192.168.1.0/24")
EVERY_CODE = bytes(code for code in range(1, 255))


def answer(options: OptionSet, upstream: Any = None) -> Answer:
    """Return what a client is told that asks for everything."""
    return Parameters(NETWORK, 0xC0A80101, options, upstream or {}).answer(EVERY_CODE)


def seen_by_scapy(answer: Answer) -> dict[str, Any]:
    """Have scapy read an ACK with these options."""
    wire = encode(Message(op=2, options={53: b"\5", **answer.options}), 1400)
    found = {}
    for option in BOOTP(wire)[DHCP].options:
        if isinstance(option, tuple):
            found[option[0]] = option[1] if len(option) == 2 else list(option[1:])
    return found


LEAFS: list[tuple[dict[str, Any], int, bytes | str, str, Any]] = [
    # what is written, code, octets (text is hexadecimal), scapy's name and value
    ({"router": ["192.168.1.2", "192.168.1.3"]}, 3, "c0a80102c0a80103", "router", ["192.168.1.2", "192.168.1.3"]),
    ({"name-server": ["8.8.8.8", "1.1.1.1"]}, 6, "0808080801010101", "name_server", ["8.8.8.8", "1.1.1.1"]),
    ({"domain-name": "example.net"}, 15, b"example.net", "domain", b"example.net"),
    (
        {"domain-search": ["eng.apple.com", "marketing.apple.com"]},  # RFC 3397, 2
        119,
        b"\3eng\5apple\3com\0\x09marketing\xc0\x04",
        "",
        None,
    ),
    ({"ntp-server": ["192.168.1.4"]}, 42, "c0a80104", "NTP_server", "192.168.1.4"),
    ({"interface-mtu": 1492}, 26, "05d4", "interface-mtu", 1492),
    (
        {
            "route": [
                {"destination-prefix": "10.17.0.0/16", "next-hop-address": "192.168.1.9"},  # RFC 3442
                {"destination-prefix": "0.0.0.0/0", "next-hop-address": "192.168.1.1"},
            ]
        },
        121,
        "100a11c0a8010900c0a80101",
        "classless_static_routes",
        ["10.17.0.0/16:192.168.1.9", "0.0.0.0/0:192.168.1.1"],
    ),
    (
        {"captive-portal": "https://p.example/api"},
        114,
        b"https://p.example/api",
        "captive-portal",
        b"https://p.example/api",
    ),
    ({"v6-only-wait": 1800}, 108, "00000708", "ipv6-only-preferred", 1800),
    ({"boot-file-name": "pxelinux.0"}, 67, b"pxelinux.0", "boot-file-name", b"pxelinux.0"),
    ({"tftp-server-name": "boot.example.net"}, 66, b"boot.example.net", "tftp_server_name", b"boot.example.net"),
    ({"tftp-server-name": "192.168.1.5"}, 66, b"192.168.1.5", "tftp_server_name", b"192.168.1.5"),
    ({"tftp-server-address": ["192.168.1.5"]}, 150, "c0a80105", "tftp_server_address", "192.168.1.5"),
    ({"root-path": "192.168.1.5:/srv/root"}, 17, b"192.168.1.5:/srv/root", "root_disk_path", b"192.168.1.5:/srv/root"),
    ({"vendor-class-identifier": "PXEClient"}, 60, b"PXEClient", "vendor_class_id", b"PXEClient"),
    ({"vendor-specific": "06:01:08:ff"}, 43, "060108ff", "vendor_specific", bytes.fromhex("060108ff")),
    (
        {"vendor-option": [{"enterprise-number": 3561, "hex": "01:03:61:62:63"}]},  # RFC 3925, 4
        125,
        "00000de9050103616263",
        "vendor_specific_information",
        bytes.fromhex("00000de9050103616263"),
    ),
    ({"time-offset": -3600}, 2, "fffff1f0", "time_zone", 2**32 - 3600),
    ({"posix-timezone": "CET-1CEST"}, 100, b"CET-1CEST", "pcode", b"CET-1CEST"),
    ({"tzdb-timezone": "Europe/Prague"}, 101, b"Europe/Prague", "tcode", b"Europe/Prague"),
    ({"log-server": ["192.168.1.6"]}, 7, "c0a80106", "log_server", "192.168.1.6"),
    ({"netbios-name-server": ["192.168.1.7"]}, 44, "c0a80107", "NetBIOS_server", "192.168.1.7"),
    ({"sip-server": ["192.168.1.8"]}, 120, "01c0a80108", "", None),  # RFC 3361, 3.2
    ({"capwap-controller": ["192.168.1.9"]}, 138, "c0a80109", "capwap-ac-v4", "192.168.1.9"),
    ({"wpad-url": "http://wpad/wpad.dat"}, 252, b"http://wpad/wpad.dat", "", None),
    ({"option": [{"code": 224, "hex": "de:ad"}]}, 224, "dead", "", None),
    ({"option": [{"code": 69, "address": ["192.168.1.25"]}]}, 69, "c0a80119", "SMTP_server", "192.168.1.25"),
    ({"option": [{"code": 40, "text": "nis.example"}]}, 40, b"nis.example", "NIS_domain", b"nis.example"),
    ({"option": [{"code": 26, "hex": "05:00"}], "interface-mtu": 1400}, 26, "0500", "interface-mtu", 1280),
]


@pytest.mark.parametrize(
    ("written", "code", "wire", "name", "value"), LEAFS, ids=[f"{one[1]}-{next(iter(one[0]))}" for one in LEAFS]
)
def test_every_leaf_is_sent_as_its_rfc_says(
    schema: Schema, written: dict[str, Any], code: int, wire: bytes | str, name: str, value: Any
) -> None:
    told = answer(config_of(schema, written).settings.options)
    assert told.options[code] == (wire if isinstance(wire, bytes) else bytes.fromhex(wire))
    if name:
        assert seen_by_scapy(told)[name] == value


def test_every_leaf_of_the_model_is_in_that_list(schema: Schema) -> None:
    written = {leaf for one in LEAFS for leaf in one[0]}
    classes = schema.node_at("/vppdhc:dhc4server/vppdhc:client-class")
    assert classes is not None
    leafs = {node.name for node in classes.children.values()} - {"name", "vendor-class", "user-class"}
    assert leafs - written == {"next-server", "upstream-interface", "omit-option"}


def test_where_to_boot_from_is_in_the_header(schema: Schema) -> None:
    booting = config_of(schema, {"next-server": "192.168.1.5", "boot-file-name": "pxelinux.0"})
    told = answer(booting.settings.options)
    wire = encode(Message(op=2, siaddr=told.next_server, file=told.file, options={53: b"\5"}))
    assert BOOTP(wire).siaddr == "192.168.1.5"
    assert BOOTP(wire).file.rstrip(b"\0") == b"pxelinux.0"
    longer = answer(config_of(schema, {"boot-file-name": "x" * 128}).settings.options)
    assert (longer.file, longer.options[67], longer.next_server) == (b"", b"x" * 128, 0)


def test_what_is_omitted(schema: Schema) -> None:
    options = config_of(schema, {"omit-option": [3, 28, 6], "name-server": ["8.8.8.8"]}).settings.options
    assert set(answer(options).options) == {1}
    assert not NO_OPTIONS
    assert options


def test_a_learned_value_among_constants(schema: Schema) -> None:
    said = config_of(
        schema,
        {
            "name-server": ["1.1.1.1", "from-upstream", "8.8.8.8"],
            "domain-name": "from-upstream",
            "domain-search": ["home.arpa", "from-upstream"],
            "ntp-server": ["from-upstream"],
            "upstream-interface": "wan0",
        },
        dhc4client=CLIENT,
    ).settings.options
    assert said.upstream_interface == "wan0"
    assert said.values[42] == FromUpstream()
    unknown = answer(said).options
    assert (unknown[6], unknown[119]) == (bytes.fromhex("0101010108080808"), b"\4home\4arpa\0")
    assert not {15, 42} & unknown.keys()
    learned = {
        "wan0": {
            6: bytes.fromhex("0909090908080808"),
            15: b"isp.example\0",
            119: b"\3isp\xc0\5\7example\0",
            42: b"\1\2\3",
        },
        "wan1": {6: bytes.fromhex("04040404"), 42: bytes.fromhex("05050505")},
    }
    known = answer(said, learned).options
    assert known[6] == bytes.fromhex("010101010909090908080808")
    assert known[15] == b"isp.example"
    assert 42 not in known, "no whole address"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"option": [{"code": 26, "hex": "05"}]}, "/option[code='26']"),
    ({"option": [{"code": 3, "hex": "c0:a8:01"}]}, "/option[code='3']"),
    ({"option": [{"code": 6, "text": "8.8.8.8"}]}, "/option[code='6']"),
    ({"option": [{"code": 121, "hex": "21:0a"}]}, "/option[code='121']"),
    ({"option": [{"code": 119, "text": "example.net"}]}, "/option[code='119']"),
    ({"option": [{"code": 26, "address": ["1.2.3.4"]}]}, "/option[code='26']"),
    ({"boot-file-name": "a\tb"}, "/boot-file-name"),
]


@pytest.mark.parametrize(("written", "path"), WRONG)
@pytest.mark.parametrize(
    ("around", "place"),
    [
        (lambda written: written, ""),
        (lambda written: {"interface": [{"name": "tap1", **written}]}, "/interface[name='tap1']"),
        (
            lambda written: {"subnet": [{"id": "a", "network-prefix": "192.168.1.0/24", **written}]},
            "/subnet[id='a']",
        ),
        (
            lambda written: {"client-class": [{"name": "pxe", "vendor-class": ["PXE*"], **written}]},
            "/client-class[name='pxe']",
        ),
        (
            lambda written: {"host-reservation": [{"id": "x", "hardware-address": "02:00:00:00:00:01", **written}]},
            "/host-reservation[id='x']",
        ),
    ],
    ids=["server", "interface", "subnet", "client-class", "host-reservation"],
)
def test_what_clients_could_not_read_is_refused(
    schema: Schema, written: dict[str, Any], path: str, around: Any, place: str
) -> None:
    judge = Judge(schema, known=False)
    assert judge.commit(around(written)) == [(place + path, "invalid-option")]
    assert judge.commit(around(written), strict=False) == []
    assert [where for where, _ in judge.warnings] == [place + path]
