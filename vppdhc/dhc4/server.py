"""The DHCPv4 server (RFC 2131), as a function of what it receives: no socket, no clock, no log."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from math import inf
from types import MappingProxyType
from typing import NamedTuple

from vppdhc.dhc4 import reply
from vppdhc.dhc4.allocation import Allocation, in_force, on_link, own_lease
from vppdhc.dhc4.book import LeaseBook
from vppdhc.dhc4.config import INFINITE, ServerConfig
from vppdhc.dhc4.events import Event, EventKind, PoolEvent
from vppdhc.dhc4.instants import Instants
from vppdhc.dhc4.parameters import CLIENT_ID, MESSAGE_TYPE
from vppdhc.dhc4.preview import Preview, discover_of
from vppdhc.dhc4.reply import Reply
from vppdhc.dhc4.request import Drop, RefusalError, Request, client_key
from vppdhc.dhc4.reservations import Reservations
from vppdhc.dhc4.subnet import Networks, Subnet
from vppdhc.interface import Interface
from vppdhc.leases.lease import Change, Lease, LeaseState
from vppdhc.packet.dhcp4 import Message

__all__ = ["Outcome", "Preview", "Server", "client_key"]

_ACTIVE = LeaseState.ACTIVE
_OFFERED = LeaseState.OFFERED
_RELEASED = LeaseState.RELEASED
_GRANTED, _RENEWED = EventKind.GRANTED, EventKind.RENEWED  # here, as looking up a member takes its time
_RESERVED = "another address is reserved for you"


class Outcome(NamedTuple):
    """What a message led to.

    replies: to be sent once the changes are durable.
    changes: of leases, made in the book already. LeaseBook.take_back() undoes them.
    events: what they mean.
    drop: why there is no answer; None where there is one, or none is due.
    """

    replies: list[Reply]
    changes: list[Change]
    events: list[Event]
    drop: Drop | None


class Server:
    """Answers the messages of DHCPv4 clients.

    It changes nothing but the lease book it is given, and offers in that are the only thing it remembers
    between messages beside leases. Times of leases are whole seconds: the end is never too early, but up to a second
    late.
    """

    def __init__(self, config: ServerConfig, book: LeaseBook) -> None:
        """Start with the leases in the book and without interfaces: interface_changed() brings them."""
        self._config = config
        self._book = book
        self._allocation = Allocation(book, config.reservations)
        self._reserve(Reservations(), config.reservations)
        self._networks = Networks()
        self._instants = Instants()
        self._interfaces: dict[str, Interface] = {}
        self._handlers: Mapping[bytes | None, Callable[[Request], Outcome]] = MappingProxyType(
            {
                b"\1": self._discover,
                b"\3": self._request,
                b"\4": self._decline,
                b"\7": self._release,
                b"\x08": self._inform,
            }
        )

    @property
    def networks(self) -> Networks:
        """The networks that are served now."""
        return self._networks

    @property
    def reservations(self) -> Reservations:
        """The reservations that hold now."""
        return self._config.reservations

    def configure(self, config: ServerConfig) -> None:
        """Go on with another configuration; leases stay.

        What takes time is what changes: pools stay unless other addresses are in them, and so do interfaces unless
        their settings change.
        """
        before, self._config = self._config, config
        self._allocation.reservations = config.reservations
        self._reserve(before.reservations, config.reservations)
        if replace(config, reservations=before.reservations) != before:
            for interface in self._interfaces.values():
                self._serve(interface)

    def interface_changed(self, old: Interface | None, new: Interface | None) -> None:
        """Take note of a new, changed or vanished interface; either may be None.

        Pools are made anew only for networks that are not as they were. No lease is touched.
        """
        if old is not None and (new is None or new.name != old.name):
            self._interfaces.pop(old.name, None)
            self._replace_pools(*self._networks.set(old.name, None))
        if new is not None:
            self._interfaces[new.name] = new
            self._serve(new)

    def handle(self, message: Message, interface: Interface, now: float) -> Outcome:
        """Answer one message.

        interface: where it came in, as interface_changed() was last told.
        now: CLOCK_BOOTTIME in seconds; never goes back.
        """
        try:
            handler = self._handlers.get(message.options.get(MESSAGE_TYPE))
            if handler is None:
                raise RefusalError(Drop.MESSAGE_TYPE)
            return handler(Request(message, interface, self._networks, self._config.reservations, now))
        except RefusalError as refusal:
            return Outcome([], [], [], refusal.reason)

    def _serve(self, interface: Interface) -> None:
        settings = self._config.settings_for(interface.name)
        self._replace_pools(*self._networks.set(interface, settings if interface.addresses4 else None))

    def _replace_pools(self, gone: tuple[Subnet, ...], new: tuple[Subnet, ...]) -> None:
        before, after = {subnet.pool for subnet in gone}, {subnet.pool for subnet in new}
        for subnet in gone:
            if subnet.pool.size and subnet.pool not in after:
                self._book.remove_pool(subnet.pool)
        for subnet in new:
            if subnet.pool.size:
                if subnet.pool not in before:
                    self._book.add_pool(subnet.pool)
                self._book.set_threshold(subnet.pool, subnet.settings.max_address_utilization)

    def _reserve(self, before: Reservations, after: Reservations) -> None:
        for table in {*before.tables, *after.tables}:
            self._book.reserve(table, after.addresses(table))

    # Management

    def pool_events(self) -> list[PoolEvent]:
        """Return which pools have become too full, or are so no longer, since this was last called.

        Seldom is there one, and finding that out takes no time. Of a pool that is too full again before anybody asked
        nothing is told, nor of what was taken back.
        """
        events = []
        for pool, usage in self._book.crossed():
            subnet = self._networks.find(pool.table, pool.first)
            if subnet is not None and subnet.pool is pool:
                events.append(PoolEvent(pool.table, subnet.network, subnet.interface, usage))
        return events

    def preview(self, client: bytes, hardware: bytes, interface: Interface, relay: int, now: float) -> Preview:
        """Tell what a client would be offered if it asked now and said no more than who it is; nothing changes.

        client: key of the client, see client_key().
        hardware: hardware type (one byte) and hardware address; empty where the client is known by them, or has none.
        interface: where it would come in.
        relay: address of its relay agent (giaddr), 0 without one.
        now: CLOCK_BOOTTIME in seconds.
        """
        reservation = None
        try:
            message = discover_of(client, hardware, relay)
            request = Request(message, interface, self._networks, self._config.reservations, now)
            reservation = request.reservation
            subnet, address, why = self._allocation.choose(request)
        except RefusalError as refusal:
            return Preview(None, None, None, reservation, refusal.reason, {}, str(refusal.reason))
        times, lifetimes = subnet.lifetimes(None)
        options = reply.offer(request, subnet, address, lifetimes).message.options
        return Preview(subnet, address, times, reservation, None, options, str(why))

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

    # DISCOVER: RFC 2131, 4.3.1

    def _discover(self, request: Request) -> Outcome:
        subnet, address, _ = self._allocation.choose(request)
        times, lifetimes = subnet.lifetimes(request.wish)
        self._book.offer(
            Lease(
                request.table,
                address,
                _OFFERED,
                request.client,
                subnet.interface,
                request.hardware,
                b"",
                "",
                times.lease,
                request.now,
                request.now,
                request.now + subnet.settings.offer_hold,
            )
        )
        return Outcome([reply.offer(request, subnet, address, lifetimes)], [], [], None)

    # REQUEST: RFC 2131, 4.3.2

    def _request(self, request: Request) -> Outcome:
        ciaddr, requested = request.message.ciaddr, request.requested
        if request.server_id is not None and not self._is_ours(request):
            self._book.withdraw(request.client)
            raise RefusalError(Drop.OTHER_SERVER)
        if requested is not None and request.server_id is not None:
            return self._select(request, requested)
        if ciaddr:
            return self._confirm(request, ciaddr)
        if requested is not None:
            return self._confirm(request, requested)
        raise RefusalError(Drop.MALFORMED)

    def _select(self, request: Request, address: int) -> Outcome:
        """Answer in SELECTING: the client takes our offer, which we may have forgotten."""
        subnet = request.subnet_of(address)
        if subnet is None:
            return _refuse(request, "wrong network")
        reserved = self._allocation.reserved(request)
        if reserved is not None and reserved[1] != address:
            return _refuse(request, _RESERVED)
        if not self._allocation.grantable(request, subnet, address):
            return _refuse(request, "address not available")
        return self._grant(request, subnet, address)

    def _confirm(self, request: Request, address: int) -> Outcome:
        """Answer in INIT-REBOOT, RENEWING and REBINDING: the client says that the address is its own.

        RENEWING and REBINDING differ in nothing but where the client sent the message: see Request.subnets for a
        message that came through a router. A client that is on this link with an address of another one, be it by
        unicast, has moved and is told so.

        What a client without a record gets depends on Settings.authoritative, described there. A record that has
        ended is none for a server without that authority: the client may have its address of another server by now.

        A client that can have its reserved address is refused every other one, so that it asks again and gets that.
        """
        records = self._allocation.records(request)
        recorded = any(lease.address == address for lease in records)
        reserved = self._allocation.reserved(request)
        if not request.subnets[0].settings.authoritative:
            leased = any(in_force(lease, request.now) for lease in records)
            if not recorded and not leased and reserved is None:
                raise RefusalError(Drop.UNKNOWN_CLIENT)
        subnet = request.subnet_of(address)
        if subnet is None:
            return _refuse(request, "wrong network")
        if reserved is not None and reserved[1] != address:
            return _refuse(request, _RESERVED)
        if records and not recorded and reserved is None:
            return _refuse(request, "another address is yours")
        if not self._allocation.grantable(request, subnet, address):
            return _refuse(request, "address not available")
        return self._grant(request, subnet, address)

    def _grant(self, request: Request, subnet: Subnet, address: int) -> Outcome:
        """Make the lease and acknowledge it."""
        changes: list[Change] = []
        events: list[Event] = []
        # A client has one lease on a link: what it had in another subnet of the link, or in an address that has
        # left the pool, it does not use any longer.
        for other in self._book.of_client(request.client):
            if other.address != address and on_link(other, request):
                changes.append(Change(other, None))
                if in_force(other, request.now):
                    events.append(Event(EventKind.RELEASED, other))
        record = self._book.get(request.table, address)
        held = own_lease(request, record)
        times, lifetimes = subnet.lifetimes(request.wish)
        new = self._lease(request, subnet.interface, address, times.lease, held)
        changes.append(Change(record, new))
        events.append(Event(_GRANTED if held is None else _RENEWED, new))
        answer = reply.lease_ack(request, subnet, address, lifetimes)
        for change in changes:
            self._book.apply(change)
        self._book.withdraw(request.client)
        return Outcome([answer], changes, events, None)

    def _lease(self, request: Request, interface: str, address: int, lifetime: int, held: Lease | None) -> Lease:
        """Make the lease of an acknowledged address.

        interface: the one whose network the address is in; a relayed message may have come in by another.
        held: the lease that the client renews, if it does.

        A renewed lease takes over the objects of the old one that are equal, so that renewals cost no memory.
        """
        renewed = self._instants.before(request.now)
        expires = self._instants.after(request.now + lifetime) if lifetime != INFINITE else inf
        client, hardware, since = request.client, request.hardware, renewed
        client_id = request.message.options.get(CLIENT_ID, b"")
        host_name = request.host_name()
        if held is not None:
            address, client, client_id, since = held.address, held.client, held.client_id, held.since
            hardware = held.hardware if held.hardware == hardware else hardware
            host_name = host_name if host_name and host_name != held.hostname else held.hostname
        return Lease(
            request.table,
            address,
            _ACTIVE,
            client,
            interface,
            hardware,
            client_id,
            host_name,
            lifetime,
            since,
            renewed,
            expires,
        )

    # DECLINE, RELEASE and INFORM: RFC 2131, 4.3.3 to 4.3.5

    def _decline(self, request: Request) -> Outcome:
        address = request.requested
        if address is None:
            raise RefusalError(Drop.MALFORMED)
        self._check_server_id(request)
        record = self._book.get(request.table, address)
        if own_lease(request, record) is None:
            offered = self._book.offer_at(request.table, address)
            if offered is None or offered.client != request.client:
                raise RefusalError(Drop.NO_LEASE)
        subnet = self._networks.find(request.table, address) or request.subnets[0]
        probation = subnet.settings.probation_time
        new = Lease(
            request.table,
            address,
            LeaseState.DECLINED,
            b"",
            subnet.interface,
            request.hardware,
            b"",
            "",
            probation,
            request.now,
            request.now,
            request.now + probation if probation != INFINITE else inf,
        )
        change = Change(record, new)
        self._book.apply(change)
        self._book.withdraw(request.client)
        return Outcome([], [change], [Event(EventKind.DECLINED, new)], None)

    def _release(self, request: Request) -> Outcome:
        address = request.message.ciaddr
        if not address:
            raise RefusalError(Drop.MALFORMED)
        self._check_server_id(request)
        old = own_lease(request, self._book.get(request.table, address))
        if old is None:
            raise RefusalError(Drop.NO_LEASE)
        new = old._replace(state=_RELEASED, expires=request.now)
        change = Change(old, new)
        self._book.apply(change)
        return Outcome([], [change], [Event(EventKind.RELEASED, new)], None)

    def _inform(self, request: Request) -> Outcome:
        address = request.message.ciaddr or request.message.source
        subnet = request.subnet_of(address)
        if subnet is None:
            raise RefusalError(Drop.NO_SUBNET)
        return Outcome([reply.inform_ack(request, subnet, address)], [], [], None)

    # What is ours

    def _is_ours(self, request: Request) -> bool:
        """Whether the server identifier is one of our addresses in a served network of this table."""
        assert request.server_id is not None
        subnet = self._networks.find(request.table, request.server_id)
        return subnet is not None and request.server_id in subnet.own

    def _check_server_id(self, request: Request) -> None:
        """Refuse a message for another server; a client that names none means the one there is."""
        if request.server_id is not None and not self._is_ours(request):
            raise RefusalError(Drop.OTHER_SERVER)


def _refuse(request: Request, text: str) -> Outcome:
    return Outcome([reply.nak(request, text)], [], [], None)
