"""Whether somebody else uses an address of ours (RFC 5227), as far as VPP lets it be known.

VPP shows no ARP packet to anybody. But an ARP reply that comes from an address which is the router's own raises one of
its error counters. So the question is asked by a probe, whose sender address is zero, and the answer is what the
counter does. The counter is VPP's, not that of an interface, and other mistakes on any link raise it as well: it is
believed when it has followed two questions in a row.
"""

from collections.abc import Callable
from ipaddress import IPv4Address
from random import Random
from typing import Final

import gevent
import structlog

from vppdhc.packet import arp, punt
from vppdhc.vpp.errors import VppError
from vppdhc.vpp.interfaces import Calls, InterfaceTable

_PROBE_WAIT: Final = 1.0
_PROBE_NUM: Final = 3
_PROBE_MIN: Final = 1.0
_PROBE_MAX: Final = 2.0
_ANNOUNCE_WAIT: Final = 2.0
"""RFC 5227, 1.1; in seconds."""

_REASON: Final = "IP4 source address matches local interface"[:35]
"""As the command line prints it: cut."""


class ArpConflictCheck:
    """Asks with ARP, and looks at VPP's counter."""

    def __init__(
        self,
        vpp: Calls,
        interfaces: InterfaceTable,
        send: Callable[[int, int, bytes], bool],
        random: Random,
        sleep: Callable[[float], object] = gevent.sleep,
    ) -> None:
        """Ask nothing yet. send: takes sw_if_index, punt action and packet. sleep: waits so many seconds."""
        self._vpp = vpp
        self._interfaces = interfaces
        self._send = send
        self._random = random
        self._sleep = sleep
        self._log = structlog.get_logger()

    def conflict(self, interface: str, address: IPv4Address) -> bool:
        """Whether somebody else answers for an address that VPP has on an interface by now; takes 4 to 7 s where not.

        Where it cannot be asked, because the interface or VPP has gone, nobody is known to.
        """
        try:
            self._sleep(self._random.uniform(0, _PROBE_WAIT))
            for number in range(1, _PROBE_NUM + 1):
                wait = _ANNOUNCE_WAIT if number == _PROBE_NUM else self._random.uniform(_PROBE_MIN, _PROBE_MAX)
                if self._answered(interface, address, wait):
                    return self._answered(interface, address, _ANNOUNCE_WAIT)
        except VppError as error:
            self._log.warning(
                "cannot see whether another host uses the address",
                interface=interface,
                address=str(address),
                reason=str(error),
            )
        return False

    def announce(self, interface: str, address: IPv4Address) -> None:
        """Broadcast one ARP announcement of an address (RFC 5227, 2.3)."""
        self._ask(interface, sender=int(address), target=int(address))

    def _answered(self, interface: str, address: IPv4Address, wait: float) -> bool:
        """Probe once; whether VPP has counted a conflict within so many seconds. Raises VppError."""
        before = self._conflicts()
        if not self._ask(interface, sender=0, target=int(address)):
            return False
        self._sleep(wait)
        return self._conflicts() > before

    def _ask(self, interface: str, *, sender: int, target: int) -> bool:
        found = self._interfaces.named(interface)
        if found is None:
            return False
        frame = arp.encode_request(sender_mac=found.mac, sender=sender, target=target, vlans=found.vlans)
        return self._send(found.index, punt.L2, frame)

    def _conflicts(self) -> int:
        """Return what VPP has counted so far, on all threads: a line for each begins with the count."""
        lines = self._vpp.call("cli_inband", cmd="show errors").reply.splitlines()
        return sum(int(line.split()[0]) for line in lines if _REASON in line)
