"""What the shell round the DHCPv4 server wants of its surroundings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from vppdhc.dhc4.outcome import Outcome
from vppdhc.interface import Interface
from vppdhc.leases.committer import Work
from vppdhc.packet.dhcp4 import Message


class Source(Protocol):
    """Where datagrams come from."""

    def receive(self) -> Sequence[bytes]:
        """Wait for datagrams and return all that are there."""


class Queue(Protocol):
    """The committer."""

    def submit(self, work: Work) -> bool:
        """Queue a work; False when it was refused and its changes were taken back."""


class Heard(Protocol):
    """The last exchange with each client."""

    def note(self, message: Message, interface: Interface, outcome: Outcome, now: float) -> object:
        """Take note of what a message led to; now is CLOCK_BOOTTIME."""

    def settled(self, message: Message, interface: Interface, outcome: Outcome, lost: str = "") -> object:
        """Take note that the answer to a message was sent, or why it was not."""


class Interfaces(Protocol):
    """The live interface table."""

    def get(self, index: int) -> Interface | None:
        """Return the interface that has an index now."""


class Neighbour(Protocol):
    """A host on a link."""

    @property
    def mac(self) -> bytes:
        """Hardware address."""

    @property
    def heard(self) -> float:
        """CLOCK_BOOTTIME at which VPP last heard of it."""


class Neighbours(Protocol):
    """VPP's neighbour table, as far as it is known here."""

    def watches(self, name: str) -> bool:
        """Whether VPP tells of the neighbours on an interface now."""

    def find(self, name: str, address: int) -> Neighbour | None:
        """Return what is known of an address on an interface."""


@dataclass(frozen=True, slots=True)
class Dataplane:
    """VPP, as the server needs it.

    send: takes sw_if_index, punt action and packet; returns whether VPP has it. May wait a moment.
    send_at_once: the same without waiting; where it returns False, send may have more luck.
    arping: takes sw_if_index and address, and waits; returns the hardware address of who has it, empty where nobody
        answers, None where VPP could not ask.
    """

    interfaces: Interfaces
    neighbours: Neighbours
    send: Callable[[int, int, bytes], bool]
    send_at_once: Callable[[int, int, bytes], bool]
    arping: Callable[[int, int], bytes | None]
