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
from vppdhc.dhc6.events import Event as LeaseEvent6
from vppdhc.dhc6.serving import CrossedPool
from vppdhc.dhc6pdclient.journal import Event as Client6Event
from vppdhc.dhc6pdclient.journal import EventKind as Client6EventKind
from vppdhc.northbound import notices6
from vppdhc.northbound.model import BUILD
from vppdhc.northbound.sources import Instants, hexadecimal
from vppdhc.ra.events import Inconsistent
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

_PREFIX_EVENTS: Final = frozenset(
    (Client6EventKind.PREFIX_DELEGATED, Client6EventKind.PREFIX_CHANGED, Client6EventKind.PREFIX_LOST)
)


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

    def leases6(self, events: Sequence[LeaseEvent6]) -> None:
        """Publish what happened to leases of the DHCPv6 server."""
        for event in events:
            self._add(notices6.lease_name(event), partial(notices6.lease_leafs, event, self._instants))

    def pools6(self, crossed: Sequence[CrossedPool]) -> None:
        """Publish that pools of the DHCPv6 server have become full, or are so no longer."""
        for pool in crossed:
            self._add(notices6.pool_name(pool), partial(notices6.pool_leafs, pool))

    def client4(self, event: ClientEvent) -> None:
        """Publish what happened to a DHCPv4 client of the router."""
        name = "address-conflict" if event.kind is ClientEventKind.CONFLICT else f"client-{event.kind}"
        self._add(name, partial(self._client4, event))

    def client6(self, event: Client6Event) -> None:
        """Publish what happened to a DHCPv6 client of the router."""
        kind = event.kind
        if kind in _PREFIX_EVENTS:
            self._add(str(kind), partial(_prefix, event))
        else:
            name = "address-conflict" if kind is Client6EventKind.CONFLICT else f"client-{kind}"
            self._add(name, partial(self._client6, event))

    def inconsistent_router(self, event: Inconsistent) -> None:
        """Publish that another router advertises something else than this one."""
        self._add("router-advertisement-inconsistent", partial(_inconsistent, event))

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

    def _client6(self, event: Client6Event) -> list[Element]:
        leafs: dict[str, object] = {"client": "dhc6pdclient", "interface": event.interface}
        if event.lease is not None:
            leafs["address"] = event.lease.address
        match event.kind:
            case Client6EventKind.BOUND | Client6EventKind.CHANGED:
                if event.association is not None and event.lease is not None:
                    leafs["server_duid"] = hexadecimal(event.association.server)
                    leafs["expires"] = self._instants.text(event.lease.valid_until)
                if event.previous is not None:
                    leafs["previous_address"] = event.previous.address
            case Client6EventKind.LOST:
                leafs["reason"] = event.reason
            case Client6EventKind.PROBLEM:
                leafs["text"] = event.text
        return BUILD.leafs(**leafs)


def _prefix(event: Client6Event) -> list[Element]:
    association, lease = event.association, event.lease
    assert association is not None
    assert lease is not None
    lost = event.kind is Client6EventKind.PREFIX_LOST
    return BUILD.leafs(
        interface=event.interface,
        ia_id=association.key.ia_id,
        prefix=lease.prefix,
        preferred_lifetime=None if lost else lease.preferred,
        valid_lifetime=None if lost else lease.valid,
        server_duid=hexadecimal(association.server),
        previous_prefix=None if event.previous is None else event.previous.prefix,
        reason=event.reason if lost else None,
    )


def _inconsistent(event: Inconsistent) -> list[Element]:
    leafs = BUILD.leafs(interface=event.interface, address=event.address)
    return [*leafs, *(BUILD.leaf("inconsistency", text) for text in event.inconsistencies)]


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
