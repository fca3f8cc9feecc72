"""Scapy, imported without the warnings that it gives about the cryptography library it finds."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from scapy.fields import FieldListField, StrField
    from scapy.layers import dns
    from scapy.layers.dhcp import BOOTP, DHCP, DHCPOptions
    from scapy.layers.inet import IP, UDP
    from scapy.layers.inet6 import (
        ICMPv6ND_RS,
        IPv6,
        IPv6ExtHdrDestOpt,
        IPv6ExtHdrFragment,
        IPv6ExtHdrHopByHop,
        IPv6ExtHdrRouting,
    )
    from scapy.layers.ipsec import AH
    from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
    from scapy.packet import Raw

__all__ = [
    "AH",
    "ARP",
    "BOOTP",
    "DHCP",
    "IP",
    "UDP",
    "DHCPOptions",
    "Dot1AD",
    "Dot1Q",
    "Ether",
    "FieldListField",
    "ICMPv6ND_RS",
    "IPv6",
    "IPv6ExtHdrDestOpt",
    "IPv6ExtHdrFragment",
    "IPv6ExtHdrHopByHop",
    "IPv6ExtHdrRouting",
    "Raw",
    "StrField",
    "dns",
]
