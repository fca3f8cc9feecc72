"""Which addresses it is asked about, before they are advertised or granted, whether somebody uses them."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from vppdhc.dhc6.allocation import Choice, Why
from vppdhc.dhc6.associations import Asked
from vppdhc.dhc6.book import LeaseBook6
from vppdhc.dhc6.config import NO_LIFETIMES, ConflictDetection
from vppdhc.dhc6.outcome import ProbeWanted
from vppdhc.dhc6.request import Request
from vppdhc.dhc6.subnet import Subnet
from vppdhc.leases.lease6 import Place6
from vppdhc.packet.dhcp6 import MessageType

ASKING: Final = NO_LIFETIMES
"""Lifetimes of the offer that holds an address while it is asked about: nothing has been promised to the client yet."""

_TRIES: Final = 8
_MOST: Final = 65_536
"""Clients that are remembered while they wait; of one that is forgotten, conflicts are counted anew."""


class _Question(NamedTuple):
    """What is remembered of a client while it waits.

    whys: why it is to get each address, which it has been offered no more than held for it.
    conflicts: how many times somebody was found to use what it was to get.
    """

    whys: Mapping[Place6, Why]
    conflicts: int


class Probing:
    """Decides about probes.

    New addresses alone are asked about: none that is the client's, or was, none that it has been offered already, and
    none that it says it has.
    """

    __slots__ = ("_book", "_questions")

    def __init__(self, book: LeaseBook6) -> None:
        self._book = book
        self._questions: OrderedDict[tuple[int, bytes], _Question] = OrderedDict()

    def is_new(self, request: Request, asked: Asked, choice: Choice) -> bool:
        """Whether it is to be asked about an address before the client gets it.

        Nobody is asked where nobody could answer: a relayed client is not on our link.
        """
        if not isinstance(choice.source, Subnet) or choice.network in request.probed or request.message.relays:
            return False
        subnet = choice.source
        if subnet.settings.conflict_detection is ConflictDetection.NONE or subnet.interface != request.interface.name:
            return False
        if request.message.type != MessageType.SOLICIT and (choice.network, choice.length) in asked.leases:
            return False
        return not self._is_known(request, asked, choice)

    def _is_known(self, request: Request, asked: Asked, choice: Choice) -> bool:
        """Whether an address is, or was, the client's, or has been offered to it."""
        association = asked.of(request.duid)
        offer = self._book.offer_at(choice.place)
        if offer is not None and offer.association == association and offer.valid != ASKING.valid:
            return True
        record = self._book.get(choice.place)
        return record is not None and record.association == association

    def ask(self, request: Request, new: Sequence[Choice], choices: Iterable[Choice]) -> ProbeWanted:
        """Return the question about new addresses; choices: all that the client is to get, to remember why."""
        key = request.table, request.duid
        before = self._questions.pop(key, _Question({}, 0))
        whys = {choice.place: before.whys.get(choice.place, choice.why) for choice in choices}
        self._questions[key] = before._replace(whys={**before.whys, **whys})
        if len(self._questions) > _MOST:
            self._questions.popitem(last=False)
        assert request.interface.link_local is not None  # there is no Request without
        return ProbeWanted(
            request.table,
            tuple(choice.network for choice in new),
            int(request.interface.link_local),
            request.message.source_mac,
            max(choice.source.settings.probe_timeout for choice in new),
        )

    def why(self, request: Request, choice: Choice) -> Why:
        """Return why a client gets something, as it was before somebody was asked about it."""
        question = self._questions.get((request.table, request.duid))
        if question is None or choice.why is not Why.OFFER:
            return choice.why
        return question.whys.get(choice.place, choice.why)

    def conflict(self, request: Request) -> bool:
        """Count that an address for a client was found to be in use; returns whether another one may be tried."""
        key = request.table, request.duid
        before = self._questions.get(key)
        if before is None:
            return True
        self._questions[key] = before._replace(conflicts=before.conflicts + 1)
        return before.conflicts + 1 < _TRIES

    def settled(self, request: Request) -> None:
        """Forget a client that waits no longer."""
        self._questions.pop((request.table, request.duid), None)
