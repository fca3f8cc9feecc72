"""Configurations that are valid: the seed's example, and one for each thing that people want."""

from typing import Any

SEED: dict[str, Any] = {
    "dhc6pdclient": {"interface": "tap0", "internal-prefix": "fd00::/48", "npt66": True},
    "dhc6server": {"interfaces": ["tap1"], "dns": ["2001:4860:4860::8888"]},
    "ip6ndra": {"interfaces": ["tap1"]},
    "dhc4server": {"name-server": ["8.8.8.8"], "renewal-time": 600, "lease-time": 3600},
}
"""The file that every user starts from, as it is."""

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDgzM5QSbZkYaz5JoAtmVPk4x8Z0y7Zm2HkFqGqQk1Xh operator@example"
BCRYPT = "$2b$12$" + "a" * 53
SHA512 = "$6$saltsalt$" + "a" * 86

GOOD: dict[str, dict[str, Any]] = {
    "nothing": {},
    "serve everything": {"dhc4server": {}},
    "one interface differs": {
        "dhc4server": {
            "interfaces": ["tap1"],
            "interface": [{"name": "tap2", "lease-time": 600, "name-server": ["10.0.0.1"], "known-clients-only": True}],
        }
    },
    "settings of every level": {
        "dhc4server": {
            "lease-time": 4294967295,
            "interface": [{"name": "tap1", "renewal-time": 300, "rebinding-time": 500, "static-percentage": 0}],
            "subnet": [
                {
                    "id": "office",
                    "network-prefix": "10.1.0.0/16",
                    "interface": "tap1",
                    "domain-name": "office.example",
                    "address-pool": [
                        {"pool-id": "low", "start-address": "10.1.1.0", "end-address": "10.1.1.255", "lease-time": 60},
                        {"pool-id": "high", "start-address": "10.1.9.0", "end-address": "10.1.9.255"},
                    ],
                    "excluded-range": [{"start-address": "10.1.1.7"}],
                    "host-reservation": [{"id": "printer", "hardware-address": "02:00:00:00:00:01"}],
                }
            ],
        }
    },
    "the same network behind two relay agents in two tables": {
        "dhc4server": {
            "subnet": [
                {"id": "a", "network-prefix": "10.0.0.0/24", "relay-address": ["10.0.0.1"]},
                {"id": "b", "network-prefix": "10.0.0.0/24", "table-id": 7, "relay-address": ["10.0.0.1"]},
            ]
        }
    },
    "every way to know a client": {
        "dhc4server": {
            "host-reservation": [
                {
                    "id": "1",
                    "hardware-address": "02:00:00:00:00:01",
                    "reserved-addr": "10.0.0.1",
                    "hostname": "printer",
                },
                {"id": "2", "client-id": "01:02:00:00:00:00:02", "reserved-addr": "10.0.0.2"},
                {"id": "3", "circuit-id": "65:74:68:30", "reserved-addr": "10.0.0.3"},
                {"id": "4", "circuit-id": "65:74:68:30", "remote-id": "01", "omit-option": [3]},
            ]
        },
        "dhc6server": {
            "host-reservation": [
                {"id": "1", "hardware-address": "02:00:00:00:00:01", "reserved-addr": "2001:db8::1"},
                {"id": "2", "client-duid": "00:03:00:01:02:00:00:00:00:02", "reserved-prefix": "2001:db8:1::/56"},
                {"id": "3", "client-duid": "00:03:00:01:02:00:00:00:00:03", "ia-id": 1, "reserved-addr": "2001:db8::3"},
            ]
        },
    },
    "options by name and by code": {
        "dhc4server": {
            "router": ["10.0.0.254"],
            "interface-mtu": 1400,
            "route": [{"destination-prefix": "10.9.0.0/16", "next-hop-address": "0.0.0.0"}],
            "vendor-option": [{"enterprise-number": 3561, "hex": "01:02:41:42"}],
            "tftp-server-name": "boot.example",
            "option": [
                {"code": 4, "address": ["10.0.0.5", "10.0.0.6"]},
                {"code": 114, "text": "https://portal.example/api"},
                {"code": 224, "hex": "DE:ad"},
            ],
            "client-class": [{"name": "phones", "vendor-class": ["phone*"], "tftp-server-address": ["10.0.0.9"]}],
        }
    },
    "a provider on each side": {
        "dhc4client": [
            {"interface": "wan0", "client-id": "01:02"},
            {"interface": "wan1", "client-id-type": "duid", "ia-id": 4294967295, "hostname": "router"},
            {"interface": "wan2", "client-id-type": "hardware-address", "on-stop": "release"},
        ],
        "dhc4server": {
            "interfaces": ["lan"],
            "name-server": ["from-upstream", "9.9.9.9"],
            "upstream-interface": "wan1",
        },
    },
    "parts of a delegated prefix": {
        "dhc6pdclient": [
            {
                "interface": "wan0",
                "ia-pd": [{"ia-id": 1, "prefix-length-hint": 56}, {"ia-id": 2, "prefix-hint": "2001:db8::/48"}],
                "ia-na": [{"ia-id": 1}],
                "lan-interface": [
                    {"name": "lan0", "ia-id": 1, "subnet-id": 1},
                    {"name": "lan1", "ia-id": 2, "subnet-id": 1},
                    {"name": "lan2", "subnet-id": 1, "prefix-length": 60, "interface-id": "::1:2"},
                    {"name": "lan3"},
                ],
            }
        ],
        "dhc6server": {
            "interfaces": ["lan3"],
            "dns": ["from-upstream"],
            "prefix-pool": [{"pool-id": "routers", "delegated-from": "wan0", "client-prefix-length": 60}],
        },
        "ip6ndra": {
            "interfaces": ["lan0", "lan1"],
            "rdnss": ["from-upstream", "fe80::1"],
            "upstream-interface": "wan0",
        },
    },
    "pools of a DHCPv6 server": {
        "dhc6server": {
            "subnet": [
                {
                    "id": "a",
                    "network-prefix": "2001:db8::/64",
                    "address-pool": [
                        {"pool-id": "range", "start-address": "2001:db8::1000", "end-address": "2001:db8::1fff"},
                        {"pool-id": "prefix", "pool-prefix": "2001:db8::8000:0/112", "renew-time": 10},
                    ],
                }
            ],
            "prefix-pool": [{"pool-id": "p", "pool-prefix": "2001:db8:f::/48", "client-prefix-length": 48}],
        }
    },
    "router advertisements in full": {
        "ip6ndra": {
            "max-rtr-adv-interval": 4,
            "interface": [
                {
                    "name": "lan0",
                    "max-rtr-adv-interval": 60,
                    "min-rtr-adv-interval": 45,
                    "default-lifetime": 0,
                    "link-mtu": 1280,
                    "rdnss": ["2001:db8::53"],
                    "rdnss-lifetime": 60,
                    "route": [{"destination-prefix": "::/0", "preference": "high"}],
                    "pref64": [{"prefix": "64:ff9b::/96", "lifetime": 65528}],
                    "prefix-list": {
                        "prefix": [
                            {"prefix-spec": "2001:db8::/64", "valid-lifetime": 4294967295},
                            {"prefix-spec": "2001:db8:1::/48", "autonomous-flag": False},
                            {"prefix-spec": "2001:db8:2::/64", "no-advertise": [None]},
                        ]
                    },
                }
            ],
        }
    },
    "management": {
        "system": {
            "logging": {"level": "debug"},
            "http-server": {"address": "::", "port": 1},
            "event-hook": {"program": "/usr/libexec/hook", "argument": ["-v"], "event": ["lease-granted"]},
            "duid": {"value": "00:04:00:11:22"},
        },
        "vpp": {"api-socket": "/run/vpp/api.sock", "api-definitions": "/usr/share/vpp/api", "api-timeout": 300},
        "netconf-server": {
            "listen-address": ["0.0.0.0", "::"],
            "user": [
                {"name": "operator", "authorized-key": [KEY]},
                {"name": "auditor", "password-hash": SHA512},
                {"name": "automation", "password-hash": BCRYPT},
            ],
            "call-home": [{"name": "nms", "address": "nms"}, {"name": "other", "address": "nms", "port": 4335}],
        },
    },
}
