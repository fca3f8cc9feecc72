"""The DHCPv4 client of the router, managed over NETCONF: a provider in the simulator gives leases."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from lxml import etree
from netconf_client.error import RpcError

from nc.schema import Schema
from tests.northbound.client_wan import WAN, check, leafs
from tests.northbound.dhc4client_wan import DEFAULT, FIRST, ISP, POOL, SECOND, SECOND_ONLY, Provided, hexadecimal
from tests.northbound.managed import config, subtree, text, texts


@pytest.fixture
def wan(tmp_path: Path) -> Iterator[Provided]:
    """Give a router whose client has a lease; nothing in it may fail with a traceback."""
    made = Provided(tmp_path)
    try:
        made.daemon.start()
        made.is_bound()
        yield made
        assert "Traceback" not in made.daemon.said()
    finally:
        made.close()


# State


def test_both_clients_see_the_same(wan: Provided) -> None:
    with wan.client() as one, wan.ncclient() as other:
        ours = one.get(filter=subtree("<dhc4client/>")).data_ele
        theirs = other.get(filter=("subtree", '<dhc4client xmlns="urn:vppdhc:yang"/>')).data
    for leaf in ("interface", "state", "leased-address", "hex", "programmed", "text"):
        assert texts(ours, f".//v:{leaf}") == texts(theirs, f".//v:{leaf}") != []


OPTIONS = {
    15: b"isp.example",
    26: (1400).to_bytes(2, "big"),
    42: bytes((192, 0, 2, 123)),
    119: b"\3isp\7example\0\5homes\xc0\0",
    121: bytes((24, 203, 0, 113, 198, 51, 100, 9, 0, 198, 51, 100, 1)),
    224: b"\1\2\3",
}
TERMS = f"{POOL} lease-time 2000 t1 1000 t2 1500 dns 192.0.2.53,192.0.2.54 relay 198.51.100.2{hexadecimal(OPTIONS)}"


def instant(element: etree._Element, leaf: str) -> datetime:
    return datetime.fromisoformat(text(element, f".//v:{leaf}"))


def test_the_lease_is_shown_with_every_leaf(wan: Provided, schema: Schema) -> None:
    wan.isp(TERMS)
    wan.act("renew")
    wan.has(FIRST, routes=(DEFAULT, ("203.0.113.0/24", "198.51.100.9", 10)))
    shown = wan.client_state()
    lease = shown.find(".//{*}lease-state")
    node = schema.node_at("/vppdhc:dhc4client/lease-state")
    assert lease is not None
    assert node is not None
    check(lease, node)
    assert {child.tag for child in lease} == set(node.children), "every leaf of the model is there"
    constants = {
        "leased-address": ["198.51.100.10"],
        "prefix-length": ["24"],
        "server-address": [ISP],
        "relay-address": ["198.51.100.2"],
        "router": [ISP],
        "name-server": ["192.0.2.53", "192.0.2.54"],
        "domain-name": ["isp.example"],
        "domain-search": ["isp.example", "homes.isp.example"],
        "ntp-server": ["192.0.2.123"],
        "interface-mtu": ["1400"],
        "lease-time": ["2000"],
        "lease-t1": ["1000"],
        "lease-t2": ["1500"],
        "programmed": ["true"],
    }
    assert {leaf: texts(lease, f"v:{leaf}") for leaf in constants} == constants
    routes = leafs(lease, "v:route", "destination-prefix", "next-hop-address")
    assert routes == [("203.0.113.0/24", "198.51.100.9"), ("0.0.0.0/0", ISP)]
    asked = instant(lease, "last-renew-rebind")
    assert instant(lease, "allocation-time") < asked
    assert timedelta(seconds=949) < instant(lease, "renewal") - asked <= timedelta(seconds=1001), "up to 5 % early"
    assert timedelta(seconds=1424) < instant(lease, "rebinding") - asked <= timedelta(seconds=1501)
    assert abs(instant(lease, "expires") - asked - timedelta(seconds=2000)) <= timedelta(seconds=1)
    options = {int(code): content for code, content in leafs(lease, "v:option", "code", "hex")}
    assert {code: options[code] for code in OPTIONS} == {code: raw.hex(":") for code, raw in OPTIONS.items()}
    assert options[51] == "00:00:07:d0"
    assert options.keys() == {1, 3, 6, 51, 53, 54, 58, 59, *OPTIONS}


def test_what_a_provider_says_is_shown_whatever_it_is(wan: Provided, schema: Schema) -> None:
    nonsense = {15: b"isp\0\x1f<&\xff", 119: b"\x40", 12: b"\xed\xa0\x80", 224: b"\0", 26: b"\0\1"}
    wan.isp(POOL + hexadecimal(nonsense))
    wan.act("renew")
    wan.eventually(lambda: "00" in texts(wan.client_state(), ".//v:option/v:hex"), "the new lease is there")
    lease = wan.client_state().find(".//{*}lease-state")
    node = schema.node_at("/vppdhc:dhc4client/lease-state")
    assert lease is not None
    assert node is not None
    check(lease, node)
    assert text(lease, "v:domain-name") == r"isp\x00\x1f<&\xff"
    assert texts(lease, "v:domain-search") == texts(lease, "v:interface-mtu") == []
    options = {int(code): content for code, content in leafs(lease, "v:option", "code", "hex")}
    assert {code: options[code] for code in nonsense} == {code: raw.hex(":") for code, raw in nonsense.items()}


def test_messages_are_counted(wan: Provided, schema: Schema) -> None:
    wan.rig.ctl("simulate duplicate rx 1")
    wan.act("renew")
    discarded = ".//v:statistics/v:discarded-message-count"
    wan.eventually(lambda: text(wan.client_state(), discarded) == "1", "the answer that came twice is dropped")
    statistics = wan.client_state().find(".//{*}statistics")
    node = schema.node_at("/vppdhc:dhc4client/statistics")
    assert statistics is not None
    assert node is not None
    check(statistics, node)
    counted = {name: wan.counted(name) for name in ("discover", "offer", "request", "ack", "nak", "decline", "release")}
    assert counted == {"discover": 1, "offer": 1, "request": 2, "ack": 2, "nak": 0, "decline": 0, "release": 0}
    assert leafs(statistics, "v:discarded-message", "reason", "count") == [("unexpected", "1")]


def test_what_it_went_through_is_told(wan: Provided, schema: Schema) -> None:
    shown = wan.client_state().find(".//{*}history")
    node = schema.node_at("/vppdhc:dhc4client/history")
    assert shown is not None
    assert node is not None
    check(shown, node)
    events = leafs(shown, "v:event", "number", "text")
    assert events == [
        ("1", "looking for servers"),
        ("2", "requesting 198.51.100.10 from 198.51.100.1"),
        ("3", "bound to 198.51.100.10/24 by 198.51.100.1 for 3600 s"),
    ]
    assert texts(shown, "v:problem") == []


# Actions


def test_an_operator_has_it_renewed(wan: Provided) -> None:
    before = wan.client_state()
    wan.act("renew")
    heard = wan.hears("request", more_than=1)
    assert (heard["ciaddr"], heard["options"].keys() & {"50", "54"}) == ("198.51.100.10", set())
    wan.eventually(
        lambda: instant(wan.client_state(), "expires") > instant(before, "expires"), "it is granted for longer"
    )
    after = wan.client_state()
    assert wan.counted("ack") == 2
    assert instant(after, "allocation-time") == instant(before, "allocation-time")
    wan.is_bound()


def test_an_operator_has_it_rebound_by_another_server(wan: Provided) -> None:
    wan.rig.ctl("simulate host isp address 198.51.100.2/24")
    wan.act("renew")
    wan.hears("request", more_than=1)
    wan.state_is("renewing")
    wan.act("rebind")
    wan.eventually(lambda: texts(wan.client_state(), ".//v:server-address") == ["198.51.100.2"], "the other one grants")
    wan.is_bound()


def test_an_operator_has_it_released_until_it_is_renewed(wan: Provided) -> None:
    wan.act("release")
    heard = wan.hears("release")
    assert (heard["ciaddr"], heard["options"]["54"]) == ("198.51.100.10", "c6336401")
    wan.has()
    wan.state_is("released")
    assert texts(wan.client_state(), ".//v:leased-address") == []
    wan.act("renew")
    wan.is_bound()


@pytest.mark.parametrize("verb", ["renew", "rebind", "release"])
def test_there_is_no_action_without_a_client(wan: Provided, verb: str) -> None:
    with wan.client() as client, pytest.raises(RpcError) as caught:
        client.dispatch(wan.action(verb, "tap1"))
    assert caught.value.tag == "data-missing"


def test_not_everybody_may_have_it_released(wan: Provided) -> None:
    wan.edit("<netconf-server><recovery-user nc:operation='delete'>olga</recovery-user></netconf-server>")
    with wan.ssh() as client:
        client.dispatch(wan.action("renew"))
        wan.eventually(lambda: wan.counted("ack") == 2, "anybody may have it renewed")
        with pytest.raises(RpcError) as caught:
            client.dispatch(wan.action("release"))
    assert caught.value.tag == "access-denied"
    wan.is_bound()


# Notifications


def test_a_new_lease_is_notified(wan: Provided, schema: Schema) -> None:
    with wan.subscribed(schema, "client-bound") as following:
        told = following()
    expires = datetime.fromisoformat(told.pop("expires"))
    assert abs(expires - instant(wan.client_state(), "expires")) < timedelta(milliseconds=100)
    assert told == {
        "client": "dhc4client",
        "interface": WAN,
        "address": "198.51.100.10",
        "prefix-length": "24",
        "server-address": ISP,
    }


def test_what_is_told_otherwise_is_notified(wan: Provided, schema: Schema) -> None:
    wan.isp(f"{POOL} dns 192.0.2.53")
    wan.act("renew")
    with wan.subscribed(schema, "client-changed") as following:
        told = following()
    assert (told["address"], told["previous-address"]) == ("198.51.100.10", "198.51.100.10")


def test_a_lost_lease_is_notified_with_its_reason(wan: Provided, schema: Schema) -> None:
    with wan.subscribed(schema, "client-lost") as following:
        wan.act("release")
        lost = {"client": "dhc4client", "interface": WAN, "address": "198.51.100.10"}
        assert following() == lost | {"reason": "released"}
        wan.act("renew")
        wan.is_bound()
        wan.isp(SECOND_ONLY)
        wan.act("renew")
        assert following() == lost | {"reason": "nak"}
    wan.is_bound(SECOND)


# Changes at run time


def test_without_its_entry_the_client_takes_everything_away(wan: Provided, schema: Schema) -> None:
    wan.edit(f"<dhc4client nc:operation='delete'><interface>{WAN}</interface></dhc4client>")
    wan.has()
    with wan.client() as client:
        wan.eventually(
            lambda: not texts(client.get(filter=subtree("<dhc4client/>")).data_ele, ".//v:interface"),
            "the client has ended",
        )
    assert [heard["type"] for heard in wan.heard()] == ["discover", "request"], "on-stop is 'withdraw'"
    assert wan.addresses("tap1") == ["192.168.1.1/24"]


def test_another_hostname_is_told_at_once(wan: Provided) -> None:
    wan.set("<hostname>gate</hostname>")
    heard = wan.hears("request", more_than=1)
    assert heard["options"]["12"] == b"gate".hex()
    assert heard["options"]["50"] == "c633640a", "the address that it has"
    wan.is_bound()


def test_another_identity_gives_the_lease_back_and_gets_one_of_its_own(wan: Provided) -> None:
    before = wan.hears("request")["options"]["61"]
    wan.set("<client-id>00:aa:bb</client-id>")
    assert wan.hears("release")["options"]["61"] == before
    assert wan.hears("discover", more_than=1)["options"]["61"] == "00aabb"
    wan.is_bound()


def test_another_preference_and_table_move_the_routes(wan: Provided) -> None:
    wan.set("<route-preference>20</route-preference>")
    wan.has(FIRST, routes=(("0.0.0.0/0", ISP, 20),))
    wan.rig.ctl("ip table add 7")
    wan.set("<route-table-id>7</route-table-id>")
    wan.eventually(lambda: wan.routes(7) == [("0.0.0.0/0", ISP, 20)], "the route is in table 7")
    wan.has(FIRST)
    wan.set("<default-route>false</default-route>")
    wan.eventually(lambda: wan.routes(7) == [], "there is no default route")
    assert wan.addresses() == [FIRST]


def test_the_duid_is_made_once_shown_and_can_be_given(wan: Provided) -> None:
    def current() -> str:
        with wan.client() as client:
            return text(client.get(filter=subtree("<system><duid/></system>")).data_ele, ".//v:current")

    made = current().replace(":", "")
    assert made.startswith("00010001"), "a DUID-LLT of Ethernet"
    sent = wan.hears("discover")["options"]["61"]
    assert (sent[:2], sent[10:]) == ("ff", made)
    wan.edit("<system><duid><value>00:04:01:02:03</value></duid></system>")
    assert current() == "00:04:01:02:03"
    assert wan.hears("discover", more_than=1)["options"]["61"] == sent[:10] + "0004010203"
    wan.is_bound()
    wan.edit("<system><duid><value nc:operation='delete'/></duid></system>")
    assert current().replace(":", "") == made
    assert wan.hears("discover", more_than=2)["options"]["61"] == sent


def test_an_interface_that_vpp_has_not_is_refused(wan: Provided) -> None:
    with wan.client() as client:
        client.edit_config(config("<dhc4client><interface>wan7</interface></dhc4client>"), target="candidate")
        with pytest.raises(RpcError) as caught:
            client.commit()
        client.discard_changes()
    assert texts(caught.value.reply_ele, ".//nc:error-app-tag") == ["no-such-interface"]
    assert texts(caught.value.reply_ele, ".//nc:error-path") == ["/vppdhc:dhc4client[vppdhc:interface='wan7']"]
    assert "it has local0, tap1, wan0" in str(caught.value)


def test_two_clients_are_apart(wan: Provided) -> None:
    wan.plug("wan1")
    wan.rig.ctl("simulate host create other interface wan1 mac 02:00:00:00:99:02 address 203.0.113.1/24")
    wan.isp("pool 203.0.113.10 203.0.113.10 router 203.0.113.1", "other")
    wan.knows("wan1")
    wan.edit(
        "<dhc4client><interface>wan1</interface><conflict-detection>none</conflict-detection>"
        "<route-preference>50</route-preference></dhc4client>"
    )
    wan.has(FIRST, routes=(DEFAULT, ("0.0.0.0/0", "203.0.113.1", 50)))
    assert wan.addresses("wan1") == ["203.0.113.10/24"]
    wan.act("release", "wan1")
    wan.is_bound()
