"""The DHCPv6 client of the router, managed over NETCONF: a provider in the simulator delegates prefixes."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from lxml import etree
from netconf_client.error import RpcError

from nc.schema import Schema
from tests.northbound.client_wan import WAN, check, leafs
from tests.northbound.dhc6pdclient_wan import (
    ADDRESS,
    DEFAULT,
    ELSEWHERE,
    ISP,
    LAN,
    ON_LAN,
    OTHER_ON_LAN,
    OTHER_PREFIX,
    OTHER_REST,
    POOL,
    PREFIX,
    REST,
    ROUTER,
    Provided6,
)
from tests.northbound.managed import NS, config, subtree, text, texts
from vppdhc.dhc6pdclient.identity import ia_id

SERVER = "00:03:00:01:02:00:00:00:99:01"
GRANTED = {
    "interface": WAN,
    "ia-id": "1",
    "prefix": PREFIX,
    "preferred-lifetime": "1800",
    "valid-lifetime": "3600",
    "server-duid": SERVER,
}


@pytest.fixture
def wan(tmp_path: Path) -> Iterator[Provided6]:
    """Give a router whose client has a prefix; nothing in it may fail with a traceback."""
    made = Provided6(tmp_path)
    try:
        made.daemon.start()
        made.is_bound()
        yield made
        assert "Traceback" not in made.daemon.said()
    finally:
        made.close()


def instant(element: etree._Element, leaf: str) -> datetime:
    return datetime.fromisoformat(text(element, f".//v:{leaf}"))


# State


def test_both_clients_see_the_same(wan: Provided6) -> None:
    with wan.client() as one, wan.ncclient() as other:
        ours = one.get(filter=subtree("<dhc6pdclient/>")).data_ele
        theirs = other.get(filter=("subtree", '<dhc6pdclient xmlns="urn:vppdhc:yang"/>')).data
    for leaf in ("interface", "state", "prefix", "programmed", "text", "managed-flag", "renewal"):
        assert texts(ours, f".//v:{leaf}") == texts(theirs, f".//v:{leaf}") != []


def test_everything_is_shown_as_the_model_has_it(wan: Provided6, schema: Schema) -> None:
    wan.isp(f"{POOL} dns 2001:db8::53 option 64 046166747203697370076578616d706c6500")
    wan.advertise(f"{ROUTER} prefix 2001:db8:9::/64 3600 1800")
    wan.set("<slaac>true</slaac><ia-na><ia-id>1</ia-id></ia-na>")
    wan.eventually(lambda: len(wan.addresses(WAN)) == 2, "both addresses are there")
    (entry,) = wan.client_state()
    node = schema.top[entry.tag]
    check(entry, node)
    shown = {etree.QName(child).localname for child in entry}
    assert shown >= {child.name for child in node.children.values() if not child.config} - {"npt66-binding"}
    prefixes, addresses = entry.iterfind("v:ia-state", NS)
    assert text(prefixes, "v:server-duid") == SERVER
    lifetimes = ("preferred-lifetime", "valid-lifetime")
    assert leafs(prefixes, "v:delegated-prefix", "prefix", *lifetimes) == [(PREFIX, "1800", "3600")]
    assert leafs(addresses, "v:leased-address", "address", "programmed") == [(ADDRESS.partition("/")[0], "true")]
    assert leafs(entry, "v:lan-prefix", "interface", "prefix", "address", "programmed") == [
        (LAN, "2001:db8:a000::/64", ON_LAN.partition("/")[0], "true")
    ]
    (made,) = [address for address in wan.addresses(WAN) if address != ADDRESS]
    assert leafs(entry, "v:slaac-address", "address", "programmed") == [(made.partition("/")[0], "true")]
    flags = ("managed-flag", "other-config-flag", "default-lifetime", "default-route")
    assert leafs(entry, "v:upstream-router", "address", *flags) == [(ISP, "true", "true", "1800", "true")]
    learned = entry.find("v:learned", NS)
    assert learned is not None
    assert (text(learned, "v:name-server"), text(learned, "v:aftr-name")) == ("2001:db8::53", "aftr.isp.example")
    assert leafs(learned, "v:option", "code", "name") == [("23", "dns-servers"), ("64", "aftr-name")]
    granted = instant(prefixes, "valid-until") - timedelta(seconds=3600)
    assert abs(instant(prefixes, "renewal") - granted - timedelta(seconds=900)) < timedelta(seconds=1)


def test_one_part_of_the_state_can_be_got_alone(wan: Provided6) -> None:
    wanted = f"<dhc6pdclient><interface>{WAN}</interface><lan-prefix><address/></lan-prefix></dhc6pdclient>"
    with wan.client() as client:
        (entry,) = client.get(filter=subtree(wanted)).data_ele
    assert [etree.QName(child).localname for child in entry] == ["interface", "lan-prefix"]
    assert texts(entry, "v:lan-prefix/v:address") == ["2001:db8:a000::1"]


def test_messages_are_counted(wan: Provided6) -> None:
    wan.rig.ctl("simulate duplicate rx 1")
    wan.act("renew")
    discarded = ".//v:statistics/v:discarded-message-count"
    wan.eventually(lambda: text(wan.client_state(), discarded) == "1", "the answer that came twice is dropped")
    counted = {name: wan.counted(name) for name in ("solicit", "advertise", "request", "reply", "renew", "rebind")}
    assert counted == {"solicit": 1, "advertise": 1, "request": 1, "reply": 2, "renew": 1, "rebind": 0}
    assert leafs(wan.client_state(), ".//v:discarded-message", "reason", "count") == [("unexpected", "1")]


def test_its_component_is_shown(wan: Provided6) -> None:
    with wan.client() as client:
        wanted = subtree("<system><component><name>dhc6pdclient</name></component></system>")
        assert text(client.get(filter=wanted).data_ele, ".//v:status") == "running"
        port = client.get(filter=subtree("<vpp><punt-port/></vpp>")).data_ele
    assert ("546", "ours") in leafs(port, ".//v:punt-port", "port", "owner")


# Actions


def test_an_operator_has_it_renewed(wan: Provided6) -> None:
    before = wan.client_state()
    wan.act("renew")
    wan.hears("renew")
    until = "delegated-prefix/v:valid-until"
    wan.eventually(lambda: instant(wan.client_state(), until) > instant(before, until), "it is granted for longer")
    assert instant(wan.client_state(), "allocation-time") == instant(before, "allocation-time")
    wan.is_bound()


def test_an_operator_has_it_rebound_by_another_server(wan: Provided6) -> None:
    wan.isp("silent")
    wan.act("renew")
    wan.hears("renew")
    wan.state_is("renewing")
    wan.rig.ctl(f"simulate host create other interface {WAN} mac 02:00:00:00:99:02")
    assert wan.rig.ctl(f"simulate host other dhcp6-server {POOL}") == ""
    wan.act("rebind")
    server = "00:03:00:01:02:00:00:00:99:02"
    wan.eventually(lambda: server in texts(wan.client_state(), ".//v:server-duid"), "the other one grants")
    wan.is_bound()


def test_an_operator_has_it_released_until_it_is_renewed(wan: Provided6) -> None:
    wan.act("release")
    (given,) = wan.hears("release")["ias"]
    assert (given["type"], given["prefixes"]) == ("ia-pd", [PREFIX])
    wan.has(routes=(DEFAULT,))
    wan.state_is("released")
    shown = wan.client_state()
    assert texts(shown, ".//v:ia-state/v:delegated-prefix/v:prefix") == []
    assert leafs(shown, ".//v:lan-prefix", "prefix", "deprecated") == [("2001:db8:a000::/64", "true")]
    wan.act("renew")
    wan.is_bound()


@pytest.mark.parametrize("verb", ["renew", "rebind", "release"])
def test_there_is_no_action_without_a_client(wan: Provided6, verb: str) -> None:
    with wan.client() as client, pytest.raises(RpcError) as caught:
        client.dispatch(wan.action(verb, LAN))
    assert caught.value.tag == "data-missing"


def test_not_everybody_may_have_it_released(wan: Provided6) -> None:
    wan.edit("<netconf-server><recovery-user nc:operation='delete'>olga</recovery-user></netconf-server>")
    with wan.ssh() as client:
        client.dispatch(wan.action("renew"))
        wan.hears("renew")
        with pytest.raises(RpcError) as caught:
            client.dispatch(wan.action("release"))
    assert caught.value.tag == "access-denied"
    wan.is_bound()


# Notifications


def test_prefixes_are_notified(wan: Provided6, schema: Schema) -> None:
    with wan.subscribed(schema, "prefix-delegated") as following:
        assert following() == GRANTED
    wan.isp(ELSEWHERE)
    wan.act("renew")
    with wan.subscribed(schema, "prefix-changed") as following:
        assert following() == GRANTED | {"prefix": OTHER_PREFIX, "previous-prefix": PREFIX}
    wan.has(OTHER_ON_LAN, routes=(DEFAULT, OTHER_REST))
    wan.act("release")
    with wan.subscribed(schema, "prefix-lost") as following:
        lost = {"interface": WAN, "ia-id": "1", "prefix": OTHER_PREFIX, "server-duid": SERVER, "reason": "released"}
        assert following() == lost


def test_an_address_is_notified(wan: Provided6, schema: Schema) -> None:
    wan.set("<ia-na><ia-id>7</ia-id></ia-na>")
    with wan.subscribed(schema, "client-bound") as following:
        told = following()
    wan.has(ON_LAN, wan=[ADDRESS], routes=(DEFAULT, REST))
    assert (told["client"], told["interface"], told["address"]) == ("dhc6pdclient", WAN, ADDRESS.partition("/")[0])


def test_a_problem_is_notified_and_shown(wan: Provided6, schema: Schema) -> None:
    wan.act("release")
    wan.state_is("released")
    wan.isp("refuse no-prefix-avail pd")
    with wan.subscribed(schema, "client-problem") as following:
        wan.act("renew")
        told = following()
    assert "offers nothing: NoPrefixAvail" in told["text"]
    assert wan.problem() == told["text"]
    wan.isp("answer")
    wan.is_bound()
    assert texts(wan.client_state(), ".//v:problem") == []


# Changes at run time


def test_without_its_entry_the_client_takes_everything_away(wan: Provided6) -> None:
    wan.edit(f"<dhc6pdclient nc:operation='delete'><interface>{WAN}</interface></dhc6pdclient>")
    wan.has()
    with wan.client() as client:
        wan.eventually(
            lambda: not texts(client.get(filter=subtree("<dhc6pdclient/>")).data_ele, ".//v:interface"),
            "the client has ended",
        )
    assert wan.kinds() == ["solicit", "request"], "on-stop is 'withdraw'"
    assert wan.addresses_of(LAN) == ["192.168.1.1/24"]


def test_another_lan_gets_the_next_part_and_the_first_keeps_its_own(wan: Provided6) -> None:
    wan.plug("lan2")
    wan.knows("lan2")
    wan.set("<lan-interface><name>lan2</name><interface-id>::53</interface-id></lan-interface>")
    wan.eventually(lambda: wan.addresses("lan2") == ["2001:db8:a000:1::53/64"], "the other LAN has a part")
    wan.set(f"<lan-interface nc:operation='delete'><name>{LAN}</name></lan-interface>")
    wan.eventually(lambda: wan.addresses() == [], "the first one has none any more")
    assert wan.addresses("lan2") == ["2001:db8:a000:1::53/64"]


def test_the_default_route_is_moved_and_taken_away(wan: Provided6) -> None:
    wan.set("<route-preference>20</route-preference>")
    wan.has(ON_LAN, routes=(("::/0", ISP, 20), REST))
    wan.set("<default-route>none</default-route>")
    wan.has(ON_LAN, routes=(REST,))
    wan.set("<default-route>server</default-route>")
    wan.has(ON_LAN, routes=(("::/0", ISP, 20), REST))


def test_another_association_is_asked_for_and_one_that_is_not_wanted_is_given_back(wan: Provided6) -> None:
    wan.set("<ia-pd><ia-id>2</ia-id></ia-pd>")
    wan.eventually(lambda: len(texts(wan.client_state(), ".//v:delegated-prefix/v:prefix")) == 2, "there are two")
    wan.set("<ia-pd nc:operation='delete'><ia-id>1</ia-id></ia-pd>")
    (given,) = wan.hears("release")["ias"]
    assert (given["ia-id"], given["prefixes"]) == (1, [PREFIX])
    second = "2001:db8:a000:100::/56"
    wan.eventually(lambda: texts(wan.client_state(), ".//v:delegated-prefix/v:prefix") == [second], "one is left")


def test_an_association_without_configuration_has_an_iaid_of_the_interface(wan: Provided6) -> None:
    wan.set("<ia-pd nc:operation='delete'><ia-id>1</ia-id></ia-pd>")
    own = str(ia_id(WAN, 0))
    wan.eventually(lambda: texts(wan.client_state(), ".//v:ia-state/v:ia-id") == [own], "it has another IAID")
    wan.has(ON_LAN, routes=(DEFAULT, REST))


def test_another_duid_gives_the_lease_back_and_gets_one_of_its_own(wan: Provided6) -> None:
    before = wan.hears("request")["options"]["1"]
    wan.set("<client-duid>00:03:00:01:02:00:00:00:00:77</client-duid>")
    assert wan.hears("release")["options"]["1"] == before
    assert wan.hears("solicit", more_than=1)["options"]["1"] == "00030001020000000077"
    wan.state_is("bound")


def test_an_interface_that_vpp_has_not_is_refused(wan: Provided6) -> None:
    with wan.client() as client:
        lan = "<lan-interface><name>lan7</name></lan-interface>"
        client.edit_config(config(wan.entry(lan)), target="candidate")
        with pytest.raises(RpcError) as caught:
            client.commit()
        client.discard_changes()
    assert texts(caught.value.reply_ele, ".//nc:error-app-tag") == ["no-such-interface"]
    where = f"/vppdhc:dhc6pdclient[vppdhc:interface='{WAN}']/vppdhc:lan-interface[vppdhc:name='lan7']"
    assert texts(caught.value.reply_ele, ".//nc:error-path") == [where]
    assert "it has local0, tap1, wan0" in str(caught.value)


def test_two_clients_are_apart(wan: Provided6) -> None:
    wan.plug("wan1")
    wan.rig.ctl("simulate host create other interface wan1 mac 02:00:00:00:99:02")
    assert wan.rig.ctl(f"simulate host other dhcp6-server {ELSEWHERE}") == ""
    assert wan.rig.ctl("simulate host other router managed other") == ""
    wan.knows("wan1")
    wan.set("<ia-pd><ia-id>1</ia-id></ia-pd><route-preference>50</route-preference>", "wan1")
    spare = ("::/0", "fe80::ff:fe00:9902", 50)
    wan.has(ON_LAN, routes=(DEFAULT, spare, REST, OTHER_REST))
    wan.act("release", "wan1")
    wan.has(ON_LAN, routes=(DEFAULT, spare, REST))
