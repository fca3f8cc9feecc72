"""What the client needs of the world round it."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address
from typing import Protocol

from vppdhc.clients.statefile import Stored
from vppdhc.dhc4client.lease import Lease
from vppdhc.interface import Interface
from vppdhc.vpp.items import Item


class Link(Protocol):
    """The interface, and the packets of its client."""

    @property
    def interface(self) -> Interface | None:
        """The interface as it is now; None while no packets pass."""

    def send(self, frame: bytes) -> None:
        """Send an Ethernet frame, its VLAN tags included; one that VPP does not take is lost, as on any link."""

    def receive(self, timeout: float) -> bytes | None:
        """Wait for a datagram of the punt socket, for so many seconds at most, which may be none or for ever.

        Returns None where none came. Raises InterruptError.
        """


class Programmer(Protocol):
    """Keeps what is wanted in VPP; waits for VPP."""

    def want(self, owner: str, items: Sequence[Item]) -> Mapping[Item, str]:
        """Have VPP hold exactly these items for an owner; returns what it refuses, with its reason.

        While VPP is away nothing is refused: it is done when VPP is back.
        """

    def withdraw(self, owner: str) -> object:
        """Have VPP hold nothing for an owner."""


class ConflictCheck(Protocol):
    """Finds out whether somebody else uses an address of ours (RFC 5227); waits for VPP and for answers."""

    def conflict(self, interface: str, address: IPv4Address) -> bool:
        """Whether somebody else answers for an address that the interface has.

        Raises InterruptError where nobody wants to know any more.
        """

    def announce(self, interface: str, address: IPv4Address) -> None:
        """Tell everybody on the link that the interface has an address (RFC 5227, 2.3)."""


class LeaseStore(Protocol):
    """Where the lease outlives the daemon."""

    def save(self, lease: Lease) -> None:
        """Make a lease durable; raises OSError."""

    def load(self) -> Stored[Lease] | None:
        """Return the stored lease, None where there is none."""

    def forget(self) -> None:
        """Remove it; raises OSError."""
