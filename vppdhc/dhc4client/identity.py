"""Who the client is for servers: its client identifier (RFC 4361)."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Final, NamedTuple

from vppdhc.dhc4client.config import ClientConfig, ClientIdType

_NODE_SPECIFIC: Final = 255
"""Type of a client identifier that has an IAID and a DUID (RFC 4361, 6.1)."""
_ETHERNET: Final = 1
_SIZE = 4


class Identity(NamedTuple):
    """By what a server knows the client: hardware address (chaddr), and client identifier (option 61)."""

    mac: bytes
    client_id: bytes


def ia_id(interface: str) -> int:
    """Return the IAID of an interface: the same for a name for ever, whatever else is configured (RFC 8415, 12)."""
    return int.from_bytes(blake2b(interface.encode(), digest_size=_SIZE).digest(), "big")


def identify(config: ClientConfig, interface: str, mac: bytes, duid: Callable[[bytes], bytes]) -> Identity:
    """Return the identity of the client on an interface.

    duid: gives the router's DUID; is told a hardware address that one may be made from.
    """
    if config.client_id:
        return Identity(mac, config.client_id)
    if config.client_id_type is ClientIdType.HARDWARE_ADDRESS:
        return Identity(mac, bytes((_ETHERNET,)) + mac)
    number = ia_id(interface) if config.ia_id is None else config.ia_id
    return Identity(mac, bytes((_NODE_SPECIFIC,)) + number.to_bytes(_SIZE, "big") + duid(mac))
