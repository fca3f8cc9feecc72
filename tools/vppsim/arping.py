"""The arping plugin: asks on a link who has an address and counts the answers, while the whole API waits."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tools.vppsim.addresses import NO_MAC
from tools.vppsim.arp import ArpInput
from tools.vppsim.interfaces import Interface
from tools.vppsim.ip6 import Ip6Input
from tools.vppsim.loop import Loop

_LOOK_AGAIN: Final = 0.1
_LAST_LOOK: Final = 10

Finish = Callable[[dict[str, Any]], None]
"""Takes the fields of the reply."""


@dataclass(slots=True)
class Probe:
    """One request.

    left: how often it is still to be sent, `interval` seconds apart. gratuitous: it says that the address is ours, and
    no answer is waited for.
    """

    interface: Interface
    af: int
    address: int
    left: int
    interval: float
    gratuitous: bool
    sent: int = 0
    replies: int = 0
    mac: bytes = NO_MAC


class Arping:
    """Runs the requests."""

    def __init__(self, loop: Loop, arp: ArpInput, ip6: Ip6Input) -> None:
        self._loop = loop
        self._arp = arp
        self._ip6 = ip6
        self._running: dict[int, Probe] = {}
        arp.on_reply.append(self._heard)
        ip6.on_neighbour_advertisement.append(self._heard)

    def run(self, probe: Probe, finish: Finish) -> None:
        """Send a request as often as it says, and finish with the number of answers and who gave the last one."""
        self._running[probe.interface.index] = probe
        self._next(probe, finish)

    def _next(self, probe: Probe, finish: Finish) -> None:
        if probe.left:
            self._send(probe)
            probe.left -= 1
            probe.sent += 1
        if probe.left:
            wait = probe.interval if probe.interval > 0 else 0.0  # a float of the wire may be no number
            self._loop.after(wait, lambda: self._next(probe, finish))
        else:
            self._look(probe, finish, 0 if probe.gratuitous else _LAST_LOOK)

    def _look(self, probe: Probe, finish: Finish, left: int) -> None:
        """See whether there are as many answers as there were requests, and again so many times."""
        if left and probe.replies < probe.sent:
            self._loop.after(_LOOK_AGAIN, lambda: self._look(probe, finish, left - 1))
            return
        self._running.pop(probe.interface.index, None)
        finish({"reply_count": probe.replies, "mac_address": probe.mac})

    def _send(self, probe: Probe) -> None:
        asks = {4: self._arp.request, 6: self._ip6.solicit_neighbour}
        announces = {4: self._arp.announce, 6: self._ip6.advertise_neighbour}
        (announces if probe.gratuitous else asks)[probe.af](probe.interface, probe.address)

    def _heard(self, interface: Interface, af: int, address: int, mac: bytes) -> None:
        probe = self._running.get(interface.index)
        if probe is not None and (probe.af, probe.address) == (af, address):
            probe.replies += 1
            probe.mac = mac
