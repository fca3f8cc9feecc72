"""Which networks are served where: the configuration on the interfaces as they are."""

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from vppdhc.interface import Interface
from vppdhc.servers.config import NetworkT, SettingsT, SubnetConfigT
from vppdhc.servers.subnet import Place, Plan, Relayed


@dataclass(slots=True)
class _Configured(Generic[SubnetConfigT]):
    """A configured subnet, and the router's addresses in it, by the name of their interface."""

    config: SubnetConfigT
    own: dict[str, tuple[int, ...]]

    @property
    def places(self) -> Sequence[str]:
        """The interfaces that it is on, where those are served and in its table."""
        return tuple(self.own) if self.config.interface is None else (self.config.interface,)

    def within(self, addresses: Iterable[int]) -> tuple[int, ...]:
        """Return those of some addresses that are in it."""
        first, last = self.config.first, self.config.last
        return tuple(address for address in addresses if first <= address <= last)


class BaseLayout(ABC, Generic[NetworkT, SettingsT, SubnetConfigT]):
    """Says what is served where, and what has to be looked at again when an interface changes.

    A configured subnet is on the interface that it names, else on each served one that has an address in it. Where that
    is none, only relay agents lead to it. It goes before a network made from an interface, where the two overlap.

    interfaces: by name, as they are now.
    """

    def __init__(self, subnets: Sequence[SubnetConfigT], interfaces: Iterable[Interface]) -> None:
        """Lay out the configured subnets; one that overlaps an earlier one of its table is left out."""
        self.interfaces: dict[str, Interface] = {}
        refused = {later for _, later in overlaps(subnets)}
        self._subnets = [_Configured(one, {}) for number, one in enumerate(subnets) if number not in refused]
        self._by_id = {subnet.config.id: subnet for subnet in self._subnets}
        self._tables: dict[int, list[_Configured[SubnetConfigT]]] = {}
        for subnet in sorted(self._subnets, key=_first):
            self._tables.setdefault(subnet.config.table, []).append(subnet)
        for interface in interfaces:
            self.put(interface.name, interface)

    @abstractmethod
    def settings(self, place: Place) -> SettingsT | None:
        """Return the settings of all levels around the subnets of a place; None where nobody is served."""

    @staticmethod
    @abstractmethod
    def _table_of(interface: Interface) -> int:
        """Return the routing table of an interface."""

    @staticmethod
    @abstractmethod
    def _addresses_of(interface: Interface) -> Sequence[tuple[int, NetworkT]]:
        """Return the addresses of an interface, in VPP's order, each with its network."""

    def places(self) -> list[Place]:
        """Return all places where something may be served."""
        return [*self.interfaces, *(Relayed(id_) for id_ in self._by_id)]

    def put(self, name: str, interface: Interface | None) -> list[Place]:
        """Take note of an interface as it now is, None for gone; returns the places to be looked at again."""
        places: list[Place] = [name]
        self.interfaces.pop(name, None)
        table = None
        addresses: list[int] = []
        if interface is not None:
            self.interfaces[name] = interface
            table = self._table_of(interface)
            addresses = [address for address, _ in self._addresses_of(interface)]
        for subnet in self._subnets:
            before = name in subnet.own
            now = subnet.within(addresses) if table == subnet.config.table else ()
            if now:
                subnet.own[name] = now
            elif before:
                del subnet.own[name]
            if before or now or subnet.config.interface == name:
                places += Relayed(subnet.config.id), *subnet.places
        return places

    def change(self, old: Interface | None, new: Interface | None) -> list[Place]:
        """Take note of a new, changed or vanished interface; returns the places to be looked at again."""
        places: list[Place] = []
        if old is not None and (new is None or new.name != old.name):
            places += self.put(old.name, None)
        if new is not None:
            places += self.put(new.name, new)
        return places

    def table(self, name: str) -> int:
        """Return the routing table of an interface; 0 where nothing is known of it."""
        return self._table_of(self.interfaces[name]) if name in self.interfaces else 0

    def plans(self, place: Place) -> tuple[Plan[NetworkT, SettingsT, SubnetConfigT], ...] | None:
        """Say what is served at a place; None where nobody is."""
        settings = self.settings(place)
        if settings is None:
            return None
        if isinstance(place, Relayed):
            subnet = self._by_id.get(place.subnet)
            return None if subnet is None or self._served_at(subnet) else (self._plan(subnet, "", settings),)
        return tuple(self._plans_on(self.interfaces[place], settings))

    def _plans_on(
        self, interface: Interface, settings: SettingsT
    ) -> Iterator[Plan[NetworkT, SettingsT, SubnetConfigT]]:
        """Go through what is served on an interface: first the networks of its addresses, in VPP's order."""
        name, table = interface.name, self._table_of(interface)
        addresses = self._addresses_of(interface)
        left = [one for one in self._subnets if name in one.places and name in self._served_at(one)]
        networks = [(network, *_ends(network)) for network in widest(network for _, network in addresses)]
        for address, _ in addresses:
            subnet = self._at(table, address, address)
            if subnet in left:
                left.remove(subnet)
                yield self._plan(subnet, name, settings)
                continue
            around = next((one for one in networks if one[1] <= address <= one[2]), None)
            if around is not None:
                networks.remove(around)
                network, first, last = around
                if self._at(table, first, last) is None:
                    own = tuple(other for other, _ in addresses if first <= other <= last)
                    yield Plan(name, table, network, own, settings)
        for subnet in left:
            yield self._plan(subnet, name, settings)

    def _served_at(self, subnet: _Configured[SubnetConfigT]) -> list[str]:
        """Return the interfaces that a subnet is on."""
        return [
            name
            for name in subnet.places
            if name in self.interfaces and self.table(name) == subnet.config.table and self.settings(name) is not None
        ]

    def _at(self, table: int, first: int, last: int) -> _Configured[SubnetConfigT] | None:
        """Return the last configured subnet that has an address in a range."""
        subnets = self._tables.get(table, [])
        number = bisect_right(subnets, last, key=_first)
        return subnets[number - 1] if number and subnets[number - 1].config.last >= first else None

    @staticmethod
    def _plan(
        subnet: _Configured[SubnetConfigT], place: str, settings: SettingsT
    ) -> Plan[NetworkT, SettingsT, SubnetConfigT]:
        """Say what makes a subnet, with the settings of the levels around it."""
        config = subnet.config
        here = subnet.own.get(place, ())
        elsewhere = (address for name, addresses in subnet.own.items() if name != place for address in addresses)
        return Plan(place, config.table, config.network, (*here, *elsewhere), config.overrides.over(settings), config)


def _first(subnet: _Configured[Any]) -> int:
    return int(subnet.config.first)


def _ends(network: NetworkT) -> tuple[int, int]:
    """Return the lowest and the highest address of a network."""
    return int(network.network_address), int(network.broadcast_address)


def widest(networks: Iterable[NetworkT]) -> list[NetworkT]:
    """Return the networks that are in none of the others, each once."""
    every = {network: _ends(network) for network in networks}
    return [
        one
        for one, (first, last) in every.items()
        if not any(one != other and low <= first and last <= high for other, (low, high) in every.items())
    ]


def overlaps(subnets: Sequence[SubnetConfigT]) -> list[tuple[int, int]]:
    """Return which subnets overlap an earlier one of their table: the number of that one, and their own."""
    found = []
    apart: dict[int, list[int]] = {}
    for number, subnet in enumerate(subnets):
        others = apart.setdefault(subnet.table, [])
        place = bisect_right(others, subnet.first, key=lambda other: subnets[other].first)
        for other in others[max(0, place - 1) : place + 1]:
            if subnets[other].first <= subnet.last and subnet.first <= subnets[other].last:
                found.append((other, number))
                break
        else:
            others.insert(place, number)
    return found
