"""What a client would be offered, for people who want to know before it asks."""

from collections.abc import Mapping
from typing import NamedTuple

from vppdhc.dhc4.config import Times
from vppdhc.dhc4.parameters import CLIENT_ID, MESSAGE_TYPE
from vppdhc.dhc4.request import Drop
from vppdhc.dhc4.reservations import Reservation
from vppdhc.dhc4.subnet import Subnet
from vppdhc.packet.dhcp4 import Message

_ETHERNET = b"\1"
_IDENTIFIER = b"\0"


class Preview(NamedTuple):
    """The OFFER that a client would get.

    subnet, address, times: what would be offered; all None where the client would get nothing.
    reservation: what is reserved for the client, whether or not it can have it.
    drop: why the client would get nothing, None where it gets something.
    options: of the OFFER as they are sent, by code and in their order.
    why: why this address, in words that stay the same: those of allocation.Why, or of the drop.
    """

    subnet: Subnet | None
    address: int | None
    times: Times | None
    reservation: Reservation | None
    drop: Drop | None
    options: Mapping[int, bytes]
    why: str


def discover_of(client: bytes, hardware: bytes, relay: int) -> Message:
    """Return the DISCOVER of a client that asks for nothing in particular; see Server.preview()."""
    options = {MESSAGE_TYPE: b"\1"}
    if client.startswith(_IDENTIFIER):
        options[CLIENT_ID] = client[1:]
    else:
        hardware = hardware or client
    hardware = hardware or _ETHERNET
    return Message(htype=hardware[0], hlen=len(hardware) - 1, giaddr=relay, chaddr=hardware[1:], options=options)
