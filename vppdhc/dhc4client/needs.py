"""What a lease needs in VPP: address, routes, MTU."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from vppdhc.dhc4client.config import ClientConfig
from vppdhc.dhc4client.terms import StaticRoute, Terms
from vppdhc.interface import Interface
from vppdhc.vpp.items import InterfaceAddress, InterfaceMtu, Item, Route

_EVERYWHERE: Final = IPv4Network("0.0.0.0/0")
_UNSPECIFIED: Final = IPv4Address(0)


def address_of(terms: Terms, interface: Interface) -> InterfaceAddress:
    """Return the address as VPP is to have it."""
    return InterfaceAddress(interface.name, terms.address)


def needs(terms: Terms, config: ClientConfig, interface: Interface) -> list[Item]:
    """Return all that a lease needs in VPP, in the order in which one thing needs the other.

    Classless routes take the place of the default router (RFC 3442). Of several default routers the first one is used,
    which is the one that the provider prefers (RFC 2132, 3.5).
    """
    items: list[Item] = [address_of(terms, interface)]
    if config.use_mtu and terms.mtu is not None:
        items.append(InterfaceMtu(interface.name, terms.mtu))
    table = interface.table4 if config.route_table is None else config.route_table
    routes = list(_wanted(terms, config))
    items += _routes_to_routers(terms, config, interface, table, routes)
    for destination, router in routes:
        hop = None if _on_link(router, terms) else router
        items.append(Route(table, destination, hop, interface.name, config.route_preference))
    return list(dict.fromkeys(items))


def _wanted(terms: Terms, config: ClientConfig) -> Iterator[StaticRoute]:
    if terms.routes:
        for route in terms.routes:
            if route.destination == _EVERYWHERE and not config.default_route:
                continue
            if route.destination == terms.address.network and _on_link(route.router, terms):
                continue  # it comes with the address
            yield route
    elif terms.routers and config.default_route:
        yield StaticRoute(_EVERYWHERE, terms.routers[0])


def _routes_to_routers(
    terms: Terms, config: ClientConfig, interface: Interface, table: int, routes: list[StaticRoute]
) -> Iterator[Route]:
    """Give a host route for each router that is on the link and in none of its networks.

    VPP asks only for a neighbour, and takes only its answer, that the table of the interface shows on the link,
    wherever the other routes go.
    """
    networks = [terms.address.network]
    if table == interface.table4:
        networks += [route.destination for route in routes if _on_link(route.router, terms)]
    for router in dict.fromkeys(route.router for route in routes):
        if not _on_link(router, terms) and not any(router in network for network in networks):
            host = IPv4Network((router, 32))
            yield Route(interface.table4, host, None, interface.name, config.route_preference)


def _on_link(router: IPv4Address, terms: Terms) -> bool:
    """Whether a route needs no router: 0.0.0.0 (RFC 3442), or the client itself, where routers answer ARP for all."""
    return router in (_UNSPECIFIED, terms.address.ip)
