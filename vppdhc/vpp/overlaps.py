"""Why VPP refuses an address: another one that it overlaps, of whom, and what helps."""

from collections.abc import Iterable
from ipaddress import IPv4Interface, IPv6Interface
from typing import Final

from vppdhc.interface import Interface
from vppdhc.vpp import actions
from vppdhc.vpp.errors import VppCallError, VppMessageError
from vppdhc.vpp.interfaces import Calls, InterfaceTable
from vppdhc.vpp.items import InterfaceAddress

_IN_USE: Final = frozenset({-105, -127})
"""VPP's return values for an address that overlaps one that is there already, of IPv4 and of IPv6."""

Address = IPv4Interface | IPv6Interface


def is_overlap(error: VppMessageError | None) -> bool:
    """Tell whether VPP refuses an address because of another one."""
    return isinstance(error, VppCallError) and error.retval in _IN_USE


def peers(interfaces: InterfaceTable, item: InterfaceAddress) -> list[Interface]:
    """Return the interfaces in whose table an address is to be."""
    own = interfaces.named(item.interface)
    if own is None:
        return []
    if item.address.version == 4:
        return [peer for peer in interfaces if peer.table4 == own.table4]
    return [peer for peer in interfaces if peer.table6 == own.table6]


def why_overlap(vpp: Calls, interfaces: InterfaceTable, item: InterfaceAddress) -> str:
    """Say whose address keeps VPP from taking one; raises VppError.

    The table of interfaces tells whom to ask first: it may be a second old.
    """
    known = {peer: _rivals(item, peer.name, _known(peer, item)) for peer in peers(interfaces, item)}
    for peer in sorted(known, key=lambda peer: not known[peer]):
        rivals = _rivals(item, peer.name, actions.addresses(vpp, peer.index, item.address.version))
        if rivals:
            return _explain(item, peer.name, ", ".join(map(str, rivals)))
    return f"VPP says that {item.address} overlaps a network that is in this table already"


def _known(peer: Interface, item: InterfaceAddress) -> tuple[Address, ...]:
    return peer.addresses4 if item.address.version == 4 else peer.addresses6


def _rivals(item: InterfaceAddress, interface: str, present: Iterable[Address]) -> list[Address]:
    """Return the addresses of an interface for which VPP takes no such one into the same table.

    Another address in the very same network is none of them on the same interface.
    """
    wanted = item.address
    return [
        address
        for address in present
        if address.network.overlaps(wanted.network)
        and (interface != item.interface or address.network != wanted.network or address.ip == wanted.ip)
    ]


def _explain(item: InterfaceAddress, holder: str, networks: str) -> str:
    if holder == item.interface:
        return f"{item.address} overlaps {networks}, which somebody else put on {holder}: take one of them away"
    return (
        f"{item.address} overlaps {networks} of interface {holder} in the same table: "
        f"renumber that one, or put {item.interface} into another table"
    )
