"""The calls to VPP that look for an item, add it and take it away: one of each for every kind."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from ipaddress import IPv4Interface, IPv6Interface
from typing import Any, Final

from vppdhc.vpp.errors import VppCallError
from vppdhc.vpp.interfaces import Calls
from vppdhc.vpp.items import InterfaceAddress, InterfaceMtu, Item, NptBinding, Route, RouteKind
from vppdhc.vpp.ledger import Trace

NO_INTERFACE: Final = 0xFFFFFFFF
NO_SUCH_TABLE: Final = -3
NO_SUCH_INTERFACE: Final = -54

_NO_SUCH_ENTRY: Final = -6
_NO_SUCH_ADDRESS: Final = -60
_PATH_TYPES: Final[dict[RouteKind, int]] = {"unicast": 0, "drop": 2, "unreachable": 5}
_LABELS: Final = 16
_TRANSLATION: Final = "npt66-input"
_IP4: Final = 1
"""Place of IPv4's MTU among the four of an interface: of the link, IPv4, IPv6, MPLS."""


class Presence(Enum):
    """How VPP has an item.

    CHANGED: the address with another length, or the path with another preference. UNKNOWN: it cannot be asked.
    """

    PRESENT = auto()
    CHANGED = auto()
    ABSENT = auto()
    UNKNOWN = auto()


def look(vpp: Calls, item: Item, index: int) -> Presence:
    """Look whether VPP has an item, on the interface with that index; raises VppError."""
    match item:
        case InterfaceAddress():
            lengths = [at for at in addresses(vpp, index, item.address.version) if at.ip == item.address.ip]
            return _presence(len(lengths), item.address in lengths)
        case Route():
            preferences = [path.preference for path in _paths(vpp, item) if _is_ours(path, item, index)]
            return _presence(len(preferences), item.preference in preferences)
        case InterfaceMtu():
            return Presence.PRESENT if ip4_mtu(vpp, index) == item.mtu else Presence.ABSENT
        case NptBinding():
            return Presence.UNKNOWN


def _presence(alike: int, exact: bool) -> Presence:
    if exact:
        return Presence.PRESENT
    return Presence.CHANGED if alike else Presence.ABSENT


def add(vpp: Calls, item: Item, index: int) -> None:
    """Add an item; a binding takes the place of an earlier one, and a path that is there stays as it is.

    Raises VppError; VppCallError when VPP refuses.
    """
    match item:
        case InterfaceAddress():
            _change_address(vpp, item, index, add=True)
        case Route():
            _change_route(vpp, item, index, add=True)
        case InterfaceMtu():
            _set_ip4_mtu(vpp, index, item.mtu)
        case NptBinding():
            _change_binding(vpp, item, index, add=True)


def remove(vpp: Calls, trace: Trace) -> None:
    """Take an item away, where it still is as we made it; raises VppError."""
    item, index = trace.item, trace.index
    match item:
        case InterfaceAddress():
            # VPP ignores the length, and one with another length is somebody else's.
            if item.address in addresses(vpp, index, item.address.version):
                with _absent(_NO_SUCH_ADDRESS):
                    _change_address(vpp, item, index, add=False)
        case Route():
            with _absent(NO_SUCH_TABLE):
                _change_route(vpp, item, index, add=False)
        case InterfaceMtu():
            if ip4_mtu(vpp, index) == item.mtu:
                _set_ip4_mtu(vpp, index, trace.previous)
        case NptBinding():
            with _absent(_NO_SUCH_ENTRY):
                _change_binding(vpp, item, index, add=False)


def remove_stranded(vpp: Calls, item: Route, index: int) -> bool:
    """Take away a path over an index that no interface has; returns whether it is gone. Raises VppError.

    VPP takes no such path, not even to delete it. All paths of the prefix can be deleted, which is done where ours
    is the only one: it hides routes of weaker sources. Beside others it does no harm and waits for the index.
    """
    paths = _paths(vpp, item)
    ours = [path for path in paths if _is_ours(path, item, index)]
    if ours and len(paths) == len(ours):
        route = {"table_id": item.table, "prefix": str(item.prefix), "n_paths": 0, "paths": []}
        vpp.call("ip_route_add_del", is_add=False, is_multipath=False, route=route)
        return True
    return not paths


def proves(vpp: Calls, item: Item, index: int) -> bool:
    """Look whether an item shows that its interface is the one that it was put on, with that index; raises VppError.

    A binding outlives its interface, but does nothing for the next one of the same index.
    """
    match item:
        case InterfaceAddress():
            return look(vpp, item, index) is Presence.PRESENT
        case NptBinding():
            return _TRANSLATION in vpp.call("cli_inband", cmd=f"show interface features {item.interface}").reply
        case _:
            return False


def addresses(vpp: Calls, index: int, version: int) -> list[IPv4Interface | IPv6Interface]:
    """Return the addresses of one family that an interface has; raises VppError."""
    kind = IPv4Interface if version == 4 else IPv6Interface
    dump = vpp.dump("ip_address_dump", sw_if_index=index, is_ipv6=version == 6)
    return [kind(str(entry.prefix)) for entry in dump]


def ip4_mtu(vpp: Calls, index: int) -> int:
    """Return the IPv4 MTU of an interface, 0 where it is that of the link; raises VppError."""
    details = _details(vpp, index)
    return 0 if details is None else int(details.mtu[_IP4])


def link_mtu(vpp: Calls, index: int) -> int:
    """Return the largest packet that the link of an interface carries; raises VppError."""
    details = _details(vpp, index)
    return 0 if details is None else int(details.mtu[0] or details.link_mtu)


@contextmanager
def _absent(retval: int) -> Iterator[None]:
    """Ignore one return value, which says that there is nothing to take away."""
    try:
        yield
    except VppCallError as error:
        if error.retval != retval:
            raise


def _change_address(vpp: Calls, item: InterfaceAddress, index: int, *, add: bool) -> None:
    vpp.call("sw_interface_add_del_address", sw_if_index=index, is_add=add, prefix=str(item.address))


def _change_route(vpp: Calls, item: Route, index: int, *, add: bool) -> None:
    path: dict[str, Any] = {
        "sw_if_index": index,
        "type": _PATH_TYPES[item.kind],
        "proto": int(item.prefix.version == 6),
        "weight": 1,
        "preference": item.preference,
        "n_labels": 0,
        "label_stack": [{}] * _LABELS,  # the layout has a fixed number, used or not
    }
    if item.next_hop is not None and not item.interface:
        path["table_id"] = item.table  # where the way to it is found
    if item.next_hop is not None:
        path["nh"] = {"address": {f"ip{item.next_hop.version}": str(item.next_hop)}}
    route = {"table_id": item.table, "prefix": str(item.prefix), "n_paths": 1, "paths": [path]}
    vpp.call("ip_route_add_del", is_add=add, is_multipath=True, route=route)


def _paths(vpp: Calls, item: Route) -> list[Any]:
    """Return the paths that count for a prefix, whoever put them there.

    One prefix is looked up, as a dump of all of a table would hold up a router with the routes of the Internet.
    """
    try:
        reply = vpp.call("ip_route_lookup", table_id=item.table, exact=True, prefix=str(item.prefix))
    except VppCallError as error:
        if error.retval in (NO_SUCH_TABLE, _NO_SUCH_ENTRY):
            return []
        raise
    return list(reply.route.paths)


def _is_ours(path: Any, item: Route, index: int) -> bool:
    """Tell whether a path is that of a route, with whatever preference."""
    if (path.type, path.sw_if_index) != (_PATH_TYPES[item.kind], index):
        return False
    address = path.nh.address.ip6 if item.prefix.version == 6 else path.nh.address.ip4
    hop = item.next_hop
    if hop is None and item.kind == "unicast" and item.prefix.prefixlen == item.prefix.max_prefixlen:
        hop = item.prefix.network_address  # VPP makes a host on the link its own next hop
    return int(address) == (0 if hop is None else int(hop))


def _details(vpp: Calls, index: int) -> Any | None:
    dump = vpp.dump("sw_interface_dump", sw_if_index=index)
    return next((entry for entry in dump if entry.sw_if_index == index), None)


def _set_ip4_mtu(vpp: Calls, index: int, mtu: int) -> None:
    """Set one of the four MTUs; all of them have to be said."""
    details = _details(vpp, index)
    if details is not None:
        mtus = list(details.mtu)
        mtus[_IP4] = mtu
        vpp.call("sw_interface_set_mtu", sw_if_index=index, mtu=mtus)


def _change_binding(vpp: Calls, item: NptBinding, index: int, *, add: bool) -> None:
    vpp.call(
        "npt66_binding_add_del",
        is_add=add,
        sw_if_index=index,
        internal=str(item.internal),
        external=str(item.external),
    )
