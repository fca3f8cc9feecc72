"""From a valid configuration tree to the frozen configuration of the DHCPv4 server."""

from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Any, TypeAlias

from nc.pace import Pace
from nc.schema import Schema
from nc.xml import Element, elements
from vppdhc.dhc4.classes import ClientClass, ClientClasses
from vppdhc.dhc4.config import (
    BootpClients,
    ConflictDetection,
    Overrides,
    PoolConfig,
    ServerConfig,
    Settings,
    SubnetConfig,
)
from vppdhc.dhc4.options import HOST_NAME, NO_OPTIONS, OptionSet
from vppdhc.dhc4.reservations import Reservation, Reservations
from vppdhc.northbound.config import address, octets, reader, top_entries
from vppdhc.northbound.dhc4_options import read_options
from vppdhc.northbound.model import name
from vppdhc.northbound.reading import Fault, Reader
from vppdhc.northbound.server_component import ServerReading

_CLIENTS = ("dhc4client", "dhc6pdclient")
_ETHERNET = b"\1"
_IDENTIFIER = b"\0"
_ID, _DESCRIPTION, _HARDWARE, _CLIENT_ID, _CIRCUIT, _REMOTE, _RESERVED, _HOSTNAME = _RESERVATION = (
    name("id"),
    name("description"),
    name("hardware-address"),
    name("client-id"),
    name("circuit-id"),
    name("remote-id"),
    name("reserved-addr"),
    name("hostname"),
)
_OWN = frozenset(_RESERVATION)
"""The children of a reservation that are no options."""


Dhcp4Reading: TypeAlias = ServerReading[ServerConfig]


def dhc4server_config(schema: Schema, tree: Element) -> Dhcp4Reading | None:
    """Read /vppdhc:dhc4server; None where DHCPv4 is not served. Other greenlets run meanwhile."""
    if tree.find(name("dhc4server")) is None:
        return None
    server = reader(schema, tree, "dhc4server")
    faults: list[Fault] = []
    clients = {entry.text("interface") for client in _CLIENTS for entry in top_entries(schema, tree, client)}
    config = ServerConfig(
        settings=_overrides(server, faults).over(Settings()),
        interfaces=server.leafs("interfaces"),
        per_interface={entry.text("name"): _overrides(entry, faults) for entry in server.entries("interface")},
        client_interfaces=frozenset(clients),
        subnets=tuple(_subnet(entry, faults) for entry in server.entries("subnet")),
        classes=ClientClasses(_client_class(entry, faults) for entry in server.entries("client-class")),
        reservations=Reservations(_reservations(server, faults)),
        max_pending_probes=server.whole("max-pending-probes"),
    )
    return ServerReading(config, tuple(faults))


def _overrides(node: Reader, faults: list[Fault]) -> Overrides:
    """Read the settings that the server, interfaces and subnets have; absent is None."""
    detection, timeout = node.leaf("conflict-detection"), node.number("probe-timeout")
    bootp = node.leaf("bootp-clients")
    return Overrides(
        **_client_settings(node, faults),
        static_percentage=node.number("static-percentage"),
        authoritative=node.flag("authoritative"),
        offer_hold=node.number("offer-hold-time"),
        probation_time=node.number("probation-time"),
        conflict_detection=None if detection is None else ConflictDetection(detection),
        probe_timeout=None if timeout is None else timeout / 1000,
        rapid_commit=node.flag("rapid-commit"),
        bootp_clients=None if bootp is None else BootpClients(bootp),
        known_clients_only=node.flag("known-clients-only"),
        subnet_selection=node.flag("subnet-selection"),
        max_client_rate=node.number("max-client-rate"),
        max_leases_per_hardware_address=node.number("max-leases-per-hardware-address"),
    )


def _client_settings(node: Reader, faults: list[Fault]) -> dict[str, Any]:
    """Read the settings that pools have as well."""
    return {
        "lease_time": node.number("lease-time"),
        "renewal_time": node.number("renewal-time"),
        "rebinding_time": node.number("rebinding-time"),
        "max_address_utilization": node.number("max-address-utilization"),
        "options": _options(node, faults),
    }


def _options(node: Reader, faults: list[Fault]) -> OptionSet:
    return NO_OPTIONS if node.element is None else read_options(node.element, faults)


def _subnet(entry: Reader, faults: list[Fault]) -> SubnetConfig:
    return SubnetConfig(
        id=entry.text("id"),
        network=IPv4Network(entry.text("network-prefix"), strict=False),
        table=entry.whole("table-id"),
        interface=entry.leaf("interface"),
        relay_addresses=tuple(address(text) for text in entry.leafs("relay-address")),
        overrides=_overrides(entry, faults),
        pools=tuple(_pool(pool, faults) for pool in entry.entries("address-pool")),
        excluded=tuple(_excluded(excluded) for excluded in entry.entries("excluded-range")),
    )


def _pool(entry: Reader, faults: list[Fault]) -> PoolConfig:
    return PoolConfig(
        id=entry.text("pool-id"),
        first=address(entry.text("start-address")),
        last=address(entry.text("end-address")),
        overrides=Overrides(**_client_settings(entry, faults)),
    )


def _excluded(entry: Reader) -> tuple[int, int]:
    start = entry.text("start-address")
    return address(start), address(entry.leaf("end-address") or start)


def _client_class(entry: Reader, faults: list[Fault]) -> ClientClass:
    return ClientClass(
        name=entry.text("name"),
        vendor_classes=tuple(text.encode() for text in entry.leafs("vendor-class")),
        user_classes=tuple(text.encode() for text in entry.leafs("user-class")),
        options=_options(entry, faults),
    )


def _reservations(server: Reader, faults: list[Fault]) -> Iterator[Reservation]:
    """Go through those of the subnets, and then through those of the server."""
    pace = Pace()
    for subnet in server.entries("subnet"):
        id_, table = subnet.text("id"), subnet.whole("table-id")
        for entry in _children(subnet, "host-reservation"):
            pace.step()
            yield _reservation(entry, faults)._replace(subnet=id_, table=table)
    for entry in _children(server, "host-reservation"):
        pace.step()
        yield _reservation(entry, faults)


def _children(node: Reader, local: str) -> Iterator[Element]:
    return iter(()) if node.element is None else node.element.iterchildren(name(local))


def _reservation(entry: Element, faults: list[Fault]) -> Reservation:
    """Read a host reservation; there may be tens of thousands, so each child is looked at once."""
    leafs = {child.tag: child.text or "" for child in elements(entry)}
    reserved, hostname = leafs.get(_RESERVED, ""), leafs.get(_HOSTNAME, "")
    options = read_options(entry, faults) if leafs.keys() - _OWN else NO_OPTIONS
    if hostname:
        # Here, so that it goes before what the client's class says of option 12, and not before this level's own.
        options = options.over(OptionSet({HOST_NAME: hostname.encode("ascii")}))
    client = b""
    if _HARDWARE in leafs:
        client = _ETHERNET + octets(leafs[_HARDWARE])
    elif _CLIENT_ID in leafs:
        client = _IDENTIFIER + octets(leafs[_CLIENT_ID])
    return Reservation(
        id=leafs[_ID],
        table=None,
        client=client,
        address=address(reserved) if reserved else None,
        hostname=hostname,
        circuit_id=octets(leafs.get(_CIRCUIT, "")),
        remote_id=octets(leafs.get(_REMOTE, "")),
        options=options,
    )
