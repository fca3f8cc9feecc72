"""What the schema lets through and cannot be is refused, with its path and what to do."""

from typing import Any

import pytest

from nc.schema import Schema
from tests.dhc4.clients import interface
from tests.northbound.dhc4_settings import CLIENT, Judge
from vppdhc.interface import Interface

LAN = interface("192.168.1.1/24", name="tap1")
BARE = interface(name="tap2", index=2)
BLUE = interface("10.7.0.1/24", name="blue", index=3, table=7)
AGAIN = interface("192.168.1.1/24", name="again", index=4, table=7)
MAC = {"hardware-address": "02:00:00:00:00:01"}


def subnet(id_: str = "a", network: str = "10.0.0.0/24", **more: Any) -> dict[str, Any]:
    return {"id": id_, "network-prefix": network, **_named(more)}


def pool(start: str, end: str, id_: str = "p", **more: Any) -> dict[str, Any]:
    return {"pool-id": id_, "start-address": start, "end-address": end, **_named(more)}


def _named(settings: dict[str, Any]) -> dict[str, Any]:
    return {name.replace("_", "-"): value for name, value in settings.items()}


def reserve(address: str | None, id_: str = "x", **client: str) -> dict[str, Any]:
    return {"id": id_, **(_named(client) or MAC), **({"reserved-addr": address} if address else {})}


SUBNET, POOL = "/subnet[id='a']", "/subnet[id='a']/address-pool[pool-id='p']"

IN_ITSELF: list[tuple[dict[str, Any], str, str, str]] = [
    (
        {"renewal-time": 600, "interface": [{"name": "tap1", "lease-time": 300}]},
        "/interface[name='tap1']",
        "lifetimes-out-of-order",
        "renewal-time 600 is not shorter than rebinding-time 262 here",
    ),
    (
        {"rebinding-time": 600, "subnet": [subnet(lease_time=300)]},
        SUBNET,
        "lifetimes-out-of-order",
        "rebinding-time 600 is not shorter than lease-time 300 here",
    ),
    (
        {
            "interface": [{"name": "tap1", "lease-time": 300}],
            "subnet": [subnet(network="192.168.1.0/24", interface="tap1", renewal_time=280)],
        },
        SUBNET,
        "lifetimes-out-of-order",
        "renewal-time 280 is not shorter than",
    ),
    (
        {"subnet": [subnet(renewal_time=600, address_pool=[pool("10.0.0.9", "10.0.0.20", lease_time=60)])]},
        POOL,
        "lifetimes-out-of-order",
        "renewal-time 600 is not shorter than rebinding-time 52 here",
    ),
    (
        {"subnet": [subnet(address_pool=[pool("10.0.0.20", "10.0.0.9")])]},
        f"{POOL}/end-address",
        "end-before-start",
        "exchange them",
    ),
    (
        {"subnet": [subnet(address_pool=[pool("10.0.0.20", "10.0.1.9")])]},
        f"{POOL}/end-address",
        "not-in-network",
        "10.0.1.9 is not in 10.0.0.0/24",
    ),
    (
        {"subnet": [subnet(address_pool=[pool("9.255.255.1", "10.0.0.9")])]},
        f"{POOL}/start-address",
        "not-in-network",
        "9.255.255.1 is not in 10.0.0.0/24",
    ),
    (
        {"subnet": [subnet(address_pool=[pool("10.0.0.9", "10.0.0.20"), pool("10.0.0.5", "10.0.0.9", "q")])]},
        f"{POOL}/start-address",
        "overlapping-pool",
        "behind 10.0.0.9",
    ),
    (
        {"subnet": [subnet(excluded_range=[{"start-address": "10.0.0.20", "end-address": "10.0.0.9"}])]},
        "/subnet[id='a']/excluded-range[start-address='10.0.0.20']/end-address",
        "end-before-start",
        "exchange them",
    ),
    (
        {"subnet": [subnet(excluded_range=[{"start-address": "10.0.1.20"}])]},
        "/subnet[id='a']/excluded-range[start-address='10.0.1.20']/start-address",
        "not-in-network",
        "is not in 10.0.0.0/24",
    ),
    (
        {"subnet": [subnet("b", "10.0.0.0/16"), subnet("a", "10.0.5.0/24")]},
        f"{SUBNET}/network-prefix",
        "overlapping-network",
        "10.0.5.0/24 overlaps 10.0.0.0/16, which is subnet b",
    ),
    (
        {
            "host-reservation": [reserve("10.0.0.9", "global")],
            "subnet": [subnet(host_reservation=[reserve("10.0.0.9", client_id="01")])],
        },
        "/host-reservation[id='global']/reserved-addr",
        "address-reserved-twice",
        "by host-reservation x of subnet a: reserve another one",
    ),
    (
        {"host-reservation": [reserve(None, "x", remote_id="01"), reserve("10.0.0.9", "y", remote_id="01")]},
        "/host-reservation[id='y']",
        "client-reserved-twice",
        "host-reservation x is for the same client",
    ),
    (
        {"subnet": [subnet(host_reservation=[reserve("10.0.1.9")])]},
        "/subnet[id='a']/host-reservation[id='x']/reserved-addr",
        "not-in-network",
        "10.0.1.9 is not in 10.0.0.0/24",
    ),
    (
        {"subnet": [subnet(host_reservation=[reserve("10.0.0.255")])]},
        "/subnet[id='a']/host-reservation[id='x']/reserved-addr",
        "address-not-for-hosts",
        "no host can have it",
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


def test_a_fault_further_out_is_told_once(schema: Schema) -> None:
    server = {
        "interface": [{"name": "tap1", "lease-time": 300, "renewal-time": 290}],
        "subnet": [subnet(interface="tap1", address_pool=[pool("10.0.0.9", "10.0.0.20")])],
    }
    assert Judge(schema, known=False).commit(server) == [("/interface[name='tap1']", "lifetimes-out-of-order")]


def test_a_client_may_have_an_address_in_each_network(schema: Schema) -> None:
    server = {
        "host-reservation": [reserve("192.168.1.9")],
        "subnet": [
            subnet("a", "10.0.0.0/24", host_reservation=[reserve("10.0.0.9")]),
            subnet("b", "10.0.1.0/24", host_reservation=[reserve("10.0.1.9")]),
            subnet("c", "10.0.0.0/24", table_id=7, host_reservation=[reserve("10.0.0.9")]),
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
    ((LAN,), {"subnet": [subnet(interface="tap9")]}, f"{SUBNET}/interface", "no-such-interface", "no interface tap9"),
    (
        (LAN, BLUE),
        {"subnet": [subnet("a", "10.7.0.0/24", interface="blue")]},
        f"{SUBNET}/interface",
        "other-table",
        "blue is in routing table 7, and this subnet in 0: correct table-id",
    ),
    (
        (LAN,),
        {"subnet": [subnet("a", "192.168.0.0/16")]},
        f"{SUBNET}/network-prefix",
        "overlapping-network",
        "192.168.0.0/16 overlaps 192.168.1.0/24, the network of tap1",
    ),
    (
        (LAN,),
        {"subnet": [subnet("a", "192.168.1.128/25")]},
        f"{SUBNET}/network-prefix",
        "overlapping-network",
        "give them one length",
    ),
    (
        (LAN,),
        {"host-reservation": [reserve("10.9.9.9")]},
        "/host-reservation[id='x']/reserved-addr",
        "address-not-served",
        "10.9.9.9 is in no network that is served",
    ),
    (
        (LAN,),
        {"host-reservation": [reserve("192.168.1.1")]},
        "/host-reservation[id='x']/reserved-addr",
        "address-of-router",
        "the router's own address",
    ),
    (
        (LAN,),
        {"host-reservation": [reserve("192.168.1.255")]},
        "/host-reservation[id='x']/reserved-addr",
        "address-not-for-hosts",
        "no host can have it",
    ),
    (
        (LAN,),
        {"subnet": [subnet("a", "192.168.1.0/24", host_reservation=[reserve("192.168.1.1")])]},
        "/subnet[id='a']/host-reservation[id='x']/reserved-addr",
        "address-of-router",
        "the router's own address",
    ),
    (
        (LAN,),
        {
            "interface": [{"name": "tap1", "lease-time": 300}],
            "subnet": [subnet("a", "192.168.1.0/24", renewal_time=280)],
        },
        SUBNET,
        "lifetimes-out-of-order",
        "renewal-time 280 is not shorter than rebinding-time 262 here",
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


def test_one_more_of_the_same_is_refused(schema: Schema) -> None:
    judge = Judge(schema, LAN)
    judge.commit({"host-reservation": [reserve("10.9.9.9")]}, strict=False)
    other = [reserve("10.9.9.9"), reserve("10.9.9.8", "y", client_id="01")]
    assert judge.commit({"host-reservation": other}) == [
        ("/host-reservation[id='y']/reserved-addr", "address-not-served")
    ]
    moved = [reserve("10.9.9.7")]
    assert judge.commit({"host-reservation": moved}) == [
        ("/host-reservation[id='x']/reserved-addr", "address-not-served")
    ]


WORTH_A_WARNING: list[tuple[tuple[Interface, ...], dict[str, Any], str, str]] = [
    ((BARE,), {"interfaces": ["tap2"]}, "/interfaces[.='tap2']", "has no IPv4 address"),
    ((BARE,), {"subnet": [subnet(interface="tap2")]}, f"{SUBNET}/interface", "has no IPv4 address"),
    (
        (LAN, AGAIN),
        {"host-reservation": [reserve("192.168.1.9")]},
        "/host-reservation[id='x']/reserved-addr",
        "in the routing tables 0, 7, and reserved in all of them: reserve it in a subnet",
    ),
]


@pytest.mark.parametrize(("interfaces", "server", "path", "words"), WORTH_A_WARNING)
def test_what_is_only_worth_a_warning(
    schema: Schema, interfaces: tuple[Interface, ...], server: dict[str, Any], path: str, words: str
) -> None:
    judge = Judge(schema, *interfaces)
    assert judge.commit(server) == []
    ((where, message),) = judge.warnings
    assert where == path
    assert words in message


def test_a_subnet_on_an_interface_where_the_router_is_a_client(schema: Schema) -> None:
    judge = Judge(schema, interface("192.168.1.1/24", name="wan0"))
    assert judge.commit({"subnet": [subnet("a", "192.168.1.0/24", interface="wan0")]}, dhc4client=CLIENT) == [
        (f"{SUBNET}/interface", "interface-not-served")
    ]


@pytest.mark.parametrize(
    "server",
    [
        {"subnet": [subnet("a", "192.168.1.0/24", address_pool=[pool("192.168.1.9", "192.168.1.20")])]},
        {"subnet": [subnet("a", "10.0.0.0/24", interface="tap1")]},
        {"subnet": [subnet("a", "10.0.0.0/24", relay_address=["192.168.1.9"])]},
        {"subnet": [subnet("a", "10.0.0.0/24"), subnet("b", "10.0.1.0/24")], "host-reservation": [reserve("10.0.1.9")]},
        {"host-reservation": [reserve("10.7.0.9")]},
        {"subnet": [subnet("a", "10.0.0.0/24", host_reservation=[reserve("10.0.0.9")])]},
        {"host-reservation": [reserve(None, circuit_id="01"), reserve(None, "y", circuit_id="01", remote_id="02")]},
    ],
)
def test_what_is_right(schema: Schema, server: dict[str, Any]) -> None:
    judge = Judge(schema, LAN, BLUE)
    assert judge.commit(server) == []
    assert judge.warnings == []


def test_nothing_is_checked_against_a_vpp_that_is_not_there(schema: Schema) -> None:
    judge = Judge(schema, known=False)
    assert judge.commit({"interfaces": ["tap9"], "host-reservation": [reserve("10.9.9.9")]}) == []
    assert judge.warnings == []


def test_without_packets_nobody_is_served(schema: Schema) -> None:
    judge = Judge(schema, LAN, punt_problem="there is no punt socket")
    assert judge.commit({}) == [("", "no-punt-socket")]
    assert judge.commit({}, strict=False) == []
    assert judge.commit({"lease-time": 60}) == [], "which is no worse than before"
    assert judge.commit(None) == []
    assert judge.applied[-1] is None
