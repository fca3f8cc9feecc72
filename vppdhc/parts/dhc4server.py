"""The DHCPv4 server with everything round it: /vppdhc:dhc4server."""

from collections.abc import Mapping
from typing import Final

import structlog

from nc.component import Component
from nc.operations import Operations
from nc.schema import Schema
from nc.state import StateSource
from vppdhc.clock import Clock
from vppdhc.dhc4.config import ConflictDetection, ServerConfig
from vppdhc.dhc4.heard import Heard
from vppdhc.dhc4.protocols import Dataplane
from vppdhc.dhc4.server import Server
from vppdhc.dhc4.service import Dhcp4Service
from vppdhc.dhc4.teller import Teller
from vppdhc.interface import Interface
from vppdhc.northbound.dhc4_component import Dhcp4Component
from vppdhc.northbound.notices import Notices
from vppdhc.northbound.operations_dhc4 import Dhcp4Operations
from vppdhc.northbound.sources import Instants
from vppdhc.northbound.state_dhc4 import Dhcp4State
from vppdhc.northbound.story import Stories
from vppdhc.parts.leases import LeasesPart
from vppdhc.parts.vpp import VppPart
from vppdhc.supervisor import Supervisor
from vppdhc.vpp.arping import Arping
from vppdhc.vpp.delivery import BroadcastRoute
from vppdhc.vpp.punt import Port

PORT: Final = Port(af=4, protocol=17, port=67)
_GREENLETS: Final = ("dhc4server", "dhc4server probes", "dhc4server arping", "dhc4server expiry")


class Dhc4ServerPart:
    """The server, what tells VPP of it, and what tells operators."""

    def __init__(
        self, vpp: VppPart, leases: LeasesPart, clock: Clock, supervisor: Supervisor, notices: Notices
    ) -> None:
        """Serve nobody before it is configured."""
        self._vpp = vpp
        self._leases = leases
        self._clock = clock
        self._supervisor = supervisor
        self._log = structlog.get_logger()
        self._configured = False
        self._serving: frozenset[str] = frozenset()
        self._started = clock.boottime()
        self._heard = Heard()
        self._teller = Teller(notices.leases, notices.pools)
        self._server = Server(ServerConfig(enabled=False), leases.book)
        self._service = Dhcp4Service(
            self._server,
            leases.book,
            Dataplane(vpp.interfaces, vpp.neighbours, vpp.sender.send, vpp.sender.send_at_once, Arping(vpp.link).ask),
            leases.committer,
            clock,
            heard=self._heard,
            teller=self._teller,
        )
        vpp.interfaces.on_change(self._interface_changed)
        vpp.neighbours.on_neighbour(self._service.prober.heard)

    def components(self, schema: Schema) -> list[Component]:
        """Return what configures it."""
        return [Dhcp4Component(schema, self._vpp.known, self._vpp.punt_problem, self._configure)]

    def sources(self, instants: Instants) -> list[StateSource]:
        """Return what tells of it."""
        state = Dhcp4State(
            self._server, self._leases.book, self._service, self._heard, self._clock, instants, self._started
        )
        return [*state.sources()]

    def register(self, operations: Operations, instants: Instants) -> None:
        """Have its actions performed."""
        book, clock = self._leases.book, self._clock
        stories = Stories(self._server, book, self._heard, clock, instants, lambda: self._leases.alarm)
        Dhcp4Operations(
            self._server,
            book,
            self._leases.committer,
            clock,
            self._vpp.interfaces.named,
            self._teller.leases,
            stories,
            instants,
        ).register(operations)

    def status(self) -> dict[str, tuple[str, str]]:
        """Say how it is: status and problem."""
        if self._leases.alarm:
            return {"dhc4server": ("failed", self._leases.alarm)}
        return {"dhc4server": ("running" if self._configured else "not-configured", "")}

    def learn(self, upstream: Mapping[str, Mapping[int, bytes]]) -> None:
        """Tell clients from now on what the router's own clients have learned; see Serving.set_upstream()."""
        self._server.set_upstream(upstream)

    def start(self) -> None:
        """Serve port 67."""
        start, prober = self._supervisor.start, self._service.prober
        source = self._vpp.ports.socket(PORT)
        runs = (lambda: self._service.serve(source), prober.run, prober.run_arping, self._service.expire)
        for name, run in zip(_GREENLETS, runs, strict=True):
            start(name, run)

    def end(self) -> None:
        """Answer nobody any more."""
        for name in _GREENLETS:
            self._supervisor.stop(name)

    def _configure(self, config: ServerConfig | None) -> None:
        """Serve as configured from now on, or nobody any more."""
        self._configured = config is not None
        self._server.configure(config or ServerConfig(enabled=False))
        if config is not None:
            self._service.prober.limit = config.max_pending_probes
        self._vpp.ports.want(PORT, wanted=config is not None)
        self._follow_networks()

    def _interface_changed(self, old: Interface | None, new: Interface | None) -> None:
        """Tell the server, which makes its networks anew."""
        self._server.interface_changed(old, new)
        self._follow_networks()

    def _follow_networks(self) -> None:
        """Have broadcasts delivered in the tables that are served, and say what is served."""
        served = {served.name: served for served in self._server.networks if served.subnets}
        self._vpp.delivery.want(BroadcastRoute, {BroadcastRoute(one.table) for one in served.values()})
        self._vpp.neighbours.watch(
            one.name
            for one in served.values()
            if any(subnet.settings.conflict_detection is ConflictDetection.PROBE for subnet in one.subnets)
        )
        self._vpp.link.settle()
        for name in sorted(served.keys() - self._serving):
            networks = ", ".join(str(subnet.network) for subnet in served[name].subnets)
            self._log.info("serving", interface=name, networks=networks)
        for name in sorted(self._serving - served.keys()):
            self._log.info("not serving any more", interface=name)
        self._serving = frozenset(served)
