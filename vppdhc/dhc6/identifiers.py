"""Interface ids that no host may have (RFC 5453)."""

from collections.abc import Iterator
from ipaddress import IPv6Network
from typing import Final

from vppdhc.leases.ranges import Range

_BITS: Final = 128
_INTERFACE_ID: Final = 64
_ANYCAST: Final = 128
"""Addresses at the end of a subnet that are anycast addresses (RFC 2526, 2)."""
_REGISTRY: Final = (
    (0, 1),  # subnet-router anycast (RFC 4291, 2.6.1)
    (0x02005EFFFE000000, 0x02005EFFFF000000),  # IANA's Ethernet block, with proxy mobile IPv6
    (0xFDFFFFFFFFFFFF80, 0xFE00000000000000),  # subnet anycast (RFC 2526)
)
"""First and one past the last of the ids in IANA's registry of reserved IPv6 interface identifiers."""


class ReservedIds:
    """The addresses of a network whose interface id is reserved.

    The registry is of ids of 64 bits. In a longer prefix the first address is anycast too, and the last 128 where
    there are more than those (RFC 2526, 2); a link of two routers has none of that (RFC 6164), nor has one address.
    """

    __slots__ = ("_base", "_bits", "_blocks", "_size")

    def __init__(self, network: IPv6Network) -> None:
        self._base = int(network.network_address)
        self._bits = _BITS - network.prefixlen
        self._size = 1 << min(self._bits, _INTERFACE_ID)
        self._blocks = _blocks(self._bits)

    def until(self, address: int) -> int | None:
        """Return one past the last of the reserved ids that an address is among; None where it is not reserved."""
        number = address % self._size
        for first, beyond in self._blocks:
            if first <= number < beyond:
                return address - number + beyond
        return None

    def holes(self) -> Iterator[Range]:
        """Go through what is reserved of a network that has one interface id for each address; others have too much."""
        if self._bits <= _INTERFACE_ID:
            for first, beyond in self._blocks:
                yield self._base + first, self._base + beyond


def _blocks(bits: int) -> tuple[Range, ...]:
    if bits >= _INTERFACE_ID:
        return _REGISTRY
    if bits <= 1:
        return ()
    size = 1 << bits
    return ((0, 1), (size - _ANYCAST, size)) if size > _ANYCAST else ((0, 1),)
