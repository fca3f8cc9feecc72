"""kill-session (RFC 6241, 7.9), get-schema (RFC 6022) and create-subscription (RFC 5277)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from nc.errors import InstancePath, bad_element, invalid_value, missing_element
from nc.monitoring import get_schema
from nc.notifications import STREAM, Notifications
from nc.rpc.request import Request, filter_in
from nc.schema import Schema
from nc.session import Sessions
from nc.xml import MONITORING, NC, NOTIFICATION, Element, qname

_START_TIME: Final = qname(NOTIFICATION, "startTime")
_STOP_TIME: Final = qname(NOTIFICATION, "stopTime")
_SESSION_ID: Final = InstancePath("/nc:rpc/nc:kill-session/nc:session-id", {"nc": NC})


class SessionOperations:
    """What concerns sessions: their own, and those of others."""

    def __init__(self, schema: Schema, sessions: Sessions, notifications: Notifications) -> None:
        self._schema = schema
        self._sessions = sessions
        self._notifications = notifications

    def close_session(self, request: Request) -> Sequence[Element]:
        """Reply; the session ends after that, and what it held is released then (RFC 6241, 7.8)."""
        return []

    def kill_session(self, request: Request) -> Sequence[Element]:
        """End another session; what it held is released before the reply."""
        session_id = int(request.text("session-id") or 0)
        if session_id == request.session.session_id:
            raise invalid_value("a session cannot kill itself; use close-session", _SESSION_ID, type_="protocol")
        if not self._sessions.kill(session_id, request.session.session_id):
            raise invalid_value(f"there is no session {session_id}", _SESSION_ID, type_="protocol")
        return []

    def get_schema(self, request: Request) -> Sequence[Element]:
        """Give the text of a module or submodule."""
        language = request.text("format", MONITORING)
        return [
            get_schema(
                self._schema,
                request.text("identifier", MONITORING) or "",
                request.text("version", MONITORING),
                None if language is None else language.rpartition(":")[2],
            )
        ]

    def create_subscription(self, request: Request) -> Sequence[Element]:
        """Subscribe the session to the stream NETCONF."""
        stream = request.text("stream", NOTIFICATION)
        if stream not in {None, STREAM}:
            path = InstancePath("/nc:rpc/n:create-subscription/n:stream", {"nc": NC, "n": NOTIFICATION})
            raise invalid_value(f"there is no stream {stream}", path, type_="protocol")
        self._notifications.subscribe(
            request.session,
            filter_in(request.input, NOTIFICATION),
            _instant(request, "startTime"),
            _instant(request, "stopTime"),
        )
        return []


def look_at_subscription(create_subscription: Element) -> None:
    """Accept what clients write and the schema does not, and refuse what has an error of its own.

    The filter may be in NETCONF's namespace, where ncclient has it, instead of the one of RFC 5277.
    Raises RpcError missing-element where there is a stopTime without a startTime (RFC 5277, 2.1.1).
    """
    for filter_ in create_subscription.iterchildren(qname(NC, "filter")):
        filter_.tag = qname(NOTIFICATION, "filter")
    if create_subscription.find(_STOP_TIME) is not None and create_subscription.find(_START_TIME) is None:
        raise missing_element(_START_TIME, message="stopTime needs a startTime", type_="protocol")


def _instant(request: Request, name: str) -> float | None:
    """Read a date-and-time, in seconds since 1970-01-01 UTC; the schema lets some pass that never were."""
    text = request.text(name, NOTIFICATION)
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError as error:
        raise bad_element(qname(NOTIFICATION, name), f"there is no such time: {error}", type_="protocol") from error
