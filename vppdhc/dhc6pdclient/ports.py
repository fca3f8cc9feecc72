"""What the client needs of the world round it."""

from enum import Enum, auto
from ipaddress import IPv6Address
from typing import NamedTuple, Protocol

from vppdhc.dhc6pdclient.bindings import Bindings
from vppdhc.dhc6pdclient.demand import Flags
from vppdhc.dhc6pdclient.store import Stored
from vppdhc.interface import Interface


class Wake(Enum):
    """Why a client must not wait any longer."""

    DOWN = auto()
    """No packets pass: the interface is missing or down, has no link-local address, or VPP is away."""
    UP = auto()
    """Packets pass (again), or the interface is another one than before."""
    ROUTERS = auto()
    """The flags of the provider's routers are others than before."""
    CONFIGURED = auto()
    """It is configured otherwise."""
    RENEW = auto()
    """An operator wants its server to be asked."""
    REBIND = auto()
    """An operator wants any server to be asked."""
    RELEASE = auto()
    """An operator wants the lease to be given back."""
    REMOVE = auto()
    """It is no longer configured."""
    STOP = auto()
    """The daemon stops."""


class InterruptError(Exception):
    """Ends a wait before its time; wake: why."""

    def __init__(self, wake: Wake) -> None:
        super().__init__(wake.name)
        self.wake = wake


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

    def load(self) -> Stored | None:
        """Return what is stored, None where there is nothing."""

    def forget(self) -> None:
        """Remove it; raises OSError."""
