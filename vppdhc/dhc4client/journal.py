"""What a client went through: its last events, and counters of its messages."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address
from typing import Final, NamedTuple

import structlog

from vppdhc.clock import Clock
from vppdhc.dhc4client.lease import Lease

_REMEMBERED: Final = 100
"""Events that are kept."""


class EventKind(StrEnum):
    """What others are told of."""

    BOUND = "bound"
    """The client got an address that it did not have."""
    CHANGED = "changed"
    """It got another address, or was told something else with it."""
    LOST = "lost"
    """It has its address no longer."""
    CONFLICT = "conflict"
    """Somebody else uses the address that it was given."""
    PROBLEM = "problem"
    """Something keeps it from having a lease, or VPP from using it."""


class LostReason(StrEnum):
    """Why an address was lost."""

    EXPIRED = "expired"
    NAK = "nak"
    RELEASED = "released"
    DECLINED = "declined"


class Event(NamedTuple):
    """Something that others are told of.

    lease: the new one (BOUND, CHANGED). previous: address that it had before (CHANGED, LOST, CONFLICT).
    reason: LOST only. text: what happened, or for a PROBLEM what, and what to do about it.
    """

    kind: EventKind
    interface: str
    text: str
    lease: Lease | None = None
    previous: IPv4Address | None = None
    reason: LostReason | None = None


class Entry(NamedTuple):
    """An event of the history. number: counts them. wall: seconds since 1970 at which it was."""

    number: int
    wall: float
    text: str


@dataclass(slots=True)
class Counters:
    """What was counted. messages: sent and received, by type, such as "discover". drops: received ones, by reason.

    since: seconds since 1970 from which it is counted.
    """

    since: float
    messages: Counter[str] = field(default_factory=Counter)
    drops: Counter[str] = field(default_factory=Counter)


class Journal:
    """The journal of one client.

    history: its last events, the oldest first. problem: what keeps it from having a lease, or VPP from using it; empty
    where all is well.
    """

    def __init__(self, interface: str, clock: Clock, tell: Callable[[Event], object]) -> None:
        """Tell events to others by calling tell, which must not wait."""
        self.history: deque[Entry] = deque(maxlen=_REMEMBERED)
        self.counters = Counters(clock.wall())
        self.problem = ""
        self._interface = interface
        self._clock = clock
        self._tell = tell
        self._numbers = 0
        self._log = structlog.get_logger().bind(interface=interface)

    def note(self, text: str, **details: object) -> None:
        """Note what others need not be told of. details: more for the log."""
        self._numbers += 1
        self.history.append(Entry(self._numbers, self._clock.wall(), text))
        self._log.info(f"dhcpv4 client: {text}", **details)

    def bound(self, lease: Lease) -> None:
        """Note an address where there was none."""
        terms = lease.terms
        text = f"bound to {terms.address} by {terms.server} for {terms.lease_time} s"
        self._happened(Event(EventKind.BOUND, self._interface, text, lease=lease))

    def changed(self, lease: Lease, before: Lease) -> None:
        """Note another address, or something else that was told."""
        previous = before.terms.address.ip
        text = f"told otherwise by {lease.terms.server}"
        if lease.terms.address != before.terms.address:
            text = f"address changed from {before.terms.address} to {lease.terms.address} by {lease.terms.server}"
        self._happened(Event(EventKind.CHANGED, self._interface, text, lease=lease, previous=previous))

    def lost(self, lease: Lease, reason: LostReason) -> None:
        """Note that an address is gone."""
        address = lease.terms.address
        text = f"lost {address}: {reason}"
        self._happened(Event(EventKind.LOST, self._interface, text, previous=address.ip, reason=reason))

    def conflict(self, lease: Lease) -> None:
        """Note that somebody else uses an address."""
        address = lease.terms.address.ip
        text = f"another host uses {address}"
        self._happened(Event(EventKind.CONFLICT, self._interface, text, previous=address))

    def trouble(self, text: str) -> None:
        """Say what keeps the client from having a lease, or VPP from using it; the same again is no news."""
        if text != self.problem:
            self.problem = text
            self._happened(Event(EventKind.PROBLEM, self._interface, text))

    def well(self) -> None:
        """Say that nothing does."""
        self.problem = ""

    def _happened(self, event: Event) -> None:
        self.note(event.text)
        try:
            self._tell(event)
        except Exception:
            self._log.exception("event not handled", kind=str(event.kind))
