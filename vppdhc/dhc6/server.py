"""The DHCPv6 server (RFC 8415, RFC 9915), as a function of what it receives: no socket, no clock, no log."""

from collections.abc import Callable, Iterable, Mapping
from math import inf

from vppdhc.dhc6 import changed, contents
from vppdhc.dhc6.allocation import Allocation
from vppdhc.dhc6.associations import associations
from vppdhc.dhc6.book import LeaseBook6
from vppdhc.dhc6.config import ServerConfig
from vppdhc.dhc6.conversation import Conversation
from vppdhc.dhc6.events import Event, EventKind
from vppdhc.dhc6.granting import Granting
from vppdhc.dhc6.layout import AdvertisedPrefixes, Delegations
from vppdhc.dhc6.options import Upstream
from vppdhc.dhc6.outcome import Outcome, ProbeWanted
from vppdhc.dhc6.planning import Planner
from vppdhc.dhc6.preview import Preview, solicit_of
from vppdhc.dhc6.probing import Probing
from vppdhc.dhc6.reconfigure import Notice, Reconfiguring, ReplayDetection
from vppdhc.dhc6.request import Request
from vppdhc.dhc6.reservations import Reservations
from vppdhc.dhc6.routes import route_changes
from vppdhc.dhc6.serving import CrossedPool, Serving
from vppdhc.dhc6.subnet import Networks
from vppdhc.dhc6.validation import Drop, RefusalError
from vppdhc.interface import Interface
from vppdhc.leases.lease import LeaseState
from vppdhc.leases.lease6 import Change6, Lease6
from vppdhc.packet.dhcp6 import Message, MessageType
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.options6 import Option

__all__ = ["Notice", "Outcome", "Preview", "ProbeWanted", "Server"]

_ASKS_ANEW = frozenset((MessageType.RENEW, MessageType.REBIND, MessageType.INFORMATION_REQUEST))
"""Messages by which a client does what a Reconfigure asks for (RFC 8415, 18.3.11)."""


class Server:
    """Answers the messages of DHCPv6 clients.

    It changes nothing but the lease book it is given. All that it remembers beside leases and offers is how many
    addresses in a row were found to be in use, and whom it is still to tell of changes.
    """

    def __init__(
        self,
        config: ServerConfig,
        book: LeaseBook6,
        system_duid: bytes,
        wall: Callable[[], float],
        random: Callable[[int], bytes],
    ) -> None:
        """Start with the leases in the book and without interfaces: interface_changed() brings them.

        system_duid: DUID of the system, for a configuration that has none.
        wall: returns the seconds since 1970; only Reconfigure messages want it.
        random: returns so many bytes that nobody can guess.
        """
        self.system_duid = system_duid
        self._book = book
        self._serving = Serving(config, book)
        self._interfaces: dict[str, Interface] = {}
        self._allocation = Allocation(book, config.reservations)
        self._probing = Probing(book)
        self._granting = Granting(self._serving.networks, book)
        self._planner = Planner(book, self._allocation, self._probing)
        self._reconfiguring = Reconfiguring(ReplayDetection(wall))
        self._changes: list[Callable[[Lease6], bool]] = []
        self._conversation = Conversation(self._planner, self._granting, self._probing, self._reconfiguring, random)

    @property
    def networks(self) -> Networks:
        """The networks that are served now."""
        return self._serving.networks

    @property
    def reservations(self) -> Reservations:
        """The reservations that hold now."""
        return self._serving.config.reservations

    @property
    def duid(self) -> bytes:
        """Our DUID."""
        return self._serving.config.server_duid or self.system_duid

    # What is served. Clients that are bound may be told of each change, see notices().

    def configure(self, config: ServerConfig) -> None:
        """Go on with another configuration, see Serving.configure()."""
        reservations = self.reservations
        self._change(lambda: self._serving.configure(config))
        self._allocation.reservations = config.reservations
        if config.reservations != reservations and self._tells:
            self._changes.append(changed.reserved_otherwise(reservations, config.reservations, self.networks))

    def interface_changed(self, old: Interface | None, new: Interface | None) -> None:
        """Take note of a new, changed or vanished interface, see Serving.interface_changed()."""
        if old is not None:
            self._interfaces.pop(old.name, None)
        if new is not None:
            self._interfaces[new.name] = new
        self._change(lambda: self._serving.interface_changed(old, new))

    def set_delegated(self, advertised: AdvertisedPrefixes) -> None:
        """Take note of how long delegated prefixes live, see Serving.set_delegated()."""
        self._change(lambda: self._serving.set_delegated(advertised))

    def set_delegations(self, delegations: Delegations) -> None:
        """Take note of what can be delegated on, see Serving.set_delegations()."""
        self._change(lambda: self._serving.set_delegations(delegations))

    def set_upstream(self, upstream: Upstream) -> None:
        """Tell clients from now on other values of the provider, see Serving.set_upstream()."""
        if self._serving.set_upstream(upstream) and self._tells:
            self._changes.append(changed.on(frozenset(served.name for served in self.networks)))

    def crossed(self) -> list[CrossedPool]:
        """Return which pools have become too full, or are so no longer, see Serving.crossed()."""
        return self._serving.crossed()

    @property
    def _tells(self) -> bool:
        """Whether any clients are told of changes."""
        return any(served.terms.settings.reconfigure for served in self.networks)

    def _change(self, change: Callable[[], None]) -> None:
        """Make a change, and remember for whom it makes a difference."""
        before = changed.snapshot(self.networks)
        change()
        interfaces = changed.changed(before, changed.snapshot(self.networks))
        if interfaces:
            self._changes.append(changed.on(interfaces))

    # Messages

    def handle(self, message: Message, interface: Interface, now: float) -> Outcome:
        """Answer one message.

        interface: where it came in, as interface_changed() was last told.
        now: CLOCK_BOOTTIME in seconds; never goes back.
        """
        request = None
        try:
            request = self._request(message, interface, now)
            outcome = self._conversation.answer(request)
        except RefusalError as refusal:
            self._chosen_elsewhere(message, refusal.reason)
            return _dropped(message, interface, request, refusal.reason)
        if message.type in _ASKS_ANEW:
            self._reconfiguring.answered(request.duid)
        return outcome

    def probed(self, message: Message, interface: Interface, now: float, addresses: Iterable[int]) -> Outcome:
        """Go on with a message that waited to know whether somebody uses addresses: nobody does, or nobody knows.

        Takes what handle() does, message being the client's newest one. addresses: those of Outcome.probe.
        """
        request = None
        try:
            request = self._request(message, interface, now, addresses)
            outcome = self._conversation.answer(request)
        except RefusalError as refusal:
            outcome = _dropped(message, interface, request, refusal.reason)
        return self._settled(request, outcome)

    def conflicted(
        self,
        message: Message,
        interface: Interface,
        now: float,
        addresses: Iterable[int],
        holders: Mapping[int, bytes],
    ) -> Outcome:
        """Go on with a message that waited to know whether somebody uses addresses: somebody uses some of them.

        Nobody gets those for the time of their probation, and the client others, which may have to be asked about in
        their turn. After too many of them the message is dropped; the client's next one is handled afresh.

        Takes what handle() does, message being the client's newest one.
        addresses: those of Outcome.probe. holders: by address, the hardware address of who answered.
        """
        request = None
        found = outcome = Outcome([], [], [], None)
        try:
            request = self._request(message, interface, now, set(addresses).difference(holders))
            for address, holder in holders.items():
                done = self._granting.quarantine(request, address, holder)
                found = found._replace(changes=found.changes + done.changes, events=found.events + done.events)
            if not self._probing.conflict(request):
                raise RefusalError(Drop.CONFLICTS)
            outcome = self._conversation.answer(request)
        except RefusalError as refusal:
            outcome = _dropped(message, interface, request, refusal.reason)
        outcome = self._settled(request, outcome)
        return outcome._replace(changes=found.changes + outcome.changes, events=found.events + outcome.events)

    def _request(self, message: Message, interface: Interface, now: float, probed: Iterable[int] = ()) -> Request:
        return Request(message, interface, self.networks, self.reservations, self.duid, now, probed=frozenset(probed))

    def _settled(self, request: Request | None, outcome: Outcome) -> Outcome:
        """Forget that a client waited, unless it does so still."""
        if request is not None and outcome.probe is None:
            self._probing.settled(request)
        return outcome

    def _chosen_elsewhere(self, message: Message, reason: Drop) -> None:
        """Let go of what was offered to a client that requests what another server has offered."""
        if reason is not Drop.OTHER_SERVER or message.type != MessageType.REQUEST:
            return
        try:
            asked = associations(message)
        except DecodeError:
            return
        for one in asked:
            if one.code != Option.IA_TA:
                self._book.withdraw(one.of(message.get(Option.CLIENTID) or b""))

    def expire(self, now: float, limit: int = 100) -> Outcome:
        """End leases, offers and probations whose time is over, see LeaseBook6.expire().

        now: CLOCK_BOOTTIME in seconds. limit: how much to look at in one go; the book says when there is more.
        Returns an outcome without replies, with an event for each lease that has expired, and its route.
        """
        expired = self._book.expire(now, limit)
        events = [Event(EventKind.EXPIRED, lease) for lease in expired.leases]
        routes = route_changes([Change6(lease, None) for lease in expired.leases], now)
        return Outcome([], expired.changes, events, None, routes=routes)

    # Reconfigure

    def notices(self, now: float, limit: int = 100) -> list[Notice]:
        """Return the Reconfigure messages that are to be sent now (RFC 8415, 18.3.11), at most as many as limit says.

        now: CLOCK_BOOTTIME.
        """
        for concerns in self._changes:
            self._reconfiguring.start(self._book, concerns, now)
        self._changes.clear()
        return self._reconfiguring.due(self.duid, self._interfaces, now, limit)

    def next_notice(self) -> float:
        """Return when notices() has something to do again: CLOCK_BOOTTIME, infinity for never."""
        return -inf if self._changes else self._reconfiguring.next_due()

    # Management

    def preview(
        self, duid: bytes, ia_id: int, interface: Interface, now: float, *, hardware: bytes = b"", link_address: int = 0
    ) -> Preview:
        """Tell what a client would be advertised if it asked now for an address and a prefix; nothing changes.

        duid, ia_id: of the client, and of its identity associations.
        interface: where it would come in.
        now: CLOCK_BOOTTIME in seconds.
        hardware: hardware type (one byte) and hardware address; empty where only the DUID is known.
        link_address: by which its relay agent would name its link, 0 without one.
        """
        message = solicit_of(duid, ia_id, hardware, link_address)
        try:
            request = self._request(message, interface, now)
        except RefusalError as refusal:
            return Preview((), None, None, refusal.reason, [], refusal.reason)
        plans = [self._planner.solicited(request, asked) for asked in request.ias]
        grants = tuple(grant for plan in plans for grant in plan.grants)
        options = list(contents.terms_of(request, grants).parameters.answer(None, request.extra))
        if not grants:
            status = next(plan.status for plan in plans if plan.status is not None)
            return Preview((), None, request.reservation, None, options, status.text)
        return Preview(grants, contents.times(grants), request.reservation, None, options, grants[0].choice.why)

    def clear(self, leases: Iterable[Lease6], now: float) -> Outcome:
        """Forget leases, ended ones, probations and offers, as an operator wants it; their clients are not told.

        A client that uses its address on renews it as one that we have no record of.

        leases: as the book has or had them. One that its client renewed meanwhile is cleared all the same; what is no
            longer that client's is not.
        now: CLOCK_BOOTTIME in seconds.
        Returns an outcome without replies, and an event for each lease that was there. Offers are in no change.
        """
        outcome = Outcome([], [], [], None)
        for lease in leases:
            offered = lease.state is LeaseState.OFFERED
            found = self._book.offer_at(lease.place) if offered else self._book.get(lease.place)
            if found is None or (found.duid, found.ia_id) != (lease.duid, lease.ia_id):
                continue
            if offered:
                self._book.release(lease.place)
            else:
                change = Change6(found, None)
                self._book.apply(change)
                outcome.changes.append(change)
            outcome.events.append(Event(EventKind.CLEARED, found._replace(expires=min(found.expires, now))))
        return outcome._replace(routes=route_changes(outcome.changes, now))


def _dropped(message: Message, interface: Interface, request: Request | None, drop: Drop) -> Outcome:
    """Return the outcome of a message that is not answered; request: None where it could not even be read."""
    if request is not None:
        return Outcome([], [], [], drop, request.duid, request.table, drop)
    return Outcome([], [], [], drop, message.get(Option.CLIENTID) or b"", interface.table6, drop)
