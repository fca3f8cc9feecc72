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

_WAITING_MOST = 10_000
"""Lines that may wait; a log that nobody reads costs lines, never memory or a reader's time."""


class LineWriter:
    """Takes lines at once and writes them to a file descriptor from the hub's native thread pool.

    descriptor: where to write, usually 2 (standard error).
    lost: lines dropped so far because the descriptor did not take them fast enough.
    """

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, True)  # written in a native thread, where waiting disturbs nobody
        self._descriptor = descriptor
        self._lines: deque[str] = deque()
        self._waiting = Event()
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
        pool = gevent.get_hub().threadpool
        while True:
            self._waiting.wait()
            self._waiting.clear()
            while self._lines:
                pool.apply(self._write_all, (self._take(),))

    def flush(self) -> None:
        """Write what still waits, blocking: for the end of the process."""
        if self._lines:
            self._write_all(self._take())

    def _take(self) -> bytes:
        text = "\n".join(self._lines) + "\n"
        self._lines.clear()
        return text.encode("utf-8", "backslashreplace")

    def _write_all(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except OSError:
                self.lost += data.count(b"\n")
                return


class _LineLogger:
    """What structlog calls with a rendered line, whatever its level."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self.debug = self.info = self.warning = self.error = self.critical = write


def configure(writer: LineWriter, *, level: str, json: bool) -> None:
    """Send every structlog line of the process to a writer.

    level: least level written: debug, info, warning or error.
    json: whether a line is a JSON object instead of logfmt.
    """
    order = ["timestamp", "level", "event"]
    renderer: Callable[[Any, str, MutableMapping[str, Any]], str | bytes]
    if json:
        renderer = structlog.processors.JSONRenderer(default=str)
    else:
        renderer = structlog.processors.LogfmtRenderer(key_order=order, bool_as_flag=False)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=lambda *_: _LineLogger(writer.write),
        cache_logger_on_first_use=False,
    )
