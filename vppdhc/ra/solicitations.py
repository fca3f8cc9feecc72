"""Router solicitations as they come in (RFC 4861, 6.1.1)."""

from typing import Final, NamedTuple

from vppdhc.packet import ipv6, nd
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.nd import RouterSolicitation
from vppdhc.packet.nd_options import SourceLinkLayerAddress

_MAC: Final = 6
_LOOPBACK: Final = 1


class Solicitation(NamedTuple):
    """A host asks for an advertisement.

    interface: sw_if_index that it came in on. source: address of the host as an integer, ipv6.UNSPECIFIED for none yet.
    mac: to which an answer to this host alone goes.
    """

    interface: int
    source: int
    mac: bytes


def receive(datagram: bytes) -> Solicitation:
    """Read a solicitation from a datagram of the punt socket.

    Raises DecodeError for one that is not valid (RFC 4861, 6.1.1): its hop limit is not 255, its checksum wrong, its
    code not zero, it is too short, has an option of length zero, or a link-layer address without a source address.
    """
    packet = nd.receive(datagram)
    if not isinstance(packet.message, RouterSolicitation):
        raise DecodeError("nd-type", 0, "not a router solicitation")
    if ipv6.is_multicast(packet.source) or packet.source == _LOOPBACK:
        raise DecodeError("nd-source", 0, "a source address that no host has")
    said = nd.find(packet.message, SourceLinkLayerAddress)
    mac = packet.source_mac
    if said is not None and len(said.address) == _MAC and not said.address[0] & 1:  # of one host, and not of a group
        mac = said.address
    return Solicitation(packet.interface, packet.source, mac)
