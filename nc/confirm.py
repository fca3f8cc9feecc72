"""The confirmed commit (RFC 6241, 8.4): what is asked of it, what is pending, and who may follow it up."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from nc.errors import in_use, invalid_value, operation_failed
from nc.session import Session
from nc.xml import Element

CONFIRM_TIMEOUT: Final = 600
"""Seconds in which a confirmed commit is to be confirmed, where the client does not say (RFC 6241, 8.4.5.1)."""


class ConfirmEvent(StrEnum):
    """What happens to a confirmed commit: the values of `confirm-event` (RFC 6470)."""

    START = "start"
    CANCEL = "cancel"
    TIMEOUT = "timeout"
    EXTEND = "extend"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What a client asks of a confirmed commit (RFC 6241, 8.4.5.1).

    timeout: seconds.
    persist: token that makes it outlive the session, or None.
    """

    timeout: int = CONFIRM_TIMEOUT
    persist: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Pending:
    """A confirmed commit that is not confirmed yet.

    backup: running as it was before the first of the confirmed commits that follow each other.
    session: who issued the last of them.
    persist: its token; None where it ends with that session.
    cancel_timer: stops the timer that takes it back.
    """

    backup: Element
    session: Session
    persist: str | None
    cancel_timer: Callable[[], None]

    def ends_with(self, session: Session) -> bool:
        """Whether it is to be taken back when that session ends (RFC 6241, 8.4.1)."""
        return self.persist is None and self.session is session


def check_follow_up(pending: Pending | None, session: Session, persist_id: str | None) -> None:
    """Check that a commit may be made, given what is pending (RFC 6241, 8.4.1).

    Raises RpcError invalid-value for a wrong token, in-use where it needs one or is another session's.
    """
    if persist_id is not None and (pending is None or pending.persist != persist_id):
        raise invalid_value("persist-id is not the token of a pending confirmed commit", type_="protocol")
    if pending is None or persist_id is not None:
        return
    if pending.persist is not None:
        raise in_use("a confirmed commit is pending; to confirm it, give its token in persist-id")
    if pending.session is not session:
        raise in_use(f"a confirmed commit of session {pending.session.session_id} is pending")


def check_cancel(pending: Pending | None, session: Session, persist_id: str | None) -> Pending:
    """Check that what is pending may be cancelled, and return it (RFC 6241, 8.4.4.1).

    Raises RpcError operation-failed where nothing is pending, invalid-value where the token is missing or wrong, in-use
    where it is another session's.
    """
    if pending is None:
        raise operation_failed("no confirmed commit is pending", type_="protocol")
    if persist_id != pending.persist:
        raise invalid_value("persist-id is not the token of the pending confirmed commit", type_="protocol")
    if pending.persist is None and pending.session is not session:
        raise in_use(f"the pending confirmed commit belongs to session {pending.session.session_id}")
    return pending
