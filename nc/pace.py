"""Long work in the hub, done in slices so that other greenlets get their turn."""

import time
from typing import Final

import gevent

_SLICE: Final = 0.005
"""Seconds of work before others get a turn."""

_TURN: Final = 0.0005
"""Seconds to sleep for a turn of the event loop; sleep(0) runs only what is ready, and reads no socket."""


class Pace:
    """Gives way to other greenlets after every few milliseconds of work.

    A loop over much data calls step() once a round; most calls only look at the clock.
    """

    __slots__ = ("_end",)

    def __init__(self) -> None:
        self._end = time.monotonic() + _SLICE

    def step(self) -> None:
        """Let others run when this slice of work is used up."""
        if time.monotonic() >= self._end:
            gevent.sleep(_TURN)
            self._end = time.monotonic() + _SLICE
