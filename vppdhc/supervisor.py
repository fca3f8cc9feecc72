"""Supervised greenlets: one that dies is logged with its traceback and started again, with back-off."""

from collections import Counter
from collections.abc import Callable

import gevent
import structlog

from vppdhc.clock import Clock

_BACKOFF_FIRST = 0.1
_BACKOFF_MOST = 30.0
_STEADY = 60.0
"""Seconds a greenlet has to live for its next failure to count as a first one."""


class Supervisor:
    """Runs functions that are meant to run for ever.

    restarts: how often each name that runs was started again.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._greenlets: dict[str, gevent.Greenlet[..., None]] = {}
        self._log = structlog.get_logger()
        self.restarts: Counter[str] = Counter()

    def start(self, name: str, run: Callable[[], object]) -> None:
        """Run a function in a greenlet of its own; when it raises, again, after 0.1 to 30 s.

        name: what the log calls it; free again when it was stopped or its work is over.
        run: returns when its work is over, which ends it.

        Raises ValueError where one of that name runs.
        """
        if name in self._greenlets:
            raise ValueError(f"a greenlet named {name} runs already")
        self.restarts[name] = 0
        greenlet = gevent.Greenlet(self._keep_running, name, run)
        self._greenlets[name] = greenlet
        greenlet.start()

    def stop(self, name: str) -> None:
        """End one greenlet and wait for its end; nothing happens where there is none of that name."""
        greenlet = self._greenlets.pop(name, None)
        if greenlet is not None:
            greenlet.kill()
            del self.restarts[name]

    def stop_all(self) -> None:
        """End all of them, the last started first."""
        for name in reversed(list(self._greenlets)):
            self.stop(name)

    def _keep_running(self, name: str, run: Callable[[], object]) -> None:
        backoff = _BACKOFF_FIRST
        while True:
            started = self._clock.boottime()
            try:
                run()
            except Exception:
                if self._clock.boottime() - started > _STEADY:
                    backoff = _BACKOFF_FIRST
                self.restarts[name] += 1
                self._log.exception("greenlet failed, starting it again", greenlet=name, after_seconds=backoff)
                gevent.sleep(backoff)
                backoff = min(backoff * 2, _BACKOFF_MOST)
            else:
                self._over(name)
                return

    def _over(self, name: str) -> None:
        """Forget a greenlet that ends by itself, unless it is being stopped, and another one has its name already."""
        if self._greenlets.get(name) is gevent.getcurrent():
            del self._greenlets[name], self.restarts[name]
