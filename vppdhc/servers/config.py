"""Parts of the configuration of a server that are the same for addresses of both kinds."""

from dataclasses import dataclass, field, fields, replace
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Generic, Protocol, TypeVar


class AnyOverrides(Protocol):
    """Settings of an inner level that differ from those around it."""

    def over(self, settings: Any) -> Any:
        """Return the settings with these put over them; raises ValueError where they do not go together."""


NetworkT = TypeVar("NetworkT", bound=IPv4Network | IPv6Network)
OverridesT = TypeVar("OverridesT", bound=AnyOverrides)
SettingsT = TypeVar("SettingsT", bound=Any)


def check(name: str, value: int, lowest: int, highest: int) -> None:
    """Raise ValueError where a value is out of its range; name: as in the model, for people."""
    if not lowest <= value <= highest:
        raise ValueError(f"{name} {value} is not within {lowest} to {highest}")


def put_over(settings: SettingsT, overrides: Any) -> SettingsT:
    """Return settings with what a level within says: fields of the same names, None where it says nothing.

    Of the options it is code by code, see BaseOptionSet.over(). Both are dataclasses.
    """
    values = {item.name: getattr(overrides, item.name) for item in fields(overrides)}
    values["options"] = overrides.options.over(settings.options)
    return replace(settings, **{name: value for name, value in values.items() if value is not None})


@dataclass(frozen=True, slots=True)
class BasePoolConfig(Generic[OverridesT]):
    """A range of addresses for clients.

    id: names it for people, in its subnet.
    first, last: lowest and highest address; those outside of the subnet's network are not in the pool.
    overrides: of lifetimes, options and max_address_utilization.
    """

    id: str
    first: int
    last: int
    overrides: OverridesT


@dataclass(frozen=True, slots=True)
class BaseSubnetConfig(Generic[NetworkT, OverridesT]):
    """A network that is not just as its interface makes it.

    id: names it for people.
    network, table: the network, and the routing table (VRF) id that it is in.
    interface: name of the interface whose clients are in it; None for the one that has an address in it.
    relay_addresses: relay agents whose clients are in it, beside those that name an address in it.
    overrides: settings.
    pools: addresses for clients; without any, all of the network but what is never given out.
    excluded: first and last address of each range that is given to nobody but by a reservation.
    """

    id: str
    network: NetworkT
    table: int = 0
    interface: str | None = None
    relay_addresses: tuple[int, ...] = ()
    overrides: OverridesT = field(kw_only=True)
    pools: tuple[BasePoolConfig[OverridesT], ...] = ()
    excluded: tuple[tuple[int, int], ...] = ()

    @property
    def first(self) -> int:
        """The lowest address of the network."""
        return int(self.network.network_address)

    @property
    def last(self) -> int:
        """The highest address of the network."""
        return int(self.network.broadcast_address)


SubnetConfigT = TypeVar("SubnetConfigT", bound=BaseSubnetConfig[Any, Any])
SubnetConfigT_co = TypeVar("SubnetConfigT_co", bound=BaseSubnetConfig[Any, Any], covariant=True)
