"""The DHCPv4 server (RFC 2131), as a function of what it receives: no socket, no clock, no log."""

from collections.abc import Iterable

from vppdhc.dhc4 import reply
from vppdhc.dhc4.allocation import Allocation, Why
from vppdhc.dhc4.book import LeaseBook
from vppdhc.dhc4.classes import ClientClasses
from vppdhc.dhc4.config import ServerConfig
from vppdhc.dhc4.conversation import Conversation
from vppdhc.dhc4.events import Event, EventKind, PoolEvent
from vppdhc.dhc4.limits import ClientRates
from vppdhc.dhc4.options import Upstream
from vppdhc.dhc4.outcome import Outcome, ProbeWanted
from vppdhc.dhc4.preview import Preview, discover_of
from vppdhc.dhc4.probing import Probing
from vppdhc.dhc4.request import Drop, RefusalError, Request, client_key
from vppdhc.dhc4.reservations import Reservations
from vppdhc.dhc4.serving import Serving
from vppdhc.dhc4.subnet import Networks
from vppdhc.interface import Interface
from vppdhc.leases.lease import Change, Lease, LeaseState
from vppdhc.packet.dhcp4 import Message

__all__ = ["Outcome", "Preview", "ProbeWanted", "Server", "client_key"]

_OFFERED = LeaseState.OFFERED


class Server:
    """Answers the messages of DHCPv4 clients.

    It changes nothing but the lease book it is given. All that it remembers beside leases and offers is how often
    clients ask, and how many addresses in a row were found to be in use.
    """

    def __init__(self, config: ServerConfig, book: LeaseBook) -> None:
        """Start with the leases in the book and without interfaces: interface_changed() brings them."""
        self._serving = Serving(config, book)
        self._book = book
        self._allocation = Allocation(book, config.reservations)
        self._probing = Probing(book)
        self._conversation = Conversation(self._serving.networks, book, self._allocation, self._probing)
        self._rates = ClientRates()

    @property
    def networks(self) -> Networks:
        """The networks that are served now."""
        return self._serving.networks

    @property
    def reservations(self) -> Reservations:
        """The reservations that hold now."""
        return self._serving.config.reservations

    @property
    def classes(self) -> ClientClasses:
        """The client classes that hold now."""
        return self._serving.config.classes

    def configure(self, config: ServerConfig) -> None:
        """Go on with another configuration, see Serving.configure()."""
        self._serving.configure(config)
        self._allocation.reservations = config.reservations

    def interface_changed(self, old: Interface | None, new: Interface | None) -> None:
        """Take note of a new, changed or vanished interface, see Serving.interface_changed()."""
        self._serving.interface_changed(old, new)

    def pool_events(self) -> list[PoolEvent]:
        """Return which pools have become too full, or are so no longer, see Serving.pool_events()."""
        return self._serving.pool_events()

    def set_upstream(self, upstream: Upstream) -> None:
        """Tell clients from now on other values of the provider, see Serving.set_upstream()."""
        self._serving.set_upstream(upstream)

    def handle(self, message: Message, interface: Interface, now: float) -> Outcome:
        """Answer one message.

        interface: where it came in, as interface_changed() was last told.
        now: CLOCK_BOOTTIME in seconds; never goes back.
        """
        request = None
        try:
            request = Request(message, interface, self._serving.networks, self._serving.config, now)
            rate = request.subnets[0].settings.max_client_rate
            if rate is not None and not self._rates.allow(request.table, request.client, rate, now):
                raise RefusalError(Drop.RATE)
            return self._conversation.answer(request)
        except RefusalError as refusal:
            return _dropped(message, interface, request, refusal.reason)

    def probed(self, message: Message, interface: Interface, now: float, address: int) -> Outcome:
        """Go on with a message that waited to know whether somebody uses an address: nobody does, or nobody knows.

        Takes what handle() does, message being the client's newest one. address: that of Outcome.probe.
        """
        request = None
        try:
            request = Request(message, interface, self._serving.networks, self._serving.config, now, probed=address)
            outcome = self._conversation.answer(request)
        except RefusalError as refusal:
            outcome = _dropped(message, interface, request, refusal.reason)
        return self._settled(request, outcome)

    def conflicted(self, message: Message, interface: Interface, now: float, address: int, holder: bytes) -> Outcome:
        """Go on with a message that waited to know whether somebody uses an address: somebody does.

        Nobody gets the address for the time of its probation, and the client another one, which may have to be asked
        about in its turn. After too many of them the message is dropped; the client's next one is handled afresh.

        Takes what handle() does, message being the client's newest one.
        address: that of Outcome.probe. holder: hardware address of who answered.
        """
        request = None
        found = outcome = Outcome([], [], [], None)
        try:
            request = Request(message, interface, self._serving.networks, self._serving.config, now)
            found = self._conversation.quarantine(request, address, holder)
            if not self._probing.conflict(request):
                raise RefusalError(Drop.CONFLICTS)
            outcome = self._conversation.answer(request)
        except RefusalError as refusal:
            outcome = _dropped(message, interface, request, refusal.reason)
        outcome = self._settled(request, outcome)
        return outcome._replace(changes=found.changes + outcome.changes, events=found.events + outcome.events)

    def _settled(self, request: Request | None, outcome: Outcome) -> Outcome:
        """Return an outcome, the last one of a message, with the reason that there was before somebody was asked."""
        if request is None or outcome.probe is not None:
            return outcome
        why = self._probing.settled(request)
        return outcome._replace(reason=why) if why is not None and outcome.reason == Why.OFFER else outcome

    # Management

    def preview(
        self,
        client: bytes,
        hardware: bytes,
        interface: Interface,
        relay: int,
        now: float,
        *,
        circuit_id: bytes = b"",
        remote_id: bytes = b"",
        vendor_class: bytes = b"",
        user_class: bytes = b"",
    ) -> Preview:
        """Tell what a client would be offered if it asked now and said no more than who it is; nothing changes.

        client: key of the client, see client_key().
        hardware: hardware type (one byte) and hardware address; empty where the client is known by them, or has none.
        interface: where it would come in.
        relay: address of its relay agent (giaddr), 0 without one.
        now: CLOCK_BOOTTIME in seconds.
        circuit_id, remote_id: what the relay agent would say of it; vendor_class, user_class: what it would say of
            itself; empty for nothing, at most 255 octets.
        """
        message = discover_of(
            client,
            hardware,
            relay,
            circuit_id=circuit_id,
            remote_id=remote_id,
            vendor_class=vendor_class,
            user_class=user_class,
        )
        reservation, client_class = None, ""
        try:
            request = Request(message, interface, self._serving.networks, self._serving.config, now)
            reservation, client_class = request.reservation, request.client_class
            subnet, address, why = self._allocation.choose(request)
            self._allocation.check_count(request, subnet)
            terms = subnet.terms_of(address)
            times, lifetimes = terms.lifetimes(None)
            options = reply.offer(request, subnet, address, terms, lifetimes).message.options
        except RefusalError as refusal:
            drop = refusal.reason
            return Preview(None, None, None, reservation, drop, {}, str(drop), client_class)
        return Preview(subnet, address, times, reservation, None, options, str(why), client_class)

    def clear(self, leases: Iterable[Lease], now: float) -> Outcome:
        """Forget leases, ended ones, probations and offers, as an operator wants it; their clients are not told.

        A client that uses its address on renews it as one that we have no record of.

        leases: as the book has or had them. One that its client renewed meanwhile is cleared all the same; where the
            address is no longer that client's, nothing is.
        now: CLOCK_BOOTTIME in seconds.
        Returns an outcome without replies, and an event for each lease that was there. Offers are in no change.
        """
        outcome = Outcome([], [], [], None)
        for lease in leases:
            if lease.state == _OFFERED:
                found = self._book.offer_at(lease.table, lease.address)
            else:
                found = self._book.get(lease.table, lease.address)
            if found is None or found.client != lease.client:
                continue
            if lease.state == _OFFERED:
                self._book.withdraw(lease.client)
            else:
                change = Change(found, None)
                self._book.apply(change)
                outcome.changes.append(change)
            outcome.events.append(Event(EventKind.CLEARED, found._replace(expires=min(found.expires, now))))
        return outcome


def _dropped(message: Message, interface: Interface, request: Request | None, drop: Drop) -> Outcome:
    """Return the outcome of a message that is not answered; request: None where it could not even be read."""
    if request is not None:
        address = request.requested or message.ciaddr
        return Outcome([], [], [], drop, request.client, request.table, address, drop)
    try:
        client = client_key(message)
    except RefusalError:
        client = b""
    return Outcome([], [], [], drop, client, interface.table4, message.ciaddr, drop)
