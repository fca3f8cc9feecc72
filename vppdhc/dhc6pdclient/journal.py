"""What a client tells others of."""

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import NamedTuple

from vppdhc.clients import journal
from vppdhc.clock import Clock
from vppdhc.dhc6pdclient.bindings import NOTHING, Association, Bindings, IaType, Lease
from vppdhc.packet import duid6
from vppdhc.packet.dhcp6 import StatusCode
from vppdhc.packet.ia6 import Status


class EventKind(StrEnum):
    """What others are told of."""

    PREFIX_DELEGATED = "prefix-delegated"
    """The client got a prefix where it had none, or one more."""
    PREFIX_CHANGED = "prefix-changed"
    """It got one in place of another."""
    PREFIX_LOST = "prefix-lost"
    """It has lost one and got no other for it."""
    BOUND = "bound"
    """It got an address that it did not have, or information where it had none."""
    CHANGED = "changed"
    """It got an address in place of another, or was told something else."""
    LOST = "lost"
    """It has an address no longer, or what it was told."""
    CONFLICT = "conflict"
    """Somebody else uses an address that it was given."""
    PROBLEM = "problem"
    """Something keeps it from having a lease, or VPP from using it."""


class LostReason(StrEnum):
    """Why an address or prefix was lost."""

    EXPIRED = "expired"
    NO_BINDING = "no-binding"
    """Its server knows nothing of it."""
    NOT_ON_LINK = "not-on-link"
    WITHDRAWN = "withdrawn"
    """Its server took it away."""
    RELEASED = "released"
    DECLINED = "declined"


class Event(NamedTuple):
    """Something that others are told of.

    association, lease: which address or prefix; None where it is about information or a problem alone.
    previous: what it had in its place. reason: of PREFIX_LOST and LOST.
    text: what happened, or for a PROBLEM what, and what to do about it.
    """

    kind: EventKind
    interface: str
    text: str
    association: Association | None = None
    lease: Lease | None = None
    previous: Lease | None = None
    reason: LostReason | None = None


class Journal(journal.Journal[Event]):
    """The journal of one client."""

    def __init__(self, interface: str, clock: Clock, tell: Callable[[Event], object]) -> None:
        """Tell events to others by calling tell, which must not wait."""
        super().__init__(interface, clock, tell, "dhcpv6")

    def compared(self, before: Bindings, after: Bindings, reason: LostReason) -> None:
        """Note what has come and gone. reason: why something has gone that nothing took the place of."""
        happened = False
        for key in dict.fromkeys((*before.keys, *after.keys)):
            for event in self._differences(before.get(key), after.get(key), reason):
                happened = True
                self.happened(event)
        if before.learned == after.learned:
            if not happened and after != before and after.leased:
                self.note(f"renewed by {server_text(after.server)}")
        elif not happened and after.leased:
            self.happened(Event(EventKind.CHANGED, self._interface, f"told otherwise by {server_text(after.server)}"))

    def informed(self, before: Bindings, after: Bindings) -> None:
        """Note what a client without a lease was told; nothing any more where after is empty."""
        if before.learned == after.learned:
            return
        if after == NOTHING:
            event = Event(EventKind.LOST, self._interface, "information lost", reason=LostReason.EXPIRED)
        else:
            kind = EventKind.CHANGED if before.learned else EventKind.BOUND
            event = Event(kind, self._interface, f"informed by {server_text(after.server)}")
        self.happened(event)

    def conflict(self, association: Association, lease: Lease) -> None:
        """Note that somebody else uses an address."""
        text = f"another host uses {lease.address}"
        self.happened(Event(EventKind.CONFLICT, self._interface, text, association, lease))

    def trouble(self, text: str) -> None:
        """Say what keeps the client from having a lease, or VPP from using it; the same again is no news."""
        if text != self.problem:
            self.problem = text
            self.happened(Event(EventKind.PROBLEM, self._interface, text))

    def _differences(self, before: Association, after: Association, reason: LostReason) -> Iterator[Event]:
        """Give what has changed of an association: each new lease takes the place of one that has gone, if any."""
        gone = [lease for lease in before.leases if lease.prefix not in after.prefixes]
        come = [lease for lease in after.leases if lease.prefix not in before.prefixes]
        is_prefix = before.key.type is IaType.PD
        for lease in come:
            previous = gone.pop(0) if gone else None
            what, server = _text(after, lease), server_text(after.server)
            if previous is None:
                kind = EventKind.PREFIX_DELEGATED if is_prefix else EventKind.BOUND
                text = f"got {what} from {server} for {lease.valid} s"
            else:
                kind = EventKind.PREFIX_CHANGED if is_prefix else EventKind.CHANGED
                text = f"got {what} in place of {_text(before, previous)} from {server} for {lease.valid} s"
            yield Event(kind, self._interface, text, after, lease, previous)
        for lease in gone:
            kind = EventKind.PREFIX_LOST if is_prefix else EventKind.LOST
            text = f"lost {_text(before, lease)}: {reason}"
            yield Event(kind, self._interface, text, before, lease, reason=reason)


def server_text(server: bytes) -> str:
    """Return a server for people to read."""
    return f"server {duid6.text(server)}"


def status_text(status: Status) -> str:
    """Return a status for people to read, as "NoPrefixAvail (pool is empty)"."""
    try:
        name = StatusCode(status.code).name.title().replace("_", "")
    except ValueError:
        name = f"status {status.code}"
    return f"{name} ({status.message})" if status.message else name


def _text(association: Association, lease: Lease) -> str:
    return str(lease.prefix if association.key.type is IaType.PD else lease.address)
