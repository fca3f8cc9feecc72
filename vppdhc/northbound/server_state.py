"""What the state of the DHCPv4 and of the DHCPv6 server have in common."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol, TypeVar

from nc.filter import EVERYTHING, Want
from nc.xml import Element
from vppdhc.leases.lease import LeaseState
from vppdhc.leases.usage import PoolUsage
from vppdhc.northbound.model import BUILD
from vppdhc.northbound.sources import Source, flag, matches

_STATES: Final = {
    LeaseState.OFFERED: "offered",
    LeaseState.ACTIVE: "active",
    LeaseState.RELEASED: "released",
    LeaseState.DECLINED: "declined",
}
_COUNT_MOST: Final = 2**64 - 1


class AnyLease(Protocol):
    """A lease of either version."""

    @property
    def state(self) -> LeaseState:
        """What has become of it."""

    @property
    def expires(self) -> float:
        """CLOCK_BOOTTIME at which it ends."""


LeaseT = TypeVar("LeaseT", bound=AnyLease)


def lease_state(lease: AnyLease, now: float) -> str:
    """Return the state of a lease as the model has it; now is CLOCK_BOOTTIME."""
    if lease.state == LeaseState.ACTIVE and lease.expires <= now:
        return "expired"
    return _STATES[lease.state]


def is_active(lease: AnyLease, now: float) -> bool:
    """Whether a lease is in the list of active ones."""
    return lease_state(lease, now) in {"offered", "active"}


def preferred(record: LeaseT | None, offer: LeaseT | None, now: float) -> Iterator[LeaseT]:
    """Give the one of the record and the offer of an address that is shown: a lease in force, else the offer."""
    if record is not None and (offer is None or is_active(record, now)):
        yield record
    elif offer is not None:
        yield offer


def shown(
    records: Iterable[LeaseT],
    offers: Iterable[LeaseT],
    record_at: Callable[[LeaseT], LeaseT | None],
    offer_at: Callable[[LeaseT], LeaseT | None],
    now: float,
) -> Iterator[LeaseT]:
    """Go through all leases, one of each address: see preferred(). Whoever does lets others run meanwhile.

    record_at, offer_at: return the record, or the offer, of the same address as a lease.
    """
    for offer in offers:
        record = record_at(offer)
        if record is None or not is_active(record, now):
            yield offer
    for record in records:
        if offer_at(record) is None or is_active(record, now):
            yield record


def usage_leafs(usage: PoolUsage) -> list[Element]:
    """Make the leafs that say how full a pool is, which has one address at least."""
    return BUILD.leafs(
        total_count=count(usage.size),
        allocated_count=usage.allocated,
        declined_count=usage.declined,
        utilization=usage.utilization,
        threshold_exceeded=flag(usage.exceeded),
    )


def count(size: int) -> int:
    """Return the size of a pool, as far as the model can say it: a network of 64 bits is just within that."""
    return min(size, _COUNT_MOST)


def discarded(drops: Counter[str], want: Want = EVERYTHING) -> Iterator[Element]:
    """Make the entries that say how many messages had no answer, by reason."""
    for reason, number in sorted(drops.items()):
        if matches(want, reason=str(reason)):
            yield BUILD.node("discarded-message", BUILD.leafs(reason=str(reason), count=number))


def discarded_sources(path: str, drops: Callable[[], Counter[str]]) -> list[Source]:
    """Return the sources of what had no answer in total; path: of the server. drops: gives the counts by reason."""
    return [
        Source(
            f"{path}/discarded-message-count",
            lambda _: [BUILD.leaf("discarded-message-count", sum(drops().values()))],
        ),
        Source(f"{path}/discarded-message", lambda want: discarded(drops(), want)),
    ]
