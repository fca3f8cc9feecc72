"""State of /vppdhc:dhc4server: who is served where, the leases, pools and counters."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address

from nc.filter import Want
from nc.pace import Pace
from nc.xml import Element
from vppdhc.clock import Clock
from vppdhc.dhc4.book import LeaseBook
from vppdhc.dhc4.explanation import explain, word
from vppdhc.dhc4.heard import Exchange, Heard
from vppdhc.dhc4.request import readable
from vppdhc.dhc4.reservations import Reservation
from vppdhc.dhc4.server import Server
from vppdhc.dhc4.service import Dhcp4Service
from vppdhc.dhc4.subnet import Subnet, SubnetPool
from vppdhc.leases.lease import Details, Lease, LeaseState
from vppdhc.northbound.config import octets
from vppdhc.northbound.model import BUILD
from vppdhc.northbound.server_state import (
    discarded,
    discarded_sources,
    is_active,
    lease_state,
    preferred,
    shown,
    usage_leafs,
)
from vppdhc.northbound.sources import Instants, Source, hexadecimal, matches, wanted_key


def reservation_of(server: Server, lease: Lease) -> Reservation | None:
    """Return what is reserved for the client of a lease."""
    subnet = server.networks.find(lease.table, lease.address)
    details = lease.details
    return server.reservations.of(
        lease.client,
        lease.hardware,
        lease.table,
        () if subnet is None else (subnet,),
        details.circuit_id,
        details.remote_id,
    )


def exchange_leafs(exchange: Exchange, instants: Instants) -> list[Element]:
    """Make the leafs of an exchange, as the model's grouping has them."""
    return BUILD.leafs(
        interface=exchange.interface,
        message_type=exchange.message_name,
        time=instants.text(exchange.time),
        decision=str(exchange.decision),
        reply_type=exchange.reply_name,
        reason=word(exchange.reason) or None,
        explanation=explain(exchange),
    )


def _renewal_times(lease: Lease, subnet: Subnet | None) -> tuple[int | None, int | None]:
    """Return T1 and T2 of a lease in seconds: those that the settings make of its lifetime now, if they still do."""
    if subnet is None or lease.state not in {LeaseState.ACTIVE, LeaseState.OFFERED}:
        return None, None
    times = subnet.terms_of(lease.address).settings.times(lease.granted)
    return (times.renewal, times.rebinding) if times.lease == lease.granted else (None, None)


class Dhcp4State:
    """All of it."""

    def __init__(
        self,
        server: Server,
        book: LeaseBook,
        service: Dhcp4Service,
        heard: Heard,
        clock: Clock,
        instants: Instants,
        started: float,
    ) -> None:
        """Started: CLOCK_BOOTTIME from which the counters count."""
        self._server = server
        self._heard = heard
        self._book = book
        self._service = service
        self._clock = clock
        self._instants = instants
        self._started = started

    def sources(self) -> list[Source]:
        """Return a source for each part."""
        return [
            Source("/vppdhc:dhc4server/served-interface", self._served_interface),
            Source("/vppdhc:dhc4server/active-lease", lambda want: self._leases(want, active=True)),
            Source("/vppdhc:dhc4server/inactive-lease", lambda want: self._leases(want, active=False)),
            Source("/vppdhc:dhc4server/address-pool-state", self._pools),
            Source("/vppdhc:dhc4server/client", self._clients),
            Source("/vppdhc:dhc4server/statistics", self._statistics),
            *discarded_sources("/vppdhc:dhc4server", lambda: self._service.drops),
        ]

    def _served_interface(self, want: Want) -> Iterator[Element]:
        for served in self._server.networks:
            if matches(want, name=served.name):
                networks = [BUILD.leaf("network-prefix", subnet.network) for subnet in served.subnets]
                problem = None if served.subnets else "it has no IPv4 address"
                yield BUILD.node(
                    "served-interface",
                    [*BUILD.leafs(name=served.name, table_id=served.table, problem=problem), *networks],
                )

    def _leases(self, want: Want, *, active: bool) -> Iterator[Element]:
        now, pace = self._clock.boottime(), Pace()
        name = "active-lease" if active else "inactive-lease"
        for lease in self._wanted(want):
            if is_active(lease, now) is active and matches(want, table_id=lease.table):
                yield BUILD.node(name, self._lease(lease, now))
            else:
                pace.step()  # as whoever wants them does for the others

    def _wanted(self, want: Want) -> Iterator[Lease]:
        """Go through the leases that can have the wanted keys: one where both are known, never all of them for it.

        Of an address with both, a lease in force is shown, else the offer.
        """
        now = self._clock.boottime()
        table, address = wanted_key(want, "table-id"), wanted_key(want, "leased-address")
        if table is not None and address is not None:
            try:
                key = int(table), int(IPv4Address(address))
            except ValueError:
                return
            yield from preferred(self._book.get(*key), self._book.offer_at(*key), now)
            return
        yield from shown(
            self._book,
            self._book.offers(),
            lambda lease: self._book.get(lease.table, lease.address),
            lambda lease: self._book.offer_at(lease.table, lease.address),
            now,
        )

    def _lease(self, lease: Lease, now: float) -> list[Element]:
        subnet = self._server.networks.find(lease.table, lease.address)
        pool = None if subnet is None else subnet.pool_of(lease.address)
        reservation = reservation_of(self._server, lease)
        renewal, rebinding = _renewal_times(lease, subnet)
        granted = lease.state is not LeaseState.OFFERED
        details = lease.details
        relay = BUILD.leafs(
            relay_address=IPv4Address(details.relay_address) if details.relay_address else None,
            circuit_id=hexadecimal(details.circuit_id),
            remote_id=hexadecimal(details.remote_id),
        )
        return [
            *BUILD.leafs(
                state=lease_state(lease, now),
                table_id=lease.table,
                leased_address=IPv4Address(lease.address),
                hardware_address=hexadecimal(lease.hardware[1:]),
                client_id=hexadecimal(lease.client_id),
                hostname=lease.hostname or None,
                fqdn=details.fqdn or None,
                vendor_class=details.vendor_class or None,
                client_class=self._class_of(details),
                interface=lease.interface or None,
                subnet=(subnet.id or None) if subnet is not None else None,
                pool_id=(pool.id or None) if pool is not None else None,
                reservation=None if reservation is None else reservation.id,
                lease_time=lease.granted,
                lease_t1=renewal,
                lease_t2=rebinding,
                allocation_time=self._instants.text(lease.since) if granted else None,
                last_renew_rebind=self._instants.text(lease.renewed) if granted else None,
                expires=self._instants.text(lease.expires),
            ),
            *([BUILD.node("relay", relay)] if relay else []),
        ]

    def _class_of(self, details: Details) -> str | None:
        """Return the name of the class that a client belongs to as the configuration is now."""
        vendor_class = details.vendor_class.encode() or None
        user_classes = [one.encode() for one in details.user_class.split(", ") if one]
        found = self._server.classes.match(vendor_class, user_classes)
        return None if found is None else found.name

    def _pools(self, want: Want) -> Iterator[Element]:
        told: set[tuple[int, int]] = set()  # a network that moves from one interface to another is on both for a moment
        for subnet in self._server.networks.subnets():
            for own in subnet.pools:
                key = subnet.table, own.pool.first
                if key not in told and matches(want, table_id=key[0], start_address=IPv4Address(key[1])):
                    told.add(key)
                    yield self._pool(subnet, own)

    def _pool(self, subnet: Subnet, own: SubnetPool) -> Element:
        return BUILD.node(
            "address-pool-state",
            [
                *BUILD.leafs(
                    table_id=subnet.table,
                    start_address=IPv4Address(own.pool.first),
                    end_address=IPv4Address(own.pool.stop - 1),
                    network_prefix=subnet.network,
                    interface=subnet.interface or None,
                    subnet=subnet.id or None,
                    pool_id=own.id or None,
                ),
                *usage_leafs(self._book.usage(own.pool)),
            ],
        )

    def _clients(self, want: Want) -> Iterator[Element]:
        table, client = wanted_key(want, "table-id"), wanted_key(want, "client")
        exchanges: Iterable[Exchange] = self._heard
        if table is not None and client is not None:
            try:
                exchanges = self._heard.of_client(int(table), octets(client))[:1]
            except ValueError:
                return
        for exchange in exchanges:
            if matches(want, table_id=exchange.table, client=hexadecimal(exchange.client)):
                yield BUILD.node("client", self._client(exchange))

    def _client(self, exchange: Exchange) -> list[Element]:
        now = self._clock.boottime()
        held = [
            lease
            for lease in self._book.of_client(exchange.client)
            if lease.table == exchange.table and is_active(lease, now)
        ]
        lease = held[0] if held else None
        name = lease.hostname if lease is not None else ""
        return [
            *BUILD.leafs(
                table_id=exchange.table,
                client=hexadecimal(exchange.client),
                hardware_address=hexadecimal(exchange.hardware),
                hostname=name or readable(exchange.host_name) or None,
                leased_address=None if lease is None else IPv4Address(lease.address),
            ),
            *exchange_leafs(exchange, self._instants),
        ]

    def _statistics(self, want: Want) -> Iterator[Element]:
        for interface, counters in self._service.interfaces.items():
            if not matches(want, interface=interface):
                continue
            received, sent = counters.received, counters.sent
            yield BUILD.node(
                "statistics",
                [
                    *BUILD.leafs(
                        interface=interface,
                        discontinuity_time=self._instants.text(self._started),
                        discarded_message_count=sum(counters.drops.values()),
                    ),
                    *discarded(counters.drops),
                    *BUILD.leafs(
                        discover_count=received["discover"],
                        offer_count=sent["offer"],
                        request_count=received["request"],
                        ack_count=sent["ack"],
                        nak_count=sent["nak"],
                        decline_count=received["decline"],
                        release_count=received["release"],
                        inform_count=received["inform"],
                        bootp_request_count=received["bootp"],
                        bootp_reply_count=sent["bootp"],
                        conflict_count=counters.conflicts,
                    ),
                    *(
                        BUILD.node("probe", BUILD.leafs(result=str(result), count=count))
                        for result, count in sorted(counters.probes.items())
                    ),
                    *(
                        BUILD.node("omitted-option", BUILD.leafs(code=code, count=count))
                        for code, count in sorted(counters.omitted.items())
                    ),
                ],
            )
