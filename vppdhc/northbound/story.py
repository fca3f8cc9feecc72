"""Why a DHCPv4 client got what it got: the whole story, in sentences."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from nc.pace import Pace
from vppdhc.clock import Clock
from vppdhc.dhc4.book import LeaseBook
from vppdhc.dhc4.explanation import explain
from vppdhc.dhc4.heard import Decision, Exchange, Heard
from vppdhc.dhc4.reservations import Reservation
from vppdhc.dhc4.server import Server
from vppdhc.dhc4.subnet import Subnet, SubnetPool
from vppdhc.leases.lease import Lease, LeaseState
from vppdhc.northbound.server_state import is_active, lease_state
from vppdhc.northbound.sources import Instants
from vppdhc.northbound.state_dhc4 import reservation_of
from vppdhc.packet.text import address_text, mac_text

_ETHERNET: Final = b"\1"
_IDENTIFIER: Final = b"\0"
_TOLD_MOST: Final = 5
"""Clients whose stories are told at a time; more are counted."""


class Whom(NamedTuple):
    """Which client an operator means: the one that all of this agrees with, as far as it is given.

    address: that it has, had or wants; 0 where not given.
    hardware: Ethernet address. client_id: option 61. interface: name of the one that it is on. Empty where not given.
    """

    address: int = 0
    hardware: bytes = b""
    client_id: bytes = b""
    interface: str = ""

    @property
    def key(self) -> bytes:
        """Key of the client, as far as the identifier says it; empty without."""
        return _IDENTIFIER + self.client_id if self.client_id else b""

    def has(self, lease: Lease) -> bool:
        """Whether a lease agrees with it."""
        return (
            self.address in {0, lease.address}
            and self.hardware in {b"", lease.hardware[1:]}
            and self.client_id in {b"", lease.client_id}
            and self.interface in {"", lease.interface}
        )


class _Client(NamedTuple):
    """A client: where it was heard last, and the records and offer that it has, the one in force first."""

    table: int
    key: bytes
    exchanges: Sequence[Exchange]
    leases: Sequence[Lease]

    @property
    def hardware(self) -> bytes:
        """Hardware type and address, empty where they are not known."""
        if not self.key.startswith(_IDENTIFIER):
            return self.key
        for lease in self.leases:
            return lease.hardware
        for exchange in self.exchanges:
            return bytes((exchange.hardware_type,)) + exchange.hardware if exchange.hardware else b""
        return b""

    @property
    def name(self) -> str:
        hardware = mac_text(self.hardware[1:])
        if not self.key.startswith(_IDENTIFIER):
            return f"Client {hardware}"
        return f"Client {mac_text(self.key[1:])}" + (f" (hardware address {hardware})" if hardware else "")


class Stories:
    """Tells them.

    alarm: says why leases cannot be stored, empty where they can.
    """

    def __init__(
        self,
        server: Server,
        book: LeaseBook,
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

        Looks at every client that was heard lately. Where none of these is meant, and only a hardware address is known,
        it looks at every lease as well: with a client identifier, a lease is found by that alone. Others run meanwhile.
        """
        clients = self._find(whom)
        exchanges = sorted((one for client in clients for one in client.exchanges), key=_time, reverse=True)
        story = [sentence for client in clients[:_TOLD_MOST] for sentence in self._of_client(client)]
        if len(clients) > _TOLD_MOST:
            story.append(f"{len(clients) - _TOLD_MOST} more clients are meant: say more of the one to be told about.")
        if not clients:
            story += self._of_nobody(whom)
        if whom.address:
            story += self._of_address(whom.address)
        if alarm := self._alarm():
            story.append(f"Nobody gets a lease now, as leases cannot be stored: {alarm}.")
        return exchanges, " ".join(story)

    # Who is meant

    def _find(self, whom: Whom) -> list[_Client]:
        pace = Pace()
        found = dict.fromkeys((one.table, one.client) for one in self._leases(whom) if one.client)
        exchanges = self._heard.find(pace.step, hardware=whom.hardware, address=whom.address, client=whom.key)
        found |= dict.fromkeys((one.table, one.client) for one in exchanges if whom.interface in {"", one.interface})
        if not found and whom.hardware:
            for lease in self._book:
                pace.step()
                if whom.has(lease) and lease.client:
                    found[lease.table, lease.client] = None
        return [self._client(table, key, whom.interface) for table, key in found]

    def _leases(self, whom: Whom) -> Iterator[Lease]:
        """Go through the leases and offers that are found without looking at others."""
        found: list[Lease | None] = []
        if whom.address:
            for table in self._server.networks.tables:
                found += [self._book.get(table, whom.address), self._book.offer_at(table, whom.address)]
        for key in filter(None, (whom.key, whom.hardware and _ETHERNET + whom.hardware)):
            found += [*self._book.of_client(key), self._book.offer_of(key)]
        return (lease for lease in found if lease is not None and whom.has(lease))

    def _client(self, table: int, key: bytes, interface: str) -> _Client:
        now = self._clock.boottime()
        leases = [lease for lease in self._book.of_client(key) if lease.table == table]
        offer = self._book.offer_of(key)
        if offer is not None and offer.table == table and all(offer.address != lease.address for lease in leases):
            leases.append(offer)
        leases.sort(key=lambda lease: (is_active(lease, now), lease.renewed), reverse=True)
        exchanges = [one for one in self._heard.of_client(table, key) if interface in {"", one.interface}]
        return _Client(table, key, exchanges, leases)

    # What is told

    def _of_client(self, client: _Client) -> Iterator[str]:
        if client.exchanges:
            yield self._of_exchange(client.name, client.exchanges[0])
            for other in client.exchanges[1:]:
                yield f"Before that it was heard on {other.interface}."
        else:
            yield f"{client.name} has not been heard since the start, or others were heard later."
        if not client.leases:
            yield "It has no lease, and nothing is on offer to it."
        for lease in client.leases:
            yield self._of_lease(lease)
        subnets = list(self._subnets(client))
        reservation = self._reservation(client, subnets)
        if reservation is not None:
            yield from self._of_reservation(reservation, client)
        for subnet in subnets:
            for pool in subnet.pools:
                yield self._of_pool(subnet, pool)

    def _of_exchange(self, name: str, exchange: Exchange) -> str:
        ago = round(self._clock.boottime() - exchange.time)
        done = {
            Decision.ANSWERED: f"answered with {exchange.reply_name}" if exchange.reply_name else "taken note of",
            Decision.REFUSED: f"answered with {exchange.reply_name}",
            Decision.DROPPED: "not answered",
            Decision.PENDING: "not answered yet",
        }[exchange.decision]
        heard = f"{name} was last heard {ago} seconds ago on {exchange.interface}"
        return f"{heard}: {exchange.message_name}, {done}. {explain(exchange)}"

    def _of_lease(self, lease: Lease) -> str:
        address, expires = address_text(lease.address), self._instants.text(lease.expires)
        until = "for ever" if expires is None else f"until {expires}"
        state = lease_state(lease, self._clock.boottime())
        if state == "offered":
            return f"{address} is kept for it {until}, and it has not taken it."
        if state == "active":
            return f"It has a lease of {address} on {lease.interface} {until}."
        return (
            f"Its lease of {address} on {lease.interface} has {'expired' if state == 'expired' else 'been given back'}."
        )

    def _of_reservation(self, reservation: Reservation, client: _Client) -> Iterator[str]:
        if reservation.address is None:
            yield f"Host reservation '{reservation.id}' is for it, without an address."
            return
        address = address_text(reservation.address)
        yield f"Host reservation '{reservation.id}' is for it, with {address}."
        subnet = self._server.networks.find(client.table, reservation.address)
        held = self._book.get(client.table, reservation.address)
        if subnet is None or not subnet.is_for_clients(reservation.address):
            yield "No client can have that: it is in no network that is served, or the router's own."
        elif held is not None and held.client != client.key:
            now = self._clock.boottime()
            if held.state is LeaseState.DECLINED:
                yield "That is in probation, as somebody else was found to use it."
            elif is_active(held, now):
                yield f"{mac_text(held.hardware[1:])} still has a lease of that, and is refused when it renews it."

    def _of_pool(self, subnet: Subnet, own: SubnetPool) -> str:
        usage = self._book.usage(own.pool)
        first, last = address_text(own.pool.first), address_text(own.pool.stop - 1)
        name = "".join(f" {what} '{id_}'" for what, id_ in (("of subnet", subnet.id), ("with id", own.id)) if id_)
        full = ", so it is full" if usage.allocated + usage.declined >= usage.size else ""
        return (
            f"In the pool from {first} to {last}{name}, {usage.allocated} of {usage.size} addresses are leased or on"
            f" offer and {usage.declined} in probation{full}."
        )

    def _of_address(self, address: int) -> Iterator[str]:
        shown = address_text(address)
        subnets = [self._server.networks.find(table, address) for table in self._server.networks.tables]
        known = [subnet for subnet in subnets if subnet is not None]
        if not known:
            yield f"{shown} is in no network that is served."
        for subnet in known:
            if address in subnet.own:
                yield f"{shown} is the router's own on {subnet.interface}."
                continue
            record = self._book.get(subnet.table, address)
            if record is not None and record.state is LeaseState.DECLINED:
                until = self._instants.text(record.expires)
                yield f"{shown} is in probation until {until or 'it is cleared'}: somebody else was found to use it."
            holder = self._server.reservations.holder(subnet.table, address)
            if holder is not None:
                yield f"{shown} is reserved by host reservation '{holder.id}'."
            elif subnet.pool_of(address) is None:
                yield f"{shown} is in {subnet.network}, but in no pool: nobody is given it."

    def _of_nobody(self, whom: Whom) -> Iterator[str]:
        yield (
            "No such client has been heard since the start, or others were heard later; it has no lease. If it does"
            " send, 'capture' shows what comes from it."
        )
        served = {one.name: one for one in self._server.networks}
        if whom.interface and whom.interface not in served:
            yield f"{whom.interface} is not served; 'served-interface' lists what is."
        for key in filter(None, (whom.key, whom.hardware and _ETHERNET + whom.hardware)):
            for table in self._server.networks.tables or (0,):
                reservation = self._server.reservations.of(key, key, table, self._server.networks.subnets())
                if reservation is not None:
                    yield from self._of_reservation(reservation, _Client(table, key, (), ()))

    # Where it belongs

    def _subnets(self, client: _Client) -> Iterable[Subnet]:
        """Return the networks that matter to a client: that of what it has, else those of where it was heard."""
        networks = self._server.networks
        addresses = [lease.address for lease in client.leases] or [one.address for one in client.exchanges[:1]]
        found = [networks.find(client.table, address) for address in addresses if address]
        known = dict.fromkeys(subnet for subnet in found if subnet is not None)
        if not known and client.exchanges:
            served = networks.served(client.exchanges[0].interface)
            known = dict.fromkeys(served.subnets if served is not None else ())
        return known

    def _reservation(self, client: _Client, subnets: Sequence[Subnet]) -> Reservation | None:
        if client.leases:
            found = reservation_of(self._server, client.leases[0])
            if found is not None:
                return found
        return self._server.reservations.of(client.key, client.hardware, client.table, subnets)


def _time(exchange: Exchange) -> float:
    return exchange.time
