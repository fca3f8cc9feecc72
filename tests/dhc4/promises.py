"""What clients must be able to rely on, kept apart from how the server does it: the model of random clients."""

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from math import inf
from typing import Any, NamedTuple

from tests.dhc4.clients import EVERYBODY, Seen, mac, text
from vppdhc.packet import punt
from vppdhc.packet.dhcp4 import Message

SERVER = "192.168.1.1"
SWITCH = "02:00:00:00:07:77"
"""What answers for the clients of the link that have an address, be it a router to another link."""
LAN = IPv4Network("192.168.1.0/29")
BEHIND = IPv4Network("10.1.0.0/29")
"""A network without an address of ours, which a relay agent leads to."""
POOLS = {
    LAN: ("192.168.1.3", "192.168.1.4", "192.168.1.5", "192.168.1.6"),
    BEHIND: ("10.1.0.3", "10.1.0.4", "10.1.0.5", "10.1.0.6"),
}
FOR_CLIENTS = ("192.168.1.2", *POOLS[LAN])
NEAR, FAR = "192.168.1.6", "172.16.9.9"


class Via(NamedTuple):
    """How a client's messages get here.

    giaddr: its relay agent, "0.0.0.0" without. said: options that say where it is. network: where that is.
    server_id: what the server calls itself. port: where the relay agent sends from, and to: where it wants its answer.
    """

    giaddr: str
    said: tuple[tuple[int, bytes], ...]
    network: IPv4Network
    server_id: str = SERVER
    port: int = 67
    to: int = 67


def _address(code: int, address: str) -> bytes:
    return bytes((code, 4)) + IPv4Address(address).packed


def _selection(address: str) -> tuple[int, bytes]:
    return 118, IPv4Address(address).packed


DIRECT = Via("0.0.0.0", (), LAN)
WAYS = (
    DIRECT,
    Via(NEAR, (), LAN),
    Via(FAR, (), BEHIND),
    Via(NEAR, ((82, b"\1\4port" + _address(5, "10.1.0.0")),), BEHIND),
    Via(FAR, (_selection("192.168.1.0"),), LAN),
    Via(FAR, (_selection("192.168.1.0"), (82, _address(5, FAR))), BEHIND),
    Via(FAR, ((82, _address(11, "10.1.0.1")),), BEHIND, server_id="10.1.0.1"),
    Via(NEAR, ((82, b"\x13\0\2\3mac"),), LAN, port=5067, to=5067),
    Via(NEAR, ((82, b"\2\3mac"),), LAN, port=5067),
)


def network_of(address: str) -> IPv4Network | None:
    return next((network for network in POOLS if IPv4Address(address) in network), None)


@dataclass
class Promises:
    """What was promised to whom.

    held: who has an address, and until when. declined: until when nobody may get an address.
    told: when an address was last offered to a station, or found to be nobody's for it.
    """

    held: dict[str, tuple[int, float]] = field(default_factory=dict)
    declined: dict[str, float] = field(default_factory=dict)
    told: dict[tuple[int, str], float] = field(default_factory=dict)

    def of_station(self, station: int, network: IPv4Network, now: float) -> list[str]:
        """The address that a station has in a network, if any."""
        return [
            address
            for address, (holder, until) in self.held.items()
            if holder == station and until > now and network_of(address) == network
        ]

    def is_free_for(self, station: int, address: str, now: float) -> bool:
        """Whether nobody else has an address, for certain: the server's seconds are whole."""
        holder, until = self.held.get(address, (station, 0.0))
        return (holder == station or until <= now - 1) and self.declined.get(address, 0.0) <= now - 1

    def taken(self, now: float) -> set[str]:
        """What the server may not give to somebody who has nothing."""
        leased = {address for address, (_, until) in self.held.items() if until > now - 1}
        return leased | {address for address, until in self.declined.items() if until > now - 1}

    def acknowledged(self, station: int, seen: Seen, now: float) -> None:
        """Keep an acknowledged lease in mind; a client that takes an address has no other one on this link."""
        address = seen.bootp.yiaddr
        network = network_of(address)
        assert network is not None
        assert address not in {SERVER, str(network.network_address), str(network.broadcast_address)}
        holder, until = self.held.get(address, (station, 0.0))
        assert holder == station or until <= now, f"{address} is {holder}'s until {until}"
        assert self.declined.get(address, 0.0) <= now
        self.held = {
            other: promise
            for other, promise in self.held.items()
            if promise[0] != station or network_of(other) != network
        }
        self.held[address] = station, now + seen.options.get("lease_time", inf)

    def in_use(self, address: str, now: float) -> None:
        """Take note that somebody was found to use an address."""
        _, until = self.held.pop(address, (0, 0.0))
        assert until <= now, "an address in force is nobody else's"
        self.declined[address] = now + 86_400


def check_addressing(asked: Message, via: Via, seen: Seen) -> None:
    """RFC 2131, 4.1, and RFC 1542, 5.4: for who has no address, they are the same."""
    if asked.giaddr:
        expected: tuple[Any, ...] = (punt.IP4, "", via.giaddr, (67, via.to))
    elif seen.type == "nak":
        expected = (punt.L2, EVERYBODY, "255.255.255.255", (67, 68))
    elif asked.ciaddr:
        expected = (punt.L2, SWITCH, text(asked.ciaddr), (67, 68))
    elif asked.flags & 0x8000:
        expected = (punt.L2, EVERYBODY, "255.255.255.255", (67, 68))
    else:
        expected = (punt.L2, mac(asked.chaddr[5]), seen.bootp.yiaddr, (67, 68))
    assert (seen.action, seen.frame_destination, seen.destination, seen.ports) == expected
    assert seen.source == SERVER
    assert seen.options.get("server_id") == (None if seen.type == "bootp" else via.server_id)
    assert (seen.bootp.xid, seen.bootp.giaddr) == (asked.xid, text(asked.giaddr))
    for code, name in ((82, "relay_agent_information"), (118, "subnet-selection")):
        raw = dict(via.said).get(code)
        if seen.type != "bootp" or code == 82:
            echoed = seen.options.get(name)
            assert echoed == (raw if code == 82 or raw is None else text(int.from_bytes(raw, "big")))
