"""What is to be done about questions that wait for an answer, and when; and what can come of a question."""

from collections.abc import Callable
from enum import StrEnum
from heapq import heappop, heappush
from itertools import count
from typing import Final, Generic, Protocol, TypeVar

from gevent.event import Event

from vppdhc.clock import Clock

REQUESTS: Final = 2
"""How often it is asked about an address that nobody answers for: one may be lost. They share the time there is."""
_TURN: Final = 0.005
"""Seconds of work after which other greenlets get their turn."""
_YIELD: Final = 1e-6
"""Seconds to sleep for a turn of the event loop; sleep(0) would run only what is ready, and read no socket."""


class Result(StrEnum):
    """What came of the question whether somebody uses an address."""

    FREE = "free"
    """Nobody answered in time."""
    TAKEN = "taken"
    """Somebody else answered."""
    TOO_MANY = "too-many"
    """It was not asked, as too many others wait for an answer."""
    NOT_WATCHED = "not-watched"
    """It was not asked, as VPP would not tell of an answer, or is not there."""
    NOT_SENT = "not-sent"
    """It could not be asked: VPP did not take the request, or has no arping plugin."""


class Due(Protocol):
    """Something that there is something to do about.

    due: CLOCK_BOOTTIME of that.
    """

    due: float


DueT = TypeVar("DueT", bound=Due)


class Timetable(Generic[DueT]):
    """Does things when they are due, many of them, in one greenlet."""

    def __init__(self, clock: Clock, do: Callable[[DueT], object], sleep: Callable[[float], object]) -> None:
        """Nothing happens before run().

        do: is called for what is due. sleep: lets others run for so many seconds.
        """
        self._clock = clock
        self._do = do
        self._sleep = sleep
        self._due: list[tuple[float, int, DueT]] = []
        self._number = count()
        self._wake = Event()

    def put_off(self, one: DueT, due: float) -> None:
        """Have something done at a time, and no longer at the one before."""
        one.due = due
        heappush(self._due, (due, next(self._number), one))
        if self._due[0][2] is one:
            self._wake.set()

    def run(self) -> None:
        """Do what is due, for ever."""
        while True:
            self._wake.wait(self._left())
            self._wake.clear()
            now = self._clock.boottime()
            # An answer that is there by now counts, however late it is read: in one turn of the event loop VPP's
            # socket is read, in the next one its events are handed on.
            self._sleep(_YIELD)
            self._sleep(_YIELD)
            self.work(now)

    def work(self, now: float) -> None:
        """Do what was due at a time."""
        began = self._clock.boottime()
        while self._due and self._due[0][0] <= now:
            due, _, one = heappop(self._due)
            if due == one.due:
                self._do(one)
            if self._clock.boottime() - began > _TURN:
                self._sleep(_YIELD)
                began = self._clock.boottime()

    def _left(self) -> float | None:
        """Return the seconds until there is something to do; None for nothing."""
        return max(0.0, self._due[0][0] - self._clock.boottime()) if self._due else None
