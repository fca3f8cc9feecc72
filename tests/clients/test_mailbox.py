"""Where the world reaches the greenlet of a client."""

import math
from collections import Counter

import gevent
import pytest

from vppdhc.clients.mailbox import QUEUE_FULL, Mailbox
from vppdhc.clients.wake import InterruptError, Wake
from vppdhc.clock import SystemClock
from vppdhc.interface import Interface
from vppdhc.packet import punt

WAN = Interface("wan0", 3, bytes((2, 0, 0, 0, 9, 1)), admin_up=True, link_up=True)


def mailbox() -> Mailbox:
    return Mailbox(lambda: WAN, lambda *_: True, SystemClock(), Counter())


def test_mailbox_is_bounded() -> None:
    drops: Counter[str] = Counter()
    box = Mailbox(lambda: WAN, lambda *_: True, SystemClock(), drops)
    for number in range(100):
        box.put(bytes((number,)))
    assert [box.receive(0) for _ in range(65)] == [*(bytes((number,)) for number in range(64)), None]
    assert drops == {QUEUE_FULL: 36}


def test_mailbox_wakes_who_waits() -> None:
    box = mailbox()
    waiting = gevent.spawn(box.receive, math.inf)
    gevent.idle()
    assert not waiting.ready()
    box.put(b"packet")
    assert waiting.get(timeout=10) == b"packet"


def test_mailbox_gives_wakes_before_packets_and_each_once() -> None:
    box = mailbox()
    box.put(b"packet")
    for wake in (Wake.DOWN, Wake.RENEW, Wake.UP, Wake.RENEW, Wake.DOWN):
        box.wake(wake)
    wakes = []
    for _ in range(2):
        with pytest.raises(InterruptError) as interrupted:
            box.receive(math.inf)
        wakes.append(interrupted.value.wake)
    assert wakes == [Wake.RENEW, Wake.DOWN]
    assert box.receive(0) == b"packet"


def test_mailbox_sends_nothing_without_an_interface() -> None:
    sent: list[object] = []
    box = Mailbox(lambda: None, lambda *args: sent.append(args), SystemClock(), Counter())
    box.send(b"frame")
    assert sent == []


def test_mailbox_sends_to_the_index_that_the_interface_has_now() -> None:
    sent: list[object] = []
    Mailbox(lambda: WAN, lambda *args: sent.append(args), SystemClock(), Counter()).send(b"frame")
    assert sent == [(3, punt.L2, b"frame")]


def test_a_sleep_is_not_ended_by_packets_and_by_wishes_that_can_wait() -> None:
    box = mailbox()
    sleeping = gevent.spawn(box.sleep, 0.05)
    gevent.idle()
    box.put(b"packet")
    box.wake(Wake.RENEW)
    sleeping.get(timeout=10)
    with pytest.raises(InterruptError) as interrupted:
        box.receive(0)
    assert interrupted.value.wake is Wake.RENEW
    assert box.receive(0) == b"packet"


@pytest.mark.parametrize("wake", [Wake.DOWN, Wake.RELEASE, Wake.REMOVE, Wake.STOP])
def test_a_sleep_ends_at_once_when_the_lease_is_to_be_given_up(wake: Wake) -> None:
    box = mailbox()
    sleeping = gevent.spawn(box.sleep, math.inf)
    gevent.idle()
    box.wake(Wake.RENEW)
    box.wake(wake)
    box.wake(Wake.REBIND)
    with pytest.raises(InterruptError) as interrupted:
        sleeping.get(timeout=10)
    assert interrupted.value.wake is wake
    with pytest.raises(InterruptError) as interrupted:
        box.receive(0)
    assert interrupted.value.wake is Wake.REBIND, "what was wished before is moot, and what was wished after it is not"
    assert box.receive(0) is None
