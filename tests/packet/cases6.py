"""One table of DHCPv6 option values, in both forms, for tests in both directions; and what is wrong on either side."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network

from vppdhc.packet.options6 import Option

A, B = IPv6Address("2001:db8::1"), IPv6Address("2001:db8:0:1::53")
_A, _B = A.packed.hex(), B.packed.hex()
_DUID = "00:01:00:01:32:98:e0:fa:52:54:00:12:34:56"
_DUID_HEX = _DUID.replace(":", "")
_PSID = "005d000406083400"  # option 93, in others
_PORTS = {"option": "s46-portparams", "value": {"offset": 6, "psid-length": 8, "psid": 0x3400}}
_RULE = {
    "flags": 1,
    "ea-length": 16,
    "ipv4-prefix-length": 24,
    "ipv4-prefix": IPv4Address("192.0.2.0"),
    "ipv6-prefix": IPv6Network("2001:db8:f000::/36"),
    "options": [_PORTS],
}
_RULE_HEX = "011018c00002002420010db8f0" + _PSID

_ADDRESS_LISTS = (22, 23, 27, 28, 31, 34, 40, 48, 52, 86, 88, 142, 143)
_ADDRESSES = (12, 80, 90)
_NUMBERS = {
    8: (7, 19),
    16: (8, 105, 135),
    32: (32, 46, 82, 83, 100, 101, 102, 109),
}
_TEXTS = (38, 41, 42, 59, 103, 106, 107, 110, 112)
_HEX = (9, 18, 36, 54, 55, 63, 68, 81, 87, 97, 98, 99, 104, 108, 113, 140)
_NAMES = (29, 30, 51, 57, 64, 65, 141, 145)
_NAME_LISTS = (21, 24, 33, 58)
_DUIDS = (1, 2, 53)
_PRESENCES = (14, 20, 148)
_NUMBER_LISTS = (6, 43, 61, 111)
_TEXT_LISTS = (15, 60, 136)

CASES: list[tuple[int, object, str]] = [
    *((code, [A, B], _A + _B) for code in _ADDRESS_LISTS),
    *((code, [A], _A) for code in _ADDRESS_LISTS),
    *((code, A, _A) for code in _ADDRESSES),
    *((code, 4, "04") for code in _NUMBERS[8]),
    *((code, 0x5DC, "05dc") for code in _NUMBERS[16]),
    *((code, 0xFFFFFFFE, "fffffffe") for code in _NUMBERS[32]),
    *((code, "Router 1", "526f757465722031") for code in _TEXTS),
    *((code, "01:fe:00", "01fe00") for code in _HEX),
    *((code, "a.example", "0161076578616d706c6500") for code in _NAMES),
    *((code, ["a.example", "b"], "0161076578616d706c6500016200") for code in _NAME_LISTS),
    *((code, _DUID, _DUID_HEX) for code in _DUIDS),
    *((code, True, "") for code in _PRESENCES),
    *((code, [7, 259], "00070103") for code in _NUMBER_LISTS),
    *((code, ["iot", "x"], "0003696f74000178") for code in _TEXT_LISTS),
    (3, {"iaid": 1, "t1": 1000, "t2": 2000, "options": []}, "00000001000003e8000007d0"),
    (
        3,
        {
            "iaid": 0x12345678,
            "t1": 0,
            "t2": 0xFFFFFFFF,
            "options": [
                {
                    "option": "iaaddr",
                    "value": {"address": A, "preferred-lifetime": 3000, "valid-lifetime": 4000, "options": []},
                },
                {
                    "option": "iaaddr",
                    "value": {
                        "address": B,
                        "preferred-lifetime": 0,
                        "valid-lifetime": 0,
                        "options": [{"option": "status-code", "value": {"code": 4, "message": ""}}],
                    },
                },
                {"option": "status-code", "value": {"code": 0, "message": "ok"}},
                {"option": "65001", "value": "ab"},
            ],
        },
        "12345678" "00000000" "ffffffff"
        f"00050018{_A}00000bb800000fa0"
        f"0005001e{_B}0000000000000000000d00020004"
        "000d000400006f6b"
        "fde90001ab",
    ),
    (4, {"iaid": 9, "options": [{"option": "status-code", "value": {"code": 2, "message": ""}}]},
     "00000009000d00020002"),
    (5, {"address": A, "preferred-lifetime": 1, "valid-lifetime": 2, "options": []}, f"{_A}0000000100000002"),
    (6, [], ""),
    (11, {"protocol": 3, "algorithm": 1, "rdm": 0, "replay-detection": "00:00:00:00:00:00:00:2a",
          "information": "01:" + ":".join(["ab"] * 16)}, "030100000000000000002a01" + "ab" * 16),
    (13, {"code": 0, "message": ""}, "0000"),
    (13, {"code": 6, "message": "no prefix"}, "00066e6f20707265666978"),
    (15, ["iPXE"], "000469505845"),
    (16, {"enterprise": 311, "data": ["4d:53", ""]}, "0000013700024d530000"),
    (16, {"enterprise": 311, "data": []}, "00000137"),
    (17, {"enterprise": 311, "options": [{"option": "1", "value": "61:62"}, {"option": "1", "value": ""}]},
     "0000013700010002616200010000"),
    (25, {
        "iaid": 2, "t1": 1000, "t2": 2000,
        "options": [
            {"option": "iaprefix", "value": {
                "preferred-lifetime": 3000, "valid-lifetime": 4000, "prefix": IPv6Network("2001:db8:100::/56"),
                "options": [{"option": "pd-exclude", "value": {"prefix-length": 64, "subnet-id": "ff"}}],
            }},
            {"option": "status-code", "value": {"code": 0, "message": ""}},
        ],
    }, "00000002000003e8000007d0001a001f00000bb800000fa03820010db8010000000000000000000000" "0043000240ff"
       "000d00020000"),
    (26, {"preferred-lifetime": 0, "valid-lifetime": 0, "prefix": IPv6Network("::/60"), "options": []},
     "0000000000000000" "3c" + "00" * 16),
    (37, {"enterprise": 9, "remote-id": "ab:cd"}, "00000009abcd"),
    (39, {"server-updates": True, "overridden": False, "no-updates": False, "domain-name": "pc"}, "01027063"),
    (39, {"server-updates": False, "overridden": True, "no-updates": True, "domain-name": "pc.example."},
     "06027063076578616d706c6500"),
    (39, {"server-updates": False, "overridden": False, "no-updates": False, "domain-name": ""}, "00"),
    (43, [], ""),
    (44, {"query-type": 1, "link-address": A, "options": [
        {"option": "iaaddr",
         "value": {"address": B, "preferred-lifetime": 0, "valid-lifetime": 0, "options": []}}]},
     f"01{_A}00050018{_B}0000000000000000"),
    (45, [{"option": "clientid", "value": _DUID}, {"option": "clt-time", "value": 60}],
     f"0001000e{_DUID_HEX}002e00040000003c"),
    (47, {"peer-address": A, "message": "0c:00"}, f"{_A}0c00"),
    (56, [{"option": "server-address", "value": A}], f"00010010{_A}"),
    (56, [{"option": "server-name", "value": "ntp.example"},
          {"option": "multicast-address", "value": IPv6Address("ff05::101")}],
     "0003000d036e7470076578616d706c6500" "00020010ff050000000000000000000000000101"),
    (62, {"type": 1, "major": 3, "minor": 16}, "010310"),
    (66, [{"option": "erp-local-domain-name", "value": "a"}], "00410003016100"),
    (67, {"prefix-length": 64, "subnet-id": "ff"}, "40ff"),
    (74, {"server": A, "preference": 1, "domains": ["corp.example", "."]},
     _A + "01" "04636f7270076578616d706c6500" "00"),
    (74, {"server": A, "preference": 3, "domains": []}, _A + "03"),
    (79, {"hardware-type": 1, "address": "52:54:00:12:34:56"}, "0001525400123456"),
    (84, {"flags": 1, "options": [
        {"option": "addrsel-table", "value": {"label": 1, "precedence": 40, "prefix": IPv6Network("::/0")}}]},
     "0100550003012800"),
    (85, {"label": 4, "precedence": 35, "prefix": IPv6Network("2001:db8::/32")}, "04232020010db8"),
    (88, [], ""),
    (89, _RULE, _RULE_HEX),
    (91, {"prefix": IPv6Network("2001:db8:ffff::/64")}, "4020010db8ffff0000"),
    (92, {"ipv4-address": IPv4Address("192.0.2.1"), "ipv6-prefix": IPv6Network("2001:db8:1:2::/64"),
          "options": [_PORTS]}, "c00002014020010db800010002" + _PSID),
    (93, {"offset": 6, "psid-length": 8, "psid": 0x3400}, "06083400"),
    (94, [{"option": "s46-rule", "value": _RULE}, {"option": "s46-br", "value": A}],
     f"0059{len(_RULE_HEX) // 2:04x}{_RULE_HEX}005a0010{_A}"),
    (95, [{"option": "s46-rule", "value": _RULE},
          {"option": "s46-dmr", "value": {"prefix": IPv6Network("2001:db8:ffff::/64")}}],
     f"0059{len(_RULE_HEX) // 2:04x}{_RULE_HEX}005b00094020010db8ffff0000"),
    (96, [{"option": "s46-br", "value": A}, {"option": "s46-v4v6bind", "value": {
        "ipv4-address": IPv4Address("192.0.2.1"), "ipv6-prefix": IPv6Network("::/0"), "options": []}}],
     f"005a0010{_A}005c0005c000020100"),
    (137, {"prefix": IPv6Network("2001:db8::/33")}, "2120010db800"),
    (138, {"iaid": 3, "t1": 1, "t2": 2, "options": [{"option": "lladdr", "value": {
        "hardware-type": 1, "first": "02:00:00:00:00:01", "extra": 9, "valid-lifetime": 60, "options": []}}]},
     "000000030000000100000002" "008b0012" "00010006020000000001" "000000090000003c"),
    (139, {"hardware-type": 1, "first": "02:00:00:00:00:01", "extra": 0, "valid-lifetime": 60,
           "options": [{"option": "140", "value": "08:01"}]},
     "00010006020000000001" "000000000000003c" "008c00020801"),
    (144, {"service-priority": 1, "authentication-domain-name": "dot.example", "addresses": [A, B],
           "service-parameters": "00:01:00:04:03:64:6f:74"},
     "0001" "000d" "03646f74076578616d706c6500" f"0020{_A}{_B}" "0001000403646f74"),
    (146, {"transports": 1, "server": "dm.example"}, "000102646d076578616d706c6500"),
    (147, {"transports": 0, "server": "dm"}, "000002646d00"),
    (65001, "de:ad", "dead"),
]  # fmt: skip

TOLERATED: list[tuple[int, str, object]] = [
    (26, "0000000000000000" "3820010db80000ffff" + "ff" * 8,
     {"preferred-lifetime": 0, "valid-lifetime": 0, "prefix": IPv6Network("2001:db8:0:ff00::/56"), "options": []}),
    (91, "2420010db8ff", {"prefix": IPv6Network("2001:db8:f000::/36")}),
    (74, f"{_A}ff", {"server": A, "preference": 3, "domains": []}),
    (38, "706300", "pc"),
    (13, "00001b5b324a", {"code": 0, "message": "\\x1b[2J"}),
    (24, "03636f6d000161c000", ["com", "a.com"]),  # compressed, against RFC 8415, 10
    (39, "f9027063", {"server-updates": True, "overridden": False, "no-updates": False, "domain-name": "pc"}),
]  # fmt: skip

MALFORMED: list[tuple[int, str]] = [
    *((code, "20010db8") for code in (*_ADDRESSES, *_ADDRESS_LISTS)),
    *((code, "") for code in (*_ADDRESSES, *_TEXTS, *_NAMES, *_NAME_LISTS, *_DUIDS, *_TEXT_LISTS)),
    *((code, "") for code in _ADDRESS_LISTS if code != 88),
    *((code, "") for code in (3, 4, 5, 7, 8, 11, 13, 16, 17, 19, 25, 26, 32, 37, 39, 44, 47, 61, 62, 67, 74, 79)),
    *((code, "") for code in (84, 85, 89, 91, 92, 93, 111, 137, 138, 139, 144, 146, 147)),
    *((code, "00") for code in (*_PRESENCES, 6, 13, 43, 61)),
    *((code, "0001") for code in _DUIDS),
    *((code, "00" * 131) for code in _DUIDS),
    *((code, "0161") for code in (*_NAMES, *_NAME_LISTS)),
    (64, "016100016200"),  # RFC 6334, 3: one name
    (3, "00000001000003e8000007d00005"),
    (3, "00000001000003e8000007d00000"),
    (3, "00000001000003e8000007d000050001"),
    (3, "00000001000003e8000007d00005000100"),  # an address of one byte
    (5, _A + "00000001000000"),
    (5, f"{_A}0000000100000002000d000100"),
    (15, "000561"),
    (15, "00"),
    (16, "00000137000161" "00"),
    (17, "000001370001"),
    (26, "0000000000000000" "81" + "00" * 16),
    (26, "0000000000000000" "38" + "00" * 15),
    (39, "0040" + "61" * 64),
    (39, "000161" "00" "00"),
    (56, f"00010010{_A}0003000161"),
    (56, "0001000420010db8"),
    (67, "40"),
    (67, "81ff"),
    (67, "40" + "ff" * 17),
    (74, _A),
    (89, "011018c0000200"),
    (89, "011018c00002008120010db8"),
    (89, "011018c00002002420010db8"),
    (89, "011018c00002002420010db8f0005d00030608"),
    (91, "4020010db8"),
    (91, "2020010db8ff"),
    (93, "060834"),
    (144, "0001" "000d" "03646f74"),
    (144, "0001" "0003" "016100" "0003" "200100"),
]  # fmt: skip

REFUSED: list[tuple[int, object]] = [
    (1, "00:01"),
    (1, "00" * 131),
    (1, 5),
    (1, "zz"),
    (3, {"iaid": 1}),
    (3, {"iaid": -1, "t1": 0, "t2": 0, "options": []}),
    (3, {"iaid": 1, "t1": 0, "t2": 0, "options": {}}),
    (3, {"iaid": 1, "t1": 0, "t2": 0, "options": ["00"]}),
    (3, {"iaid": 1, "t1": 0, "t2": 0, "options": [{"option": "iaprefix", "value": "00"}]}),
    (3, {"iaid": 1, "t1": 0, "t2": 0, "options": [{"option": "0", "value": "00"}]}),
    (3, {"iaid": 1, "t1": 0, "t2": 0, "options": [{"option": "65536", "value": "00"}]}),
    (3, {"iaid": 1, "t1": 0, "t2": 0, "options": [{"option": 5, "value": "00"}]}),
    (3, {"iaid": 1, "t1": 0, "t2": 0, "options": [{"option": "9", "value": "00" * 65536}]}),
    (6, [65536]),
    (6, None),
    (7, 256),
    (7, True),
    (11, {"protocol": 3, "algorithm": 1, "rdm": 0, "replay-detection": "00", "information": ""}),
    (13, {"code": 0, "message": "a\nb"}),
    (13, {"code": 65536, "message": ""}),
    (14, False),
    (15, ["x" * 65536]),
    (15, []),
    (23, []),
    (23, ["192.0.2.1"]),
    (23, ["fe80::1%eth0"]),
    (23, "2001:db8::1"),
    (24, ["bücher.example"]),
    (24, ["a..b"]),
    (26, {"preferred-lifetime": 0, "valid-lifetime": 0, "prefix": "2001:db8::1/56", "options": []}),
    (26, {"preferred-lifetime": 0, "valid-lifetime": 0, "prefix": 7, "options": []}),
    (39, {"server-updates": 1, "overridden": False, "no-updates": False, "domain-name": "pc"}),
    (41, ""),
    (56, [{"option": "server-address", "value": "ntp.example"}]),
    (67, {"prefix-length": 64, "subnet-id": ""}),
    (67, {"prefix-length": 129, "subnet-id": "00"}),
    (67, {"prefix-length": 64, "subnet-id": "00" * 17}),
    (74, {"server": A, "preference": 4, "domains": []}),
    (91, {"prefix": "fe80::%1/64"}),
    (0, "00"),
    (65536, "00"),
    (65001, 7),
]

assert {code for code, _, _ in CASES} - {65001} == set(Option), "every option of the table has a case"
