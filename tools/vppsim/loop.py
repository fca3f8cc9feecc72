"""The one loop that everything runs in, as VPP's main loop: readiness of sockets, and timers."""

import heapq
import itertools
import selectors
import socket
import time
from collections.abc import Callable
from typing import Final

Callback = Callable[[], object]


_LONGEST_SLEEP: Final = 3600.0
"""A selector does not take just any number of seconds."""


class Timer:
    """A callback that is due once. It can be cancelled."""

    __slots__ = ("_callback",)

    def __init__(self, callback: Callback) -> None:
        self._callback: Callback | None = callback

    def cancel(self) -> None:
        """Make it never happen."""
        self._callback = None

    def fire(self) -> None:
        """Call it, unless it was cancelled or has happened."""
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class Loop:
    """Sockets and timers of one thread. Times are seconds of the monotonic clock."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._running = True

    def now(self) -> float:
        """Return the monotonic time."""
        return time.monotonic()

    def watch(self, sock: socket.socket, readable: Callback, writable: Callback | None = None) -> None:
        """Call back when a socket can be read, and while `writable` is given, when it can be written.

        Watching a socket again replaces what was watched before.
        """
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if writable else 0)
        if sock in self._selector.get_map():
            self._selector.modify(sock, events, (readable, writable))
        else:
            self._selector.register(sock, events, (readable, writable))

    def watch_descriptor(self, descriptor: int, readable: Callable[[], object]) -> None:
        """Call back when a file descriptor that is no socket can be read."""
        self._selector.register(descriptor, selectors.EVENT_READ, (readable, None))

    def forget(self, sock: socket.socket) -> None:
        """Stop watching a socket; one that is not watched is ignored."""
        if sock.fileno() >= 0 and sock in self._selector.get_map():
            self._selector.unregister(sock)

    def after(self, seconds: float, callback: Callback) -> Timer:
        """Call back once, when so many seconds have gone by."""
        timer = Timer(callback)
        heapq.heappush(self._timers, (self.now() + seconds, next(self._order), timer))
        return timer

    def stop(self) -> None:
        """Let `run` return after the current turn."""
        self._running = False

    def run(self) -> None:
        """Turn until `stop` is called."""
        while self._running:
            for key, mask in self._selector.select(self._until_next_timer()):
                readable, writable = key.data
                if mask & selectors.EVENT_WRITE and writable is not None:
                    writable()
                if mask & selectors.EVENT_READ and self._is_watched(key):
                    readable()
            self._fire_due_timers()

    def _is_watched(self, key: selectors.SelectorKey) -> bool:
        """Tell whether nothing that happened in this turn closed a file."""
        now = self._selector.get_map().get(key.fd)
        return now is not None and now.fileobj is key.fileobj

    def _until_next_timer(self) -> float | None:
        if not self._timers:
            return None
        return min(max(0.0, self._timers[0][0] - self.now()), _LONGEST_SLEEP)

    def _fire_due_timers(self) -> None:
        now = self.now()
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2].fire()
