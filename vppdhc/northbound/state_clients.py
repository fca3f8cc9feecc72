"""What the states of the router's own clients, of DHCPv4 and of DHCPv6, have in common."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from nc.clock import date_and_time
from nc.filter import Want
from nc.xml import Element
from vppdhc.clients.journal import Journal
from vppdhc.northbound.model import BUILD, MODULE
from vppdhc.northbound.sources import Source, matches


class Client(Protocol):
    """A client of either protocol."""

    @property
    def journal(self) -> Journal[Any]:
        """What it went through."""


C = TypeVar("C", bound=Client)


def client_sources(
    component: str,
    clients: Callable[[], Mapping[str, C]],
    parts: Mapping[str, Callable[[C], Iterable[Element]]],
    counted: Iterable[str],
) -> list[Source]:
    """Return a source for each part of the state of clients: their history and statistics, and those given.

    component: name of the list that they are configured in. clients: gives them, by interface.
    parts: by name of a node, what makes its instances. counted: types of messages that have a counter.
    """
    types = tuple(counted)
    alike: Mapping[str, Callable[[C], Iterable[Element]]] = {
        "history": _history,
        "statistics": lambda client: _statistics(client, types),
    }

    def source(local: str, make: Callable[[C], Iterable[Element]]) -> Source:
        def tell(want: Want) -> Iterator[Element]:
            for interface, client in clients().items():
                if matches(want, interface=interface):
                    made = list(make(client))
                    if made:
                        yield BUILD.node(component, [BUILD.leaf("interface", interface), *made])

        return Source(f"/{MODULE}:{component}/{local}", tell)

    return [source(local, make) for local, make in {**parts, **alike}.items()]


def _history(client: Client) -> Iterator[Element]:
    journal = client.journal
    events = [
        BUILD.node("event", BUILD.leafs(number=entry.number, time=date_and_time(entry.wall), text=entry.text))
        for entry in journal.history
    ]
    yield BUILD.node("history", [*BUILD.leafs(problem=journal.problem or None), *events])


def _statistics(client: Client, counted: Iterable[str]) -> Iterator[Element]:
    counters = client.journal.counters
    since = BUILD.leafs(discontinuity_time=date_and_time(counters.since))
    sent_and_received = [BUILD.leaf(f"{message}-count", counters.messages[message]) for message in counted]
    discarded = [
        BUILD.node("discarded-message", BUILD.leafs(reason=str(reason), count=count))
        for reason, count in sorted(counters.drops.items())
    ]
    total = BUILD.leafs(discarded_message_count=sum(counters.drops.values()))
    yield BUILD.node("statistics", [*since, *sent_and_received, *total, *discarded])
