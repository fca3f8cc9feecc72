"""Structured logging: one line an event, written outside the hub so that a stalled reader of our log stalls nobody.

A line is logfmt (`timestamp=... level=info event="lease granted" address=10.0.0.7 ...`) or JSON.
"""

import logging
import os
import re
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from json import JSONEncoder
from typing import Final, NamedTuple

import gevent
import structlog
from gevent.event import Event
from gevent.threadpool import ThreadPool

_WAITING_MOST: Final = 10_000
"""Lines that may wait; a log that nobody reads costs lines, never memory or a reader's time."""

_PAUSE: Final = 0.02
"""Seconds between two writes at least: each takes a native thread, whose turn costs as much as many lines."""


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
            self._write()
            gevent.sleep(_PAUSE)

    def flush(self, timeout: float = 5.0) -> bool:
        """Write what still waits: for the end of the process, after the end of run().

        timeout: seconds; nobody may be reading. Returns False when they were not enough.
        """
        draining = gevent.spawn(self._drain)
        draining.join(timeout)
        return bool(draining.ready())

    def _drain(self) -> None:
        """Write until nothing waits; also waits for a write that a greenlet left when it was killed."""
        self._write()
        while self._lines:
            self._write()

    def _write(self) -> None:
        """Write what waits now, and what to say of lines that were lost waits next."""
        lost = self._pool.apply(self._write_waiting)
        self.lost += lost
        if not lost:
            self._tell_lost()

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


class Threshold:
    """The least level that is written; may be changed while the process runs, also for loggers that are bound.

    number: of the level, as logging has them.
    """

    def __init__(self, level: str) -> None:
        self.number = 0
        self.set(level)

    def set(self, level: str) -> None:
        """Write lines of this level and above: debug, info, warning or error."""
        self.number = logging.getLevelNamesMapping()[level.upper()]


_Fields = Mapping[str, object]
_Render = Callable[[str, str, _Fields], str]
"""Makes a line of a level, an event and its fields."""


class _Output(NamedTuple):
    """Where lines go: what structlog calls the wrapped logger."""

    threshold: Threshold
    render: _Render
    write: Callable[[str], None]


class _Logger(structlog.BoundLoggerBase):
    """A logger of structlog without its chain of processors, which takes longer for a line than an answer takes."""

    _logger: _Output

    def debug(self, event: str, **fields: object) -> None:
        """Say what only a developer wants to know."""
        self._say(logging.DEBUG, "debug", event, fields)

    def info(self, event: str, **fields: object) -> None:
        """Say what happened."""
        self._say(logging.INFO, "info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Say what somebody should look at."""
        self._say(logging.WARNING, "warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        """Say what is wrong."""
        self._say(logging.ERROR, "error", event, fields)

    def exception(self, event: str, **fields: object) -> None:
        """Say what is wrong, with the traceback of the exception that is being handled."""
        self.error(event, **structlog.processors.format_exc_info(None, "error", {**fields, "exc_info": True}))

    def _say(self, number: int, level: str, event: str, fields: _Fields) -> None:
        output = self._logger
        if number >= output.threshold.number:
            output.write(output.render(level, event, {**self._context, **fields} if self._context else fields))


_PLAIN = re.compile(r"[!#-<>-~]*").fullmatch
"""Matches what logfmt writes as it is: ASCII without spaces, quotation marks and equals signs."""
_QUOTED = re.compile(r"[ -!#-\[\]-~]*").fullmatch
"""Matches what else it writes between quotation marks as it is: without such, and without backslashes."""
_LOGFMT = structlog.processors.LogfmtRenderer(bool_as_flag=False)


def _render_logfmt(level: str, event: str, fields: _Fields) -> str:
    parts = [f"timestamp={_now()} level={level}", _pair("event", event)]
    for name, value in fields.items():
        parts.append(f"{name}={value}" if type(value) is int else _pair(name, value))
    return " ".join(parts)


def _pair(name: str, value: object) -> str:
    """Write a field: the usual ones at once, others by the library.

    Written out is what a terminal would obey or take for the end of the line; JSON escapes it by itself.
    """
    if isinstance(value, str):
        if _PLAIN(value):
            return f"{name}={value}"
        if _QUOTED(value):
            return f'{name}="{value}"'
        if not value.isprintable():
            value = "".join(map(_printable, value))
    return _LOGFMT(None, "", {name: value})


def _printable(character: str) -> str:
    if character.isprintable() or character == "\n":  # the renderer escapes that one
        return character
    return character.encode("unicode_escape").decode("ascii")


_encode_json = JSONEncoder(default=str).encode


def _render_json(level: str, event: str, fields: _Fields) -> str:
    return _encode_json({**fields, "event": event, "level": level, "timestamp": _now()})


def _now() -> str:
    """Return the time of day in UTC (RFC 3339)."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def configure(writer: LineWriter, *, level: str, json: bool) -> Threshold:
    """Send every structlog line of the process to a writer.

    level: least level written: debug, info, warning or error.
    json: whether a line is a JSON object instead of logfmt.
    Returns what changes the level later.
    """
    threshold = Threshold(level)
    output = _Output(threshold, _render_json if json else _render_logfmt, writer.write)
    structlog.configure(
        processors=[], wrapper_class=_Logger, logger_factory=lambda *_: output, cache_logger_on_first_use=False
    )
    return threshold
