"""Scapy's IPv6 layers, imported without the warnings that it gives about the cryptography library it finds."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from scapy import utils6
    from scapy.layers import dhcp6, inet6
    from scapy.layers.inet import UDP
    from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
    from scapy.packet import Packet, Raw

__all__ = ["UDP", "Dot1AD", "Dot1Q", "Ether", "Packet", "Raw", "dhcp6", "inet6", "utils6"]
