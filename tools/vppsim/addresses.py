"""IP and MAC addresses as the simulator keeps them: IP addresses and prefixes are integers, MACs are bytes."""

import ipaddress
import re
import socket
from typing import Final, NamedTuple

BITS: Final = {4: 32, 6: 128}
NONE: Final = 0xFFFFFFFF
"""An index that stands for no interface."""

BROADCAST: Final = b"\xff" * 6
NO_MAC: Final = bytes(6)


class Prefix(NamedTuple):
    """A network, or an address with the length of its network. af: 4 or 6."""

    af: int
    address: int
    length: int

    def __str__(self) -> str:
        return f"{text(self.af, self.address)}/{self.length}"

    @property
    def is_sound(self) -> bool:
        """Its length is possible: that of a message may be anything."""
        return self.length <= BITS[self.af]

    def network(self) -> "Prefix":
        """Return the network without host bits."""
        return Prefix(self.af, mask(self.af, self.address, self.length), self.length)

    def holds(self, address: int) -> bool:
        """Tell whether an address is in this network."""
        return mask(self.af, address, self.length) == mask(self.af, self.address, self.length)

    def overlaps(self, other: "Prefix") -> bool:
        """Tell whether one of the two networks is in the other."""
        shorter = min(self.length, other.length)
        return mask(self.af, self.address, shorter) == mask(self.af, other.address, shorter)

    def host(self) -> "Prefix":
        """Return the address alone."""
        return Prefix(self.af, self.address, BITS[self.af])


def mask(af: int, address: int, length: int) -> int:
    """Return an address without its host bits."""
    shift = BITS[af] - length
    return address >> shift << shift


def pack(af: int, address: int) -> bytes:
    """Return the 4 or 16 bytes of an address."""
    return address.to_bytes(BITS[af] // 8, "big")


def unpack(af: int, data: bytes) -> int:
    """Return the address at the beginning of some bytes."""
    return int.from_bytes(data[: BITS[af] // 8], "big")


def text(af: int, address: int) -> str:
    """Return an address as people write it."""
    return socket.inet_ntop(socket.AF_INET if af == 4 else socket.AF_INET6, pack(af, address))


def parse_prefix(word: str) -> Prefix:
    """Return a prefix, host bits kept; an address without length is a host. Raises ValueError."""
    prefix = ipaddress.ip_interface(word)
    return Prefix(prefix.version, int(prefix.ip), prefix.network.prefixlen)


def parse_mac(word: str) -> bytes:
    """Return a MAC address. Raises ValueError."""
    if re.fullmatch(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}", word) is None:
        raise ValueError(f"{word} is no MAC address")
    return bytes.fromhex(word.replace(":", ""))


def mac_text(mac: bytes) -> str:
    """Return a MAC address as people write it."""
    return mac.hex(":")


def link_local(mac: bytes) -> int:
    """Return the link-local IPv6 address of a MAC address (modified EUI-64, RFC 4291 appendix A)."""
    identifier = bytes([mac[0] ^ 2]) + mac[1:3] + b"\xff\xfe" + mac[3:]
    return 0xFE80 << 112 | int.from_bytes(identifier, "big")


def is_link_local(address: int) -> bool:
    """Tell whether an IPv6 address is in fe80::/10."""
    return address >> 118 == 0xFE80 >> 6
