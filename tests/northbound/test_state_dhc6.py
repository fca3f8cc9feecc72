"""The DHCPv6 server's state, leaf by leaf, and its notifications."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv6Network
from math import inf
from typing import Any

import gevent
import pytest

from nc.schema import Schema
from nc.xml import Element, local_name
from tests.dhc6.clients import Agent, duid, interface, message, number, raw, text
from tests.dhc6.lan import LAN, POOL, PREFIX, Advertised
from tests.northbound.dhc6_lan import Watched, check, leafs, texts
from tests.packet.scapy_layers6 import dhcp6 as scapy
from vppdhc.dhc6.config import (
    ConflictDetection,
    Overrides,
    PoolConfig,
    PrefixPoolConfig,
    ServerConfig,
    Settings,
    SubnetConfig,
)
from vppdhc.dhc6.delegation import Delegated
from vppdhc.dhc6.events import Event, EventKind
from vppdhc.dhc6.levels import FOR_EVER
from vppdhc.dhc6.reservations import Reservation
from vppdhc.dhc6.serving import CrossedPool
from vppdhc.leases.lease6 import Change6, LeaseKind
from vppdhc.leases.usage import PoolUsage
from vppdhc.northbound.notices import Notices
from vppdhc.northbound.sources import Instants

FAR = "2001:db8:5::"
RELAY = Agent(
    link=f"{FAR}1", peer="fe80::ff:fe00:1", options=(scapy.DHCP6OptIfaceId(ifaceid=b"eth1"), raw(37, b"\0\0\0\x09ab"))
)
CONFIG = ServerConfig(
    Settings(conflict_detection=ConflictDetection.NONE),
    ("tap0",),
    subnets=(
        SubnetConfig(
            "lab",
            IPv6Network(f"{FAR}/64"),
            pools=(
                PoolConfig("low", number(f"{FAR}10"), number(f"{FAR}19")),
                PoolConfig("high", number(f"{FAR}20"), number(f"{FAR}29"), Overrides(valid_lifetime=9000)),
            ),
        ),
    ),
    prefix_pools=(POOL,),
)


@pytest.fixture
def lan() -> Watched:
    return Watched(LAN, config=CONFIG)


def test_a_relayed_client_is_shown_whole(lan: Watched, schema: Schema) -> None:
    bound = lan.bind(1, na={7: []}, relays=[RELAY])
    (address,) = bound.na[7].live
    pool = "low" if number(address) < number(f"{FAR}20") else "high"
    (shown,) = map(leafs, lan.state(schema, "active-lease"))
    assert shown | {"allocation-time": "", "last-renew-rebind": "", "expires": ""} == {
        "state": "active",
        "table-id": "0",
        "leased-address": address,
        "client-duid": duid(1).hex(":"),
        "ia-id": "7",
        "hardware-address": "02:00:00:00:00:01",
        "interface": "tap0",
        "subnet": "lab",
        "pool-id": pool,
        "preferred-lifetime": "3600",
        "valid-lifetime": {"low": "7200", "high": "9000"}[pool],
        "lease-t1": str(bound.na[7].t1),
        "lease-t2": str(bound.na[7].t2),
        "allocation-time": "",
        "last-renew-rebind": "",
        "expires": "",
        "code": "0",
        "link-address": f"{FAR}1",
        "peer-address": "fe80::ff:fe00:1",
        "interface-id": "65:74:68:31",
        "remote-id": "00:00:00:09:61:62",
    }


def test_a_delegated_prefix_is_shown_with_its_route(lan: Watched, schema: Schema) -> None:
    bound = lan.bind(1, pd={3: []})
    (prefix,) = bound.pd[3].live
    (shown,) = map(leafs, lan.state(schema, "active-prefix-lease"))
    assert (shown["leased-prefix"], shown["next-hop-address"]) == (prefix, "fe80::ff:fe00:1")
    assert (shown["pool-id"], shown["ia-id"], shown["lease-t1"]) == ("customers", "3", str(bound.pd[3].t1))
    assert "subnet" not in shown
    assert lan.state(schema, "active-lease") == []
    lan.say("release", pd={3: [prefix]})
    (shown,) = map(leafs, lan.state(schema, "inactive-prefix-lease"))
    assert (shown["leased-prefix"], shown["state"]) == (prefix, "released")
    assert not {"next-hop-address", "lease-t1", "code"} & shown.keys()


def test_an_offer_is_active_and_an_expired_lease_is_not(lan: Watched, schema: Schema) -> None:
    lan.say("solicit", 2, na={1: []})
    (shown,) = map(leafs, lan.state(schema, "active-lease"))
    assert shown["state"] == "offered"
    assert not {"allocation-time", "last-renew-rebind"} & shown.keys()
    lan.bind(1)
    lan.now += 7201
    lan.expire()
    assert lan.state(schema, "active-lease") == []
    (shown,) = map(leafs, lan.state(schema, "inactive-lease"))
    assert (shown["state"], shown["client-duid"]) == ("expired", duid(1).hex(":"))


def test_one_lease_is_found_by_its_keys(lan: Watched, schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    address = lan.bind(1).na[1].live[0]
    (prefix,) = lan.bind(2, pd={1: []}).pd[1].live
    monkeypatch.setattr(type(lan.book), "__iter__", None)
    for keys in ({"leased_address": address}, {"leased_address": address.upper()}):
        assert texts(lan.state(schema, "active-lease", table_id="0", **keys), "leased-address") == [address]
    found = lan.state(schema, "active-prefix-lease", table_id="0", leased_prefix=prefix)
    assert texts(found, "leased-prefix") == [prefix]
    for table, wanted in (("7", address), ("x", address), ("0", "2001:db8::x"), ("0", prefix), ("0", f"{PREFIX}fff")):
        assert lan.state(schema, "active-lease", table_id=table, leased_address=wanted) == []
    for wanted in (address, "2001:db8::/x", "2001:db8::1/64", f"{prefix}0"):
        assert lan.state(schema, "active-prefix-lease", table_id="0", leased_prefix=wanted) == []


def test_leases_of_one_table(lan: Watched, schema: Schema) -> None:
    lan.bind(1)
    assert len(lan.state(schema, "active-lease", table_id="0")) == 1
    assert lan.state(schema, "active-lease", table_id="1") == []


def test_a_declined_address_belongs_to_nobody(lan: Watched, schema: Schema) -> None:
    (address,) = lan.bind(1).na[1].live
    lan.say("decline", na={1: [address]})
    (shown,) = map(leafs, lan.state(schema, "inactive-lease"))
    assert (shown["state"], shown["leased-address"]) == ("declined", address)
    assert "lease-t1" not in shown


def test_a_reservation_is_shown_at_its_client(lan: Watched, schema: Schema) -> None:
    printer = Reservation("printer", hardware=b"\1\2\0\0\0\0\3", address=number(f"{PREFIX}9"))
    site = Reservation("site", duid=duid(4), ia_id=5, prefix=IPv6Network("2001:db8:8000:1100::/56"))
    lan.reserve(printer, site)
    lan.bind(3, na={1: []}, pd={1: []})
    lan.bind(4, na={1: []}, pd={5: []})
    addresses = map(leafs, lan.state(schema, "active-lease"))
    assert {one["client-duid"]: one.get("reservation") for one in addresses} == {
        duid(3).hex(":"): "printer",
        duid(4).hex(":"): None,
    }
    found = {one["client-duid"]: one for one in map(leafs, lan.state(schema, "active-prefix-lease"))}
    assert found[duid(4).hex(":")]["reservation"] == "site"
    assert found[duid(4).hex(":")]["leased-prefix"] == "2001:db8:8000:1100::/56"


def test_times_that_the_settings_do_not_make_any_more_are_not_shown(lan: Watched, schema: Schema) -> None:
    lan.bind(1)
    lan.configure(valid_lifetime=600)
    (shown,) = map(leafs, lan.state(schema, "active-lease"))
    assert shown["valid-lifetime"] == "7200"
    assert not {"lease-t1", "lease-t2"} & shown.keys()


def test_a_lease_for_ever_has_no_end(lan: Watched, schema: Schema) -> None:
    lan.bind(1)
    (lease,) = lan.book
    lan.book.apply(Change6(lease, lease._replace(preferred=0xFFFFFFFF, valid=0xFFFFFFFF, expires=inf)))
    (shown,) = map(leafs, lan.state(schema, "active-lease"))
    assert "expires" not in shown


# Interfaces and pools


def test_what_is_served_and_what_is_not(schema: Schema) -> None:
    lan = Watched(LAN, config=replace(CONFIG, interfaces=("tap0", "tap9")))
    shown = {one["name"]: one for one in map(leafs, lan.state(schema, "served-interface"))}
    assert shown["tap0"] == {"name": "tap0", "table-id": "0", "network-prefix": "2001:db8:1::/64"}
    assert shown["tap9"] == {"name": "tap9", "problem": "VPP has no such interface"}
    assert texts(lan.state(schema, "served-interface", name="tap9"), "name") == ["tap9"]


def test_every_address_pool_is_shown(lan: Watched, schema: Schema) -> None:
    lan.bind(1, na={7: []}, relays=[RELAY])
    shown = list(map(leafs, lan.state(schema, "address-pool-state")))
    ids = [(one.get("subnet"), one.get("pool-id"), one["start-address"], one["total-count"]) for one in shown]
    whole = 2**64 - 1 - (1 << 24) - 128 - 1  # all but the router, anycast, IANA's block and the subnet-router's
    assert sorted(ids, key=str) == [
        ("lab", "high", f"{FAR}20", "10"),
        ("lab", "low", f"{FAR}10", "10"),
        (None, None, "2001:db8:1::2", str(whole)),
    ]
    assert sum(int(one["allocated-count"]) for one in shown) == 1
    assert sorted(int(one["utilization"]) for one in shown) == [0, 0, 10]
    assert texts(lan.state(schema, "address-pool-state", table_id="0", start_address=f"{FAR}20"), "pool-id") == ["high"]


def test_a_pool_that_is_larger_than_the_model_can_say(schema: Schema) -> None:
    lan = Watched(interface("2001:db8::1/32"), conflict_detection=ConflictDetection.NONE)
    (shown,) = map(leafs, lan.state(schema, "address-pool-state"))
    assert shown["total-count"] == str(2**64 - 1)


def test_every_prefix_pool_is_shown_once(schema: Schema) -> None:
    rest = PrefixPoolConfig("rest", 60, delegated_from="wan0")
    small = PrefixPoolConfig("small", 64, delegated_from="wan0")
    other = interface("2001:db8:2::1/64", name="tap1", index=2)
    lan = Watched(LAN, other, config=replace(CONFIG, interfaces=("tap0", "tap1"), prefix_pools=(POOL, rest, small)))
    lan.server.set_delegations({"wan0": [Delegated(IPv6Network("2001:db8:f::/56"), (), FOR_EVER)]})
    lan.bind(1, pd={1: []})
    shown = {one["pool-id"]: one for one in map(leafs, lan.state(schema, "prefix-pool-state"))}
    assert shown["customers"] == {
        "table-id": "0",
        "pool-prefix": "2001:db8:8000::/48",
        "client-prefix-length": "56",
        "pool-id": "customers",
        "total-count": "256",
        "allocated-count": "1",
        "declined-count": "0",
        "utilization": "1",
        "threshold-exceeded": "false",
    }
    assert (shown["rest"]["interface"], shown["rest"]["total-count"]) == ("wan0", "16")
    assert (shown["small"]["pool-prefix"], shown["small"]["total-count"]) == ("2001:db8:f::/56", "256")
    assert len(lan.state(schema, "prefix-pool-state")) == 3
    keys = {"table_id": "0", "pool_prefix": "2001:db8:f::/56", "client_prefix_length": "64"}
    assert texts(lan.state(schema, "prefix-pool-state", **keys), "pool-id") == ["small"]


def test_a_delegation_of_which_a_lan_has_all(schema: Schema) -> None:
    rest = PrefixPoolConfig("rest", 64, delegated_from="wan0")
    lan = Watched(LAN, config=replace(CONFIG, prefix_pools=(rest,)))
    prefix = IPv6Network("2001:db8:f::/64")
    lan.server.set_delegations({"wan0": [Delegated(prefix, (prefix,), FOR_EVER)]})
    (shown,) = map(leafs, lan.state(schema, "prefix-pool-state"))
    assert (shown["total-count"], shown["utilization"]) == ("0", "100")


# Clients and counters


def test_a_client_is_shown_with_all_that_it_has(lan: Watched, schema: Schema) -> None:
    bound = lan.bind(1, na={1: []}, pd={2: []})
    (address,) = bound.na[1].live
    lan.say("renew", na={1: [address]})
    (shown,) = lan.state(schema, "client")
    assert texts([shown], "leased-address") == [address]
    assert texts([shown], "leased-prefix") == bound.pd[2].live, "though it did not speak of it last"
    told = leafs(shown)
    assert (told["client-duid"], told["hardware-address"]) == (duid(1).hex(":"), "02:00:00:00:00:01")
    assert (told["message-type"], told["decision"], told["reply-type"]) == ("renew", "answered", "reply")
    assert (told["reason"], told["interface"]) == ("its-lease", "tap0")
    assert told["explanation"] == f"The client has a lease of {address} and keeps it."


def test_a_client_by_its_key(lan: Watched, schema: Schema) -> None:
    lan.bind(1)
    lan.bind(2)
    lan.dropped(message("request", 3, server_id=b"\0\1\0\1"))
    key = duid(2).hex(":")
    assert texts(lan.state(schema, "client", table_id="0", client_duid=key), "client-duid") == [key]
    assert len(lan.state(schema, "client")) == 3
    (stray,) = map(leafs, lan.state(schema, "client", table_id="0", client_duid=duid(3).hex(":")))
    assert (stray["decision"], stray["reason"]) == ("dropped", "other-server")
    for table, wanted in (("1", key), ("x", key), ("0", "zz"), ("0", "00:01:02")):
        assert lan.state(schema, "client", table_id=table, client_duid=wanted) == []


def test_a_client_without_a_duid_is_no_entry(lan: Watched, schema: Schema) -> None:
    assert lan.say("information-request", client_id=None).type == "reply"
    assert lan.state(schema, "client") == []


def test_what_waits_says_for_what(lan: Watched, schema: Schema) -> None:
    asked = message("request", na={1: []})
    lan.heard.note(asked, LAN, lan.server.handle(asked, LAN, lan.now), lan.now)
    (shown,) = map(leafs, lan.state(schema, "client"))
    assert shown["decision"] == "pending"
    assert "until the leases are on disk" in shown["explanation"]
    lan.configure(conflict_detection=ConflictDetection.PROBE)
    asked = message("solicit", na={2: []})
    lan.heard.note(asked, LAN, lan.server.handle(asked, LAN, lan.now), lan.now)
    (shown,) = map(leafs, lan.state(schema, "client"))
    assert (shown["decision"], shown.get("reply-type")) == ("pending", None)
    assert "until it is known whether somebody uses the addresses" in shown["explanation"]


def test_messages_are_counted(lan: Watched, schema: Schema) -> None:
    address = lan.bind(1).na[1].live[0]
    lan.bind(2, na={7: []}, relays=[RELAY])
    lan.say("release", na={1: [address]})
    lan.dropped(message("request", 3, server_id=b"\0\1\0\1"))
    lan.dropped(message("solicit", 3, client_id=None))
    (shown,) = lan.state(schema, "statistics")
    counts = {leaf.tag.rpartition("}")[2]: leaf.text for leaf in shown if leaf.tag.endswith("-count")}
    assert {kind: count for kind, count in counts.items() if count != "0"} == {
        "solicit-count": "3",
        "request-count": "3",
        "release-count": "1",
        "relay-forward-count": "2",
        "advertise-count": "2",
        "reply-count": "3",
        "discarded-message-count": "2",
    }
    node = schema.node_at("/vppdhc:dhc6server/statistics")
    assert node is not None
    assert {child.tag for child in shown} == node.children.keys()
    assert texts(lan.state(schema, "discarded-message"), "reason") == ["no-client-id", "other-server"]
    assert texts(lan.state(schema, "discarded-message", reason="other-server"), "count") == ["1"]
    assert [leaf.text for leaf in lan.state(schema, "discarded-message-count")] == ["2"]
    assert lan.state(schema, "statistics", interface="tap9") == []


# Notifications


@pytest.fixture
def published() -> Iterator[tuple[Notices, list[Element]]]:
    """Give notices that are published at once, and what was published."""
    made: list[Element] = []
    notices = Notices(Instants(Watched().clock))
    running = gevent.spawn(notices.run, lambda _, make: made.append(make()))
    yield notices, made
    running.kill()


def told(schema: Schema, published: tuple[Notices, list[Element]], *events: Event) -> list[tuple[str, dict[str, str]]]:
    """Publish events of leases; returns the notifications, all in the model."""
    notices, made = published
    made.clear()
    notices.leases6(events)
    gevent.sleep(0)
    return [in_model(schema, notice) for notice in made]


def in_model(schema: Schema, notice: Element) -> tuple[str, dict[str, str]]:
    name = local_name(notice.tag)
    check(schema, schema.notifications[notice.tag], notice)
    return name, leafs(notice)


def test_every_kind_of_event_is_notified(
    lan: Watched, schema: Schema, published: tuple[Notices, list[Element]]
) -> None:
    (address,) = lan.bind(1, na={7: []}, relays=[RELAY]).na[7].live
    (lease,) = lan.book
    kinds = [kind for kind in EventKind if kind is not EventKind.CONFLICT]
    seen = told(schema, published, *(Event(kind, lease) for kind in kinds))
    assert [name for name, _ in seen] == [f"lease-{kind}" for kind in kinds]
    assert seen[0][1] | {"expires": ""} == {
        "server": "dhc6server",
        "table-id": "0",
        "leased-address": address,
        "interface": "tap0",
        "hardware-address": "02:00:00:00:00:01",
        "client-duid": duid(1).hex(":"),
        "ia-id": "7",
        "lifetime": str(lease.valid),
        "expires": "",
        "relay-address": f"{FAR}1",
    }


def test_a_prefix_is_notified_as_one(lan: Watched, schema: Schema, published: tuple[Notices, list[Element]]) -> None:
    (prefix,) = lan.bind(1, pd={7: []}).pd[7].live
    ((_, shown),) = told(schema, published, *(Event(EventKind.GRANTED, lease) for lease in lan.book))
    assert (shown["leased-prefix"], shown["ia-id"]) == (prefix, "7")
    assert not {"leased-address", "relay-address"} & shown.keys()


def test_a_conflict_is_notified(schema: Schema, published: tuple[Notices, list[Element]]) -> None:
    lan = Watched()
    (wanted,) = lan.server.preview(duid(1), 1, LAN, lan.now).grants
    taken = text(wanted.choice.network)
    lan.squatters[taken] = "02:99:00:00:00:01"
    outcome = lan.hear(message("solicit", 1, na={1: []}))
    ((name, shown),) = told(schema, published, *outcome.events)
    assert name == "address-conflict"
    assert shown == {
        "server": "dhc6server",
        "interface": "tap0",
        "table-id": "0",
        "address": taken,
        "hardware-address": "02:99:00:00:00:01",
    }


USAGE = PoolUsage(10, 9, 0, 0, 80, exceeded=True)
CROSSED: list[tuple[CrossedPool, str, dict[str, Any]]] = [
    (
        CrossedPool(0, LeaseKind.ADDRESS, IPv6Network(f"{FAR}/64"), "", USAGE, "lab", "low"),
        "address-pool-utilization-threshold-exceeded",
        {"server": "dhc6server", "network-prefix": f"{FAR}/64", "subnet": "lab", "pool-id": "low"},
    ),
    (
        CrossedPool(0, LeaseKind.ADDRESS, IPv6Network(f"{FAR}/64"), "tap0", USAGE._replace(exceeded=False), "", ""),
        "address-pool-utilization-threshold-cleared",
        {"server": "dhc6server", "network-prefix": f"{FAR}/64", "interface": "tap0"},
    ),
    (
        CrossedPool(0, LeaseKind.PREFIX, IPv6Network("2001:db8:8000::/48"), "tap0", USAGE, "", "customers"),
        "prefix-pool-utilization-threshold-exceeded",
        {"pool-prefix": "2001:db8:8000::/48", "pool-id": "customers"},
    ),
]


@pytest.mark.parametrize(("crossed", "name", "place"), CROSSED, ids=[one[1] for one in CROSSED])
def test_a_pool_is_named_in_its_events(
    schema: Schema,
    published: tuple[Notices, list[Element]],
    crossed: CrossedPool,
    name: str,
    place: dict[str, Any],
) -> None:
    notices, made = published
    notices.pools6([crossed])
    gevent.sleep(0)
    counts = {"table-id": "0", "total-count": "10", "allocated-count": "9", "utilization": "90", "threshold": "80"}
    assert [in_model(schema, notice) for notice in made] == [(name, {**counts, **place})]


def test_a_deprecated_prefix_counts_down(schema: Schema) -> None:
    lan = Watched(LAN, config=CONFIG)
    lan.bind(1)
    lan.server.set_delegated({"tap0": [Advertised(IPv6Network(f"{PREFIX}/64"), lan.now - 1, lan.now + 600)]})
    lan.say("renew", na={1: [texts(lan.state(schema, "active-lease"), "leased-address")[0]]})
    (shown,) = map(leafs, lan.state(schema, "active-lease"))
    assert (shown["preferred-lifetime"], shown["valid-lifetime"]) == ("0", "600")
    assert shown["lease-t1"] == shown["lease-t2"] == "600"
