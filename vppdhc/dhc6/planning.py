"""What each identity association of a message gets (RFC 8415, 18.3); the lease book stays as it is."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from vppdhc.dhc6.allocation import Allocation, Asking, Choice, Why, in_force
from vppdhc.dhc6.associations import Asked
from vppdhc.dhc6.book import LeaseBook6
from vppdhc.dhc6.config import Lifetimes
from vppdhc.dhc6.probing import Probing
from vppdhc.dhc6.request import Request
from vppdhc.dhc6.statuses import Status
from vppdhc.leases.lease6 import Lease6, LeaseKind
from vppdhc.packet.options6 import Option


class Grant(NamedTuple):
    """An address or prefix for an identity association.

    new: whether it has to be asked about before.
    """

    choice: Choice
    lifetimes: Lifetimes
    new: bool = False


class Plan(NamedTuple):
    """What becomes of an identity association.

    grants: what it gets.
    dead: the addresses or prefixes that the client is told not to use any longer, each an integer and a length.
    withdrawn: the client's leases that are over with that, or because it begins anew.
    status: why it gets nothing; None where it gets something, or the client is told something else.
    """

    asked: Asked
    grants: tuple[Grant, ...] = ()
    dead: tuple[tuple[int, int], ...] = ()
    withdrawn: tuple[Lease6, ...] = ()
    status: Status | None = None


class Planner:
    """Applies the rules of each message to its identity associations; changes nothing."""

    __slots__ = ("_allocation", "_book", "_probing")

    def __init__(self, book: LeaseBook6, allocation: Allocation, probing: Probing) -> None:
        self._book = book
        self._allocation = allocation
        self._probing = probing

    def solicited(self, request: Request, asked: Asked) -> Plan:
        """Say what an identity association of a Solicit gets (18.3.9): what it has and names are but hints."""
        if asked.code == Option.IA_TA:
            return Plan(asked, status=Status.NO_TEMPORARY_ADDRESS)
        asking = request.asking(asked)
        grants = self._grants(request, asked, asking)
        withdrawn = tuple(self._stale(request, asking, grants))
        return Plan(asked, grants, (), withdrawn, None if grants else _nothing_for(asked))

    def requested(self, request: Request, asked: Asked) -> Plan:
        """Say what an identity association of a Request gets (18.3.2).

        Where a client that has moved names an address of another link it has to begin anew.
        """
        if asked.kind is LeaseKind.ADDRESS and not all(fits_link(request, address) for address, _ in asked.leases):
            return Plan(asked, status=Status.NOT_ON_LINK)
        return self.solicited(request, asked)

    def renewed(self, request: Request, asked: Asked) -> Plan:
        """Say what an identity association of a Renew gets (18.3.4), whether or not there is a binding.

        What it names, or has, and does not get again, it is told to let go of. A client that we know nothing of was
        ours, as it says, and what we would choose for it is what it has: it gets a binding.
        """
        if asked.code == Option.IA_TA:
            return Plan(asked, status=Status.NO_BINDING)
        asking = request.asking(asked)
        grants = self._grants(request, asked, asking)
        live = {(grant.choice.network, grant.choice.length) for grant in grants}
        named = [lease for lease in asked.leases if lease[0] and lease not in live]
        stale = list(self._stale(request, asking, grants, named))
        dead = tuple(dict.fromkeys([*named, *((lease.network, lease.length) for lease in stale)]))
        return Plan(asked, grants, dead, tuple(stale), None if grants or dead else _nothing_for(asked))

    def rebound(self, request: Request, asked: Asked) -> Plan:
        """Say what an identity association of a Rebind gets (18.3.5): with a binding the same as that of a Renew.

        Without one, the client may be another server's. So it is told of what does not fit the link; only where it
        would get leases by two messages as well does it get a new binding, as several servers may give it one.
        """
        if asked.code == Option.IA_TA:
            return Plan(asked, status=Status.NO_BINDING)
        if request.terms.settings.rapid_commit or self.bindings(request, asked):
            return self.renewed(request, asked)
        dead: tuple[tuple[int, int], ...] = ()
        if asked.kind is LeaseKind.ADDRESS and request.subnets:
            dead = tuple(lease for lease in asked.leases if not fits_link(request, lease[0]))
        return Plan(asked, (), dead, (), None if dead else Status.NO_BINDING)

    def bindings(self, request: Request, asked: Asked) -> list[Lease6]:
        """Return the leases in force of an identity association, in the routing tables of the client's link."""
        if asked.code == Option.IA_TA:
            return []
        records = self._book.of_association(asked.of(request.duid))
        return [lease for lease in records if in_force(lease, request.now) and lease.table in request.tables]

    def _grants(self, request: Request, asked: Asked, asking: Asking) -> tuple[Grant, ...]:
        """Choose what an identity association gets: an address of each network of the link, or a prefix.

        What it has of a deprecated prefix it keeps beside that, as long as that prefix lives.
        """
        if asked.kind is LeaseKind.ADDRESS:
            hints = [address for address, _ in asked.leases]
            found = [self._allocation.choose(asking, subnet, hints) for subnet in request.subnets]
            choices = [choice for choice in found if choice is not None]
        else:
            prefix = self._allocation.choose_prefix(asking, request.pools, asked.leases)
            choices = [] if prefix is None else [prefix]
            choices += self._deprecated(request, asked, asking)
        grants = []
        for choice in {choice.place: choice for choice in choices}.values():
            lifetimes = choice.lifetimes(request.now)
            if lifetimes.valid:
                grants.append(Grant(choice, lifetimes, self._probing.is_new(request, asked, choice)))
        return tuple(grants)

    def _deprecated(self, request: Request, asked: Asked, asking: Asking) -> Iterator[Choice]:
        """Go through the prefixes that a client has of pools of which nobody gets any more."""
        for lease in self.bindings(request, asked):
            pool = request.pool_of(lease.network, lease.length)
            if pool is None or pool.table != lease.table or pool.gives(request.now):
                continue
            if self._allocation.grantable_prefix(asking, pool, lease.network, lease.length):
                yield Choice(lease.network, lease.length, pool, Why.LEASE)

    def _stale(
        self, request: Request, asking: Asking, grants: Iterable[Grant], named: Iterable[tuple[int, int]] = ()
    ) -> Iterator[Lease6]:
        """Go through the leases in force that an identity association does not keep: named ones, and those of the link.

        What it has on another link is left alone: it may come back there.
        """
        kept = {grant.choice.place for grant in grants}
        told = set(named)
        for lease in self._book.of_association(asking.association):
            if lease.place in kept or not in_force(lease, request.now) or lease.table not in request.tables:
                continue
            if (lease.network, lease.length) in told or _on_link(request, lease):
                yield lease


def _on_link(request: Request, lease: Lease6) -> bool:
    """Whether a lease is of the client's link."""
    if lease.kind is LeaseKind.ADDRESS:
        return request.subnet_of(lease.network) is not None
    return request.pool_of(lease.network, lease.length) is not None


def fits_link(request: Request, address: int) -> bool:
    """Whether an address fits the client's link (18.3.3): it is in a network there that has not ended."""
    subnet = request.subnet_of(address)
    return subnet is not None and subnet.lifetimes(address, request.now).valid > 0


def _nothing_for(asked: Asked) -> Status:
    """Return the status of an identity association that gets nothing."""
    return Status.NO_PREFIX if asked.kind is LeaseKind.PREFIX else Status.NO_ADDRESS
