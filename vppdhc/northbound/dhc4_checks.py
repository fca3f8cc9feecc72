"""What the schema cannot check of the DHCPv4 server's configuration: by itself, and against VPP's interfaces."""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network

from nc.pace import Pace
from vppdhc.dhc4.config import ServerConfig, Settings, SubnetConfig
from vppdhc.dhc4.layout import Layout, overlaps, widest
from vppdhc.dhc4.reservations import Reservation
from vppdhc.dhc4.subnet import Plan
from vppdhc.interface import Interface
from vppdhc.northbound import server_checks as shared
from vppdhc.northbound.server_checks import INTERFACE, INTERFACES, Networks, Problem, Steps


def in_itself(config: ServerConfig) -> Iterator[Problem]:
    """Go through what cannot be, whatever interfaces there are. Other greenlets run meanwhile."""
    for name, overrides in config.per_interface.items():
        settings = overrides.over(config.settings)
        yield from _lifetimes(((INTERFACE, name),), settings, config.settings)
    yield from shared.overlapping(config.subnets, overlaps(config.subnets))
    for subnet in config.subnets:
        around = config.settings_for(subnet.interface) if subnet.interface is not None else None
        yield from _subnet_lifetimes(subnet, around or config.settings)
        yield from shared.ranges(subnet)
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
            yield from _interface(shared.subnet_steps(subnet), "interface", subnet.interface, interfaces)
            yield from _place(subnet, subnet.interface, config, interfaces)
    yield from _other_lengths(config, interfaces)
    layout = Layout(config, interfaces.values())
    plans = [plan for place in layout.places() for plan in layout.plans(place) or ()]
    for plan in plans:
        if plan.config is not None:
            around = config.settings_for(plan.interface) if plan.interface else None
            yield from _subnet_lifetimes(plan.config, around or config.settings)
    yield from _reserved_addresses(config, plans)


# Lifetimes across levels: RFC 2131, 4.4.5


def _subnet_lifetimes(subnet: SubnetConfig, around: Settings) -> Iterator[Problem]:
    settings = subnet.overrides.over(around)
    yield from _lifetimes(shared.subnet_steps(subnet), settings, around)
    for pool in subnet.pools:
        yield from _lifetimes(shared.pool_steps(subnet, pool), pool.overrides.over(settings), settings)


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


# Interfaces


def _interface(steps: Steps, leaf: str, name: str, interfaces: Mapping[str, Interface]) -> Iterator[Problem]:
    """VPP has an interface, and it has a network."""
    interface = interfaces.get(name)
    if interface is None:
        yield shared.no_such_interface(steps, leaf, name, interfaces)
    elif not interface.addresses4:
        message = f"{name} has no IPv4 address, so that nobody is served there until it has one"
        yield Problem(steps, leaf, message, "no-address", harmless=True)


def _place(
    subnet: SubnetConfig, name: str, config: ServerConfig, interfaces: Mapping[str, Interface]
) -> Iterator[Problem]:
    """The interface that a subnet names is in its routing table, and served."""
    interface = interfaces.get(name)
    if interface is not None:
        yield from shared.other_table(subnet, name, interface.table4)
    if config.enabled and config.settings_for(name) is None:
        message = f"{name} is not served, as this router is a client there: name it in 'interfaces'"
        yield Problem(shared.subnet_steps(subnet), "interface", message, "interface-not-served")


def _other_lengths(config: ServerConfig, interfaces: Mapping[str, Interface]) -> Iterator[Problem]:
    """A network of an interface that is served is all of a subnet, or apart from it."""
    for interface in interfaces.values():
        if config.settings_for(interface.name) is not None:
            networks = widest(address.network for address in interface.addresses4)
            yield from shared.other_lengths(config.subnets, interface.name, interface.table4, networks)


# Reservations


def _contradictions(config: ServerConfig) -> Iterator[Problem]:
    """No two reservations are for the same client in the same place, or of the same address."""
    for one, other, about in config.reservations.contradictions:
        of_address = about == "address" and other.address is not None
        yield shared.reserved_twice(one, other, _text(other.address or 0) if of_address else "", "reserved-addr")


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
                yield Problem(shared.reservation_steps(one), "reserved-addr", message, "not-in-network")
            elif one.address in {subnet.first, subnet.last}:
                yield _not_for_hosts(one, one.address)


def _not_for_hosts(one: Reservation, address: int) -> Problem:
    message = f"reserved-addr {_text(address)} is the network's own or its broadcast address: no host can have it"
    return Problem(shared.reservation_steps(one), "reserved-addr", message, "address-not-for-hosts")


def _reserved_addresses(config: ServerConfig, plans: Sequence[Plan]) -> Iterator[Problem]:
    """The reserved addresses are in networks that are served, and are not the router's own."""
    networks = Networks(plans)
    pace = Pace()
    for one in config.reservations:
        pace.step()
        if one.address is not None:
            yield from _reserved_address(one, one.address, networks)


def _reserved_address(one: Reservation, address: int, networks: Networks[Plan]) -> Iterator[Problem]:
    around = networks.around(one.table, address)
    if len(around) == 1 and address not in around[0].own and not _is_end(around[0].network, address):
        return  # as nearly all are
    steps, what = shared.reservation_steps(one), f"reserved-addr {_text(address)}"
    if not around:
        if not one.subnet:  # what a subnet that is not served yet reserves waits for it
            message = f"{what} is in no network that is served: reserve one that is, or configure a subnet for it"
            yield Problem(steps, "reserved-addr", message, "address-not-served")
    elif any(address in plan.own for plan in around):
        yield Problem(steps, "reserved-addr", f"{what} is the router's own address", "address-of-router")
    elif not one.subnet and all(_is_end(plan.network, address) for plan in around):
        yield _not_for_hosts(one, address)
    elif len(around) > 1:
        yield shared.in_several_tables(one, what, [plan.table for plan in around])


def _is_end(network: IPv4Network, address: int) -> bool:
    ends = int(network.network_address), int(network.broadcast_address)
    return network.num_addresses > 2 and address in ends


def _text(address: int) -> str:
    return str(IPv4Address(address))
