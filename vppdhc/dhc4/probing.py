"""Which addresses it is asked about, before they are offered, whether somebody uses them (RFC 2131, 2.2 and 3.1)."""

from collections import OrderedDict
from typing import NamedTuple

from vppdhc.dhc4.allocation import Why
from vppdhc.dhc4.book import LeaseBook
from vppdhc.dhc4.config import ConflictDetection
from vppdhc.dhc4.outcome import ProbeWanted
from vppdhc.dhc4.request import Request
from vppdhc.dhc4.subnet import Subnet

ASKING = 0
"""Lifetime of the offer that holds an address while it is asked about: nothing has been promised to the client yet."""

_TRIES = 8
_MOST = 65_536
"""Clients that are remembered while they wait; of one that is forgotten, conflicts are counted anew."""


class _Question(NamedTuple):
    """What is remembered of a client while it waits.

    why: why it is to get the address, which it has been offered no more than held for it.
    conflicts: how many addresses somebody was found to use, one after the other.
    """

    why: Why
    conflicts: int


class Probing:
    """Decides about probes.

    A new address alone is asked about: none that is the client's, or was, and none that it has been offered already.
    """

    __slots__ = ("_book", "_questions")

    def __init__(self, book: LeaseBook) -> None:
        self._book = book
        self._questions: OrderedDict[tuple[int, bytes], _Question] = OrderedDict()

    def wanted(self, request: Request, subnet: Subnet, address: int) -> ProbeWanted | None:
        """Return the question to be asked before a client is offered an address; None where there is none.

        Nobody is asked where nobody could answer: a relayed client is not on our link, and without an address of ours
        in its network there is none to ask from.
        """
        settings = subnet.settings
        if settings.conflict_detection is ConflictDetection.NONE or address == request.probed:
            return None
        if request.message.giaddr or not _is_here(request, subnet) or self._is_known(request, address):
            return None
        hardware, timeout = request.message.chaddr, settings.probe_timeout
        return ProbeWanted(request.table, address, subnet.own[0], hardware, timeout, settings.conflict_detection)

    def _is_known(self, request: Request, address: int) -> bool:
        """Whether an address is, or was, the client's, or has been offered to it."""
        offer = self._book.offer_of(request.client)
        if offer is not None and offer.address == address and offer.table == request.table and offer.granted != ASKING:
            return True
        record = self._book.get(request.table, address)
        return record is not None and record.client == request.client

    def asked(self, request: Request, why: Why) -> Why:
        """Take note that a client waits; returns why it is to get the address: the same when it asks again."""
        key = request.table, request.client
        before = self._questions.pop(key, None)
        conflicts = 0
        if before is not None:
            conflicts = before.conflicts
            why = before.why if why is Why.OFFER else why
        self._questions[key] = _Question(why, conflicts)
        if len(self._questions) > _MOST:
            self._questions.popitem(last=False)
        return why

    def conflict(self, request: Request) -> bool:
        """Count that an address for a client was found to be in use; returns whether another one may be tried."""
        key = request.table, request.client
        before = self._questions.get(key)
        if before is None:
            return True
        self._questions[key] = before._replace(conflicts=before.conflicts + 1)
        return before.conflicts + 1 < _TRIES

    def settled(self, request: Request) -> Why | None:
        """Forget a client that waits no longer; returns why it is to get the address, None where that is forgotten."""
        question = self._questions.pop((request.table, request.client), None)
        return None if question is None else question.why


def _is_here(request: Request, subnet: Subnet) -> bool:
    """Whether a subnet is on the interface, with an address of ours in it that is of this interface."""
    if subnet.interface != request.interface.name or not subnet.own:
        return False
    # A subnet that is made of the interface's address has it; one that is configured may have others, or another's.
    return not subnet.id or any(int(address.ip) == subnet.own[0] for address in request.interface.addresses4)
