"""State of /vppdhc:dhc4client: where each client is, its lease, and what it went through."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from nc.xml import Element
from vppdhc.dhc4client.client import Client, DhcpClients
from vppdhc.dhc4client.config import INFINITE
from vppdhc.dhc4client.lease import Lease
from vppdhc.northbound.model import BUILD
from vppdhc.northbound.raw_options import OPTIONS4
from vppdhc.northbound.sources import Instants, Source, flag
from vppdhc.northbound.state_clients import client_sources
from vppdhc.packet.options4 import Option

_COUNTED: Final = ("discover", "offer", "request", "ack", "nak", "decline", "release")


class Dhcp4ClientState:
    """All of it."""

    def __init__(self, clients: DhcpClients, instants: Instants) -> None:
        self._clients = clients
        self._instants = instants

    def sources(self) -> list[Source]:
        """Return a source for each part."""
        parts: dict[str, Callable[[Client], Iterable[Element]]] = {
            "state": lambda client: [BUILD.leaf("state", client.machine.state.value)],
            "lease-state": self._lease,
        }
        return client_sources("dhc4client", lambda: self._clients.clients, parts, _COUNTED)

    def _lease(self, client: Client) -> Iterator[Element]:
        lease = client.tenure.lease
        if lease is None:
            return
        terms, text = lease.terms, self._instants.text
        leafs = BUILD.leafs(
            leased_address=terms.address.ip,
            prefix_length=terms.address.network.prefixlen,
            server_address=terms.server,
            relay_address=terms.relay,
            lease_time=terms.lease_time,
            lease_t1=_finite(terms.t1),
            lease_t2=_finite(terms.t2),
            allocation_time=text(lease.obtained),
            last_renew_rebind=text(lease.asked) if lease.asked > lease.obtained else None,
            renewal=text(lease.renewal),
            rebinding=text(lease.rebinding),
            expires=text(lease.expires),
            programmed=flag(client.tenure.programmed),
        )
        options = [OPTIONS4.element(code, value) for code, value in sorted(terms.options.items())]
        yield BUILD.node("lease-state", [*leafs, *_network(lease), *options])


def _network(lease: Lease) -> Iterator[Element]:
    """Go through what the lease tells about the network."""
    terms = lease.terms
    for router in terms.routers:
        yield BUILD.leaf("router", router)
    for route in terms.routes:
        leafs = BUILD.leafs(destination_prefix=route.destination, next_hop_address=route.router)
        yield BUILD.node("route", leafs)
    for local, code in (
        ("name-server", Option.DOMAIN_NAME_SERVERS),
        ("domain-search", Option.DOMAIN_SEARCH),
        ("ntp-server", Option.NTP_SERVERS),
    ):
        for value in OPTIONS4.value(terms.learned, code) or []:
            yield BUILD.leaf(local, value)
    domain_name = OPTIONS4.value(terms.learned, Option.DOMAIN_NAME)
    yield from BUILD.leafs(domain_name=domain_name, interface_mtu=terms.mtu)


def _finite(seconds: int) -> int | None:
    return None if seconds == INFINITE else seconds
