"""What the schema lets through and cannot be is refused, with its path and what to do."""

from dataclasses import replace
from typing import Any

import pytest

from nc.schema import Schema
from tests.dhc6.clients import interface
from tests.northbound.dhc6_settings import WAN, Judge
from vppdhc.interface import Interface

LAN = interface("2001:db8:1::1/64", name="tap1")
BARE = interface(name="tap2", index=2)
BLUE = interface("2001:db8:7::1/64", name="blue", index=3, table=7)
AGAIN = interface("2001:db8:1::1/64", name="again", index=4, table=7)
MAC = {"hardware-address": "02:00:00:00:00:01"}
SERVED = {"interfaces": ["tap1"]}


def _named(settings: dict[str, Any]) -> dict[str, Any]:
    return {name.replace("_", "-"): value for name, value in settings.items()}


def subnet(id_: str = "a", network: str = "2001:db8:9::/64", **more: Any) -> dict[str, Any]:
    return {"id": id_, "network-prefix": network, **_named(more)}


def pool(start: str, end: str, id_: str = "p", **more: Any) -> dict[str, Any]:
    ends = {"start-address": f"2001:db8:{start}", "end-address": f"2001:db8:{end}"}
    return {"pool-id": id_, **ends, **_named(more)}


def prefixes(prefix: str, id_: str = "d", length: int = 56, **more: Any) -> dict[str, Any]:
    return {"pool-id": id_, "pool-prefix": prefix, "client-prefix-length": length, **_named(more)}


def reserve(address: str | None, id_: str = "x", **client: Any) -> dict[str, Any]:
    return {"id": id_, **(_named(client) or MAC), **({"reserved-addr": address} if address else {})}


SUBNET, POOL, DELEGATED = "/subnet[id='a']", "/subnet[id='a']/address-pool[pool-id='p']", "/prefix-pool[pool-id='d']"

IN_ITSELF: list[tuple[dict[str, Any], str, str, str]] = [
    (
        {"rebind-time": 600, "interface": [{"name": "tap1", "valid-lifetime": 300}]},
        "/interface[name='tap1']",
        "lifetimes-out-of-order",
        "rebind-time 600 is not shorter than valid-lifetime 300 here",
    ),
    (
        {"renew-time": 600, "subnet": [subnet(rebind_time=300)]},
        SUBNET,
        "lifetimes-out-of-order",
        "renew-time 600 is not shorter than rebind-time 300 here",
    ),
    (
        {"renew-time": 600, "subnet": [subnet(address_pool=[pool("9::9", "9::20", valid_lifetime=500)])]},
        POOL,
        "lifetimes-out-of-order",
        "renew-time 600 is not shorter than valid-lifetime 500 here",
    ),
    (
        {"rebind-time": 600, "prefix-pool": [prefixes("2001:db8:8000::/48", valid_lifetime=500)]},
        DELEGATED,
        "lifetimes-out-of-order",
        "rebind-time 600 is not shorter than valid-lifetime 500 here",
    ),
    (
        {
            "interface": [{"name": "tap1", "rebind-time": 600}],
            "prefix-pool": [prefixes("2001:db8:8000::/48", valid_lifetime=500)],
        },
        DELEGATED,
        "lifetimes-out-of-order",
        "rebind-time 600 is not shorter than valid-lifetime 500 here",
    ),
    (
        {"subnet": [subnet(address_pool=[pool("9::20", "9::9")])]},
        f"{POOL}/end-address",
        "end-before-start",
        "2001:db8:9::9 is below start-address 2001:db8:9::20: exchange them",
    ),
    (
        {"subnet": [subnet(address_pool=[pool("9::20", "a::9")])]},
        f"{POOL}/end-address",
        "not-in-network",
        "2001:db8:a::9 is not in 2001:db8:9::/64",
    ),
    (
        {"subnet": [subnet(address_pool=[{"pool-id": "p", "pool-prefix": "2001:db8:a::/80"}])]},
        f"{POOL}/pool-prefix",
        "not-in-network",
        "pool-prefix 2001:db8:a::/80 is not in 2001:db8:9::/64",
    ),
    (
        {"subnet": [subnet(address_pool=[pool("9::9", "9::20"), pool("9::5", "9::9", "q")])]},
        f"{POOL}/start-address",
        "overlapping-pool",
        "behind 2001:db8:9::9",
    ),
    (
        {
            "subnet": [
                subnet(address_pool=[pool("9::", "9::20", "q"), {"pool-id": "p", "pool-prefix": "2001:db8:9::/80"}])
            ]
        },
        "/subnet[id='a']/address-pool[pool-id='p']/pool-prefix",
        "overlapping-pool",
        "have pool-prefix 2001:db8:9::/80 apart from the other",
    ),
    (
        {"subnet": [subnet(excluded_range=[{"start-address": "2001:DB8:9::20", "end-address": "2001:db8:9::9"}])]},
        "/subnet[id='a']/excluded-range[start-address='2001:db8:9::20']/end-address",
        "end-before-start",
        "exchange them",
    ),
    (
        {"subnet": [subnet("b", "2001:db8::/32"), subnet()]},
        f"{SUBNET}/network-prefix",
        "overlapping-network",
        "2001:db8:9::/64 overlaps 2001:db8::/32, which is subnet b",
    ),
    (
        {"prefix-pool": [prefixes("2001:db8:8000::/40", "e"), prefixes("2001:db8:8000::/48")]},
        f"{DELEGATED}/pool-prefix",
        "overlapping-pool",
        "prefix-pool e has prefixes in common with it",
    ),
    (
        {"interfaces": ["tap1"], "prefix-pool": [prefixes("2001:db8:8000::/48", interface=["tap1", "tap9"])]},
        f"{DELEGATED}/interface[.='tap9']",
        "interface-not-served",
        "tap9 is not served: name it in 'interfaces'",
    ),
    (
        {
            "host-reservation": [reserve("2001:db8:9::9", "global")],
            "subnet": [subnet(host_reservation=[reserve("2001:db8:9::9", client_duid="00:04:01")])],
        },
        "/host-reservation[id='global']/reserved-addr",
        "address-reserved-twice",
        "by host-reservation x of subnet a: reserve another one",
    ),
    (
        {
            "prefix-pool": [prefixes("2001:db8:8000::/48")],
            "host-reservation": [{"id": "y", "client-duid": "00:04:02", "reserved-prefix": "2001:db8:8000::/56"}],
            "subnet": [subnet(host_reservation=[{"id": "x", **MAC, "reserved-prefix": "2001:db8:8000::/56"}])],
        },
        "/host-reservation[id='y']/reserved-prefix",
        "prefix-reserved-twice",
        "2001:db8:8000::/56 is reserved already, by host-reservation x of subnet a",
    ),
    (
        {"host-reservation": [reserve(None, "x", client_duid="00:04:01"), reserve(None, "y", client_duid="00:04:01")]},
        "/host-reservation[id='y']",
        "client-reserved-twice",
        "host-reservation x is for the same client",
    ),
    (
        {"subnet": [subnet(host_reservation=[reserve("2001:db8:a::9")])]},
        "/subnet[id='a']/host-reservation[id='x']/reserved-addr",
        "not-in-network",
        "2001:db8:a::9 is not in 2001:db8:9::/64",
    ),
    (
        {"subnet": [subnet(host_reservation=[reserve("2001:db8:9::")])]},
        "/subnet[id='a']/host-reservation[id='x']/reserved-addr",
        "address-not-for-hosts",
        "reserved interface id (RFC 5453): no host can have it",
    ),
    (
        {"host-reservation": [{"id": "x", **MAC, "reserved-prefix": "2001:db8:9000::/56"}]},
        "/host-reservation[id='x']/reserved-prefix",
        "prefix-not-served",
        "2001:db8:9000::/56 is in no prefix-pool",
    ),
]


@pytest.mark.parametrize(
    ("server", "path", "app_tag", "words"), IN_ITSELF, ids=[f"{one[2]}-{one[1]}" for one in IN_ITSELF]
)
def test_what_cannot_be(schema: Schema, server: dict[str, Any], path: str, app_tag: str, words: str) -> None:
    judge = Judge(schema, known=False)
    assert judge.commit(server) == [(path, app_tag)]
    assert words in judge.messages[0]
    assert judge.applied == []
    assert judge.commit(server, strict=False) == []
    assert [where for where, _ in judge.warnings] == [path]
    assert judge.commit({**server, "max-pending-probes": 5}) == [(path, app_tag)], "until it is mended"


def test_of_one_delegation_there_is_one_pool_of_each_length(schema: Schema) -> None:
    def of(length: int, id_: str) -> dict[str, Any]:
        return {"pool-id": id_, "delegated-from": "wan0", "client-prefix-length": length}

    judge = Judge(schema, known=False)
    assert judge.commit({"prefix-pool": [of(60, "c"), of(64, "d")]}, dhc6pdclient=WAN) == []
    assert judge.warnings == []
    assert judge.commit({"prefix-pool": [of(60, "c"), of(60, "d")]}, dhc6pdclient=WAN) == [
        (f"{DELEGATED}/delegated-from", "overlapping-pool")
    ]


def test_a_client_may_have_an_address_in_each_network(schema: Schema) -> None:
    server = {
        **SERVED,
        "host-reservation": [reserve("2001:db8:1::9")],
        "subnet": [
            subnet("a", "2001:db8:9::/64", host_reservation=[reserve("2001:db8:9::9")]),
            subnet("c", "2001:db8:9::/64", table_id=7, host_reservation=[reserve("2001:db8:9::9")]),
        ],
    }
    assert Judge(schema, LAN).commit(server) == []


ON_INTERFACES: list[tuple[tuple[Interface, ...], dict[str, Any], str, str, str]] = [
    (
        (LAN,),
        {"interfaces": ["tap9"]},
        "/interfaces[.='tap9']",
        "no-such-interface",
        "VPP has no interface tap9; it has tap1",
    ),
    ((), {"interface": [{"name": "tap9"}]}, "/interface[name='tap9']", "no-such-interface", "it has none"),
    (
        (BLUE,),
        {"interfaces": ["blue"], "subnet": [subnet(interface="blue")]},
        f"{SUBNET}/interface",
        "other-table",
        "blue is in routing table 7, and this subnet in 0: correct table-id",
    ),
    (
        (LAN,),
        {**SERVED, "subnet": [subnet("a", "2001:db8::/32")]},
        f"{SUBNET}/network-prefix",
        "overlapping-network",
        "2001:db8::/32 overlaps 2001:db8:1::/64, the network of tap1: give them one length",
    ),
    (
        (LAN,),
        {**SERVED, "host-reservation": [reserve("2001:db8:99::9")]},
        "/host-reservation[id='x']/reserved-addr",
        "address-not-served",
        "2001:db8:99::9 is in no network that is served",
    ),
    (
        (LAN,),
        {**SERVED, "host-reservation": [reserve("2001:db8:1::1")]},
        "/host-reservation[id='x']/reserved-addr",
        "address-of-router",
        "the router's own address",
    ),
    (
        (LAN,),
        {**SERVED, "host-reservation": [reserve("2001:db8:1::")]},
        "/host-reservation[id='x']/reserved-addr",
        "address-not-for-hosts",
        "no host can have it",
    ),
    (
        (LAN,),
        {
            "interface": [{"name": "tap1", "valid-lifetime": 300}],
            "subnet": [subnet("a", "2001:db8:1::/64", renew_time=300)],
        },
        SUBNET,
        "lifetimes-out-of-order",
        "renew-time 300 is not shorter than valid-lifetime 300 here",
    ),
]


@pytest.mark.parametrize(
    ("interfaces", "server", "path", "app_tag", "words"),
    ON_INTERFACES,
    ids=[f"{one[3]}-{one[2]}" for one in ON_INTERFACES],
)
def test_what_does_not_go_with_vpps_interfaces(
    schema: Schema, interfaces: tuple[Interface, ...], server: dict[str, Any], path: str, app_tag: str, words: str
) -> None:
    judge = Judge(schema, *interfaces)
    assert judge.commit(server) == [(path, app_tag)]
    assert words in judge.messages[0]
    assert judge.commit(server, strict=False) == []
    assert [where for where, _ in judge.warnings] == [path]
    assert judge.commit({**server, "max-pending-probes": 5}) == [], "it was so before"
    assert [where for where, _ in judge.warnings] == [path]


def test_a_subnet_on_an_interface_that_vpp_does_not_have(schema: Schema) -> None:
    judge = Judge(schema, LAN)
    assert judge.commit({"interfaces": ["tap1", "tap9"], "subnet": [subnet(interface="tap9")]}) == [
        ("/interfaces[.='tap9']", "no-such-interface"),
        (f"{SUBNET}/interface", "no-such-interface"),
    ]


WORTH_A_WARNING: list[tuple[tuple[Interface, ...], dict[str, Any], dict[str, Any], str, str]] = [
    ((BARE,), {"interfaces": ["tap2"]}, {}, "/interfaces[.='tap2']", "tap2 has no IPv6 address but that of its link"),
    (
        (LAN,),
        {"interface": [{"name": "tap1", "rebind-time": 3600}]},
        {},
        "/interface[name='tap1']",
        "rebind-time 3600 is too late for preferred-lifetime 3600 here, so that it is 2880: shorten it",
    ),
    (
        (LAN,),
        {**SERVED, "renew-time": 3000},
        {},
        "",
        "renew-time 3000 is too late for preferred-lifetime 3600 here, so that it is 1800: shorten it",
    ),
    (
        (LAN,),
        SERVED,
        {"dhc4client": {"interface": "tap1"}},
        "/interfaces[.='tap1']",
        "tap1 leads to a provider, as a dhc4client is configured there",
    ),
    (
        (LAN, AGAIN),
        {"interfaces": ["tap1", "again"], "host-reservation": [reserve("2001:db8:1::9")]},
        {},
        "/host-reservation[id='x']/reserved-addr",
        "in the routing tables 0, 7, and reserved in all of them: reserve it in a subnet",
    ),
    (
        (LAN,),
        {**SERVED, "host-reservation": [reserve("2001:db8:99::9")]},
        {"dhc6pdclient": {**WAN, "lan-interface": [{"name": "tap1"}]}},
        "/host-reservation[id='x']/reserved-addr",
        "2001:db8:99::9 is in no network that is served",
    ),
]


@pytest.mark.parametrize(
    ("interfaces", "server", "others", "path", "words"),
    WORTH_A_WARNING,
    ids=["no address", "late rebinding", "late renewal", "dhc4client", "several tables", "network to come"],
)
def test_what_is_only_worth_a_warning(
    schema: Schema,
    interfaces: tuple[Interface, ...],
    server: dict[str, Any],
    others: dict[str, Any],
    path: str,
    words: str,
) -> None:
    judge = Judge(schema, *interfaces)
    assert judge.commit(server, **others) == []
    ((where, message),) = judge.warnings
    assert where == path
    assert words in message


def test_a_lan_gets_its_address_with_the_prefix(schema: Schema) -> None:
    judge = Judge(schema, BARE)
    client = {**WAN, "lan-interface": [{"name": "tap2"}]}
    assert judge.commit({"interfaces": ["tap2"]}, dhc6pdclient=client) == []
    assert judge.warnings == []


@pytest.mark.parametrize(
    "server",
    [
        {**SERVED, "subnet": [subnet("a", "2001:db8:1::/64", address_pool=[pool("1::9", "1::20")])]},
        {**SERVED, "subnet": [subnet(interface="tap1")]},
        {**SERVED, "subnet": [subnet(relay_address=["2001:db8:1::9"])]},
        {**SERVED, "subnet": [subnet()], "host-reservation": [reserve("2001:db8:9::9")]},
        {"interfaces": ["blue"], "host-reservation": [reserve("2001:db8:7::9")]},
        {**SERVED, "prefix-pool": [prefixes("2001:db8:8000::/48", interface=["tap1"])]},
        {
            **SERVED,
            "prefix-pool": [prefixes("2001:db8:8000::/48")],
            "host-reservation": [{"id": "x", **MAC, "reserved-prefix": "2001:db8:8000:100::/60"}],
        },
        {
            **SERVED,
            "host-reservation": [
                reserve(None, client_duid="00:04:01"),
                reserve(None, "y", client_duid="00:04:01", ia_id=1),
            ],
        },
        {"valid-lifetime": 4294967295, "preferred-lifetime": 4294967295, "renew-time": 3600, "rebind-time": 7200},
        {"interface": [{"name": "tap1", "valid-lifetime": 300}]},
    ],
)
def test_what_is_right(schema: Schema, server: dict[str, Any]) -> None:
    judge = Judge(schema, LAN, BLUE)
    assert judge.commit(server) == []
    assert judge.warnings == []


def test_nothing_is_checked_against_a_vpp_that_is_not_there(schema: Schema) -> None:
    judge = Judge(schema, known=False)
    assert judge.commit({"interfaces": ["tap9"], "host-reservation": [reserve("2001:db8:99::9")]}) == []
    assert judge.warnings == []


def test_without_packets_nobody_is_served(schema: Schema) -> None:
    judge = Judge(schema, LAN, punt_problem="there is no punt socket")
    assert judge.commit(SERVED) == [("", "no-punt-socket")]
    assert judge.commit(SERVED, strict=False) == []
    assert judge.commit({**SERVED, "preference": 7}) == [], "which is no worse than before"
    assert judge.commit(None) == []
    assert judge.applied[-1] is None


def test_an_interface_without_ipv6_yet_is_served_when_it_has(schema: Schema) -> None:
    judge = Judge(schema, replace(LAN, link_local=None))
    assert judge.commit(SERVED) == []
    assert judge.warnings == []
