"""One table of option values, in both forms, for tests in both directions; and what is wrong on either side."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from vppdhc.packet.options4 import Option

A, B = IPv4Address("192.0.2.1"), IPv4Address("198.51.100.2")
_A, _B = "c0000201", "c6336402"

_ADDRESS_LISTS = (
    *range(3, 12), 41, 42, 44, 45, 48, 49, 65, *range(69, 77), 85, 89, 92, 112, 136, 138, 142, 148, 150,
)  # fmt: skip
_ADDRESSES = (1, 16, 28, 32, 50, 54, 118)
_FLAGS = (19, 20, 27, 29, 30, 31, 34, 36, 39, 116)
_NUMBERS = {
    8: (23, 37, 46, 52, 53, 156, 157),
    16: (13, 22, 26, 57),
    32: (24, 35, 38, 51, 58, 59, 91, 108, *range(152, 156), 211),
}
_TEXTS = (
    12,
    14,
    15,
    17,
    18,
    40,
    47,
    56,
    60,
    62,
    64,
    66,
    67,
    86,
    87,
    95,
    98,
    100,
    101,
    113,
    114,
    161,
    176,
    209,
    210,
    252,
)
_HEX = (43, 61, 63, 83, 90, 97, 99, 122, 123, 139, 140, 144, 162, 175, 208, 220, 221)

CASES: list[tuple[int, object, str]] = [
    *((code, [A, B], _A + _B) for code in _ADDRESS_LISTS),
    *((code, [A], _A) for code in _ADDRESS_LISTS),
    *((code, A, _A) for code in _ADDRESSES),
    *((code, True, "01") for code in _FLAGS),
    *((code, False, "00") for code in _FLAGS),
    *((code, 4, "04") for code in _NUMBERS[8]),
    *((code, 0x5DC, "05dc") for code in _NUMBERS[16]),
    *((code, 0xFFFFFFFE, "fffffffe") for code in _NUMBERS[32]),
    *((code, "Router 1", "526f757465722031") for code in _TEXTS),
    *((code, "01:fe:00", "01fe00") for code in _HEX),
    (2, -3600, "fffff1f0"),
    (15, "bücher.example", "62c3bc636865722e6578616d706c65"),
    (21, [{"address": A, "mask": IPv4Address("255.255.255.0")}, {"address": B, "mask": B}], _A + "ffffff00" + _B * 2),
    (25, [68, 1492], "004405d4"),
    (33, [{"destination": A, "router": B}], _A + _B),
    (55, [1, 3, 6, 121], "01030679"),
    (68, [], ""),
    (68, [A], _A),
    (77, ["iot", "x"], "03696f740178"),
    (78, {"mandatory": True, "agents": [A, B]}, "01" + _A + _B),
    (79, {"mandatory": False, "scopes": "a,b"}, "00612c62"),
    (79, {"mandatory": True, "scopes": ""}, "01"),
    (80, True, ""),
    (
        81,
        {
            "server-updates": True,
            "overridden": False,
            "encoded": True,
            "no-updates": False,
            "rcode1": 0,
            "rcode2": 255,
            "domain-name": "pc.example.",
        },
        "0500ff02706307" + b"example".hex() + "00",
    ),
    (
        81,
        {
            "server-updates": False,
            "overridden": True,
            "encoded": False,
            "no-updates": True,
            "rcode1": 1,
            "rcode2": 2,
            "domain-name": "pc",
        },
        "0a01027063",
    ),
    (
        81,
        {
            "server-updates": False,
            "overridden": False,
            "encoded": True,
            "no-updates": False,
            "rcode1": 0,
            "rcode2": 0,
            "domain-name": "",
        },
        "040000",
    ),
    (
        82,
        {
            "circuit-id": "65:74:68:30",
            "remote-id": "02:00",
            "docsis-device-class": 1,
            "link-selection": A,
            "subscriber-id": "s1",
            "radius": "01:03:61",
            "auth": "00",
            "vendor-specific": "00:00:00:09:00",
            "relay-flags": 128,
            "server-id-override": B,
            "relay-id": "00:03",
        },
        f"010465746830020202000404000000010504{_A}060273310703010361080100090500000009000a01800b04{_B}0c020003",
    ),
    (
        82,
        {
            "access-techno-type": 4,
            "access-network-name": "n",
            "access-point-name": "p",
            "access-point-bssid": "02:00:00:00:00:01",
            "operator-id": 7,
            "operator-realm": "r",
            "relay-port": True,
            "200": "ab",
            "virtual-subnet-selection": "00:62:6c:75:65",
            "virtual-subnet-selection-control": True,
        },
        "0d0200040e016e0f017010060200000000011104000000071201721300c801ab970500626c75659800",
    ),
    (88, ["a.b", "c"], "0161016200016300"),
    (93, [0, 7], "00000007"),
    (94, {"type": 1, "major": 3, "minor": 16}, "010310"),
    (109, IPv6Address("2001:db8::1"), "20010db8000000000000000000000001"),
    (117, [119, 6], "00770006"),
    (119, ["example.com", "lab.example.com", "com"], "076578616d706c6503636f6d00036c6162c000c008"),
    (119, ["a\\.b.\\\\\\009"], "03612e62025c0900"),
    # The example of RFC 3397, 2.
    (
        119,
        ["eng.apple.com", "marketing.apple.com"],
        "03" + b"eng".hex() + "05" + b"apple".hex() + "03" + b"com".hex() + "00" + "09" + b"marketing".hex() + "c004",
    ),
    # The examples of destination descriptors in RFC 3442.
    *(
        (121, [{"destination": IPv4Network(prefix), "router": A}], descriptor + _A)
        for prefix, descriptor in (
            ("0.0.0.0/0", "00"),
            ("10.0.0.0/8", "080a"),
            ("10.0.0.0/24", "180a0000"),
            ("10.17.0.0/16", "100a11"),
            ("10.27.129.0/24", "180a1b81"),
            ("10.229.0.128/25", "190ae50080"),
            ("10.198.122.47/32", "200ac67a2f"),
        )
    ),
    (120, ["sip.example", "example"], "0003736970076578616d706c6500076578616d706c6500"),
    (120, [A, B], "01" + _A + _B),
    (
        121,
        [
            {"destination": IPv4Network("0.0.0.0/0"), "router": A},
            {"destination": IPv4Network("10.0.0.0/8"), "router": B},
            {"destination": IPv4Network("10.17.0.0/17"), "router": B},
            {"destination": IPv4Network("192.0.2.9/32"), "router": IPv4Address(0)},
        ],
        f"00{_A}080a{_B}110a1100{_B}20c000020900000000",
    ),
    (124, [{"enterprise": 9, "data": "61:62"}, {"enterprise": 3561, "data": ""}], "0000000902616200000de900"),
    (125, [{"enterprise": 3561, "options": {"4": "41", "5": ""}}], "00000de9050401410500"),
    (137, "lost.example", "046c6f7374076578616d706c6500"),
    (141, ["a.b", "b"], "0161016200016200"),
    (143, ["https://a", "https://b"], "000968747470733a2f2f61000968747470733a2f2f62"),
    (145, [1], "01"),
    (146, {"preference": 1, "primary": A, "secondary": B, "domains": ["x.y", "."]}, f"01{_A}{_B}017801790000"),
    (147, "dots.example", "04646f7473076578616d706c6500"),
    (151, {"code": 3, "message": "busy"}, "0362757379"),
    (151, {"code": 0, "message": ""}, "00"),
    (158, [[A, B], [A]], f"08{_A}{_B}04{_A}"),
    (159, {"offset": 6, "psid-length": 8, "psid": 0x3400}, "06083400"),
    (
        212,
        {"ipv4-mask-length": 8, "prefix": IPv6Network("2001:db8::/32"), "border-relays": [A]},
        "082020010db8" + "00" * 12 + _A,
    ),
    (213, "access.example", "06616363657373076578616d706c6500"),
    (249, [{"destination": IPv4Network("10.0.0.0/8"), "router": A}], f"080a{_A}"),
    (224, "de:ad", "dead"),
]

TOLERATED: list[tuple[int, str, object]] = [
    (12, "706300", "pc"),  # RFC 2132, 2: NULs at the end are no part of it
    (12, "00", ""),
    (12, "1b5b324a", "\\x1b[2J"),
    (12, "ff41", "\\xffA"),
    (12, "41e280ae42", "A\\u202eB"),
    (67, "626f6f745c7836345c77", "boot\\x64\\w"),
    (77, "69505845", ["iPXE"]),  # no RFC 3004
    (77, "0000", [""]),
    (81, "000000706300", dict.fromkeys(("server-updates", "overridden", "encoded", "no-updates"), False)
     | {"rcode1": 0, "rcode2": 0, "domain-name": "pc"}),
    (121, f"080aff{_A}"[:4] + _A, [{"destination": IPv4Network("10.0.0.0/8"), "router": A}]),
    (121, f"09ffff{_A}", [{"destination": IPv4Network("255.128.0.0/9"), "router": A}]),
    (119, "03636f6d00c000", ["com", "com"]),
    (120, "0003636f6d000177c000", ["com", "w.com"]),
    (119, "0000", [".", "."]),
]  # fmt: skip

MALFORMED: list[tuple[int, str]] = [
    *((code, "c00002") for code in (*_ADDRESSES, *_ADDRESS_LISTS, 21, 33, 51, 68, 109)),
    *(
        (code, "")
        for code in (*_ADDRESS_LISTS, *_FLAGS, *_TEXTS, *_ADDRESSES, 2, 21, 25, 33, 51, 53, 55, 57, 77, 78, 79)
    ),
    *(
        (code, "")
        for code in (81, 88, 93, 94, 109, 117, 119, 120, 121, 124, 125, 137, 141, 143, 145, 146, 151, 158, 159, 212)
    ),
    (19, "02"),
    (25, "000102"),
    (78, "02" + _A),
    (78, "01c000"),
    (79, "0261"),
    (80, "00"),
    (81, "0100"),
    (81, "040000036162"),  # a label that is cut
    (81, "040000000161"),  # a label behind the root
    (81, "04000040" + "61" * 64),
    (81, "040000" + ("3f" + "61" * 63) * 4),
    (82, "01"),
    (82, "010261"),
    (82, "010161010162"),  # twice
    (82, "0503c00002"),  # an address of three bytes
    (119, "03636f"),
    (119, "03636f6d"),
    (119, "c000"),  # to itself
    (119, "0161c000"),  # round and round
    (119, "0161c0040162c000"),  # forwards
    (119, "c0"),
    (119, "80"),  # a label type that never was
    (119, ("3f" + "61" * 63) * 4 + "00"),  # 257 bytes
    (119, "".join(f"{0xC000 + max(2 * i - 1, 0):04x}" if i else "00" for i in range(200))),  # a chain of pointers
    (120, "02"),
    (120, "00"),
    (120, "01c00002"),
    (121, "21c00002010ac0000201"),
    (121, "18c00002c00002"),
    (124, "00000009"),
    (124, "000000090461"),
    (125, "00000de9020405"),
    (137, "016100016200"),  # two names
    (143, "00"),
    (143, "000561"),
    (146, f"01{_A}c63364"),
    (158, f"03{_A}"),
    (158, "0561"),
    (159, "060834"),
    (212, "21" + "20" * 21),
    (212, "0881" + "20" * 20),
    (212, "0820" + "20" * 20 + "c0"),
]

REFUSED: list[tuple[int, object]] = [
    (1, "192.0.2"),
    (1, None),
    (1, 5),
    (3, []),
    (3, "192.0.2.1"),
    (3, ["192.0.2.1", 7]),
    (12, ""),
    (12, "a\nb"),
    (12, b"raw"),
    (12, "a\ud800"),
    (19, 1),
    (21, [{"address": "192.0.2.1"}]),
    (26, 65536),
    (26, -1),
    (26, True),
    (26, "1500"),
    (33, [[A, B]]),
    (43, "0x01"),
    (43, 7),
    (61, "abc"),
    (68, None),
    (77, ["x" * 256]),
    (79, {"mandatory": 1, "scopes": "a"}),
    (80, False),
    (81, {"domain-name": "a"}),
    (81, dict.fromkeys(("server-updates", "overridden", "encoded", "no-updates"), 0)
     | {"rcode1": 0, "rcode2": 0, "domain-name": "pc"}),
    (82, {"no-such": "00"}),
    (82, {"256": "00"}),
    (82, {7: "00"}),
    (82, {"circuit-id": "00" * 256}),
    (82, "00"),
    (109, A),
    (109, "fe80::1%eth0"),
    (119, ["bücher.example"]),
    (119, ["a..b"]),
    (119, [""]),
    (119, ["x" * 64]),
    (119, ["a\\"]),
    (119, ["a\\25"]),
    (119, ["a\\999"]),
    (119, [".".join(["x" * 63] * 4)]),
    (119, "example.com"),
    (120, ["sip.example", A]),
    (121, [{"destination": "10.0.0.1/8", "router": "192.0.2.1"}]),
    (121, [{"destination": 7, "router": "192.0.2.1"}]),
    (124, [{"enterprise": 1 << 32, "data": ""}]),
    (125, [{"enterprise": 1, "options": {"a": ""}}]),
    (125, [{"enterprise": 1, "options": ["a"]}]),
    (212, {"ipv4-mask-length": 8, "prefix": 7, "border-relays": [A]}),
    (212, {"ipv4-mask-length": 33, "prefix": "2001:db8::/32", "border-relays": [A]}),
    (0, "00"),
    (255, "00"),
    (256, "00"),
]  # fmt: skip

assert {code for code, _, _ in CASES} - {224} == set(Option), "every option of the table has a case"
