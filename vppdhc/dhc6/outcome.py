"""What a message leads to."""

from typing import NamedTuple

from vppdhc.dhc6.events import Event
from vppdhc.dhc6.reply import Reply
from vppdhc.dhc6.routes import RouteChange
from vppdhc.dhc6.validation import Drop
from vppdhc.leases.lease6 import Change6


class ProbeWanted(NamedTuple):
    """The question whether somebody uses addresses, to be asked before they are advertised or granted.

    table, addresses: the addresses, which are held for the client meanwhile; all are asked about at once.
    source: the router's own link-local address, from which to ask by neighbour solicitations.
    hardware: hardware address of the client, whose own answer is no conflict.
    timeout: seconds to wait for an answer.
    """

    table: int
    addresses: tuple[int, ...]
    source: int
    hardware: bytes
    timeout: float


class Finding(NamedTuple):
    """What was decided about one identity association, or an address or prefix in it.

    code: Option.IA_NA, IA_TA or IA_PD.
    network, length: the address (of length 128) or prefix; length 0 where there is none.
    reason: why: an allocation.Why, the text of a status, or an event's kind.
    """

    code: int
    ia_id: int
    network: int
    length: int
    reason: str


class Outcome(NamedTuple):
    """What a message led to.

    replies: to be sent once the changes are durable; one at most.
    changes: of leases, made in the book already. LeaseBook6.take_back() undoes them.
    events: what they mean.
    drop: why there is no answer; None where there is one, or none is due.
    client: DUID of the client, empty where it has none.
    table: routing table id that it is in.
    reason: why it is so, in a word or a few: that of the first finding, or the drop.
    findings: what was decided about each identity association.
    refused: whether the client was told that it cannot have anything of what it wants.
    routes: which routes to delegated prefixes come and go with the changes.
    probe: a question to be answered first, see Server.probed(); then there are no replies, and no changes but those
        of addresses that somebody was found to use before.
    """

    replies: list[Reply]
    changes: list[Change6]
    events: list[Event]
    drop: Drop | None
    client: bytes = b""
    table: int = 0
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    refused: bool = False
    routes: tuple[RouteChange, ...] = ()
    probe: ProbeWanted | None = None
