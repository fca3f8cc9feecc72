"""The DHCPv4 clients of the router with everything round them: /vppdhc:dhc4client."""

from collections.abc import Callable
from random import SystemRandom
from typing import Final

from nc.component import Component
from nc.operations import Operations
from nc.schema import Schema
from nc.state import StateSource
from vppdhc.clock import Clock
from vppdhc.dhc4client.client import DhcpClients, World
from vppdhc.northbound.dhc4client_component import Dhcp4ClientComponent
from vppdhc.northbound.dhc4client_operations import Dhcp4ClientOperations
from vppdhc.northbound.notices import Notices
from vppdhc.northbound.sources import Instants
from vppdhc.northbound.state_dhc4client import Dhcp4ClientState
from vppdhc.parts.clients import LEAVE_SECONDS, Learned, Upstream, status
from vppdhc.parts.duid import DuidPart
from vppdhc.parts.vpp import VppPart
from vppdhc.places import Places
from vppdhc.supervisor import Supervisor
from vppdhc.vpp.conflict import ArpConflictCheck
from vppdhc.vpp.delivery import ClientDetection
from vppdhc.vpp.punt import Port

PORT: Final = Port(af=4, protocol=17, port=68)
_NAME: Final = "dhc4client"


class Dhc4ClientPart:
    """The clients, what tells VPP of them, and what tells operators and the servers."""

    def __init__(
        self,
        vpp: VppPart,
        duid: DuidPart,
        places: Places,
        clock: Clock,
        supervisor: Supervisor,
        notices: Notices,
        on_learned: Callable[[Learned], object],
    ) -> None:
        """Have no clients before they are configured. on_learned: is told whenever providers tell something else."""
        self._vpp = vpp
        self._supervisor = supervisor
        random = SystemRandom()
        self._clients = DhcpClients(
            World(
                interfaces=vpp.interfaces,
                send=vpp.sender.send,
                programmer=vpp.programming,
                check=lambda sleep: ArpConflictCheck(vpp.link, vpp.interfaces, vpp.sender.send, random, sleep),
                clock=clock,
                supervisor=supervisor,
                random=random,
                duid=duid.get,
                directory=places.client_leases,
                want_packets=self._want_packets,
                settled=vpp.settling.expect(_NAME),
            )
        )
        duid.on_change(self._clients.duid_changed)
        self._clients.on_event(notices.client4)
        self._clients.on_learned(Upstream(on_learned).learn)
        vpp.link.on_connected(self._clients.vpp_connected)
        vpp.link.on_lost(self._clients.vpp_lost)

    def components(self, schema: Schema) -> list[Component]:
        """Return what configures it."""
        return [Dhcp4ClientComponent(schema, self._vpp.known, self._vpp.punt_problem, self._clients.configure)]

    def sources(self, instants: Instants) -> list[StateSource]:
        """Return what tells of it."""
        return [*Dhcp4ClientState(self._clients, instants).sources()]

    def register(self, operations: Operations) -> None:
        """Have its actions performed."""
        Dhcp4ClientOperations(self._clients).register(operations)

    def status(self) -> dict[str, tuple[str, str]]:
        """Say how it is: status and problem."""
        return {_NAME: status(self._clients.clients)}

    def start(self) -> None:
        """Take packets in."""
        source = self._vpp.ports.socket(PORT)
        self._supervisor.start(_NAME, lambda: self._clients.serve(source))

    def end(self) -> None:
        """End all clients as they are configured to, while packets still pass."""
        self._clients.stop(LEAVE_SECONDS)
        self._supervisor.stop(_NAME)

    def _want_packets(self, interfaces: frozenset[str]) -> None:
        self._vpp.ports.want(PORT, wanted=bool(interfaces))
        self._vpp.delivery.want(ClientDetection, {ClientDetection(name) for name in interfaces})
        self._vpp.link.settle()
