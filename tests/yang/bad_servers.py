"""Mistakes in the configuration of the two servers: document, where libyang finds it, error-app-tag."""

from typing import Any

Bad = tuple[dict[str, Any], str | None, str | None]


def _v4(**members: Any) -> dict[str, Any]:
    return {"dhc4server": {name.replace("_", "-"): value for name, value in members.items()}}


def _v6(**members: Any) -> dict[str, Any]:
    return {"dhc6server": {name.replace("_", "-"): value for name, value in members.items()}}


V4 = "/vppdhc:dhc4server"
V6 = "/vppdhc:dhc6server"
SUBNET4 = f"{V4}/subnet[id='a']"
SUBNET6 = f"{V6}/subnet[id='a']"
NET4 = {"id": "a", "network-prefix": "10.0.0.0/24"}
NET6 = {"id": "a", "network-prefix": "2001:db8::/64"}
MAC = {"hardware-address": "02:00:00:00:00:01"}
DUID = {"client-duid": "00:03:00:01:02:00:00:00:00:01"}


def _pool4(**members: Any) -> dict[str, Any]:
    range_ = {"pool-id": "p", "start-address": "10.0.0.10", "end-address": "10.0.0.20"}
    return _v4(subnet=[{**NET4, "address-pool": [{**range_, **members}]}])


BAD_DHC4: list[Bad] = [
    # names and kinds of nodes
    (_v4(interfaces=["a b"]), f"{V4}/interfaces", "invalid-interface-name"),
    (_v4(interfaces=[""]), f"{V4}/interfaces", None),
    (_v4(interfaces=["x" * 64]), f"{V4}/interfaces", None),
    (_v4(lease_time="3600"), f"{V4}/lease-time", None),
    (_v4(authoritative="true"), f"{V4}/authoritative", None),
    (_v4(conflict_detection="ping"), f"{V4}/conflict-detection", None),
    # numbers
    (_v4(lease_time=2), f"{V4}/lease-time", "lease-time-too-short"),
    (_v4(lease_time=4294967296), f"{V4}/lease-time", None),
    (_v4(renewal_time=0), f"{V4}/renewal-time", None),
    (_v4(rebinding_time=0), f"{V4}/rebinding-time", None),
    (_v4(static_percentage=101), f"{V4}/static-percentage", None),
    (_v4(max_address_utilization=0), f"{V4}/max-address-utilization", None),
    (_v4(max_address_utilization=101), f"{V4}/max-address-utilization", None),
    (_v4(offer_hold_time=0), f"{V4}/offer-hold-time", None),
    (_v4(offer_hold_time=3601), f"{V4}/offer-hold-time", None),
    (_v4(probe_timeout=49), f"{V4}/probe-timeout", "probe-timeout-out-of-range"),
    (_v4(max_pending_probes=0), f"{V4}/max-pending-probes", None),
    (_v4(max_client_rate=1001), f"{V4}/max-client-rate", None),
    (_v4(max_leases_per_hardware_address=0), f"{V4}/max-leases-per-hardware-address", None),
    (_v4(interface_mtu=67), f"{V4}/interface-mtu", None),
    (_v4(v6_only_wait=299), f"{V4}/v6-only-wait", "v6-only-wait-too-short"),
    (_v4(time_offset=86401), f"{V4}/time-offset", None),
    # T1 < T2 < lease, on every level
    (_v4(renewal_time=3600), f"{V4}/renewal-time", "renewal-not-before-end"),
    (_v4(rebinding_time=3600), f"{V4}/rebinding-time", "rebinding-not-before-end"),
    (_v4(renewal_time=60, rebinding_time=60), f"{V4}/renewal-time", "renewal-not-before-rebinding"),
    (
        _v4(interface=[{"name": "a", "renewal-time": 9, "rebinding-time": 8}]),
        f"{V4}/interface[name='a']/renewal-time",
        "renewal-not-before-rebinding",
    ),
    (
        _v4(subnet=[{**NET4, "lease-time": 60, "rebinding-time": 60}]),
        f"{SUBNET4}/rebinding-time",
        "rebinding-not-before-end",
    ),
    (
        _pool4(**{"lease-time": 60, "renewal-time": 60}),
        f"{SUBNET4}/address-pool[pool-id='p']/renewal-time",
        "renewal-not-before-end",
    ),
    # addresses
    (_v4(name_server=["224.0.0.1"]), f"{V4}/name-server", "not-a-host-address"),
    (_v4(name_server=["8.8.8"]), f"{V4}/name-server", "invalid-ipv4-address"),
    (_v4(name_server=["2001:db8::1"]), f"{V4}/name-server", "invalid-ipv4-address"),
    (_v4(router=["255.255.255.255"]), f"{V4}/router", "not-a-host-address"),
    (_v4(router=["127.0.0.1"]), f"{V4}/router", "not-a-host-address"),
    (_v4(router=["0.0.0.0"]), f"{V4}/router", "not-a-host-address"),
    (_v4(log_server=["10.0.0.1%1"]), f"{V4}/log-server", "invalid-ipv4-address"),
    (_v4(domain_name="a..b"), f"{V4}/domain-name", None),
    (_v4(domain_name="a b"), f"{V4}/domain-name", None),
    (_v4(route=[{"destination-prefix": "10.0.0.0/8"}]), f"{V4}/route[destination-prefix='10.0.0.0/8']", None),
    # what is learned needs somebody to learn it
    (_v4(name_server=["from-upstream"]), f"{V4}/name-server[.='from-upstream']", "no-upstream"),
    (_v4(ntp_server=["from-upstream"]), f"{V4}/ntp-server[.='from-upstream']", "no-upstream"),
    (_v4(domain_name="from-upstream"), f"{V4}/domain-name", "no-upstream"),
    (_v4(domain_search=["from-upstream"]), f"{V4}/domain-search[.='from-upstream']", "no-upstream"),
    (
        {**_v4(upstream_interface="wan1"), "dhc4client": [{"interface": "wan0"}]},
        f"{V4}/upstream-interface",
        "no-upstream",
    ),
    # options
    (_v4(option=[{"code": 53, "hex": "01"}]), f"{V4}/option/code", "option-not-settable"),
    (_v4(option=[{"code": 81, "hex": "01"}]), f"{V4}/option/code", "option-not-settable"),
    (_v4(option=[{"code": 82, "hex": "01"}]), f"{V4}/option/code", "option-not-settable"),
    (_v4(option=[{"code": 255, "hex": "01"}]), f"{V4}/option/code", "option-not-settable"),
    (_v4(option=[{"code": 256, "hex": "01"}]), f"{V4}/option/code", None),
    (_v4(option=[{"code": 43, "hex": "0g"}]), f"{V4}/option[code='43']/hex", None),
    (_v4(option=[{"code": 43, "hex": ""}]), f"{V4}/option[code='43']/hex", "invalid-option-length"),
    (_v4(option=[{"code": 43}]), f"{V4}/option[code='43']", "missing-choice"),
    (_v4(omit_option=[50]), f"{V4}/omit-option", "option-not-settable"),
    (_v4(vendor_option=[{"enterprise-number": 1}]), f"{V4}/vendor-option[enterprise-number='1']", None),
    (_v4(vendor_specific=""), f"{V4}/vendor-specific", "invalid-octets"),
    (_v4(vendor_specific=":".join(["00"] * 256)), f"{V4}/vendor-specific", "invalid-octets"),
    (_v4(client_class=[{"name": "c"}]), f"{V4}/client-class[name='c']", "class-matches-nothing"),
    # subnets
    (_v4(subnet=[{"id": "a"}]), SUBNET4, None),
    (
        _v4(subnet=[{**NET4, "network-prefix": "10.0.0.0/31"}]),
        f"{SUBNET4}/network-prefix",
        "no-room-for-clients",
    ),
    (
        _v4(subnet=[{**NET4, "network-prefix": "224.0.0.0/24"}]),
        f"{SUBNET4}/network-prefix",
        "not-a-host-network",
    ),
    (_v4(subnet=[{**NET4, "network-prefix": "10.0.0.0/33"}]), f"{SUBNET4}/network-prefix", None),
    (
        _v4(subnet=[NET4, {"id": "b", "network-prefix": "10.0.0.7/24"}]),
        f"{SUBNET4}/network-prefix",
        "network-prefix-twice",
    ),
    (
        _v4(interfaces=["tap1"], subnet=[{**NET4, "interface": "tap2"}]),
        f"{SUBNET4}/interface",
        "interface-not-served",
    ),
    (
        _v4(
            subnet=[
                {**NET4, "relay-address": ["10.9.0.1"]},
                {"id": "b", "network-prefix": "10.0.1.0/24", "relay-address": ["10.9.0.1"]},
            ]
        ),
        f"{V4}/subnet[id='b']/relay-address[.='10.9.0.1']",
        "relay-address-twice",
    ),
    (
        _v4(subnet=[{**NET4, "address-pool": [{"pool-id": "p", "start-address": "10.0.0.1"}]}]),
        f"{SUBNET4}/address-pool[pool-id='p']",
        None,
    ),
    (
        _v4(
            subnet=[
                {
                    **NET4,
                    "address-pool": [
                        {"pool-id": "p", "start-address": "10.0.0.1", "end-address": "10.0.0.9"},
                        {"pool-id": "q", "start-address": "10.0.0.1", "end-address": "10.0.0.8"},
                    ],
                }
            ]
        ),
        f"{SUBNET4}/address-pool[pool-id='q']",
        "data-not-unique",
    ),
    (
        _v4(
            subnet=[
                {
                    **NET4,
                    "address-pool": [
                        {"pool-id": "p", "start-address": "10.0.0.1", "end-address": "10.0.0.9"},
                        {"pool-id": "q", "start-address": "10.0.0.2", "end-address": "10.0.0.9"},
                    ],
                }
            ]
        ),
        f"{SUBNET4}/address-pool[pool-id='q']",
        "data-not-unique",
    ),
]

_RESERVED4: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({**MAC, "reserved-addr": "10.0.0.1"}, {"client-id": "01:02", "reserved-addr": "10.0.0.1"}),
    (MAC, MAC),
    ({"client-id": "AB:cd"}, {"client-id": "ab:CD"}),
]
"""Two reservations that cannot stand beside each other."""

_RESERVED6: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({**MAC, "reserved-addr": "2001:db8::1"}, {**DUID, "reserved-addr": "2001:DB8:0::1"}),
    ({**MAC, "reserved-prefix": "2001:db8::/56"}, {**DUID, "reserved-prefix": "2001:db8::1/56"}),
    (MAC, MAC),
    ({**DUID, "ia-id": 1}, {**DUID, "ia-id": 1}),
]

for _first, _second in _RESERVED4:
    _pair = [{"id": "1", **_first}, {"id": "2", **_second}]
    _where = "host-reservation[id='2']"
    BAD_DHC4 += [
        (_v4(host_reservation=_pair), f"{V4}/{_where}", "data-not-unique"),
        (_v4(subnet=[{**NET4, "host-reservation": _pair}]), f"{SUBNET4}/{_where}", "data-not-unique"),
    ]

_R4 = f"{V4}/host-reservation[id='1']"
BAD_DHC4 += [
    (_v4(host_reservation=[{"id": "1"}]), _R4, "missing-choice"),
    (_v4(host_reservation=[{"id": "1", **MAC, "client-id": "01:02"}]), _R4, None),
    (
        _v4(host_reservation=[{"id": "1", **MAC, "reserved-addr": "240.0.0.1"}]),
        f"{_R4}/reserved-addr",
        "not-a-host-address",
    ),
    (_v4(host_reservation=[{"id": "1", **MAC, "hostname": "a..b"}]), f"{_R4}/hostname", None),
    (_v4(host_reservation=[{"id": "", **MAC}]), f"{V4}/host-reservation/id", None),
]

BAD_DHC6: list[Bad] = [
    (_v6(valid_lifetime=2, preferred_lifetime=1), f"{V6}/valid-lifetime", "lease-time-too-short"),
    (_v6(preferred_lifetime=0), f"{V6}/preferred-lifetime", None),
    (_v6(preferred_lifetime=7201), f"{V6}/preferred-lifetime", "preferred-longer-than-valid"),
    (_v6(renew_time=9, rebind_time=9), f"{V6}/renew-time", "renewal-not-before-rebinding"),
    (_v6(renew_time=7200), f"{V6}/renew-time", "renewal-not-before-end"),
    (_v6(rebind_time=7200), f"{V6}/rebind-time", "rebinding-not-before-end"),
    (_v6(preference=256), f"{V6}/preference", None),
    (_v6(probe_timeout=5001), f"{V6}/probe-timeout", "probe-timeout-out-of-range"),
    (_v6(info_refresh_time=599), f"{V6}/info-refresh-time", "info-refresh-time-too-short"),
    (_v6(server_duid="00:03"), f"{V6}/server-duid", "invalid-duid"),
    (_v6(server_duid=":".join(["00"] * 131)), f"{V6}/server-duid", "invalid-duid"),
    (_v6(server_duid="00030001020000000001"), f"{V6}/server-duid", None),
    (_v6(dns=["ff02::1"]), f"{V6}/dns[.='ff02::1']", "not-a-host-address"),
    (_v6(dns=["::1"]), f"{V6}/dns[.='::1']", "not-a-host-address"),
    (_v6(dns=["::"]), f"{V6}/dns[.='::']", "not-a-host-address"),
    (_v6(ntp_server=["::1"]), f"{V6}/ntp-server[.='::1']", "not-a-host-address"),
    (_v6(sntp_server=["ff05::101"]), f"{V6}/sntp-server[.='ff05::101']", "not-a-host-address"),
    (_v6(option=[{"code": 3, "hex": "01"}]), f"{V6}/option/code", "option-not-settable"),
    (_v6(option=[{"code": 200, "address": ["10.0.0.1"]}]), f"{V6}/option[code='200']/address", None),
    (_v6(option=[{"code": 200, "hex": ""}]), f"{V6}/option[code='200']/hex", "invalid-option-length"),
    (_v6(option=[{"code": 200}]), f"{V6}/option[code='200']", "missing-choice"),
    (_v6(omit_option=[14]), f"{V6}/omit-option", "option-not-settable"),
    (_v6(dns=["from-upstream"]), f"{V6}/dns[.='from-upstream']", "no-upstream"),
    (_v6(domain_search=["from-upstream"]), f"{V6}/domain-search[.='from-upstream']", "no-upstream"),
    (_v6(ntp_server=["from-upstream"]), f"{V6}/ntp-server[.='from-upstream']", "no-upstream"),
    (_v6(sntp_server=["from-upstream"]), f"{V6}/sntp-server[.='from-upstream']", "no-upstream"),
    (_v6(captive_portal="from-upstream"), f"{V6}/captive-portal", "no-upstream"),
    (
        {**_v6(upstream_interface="wan1"), "dhc6pdclient": [{"interface": "wan0"}]},
        f"{V6}/upstream-interface",
        "no-upstream",
    ),
    (
        _v6(subnet=[{**NET6, "network-prefix": "fe80::/64"}]),
        f"{SUBNET6}/network-prefix",
        "not-a-host-network",
    ),
    (
        _v6(subnet=[{**NET6, "network-prefix": "ff02::/64"}]),
        f"{SUBNET6}/network-prefix",
        "not-a-host-network",
    ),
    (_v6(subnet=[{**NET6, "network-prefix": "::/0"}]), f"{SUBNET6}/network-prefix", "no-prefix-length"),
    (
        _v6(subnet=[NET6, {"id": "b", "network-prefix": "2001:DB8::1/64"}]),
        f"{V6}/subnet[id='b']/network-prefix",
        "network-prefix-twice",
    ),
    (
        _v6(interface=[{"name": "tap1"}], subnet=[{**NET6, "interface": "tap2"}]),
        f"{SUBNET6}/interface",
        "interface-not-served",
    ),
    (
        _v6(
            subnet=[
                {**NET6, "relay-address": ["2001:db8:9::1"]},
                {"id": "b", "network-prefix": "2001:db8:1::/64", "relay-address": ["2001:db8:9::1"]},
            ]
        ),
        f"{SUBNET6}/relay-address[.='2001:db8:9::1']",
        "relay-address-twice",
    ),
]


def _pools6(*pools: dict[str, Any]) -> dict[str, Any]:
    return _v6(subnet=[{**NET6, "address-pool": [{"pool-id": str(n), **pool} for n, pool in enumerate(pools)]}])


def _prefix_pool(**members: Any) -> dict[str, Any]:
    pool = {"pool-id": "p", "client-prefix-length": 56}
    return _v6(prefix_pool=[{**pool, **{name.replace("_", "-"): value for name, value in members.items()}}])


_P6 = f"{SUBNET6}/address-pool"
_PP = f"{V6}/prefix-pool[pool-id='p']"
BAD_DHC6 += [
    (_pools6({}), f"{_P6}[pool-id='0']", "missing-choice"),
    (_pools6({"start-address": "2001:db8::1"}), f"{_P6}[pool-id='0']/start-address", "half-a-range"),
    (_pools6({"end-address": "2001:db8::1"}), f"{_P6}[pool-id='0']/end-address", "half-a-range"),
    (
        _pools6({"pool-prefix": "2001:db8::/80"}, {"pool-prefix": "2001:db8::5/80"}),
        f"{_P6}[pool-id='1']",
        "data-not-unique",
    ),
    (
        _pools6(
            {"start-address": "2001:db8::1", "end-address": "2001:db8::9"},
            {"start-address": "2001:db8::1", "end-address": "2001:db8::8"},
        ),
        f"{_P6}[pool-id='1']",
        "data-not-unique",
    ),
    (
        _pools6(
            {"start-address": "2001:db8::1", "end-address": "2001:db8::9"},
            {"start-address": "2001:db8::2", "end-address": "2001:db8::9"},
        ),
        f"{_P6}[pool-id='1']",
        "data-not-unique",
    ),
    (
        _pools6({"start-address": "::", "end-address": "2001:db8::1"}),
        f"{_P6}[pool-id='0']/start-address",
        "not-a-host-address",
    ),
    (
        _pools6({"start-address": "2001:db8::1", "end-address": "ff02::1"}),
        f"{_P6}[pool-id='0']/end-address",
        "not-a-host-address",
    ),
    (
        _v6(subnet=[{**NET6, "excluded-range": [{"start-address": "ff02::1"}]}]),
        f"{SUBNET6}/excluded-range[start-address='ff02::1']/start-address",
        "not-a-host-address",
    ),
    (
        _v6(subnet=[{**NET6, "relay-address": ["ff02::1"]}]),
        f"{SUBNET6}/relay-address[.='ff02::1']",
        "not-a-host-address",
    ),
    (_prefix_pool(), _PP, "missing-choice"),
    (_prefix_pool(delegated_from="wan0"), f"{_PP}/delegated-from", "no-upstream"),
    (
        {
            **_prefix_pool(delegated_from="wan0"),
            "dhc6pdclient": [{"interface": "wan0", "npt66": True, "internal-prefix": "fd00::/48"}],
        },
        f"{_PP}/delegated-from",
        "npt66-leaves-no-prefix",
    ),
    (_prefix_pool(pool_prefix="2001:db8::/57"), f"{_PP}/client-prefix-length", "pool-smaller-than-prefix"),
    (_prefix_pool(pool_prefix="2001:db8::/48", client_prefix_length=129), f"{_PP}/client-prefix-length", None),
    (
        _v6(
            prefix_pool=[
                {"pool-id": name, "pool-prefix": "2001:db8::/48", "client-prefix-length": 56} for name in ("p", "q")
            ]
        ),
        f"{_PP}/pool-prefix",
        "pool-prefix-twice",
    ),
    (_v6(host_reservation=[{"id": "1"}]), f"{V6}/host-reservation[id='1']", "missing-choice"),
    (
        _v6(host_reservation=[{"id": "1", "ia-id": 1}]),
        f"{V6}/host-reservation[id='1']/ia-id",
        "ia-id-without-duid",
    ),
    (
        _v6(host_reservation=[{"id": "1", "hardware-address": "01:00:5e:00:00:01"}]),
        f"{V6}/host-reservation[id='1']/hardware-address",
        "group-address",
    ),
    (
        _v6(host_reservation=[{"id": "1", "hardware-address": "00:00:00:00:00:00"}]),
        f"{V6}/host-reservation[id='1']/hardware-address",
        "zero-address",
    ),
    (
        _v6(host_reservation=[{"id": "1", **DUID, "reserved-addr": "ff02::1"}]),
        f"{V6}/host-reservation[id='1']/reserved-addr",
        "not-a-host-address",
    ),
]
for _first, _second in _RESERVED6:
    _pair = [{"id": "1", **_first}, {"id": "2", **_second}]
    _where = "host-reservation[id='2']"
    BAD_DHC6 += [
        (_v6(host_reservation=_pair), f"{V6}/{_where}", "data-not-unique"),
        (_v6(subnet=[{**NET6, "host-reservation": _pair}]), f"{SUBNET6}/{_where}", "data-not-unique"),
    ]
