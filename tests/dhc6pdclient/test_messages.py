"""What the client says, as scapy reads it; and what scapy says, as the client reads it."""

import struct
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network
from typing import Any

import pytest

from tests.dhc6pdclient.provider import CLIENT_MAC, LINK_LOCAL, SERVER_DUID, Heard, Server
from tests.dhc6pdclient.world import (
    ADDRESS,
    ADDRESS_ONLY,
    BOTH,
    DUID,
    NA,
    ONE,
    PD,
    PD2,
    PREFIX,
    SECOND_PREFIX,
    TWO,
    World,
    bound,
    drops,
    wan,
)
from tests.packet.scapy_layers6 import UDP, Dot1AD, Dot1Q, Ether, Packet, dhcp6, inet6
from vppdhc.clients.wake import Wake
from vppdhc.dhc6pdclient.bindings import IaKey
from vppdhc.dhc6pdclient.config import ClientConfig, IaPd, Mode
from vppdhc.interface import Vlan
from vppdhc.packet import punt
from vppdhc.packet.dhcp6 import MessageType
from vppdhc.packet.options6 import Option

STATELESS = ClientConfig(mode=Mode.STATELESS)
USED = [23, 24, 56, 31, 64, 103]
CLASSES = {
    "solicit": dhcp6.DHCP6_Solicit,
    "request": dhcp6.DHCP6_Request,
    "confirm": dhcp6.DHCP6_Confirm,
    "renew": dhcp6.DHCP6_Renew,
    "rebind": dhcp6.DHCP6_Rebind,
    "release": dhcp6.DHCP6_Release,
    "decline": dhcp6.DHCP6_Decline,
    "information-request": dhcp6.DHCP6_InfoRequest,
}


def said(world: World, kind: str) -> Packet:
    """The last message of a type, as scapy reads its frame."""
    number = max(index for index, heard in enumerate(world.heard) if heard.type == kind)
    packet = Ether(world.frames[number])
    assert bytes(Ether(bytes(packet))) == world.frames[number]
    layer = packet[CLASSES[kind]]
    assert layer.trid == world.heard[number].message.transaction_id
    return packet


def codes(packet: Packet, kind: str) -> list[int]:
    """The options of a message, in order."""
    found, layer = [], packet[CLASSES[kind]].payload
    while layer:
        found.append(layer.optcode)
        layer = layer.payload
    return found


def duid_of(layer: Packet) -> bytes:
    return bytes(layer.duid)


def test_solicit() -> None:
    world = World(BOTH)
    world.run(2)
    packet = said(world, "solicit")
    assert (packet.src, packet.dst) == (CLIENT_MAC.hex(":"), "33:33:00:01:00:02")
    assert (packet[inet6.IPv6].src, packet[inet6.IPv6].dst) == (str(LINK_LOCAL), "ff02::1:2")
    assert (packet[UDP].sport, packet[UDP].dport) == (546, 547)
    checksum = packet[UDP].chksum
    del packet[UDP].chksum
    assert Ether(bytes(packet))[UDP].chksum == checksum
    assert codes(packet, "solicit") == [1, 8, 25, 3, 6, 20]
    assert duid_of(packet[dhcp6.DHCP6OptClientId]) == DUID
    assert packet[dhcp6.DHCP6OptElapsedTime].elapsedtime == 0
    pd, na = packet[dhcp6.DHCP6OptIA_PD], packet[dhcp6.DHCP6OptIA_NA]
    assert (pd.iaid, pd.T1, pd.T2, pd.iapdopt) == (1, 0, 0, [])
    assert (na.iaid, na.T1, na.T2, na.ianaopts) == (1, 0, 0, [])
    assert packet[dhcp6.DHCP6OptOptReq].reqopts == [*USED, 82, 67]


def test_hints() -> None:
    config = ClientConfig(ia_pds=(IaPd(1, length_hint=60), IaPd(2, prefix_hint=IPv6Network("2001:db8:7::/48"))))
    world = World(config)
    world.run(2)
    first = said(world, "solicit")[dhcp6.DHCP6OptIA_PD]
    hint = first.iapdopt[0]
    assert (hint.prefix, hint.plen, hint.preflft, hint.validlft) == ("::", 60, 0, 0)
    second = first.payload.iapdopt[0]
    assert (second.prefix, second.plen) == ("2001:db8:7::", 48)


def test_request() -> None:
    packet = said(bound(BOTH), "request")
    assert codes(packet, "request") == [1, 2, 8, 25, 3, 6, 20]
    assert duid_of(packet[dhcp6.DHCP6OptServerId]) == SERVER_DUID
    prefix = packet[dhcp6.DHCP6OptIA_PD].iapdopt[0]
    assert (prefix.prefix, prefix.plen, prefix.preflft, prefix.validlft) == ("2001:db8:100::", 56, 0, 0)
    address = packet[dhcp6.DHCP6OptIA_NA].ianaopts[0]
    assert (address.addr, address.preflft, address.validlft) == (ADDRESS, 0, 0)


def test_renew_and_rebind() -> None:
    world = bound(BOTH)
    world.server.silent = True
    world.run(3000)
    renew, rebind = said(world, "renew"), said(world, "rebind")
    assert codes(renew, "renew") == [1, 2, 8, 25, 3, 6, 20]
    assert codes(rebind, "rebind") == [1, 8, 25, 3, 6, 20]
    for packet in (renew, rebind):
        assert packet[dhcp6.DHCP6OptIA_PD].iapdopt[0].prefix == "2001:db8:100::"
        assert packet[dhcp6.DHCP6OptIA_NA].ianaopts[0].addr == ADDRESS
        assert packet[dhcp6.DHCP6OptElapsedTime].elapsedtime > 0


def test_confirm_has_no_server_and_asks_for_nothing() -> None:
    world = bound(ADDRESS_ONLY)
    world.restart()
    world.run(3)
    packet = said(world, "confirm")
    assert codes(packet, "confirm") == [1, 8, 3]
    address = packet[dhcp6.DHCP6OptIA_NA].ianaopts[0]
    assert (address.addr, address.preflft, address.validlft) == (ADDRESS, 0, 0)


def test_release() -> None:
    world = bound(BOTH)
    world.wake(Wake.RELEASE)
    world.run(1)
    packet = said(world, "release")
    assert codes(packet, "release") == [1, 2, 8, 25, 3]
    assert packet[inet6.IPv6].dst == "ff02::1:2"
    assert packet[inet6.IPv6].src == str(LINK_LOCAL)


def test_decline() -> None:
    world = World(BOTH)
    world.tenant.taken = {ADDRESS}
    world.run(5)
    packet = said(world, "decline")
    assert codes(packet, "decline") == [1, 2, 8, 3]
    assert packet[dhcp6.DHCP6OptIA_NA].ianaopts[0].addr == ADDRESS


def test_information_request() -> None:
    world = World(STATELESS)
    world.run(3)
    packet = said(world, "information-request")
    assert codes(packet, "information-request") == [1, 8, 6, 20]
    assert packet[dhcp6.DHCP6OptOptReq].reqopts == [*USED, 32, 83]


def test_everything_that_can_be_configured() -> None:
    config = replace(
        ONE,
        rapid_commit=True,
        request_options=(17, 23, 1, 25, 32, 39),
        options={15: b"\0\4home", 16: b"\0\0\1\xbf\0\1x"},
    )
    world = World(config)
    world.run(5)
    solicit, request = said(world, "solicit"), said(world, "request")
    assert codes(solicit, "solicit") == [1, 8, 25, 6, 20, 15, 16, 14]
    assert solicit[dhcp6.DHCP6OptOptReq].reqopts == [*USED, 82, 67, 17, 39]
    assert codes(request, "request") == [1, 2, 8, 25, 6, 20, 15, 16]


def test_without_reconfigure_accept() -> None:
    world = bound(replace(ONE, reconfigure_accept=False))
    assert 20 not in codes(said(world, "solicit"), "solicit")
    assert 20 not in codes(said(world, "request"), "request")


def test_prefixes_are_not_to_be_excluded_where_none_are_wanted() -> None:
    assert 67 not in said(bound(ADDRESS_ONLY), "solicit")[dhcp6.DHCP6OptOptReq].reqopts


def test_on_a_sub_interface() -> None:
    world = World()
    world.link_up(wan(vlans=(Vlan(0x88A8, 10), Vlan(0x8100, 20))))
    world.run(3)
    packet = Ether(world.frames[0])
    assert (packet[Dot1AD].vlan, packet[Dot1Q].vlan) == (10, 20)
    assert packet[dhcp6.DHCP6_Solicit].trid == world.heard[0].message.transaction_id


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"options": {3: b""}}, "belong to the protocol"),
        ({"options": {16: bytes(2000)}}, "bytes of options"),
        ({"client_duid": b"\0\1"}, "length of client-duid"),
        ({"client_duid": bytes(131)}, "length of client-duid"),
        ({"request_options": (0,)}, "request-option"),
        ({"ia_nas": (1, 1)}, "same ia-id"),
        ({"ia_nas": (-1,)}, "ia-id"),
        ({"ia_pds": (IaPd(1, length_hint=129),)}, "prefix-length-hint"),
        ({"route_preference": 256}, "route-preference"),
        ({"route_table": 1 << 32}, "route-table-id"),
    ],
)
def test_configurations_that_cannot_be(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ClientConfig(**changes)


# What scapy says


BUILT: dict[IaKey, Packet] = {
    PD: dhcp6.DHCP6OptIA_PD(
        iaid=1,
        T1=1000,
        T2=2000,
        iapdopt=[
            dhcp6.DHCP6OptIAPrefix(prefix="2001:db8:100::", plen=56, preflft=3000, validlft=4000),
            dhcp6.DHCP6OptIAPrefix(prefix="2001:db8:900::", plen=56, preflft=0, validlft=0),
        ],
    ),
    PD2: dhcp6.DHCP6OptIA_PD(iaid=2, iapdopt=[dhcp6.DHCP6OptStatusCode(statuscode=6, statusmsg=b"no more of them")]),
    NA: dhcp6.DHCP6OptIA_NA(
        iaid=1, T1=1000, T2=2000, ianaopts=[dhcp6.DHCP6OptIAAddress(addr=ADDRESS, preflft=3000, validlft=4000)]
    ),
}


class ScapyServer(Server):
    """A server whose answers scapy builds."""

    def datagram(self, heard: Heard, message_type: MessageType, more: Any) -> bytes:
        body = {MessageType.ADVERTISE: dhcp6.DHCP6_Advertise, MessageType.REPLY: dhcp6.DHCP6_Reply}[message_type]
        message = body(trid=heard.message.transaction_id)
        message /= dhcp6.DHCP6OptClientId(duid=dhcp6.DUID_LLT(heard.message.get(Option.CLIENTID)))
        message /= dhcp6.DHCP6OptServerId(duid=dhcp6.DUID_LL(self.duid))
        for key in heard.ias:
            message /= BUILT[key]
        message /= dhcp6.DHCP6OptDNSServers(dnsservers=["2001:db8::53", "2001:db8::54"])
        message /= dhcp6.DHCP6OptDNSDomains(dnsdomains=["example.net."])
        ip = Ether(src="02:00:00:00:00:01", dst=CLIENT_MAC.hex(":")) / inet6.IPv6(src="fe80::1", dst=str(LINK_LOCAL))
        return punt.encode(3, punt.L2, bytes(ip / UDP(sport=547, dport=546) / message))


def test_a_whole_exchange_with_scapy_as_the_server() -> None:
    world = World(replace(TWO, ia_nas=(1,)))
    world.server = ScapyServer(world)
    world.servers = [world.server]
    world.run(5)
    assert world.tenant.has == [PREFIX, ADDRESS]
    lease = world.bindings.get(PD).leases[0]
    assert (lease.preferred, lease.valid) == (3000, 4000)
    assert (world.bindings.get(PD).t1, world.bindings.get(PD).t2) == (1000, 2000)
    assert world.bindings.get(PD2).status == (6, "no more of them")
    assert world.bindings.server_address == IPv6Address("fe80::1")
    assert Option.DNS_SERVERS.decode(world.tenure.learned[23]) == [
        IPv6Address("2001:db8::53"),
        IPv6Address("2001:db8::54"),
    ]
    world.run(1001)
    assert world.server.types() == ["solicit", "request", "renew"]
    assert drops(world) == {}


def test_excluded_prefix() -> None:
    """RFC 6603: told in the option of the prefix that it is a part of."""
    world = bound(TWO, excluded={PREFIX: "2001:db8:100:f0::/64"})
    first, second = world.bindings.get(PD).leases[0], world.bindings.get(PD2).leases[0]
    assert first.excluded == IPv6Network("2001:db8:100:f0::/64")
    assert second.excluded is None
    assert str(second.prefix) == SECOND_PREFIX


@pytest.mark.parametrize(
    "content", [b"", b"\x38", b"\x38\0", b"\x40", b"\x40\0\0", b"\x81\0", struct.pack(">BQ", 64, 1)]
)
def test_an_excluded_prefix_that_cannot_be_is_left_aside_alone(content: bytes) -> None:
    world = World()
    start = int(IPv6Address("2001:db8:100::")).to_bytes(16, "big")
    within = struct.pack(">HHIIB", 26, 25 + 4 + len(content), 3600, 7200, 56) + start
    within += struct.pack(">HH", 67, len(content)) + content
    world.server.unknown = {PD}
    world.server.raw = [(25, struct.pack(">III", 1, 0, 0) + within)]
    world.run(5)
    assert world.tenant.has == [PREFIX]
    assert world.bindings.get(PD).leases[0].excluded is None
    assert drops(world) == {"bad-excluded-prefix": 2}
