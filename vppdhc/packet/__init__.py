"""Packet codecs: punt header, Ethernet, IP, UDP and DHCPv4, written with struct."""
