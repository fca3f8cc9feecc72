"""State of /vppdhc:ip6ndra: what is advertised where, other routers, and counters."""

from collections.abc import Iterator
from itertools import chain

from nc.filter import Want
from nc.xml import Element
from vppdhc.northbound.model import BUILD
from vppdhc.northbound.sources import Instants, Source, flag, hexadecimal, matches
from vppdhc.ra.advertisement import Advertisement
from vppdhc.ra.others import OtherRouter
from vppdhc.ra.prefixes import Prefix
from vppdhc.ra.sender import Sender
from vppdhc.ra.service import RaService


class RaState:
    """All of it."""

    def __init__(self, service: RaService, instants: Instants) -> None:
        self._service = service
        self._instants = instants

    def sources(self) -> list[Source]:
        """Return a source for each part."""
        return [
            Source("/vppdhc:ip6ndra/interface-state", self._interface_state),
            Source("/vppdhc:ip6ndra/statistics", self._statistics),
        ]

    def _interface_state(self, want: Want) -> Iterator[Element]:
        for name, sender in sorted(self._service.senders.items()):
            if matches(want, name=name):
                key_and_problem = BUILD.leafs(name=name, problem=sender.problem or None)
                others = [self._other_router(one) for one in sender.others]
                yield BUILD.node("interface-state", [*key_and_problem, *self._sent(sender), *others])

    def _sent(self, sender: Sender) -> list[Element]:
        """Tell of what was sent last, and when there will be more."""
        next_time = BUILD.leafs(next_time=self._instants.text(sender.next_time))
        last = sender.last
        if last is None:
            return next_time
        message = last.advertisement.message
        leafs = BUILD.leafs(
            last_sent=self._instants.text(last.at),
            source_address=last.source,
            managed_flag=flag(message.managed),
            other_config_flag=flag(message.other),
            default_lifetime=message.lifetime,
        )
        raw = BUILD.leafs(message=hexadecimal(last.packets[-1]))
        return [*next_time, *leafs, *_content(last.advertisement), *raw]

    def _other_router(self, one: OtherRouter) -> Element:
        leafs = BUILD.leafs(address=one.address, last_received=self._instants.text(one.heard))
        said = [BUILD.leaf("inconsistency", text) for text in one.inconsistencies]
        return BUILD.node("other-router", [*leafs, *said])

    def _statistics(self, want: Want) -> Iterator[Element]:
        for name, counters in sorted(self._service.statistics.items()):
            if matches(want, interface=name):
                leafs = BUILD.leafs(
                    interface=name,
                    discontinuity_time=self._instants.text(counters.since),
                    unsolicited_count=counters.unsolicited,
                    solicited_count=counters.solicited,
                    solicitation_count=counters.solicitations,
                    rate_limited_count=counters.rate_limited,
                    other_advertisement_count=counters.other_advertisements,
                    inconsistent_count=counters.inconsistent,
                    discarded_message_count=sum(counters.drops.values()),
                )
                discarded = [
                    BUILD.node("discarded-message", BUILD.leafs(reason=reason, count=count))
                    for reason, count in sorted(counters.drops.items())
                ]
                yield BUILD.node("statistics", [*leafs, *discarded])


def _content(advertisement: Advertisement) -> Iterator[Element]:
    """Tell of the options of an advertisement that have leafs of their own."""
    return chain(
        map(_prefix, advertisement.prefixes),
        (BUILD.leaf("rdnss", server) for server in advertisement.rdnss),
        (BUILD.leaf("dnssl", domain) for domain in advertisement.dnssl),
    )


def _prefix(one: Prefix) -> Element:
    return BUILD.node(
        "prefix",
        BUILD.leafs(
            prefix_spec=one.prefix,
            source=str(one.source),
            valid_lifetime=one.valid,
            preferred_lifetime=one.preferred,
            on_link_flag=flag(one.on_link),
            autonomous_flag=flag(one.autonomous),
        ),
    )
