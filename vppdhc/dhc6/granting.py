"""Makes, extends and ends the leases that a message leads to."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from vppdhc.dhc6 import contents, lease_maker
from vppdhc.dhc6.allocation import Choice, Why, in_force
from vppdhc.dhc6.associations import Asked
from vppdhc.dhc6.book import LeaseBook6
from vppdhc.dhc6.events import Event, EventKind
from vppdhc.dhc6.lease_maker import Client, LeaseMaker
from vppdhc.dhc6.planning import Grant, Plan
from vppdhc.dhc6.probing import ASKING
from vppdhc.dhc6.request import Request
from vppdhc.dhc6.subnet import Networks
from vppdhc.leases.lease import LeaseState
from vppdhc.leases.lease6 import ADDRESS_LENGTH, NO_DETAILS6, Association, Change6, Details6, Lease6, LeaseKind, Place6
from vppdhc.packet.options6 import Option

_ETHERNET: Final = b"\1"
_NOBODY: Final = Association(LeaseKind.ADDRESS, b"", 0)


class Done(NamedTuple):
    """What was changed in the book, and what it means."""

    changes: list[Change6]
    events: list[Event]


class Granting:
    """Changes leases; whatever it changes is in the lease book."""

    __slots__ = ("_book", "_lease_maker", "_networks")

    def __init__(self, networks: Networks, book: LeaseBook6) -> None:
        self._networks = networks
        self._book = book
        self._lease_maker = LeaseMaker()

    def hold(self, request: Request, plan: Plan) -> None:
        """Hold for an identity association what it is to get, in place of what was held for it before.

        What is its own need not be held. What is asked about first is held without a promise.
        """
        if plan.asked.code == Option.IA_TA:
            return
        client = _client(request, plan.asked)
        self._book.withdraw(client.association)
        for grant in plan.grants:
            if grant.choice.why is not Why.LEASE:
                lifetimes = ASKING if grant.new else grant.lifetimes
                self._book.hold(lease_maker.offer(client, grant.choice, lifetimes, request.now))

    def grant(self, request: Request, plans: Sequence[Plan], key: bytes) -> Done:
        """Make or extend all leases of some plans, and end those that are over; key: see Lease6.reconfigure_key."""
        done = Done([], [])
        terms = contents.terms_of(request, [grant for plan in plans for grant in plan.grants])
        name = (contents.name_of(request, terms) or "").rstrip(".")
        for plan in plans:
            for lease in plan.withdrawn:
                self._end(lease, EventKind.WITHDRAWN, request.now, done)
            if plan.grants:
                client = _client(request, plan.asked, name, key)
                for grant in plan.grants:
                    self._make(client, grant, request.now, done)
                self._book.withdraw(client.association)
        return done

    def release(self, request: Request, leases: Iterable[Lease6]) -> Done:
        """End leases that a client gives back (RFC 8415, 18.3.7)."""
        done = Done([], [])
        for lease in leases:
            self._end(lease, EventKind.RELEASED, request.now, done)
        return done

    def decline(self, request: Request, leases: Iterable[Lease6]) -> Done:
        """Have nobody get addresses for a while that a client found in use (RFC 8415, 18.3.8).

        In a network that is no longer served nobody gets any: there the lease just ends.
        """
        done = Done([], [])
        for lease in leases:
            subnet = self._networks.find(lease.table, lease.network)
            if subnet is None:
                self._end(lease, EventKind.DECLINED, request.now, done)
                continue
            choice = Choice(lease.network, lease.length, subnet, Why.LEASE)
            client = _client_of(request, lease.association)
            new = lease_maker.probation(client, choice, client.hardware, request.now)
            self._change(lease, new, EventKind.DECLINED, done)
        return done

    def quarantine(self, request: Request, address: int, holder: bytes) -> Done:
        """Have nobody get an address that somebody was found to use, unless that is somebody who has a lease of it.

        holder: hardware address of who was found.
        """
        done = Done([], [])
        place = Place6(request.table, LeaseKind.ADDRESS, ADDRESS_LENGTH, address)
        offer = self._book.offer_at(place)
        if offer is not None and offer.duid == request.duid:
            self._book.release(place)
        record = self._book.get(place)
        if record is not None and record.state is not LeaseState.RELEASED and record.expires > request.now:
            return done
        subnet = self._networks.find(request.table, address)
        if subnet is not None:
            choice = Choice(address, ADDRESS_LENGTH, subnet, Why.HASH)
            client = _client_of(request, _NOBODY)
            new = lease_maker.probation(client, choice, _ETHERNET + holder, request.now)
            self._change(record, new, EventKind.CONFLICT, done, holder)
        return done

    def _make(self, client: Client, grant: Grant, now: float, done: Done) -> None:
        record = self._book.get(grant.choice.place)
        held = None
        if record is not None and record.association == client.association and in_force(record, now):
            held = record
        new = self._lease_maker.lease(client, grant.choice, grant.lifetimes, now, held)
        self._change(record, new, EventKind.GRANTED if held is None else EventKind.RENEWED, done)
        # Before something was reserved for this client, somebody else may have been offered it.
        self._book.release(new.place)

    def _end(self, lease: Lease6, kind: EventKind, now: float, done: Done) -> None:
        self._change(lease, lease._replace(state=LeaseState.RELEASED, expires=now), kind, done)

    def _change(self, old: Lease6 | None, new: Lease6, kind: EventKind, done: Done, holder: bytes = b"") -> None:
        change = Change6(old, new)
        self._book.apply(change)
        done.changes.append(change)
        done.events.append(Event(kind, new, holder))


def _client(request: Request, asked: Asked, hostname: str = "", key: bytes = b"") -> Client:
    """Say whom the leases of an identity association are for, and where that is."""
    client = _client_of(request, asked.of(request.duid))
    return Client(
        client.association, client.interface, client.hardware, hostname, request.message.source, key, _details(request)
    )


def _client_of(request: Request, association: Association) -> Client:
    return Client(association, request.interface.name, request.hardware[0] if request.hardware else b"")


def _details(request: Request) -> Details6:
    """Return what the relay agent nearest to the client says."""
    if not request.message.relays:
        return NO_DETAILS6
    nearest, relay = request.message.relays[-1], request.relay
    return Details6(relay.link, nearest.peer_address, relay.interface_id, relay.remote_id)
