"""The client of one interface: a blocking greenlet whose states are those of RFC 8415, 18.2.

Each state is a method that waits for what ends it and returns the next one. What ends a wait before its time (the link,
an operator, the configuration, the end) is raised by the link, and decided upon in one place, _woken().
"""

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from ipaddress import IPv6Address
from typing import Final

from vppdhc.clients.backoff import Backoff
from vppdhc.clients.wake import InterruptError, Wake
from vppdhc.clock import Clock
from vppdhc.dhc6pdclient.answers import Answers, Result
from vppdhc.dhc6pdclient.bindings import NOTHING, Bindings, IaKey
from vppdhc.dhc6pdclient.choice import Preferences, by_merit, offers
from vppdhc.dhc6pdclient.config import ClientConfig, OnStop
from vppdhc.dhc6pdclient.demand import demand, everything
from vppdhc.dhc6pdclient.journal import Journal, LostReason, server_text
from vppdhc.dhc6pdclient.ports import Link
from vppdhc.dhc6pdclient.replies import HIGHEST_PREFERENCE, Reply
from vppdhc.dhc6pdclient.retransmission import CONFIRM
from vppdhc.dhc6pdclient.states import LED_BY_ROUTERS, State
from vppdhc.dhc6pdclient.talk import Limits, Talk
from vppdhc.dhc6pdclient.tenure import DuplicateError, Tenure, Wishes
from vppdhc.interface import Interface
from vppdhc.packet.dhcp6 import MessageType, StatusCode

_PATIENCE: Final = 12.0
"""Seconds for which a router is waited for that says what to ask for: as long as a host solicits one (RFC 4861, 10).
Then everything is asked for: where no router says anything, somebody may delegate prefixes all the same."""
_TRIES_TOLD: Final = 4
"""So many messages without an answer are a problem to tell of."""
_ADVERTISES_MOST: Final = 32
_AGAIN_MOST: Final = 2
"""Requests in a row to a server that says NoBinding or NotOnLink, before the client does without."""
_WITHOUT_END: Final = 60.0
"""Seconds for which more time is asked for where there is no end of it: only an operator or a Reconfigure asks then."""
_REFUSED_FIRST: Final = 1.0
_DECLINE_FIRST: Final = 10.0
"""Seconds before the client begins anew behind the first refusal or conflict, see Backoff."""

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
        identify: Callable[[ClientConfig, Interface], bytes],
        on_begun: Callable[[], object],
    ) -> None:
        """Nothing happens before run().

        identify: gives the client's DUID on its interface.
        on_begun: is called whenever VPP has been told what earlier bindings need; may wait.
        """
        self.state = State.LINK_DOWN
        self._link = link
        self._talk = talk
        self._answers = Answers(talk, tenure, journal, clock)
        self._tenure = tenure
        self._journal = journal
        self._clock = clock
        self._identify = identify
        self._on_begun = on_begun
        self._released = False
        self._leaving: Wake | None = None
        self._again = 0
        self._refusals = Backoff(_REFUSED_FIRST)
        self._conflicts = Backoff(_DECLINE_FIRST)
        self._not_before = 0.0
        self._patient_until = 0.0
        self._failed_server = b""

    def run(self) -> None:
        """Be the client until it is removed or the daemon stops; after a failure, go on with what there is."""
        step: _Step | None = self._start
        while step is not None:
            current = step
            try:
                step = current()
            except InterruptError as interrupt:
                step = self._woken(interrupt.wake, current)
            except DuplicateError as error:
                step = partial(self._declining, error.addresses)

    # Where it begins

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
        config, known = self._tenure.config, self._tenure.known
        self._talk.config = config
        self._talk.duid = self._identify(config, interface)
        if known.duid == self._talk.duid:
            known = known.only([key for key in known.keys if key not in everything(config).keys])
        if known.leased:  # not wanted any more, or of somebody whom we no longer are
            return partial(self._give_back, known, self._begin)
        self._patient_until = self._clock.boottime() + _PATIENCE
        try:
            self._tenure.use()
        finally:
            self._on_begun()
        return self._confirming if self._tenure.known.leased else self._waiting

    def _link_down(self) -> _Step:
        """Wait; LANs have what there is all the same, and what ends meanwhile is lost."""
        self.state = State.LINK_DOWN
        self._tenure.use()
        self._talk.pause(math.inf)
        return self._link_down

    def _waiting(self) -> _Step:
        """Find out what to ask for, and wait for routers where they are to say so."""
        self.state = State.WAITING
        config = self._tenure.config
        wanted = demand(config, self._link.flags)
        if wanted is None and self._clock.boottime() < self._patient_until:
            self._talk.pause(self._patient_until)
            return self._waiting
        if wanted is None:
            wanted = everything(config)
        if wanted.keys:
            return partial(self._soliciting, wanted.keys)
        if wanted.information:
            return self._informing
        self._journal.trouble("the router has neither M nor O flag set: set mode to stateful to ask all the same")
        self._talk.pause(math.inf)
        return self._waiting

    # The states without a lease

    def _soliciting(self, keys: Collection[IaKey]) -> _Step:
        """Look for servers, and collect what they advertise until the first wait is over (RFC 8415, 18.2.1)."""
        self.state = State.SOLICITING
        self._talk.pause(self._not_before)
        self._journal.note("looking for servers")
        self._again = silences = 0
        advertises: list[Reply] = []
        for reply in self._talk.ask(MessageType.SOLICIT, self._tenure.wanted(keys)):
            if reply is None:
                silences += 1
                if advertises:
                    break
                if silences == _TRIES_TOLD:
                    self._journal.trouble("no DHCPv6 server offers anything: see that the link leads to one")
            elif reply.type is MessageType.REPLY:
                step = self._answered(reply, keys)
                if step is not None:
                    return step
            elif not offers(reply, keys):
                self._answers.useless(reply, keys)
            else:
                advertises.append(reply)
                at_once = reply.preference == HIGHEST_PREFERENCE and reply.server != self._failed_server
                if at_once or silences or len(advertises) == _ADVERTISES_MOST:
                    break
        preferences = Preferences(keys, self._tenure.last_server, self._failed_server)
        return partial(self._requesting, keys, by_merit(advertises, preferences))

    def _requesting(self, keys: Collection[IaKey], servers: Sequence[Reply]) -> _Step:
        """Ask the best server for what it advertised; where it does not answer, the next one (RFC 8415, 18.2.2)."""
        for advertise in servers:
            offered = {key: grant.prefixes for key in keys if (grant := advertise.grants.get(key)) and grant.useful}
            wanted = {**self._tenure.wanted(keys), **offered}
            step = self._request(keys, wanted, advertise.server)
            if step is not None:
                return step
            self._failed_server = advertise.server
            self._journal.trouble(f"{server_text(advertise.server)} does not grant what it offers")
        return self._waiting

    def _request(self, keys: Collection[IaKey], wanted: Wishes, server: bytes) -> _Step | None:
        self.state = State.REQUESTING
        self._journal.note(f"requesting from {server_text(server)}")
        return self._first_answer(self._talk.ask(MessageType.REQUEST, wanted, server=server), keys)

    def _requesting_again(self, keys: Collection[IaKey], bare: Collection[IaKey], server: bytes) -> _Step:
        """Ask a server anew that does not know, or does not want, what the client has (RFC 8415, 18.2.10.1).

        bare: associations of which nothing may be wished, as it is not for this link.
        """
        self._again += 1
        wanted = {key: () if key in bare else wish for key, wish in self._tenure.wanted(keys).items()}
        step = self._request(keys, wanted, server)
        if step is not None:
            return step
        self._tenure.adopt(self._tenure.known.at(self._clock.boottime()).trusted(), LostReason.NO_BINDING)
        return partial(self._refused, server)

    def _informing(self, server: bytes = b"") -> _Step:
        """Ask for information alone (RFC 8415, 18.2.6); with a lease, only until that needs its time.

        server: DUID of the one that told the client to ask; empty for any.
        """
        self.state = State.INFORMING
        bindings = self._tenure.bindings
        until = min(bindings.renewal, bindings.rebinding) if bindings.leased else math.inf
        silences = 0
        for reply in self._talk.ask(MessageType.INFORMATION_REQUEST, {}, server=server, until=until):
            if reply is None:
                silences += 1
                if silences == _TRIES_TOLD:
                    self._journal.trouble("no DHCPv6 server gives information: see that the link leads to one")
            elif reply.status.code != StatusCode.SUCCESS:
                self._answers.failure(reply)
            else:
                self._talk.take_refresh_time(reply)
                self._tenure.inform(reply)
                break
        return self._bound if self._tenure.bindings.leased else self._informed

    def _informed(self) -> _Step:
        self.state = State.INFORMED
        told = self._talk.rest(self._clock.boottime() + self._talk.limits.info_refresh_time)
        return self._informing if told is None else partial(self._informing, self._tenure.bindings.server)

    # The states with a lease

    def _confirming(self) -> _Step:
        """Ask whether what there is is good on this link still (RFC 8415, 18.2.12).

        Where nobody answers, it is used for the rest of its time (RFC 8415, 18.2.3).
        """
        self.state = State.CONFIRMING
        self._again = 0
        known = self._tenure.known
        if known.delegated:
            keys = self._tenure.keys(self._link.flags)
            replies = self._talk.ask(MessageType.REBIND, self._tenure.held(keys), parameters=CONFIRM)
            step = self._first_answer(replies, keys)
        else:
            step = self._confirmed(known.keys)
        if step is not None:
            return step
        self._journal.note("no server answers, what there is is used for the rest of its time")
        return self._used

    def _confirmed(self, keys: Collection[IaKey]) -> _Step | None:
        for reply in self._talk.ask(MessageType.CONFIRM, self._tenure.wanted(keys)):
            if reply is None:
                continue
            if reply.status.code == StatusCode.SUCCESS:
                return self._used
            if reply.status.code == StatusCode.NOT_ON_LINK:
                self._tenure.adopt(NOTHING, LostReason.NOT_ON_LINK)
                return self._waiting
            self._answers.failure(reply)
        return None

    def _used(self) -> _Step:
        """Use what there is, as it is."""
        self._tenure.adopt(self._tenure.known.at(self._clock.boottime()), LostReason.EXPIRED)
        return self._adopted

    def _bound(self) -> _Step:
        """Wait for T1, or what else is to be done."""
        self.state = State.BOUND
        bindings = self._tenure.bindings
        if not bindings.leased:
            return self._waiting
        told = self._talk.rest(min(bindings.renewal, bindings.rebinding, bindings.expires))
        if told is MessageType.INFORMATION_REQUEST:
            return partial(self._informing, bindings.server)
        if told is not None:
            self._journal.note(f"told by {server_text(bindings.server)} to {told.name.lower()}")
            return self._renewing if told is MessageType.RENEW else self._rebinding
        bindings, now = self._tenure.bindings, self._clock.boottime()
        if now >= bindings.rebinding:
            return self._rebinding
        return self._renewing if now >= bindings.renewal else self._bound

    def _renewing(self) -> _Step:
        """Ask the server of the lease until T2 (RFC 8415, 18.2.4)."""
        self.state = State.RENEWING
        self._again = 0
        bindings, keys = self._tenure.bindings, self._tenure.keys(self._link.flags)
        until = self._end(min(bindings.rebinding, bindings.expires), bindings.renewal)
        replies = self._talk.ask(MessageType.RENEW, self._tenure.held(keys), server=bindings.server, until=until)
        return self._first_answer(replies, keys) or self._bound

    def _rebinding(self) -> _Step:
        """Ask any server until the last lease ends (RFC 8415, 18.2.5)."""
        self.state = State.REBINDING
        self._again = 0
        bindings, keys = self._tenure.bindings, self._tenure.keys(self._link.flags)
        if bindings.rebinding <= self._clock.boottime() < bindings.expires:
            self._journal.trouble(f"{server_text(bindings.server)} does not renew the lease: any other one is asked")
        until = self._end(bindings.expires, bindings.rebinding)
        replies = self._talk.ask(MessageType.REBIND, self._tenure.held(keys), until=until)
        return self._first_answer(replies, keys) or self._bound

    def _declining(self, addresses: Collection[IPv6Address]) -> _Step:
        """Decline addresses that somebody else uses (RFC 8415, 18.2.8), later with each conflict in a row."""
        self.state = State.DECLINING
        declined = self._tenure.bindings.with_addresses(addresses)
        if not declined.leased:
            return self._bound
        later = self._clock.boottime() + self._conflicts.failed()
        self._tenure.decline(declined, later)
        self._talk.give_up(MessageType.DECLINE, declined)
        if not self._tenure.bindings.leased:
            self._not_before = later
        return self._bound

    def _give_back(self, given: Bindings, then: _Step) -> _Step:
        """Release what some associations have (RFC 8415, 18.2.7): it is in use nowhere any more before that is said."""
        self.state = State.RELEASING
        self._tenure.part_with(given.keys, LostReason.RELEASED)
        if self._leaving is not None:
            self._tenure.withdraw()  # what came from routers, too
        self._talk.duid = given.duid
        self._talk.give_up(MessageType.RELEASE, given)
        return then

    def _resting(self) -> _Step:
        self.state = State.RELEASED
        self._journal.well()
        self._talk.pause(math.inf)
        return self._resting

    # What ends a state before its time

    def _woken(self, wake: Wake, step: _Step) -> _Step | None:
        """Return the step that follows one that was woken."""
        if self._leaving is not None or wake in (Wake.REMOVE, Wake.STOP):
            return partial(self._leave, self._leaving or wake)
        if wake is Wake.RELEASE:
            self._released = True
            self._journal.note("released by an operator")
            return partial(self._give_back, self._tenure.known, self._resting)
        if wake in (Wake.DOWN, Wake.UP):
            # Another network perhaps, where what was refused is not, and servers have other wishes.
            self._not_before = min(self._not_before, self._clock.boottime() + _DECLINE_FIRST)
            self._talk.limits = Limits()
            awake = self._begin if wake is Wake.UP else self._link_down
            return self._resting if self._released else awake
        if wake is Wake.ROUTERS:
            return self._waiting if self.state in LED_BY_ROUTERS else step
        self._released = False
        self._not_before = 0.0
        if wake is Wake.CONFIGURED or not self._tenure.bindings.leased or self._link.interface is None:
            return self._begin
        return self._renewing if wake is Wake.RENEW else self._rebinding

    def _leave(self, wake: Wake) -> _Step | None:
        """End as configured. Nobody would ever take away what a client that is removed leaves behind."""
        self._leaving = wake
        on_stop, known = self._tenure.config.on_stop, self._tenure.known
        if on_stop is OnStop.RELEASE and known.leased:
            return partial(self._give_back, known, self._left)
        if on_stop is not OnStop.KEEP or wake is Wake.REMOVE:
            self._tenure.withdraw()
        return self._left

    def _left(self) -> None:
        self._tenure.note_clocks()

    # What states have in common

    def _first_answer(self, replies: Iterable[Reply | None], keys: Collection[IaKey]) -> _Step | None:
        """Return the state that the first useful answer leads to, None where the exchange has failed."""
        for reply in replies:
            step = None if reply is None else self._answered(reply, keys)
            if step is not None:
                return step
        return None

    def _answered(self, reply: Reply, keys: Collection[IaKey]) -> _Step | None:
        """Take what a Reply grants (RFC 8415, 18.2.10.1); None where it is as if it had not come.

        keys: the associations that were asked for.
        """
        beginning = self.state in (State.SOLICITING, State.REQUESTING)
        taken = self._answers.take(reply, keys, beginning=beginning, anew=self._again < _AGAIN_MOST)
        match taken.result:
            case Result.ADOPTED:
                return self._adopted
            case Result.ANEW:
                return partial(self._requesting_again, keys, taken.bare, reply.server)
            case Result.REFUSED:
                return partial(self._refused, reply.server)
            case Result.IGNORED:
                return None

    def _adopted(self) -> _Step:
        """Have something that a server has granted."""
        self._refusals.succeeded()
        self._conflicts.succeeded()
        self._failed_server = b""
        return self._bound

    def _refused(self, server: bytes) -> _Step:
        """Go on with what is left behind a refusal; without anything, begin anew, later with each in a row.

        A server that refuses what it offers may do so for long.
        """
        self._failed_server = server
        if not self._tenure.bindings.leased:
            self._journal.trouble(self._tenure.refused or f"{server_text(server)} does not answer")
            self._not_before = self._clock.boottime() + self._refusals.failed()
        return self._bound

    def _end(self, until: float, due: float) -> float:
        """Return until when more time is asked for: for a while where there is no end, and nothing was due."""
        now = self._clock.boottime()
        return now + _WITHOUT_END if math.isinf(until) and due > now else until
