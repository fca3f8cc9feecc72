"""How long the hub was held: the time during which no other greenlet could run, no packet be read."""

from collections import deque
from dataclasses import dataclass
from typing import Final

import gevent

from vppdhc.clock import Clock

_BEAT: Final = 0.01
_RECENT: Final = 60.0
"""Seconds that `recent` looks back."""


@dataclass(frozen=True, slots=True)
class Hold:
    """The hub was held: seconds, and CLOCK_BOOTTIME of its end."""

    seconds: float
    ended: float


class Heartbeat:
    """Wakes every 10 ms; by how much later than that, so long was the hub held, or the machine suspended.

    longest: of the whole life of the process.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._holds: deque[Hold] = deque()
        self.longest = Hold(0.0, clock.boottime())

    def run(self) -> None:
        """Beat for ever."""
        while True:
            before = self._clock.boottime()
            gevent.sleep(_BEAT)
            now = self._clock.boottime()
            self.note(Hold(max(0.0, now - before - _BEAT), now))

    def note(self, hold: Hold) -> None:
        """Take note of one hold."""
        # Only what is longer than all that came after it can be the longest of the time that is left.
        while self._holds and self._holds[-1].seconds <= hold.seconds:
            self._holds.pop()
        self._holds.append(hold)
        if hold.seconds > self.longest.seconds:
            self.longest = hold

    @property
    def recent(self) -> float:
        """Seconds of the longest hold within the last minute."""
        now = self._clock.boottime()
        while self._holds and self._holds[0].ended < now - _RECENT:
            self._holds.popleft()
        return self._holds[0].seconds if self._holds else 0.0
