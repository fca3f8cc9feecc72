"""The frames that tests send."""

from ipaddress import IPv6Address

from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import (
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
)
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw

from tests.vppsim.client import BROADCAST

HOST = "02:00:00:00:00:aa"
HOST_LINK_LOCAL = "fe80::aa"
EVERYBODY = "ff:ff:ff:ff:ff:ff"


def discover(source: str = "0.0.0.0", destination: str = BROADCAST, mac: str = EVERYBODY) -> Packet:
    """Return a DHCPDISCOVER of the host, broadcast unless told otherwise."""
    dhcp = BOOTP(chaddr=bytes.fromhex(HOST.replace(":", "")), xid=7) / DHCP(options=[("message-type", 1), "end"])
    return Ether(src=HOST, dst=mac) / IP(src=source, dst=destination) / UDP(sport=68, dport=67) / dhcp


def offer(destination: str = BROADCAST, mac: str = EVERYBODY) -> Packet:
    """Return a DHCPOFFER from a server that is the host."""
    dhcp = BOOTP(op=2, xid=7) / DHCP(options=[("message-type", 2), "end"])
    return Ether(src=HOST, dst=mac) / IP(src="10.9.0.1", dst=destination) / UDP(sport=67, dport=68) / dhcp


def arp(operation: int, sender: str, target: str, mac: str = EVERYBODY, hardware: str = HOST) -> Packet:
    """Return an ARP packet from the host: a request (1) or a reply (2)."""
    return Ether(src=hardware, dst=mac) / ARP(op=operation, hwsrc=hardware, psrc=sender, pdst=target)


def solicitation(target: str, source: str = HOST_LINK_LOCAL, hardware: str = HOST) -> Packet:
    """Return a neighbour solicitation (RFC 4861 section 4.3); from :: it detects duplicates (RFC 4862 section 5.4)."""
    low = int(IPv6Address(target)) & 0xFFFFFF
    where = str(IPv6Address(int(IPv6Address("ff02::1:ff00:0")) | low))
    mac = f"33:33:ff:{low >> 16:02x}:{low >> 8 & 255:02x}:{low & 255:02x}"
    body = ICMPv6ND_NS(tgt=target)
    if source != "::":
        body /= ICMPv6NDOptSrcLLAddr(lladdr=hardware)
    return Ether(src=hardware, dst=mac) / IPv6(src=source, dst=where, hlim=255) / body


def advertisement(target: str, mac: str = "33:33:00:00:00:01", destination: str = "ff02::1") -> Packet:
    """Return a neighbour advertisement of the host for an address."""
    body = ICMPv6ND_NA(tgt=target, R=0, S=0, O=1) / ICMPv6NDOptDstLLAddr(lladdr=HOST)
    return Ether(src=HOST, dst=mac) / IPv6(src=target, dst=destination, hlim=255) / body


def router_solicitation() -> Packet:
    """Return a router solicitation of the host (RFC 4861 section 4.1)."""
    ip = IPv6(src=HOST_LINK_LOCAL, dst="ff02::2", hlim=255)
    return Ether(src=HOST, dst="33:33:00:00:00:02") / ip / ICMPv6ND_RS()


def dhcpv6_solicit() -> Packet:
    """Return as much of a DHCPv6 Solicit of the host as a router looks at."""
    ip = IPv6(src=HOST_LINK_LOCAL, dst="ff02::1:2")
    return Ether(src=HOST, dst="33:33:00:01:00:02") / ip / UDP(sport=546, dport=547) / Raw(b"\1abc")
