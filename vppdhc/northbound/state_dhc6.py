"""State of /vppdhc:dhc6server: who is served where, the leases, pools and counters."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import IPv6Address, IPv6Network
from typing import Final, Protocol

from nc.filter import Want
from nc.pace import Pace
from nc.xml import Element
from vppdhc.clock import Clock
from vppdhc.dhc6 import contents
from vppdhc.dhc6.allocation import Choice, Why
from vppdhc.dhc6.book import LeaseBook6
from vppdhc.dhc6.config import Lifetimes, Times
from vppdhc.dhc6.delegation import DelegationPool
from vppdhc.dhc6.heard import Exchange, Heard
from vppdhc.dhc6.planning import Grant
from vppdhc.dhc6.routes import route_of
from vppdhc.dhc6.server import Server
from vppdhc.dhc6.subnet import Subnet, SubnetPool
from vppdhc.leases.lease import LeaseState
from vppdhc.leases.lease6 import ADDRESS_LENGTH, NO_DETAILS6, Lease6, LeaseKind, Place6
from vppdhc.northbound.config import octets
from vppdhc.northbound.dhc6_lookups import (
    all_leases,
    exchange_leafs,
    leases_of,
    pool_id,
    reservation_of,
    source_of,
)
from vppdhc.northbound.model import BUILD
from vppdhc.northbound.server_state import (
    count,
    discarded,
    discarded_sources,
    is_active,
    lease_state,
    preferred,
    usage_leafs,
)
from vppdhc.northbound.sources import Instants, Source, hexadecimal, matches, wanted_key
from vppdhc.packet.dhcp6 import StatusCode
from vppdhc.servers.counters import Counters

_TOP: Final = "/vppdhc:dhc6server"
_RECEIVED: Final = (
    "solicit",
    "request",
    "confirm",
    "renew",
    "rebind",
    "release",
    "decline",
    "information-request",
    "relay-forward",
)
_SENT: Final = ("advertise", "reply", "reconfigure")


class Service(Protocol):
    """The shell round the server, as far as it is told of here."""

    @property
    def interfaces(self) -> Mapping[str, Counters]:
        """What was counted since the start, by the name of the interface that a message came in by."""

    @property
    def drops(self) -> Counter[str]:
        """What had no answer by reason, in total: also what came in by no interface that there is."""

    def problem(self, name: str) -> str:
        """Say why clients on an interface are not served, or get no addresses; empty otherwise."""


class Dhcp6State:
    """All of it."""

    def __init__(
        self,
        server: Server,
        book: LeaseBook6,
        service: Service,
        heard: Heard,
        clock: Clock,
        instants: Instants,
        started: float,
        intended: Callable[[], Iterable[str]],
    ) -> None:
        """Take what it tells of.

        started: CLOCK_BOOTTIME from which the counters count.
        intended: gives the names of the interfaces that are to be served.
        """
        self._server = server
        self._book = book
        self._service = service
        self._heard = heard
        self._clock = clock
        self._instants = instants
        self._started = started
        self._intended = intended

    def sources(self) -> list[Source]:
        """Return a source for each part."""
        lists = {
            "active-lease": (LeaseKind.ADDRESS, True),
            "inactive-lease": (LeaseKind.ADDRESS, False),
            "active-prefix-lease": (LeaseKind.PREFIX, True),
            "inactive-prefix-lease": (LeaseKind.PREFIX, False),
        }
        return [
            Source(f"{_TOP}/served-interface", self._served_interface),
            *(self._lease_source(name, kind, active) for name, (kind, active) in lists.items()),
            Source(f"{_TOP}/address-pool-state", self._pools),
            Source(f"{_TOP}/prefix-pool-state", self._prefix_pools),
            Source(f"{_TOP}/client", self._clients),
            Source(f"{_TOP}/statistics", self._statistics),
            *discarded_sources(_TOP, lambda: self._service.drops),
        ]

    def _served_interface(self, want: Want) -> Iterator[Element]:
        for name in dict.fromkeys((*self._intended(), *(served.name for served in self._server.networks))):
            if matches(want, name=name):
                served = self._server.networks.served(name)
                subnets = () if served is None else served.subnets
                networks = [BUILD.leaf("network-prefix", subnet.network) for subnet in subnets]
                table = None if served is None else served.table
                problem = self._service.problem(name) or None
                yield BUILD.node(
                    "served-interface", [*BUILD.leafs(name=name, table_id=table, problem=problem), *networks]
                )

    # Leases

    def _lease_source(self, name: str, kind: LeaseKind, active: bool) -> Source:
        def tell(want: Want) -> Iterator[Element]:
            now, pace = self._clock.boottime(), Pace()
            for lease in self._wanted(want, kind):
                if lease.kind is kind and is_active(lease, now) is active and matches(want, table_id=lease.table):
                    yield BUILD.node(name, self._lease(lease, now))
                else:
                    pace.step()  # as whoever wants them does for the others

        return Source(f"{_TOP}/{name}", tell)

    def _wanted(self, want: Want, kind: LeaseKind) -> Iterator[Lease6]:
        """Go through the leases that can have the wanted keys: one where both are known, never all of them for it."""
        now, book = self._clock.boottime(), self._book
        local = "leased-prefix" if kind is LeaseKind.PREFIX else "leased-address"
        table, network = wanted_key(want, "table-id"), wanted_key(want, local)
        if table is not None and network is not None:
            try:
                whole = (
                    IPv6Network(network)
                    if kind is LeaseKind.PREFIX
                    else IPv6Network((IPv6Address(network), ADDRESS_LENGTH))
                )
                place = Place6(int(table), kind, whole.prefixlen, int(whole.network_address))
            except ValueError:
                return
            yield from preferred(book.get(place), book.offer_at(place), now)
            return
        yield from all_leases(book, now)

    def _lease(self, lease: Lease6, now: float) -> list[Element]:
        source = source_of(self._server, lease)
        reservation = reservation_of(self._server, lease)
        times = self._times(lease, source, now)
        granted = lease.state is not LeaseState.OFFERED
        return [
            *BUILD.leafs(state=lease_state(lease, now), table_id=lease.table),
            *self._of_what(lease, now),
            *BUILD.leafs(
                client_duid=hexadecimal(lease.duid),
                ia_id=lease.ia_id if lease.duid else None,
                hardware_address=hexadecimal(lease.hardware[1:]),
                hostname=lease.hostname or None,
                interface=lease.interface or None,
                subnet=(source.id or None) if isinstance(source, Subnet) else None,
                pool_id=pool_id(source, lease.network),
                reservation=None if reservation is None else reservation.id,
                preferred_lifetime=lease.preferred,
                valid_lifetime=lease.valid,
                lease_t1=None if times is None else times.renewal,
                lease_t2=None if times is None else times.rebinding,
                allocation_time=self._instants.text(lease.since) if granted else None,
                last_renew_rebind=self._instants.text(lease.renewed) if granted else None,
                expires=self._instants.text(lease.expires),
            ),
            *_status(lease, now),
            *_relay(lease),
        ]

    def _of_what(self, lease: Lease6, now: float) -> list[Element]:
        if lease.kind is LeaseKind.ADDRESS:
            return BUILD.leafs(leased_address=IPv6Address(lease.network))
        route = route_of(lease, now)
        return BUILD.leafs(
            leased_prefix=IPv6Network((lease.network, lease.length)),
            next_hop_address=None if route is None else IPv6Address(route.next_hop),
        )

    def _times(self, lease: Lease6, source: Subnet | DelegationPool | None, now: float) -> Times | None:
        """Return T1 and T2 of the association of a lease: what the settings make of its lifetimes, if they still do."""
        if source is None or not is_active(lease, now):
            return None
        offered = lease.state is LeaseState.OFFERED
        together = self._book.offers_of if offered else self._book.of_association
        grants = []
        for one in together(lease.association):
            of = source_of(self._server, one)
            if one.renewed != lease.renewed or not is_active(one, now) or of is None:
                continue
            grant = Grant(Choice(one.network, one.length, of, Why.LEASE), Lifetimes(one.preferred, one.valid))
            longest = grant.choice.settings.lifetimes
            if one.preferred > longest.preferred or one.valid > longest.valid:
                return None
            grants.append(grant)
        return contents.times(grants)

    # Pools

    def _pools(self, want: Want) -> Iterator[Element]:
        told: set[tuple[int, int]] = set()  # a network that moves from one interface to another is on both for a moment
        for subnet in self._server.networks.subnets():
            for own in subnet.pools:
                key = subnet.table, own.pool.first
                if key not in told and matches(want, table_id=key[0], start_address=IPv6Address(key[1])):
                    told.add(key)
                    yield self._pool(subnet, own)

    def _pool(self, subnet: Subnet, own: SubnetPool) -> Element:
        return BUILD.node(
            "address-pool-state",
            [
                *BUILD.leafs(
                    table_id=subnet.table,
                    start_address=IPv6Address(own.pool.first),
                    end_address=IPv6Address(own.pool.stop - 1),
                    network_prefix=subnet.network,
                    interface=subnet.interface or None,
                    subnet=subnet.id or None,
                    pool_id=own.id or None,
                ),
                *usage_leafs(self._book.usage(own.pool)),
            ],
        )

    def _prefix_pools(self, want: Want) -> Iterator[Element]:
        told: set[tuple[int, IPv6Network, int]] = set()  # interfaces have pools in common
        for pool in self._server.networks.pools():
            key = pool.table, pool.prefix, pool.length
            if key not in told and matches(
                want, table_id=pool.table, pool_prefix=pool.prefix, client_prefix_length=pool.length
            ):
                told.add(key)
                yield self._prefix_pool(pool)

    def _prefix_pool(self, pool: DelegationPool) -> Element:
        """Tell of a pool; one of which nothing is left, as LANs have all of its prefix, is as good as full."""
        if pool.pool.size:
            usage = usage_leafs(self._book.usage(pool.pool))
        else:
            usage = BUILD.leafs(total_count=count(0), allocated_count=0, declined_count=0, utilization=100)
        return BUILD.node(
            "prefix-pool-state",
            [
                *BUILD.leafs(
                    table_id=pool.table,
                    pool_prefix=pool.prefix,
                    client_prefix_length=pool.length,
                    interface=pool.made_of.config.delegated_from,
                    pool_id=pool.id,
                ),
                *usage,
            ],
        )

    # Clients

    def _clients(self, want: Want) -> Iterator[Element]:
        table, duid = wanted_key(want, "table-id"), wanted_key(want, "client-duid")
        exchanges: Iterable[Exchange] = self._heard
        if table is not None and duid is not None:
            try:
                exchanges = self._heard.of_client(int(table), octets(duid))[:1]
            except ValueError:
                return
        wanted = [
            one
            for one in exchanges
            if one.client and matches(want, table_id=one.table, client_duid=hexadecimal(one.client))
        ]
        now = self._clock.boottime()
        leases = leases_of(self._book, {one.client for one in wanted}, now)
        pace = Pace()
        for exchange in wanted:
            pace.step()
            held = [lease for lease in leases.get(exchange.client, ()) if is_active(lease, now)]
            yield BUILD.node("client", self._client(exchange, held))

    def _client(self, exchange: Exchange, held: Iterable[Lease6]) -> list[Element]:
        leases = [lease for lease in held if lease.state is LeaseState.ACTIVE]
        hardware = exchange.hardware or next((lease.hardware for lease in leases), b"")
        return [
            *BUILD.leafs(
                table_id=exchange.table,
                client_duid=hexadecimal(exchange.client),
                hardware_address=hexadecimal(hardware[1:]),
            ),
            *(
                BUILD.leaf("leased-address", IPv6Address(lease.network))
                for lease in leases
                if lease.kind is LeaseKind.ADDRESS
            ),
            *(
                BUILD.leaf("leased-prefix", IPv6Network((lease.network, lease.length)))
                for lease in leases
                if lease.kind is LeaseKind.PREFIX
            ),
            *exchange_leafs(exchange, self._instants),
        ]

    def _statistics(self, want: Want) -> Iterator[Element]:
        for interface, counters in self._service.interfaces.items():
            if matches(want, interface=interface):
                received = {f"{kind}-count": counters.received[kind] for kind in _RECEIVED}
                sent = {f"{kind}-count": counters.sent[kind] for kind in _SENT}
                yield BUILD.node(
                    "statistics",
                    [
                        *BUILD.leafs(
                            interface=interface,
                            discontinuity_time=self._instants.text(self._started),
                            discarded_message_count=sum(counters.drops.values()),
                        ),
                        *discarded(counters.drops),
                        *(BUILD.leaf(name, number) for name, number in {**received, **sent}.items()),
                        BUILD.leaf("conflict-count", counters.conflicts),
                    ],
                )


def _status(lease: Lease6, now: float) -> list[Element]:
    """Say with which status a lease in force was sent: an association without one is successful (RFC 8415, 21.13)."""
    return [BUILD.node("status", BUILD.leafs(code=int(StatusCode.SUCCESS)))] if is_active(lease, now) else []


def _relay(lease: Lease6) -> list[Element]:
    details = lease.details
    if details == NO_DETAILS6:
        return []
    return [
        BUILD.node(
            "relay",
            BUILD.leafs(
                link_address=IPv6Address(details.link_address) if details.link_address else None,
                peer_address=IPv6Address(details.peer_address) if details.peer_address else None,
                interface_id=hexadecimal(details.interface_id),
                remote_id=hexadecimal(details.remote_id),
            ),
        )
    ]
