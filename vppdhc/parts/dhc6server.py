"""The DHCPv6 server with everything round it: /vppdhc:dhc6server."""

from collections.abc import Callable, Collection
from ipaddress import IPv6Network
from secrets import token_bytes
from typing import Final

import structlog

from nc.component import Component
from nc.operations import Operations
from nc.schema import Schema
from nc.state import StateSource
from vppdhc.clock import Clock
from vppdhc.dhc6.config import ConflictDetection, ServerConfig
from vppdhc.dhc6.delegation import Delegated
from vppdhc.dhc6.handed_on import handed_on
from vppdhc.dhc6.heard import Heard
from vppdhc.dhc6.levels import Life
from vppdhc.dhc6.protocols import Dataplane
from vppdhc.dhc6.routes import routes_of
from vppdhc.dhc6.routing import DelegatedRoutes
from vppdhc.dhc6.server import Server
from vppdhc.dhc6.service import Dhcp6Service
from vppdhc.dhc6.teller import Teller
from vppdhc.dhc6pdclient.lans import Advertised
from vppdhc.interface import Interface
from vppdhc.northbound.dhc6_component import Dhcp6Component
from vppdhc.northbound.notices import Notices
from vppdhc.northbound.operations_dhc6 import Dhcp6Operations
from vppdhc.northbound.sources import Instants
from vppdhc.northbound.state_dhc6 import Dhcp6State
from vppdhc.northbound.story6 import Stories6
from vppdhc.parts.clients import Learned
from vppdhc.parts.dhc6pdclient import Onward
from vppdhc.parts.duid import DuidPart
from vppdhc.parts.leases import LeasesPart
from vppdhc.parts.vpp import VppPart
from vppdhc.supervisor import Supervisor
from vppdhc.vpp.delivery import TO_ALL_SERVERS, TO_SERVERS, Ip6Enabled, MulticastRoute
from vppdhc.vpp.punt import Port

PORT: Final = Port(af=6, protocol=17, port=547)
_NAME: Final = "dhc6server"
_NOT_CONFIGURED: Final = ServerConfig()
"""Serves no interface."""


class Dhc6ServerPart:
    """The server, what tells VPP of it, and what tells operators."""

    def __init__(
        self, vpp: VppPart, leases: LeasesPart, duid: DuidPart, clock: Clock, supervisor: Supervisor, notices: Notices
    ) -> None:
        """Serve nobody before it is configured."""
        self._vpp = vpp
        self._leases = leases
        self._duid = duid
        self._clock = clock
        self._supervisor = supervisor
        self._log = structlog.get_logger()
        self._configured = False
        self._intended: tuple[str, ...] = ()
        self._serving: frozenset[str] = frozenset()
        self._started = clock.boottime()
        self._heard = Heard()
        self._server = Server(_NOT_CONFIGURED, leases.book6, b"", clock.wall, token_bytes)
        self._routes = DelegatedRoutes(
            vpp.programming, routes_of(leases.book6, clock.boottime()), vpp.settling.expect(_NAME)
        )
        self._service = Dhcp6Service(
            self._server,
            leases.book6,
            Dataplane(vpp.interfaces, vpp.neighbours, vpp.sender.send, vpp.sender.send_at_once),
            leases.committer,
            clock,
            routes=self._routes,
            heard=self._heard,
            teller=Teller(notices.leases6, notices.pools6),
        )
        duid.on_change(self._duid_changed)
        vpp.interfaces.on_change(self._interface_changed)
        vpp.neighbours.on_neighbour6(self._service.prober.heard)

    def components(self, schema: Schema) -> list[Component]:
        """Return what configures it."""
        return [Dhcp6Component(schema, self._vpp.known, self._vpp.punt_problem, self._configure)]

    def sources(self, instants: Instants) -> list[StateSource]:
        """Return what tells of it."""
        state = Dhcp6State(
            self._server,
            self._leases.book6,
            self._service,
            self._heard,
            self._clock,
            instants,
            self._started,
            lambda: self._intended,
        )
        return [*state.sources()]

    def register(self, operations: Operations, instants: Instants) -> None:
        """Have its actions performed."""
        book, clock = self._leases.book6, self._clock
        stories = Stories6(self._server, book, self._heard, clock, instants, lambda: self._leases.alarm)
        Dhcp6Operations(
            self._server,
            book,
            self._leases.committer,
            clock,
            self._vpp.interfaces.named,
            self._service.follow,
            self._heard,
            stories,
            instants,
        ).register(operations)

    def status(self) -> dict[str, tuple[str, str]]:
        """Say how it is: status and problem."""
        if self._leases.alarm:
            return {_NAME: ("failed", self._leases.alarm)}
        if not self._configured:
            return {_NAME: ("not-configured", "")}
        problem = self._routes.problem
        return {_NAME: ("failed" if problem else "running", problem)}

    def learn(self, upstream: Learned) -> None:
        """Tell clients from now on what the router's own clients have learned; see Serving.set_upstream()."""
        self._server.set_upstream(upstream)

    def advertise(self, advertised: Advertised) -> None:
        """Take note of how long the prefixes of LANs live; see Serving.set_delegated()."""
        self._server.set_delegated(advertised)

    def delegate(self, onward: Onward) -> None:
        """Take note of what can be delegated on; see Serving.set_delegations()."""
        self._server.set_delegations(
            {
                name: [Delegated(one.prefix, one.taken, Life(one.preferred_until, one.valid_until)) for one in prefixes]
                for name, prefixes in onward.items()
            }
        )

    def handed_on(self) -> Collection[IPv6Network]:
        """Return the prefixes that routers have, or are about to get: no LAN is to get a part of them."""
        return handed_on(self._server.networks, self._leases.book6, self._routes, self._clock.boottime())

    def start(self) -> None:
        """Serve port 547."""
        source = self._vpp.ports.socket(PORT)
        service = self._service
        for name, run in self._greenlets(lambda: service.serve(source)):
            self._supervisor.start(name, run)

    def end(self) -> None:
        """Answer nobody any more. Routes to delegated prefixes stay, as the leases do."""
        for name, _ in self._greenlets(lambda: None):
            self._supervisor.stop(name)

    def _greenlets(self, serve: Callable[[], None]) -> list[tuple[str, Callable[[], None]]]:
        service = self._service
        return [
            (_NAME, serve),
            (f"{_NAME} probes", service.prober.run),
            (f"{_NAME} expiry", service.expire),
            (f"{_NAME} reconfigure", service.tell),
            (f"{_NAME} routes", self._routes.run),
        ]

    def _configure(self, config: ServerConfig | None) -> None:
        """Serve as configured from now on, or nobody any more."""
        self._configured = config is not None
        self._server.configure(config or _NOT_CONFIGURED)
        self._intended = () if config is None else (*config.interfaces, *config.per_interface)
        if config is not None:
            self._service.prober.limit = config.max_pending_probes
        self._routes.have(wanted=config is not None)
        self._vpp.ports.want(PORT, wanted=config is not None)
        self._follow_networks()

    def _interface_changed(self, old: Interface | None, new: Interface | None) -> None:
        """Tell the server, which makes its networks anew."""
        self._server.interface_changed(old, new)
        self._follow_networks()

    def _duid_changed(self) -> None:
        """Have another DUID, once an interface is known to make it from."""
        self._server.system_duid = b""
        self._follow_networks()

    def _follow_networks(self) -> None:
        """Have multicasts delivered on what is served, and say what that is."""
        served = {served.name: served for served in self._server.networks}
        vpp = self._vpp
        found = [interface for interface in map(vpp.interfaces.named, sorted(served)) if interface is not None]
        if found and not self._server.system_duid:
            self._server.system_duid = self._duid.get(found[0].mac)
        vpp.delivery.want(Ip6Enabled, map(Ip6Enabled, served), owner=_NAME)
        groups = {MulticastRoute(one.table, group) for one in served.values() for group in (TO_SERVERS, TO_ALL_SERVERS)}
        vpp.delivery.want(MulticastRoute, groups, owner=_NAME)
        vpp.neighbours.watch(
            (
                one.name
                for one in served.values()
                if any(subnet.settings.conflict_detection is ConflictDetection.PROBE for subnet in one.subnets)
            ),
            _NAME,
        )
        vpp.link.settle()
        for name in sorted(served.keys() - self._serving):
            networks = ", ".join(str(subnet.network) for subnet in served[name].subnets)
            self._log.info("serving DHCPv6", interface=name, networks=networks)
        for name in sorted(self._serving - served.keys()):
            self._log.info("not serving DHCPv6 any more", interface=name)
        self._serving = frozenset(served)
