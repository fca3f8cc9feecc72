"""Why a message, or a part of it, is not believed."""

from enum import StrEnum


class Drop(StrEnum):
    """Reasons, by the words of the counters.

    Those of the decoders (vppdhc.packet.errors.KINDS) and of the mailbox (QUEUE_FULL) come beside them.
    """

    UNEXPECTED = "unexpected"
    """Nothing that is waited for now."""
    WRONG_XID = "wrong-transaction"
    """The answer to something else, or to somebody else."""
    NO_CLIENT_ID = "no-client-id"
    WRONG_CLIENT_ID = "wrong-client-id"
    """The answer to somebody else."""
    NO_SERVER = "no-server-id"
    BAD_SERVER = "bad-server-id"
    """A DUID that no server can have."""
    WRONG_SERVER = "wrong-server"
    """From another server than the one that was asked."""
    NOT_RAPID = "no-rapid-commit"
    """A Reply to a Solicit without rapid commit (RFC 8415, 18.2.10.1)."""
    FAILURE = "failure-status"
    """A Reply that only says that the server could not do it, such as UnspecFail."""
    NOTHING_OFFERED = "nothing-offered"
    """An Advertise without an address or prefix that we want (RFC 8415, 18.2.9)."""
    NOTHING_GRANTED = "nothing-granted"
    """A Reply without any of the identity associations that it is about."""
    BAD_IA = "bad-identity-association"
    """An identity association that is cut, or has T1 greater than T2 (RFC 8415, 21.4); the rest counts."""
    BAD_LEASE = "bad-lease"
    """An address or prefix that is cut, or that nobody can have, or with senseless lifetimes; the rest counts."""
    BAD_EXCLUDED = "bad-excluded-prefix"
    """An excluded prefix that is not within the delegated one (RFC 6603); the rest counts."""
    BAD_RECONFIGURE = "bad-reconfigure"
    """A Reconfigure that does not say what to do (RFC 8415, 16.11), or was not sent to us alone."""
    NOT_AUTHENTIC = "not-authentic"
    """A Reconfigure that our server did not make, or made before (RFC 8415, 20.4)."""


class DropError(Exception):
    """A message that is not believed; reason: why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
