"""What relay agents say about where a client is (RFC 8415, 19)."""

from typing import Final, NamedTuple

from vppdhc.packet.dhcp6 import Message, find
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.options6 import Option

_ENTERPRISE: Final = 4
_HARDWARE_TYPE: Final = 2


class RelayInformation(NamedTuple):
    """What is used of the relay messages around a message.

    link: address of the client's link, 0 where no relay agent says one.
    interface_id, remote_id: what names the client's line (RFC 8415, 21.18; RFC 4649, with the enterprise number in
        front), of the relay agent nearest to the client that says it; empty without.
    hardware: hardware type (one byte) and hardware address of the client (RFC 6939), empty without.
    """

    link: int = 0
    interface_id: bytes = b""
    remote_id: bytes = b""
    hardware: bytes = b""


NO_RELAY_INFORMATION: Final = RelayInformation()


def relay_information(message: Message) -> RelayInformation:
    """Read the relay messages around a message.

    The link is that of the relay agent nearest to the client whose link-address is not zero (RFC 8415, 13.1): one that
    is a switch on the client's link has none (RFC 6221). The hardware address is what the first relay agent saw; what
    others add is not the client's (RFC 6939, 6).

    Raises DecodeError where an option has a length that it cannot have.
    """
    if not message.relays:
        return NO_RELAY_INFORMATION
    inwards = message.relays[::-1]
    return RelayInformation(
        next((relay.link_address for relay in inwards if relay.link_address), 0),
        _said(message, Option.INTERFACE_ID, 1),
        _said(message, Option.REMOTE_ID, _ENTERPRISE + 1),
        _hardware(find(inwards[0].options, Option.CLIENT_LINKLAYER_ADDR)),
    )


def _said(message: Message, code: int, shortest: int) -> bytes:
    """Return an option of the relay agent nearest to the client that has it; empty without."""
    for relay in reversed(message.relays):
        raw = find(relay.options, code)
        if raw is not None:
            if len(raw) < shortest:
                raise DecodeError("dhcp6-option", 0, f"option {code} of {len(raw)} bytes")
            return raw
    return b""


def _hardware(raw: bytes | None) -> bytes:
    """Return hardware type and address of option 79; empty for a type that takes more than a byte."""
    if raw is None:
        return b""
    if len(raw) <= _HARDWARE_TYPE:
        raise DecodeError("dhcp6-option", 0, f"a link-layer address option of {len(raw)} bytes")
    return raw[1:] if not raw[0] else b""
