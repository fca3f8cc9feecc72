"""What the schema cannot check of the DHCPv4 server's configuration: by itself, and against VPP's interfaces."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Final, NamedTuple, TypeAlias

from nc.pace import Pace
from vppdhc.dhc4.config import PoolConfig, ServerConfig, Settings, SubnetConfig
from vppdhc.dhc4.layout import Layout, overlaps, widest
from vppdhc.dhc4.reservations import Reservation
from vppdhc.dhc4.subnet import Plan
from vppdhc.interface import Interface

SUBNET: Final = "subnet"
POOL: Final = "address-pool"
EXCLUDED: Final = "excluded-range"
RESERVATION: Final = "host-reservation"
INTERFACE: Final = "interface"
INTERFACES: Final = "interfaces"

Steps: TypeAlias = tuple[tuple[str, str], ...]
"""The way from dhc4server down: names of lists, each with the key of an entry."""


class Problem(NamedTuple):
    """Something that is wrong.

    steps: the entry that it is about.
    leaf: the leaf in that entry, empty for all of it.
    message: what is wrong, and what to do.
    app_tag: a word for programs.
    harmless: whether it is only worth a warning.
    """

    steps: Steps
    leaf: str
    message: str
    app_tag: str
    harmless: bool = False


def in_itself(config: ServerConfig) -> Iterator[Problem]:
    """Go through what cannot be, whatever interfaces there are. Other greenlets run meanwhile."""
    for name, overrides in config.per_interface.items():
        settings = overrides.over(config.settings)
        yield from _lifetimes(((INTERFACE, name),), settings, config.settings)
    for earlier, later in overlaps(config.subnets):
        subnet, other = config.subnets[later], config.subnets[earlier]
        yield Problem(
            _steps(subnet),
            "network-prefix",
            f"{subnet.network} overlaps {other.network}, which is subnet {other.id}: networks of a routing table are "
            "apart from each other",
            "overlapping-network",
        )
    for subnet in config.subnets:
        around = config.settings_for(subnet.interface) if subnet.interface is not None else None
        yield from _subnet_lifetimes(subnet, around or config.settings)
        yield from _ranges(subnet)
    yield from _contradictions(config)
    yield from _outside(config)


def on_interfaces(config: ServerConfig, interfaces: Mapping[str, Interface]) -> Iterator[Problem]:
    """Go through what does not go with VPP's interfaces as they are. Other greenlets run meanwhile."""
    for name in config.interfaces:
        yield from _interface(((INTERFACES, name),), "", name, interfaces)
    for name in config.per_interface:
        yield from _interface(((INTERFACE, name),), "", name, interfaces)
    for subnet in config.subnets:
        if subnet.interface is not None:
            yield from _interface(_steps(subnet), "interface", subnet.interface, interfaces)
            yield from _place(subnet, subnet.interface, config, interfaces)
    yield from _other_lengths(config, interfaces)
    layout = Layout(config, interfaces.values())
    plans = [plan for place in layout.places() for plan in layout.plans(place) or ()]
    for plan in plans:
        if plan.config is not None:
            around = config.settings_for(plan.interface) if plan.interface else None
            yield from _subnet_lifetimes(plan.config, around or config.settings)
    yield from _reserved_addresses(config, plans)


def _steps(subnet: SubnetConfig) -> Steps:
    return ((SUBNET, subnet.id),)


# Lifetimes across levels: RFC 2131, 4.4.5


def _subnet_lifetimes(subnet: SubnetConfig, around: Settings) -> Iterator[Problem]:
    settings = subnet.overrides.over(around)
    yield from _lifetimes(_steps(subnet), settings, around)
    for pool in subnet.pools:
        yield from _lifetimes(_pool_steps(subnet, pool), pool.overrides.over(settings), settings)


def _lifetimes(steps: Steps, settings: Settings, around: Settings) -> Iterator[Problem]:
    """T1 is earlier than T2, which is earlier than the end of the lease; what is wrong further out is told there."""
    message = _disorder(settings)
    if message and message != _disorder(around):
        yield Problem(steps, "", message, "lifetimes-out-of-order")


def _disorder(settings: Settings) -> str:
    rebinding = settings.rebinding_time
    if rebinding is not None and rebinding >= settings.lease_time:
        return f"rebinding-time {rebinding} is not shorter than lease-time {settings.lease_time} here"
    last = rebinding or settings.default_rebinding_time or settings.lease_time
    if settings.renewal_time is not None and settings.renewal_time >= last:
        return f"renewal-time {settings.renewal_time} is not shorter than rebinding-time {last} here"
    return ""


# Ranges of a subnet


def _pool_steps(subnet: SubnetConfig, pool: PoolConfig) -> Steps:
    return (*_steps(subnet), (POOL, pool.id))


def _ranges(subnet: SubnetConfig) -> Iterator[Problem]:
    """Ranges are in order and in the network, and pools are apart from each other."""
    for pool in subnet.pools:
        yield from _range(subnet, _pool_steps(subnet, pool), pool.first, pool.last)
    for first, last in subnet.excluded:
        yield from _range(subnet, (*_steps(subnet), (EXCLUDED, _text(first))), first, last)
    before: PoolConfig | None = None
    for pool in sorted(subnet.pools, key=lambda pool: pool.first):
        if before is not None and pool.first <= before.last:
            message = (
                f"address-pool {pool.id} and {before.id} have addresses in common: begin it behind {_text(before.last)}"
            )
            yield Problem(_pool_steps(subnet, pool), "start-address", message, "overlapping-pool")
        if before is None or pool.last > before.last:
            before = pool


def _range(subnet: SubnetConfig, steps: Steps, first: int, last: int) -> Iterator[Problem]:
    if last < first:
        message = f"end-address {_text(last)} is below start-address {_text(first)}: exchange them"
        yield Problem(steps, "end-address", message, "end-before-start")
    ends = {first: "start-address", last: "end-address"} if first != last else {first: "start-address"}
    for address, leaf in ends.items():
        if not subnet.first <= address <= subnet.last:
            message = f"{leaf} {_text(address)} is not in {subnet.network}, the network-prefix of this subnet"
            yield Problem(steps, leaf, message, "not-in-network")


# Interfaces


def _interface(steps: Steps, leaf: str, name: str, interfaces: Mapping[str, Interface]) -> Iterator[Problem]:
    """VPP has an interface, and it has a network."""
    interface = interfaces.get(name)
    if interface is None:
        names = ", ".join(sorted(interfaces)) or "none"
        yield Problem(steps, leaf, f"VPP has no interface {name}; it has {names}", "no-such-interface")
    elif not interface.addresses4:
        message = f"{name} has no IPv4 address, so that nobody is served there until it has one"
        yield Problem(steps, leaf, message, "no-address", harmless=True)


def _place(
    subnet: SubnetConfig, name: str, config: ServerConfig, interfaces: Mapping[str, Interface]
) -> Iterator[Problem]:
    """The interface that a subnet names is in its routing table, and served."""
    interface = interfaces.get(name)
    if interface is not None and interface.table4 != subnet.table:
        message = f"{name} is in routing table {interface.table4}, and this subnet in {subnet.table}: correct table-id"
        yield Problem(_steps(subnet), "interface", message, "other-table")
    if config.enabled and config.settings_for(name) is None:
        message = f"{name} is not served, as this router is a client there: name it in 'interfaces'"
        yield Problem(_steps(subnet), "interface", message, "interface-not-served")


def _other_lengths(config: ServerConfig, interfaces: Mapping[str, Interface]) -> Iterator[Problem]:
    """A network of an interface that is served is all of a subnet, or apart from it."""
    for interface in interfaces.values():
        if config.settings_for(interface.name) is None:
            continue
        for network in widest(address.network for address in interface.addresses4):
            first, last = int(network.network_address), int(network.broadcast_address)
            for subnet in config.subnets:
                apart = last < subnet.first or subnet.last < first or subnet.table != interface.table4
                if not apart and subnet.network != network:
                    message = (
                        f"{subnet.network} overlaps {network}, the network of {interface.name}: give them one length"
                    )
                    yield Problem(_steps(subnet), "network-prefix", message, "overlapping-network")


# Reservations


def _reservation_steps(one: Reservation) -> Steps:
    return (*(((SUBNET, one.subnet),) if one.subnet else ()), (RESERVATION, one.id))


def _contradictions(config: ServerConfig) -> Iterator[Problem]:
    """No two reservations are for the same client in the same place, or of the same address."""
    for one, other, about in config.reservations.contradictions:
        where = f" of subnet {one.subnet}" if one.subnet else ""
        if about == "address" and other.address is not None:
            message = (
                f"{_text(other.address)} is reserved already, by host-reservation {one.id}{where}: reserve another one"
            )
            yield Problem(_reservation_steps(other), "reserved-addr", message, "address-reserved-twice")
        else:
            message = f"host-reservation {one.id}{where} is for the same client: make one of the two"
            yield Problem(_reservation_steps(other), "", message, "client-reserved-twice")


def _outside(config: ServerConfig) -> Iterator[Problem]:
    """What is reserved in a subnet is an address that a host can have there."""
    subnets = {subnet.id: subnet for subnet in config.subnets}
    pace = Pace()
    for one in config.reservations:
        pace.step()
        if one.subnet and one.address is not None:
            subnet = subnets[one.subnet]
            if not subnet.first <= one.address <= subnet.last:
                message = (
                    f"reserved-addr {_text(one.address)} is not in {subnet.network}, the network-prefix of this subnet"
                )
                yield Problem(_reservation_steps(one), "reserved-addr", message, "not-in-network")
            elif one.address in {subnet.first, subnet.last}:
                yield _not_for_hosts(one, one.address)


def _not_for_hosts(one: Reservation, address: int) -> Problem:
    message = f"reserved-addr {_text(address)} is the network's own or its broadcast address: no host can have it"
    return Problem(_reservation_steps(one), "reserved-addr", message, "address-not-for-hosts")


def _reserved_addresses(config: ServerConfig, plans: Sequence[Plan]) -> Iterator[Problem]:
    """The reserved addresses are in networks that are served, and are not the router's own."""
    networks = _Networks(plans)
    pace = Pace()
    for one in config.reservations:
        pace.step()
        if one.address is not None:
            yield from _reserved_address(one, one.address, networks)


class _Networks:
    """Networks that are served, by table, found by an address in them."""

    def __init__(self, plans: Iterable[Plan]) -> None:
        self._tables: dict[int, list[Plan]] = {}
        for plan in sorted(plans, key=_first):
            self._tables.setdefault(plan.table, []).append(plan)

    def around(self, table: int | None, address: int) -> list[Plan]:
        """Return the networks that an address is in, one at most of each table: of this table, or of all."""
        found = []
        for plans in self._tables.values() if table is None else [self._tables.get(table, [])]:
            number = bisect_right(plans, address, key=_first)
            if number and address <= int(plans[number - 1].network.broadcast_address):
                found.append(plans[number - 1])
        return found


def _first(plan: Plan) -> int:
    return int(plan.network.network_address)


def _reserved_address(one: Reservation, address: int, networks: _Networks) -> Iterator[Problem]:
    around = networks.around(one.table, address)
    if len(around) == 1 and address not in around[0].own and not _is_end(around[0].network, address):
        return  # as nearly all are
    steps, what = _reservation_steps(one), f"reserved-addr {_text(address)}"
    if not around:
        if not one.subnet:  # what a subnet that is not served yet reserves waits for it
            message = f"{what} is in no network that is served: reserve one that is, or configure a subnet for it"
            yield Problem(steps, "reserved-addr", message, "address-not-served")
    elif any(address in plan.own for plan in around):
        yield Problem(steps, "reserved-addr", f"{what} is the router's own address", "address-of-router")
    elif not one.subnet and all(_is_end(plan.network, address) for plan in around):
        yield _not_for_hosts(one, address)
    elif len(around) > 1:
        tables = ", ".join(str(table) for table in sorted(plan.table for plan in around))
        message = f"{what} is in the routing tables {tables}, and reserved in all of them: reserve it in a subnet"
        yield Problem(steps, "reserved-addr", message, "address-in-several-tables", harmless=True)


def _is_end(network: IPv4Network, address: int) -> bool:
    ends = int(network.network_address), int(network.broadcast_address)
    return network.num_addresses > 2 and address in ends


def _text(address: int) -> str:
    return str(IPv4Address(address))
