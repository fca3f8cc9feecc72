"""The heartbeat tells the longest hold, of all time and of the last minute."""

import gevent
from hypothesis import given
from hypothesis import strategies as st

from vppdhc.clock import SystemClock
from vppdhc.heartbeat import Heartbeat, Hold


class Clock:
    boot_id = "one"

    def __init__(self) -> None:
        self.now = 0.0

    def boottime(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now


@given(st.lists(st.tuples(st.floats(0, 30), st.floats(0, 5)), max_size=50))
def test_the_longest_hold_of_all_time_and_of_the_last_minute(beats: list[tuple[float, float]]) -> None:
    clock = Clock()
    heartbeat = Heartbeat(clock)
    seen: list[Hold] = []
    for passed, held in beats:
        clock.now += passed
        seen.append(Hold(held, clock.now))
        heartbeat.note(seen[-1])
        recent = [hold.seconds for hold in seen if hold.ended >= clock.now - 60]
        assert heartbeat.recent == max(recent)
        assert heartbeat.longest.seconds == max(hold.seconds for hold in seen)


def test_a_greenlet_that_holds_the_hub_is_seen() -> None:
    heartbeat = Heartbeat(SystemClock())
    beating = gevent.spawn(heartbeat.run)
    gevent.sleep(0.05)
    clock = SystemClock()
    end = clock.boottime() + 0.2
    while clock.boottime() < end:
        pass
    gevent.sleep(0.05)
    beating.kill()
    assert heartbeat.longest.seconds >= 0.1
