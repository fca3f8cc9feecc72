"""Why a DHCPv6 client got what it got: the whole story, in sentences."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from nc.pace import Pace
from vppdhc.clock import Clock
from vppdhc.dhc6.book import LeaseBook6
from vppdhc.dhc6.delegation import DelegationPool
from vppdhc.dhc6.explanation import lease_text
from vppdhc.dhc6.heard import Exchange, Heard
from vppdhc.dhc6.reservations import Reservation
from vppdhc.dhc6.server import Server
from vppdhc.dhc6.subnet import Subnet, SubnetPool
from vppdhc.leases.lease import LeaseState
from vppdhc.leases.lease6 import ADDRESS_LENGTH, Lease6, LeaseKind, Place6
from vppdhc.leases.usage import PoolUsage
from vppdhc.northbound.dhc6_lookups import all_leases, explanation, leases_of, reservation_of, source_of
from vppdhc.northbound.server_state import is_active, lease_state
from vppdhc.northbound.sources import Instants
from vppdhc.packet.text import mac_text
from vppdhc.servers.memory import Decision

_TOLD_MOST: Final = 5
"""Clients whose stories are told at a time; more are counted."""
_LEASES_MOST: Final = 10
"""Leases of a client that are told of; more are counted."""


class Whom(NamedTuple):
    """Which client an operator means: the one that all of this agrees with, as far as it is given.

    place: network and length of the address (128) or prefix that it has, had or wants; None where not given.
    hardware: Ethernet address. duid: its DUID. interface: name of the one that it is on. Empty where not given.
    ia_id: one of its IAIDs; None where not given.
    """

    place: tuple[int, int] | None = None
    hardware: bytes = b""
    duid: bytes = b""
    ia_id: int | None = None
    interface: str = ""

    def has(self, lease: Lease6) -> bool:
        """Whether a lease agrees with it."""
        return (
            self.place in {None, (lease.network, lease.length)}
            and self.hardware in {b"", lease.hardware[1:]}
            and self.duid in {b"", lease.duid}
            and self.ia_id in {None, lease.ia_id}
            and self.interface in {"", lease.interface}
        )

    def sent(self, exchange: Exchange) -> bool:
        """Whether an exchange agrees with it."""
        findings = exchange.findings
        return (
            (self.place is None or any((one.network, one.length) == self.place for one in findings))
            and self.hardware in {b"", exchange.hardware[1:]}
            and self.duid in {b"", exchange.client}
            and (self.ia_id is None or any(one.ia_id == self.ia_id for one in findings))
            and self.interface in {"", exchange.interface}
        )


class _Client(NamedTuple):
    """A client: where it was heard last, and the records and offers that it has, those in force first."""

    duid: bytes
    exchanges: Sequence[Exchange]
    leases: Sequence[Lease6]

    @property
    def hardware(self) -> bytes:
        """Hardware type and address, empty where they are not known."""
        known = (*(one.hardware for one in self.exchanges), *(lease.hardware for lease in self.leases))
        return next(filter(None, known), b"")

    @property
    def name(self) -> str:
        hardware = mac_text(self.hardware[1:])
        if not self.duid:
            return f"Client {hardware}, which says no DUID,"
        return f"Client {mac_text(self.duid)}" + (f" (hardware address {hardware})" if hardware else "")


class Stories6:
    """Tells them.

    alarm: says why leases cannot be stored, empty where they can.
    """

    def __init__(
        self,
        server: Server,
        book: LeaseBook6,
        heard: Heard,
        clock: Clock,
        instants: Instants,
        alarm: Callable[[], str],
    ) -> None:
        self._server = server
        self._book = book
        self._heard = heard
        self._clock = clock
        self._instants = instants
        self._alarm = alarm

    def tell(self, whom: Whom) -> tuple[list[Exchange], str]:
        """Return the last exchanges of the clients that are meant, the latest one first, and the story.

        Looks at every client that was heard lately, and at every lease. Others run meanwhile.
        """
        clients = self._find(whom)
        exchanges = sorted((one for client in clients for one in client.exchanges), key=_time, reverse=True)
        story = [sentence for client in clients[:_TOLD_MOST] for sentence in self._of_client(client)]
        if len(clients) > _TOLD_MOST:
            story.append(f"{len(clients) - _TOLD_MOST} more clients are meant: say more of the one to be told about.")
        if not clients:
            story += self._of_nobody(whom)
        if whom.place is not None:
            story += self._of_place(*whom.place)
        if alarm := self._alarm():
            story.append(f"Nobody gets a lease now, as leases cannot be stored: {alarm}.")
        return exchanges, " ".join(story)

    # Who is meant

    def _find(self, whom: Whom) -> list[_Client]:
        """Find the clients that were heard or have leases, each with all of its leases."""
        now, pace = self._clock.boottime(), Pace()
        meant: dict[bytes, None] = {}
        for exchange in self._heard:
            pace.step()
            if whom.sent(exchange):
                meant[exchange.client or exchange.hardware] = None
        for lease in all_leases(self._book, now):
            pace.step()
            if lease.duid and whom.has(lease):
                meant[lease.duid] = None
        leases = leases_of(self._book, set(list(meant)[:_TOLD_MOST]), now)
        return [self._client(key, leases.get(key, ()), whom.interface, now) for key in meant]

    def _client(self, key: bytes, leases: Sequence[Lease6], interface: str, now: float) -> _Client:
        """Tell what is known of a client; key: its DUID, or hardware address without one, see Heard."""
        tables = dict.fromkeys((*(one.table for one in self._server.networks), *(lease.table for lease in leases)))
        found = [one for table in tables for one in self._heard.of_client(table, key)]
        return _Client(
            next((one.client for one in found), key),
            sorted((one for one in found if interface in {"", one.interface}), key=_time, reverse=True),
            sorted(leases, key=lambda lease: (is_active(lease, now), lease.renewed), reverse=True),
        )

    # What is told

    def _of_client(self, client: _Client) -> Iterator[str]:
        if client.exchanges:
            yield self._of_exchange(client.name, client.exchanges[0])
            for other in client.exchanges[1:]:
                yield f"Before that it was heard on {other.interface}."
        else:
            yield f"{client.name} has not been heard since the start, or others were heard later."
        yield from self._of_leases(client.leases)
        for reservation in self._reservations(client):
            yield from self._of_reservation(reservation, client)
        subnets, pools = self._where(client)
        for subnet in subnets:
            for own in subnet.pools:
                yield self._of_pool(subnet, own)
            if not subnet.gives(self._clock.boottime()):
                yield f"The prefix of {subnet.network} is deprecated, so nobody gets a new address there."
        for pool in pools:
            yield self._of_prefixes(pool)

    def _of_leases(self, leases: Sequence[Lease6]) -> Iterator[str]:
        if not leases:
            yield "It has no lease, and nothing is on offer to it."
        for lease in leases[:_LEASES_MOST]:
            yield self._of_lease(lease)
        if len(leases) > _LEASES_MOST:
            yield f"It has {len(leases) - _LEASES_MOST} more leases."

    def _of_exchange(self, name: str, exchange: Exchange) -> str:
        ago = round(self._clock.boottime() - exchange.time)
        done = {
            Decision.ANSWERED: f"answered with {exchange.reply_name}" if exchange.reply_name else "taken note of",
            Decision.REFUSED: f"answered with {exchange.reply_name}",
            Decision.DROPPED: "not answered",
            Decision.PENDING: "not answered yet",
        }[exchange.decision]
        heard = f"{name} was last heard {ago} seconds ago on {exchange.interface}"
        return f"{heard}: {exchange.message_name}, {done}. {explanation(exchange)}"

    def _of_lease(self, lease: Lease6) -> str:
        what, expires = lease_text(lease.network, lease.length), self._instants.text(lease.expires)
        until = "for ever" if expires is None else f"until {expires}"
        state = lease_state(lease, self._clock.boottime())
        if state == "offered":
            return f"{what} is kept for its IAID {lease.ia_id} {until}, and it has not taken it."
        if state == "active":
            return f"It has a lease of {what} for IAID {lease.ia_id} on {lease.interface} {until}."
        ended = "expired" if state == "expired" else "ended before its time"
        return f"Its lease of {what} for IAID {lease.ia_id} on {lease.interface} has {ended}."

    def _of_reservation(self, reservation: Reservation, client: _Client) -> Iterator[str]:
        things = list(reservation.things())
        if not things:
            yield f"Host reservation '{reservation.id}' is for it, without an address."
        for kind, length, network in things:
            yield f"Host reservation '{reservation.id}' is for it, with {lease_text(network, length)}."
            tables = self._tables() if reservation.table is None else (reservation.table,)
            places = [Place6(table, kind, length, network) for table in tables]
            if not any(self._is_for_clients(place) for place in places):
                yield "No client can have that: it is in nothing that is served, or is the router's own."
            for held in filter(None, map(self._book.get, places)):
                yield from self._of_holder(held, client)

    def _of_holder(self, held: Lease6, client: _Client) -> Iterator[str]:
        if held.state is LeaseState.DECLINED:
            yield "That is in probation, as somebody else was found to use it."
        elif held.duid != client.duid and is_active(held, self._clock.boottime()):
            yield f"{mac_text(held.duid)} still has a lease of that, and loses it when it renews it."

    def _of_pool(self, subnet: Subnet, own: SubnetPool) -> str:
        usage = self._book.usage(own.pool)
        name = "".join(f" {what} '{id_}'" for what, id_ in (("of subnet", subnet.id), ("with id", own.id)) if id_)
        where = f"from {lease_text(own.pool.first, ADDRESS_LENGTH)} to {lease_text(own.pool.stop - 1, ADDRESS_LENGTH)}"
        return (
            f"In the pool {where}{name}, {usage.allocated} of {usage.size} addresses are leased or on offer and"
            f" {usage.declined} in probation{_full(usage)}."
        )

    def _of_prefixes(self, pool: DelegationPool) -> str:
        name = f"prefix pool '{pool.id}' of {pool.prefix}"
        if not pool.pool.size:
            return f"Nothing is left in the {name}: networks of this router have all of it."
        usage = self._book.usage(pool.pool)
        deprecated = "" if pool.gives(self._clock.boottime()) else ", whose prefix is deprecated"
        counted = f"{usage.allocated} of {usage.size} prefixes of /{pool.length} are leased or on offer"
        return f"In the {name}{deprecated}, {counted}{_full(usage)}."

    def _of_place(self, network: int, length: int) -> Iterator[str]:
        shown = lease_text(network, length)
        if length == ADDRESS_LENGTH:
            subnets = [self._server.networks.find(table, network) for table in self._tables()]
            known = [subnet for subnet in subnets if subnet is not None]
            if not known:
                yield f"{shown} is in no network that is served."
            for subnet in known:
                yield from self._of_address(network, subnet)
            return
        if not any(pool.has(network, length) for pool in self._server.networks.pools()):
            yield f"{shown} is in no prefix pool that is served."
        for table in self._tables():
            holder = self._server.reservations.holder(Place6(table, LeaseKind.PREFIX, length, network))
            if holder is not None:
                yield f"{shown} is reserved by host reservation '{holder.id}'."

    def _of_address(self, address: int, subnet: Subnet) -> Iterator[str]:
        shown = lease_text(address, ADDRESS_LENGTH)
        if address in subnet.own:
            yield f"{shown} is the router's own on {subnet.interface}."
            return
        place = Place6(subnet.table, LeaseKind.ADDRESS, ADDRESS_LENGTH, address)
        record = self._book.get(place)
        if record is not None and record.state is LeaseState.DECLINED:
            until = self._instants.text(record.expires)
            yield f"{shown} is in probation until {until or 'it is cleared'}: somebody else was found to use it."
        holder = self._server.reservations.holder(place)
        if holder is not None:
            yield f"{shown} is reserved by host reservation '{holder.id}'."
        elif subnet.reserved_until(address) is not None:
            yield f"{shown} has a reserved interface id (RFC 5453): nobody is given it."
        elif subnet.pool_of(address) is None:
            yield f"{shown} is in {subnet.network}, but in no pool: nobody is given it."

    def _of_nobody(self, whom: Whom) -> Iterator[str]:
        yield (
            "No such client has been heard since the start, or others were heard later; it has no lease. If it does"
            " send, 'capture' shows what comes from it."
        )
        served = {one.name for one in self._server.networks}
        if whom.interface and whom.interface not in served:
            yield f"{whom.interface} is not served; 'served-interface' lists what is."
        hardware = (b"\1" + whom.hardware,) if whom.hardware else ()
        for reservation in self._reserved(whom.duid, (whom.ia_id,), hardware, self._server.networks.subnets()):
            yield from self._of_reservation(reservation, _Client(whom.duid, (), ()))

    # Where it belongs

    def _tables(self) -> Sequence[int]:
        """Return the routing tables in which anything is served, each once."""
        pools = (pool.table for pool in self._server.networks.pools())
        return tuple(dict.fromkeys((*self._server.networks.tables, *pools)))

    def _is_for_clients(self, place: Place6) -> bool:
        if place.kind is LeaseKind.PREFIX:
            return self._server.networks.pool_around(place.table, place.network, place.length) is not None
        subnet = self._server.networks.find(place.table, place.network)
        return subnet is not None and subnet.is_for_clients(place.network)

    def _where(self, client: _Client) -> tuple[Iterable[Subnet], Iterable[DelegationPool]]:
        """Return the networks and pools of prefixes that matter to a client: of where it was heard, or what it has."""
        networks = self._server.networks
        found = [source_of(self._server, lease) for lease in client.leases]
        subnets = dict.fromkeys(one for one in found if isinstance(one, Subnet))
        if client.exchanges:
            served = networks.served(client.exchanges[0].interface)
            if served is not None:
                relayed = any(lease.details.link_address for lease in client.leases)
                subnets |= dict.fromkeys(() if relayed else served.subnets)
        pools = {one.pool: one for one in found if isinstance(one, DelegationPool)}
        for exchange in client.exchanges[:1]:
            for pool in networks.prefix_pools(exchange.interface):
                pools.setdefault(pool.pool, pool)
        return subnets, pools.values()

    def _reservations(self, client: _Client) -> list[Reservation]:
        """Return what is reserved for a client, for each of its leases and each association that it spoke of."""
        by_lease = [reservation_of(self._server, lease) for lease in client.leases]
        found = {(one.subnet, one.id): one for one in by_lease if one is not None}
        for exchange in client.exchanges[:1]:
            served = self._server.networks.served(exchange.interface)
            ia_ids = (*(one.ia_id for one in exchange.findings), None)
            hardware = (client.hardware,) if client.hardware else ()
            for one in self._reserved(client.duid, ia_ids, hardware, () if served is None else served.subnets):
                found.setdefault((one.subnet, one.id), one)
        return list(found.values())

    def _reserved(
        self, duid: bytes, ia_ids: Iterable[int | None], hardware: Sequence[bytes], subnets: Iterable[Subnet]
    ) -> list[Reservation]:
        tables, within = self._tables() or (0,), tuple(subnets)
        found = [
            self._server.reservations.of(duid, ia_id, hardware, table, within) for ia_id in ia_ids for table in tables
        ]
        return list({(one.subnet, one.id): one for one in found if one is not None}.values())


def _full(usage: PoolUsage) -> str:
    return ", so it is full" if usage.allocated + usage.declined >= usage.size else ""


def _time(exchange: Exchange) -> float:
    return exchange.time
