"""A greenlet that dies is started again; one that returns is left alone."""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import gevent
import pytest
import structlog
from gevent.event import Event

from tests.leases.support import FakeClock
from tests.waiting import wait_for
from vppdhc.clock import SystemClock
from vppdhc.supervisor import Supervisor


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that supervisors wanted to sleep; they do not."""
    seconds: list[float] = []
    hub_sleep = gevent.sleep

    def sleep(wanted: float) -> None:
        seconds.append(wanted)
        hub_sleep(0)

    monkeypatch.setattr(gevent, "sleep", sleep)
    return seconds


def wait_until(ask: Callable[[], object]) -> None:
    """Wait while the hub runs."""

    def asked() -> object:
        gevent.get_hub().threadpool.apply(time.sleep, (0.001,))
        return ask()

    wait_for(asked, "what the supervisor does")


def test_a_failing_greenlet_is_started_again() -> None:
    supervisor = Supervisor(SystemClock())
    third_life = Event()
    lives: list[None] = []

    def run() -> None:
        lives.append(None)
        if len(lives) < 3:
            raise RuntimeError("this life is over")
        third_life.set()
        Event().wait()

    supervisor.start("cat", run)
    assert third_life.wait(10)
    assert supervisor.restarts == {"cat": 2}
    supervisor.stop_all()


def test_a_greenlet_whose_work_is_over_is_not_started_again(slept: list[float]) -> None:
    """Its name is free then; one that fails and then ends shows that there is no start after the end."""
    supervisor = Supervisor(SystemClock())
    lives: list[None] = []

    def run() -> None:
        lives.append(None)
        if len(lives) == 1:
            raise RuntimeError

    supervisor.start("twice", run)
    wait_until(lambda: "twice" not in supervisor.restarts)
    assert (len(lives), slept) == (2, [0.1])
    supervisor.start("twice", Event().wait)
    supervisor.stop_all()


def test_the_time_before_a_new_start_grows_and_starts_anew_after_a_steady_life(slept: list[float]) -> None:
    clock = FakeClock()
    supervisor = Supervisor(clock)
    lifetimes = iter([0.0] * 11 + [61.0, 0.0, 59.0])

    def run() -> None:
        lived = next(lifetimes, None)
        if lived is not None:
            clock.advance(lived)
            raise RuntimeError

    supervisor.start("cat", run)
    wait_until(lambda: not supervisor.restarts)
    assert slept == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0, 0.1, 0.2, 0.4]


def test_a_failure_is_logged_with_its_traceback(slept: list[float]) -> None:
    supervisor = Supervisor(SystemClock())
    failures = iter([ValueError("broken")])

    def run() -> None:
        for failure in failures:
            raise failure

    with structlog.testing.capture_logs() as logged:
        supervisor.start("cat", run)
        wait_until(lambda: not supervisor.restarts)
    assert logged == [
        {
            "event": "greenlet failed, starting it again",
            "log_level": "error",
            "greenlet": "cat",
            "after_seconds": 0.1,
            "exc_info": True,
        }
    ]


def test_one_that_fails_again_and_again_can_be_stopped() -> None:
    """While it runs and while it waits to be started again, and nothing of it goes on after that."""
    supervisor = Supervisor(SystemClock())
    ends: list[None] = []

    def fail() -> None:
        raise RuntimeError

    def run() -> None:
        try:
            Event().wait()
        finally:
            ends.append(None)

    supervisor.start("fails", fail)
    supervisor.start("runs", run)
    wait_until(lambda: supervisor.restarts["fails"] > 0)
    supervisor.stop("nobody")
    supervisor.stop_all()
    assert ends == [None]
    assert not supervisor.restarts


def test_the_last_started_is_stopped_first() -> None:
    supervisor = Supervisor(SystemClock())
    ended = []

    def run(name: str) -> None:
        try:
            Event().wait()
        finally:
            ended.append(name)

    for name in ("store", "server", "reader"):
        supervisor.start(name, partial(run, name))
    gevent.sleep(0)
    supervisor.stop_all()
    assert ended == ["reader", "server", "store"]


def test_a_name_that_was_given_anew_survives_the_end_of_the_old_one() -> None:
    """The old one returns by itself while it is being stopped."""
    supervisor = Supervisor(SystemClock())

    def run() -> None:
        with suppress(gevent.GreenletExit):
            Event().wait()
        supervisor.start("one", Event().wait)

    supervisor.start("one", run)
    gevent.sleep(0)
    supervisor.stop("one")
    with pytest.raises(ValueError, match="one runs already"):
        supervisor.start("one", Event().wait)
    supervisor.stop_all()


def test_two_greenlets_cannot_have_one_name() -> None:
    supervisor = Supervisor(SystemClock())
    supervisor.start("one", Event().wait)
    with pytest.raises(ValueError, match="one runs already"):
        supervisor.start("one", Event().wait)
    supervisor.stop("one")
    supervisor.start("one", Event().wait)
    supervisor.stop_all()
