"""Time, injected: clocks to read and timers to set."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

import gevent


class Clock(Protocol):
    """What the server knows of time."""

    def boottime(self) -> float:
        """Seconds since the machine booted; no step of the wall clock changes it."""

    def wall(self) -> float:
        """Seconds since 1970-01-01 UTC; may step."""


class Timers(Protocol):
    """Calls functions later."""

    def after(self, seconds: float, function: Callable[[], None]) -> Callable[[], None]:
        """Call a function once, in a greenlet of its own, after so many seconds.

        Returns a function that cancels the call if it has not begun.
        """


class GeventTimers:
    """Timers of the gevent hub."""

    def after(self, seconds: float, function: Callable[[], None]) -> Callable[[], None]:
        """Call a function once; see Timers."""
        timer = gevent.get_hub().loop.timer(seconds)
        timer.start(gevent.spawn, function)
        return timer.close


def date_and_time(seconds: float) -> str:
    """Write an instant as YANG's date-and-time, in UTC with microseconds (RFC 6991 section 3).

    seconds: since 1970-01-01 UTC.
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
