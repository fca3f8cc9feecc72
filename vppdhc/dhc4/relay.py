"""What relay agents, and who speaks for a client, say about where the client is: options 82 and 118."""

from typing import NamedTuple

from vppdhc.packet.dhcp4 import Message
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.options4 import RelayOption, relay_suboptions

RELAY_AGENT = 82
SUBNET_SELECTION = 118

_CIRCUIT_ID = RelayOption.CIRCUIT_ID.value
_REMOTE_ID = RelayOption.REMOTE_ID.value
_LINK_SELECTION = RelayOption.LINK_SELECTION.value
_SERVER_ID_OVERRIDE = RelayOption.SERVER_ID_OVERRIDE.value
_RELAY_PORT = RelayOption.RELAY_PORT.value


class RelayInformation(NamedTuple):
    """What is used of option 82.

    circuit_id, remote_id: what names the client's line, opaque (RFC 3046, 3.1 and 3.2); empty without.
    link: an address of the client's link, where giaddr is none (RFC 3527); 0 without.
    server_id: the address that the client is to know as its server's (RFC 5107); 0 without.
    source_port: whether the relay agent wants its answer at the port that it sent from (RFC 8357).
    """

    circuit_id: bytes = b""
    remote_id: bytes = b""
    link: int = 0
    server_id: int = 0
    source_port: bool = False


NO_RELAY_INFORMATION = RelayInformation()


def relay_information(message: Message) -> RelayInformation:
    """Read option 82.

    A switch on the client's own link may add the option too, without being a relay agent (RFC 3046, 2.1): then there
    is no giaddr, and it names the line, but decides nothing about networks and servers. Neither could a client then.

    Raises DecodeError where a suboption is cut, comes twice or has the wrong length.
    """
    raw = message.options.get(RELAY_AGENT)
    if raw is None:
        return NO_RELAY_INFORMATION
    suboptions = relay_suboptions(raw)
    circuit_id, remote_id = suboptions.get(_CIRCUIT_ID, b""), suboptions.get(_REMOTE_ID, b"")
    link = _address(suboptions.get(_LINK_SELECTION), "link-selection")
    server_id = _address(suboptions.get(_SERVER_ID_OVERRIDE), "server-id-override")
    if not message.giaddr:
        return RelayInformation(circuit_id, remote_id)
    return RelayInformation(circuit_id, remote_id, link, server_id, _RELAY_PORT in suboptions)


def subnet_selection(message: Message) -> int:
    """Return the address of a network that a client asks for (option 118, RFC 3011), 0 without; raises DecodeError."""
    return _address(message.options.get(SUBNET_SELECTION), "subnet-selection")


def _address(raw: bytes | None, name: str) -> int:
    if raw is None:
        return 0
    if len(raw) != 4:
        raise DecodeError("dhcp4-option", 0, f"{name} of {len(raw)} bytes")
    return int.from_bytes(raw, "big")
