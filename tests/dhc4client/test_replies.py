"""What the client believes: replies built by scapy, each with one thing wrong, and mutations of good ones."""

import warnings
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from random import Random
from typing import Any

import pytest

from tests.dhc4client.world import MAC, World, bound, drops
from tests.fuzz.mutations import mutated
from vppdhc.dhc4client.config import ClientConfig
from vppdhc.dhc4client.drops import Drop, DropError
from vppdhc.dhc4client.identity import Identity
from vppdhc.dhc4client.replies import Reply, read_reply
from vppdhc.dhc4client.states import State
from vppdhc.dhc4client.terms import StaticRoute, Terms
from vppdhc.packet import punt
from vppdhc.packet.dhcp4 import MessageType
from vppdhc.packet.errors import KINDS

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of scapy about ciphers that it does not need here
    from scapy.layers.dhcp import BOOTP, DHCP
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether

IDENTITY = Identity(MAC, b"\1" + MAC)
XID = 0x1234
GOOD: dict[Any, Any] = {
    "message-type": "ack",
    "server_id": "192.0.2.1",
    "lease_time": 3600,
    "subnet_mask": "255.255.255.0",
    "router": "192.0.2.1",
}


def datagram(options: dict[Any, Any] | None = None, without: str = "", **header: Any) -> bytes:
    """Build with scapy what VPP's punt socket gives."""
    chosen = {**GOOD, **(options or {})}
    chosen.pop(without, None)
    fields: dict[str, Any] = {"op": 2, "xid": XID, "yiaddr": "192.0.2.50", "chaddr": MAC.ljust(16, b"\0"), **header}
    listed = [(name, *value) if isinstance(value, tuple) else (name, value) for name, value in chosen.items()]
    packet = (
        Ether(src="02:00:00:00:00:01", dst="02:fe:00:00:00:aa")
        / IP(src="192.0.2.1", dst="192.0.2.50")
        / UDP(sport=67, dport=68)
        / BOOTP(**fields)
        / DHCP(options=[*listed, "end"])
    )
    return punt.encode(3, punt.L2, bytes(packet))


def read(options: dict[Any, Any] | None = None, without: str = "", **header: Any) -> Reply:
    return read_reply(datagram(options, without, **header), IDENTITY, XID)


def terms(options: dict[Any, Any] | None = None, without: str = "", **header: Any) -> Terms:
    found = read(options, without, **header).terms
    assert found is not None
    return found


def test_a_good_ack() -> None:
    found = terms({"name_server": ("192.0.2.3", "192.0.2.4"), "domain": "example.net"}, giaddr="198.51.100.1")
    assert found.address == IPv4Interface("192.0.2.50/24")
    assert found.server == IPv4Address("192.0.2.1")
    assert found.server_mac == bytes.fromhex("020000000001")
    assert found.relay == IPv4Address("198.51.100.1")
    assert (found.lease_time, found.t1, found.t2) == (3600, 1800, 3150)
    assert found.routers == (IPv4Address("192.0.2.1"),)
    assert found.routes == ()
    assert found.mtu is None
    assert set(found.learned) == {1, 3, 6, 15}
    assert found.learned[6] == bytes([192, 0, 2, 3, 192, 0, 2, 4])
    assert set(found.options) == {1, 3, 6, 15, 51, 53, 54}


@pytest.mark.parametrize(
    ("reason", "options", "without", "header"),
    [
        (Drop.NOT_A_REPLY, {}, "", {"op": 1}),
        (Drop.WRONG_XID, {}, "", {"xid": 1}),
        (Drop.WRONG_HARDWARE, {}, "", {"chaddr": bytes(16)}),
        (Drop.WRONG_HARDWARE, {}, "", {"htype": 6}),
        (Drop.WRONG_HARDWARE, {}, "", {"hlen": 5}),
        (Drop.WRONG_CLIENT_ID, {"client_id": b"\1somebody"}, "", {}),
        (Drop.NO_TYPE, {}, "message-type", {}),
        (Drop.NO_TYPE, {"message-type": 77}, "", {}),
        (Drop.UNEXPECTED, {"message-type": "discover"}, "", {}),
        (Drop.UNEXPECTED, {"message-type": "force_renew"}, "", {}),
        (Drop.NO_SERVER, {}, "server_id", {}),
        (Drop.NO_SERVER, {"message-type": "nak"}, "server_id", {}),
        (Drop.BAD_SERVER, {"server_id": "0.0.0.0"}, "", {}),
        (Drop.BAD_SERVER, {"server_id": "255.255.255.255"}, "", {}),
        (Drop.BAD_SERVER, {54: b"\1\2\3"}, "server_id", {}),
        (Drop.BAD_ADDRESS, {}, "", {"yiaddr": "0.0.0.0"}),
        (Drop.BAD_ADDRESS, {}, "", {"yiaddr": "127.0.0.1"}),
        (Drop.BAD_ADDRESS, {}, "", {"yiaddr": "224.0.0.1"}),
        (Drop.BAD_ADDRESS, {}, "", {"yiaddr": "255.255.255.255"}),
        (Drop.BAD_ADDRESS, {}, "", {"yiaddr": "192.0.2.0"}),
        (Drop.BAD_ADDRESS, {}, "", {"yiaddr": "192.0.2.255"}),
        (Drop.BAD_MASK, {"subnet_mask": "255.0.255.0"}, "", {}),
        (Drop.BAD_MASK, {"subnet_mask": "0.0.0.0"}, "", {}),
        (Drop.BAD_MASK, {1: b"\xff\xff"}, "subnet_mask", {}),
        (Drop.BAD_ROUTER, {"router": "0.0.0.0"}, "", {}),
        (Drop.BAD_ROUTER, {"router": "224.0.0.1"}, "", {}),
        (Drop.BAD_ROUTER, {3: b"\1\2\3\4\5"}, "router", {}),
        (Drop.BAD_ROUTE, {121: b"\x21\0\0\0\0\0\0\0\0"}, "", {}),
        (Drop.BAD_ROUTE, {121: b"\0\xe0\0\0\1"}, "", {}),
        (Drop.BAD_ROUTE, {121: b"\x08\xe0\xc0\0\2\1"}, "", {}),
        (Drop.BAD_ROUTE, {121: b"\x08\x7f\xc0\0\2\1"}, "", {}),
        (Drop.BAD_ROUTE, {121: b"\x18\x0a"}, "", {}),
        (Drop.NO_LEASE_TIME, {}, "lease_time", {}),
        (Drop.NO_LEASE_TIME, {"message-type": "offer"}, "lease_time", {}),
        (Drop.BAD_LEASE_TIME, {"lease_time": 0}, "", {}),
        (Drop.BAD_LEASE_TIME, {"lease_time": 2}, "", {}),
        (Drop.BAD_LEASE_TIME, {51: b"\0\0\1"}, "lease_time", {}),
    ],
)
def test_one_thing_wrong(reason: Drop, options: dict[Any, Any], without: str, header: dict[str, Any]) -> None:
    with pytest.raises(DropError) as dropped:
        read(options, without, **header)
    assert dropped.value.reason == reason


def test_a_packet_that_cannot_be_decoded_is_counted_by_its_kind() -> None:
    whole = datagram()
    for length in range(len(whole) - 60):
        with pytest.raises(DropError) as dropped:
            read_reply(whole[:length], IDENTITY, XID)
        assert dropped.value.reason in KINDS


def test_the_own_client_identifier_may_come_back() -> None:
    assert read({"client_id": IDENTITY.client_id}).type is MessageType.ACK


def test_a_nak_has_no_terms() -> None:
    reply = read({"message-type": "nak"}, "lease_time", yiaddr="0.0.0.0")
    assert (reply.type, reply.server, reply.terms) == (MessageType.NAK, IPv4Address("192.0.2.1"), None)


@pytest.mark.parametrize(
    ("address", "prefix"),
    [("10.1.2.3", 8), ("172.16.1.2", 16), ("192.0.2.50", 24), ("126.0.0.9", 8), ("128.0.0.9", 16)],
)
def test_without_a_mask_the_class_counts(address: str, prefix: int) -> None:
    assert terms(without="subnet_mask", yiaddr=address).address == IPv4Interface(f"{address}/{prefix}")


@pytest.mark.parametrize("mask", ["255.255.255.255", "255.255.255.254", "128.0.0.0"])
def test_all_masks_of_ones_and_zeros(mask: str) -> None:
    assert str(terms({"subnet_mask": mask}).address.netmask) == mask


def test_classless_routes() -> None:
    raw = b"\x00\xc0\0\2\x01" + b"\x18\x0a\1\2\xc0\0\2\2" + b"\x20\xc6\x33\x64\x01\0\0\0\0" + b"\x18\x0a\1\2\xc0\0\2\2"
    assert terms({121: raw}).routes == (
        StaticRoute(IPv4Network("0.0.0.0/0"), IPv4Address("192.0.2.1")),
        StaticRoute(IPv4Network("10.1.2.0/24"), IPv4Address("192.0.2.2")),
        StaticRoute(IPv4Network("198.51.100.1/32"), IPv4Address("0.0.0.0")),
    )


@pytest.mark.parametrize(
    ("raw", "mtu"), [(b"\x05\xdc", 1500), (b"\x02\x3f", None), (b"\x40", None), (b"\x02\x40", 576)]
)
def test_mtu(raw: bytes, mtu: int | None) -> None:
    assert terms({26: raw}).mtu == mtu


def test_what_only_tells_more_is_left_aside_when_it_cannot_be_read() -> None:
    found = terms({119: b"\x3fcut", 6: b"\1\2\3", 42: b"\xc0\0\2\x05"})
    assert set(found.learned) == {1, 3, 42}
    assert found.options[119] == b"\x3fcut"


def test_times_that_are_no_numbers_are_made_up() -> None:
    found = terms({58: b"\1", 59: b"\1\2\3\4\5"})
    assert (found.t1, found.t2) == (1800, 3150)


def test_only_the_server_that_was_asked_is_believed() -> None:
    world = World()
    rogue = world.add_server("192.0.2.66", "192.0.2.99/24")
    rogue.answers = set()
    world.server.answers = {"discover"}
    world.run(2)
    assert world.state is State.REQUESTING
    request = world.heard[-1].message
    rogue.answer(request, MessageType.ACK)
    rogue.answer(request, MessageType.NAK)
    world.run(1)
    assert world.state is State.REQUESTING
    assert drops(world) == {"wrong-server": 2}


def test_in_renewing_another_server_is_not_believed() -> None:
    world = bound()
    rogue = world.add_server("192.0.2.66", "192.0.2.99/24")
    world.server.answers = set()
    world.run_until(State.RENEWING)
    rogue.answer(world.heard[-1].message, MessageType.NAK)
    world.run(1)
    assert world.state is State.RENEWING
    assert drops(world) == {"wrong-server": 1}


def test_nothing_is_believed_while_nothing_was_asked() -> None:
    world = bound()
    for kind in (MessageType.NAK, MessageType.ACK, MessageType.OFFER):
        world.server.answer(world.heard[-1].message, kind)
    world.run(1)
    assert world.state is State.BOUND
    assert drops(world) == {"unexpected": 3}


def test_mutations_of_good_replies_are_dropped_for_a_reason_or_sound() -> None:
    rng = Random(7)
    good = [
        datagram(),
        datagram({"message-type": "offer", "name_server": "192.0.2.3"}),
        datagram({"message-type": "nak"}, "lease_time"),
        datagram({121: b"\x00\xc0\0\2\x01\x18\x0a\1\2\xc0\0\2\2", 119: b"\7example\3net\0", 26: b"\x05\xdc"}),
    ]
    reasons = {str(reason) for reason in Drop} | set(KINDS)
    sound = 0
    dropped: set[str] = set()
    for _ in range(20_000):
        packet = mutated(rng, rng.choice(good), good, start=8)
        try:
            reply = read_reply(packet, IDENTITY, XID)
        except DropError as error:
            dropped.add(error.reason)
            continue
        sound += 1
        if reply.terms is not None:
            assert reply.terms.t1 < reply.terms.t2 < reply.terms.lease_time or reply.terms.t1 == 0xFFFFFFFF
            assert reply.terms.address.ip not in IPv4Network("224.0.0.0/3")
            assert 1 <= reply.terms.address.network.prefixlen <= 32
    assert sound > 500
    assert len(dropped) > 15
    assert dropped <= reasons


def test_a_client_survives_mutations_in_every_state() -> None:
    rng = Random(11)
    world = World(ClientConfig(rapid_commit=True))

    def spoil(good: bytes) -> bytes:
        return mutated(rng, good, [good], start=8) if rng.random() < 0.7 else good

    world.server.spoil = spoil
    world.server.lease_time = 600
    world.run(30 * 86400)
    assert not world.over
    assert sum(drops(world).values()) > 100
    world.server.spoil = lambda datagram: datagram
    world.run(86400)
    assert world.state is State.BOUND
    assert world.vpp.addresses == ["192.0.2.50/24"]
