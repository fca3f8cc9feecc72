"""What a lease of the router's own needs in VPP: addresses, routes, an MTU, a prefix translation."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from typing import Any, Final, Literal, get_args

RouteKind = Literal["unicast", "unreachable", "drop"]

_LEAST_MTU: Final = 68  # RFC 791, 3.2: what every link carries
_LARGEST_MTU: Final = 0xFFFF
_LONGEST_BINDING: Final = 64
_LARGEST_U32: Final = 0xFFFFFFFF
_LARGEST_U8: Final = 0xFF


@dataclass(frozen=True, slots=True)
class InterfaceAddress:
    """An address of an interface, with the length of its network."""

    interface: str
    address: IPv4Interface | IPv6Interface

    def __post_init__(self) -> None:
        """Raise ValueError for a link-local address of IPv6: VPP keeps those in another way."""
        if self.address.version == 6 and self.address.is_link_local:
            raise ValueError(f"{self.address} is a link-local address")

    @property
    def slot(self) -> Hashable:
        """What VPP has one of: an address of an interface has one length."""
        return InterfaceAddress, self.interface, self.address.ip

    def __str__(self) -> str:
        return f"{self.address} on {self.interface}"


@dataclass(frozen=True, slots=True)
class Route:
    """One path of a prefix.

    table: id of the routing table. next_hop: None where the prefix is on the link itself.
    interface: where packets leave; empty for what is answered (unreachable) or dropped, and where VPP is to find the
        way to the next hop in the table.
    preference: the paths with the lowest one are used.
    """

    table: int
    prefix: IPv4Network | IPv6Network
    next_hop: IPv4Address | IPv6Address | None
    interface: str
    preference: int
    kind: RouteKind = "unicast"

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be told to VPP."""
        if self.kind == "unicast" and not self.interface and (self.next_hop is None or self.next_hop.is_link_local):
            raise ValueError(f"a route via {self.next_hop} needs an interface")
        if self.kind != "unicast" and self.interface:
            raise ValueError(f"a route of kind {self.kind} has no interface")
        if self.next_hop is not None and (self.kind != "unicast" or self.next_hop.version != self.prefix.version):
            raise ValueError(f"{self.next_hop} cannot be the next hop of {self.prefix}, which is {self.kind}")
        if not 0 <= self.table <= _LARGEST_U32 or not 0 <= self.preference <= _LARGEST_U8:
            raise ValueError(f"table {self.table} or preference {self.preference} out of range")

    @property
    def slot(self) -> Hashable:
        """What VPP has one of: a path has one preference."""
        return Route, self.table, self.prefix, self.next_hop, self.interface, self.kind

    def __str__(self) -> str:
        where = f"route {self.prefix} in IPv{self.prefix.version} table {self.table}"
        if self.kind != "unicast":
            return f"{where}, {self.kind}"
        over = f" over {self.interface}" if self.interface else ""
        return where + over + ("" if self.next_hop is None else f" via {self.next_hop}")


@dataclass(frozen=True, slots=True)
class InterfaceMtu:
    """The largest IPv4 packet, in octets, that leaves by an interface (RFC 2132, 5.1).

    VPP has one for each protocol beside that of the link. Only that of IPv4 is set: sub-interfaces have it too, IPv6
    keeps its own, and no device is touched, which `hw_interface_set_mtu` would do.
    """

    interface: str
    mtu: int

    def __post_init__(self) -> None:
        """Raise ValueError for an MTU that is none of IPv4."""
        if not _LEAST_MTU <= self.mtu <= _LARGEST_MTU:
            raise ValueError(f"an MTU of {self.mtu}, not of {_LEAST_MTU} to {_LARGEST_MTU}")

    @property
    def slot(self) -> Hashable:
        """What VPP has one of."""
        return InterfaceMtu, self.interface

    def __str__(self) -> str:
        return f"IPv4 MTU {self.mtu} on {self.interface}"


@dataclass(frozen=True, slots=True)
class NptBinding:
    """Addresses of an internal prefix look as of an external one beyond an interface (RFC 6296)."""

    interface: str
    internal: IPv6Network
    external: IPv6Network

    def __post_init__(self) -> None:
        """Raise ValueError for lengths that VPP's npt66 plugin takes and does not translate rightly."""
        length = self.internal.prefixlen
        if length != self.external.prefixlen or length % 8 or length > _LONGEST_BINDING:
            wanted = f"VPP needs equal lengths, in steps of 8, of {_LONGEST_BINDING} at most"
            raise ValueError(f"{self.internal} and {self.external}: {wanted}")

    @property
    def slot(self) -> Hashable:
        """What VPP has one of."""
        return NptBinding, self.interface

    def __str__(self) -> str:
        return f"translation of {self.internal} to {self.external} on {self.interface}"


Item = InterfaceAddress | Route | InterfaceMtu | NptBinding


def item_to_json(item: Item) -> dict[str, Any]:
    """Return an item as an object of JSON."""
    match item:
        case InterfaceAddress():
            return {"address": str(item.address), "interface": item.interface}
        case Route():
            return {
                "route": str(item.prefix),
                "table": item.table,
                "next-hop": None if item.next_hop is None else str(item.next_hop),
                "interface": item.interface,
                "preference": item.preference,
                "kind": item.kind,
            }
        case InterfaceMtu():
            return {"mtu": item.mtu, "interface": item.interface}
        case NptBinding():
            return {"internal": str(item.internal), "external": str(item.external), "interface": item.interface}


def item_from_json(value: Mapping[str, Any]) -> Item:
    """Return the item that an object of JSON stands for; raises ValueError where it stands for none."""
    try:
        if "address" in value:
            return InterfaceAddress(_text(value["interface"]), ip_interface(_text(value["address"])))
        if "route" in value:
            return _route_from_json(value)
        if "mtu" in value:
            return InterfaceMtu(_text(value["interface"]), _number(value["mtu"]))
        internal, external = IPv6Network(_text(value["internal"])), IPv6Network(_text(value["external"]))
        return NptBinding(_text(value["interface"]), internal, external)
    except KeyError as error:
        raise ValueError(f"an item without {error}") from error


def _route_from_json(value: Mapping[str, Any]) -> Route:
    kind = value["kind"]
    if kind not in get_args(RouteKind):
        raise ValueError(f"{kind} is no kind of route")
    hop = value["next-hop"]
    return Route(
        _number(value["table"]),
        ip_network(_text(value["route"])),
        None if hop is None else ip_address(_text(hop)),
        _text(value["interface"]),
        _number(value["preference"]),
        kind,
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value} is no text")
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{value} is no number")
    return value
