"""Router advertisements, managed over NETCONF: what hosts on a LAN hear is what is configured and what is shown."""

from collections.abc import Callable, Iterator
from ipaddress import IPv6Address
from pathlib import Path

import pytest
from netconf_client.error import RpcError
from scapy.layers.inet6 import (
    ICMPv6ND_RA,
    ICMPv6NDOptCaptivePortal,
    ICMPv6NDOptDNSSL,
    ICMPv6NDOptMTU,
    ICMPv6NDOptPREF64,
    ICMPv6NDOptPrefixInfo,
    ICMPv6NDOptRDNSS,
    ICMPv6NDOptRouteInfo,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
)
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from nc.schema import Schema
from tests.northbound.client_wan import check
from tests.northbound.managed import action, config, subtree, text, texts
from tests.northbound.ra_lan import ALL_NODES, HOST, HOST_MAC, LAN, NETWORK, ROUTER_MAC, Lan, options, prefixes

Start = Callable[..., Lan]

STATE, STATISTICS = ".//v:interface-state", ".//v:statistics"
ROUTER_LINK_LOCAL = "fe80::ff:fe00:156"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Give a function that starts a router with settings; nothing in it may fail with a traceback."""
    made: list[Lan] = []

    def start(**settings: object) -> Lan:
        made.append(Lan(tmp_path, **settings))
        made[-1].daemon.start()
        return made[-1]

    try:
        yield start
        assert all("Traceback" not in one.daemon.said() for one in made)
    finally:
        for one in made:
            one.close()


# What hosts hear


def test_nothing_but_the_name_sets_m_and_o_and_has_no_prefix(start: Start) -> None:
    lan = start()
    frame = lan.advertisement()
    assert (frame[Ether].src, frame[Ether].dst) == (ROUTER_MAC, "33:33:00:00:00:01")
    assert (frame[IPv6].src, frame[IPv6].dst, frame[IPv6].hlim) == (ROUTER_LINK_LOCAL, ALL_NODES, 255)
    heard = frame[ICMPv6ND_RA]
    assert (heard.M, heard.O, heard.routerlifetime, heard.chlim, heard.prf) == (1, 1, 1800, 64, 0)
    assert list(options(frame)) == [1], "the source link-layer address and nothing else"


EVERYTHING = {
    "max_rtr_adv_interval": 20,
    "managed_flag": False,
    "other_config_flag": False,
    "link_mtu": 1400,
    "reachable_time": 30000,
    "retrans_timer": 2000,
    "cur_hop_limit": 63,
    "default_lifetime": 100,
    "router_preference": "high",
    "dhcpv6_pd_preferred_flag": True,
    "advertise_interface_prefixes": True,
    "rdnss": ["2001:db8::53", "2001:db8::54"],
    "rdnss_lifetime": 120,
    "dnssl": ["example.net", "example.com"],
    "captive_portal": "https://example.net/api",
    "route": [{"destination-prefix": "2001:db8:ff00::/40", "preference": "low", "lifetime": 300}],
    "pref64": [{"prefix": "64:ff9b::/96", "lifetime": 800}],
}


def test_everything_that_is_configured_is_heard(start: Start) -> None:
    frame = start(**EVERYTHING).advertisement()
    heard, said = frame[ICMPv6ND_RA], options(frame)
    assert (heard.M, heard.O, heard.prf, heard.chlim) == (0, 0, 1, 63)
    assert (heard.routerlifetime, heard.reachabletime, heard.retranstimer) == (100, 30000, 2000)
    assert said[1][ICMPv6NDOptSrcLLAddr].lladdr == ROUTER_MAC
    assert said[5][ICMPv6NDOptMTU].mtu == 1400
    prefix = said[3][ICMPv6NDOptPrefixInfo]
    assert (f"{prefix.prefix}/{prefix.prefixlen}", prefix.L, prefix.A) == (NETWORK, 1, 1)
    assert bytes(prefix)[3] & 0x10, "P (RFC 9762), which scapy takes for reserved"
    assert (prefix.validlifetime, prefix.preferredlifetime) == (2592000, 604800)
    route = said[24][ICMPv6NDOptRouteInfo]
    assert (route.plen, route.prf, route.rtlifetime) == (40, 3, 300)
    assert IPv6Address(route.prefix) == IPv6Address("2001:db8:ff00::")
    servers = said[25][ICMPv6NDOptRDNSS]
    assert (servers.dns, servers.lifetime) == (["2001:db8::53", "2001:db8::54"], 120)
    domains = said[31][ICMPv6NDOptDNSSL]
    assert (domains.searchlist, domains.lifetime) == (["example.net.", "example.com."], 60)
    assert said[37][ICMPv6NDOptCaptivePortal].URI == b"https://example.net/api"
    pref64 = said[38][ICMPv6NDOptPREF64]
    assert (pref64.scaledlifetime * 8, pref64.plc) == (800, 0)


def test_prefixes_of_an_interface(start: Start) -> None:
    listed = [
        {"prefix-spec": NETWORK, "no-advertise": [None]},
        {"prefix-spec": "2001:db8:2::/64", "on-link-flag": False, "valid-lifetime": 4294967295},
        {"prefix-spec": "2001:db8:3::/56", "autonomous-flag": False, "preferred-lifetime": 0},
    ]
    entry = {"name": LAN, "advertise-interface-prefixes": True, "prefix-list": {"prefix": listed}}
    frame = start(interface=[entry]).advertisement()
    assert prefixes(frame) == {
        "2001:db8:2::/64": (0, 1, 604800, 0xFFFFFFFF),
        "2001:db8:3::/56": (1, 0, 0, 2592000),
    }


@pytest.mark.parametrize("unicast", [False, True])
def test_a_solicitation_is_answered(start: Start, unicast: bool) -> None:
    lan = start(unicast_solicited_advertisements=unicast)
    first = lan.advertisement()
    lan.solicit()
    answer = lan.advertisement()
    assert bytes(answer[ICMPv6ND_RA])[4:] == bytes(first[ICMPv6ND_RA])[4:], "the same, but for the checksum"
    assert answer[IPv6].dst == (HOST if unicast else ALL_NODES)
    assert answer[Ether].dst == (HOST_MAC if unicast else "33:33:00:00:00:01")
    lan.eventually(f"{STATISTICS}/v:solicited-count", "1")
    lan.eventually(f"{STATISTICS}/v:solicitation-count", "1")


def test_a_bad_solicitation_is_counted_and_not_answered(start: Start) -> None:
    lan = start()
    lan.advertisement()
    lan.solicit(code=1)
    lan.eventually(f"{STATISTICS}/v:discarded-message-count", "1")
    state = lan.state()
    assert texts(state, f"{STATISTICS}/v:discarded-message/v:reason") == ["nd-code"]
    assert text(state, f"{STATISTICS}/v:solicitation-count") == "0"


def test_the_end_of_the_daemon_is_the_end_of_the_router(start: Start) -> None:
    lan = start(advertise_interface_prefixes=True)
    assert lan.advertisement()[ICMPv6ND_RA].routerlifetime == 1800
    assert lan.daemon.stop() == 0
    last = lan.advertisement(lambda frame: frame[ICMPv6ND_RA].routerlifetime == 0)
    assert last[ICMPv6NDOptPrefixInfo].validlifetime == 2592000, "hosts keep their addresses"
    assert lan.wire.nothing()


# Changes


def test_a_change_is_announced_at_once(start: Start) -> None:
    lan = start()
    lan.advertisement()
    lan.edit("<ip6ndra><link-mtu>1400</link-mtu></ip6ndra>")
    frame = lan.advertisement(lambda frame: ICMPv6NDOptMTU in frame)
    assert frame[ICMPv6NDOptMTU].mtu == 1400
    lan.edit('<ip6ndra><link-mtu nc:operation="delete"/></ip6ndra>')
    lan.advertisement(lambda frame: ICMPv6NDOptMTU not in frame)


def test_what_is_taken_away_is_withdrawn(start: Start) -> None:
    lan = start(rdnss=["2001:db8::53"])
    lan.advertisement(lambda frame: frame[ICMPv6NDOptRDNSS].lifetime == 1800)
    lan.edit("<ip6ndra><rdnss>2001:db8::54</rdnss><rdnss nc:operation='delete'>2001:db8::53</rdnss></ip6ndra>")

    def both(frame: Packet) -> bool:
        layer, heard = frame[ICMPv6NDOptRDNSS], {}
        while isinstance(layer, ICMPv6NDOptRDNSS):
            heard[layer.dns[0]] = layer.lifetime
            layer = layer.payload
        return heard == {"2001:db8::54": 1800, "2001:db8::53": 0}

    lan.advertisement(both)
    lan.eventually(f"{STATE}/v:rdnss", "2001:db8::54")


def test_an_interface_that_is_taken_out_says_farewell_and_is_left_as_it_was(start: Start) -> None:
    lan = start()
    lan.advertisement()
    lan.edit(f"<ip6ndra><interfaces nc:operation='delete'>{LAN}</interfaces></ip6ndra>")
    for _ in range(3):
        assert lan.advertisement()[ICMPv6ND_RA].routerlifetime == 0
    lan.daemon.logged("router advertisements have ended", interface=LAN)
    with lan.client() as client:
        shown = client.get(filter=subtree("<vpp><punt-port/></vpp>")).data_ele
    assert texts(shown, ".//v:punt-port[v:port='133']/v:owner") == ["nobody"]
    assert texts(lan.state(), f"{STATE}/v:name") == []
    assert texts(lan.state(), f"{STATISTICS}/v:unsolicited-count") == ["4"]


def test_an_interface_without_ip6_is_enabled(start: Start) -> None:
    """tap1 has an IPv4 address only."""
    lan = start()
    assert lan.rig.state()["interfaces"][1]["name"] == "tap1"
    lan.edit("<ip6ndra><interfaces>tap1</interfaces></ip6ndra>")
    lan.edit(f"<ip6ndra><interfaces nc:operation='delete'>{LAN}</interfaces></ip6ndra>")
    lan.eventually(f"{STATISTICS}[v:interface='tap1']/v:unsolicited-count", "1")


def test_an_interface_that_is_down_is_a_problem_that_is_shown(start: Start) -> None:
    lan = start()
    lan.advertisement()
    lan.rig.ctl(f"set interface state {LAN} down")
    lan.eventually(f"{STATE}/v:problem", "the interface is down")
    with lan.client() as client:
        system = client.get(filter=subtree("<system><component><name>ip6ndra</name></component></system>"))
    assert text(system.data_ele, ".//v:problem") == f"{LAN}: the interface is down"
    lan.quiet()
    lan.rig.ctl(f"set interface state {LAN} up")
    lan.advertisement()
    lan.eventually(f"{STATE}/v:problem")


def test_vpp_that_comes_back_empty_is_advertised_on_again(start: Start) -> None:
    lan = start()
    lan.advertisement()
    lan.rig.ctl("simulate restart keep-interfaces")
    lan.daemon.logged("VPP connected", more_than=1)
    lan.quiet()
    lan.solicit()
    assert lan.advertisement()[ICMPv6ND_RA].routerlifetime == 1800


# What is shown


def test_the_state_has_every_leaf(start: Start, schema: Schema) -> None:
    lan = start(**EVERYTHING)
    sent = lan.advertisement()
    lan.other_router(M=1, routerlifetime=1800)
    lan.eventually(f"{STATE}/v:other-router/v:address", HOST)
    lan.quiet()
    lan.send_ra(LAN)
    sent = lan.advertisement()
    state = lan.state()
    node = schema.node_at("/vppdhc:ip6ndra/interface-state")
    assert node is not None
    (shown,) = state.iterfind(STATE, {"v": "urn:vppdhc:yang"})
    assert {child.tag for child in shown} == {tag for tag, child in node.children.items() if child.name != "problem"}, (
        "every leaf of the model is there"
    )
    constants = {
        "name": [LAN],
        "source-address": [ROUTER_LINK_LOCAL],
        "managed-flag": ["false"],
        "other-config-flag": ["false"],
        "default-lifetime": ["100"],
        "rdnss": ["2001:db8::53", "2001:db8::54"],
        "dnssl": ["example.net", "example.com"],
        "message": [bytes(sent[ICMPv6ND_RA]).hex(":")],
    }
    assert {leaf: texts(shown, f"v:{leaf}") for leaf in constants} == constants
    prefix = {leaf: text(shown, f"v:prefix/v:{leaf}") for leaf in ("prefix-spec", "source", "valid-lifetime")}
    assert prefix == {"prefix-spec": NETWORK, "source": "interface", "valid-lifetime": "2592000"}
    assert text(shown, "v:last-sent") < text(shown, "v:next-time")


def test_only_the_interface_that_is_asked_for_is_shown(start: Start) -> None:
    lan = start(interfaces=[LAN, "tap1"])
    with lan.client() as client:
        wanted = f"<ip6ndra><interface-state><name>{LAN}</name></interface-state></ip6ndra>"
        shown = client.get(filter=subtree(wanted)).data_ele
    assert texts(shown, f"{STATE}/v:name") == [LAN]
    assert texts(lan.state(), f"{STATE}/v:name") == [LAN, "tap1"]
    assert texts(lan.state(), f"{STATISTICS}/v:interface") == [LAN, "tap1"]


def test_another_router_that_says_otherwise_is_counted_shown_and_notified(start: Start, schema: Schema) -> None:
    lan = start(advertise_interface_prefixes=True)
    lan.advertisement()
    lan.other_router(M=0, O=1, chlim=64, routerlifetime=1800)
    with lan.subscribed("router-advertisement-inconsistent") as next_one:
        told = next_one()
    check(told, schema.notifications[told.tag])
    said = [
        "managed flag not set, ours is set",
        f"valid lifetime of {NETWORK} 60 s, ours is 2592000 s",
        f"preferred lifetime of {NETWORK} 30 s, ours is 604800 s",
    ]
    assert texts(told, "v:inconsistency") == said
    assert (text(told, "v:interface"), text(told, "v:address")) == (LAN, HOST)
    state = lan.state()
    assert text(state, f"{STATE}/v:other-router/v:address") == HOST
    assert sorted(texts(state, f"{STATE}/v:other-router/v:inconsistency")) == sorted(said)
    assert text(state, f"{STATISTICS}/v:other-advertisement-count") == "1"
    assert text(state, f"{STATISTICS}/v:inconsistent-count") == "1"


# The action


@pytest.mark.parametrize("named", [(), (LAN,)])
def test_an_advertisement_is_sent_when_asked_for(start: Start, named: tuple[str, ...]) -> None:
    lan = start()
    lan.advertisement()
    due = text(lan.state(), f"{STATE}/v:next-time")
    lan.send_ra(*named)
    assert lan.advertisement()[IPv6].dst == ALL_NODES
    lan.eventually(f"{STATISTICS}/v:unsolicited-count", "2")
    assert text(lan.state(), f"{STATE}/v:last-sent") < due


def test_what_cannot_be_sent_is_refused_in_words(start: Start) -> None:
    lan = start(interfaces=[LAN, "tap1"])
    lan.rig.ctl("set interface state tap1 down")
    lan.eventually(f"{STATE}[v:name='tap1']/v:problem", "the interface is down")
    with lan.client() as client:
        for interface, words in (
            ("tap9", "ip6ndra does not have tap9: name it in 'interfaces'"),
            ("tap1", "nothing can be sent on tap1: the interface is down"),
        ):
            with pytest.raises(RpcError, match=words):
                client.dispatch(action(f"<ip6ndra><send-ra><interface>{interface}</interface></send-ra></ip6ndra>"))


# Refusals


def test_an_interface_that_vpp_has_not_is_refused_and_changes_nothing(start: Start) -> None:
    lan = start()
    before = lan.daemon.config.read_bytes()
    with lan.client() as client:
        client.edit_config(config("<ip6ndra><interfaces>tap9</interfaces></ip6ndra>"), target="candidate")
        with pytest.raises(RpcError) as caught:
            client.commit()
        client.discard_changes()
    assert texts(caught.value.reply_ele, ".//nc:error-app-tag") == ["no-such-interface"]
    assert texts(caught.value.reply_ele, ".//nc:error-path") == ["/vppdhc:ip6ndra/vppdhc:interfaces[.='tap9']"]
    assert lan.daemon.config.read_bytes() == before


def test_the_way_to_the_provider_is_none_to_advertise_on(start: Start) -> None:
    lan = start()
    content = f"<dhc6pdclient><interface>{LAN}</interface></dhc6pdclient>"
    with lan.client() as client:
        client.edit_config(config(content), target="candidate")
        with pytest.raises(RpcError) as caught:
            client.commit()
        client.discard_changes()
    assert texts(caught.value.reply_ele, ".//nc:error-app-tag") == ["upstream-interface"]
