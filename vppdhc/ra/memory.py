"""What hosts may believe in, as they were told once: so that they can be told what has gone, also after a restart.

RFC 9096, 3.5, wants it of prefixes. Routes, DNS servers, search domains and NAT64 prefixes are withdrawn likewise, by
a lifetime of zero.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from ipaddress import IPv6Address, IPv6Network
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Self

from vppdhc.clients.statefile import finite, from_json, to_json
from vppdhc.packet import nd_options
from vppdhc.packet.nd_options import Dnssl, Pref64
from vppdhc.ra.config import PrefixConfig

LONGEST: Final = 30 * 86400.0
"""Seconds for which hosts are told, at most, that something has gone (RFC 4861, 6.2.1, AdvValidLifetime)."""
MOST_GONE: Final = 16
"""Things of a kind that have gone of which hosts are told, the latest: more would not fit into advertisements."""
_MARGIN: Final = 86400.0
"""Seconds by which a stored instant is too late, at most: with it, not each advertisement makes for another file."""


class Kind(StrEnum):
    """Kinds of things that hosts believe in for a lifetime."""

    PREFIX = "prefix"
    ROUTE = "route"
    RDNSS = "rdnss"
    DNSSL = "dnssl"
    PREF64 = "pref64"


Key = tuple[Kind, str]
"""A thing: its kind, and which one, as text."""


class Believed(NamedTuple):
    """How long hosts believe in a thing.

    until: CLOCK_BOOTTIME, infinity for ever. gone: since when it is not advertised any more, None while it is.
    on_link, autonomous: flags of a prefix. delegated: whether a prefix is a part of a delegation.
    """

    until: float
    gone: float | None = None
    on_link: bool = False
    autonomous: bool = False
    delegated: bool = False

    def over(self, now: float) -> bool:
        """Whether no host can believe in it any more, or has been told so long enough."""
        return self.until <= now or (self.gone is not None and self.gone + LONGEST <= now)


class Countdown(NamedTuple):
    """A prefix whose lifetimes count down. since: CLOCK_BOOTTIME from which they do."""

    prefix: IPv6Network
    preferred: int
    valid: int
    since: float


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of one interface.

    believed: what hosts believe in. countdowns: prefixes whose lifetimes count down.
    settled: CLOCK_BOOTTIME from which on what is not advertised counts as gone. After a start it takes a while until
    clients have their prefixes again, and VPP its addresses.
    """

    believed: Mapping[Key, Believed] = field(default_factory=lambda: MappingProxyType({}))
    countdowns: tuple[Countdown, ...] = ()
    settled: float = -math.inf

    def forgotten(self, kind: Kind, current: Iterable[str], now: float) -> list[str]:
        """Return what hosts may still believe in and is not advertised any more, the latest first.

        current: what is advertised.
        """
        if now < self.settled:
            return []
        known = {(kind, one) for one in current}
        gone = {key: one for key, one in self.believed.items() if key[0] is kind and key not in known}
        latest = sorted(gone.items(), key=lambda item: math.inf if item[1].gone is None else item[1].gone, reverse=True)
        return [key[1] for key, one in latest if not one.over(now)][:MOST_GONE]

    def flags(self, network: IPv6Network) -> tuple[bool, bool] | None:
        """Return the flags L and A that a prefix was advertised with; None where that is not known."""
        one = self.believed.get((Kind.PREFIX, str(network)))
        return None if one is None else (one.on_link, one.autonomous)

    def delegated(self) -> Iterator[IPv6Network]:
        """Go through the prefixes that were parts of delegations when they were advertised last."""
        return (IPv6Network(key[1]) for key, one in self.believed.items() if one.delegated)

    def counting_since(self, prefix: PrefixConfig, now: float) -> float:
        """Return since when the lifetimes of a prefix count down; now where they do not yet."""
        asked = prefix.prefix, prefix.preferred_lifetime, prefix.valid_lifetime
        return next((one.since for one in self.countdowns if one[:3] == asked), now)

    def counting(self, prefixes: Iterable[PrefixConfig], now: float) -> "Memory":
        """Return the memory where lifetimes of these prefixes, and no others, count down, from now on if not yet."""
        counted = [one for one in prefixes if one.advertise and one.decrementing]
        return replace(
            self,
            countdowns=tuple(
                Countdown(one.prefix, one.preferred_lifetime, one.valid_lifetime, self.counting_since(one, now))
                for one in counted
            ),
        )

    def told(self, things: Mapping[Key, Believed], now: float) -> "Memory":
        """Return the memory after hosts were told of things; those with a lifetime of zero have no place in there.

        A host that misses an advertisement believes in the one before, so that the longest lifetime counts.
        """
        believed = dict(things)
        for key, one in self.believed.items():
            new = things.get(key)
            if new is not None:
                believed[key] = new._replace(until=max(new.until, one.until))
            elif not one.over(now):
                gone = now if one.gone is None and now >= self.settled else one.gone
                believed[key] = one._replace(gone=gone)
        return replace(self, believed=MappingProxyType(_latest(believed)))

    def covers(self, other: "Memory") -> bool:
        """Whether whoever remembers this tells hosts, for long enough, all that the other one would tell them."""
        if self.believed.keys() != other.believed.keys() or self.countdowns != other.countdowns:
            return False
        return all(
            self.believed[key][1:] == one[1:] and self.believed[key].until >= one.until
            for key, one in other.believed.items()
        )

    def with_margin(self, advertised: Collection[Key], now: float) -> "Memory":
        """Return the memory to be stored: it covers the next advertisements too.

        For that, what hosts believe in ends later there, as far as it is advertised now.
        """
        believed = {
            key: one._replace(until=one.until + min(one.until - now, _MARGIN)) if key in advertised else one
            for key, one in self.believed.items()
        }
        return replace(self, believed=MappingProxyType(believed))

    def moved(self, seconds: float, _: float) -> Self:
        """Return the memory on a clock that shows so many seconds more."""
        believed = {
            key: one._replace(until=one.until + seconds, gone=None if one.gone is None else one.gone + seconds)
            for key, one in self.believed.items()
        }
        countdowns = tuple(one._replace(since=one.since + seconds) for one in self.countdowns)
        return replace(self, believed=MappingProxyType(believed), countdowns=countdowns)

    def to_json(self) -> dict[str, Any]:
        """Return the memory as an object of JSON; settled is of this run only."""
        return {
            "believed": [_believed_to_json(key, one) for key, one in self.believed.items()],
            "countdowns": [
                {"prefix": str(one.prefix), "preferred": one.preferred, "valid": one.valid, "since": one.since}
                for one in self.countdowns
            ],
        }


NO_MEMORY: Final = Memory()
"""That of an interface on which nothing was ever advertised."""


def read_memory(document: Mapping[str, Any]) -> Memory:
    """Return the memory of an object of JSON.

    Raises ValueError, or KeyError, TypeError and AttributeError where something else than was written is in it.
    """
    believed = dict(_believed_from_json(one) for one in document["believed"])
    return Memory(MappingProxyType(believed), tuple(_countdown_from_json(one) for one in document["countdowns"]))


def _latest(believed: Mapping[Key, Believed]) -> dict[Key, Believed]:
    """Leave out what has gone the longest time ago, where too much of a kind has gone."""
    gone = sorted(
        (key for key, one in believed.items() if one.gone is not None),
        key=lambda key: believed[key].gone or 0.0,
        reverse=True,
    )
    too_many = {key for kind in Kind for key in [one for one in gone if one[0] is kind][MOST_GONE:]}
    return {key: one for key, one in believed.items() if key not in too_many}


def _believed_to_json(key: Key, one: Believed) -> dict[str, Any]:
    return {
        "kind": str(key[0]),
        "what": key[1],
        "until": to_json(one.until),
        "gone": one.gone,
        "on-link": one.on_link,
        "autonomous": one.autonomous,
        "delegated": one.delegated,
    }


def _believed_from_json(value: Any) -> tuple[Key, Believed]:
    kind, what = Kind(value["kind"]), value["what"]
    if not isinstance(what, str):  # a number would be an address
        raise TypeError(f"{what!r} is no text")
    if kind is Kind.RDNSS:
        what = str(IPv6Address(what))
    elif kind is Kind.DNSSL:
        nd_options.encode([Dnssl(0, (what,))])
    else:
        network = IPv6Network(what)
        what = str(network)
        if kind is Kind.PREF64:
            nd_options.encode([Pref64(0, network.prefixlen, 0)])
    gone = None if value["gone"] is None else finite(value["gone"])
    flags = (value["on-link"], value["autonomous"], value["delegated"])
    if not all(isinstance(flag, bool) for flag in flags):
        raise ValueError(f"{flags} are no flags")
    return (kind, what), Believed(from_json(value["until"]), gone, *flags)


def _countdown_from_json(value: Any) -> Countdown:
    if not isinstance(value["prefix"], str):
        raise TypeError(f"{value['prefix']!r} is no text")
    checked = PrefixConfig(
        IPv6Network(value["prefix"]),
        valid_lifetime=int(value["valid"]),
        preferred_lifetime=int(value["preferred"]),
    )
    return Countdown(checked.prefix, checked.preferred_lifetime, checked.valid_lifetime, finite(value["since"]))
