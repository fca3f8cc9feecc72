"""What ends a client's wait before its time."""

from enum import Enum, auto


class Wake(Enum):
    """Why a client must not wait any longer."""

    DOWN = auto()
    """No packets pass: the interface is missing or down, has no address that the client needs, or VPP is away."""
    UP = auto()
    """Packets pass (again), or the interface is another one than before."""
    ROUTERS = auto()
    """The flags of the provider's routers are others than before; for DHCPv6."""
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
