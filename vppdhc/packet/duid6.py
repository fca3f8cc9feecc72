"""DHCP unique identifiers taken apart (RFC 8415, 11; RFC 6355)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from vppdhc.packet.kinds4 import Value

SHORTEST: Final = 3
LONGEST: Final = 130
"""Bytes of a DUID, its type of two bytes included (RFC 8415, 11.1)."""

ETHERNET: Final = 1
"""The hardware type of Ethernet in a DUID."""

_LLT = 1
_EN = 2
_LL = 3
_UUID = 4
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def parse(duid: bytes) -> Mapping[str, Value]:
    """Return what a DUID says, as JSON can show it; one of no known type, or of a wrong size, only in hexadecimal.

    Members: type ("llt", "en", "ll", "uuid" or a number), then hardware-type, link-layer-address and time (UTC),
    enterprise and identifier, uuid, or value.
    """
    kind = int.from_bytes(duid[:2], "big")
    body = duid[2:]
    if kind == _LLT and len(body) > 6:
        made = _EPOCH + timedelta(seconds=int.from_bytes(body[2:6], "big"))
        return {
            "type": "llt",
            "hardware-type": int.from_bytes(body[:2], "big"),
            "time": made.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "link-layer-address": body[6:].hex(":"),
        }
    if kind == _EN and len(body) > 4:
        return {"type": "en", "enterprise": int.from_bytes(body[:4], "big"), "identifier": body[4:].hex(":")}
    if kind == _LL and len(body) > 2:
        hardware_type = int.from_bytes(body[:2], "big")
        return {"type": "ll", "hardware-type": hardware_type, "link-layer-address": body[2:].hex(":")}
    if kind == _UUID and len(body) == 16:
        return {"type": "uuid", "uuid": str(UUID(bytes=body))}
    return {"type": str(kind), "value": body.hex(":")}


def text(duid: bytes) -> str:
    """Return what a DUID says in one line: "llt 52:54:00:12:34:56 of 2024-05-01T12:00:00Z"."""
    said = parse(duid)
    match said["type"]:
        case "llt":
            return f"llt {said['link-layer-address']} of {said['time']}"
        case "en":
            return f"en {said['enterprise']} {said['identifier']}"
        case "ll":
            return f"ll {said['link-layer-address']}"
        case "uuid":
            return f"uuid {said['uuid']}"
        case other:
            return f"type {other} {said['value']}"


def link_layer_address(duid: bytes) -> tuple[int, bytes] | None:
    """Return hardware type and link-layer address that a DUID was made from; None if it says neither.

    It is what the host had when it made the DUID, and need not be what it has now (RFC 8415, 11).
    """
    kind = int.from_bytes(duid[:2], "big")
    begin = {_LLT: 8, _LL: 4}.get(kind)
    if begin is None or len(duid) <= begin:
        return None
    return int.from_bytes(duid[2:4], "big"), duid[begin:]
