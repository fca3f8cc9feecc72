"""What the server says to clients (RFC 2131, 4.3; RFC 1534 for BOOTP)."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from vppdhc.dhc4 import lease_maker, reply
from vppdhc.dhc4.allocation import Allocation, Why, in_force, on_link, own_lease
from vppdhc.dhc4.book import LeaseBook
from vppdhc.dhc4.bootp import bootp_reply
from vppdhc.dhc4.config import INFINITE, BootpClients, ConflictDetection
from vppdhc.dhc4.events import Event, EventKind
from vppdhc.dhc4.lease_maker import LeaseMaker
from vppdhc.dhc4.levels import Terms
from vppdhc.dhc4.options import V6_ONLY_PREFERRED as V6_ONLY
from vppdhc.dhc4.outcome import Outcome, ProbeWanted
from vppdhc.dhc4.parameters import MESSAGE_TYPE
from vppdhc.dhc4.probing import ASKING, Probing
from vppdhc.dhc4.reply import Nak
from vppdhc.dhc4.request import Drop, RefusalError, Request
from vppdhc.dhc4.subnet import Networks, Subnet
from vppdhc.leases.lease import Change, LeaseState
from vppdhc.packet import ipv4

_RELEASED = LeaseState.RELEASED
_GRANTED, _RENEWED = EventKind.GRANTED, EventKind.RENEWED  # here, as looking up a member takes its time
_LEASE, _NO_DETECTION = Why.LEASE, ConflictDetection.NONE
_ETHERNET = b"\1"
_INFORMED = "has an address of its own"
_NEEDS_NONE = "needs no address"


class Conversation:
    """Answers requests; whatever it changes is in the lease book."""

    def __init__(self, networks: Networks, book: LeaseBook, allocation: Allocation, probing: Probing) -> None:
        self._networks = networks
        self._book = book
        self._allocation = allocation
        self._probing = probing
        self._lease_maker = LeaseMaker()
        self._handlers: Mapping[bytes | None, Callable[[Request], Outcome]] = MappingProxyType(
            {
                None: self._bootp,
                b"\1": self._discover,
                b"\3": self._request,
                b"\4": self._decline,
                b"\7": self._release,
                b"\x08": self._inform,
            }
        )

    def answer(self, request: Request) -> Outcome:
        """Answer a request; raises RefusalError for one that has no answer."""
        handler = self._handlers.get(request.message.options.get(MESSAGE_TYPE))
        if handler is None:
            raise RefusalError(Drop.MESSAGE_TYPE)
        return handler(request)

    # DISCOVER: RFC 2131, 4.3.1

    def _discover(self, request: Request) -> Outcome:
        try:
            subnet, address, why = self._allocation.choose(request)
        except RefusalError:
            subnet = request.subnets[0]
            if _needs_none(request, subnet.terms):
                return _offer_none(request, subnet, subnet.terms)
            raise
        terms = subnet.terms_of(address)
        settings = subnet.settings
        if _needs_none(request, terms):
            return _offer_none(request, subnet, terms)
        if settings.max_leases_per_hardware_address is not None:
            self._allocation.check_count(request, subnet)
        if settings.conflict_detection is not _NO_DETECTION:
            probe = self._probing.wanted(request, subnet, address)
            if probe is not None:
                return self._ask(request, subnet, probe, why)
        if settings.rapid_commit and request.rapid_commit:
            return self._grant(request, subnet, address)
        times, lifetimes = terms.lifetimes(request.wish)
        answer = reply.offer(request, subnet, address, terms, lifetimes)
        self._book.offer(lease_maker.offer(request, subnet, address, times.lease))
        return Outcome([answer], [], [], None, request.client, request.table, address, why)

    def _ask(self, request: Request, subnet: Subnet, probe: ProbeWanted, why: Why) -> Outcome:
        """Hold an address for a client until it is known whether somebody uses it."""
        self._book.offer(lease_maker.offer(request, subnet, probe.address, ASKING))
        why = self._probing.asked(request, why)
        return Outcome([], [], [], None, request.client, request.table, probe.address, why, probe)

    def quarantine(self, request: Request, address: int, holder: bytes) -> Outcome:
        """Have nobody get an address that somebody was found to use, unless that is somebody who has a lease of it.

        holder: hardware address of who was found. Returns an outcome without replies.
        """
        offer = self._book.offer_of(request.client)
        if offer is not None and offer.table == request.table and offer.address == address:
            self._book.withdraw(request.client)
        record = self._book.get(request.table, address)
        if record is not None and record.state != _RELEASED and record.expires > request.now:
            return Outcome([], [], [], None)
        subnet = self._networks.find(request.table, address) or request.subnets[0]
        new = lease_maker.probation(request, subnet, address, _ETHERNET + holder)
        change = Change(record, new)
        self._book.apply(change)
        return Outcome([], [change], [Event(EventKind.CONFLICT, new, holder)], None)

    # REQUEST: RFC 2131, 4.3.2

    def _request(self, request: Request) -> Outcome:
        ciaddr, requested = request.message.ciaddr, request.requested
        if request.server_id is not None and not self._is_ours(request, request.server_id):
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
            return _refuse(request, address, Nak.WRONG_NETWORK)
        reserved = self._allocation.reserved(request)
        if reserved is not None and reserved[1] != address:
            return _refuse(request, address, Nak.RESERVED)
        if not self._allocation.grantable(request, subnet, address):
            return _refuse(request, address, Nak.NOT_AVAILABLE)
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
            return _refuse(request, address, Nak.WRONG_NETWORK)
        if reserved is not None and reserved[1] != address:
            return _refuse(request, address, Nak.RESERVED)
        if records and not recorded and reserved is None:
            return _refuse(request, address, Nak.OTHER_ADDRESS)
        if not self._allocation.grantable(request, subnet, address):
            return _refuse(request, address, Nak.NOT_AVAILABLE)
        return self._grant(request, subnet, address)

    def _grant(self, request: Request, subnet: Subnet, address: int) -> Outcome:
        """Make the lease and acknowledge it; a BOOTP client has it for ever."""
        if subnet.settings.max_leases_per_hardware_address is not None:
            self._allocation.check_count(request, subnet)
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
        terms = subnet.terms_of(address)
        name = "" if request.fqdn is None else reply.name_of(request, terms)
        message_type = request.message.options.get(MESSAGE_TYPE)
        if message_type is None:
            lifetime, answer = INFINITE, bootp_reply(request, subnet, address)
        else:
            times, lifetimes = terms.lifetimes(request.wish)
            answer = reply.lease_ack(request, subnet, address, terms, lifetimes, name)
            lifetime = times.lease
        why = _LEASE
        if held is None or request.reservation is not None:
            why = self._allocation.why(request, address, record)
        new = self._lease_maker.lease(request, subnet, address, lifetime, name.rstrip("."), held)
        changes.append(Change(record, new))
        events.append(Event(_GRANTED if held is None else _RENEWED, new))
        for change in changes:
            self._book.apply(change)
        self._book.withdraw(request.client)
        if request.reservation is not None:
            # Before the address was reserved for this client, somebody else may have been offered it.
            offered = self._book.offer_at(request.table, address)
            if offered is not None:
                self._book.withdraw(offered.client)
        return Outcome([answer], changes, events, None, request.client, request.table, address, why)

    # BOOTP: RFC 1534, 2

    def _bootp(self, request: Request) -> Outcome:
        """Answer a BOOTP client: its reserved address or, where the configuration wants it, any; and for ever.

        One that names the server it wants does not mean us, who have no name (RFC 951, 7.3).
        """
        clients = request.subnets[0].settings.bootp_clients
        reservation = request.reservation
        has_address = reservation is not None and reservation.address is not None
        if clients is BootpClients.NONE or (clients is BootpClients.FIXED and not has_address):
            raise RefusalError(Drop.BOOTP)
        if request.message.sname:
            raise RefusalError(Drop.OTHER_SERVER)
        if clients is BootpClients.FIXED:
            reserved = self._allocation.reserved(request)
            if reserved is None:
                raise RefusalError(Drop.NO_ADDRESS)
            subnet, address, why = reserved
        else:
            subnet, address, why = self._allocation.choose(request)
        self._allocation.check_count(request, subnet)
        probe = self._probing.wanted(request, subnet, address)
        if probe is not None:
            return self._ask(request, subnet, probe, why)
        return self._grant(request, subnet, address)

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
        new = lease_maker.probation(request, subnet, address, request.hardware)
        change = Change(record, new)
        self._book.apply(change)
        self._book.withdraw(request.client)
        event = Event(EventKind.DECLINED, new)
        return Outcome([], [change], [event], None, request.client, request.table, address, event.kind)

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
        event = Event(EventKind.RELEASED, new)
        return Outcome([], [change], [event], None, request.client, request.table, address, event.kind)

    def _inform(self, request: Request) -> Outcome:
        address = request.message.ciaddr or request.message.source
        subnet = request.subnet_of(address)
        if subnet is None:
            raise RefusalError(Drop.NO_SUBNET)
        answer = reply.inform_ack(request, subnet, address)
        return Outcome([answer], [], [], None, request.client, request.table, address, _INFORMED)

    # What is ours

    def _is_ours(self, request: Request, server_id: int) -> bool:
        """Whether the server identifier is one of our addresses in this table, or the relay agent's for us (RFC 5107).

        Clients in a network that we have no address in know us by another one: see Request.own_address().
        """
        subnet = self._networks.find(request.table, server_id)
        if subnet is not None and server_id in subnet.own:
            return True
        if server_id == request.relay.server_id:
            return True
        if server_id == request.message.destination and server_id != ipv4.BROADCAST:
            return True
        return any(server_id == int(address.ip) for address in request.interface.addresses4)

    def _check_server_id(self, request: Request) -> None:
        """Refuse a message for another server; a client that names none means the one there is."""
        if request.server_id is not None and not self._is_ours(request, request.server_id):
            raise RefusalError(Drop.OTHER_SERVER)


def _refuse(request: Request, address: int, why: Nak) -> Outcome:
    return Outcome([reply.nak(request, why)], [], [], None, request.client, request.table, address, why)


def _needs_none(request: Request, terms: Terms) -> bool:
    """Whether client and network both can do without IPv4 (RFC 8925, 3.3)."""
    asked = request.parameters
    return asked is not None and V6_ONLY in asked and V6_ONLY in reply.answer_of(request, terms).options


def _offer_none(request: Request, subnet: Subnet, terms: Terms) -> Outcome:
    """Tell a client that it needs no address (RFC 8925, 3.3).

    It is given none and none is kept for it; there need not be one. A client that asks for an address all the same, as
    it has one, gets it.
    """
    answer = reply.offer(request, subnet, 0, terms, terms.lifetimes(request.wish)[1])
    return Outcome([answer], [], [], None, request.client, request.table, 0, _NEEDS_NONE)
