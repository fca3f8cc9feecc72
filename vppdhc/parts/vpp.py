"""The link to VPP with everything that hangs on it: /vppdhc:vpp."""

from pathlib import Path
from random import SystemRandom
from typing import Protocol

import structlog

from nc.component import Component
from nc.operations import Operations
from nc.schema import Schema
from nc.state import StateSource
from vppdhc.capture import Capture, Recording
from vppdhc.clients.settling import Settling
from vppdhc.clock import Clock
from vppdhc.northbound.components import Interfaces, VppComponent
from vppdhc.northbound.config import VppConfig
from vppdhc.northbound.notices import Notices
from vppdhc.northbound.operations import VppOperations
from vppdhc.northbound.sources import Instants
from vppdhc.northbound.state_vpp import VppState
from vppdhc.places import Places
from vppdhc.supervisor import Supervisor
from vppdhc.vpp.delivery import Delivery
from vppdhc.vpp.errors import PuntSetupError, VppError
from vppdhc.vpp.interfaces import InterfaceTable
from vppdhc.vpp.ledger import Ledger
from vppdhc.vpp.link import LinkConfig, VppLink
from vppdhc.vpp.neighbours import Neighbours
from vppdhc.vpp.programming import Programming
from vppdhc.vpp.punt import Port, PuntPorts
from vppdhc.vpp.router_events import RouterEvents
from vppdhc.vpp.sender import PuntSender

_LEAVE_SECONDS = 10.0
"""How long a clean stop waits for VPP to take our things away."""


class Drifting(Protocol):
    """Something of ours in VPP, as people call it."""

    def __str__(self) -> str:
        """Say what it is."""


class VppPart:
    """Everything between the other parts and VPP.

    settling: waits for those who may have leases of an earlier run, until the rest of what that put into VPP may go.
    """

    def __init__(
        self, ports: tuple[Port, ...], places: Places, clock: Clock, supervisor: Supervisor, notices: Notices
    ) -> None:
        """Make our sockets; raises PuntSetupError. ports: that may be wanted."""
        self._clock = clock
        self._supervisor = supervisor
        self._notices = notices
        self._log = structlog.get_logger()
        self._ready = False
        self._ledger = Ledger(places.programmed)
        self.interfaces = InterfaceTable()
        self.sender = PuntSender(self.interfaces)
        self.ports = PuntPorts(ports, places.run_dir, clock)
        self.delivery = Delivery(self.interfaces.named, clock)
        self.neighbours = Neighbours(self.interfaces, clock)
        self.router_events = RouterEvents(self.interfaces, clock, SystemRandom())
        self.programming = Programming(self.interfaces, self._ledger, clock)
        self.settling = Settling(self.programming.settled)
        self.link = VppLink(
            LinkConfig(Path("/run/vpp/api.sock")),
            clock,
            interfaces=self.interfaces,
            ports=self.ports,
            sender=self.sender,
            delivery=self.delivery,
            neighbours=self.neighbours,
            router_events=self.router_events,
            programming=self.programming,
        )
        self.link.on_connected(self._connected)
        self.link.on_lost(self._lost)
        self.interfaces.on_change(self.delivery.interface_changed)
        self.ports.on_taken(notices.port_taken)
        self.delivery.on_drift(self._drifted)
        self.neighbours.on_drift(self._drifted)
        self.programming.on_drift(self._drifted)

    def components(self, schema: Schema) -> list[Component]:
        """Return what configures it."""
        return [VppComponent(schema, self._configure)]

    def sources(self, instants: Instants) -> list[StateSource]:
        """Return what tells of it."""
        state = VppState(
            self.link,
            self.interfaces,
            self.ports,
            self.sender,
            self.delivery,
            self.neighbours,
            self.programming,
            instants,
        )
        return [*state.sources()]

    def register(self, operations: Operations) -> None:
        """Have its RPCs performed."""
        VppOperations(self._reconcile, self.interfaces.named, self._capture).register(operations)

    def status(self) -> dict[str, tuple[str, str]]:
        """Say how it is: status and problem."""
        return {"vpp": ("running", "") if self.link.connected else ("failed", self.link.trouble)}

    def start(self) -> None:
        """Connect to VPP, and stay connected."""
        self._supervisor.start("vpp", self.link.run)

    def end(self) -> None:
        """Leave VPP as it was."""
        self.link.stop(_LEAVE_SECONDS)
        self._supervisor.stop("vpp")
        self.ports.close()
        self._ledger.close()

    def known(self) -> Interfaces:
        """Return the interfaces, for checks of a configuration."""
        return Interfaces(self.interfaces, known=self.link.connected)

    def punt_problem(self) -> str:
        """Say why VPP would give us no packets; empty when it would, or cannot be asked."""
        if not self.link.connected:
            return ""
        try:
            self.ports.try_out(self.link)
        except PuntSetupError as error:
            return str(error)
        except VppError:
            return ""
        return ""

    def _configure(self, config: VppConfig) -> None:
        self.link.configure(
            LinkConfig(config.api_socket, config.api_definitions, config.api_timeout, config.max_reconnect_interval)
        )

    def _reconcile(self) -> tuple[int, int]:
        """Put right what is wrong in VPP; returns how much was put right, and how much was not."""
        wrong = self._wrong()
        self.ports.check(self.link)
        self.delivery.place(self.link, again=True)
        self.programming.hurry()
        self.programming.place(self.link, again=True)
        left = self._wrong()
        return max(0, wrong - left), left

    def _wrong(self) -> int:
        return len(self.delivery.refused) + len(self.neighbours.refused) + len(self.programming.missing)

    def _capture(self, interface: str, protocols: frozenset[str], mac: bytes, most: int, seconds: float) -> Recording:
        """Record packets of an interface; see Capture."""
        capture = Capture(self.interfaces, self._clock, interface=interface, protocols=protocols, mac=mac, most=most)
        taps = [self.sender.taps, *(state.socket.taps for _, state in self.ports)]
        for tap in taps:
            tap.append(capture.take)
        try:
            return capture.wait(seconds)
        finally:
            for tap in taps:
                tap.remove(capture.take)

    def _connected(self) -> None:
        self._notices.vpp_connected(self.link.version)
        if not self._ready:
            self._ready = True
            self._log.info("ready")

    def _lost(self) -> None:
        self._log.warning("VPP lost")
        self._notices.vpp_lost(self.link.trouble)

    def _drifted(self, item: Drifting, reason: str) -> None:
        if reason:
            self._notices.drifted(str(item), reason)
        else:
            self._notices.restored(str(item))
