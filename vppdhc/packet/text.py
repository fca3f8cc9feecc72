"""Addresses in the notation that people read."""

from socket import inet_ntoa


def address_text(address: int) -> str:
    """Write an IPv4 address in dotted notation."""
    return inet_ntoa(address.to_bytes(4, "big"))


def mac_text(hardware: bytes) -> str:
    """Write a hardware address as octets with colons."""
    return hardware.hex(":")
