"""What a client tells others of."""

from collections.abc import Callable
from enum import StrEnum
from ipaddress import IPv4Address
from typing import NamedTuple

from vppdhc.clients import journal
from vppdhc.clock import Clock
from vppdhc.dhc4client.lease import Lease


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


class Journal(journal.Journal[Event]):
    """The journal of one client."""

    def __init__(self, interface: str, clock: Clock, tell: Callable[[Event], object]) -> None:
        """Tell events to others by calling tell, which must not wait."""
        super().__init__(interface, clock, tell, "dhcpv4")

    def bound(self, lease: Lease) -> None:
        """Note an address where there was none."""
        terms = lease.terms
        text = f"bound to {terms.address} by {terms.server} for {terms.lease_time} s"
        self.happened(Event(EventKind.BOUND, self._interface, text, lease=lease))

    def changed(self, lease: Lease, before: Lease) -> None:
        """Note another address, or something else that was told."""
        previous = before.terms.address.ip
        text = f"told otherwise by {lease.terms.server}"
        if lease.terms.address != before.terms.address:
            text = f"address changed from {before.terms.address} to {lease.terms.address} by {lease.terms.server}"
        self.happened(Event(EventKind.CHANGED, self._interface, text, lease=lease, previous=previous))

    def lost(self, lease: Lease, reason: LostReason) -> None:
        """Note that an address is gone."""
        address = lease.terms.address
        text = f"lost {address}: {reason}"
        self.happened(Event(EventKind.LOST, self._interface, text, previous=address.ip, reason=reason))

    def conflict(self, lease: Lease) -> None:
        """Note that somebody else uses an address."""
        address = lease.terms.address.ip
        text = f"another host uses {address}"
        self.happened(Event(EventKind.CONFLICT, self._interface, text, previous=address))

    def trouble(self, text: str) -> None:
        """Say what keeps the client from having a lease, or VPP from using it; the same again is no news."""
        if text != self.problem:
            self.problem = text
            self.happened(Event(EventKind.PROBLEM, self._interface, text))
