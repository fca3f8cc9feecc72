"""Whether somebody uses an address that is about to be offered (RFC 2131, 3.1 and 4.4.1).

An ARP request for it goes out by the punt socket, from the router's own address: VPP learns from the reply and tells
of the neighbour, whereas a request from 0.0.0.0 (RFC 5227) would teach it nothing. So many questions wait at once, and
none of them keeps VPP or anybody else waiting. The arping plugin can be asked instead, for one address at a time.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import gevent
from gevent.event import Event

from vppdhc.clock import Clock
from vppdhc.dhc4.config import ConflictDetection
from vppdhc.dhc4.outcome import ProbeWanted
from vppdhc.dhc4.protocols import Dataplane
from vppdhc.interface import Interface
from vppdhc.packet import arp, punt
from vppdhc.packet.dhcp4 import Message
from vppdhc.servers.questions import REQUESTS, Result, Timetable

_ARPING_MOST: Final = 16
"""Questions that wait for the arping plugin, which takes a second for each; clients wait no longer than that."""
_FRESH: Final = 600.0
"""Seconds for which a neighbour counts, where nobody can be asked: VPP keeps those that are long gone as well."""
_ARPING: Final = ConflictDetection.ARPING


Answered = Callable[[Message, Interface, ProbeWanted, Result, bytes], object]
"""Takes the client's newest message, where it came in, the question, what came of it, and the hardware address of who
is known to use the address; empty for nobody."""


@dataclass(slots=True, eq=False)
class _Probe:
    """A question that waits for its answer.

    message, interface: the client's newest message, and where it came in.
    sent: requests that VPP has taken. left: those that are still to be sent.
    due: CLOCK_BOOTTIME at which there is something to do.
    holder: hardware address of who has answered.
    """

    message: Message
    interface: Interface
    wanted: ProbeWanted
    sent: int = 0
    left: int = REQUESTS
    due: float = 0.0
    holder: bytes = b""


class Prober:
    """Asks for many addresses at once.

    limit: questions that may wait for an answer. When as many do, or VPP cannot be asked, the answer comes at once: the
    address is free, unless VPP has heard lately of somebody else who has it.
    """

    def __init__(
        self,
        dataplane: Dataplane,
        clock: Clock,
        answered: Answered,
        *,
        limit: int = 1000,
        sleep: Callable[[float], object] = gevent.sleep,
    ) -> None:
        """Nothing happens before run() and run_arping().

        answered: is told what came of each question, also within ask(); must not wait.
        sleep: lets others run for so many seconds.
        """
        self.limit = limit
        self._dataplane = dataplane
        self._clock = clock
        self._answered = answered
        self._pending: dict[tuple[str, int], _Probe] = {}
        self._timetable: Timetable[_Probe] = Timetable(clock, self._go_on, sleep)
        self._arping: deque[_Probe] = deque()
        self._wake_arping = Event()

    def __len__(self) -> int:
        """Return how many questions wait for an answer."""
        return len(self._pending)

    def ask(self, message: Message, interface: Interface, wanted: ProbeWanted) -> None:
        """Ask whether somebody uses an address; never waits.

        message: of the client that the address is held for. Where that very question waits for its answer already,
            this message takes the place of the one before.
        interface: where it came in.
        """
        key = interface.name, wanted.address
        running = self._pending.get(key)
        if running is not None and running.wanted == wanted and running.interface.index == interface.index:
            running.message, running.interface = message, interface
            return
        self._pending.pop(key, None)  # the address is no longer held for whom that was asked
        probe = _Probe(message, interface, wanted)
        if len(self._pending) >= self.limit or (wanted.how is _ARPING and len(self._arping) >= _ARPING_MOST):
            self._leave(probe, Result.TOO_MANY)
        elif wanted.how is _ARPING:
            self._pending[key] = probe
            self._arping.append(probe)
            self._wake_arping.set()
        elif self._dataplane.neighbours.watches(interface.name):
            self._pending[key] = probe
            self._timetable.put_off(probe, self._clock.boottime())
        else:
            self._leave(probe, Result.NOT_WATCHED)

    def heard(self, interface: str, address: int, mac: bytes) -> None:
        """Take note that VPP has heard of a neighbour: of its interface, its address and its hardware address."""
        probe = self._pending.get((interface, address))
        if probe is not None and probe.wanted.how is not _ARPING and mac != probe.wanted.hardware and not probe.holder:
            probe.holder = mac
            self._timetable.put_off(probe, 0.0)

    def run(self) -> None:
        """Send ARP requests and wait for their answers, for ever."""
        self._timetable.run()

    def run_arping(self) -> None:
        """Have VPP's arping plugin ask, for ever."""
        while True:
            self._wake_arping.wait()
            self._wake_arping.clear()
            while self._arping:
                self._ask_plugin(self._arping.popleft())

    def work(self, now: float) -> None:
        """Do what was due at a time."""
        self._timetable.work(now)

    def _go_on(self, probe: _Probe) -> None:
        if not self._waits(probe):
            return
        if probe.holder:
            self._end(probe, Result.TAKEN, probe.holder)
        elif probe.left:
            self._request(probe)
        elif probe.sent:
            self._end(probe, Result.FREE, b"")
        else:
            self._end(probe, Result.NOT_SENT, self._hint(probe))

    def _request(self, probe: _Probe) -> None:
        """Send an ARP request; VPP may take its time with it, and an answer come meanwhile."""
        probe.left -= 1
        interface = self._dataplane.interfaces.get(probe.interface.index)
        if interface is not None and interface.name == probe.interface.name:
            request = arp.encode_request(
                sender_mac=interface.mac,
                sender=probe.wanted.source,
                target=probe.wanted.address,
                vlans=interface.vlans,
            )
            probe.sent += self._dataplane.send(interface.index, punt.L2, request)
        if self._waits(probe) and not probe.holder:
            self._timetable.put_off(probe, self._clock.boottime() + probe.wanted.timeout / REQUESTS)

    def _ask_plugin(self, probe: _Probe) -> None:
        if not self._waits(probe):
            return
        interface = self._dataplane.interfaces.get(probe.interface.index)
        holder = None
        if interface is not None and interface.name == probe.interface.name:
            holder = self._dataplane.arping(interface.index, probe.wanted.address)
        if not self._waits(probe):
            return
        if holder is None:
            self._end(probe, Result.NOT_SENT, self._hint(probe))
        elif not holder or holder == probe.wanted.hardware:
            self._end(probe, Result.FREE, b"")
        else:
            self._end(probe, Result.TAKEN, holder)

    def _waits(self, probe: _Probe) -> bool:
        """Whether a probe is not over, nor has another one taken its place."""
        return self._pending.get((probe.interface.name, probe.wanted.address)) is probe

    def _end(self, probe: _Probe, result: Result, holder: bytes) -> None:
        del self._pending[probe.interface.name, probe.wanted.address]
        self._answered(probe.message, probe.interface, probe.wanted, result, holder)

    def _leave(self, probe: _Probe, result: Result) -> None:
        """Do without asking; what VPP knows anyway has to do."""
        self._answered(probe.message, probe.interface, probe.wanted, result, self._hint(probe))

    def _hint(self, probe: _Probe) -> bytes:
        """Return the hardware address of somebody else who had the address a short time ago; empty for nobody."""
        neighbour = self._dataplane.neighbours.find(probe.interface.name, probe.wanted.address)
        if neighbour is None or neighbour.mac == probe.wanted.hardware:
            return b""
        return neighbour.mac if self._clock.boottime() - neighbour.heard <= _FRESH else b""
