"""What has to be remembered of the use of delegated prefixes, also over a restart.

Which LAN has, or had, which part, so that it gets the same again and its hosts are told what has gone (RFC 9096, 3.5);
and to what VPP translates, so that sessions stay.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv6Network
from typing import Any, Final

from vppdhc.dhc6pdclient.subprefixes import Assignment, LanPrefix

LONGEST_STALE: Final = 30 * 86400.0
"""Seconds for which hosts are told, at most, that a prefix has gone: what hosts get where a router says nothing else
(RFC 4861, 6.2.1, AdvValidLifetime)."""
MOST_GONE: Final = 16
"""Prefixes that a LAN had of which is known: more would not fit into router advertisements."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered.

    external: prefix that VPP translates to; None without. held: what LANs have. gone: what they had, the latest first.
    """

    external: IPv6Network | None = None
    held: tuple[LanPrefix, ...] = ()
    gone: tuple[LanPrefix, ...] = ()

    def __iter__(self) -> Iterator[LanPrefix]:
        """Give what LANs have, then what they had, the latest first."""
        yield from self.held
        yield from self.gone

    def stale(self, now: float) -> tuple[LanPrefix, ...]:
        """Return what hosts have to be told has gone: whatever they may believe in still."""
        return tuple(one for one in self.gone if one.until > now)

    def moved(self, seconds: float, now: float) -> "Memory":
        """Return the memory on a clock that shows so many seconds more, where it is now."""
        held = tuple(replace(one, until=one.until + seconds) for one in self.held)
        gone = tuple(replace(one, until=min(one.until + seconds, now + LONGEST_STALE)) for one in self.gone)
        return replace(self, held=held, gone=gone)

    def to_json(self) -> dict[str, Any]:
        """Return the memory as an object of JSON."""
        return {
            "external": None if self.external is None else str(self.external),
            "held": [_to_json(one) for one in self.held],
            "gone": [_to_json(one) for one in self.gone],
        }


NO_MEMORY: Final = Memory()
"""That of a client that never had a prefix."""


def from_json(value: Any) -> Memory:
    """Return the memory that an object of JSON stands for; raises ValueError where it stands for none."""
    try:
        external = value["external"]
        return Memory(
            None if external is None else _network(external),
            tuple(_from_json(one) for one in value["held"]),
            tuple(_from_json(one) for one in value["gone"]),
        )
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"not as it was written: {error!r}") from error


def remember(
    before: Memory, external: IPv6Network | None, assignments: Sequence[Assignment], lans: Iterable[str], now: float
) -> Memory:
    """Return the memory after a change.

    before: until now. external, assignments: what there is now. lans: interfaces of the LANs that are to get prefixes.
    What such a LAN had is remembered as long as it gets nothing of that IA instead, which may be longer than hosts
    have to be told.
    """
    held = tuple(_held(one) for one in assignments)
    present = {(one.interface, one.prefix) for one in held}
    served = {(one.interface, one.ia_id) for one in held}
    waiting = set(lans)
    gone = []
    count: dict[str, int] = {}
    for one in before:
        if (one.interface, one.prefix) in present:
            continue
        waits = one.interface in waiting and (one.interface, one.ia_id) not in served
        if (one.until > now or waits) and count.get(one.interface, 0) < MOST_GONE:
            count[one.interface] = count.get(one.interface, 0) + 1
            present.add((one.interface, one.prefix))
            gone.append(replace(one, until=min(one.until, now + LONGEST_STALE)))
    return Memory(external, held, tuple(gone))


def _held(one: Assignment) -> LanPrefix:
    delegation = one.delegation
    return LanPrefix(one.interface, delegation.ia_id, delegation.prefix, one.prefix, delegation.valid_until)


def _to_json(one: LanPrefix) -> dict[str, Any]:
    return {
        "interface": one.interface,
        "ia-id": one.ia_id,
        "delegated": str(one.delegated),
        "prefix": str(one.prefix),
        "until": None if one.until == math.inf else one.until,
    }


def _from_json(value: Any) -> LanPrefix:
    delegated, prefix = _network(value["delegated"]), _network(value["prefix"])
    interface, ia_id = value["interface"], value["ia-id"]
    until = math.inf if value["until"] is None else float(value["until"])
    if not isinstance(interface, str) or type(ia_id) is not int or math.isnan(until) or not prefix.subnet_of(delegated):
        raise ValueError(f"{value} is no part of a delegated prefix")
    return LanPrefix(interface, ia_id, delegated, prefix, until)


def _network(value: Any) -> IPv6Network:
    if not isinstance(value, str):  # a number would be an address
        raise TypeError(f"{value!r} is no text")
    return IPv6Network(value)
