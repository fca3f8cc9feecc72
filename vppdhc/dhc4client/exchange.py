"""One transaction: which replies belong to it, and when to repeat oneself."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from random import Random
from typing import Final

from vppdhc.dhc4client.drops import Drop, DropError
from vppdhc.dhc4client.identity import Identity
from vppdhc.dhc4client.replies import Reply, read_reply
from vppdhc.packet.dhcp4 import MessageType
from vppdhc.packet.options4 import Option

_FIRST_WAIT: Final = 4.0
_LONGEST_WAIT: Final = 64.0
_JITTER: Final = 1.0

OFFERS: Final = frozenset((MessageType.OFFER,))
ANSWERS: Final = frozenset((MessageType.ACK, MessageType.NAK))


@dataclass(slots=True)
class Exchange:
    """A transaction.

    xid: transaction id. expected: types of the replies to it.
    server: the only one that may answer; None for any. rapid: whether an ACK to a DISCOVER counts (RFC 4039).
    v6_only: whether an OFFER without an address counts (RFC 8925).
    began: CLOCK_BOOTTIME at which it began. asked: the same, of the request that a lease is counted from.
    """

    identity: Identity
    xid: int
    expected: frozenset[MessageType]
    began: float
    server: IPv4Address | None = None
    rapid: bool = False
    v6_only: bool = False
    asked: float = 0.0

    def __post_init__(self) -> None:
        self.asked = self.began

    def secs(self, now: float) -> int:
        """Return the seconds since it began (RFC 2131, 2)."""
        return int(now - self.began)

    def read(self, datagram: bytes) -> Reply:
        """Return the reply that a datagram of the punt socket holds; raises DropError where it is none of ours."""
        reply = read_reply(datagram, self.identity, self.xid, v6_only=self.v6_only)
        if self.rapid and reply.type is MessageType.ACK:
            if Option.RAPID_COMMIT not in reply.message.options:
                raise DropError(Drop.NOT_RAPID)
        elif reply.type not in self.expected:
            raise DropError(Drop.UNEXPECTED)
        if self.server is not None and reply.server != self.server:
            raise DropError(Drop.WRONG_SERVER)
        return reply


def retransmission_waits(random: Random) -> Iterator[float]:
    """Give the seconds to wait behind each transmission: 4, 8, 16, 32, then 64, each +-1 (RFC 2131, 4.1)."""
    wait = _FIRST_WAIT
    while True:
        yield wait + random.uniform(-_JITTER, _JITTER)
        wait = min(2 * wait, _LONGEST_WAIT)
