"""Pools of prefixes that are delegated to routers (RFC 8415, 6.3), and what they are made of."""

from collections.abc import Iterable
from ipaddress import IPv6Network
from typing import Final, NamedTuple

from vppdhc.dhc6.config import Lifetimes, PrefixPoolConfig, Settings
from vppdhc.dhc6.levels import FOR_EVER, Life
from vppdhc.dhc6.pool import Pool, PoolKey, Space
from vppdhc.leases.lease6 import ADDRESS_LENGTH, LeaseKind
from vppdhc.leases.ranges import Range, without

_BITS: Final = ADDRESS_LENGTH


class Delegated(NamedTuple):
    """A prefix that is delegated to one of our own DHCPv6 clients, of which parts can be delegated on.

    prefix: the prefix.
    taken: what is not ours to delegate: what the provider excludes (RFC 6603), and what LANs have of it.
    life: how long it lives.
    """

    prefix: IPv6Network
    taken: tuple[IPv6Network, ...]
    life: Life


class PrefixPlan(NamedTuple):
    """What a pool of prefixes is made of. Equal plans make equal pools.

    config: what is configured for it.
    interface: name of the interface whose clients, and those that relay agents bring there, are served.
    prefix: the prefix that its prefixes are parts of.
    settings: of all levels together, lifetimes among them.
    taken: what is in use otherwise: the networks of interfaces and served subnets, and what is not ours.
    """

    config: PrefixPoolConfig
    interface: str
    prefix: IPv6Network
    settings: Settings
    taken: frozenset[IPv6Network]


class DelegationPool:
    """Parts of one prefix that are delegated to routers behind one interface; others have it in common.

    made_of: what it was made of.
    id: in the configuration.
    interface: name of the interface.
    table: id of the routing table (VRF) for the routes.
    prefix: whose parts they are.
    length: of the parts.
    settings: what holds for them.
    pool: the parts, by their numbers; it may be empty. It is one object for all interfaces.
    life: how long the prefix lives. Changes while the pool stays.
    """

    __slots__ = ("id", "interface", "length", "life", "made_of", "pool", "prefix", "settings", "table")

    def __init__(self, plan: PrefixPlan, known: dict[PoolKey, Pool]) -> None:
        """Derive all that is needed; known: pools that there are already, to which its own is added."""
        config, self.interface, self.prefix, self.settings, taken = self.made_of = plan
        self.id = config.id
        self.table = config.table
        self.length = config.length
        self.life = FOR_EVER
        space = Space(config.table, LeaseKind.PREFIX, config.length)
        whole = _numbers(space, self.prefix)
        pool = Pool(space, whole, without(whole, _holes(space, taken)))
        self.pool = known.setdefault(pool.key, pool)

    def serves(self, link_address: int) -> bool:
        """Whether clients get prefixes of it: those on the interface (0), or of the link that a relay agent names.

        Where interfaces or relay agents are configured, whoever is on one of them is served: a relayed client by its
        relay agent, or, where those say nothing, by the interface that the relay agent's messages come in by.
        """
        config = self.made_of.config
        if link_address and config.relay_addresses:
            return link_address in config.relay_addresses
        if config.interfaces:
            return self.interface in config.interfaces
        return not config.relay_addresses

    def has(self, network: int, length: int) -> bool:
        """Whether a prefix is a part of the pool's, or all of it, whoever may have it."""
        shift = _BITS - self.prefix.prefixlen
        return length >= self.prefix.prefixlen and network >> shift == int(self.prefix.network_address) >> shift

    def gives_part(self, network: int, length: int) -> bool:
        """Whether a prefix is one of those for clients."""
        return length == self.length and self.has(network, length) and self.pool.space.number(network) in self.pool

    def lifetimes(self, now: float) -> Lifetimes:
        """Return the lifetimes of a lease that is made or extended now: never more than the prefix has."""
        return self.life.limit(self.settings.lifetimes, now)

    def gives(self, now: float) -> bool:
        """Whether prefixes are given to those who have none of it: not of a deprecated prefix."""
        return self.life.is_preferred(now)


def _numbers(space: Space, network: IPv6Network) -> Range:
    """Return the numbers of the parts of a prefix, or of the one part that it lies in."""
    return space.number(int(network.network_address)), space.number(int(network.broadcast_address)) + 1


def _holes(space: Space, taken: Iterable[IPv6Network]) -> list[Range]:
    return [_numbers(space, network) for network in taken]
