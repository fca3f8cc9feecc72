"""Where the world reaches the greenlet of a client: its packets, and what ends its waits."""

from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from gevent.event import Event

from vppdhc.clients.wake import InterruptError, Wake
from vppdhc.clock import Clock
from vppdhc.interface import Interface
from vppdhc.packet import punt

QUEUE_FULL: Final = "queue-full"
"""By this word datagrams are counted that came while too many waited."""
_WAITING_MOST: Final = 64
"""Datagrams that wait for the client: a neighbour that floods it loses his own."""
_LOOK_EVERY: Final = 60.0
"""Seconds between two looks at CLOCK_BOOTTIME, which goes on while the machine is suspended; gevent's timers do not."""
_LINK: Final = frozenset((Wake.DOWN, Wake.UP))
_ENDING: Final = frozenset((Wake.DOWN, Wake.RELEASE, Wake.REMOVE, Wake.STOP))
"""Behind these nobody wants to know any more what a client was about to find out."""


class Mailbox:
    """The link of one client, as its protocol's ports.Link has it."""

    def __init__(
        self,
        interface: Callable[[], Interface | None],
        send: Callable[[int, int, bytes], object],
        clock: Clock,
        drops: Counter[str],
    ) -> None:
        """interface: gives the live interface, None while no packets pass. send: as PuntSender.send."""
        self._interface = interface
        self._send = send
        self._clock = clock
        self._drops = drops
        self._datagrams: deque[bytes] = deque()
        self._wakes: deque[Wake] = deque()
        self._arrived = Event()

    @property
    def interface(self) -> Interface | None:
        """The interface as it is now; None while no packets pass."""
        return self._interface()

    def send(self, frame: bytes) -> None:
        """Send an Ethernet frame, if the interface is there."""
        interface = self._interface()
        if interface is not None:
            self._send(interface.index, punt.L2, frame)

    def receive(self, timeout: float) -> bytes | None:
        """Wait for a datagram, for so many seconds at most; None where there was none. Raises InterruptError."""
        until = self._clock.boottime() + timeout
        while True:
            if self._wakes:
                raise InterruptError(self._wakes.popleft())
            if self._datagrams:
                return self._datagrams.popleft()
            left = until - self._clock.boottime()
            if left <= 0:
                return None
            self._arrived.clear()
            self._arrived.wait(min(left, _LOOK_EVERY))

    def sleep(self, seconds: float) -> None:
        """Wait so many seconds, as while others are asked something. Packets and wishes that can wait do not end it.

        Raises InterruptError where the lease is to be given up, or the link has gone; what was wished before is moot.
        """
        until = self._clock.boottime() + seconds
        while True:
            if not _ENDING.isdisjoint(self._wakes):
                raise InterruptError(self._first_ending())
            left = until - self._clock.boottime()
            if left <= 0:
                return
            self._arrived.clear()
            self._arrived.wait(min(left, _LOOK_EVERY))

    def put(self, datagram: bytes) -> None:
        """Hand over a datagram of the punt socket; does not wait."""
        if len(self._datagrams) >= _WAITING_MOST:
            self._drops[QUEUE_FULL] += 1
            return
        self._datagrams.append(datagram)
        self._arrived.set()

    def wake(self, wake: Wake) -> None:
        """End the wait of the client; of what the link did, only the last counts, and of the rest each once."""
        outdated = _LINK if wake in _LINK else {wake}
        self._wakes = deque([waiting for waiting in self._wakes if waiting not in outdated])
        self._wakes.append(wake)
        self._arrived.set()

    def _first_ending(self) -> Wake:
        while True:
            wake = self._wakes.popleft()
            if wake in _ENDING:
                return wake
