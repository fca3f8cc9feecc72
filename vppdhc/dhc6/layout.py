"""Which networks are served where, and which prefixes: the configuration on the interfaces as they are."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv6Network
from types import MappingProxyType
from typing import Protocol, TypeAlias

from vppdhc.dhc6.config import PrefixPoolConfig, ServerConfig, Settings, SubnetConfig
from vppdhc.dhc6.delegation import Delegated, PrefixPlan
from vppdhc.dhc6.levels import FOR_EVER, Life
from vppdhc.dhc6.subnet import Place, Plan, Relayed
from vppdhc.interface import Interface
from vppdhc.servers.layout import BaseLayout, overlaps, widest

__all__ = ["AdvertisedPrefixes", "Delegations", "Layout", "overlaps", "widest"]


class Advertised(Protocol):
    """A prefix that hosts of a LAN hear of, part of one that is delegated to us; see needs.AdvertisedPrefix."""

    @property
    def prefix(self) -> IPv6Network:
        """The prefix."""

    @property
    def preferred_until(self) -> float:
        """CLOCK_BOOTTIME, infinity for never, minus infinity once it is lost."""

    @property
    def valid_until(self) -> float:
        """The same of its end."""


AdvertisedPrefixes: TypeAlias = Mapping[str, Sequence[Advertised]]
"""By interface of the LAN."""
Delegations: TypeAlias = Mapping[str, Sequence[Delegated]]
"""By the interface of our own client, in the order in which they are to be used."""

NOTHING_ADVERTISED: AdvertisedPrefixes = MappingProxyType({})
NOTHING_DELEGATED: Delegations = MappingProxyType({})


class Layout(BaseLayout[IPv6Network, Settings, SubnetConfig]):
    """Says which IPv6 networks are served where, see BaseLayout, and which prefixes are delegated.

    advertised: what hosts of each LAN hear of the prefixes that are delegated to us.
    delegations: those prefixes.
    """

    def __init__(self, config: ServerConfig, interfaces: Iterable[Interface] = ()) -> None:
        self._config = config
        self.advertised: AdvertisedPrefixes = NOTHING_ADVERTISED
        self.delegations: Delegations = NOTHING_DELEGATED
        super().__init__(config.subnets, interfaces)

    def settings(self, place: Place) -> Settings | None:
        """Return the settings of all levels around the subnets of a place; None where nobody is served.

        On an interface without a global address somebody is: there are prefixes to delegate, and questions about the
        network to answer.
        """
        if isinstance(place, Relayed):
            return self._config.settings
        return self._config.settings_for(place) if place in self.interfaces else None

    @staticmethod
    def _table_of(interface: Interface) -> int:
        return interface.table6

    @staticmethod
    def _addresses_of(interface: Interface) -> Sequence[tuple[int, IPv6Network]]:
        return [(int(address.ip), address.network) for address in interface.addresses6]

    def life(self, plan: Plan) -> Life:
        """Say how long the prefix lives that a network is in: that of what is advertised there, else for ever.

        The network of an address that is not taken off its interface yet, though its prefix is lost, is in a lost one.
        """
        network = plan.network
        advertised = self.advertised.get(plan.interface, ())
        lives = [Life(one.preferred_until, one.valid_until) for one in advertised if one.prefix.overlaps(network)]
        return max(lives, key=_end, default=FOR_EVER)

    def prefix_plans(self, name: str) -> list[tuple[PrefixPlan, Life]]:
        """Say which prefixes are delegated to clients of an interface, and how long what they are parts of lives.

        A pool that overlaps an earlier one with prefixes of the same length has what that leaves. Prefixes of different
        lengths may come from the same one.
        """
        around = self.settings(name)
        if around is None:
            return []
        plans: list[tuple[PrefixPlan, Life]] = []
        for config in self._config.prefix_pools:
            settings = config.overrides.over(around)
            for prefix, taken, life in self._sources(config):
                if prefix.prefixlen <= config.length:
                    alike = (plan for plan, _ in plans if _space(plan.config) == _space(config))
                    taken += [plan.prefix for plan in alike if plan.prefix.overlaps(prefix)]
                    plans.append((PrefixPlan(config, name, prefix, settings, frozenset(taken)), life))
        return plans

    def _sources(self, config: PrefixPoolConfig) -> Iterator[tuple[IPv6Network, list[IPv6Network], Life]]:
        """Go through the prefixes of a pool, each with what is taken of it, and its life."""
        if config.prefix is not None:
            yield config.prefix, self._in_use(config.prefix, config.table), FOR_EVER
        elif config.delegated_from is not None:
            for prefix, taken, life in self.delegations.get(config.delegated_from, ()):
                yield prefix, [*taken, *self._in_use(prefix, config.table)], life

    def _in_use(self, prefix: IPv6Network, table: int) -> list[IPv6Network]:
        """Return the networks of a table that lie in a prefix: of interfaces, of subnets, and what LANs hear of."""
        networks = [
            address.network
            for interface in self.interfaces.values()
            if interface.table6 == table
            for address in interface.addresses6
        ]
        networks += [subnet.config.network for subnet in self._tables.get(table, ())]
        networks += [one.prefix for advertised in self.advertised.values() for one in advertised]
        return [network for network in networks if network.overlaps(prefix)]


def _end(life: Life) -> tuple[float, float]:
    return life.preferred_until, life.valid_until


def _space(config: PrefixPoolConfig) -> tuple[int, int]:
    return config.table, config.length
