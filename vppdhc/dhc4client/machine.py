"""The client of one interface: a blocking greenlet whose states are those of RFC 2131, figure 5.

Each state is a method that waits for what ends it and returns the next one. What ends a wait before its time (the link,
an operator, the configuration, the end) is raised by the link, and decided upon in one place, _woken().
"""

import math
from collections.abc import Callable
from functools import partial
from ipaddress import IPv4Address
from itertools import islice
from random import Random
from typing import Final

from vppdhc.clients.backoff import Backoff
from vppdhc.clients.wake import InterruptError, Wake
from vppdhc.clock import Clock
from vppdhc.dhc4client import messages
from vppdhc.dhc4client.binding import AddressConflictError
from vppdhc.dhc4client.config import ClientConfig, OnStop
from vppdhc.dhc4client.exchange import ANSWERS, OFFERS, Exchange, retransmission_waits
from vppdhc.dhc4client.identity import Identity
from vppdhc.dhc4client.journal import Journal, LostReason
from vppdhc.dhc4client.lease import Lease, grant
from vppdhc.dhc4client.ports import Link
from vppdhc.dhc4client.replies import Reply, best_offer
from vppdhc.dhc4client.states import State
from vppdhc.dhc4client.talk import Talk
from vppdhc.dhc4client.tenure import Tenure
from vppdhc.dhc4client.terms import Terms, v6_only_wait
from vppdhc.interface import Interface
from vppdhc.packet.dhcp4 import MessageType
from vppdhc.packet.kinds4 import text_of
from vppdhc.packet.options4 import Option

_JUST_BOOTED: Final = 300.0
"""Seconds since the machine booted during which others may be starting as well: power has come back."""
_START_DELAY: Final = (1.0, 10.0)
"""RFC 2131, 4.4.1."""
_OFFERS_FOR: Final = 1.0
"""Seconds behind the first OFFER in which others are waited for."""
_OFFERS_MOST: Final = 32
_TRIES: Final = 4
"""Transmissions of a REQUEST in REQUESTING and REBOOTING: 60 s in all (RFC 2131, 3.1, step 5). So many DISCOVERs
without an answer, or so many NAKs, are a problem to tell of."""
_SHORTEST_WAIT: Final = 60.0
"""Seconds between two REQUESTs in RENEWING and REBINDING (RFC 2131, 4.4.5)."""
_NAK_FIRST: Final = 1.0
_DECLINE_FIRST: Final = 10.0
"""Seconds before the client begins anew behind the first NAK, or conflict (RFC 2131, 3.1, step 5), see Backoff."""
_MAX_CONFLICTS: Final = 10
_RATE_LIMIT_INTERVAL: Final = 60.0
"""So many conflicts in a row, and an address is tried no more often than this, in seconds (RFC 5227, 2.1.1)."""
_MIN_V6ONLY_WAIT: Final = 300
"""RFC 8925, 3.4."""
_ANNOUNCEMENTS: Final = (0.0, 2.0)
"""Seconds before each announcement of a new address (RFC 5227, 1.1: ANNOUNCE_NUM, ANNOUNCE_INTERVAL)."""

_Step = Callable[[], "_Step | None"]


class Machine:
    """The state machine. state: where it is."""

    def __init__(
        self,
        link: Link,
        talk: Talk,
        tenure: Tenure,
        journal: Journal,
        clock: Clock,
        random: Random,
        identify: Callable[[ClientConfig, Interface], Identity],
        on_begun: Callable[[], object],
    ) -> None:
        """Nothing happens before run().

        identify: gives the client's identity on its interface.
        on_begun: is called whenever VPP has been told what an earlier lease needs; may wait.
        """
        self.state = State.LINK_DOWN
        self._link = link
        self._talk = talk
        self._tenure = tenure
        self._journal = journal
        self._clock = clock
        self._random = random
        self._identify = identify
        self._on_begun = on_begun
        self._delayed = False
        self._released = False
        self._leaving: Wake | None = None
        self._naks = Backoff(_NAK_FIRST)
        self._conflicts = Backoff(_DECLINE_FIRST)
        self._not_before = 0.0
        self._failed_server: IPv4Address | None = None

    def run(self) -> None:
        """Be the client until it is removed or the daemon stops; after a failure, go on with what there is."""
        step: _Step | None = self._start
        while step is not None:
            try:
                step = step()
            except InterruptError as interrupt:
                step = partial(self._woken, interrupt.wake)
            except AddressConflictError:
                step = self._declined

    # The states

    def _start(self) -> _Step | None:
        if self._leaving is not None:
            return partial(self._leave, self._leaving)
        self._tenure.load()
        return self._resting if self._released else self._begin

    def _begin(self) -> _Step:
        """Choose where to begin, whenever packets pass (again) or something else than before is wanted."""
        interface = self._link.interface
        if interface is None:
            return self._link_down
        self._talk.identity = identity = self._identify(self._tenure.config, interface)
        lease = self._tenure.known
        if lease is not None and lease.client_id != identity.client_id:
            # It belongs to somebody whom we no longer are.
            self._talk.release(lease.terms, lease.client_id)
            self._tenure.lose(LostReason.RELEASED)
            self._tenure.wish = None
        self._tenure.use(check=False)
        self._on_begun()
        return self._init if self._tenure.known is None else self._init_reboot

    def _link_down(self) -> _Step:
        self.state = State.LINK_DOWN
        self._tenure.rest()
        lease = self._tenure.known
        self._talk.pause(math.inf if lease is None else lease.expires)
        self._tenure.lose(LostReason.EXPIRED)
        return self._link_down

    def _init(self) -> _Step:
        """Wait for the turn: random behind a reboot, behind a NAK or conflict as long as was decided there."""
        self.state = State.INIT
        now = self._clock.boottime()
        if not self._delayed and now < _JUST_BOOTED:
            self._not_before = max(self._not_before, now + self._random.uniform(*_START_DELAY))
        self._delayed = True
        self._talk.pause(self._not_before)
        return self._selecting

    def _selecting(self) -> _Step:
        self.state = State.SELECTING
        self._journal.note("looking for servers")
        config = self._tenure.config
        exchange = self._talk.exchange(OFFERS, rapid=config.rapid_commit, v6_only=config.ipv6_only_preferred)
        waits = retransmission_waits(self._random)
        tries = 0
        while True:
            tries += 1
            exchange.asked = self._clock.boottime()
            secs = exchange.secs(exchange.asked)
            wish = self._tenure.wish or config.requested_address
            self._talk.broadcast(messages.discover(config, self._talk.identity, exchange.xid, secs, wish))
            replies = self._collect(exchange, exchange.asked + next(waits))
            if replies:
                return self._choose(exchange, replies, secs, wish)
            if tries == _TRIES:
                self._journal.trouble("no DHCP server answers: see that the link leads to one")

    def _requesting(self, offer: Terms, discovery: Exchange, secs: int) -> _Step:
        self.state = State.REQUESTING
        address, server = offer.address.ip, offer.server
        self._journal.note(f"requesting {address} from {server}")
        exchange = self._talk.exchange(ANSWERS, server=server)
        exchange.xid = discovery.xid
        message = messages.request_offered(
            self._tenure.config, self._talk.identity, exchange.xid, secs, address, server
        )
        for wait in islice(retransmission_waits(self._random), _TRIES):
            self._talk.broadcast(message)
            reply = self._talk.hear(exchange, self._clock.boottime() + wait)
            if reply is not None:
                return self._answered(reply, exchange, check=True)
        self._failed_server = server
        self._journal.trouble(f"server {server} offers {address} and does not grant it")
        return self._init

    def _init_reboot(self) -> _Step:
        self.state = State.INIT_REBOOT
        return self._rebooting

    def _rebooting(self) -> _Step:
        """Ask for the earlier address; where nobody answers, use it while its time lasts (RFC 2131, 3.2, step 3)."""
        self.state = State.REBOOTING
        lease = self._tenure.known
        if lease is None:
            return self._init
        exchange = self._talk.exchange(ANSWERS)
        address = lease.terms.address.ip
        for wait in islice(retransmission_waits(self._random), _TRIES):
            now = self._clock.boottime()
            if now >= lease.expires:
                return self._expired
            config, secs = self._tenure.config, exchange.secs(now)
            self._talk.broadcast(messages.request_again(config, self._talk.identity, exchange.xid, secs, address))
            reply = self._talk.hear(exchange, min(now + wait, lease.expires))
            if reply is not None:
                return self._answered(reply, exchange, check=True)
        self._journal.note(f"no server answers, {address} is used for the rest of its time")
        return self._adopted(lease, check=True)

    def _bound(self) -> _Step:
        self.state = State.BOUND
        lease = self._tenure.lease
        if lease is None:
            return self._begin
        self._talk.pause(lease.renewal)
        return self._renewing

    def _renewing(self) -> _Step:
        """Ask the server of the lease until T2."""
        self.state = State.RENEWING
        lease = self._tenure.lease
        if lease is None:
            return self._begin
        until = lease.rebinding
        if math.isinf(until):  # only an operator asks then
            until = self._clock.boottime() + _SHORTEST_WAIT
        return self._extend(lease, until, lease.terms.server) or self._rebinding

    def _rebinding(self) -> _Step:
        """Ask any server until the lease ends."""
        self.state = State.REBINDING
        lease = self._tenure.lease
        if lease is None:
            return self._begin
        now = self._clock.boottime()
        if math.isinf(lease.expires):
            return self._extend(lease, now + _SHORTEST_WAIT, None) or self._bound
        if lease.rebinding <= now < lease.expires:
            self._journal.trouble(f"server {lease.terms.server} does not renew the lease: any other one is asked")
        return self._extend(lease, lease.expires, None) or self._expired

    def _expired(self) -> _Step:
        self._tenure.lose(LostReason.EXPIRED)
        return self._begin

    def _refused(self, reply: Reply) -> _Step:
        """Begin anew behind a NAK, later with each in a row: who refuses what he offers may do so for long."""
        said = text_of(reply.message.options.get(Option.DHCP_MESSAGE, b""))
        self._journal.note(f"server {reply.server} refuses" + (f": {said}" if said else ""))
        self._tenure.lose(LostReason.NAK)
        self._failed_server = reply.server
        self._not_before = self._clock.boottime() + self._naks.failed()
        if self._naks.failures == _TRIES:
            self._journal.trouble(f"server {reply.server} refuses what it offers")
        return self._begin

    def _declined(self) -> _Step:
        """Decline the address and wait (RFC 2131, 3.1, step 5; RFC 5227, 2.1.1), longer with each conflict in a row."""
        lease = self._tenure.lease
        if lease is None:
            return self._begin
        terms = lease.terms
        self._journal.conflict(lease)
        self._talk.decline(terms)
        self._tenure.lose(LostReason.DECLINED)
        self._journal.trouble(
            f"another host uses {terms.address.ip}, which server {terms.server} granted: tell the provider"
        )
        self._not_before = self._clock.boottime() + self._conflicts.failed()
        self.state = State.DECLINED
        self._talk.pause(self._not_before)
        return self._begin

    def _ipv6_only(self, reply: Reply, seconds: int, granted: Terms | None) -> _Step:
        """Do without an address (RFC 8925, 3.2). granted: the one that is given back, None where there is none."""
        if granted is not None:
            self._talk.release(granted, self._talk.identity.client_id)
        self._tenure.lose(LostReason.RELEASED)
        self._journal.well()
        self._journal.note(f"server {reply.server} wants this network to be used without IPv4 for {seconds} s")
        self.state = State.IPV6_ONLY
        self._talk.pause(self._clock.boottime() + seconds)
        return self._begin

    def _resting(self) -> _Step:
        self.state = State.RELEASED
        self._talk.pause(math.inf)
        return self._resting

    # What ends a state before its time

    def _woken(self, wake: Wake) -> _Step:
        if wake in (Wake.REMOVE, Wake.STOP):
            return partial(self._leave, wake)
        if wake is Wake.DOWN:
            return self._resting if self._released else self._link_down
        if wake is Wake.RELEASE:
            return self._release()
        if wake is Wake.UP:
            # Another network perhaps, where what was refused is not; the ten seconds behind a conflict stay, and behind
            # many a minute.
            rest = _DECLINE_FIRST if self._conflicts.failures < _MAX_CONFLICTS else _RATE_LIMIT_INTERVAL
            self._not_before = min(self._not_before, self._clock.boottime() + rest)
            return self._resting if self._released else self._begin
        self._released = False
        self._not_before = 0.0
        if wake is Wake.CONFIGURED or self._tenure.lease is None or self._link.interface is None:
            return self._begin
        return self._renewing if wake is Wake.RENEW else self._rebinding

    def _release(self) -> _Step:
        """Give the lease back, as an operator wants, and rest until he wants one again."""
        self._released = True
        self._journal.note("released by an operator")
        self._give_back()
        self._journal.well()
        return self._resting

    def _leave(self, wake: Wake) -> None:
        """End as configured. Nobody would ever take away what a client that is removed leaves behind."""
        self._leaving = wake
        on_stop = self._tenure.config.on_stop
        if on_stop is OnStop.RELEASE:
            self._give_back()
        elif on_stop is OnStop.WITHDRAW or wake is Wake.REMOVE:
            self._tenure.withdraw()
        self._tenure.note_clocks()

    def _give_back(self) -> None:
        lease = self._tenure.lease
        if lease is not None:
            self._talk.release(lease.terms, lease.client_id)
        self._tenure.lose(LostReason.RELEASED)

    # What states have in common

    def _collect(self, exchange: Exchange, until: float) -> list[Reply]:
        """Return the OFFERs of the second behind the first one; an ACK ends that, and is the last then."""
        replies: list[Reply] = []
        while len(replies) < _OFFERS_MOST:
            reply = self._talk.hear(exchange, until)
            if reply is None:
                break
            if not replies:
                until = self._clock.boottime() + _OFFERS_FOR
            replies.append(reply)
            if reply.type is MessageType.ACK:
                break
        return replies

    def _choose(self, exchange: Exchange, replies: list[Reply], secs: int, wish: IPv4Address | None) -> _Step:
        """Request what is offered best; with an ACK there is nothing left to choose."""
        last = replies[-1]
        for reply in replies:
            wait = self._v6_only_wait(reply)
            if wait is not None:
                return partial(self._ipv6_only, reply, wait, last.terms if last.type is MessageType.ACK else None)
        if last.type is MessageType.ACK:
            return self._answered(last, exchange, check=True)
        return partial(self._requesting, best_offer(replies, wish, self._failed_server), exchange, secs)

    def _answered(self, reply: Reply, exchange: Exchange, *, check: bool) -> _Step:
        """Take what was granted, or begin anew. check: whether to see that nobody else uses the address."""
        if reply.terms is None:
            return partial(self._refused, reply)
        wait = self._v6_only_wait(reply)
        if wait is not None and self.state in (State.SELECTING, State.REBOOTING):
            return partial(self._ipv6_only, reply, wait, reply.terms)  # in the others it goes on (RFC 8925, 3.2)
        before = self._tenure.known
        client_id = self._talk.identity.client_id
        lease = grant(reply.terms, client_id, exchange.asked, self._random.random(), before)
        new = before is None or before.terms.address.ip != lease.terms.address.ip
        return self._adopted(lease, check=check or new)

    def _adopted(self, lease: Lease, *, check: bool) -> _Step:
        """Have a lease from now on."""
        self._tenure.adopt(lease, check=check)
        self._naks.succeeded()
        self._conflicts.succeeded()
        self._failed_server = None
        return self._announcing if check else self._bound

    def _announcing(self) -> _Step:
        """Tell the link who has the address (RFC 2131, 4.4.1; RFC 5227, 2.3)."""
        self.state = State.BOUND
        for seconds in _ANNOUNCEMENTS:
            self._talk.pause(self._clock.boottime() + seconds)
            self._tenure.announce()
        return self._bound

    def _extend(self, lease: Lease, until: float, server: IPv4Address | None) -> _Step | None:
        """Ask for more time, of one server or of any; returns the state that the answer leads to, None without."""
        began = self._clock.boottime()
        address = lease.terms.address.ip
        while (now := self._clock.boottime()) < until:
            # A transaction for each, so that a lease counts from the very request that was answered.
            exchange = self._talk.exchange(ANSWERS, server=server)
            config, secs = self._tenure.config, int(now - began)
            message = messages.request_more(config, self._talk.identity, exchange.xid, secs, address)
            if server is None:
                self._talk.broadcast(message, address)
            else:
                self._talk.unicast(message, lease.terms)
            reply = self._talk.hear(exchange, min(now + max(_SHORTEST_WAIT, (until - now) / 2), until))
            if reply is not None:
                return self._answered(reply, exchange, check=False)
        return None

    def _v6_only_wait(self, reply: Reply) -> int | None:
        """Return the seconds to do without an address, None where nobody asks for that or it was not asked for."""
        wait = v6_only_wait(reply.message) if self._tenure.config.ipv6_only_preferred else None
        return None if wait is None else max(wait, _MIN_V6ONLY_WAIT)
