"""What is in answers and where they go: addressing, T1 and T2, lifetimes, options (RFC 8415, 18.3.10, 21)."""

from collections import Counter
from ipaddress import IPv6Network
from typing import Any

import pytest

from tests.dhc6.clients import (
    ROUTER,
    ROUTER_MAC,
    Agent,
    Seen,
    duid,
    interface,
    link_local,
    look,
    mac,
    message,
    number,
    raw,
)
from tests.dhc6.lan import LAN, POOL, PREFIX, TWO_PREFIXES, Lan, options
from tests.packet.scapy_layers6 import dhcp6 as scapy
from vppdhc.dhc6.config import Overrides, PoolConfig, PrefixPoolConfig, ServerConfig, Settings, SubnetConfig
from vppdhc.dhc6.options import FromUpstream, OptionSet
from vppdhc.dhc6.reply import encode
from vppdhc.dhc6.reservations import Reservation
from vppdhc.interface import Vlan
from vppdhc.packet import punt
from vppdhc.packet.dhcp6 import INFINITY
from vppdhc.packet.ia6 import encode_address, encode_ia, encode_prefix

DNS, SEARCH, SNTP, REFRESH, NTP, SOL_MAX_RT, INF_MAX_RT, PORTAL = 23, 24, 31, 32, 56, 82, 83, 103


def told(lan: Lan, *oro: int, kind: str = "solicit", **more: Any) -> Seen:
    """Ask for options, and for an address with every message that can."""
    if kind != "information-request":
        more = {"na": {1: []}, **more}
    return lan.say(kind, oro=oro, **more)


# Where they go


def test_a_client_is_answered_where_its_message_came_from() -> None:
    seen = Lan().say("solicit", 5, na={1: []})
    assert (seen.action, seen.frame_source, seen.frame_destination) == (punt.L2, ROUTER_MAC, mac(5))
    assert (seen.source, seen.destination, seen.ports, seen.vlans) == (ROUTER, link_local(5), (547, 546), [])


def test_a_client_with_another_port_is_answered_at_the_right_one() -> None:
    assert Lan().say("solicit", na={1: []}, port=4000).ports == (547, 546)


def test_a_sub_interface_has_its_tags() -> None:
    tags = (Vlan(0x88A8, 100), Vlan(0x8100, 7))
    lan = Lan(interface("2001:db8:1::1/64", vlans=tags))
    assert lan.say("solicit", na={1: []}, vlans=tags).vlans == [100, 7]


def test_a_sub_interface_that_takes_any_tag_answers_with_the_clients() -> None:
    assert Lan().say("solicit", na={1: []}, vlans=(Vlan(0x8100, 42),)).vlans == [42]


# T1, T2 and lifetimes


def test_t1_and_t2_by_default_and_by_configuration() -> None:
    ia = Lan(preferred_lifetime=1000, valid_lifetime=2000).bind().na[1]
    assert (ia.t1, ia.t2, list(ia.leases.values())) == (500, 800, [(1000, 2000)])
    ia = Lan(renewal_time=100, rebinding_time=200).bind().na[1]
    assert (ia.t1, ia.t2) == (100, 200)


def test_leases_for_ever() -> None:
    ia = Lan(preferred_lifetime=INFINITY, valid_lifetime=INFINITY).bind().na[1]
    assert (ia.t1, ia.t2, list(ia.leases.values())) == (INFINITY, INFINITY, [(INFINITY, INFINITY)])


def test_the_shortest_lifetime_says_when_all_are_renewed() -> None:
    pool = PrefixPoolConfig("short", 56, POOL.prefix, overrides=Overrides(preferred_lifetime=100, valid_lifetime=400))
    seen = Lan(pools=[pool]).bind(na={1: []}, pd={2: []})
    assert {(ia.t1, ia.t2) for ia in seen.ias} == {(50, 80)}
    assert list(seen.pd[2].leases.values()) == [(100, 400)]
    assert list(seen.na[1].leases.values()) == [(3600, 7200)]


def test_lifetimes_follow_the_prefix() -> None:
    lan = Lan()
    lan.advertise(tap0={"2001:db8:1::/64": (600, 900)})
    ia = lan.bind().na[1]
    assert (ia.t1, ia.t2, list(ia.leases.values())) == (300, 480, [(600, 900)])
    lan.now += 500
    ia = lan.say("renew", na={1: ia.live}).na[1]
    assert (ia.t1, ia.t2, list(ia.leases.values())) == (50, 80, [(100, 400)])


def test_a_lease_of_a_deprecated_prefix_is_not_extended() -> None:
    lan = Lan()
    mine = lan.bind().na[1].live
    lan.advertise(tap0={"2001:db8:1::/64": (0, 900)})
    ia = lan.say("renew", na={1: mine}).na[1]
    assert ia.leases == {mine[0]: (0, 900)}
    assert (ia.t1, ia.t2) == (900, 900)
    assert lan.say("solicit", 2, na={1: []}).na[1].status == 2


def test_times_and_lifetimes_of_the_client_are_ignored() -> None:
    lan = Lan(pools=[POOL])
    bound = lan.bind(na={1: []}, pd={1: []})
    (address,), (prefix,) = bound.na[1].live, bound.pd[1].live
    network = IPv6Network(prefix)
    within = [(5, encode_address(number(address), 9, 3))]
    parts = [(26, encode_prefix(int(network.network_address), network.prefixlen, 9, 3))]
    ias = raw(3, encode_ia(1, 7, 5, within)), raw(25, encode_ia(1, 7, 5, parts))
    seen = lan.say("renew", 1, *ias)
    assert (seen.na, seen.pd) == (bound.na, bound.pd)


def test_an_answer_without_leases_has_no_times() -> None:
    seen = Lan(interface()).say("solicit", na={1: []})
    assert (seen.na[1].t1, seen.na[1].t2) == (0, 0)


# Options


def test_options_that_are_asked_for_in_that_order() -> None:
    lan = Lan(
        options=options(
            dns_servers=["2001:db8::53", "2001:db8::54"], domain_search=["example.net"], sntp_servers=["2001:db8::123"]
        )
    )
    for kind in ("solicit", "request", "renew", "information-request"):
        seen = told(lan, SEARCH, 99, DNS, DNS, kind=kind)
        assert seen.codes[-2:] == [SEARCH, DNS]
        assert SNTP not in seen.codes
    layer = scapy.DHCP6OptDNSServers(raw_option(seen, DNS))
    assert layer.dnsservers == ["2001:db8::53", "2001:db8::54"]
    assert scapy.DHCP6OptDNSDomains(raw_option(seen, SEARCH)).dnsdomains == ["example.net."]


def raw_option(seen: Seen, code: int) -> bytes:
    value = seen.get(code)
    assert value is not None
    return code.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value


def test_without_an_option_request_a_client_gets_what_there_is() -> None:
    lan = Lan(options=options(dns_servers=["2001:db8::53"], domain_search=["example.net"], solmax_rt=3600))
    assert lan.say("solicit", na={1: []}, oro=None).codes == [1, 2, 3, DNS, SEARCH]
    assert lan.say("solicit", na={1: []}, oro=[]).codes == [1, 2, 3]


def test_what_is_not_configured_is_not_sent() -> None:
    assert told(Lan(), DNS, SEARCH, NTP, PORTAL, SOL_MAX_RT, REFRESH).codes == [1, 2, 3]


def test_time_servers_one_in_each_option() -> None:
    servers = [
        {"option": "server-address", "value": "2001:db8::123"},
        {"option": "server-name", "value": "ntp.example.net"},
    ]
    seen = told(Lan(options=options(ntp_server=servers, sntp_servers=["2001:db8::123"])), NTP, SNTP)
    assert seen.codes[-3:] == [NTP, NTP, SNTP]
    first, second = [value for code, value in seen.options if code == NTP]
    assert first == bytes.fromhex("00010010") + bytes.fromhex("20010db8000000000000000000000123")
    assert second == b"\0\3\0\x11\3ntp\7example\3net\0"


def test_refresh_time_and_retransmission_limits_for_who_asks() -> None:
    lan = Lan(options=options(information_refresh_time=7200, solmax_rt=3600, inf_max_rt=7200))
    assert told(lan, REFRESH, SOL_MAX_RT).codes == [1, 2, 3, SOL_MAX_RT]
    seen = told(lan, REFRESH, INF_MAX_RT, kind="information-request")
    assert seen.codes == [1, 2, REFRESH, INF_MAX_RT]
    assert seen.get(REFRESH) == (7200).to_bytes(4, "big")
    assert lan.say("information-request", oro=None).codes == [1, 2]


def test_sol_max_rt_is_told_also_where_there_is_nothing_to_give() -> None:
    seen = told(Lan(interface(), options=options(solmax_rt=3600)), SOL_MAX_RT)
    assert (seen.na[1].status, seen.get(SOL_MAX_RT)) == (2, (3600).to_bytes(4, "big"))


def test_captive_portal_and_raw_options() -> None:
    lan = Lan(options=OptionSet({PORTAL: b"https://portal.example.net/api", 200: b"raw"}))
    seen = told(lan, PORTAL, 200)
    assert (seen.get(PORTAL), seen.get(200)) == (b"https://portal.example.net/api", b"raw")
    assert scapy.DHCP6OptCaptivePortal(raw_option(seen, PORTAL)).URI == b"https://portal.example.net/api"


def test_options_of_a_reservation_come_asked_for_or_not_and_before_others() -> None:
    lan = Lan(options=options(dns_servers=["2001:db8::53"], domain_search=["example.net"]))
    extra = OptionSet({DNS: bytes(15) + b"\1", 200: b"raw"}, omitted=frozenset({SEARCH}))
    lan.reserve(Reservation("one", duid=duid(1), options=extra))
    seen = told(lan, DNS, SEARCH)
    assert (seen.get(DNS), seen.get(200), seen.get(SEARCH)) == (bytes(15) + b"\1", b"raw", None)
    assert told(lan, DNS, SEARCH, station=2).codes == [1, 2, 3, DNS, SEARCH]


def test_options_of_pool_and_subnet() -> None:
    pool = PoolConfig("p", 0x20010DB8 << 96 | 1 << 80, (0x20010DB8 << 96 | 1 << 80) + 0xFFFF, inner("pool"))
    subnet = SubnetConfig("s", IPv6Network("2001:db8:1::/64"), pools=(pool,), overrides=inner("subnet", 201))
    lan = Lan(config=ServerConfig(Settings(options=OptionSet({200: b"server"})), ("tap0",), subnets=(subnet,)))
    seen = told(lan, 200, 201)
    assert (seen.get(200), seen.get(201)) == (b"pool", b"subnet")
    assert lan.say("information-request", oro=[200]).get(200) == b"subnet"


def inner(value: str, *codes: int) -> Overrides:
    return Overrides(options=OptionSet({code: value.encode() for code in (200, *codes)}))


def test_values_of_the_provider() -> None:
    lan = Lan(options=OptionSet({DNS: FromUpstream(after=bytes(15) + b"\7"), PORTAL: FromUpstream()}))
    assert told(lan, DNS, PORTAL).codes == [1, 2, 3, DNS]
    lan.server.set_upstream({"wan0": {DNS: b"\x20\1" + bytes(13) + b"\x53", PORTAL: b"https://example.net/api"}})
    seen = told(lan, DNS, PORTAL)
    assert seen.get(DNS) == b"\x20\1" + bytes(13) + b"\x53" + bytes(15) + b"\7"
    assert seen.get(PORTAL) == b"https://example.net/api"
    assert lan.say("information-request", oro=[PORTAL]).get(PORTAL) == b"https://example.net/api"
    lan.server.set_upstream({})
    assert told(lan, DNS, PORTAL).codes == [1, 2, 3, DNS]


def test_an_interface_without_a_network_tells_the_providers_values_too() -> None:
    lan = Lan(interface(), options=OptionSet({DNS: FromUpstream()}))
    lan.server.set_upstream({"wan0": {DNS: b"\x20\1" + bytes(14)}})
    assert lan.say("information-request", oro=[DNS]).get(DNS) == b"\x20\1" + bytes(14)


# Client FQDN: RFC 4704


@pytest.mark.parametrize(
    ("sent", "answered", "kept"),
    [
        (b"\0\4host\7example\3net\0", b"\4\4host\7example\3net\0", "host.example.net"),
        (b"\1\4host\7example\3net\0", b"\6\4host\7example\3net\0", "host.example.net"),
        (b"\4\4host", b"\4\4host\7example\3org\0", "host.example.org"),
        (b"\0", b"\4", ""),
        (b"\xf8\4host\0", b"\4\4host\0", "host"),
    ],
)
def test_client_fqdn(sent: bytes, answered: bytes, kept: str) -> None:
    lan = Lan(options=options(domain_search=["example.org", "example.com"]))
    seen = lan.bind(1, raw(39, sent), oro=[39])
    assert seen.get(39) == answered
    (lease,) = lan.stored.values()
    assert lease.hostname == kept


def test_client_fqdn_is_answered_only_where_both_options_are_there() -> None:
    assert Lan().bind(1, raw(39, b"\0\4host\0"), oro=[23]).get(39) is None
    assert Lan().bind(1, oro=[39]).get(39) is None
    assert Lan().bind(1, raw(39, b"\0\x3fcut"), oro=[39]).get(39) is None


# Size


def test_options_give_way_where_a_packet_would_be_too_long() -> None:
    lan = Lan(TWO_PREFIXES, options=OptionSet({200: bytes(700), 201: bytes(700), 202: b"small", 203: bytes(300)}))
    outcome = lan.hear(message("solicit", na={1: []}, oro=[200, 201, 202, 203]))
    omitted: Counter[int] = Counter()
    seen = look(*encode(outcome.replies[0], LAN, omitted))
    assert seen.size <= 1452
    assert seen.codes == [1, 2, 3, 200]
    assert omitted == {201: 1, 202: 1, 203: 1}
    assert len(seen.na[1].live) == 2


def test_what_is_routed_is_no_longer_than_any_path_takes() -> None:
    lan = Lan(options=OptionSet({200: bytes(1100), 201: bytes(60)}))
    seen = lan.say("solicit", na={1: []}, oro=[201, 200], relays=[Agent(f"{PREFIX}99")])
    assert seen.size <= 1232
    assert seen.codes == [1, 2, 3, 201]


def test_leases_are_told_however_long_that_is() -> None:
    lan = Lan(TWO_PREFIXES)
    seen = lan.say("renew", na={1: [f"2001:db8:99::{host:x}" for host in range(1, 60)]})
    assert len(seen.na[1].dead) == 59
