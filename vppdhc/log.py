"""Structured logging: one line an event, written outside the hub so that a stalled reader of our log stalls nobody.

A line is logfmt (`timestamp=... level=info event="lease granted" address=10.0.0.7 ...`) or JSON.
"""

import logging
import os
from collections import deque
from collections.abc import Callable, MutableMapping
from typing import Any

import gevent
import structlog
from gevent.event import Event
from gevent.threadpool import ThreadPool

_WAITING_MOST = 10_000
"""Lines that may wait; a log that nobody reads costs lines, never memory or a reader's time."""


class LineWriter:
    """Takes lines at once and writes them to a file descriptor from a native thread.

    lost: lines dropped so far, because the descriptor did not take them fast enough or gave an error. Once it
        takes lines again, one says how many.
    """

    def __init__(self, descriptor: int) -> None:
        """Nothing is written before run().

        descriptor: where to write, usually 2 (standard error).
        """
        os.set_blocking(descriptor, True)  # written in a native thread, where waiting disturbs nobody
        self._descriptor = descriptor
        self._lines: deque[str] = deque()
        self._waiting = Event()
        self._pool = ThreadPool(1)
        self._lost_told = 0
        self.lost = 0

    def write(self, line: str) -> None:
        """Queue one line, without its newline; never blocks."""
        if len(self._lines) >= _WAITING_MOST:
            self.lost += 1
            return
        self._lines.append(line)
        self._waiting.set()

    def run(self) -> None:
        """Write what comes, for ever; the greenlet of this writer."""
        while True:
            self._waiting.wait()
            self._waiting.clear()
            self._drain()

    def flush(self, timeout: float = 5.0) -> bool:
        """Write what still waits: for the end of the process, after the end of run().

        timeout: seconds; nobody may be reading. Returns False when they were not enough.
        """
        draining = gevent.spawn(self._drain)
        draining.join(timeout)
        return bool(draining.ready())

    def _drain(self) -> None:
        """Write until nothing waits; also waits for a write that a greenlet left when it was killed."""
        while True:
            lost = self._pool.apply(self._write_waiting)
            self.lost += lost
            if not lost:
                self._tell_lost()
            if not self._lines:
                return

    def _tell_lost(self) -> None:
        if self.lost > self._lost_told and len(self._lines) < _WAITING_MOST:
            self._lost_told = self.lost
            structlog.get_logger().warning("log lines lost, nobody read them in time", lines=self.lost)

    def _write_waiting(self) -> int:
        """Write all that waits, in the native thread; returns how many lines the descriptor refused."""
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        data = memoryview("".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace"))
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except OSError:
                return bytes(data).count(b"\n")
        return 0


class _LineLogger:
    """What structlog calls with a rendered line, whatever its level."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self.debug = self.info = self.warning = self.error = self.critical = write


_LOGFMT = structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], bool_as_flag=False)


def _render_logfmt(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
    """Render a line without what a terminal would obey or take for the end of it; JSON escapes it by itself."""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[name] = "".join(map(_printable, value))
    return _LOGFMT(logger, method, event)


def _printable(character: str) -> str:
    if character.isprintable() or character == "\n":  # the renderer escapes that one
        return character
    return character.encode("unicode_escape").decode("ascii")


class Threshold:
    """The least level that is written; may be changed while the process runs, also for loggers that are bound."""

    def __init__(self, level: str) -> None:
        self._number = 0
        self.set(level)

    def set(self, level: str) -> None:
        """Write lines of this level and above: debug, info, warning or error."""
        self._number = logging.getLevelNamesMapping()[level.upper()]

    def __call__(self, _: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Drop a line that is below it: structlog's first processor."""
        if _NUMBERS.get(method, logging.ERROR) < self._number:
            raise structlog.DropEvent
        return event


_NUMBERS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(writer: LineWriter, *, level: str, json: bool) -> Threshold:
    """Send every structlog line of the process to a writer.

    level: least level written: debug, info, warning or error.
    json: whether a line is a JSON object instead of logfmt.
    Returns what changes the level later.
    """
    renderer: Callable[[Any, str, MutableMapping[str, Any]], str | bytes]
    renderer = structlog.processors.JSONRenderer(default=str) if json else _render_logfmt
    threshold = Threshold(level)
    structlog.configure(
        processors=[
            threshold,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=lambda *_: _LineLogger(writer.write),
        cache_logger_on_first_use=False,
    )
    return threshold
