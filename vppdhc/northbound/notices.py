"""Notifications of the model: what happens in the daemon, published to whoever has subscribed."""

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from ipaddress import IPv4Address
from typing import Final

import structlog
from gevent.event import Event as Wake

from nc.pace import Pace
from nc.xml import Element
from vppdhc.dhc4.events import Event, EventKind, PoolEvent
from vppdhc.dhc4client.journal import Event as ClientEvent
from vppdhc.dhc4client.journal import EventKind as ClientEventKind
from vppdhc.northbound.model import BUILD
from vppdhc.northbound.sources import Instants, hexadecimal
from vppdhc.vpp.punt import Port

_WAITING_MOST: Final = 10_000
"""Events that may wait to be published. It is more than the replay log keeps."""
_KINDS: Final = {
    EventKind.GRANTED: "lease-granted",
    EventKind.RENEWED: "lease-renewed",
    EventKind.RELEASED: "lease-released",
    EventKind.EXPIRED: "lease-expired",
    EventKind.DECLINED: "lease-declined",
    EventKind.CLEARED: "lease-cleared",
}


class Notices:
    """Takes events at once and publishes them in a greenlet of its own: XML is made when somebody reads it.

    lost: events that were not published as too many waited.
    """

    def __init__(self, instants: Instants) -> None:
        self._instants = instants
        self._waiting: deque[tuple[str, Callable[[], list[Element]]]] = deque()
        self._wake = Wake()
        self._log = structlog.get_logger()
        self.lost = 0

    def run(self, publish: Callable[[str, Callable[[], Element]], object]) -> None:
        """Publish what comes, for ever; publish: see Notifications.publish_made()."""
        while True:
            self._wake.wait()
            self._wake.clear()
            pace = Pace()
            lost = self.lost
            while self._waiting:
                name, leafs = self._waiting.popleft()
                publish(BUILD.tag(name), partial(_node, name, leafs))
                pace.step()
            if self.lost > lost:
                self._log.warning("notifications lost, more came than could be published", count=self.lost - lost)

    def leases(self, events: Sequence[Event]) -> None:
        """Publish what happened to leases."""
        for event in events:
            name = "address-conflict" if event.kind is EventKind.CONFLICT else _KINDS[event.kind]
            self._add(name, partial(self._lease, event))

    def pools(self, events: Sequence[PoolEvent]) -> None:
        """Publish that pools have become full, or are so no longer."""
        for event in events:
            change = "exceeded" if event.usage.exceeded else "cleared"
            self._add(f"address-pool-utilization-threshold-{change}", partial(_pool, event))

    def client4(self, event: ClientEvent) -> None:
        """Publish what happened to a DHCPv4 client of the router."""
        name = "address-conflict" if event.kind is ClientEventKind.CONFLICT else f"client-{event.kind}"
        self._add(name, partial(self._client4, event))

    def vpp_connected(self, version: str) -> None:
        """Publish that VPP is there."""
        self._add("vpp-connected", lambda: BUILD.leafs(version=version))

    def vpp_lost(self, reason: str) -> None:
        """Publish that VPP has gone."""
        self._add("vpp-lost", lambda: BUILD.leafs(text=reason or None))

    def port_taken(self, port: Port, holder: str) -> None:
        """Publish that somebody has taken a punt port."""
        protocol = "udp" if port.protocol == 17 else "icmp6"
        leafs = BUILD.leafs(
            address_family=f"ipv{port.af}", protocol=protocol, port=port.port, owner_path=holder or None
        )
        self._add("punt-port-taken", lambda: leafs)

    def storage_alarm(self, text: str) -> None:
        """Publish that leases cannot be stored."""
        self._add("storage-alarm-raised", lambda: BUILD.leafs(text=text))

    def storage_restored(self, seconds: float) -> None:
        """Publish that leases can be stored again; seconds: how long they could not."""
        self._add("storage-alarm-cleared", lambda: BUILD.leafs(duration=round(seconds)))

    def drifted(self, item: str, reason: str) -> None:
        """Publish that VPP is not as it should be."""
        leafs = BUILD.leafs(object=item, component="vpp", intended="present", actual="absent", text=reason)
        self._add("vpp-state-drifted", lambda: leafs)

    def restored(self, item: str) -> None:
        """Publish that VPP is as it should be again."""
        self._add("vpp-state-restored", lambda: BUILD.leafs(object=item, component="vpp"))

    def _add(self, name: str, leafs: Callable[[], list[Element]]) -> None:
        if len(self._waiting) >= _WAITING_MOST:
            self.lost += 1
            return
        self._waiting.append((name, leafs))
        self._wake.set()

    def _lease(self, event: Event) -> list[Element]:
        lease = event.lease
        if event.kind is EventKind.CONFLICT:
            return BUILD.leafs(
                server="dhc4server",
                interface=lease.interface,
                table_id=lease.table,
                address=IPv4Address(lease.address),
                hardware_address=hexadecimal(event.holder),
            )
        relay = lease.details.relay_address
        return BUILD.leafs(
            server="dhc4server",
            table_id=lease.table,
            leased_address=IPv4Address(lease.address),
            interface=lease.interface or None,
            hardware_address=hexadecimal(lease.hardware[1:]),
            client_id=hexadecimal(lease.client_id),
            hostname=lease.hostname or None,
            lifetime=lease.granted,
            expires=self._instants.text(lease.expires),
            relay_address=IPv4Address(relay) if relay else None,
        )

    def _client4(self, event: ClientEvent) -> list[Element]:
        leafs: dict[str, object] = {"client": "dhc4client", "interface": event.interface}
        if event.lease is not None:
            address = event.lease.terms.address
            leafs |= {
                "address": address.ip,
                "prefix_length": address.network.prefixlen,
                "server_address": event.lease.terms.server,
                "expires": self._instants.text(event.lease.expires),
            }
        if event.kind is ClientEventKind.CHANGED:
            leafs["previous_address"] = event.previous
        elif event.kind is ClientEventKind.LOST:
            leafs |= {"address": event.previous, "reason": event.reason}
        elif event.kind is ClientEventKind.CONFLICT:
            leafs["address"] = event.previous
        elif event.kind is ClientEventKind.PROBLEM:
            leafs["text"] = event.text
        return BUILD.leafs(**leafs)


def _node(name: str, leafs: Callable[[], list[Element]]) -> Element:
    return BUILD.node(name, leafs())


def _pool(event: PoolEvent) -> list[Element]:
    usage = event.usage
    return BUILD.leafs(
        server="dhc4server",
        table_id=event.table,
        network_prefix=event.network,
        interface=event.interface or None,
        subnet=event.subnet or None,
        pool_id=event.pool_id or None,
        total_count=usage.size,
        allocated_count=usage.allocated,
        utilization=usage.utilization,
        threshold=usage.threshold,
    )
