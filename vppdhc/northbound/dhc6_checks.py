"""What the schema cannot check of the DHCPv6 server's configuration: by itself, and against VPP's interfaces."""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv6Address
from typing import Final

from nc.pace import Pace
from vppdhc.dhc6.config import PrefixPoolConfig, ServerConfig, Settings, SubnetConfig
from vppdhc.dhc6.identifiers import ReservedIds
from vppdhc.dhc6.layout import Layout, overlaps, widest
from vppdhc.dhc6.reservations import Reservation
from vppdhc.dhc6.subnet import Plan
from vppdhc.interface import Interface
from vppdhc.northbound import server_checks as shared
from vppdhc.northbound.dhc6_config import Dhcp6Reading
from vppdhc.northbound.server_checks import INTERFACE, INTERFACES, POOL, Networks, Problem, Steps
from vppdhc.packet.dhcp6 import INFINITY

PREFIX_POOL: Final = "prefix-pool"


def in_itself(reading: Dhcp6Reading) -> Iterator[Problem]:
    """Go through what cannot be, whatever interfaces there are. Other greenlets run meanwhile."""
    config = reading.config
    yield from _lifetimes((), config.settings, None)
    for name, overrides in config.per_interface.items():
        yield from _lifetimes(((INTERFACE, name),), overrides.over(config.settings), config.settings)
    yield from shared.overlapping(config.subnets, overlaps(config.subnets))
    for subnet in config.subnets:
        around = config.settings_for(subnet.interface) if subnet.interface is not None else None
        yield from _subnet_lifetimes(subnet, around or config.settings)
        yield from _ranges(subnet, reading)
    yield from _prefix_pools(config)
    yield from _contradictions(config)
    yield from _outside(config)
    for name in _named(config):
        if name in reading.upstream:
            message = f"{name} leads to a provider, as a dhc4client is configured there: hosts of the provider's "
            message += "network would be offered this router's addresses"
            yield Problem(_served_steps(config, name), "", message, "client-and-server", harmless=True)


def on_interfaces(reading: Dhcp6Reading, interfaces: Mapping[str, Interface]) -> Iterator[Problem]:
    """Go through what does not go with VPP's interfaces as they are. Other greenlets run meanwhile."""
    config = reading.config
    for name in _named(config):
        yield from _interface(_served_steps(config, name), "", name, reading, interfaces)
    for subnet in config.subnets:
        if subnet.interface is not None:
            steps = shared.subnet_steps(subnet)
            if subnet.interface not in interfaces:
                yield shared.no_such_interface(steps, "interface", subnet.interface, interfaces)
            else:
                yield from shared.other_table(subnet, subnet.interface, interfaces[subnet.interface].table6)
    for interface in interfaces.values():
        if config.settings_for(interface.name) is not None:
            networks = widest(address.network for address in interface.addresses6)
            yield from shared.other_lengths(config.subnets, interface.name, interface.table6, networks)
    layout = Layout(config, interfaces.values())
    plans = [plan for place in layout.places() for plan in layout.plans(place) or ()]
    for plan in plans:
        if plan.config is not None:
            around = config.settings_for(plan.interface) if plan.interface else None
            yield from _subnet_lifetimes(plan.config, around or config.settings)
    yield from _reserved_addresses(reading, plans)


def _named(config: ServerConfig) -> list[str]:
    """Return the interfaces that are to be served, each once."""
    return list(dict.fromkeys((*config.interfaces, *config.per_interface)))


def _served_steps(config: ServerConfig, name: str) -> Steps:
    """Return the way to where an interface is named."""
    return ((INTERFACES if name in config.interfaces else INTERFACE, name),)


def _interface(
    steps: Steps, leaf: str, name: str, reading: Dhcp6Reading, interfaces: Mapping[str, Interface]
) -> Iterator[Problem]:
    """VPP has an interface, and it has a network, or gets one when a prefix is delegated."""
    interface = interfaces.get(name)
    if interface is None:
        yield shared.no_such_interface(steps, leaf, name, interfaces)
    elif not interface.addresses6 and name not in reading.lans:
        message = f"{name} has no IPv6 address but that of its link, so that clients get no addresses there until it "
        yield Problem(steps, leaf, f"{message}has one", "no-address", harmless=True)


# Lifetimes across levels: RFC 8415, 14.2, 21.4 and 21.6


def _subnet_lifetimes(subnet: SubnetConfig, around: Settings) -> Iterator[Problem]:
    settings = subnet.overrides.over(around)
    yield from _lifetimes(shared.subnet_steps(subnet), settings, around)
    for pool in subnet.pools:
        yield from _lifetimes(shared.pool_steps(subnet, pool), pool.overrides.over(settings), settings)


def _lifetimes(steps: Steps, settings: Settings, around: Settings | None) -> Iterator[Problem]:
    """T1 is earlier than T2, which is earlier than the end of the lease; what is wrong further out is told there."""
    message = _disorder(settings)
    if message and (around is None or message != _disorder(around)):
        yield Problem(steps, "", message, "lifetimes-out-of-order")
    unused = _unused(settings)
    if not message and unused and (around is None or unused != _unused(around)):
        yield Problem(steps, "", unused, "renewal-not-in-time", harmless=True)


def _disorder(settings: Settings) -> str:
    """Say what cannot be; a preferred lifetime of an outer level that is too long ends with the valid one."""
    valid, rebinding, renewal = settings.valid_lifetime, settings.rebinding_time, settings.renewal_time
    if rebinding is not None and rebinding >= valid:
        return f"rebind-time {rebinding} is not shorter than valid-lifetime {valid} here"
    if renewal is not None and renewal >= (rebinding or valid):
        name = "valid-lifetime" if rebinding is None else "rebind-time"
        return f"renew-time {renewal} is not shorter than {name} {rebinding or valid} here"
    return ""


def _unused(settings: Settings) -> str:
    """Say which time has no effect, as clients have to ask before what they have is deprecated (RFC 8415, 14.2)."""
    preferred = settings.lifetimes.preferred
    times = settings.times([settings.lifetimes])
    for name, said, used in (
        ("rebind-time", settings.rebinding_time, times.rebinding),
        ("renew-time", settings.renewal_time, times.renewal),
    ):
        if said is not None and said != used and preferred != INFINITY:
            return (
                f"{name} {said} is too late for preferred-lifetime {preferred} here, so that it is {used}: shorten it"
            )
    return ""


# Ranges of a subnet, and pools of prefixes


def _ranges(subnet: SubnetConfig, reading: Dhcp6Reading) -> Iterator[Problem]:
    """Ranges are in order and in the network, and pools are apart from each other."""
    told: set[Problem] = set()
    for problem in shared.ranges(subnet):
        one = _of_prefix(problem, subnet, reading)
        if one not in told:
            told.add(one)
            yield one


def _of_prefix(problem: Problem, subnet: SubnetConfig, reading: Dhcp6Reading) -> Problem:
    """Say the same of a pool that is given by a prefix, of which both ends are wrong or right together."""
    list_, key = problem.steps[-1]
    prefix = reading.pool_prefixes.get((subnet.id, key)) if list_ == POOL else None
    if prefix is None:
        return problem
    message = f"pool-prefix {prefix} is not in {subnet.network}, the network-prefix of this subnet"
    if problem.app_tag == "overlapping-pool":
        message = f"{problem.message.partition(':')[0]}: have pool-prefix {prefix} apart from the other"
    return problem._replace(leaf="pool-prefix", message=message)


def _prefix_pools(config: ServerConfig) -> Iterator[Problem]:
    """Pools of prefixes are apart from each other, for clients who are served, and their lifetimes are in order."""
    named = _named(config)
    for number, pool in enumerate(config.prefix_pools):
        steps = _pool_steps(pool)
        for other in config.prefix_pools[:number]:
            if _common(pool, other):
                message = f"prefix-pool {other.id} has prefixes in common with it: give each its own part"
                leaf = "pool-prefix" if pool.prefix is not None else "delegated-from"
                yield Problem(steps, leaf, message, "overlapping-pool")
        for name in pool.interfaces:
            if name not in named:
                message = f"{name} is not served: name it in 'interfaces' or give it an entry in 'interface'"
                yield Problem((*steps, (INTERFACE, name)), "", message, "interface-not-served")
        around = [config.settings_for(name) for name in pool.interfaces or named]
        for one in dict.fromkeys([settings for settings in around if settings is not None] or [config.settings]):
            yield from _lifetimes(steps, pool.overrides.over(one), one)


def _pool_steps(pool: PrefixPoolConfig) -> Steps:
    return ((PREFIX_POOL, pool.id),)


def _common(one: PrefixPoolConfig, other: PrefixPoolConfig) -> bool:
    """Whether a prefix could be of both pools; of one delegation there may be some of each length."""
    if one.table != other.table:
        return False
    if one.prefix is not None and other.prefix is not None:
        return one.prefix.overlaps(other.prefix)
    return one.delegated_from is not None and (one.delegated_from, one.length) == (other.delegated_from, other.length)


# Reservations


def _contradictions(config: ServerConfig) -> Iterator[Problem]:
    """No two reservations are for the same client in the same place, or of the same address or prefix."""
    for one, other, about in config.reservations.contradictions:
        if about == "address":
            yield shared.reserved_twice(one, other, _text(other.address or 0), "reserved-addr")
        elif about == "prefix":
            yield shared.reserved_twice(one, other, str(other.prefix), "reserved-prefix")
        else:
            yield shared.reserved_twice(one, other, "", "")


def _outside(config: ServerConfig) -> Iterator[Problem]:
    """What is reserved in a subnet is an address that a host can have there, and prefixes are of a pool."""
    subnets = {subnet.id: subnet for subnet in config.subnets}
    reserved_ids = {subnet.id: ReservedIds(subnet.network) for subnet in config.subnets}
    pace = Pace()
    for one in config.reservations:
        pace.step()
        if one.subnet and one.address is not None:
            subnet = subnets[one.subnet]
            if not subnet.first <= one.address <= subnet.last:
                message = f"reserved-addr {_text(one.address)} is not in {subnet.network}, the network-prefix of this "
                yield Problem(shared.reservation_steps(one), "reserved-addr", f"{message}subnet", "not-in-network")
            elif reserved_ids[one.subnet].until(one.address) is not None:
                yield _not_for_hosts(one, one.address)
        if one.prefix is not None:
            yield from _reserved_prefix(one, config)


def _reserved_prefix(one: Reservation, config: ServerConfig) -> Iterator[Problem]:
    """A reserved prefix is a part of what a pool is made from; what is delegated to us is not known yet."""
    prefix = one.prefix
    assert prefix is not None
    pools = [pool for pool in config.prefix_pools if one.table in {None, pool.table}]
    if any(pool.prefix is None or prefix.subnet_of(pool.prefix) for pool in pools):
        return
    message = f"reserved-prefix {prefix} is in no prefix-pool: reserve one that is, or configure a prefix-pool for it"
    yield Problem(shared.reservation_steps(one), "reserved-prefix", message, "prefix-not-served")


def _not_for_hosts(one: Reservation, address: int) -> Problem:
    message = f"reserved-addr {_text(address)} has a reserved interface id (RFC 5453): no host can have it"
    return Problem(shared.reservation_steps(one), "reserved-addr", message, "address-not-for-hosts")


def _reserved_addresses(reading: Dhcp6Reading, plans: Sequence[Plan]) -> Iterator[Problem]:
    """The reserved addresses are in networks that are served, and are not the router's own."""
    networks = Networks(plans)
    pace = Pace()
    for one in reading.config.reservations:
        pace.step()
        if one.address is not None:
            yield from _reserved_address(one, one.address, networks, awaited=bool(reading.lans))


def _reserved_address(one: Reservation, address: int, networks: Networks[Plan], *, awaited: bool) -> Iterator[Problem]:
    """Go through what is wrong with a reserved address; awaited: whether networks come with a delegated prefix."""
    around = networks.around(one.table, address)
    steps, what = shared.reservation_steps(one), f"reserved-addr {_text(address)}"
    if not around:
        if not one.subnet:  # what a subnet that is not served yet reserves waits for it
            message = f"{what} is in no network that is served: reserve one that is, or configure a subnet for it"
            yield Problem(steps, "reserved-addr", message, "address-not-served", harmless=awaited)
    elif any(address in plan.own for plan in around):
        yield Problem(steps, "reserved-addr", f"{what} is the router's own address", "address-of-router")
    elif not one.subnet and all(ReservedIds(plan.network).until(address) is not None for plan in around):
        yield _not_for_hosts(one, address)
    elif len(around) > 1:
        yield shared.in_several_tables(one, what, [plan.table for plan in around])


def _text(address: int) -> str:
    return str(IPv6Address(address))
