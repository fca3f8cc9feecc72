"""The lease of each client on disk, so that it is asked for again after a restart (RFC 2131, 3.2)."""

from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import Any

from vppdhc.clients.statefile import StateFile, finite, from_json, to_json
from vppdhc.dhc4client.drops import DropError
from vppdhc.dhc4client.lease import Lease
from vppdhc.dhc4client.terms import read_terms
from vppdhc.packet.dhcp4 import Message


class LeaseFile(StateFile[Lease]):
    """The file of one client."""

    largest = 1 << 16
    """Options of a datagram, in hexadecimal, are far fewer bytes."""
    what = "the stored lease"

    def encode(self, content: Lease) -> dict[str, Any]:
        """Return the lease as JSON has it."""
        terms = content.terms
        return {
            "client-id": content.client_id.hex(),
            "address": str(terms.address.ip),
            "relay": None if terms.relay is None else str(terms.relay),
            "server-mac": terms.server_mac.hex(),
            "options": {str(code): raw.hex() for code, raw in terms.options.items()},
            "obtained": content.obtained,
            "asked": content.asked,
            "renewal": to_json(content.renewal),
            "rebinding": to_json(content.rebinding),
            "expires": to_json(content.expires),
        }

    def decode(self, document: Mapping[str, Any]) -> Lease:
        """Return the lease of a document; see StateFile."""
        try:
            return _lease(document)
        except DropError as error:
            raise ValueError(str(error)) from error


def _lease(document: Mapping[str, Any]) -> Lease:
    """Return the lease of a document, its terms checked as if its server had just sent them."""
    relay = document["relay"]
    message = Message(
        yiaddr=int(IPv4Address(document["address"])),
        giaddr=0 if relay is None else int(IPv4Address(relay)),
        options={int(code): bytes.fromhex(raw) for code, raw in document["options"].items()},
        source_mac=bytes.fromhex(document["server-mac"]),
    )
    if len(message.source_mac) != 6:
        raise ValueError("a hardware address that is none")
    obtained, asked = finite(document["obtained"]), finite(document["asked"])
    lease = Lease(
        terms=read_terms(message),
        client_id=bytes.fromhex(document["client-id"]),
        obtained=obtained,
        asked=asked,
        renewal=from_json(document["renewal"]),
        rebinding=from_json(document["rebinding"]),
        expires=from_json(document["expires"]),
    )
    if not lease.renewal <= lease.rebinding <= lease.expires:
        raise ValueError("instants that are out of order")
    return lease
