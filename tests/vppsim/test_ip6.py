import pytest
from scapy.layers.inet import UDP
from scapy.layers.inet6 import (
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    ICMPv6ND_RS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptPrefixInfo,
    IPv6,
)
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from tests.vppsim.client import (
    ICMP6,
    NO_INTERFACE,
    Api,
    enable_ip6,
    group_route,
    link_local,
    register,
)
from tests.vppsim.frames import (
    HOST,
    HOST_LINK_LOCAL,
    advertisement,
    dhcpv6_solicit,
    router_solicitation,
    solicitation,
)
from tests.vppsim.rig import LAN, Rig, Wire, mac_of
from tests.waiting import wait_for

ROUTER = mac_of(LAN)
ADDED = 1
L2, IP6 = 0, 2
CONFIGURE = "sw_interface_ip6nd_ra_config"
ROUTER_SOLICITATION = 133


@pytest.fixture
def lan(rig: Rig) -> tuple[int, Wire]:
    return rig.interface(LAN, "2001:db8::1/64")


def watch(api: Api, index: int) -> None:
    assert api.retval("want_ip_neighbor_events_v2", enable=True, ip="0.0.0.0", sw_if_index=index) == 0


def event(api: Api) -> tuple[int, str, str]:
    told = api.event()
    return told.flags, str(told.neighbor.ip_address), str(told.neighbor.mac_address)


def test_the_router_answers_neighbour_solicitations_and_learns_of_both_families_by_0_0_0_0(
    lan: tuple[int, Wire], api: Api
) -> None:
    index, wire = lan
    watch(api, index)
    for target in ("2001:db8::1", link_local(api, index)):
        wire.send(solicitation(target))
        answer = wire.receive()
        assert (answer[ICMPv6ND_NA].tgt, answer[ICMPv6NDOptDstLLAddr].lladdr, answer.dst) == (target, ROUTER, HOST)
        assert event(api) == (ADDED, HOST_LINK_LOCAL, HOST)


def test_duplicate_address_detection_is_answered_to_all_nodes_and_teaches_nothing(
    rig: Rig, lan: tuple[int, Wire], api: Api
) -> None:
    watch(api, lan[0])
    lan[1].send(solicitation("2001:db8::1", "::"))
    answer = lan[1].receive()
    assert (answer[IPv6].dst, answer[ICMPv6ND_NA].tgt) == ("ff02::1", "2001:db8::1")
    lan[1].send(advertisement("2001:db8::5"))
    assert event(api) == (ADDED, "2001:db8::5", HOST)


@pytest.mark.parametrize("ours", ["link-local", "::"])
def test_our_own_solicitation_by_l2_punt_gives_an_event_where_somebody_has_the_address(
    rig: Rig, lan: tuple[int, Wire], api: Api, ours: str
) -> None:
    index, wire = lan
    source = link_local(api, index) if ours == "link-local" else ours
    watch(api, index)
    rig.punt_to_router(index, L2, solicitation("2001:db8::5", source, ROUTER))
    assert wire.receive()[ICMPv6ND_NS].tgt == "2001:db8::5"
    wire.send(advertisement("2001:db8::5", ROUTER, source) if ours != "::" else advertisement("2001:db8::5"))
    assert event(api) == (ADDED, "2001:db8::5", HOST)


def test_arping_solicits_neighbours_as_well(lan: tuple[int, Wire], api: Api) -> None:
    index, wire = lan
    api.send("arping_acd", address="2001:db8::5", sw_if_index=index, repeat=1, interval=1.0)
    assert wire.receive()[ICMPv6ND_NS].tgt == "2001:db8::5"
    wire.send(advertisement("2001:db8::5", ROUTER, "2001:db8::1"))
    reply = api.receive()
    assert (reply.reply_count, str(reply.mac_address)) == (1, HOST)
    values = {"sw_if_index": index, "is_garp": True, "repeat": 1, "interval": 1.0}
    assert api.call("arping", address="2001:db8::7", **values).reply_count == 0
    said = wire.receive()
    assert (said[IPv6].dst, said[ICMPv6ND_NA].tgt, said[ICMPv6NDOptDstLLAddr].lladdr) == (
        "ff02::1",
        "2001:db8::7",
        ROUTER,
    )


def test_the_dump_tells_of_one_family(lan: tuple[int, Wire], api: Api) -> None:
    index, wire = lan
    watch(api, index)
    wire.send(advertisement("2001:db8::5"))
    event(api)
    assert api.dump("ip_neighbor_dump", sw_if_index=index, af=0) == []
    (known,) = api.dump("ip_neighbor_dump", sw_if_index=NO_INTERFACE, af=1)
    assert str(known.neighbor.ip_address) == "2001:db8::5"


def test_the_router_answers_pings(lan: tuple[int, Wire], api: Api) -> None:
    index, wire = lan
    wire.send(solicitation("2001:db8::1"))
    wire.receive()
    ping = IPv6(src=HOST_LINK_LOCAL, dst=link_local(api, index)) / ICMPv6EchoRequest(data=b"hi")
    wire.send(Ether(src=HOST, dst=ROUTER) / ping)
    assert wire.receive()[ICMPv6EchoReply].data == b"hi"


def test_an_interface_without_ip6_punts_nothing(rig: Rig, api: Api) -> None:
    index, wire = rig.interface()
    punt = rig.punt()
    assert register(api, punt.path, ROUTER_SOLICITATION, af=1, protocol=ICMP6).retval == 0
    wire.send(router_solicitation())
    rig.settled()
    assert punt.pending() == 0
    assert enable_ip6(api, index) == 0
    wire.send(router_solicitation())
    assert punt.receive()[0] == index


def test_a_dhcpv6_server_needs_the_multicast_route_and_router_solicitations_arrive_without(rig: Rig, api: Api) -> None:
    index, wire = rig.interface()
    punt = rig.punt()
    register(api, punt.path, 547, af=1)
    register(api, punt.path, ROUTER_SOLICITATION, af=1, protocol=ICMP6)
    enable_ip6(api, index)
    wire.send(dhcpv6_solicit(), router_solicitation())
    assert punt.receive()[1].haslayer(ICMPv6ND_RS)
    assert api.retval("ip_mroute_add_del", is_add=True, route=group_route("ff02::1:2")) == 0
    wire.send(dhcpv6_solicit())
    told, frame = punt.receive()
    assert (told, frame[UDP].dport, bytes(frame)) == (index, 547, bytes(dhcpv6_solicit()))


def test_a_dhcpv6_client_needs_nothing_but_the_registration(rig: Rig, api: Api) -> None:
    index, wire = rig.interface()
    punt = rig.punt()
    register(api, punt.path, 546, af=1)
    enable_ip6(api, index)
    ours = link_local(api, index)
    request = IPv6(src=ours, dst="ff02::1:2") / UDP(sport=546, dport=547) / Raw(b"\1abc")
    rig.punt_to_router(index, L2, Ether(src=ROUTER, dst="33:33:00:01:00:02") / request)
    assert wire.receive()[UDP].dport == 547
    answer = Ether(src=HOST, dst=ROUTER) / IPv6(src=HOST_LINK_LOCAL, dst=ours) / UDP(sport=547, dport=546)
    wire.send(answer / Raw(b"\2abc"))
    assert bytes(punt.receive()[1][UDP].payload) == b"\2abc"


def test_a_bad_udp_checksum_never_arrives(rig: Rig, lan: tuple[int, Wire], api: Api) -> None:
    punt = rig.punt()
    register(api, punt.path, 547, af=1)
    assert api.retval("ip_mroute_add_del", is_add=True, route=group_route("ff02::1:2")) == 0
    damaged = dhcpv6_solicit()
    damaged[UDP].chksum = 0x1234
    lan[1].send(damaged, dhcpv6_solicit())
    assert bytes(punt.receive()[1]) == bytes(dhcpv6_solicit())
    assert punt.pending() == 0


def test_an_ip6_packet_is_routed_and_the_neighbour_asked_for_first(rig: Rig, lan: tuple[int, Wire], api: Api) -> None:
    index, wire = lan
    watch(api, index)
    packet = IPv6(src="2001:db8::1", dst="2001:db8::5") / UDP(sport=547, dport=546) / Raw(b"\7abc")
    rig.punt_to_router(index, IP6, packet)
    assert wire.receive()[ICMPv6ND_NS].tgt == "2001:db8::5"
    wire.send(advertisement("2001:db8::5", ROUTER, "2001:db8::1"))
    event(api)
    rig.punt_to_router(index, IP6, packet)
    routed = wire.receive()
    assert (routed.dst, bytes(routed[IPv6])) == (HOST, bytes(packet))


def test_a_router_advertisement_gives_an_event_with_its_prefixes(lan: tuple[int, Wire], api: Api) -> None:
    index, wire = lan
    assert api.retval("want_ip6_ra_events", enable=True, pid=1) == 0
    values = {"irt": 1, "mrt": 10, "mrc": 1, "mrd": 10}
    assert api.retval("ip6nd_send_router_solicitation", sw_if_index=index, **values) == 0
    assert wire.receive().haslayer(ICMPv6ND_RS)
    body = ICMPv6ND_RA(M=1, O=1, routerlifetime=1800, chlim=60, reachabletime=7, retranstimer=8)
    body /= ICMPv6NDOptPrefixInfo(prefix="2001:db8:7::", prefixlen=64, validlifetime=90, preferredlifetime=80)
    ip = IPv6(src=HOST_LINK_LOCAL, dst="ff02::1", hlim=255)
    wire.send(Ether(src=HOST, dst="33:33:00:00:00:01") / ip / body)
    told = api.event()
    assert (told.sw_if_index, str(told.router_addr), told.flags & 0xC0) == (index, HOST_LINK_LOCAL, 0xC0)
    assert (told.current_hop_limit, told.router_lifetime_in_sec) == (60, 1800)
    (prefix,) = told.prefixes
    assert (str(prefix.prefix), prefix.valid_time, prefix.preferred_time) == ("2001:db8:7::/64", 90, 80)
    assert told.pid == 1 << 24, "its byte order is VPP's slip"


def test_asking_for_routers_is_repeated_and_can_be_stopped(lan: tuple[int, Wire], api: Api) -> None:
    index, wire = lan
    ask = "ip6nd_send_router_solicitation"
    assert api.retval(ask, sw_if_index=index, irt=1, mrt=1, mrc=0, mrd=0) == 0
    assert [wire.receive().haslayer(ICMPv6ND_RS) for _ in range(2)] == [1, 1]
    assert api.retval(ask, sw_if_index=index, stop=True) == 0


def test_router_advertisements_are_off_until_configured(lan: tuple[int, Wire], api: Api) -> None:
    index, wire = lan
    assert not api.dump("sw_interface_ip6nd_ra_dump", sw_if_index=index)[0].send_radv
    assert api.retval(CONFIGURE, sw_if_index=index, suppress=1) == 0
    assert api.retval(CONFIGURE, sw_if_index=index, managed=1, max_interval=30, min_interval=10) == 0
    sent = wire.receive()
    assert (sent[ICMPv6ND_RA].M, sent[ICMPv6ND_RA].O, sent[IPv6].src) == (1, 0, link_local(api, index))
    assert api.retval(CONFIGURE, sw_if_index=index, suppress=1) == 0
    (shown,) = api.dump("sw_interface_ip6nd_ra_dump", sw_if_index=index)
    assert (shown.adv_managed_flag, shown.max_radv_interval, shown.send_radv) == (True, 30.0, False)
    assert api.retval(CONFIGURE, sw_if_index=index, suppress=1, is_no=1) == 0
    assert api.dump("sw_interface_ip6nd_ra_dump", sw_if_index=index)[0].send_radv


def test_router_advertisements_need_ip6(rig: Rig, api: Api) -> None:
    index, _ = rig.interface()
    assert api.retval(CONFIGURE, sw_if_index=index, managed=1) == -62
    assert api.dump("sw_interface_ip6nd_ra_dump", sw_if_index=index) == []


def test_a_router_solicitation_is_answered_while_advertisements_are_on(lan: tuple[int, Wire], api: Api) -> None:
    index, wire = lan
    assert api.retval(CONFIGURE, sw_if_index=index, managed=1) == 0
    assert wire.receive().haslayer(ICMPv6ND_RA)
    wire.send(router_solicitation())
    assert wire.receive().haslayer(ICMPv6ND_RA)

    def counted() -> bool:
        (shown,) = api.dump("sw_interface_ip6nd_ra_dump", sw_if_index=index)
        return (shown.n_advertisements_sent, shown.n_solicitations_rcvd) == (2, 1)

    wait_for(counted, "both are counted")


def test_a_registered_program_gets_router_solicitations_instead_of_vpp(
    rig: Rig, lan: tuple[int, Wire], api: Api
) -> None:
    index, wire = lan
    assert api.retval(CONFIGURE, sw_if_index=index, managed=1) == 0
    wire.receive()
    punt = rig.punt()
    register(api, punt.path, ROUTER_SOLICITATION, af=1, protocol=ICMP6)
    wire.send(router_solicitation())
    assert punt.receive()[0] == index
    assert api.dump("sw_interface_ip6nd_ra_dump", sw_if_index=index)[0].n_solicitations_rcvd == 0
