"""What the shell round a server wants of its surroundings."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from vppdhc.interface import Interface
from vppdhc.leases.committer import Work
from vppdhc.leases.lease6 import AnyChange

Send = Callable[[int, int, bytes], bool]
"""Takes sw_if_index, punt action and packet; returns whether VPP has it."""


class Source(Protocol):
    """Where datagrams come from."""

    def receive(self) -> Sequence[bytes]:
        """Wait for datagrams and return all that are there."""


class Queue(Protocol):
    """The committer."""

    def submit(self, work: Work) -> bool:
        """Queue a work; False when it was refused and its changes were taken back."""


class Interfaces(Protocol):
    """The live interface table."""

    def get(self, index: int) -> Interface | None:
        """Return the interface that has an index now."""


class Dataplane(Protocol):
    """VPP, as every server needs it."""

    @property
    def interfaces(self) -> Interfaces:
        """The live interface table."""

    @property
    def send(self) -> Send:
        """Sends a packet; may wait a moment."""

    @property
    def send_at_once(self) -> Send:
        """The same without waiting; where it returns False, send may have more luck."""


class AnyMessage(Protocol):
    """A message of a client."""

    interface: int
    """The sw_if_index that it came in on."""


class AnyOutcome(Protocol):
    """What a server made of a message."""

    @property
    def replies(self) -> Sequence[Any]:
        """To be sent once the changes are durable."""

    @property
    def changes(self) -> Sequence[AnyChange]:
        """Of leases, made in the book already."""

    @property
    def events(self) -> Sequence[Any]:
        """What they mean."""

    @property
    def drop(self) -> str | None:
        """Why there is no answer; None where there is one, or none is due."""

    @property
    def probe(self) -> Any:
        """A question to be answered first; None without."""


MessageT = TypeVar("MessageT", bound=AnyMessage)
OutcomeT = TypeVar("OutcomeT", bound=AnyOutcome)
MessageT_contra = TypeVar("MessageT_contra", contravariant=True)
OutcomeT_contra = TypeVar("OutcomeT_contra", contravariant=True)


class Heard(Protocol[MessageT_contra, OutcomeT_contra]):
    """The last exchange with each client."""

    def note(self, message: MessageT_contra, interface: Interface, outcome: OutcomeT_contra, now: float) -> object:
        """Take note of what a message led to; now is CLOCK_BOOTTIME."""

    def settled(
        self, message: MessageT_contra, interface: Interface, outcome: OutcomeT_contra, lost: str = ""
    ) -> object:
        """Take note that the answer to a message was sent, or why it was not."""


class Book(Protocol):
    """The leases."""

    def next_expiry(self) -> float:
        """Return the CLOCK_BOOTTIME at which there is next something that is over; infinity without anything."""

    def take_back(self, changes: Iterable[Any]) -> object:
        """Undo changes that will not become durable, the newest first."""
