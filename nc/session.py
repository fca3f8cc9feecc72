"""Sessions: what is known of each, the registry of all, and what a transport asks of the one who answers.

A transport (ssh, unix) knows who the peer is, registers a `Session` for him and runs the `Exchange` over his channel;
the `Dispatcher` answers his messages. Neither knows the other.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Protocol

import gevent
from gevent.event import Event

from nc.clock import Clock
from nc.xml import Element

LAST_SESSION_ID = 4294967295
"""Session ids are 1 to 2^32 - 1 (RFC 6241, session-id-type)."""


class TerminationReason(StrEnum):
    """Why a session ended: the values of `termination-reason` (RFC 6470, netconf-session-end)."""

    CLOSED = "closed"
    KILLED = "killed"
    DROPPED = "dropped"
    TIMEOUT = "timeout"
    BAD_HELLO = "bad-hello"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Termination:
    """How a session ended.

    killed_by: id of the session that killed it; only with reason `killed`, and None also there where it was no session.
    detail: what there is to say beyond the reason, for the log.
    """

    reason: TerminationReason
    killed_by: int | None = None
    detail: str = ""


@dataclass(slots=True)
class Counters:
    """The counters of RFC 6022 (common-counters), of one session or of all of them.

    in_rpcs: correct rpc messages received.
    in_bad_rpcs: messages that should have been an rpc and were not a correct one.
    out_rpc_errors: rpc-reply messages sent that contained an rpc-error.
    out_notifications: notification messages sent.
    """

    in_rpcs: int = 0
    in_bad_rpcs: int = 0
    out_rpc_errors: int = 0
    out_notifications: int = 0

    def add(self, other: "Counters") -> None:
        """Add another's counts to these."""
        for count in fields(self):
            setattr(self, count.name, getattr(self, count.name) + getattr(other, count.name))


class Outbox:
    """Framed messages that wait for their session's writer, in order and bounded by their bytes.

    limit: bytes that may wait; one message alone may be larger than that.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._messages: deque[bytes] = deque()
        self._bytes = 0
        self._ended = False
        self._something = Event()
        self._room = Event()
        self._room.set()

    def offer(self, message: bytes) -> bool:
        """Queue a message if there is room for it; False when there is none, or when the session ends."""
        if self._ended or (self._messages and self._bytes + len(message) > self._limit):
            return False
        self._append(message)
        return True

    def put(self, message: bytes) -> None:
        """Queue a message, waiting for room; at the end of the session it is dropped."""
        while not self.offer(message):
            if self._ended:
                return
            self._room.clear()
            self._room.wait()

    def take(self) -> bytes | None:
        """Wait for the next message and take it; None when the outbox is finished and empty."""
        while not self._messages:
            if self._ended:
                return None
            self._something.clear()
            self._something.wait()
        message = self._messages.popleft()
        self._bytes -= len(message)
        self._room.set()
        return message

    def finish(self) -> None:
        """Accept nothing more; what waits may still be taken."""
        self._ended = True
        self._something.set()
        self._room.set()

    def discard(self) -> None:
        """Accept nothing more, and forget what waits."""
        self._messages.clear()
        self._bytes = 0
        self.finish()

    def _append(self, message: bytes) -> None:
        self._messages.append(message)
        self._bytes += len(message)
        self._something.set()


class Line(Protocol):
    """What a session needs of the connection to its peer, which the exchange gives it."""

    def frame(self, element: Element) -> bytes:
        """Make a message of an element, in the framing that was agreed on."""

    def hang_up(self, *, at_once: bool) -> None:
        """Read no more; at once: write no more either. It does not block."""


@dataclass(slots=True, eq=False)
class Session:
    """One NETCONF session, from the server's hello to its end.

    session_id: unique among the sessions that live.
    username, groups: who the transport says the peer is, and which groups it says he is in (NACM's external groups).
    transport: `netconf-ssh` or `netconf-unix`.
    source_host: the peer's address; empty for a peer on this host.
    login_time: when he was let in, in seconds since 1970-01-01 UTC.
    greeted: whether the hellos are exchanged.
    base: the framing in use, 10 or 11 (RFC 6242: end-of-message, or chunked); 10 until then.
    subscribed: set by whoever sends him notifications; he is then allowed to be idle.
    termination: how it ended; None while it lives.
    ended: set once what the session held is released and its last message is sent.
    line: set by the exchange.
    """

    session_id: int
    username: str
    groups: frozenset[str]
    transport: str
    source_host: str
    login_time: float
    outbox: Outbox
    greeted: bool = False
    base: int = 10
    counters: Counters = field(default_factory=Counters)
    subscribed: bool = False
    termination: Termination | None = None
    ended: Event = field(default_factory=Event)
    line: Line | None = None

    def send_notification(self, notification: Element) -> bool:
        """Queue a notification element for the peer.

        It returns at once. False: the peer does not read fast enough and his queue is full, or his session ends; the
        notification was not queued.
        """
        if self.line is None or not self.outbox.offer(self.line.frame(notification)):
            return False
        self.counters.out_notifications += 1
        return True

    def close(self, termination: Termination) -> None:
        """End the session; the first reason given counts.

        It returns at once. An operation that runs for the session is not interrupted: it comes to its own end, then the
        session's resources are released and `ended` is set. A killed session sends nothing any more; any other one
        still sends what waits in its outbox.
        """
        if self.termination is not None:
            return
        self.termination = termination
        if termination.reason is TerminationReason.KILLED:
            self.abandon()
            return
        self.outbox.finish()
        if self.line is not None:
            self.line.hang_up(at_once=False)

    def abandon(self) -> None:
        """Send nothing more to the peer of a session that was closed, and cut him off."""
        self.outbox.discard()
        if self.line is not None:
            self.line.hang_up(at_once=True)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to one rpc message.

    element: the rpc-reply.
    close: end the session once the reply is sent (close-session).
    """

    element: Element
    close: bool = False


class Dispatcher(Protocol):
    """The one who answers rpc messages: what sessions need of the operations and datastores behind them.

    All of it is called in the greenlet of the session; it may block, other sessions go on.
    """

    def capabilities(self) -> list[str]:
        """Give the URIs for the server's hello, base capabilities included."""

    def handle(self, session: Session, rpc: Element) -> Reply:
        """Answer an rpc element: any, also one without message-id or with an unknown operation.

        Errors are rpc-error elements in the reply. An exception is a defect: it is logged, answered operation-failed,
        and the session goes on.
        """

    def session_opened(self, session: Session) -> None:
        """Know of a session whose hello is about to be sent."""

    def session_closed(self, session: Session, termination: Termination) -> None:
        """Release what a session held: locks, subscriptions, an unpersisted confirmed commit.

        Called once for each session_opened, before the reply to close-session or to a kill-session goes out.
        """


class TooManySessionsError(Exception):
    """The limit on concurrent sessions is reached."""


@dataclass(slots=True)
class SessionStatistics:
    """The session counters of RFC 6022 (`statistics`), since start_time (seconds since 1970-01-01 UTC)."""

    start_time: float
    in_sessions: int = 0
    in_bad_hellos: int = 0
    dropped_sessions: int = 0


class Sessions:
    """All sessions of the server, over every transport.

    limit: how many may live at one time; may be changed while the server runs, which ends none.
    outbox_limit: bytes that may wait for a peer who does not read.
    """

    def __init__(self, clock: Clock, limit: int = 64, outbox_limit: int = 4 * 1024 * 1024) -> None:
        self.limit = limit
        self._outbox_limit = outbox_limit
        self._clock = clock
        self._sessions: dict[int, Session] = {}
        self._last_id = 0
        self._past = Counters()
        self.statistics = SessionStatistics(clock.wall())

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._sessions.values()))

    def __len__(self) -> int:
        return len(self._sessions)

    def get(self, session_id: int) -> Session | None:
        """Find a session that lives; None where there is none of that id."""
        return self._sessions.get(session_id)

    @property
    def counters(self) -> Counters:
        """The counters of all sessions, past and present."""
        total = Counters()
        total.add(self._past)
        for session in self._sessions.values():
            total.add(session.counters)
        return total

    def register(self, username: str, groups: frozenset[str], transport: str, source_host: str) -> Session:
        """Make a session for a peer whom a transport has let in.

        A session that is ending leaves its place: who closes one may open another at once. Only when as many are ending
        as may live, and do not come to their end, is nobody let in. At the limit, the oldest peer who has not said
        hello yet makes room, so that those who only connect keep nobody out; raises TooManySessionsError where there is
        none.
        """
        living = [session for session in self._sessions.values() if session.termination is None]
        if len(self._sessions) >= 2 * self.limit:
            raise TooManySessionsError(f"{len(self)} sessions are open or ending, with a limit of {self.limit}")
        if len(living) >= self.limit:
            self._make_room(living)
        session = Session(
            session_id=self._next_id(),
            username=username,
            groups=groups,
            transport=transport,
            source_host=source_host,
            login_time=self._clock.wall(),
            outbox=Outbox(self._outbox_limit),
        )
        self._sessions[session.session_id] = session
        self.statistics.in_sessions += 1
        return session

    def forget(self, session: Session) -> None:
        """Take out a session that has ended, and count how."""
        del self._sessions[session.session_id]
        self._past.add(session.counters)
        reason = session.termination.reason if session.termination is not None else TerminationReason.OTHER
        if reason is TerminationReason.BAD_HELLO:
            self.statistics.in_bad_hellos += 1
        elif reason in {TerminationReason.DROPPED, TerminationReason.TIMEOUT}:
            self.statistics.dropped_sessions += 1
        session.ended.set()

    def kill(self, session_id: int, killed_by: int | None, patience: float = 10) -> bool:
        """End another session (RFC 6241 section 7.9) and wait until what it held is released.

        killed_by: id of the session that asks; None when it is the server itself.
        patience: seconds to wait for an operation that the killed session is in the middle of.
        Returns False when no session of that id lives.
        """
        session = self._sessions.get(session_id)
        if session is None:
            return False
        session.close(Termination(TerminationReason.KILLED, killed_by))
        session.ended.wait(patience)
        return True

    def close_all(self, termination: Termination, patience: float) -> None:
        """End every session and wait for their ends, at most so many seconds; who is then not gone is dropped."""
        sessions = list(self)
        for session in sessions:
            session.close(termination)
        gevent.wait([session.ended for session in sessions], timeout=patience)
        for session in sessions:
            if not session.ended.is_set():
                session.abandon()

    def _make_room(self, living: Iterable[Session]) -> None:
        for session in living:
            if not session.greeted:
                session.close(
                    Termination(TerminationReason.DROPPED, detail="no hello yet, and another needs its place")
                )
                return
        raise TooManySessionsError(f"{self.limit} sessions are open, which is the limit")

    def _next_id(self) -> int:
        while True:
            self._last_id = self._last_id % LAST_SESSION_ID + 1
            if self._last_id not in self._sessions:
                return self._last_id
