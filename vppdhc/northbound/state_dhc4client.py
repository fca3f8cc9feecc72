"""State of /vppdhc:dhc4client: where each client is, its lease, and what it went through."""

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from typing import Any, Final

from nc.clock import date_and_time
from nc.filter import Want
from nc.xml import Element
from vppdhc.dhc4client.client import Client, DhcpClients
from vppdhc.dhc4client.config import INFINITE
from vppdhc.dhc4client.lease import Lease
from vppdhc.duid import Duid
from vppdhc.northbound.model import BUILD
from vppdhc.northbound.sources import Instants, Source, flag, hexadecimal, matches, option_element
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.options4 import Option, decode_value

_HERE: Final = "/vppdhc:dhc4client"
_COUNTED: Final = ("discover", "offer", "request", "ack", "nak", "decline", "release")


class Dhcp4ClientState:
    """All of it."""

    def __init__(self, clients: DhcpClients, instants: Instants) -> None:
        self._clients = clients
        self._instants = instants

    def sources(self) -> list[Source]:
        """Return a source for each part."""
        parts: dict[str, Callable[[Client], Element | None]] = {
            "state": lambda client: BUILD.leaf("state", client.machine.state.value),
            "lease-state": self._lease,
            "history": _history,
            "statistics": _statistics,
        }
        return [Source(f"{_HERE}/{local}", self._teller(make)) for local, make in parts.items()]

    def _teller(self, make: Callable[[Client], Element | None]) -> Callable[[Want], Iterator[Element]]:
        def tell(want: Want) -> Iterator[Element]:
            for interface, client in self._clients.clients.items():
                if matches(want, interface=interface):
                    part = make(client)
                    if part is not None:
                        yield BUILD.node("dhc4client", [BUILD.leaf("interface", interface), part])

        return tell

    def _lease(self, client: Client) -> Element | None:
        lease = client.tenure.lease
        if lease is None:
            return None
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
        options = [option_element(code, value) for code, value in sorted(terms.options.items())]
        return BUILD.node("lease-state", [*leafs, *_network(lease), *options])


class DuidState:
    """/vppdhc:system/duid."""

    def __init__(self, duid: Duid) -> None:
        self._duid = duid

    def sources(self) -> list[Source]:
        """Return the source of the DUID in use."""
        return [Source("/vppdhc:system/duid/current", self._current)]

    def _current(self, _: Want) -> Iterator[Element]:
        current = hexadecimal(self._duid.current)
        if current is not None:
            yield BUILD.leaf("current", current)


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
        for value in _values(lease, code):
            yield BUILD.leaf(local, value)
    yield from BUILD.leafs(domain_name=_value(lease, Option.DOMAIN_NAME), interface_mtu=terms.mtu)


def _value(lease: Lease, code: Option) -> Any:
    """Return the value of an option that others may use, None where there is none."""
    raw = lease.terms.learned.get(code)
    try:
        return None if raw is None else decode_value(code, raw)
    except DecodeError:
        return None


def _values(lease: Lease, code: Option) -> list[IPv4Address | str]:
    return _value(lease, code) or []


def _finite(seconds: int) -> int | None:
    return None if seconds == INFINITE else seconds


def _history(client: Client) -> Element:
    events = [
        BUILD.node("event", BUILD.leafs(number=entry.number, time=date_and_time(entry.wall), text=entry.text))
        for entry in client.journal.history
    ]
    return BUILD.node("history", [*BUILD.leafs(problem=client.journal.problem or None), *events])


def _statistics(client: Client) -> Element:
    counters = client.journal.counters
    leafs = {f"{message}_count": counters.messages[message] for message in _COUNTED}
    discarded = [
        BUILD.node("discarded-message", BUILD.leafs(reason=str(reason), count=count))
        for reason, count in sorted(counters.drops.items())
    ]
    return BUILD.node(
        "statistics",
        [
            *BUILD.leafs(discontinuity_time=date_and_time(counters.since), **leafs),
            *BUILD.leafs(discarded_message_count=sum(counters.drops.values())),
            *discarded,
        ],
    )
