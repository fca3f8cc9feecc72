"""Why a message is not believed."""

from enum import StrEnum


class Drop(StrEnum):
    """Reasons, by the words of the counters.

    Those of the decoders (vppdhc.packet.errors.KINDS) and of the mailbox (QUEUE_FULL) come beside them.
    """

    NOT_A_REPLY = "not-a-reply"
    """A message of a client (op)."""
    WRONG_XID = "wrong-transaction"
    """The answer to something else, or to somebody else."""
    WRONG_HARDWARE = "wrong-hardware-address"
    """The answer to somebody else (chaddr)."""
    WRONG_CLIENT_ID = "wrong-client-id"
    """The answer to somebody else (RFC 6842, 3)."""
    NO_TYPE = "no-message-type"
    """A BOOTP message, or a type that is not known."""
    UNEXPECTED = "unexpected"
    """Nothing that is waited for now."""
    NO_SERVER = "no-server-id"
    """Without a server identifier."""
    BAD_SERVER = "bad-server-id"
    """A server identifier that no server can have."""
    WRONG_SERVER = "wrong-server"
    """From another server than the one that was asked."""
    NOT_RAPID = "no-rapid-commit"
    """An ACK that nobody asked for: without rapid commit (RFC 4039, 3.1)."""
    BAD_ADDRESS = "bad-address"
    """An address that no host can have."""
    BAD_MASK = "bad-subnet-mask"
    BAD_ROUTER = "bad-router"
    BAD_ROUTE = "bad-classless-route"
    NO_LEASE_TIME = "no-lease-time"
    BAD_LEASE_TIME = "bad-lease-time"


class DropError(Exception):
    """A message that is not believed; reason: why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
