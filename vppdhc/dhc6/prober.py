"""Whether somebody uses addresses that a client is about to get (RFC 8415, 18.3.1 and 18.3.8 leave that to the server).

A neighbour solicitation for each goes out by the punt socket, from the router's own link-local address: VPP learns from
the answer and tells of the neighbour. So many questions wait at once, and none of them keeps VPP or anybody else
waiting. VPP keeps neighbours that are long gone, so what it knows without being told says nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import gevent

from vppdhc.clock import Clock
from vppdhc.dhc6.outcome import ProbeWanted
from vppdhc.dhc6.protocols import Dataplane
from vppdhc.interface import Interface
from vppdhc.packet import nd, punt
from vppdhc.packet.dhcp6 import Message
from vppdhc.servers.questions import REQUESTS, Result, Timetable

Answered = Callable[[Message, Interface, ProbeWanted, Result, Mapping[int, bytes]], object]
"""Takes the client's newest message, where it came in, the question, what came of it, and by address the hardware
addresses of those who use some."""


@dataclass(slots=True, eq=False)
class _Probe:
    """A question, about one or more addresses, that waits for its answer.

    message, interface: the client's newest message, and where it came in.
    sent: requests that VPP has taken. left: how often all addresses are still to be asked about.
    due: CLOCK_BOOTTIME at which there is something to do.
    holders: by address, the hardware address of who has answered.
    """

    message: Message
    interface: Interface
    wanted: ProbeWanted
    sent: int = 0
    left: int = REQUESTS
    due: float = 0.0
    holders: dict[int, bytes] = field(default_factory=dict)


class Prober:
    """Asks about many addresses at once.

    limit: questions that may wait for an answer. When as many do, or VPP cannot be asked, the answer comes at once:
    nobody is known to use the addresses.
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
        """Nothing happens before run().

        answered: is told what came of each question, also within ask(); must not wait.
        sleep: lets others run for so many seconds.
        """
        self.limit = limit
        self._dataplane = dataplane
        self._clock = clock
        self._answered = answered
        self._probes: set[_Probe] = set()
        self._pending: dict[tuple[str, int], _Probe] = {}
        self._timetable: Timetable[_Probe] = Timetable(clock, self._go_on, sleep)

    def __len__(self) -> int:
        """Return how many questions wait for an answer."""
        return len(self._probes)

    def ask(self, message: Message, interface: Interface, wanted: ProbeWanted) -> None:
        """Ask whether somebody uses addresses; never waits.

        message: of the client that they are held for. Where that very question waits for its answer already, this
            message takes the place of the one before.
        interface: where it came in.
        """
        running = self._pending.get((interface.name, wanted.addresses[0]))
        if running is not None and running.wanted == wanted and running.interface.index == interface.index:
            running.message, running.interface = message, interface
            return
        for address in wanted.addresses:
            before = self._pending.get((interface.name, address))
            if before is not None:
                self._forget(before)  # the client asks for something else now, or the address is another one's
        probe = _Probe(message, interface, wanted)
        if len(self._probes) >= self.limit:
            self._answered(message, interface, wanted, Result.TOO_MANY, {})
        elif not self._dataplane.neighbours.watches(interface.name):
            self._answered(message, interface, wanted, Result.NOT_WATCHED, {})
        else:
            self._probes.add(probe)
            self._pending.update(dict.fromkeys(_keys(probe), probe))
            self._timetable.put_off(probe, self._clock.boottime())

    def heard(self, interface: str, address: int, mac: bytes) -> None:
        """Take note that VPP has heard of a neighbour: of its interface, its address and its hardware address.

        The client itself may answer, as it had the address before, or has taken it already. What has the router's own
        hardware address is the echo of a question.
        """
        probe = self._pending.get((interface, address))
        if probe is None or address in probe.holders or mac in (probe.wanted.hardware, probe.interface.mac):
            return
        probe.holders[address] = mac
        if len(probe.holders) == len(probe.wanted.addresses):
            self._timetable.put_off(probe, 0.0)

    def run(self) -> None:
        """Send neighbour solicitations and wait for their answers, for ever."""
        self._timetable.run()

    def work(self, now: float) -> None:
        """Do what was due at a time."""
        self._timetable.work(now)

    def _go_on(self, probe: _Probe) -> None:
        if probe not in self._probes:
            return
        if probe.left and len(probe.holders) < len(probe.wanted.addresses):
            self._request(probe)
        elif probe.holders:
            self._end(probe, Result.TAKEN)
        else:
            self._end(probe, Result.FREE if probe.sent else Result.NOT_SENT)

    def _request(self, probe: _Probe) -> None:
        """Ask about all addresses; VPP may take its time with it, and answers come meanwhile."""
        probe.left -= 1
        for address in probe.wanted.addresses:
            interface = self._dataplane.interfaces.get(probe.interface.index)
            if address in probe.holders or interface is None or interface.name != probe.interface.name:
                continue
            question = nd.encode_question(
                source_mac=interface.mac, source=probe.wanted.source, target=address, vlans=interface.vlans
            )
            probe.sent += self._dataplane.send(interface.index, punt.L2, question)
        if probe in self._probes and len(probe.holders) < len(probe.wanted.addresses):
            self._timetable.put_off(probe, self._clock.boottime() + probe.wanted.timeout / REQUESTS)

    def _end(self, probe: _Probe, result: Result) -> None:
        self._forget(probe)
        self._answered(probe.message, probe.interface, probe.wanted, result, probe.holders)

    def _forget(self, probe: _Probe) -> None:
        self._probes.discard(probe)
        for key in _keys(probe):
            del self._pending[key]


def _keys(probe: _Probe) -> list[tuple[str, int]]:
    return [(probe.interface.name, address) for address in probe.wanted.addresses]
