"""The IPv6 side of a simulated host: it answers neighbour solicitations and pings.

It may listen to routers, or be one. A router that is a DHCPv6 server as well is a provider.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tools.vppsim import addresses
from tools.vppsim.addresses import Prefix, is_link_local, text
from tools.vppsim.dhcp6 import CLIENT_ID, Message, Type
from tools.vppsim.dhcp6_server import Dhcp6Server
from tools.vppsim.loop import Loop, Timer
from tools.vppsim.packets import (
    ADVERTISEMENT_OPTIONS,
    ALL_NODES,
    ALL_ROUTERS,
    ICMP6,
    NEIGHBOUR_ADVERTISEMENT,
    NEIGHBOUR_SOLICITATION,
    PREFIX_OPTION,
    ROUTER_ADVERTISEMENT,
    ROUTER_SOLICITATION,
    UDP,
    AdvertisedPrefix,
    Ip6,
    find_option,
    icmp6,
    link_layer_option,
    multicast_mac,
    pseudo6,
    solicited_node,
    sums_up,
    udp6,
)
from tools.vppsim.slaac import MANAGED, OTHER, View

_SOURCE, _TARGET = 1, 2
_ROUTER, _SOLICITED, _OVERRIDE = 0x80000000, 0x40000000, 0x20000000
_REQUEST, _REPLY = 128, 129
_CLIENT_PORT, _SERVER_PORT = 546, 547
_HOP_LIMIT: Final = 64
_NOT_A_HOP_AWAY: Final = 255
_SOLICITATIONS: Final = 3
_SOLICITATION_INTERVAL: Final = 4.0
_INTERFACE_ID: Final = (1 << 64) - 1

Send = Callable[[bytes, bytes], None]
"""Sends a packet to a MAC address."""


@dataclass(frozen=True, slots=True)
class Advertised:
    """What a router says of itself. lifetime and interval: in seconds."""

    lifetime: int
    interval: float = 10.0
    managed: bool = False
    other: bool = False
    prefixes: tuple[AdvertisedPrefix, ...] = ()


class Host6:
    """The IPv6 of one host.

    mac: its hardware address. send: how it sends. link_local: its address on the wire. static: its further ones.
    view: what it knows of routers, None while it does not listen to them. server: the DHCPv6 server on it, None where
    it is none.
    """

    def __init__(self, mac: bytes, send: Send, loop: Loop) -> None:
        self.mac = mac
        self.link_local = addresses.link_local(mac)
        self.static: set[int] = set()
        self.view: View | None = None
        self.server: Dhcp6Server | None = None
        self.received: dict[str, int] = {}
        self._send = send
        self._loop = loop
        self._advertised: Advertised | None = None
        self._advertising = Timer(self._advertise)
        self._soliciting = Timer(self.solicit)
        self._clients: dict[bytes, tuple[int, bytes]] = {}
        self._neighbours: dict[int, bytes] = {}
        self._waiting: dict[int, bytes] = {}

    # --- what it is asked to do

    def listen(self) -> None:
        """Forget what is known of routers, ask for some, and listen to them from now on."""
        self.view = View(self.link_local & _INTERFACE_ID)
        self._solicit_router(_SOLICITATIONS)

    def stop(self) -> None:
        """End what goes on by itself; nobody is told."""
        self._soliciting.cancel()
        self._advertising.cancel()
        self._advertised = None
        self.view = None

    def solicit(self) -> None:
        """Ask for routers once."""
        body = struct.pack(">BBHI", ROUTER_SOLICITATION, 0, 0, 0) + link_layer_option(_SOURCE, self.mac)
        self._multicast(ALL_ROUTERS, body)

    def advertise(self, advertised: Advertised | None) -> None:
        """Be a router that says this of itself, at once and from now on; None: say that it is none any more."""
        was = self._advertised
        self._advertised = advertised
        self._advertising.cancel()
        if advertised is not None:
            self._advertise()
        elif was is not None:
            self._say(Advertised(0, was.interval, was.managed, was.other))

    def fall_silent(self) -> None:
        """Be no router any more, and say nothing about it."""
        self._advertising.cancel()
        self._advertised = None

    def reconfigure(self, kind: Type) -> None:
        """Tell all DHCPv6 clients that accept it to come."""
        for duid, message in self.server.reconfigure(kind) if self.server is not None else ():
            address, mac = self._clients[duid]
            self._send(mac, udp6(self.link_local, address, _SERVER_PORT, _CLIENT_PORT, message.encode()))

    def ping(self, address: int) -> None:
        """Send an echo request; what comes back is counted. Without a way or an address for it, nothing is sent."""
        now = self._loop.now()
        local = is_link_local(address)
        source = self.link_local if local else next(iter(self._addresses()), None)
        router = self.view.default_router(now) if self.view is not None else None
        direct = local or any(Prefix(6, own, 64).holds(address) for own in self.static)
        direct = direct or (self.view is not None and self.view.is_on_link(address, now))
        hop = address if direct else router
        if source is not None and hop is not None:
            message = struct.pack(">BBHHH", _REQUEST, 0, 0, 1, 1) + b"simulated"
            self._to_neighbour(hop, icmp6(source, address, message, hop_limit=_HOP_LIMIT))

    def show(self) -> dict[str, Any]:
        """Return what it is, has and has heard."""
        shown: dict[str, Any] = {
            "link-local": text(6, self.link_local),
            "static": [text(6, address) for address in sorted(self.static)],
            "received": self.received,
        }
        if self._advertised is not None:
            shown["router-lifetime"] = self._advertised.lifetime
        if self.view is not None:
            shown |= self.view.show(self._loop.now())
        if self.server is not None:
            shown["dhcp6-server"] = self.server.show()
        return shown

    def _addresses(self) -> list[int]:
        """Return its addresses beyond the link, those first that it rather speaks from."""
        view = self.view
        own = [] if view is None else [view.address_in(held) for held in view.addresses(self._loop.now())]
        return [*self.static, *own]

    def _is_own(self, address: int) -> bool:
        return address == self.link_local or address in self._addresses()

    # --- packets that come

    def receive(self, frame: bytes, offset: int) -> None:
        """Take a frame with an IPv6 packet at an offset."""
        packet = Ip6.decode(frame, offset)
        if packet is None or packet.next_header not in (ICMP6, UDP):
            return
        message = frame[packet.payload : packet.end]
        multicast = packet.destination >> 120 == 0xFF
        right = sums_up(pseudo6(packet.source, packet.destination, packet.next_header, len(message)), message)
        if len(message) < 8 or not right or not (multicast or self._is_own(packet.destination)):
            return
        if packet.next_header == ICMP6:
            self._icmp(packet, message, frame[6:12])
        elif self.server is not None and int.from_bytes(message[2:4], "big") == _SERVER_PORT:
            self._serve(self.server, packet, message, frame[6:12])

    def _icmp(self, packet: Ip6, message: bytes, sender: bytes) -> None:
        kind = message[0]
        if kind == _REQUEST and self._is_own(packet.destination):
            answer = icmp6(packet.destination, packet.source, bytes([_REPLY, 0, 0, 0]) + message[4:], _HOP_LIMIT)
            self._send(sender, answer)
        elif kind == _REPLY:
            self.received["echo reply"] = self.received.get("echo reply", 0) + 1
        elif packet.hop_limit != _NOT_A_HOP_AWAY:
            return
        elif kind == NEIGHBOUR_SOLICITATION and len(message) >= 24:
            self._solicited(packet, message, sender)
        elif kind == NEIGHBOUR_ADVERTISEMENT and len(message) >= 24:
            self._resolved(int.from_bytes(message[8:24], "big"), find_option(message, 24, _TARGET))
        elif kind == ROUTER_SOLICITATION and self._advertised is not None:
            self._say(self._advertised)
        elif kind == ROUTER_ADVERTISEMENT and len(message) >= ADVERTISEMENT_OPTIONS and self.view is not None:
            self._soliciting.cancel()
            self._neighbours[packet.source] = sender
            self.view.heard(packet.source, message, self._loop.now())

    def _solicited(self, packet: Ip6, message: bytes, sender: bytes) -> None:
        """Answer for an address of its own; to all where somebody asks who has none yet (RFC 4861 section 7.2.4)."""
        target = int.from_bytes(message[8:24], "big")
        if not self._is_own(target):
            return
        flags = _OVERRIDE | (_ROUTER if self._advertised is not None else 0)
        tail = target.to_bytes(16, "big") + link_layer_option(_TARGET, self.mac)
        if packet.source == 0:
            self._multicast(ALL_NODES, struct.pack(">BBHI", NEIGHBOUR_ADVERTISEMENT, 0, 0, flags) + tail, target)
        else:
            head = struct.pack(">BBHI", NEIGHBOUR_ADVERTISEMENT, 0, 0, flags | _SOLICITED)
            self._send(find_option(message, 24, _SOURCE) or sender, icmp6(target, packet.source, head + tail))

    def _serve(self, server: Dhcp6Server, packet: Ip6, datagram: bytes, sender: bytes) -> None:
        message = Message.decode(datagram[8:])
        answer = server.answer(message) if message is not None else None
        if answer is not None:
            self._clients[answer.first(CLIENT_ID) or b""] = (packet.source, sender)
            self._send(sender, udp6(self.link_local, packet.source, _SERVER_PORT, _CLIENT_PORT, answer.encode()))

    # --- packets that go

    def _solicit_router(self, left: int) -> None:
        if left:
            again = self._loop.after(_SOLICITATION_INTERVAL, lambda: self._solicit_router(left - 1))
            self._soliciting.cancel()
            self._soliciting = again
            self.solicit()

    def _advertise(self) -> None:
        if self._advertised is not None:
            self._advertising = self._loop.after(self._advertised.interval, self._advertise)
            self._say(self._advertised)

    def _say(self, advertised: Advertised) -> None:
        flags = (MANAGED if advertised.managed else 0) | (OTHER if advertised.other else 0)
        body = struct.pack(">BBHBBHII", ROUTER_ADVERTISEMENT, 0, 0, _HOP_LIMIT, flags, advertised.lifetime, 0, 0)
        body += link_layer_option(_SOURCE, self.mac)
        for one in advertised.prefixes:
            head = struct.pack(">BBBBIII", PREFIX_OPTION, 4, one.length, one.flags, one.valid, one.preferred, 0)
            body += head + one.address.to_bytes(16, "big")
        self._multicast(ALL_NODES, body)

    def _multicast(self, group: int, body: bytes, source: int = 0) -> None:
        self._send(multicast_mac(group), icmp6(source or self.link_local, group, body))

    def _to_neighbour(self, hop: int, packet: bytes) -> None:
        mac = self._neighbours.get(hop)
        if mac is not None:
            self._send(mac, packet)
            return
        self._waiting[hop] = packet
        body = struct.pack(">BBHI", NEIGHBOUR_SOLICITATION, 0, 0, 0) + hop.to_bytes(16, "big")
        source = int.from_bytes(packet[8:24], "big")
        self._multicast(solicited_node(hop), body + link_layer_option(_SOURCE, self.mac), source)

    def _resolved(self, neighbour: int, mac: bytes | None) -> None:
        waiting = self._waiting.pop(neighbour, None) if mac is not None else None
        if waiting is not None and mac is not None:
            self._neighbours[neighbour] = mac
            self._send(mac, waiting)
