import pytest
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.packet import Packet

from tests.vppsim.client import (
    ICMP6,
    Api,
    addresses,
    enable_ip6,
    group_route,
    link_local,
    listen_to_broadcasts,
    register,
)
from tests.vppsim.frames import (
    EVERYBODY,
    HOST,
    arp,
    dhcpv6_solicit,
    discover,
    offer,
    router_solicitation,
    solicitation,
)
from tests.vppsim.rig import LAN, WAN, Rig, SimulatorRig, Wire, mac_of

ROUTER = mac_of(LAN)
BVI = "de:ad:00:00:00:00"
OTHER = "02:00:00:00:00:bb"
L2, IP4 = 0, 1

TAGS = {
    "dot1q 20": Dot1Q(vlan=20),
    "dot1q 20 inner-dot1q 7": Dot1Q(vlan=20) / Dot1Q(vlan=7),
}
SERVICE_TAGS = {
    "dot1ad 20": Dot1AD(vlan=20),
    "dot1ad 20 inner-dot1q 7": Dot1AD(vlan=20) / Dot1Q(vlan=7),
}


def tagged(tags: Packet, frame: Packet) -> Packet:
    return Ether(bytes(Ether(src=frame.src, dst=frame.dst) / tags.copy() / frame.payload))


def vlan_interface(rig: Rig, encapsulation: str) -> tuple[int, Wire]:
    _, wire = rig.interface()
    name = rig.ctl(f"create sub-interfaces {LAN} 200 {encapsulation} exact-match")
    rig.ctl(f"set interface state {name} up")
    assert rig.ctl(f"set interface ip address {name} 10.2.0.1/24") == ""
    return rig.index(name), wire


@pytest.mark.parametrize("encapsulation", TAGS)
def test_a_sub_interface_has_its_own_index_and_the_frame_its_tags(rig: Rig, api: Api, encapsulation: str) -> None:
    index, wire = vlan_interface(rig, encapsulation)
    punt = rig.punt()
    register(api, punt.path, 67)
    frame = tagged(TAGS[encapsulation], discover("10.2.0.5", "10.2.0.1", ROUTER))
    wire.send(frame)
    told, punted = punt.receive()
    assert (told, bytes(punted)) == (index, bytes(frame))


@pytest.mark.parametrize("encapsulation", TAGS)
def test_the_router_answers_arp_and_routes_with_the_tags_of_the_sub_interface(
    rig: Rig, api: Api, encapsulation: str
) -> None:
    index, wire = vlan_interface(rig, encapsulation)
    tags = TAGS[encapsulation]
    wire.send(tagged(tags, arp(1, "10.2.0.5", "10.2.0.1")))
    expected = tagged(tags, arp(2, "10.2.0.1", "10.2.0.5", HOST, ROUTER))
    expected[ARP].hwdst = HOST
    assert bytes(wire.receive()) == bytes(expected)
    packet = IP(src="10.2.0.1", dst="10.2.0.5") / b"routed"
    rig.punt_to_router(index, IP4, packet)
    assert bytes(wire.receive()) == bytes(tagged(tags, Ether(src=ROUTER, dst=HOST) / packet))


@pytest.mark.parametrize("encapsulation", SERVICE_TAGS)
def test_service_tags_work_where_the_device_keeps_them(simulator: SimulatorRig, encapsulation: str) -> None:
    index, wire = vlan_interface(simulator, encapsulation)
    punt = simulator.punt()
    register(simulator.api(), punt.path, 67)
    frame = tagged(SERVICE_TAGS[encapsulation], discover("10.2.0.5", "10.2.0.1", ROUTER))
    wire.send(frame)
    told, punted = punt.receive()
    assert (told, bytes(punted)) == (index, bytes(frame))


def test_a_frame_of_an_unknown_vlan_goes_nowhere(rig: Rig, api: Api) -> None:
    index, wire = vlan_interface(rig, "dot1q 20")
    punt = rig.punt()
    register(api, punt.path, 67)
    request = discover("10.2.0.5", "10.2.0.1", ROUTER)
    wire.send(tagged(Dot1Q(vlan=21), request), tagged(Dot1Q(vlan=20) / Dot1Q(vlan=9), request), request)
    wire.send(tagged(Dot1Q(vlan=20), request))
    assert punt.receive()[0] == index
    rig.settled()
    assert punt.pending() == 0


def test_an_l2_frame_carries_the_tags_that_it_was_given(rig: Rig) -> None:
    index, wire = vlan_interface(rig, "dot1q 20")
    for frame in (Ether(src=ROUTER, dst=HOST) / offer()[IP], tagged(Dot1Q(vlan=9), offer())):
        rig.punt_to_router(index, L2, frame)
        assert bytes(wire.receive()) == bytes(frame)


def test_a_sub_interface_takes_its_link_local_address_from_its_parents_mac(rig: Rig, api: Api) -> None:
    index, wire = vlan_interface(rig, "dot1q 20")
    assert enable_ip6(api, index) == 0
    ours = link_local(api, index)
    assert ours.startswith("fe80::ff:fe00:1")
    wire.send(tagged(Dot1Q(vlan=20), solicitation(ours)))
    assert (wire.receive()[Dot1Q].vlan, addresses(api, index)) == (20, ["10.2.0.1/24"])


@pytest.fixture
def bridge(rig: Rig) -> tuple[int, Wire, Wire]:
    """Make a bridge domain of two interfaces and a BVI with an address; return its index and both wires."""
    _, lan = rig.interface(LAN)
    _, wan = rig.interface(WAN)
    bvi = rig.loopback()
    rig.ctl(f"set interface state {bvi} up")
    assert rig.ctl(f"set interface ip address {bvi} 10.0.0.1/24") == ""
    rig.ctl("create bridge-domain 5")
    for member in (f"{bvi} 5 bvi", f"{LAN} 5", f"{WAN} 5"):
        assert rig.ctl(f"set interface l2 bridge {member}") == ""
    return rig.index(bvi), lan, wan


def test_packets_of_a_bridge_come_with_the_bvi(rig: Rig, api: Api, bridge: tuple[int, Wire, Wire]) -> None:
    index, lan, wan = bridge
    punt = rig.punt()
    register(api, punt.path, 67)
    register(api, punt.path, 133, af=1, protocol=ICMP6)
    register(api, punt.path, 547, af=1)
    listen_to_broadcasts(api)
    assert enable_ip6(api, index) == 0
    assert api.retval("ip_mroute_add_del", is_add=True, route=group_route("ff02::1:2")) == 0
    for sent in (discover(), router_solicitation(), dhcpv6_solicit()):
        lan.send(sent)
        told, frame = punt.receive()
        assert (told, bytes(frame)) == (index, bytes(sent))
        assert bytes(wan.receive()) == bytes(sent), "what is for everybody reaches the other members, too"


def test_what_is_sent_to_the_bvi_is_bridged_to_where_the_host_is(rig: Rig, bridge: tuple[int, Wire, Wire]) -> None:
    index, lan, wan = bridge
    for_everybody = Ether(src=BVI, dst=EVERYBODY) / offer()[IP]
    rig.punt_to_router(index, L2, for_everybody)
    assert [bytes(wire.receive()) for wire in (lan, wan)] == [bytes(for_everybody)] * 2
    wan.send(arp(1, "10.0.0.5", "10.0.0.1"))
    assert [lan.receive()[ARP].psrc, wan.receive()[ARP].psrc] == ["10.0.0.5", "10.0.0.1"]
    for_host = Ether(src=BVI, dst=HOST) / offer()[IP]
    rig.punt_to_router(index, L2, for_host)
    assert bytes(wan.receive()) == bytes(for_host)
    rig.punt_to_router(index, L2, for_everybody)
    assert bytes(lan.receive()) == bytes(for_everybody), "and not what was for the other host"


def test_members_of_a_bridge_reach_one_another(rig: Rig, bridge: tuple[int, Wire, Wire]) -> None:
    _, lan, wan = bridge
    lan.send(arp(1, "10.0.0.5", "10.0.0.6"))
    assert wan.receive()[ARP].pdst == "10.0.0.6"
    wan.send(arp(2, "10.0.0.6", "10.0.0.5", HOST, OTHER))
    assert lan.receive()[ARP].psrc == "10.0.0.6"
    back = Ether(src=HOST, dst=OTHER) / IP(src="10.0.0.5", dst="10.0.0.6") / b"bridged"
    lan.send(back)
    assert bytes(wan.receive()) == bytes(back)


def test_events_of_a_bridged_lan_come_with_the_bvi(api: Api, bridge: tuple[int, Wire, Wire]) -> None:
    index, lan, _ = bridge
    assert api.retval("want_ip_neighbor_events_v2", enable=True, ip="0.0.0.0", sw_if_index=index) == 0
    lan.send(arp(1, "10.0.0.5", "10.0.0.1"))
    told = api.event()
    assert (told.neighbor.sw_if_index, str(told.neighbor.ip_address)) == (index, "10.0.0.5")


def test_ip6_of_a_bridge_is_the_bvis(rig: Rig, api: Api, bridge: tuple[int, Wire, Wire]) -> None:
    index, lan, _ = bridge
    assert enable_ip6(api, index) == 0
    ours = link_local(api, index)
    lan.send(solicitation(ours))
    answer = lan.receive()
    assert (answer.src, answer[IPv6].src) == (BVI, ours)


def test_a_member_that_leaves_is_an_interface_of_its_own_again(
    rig: Rig, api: Api, bridge: tuple[int, Wire, Wire]
) -> None:
    _, lan, wan = bridge
    assert rig.ctl(f"set interface l3 {LAN}") == ""
    assert rig.ctl(f"set interface ip address {LAN} 10.3.0.1/24") == ""
    lan.send(arp(1, "10.3.0.5", "10.3.0.1"))
    assert lan.receive()[ARP].hwsrc == ROUTER
    assert wan.nothing()
