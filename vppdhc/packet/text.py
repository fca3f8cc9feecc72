"""Addresses in the notation that people read."""

from ipaddress import IPv4Address


def address_text(address: int) -> str:
    """Write an IPv4 address in dotted notation."""
    return str(IPv4Address(address))


def mac_text(hardware: bytes) -> str:
    """Write a hardware address as octets with colons."""
    return hardware.hex(":")
