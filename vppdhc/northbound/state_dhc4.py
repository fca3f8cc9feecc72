"""State of /vppdhc:dhc4server: who is served where, the leases, pools and counters."""

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Final

from nc.filter import Want
from nc.xml import Element
from vppdhc.clock import Clock
from vppdhc.dhc4.book import LeaseBook
from vppdhc.dhc4.server import Server
from vppdhc.dhc4.service import Dhcp4Service
from vppdhc.dhc4.subnet import Subnet
from vppdhc.leases.lease import Lease, LeaseState
from vppdhc.northbound.model import BUILD
from vppdhc.northbound.sources import Instants, Source, flag, hexadecimal, matches, nothing, wanted_key

_STATES: Final = {
    LeaseState.OFFERED: "offered",
    LeaseState.ACTIVE: "active",
    LeaseState.RELEASED: "released",
    LeaseState.DECLINED: "declined",
}


def lease_state(lease: Lease, now: float) -> str:
    """Return the state of a lease as the model has it; now is CLOCK_BOOTTIME."""
    if lease.state == LeaseState.ACTIVE and lease.expires <= now:
        return "expired"
    return _STATES[lease.state]


def is_active(lease: Lease, now: float) -> bool:
    """Whether a lease is in the list of active ones."""
    return lease_state(lease, now) in {"offered", "active"}


class Dhcp4State:
    """All of it."""

    def __init__(
        self, server: Server, book: LeaseBook, service: Dhcp4Service, clock: Clock, instants: Instants, started: float
    ) -> None:
        """Started: CLOCK_BOOTTIME from which the counters count."""
        self._server = server
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
            Source("/vppdhc:dhc4server/address-pool-state", self._pool),
            nothing("/vppdhc:dhc4server/client"),
            Source("/vppdhc:dhc4server/statistics", self._statistics),
            Source("/vppdhc:dhc4server/discarded-message-count", self._discarded_count),
            Source("/vppdhc:dhc4server/discarded-message", self._discarded),
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
        now = self._clock.boottime()
        name = "active-lease" if active else "inactive-lease"
        for lease in self._wanted(want):
            if is_active(lease, now) is active:
                yield BUILD.node(name, self._lease(lease, now))

    def _wanted(self, want: Want) -> Iterator[Lease]:
        """Go through the leases that have the wanted keys: one where both are known, never all of them for it.

        Of an address with both, a lease in force is shown, else the offer.
        """
        now = self._clock.boottime()
        table, address = wanted_key(want, "table-id"), wanted_key(want, "leased-address")
        if table is not None and address is not None:
            number = int(IPv4Address(address))
            lease, offer = self._book.get(int(table), number), self._book.offer_at(int(table), number)
            if lease is not None and (offer is None or is_active(lease, now)):
                yield lease
            elif offer is not None:
                yield offer
            return
        for offer in self._book.offers():
            lease = self._book.get(offer.table, offer.address)
            if matches(want, table_id=offer.table) and (lease is None or not is_active(lease, now)):
                yield offer
        for lease in self._book:
            offered = self._book.offer_at(lease.table, lease.address) is not None
            if matches(want, table_id=lease.table) and (not offered or is_active(lease, now)):
                yield lease

    def _lease(self, lease: Lease, now: float) -> list[Element]:
        times = None
        subnet = self._server.networks.find(lease.table, lease.address)
        if subnet is not None and lease.state in {LeaseState.ACTIVE, LeaseState.OFFERED}:
            times = subnet.settings.times(lease.granted)
        holder = self._server.reservations.holder(lease.table, lease.address)
        granted = lease.state is not LeaseState.OFFERED
        return BUILD.leafs(
            state=lease_state(lease, now),
            table_id=lease.table,
            leased_address=IPv4Address(lease.address),
            hardware_address=hexadecimal(lease.hardware[1:]),
            client_id=hexadecimal(lease.client_id),
            hostname=lease.hostname or None,
            interface=lease.interface or None,
            reservation=None if holder is None else holder.id,
            lease_time=lease.granted,
            lease_t1=None if times is None else times.renewal,
            lease_t2=None if times is None else times.rebinding,
            allocation_time=self._instants.text(lease.since) if granted else None,
            last_renew_rebind=self._instants.text(lease.renewed) if granted else None,
            expires=self._instants.text(lease.expires),
        )

    def _pool(self, want: Want) -> Iterator[Element]:
        for served in self._server.networks:
            for subnet in served.subnets:
                if subnet.pool.size and matches(
                    want, table_id=subnet.table, start_address=IPv4Address(subnet.pool.first)
                ):
                    yield self._pool_of(subnet)

    def _pool_of(self, subnet: Subnet) -> Element:
        usage = self._book.usage(subnet.pool)
        return BUILD.node(
            "address-pool-state",
            BUILD.leafs(
                table_id=subnet.table,
                start_address=IPv4Address(subnet.pool.first),
                end_address=IPv4Address(subnet.pool.stop - 1),
                network_prefix=subnet.network,
                interface=subnet.interface,
                total_count=subnet.pool.size,
                allocated_count=usage.allocated,
                declined_count=usage.declined,
                utilization=usage.utilization,
                threshold_exceeded=flag(usage.exceeded),
            ),
        )

    def _statistics(self, want: Want) -> Iterator[Element]:
        for interface, counters in self._service.interfaces.items():
            if not matches(want, interface=interface):
                continue
            received, sent = counters.received, counters.sent
            drops = [
                BUILD.node("discarded-message", BUILD.leafs(reason=str(reason), count=count))
                for reason, count in sorted(counters.drops.items())
            ]
            yield BUILD.node(
                "statistics",
                [
                    *BUILD.leafs(
                        interface=interface,
                        discontinuity_time=self._instants.text(self._started),
                        discarded_message_count=sum(counters.drops.values()),
                    ),
                    *drops,
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
                        conflict_count=counters.conflicts,
                    ),
                ],
            )

    def _discarded_count(self, _: Want) -> Iterator[Element]:
        yield BUILD.leaf("discarded-message-count", sum(self._service.drops.values()))

    def _discarded(self, want: Want) -> Iterator[Element]:
        for reason, count in sorted(self._service.drops.items()):
            if matches(want, reason=str(reason)):
                yield BUILD.node("discarded-message", BUILD.leafs(reason=str(reason), count=count))
