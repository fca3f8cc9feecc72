"""What a message leads to."""

from typing import NamedTuple

from vppdhc.dhc4.config import ConflictDetection
from vppdhc.dhc4.events import Event
from vppdhc.dhc4.reply import Reply
from vppdhc.dhc4.request import Drop
from vppdhc.leases.lease import Change


class ProbeWanted(NamedTuple):
    """The question whether somebody uses an address, to be asked before it is offered.

    table, address: the address, which is held for the client meanwhile.
    source: the router's own address in its network, from which to ask.
    hardware: hardware address of the client, whose own answer is no conflict.
    timeout: seconds to wait for an answer.
    how: the way to ask; never NONE.
    """

    table: int
    address: int
    source: int
    hardware: bytes
    timeout: float
    how: ConflictDetection


class Outcome(NamedTuple):
    """What a message led to.

    replies: to be sent once the changes are durable.
    changes: of leases, made in the book already. LeaseBook.take_back() undoes them.
    events: what they mean.
    drop: why there is no answer; None where there is one, or none is due.
    client: key of the client, empty where it has none.
    table: routing table id that it is in.
    address: the one that it is about; 0 where there is none.
    reason: why it is so, in a word or a few: a Why, the text of a NAK, or the drop.
    probe: a question to be answered first, see Server.probed(); then there are no replies, and no changes but those
        of an address that somebody was found to use before.
    """

    replies: list[Reply]
    changes: list[Change]
    events: list[Event]
    drop: Drop | None
    client: bytes = b""
    table: int = 0
    address: int = 0
    reason: str = ""
    probe: ProbeWanted | None = None
