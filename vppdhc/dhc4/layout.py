"""Which networks are served where: the configuration on the interfaces as they are."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

from vppdhc.dhc4.config import ServerConfig, Settings, SubnetConfig
from vppdhc.dhc4.subnet import Place, Plan, Relayed
from vppdhc.interface import Interface


@dataclass(slots=True)
class _Configured:
    """A configured subnet, and the router's addresses in it, by the name of their interface."""

    config: SubnetConfig
    own: dict[str, tuple[int, ...]]

    @property
    def places(self) -> Sequence[str]:
        """The interfaces that it is on, where those are served and in its table."""
        return tuple(self.own) if self.config.interface is None else (self.config.interface,)

    def within(self, addresses: Iterable[int]) -> tuple[int, ...]:
        """Return those of some addresses that are in it."""
        first, last = self.config.first, self.config.last
        return tuple(address for address in addresses if first <= address <= last)


class Layout:
    """Says what is served where, and what has to be looked at again when an interface changes.

    A configured subnet is on the interface that it names, else on each served one that has an address in it. Where that
    is none, only relay agents lead to it. It goes before a network made from an interface, where the two overlap.

    interfaces: by name, as they are now.
    """

    def __init__(self, config: ServerConfig, interfaces: Iterable[Interface] = ()) -> None:
        self._config = config
        self.interfaces: dict[str, Interface] = {}
        refused = {later for _, later in overlaps(config.subnets)}
        self._subnets = [_Configured(one, {}) for number, one in enumerate(config.subnets) if number not in refused]
        self._by_id = {subnet.config.id: subnet for subnet in self._subnets}
        self._tables: dict[int, list[_Configured]] = {}
        for subnet in sorted(self._subnets, key=_first):
            self._tables.setdefault(subnet.config.table, []).append(subnet)
        for interface in interfaces:
            self.put(interface.name, interface)

    def places(self) -> list[Place]:
        """Return all places where something may be served."""
        return [*self.interfaces, *(Relayed(id_) for id_ in self._by_id)]

    def put(self, name: str, interface: Interface | None) -> list[Place]:
        """Take note of an interface as it now is, None for gone; returns the places to be looked at again."""
        places: list[Place] = [name]
        self.interfaces.pop(name, None)
        addresses: list[int] = []
        if interface is not None:
            self.interfaces[name] = interface
            addresses = [int(address.ip) for address in interface.addresses4]
        for subnet in self._subnets:
            before = name in subnet.own
            now = interface is not None and interface.table4 == subnet.config.table and subnet.within(addresses)
            if now:
                subnet.own[name] = now
            elif before:
                del subnet.own[name]
            if before or now or subnet.config.interface == name:
                places += Relayed(subnet.config.id), *subnet.places
        return places

    def table(self, place: Place) -> int:
        """Return the routing table of a place; 0 where nothing is known of it."""
        if isinstance(place, Relayed):
            return self._by_id[place.subnet].config.table if place.subnet in self._by_id else 0
        return self.interfaces[place].table4 if place in self.interfaces else 0

    def plans(self, place: Place) -> tuple[Plan, ...] | None:
        """Say what is served at a place; None where nobody is."""
        if isinstance(place, Relayed):
            subnet = self._by_id.get(place.subnet)
            if subnet is None or not self._config.enabled or self._served_at(subnet):
                return None
            return (_plan(subnet, "", self._config.settings),)
        settings = self._settings(place)
        return None if settings is None else tuple(self._plans_on(self.interfaces[place], settings))

    def _plans_on(self, interface: Interface, settings: Settings) -> Iterator[Plan]:
        """Go through what is served on an interface: first the networks of its addresses, in VPP's order."""
        name = interface.name
        left = [one for one in self._subnets if name in one.places and name in self._served_at(one)]
        networks = widest(address.network for address in interface.addresses4)
        for address in interface.addresses4:
            subnet = self._at(interface.table4, int(address.ip), int(address.ip))
            if subnet in left:
                left.remove(subnet)
                yield _plan(subnet, name, settings)
                continue
            network = next((network for network in networks if address.ip in network), None)
            if network is not None:
                networks.remove(network)
                first, last = int(network.network_address), int(network.broadcast_address)
                if self._at(interface.table4, first, last) is None:
                    own = tuple(int(other.ip) for other in interface.addresses4 if other.ip in network)
                    yield Plan(name, interface.table4, network, own, settings)
        for subnet in left:
            yield _plan(subnet, name, settings)

    def _served_at(self, subnet: _Configured) -> list[str]:
        """Return the interfaces that a subnet is on."""
        return [
            name
            for name in subnet.places
            if name in self.interfaces
            and self.interfaces[name].table4 == subnet.config.table
            and self._settings(name) is not None
        ]

    def _settings(self, name: str) -> Settings | None:
        """Return the settings of an interface, None where it is not served: nobody can be without an address."""
        interface = self.interfaces.get(name)
        return self._config.settings_for(name) if interface is not None and interface.addresses4 else None

    def _at(self, table: int, first: int, last: int) -> _Configured | None:
        """Return the last configured subnet that has an address in a range."""
        subnets = self._tables.get(table, [])
        number = bisect_right(subnets, last, key=_first)
        return subnets[number - 1] if number and subnets[number - 1].config.last >= first else None


def _first(subnet: _Configured) -> int:
    return subnet.config.first


def _plan(subnet: _Configured, place: str, settings: Settings) -> Plan:
    """Say what makes a subnet, with the settings of the levels around it."""
    config = subnet.config
    here = subnet.own.get(place, ())
    elsewhere = (address for name, addresses in subnet.own.items() if name != place for address in addresses)
    return Plan(place, config.table, config.network, (*here, *elsewhere), config.overrides.over(settings), config)


def widest(networks: Iterable[IPv4Network]) -> list[IPv4Network]:
    """Return the networks that are in none of the others, each once."""
    every = list(dict.fromkeys(networks))
    return [one for one in every if not any(one != other and one.subnet_of(other) for other in every)]


def overlaps(subnets: Sequence[SubnetConfig]) -> list[tuple[int, int]]:
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
