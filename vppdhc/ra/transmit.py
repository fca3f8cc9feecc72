"""Advertisements as frames."""

from typing import Final, NamedTuple

from vppdhc.interface import Interface
from vppdhc.packet import ipv6, nd
from vppdhc.ra.advertisement import Advertisement

ALL_HOSTS: Final = ipv6.multicast_mac(ipv6.ALL_NODES)
"""Ethernet address of all hosts."""
_ETHERNET: Final = 14
_TAG: Final = 4


class Outgoing(NamedTuple):
    """A packet to send. frame: with its VLAN tags. message: the part of it from the ICMPv6 header on."""

    frame: bytes
    message: bytes


def outgoing(
    advertisement: Advertisement, interface: Interface, destination: int = ipv6.ALL_NODES, mac: bytes = ALL_HOSTS
) -> list[Outgoing]:
    """Return the packets of an advertisement; interface: has a link-local address, from which they come."""
    assert interface.link_local is not None
    headers = _ETHERNET + _TAG * len(interface.vlans) + ipv6.HEADER
    frames = [
        nd.encode(
            packet,
            source_mac=interface.mac,
            destination_mac=mac,
            source=int(interface.link_local),
            destination=destination,
            vlans=interface.vlans,
        )
        for packet in advertisement.packets()
    ]
    return [Outgoing(frame, frame[headers:]) for frame in frames]
