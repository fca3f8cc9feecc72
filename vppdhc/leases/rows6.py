"""A DHCPv6 lease as a row of the table `lease6`, whose columns are as vppdhc.leases.schema has them."""

import json
from functools import lru_cache
from ipaddress import IPv6Address
from math import inf
from typing import Any, Final

from vppdhc.leases.lease import LeaseState
from vppdhc.leases.lease6 import NO_DETAILS6, Details6, Lease6, LeaseKind, Place6
from vppdhc.leases.rows import Row, SharedValues, writable

_WRITTEN_MOST: Final = 4096
"""Texts of details that are remembered: clients of a relay agent have the same."""
_BYTES: Final = 16


def row6_of(lease: Lease6) -> Row:
    """Return the row of a lease."""
    (
        table,
        kind,
        network,
        length,
        state,
        duid,
        ia_id,
        interface,
        hardware,
        hostname,
        preferred,
        valid,
        since,
        renewed,
        expires,
        next_hop,
        reconfigure_key,
        details,
    ) = lease
    more = bool(next_hop or reconfigure_key or details != NO_DETAILS6)
    return (
        *key6_of(Place6(table, kind, length, network)),
        int(state),
        duid,
        ia_id,
        interface,
        hardware,
        writable(hostname),
        preferred,
        valid,
        since,
        renewed,
        None if expires == inf else expires,
        _text_of(next_hop, reconfigure_key, details) if more else None,
    )


def key6_of(place: Place6) -> Row:
    """Return the columns that are the key of a row."""
    table, kind, length, network = place
    return table, int(kind), network.to_bytes(_BYTES, "big"), length


class Lease6Reader:
    """Makes leases of rows. What is equal in many of them becomes one object, so that they take little memory."""

    __slots__ = ("_instants", "_shared")

    def __init__(self) -> None:
        self._shared = SharedValues()
        self._instants = SharedValues()  # apart, as 60.0 and 60 are equal

    def lease(self, row: Row) -> Lease6:
        """Return the lease of a row; raises ValueError where it is none."""
        (
            table,
            kind,
            network,
            length,
            state,
            duid,
            ia_id,
            interface,
            hardware,
            hostname,
            preferred,
            valid,
            since,
            renewed,
            expires,
            text,
        ) = row
        shared, instant = self._shared.of, self._instants.of
        next_hop, reconfigure_key, details = _read(text) if text is not None else (0, b"", NO_DETAILS6)
        return Lease6(
            shared(table),
            LeaseKind(kind),
            int.from_bytes(network, "big"),
            length,
            LeaseState(state),
            shared(duid),
            ia_id,
            shared(interface),
            hardware,
            hostname,
            shared(preferred),
            shared(valid),
            instant(since),
            instant(renewed),
            inf if expires is None else instant(expires),
            next_hop,
            reconfigure_key,
            shared(details),
        )


@lru_cache(_WRITTEN_MOST)
def _text_of(next_hop: int, reconfigure_key: bytes, details: Details6) -> str:
    """Return what only some leases have, as a JSON object that has only what there is."""
    found = {
        "next_hop": _address(next_hop),
        "reconfigure_key": reconfigure_key.hex(),
        "link_address": _address(details.link_address),
        "peer_address": _address(details.peer_address),
        "interface_id": details.interface_id.hex(),
        "remote_id": details.remote_id.hex(),
    }
    return json.dumps({name: text for name, text in found.items() if text})


def _address(number: int) -> str:
    return str(IPv6Address(number)) if number else ""


def _read(text: str) -> tuple[int, bytes, Details6]:
    """Read next hop, key and details; raises ValueError where they are none."""
    found: Any = json.loads(text)
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ValueError(f"details of a lease are no object of texts: {text}")
    details = Details6(
        int(IPv6Address(found.get("link_address", 0))),
        int(IPv6Address(found.get("peer_address", 0))),
        bytes.fromhex(found.get("interface_id", "")),
        bytes.fromhex(found.get("remote_id", "")),
    )
    key = bytes.fromhex(found.get("reconfigure_key", ""))
    return int(IPv6Address(found.get("next_hop", 0))), key, details
