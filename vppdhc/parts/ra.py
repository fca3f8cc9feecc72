"""Router advertisements with everything round them: /vppdhc:ip6ndra."""

from collections.abc import Mapping
from random import SystemRandom
from typing import Final

import gevent
import structlog

from nc.component import Component
from nc.operations import Operations
from nc.schema import Schema
from nc.state import StateSource
from vppdhc.clock import Clock
from vppdhc.interface import Interface
from vppdhc.northbound.notices import Notices
from vppdhc.northbound.ra_component import RaComponent
from vppdhc.northbound.ra_operations import RaOperations
from vppdhc.northbound.sources import Instants
from vppdhc.northbound.state_ra import RaState
from vppdhc.parts.clients import Learned
from vppdhc.parts.vpp import VppPart
from vppdhc.places import Places
from vppdhc.ra.config import RaConfig
from vppdhc.ra.service import RaService
from vppdhc.ra.store import MemoryStore
from vppdhc.ra.upstream import AdvertisedPrefix
from vppdhc.supervisor import Supervisor
from vppdhc.vpp.delivery import Ip6Enabled, NoOwnAdvertisements
from vppdhc.vpp.punt import Port
from vppdhc.vpp.router_events import RouterAdvertisement

PORT: Final = Port(af=6, protocol=58, port=133)
"""Router solicitations: of ICMPv6, VPP takes the type for the port."""
_NAME: Final = "ip6ndra"
_LEAVE_SECONDS: Final = 5.0
"""How long a clean stop waits for the final advertisements: MIN_DELAY_BETWEEN_RAS, three seconds, at most."""


class RaPart:
    """The router's advertisements, what tells VPP of them, and what tells operators."""

    def __init__(self, vpp: VppPart, places: Places, clock: Clock, supervisor: Supervisor, notices: Notices) -> None:
        """Advertise nothing before it is configured."""
        self._vpp = vpp
        self._supervisor = supervisor
        self._log = structlog.get_logger()
        self._configured = False
        self._advertising: frozenset[str] = frozenset()
        self._ways: frozenset[str] = frozenset()
        self._service = RaService(
            vpp.interfaces,
            vpp.sender.send,
            clock,
            supervisor,
            SystemRandom(),
            MemoryStore(places.advertised, clock, gevent.get_hub().threadpool.apply),
            notices.inconsistent_router,
            on_ceased=lambda _: self._want_packets(),
        )
        vpp.interfaces.on_change(self._interface_changed)
        vpp.router_events.on_advertisement(self._hear)

    def components(self, schema: Schema) -> list[Component]:
        """Return what configures it."""
        return [RaComponent(schema, self._vpp.known, self._vpp.punt_problem, self._configure)]

    def sources(self, instants: Instants) -> list[StateSource]:
        """Return what tells of it."""
        return [*RaState(self._service, instants).sources()]

    def register(self, operations: Operations) -> None:
        """Have its action performed."""
        RaOperations(self._service).register(operations)

    def status(self) -> dict[str, tuple[str, str]]:
        """Say how it is: status and problem."""
        senders = sorted(self._service.senders.items())
        problems = "; ".join(f"{name}: {sender.problem}" for name, sender in senders if sender.problem)
        if not self._configured:
            return {_NAME: ("not-configured", "")}
        return {_NAME: ("failed" if problems else "running", problems)}

    def learn(self, learned: Learned) -> None:
        """Tell hosts from now on what the router's DHCPv6 clients have learned; see RaService.set_upstream()."""
        self._service.set_upstream(learned)

    def follow(self, ways: frozenset[str]) -> None:
        """Note on which interfaces the router's DHCPv6 clients have a way to the provider."""
        self._ways = ways
        self._tell_ways()

    def advertise(self, delegated: Mapping[str, tuple[AdvertisedPrefix, ...]]) -> None:
        """Advertise what the router's DHCPv6 clients give LANs; see RaService.set_delegated()."""
        self._service.set_delegated(delegated)

    def start(self) -> None:
        """Take solicitations in."""
        source = self._vpp.ports.socket(PORT)
        self._supervisor.start(_NAME, lambda: self._service.serve(source))

    def end(self) -> None:
        """Say on all interfaces that there is no router any more, while packets still pass."""
        self._service.stop(_LEAVE_SECONDS)
        self._supervisor.stop(_NAME)

    def _configure(self, config: RaConfig | None) -> None:
        self._configured = config is not None
        self._service.configure(config)
        self._want_packets()

    def _want_packets(self) -> None:
        """Have VPP deliver what is needed to advertise, also where the final advertisements are still to be sent."""
        names = frozenset(self._service.senders)
        self._vpp.ports.want(PORT, wanted=bool(names))
        self._vpp.delivery.want(Ip6Enabled, map(Ip6Enabled, names), owner=_NAME)
        self._vpp.delivery.want(NoOwnAdvertisements, map(NoOwnAdvertisements, names), owner=_NAME)
        self._vpp.router_events.listen(names)
        self._vpp.link.settle()
        for name in sorted(names - self._advertising):
            self._log.info("router advertisements begin", interface=name)
        for name in sorted(self._advertising - names):
            self._log.info("router advertisements have ended", interface=name)
        self._advertising = names

    def _hear(self, interface: str, advertisement: RouterAdvertisement) -> None:
        self._service.other_router(interface, advertisement)

    def _interface_changed(self, old: Interface | None, new: Interface | None) -> None:
        self._service.interface_changed(old, new)
        changed = new or old
        if changed is not None and changed.name in self._ways:
            self._tell_ways()

    def _tell_ways(self) -> None:
        """A way to the provider is none while the interface to it is down."""
        interfaces = [self._vpp.interfaces.named(name) for name in self._ways]
        self._service.set_upstream_router({one.name: one.up for one in interfaces if one is not None})
