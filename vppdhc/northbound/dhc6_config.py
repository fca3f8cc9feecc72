"""From a valid configuration tree to the frozen configuration of the DHCPv6 server."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Network
from typing import Any, Final

from nc.pace import Pace
from nc.schema import Schema
from nc.xml import Element, elements
from vppdhc.dhc6.config import (
    ConflictDetection,
    Overrides,
    PoolConfig,
    PrefixPoolConfig,
    ServerConfig,
    Settings,
    SubnetConfig,
)
from vppdhc.dhc6.options import NO_OPTIONS, OptionSet
from vppdhc.dhc6.reservations import Reservation, Reservations
from vppdhc.northbound.config import address6, octets, reader, top_entries
from vppdhc.northbound.dhc6_options import read_options
from vppdhc.northbound.model import name
from vppdhc.northbound.reading import Fault, Reader
from vppdhc.northbound.server_component import ServerReading

_ETHERNET: Final = b"\1"
_ID, _DESCRIPTION, _HARDWARE, _DUID, _IA_ID, _ADDRESS, _PREFIX = _RESERVATION = (
    name("id"),
    name("description"),
    name("hardware-address"),
    name("client-duid"),
    name("ia-id"),
    name("reserved-addr"),
    name("reserved-prefix"),
)
_OWN: Final = frozenset(_RESERVATION)
"""The children of a reservation that are no options."""


@dataclass(frozen=True, slots=True)
class Dhcp6Reading(ServerReading[ServerConfig]):
    """What was read of /vppdhc:dhc6server, and of what goes with it.

    pool_prefixes: the prefixes of those pools that are given by one, by the ids of subnet and pool.
    lans: interfaces that get networks of a prefix that is delegated to the router.
    upstream: interfaces that lead to a provider, by a dhc4client.
    """

    pool_prefixes: Mapping[tuple[str, str], IPv6Network]
    lans: frozenset[str]
    upstream: frozenset[str]


def dhc6server_config(schema: Schema, tree: Element) -> Dhcp6Reading | None:
    """Read /vppdhc:dhc6server; None where DHCPv6 is not served. Other greenlets run meanwhile."""
    if tree.find(name("dhc6server")) is None:
        return None
    server = reader(schema, tree, "dhc6server")
    faults: list[Fault] = []
    duid = server.leaf("server-duid")
    config = ServerConfig(
        settings=_overrides(server, faults).over(Settings()),
        interfaces=server.leafs("interfaces"),
        per_interface={entry.text("name"): _overrides(entry, faults) for entry in server.entries("interface")},
        subnets=tuple(_subnet(entry, faults) for entry in server.entries("subnet")),
        prefix_pools=tuple(_prefix_pool(entry) for entry in server.entries("prefix-pool")),
        reservations=Reservations(_reservations(server, faults)),
        server_duid=octets(duid) if duid else None,
        max_pending_probes=server.whole("max-pending-probes"),
    )
    clients = top_entries(schema, tree, "dhc6pdclient")
    return Dhcp6Reading(
        config,
        tuple(faults),
        dict(_pool_prefixes(server)),
        frozenset(lan.text("name") for entry in clients for lan in entry.entries("lan-interface")),
        frozenset(entry.text("interface") for entry in top_entries(schema, tree, "dhc4client")),
    )


def _overrides(node: Reader, faults: list[Fault]) -> Overrides:
    """Read the settings that the server, interfaces and subnets have; absent is None."""
    detection, timeout = node.leaf("conflict-detection"), node.number("probe-timeout")
    return Overrides(
        **_client_settings(node, faults),
        preference=node.number("preference"),
        offer_hold=node.number("offer-hold-time"),
        probation_time=node.number("probation-time"),
        conflict_detection=None if detection is None else ConflictDetection(detection),
        probe_timeout=None if timeout is None else timeout / 1000,
        rapid_commit=node.flag("rapid-commit"),
        reconfigure=node.flag("reconfigure"),
    )


def _client_settings(node: Reader, faults: list[Fault]) -> dict[str, Any]:
    """Read the settings that pools have as well."""
    return {
        **_lifetimes(node),
        "max_address_utilization": node.number("max-address-utilization"),
        "options": NO_OPTIONS if node.element is None else read_options(node.element, faults),
    }


def _lifetimes(node: Reader) -> dict[str, Any]:
    """Read the settings that pools of prefixes have as well."""
    return {
        "valid_lifetime": node.number("valid-lifetime"),
        "preferred_lifetime": node.number("preferred-lifetime"),
        "renewal_time": node.number("renew-time"),
        "rebinding_time": node.number("rebind-time"),
    }


def _subnet(entry: Reader, faults: list[Fault]) -> SubnetConfig:
    return SubnetConfig(
        id=entry.text("id"),
        network=IPv6Network(entry.text("network-prefix"), strict=False),
        table=entry.whole("table-id"),
        interface=entry.leaf("interface"),
        relay_addresses=tuple(address6(text) for text in entry.leafs("relay-address")),
        overrides=_overrides(entry, faults),
        pools=tuple(_pool(pool, faults) for pool in entry.entries("address-pool")),
        excluded=tuple(_excluded(excluded) for excluded in entry.entries("excluded-range")),
    )


def _pool(entry: Reader, faults: list[Fault]) -> PoolConfig:
    prefix = _prefix(entry)
    return PoolConfig(
        id=entry.text("pool-id"),
        first=address6(entry.text("start-address")) if prefix is None else int(prefix.network_address),
        last=address6(entry.text("end-address")) if prefix is None else int(prefix.broadcast_address),
        overrides=Overrides(**_client_settings(entry, faults)),
    )


def _prefix(entry: Reader) -> IPv6Network | None:
    prefix = entry.leaf("pool-prefix")
    return None if prefix is None else IPv6Network(prefix, strict=False)


def _pool_prefixes(server: Reader) -> Iterator[tuple[tuple[str, str], IPv6Network]]:
    for subnet in server.entries("subnet"):
        for pool in subnet.entries("address-pool"):
            prefix = _prefix(pool)
            if prefix is not None:
                yield (subnet.text("id"), pool.text("pool-id")), prefix


def _excluded(entry: Reader) -> tuple[int, int]:
    start = entry.text("start-address")
    return address6(start), address6(entry.leaf("end-address") or start)


def _prefix_pool(entry: Reader) -> PrefixPoolConfig:
    return PrefixPoolConfig(
        id=entry.text("pool-id"),
        length=entry.whole("client-prefix-length"),
        prefix=_prefix(entry),
        delegated_from=entry.leaf("delegated-from"),
        table=entry.whole("table-id"),
        interfaces=entry.leafs("interface"),
        relay_addresses=tuple(address6(text) for text in entry.leafs("relay-address")),
        overrides=Overrides(**_lifetimes(entry)),
        max_utilization=entry.whole("max-pd-space-utilization"),
    )


def _reservations(server: Reader, faults: list[Fault]) -> Iterator[Reservation]:
    """Go through those of the subnets, and then through those of the server."""
    pace = Pace()
    for subnet in server.entries("subnet"):
        id_, table = subnet.text("id"), subnet.whole("table-id")
        for entry in subnet.entries("host-reservation"):
            pace.step()
            yield _reservation(entry, faults)._replace(subnet=id_, table=table)
    for entry in server.entries("host-reservation"):
        pace.step()
        yield _reservation(entry, faults)


def _reservation(entry: Reader, faults: list[Fault]) -> Reservation:
    """Read a host reservation; there may be tens of thousands, so each child is looked at once."""
    assert entry.element is not None
    leafs = {child.tag: child.text or "" for child in elements(entry.element)}
    options: OptionSet = read_options(entry.element, faults) if leafs.keys() - _OWN else NO_OPTIONS
    return Reservation(
        id=leafs[_ID],
        duid=octets(leafs.get(_DUID, "")),
        ia_id=int(leafs[_IA_ID]) if _IA_ID in leafs else None,
        hardware=_ETHERNET + octets(leafs[_HARDWARE]) if _HARDWARE in leafs else b"",
        address=address6(leafs[_ADDRESS]) if _ADDRESS in leafs else None,
        prefix=IPv6Network(leafs[_PREFIX], strict=False) if _PREFIX in leafs else None,
        options=options,
    )
