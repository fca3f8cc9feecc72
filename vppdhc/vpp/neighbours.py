"""What VPP knows of the hosts on a link: a mirror of its neighbour table, kept up to date by its events.

VPP tells of a neighbour whenever it hears of one, also when it knows it already, so that an event answers the
question whether somebody has an address. It never ages its table unless it is told to, so that an entry without an
event says no more than that somebody had the address once.

The subscription is for both families, as VPP has no other. What it tells of IPv6 is handed on and not kept: nobody
needs more of that than the answer to a question.
"""

import os
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final, NamedTuple

import structlog

from vppdhc.clock import Clock
from vppdhc.interface import Interface
from vppdhc.vpp.delivery import Refusal
from vppdhc.vpp.errors import VppCallError, VppError, VppUnsupportedError
from vppdhc.vpp.interfaces import Calls, InterfaceTable

_EVERYBODY: Final = IPv4Address(0)  # VPP's wildcard for the addresses of an interface, of both families
_IP4: Final = 0
_REMOVED: Final = 2
_MOST: Final = 50_000
"""Neighbours in the mirror, at most; VPP keeps no more of a family either unless it is told to."""

Listener = Callable[[str, int, bytes], object]
"""Called with the name of an interface, the address of a neighbour there, and its hardware address."""


class NeighbourEvents(NamedTuple):
    """VPP tells us of the neighbours on an interface; interface: its name."""

    interface: str

    def __str__(self) -> str:
        return f"events of neighbours on {self.interface}"


class Neighbour(NamedTuple):
    """An entry of the mirror.

    mac: hardware address. heard: CLOCK_BOOTTIME at which VPP last heard of it.
    """

    mac: bytes
    heard: float


class Neighbours:
    """The neighbours on the interfaces that are watched; those of IPv4 are kept.

    left_out: how often a neighbour was not kept as there were too many; listeners are told all the same.
    """

    def __init__(self, interfaces: InterfaceTable, clock: Clock) -> None:
        """Watch no interface at first."""
        self.left_out = 0
        self._interfaces = interfaces
        self._clock = clock
        self._owners: dict[str, frozenset[str]] = {}
        self._subscribed: dict[int, str] = {}
        self._known: dict[int, dict[int, Neighbour]] = {}
        self._count = 0
        self._reading: int | None = None
        self._meanwhile: set[int] = set()
        self._refused: dict[NeighbourEvents, Refusal] = {}
        self._listeners: list[Listener] = []
        self._listeners6: list[Listener] = []
        self._drift_listeners: list[Callable[[NeighbourEvents, str], object]] = []
        self._log = structlog.get_logger()
        interfaces.on_change(self._interface_changed)

    def __len__(self) -> int:
        return self._count

    def on_neighbour(self, listener: Listener) -> None:
        """Have a listener told whenever VPP hears of an IPv4 neighbour; it must not wait for anything."""
        self._listeners.append(listener)

    def on_neighbour6(self, listener: Listener) -> None:
        """Have a listener told whenever VPP hears of an IPv6 neighbour; it must not wait for anything."""
        self._listeners6.append(listener)

    def on_drift(self, listener: Callable[[NeighbourEvents, str], object]) -> None:
        """Have a listener told of what VPP refuses, with its reason, and with none when it no longer does."""
        self._drift_listeners.append(listener)

    @property
    def refused(self) -> dict[NeighbourEvents, Refusal]:
        """What VPP would not do when it was last tried."""
        return dict(self._refused)

    def watch(self, names: Iterable[str], owner: str = "dhc4server") -> bool:
        """Say which interfaces are watched for an owner from now on; returns whether that is news.

        An interface is watched as long as any owner wants it. Where it is news, place() is due.
        """
        before = self._wanted
        self._owners[owner] = frozenset(names)
        return self._wanted != before

    @property
    def _wanted(self) -> frozenset[str]:
        return frozenset().union(*self._owners.values())

    def watches(self, name: str) -> bool:
        """Whether VPP tells us of the neighbours on an interface now."""
        interface = self._interfaces.named(name)
        return interface is not None and name in self._wanted and self._subscribed.get(interface.index) == name

    def find(self, name: str, address: int) -> Neighbour | None:
        """Return what is known of an IPv4 address on an interface; None where it is not watched as well."""
        interface = self._interfaces.named(name)
        if interface is None or self._subscribed.get(interface.index) != name:
            return None
        return self._known[interface.index].get(address)

    def place(self, vpp: Calls) -> None:
        """Have VPP tell us of the interfaces that are watched, and of no others.

        Raises VppError when VPP does not answer; a refusal is logged once and tried again next time.
        """
        wanted, names = {}, self._wanted
        for name in names:
            interface = self._interfaces.named(name)
            if interface is not None:
                wanted[interface.index] = name
        for index in self._subscribed.keys() - wanted.keys():
            self._unsubscribe(vpp, index)
        for event in [event for event in self._refused if event.interface not in names]:
            del self._refused[event]
        for index in sorted(wanted):
            if self._subscribed.get(index) != wanted[index]:
                self._subscribe(vpp, index, wanted[index])

    def forget(self) -> None:
        """Note that VPP has gone and with it its table and our subscriptions."""
        self._subscribed.clear()
        self._known.clear()
        self._count = 0

    def remove(self, vpp: Calls) -> None:
        """Have VPP tell us nothing any more."""
        for index in list(self._subscribed):
            self._unsubscribe(vpp, index)

    def take(self, event: Any) -> None:
        """Take an ip_neighbor_event_v2 of VPP."""
        neighbour = event.neighbor
        index, ip_address = neighbour.sw_if_index, neighbour.ip_address
        name = self._subscribed.get(index)
        if name is None:
            return
        address = int(ip_address)
        if isinstance(ip_address, IPv6Address):
            if not event.flags & _REMOVED:
                self._tell_of(self._listeners6, name, address, neighbour.mac_address.packed)
            return
        if index == self._reading:
            self._meanwhile.add(address)
        if event.flags & _REMOVED:
            self._drop(index, address)
            return
        mac = neighbour.mac_address.packed
        self._keep(index, address, Neighbour(mac, self._clock.boottime()))
        self._tell_of(self._listeners, name, address, mac)

    @staticmethod
    def _tell_of(listeners: Iterable[Listener], name: str, address: int, mac: bytes) -> None:
        for listener in listeners:
            listener(name, address, mac)

    def _interface_changed(self, old: Interface | None, new: Interface | None) -> None:
        """Forget an interface that is gone; the next one of its name, or with its index, is another one.

        VPP keeps the subscription for the next one with the index. If that one is not watched, its events are left
        aside.
        """
        if old is not None and (new is None or new.index != old.index) and self._subscribed.get(old.index) == old.name:
            self._forget_interface(old.index)

    def _subscribe(self, vpp: Calls, index: int, name: str) -> None:
        """Have VPP tell us of an interface, and read what it knows there."""
        wanted = NeighbourEvents(name)
        self._forget_interface(index)
        self._subscribed[index] = name  # before VPP's answer, behind which events may come at once
        self._known[index] = {}
        try:
            _want(vpp, index, enable=True)
            self._read(vpp, index)
        except (VppCallError, VppUnsupportedError) as error:
            if index in self._subscribed:  # else it has gone meanwhile
                self._forget_interface(index)
                self._refuse(wanted, str(error))
            return
        except VppError:
            self._forget_interface(index)
            raise
        if self._refused.pop(wanted, None) is not None:
            self._tell(wanted, "")

    def _read(self, vpp: Calls, index: int) -> None:
        """Take over what VPP has, but of whom it has told since it was asked."""
        self._reading = index
        self._meanwhile.clear()
        try:
            details = vpp.dump("ip_neighbor_dump", sw_if_index=index, af=_IP4)
        finally:
            self._reading = None
        now = self._clock.boottime()
        for entry in details if index in self._subscribed else ():  # it may have gone meanwhile
            address = int(entry.neighbor.ip_address)
            if address not in self._meanwhile:
                self._keep(index, address, Neighbour(entry.neighbor.mac_address.packed, now - entry.age))

    def _unsubscribe(self, vpp: Calls, index: int) -> None:
        name = self._subscribed[index]
        self._forget_interface(index)
        try:
            _want(vpp, index, enable=False)
        except (VppCallError, VppUnsupportedError) as error:
            self._log.warning("VPP goes on telling of neighbours", interface=name, reason=str(error))

    def _forget_interface(self, index: int) -> None:
        self._subscribed.pop(index, None)
        self._count -= len(self._known.pop(index, ()))

    def _keep(self, index: int, address: int, neighbour: Neighbour) -> None:
        known = self._known[index]
        if address not in known:
            if self._count >= _MOST:
                self.left_out += 1
                return
            self._count += 1
        known[address] = neighbour

    def _drop(self, index: int, address: int) -> None:
        if self._known[index].pop(address, None) is not None:
            self._count -= 1

    def _refuse(self, wanted: NeighbourEvents, reason: str) -> None:
        refusal = self._refused.setdefault(wanted, Refusal("", self._clock.boottime()))
        refusal.attempts += 1
        if refusal.reason != reason:
            refusal.reason = reason
            self._log.warning(
                "VPP does not tell of neighbours, so addresses are offered there without asking who has them",
                interface=wanted.interface,
                reason=reason,
            )
            self._tell(wanted, reason)

    def _tell(self, wanted: NeighbourEvents, reason: str) -> None:
        for listener in self._drift_listeners:
            listener(wanted, reason)


def _want(vpp: Calls, index: int, *, enable: bool) -> None:
    vpp.call("want_ip_neighbor_events_v2", enable=enable, pid=os.getpid(), ip=_EVERYBODY, sw_if_index=index)
