"""What each client has, on disk, so that it is asked for again after a restart (RFC 8415, 18.2.12)."""

from collections.abc import Mapping
from ipaddress import IPv6Address, IPv6Network
from types import MappingProxyType
from typing import Any, Final

from vppdhc.clients.statefile import StateFile, finite, from_json, to_json
from vppdhc.dhc6pdclient.bindings import LEASES_MOST, Association, Bindings, IaKey, IaType, Lease, ReconfigureKey
from vppdhc.dhc6pdclient.prefixes import why_not_for_hosts
from vppdhc.packet.auth6 import KEY_SIZE
from vppdhc.packet.ia6 import Status

_LARGEST_U32: Final = 0xFFFFFFFF
_LARGEST_U64: Final = 0xFFFFFFFFFFFFFFFF


class BindingsFile(StateFile[Bindings]):
    """The file of one client."""

    largest = 1 << 20
    """What many associations have, and options of a datagram, are fewer bytes."""
    what = "the stored lease"

    def encode(self, content: Bindings) -> dict[str, Any]:
        """Return the bindings as JSON has them."""
        key, address = content.key, content.server_address
        return {
            "duid": content.duid.hex(),
            "server": content.server.hex(),
            "server-address": None if address is None else str(address),
            "learned": {str(code): raw.hex() for code, raw in content.learned.items()},
            "key": None if key is None else {"server": key.server.hex(), "key": key.key.hex(), "replay": key.replay},
            "associations": [_association_document(association) for association in content.associations],
        }

    def decode(self, document: Mapping[str, Any]) -> Bindings:
        """Return the bindings of a document; see StateFile."""
        return _bindings(document)


def _association_document(association: Association) -> dict[str, Any]:
    return {
        "type": association.key.type.value,
        "ia-id": association.key.ia_id,
        "server": association.server.hex(),
        "t1": association.t1,
        "t2": association.t2,
        "renewal": to_json(association.renewal),
        "rebinding": to_json(association.rebinding),
        "obtained": association.obtained,
        "renewed": association.renewed,
        "status": {"code": association.status.code, "message": association.status.message},
        "leases": [
            {
                "prefix": str(lease.prefix),
                "excluded": None if lease.excluded is None else str(lease.excluded),
                "preferred": lease.preferred,
                "valid": lease.valid,
                "granted-at": lease.granted_at,
            }
            for lease in association.leases
        ],
    }


def _bindings(document: Mapping[str, Any]) -> Bindings:
    """Return the bindings of a document, checked as if their server had just sent them."""
    key, address = document["key"], document["server-address"]
    bindings = Bindings(
        duid=bytes.fromhex(document["duid"]),
        associations=tuple(_association(one) for one in document["associations"]),
        server=bytes.fromhex(document["server"]),
        server_address=None if address is None else IPv6Address(address),
        learned=MappingProxyType(
            {_whole(int(code), 0xFFFF): bytes.fromhex(raw) for code, raw in document["learned"].items()}
        ),
        key=None if key is None else _key(key),
    )
    if len(set(bindings.keys)) != len(bindings.keys):
        raise ValueError("an identity association twice")
    return bindings


def _key(document: Mapping[str, Any]) -> ReconfigureKey:
    key = bytes.fromhex(document["key"])
    if len(key) != KEY_SIZE:
        raise ValueError(f"a key of {len(key)} bytes")
    return ReconfigureKey(bytes.fromhex(document["server"]), key, _whole(document["replay"], _LARGEST_U64))


def _association(document: Mapping[str, Any]) -> Association:
    key = IaKey(IaType(document["type"]), _whole(document["ia-id"]))
    leases = tuple(_lease(one, key.type) for one in document["leases"])
    if len(leases) > LEASES_MOST:
        raise ValueError(f"{len(leases)} leases")
    status = document["status"]
    obtained, renewed = document["obtained"], document["renewed"]
    association = Association(
        key=key,
        leases=leases,
        t1=_whole(document["t1"]),
        t2=_whole(document["t2"]),
        renewal=from_json(document["renewal"]),
        rebinding=from_json(document["rebinding"]),
        server=bytes.fromhex(document["server"]),
        obtained=None if obtained is None else finite(obtained),
        renewed=None if renewed is None else finite(renewed),
        status=Status(_whole(status["code"], 0xFFFF), str(status["message"])),
    )
    if association.renewal > association.rebinding:
        raise ValueError("instants that are out of order")
    return association


def _lease(document: Mapping[str, Any], ia_type: IaType) -> Lease:
    excluded = document["excluded"]
    lease = Lease(
        prefix=IPv6Network(document["prefix"]),
        preferred=_whole(document["preferred"]),
        valid=_whole(document["valid"]),
        granted_at=finite(document["granted-at"]),
        excluded=None if excluded is None else IPv6Network(excluded),
    )
    wrong = why_not_for_hosts(lease.prefix)
    if wrong or lease.preferred > lease.valid or (ia_type is IaType.NA and lease.prefix.prefixlen != 128):
        raise ValueError(f"{lease.prefix} with {lease.preferred} and {lease.valid} s {wrong}")
    if lease.excluded is not None and not (lease.excluded != lease.prefix and lease.excluded.subnet_of(lease.prefix)):
        raise ValueError(f"{lease.excluded} is not a part of {lease.prefix}")
    return lease


def _whole(value: object, most: int = _LARGEST_U32) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise ValueError(f"{value!r} is not a number of 0 to {most}")
    return value
