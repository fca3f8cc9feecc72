"""Relayed messages (RFC 8415, 19; RFC 6221; RFC 6939; RFC 8357; RFC 4994)."""

from ipaddress import IPv6Address, IPv6Network
from typing import Any

import pytest

from tests.dhc6.clients import Agent, duid, interface, mac, message, number, raw
from tests.dhc6.lan import LAN, POOL, PREFIX, Lan
from tests.packet.scapy_layers6 import dhcp6 as scapy
from vppdhc.dhc6.config import PrefixPoolConfig, ServerConfig, Settings, SubnetConfig
from vppdhc.dhc6.reservations import Reservation
from vppdhc.packet import punt

RELAY = "2001:db8:ffff::1"
LINK = "2001:db8:5::1"
PEER = "fe80::ff:fe00:1"
FAR = SubnetConfig("far", IPv6Network("2001:db8:5::/64"))
UPLINK = interface("2001:db8:fffe::1/64")


def far(*subnets: SubnetConfig, pools: tuple[PrefixPoolConfig, ...] = (), **settings: Any) -> Lan:
    """A server whose clients are behind a relay agent."""
    config = ServerConfig(Settings(**settings), ("tap0",), subnets=subnets or (FAR,), prefix_pools=pools)
    return Lan(UPLINK, config=config)


def nest(depth: int) -> list[Agent]:
    """So many relay agents, the one at the client first."""
    inner = Agent(LINK, PEER, 0, (scapy.DHCP6OptIfaceId(ifaceid=b"port 0"),))
    rest = [
        Agent("::", str(IPv6Address(f"2001:db8:ffff::{hop}")), hop, (scapy.DHCP6OptIfaceId(ifaceid=b"port %d" % hop),))
        for hop in range(1, depth)
    ]
    return [inner, *rest]


def test_the_answer_goes_back_the_same_way() -> None:
    seen = far().say("solicit", na={1: []}, relays=nest(1))
    assert (seen.action, seen.source, seen.destination, seen.ports) == (punt.IP6, "2001:db8:fffe::1", RELAY, (547, 547))
    (relay,) = seen.relays
    assert (relay.msgtype, relay.hopcount, relay.linkaddr, relay.peeraddr) == (13, 0, LINK, PEER)
    assert relay[scapy.DHCP6OptIfaceId].ifaceid == b"port 0"
    assert seen.type == "advertise"
    assert seen.na[1].live[0].startswith("2001:db8:5:")


@pytest.mark.parametrize("depth", [1, 2, 3, 8, 9])
def test_nested_relay_agents(depth: int) -> None:
    lan = far()
    seen = lan.bind(na={1: []}, relays=nest(depth))
    assert len(seen.relays) == depth
    for hop, relay in enumerate(reversed(seen.relays)):
        peer = PEER if not hop else f"2001:db8:ffff::{hop}"
        assert (relay.msgtype, relay.hopcount, relay.peeraddr) == (13, hop, peer)
        assert relay[scapy.DHCP6OptIfaceId].ifaceid == b"port %d" % hop
    assert seen.na[1].live[0].startswith("2001:db8:5:")


def test_an_answer_to_our_own_address_comes_from_there() -> None:
    seen = far().say("solicit", na={1: []}, relays=nest(1), destination="2001:db8:ffff::99")
    assert seen.source == "2001:db8:ffff::99"


def test_a_server_without_an_address_cannot_answer_what_was_multicast() -> None:
    config = ServerConfig(Settings(), ("tap0",), subnets=(FAR,))
    lan = Lan(interface(), config=config)
    assert lan.dropped(message("solicit", na={1: []}, relays=nest(1))) == "not-served"
    asked = message("solicit", na={1: []}, relays=nest(1), destination="2001:db8:ffff::99")
    assert lan.ask(asked).source == "2001:db8:ffff::99"


def test_a_relay_agent_on_the_link_is_answered_there() -> None:
    seen = far().say("solicit", 9, na={1: []}, relays=nest(1), source="fe80::9")
    assert (seen.action, seen.destination, seen.frame_destination) == (punt.L2, "fe80::9", mac(9))
    assert seen.ports == (547, 547)


def test_the_link_is_that_of_the_agent_nearest_to_the_client_that_names_one() -> None:
    lan = far(FAR, SubnetConfig("other", IPv6Network("2001:db8:6::/64")))
    agents = [Agent("::", PEER), Agent(LINK, "fe80::2", 1), Agent("2001:db8:6::1", "fe80::3", 2)]
    assert lan.say("solicit", na={1: []}, relays=agents).na[1].live[0].startswith("2001:db8:5:")


def test_a_switch_that_names_no_link_is_on_our_own() -> None:
    lan = Lan()
    agent = Agent("::", PEER, options=(scapy.DHCP6OptIfaceId(ifaceid=b"port 3"),))
    seen = lan.say("solicit", 1, na={1: []}, relays=[agent], source=PEER)
    assert seen.na[1].live[0].startswith("2001:db8:1:")
    assert (seen.frame_destination, seen.destination) == (mac(1), PEER)
    assert seen.relays[0][scapy.DHCP6OptIfaceId].ifaceid == b"port 3"


def test_a_configured_relay_agent() -> None:
    lan = far(SubnetConfig("far", IPv6Network("2001:db8:5::/64"), relay_addresses=(number("2001:db8:7::1"),)))
    seen = lan.say("solicit", na={1: []}, relays=[Agent("2001:db8:7::1", PEER)])
    assert seen.na[1].live[0].startswith("2001:db8:5:")


def test_a_relayed_client_on_a_served_interface_gets_addresses_of_all_its_prefixes() -> None:
    lan = Lan(interface("2001:db8:1::1/64", "fd00:1::1/64"))
    assert len(lan.say("solicit", na={1: []}, relays=[Agent(f"{PREFIX}99", PEER)]).na[1].live) == 2


def test_what_relay_agents_say_is_kept_with_the_lease() -> None:
    lan = far(pools=(POOL,))
    agent = Agent(
        LINK,
        PEER,
        options=(scapy.DHCP6OptIfaceId(ifaceid=b"port 3"), scapy.DHCP6OptRemoteID(enterprisenum=9, remoteid=b"line")),
    )
    lan.bind(na={1: []}, pd={2: []}, relays=[agent, Agent("::", "fe80::7", 1, (raw(18, b"uplink"),))])
    for lease in lan.stored.values():
        assert lease.details.link_address == number(LINK)
        assert lease.details.peer_address == number(PEER)
        assert lease.details.interface_id == b"port 3"
        assert lease.details.remote_id == b"\0\0\0\x09line"
        assert lease.next_hop == number(RELAY)
        assert lease.interface == "tap0"


def test_a_client_that_is_not_relayed_has_no_such_details() -> None:
    lan = Lan()
    lan.bind()
    (lease,) = lan.stored.values()
    assert lease.details == (0, 0, b"", b"")
    assert lease.next_hop == number(PEER)


@pytest.mark.parametrize(
    ("said", "peer", "hardware"),
    [
        (scapy.DHCP6OptClientLinkLayerAddr(clladdr="02:aa:00:00:00:05"), PEER, "0102aa00000005"),
        (None, "fe80::aa:ff:fe00:6", "0102aa00000006"),
        (None, "fe80::1234", "01020000000001"),
        (raw(79, b"\1\0abcdef"), "fe80::1234", "01020000000001"),
    ],
)
def test_the_hardware_address_of_a_relayed_client(said: Any, peer: str, hardware: str) -> None:
    lan = far()
    lan.bind(1, na={1: []}, relays=[Agent(LINK, peer, options=(said,) if said is not None else ())])
    (lease,) = lan.stored.values()
    assert lease.hardware.hex() == hardware


def test_what_another_agent_says_of_hardware_is_not_the_clients() -> None:
    lan = far()
    further = Agent("::", "fe80::7", 1, (scapy.DHCP6OptClientLinkLayerAddr(clladdr="02:aa:00:00:00:05"),))
    lan.bind(1, na={1: []}, relays=[Agent(LINK, "fe80::1234"), further])
    (lease,) = lan.stored.values()
    assert lease.hardware.hex() == "01020000000001"


def test_a_reservation_by_the_hardware_address_that_a_relay_agent_saw() -> None:
    lan = far()
    lan.reserve(Reservation("one", hardware=bytes.fromhex("0102aa00000005"), address=number("2001:db8:5::55")))
    agent = Agent(LINK, PEER, options=(scapy.DHCP6OptClientLinkLayerAddr(clladdr="02:aa:00:00:00:05"),))
    assert lan.say("solicit", na={1: []}, relays=[agent]).na[1].live == ["2001:db8:5::55"]


@pytest.mark.parametrize(("option", "port"), [((), 547), ((raw(135, b"\0\0"),), 10547)])
def test_a_relay_agent_with_a_port_of_its_own(option: tuple[Any, ...], port: int) -> None:
    seen = far().say("solicit", na={1: []}, relays=[Agent(LINK, PEER, options=option)], port=10547)
    assert seen.ports == (547, port)
    assert (b"\0\x87\0\2\0\0" in bytes(seen.relays[0])[34:]) is bool(option)


def test_only_the_nearest_agents_port_counts() -> None:
    agents = [Agent(LINK, PEER, options=(raw(135, b"\0\0"),)), Agent("::", "fe80::7", 1)]
    assert far().say("solicit", na={1: []}, relays=agents, port=10547).ports == (547, 547)


def test_options_that_a_relay_agent_wants_back() -> None:
    agent = Agent(LINK, PEER, options=(raw(37, b"\0\0\0\x09x"), raw(38, b"me"), raw(43, b"\0\x26")))
    relay = far().say("solicit", na={1: []}, relays=[agent]).relays[0]
    assert bytes(relay)[34:].startswith(b"\0\x26\0\2me")
    assert b"\0\x25\0\5" not in bytes(relay)[34:60]


def test_relayed_clients_are_never_asked_about() -> None:
    lan = Lan()
    lan.bind(na={1: []}, relays=[Agent(f"{PREFIX}99", PEER)])
    assert lan.asked == []


def test_prefix_pools_of_relay_agents() -> None:
    pools = (
        PrefixPoolConfig("theirs", 56, IPv6Network("2001:db8:8000::/48"), relay_addresses=(number(LINK),)),
        PrefixPoolConfig("others", 56, IPv6Network("2001:db8:9000::/48"), relay_addresses=(number("2001:db8:7::1"),)),
    )
    seen = far(pools=pools).say("solicit", pd={1: []}, relays=nest(1))
    assert seen.pd[1].live[0].startswith("2001:db8:8000:")


def test_relayed_release_and_renewal() -> None:
    lan = far()
    mine = lan.bind(na={1: []}, relays=nest(2)).na[1].live
    assert lan.say("renew", na={1: mine}, relays=nest(2)).na[1].live == mine
    assert lan.say("release", na={1: mine}, relays=nest(2)).status == 0
    (lease,) = lan.stored.values()
    assert lease.duid == duid(1)
    assert lease.expires == lan.now


def test_link_local_links_are_of_no_use_unless_configured() -> None:
    assert far().dropped(message("solicit", na={1: []}, relays=[Agent("fe80::9", PEER)])) == "no-subnet"
    lan = far(SubnetConfig("far", IPv6Network("2001:db8:5::/64"), relay_addresses=(number("fe80::9"),)))
    assert lan.say("solicit", na={1: []}, relays=[Agent("fe80::9", PEER)]).na[1].live


def test_the_interface_of_the_agents_messages_has_its_own_prefixes() -> None:
    lan = Lan(LAN, config=ServerConfig(Settings(), ("tap0",), subnets=(FAR,)))
    assert lan.say("solicit", na={1: []}, relays=nest(1)).na[1].live[0].startswith("2001:db8:5:")
    assert lan.say("solicit", 2, na={1: []}).na[1].live[0].startswith("2001:db8:1:")
