"""Tells bound clients at once when what they were told is no longer so (RFC 8415, 18.3.11), by RKAP (20.4)."""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import inf
from typing import Final, NamedTuple

from vppdhc.dhc6.allocation import in_force
from vppdhc.dhc6.reply import Reply, addressed, relayed
from vppdhc.interface import Interface
from vppdhc.leases.lease6 import Lease6
from vppdhc.packet import auth6
from vppdhc.packet.dhcp6 import CLIENT_PORT, SERVER_PORT, Message, MessageType
from vppdhc.packet.options6 import Option

_REC_TIMEOUT: Final = 2.0
_REC_MAX_RC: Final = 8
"""Seconds until the first retransmission, and how often a Reconfigure is sent (RFC 8415, 7.6)."""
_PORTION: Final = 1000
"""Leases that are looked at in one go."""
_BETWEEN: Final = 0.05
"""Seconds between two portions."""
_NTP_EPOCH: Final = 2_208_988_800
"""Seconds from 1900 to 1970."""


class ReplayDetection:
    """Values for replay detection: each is greater than all before, also before a restart (RFC 8415, 20.3).

    They are NTP timestamps, as the RFC proposes, so that nothing has to be stored.
    """

    __slots__ = ("_last", "_wall")

    def __init__(self, wall: Callable[[], float]) -> None:
        """Take a clock: wall returns the seconds since 1970."""
        self._wall = wall
        self._last = 0

    def next(self) -> int:
        """Return the next value."""
        self._last = max(self._last + 1, int((self._wall() + _NTP_EPOCH) * (1 << 32)))
        return self._last


class Notice(NamedTuple):
    """A Reconfigure to be sent. interface: name of the one that it goes out by. duid: of the client."""

    interface: str
    duid: bytes
    reply: Reply


class _Pending(NamedTuple):
    """A client that is to be told.

    lease: one of its own. since: of which change. sent: how often it was told. due: when it is told again.
    """

    lease: Lease6
    since: float
    sent: int
    due: float


class Reconfiguring:
    """The clients that are to be told, and when.

    A client is told until it asks for what there is now, eight times at most, within eight and a half minutes.
    """

    __slots__ = ("_concerns", "_due", "_pending", "_replay", "_since", "_walk", "_walk_due")

    def __init__(self, replay: ReplayDetection) -> None:
        self._replay = replay
        self._pending: dict[bytes, _Pending] = {}
        self._due: list[tuple[float, bytes]] = []
        self._walk: Iterator[Lease6] = iter(())
        self._walk_due = inf
        self._since = 0.0
        self._concerns: list[Callable[[Lease6], bool]] = []

    def __len__(self) -> int:
        """Count the clients that are still to be told, of those that were found so far."""
        return len(self._pending)

    def key_option(self, key: bytes) -> bytes:
        """Return the authentication option that gives a client its key (20.4.2)."""
        return auth6.encode_key(key, self._replay.next())

    def start(self, leases: Iterable[Lease6], concerns: Callable[[Lease6], bool], now: float) -> None:
        """Tell the clients whom a change concerns.

        leases: all there are, to be looked at a portion at a time.
        concerns: whether the change means anything for a lease.
        now: CLOCK_BOOTTIME.
        """
        if self._walk_due == inf:
            self._concerns = []
        self._concerns = [*self._concerns, concerns]
        self._walk = iter(leases)
        self._walk_due = self._since = now

    def answered(self, duid: bytes) -> None:
        """Take note that a client has asked for what there is now."""
        self._pending.pop(duid, None)

    def next_due(self) -> float:
        """Return when due() has something to do again: CLOCK_BOOTTIME, infinity for never."""
        return min(self._walk_due, self._due[0][0] if self._due else inf)

    def due(
        self, server_duid: bytes, interfaces: Mapping[str, Interface], now: float, limit: int = 100
    ) -> list[Notice]:
        """Return the messages that are to be sent now, at most as many as limit says.

        server_duid: our own. interfaces: those that there are, by name. now: CLOCK_BOOTTIME.
        """
        if self._walk_due <= now:
            self._look(now)
        found: list[Notice] = []
        while self._due and self._due[0][0] <= now and len(found) < limit:
            due, duid = heapq.heappop(self._due)
            pending = self._pending.get(duid)
            if pending is None or pending.due != due:
                continue
            if pending.sent == _REC_MAX_RC or not in_force(pending.lease, now):
                del self._pending[duid]
                continue
            self._wait(duid, pending._replace(sent=pending.sent + 1, due=now + _REC_TIMEOUT * (1 << pending.sent)))
            interface = interfaces.get(pending.lease.interface)
            if interface is not None and interface.link_local is not None:
                found.append(Notice(interface.name, duid, self._message(pending.lease, server_duid, interface)))
        return found

    def _look(self, now: float) -> None:
        """Look at the next leases, for clients to tell: those that did not ask since the change."""
        self._walk_due = now + _BETWEEN
        for _ in range(_PORTION):
            lease = next(self._walk, None)
            if lease is None:
                self._walk_due = inf
                return
            if not lease.reconfigure_key or lease.renewed > self._since or not in_force(lease, now):
                continue
            pending = self._pending.get(lease.duid)
            known = pending is not None and pending.since == self._since
            if not known and any(concerns(lease) for concerns in self._concerns):
                self._wait(lease.duid, _Pending(lease, self._since, 0, now))

    def _wait(self, duid: bytes, pending: _Pending) -> None:
        self._pending[duid] = pending
        heapq.heappush(self._due, (pending.due, duid))

    def _message(self, lease: Lease6, server_duid: bytes, interface: Interface) -> Reply:
        """Return the Reconfigure for a client, which is to renew: that brings it addresses and options alike."""
        message = Message(
            MessageType.RECONFIGURE,
            0,
            [
                (Option.SERVERID, server_duid),
                (Option.CLIENTID, lease.duid),
                (Option.RECONF_MSG, bytes((MessageType.RENEW,))),
            ],
        )
        message = auth6.sign(message, lease.reconfigure_key, self._replay.next())
        details = lease.details
        if details.peer_address:
            message.relays = (relayed(details.link_address, details.peer_address, details.interface_id),)
        port = SERVER_PORT if message.relays else CLIENT_PORT
        return addressed(message, interface, lease.next_hop, lease.hardware[1:], interface.vlans, port)
