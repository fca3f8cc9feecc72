"""IPv6 and neighbour discovery (RFC 4861): what comes in, and what is sent by routing."""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from tools.vppsim.addresses import is_link_local
from tools.vppsim.dataplane import Dataplane, Received
from tools.vppsim.interfaces import Interface
from tools.vppsim.loop import Loop, Timer
from tools.vppsim.packets import (
    ALL_NODES,
    ALL_ROUTERS,
    ETHERTYPE_IP6,
    ICMP6,
    NEIGHBOUR_ADVERTISEMENT,
    NEIGHBOUR_SOLICITATION,
    ROUTER_ADVERTISEMENT,
    ROUTER_SOLICITATION,
    UDP,
    AdvertisedPrefix,
    Ip6,
    advertised_prefixes,
    find_option,
    icmp6,
    link_layer_option,
    multicast_mac,
    pseudo6,
    solicited_node,
    sums_up,
)
from tools.vppsim.punt import PuntSocket
from tools.vppsim.router import Router

_SOURCE, _TARGET, _MTU_OPTION = 1, 2, 5
_MTU: Final = 9000
_ROUTER, _SOLICITED, _OVERRIDE = 0x80000000, 0x40000000, 0x20000000
_REQUEST, _REPLY = 128, 129


class Advertisement(NamedTuple):
    """A router advertisement that came in. Times as in RFC 4861 section 4.2."""

    sw_if_index: int
    router: int
    hop_limit: int
    flags: int
    lifetime: int
    reachable: int
    retransmit: int
    prefixes: list[AdvertisedPrefix]


@dataclass(slots=True)
class Ip6Input:
    """Receives IPv6 and sends it by the table.

    on_advertisement: called with each router advertisement. on_neighbour_advertisement: called with interface, 6,
    address and MAC address of each neighbour advertisement that has one.
    """

    router: Router
    dataplane: Dataplane
    punt: PuntSocket
    loop: Loop
    on_advertisement: list[Callable[[Advertisement], None]] = field(default_factory=list)
    on_neighbour_advertisement: list[Callable[[Interface, int, int, bytes], None]] = field(default_factory=list)
    _soliciting: dict[int, Timer] = field(default_factory=dict)
    _advertising: dict[int, Timer] = field(default_factory=dict)

    def receive(self, received: Received) -> None:
        """Handle an IPv6 packet."""
        interface = received.interface
        packet = Ip6.decode(received.frame, received.offset)
        if packet is None or not interface.ip6_enabled:
            self.router.count("ip6-input" if packet is None else "ip6-not-enabled", "no error")
        elif not self._is_for_us(interface, packet.destination):
            self._forward(received, packet)
        elif packet.next_header in (ICMP6, UDP):
            self._local(received, packet)

    def _is_for_us(self, interface: Interface, destination: int) -> bool:
        if destination >> 120 == 0xFF:
            return self.router.groups_of(interface, 6).accepts(destination, interface.index)
        if is_link_local(destination):
            return destination == interface.link_local
        return self.router.table_of(interface, 6).lookup(destination).is_local

    def _forward(self, received: Received, packet: Ip6) -> None:
        if packet.destination >> 120 == 0xFF or is_link_local(packet.destination) or packet.hop_limit < 2:
            return
        data = received.frame[received.offset : packet.end]
        self.send(received.interface, data[:7] + bytes([packet.hop_limit - 1]) + data[8:])

    def _local(self, received: Received, packet: Ip6) -> None:
        frame = received.frame
        message = frame[packet.payload : packet.end]
        if len(message) < 8:
            return
        pseudo = pseudo6(packet.source, packet.destination, packet.next_header, len(message))
        if not received.trusted and not sums_up(pseudo, message):
            self.router.count("ip6-local", "bad udp checksum" if packet.next_header == UDP else "bad icmp checksum")
        elif packet.next_header == ICMP6:
            self._icmp(received, packet, message)
        else:
            length = int.from_bytes(message[4:6], "big")
            port = int.from_bytes(message[2:4], "big")
            if length > len(message):
                self.router.count("ip6-local", "bad udp length")
            elif not self.punt.deliver(6, UDP, port, received.interface, frame):
                self.router.count("ip6-udp-lookup", "No listener for dst port")

    def _icmp(self, received: Received, packet: Ip6, message: bytes) -> None:
        interface = received.interface
        kind = message[0]
        if kind == _REQUEST:
            self._reply(interface, packet, bytes([_REPLY, 0, 0, 0]) + message[4:])
        elif packet.hop_limit != 255:
            self.router.count("ip6-icmp-input", "neighbor discovery with hop limit below 255")
        elif kind == NEIGHBOUR_SOLICITATION:
            self._solicited(interface, packet, message, received.frame[6:12])
        elif kind == NEIGHBOUR_ADVERTISEMENT:
            self._neighbour_advertised(interface, message)
        elif kind == ROUTER_SOLICITATION:
            if not self.punt.deliver(6, ICMP6, kind, interface, received.frame):
                self._solicited_as_router(interface, packet, message)
        elif kind == ROUTER_ADVERTISEMENT and len(message) >= 16:
            self._advertised(interface, packet, message)

    def _reply(self, interface: Interface, packet: Ip6, message: bytes) -> None:
        source = packet.destination
        if source >> 120 == 0xFF:
            source = interface.link_local or 0
        self.send(interface, icmp6(source, packet.source, message, hop_limit=64))

    def _solicited(self, interface: Interface, packet: Ip6, message: bytes, asker: bytes) -> None:
        target = int.from_bytes(message[8:24], "big")
        ours = target == interface.link_local or any(
            (prefix.af, prefix.address) == (6, target) for prefix in interface.addresses
        )
        if not ours:
            self.router.count("ip6-icmp-input", "neighbor solicitations for unknown targets")
            return
        mac = self.router.interfaces.mac(interface)
        body = target.to_bytes(16, "big")
        if packet.source == 0:
            head = struct.pack(">BBHI", NEIGHBOUR_ADVERTISEMENT, 0, 0, _ROUTER | _OVERRIDE)
            answer = icmp6(target, ALL_NODES, head + body)
            self.dataplane.send(interface, multicast_mac(ALL_NODES), ETHERTYPE_IP6, answer)
            return
        learned = find_option(message, 24, _SOURCE)
        if learned:
            self.router.learn(interface, 6, packet.source, learned)
        head = struct.pack(">BBHI", NEIGHBOUR_ADVERTISEMENT, 0, 0, _ROUTER | _SOLICITED | _OVERRIDE)
        message = head + body + link_layer_option(_TARGET, mac)
        self.dataplane.send(interface, learned or asker, ETHERTYPE_IP6, icmp6(target, packet.source, message))

    def _neighbour_advertised(self, interface: Interface, message: bytes) -> None:
        target = int.from_bytes(message[8:24], "big")
        mac = find_option(message, 24, _TARGET)
        if mac:
            for listener in self.on_neighbour_advertisement:
                listener(interface, 6, target, mac)
            self.router.learn(interface, 6, target, mac)

    def _solicited_as_router(self, interface: Interface, packet: Ip6, message: bytes) -> None:
        mac = find_option(message, 8, _SOURCE)
        if mac and packet.source:
            self.router.learn(interface, 6, packet.source, mac)
        if interface.advertisements.send:
            interface.advertisements.solicited += 1
            self._send_advertisement(interface)

    def _advertised(self, interface: Interface, packet: Ip6, message: bytes) -> None:
        mac = find_option(message, 16, _SOURCE)
        if mac:
            self.router.learn(interface, 6, packet.source, mac)
        _cancel(self._soliciting, interface.index)
        hop_limit, flags, lifetime, reachable, retransmit = struct.unpack_from(">BBHII", message, 4)
        seen = Advertisement(
            interface.index,
            packet.source,
            hop_limit,
            flags,
            lifetime,
            reachable,
            retransmit,
            advertised_prefixes(message),
        )
        for listener in self.on_advertisement:
            listener(seen)

    def send(self, interface: Interface, packet: bytes) -> None:
        """Send a packet by the table of an interface. Where the next hop is not resolved the packet is lost."""
        destination = int.from_bytes(packet[24:40], "big")
        if destination >> 120 == 0xFF:
            self.dataplane.send(interface, multicast_mac(destination), ETHERTYPE_IP6, packet)
            return
        way: tuple[Interface, int] | None = (interface, destination)
        if not is_link_local(destination):
            way = self.router.next_hop(self.router.table_of(interface, 6), destination)
        if way is None:
            return
        out, hop = way
        mac = self.router.neighbour(out, 6, hop)
        if mac is None:
            self.solicit_neighbour(out, hop)
        else:
            self.dataplane.send(out, mac, ETHERTYPE_IP6, packet)

    def advertise_neighbour(self, interface: Interface, target: int) -> None:
        """Tell everybody that the interface has an address, whether it has it or not."""
        if interface.link_local is not None:
            option = link_layer_option(_TARGET, self.router.interfaces.mac(interface))
            head = struct.pack(">BBHI", NEIGHBOUR_ADVERTISEMENT, 0, 0, _OVERRIDE)
            packet = icmp6(interface.link_local, ALL_NODES, head + target.to_bytes(16, "big") + option)
            self.dataplane.send(interface, multicast_mac(ALL_NODES), ETHERTYPE_IP6, packet)

    def solicit_neighbour(self, interface: Interface, target: int) -> None:
        """Ask for the MAC address of a neighbour."""
        source = interface.link_local if is_link_local(target) else interface.source_for(6, target)
        if source is None:
            return
        mac = self.router.interfaces.mac(interface)
        head = struct.pack(">BBHI", NEIGHBOUR_SOLICITATION, 0, 0, 0)
        group = solicited_node(target)
        message = head + target.to_bytes(16, "big") + link_layer_option(_SOURCE, mac)
        self.dataplane.send(interface, multicast_mac(group), ETHERTYPE_IP6, icmp6(source, group, message))

    def solicit_router(self, interface: Interface, interval: float, times: int, *, stop: bool) -> None:
        """Ask for routers so many times (0: until one answers), so many seconds apart, or stop asking."""
        _cancel(self._soliciting, interface.index)
        if not stop:
            self._solicit_router(interface, interval, times or -1)

    def _solicit_router(self, interface: Interface, interval: float, left: int) -> None:
        alive = self.router.interfaces.get(interface.index) is interface
        if not alive or interface.link_local is None or left == 0:
            return
        mac = self.router.interfaces.mac(interface)
        message = struct.pack(">BBHI", ROUTER_SOLICITATION, 0, 0, 0) + link_layer_option(_SOURCE, mac)
        packet = icmp6(interface.link_local, ALL_ROUTERS, message)
        self.dataplane.send(interface, multicast_mac(ALL_ROUTERS), ETHERTYPE_IP6, packet)
        again = self.loop.after(max(interval, 0.1), lambda: self._solicit_router(interface, interval, left - 1))
        self._soliciting[interface.index] = again

    def advertise(self, interface: Interface) -> None:
        """Send VPP's own router advertisement, and again each interval, as long as it is switched on."""
        alive = self.router.interfaces.get(interface.index) is interface
        if interface.advertisements.send and alive:
            _cancel(self._advertising, interface.index)
            self._send_advertisement(interface)
            again = self.loop.after(interface.advertisements.max_interval, lambda: self.advertise(interface))
            self._advertising[interface.index] = again

    def _send_advertisement(self, interface: Interface) -> None:
        settings = interface.advertisements
        flags = (0x80 if settings.managed else 0) | (0x40 if settings.other else 0)
        lifetime = 0 if settings.cease else settings.lifetime
        message = struct.pack(">BBHBBHII", ROUTER_ADVERTISEMENT, 0, 0, 64, flags, lifetime, 0, 0)
        message += link_layer_option(_SOURCE, self.router.interfaces.mac(interface))
        message += struct.pack(">BBHI", _MTU_OPTION, 1, 0, _MTU)
        packet = icmp6(interface.link_local or 0, ALL_NODES, message)
        self.dataplane.send(interface, multicast_mac(ALL_NODES), ETHERTYPE_IP6, packet)
        settings.sent += 1


def _cancel(timers: dict[int, Timer], sw_if_index: int) -> None:
    timer = timers.pop(sw_if_index, None)
    if timer is not None:
        timer.cancel()
