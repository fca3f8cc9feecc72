"""Recording what VPP gives to us and takes from us on one interface, as a pcap file."""

import struct
from dataclasses import dataclass
from typing import Final

from gevent.event import Event

from vppdhc.clock import Clock
from vppdhc.packet import punt
from vppdhc.vpp.interfaces import InterfaceTable

_FILE_HEADER: Final = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
"""Microseconds, version 2.4, UTC, whole packets, Ethernet."""
_PACKET_HEADER: Final = struct.Struct("<IIII")
_PUNT_HEADER: Final = struct.Struct("<II")
_NO_MAC: Final = bytes(6)
_ETHERTYPES: Final = {punt.IP4: b"\x08\x00", punt.IP6: b"\x86\xdd"}
_TAGS: Final = {b"\x81\x00", b"\x88\xa8"}
_UDP_PORTS: Final = {67: "dhcpv4", 68: "dhcpv4", 546: "dhcpv6", 547: "dhcpv6"}
_ICMP6: Final = 58
_UDP: Final = 17


@dataclass(slots=True)
class Recording:
    """What was recorded.

    packets: recorded ones. dropped: further ones that there was no room for. pcap: the file.
    """

    packets: int = 0
    dropped: int = 0
    pcap: bytes = _FILE_HEADER


class Capture:
    """Records packets of one interface until it has enough of them, or its time is over.

    protocols: those wanted, of dhcpv4, dhcpv6, nd and arp; empty for all.
    mac: only packets from, to or about it; empty for all.
    """

    def __init__(
        self,
        interfaces: InterfaceTable,
        clock: Clock,
        *,
        interface: str,
        protocols: frozenset[str],
        mac: bytes,
        most: int,
    ) -> None:
        self._interfaces = interfaces
        self._clock = clock
        self._interface = interface
        self._protocols = protocols
        self._mac = mac
        self._most = most
        self._full = Event()
        self._recorded: list[bytes] = []
        self._result = Recording()

    def take(self, datagram: bytes) -> None:
        """Look at a datagram of a punt socket, in either direction."""
        if len(datagram) < _PUNT_HEADER.size:
            return
        index, action = _PUNT_HEADER.unpack_from(datagram)
        interface = self._interfaces.get(index)
        if interface is None or interface.name != self._interface:
            return
        frame = datagram[_PUNT_HEADER.size :]
        if action in _ETHERTYPES:  # VPP makes the Ethernet header of a packet that it routes
            frame = _NO_MAC + _NO_MAC + _ETHERTYPES[action] + frame
        if (self._protocols and protocol_of(frame) not in self._protocols) or self._mac not in frame:
            return
        if self._result.packets >= self._most:
            self._result.dropped += 1
            self._full.set()
            return
        seconds, fraction = divmod(self._clock.wall(), 1)
        header = _PACKET_HEADER.pack(int(seconds), int(fraction * 1_000_000), len(frame), len(frame))
        self._recorded.append(header + frame)
        self._result.packets += 1

    def wait(self, seconds: float) -> Recording:
        """Wait until there are enough packets, or for so many seconds, and return the recording."""
        self._full.wait(seconds)
        self._result.pcap = _FILE_HEADER + b"".join(self._recorded)
        return self._result


def protocol_of(frame: bytes) -> str:
    """Name the protocol of an Ethernet frame, with whatever VLAN tags; an empty string for any other."""
    at = 12
    while frame[at : at + 2] in _TAGS:
        at += 4
    ethertype, packet = frame[at : at + 2], frame[at + 2 :]
    if ethertype == b"\x08\x06":
        return "arp"
    if ethertype == b"\x08\x00" and len(packet) >= 20:
        length = (packet[0] & 15) * 4
        return _by_port(packet[length:]) if packet[9] == _UDP else ""
    if ethertype == b"\x86\xdd" and len(packet) >= 40:
        if packet[6] == _ICMP6:
            return "nd"
        return _by_port(packet[40:]) if packet[6] == _UDP else ""
    return ""


def _by_port(segment: bytes) -> str:
    return _UDP_PORTS.get(int.from_bytes(segment[2:4], "big"), "") if len(segment) >= 4 else ""
