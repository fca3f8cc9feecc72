"""The DHCPv4 clients of the router with everything round them: /vppdhc:dhc4client, and the DUID they go by."""

from collections.abc import Callable, Mapping
from random import SystemRandom
from typing import Final

from nc.component import Component
from nc.operations import Operations
from nc.schema import Schema
from nc.state import StateSource
from vppdhc.clock import Clock
from vppdhc.dhc4client.client import DhcpClients, World
from vppdhc.dhc4client.config import ClientConfig
from vppdhc.duid import Duid
from vppdhc.northbound.dhc4client_component import Dhcp4ClientComponent, DuidComponent
from vppdhc.northbound.dhc4client_config import DuidConfig
from vppdhc.northbound.dhc4client_operations import Dhcp4ClientOperations
from vppdhc.northbound.notices import Notices
from vppdhc.northbound.sources import Instants
from vppdhc.northbound.state_dhc4client import Dhcp4ClientState, DuidState
from vppdhc.parts.vpp import VppPart
from vppdhc.places import Places
from vppdhc.supervisor import Supervisor
from vppdhc.vpp.conflict import ArpConflictCheck
from vppdhc.vpp.delivery import ClientDetection
from vppdhc.vpp.punt import Port

PORT: Final = Port(af=4, protocol=17, port=68)
_NAME: Final = "dhc4client"
_LEAVE_SECONDS: Final = 12.0
"""How long a clean stop waits for leases to be given back, and for VPP to take what came from them away: longer than a
client looks for a conflict, nine seconds at most, in which it hears nothing."""

Upstream = Mapping[str, Mapping[int, bytes]]
"""What providers tell: by interface, values of options by code."""


class Dhc4ClientPart:
    """The clients, what tells VPP of them, and what tells operators and the servers."""

    def __init__(
        self,
        vpp: VppPart,
        places: Places,
        clock: Clock,
        supervisor: Supervisor,
        notices: Notices,
        on_learned: Callable[[Upstream], object],
    ) -> None:
        """Have no clients before they are configured. on_learned: is told whenever providers tell something else."""
        self._vpp = vpp
        self._supervisor = supervisor
        self._on_learned = on_learned
        self._upstream: dict[str, Mapping[int, bytes]] = {}
        self._duid = Duid(places.duid, clock)
        random = SystemRandom()
        self._clients = DhcpClients(
            World(
                interfaces=vpp.interfaces,
                send=vpp.sender.send,
                programmer=vpp.programming,
                check=ArpConflictCheck(vpp.link, vpp.interfaces, vpp.sender.send, random),
                clock=clock,
                supervisor=supervisor,
                random=random,
                duid=self._duid.get,
                directory=places.client_leases,
                want_packets=self._want_packets,
                settled=vpp.programming.settled,
            )
        )
        self._clients.on_event(notices.client4)
        self._clients.on_learned(self._learn)
        vpp.link.on_connected(self._clients.vpp_connected)
        vpp.link.on_lost(self._clients.vpp_lost)

    def components(self, schema: Schema) -> list[Component]:
        """Return what configures it."""
        return [
            DuidComponent(schema, self._configure_duid),
            Dhcp4ClientComponent(schema, self._vpp.known, self._vpp.punt_problem, self._configure),
        ]

    def sources(self, instants: Instants) -> list[StateSource]:
        """Return what tells of it."""
        return [*Dhcp4ClientState(self._clients, instants).sources(), *DuidState(self._duid).sources()]

    def register(self, operations: Operations) -> None:
        """Have its actions performed."""
        Dhcp4ClientOperations(self._clients).register(operations)

    def status(self) -> dict[str, tuple[str, str]]:
        """Say how it is: status and problem."""
        clients = self._clients.clients
        if not clients:
            return {_NAME: ("not-configured", "")}
        problems = [f"{name}: {one.journal.problem}" for name, one in sorted(clients.items()) if one.journal.problem]
        return {_NAME: ("failed" if problems else "running", "; ".join(problems))}

    def start(self) -> None:
        """Take packets in."""
        source = self._vpp.ports.socket(PORT)
        self._supervisor.start(_NAME, lambda: self._clients.serve(source))

    def end(self) -> None:
        """End all clients as they are configured to, while packets still pass."""
        self._clients.stop(_LEAVE_SECONDS)
        self._supervisor.stop(_NAME)

    def _configure(self, configs: Mapping[str, ClientConfig]) -> None:
        self._clients.configure(configs)

    def _configure_duid(self, config: DuidConfig) -> None:
        before = self._duid.current
        self._duid.configure(value=config.value, made_as=config.made_as)
        if self._duid.current != before:
            self._clients.duid_changed()

    def _want_packets(self, interfaces: frozenset[str]) -> None:
        self._vpp.ports.want(PORT, wanted=bool(interfaces))
        self._vpp.delivery.want(ClientDetection, {ClientDetection(name) for name in interfaces})
        self._vpp.link.settle()

    def _learn(self, interface: str, options: Mapping[int, bytes]) -> None:
        if options:
            self._upstream[interface] = options
        else:
            self._upstream.pop(interface, None)
        self._on_learned(dict(self._upstream))
