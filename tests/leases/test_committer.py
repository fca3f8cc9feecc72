"""The committer: nothing leaves before it is durable, in order, and whatever fails takes back what it has to."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import gevent
import pytest
import structlog
from gevent.event import Event

from tests.leases.support import FakeClock, lease
from tests.waiting import wait_for
from vppdhc.clock import SystemClock
from vppdhc.leases.committer import Committer, Work
from vppdhc.leases.lease import Change
from vppdhc.leases.lease6 import AnyChange


class HeldStore:
    """A store whose commits wait to be let through, or made to fail, one by one.

    started: changes of each commit that began; finished: of each that succeeded.
    """

    def __init__(self) -> None:
        self.started: list[list[AnyChange]] = []
        self.finished: list[list[AnyChange]] = []
        self.threads: set[int] = set()
        self._results: deque[Exception | None] = deque()
        self._let = threading.Semaphore(0)

    def commit(self, changes: Sequence[AnyChange]) -> None:
        self.threads.add(threading.get_ident())
        self.started.append(list(changes))
        assert self._let.acquire(timeout=60), "nobody let this commit through"
        error = self._results.popleft()
        if error is not None:
            raise error
        self.finished.append(list(changes))

    def let(self, *results: Exception | None) -> None:
        """Let as many commits end, in this way."""
        self._results.extend(results)
        self._let.release(len(results))


class Bench:
    """A committer with all that is round it, and what it did, in order."""

    def __init__(self, *, queue_limit: int = 4096, group_limit: int = 1024) -> None:
        self.store = HeldStore()
        self.did: list[tuple[str, object]] = []
        self.committer = Committer(
            self.store,
            SystemClock(),
            lambda changes: self.did.append(("take back", list(changes))),
            alarm=lambda error: self.did.append(("alarm", error)),
            cleared=lambda: self.did.append(("cleared", None)),
            queue_limit=queue_limit,
            group_limit=group_limit,
        )
        self._greenlets: list[gevent.Greenlet[[], None]] = []
        self.run()

    def run(self) -> "gevent.Greenlet[[], None]":
        greenlet = gevent.spawn(self.committer.run)
        self._greenlets.append(greenlet)
        return greenlet

    def submit(self, *numbers: int) -> bool:
        """Queue a work with a change for each number; False where one was refused."""
        works = [Work([change(number)], partial(self.sent, number)) for number in numbers]
        return False not in [self.committer.submit(work) for work in works]

    def sent(self, number: int) -> None:
        self.did.append(("sent", number))

    def began(self, commits: int) -> None:
        """Wait until so many commits began, all in all."""
        wait_in_hub(lambda: len(self.store.started) >= commits, f"{commits} commits began")

    def seen(self, kind: str) -> list[object]:
        return [what for did, what in self.did if did == kind]

    def end(self) -> None:
        gevent.killall(self._greenlets)
        self.store.let(*[None] * 10)


def wait_in_hub(ask: Callable[[], object], what: str) -> None:
    """Wait while the hub runs."""

    def asked() -> object:
        gevent.sleep(0.001)
        return ask()

    wait_for(asked, what)


def change(number: int) -> Change:
    return Change(None, lease(number, FakeClock()))


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.end()


def test_nothing_is_sent_before_it_is_durable(bench: Bench) -> None:
    bench.submit(1, 2)
    bench.began(1)
    bench.submit(3)
    gevent.sleep(0.05)
    assert bench.did == []
    bench.store.let(None)
    bench.began(2)
    assert bench.did == [("sent", 1), ("sent", 2)]
    bench.store.let(None)
    assert bench.committer.flush(30)
    assert bench.did == [("sent", 1), ("sent", 2), ("sent", 3)]


def test_all_that_waits_is_one_group_in_order(bench: Bench) -> None:
    bench.submit(0)
    bench.began(1)
    bench.submit(*range(1, 500))
    bench.store.let(None, None)
    assert bench.committer.flush(30)
    assert bench.store.finished == [[change(0)], [change(number) for number in range(1, 500)]]
    assert bench.seen("sent") == list(range(500))
    counters = bench.committer.counters
    assert (counters.groups, counters.changes, counters.sent, counters.largest_group) == (2, 500, 500, 499)


def test_a_group_has_a_limit() -> None:
    bench = Bench(group_limit=10)
    bench.submit(*range(25))
    bench.store.let(None, None, None)
    assert bench.committer.flush(30)
    assert [len(group) for group in bench.store.finished] == [10, 10, 5]
    assert bench.seen("sent") == list(range(25))
    bench.end()


def test_the_hub_goes_on_while_a_commit_takes_its_time(bench: Bench) -> None:
    bench.submit(1)
    bench.began(1)
    turns = Event()
    gevent.spawn(turns.set)
    assert turns.wait(30)
    assert threading.get_ident() not in bench.store.threads
    bench.store.let(None)
    assert bench.committer.flush(30)


def test_replies_without_changes_wait_for_those_before_them_and_for_no_disk(bench: Bench) -> None:
    bench.committer.submit(Work([], partial(bench.sent, 9)))
    bench.committer.submit(Work([], partial(bench.sent, 10)))
    assert bench.committer.flush(30)
    assert bench.store.started == []
    bench.submit(1)
    bench.began(1)
    bench.committer.submit(Work([], partial(bench.sent, 11)))
    bench.store.let(None)
    assert bench.committer.flush(30)
    assert bench.seen("sent") == [9, 10, 1, 11]


def test_a_full_queue_takes_the_changes_back_newest_first() -> None:
    bench = Bench(queue_limit=2)
    bench.submit(0)
    bench.began(1)
    assert bench.submit(1, 2)
    refused = Work([change(3), change(4)], partial(bench.sent, 3))
    assert not bench.committer.submit(refused)
    assert bench.did == [("take back", [change(4), change(3)])]
    assert bench.committer.counters.dropped_full == 1
    bench.store.let(None, None)
    assert bench.committer.flush(30)
    assert bench.seen("sent") == [0, 1, 2]
    assert bench.submit(5)
    bench.store.let(None)
    assert bench.committer.flush(30)
    bench.end()


def test_a_commit_that_fails_takes_back_its_group_and_all_that_waits(bench: Bench) -> None:
    bench.submit(1, 2)
    bench.began(1)
    bench.committer.submit(Work([change(3), change(4)], partial(bench.sent, 3)))
    bench.submit(5)
    error = OSError("disk is full")
    bench.store.let(error)
    assert bench.committer.flush(30)
    assert bench.did == [("take back", [change(number) for number in (5, 4, 3, 2, 1)]), ("alarm", error)]
    counters = bench.committer.counters
    assert (counters.failed, counters.dropped_failed, counters.sent) == (1, 4, 0)


def test_an_alarm_is_raised_once_for_an_error_and_cleared_by_success(bench: Bench) -> None:
    def commit(number: int, result: Exception | None) -> None:
        bench.submit(number)
        bench.store.let(result)
        assert bench.committer.flush(30)

    first, again, other = OSError("full"), OSError("full"), OSError("read-only")
    commit(1, first)
    commit(2, again)
    commit(3, other)
    commit(4, MemoryError())
    bench.committer.submit(Work([], partial(bench.sent, 5)))
    assert bench.committer.flush(30)
    assert bench.seen("cleared") == [], "only a commit shows that commits succeed again"
    commit(6, None)
    commit(7, None)
    commit(8, MemoryError())
    alarms = bench.seen("alarm")
    assert alarms[:2] == [first, other]
    assert [type(error) for error in alarms[2:]] == [MemoryError, MemoryError]
    assert [did for did, _ in bench.did if did != "take back"] == [
        *["alarm"] * 3,
        "sent",
        "cleared",
        "sent",
        "sent",
        "alarm",
    ]


def test_a_send_that_raises_costs_itself_only(bench: Bench) -> None:
    def fail() -> None:
        raise ValueError("no such interface")

    with structlog.testing.capture_logs() as logged:
        bench.submit(1)
        bench.committer.submit(Work([change(2)], fail))
        bench.submit(3)
        bench.store.let(None)
        assert bench.committer.flush(30)
    assert bench.seen("sent") == [1, 3]
    assert (bench.committer.counters.sent, bench.committer.counters.send_errors) == (2, 1)
    assert [(line["event"], line["log_level"], line["exc_info"]) for line in logged] == [
        ("reply not sent", "error", True)
    ]
    assert bench.seen("take back") == [], "it is durable"


def test_killed_in_the_middle_of_a_commit_it_goes_on_there(bench: Bench) -> None:
    bench.submit(1)
    bench.began(1)
    bench._greenlets[0].kill()
    bench.submit(2)
    bench.run()
    gevent.sleep(0.05)
    assert len(bench.store.started) == 1, "one commit at a time"
    bench.store.let(None, None)
    assert bench.committer.flush(30)
    assert bench.store.finished == [[change(1)], [change(2)]]
    assert bench.seen("sent") == [1, 2]


def test_killed_in_a_commit_that_then_fails(bench: Bench) -> None:
    bench.submit(1)
    bench.began(1)
    bench._greenlets[0].kill()
    bench.submit(2)
    bench.store.let(OSError("full"))
    bench.run()
    assert bench.committer.flush(30)
    assert bench.seen("take back") == [[change(2), change(1)]]
    assert bench.seen("sent") == []


def test_killed_while_it_sends_it_sends_the_rest(bench: Bench) -> None:
    sending, go = Event(), Event()

    def wait() -> None:
        sending.set()
        go.wait()

    bench.submit(1)
    bench.committer.submit(Work([change(2)], wait))
    bench.submit(3)
    bench.store.let(None)
    assert sending.wait(30)
    bench._greenlets[0].kill()
    bench.run()
    assert bench.committer.flush(30)
    assert bench.seen("sent") == [1, 3]
    assert bench.store.finished == [[change(1), change(2), change(3)]]


def test_killed_while_idle_it_goes_on(bench: Bench) -> None:
    gevent.sleep(0)
    bench._greenlets[0].kill()
    bench.submit(1)
    bench.run()
    bench.store.let(None)
    assert bench.committer.flush(30)
    assert bench.seen("sent") == [1]


def test_an_alarm_that_raises_is_a_greenlet_to_start_again(bench: Bench) -> None:
    """What supervises run() starts it again; the changes have been taken back by then."""

    def fail(error: Exception) -> None:
        raise RuntimeError("nobody hears alarms")

    store = HeldStore()
    taken_back: list[AnyChange] = []
    committer = Committer(store, SystemClock(), taken_back.extend, alarm=fail, cleared=list)
    committer.submit(Work([change(1)], list))
    store.let(OSError("full"))
    with pytest.raises(RuntimeError, match="nobody hears alarms"):
        committer.run()
    assert taken_back == [change(1)]
    greenlet = gevent.spawn(committer.run)
    committer.submit(Work([change(2)], list))
    store.let(None)
    assert committer.stop(30)
    greenlet.join()
    assert store.finished == [[change(2)]]


def test_other_greenlets_run_while_a_large_group_is_sent(bench: Bench) -> None:
    """Each send takes 2 ms of the hub; the greenlet that waits for its turn has it before the last is sent."""
    clock = SystemClock()
    turns: list[int] = []

    def busy(number: int) -> None:
        end = clock.boottime() + 0.002
        while clock.boottime() < end:
            pass
        bench.sent(number)

    def watch() -> None:
        while len(bench.seen("sent")) < 100:
            turns.append(len(bench.seen("sent")))
            gevent.sleep(0)

    for number in range(100):
        bench.committer.submit(Work([change(number)], partial(busy, number)))
    gevent.spawn(watch)
    bench.store.let(None)
    assert bench.committer.flush(60)
    assert len({sent for sent in turns if 0 < sent < 100}) > 10


def test_flush_gives_up_in_time(bench: Bench) -> None:
    assert bench.committer.flush(0)
    bench.submit(1)
    assert not bench.committer.flush(0.01)
    bench.store.let(None)
    assert bench.committer.flush(30)
    assert bench.seen("sent") == [1]


def test_stop_flushes_refuses_and_lets_run_return(bench: Bench) -> None:
    bench.submit(*range(5))
    bench.began(1)
    assert not bench.committer.stop(0.01), "the store is in use"
    bench.store.let(None)
    assert bench.committer.stop(30)
    assert bench.seen("sent") == list(range(5))
    bench._greenlets[0].join(30)
    assert bench._greenlets[0].successful()
    assert not bench.submit(6)
    assert bench.did[-1] == ("take back", [change(6)])
    assert len(bench.store.started) == 1


def test_stop_when_nothing_was_ever_done(bench: Bench) -> None:
    gevent.sleep(0)
    assert bench.committer.stop(30)
    bench._greenlets[0].join(30)
    assert bench._greenlets[0].successful()
