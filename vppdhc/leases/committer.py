"""Group commit: readers queue replies with their changes, replies leave once the changes are durable."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import gevent
import structlog
from gevent.event import AsyncResult, Event
from gevent.threadpool import ThreadPool

from vppdhc.clock import Clock
from vppdhc.leases.lease6 import AnyChange

_SEND_SLICE: Final = 0.005
"""Seconds of sending after which other greenlets get their turn."""

_YIELD: Final = 1e-6
"""Seconds to sleep for a turn of the event loop; sleep(0) runs only what is ready, and reads no socket."""


class Store(Protocol):
    """What the committer wants of a lease store."""

    def commit(self, changes: Sequence[AnyChange]) -> None:
        """Make changes durable, all or none; runs in a native thread. Raises when nothing was stored."""


class Work(NamedTuple):
    """What one packet led to.

    changes: of leases, as made in memory already, in that order; may be empty.
    send: sends the replies; called once the changes are durable, never when they could not be made so.
    """

    changes: Sequence[AnyChange]
    send: Callable[[], object]


@dataclass(slots=True)
class Counters:
    """What the committer did.

    groups, changes: commits that succeeded, and the changes in them.
    sent: works whose replies were sent.
    dropped_full: works refused as the queue was full.
    failed: commits that failed.
    dropped_failed: works dropped by a commit that failed: its own and those that waited behind it.
    send_errors: works whose send() raised.
    largest_group: most works in one group.
    last_commit_seconds: how long the latest commit took.
    """

    groups: int = 0
    changes: int = 0
    sent: int = 0
    dropped_full: int = 0
    failed: int = 0
    dropped_failed: int = 0
    send_errors: int = 0
    largest_group: int = 0
    last_commit_seconds: float = 0.0


class Committer:
    """Takes all works that wait, commits their changes as one group in a native thread, then sends, in order.

    The next group fills meanwhile. A group without changes is sent without a commit. run() may be
    killed and run again at any point: it goes on where it was; only a send() that it was killed in is lost.

    It commits in a thread of its own, not in one of the hub's pool: one commit runs at most, whatever happens
    to the greenlet, and no name lookup is waited for.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        take_back: Callable[[Sequence[AnyChange]], object],
        *,
        alarm: Callable[[Exception], object],
        cleared: Callable[[], object],
        queue_limit: int = 4096,
        group_limit: int = 1024,
    ) -> None:
        """Nothing happens before run().

        take_back: undoes changes in memory that will not become durable. Gets them as they were made, the
            newest first, and must not wait for anything.
        alarm: called with the error when commits begin to fail, and when the error becomes another one.
        cleared: called when a commit succeeds after that.
        queue_limit: works that may wait; more are refused.
        group_limit: works in one commit.
        """
        self.counters = Counters()
        self._store = store
        self._clock = clock
        self._take_back = take_back
        self._alarm = alarm
        self._cleared = cleared
        self._queue_limit = queue_limit
        self._group_limit = group_limit
        self._queue: deque[Work] = deque()
        self._group: list[Work] = []
        self._committing: AsyncResult[Exception | None] | None = None
        self._durable: deque[Work] = deque()
        self._wake = Event()
        self._idle = Event()
        self._idle.set()
        self._stopping = False
        self._failing = ""
        self._pool = ThreadPool(1)
        self._log = structlog.get_logger()

    def submit(self, work: Work) -> bool:
        """Queue a work; never waits.

        To be called before anything else can change the same leases: without switching greenlets since they
        were changed in memory.

        Returns False when the queue is full or the committer stops: then the changes have been taken back and
        nothing will be sent.
        """
        if self._stopping or len(self._queue) >= self._queue_limit:
            self.counters.dropped_full += 1
            self._take_back(work.changes[::-1])
            return False
        self._queue.append(work)
        self._idle.clear()
        self._wake.set()
        return True

    def run(self) -> None:
        """Commit and send until stop(); to be supervised."""
        while True:
            self._send_durable()
            if not self._group:
                self._take_group()
            if self._group:
                self._commit_group()
            elif not self._stopping:
                self._idle.set()
                self._wake.wait()
            else:
                self._idle.set()
                return

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was submitted is sent or dropped.

        timeout: seconds. Returns False when they were not enough.
        """
        return bool(self._idle.wait(timeout))

    def stop(self, timeout: float | None = None) -> bool:
        """Refuse further works, flush, and let run() return; the store may be closed after that.

        timeout: seconds for the flush. Returns False when they were not enough: the store may be in use.
        """
        self._stopping = True
        self._wake.set()
        flushed = self.flush(timeout)
        if flushed:
            self._pool.kill()
        return flushed

    def _take_group(self) -> None:
        self._wake.clear()
        while self._queue and len(self._group) < self._group_limit:
            self._group.append(self._queue.popleft())
        self.counters.largest_group = max(self.counters.largest_group, len(self._group))

    def _commit_group(self) -> None:
        """Make the group durable, or drop it.

        The wait may be the last thing that this greenlet does; the next one goes on there.
        """
        changes = [change for work in self._group for change in work.changes]
        if changes:
            if self._committing is None:
                self._committing = self._pool.spawn(self._commit, changes)
            error = self._committing.get()
            self._committing = None
            if error is not None:
                self._drop_all(error)
                return
            self.counters.groups += 1
            self.counters.changes += len(changes)
        self._durable.extend(self._group)
        self._group.clear()
        if changes and self._failing:
            self._failing = ""
            self._cleared()

    def _commit(self, changes: Sequence[AnyChange]) -> Exception | None:
        """Commit in the native thread; returns the error, as gevent would print one that is raised."""
        started = self._clock.boottime()
        try:
            self._store.commit(changes)
        except Exception as error:
            return error
        finally:
            self.counters.last_commit_seconds = self._clock.boottime() - started
        return None

    def _drop_all(self, error: Exception) -> None:
        """Drop the group, and all that waits: it was made in the belief that the group would be durable."""
        works = [*self._group, *self._queue]
        self._group.clear()
        self._queue.clear()
        self.counters.failed += 1
        self.counters.dropped_failed += len(works)
        self._take_back([change for work in works for change in work.changes][::-1])
        if repr(error) != self._failing:
            self._failing = repr(error)
            self._alarm(error)

    def _send_durable(self) -> None:
        turn = self._clock.boottime()
        while self._durable:
            work = self._durable.popleft()
            try:
                work.send()
                self.counters.sent += 1
            except Exception:
                self.counters.send_errors += 1
                self._log.exception("reply not sent")
            if self._clock.boottime() - turn > _SEND_SLICE:
                gevent.sleep(_YIELD)
                turn = self._clock.boottime()
