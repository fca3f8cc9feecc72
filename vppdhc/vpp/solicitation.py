"""Whether somebody uses an address that is about to be added (RFC 4862, 5.4).

VPP's own duplicate address detection is never switched on, as VPP dies of it. Instead a neighbour solicitation of ours
goes out by the punt socket, from the unspecified address, and VPP tells of the neighbour that answers. Two hosts that
ask for the same address in the same second do not hear of each other: VPP does not tell of solicitations.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from random import Random
from typing import Final

import gevent
import structlog

from vppdhc.packet import ipv6, nd, punt
from vppdhc.vpp.interfaces import InterfaceTable
from vppdhc.vpp.neighbours import Neighbours

_DELAY_MOST: Final = 1.0
"""Seconds before the first question (RFC 4862, 5.4.2, MAX_RTR_SOLICITATION_DELAY)."""
_RETRANS_TIMER: Final = 1.0
"""Seconds behind the question, of which there is one for each address, after which nobody has it (RFC 4861, 10; RFC
4862, 5.1, DupAddrDetectTransmits)."""
_NONCE: Final = 6
"""Bytes by which a question that comes back is known to be our own (RFC 7527, 4.1)."""


@dataclass(slots=True, eq=False)
class _Question:
    """A question that waits for answers. mac: our own hardware address. taken: what somebody else has."""

    interface: str
    mac: bytes
    addresses: frozenset[int]
    taken: set[int] = field(default_factory=set)


class NeighbourQuestion:
    """Asks with neighbour solicitations, and hears VPP's neighbour events.

    VPP tells of the neighbours on an interface that is watched by Neighbours, which whoever asks there sees to.
    """

    def __init__(
        self,
        interfaces: InterfaceTable,
        neighbours: Neighbours,
        send: Callable[[int, int, bytes], bool],
        random: Random,
        sleep: Callable[[float], object] = gevent.sleep,
    ) -> None:
        """Ask nothing yet. send: takes sw_if_index, punt action and packet. sleep: waits so many seconds."""
        self._interfaces = interfaces
        self._neighbours = neighbours
        self._send = send
        self._random = random
        self._sleep = sleep
        self._questions: list[_Question] = []
        self._log = structlog.get_logger()
        neighbours.on_neighbour6(self._heard)

    def taken(self, interface: str, addresses: Collection[IPv6Address]) -> frozenset[IPv6Address]:
        """Return which of some addresses other hosts on an interface use; takes 1 to 2 s, for all of them together.

        Where it cannot be asked, because the interface or VPP has gone or VPP does not tell, nobody is known to.
        """
        found = self._interfaces.named(interface)
        if found is None or not addresses:
            return frozenset()
        question = _Question(interface, found.mac, frozenset(map(int, addresses)))
        self._questions.append(question)
        try:
            self._sleep(self._random.uniform(0, _DELAY_MOST))
            self._ask(question)
        finally:
            self._questions.remove(question)
        return frozenset(map(IPv6Address, question.taken))

    def _ask(self, question: _Question) -> None:
        if not self._neighbours.watches(question.interface):
            self._log.warning(
                "cannot see whether another host uses an address, as VPP does not tell of neighbours",
                interface=question.interface,
                addresses=[str(IPv6Address(address)) for address in sorted(question.addresses)],
            )
            return
        for address in sorted(question.addresses):
            self._solicit(question.interface, address)
        self._sleep(_RETRANS_TIMER)

    def _solicit(self, interface: str, address: int) -> None:
        found = self._interfaces.named(interface)
        if found is not None:
            frame = nd.encode_question(
                source_mac=found.mac,
                source=ipv6.UNSPECIFIED,
                target=address,
                nonce=self._random.randbytes(_NONCE),
                vlans=found.vlans,
            )
            self._send(found.index, punt.L2, frame)

    def _heard(self, interface: str, address: int, mac: bytes) -> None:
        """Take note that VPP has heard of a neighbour; what has our own hardware address is our own echo."""
        for question in self._questions:
            if question.interface == interface and address in question.addresses and mac != question.mac:
                question.taken.add(address)
