"""Notifications of what happens to the leases and pools of the DHCPv6 server, as the model has them."""

from ipaddress import IPv6Address, IPv6Network
from typing import Final

from nc.xml import Element
from vppdhc.dhc6.events import Event, EventKind
from vppdhc.dhc6.serving import CrossedPool
from vppdhc.leases.lease6 import Lease6, LeaseKind
from vppdhc.northbound.model import BUILD
from vppdhc.northbound.server_state import count
from vppdhc.northbound.sources import Instants, hexadecimal

_SERVER: Final = "dhc6server"


def lease_name(event: Event) -> str:
    """Return the name of the notification of an event."""
    return "address-conflict" if event.kind is EventKind.CONFLICT else f"lease-{event.kind}"


def lease_leafs(event: Event, instants: Instants) -> list[Element]:
    """Make what is in the notification of an event."""
    lease = event.lease
    if event.kind is EventKind.CONFLICT:
        return BUILD.leafs(
            server=_SERVER,
            interface=lease.interface,
            table_id=lease.table,
            address=IPv6Address(lease.network),
            hardware_address=hexadecimal(event.holder),
        )
    link = lease.details.link_address
    return [
        *BUILD.leafs(server=_SERVER, table_id=lease.table),
        _leased(lease),
        *BUILD.leafs(
            interface=lease.interface or None,
            hardware_address=hexadecimal(lease.hardware[1:]),
            client_duid=hexadecimal(lease.duid),
            ia_id=lease.ia_id if lease.duid else None,
            hostname=lease.hostname or None,
            lifetime=lease.valid,
            expires=instants.text(lease.expires),
            relay_address=IPv6Address(link) if link else None,
        ),
    ]


def _leased(lease: Lease6) -> Element:
    if lease.kind is LeaseKind.PREFIX:
        return BUILD.leaf("leased-prefix", IPv6Network((lease.network, lease.length)))
    return BUILD.leaf("leased-address", IPv6Address(lease.network))


def pool_name(pool: CrossedPool) -> str:
    """Return the name of the notification that a pool has become too full, or is so no longer."""
    kind = "prefix" if pool.kind is LeaseKind.PREFIX else "address"
    return f"{kind}-pool-utilization-threshold-{'exceeded' if pool.usage.exceeded else 'cleared'}"


def pool_leafs(pool: CrossedPool) -> list[Element]:
    """Make what is in that notification."""
    usage = pool.usage
    if pool.kind is LeaseKind.PREFIX:
        place = BUILD.leafs(table_id=pool.table, pool_prefix=pool.network, pool_id=pool.pool_id or None)
    else:
        place = BUILD.leafs(
            server=_SERVER,
            table_id=pool.table,
            network_prefix=pool.network,
            interface=pool.interface or None,
            subnet=pool.subnet or None,
            pool_id=pool.pool_id or None,
        )
    return [
        *place,
        *BUILD.leafs(
            total_count=count(usage.size),
            allocated_count=usage.allocated,
            utilization=usage.utilization,
            threshold=usage.threshold,
        ),
    ]
