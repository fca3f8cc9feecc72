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
    """Takes events at once and publishes them in a greenlet of its own: no packet waits for XML to be made.

    lost: events that were not published as too many waited.
    """

    def __init__(self, instants: Instants) -> None:
        self._instants = instants
        self._waiting: deque[Callable[[], Element]] = deque()
        self._wake = Wake()
        self._log = structlog.get_logger()
        self.lost = 0

    def run(self, publish: Callable[[Element], object]) -> None:
        """Publish what comes, for ever."""
        while True:
            self._wake.wait()
            self._wake.clear()
            pace = Pace()
            lost = self.lost
            while self._waiting:
                publish(self._waiting.popleft()())
                pace.step()
            if self.lost > lost:
                self._log.warning("notifications lost, more came than could be published", count=self.lost - lost)

    def leases(self, events: Sequence[Event]) -> None:
        """Publish what happened to leases."""
        for event in events:
            self._add(partial(self._lease, event))

    def pools(self, events: Sequence[PoolEvent]) -> None:
        """Publish that pools have become full, or are so no longer."""
        for event in events:
            self._add(partial(_pool, event))

    def vpp_connected(self, version: str) -> None:
        """Publish that VPP is there."""
        self._add(lambda: BUILD.node("vpp-connected", BUILD.leafs(version=version)))

    def vpp_lost(self, reason: str) -> None:
        """Publish that VPP has gone."""
        self._add(lambda: BUILD.node("vpp-lost", BUILD.leafs(text=reason or None)))

    def port_taken(self, port: Port, holder: str) -> None:
        """Publish that somebody has taken a punt port."""
        protocol = "udp" if port.protocol == 17 else "icmp6"
        leafs = BUILD.leafs(
            address_family=f"ipv{port.af}", protocol=protocol, port=port.port, owner_path=holder or None
        )
        self._add(lambda: BUILD.node("punt-port-taken", leafs))

    def storage_alarm(self, text: str) -> None:
        """Publish that leases cannot be stored."""
        self._add(lambda: BUILD.node("storage-alarm-raised", BUILD.leafs(text=text)))

    def storage_restored(self, seconds: float) -> None:
        """Publish that leases can be stored again; seconds: how long they could not."""
        self._add(lambda: BUILD.node("storage-alarm-cleared", BUILD.leafs(duration=round(seconds))))

    def drifted(self, item: str, reason: str) -> None:
        """Publish that VPP is not as it should be."""
        leafs = BUILD.leafs(object=item, component="vpp", intended="present", actual="absent", text=reason)
        self._add(lambda: BUILD.node("vpp-state-drifted", leafs))

    def restored(self, item: str) -> None:
        """Publish that VPP is as it should be again."""
        self._add(lambda: BUILD.node("vpp-state-restored", BUILD.leafs(object=item, component="vpp")))

    def _add(self, make: Callable[[], Element]) -> None:
        if len(self._waiting) >= _WAITING_MOST:
            self.lost += 1
            return
        self._waiting.append(make)
        self._wake.set()

    def _lease(self, event: Event) -> Element:
        lease = event.lease
        return BUILD.node(
            _KINDS[event.kind],
            BUILD.leafs(
                server="dhc4server",
                table_id=lease.table,
                leased_address=IPv4Address(lease.address),
                interface=lease.interface or None,
                hardware_address=hexadecimal(lease.hardware[1:]),
                client_id=hexadecimal(lease.client_id),
                hostname=lease.hostname or None,
                lifetime=lease.granted,
                expires=self._instants.text(lease.expires),
            ),
        )


def _pool(event: PoolEvent) -> Element:
    usage = event.usage
    change = "exceeded" if usage.exceeded else "cleared"
    return BUILD.node(
        f"address-pool-utilization-threshold-{change}",
        BUILD.leafs(
            server="dhc4server",
            table_id=event.table,
            network_prefix=event.network,
            interface=event.interface,
            total_count=usage.size,
            allocated_count=usage.allocated,
            utilization=usage.utilization,
            threshold=usage.threshold,
        ),
    )
