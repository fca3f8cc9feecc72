"""What a client would be offered, for people who want to know before it asks."""

from collections.abc import Mapping
from typing import NamedTuple

from vppdhc.dhc4.config import Times
from vppdhc.dhc4.parameters import CLIENT_ID, MESSAGE_TYPE, RELAY_AGENT
from vppdhc.dhc4.request import USER_CLASS, VENDOR_CLASS, Drop
from vppdhc.dhc4.reservations import Reservation
from vppdhc.dhc4.subnet import Subnet
from vppdhc.packet.dhcp4 import Message
from vppdhc.packet.options4 import RelayOption

_ETHERNET = b"\1"
_IDENTIFIER = b"\0"
_CIRCUIT_ID = RelayOption.CIRCUIT_ID.value
_REMOTE_ID = RelayOption.REMOTE_ID.value


class Preview(NamedTuple):
    """The OFFER that a client would get.

    subnet, address, times: what would be offered; all None where the client would get nothing.
    reservation: what is reserved for the client, whether or not it can have it.
    drop: why the client would get nothing, None where it gets something.
    options: of the OFFER as they are sent, by code and in their order.
    why: why this address, in words that stay the same: those of allocation.Why, or of the drop.
    client_class: name of the client's class, empty where it belongs to none.
    """

    subnet: Subnet | None
    address: int | None
    times: Times | None
    reservation: Reservation | None
    drop: Drop | None
    options: Mapping[int, bytes]
    why: str
    client_class: str = ""


def discover_of(
    client: bytes,
    hardware: bytes,
    relay: int,
    *,
    circuit_id: bytes = b"",
    remote_id: bytes = b"",
    vendor_class: bytes = b"",
    user_class: bytes = b"",
) -> Message:
    """Return the DISCOVER of a client that asks for nothing in particular; see Server.preview().

    Raises ValueError for a circuit or remote id that is longer than 255 octets.
    """
    options = {MESSAGE_TYPE: b"\1"}
    if client.startswith(_IDENTIFIER):
        options[CLIENT_ID] = client[1:]
    else:
        hardware = hardware or client
    hardware = hardware or _ETHERNET
    if vendor_class:
        options[VENDOR_CLASS] = vendor_class
    if user_class:
        options[USER_CLASS] = bytes((len(user_class),)) + user_class
    said = b"".join(
        bytes((code, len(value))) + value
        for code, value in ((_CIRCUIT_ID, circuit_id), (_REMOTE_ID, remote_id))
        if value
    )
    if said:
        options[RELAY_AGENT] = said
    return Message(htype=hardware[0], hlen=len(hardware) - 1, giaddr=relay, chaddr=hardware[1:], options=options)
