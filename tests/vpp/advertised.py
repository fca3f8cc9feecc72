"""The router advertisements that tests send."""

from typing import Any

from scapy.layers.inet6 import ICMPv6ND_RA, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from tests.vppsim.frames import HOST, HOST_LINK_LOCAL


def advertisement(*prefixes: Packet, **fields: Any) -> Packet:
    """Return an advertisement of the host, with prefixes; fields: of its header, by their names in scapy."""
    body = ICMPv6ND_RA(**{"routerlifetime": 1800, "chlim": 60, "reachabletime": 7, "retranstimer": 8, **fields})
    body /= ICMPv6NDOptSrcLLAddr(lladdr=HOST)
    for prefix in prefixes:
        body /= prefix
    ip = IPv6(src=HOST_LINK_LOCAL, dst="ff02::1", hlim=255)
    return Ether(src=HOST, dst="33:33:00:00:00:01") / ip / body
