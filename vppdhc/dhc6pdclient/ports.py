"""What the client needs of the world round it."""

from ipaddress import IPv6Address
from typing import NamedTuple, Protocol

from vppdhc.clients.statefile import Stored
from vppdhc.dhc6pdclient.bindings import Bindings
from vppdhc.dhc6pdclient.demand import Flags
from vppdhc.interface import Interface


class Link(Protocol):
    """The interface, and the packets of its client."""

    @property
    def interface(self) -> Interface | None:
        """The interface as it is now, with a link-local address; None while no packets pass."""

    @property
    def flags(self) -> Flags | None:
        """The flags of the provider's routers; None where none has been heard."""

    def send(self, frame: bytes) -> None:
        """Send an Ethernet frame, its VLAN tags included; one that VPP does not take is lost, as on any link."""

    def receive(self, timeout: float) -> bytes | None:
        """Wait for a datagram of the punt socket, for so many seconds at most, which may be none or for ever.

        Returns None where none came. Raises InterruptError.
        """


class Outcome(NamedTuple):
    """What became of bindings.

    duplicates: addresses of an IA_NA that somebody else on the link uses; they are in use nowhere here.
    problem: what VPP refuses of the rest, and why; empty where it refuses nothing.
    """

    duplicates: frozenset[IPv6Address] = frozenset()
    problem: str = ""


class Tenant(Protocol):
    """Brings what the client has to where it is used: VPP, LANs, servers and router advertisements."""

    @property
    def problem(self) -> str:
        """What keeps it from being used now, and why; empty where nothing does."""

    def adopt(self, bindings: Bindings) -> Outcome:
        """Have exactly these bindings be used from now on, in one step from those before; may wait for VPP.

        It is called for everything that changes: new, renewed, renumbered and lost leases, and when the link is back.
        Whatever is not in bindings any more has been lost; they may be empty.
        """

    def withdraw(self) -> None:
        """Take out of VPP what came from bindings: the daemon stops, and keeps them for its next start."""


class LeaseStore(Protocol):
    """Where bindings outlive the daemon."""

    def save(self, bindings: Bindings) -> None:
        """Make bindings durable; raises OSError."""

    def load(self) -> Stored[Bindings] | None:
        """Return what is stored, None where there is nothing."""

    def forget(self) -> None:
        """Remove it; raises OSError."""
