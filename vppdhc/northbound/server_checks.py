"""What the checks of the DHCPv4 and the DHCPv6 server's configuration have in common."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Final, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from vppdhc.interface import Interface

SUBNET: Final = "subnet"
POOL: Final = "address-pool"
EXCLUDED: Final = "excluded-range"
RESERVATION: Final = "host-reservation"
INTERFACE: Final = "interface"
INTERFACES: Final = "interfaces"

Steps: TypeAlias = tuple[tuple[str, str], ...]
"""The way from the server down: names of lists, each with the key of an entry."""


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


class Pool(Protocol):
    """A range of addresses that is configured."""

    @property
    def id(self) -> str:
        """Names it in its subnet."""

    @property
    def first(self) -> int:
        """The lowest address."""

    @property
    def last(self) -> int:
        """The highest address."""


class Subnet(Protocol):
    """A network that is configured."""

    @property
    def id(self) -> str:
        """Names it."""

    @property
    def network(self) -> IPv4Network | IPv6Network:
        """The network."""

    @property
    def table(self) -> int:
        """Routing table id."""

    @property
    def first(self) -> int:
        """The lowest address."""

    @property
    def last(self) -> int:
        """The highest address."""

    @property
    def pools(self) -> Sequence[Pool]:
        """Addresses for clients."""

    @property
    def excluded(self) -> Sequence[tuple[int, int]]:
        """First and last address of each range that is given to nobody."""


class HasId(Protocol):
    """A reservation, as far as its place is concerned."""

    @property
    def id(self) -> str:
        """Names it."""

    @property
    def subnet(self) -> str:
        """Id of the subnet that it is in; empty for none."""


def address_text(network: IPv4Network | IPv6Network, address: int) -> str:
    """Write an address of the version that a network is of."""
    return str(type(network.network_address)(address))


def subnet_steps(subnet: Subnet) -> Steps:
    """Return the way to a subnet."""
    return ((SUBNET, subnet.id),)


def pool_steps(subnet: Subnet, pool: Pool) -> Steps:
    """Return the way to a pool."""
    return (*subnet_steps(subnet), (POOL, pool.id))


def reservation_steps(one: HasId) -> Steps:
    """Return the way to a reservation."""
    return (*(((SUBNET, one.subnet),) if one.subnet else ()), (RESERVATION, one.id))


def overlapping(subnets: Sequence[Subnet], pairs: Iterable[tuple[int, int]]) -> Iterator[Problem]:
    """Go through subnets that overlap an earlier one; pairs: the number of that one, and their own."""
    for earlier, later in pairs:
        subnet, other = subnets[later], subnets[earlier]
        message = f"{subnet.network} overlaps {other.network}, which is subnet {other.id}: networks of a routing table "
        yield Problem(
            subnet_steps(subnet), "network-prefix", f"{message}are apart from each other", "overlapping-network"
        )


def ranges(subnet: Subnet) -> Iterator[Problem]:
    """Ranges are in order and in the network, and pools are apart from each other."""
    for pool in subnet.pools:
        yield from _range(subnet, pool_steps(subnet, pool), pool.first, pool.last)
    for first, last in subnet.excluded:
        steps = (*subnet_steps(subnet), (EXCLUDED, address_text(subnet.network, first)))
        yield from _range(subnet, steps, first, last)
    before: Pool | None = None
    for pool in sorted(subnet.pools, key=lambda pool: pool.first):
        if before is not None and pool.first <= before.last:
            last_text = address_text(subnet.network, before.last)
            message = f"address-pool {pool.id} and {before.id} have addresses in common: begin it behind {last_text}"
            yield Problem(pool_steps(subnet, pool), "start-address", message, "overlapping-pool")
        if before is None or pool.last > before.last:
            before = pool


def _range(subnet: Subnet, steps: Steps, first: int, last: int) -> Iterator[Problem]:
    if last < first:
        shown = address_text(subnet.network, last), address_text(subnet.network, first)
        message = f"end-address {shown[0]} is below start-address {shown[1]}: exchange them"
        yield Problem(steps, "end-address", message, "end-before-start")
    ends = {first: "start-address", last: "end-address"} if first != last else {first: "start-address"}
    for address, leaf in ends.items():
        if not subnet.first <= address <= subnet.last:
            shown_end = address_text(subnet.network, address)
            message = f"{leaf} {shown_end} is not in {subnet.network}, the network-prefix of this subnet"
            yield Problem(steps, leaf, message, "not-in-network")


def no_such_interface(steps: Steps, leaf: str, name: str, interfaces: Mapping[str, Interface]) -> Problem:
    """Say that VPP has no interface of a name."""
    names = ", ".join(sorted(interfaces)) or "none"
    return Problem(steps, leaf, f"VPP has no interface {name}; it has {names}", "no-such-interface")


def other_table(subnet: Subnet, name: str, table: int) -> Iterator[Problem]:
    """An interface that a subnet names is in the subnet's routing table; table: that of the interface."""
    if table != subnet.table:
        message = f"{name} is in routing table {table}, and this subnet in {subnet.table}: correct table-id"
        yield Problem(subnet_steps(subnet), "interface", message, "other-table")


def other_lengths(
    subnets: Iterable[Subnet], name: str, table: int, networks: Iterable[IPv4Network | IPv6Network]
) -> Iterator[Problem]:
    """A network of an interface that is served is all of a subnet, or apart from it.

    name, table, networks: of the interface.
    """
    for network in networks:
        first, last = int(network.network_address), int(network.broadcast_address)
        for subnet in subnets:
            apart = last < subnet.first or subnet.last < first or subnet.table != table
            if not apart and subnet.network != network:
                message = f"{subnet.network} overlaps {network}, the network of {name}: give them one length"
                yield Problem(subnet_steps(subnet), "network-prefix", message, "overlapping-network")


def reserved_twice(one: HasId, other: HasId, what: str, leaf: str) -> Problem:
    """Say that two reservations cannot both hold.

    one: the first, which does. what: what both reserve, for people; empty where they are for one client. leaf: it.
    """
    where = f" of subnet {one.subnet}" if one.subnet else ""
    if what:
        message = f"{what} is reserved already, by host-reservation {one.id}{where}: reserve another one"
        kind = "prefix" if leaf == "reserved-prefix" else "address"
        return Problem(reservation_steps(other), leaf, message, f"{kind}-reserved-twice")
    message = f"host-reservation {one.id}{where} is for the same client: make one of the two"
    return Problem(reservation_steps(other), "", message, "client-reserved-twice")


class Served(Protocol):
    """A network that is served."""

    @property
    def table(self) -> int:
        """Routing table id."""

    @property
    def network(self) -> IPv4Network | IPv6Network:
        """The network."""


ServedT = TypeVar("ServedT", bound=Served)


class Networks(Generic[ServedT]):
    """Networks that are served, by table, found by an address in them."""

    def __init__(self, plans: Iterable[ServedT]) -> None:
        self._tables: dict[int, list[ServedT]] = {}
        for plan in sorted(plans, key=_first):
            self._tables.setdefault(plan.table, []).append(plan)

    def around(self, table: int | None, address: int) -> list[ServedT]:
        """Return the networks that an address is in, one at most of each table: of this table, or of all."""
        found = []
        for plans in self._tables.values() if table is None else [self._tables.get(table, [])]:
            number = bisect_right(plans, address, key=_first)
            if number and address <= int(plans[number - 1].network.broadcast_address):
                found.append(plans[number - 1])
        return found


def _first(plan: Served) -> int:
    return int(plan.network.network_address)


def in_several_tables(one: HasId, what: str, tables: Iterable[int]) -> Problem:
    """Say that an address is in the networks of several tables; what: leaf and address."""
    listed = ", ".join(map(str, sorted(tables)))
    message = f"{what} is in the routing tables {listed}, and reserved in all of them: reserve it in a subnet"
    return Problem(reservation_steps(one), "reserved-addr", message, "address-in-several-tables", harmless=True)
