"""VPP's interfaces as they are now: read whole, then kept live from events and by polling.

There is no event for a change of an address, a table or a name, and none for carrier loss on some devices
(af_packet), so the table is read again from time to time; an event only makes that happen at once.
"""

from collections.abc import Callable, Iterator
from ipaddress import IPv4Interface, IPv6Address, IPv6Interface
from typing import Any, Final, Protocol

import structlog

from vppdhc.interface import Interface, Vlan
from vppdhc.vpp.errors import VppCallError

_ADMIN_UP: Final = 1
_LINK_UP: Final = 2
_DOT1AD: Final = 8
_ANY_TAG: Final = 64 | 128
"""Flags of a sub-interface that takes any outer or inner tag: there is no telling which one a frame has."""
_CUSTOMER_TAG: Final = 0x8100
_SERVICE_TAG: Final = 0x88A8

Listener = Callable[[Interface | None, Interface | None], object]
"""Called with an interface as it was and as it is; None where there was or is none of that name."""


class Calls(Protocol):
    """The API of VPP, as ApiClient has it."""

    def call(self, name: str, /, **arguments: Any) -> Any:
        """Call and return the reply."""

    def dump(self, name: str, /, **arguments: Any) -> list[Any]:
        """Return the details of a dump."""


class InterfaceTable:
    """The interfaces of the VPP that we are connected to; empty while there is none.

    An index in here is one that VPP has at this moment, as far as anybody can tell: packets are sent to no other.
    """

    def __init__(self) -> None:
        self._by_index: dict[int, Interface] = {}
        self._by_name: dict[str, Interface] = {}
        self._listeners: list[Listener] = []
        self._deleted: set[int] = set()
        self._log = structlog.get_logger()

    def __iter__(self) -> Iterator[Interface]:
        return iter(list(self._by_name.values()))

    def __len__(self) -> int:
        return len(self._by_name)

    def get(self, index: int) -> Interface | None:
        """Return the interface that has an index now."""
        return self._by_index.get(index)

    def named(self, name: str) -> Interface | None:
        """Return the interface of exactly that name."""
        return self._by_name.get(name)

    def on_change(self, listener: Listener) -> None:
        """Have a listener told of every change from now on; it must not wait for anything."""
        self._listeners.append(listener)

    def read(self, vpp: Calls) -> None:
        """Read all interfaces from VPP and tell the listeners what has changed.

        Raises VppError when VPP does not answer as it should; the table is then as it was.
        """
        self._deleted.clear()
        details = vpp.dump("sw_interface_dump")
        macs = {entry.sw_if_index: entry.l2_address.packed for entry in details}
        found = [_read_interface(vpp, entry, macs) for entry in details]
        # What VPP said was deleted while we were still reading must not come back to life.
        now = [interface for interface in found if interface is not None and interface.index not in self._deleted]
        self._replace(now)

    def deleted(self, index: int) -> None:
        """Note at once that VPP has said of an interface that it is gone."""
        self._deleted.add(index)
        gone = self._by_index.get(index)
        if gone is not None:
            self._set(gone, None)

    def clear(self) -> None:
        """Forget all interfaces: VPP has gone."""
        self._replace([])

    def _replace(self, interfaces: list[Interface]) -> None:
        names = {interface.name for interface in interfaces}
        for old in list(self._by_name.values()):
            if old.name not in names:
                self._set(old, None)
        for new in interfaces:
            self._set(self._by_name.get(new.name), new)

    def _set(self, old: Interface | None, new: Interface | None) -> None:
        if old == new:
            return
        # The index may belong to another interface by now, renamed or made anew, whose turn comes or has come.
        if old is not None and self._by_index.get(old.index) is old:
            del self._by_index[old.index]
        if old is not None and new is None:
            del self._by_name[old.name]
        if new is not None:
            self._by_index[new.index] = new
            self._by_name[new.name] = new
        for listener in self._listeners:
            try:
                listener(old, new)
            except Exception:
                self._log.exception("listener of interface changes failed", interface=(new or old or _NOBODY).name)


_NOBODY: Final = Interface("", 0, b"", admin_up=False, link_up=False)


def _read_interface(vpp: Calls, entry: Any, macs: dict[int, bytes]) -> Interface | None:
    """Read what the dump does not tell; None where the interface has gone meanwhile."""
    index = entry.sw_if_index
    try:
        table4 = vpp.call("sw_interface_get_table", sw_if_index=index, is_ipv6=False).vrf_id
        table6 = vpp.call("sw_interface_get_table", sw_if_index=index, is_ipv6=True).vrf_id
    except VppCallError:
        return None
    return Interface(
        name=entry.interface_name,
        index=index,
        mac=macs.get(entry.sup_sw_if_index, entry.l2_address.packed) if entry.type else entry.l2_address.packed,
        admin_up=bool(entry.flags & _ADMIN_UP),
        link_up=bool(entry.flags & _LINK_UP),
        vlans=_vlans(entry),
        addresses4=tuple(IPv4Interface(str(address)) for address in _addresses(vpp, index, ipv6=False)),
        addresses6=tuple(IPv6Interface(str(address)) for address in _addresses(vpp, index, ipv6=True)),
        link_local=_link_local(vpp, index),
        table4=table4,
        table6=table6,
    )


def _vlans(entry: Any) -> tuple[Vlan, ...]:
    """Return the tags of a sub-interface, outermost first."""
    if entry.sub_number_of_tags == 0 or entry.sub_if_flags & _ANY_TAG:
        return ()
    outer = Vlan(_SERVICE_TAG if entry.sub_if_flags & _DOT1AD else _CUSTOMER_TAG, entry.sub_outer_vlan_id)
    if entry.sub_number_of_tags == 1:
        return (outer,)
    return outer, Vlan(_CUSTOMER_TAG, entry.sub_inner_vlan_id)


def _addresses(vpp: Calls, index: int, *, ipv6: bool) -> list[Any]:
    return [entry.prefix for entry in vpp.dump("ip_address_dump", sw_if_index=index, is_ipv6=ipv6)]


def _link_local(vpp: Calls, index: int) -> IPv6Address | None:
    try:
        address = vpp.call("sw_interface_ip6_get_link_local_address", sw_if_index=index).ip
    except VppCallError:  # IPv6 is not enabled there
        return None
    return IPv6Address(str(address))
