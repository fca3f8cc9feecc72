"""IPv4: what comes in, and what is sent by routing."""

from dataclasses import dataclass
from typing import Final

from tools.vppsim.arp import ArpInput
from tools.vppsim.dataplane import Dataplane, Received
from tools.vppsim.fib import PathType, Table
from tools.vppsim.interfaces import Interface
from tools.vppsim.packets import (
    ETHERTYPE_IP4,
    ICMP,
    UDP,
    Ip4,
    checksum,
    ip4,
    pseudo4,
    sums_up,
)
from tools.vppsim.punt import PuntSocket
from tools.vppsim.router import Router

_DHCP_CLIENT_PORT: Final = 68
_NOT_LOCAL_GROUPS: Final = 0xE0


@dataclass(slots=True)
class Ip4Input:
    """Receives IPv4 and sends it by the table."""

    router: Router
    dataplane: Dataplane
    arp: ArpInput
    punt: PuntSocket

    def receive(self, received: Received) -> None:
        """Handle an IPv4 packet."""
        packet = Ip4.decode(received.frame, received.offset)
        interface = received.interface
        if packet is None:
            self.router.count("ip4-input", "bad ip4 checksum")
            return
        if interface.detect and self._is_for_dhcp_client(received.frame, packet):
            self.punt.deliver(4, UDP, _DHCP_CLIENT_PORT, interface, received.frame[: packet.end])
            return
        if not interface.accepts_ip4:
            self.router.count("ip4-not-enabled", "ip4 not enabled")
        elif packet.ttl < 1:
            self.router.count("ip4-input", "ip4 ttl <= 1")
        elif packet.destination >> 28 == _NOT_LOCAL_GROUPS >> 4:
            groups = self.router.groups_of(interface, 4)
            if groups.accepts(packet.destination, interface.index):
                self._local(received, packet)
        else:
            self._unicast(received, packet)

    @staticmethod
    def _is_for_dhcp_client(frame: bytes, packet: Ip4) -> bool:
        port = frame[packet.payload + 2 : packet.payload + 4]
        return packet.protocol == UDP and port == _DHCP_CLIENT_PORT.to_bytes(2, "big")

    def _unicast(self, received: Received, packet: Ip4) -> None:
        table = self.router.table_of(received.interface, 4)
        entry = table.lookup(packet.destination)
        if entry.is_local:
            self._local(received, packet)
        elif entry.path.type == PathType.NORMAL:
            self._forward(received, packet, table)

    def _forward(self, received: Received, packet: Ip4, table: Table) -> None:
        if packet.ttl < 2:
            self.router.count("ip4-input", "ip4 ttl <= 1")
            return
        data = received.frame[packet.start : packet.end]
        header = data[:8] + bytes([packet.ttl - 1]) + data[9:10] + b"\0\0" + data[12 : packet.payload - packet.start]
        self.route(table, header[:10] + checksum(header).to_bytes(2, "big") + data[12:], packet.destination)

    def _local(self, received: Received, packet: Ip4) -> None:
        if packet.fragment:
            self.router.count("ip4-local-full-reassembly", "fragments received")
            return
        if packet.source and not self._source_is_reachable(received.interface, packet):
            return
        if packet.protocol == UDP:
            self._udp(received, packet)
        elif packet.protocol == ICMP:
            self._echo(received, packet)

    def _source_is_reachable(self, interface: Interface, packet: Ip4) -> bool:
        entry = self.router.table_of(interface, 4).lookup(packet.source)
        if entry.is_local:
            self.router.count("ip4-local", "ip4 spoofed local-address packet drops")
        elif entry.path.type != PathType.NORMAL:
            self.router.count("ip4-local", "ip4 source lookup miss")
        else:
            return True
        return False

    def _udp(self, received: Received, packet: Ip4) -> None:
        frame = received.frame
        segment = frame[packet.payload : packet.end]
        if len(segment) < 8:
            return
        port = int.from_bytes(segment[2:4], "big")
        if not self._is_sound(segment, packet, trusted=received.trusted):
            self.router.count("ip4-local", "bad udp checksum")
            return
        if self.punt.deliver(4, UDP, port, received.interface, frame):
            return
        self.router.count("ip4-udp-lookup", "No listener for dst port")
        if packet.destination != 0xFFFFFFFF:
            original = frame[packet.start : packet.payload + 8]
            self._icmp(received.interface, packet, b"\x03\x03\0\0\0\0\0\0" + original)

    @staticmethod
    def _is_sound(segment: bytes, packet: Ip4, *, trusted: bool) -> bool:
        """Tell whether VPP takes a UDP datagram: it sums up what IP carries, whatever length UDP claims."""
        if int.from_bytes(segment[4:6], "big") > len(segment):
            return False
        if trusted or segment[6:8] == b"\0\0":
            return True
        return sums_up(pseudo4(packet.source, packet.destination, UDP, len(segment)), segment)

    def _echo(self, received: Received, packet: Ip4) -> None:
        message = received.frame[packet.payload : packet.end]
        if message[:1] == b"\x08" and (received.trusted or sums_up(message)):
            self._icmp(received.interface, packet, b"\0\0\0\0" + message[4:])

    def _icmp(self, interface: Interface, cause: Ip4, message: bytes) -> None:
        filled = message[:2] + checksum(message).to_bytes(2, "big") + message[4:]
        answer = ip4(cause.destination, cause.source, ICMP, filled)
        self.route(self.router.table_of(interface, 4), answer, cause.source)

    def send(self, interface: Interface, packet: bytes) -> None:
        """Send a packet by the table of an interface; its TTL stays."""
        header = Ip4.decode(packet, 0)
        destination = header.destination if header else int.from_bytes(packet[16:20], "big")
        self.route(self.router.table_of(interface, 4), packet, destination)

    def route(self, table: Table, packet: bytes, destination: int) -> None:
        """Send a packet by a table. Where the next hop is not resolved the packet is lost and ARP asks for it."""
        way = self.router.next_hop(table, destination)
        if way is None:
            return
        interface, hop = way
        mac = self.router.neighbour(interface, 4, hop)
        if mac is None:
            self.arp.request(interface, hop)
            self.router.count("ip4-glean" if hop == destination else "ip4-arp", "ARP requests sent")
        else:
            self.dataplane.send(interface, mac, ETHERTYPE_IP4, packet)
