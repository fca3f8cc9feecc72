"""Who the client is for servers: its DUID, and the IAIDs of what it asks for (RFC 8415, 11 and 12)."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Final

from vppdhc.dhc6pdclient.config import ClientConfig

_SIZE: Final = 4


def ia_id(interface: str, number: int) -> int:
    """Return the IAID of an identity association that the configuration has none for.

    It is the same for an interface's name and a number for ever, whatever else is configured (RFC 8415, 12).
    number: counts the associations of the interface, from 0.
    """
    return int.from_bytes(blake2b(f"{interface} {number}".encode(), digest_size=_SIZE).digest(), "big")


def identify(config: ClientConfig, mac: bytes, duid: Callable[[bytes], bytes]) -> bytes:
    """Return the DUID of the client.

    duid: gives the router's DUID; is told the hardware address of the interface, from which one may be made.
    """
    return config.client_duid or duid(mac)
