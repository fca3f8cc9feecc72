"""The DHCPv4 server (RFC 2131), as a function of what it receives: no socket, no clock, no log."""

from collections.abc import Callable, Mapping
from math import inf
from types import MappingProxyType
from typing import NamedTuple

from vppdhc.dhc4 import reply
from vppdhc.dhc4.book import LeaseBook
from vppdhc.dhc4.config import INFINITE, ServerConfig
from vppdhc.dhc4.events import Event, EventKind
from vppdhc.dhc4.instants import Instants
from vppdhc.dhc4.parameters import CLIENT_ID, MESSAGE_TYPE
from vppdhc.dhc4.reply import Reply
from vppdhc.dhc4.request import Drop, RefusalError, Request, client_key
from vppdhc.dhc4.subnet import Networks, Subnet
from vppdhc.interface import Interface
from vppdhc.leases.lease import Change, Lease, LeaseState
from vppdhc.packet.dhcp4 import Message

__all__ = ["Outcome", "Server", "client_key"]

_ACTIVE = LeaseState.ACTIVE
_OFFERED = LeaseState.OFFERED
_RELEASED = LeaseState.RELEASED


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

    def configure(self, config: ServerConfig) -> None:
        """Go on with another configuration; leases stay."""
        self._config = config
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
            return handler(Request(message, interface, self._networks, now))
        except RefusalError as refusal:
            return Outcome([], [], [], refusal.reason)

    def _serve(self, interface: Interface) -> None:
        settings = self._config.settings_for(interface.name)
        self._replace_pools(*self._networks.set(interface, settings if interface.addresses4 else None))

    def _replace_pools(self, gone: tuple[Subnet, ...], new: tuple[Subnet, ...]) -> None:
        for subnet in gone:
            if subnet.pool.size:
                self._book.remove_pool(subnet.pool)
        for subnet in new:
            if subnet.pool.size:
                self._book.add_pool(subnet.pool)

    # DISCOVER: RFC 2131, 4.3.1

    def _discover(self, request: Request) -> Outcome:
        subnet, address = self._choose(request)
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

    def _choose(self, request: Request) -> tuple[Subnet, int]:
        """Choose the address to offer, in the order of 4.3.1; raises RefusalError when none is left."""
        candidates = self._records(request)
        offered = self._book.offer_of(request.client)
        if offered is not None and _on_link(offered, request):
            candidates.append(offered)
        for lease in candidates:  # the client's own, or what it was offered a moment ago
            subnet = request.subnet_of(lease.address)
            if subnet is not None and self._grantable(request, subnet, lease.address):
                return subnet, lease.address
        taken = self._book.taken(request.table)
        if request.requested is not None:
            # Addresses that other clients had, and may want again, are not given away on somebody's wish.
            subnet = request.subnet_of(request.requested)
            if subnet is not None and request.requested in subnet.pool and request.requested not in taken:
                return subnet, request.requested
        hardware = request.message.chaddr or request.client
        for subnet in request.subnets:
            address = subnet.pool.candidate(hardware, taken)
            if address is not None:
                return subnet, address
        for subnet in request.subnets:
            address = self._book.oldest_ended(subnet.pool) if subnet.pool.size else None
            if address is not None:
                return subnet, address
        raise RefusalError(Drop.NO_ADDRESS)

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
        if not self._grantable(request, subnet, address):
            return _refuse(request, "address not available")
        return self._grant(request, subnet, address)

    def _confirm(self, request: Request, address: int) -> Outcome:
        """Answer in INIT-REBOOT, RENEWING and REBINDING: the client says that the address is its own.

        RENEWING and REBINDING differ in nothing but where the client sent the message: see Request.subnets for a
        message that came through a router. A client that is on this link with an address of another one, be it by
        unicast, has moved and is told so.

        What a client without a record gets depends on Settings.authoritative, described there. A record that has
        ended is none for a server without that authority: the client may have its address of another server by now.
        """
        records = self._records(request)
        recorded = any(lease.address == address for lease in records)
        if not request.subnets[0].settings.authoritative:
            leased = any(_in_force(lease, request.now) for lease in records)
            if not recorded and not leased:
                raise RefusalError(Drop.UNKNOWN_CLIENT)
        subnet = request.subnet_of(address)
        if subnet is None:
            return _refuse(request, "wrong network")
        if records and not recorded:
            return _refuse(request, "another address is yours")
        if not self._grantable(request, subnet, address):
            return _refuse(request, "address not available")
        return self._grant(request, subnet, address)

    def _grant(self, request: Request, subnet: Subnet, address: int) -> Outcome:
        """Make the lease and acknowledge it."""
        changes: list[Change] = []
        events: list[Event] = []
        # A client has one lease on a link: what it had in another subnet of the link, or in an address that has
        # left the pool, it does not use any longer.
        for other in self._book.of_client(request.client):
            if other.address != address and _on_link(other, request):
                changes.append(Change(other, None))
                if _in_force(other, request.now):
                    events.append(Event(EventKind.RELEASED, other))
        held = self._held(request, address)
        times, lifetimes = subnet.lifetimes(request.wish)
        new = self._lease(request, subnet.interface, address, times.lease, held)
        changes.append(Change(self._book.get(request.table, address), new))
        events.append(Event(EventKind.GRANTED if held is None else EventKind.RENEWED, new))
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
        if self._held(request, address) is None:
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
        change = Change(self._book.get(request.table, address), new)
        self._book.apply(change)
        self._book.withdraw(request.client)
        return Outcome([], [change], [Event(EventKind.DECLINED, new)], None)

    def _release(self, request: Request) -> Outcome:
        address = request.message.ciaddr
        if not address:
            raise RefusalError(Drop.MALFORMED)
        self._check_server_id(request)
        old = self._held(request, address)
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

    # What the book says

    def _records(self, request: Request) -> list[Lease]:
        """Return the client's records on its link, ended or not: the one in force, else the latest, first.

        There is more than one only where a network has come back to a link on which its clients had got other
        addresses meanwhile.
        """
        records = [lease for lease in self._book.of_client(request.client) if _on_link(lease, request)]
        if len(records) > 1:
            records.sort(key=lambda lease: (_in_force(lease, request.now), lease.renewed), reverse=True)
        return records

    def _held(self, request: Request, address: int) -> Lease | None:
        """Return the client's lease of an address when it is in force."""
        lease = self._book.get(request.table, address)
        if lease is None or lease.client != request.client:
            return None
        return lease if _in_force(lease, request.now) else None

    def _grantable(self, request: Request, subnet: Subnet, address: int) -> bool:
        """Whether the client may have an address: in the pool, not held for or leased to somebody else."""
        if address not in subnet.pool:
            return False
        offer = self._book.offer_at(request.table, address)
        if offer is not None and offer.client != request.client and offer.expires > request.now:
            return False
        lease = self._book.get(request.table, address)
        return (
            lease is None or lease.client == request.client or lease.state == _RELEASED or lease.expires <= request.now
        )

    def _is_ours(self, request: Request) -> bool:
        """Whether the server identifier is one of our addresses in a served network of this table."""
        assert request.server_id is not None
        subnet = self._networks.find(request.table, request.server_id)
        return subnet is not None and request.server_id in subnet.own

    def _check_server_id(self, request: Request) -> None:
        """Refuse a message for another server; a client that names none means the one there is."""
        if request.server_id is not None and not self._is_ours(request):
            raise RefusalError(Drop.OTHER_SERVER)


def _on_link(lease: Lease, request: Request) -> bool:
    return lease.table == request.table and request.subnet_of(lease.address) is not None


def _in_force(lease: Lease, now: float) -> bool:
    return lease.state == _ACTIVE and lease.expires > now


def _refuse(request: Request, text: str) -> Outcome:
    return Outcome([reply.nak(request, text)], [], [], None)
