"""Notifications (RFC 5277): the stream NETCONF, its replay log, and the subscriptions to it.

Everybody reads from the log at his own speed. Who falls so far behind that the log has lost what he has not read yet is
cut off, as he would otherwise miss something without knowing; nobody ever waits for him.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import gevent
import structlog
from gevent.event import Event
from lxml import etree

from nc.access import AccessControl
from nc.build import Builder
from nc.clock import Clock, Timers, date_and_time
from nc.errors import RpcError, RpcErrors, bad_element, operation_failed
from nc.filter import Filter, Want
from nc.schema import Schema, SchemaNode
from nc.session import Session, Termination, TerminationReason
from nc.xml import NOTIFICATION, NOTIFICATION_MANAGEMENT, Element, copy, new_data, qname

STREAM: Final = "NETCONF"
"""The one stream (RFC 5277, 3.2.3)."""

LOG_SIZE: Final = 4096
"""Notifications that can be replayed."""

_START_TIME: Final = qname(NOTIFICATION, "startTime")
_STOP_TIME: Final = qname(NOTIFICATION, "stopTime")
_MANAGEMENT: Final = Builder(NOTIFICATION_MANAGEMENT, "manageEvent")


class Logged:
    """A notification in the log. Its element is made when somebody wants it: mostly nobody ever does.

    time: when it was published, in seconds since 1970-01-01 UTC.
    node: its schema node.
    """

    __slots__ = ("_make", "_message", "node", "time")

    def __init__(self, time: float, node: SchemaNode, make: Callable[[], Element]) -> None:
        """Take note of one; make: makes the element that the data model defines."""
        self.time = time
        self.node = node
        self._make: Callable[[], Element] | None = make
        self._message: Element | None = None

    @property
    def message(self) -> Element:
        """The <notification> element."""
        if self._make is not None:
            self._message = _message(self.time, self._make())
            self._make = None
        assert self._message is not None
        return self._message


class Log:
    """The latest notifications, numbered from 0 on.

    size: how many are kept.
    """

    def __init__(self, size: int, created: float) -> None:
        self.created: Final = created
        self._entries: deque[Logged] = deque(maxlen=size)
        self._next = 0
        self.aged: float | None = None
        """When the last one that was lost had been published; None while none is lost."""

    @property
    def first(self) -> int:
        """Number of the oldest notification that is kept."""
        return self._next - len(self._entries)

    @property
    def next(self) -> int:
        """Number that the next notification will get."""
        return self._next

    def resize(self, size: int) -> None:
        """Keep so many from now on; when there are fewer than before, the oldest are lost."""
        if size != self._entries.maxlen:
            if len(self._entries) > size:
                self.aged = self._entries[-size - 1].time
            self._entries = deque(self._entries, maxlen=size)

    def append(self, entry: Logged) -> None:
        """Keep a notification, and lose the oldest one when there are too many."""
        if len(self._entries) == self._entries.maxlen:
            self.aged = self._entries[0].time
        self._entries.append(entry)
        self._next += 1

    def get(self, number: int) -> Logged | None:
        """Give a notification; None where it is lost or not published yet."""
        index = number - self.first
        return self._entries[index] if 0 <= index < len(self._entries) else None


@dataclass(slots=True, eq=False)
class _Subscription:
    """One session's subscription.

    start: of the replay, or None; stop: the time after which nothing is sent, or None.
    position: number of the next notification that the session is to get.
    replay_end: number of the first notification that is not a replay.
    stopping: stop has come.
    """

    session: Session
    filter: Filter | None
    start: float | None
    stop: float | None
    position: int
    replay_end: int
    stopping: bool = False
    wake: Event = field(default_factory=Event)
    cancel_timer: Callable[[], None] | None = None


class Notifications:
    """Publishes notifications and delivers them to who has subscribed.

    schema: of the notifications.
    access: says who may get which.
    """

    def __init__(
        self, schema: Schema, access: AccessControl, clock: Clock, timers: Timers, log_size: int = LOG_SIZE
    ) -> None:
        self.log: Final = Log(log_size, clock.wall())
        self._schema = schema
        self._access = access
        self._clock = clock
        self._timers = timers
        self._subscriptions: dict[Session, _Subscription] = {}
        self._report = structlog.get_logger()

    def resize(self, size: int) -> None:
        """Keep so many notifications for replay, and for subscribers who are behind."""
        self.log.resize(size)

    def publish(self, content: Element) -> None:
        """Send a notification to everybody who wants it and may get it. It returns at once.

        content: the element that the data model defines; becomes part of the log. Raises ValueError where it is not a
            top-level notification of the schema.
        """
        self.publish_made(str(content.tag), lambda: content)

    def publish_made(self, tag: str, make: Callable[[], Element]) -> None:
        """Send a notification as publish() does, whose element is made only when somebody is there to read it.

        tag: of the element; raises ValueError where that is not a top-level notification of the schema.
        make: makes the element; may be called at any later time, once.
        """
        node = self._schema.notifications.get(tag)
        if node is None:
            raise ValueError(f"{tag} is not a notification of the schema")
        self.log.append(Logged(self._clock.wall(), node, make))
        for subscription in list(self._subscriptions.values()):
            if subscription.position < self.log.first:
                self._cut_off(subscription)
            else:
                subscription.wake.set()

    def subscribe(
        self,
        session: Session,
        filter_: Filter | None = None,
        start: float | None = None,
        stop: float | None = None,
    ) -> None:
        """Subscribe a session (RFC 5277, 2.1.1).

        filter_: tells which notifications it wants; None for all.
        start: from when on notifications are to be replayed; None for no replay. stop: when the subscription ends; None
            for never. Both in seconds since 1970-01-01 UTC.

        The first notification is sent in a later turn of the hub, so that the reply comes before it.

        Raises RpcError where the session has a subscription already, or the times make no sense.
        """
        if session in self._subscriptions:
            raise operation_failed("this session has a subscription already", type_="protocol")
        now = self._clock.wall()
        if start is not None and start > now:
            raise bad_element(_START_TIME, "startTime is in the future", type_="protocol")
        if start is not None and stop is not None and stop < start:
            raise bad_element(_STOP_TIME, "stopTime is before startTime", type_="protocol")
        here = self.log.next
        position = here if start is None else self.log.first
        subscription = _Subscription(session, filter_, start, stop, position, here)
        if stop is not None:
            subscription.cancel_timer = self._timers.after(max(stop - now, 0), lambda: self._stop(subscription))
        self._subscriptions[session] = subscription
        session.subscribed = True
        gevent.spawn(self._deliver, subscription)

    def session_closed(self, session: Session) -> None:
        """End the subscription of a session that has ended, if it had one."""
        subscription = self._subscriptions.get(session)
        if subscription is not None:
            self._end(subscription)

    def _stop(self, subscription: _Subscription) -> None:
        subscription.stopping = True
        subscription.wake.set()

    def _deliver(self, subscription: _Subscription) -> None:
        """Send what there is to send, until the subscription ends; after a defect the session must not wait in vain."""
        try:
            self._send_all(subscription)
        except Exception:
            self._report.exception("notifications failed", session_id=subscription.session.session_id)
            detail = "the server failed to send notifications; its log has the details"
            subscription.session.close(Termination(TerminationReason.OTHER, detail=detail))

    def _send_all(self, subscription: _Subscription) -> None:
        if subscription.start is not None:
            self._replay(subscription)
        while self._is_live(subscription) and not self._is_over(subscription):
            entry = self.log.get(subscription.position)
            if entry is not None:
                subscription.position += 1
                self._send_if_wanted(subscription, entry)
            else:
                subscription.wake.wait()
                subscription.wake.clear()
        if self._is_live(subscription):
            self._send(subscription, _message(self._clock.wall(), _MANAGEMENT.node("notificationComplete")))
            self._end(subscription)

    def _replay(self, subscription: _Subscription) -> None:
        for entry in self._replayed(subscription):
            if subscription.start is not None and entry.time >= subscription.start:
                self._send_if_wanted(subscription, entry)
        if self._is_live(subscription):
            self._send(subscription, _message(self._clock.wall(), _MANAGEMENT.node("replayComplete")))

    def _replayed(self, subscription: _Subscription) -> Iterator[Logged]:
        while self._is_live(subscription) and subscription.position < subscription.replay_end:
            entry = self.log.get(subscription.position)
            if entry is None:
                return
            subscription.position += 1
            yield entry

    def _is_live(self, subscription: _Subscription) -> bool:
        session = subscription.session
        return session.termination is None and self._subscriptions.get(session) is subscription

    def _is_over(self, subscription: _Subscription) -> bool:
        """Whether stopTime has come and all from before it is sent."""
        return subscription.stopping and subscription.position >= self.log.next

    def _send_if_wanted(self, subscription: _Subscription, entry: Logged) -> None:
        if subscription.stop is not None and entry.time > subscription.stop:
            return
        if self._access.permits_notification(subscription.session, entry.node) and self._matches(subscription, entry):
            self._send(subscription, entry.message)

    def _matches(self, subscription: _Subscription, entry: Logged) -> bool:
        """Whether a filter selects anything of a notification; if so, it is sent as a whole (RFC 5277, 3.6)."""
        if subscription.filter is None:
            return True
        tree = new_data()
        tree.append(copy(entry.message[-1]))
        try:
            return len(subscription.filter.apply(self._schema, tree)) > 0
        except (RpcError, RpcErrors) as error:
            session_id = subscription.session.session_id
            self._report.warning("filter of a subscription failed", session_id=session_id, reason=str(error))
            return False

    def _send(self, subscription: _Subscription, message: Element) -> None:
        """Queue a notification element, waiting for room; whoever does not make any is cut off by publish()."""
        session = subscription.session
        if session.line is not None:
            session.outbox.put(session.line.frame(message))
            session.counters.out_notifications += 1

    def _cut_off(self, subscription: _Subscription) -> None:
        self._end(subscription)
        detail = "it did not read its notifications for too long"
        subscription.session.close(Termination(TerminationReason.DROPPED, detail=detail))

    def _end(self, subscription: _Subscription) -> None:
        del self._subscriptions[subscription.session]
        subscription.session.subscribed = False
        if subscription.cancel_timer is not None:
            subscription.cancel_timer()
        subscription.wake.set()


class StreamsState:
    """The streams as operational state (RFC 5277, 3.2.5)."""

    path = "/nc-notifications:netconf/streams"

    def __init__(self, notifications: Notifications) -> None:
        self._notifications = notifications

    def read(self, want: Want) -> Iterator[Element]:
        """Give the list with its one stream."""
        log = self._notifications.log
        stream = _MANAGEMENT.leafs(
            name=STREAM,
            description="all notifications of the server",
            replaySupport="true",
            replayLogCreationTime=date_and_time(log.created),
            replayLogAgedTime=None if log.aged is None else date_and_time(log.aged),
        )
        yield _MANAGEMENT.node("streams", [_MANAGEMENT.node("stream", stream)])


def _message(time: float, content: Element) -> Element:
    message = etree.Element(qname(NOTIFICATION, "notification"), nsmap={"n": NOTIFICATION})
    event_time = etree.SubElement(message, qname(NOTIFICATION, "eventTime"))
    event_time.text = date_and_time(time)
    message.append(content)
    return message
