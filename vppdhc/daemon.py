"""The composition root: makes the parts of the daemon, ties them together, runs them and ends them."""

import gc
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import gevent
import structlog
from gevent.event import Event

from nc.component import ConfigWarning
from nc.history import Version
from nc.schema import Schema
from vppdhc import log
from vppdhc.capture import Capture, Recording
from vppdhc.clock import Clock, SystemClock
from vppdhc.dhc4.book import LeaseBook
from vppdhc.dhc4.config import ServerConfig
from vppdhc.dhc4.server import Server
from vppdhc.dhc4.service import Dhcp4Service
from vppdhc.heartbeat import Heartbeat
from vppdhc.interface import Interface
from vppdhc.leases.committer import Committer
from vppdhc.leases.errors import LeaseStoreError
from vppdhc.leases.store import LeaseStore
from vppdhc.northbound.components import Dhcp4Component, Interfaces, LoggingComponent, VppComponent
from vppdhc.northbound.config import VppConfig
from vppdhc.northbound.management import Management
from vppdhc.northbound.notices import Notices
from vppdhc.northbound.operations import Dhcp4Operations, VppOperations
from vppdhc.northbound.sources import Instants
from vppdhc.northbound.state_dhc4 import Dhcp4State
from vppdhc.northbound.state_system import StoreState, SystemState
from vppdhc.northbound.state_vpp import VppState
from vppdhc.supervisor import Supervisor
from vppdhc.vpp.delivery import BroadcastRoute, Delivery, Item
from vppdhc.vpp.errors import PuntSetupError, VppError
from vppdhc.vpp.interfaces import InterfaceTable
from vppdhc.vpp.link import LinkConfig, VppLink
from vppdhc.vpp.punt import Port, PuntPorts
from vppdhc.vpp.sender import PuntSender

_DHCP4_SERVER = Port(af=4, protocol=17, port=67)
_FLUSH_SECONDS = 10.0
_LEAVE_SECONDS = 10.0
"""How long a clean stop waits for the last leases to become durable, and for VPP to take our things away."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the daemon keeps what.

    config: file with the running configuration. state_dir: what outlives the daemon. run_dir: its sockets.
    """

    config: Path
    state_dir: Path
    run_dir: Path

    @property
    def leases(self) -> Path:
        """The lease store's file."""
        return self.state_dir / "leases.db"


def run_daemon(schema: Schema, places: Places, *, level: str | None, json: bool) -> None:
    """Run until SIGTERM or SIGINT.

    level: least level that is logged, whatever the configuration says; None leaves it to that.
    json: see log.configure().
    Raises LeaseStoreError where leases cannot be kept, PuntSetupError where our sockets cannot be made, RpcErrors and
    StorageError where the configuration cannot be used, HostKeyError where there can be no host key.
    """
    writer = log.LineWriter(2)
    threshold = log.configure(writer, level=level or "info", json=json)
    clock = SystemClock()
    supervisor = Supervisor(clock)
    supervisor.start("log", writer.run)
    try:
        daemon = Daemon(schema, places, clock, supervisor, _ignore if level else threshold.set)
        for number in (signal.SIGTERM, signal.SIGINT):
            gevent.signal_handler(number, daemon.stop)
        gevent.signal_handler(signal.SIGHUP, daemon.reload)
        daemon.run()
    finally:
        supervisor.stop_all()
        writer.flush()


class Vpp:
    """The link to VPP with everything that hangs on it."""

    def __init__(self, places: Places, clock: Clock) -> None:
        """Make our sockets; raises PuntSetupError."""
        self._clock = clock
        self.interfaces = InterfaceTable()
        self.sender = PuntSender(self.interfaces)
        self.ports = PuntPorts((_DHCP4_SERVER,), places.run_dir, clock)
        self.delivery = Delivery(self.interfaces.named, clock)
        self.link = VppLink(
            LinkConfig(Path("/run/vpp/api.sock")),
            clock,
            interfaces=self.interfaces,
            ports=self.ports,
            sender=self.sender,
            delivery=self.delivery,
        )

    def configure(self, config: VppConfig) -> None:
        """Reach VPP as configured."""
        self.link.configure(
            LinkConfig(config.api_socket, config.api_definitions, config.api_timeout, config.max_reconnect_interval)
        )

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

    def reconcile(self) -> tuple[int, int]:
        """Put right what is wrong in VPP; returns how much was put right, and how much was not."""
        wrong = len(self.delivery.refused)
        self.ports.check(self.link)
        self.delivery.place(self.link, again=True)
        left = len(self.delivery.refused)
        return max(0, wrong - left), left

    def capture(self, interface: str, protocols: frozenset[str], mac: bytes, most: int, seconds: float) -> Recording:
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


class Daemon:
    """Everything that runs, from start to stop."""

    def __init__(
        self, schema: Schema, places: Places, clock: Clock, supervisor: Supervisor, set_level: Callable[[str], object]
    ) -> None:
        """Read the leases and the configuration, and make the sockets; nothing runs before run().

        set_level: sets the least level that is logged, by its name.
        Raises what run_daemon() says.
        """
        self._supervisor = supervisor
        self._clock = clock
        self._log = structlog.get_logger()
        self._stop = Event()
        self._ready = False
        self._serving: frozenset[str] = frozenset()
        self._alarm = ""
        self._alarm_since = 0.0
        self._dhc4server = False
        self._vpp = Vpp(places, clock)
        self._heartbeat = Heartbeat(clock)
        self._store = LeaseStore(places.leases, clock)
        self._book = LeaseBook()
        self._book.load(self._store.load(), clock.boottime())
        self._committer = Committer(
            self._store, clock, self._book.take_back, alarm=self._commits_fail, cleared=self._commits_succeed
        )
        self._server = Server(ServerConfig(enabled=False), self._book)
        instants = Instants(clock)
        self._notices = Notices(instants)
        self._service = Dhcp4Service(
            self._server,
            self._book,
            self._vpp.interfaces,
            self._vpp.sender.send,
            self._committer,
            clock,
            on_events=self._notices.leases,
            on_pool_events=self._notices.pools,
        )
        self._management = Management(
            schema,
            places.config,
            places.state_dir,
            places.run_dir,
            clock,
            [
                VppComponent(schema, self._vpp.configure),
                LoggingComponent(schema, set_level),
                Dhcp4Component(schema, self._vpp.known, self._vpp.punt_problem, self._configure_dhc4server),
            ],
            [
                *VppState(
                    self._vpp.link,
                    self._vpp.interfaces,
                    self._vpp.ports,
                    self._vpp.sender,
                    self._vpp.delivery,
                    instants,
                ).sources(),
                *SystemState(
                    self._components,
                    supervisor.restarts,
                    self._heartbeat,
                    self._versions,
                    instants,
                    clock.boottime(),
                ).sources(),
                *StoreState(places.leases, self._committer, lambda: len(self._book), lambda: self._alarm).sources(),
                *Dhcp4State(self._server, self._book, self._service, clock, instants, clock.boottime()).sources(),
            ],
        )
        backend = self._management.backend
        VppOperations(self._vpp.reconcile, self._vpp.interfaces.named, self._vpp.capture).register(backend.operations)
        Dhcp4Operations(
            self._server, self._book, self._committer, clock, self._vpp.interfaces.named, self._service.tell
        ).register(backend.operations)
        self._management.check_complete()
        self._warnings: Sequence[ConfigWarning] = self._management.load()
        _spare_collector()

    def run(self) -> None:
        """Serve until stop(), then end cleanly: last leases durable, VPP as it was."""
        self._management.warn(self._warnings)
        self._log.info("leases read", count=len(self._book))
        vpp, start = self._vpp, self._supervisor.start
        start("heartbeat", self._heartbeat.run)
        publish = self._management.backend.notifications.publish
        start("notifications", lambda: self._notices.run(publish))
        start("committer", self._committer.run)
        start("dhc4server expiry", self._service.expire)
        source = vpp.ports.socket(_DHCP4_SERVER)
        start("dhc4server", lambda: self._service.serve(source))
        vpp.interfaces.on_change(self._interface_changed)
        vpp.link.on_connected(self._vpp_connected)
        vpp.link.on_lost(self._vpp_lost)
        vpp.ports.on_taken(self._notices.port_taken)
        vpp.delivery.on_drift(self._drifted)
        start("vpp", vpp.link.run)
        self._management.start()
        self._stop.wait()
        self._log.info("stopping")
        self._end()

    def stop(self) -> None:
        """Have run() end; may be called from a signal handler."""
        self._stop.set()

    def reload(self) -> None:
        """Read the configuration file again; may be called from a signal handler."""
        gevent.spawn(self._management.reload)

    def _end(self) -> None:
        """End in the order of a packet's way, so that whatever came in still gets its answer."""
        self._management.stop()
        self._supervisor.stop("dhc4server")
        self._supervisor.stop("dhc4server expiry")
        flushed = self._committer.stop(_FLUSH_SECONDS)
        if not flushed:
            self._log.error("some leases could not be made durable; their clients have had no answer")
        self._vpp.link.stop(_LEAVE_SECONDS)
        self._supervisor.stop("vpp")
        self._vpp.ports.close()
        if flushed:
            try:
                self._store.close()
            except LeaseStoreError as error:
                self._log.error("lease store not closed properly", reason=str(error))
        self._log.info("stopped")

    def _versions(self) -> list[Version]:
        return self._management.versions()

    def _components(self) -> dict[str, tuple[str, str]]:
        """Say how it is with each component: its status, and its problem."""
        link = self._vpp.link
        served = ("running", "") if self._dhc4server else ("not-configured", "")
        status = {
            "vpp": ("running", "") if link.connected else ("failed", link.trouble),
            "dhc4server": ("failed", self._alarm) if self._alarm else served,
            "netconf-server": ("failed" if self._management.problem else "running", self._management.problem),
        }
        for name, configured in self._management.unavailable.items():
            problem = "configured, but this version does not have it" if configured else ""
            status[name] = ("unavailable", problem)
        return status

    def _configure_dhc4server(self, config: ServerConfig | None) -> None:
        """Serve as configured from now on, or nobody any more."""
        self._dhc4server = config is not None
        self._server.configure(config or ServerConfig(enabled=False))
        self._vpp.ports.want(_DHCP4_SERVER, wanted=config is not None)
        self._follow_networks()

    def _interface_changed(self, old: Interface | None, new: Interface | None) -> None:
        """Tell the server, which makes its networks anew."""
        self._server.interface_changed(old, new)
        self._follow_networks()

    def _follow_networks(self) -> None:
        """Have broadcasts delivered in the tables that are served, and say what is served."""
        served = {served.name: served for served in self._server.networks if served.subnets}
        self._vpp.delivery.want(BroadcastRoute, {BroadcastRoute(one.table) for one in served.values()})
        self._vpp.link.settle()
        for name in sorted(served.keys() - self._serving):
            networks = ", ".join(str(subnet.network) for subnet in served[name].subnets)
            self._log.info("serving", interface=name, networks=networks)
        for name in sorted(self._serving - served.keys()):
            self._log.info("not serving any more", interface=name)
        self._serving = frozenset(served)

    def _vpp_connected(self) -> None:
        self._notices.vpp_connected(self._vpp.link.version)
        if not self._ready:
            self._ready = True
            self._log.info("ready")

    def _vpp_lost(self) -> None:
        self._log.warning("VPP lost")
        self._notices.vpp_lost(self._vpp.link.trouble)

    def _drifted(self, item: Item, reason: str) -> None:
        if reason:
            self._notices.drifted(str(item), reason)
        else:
            self._notices.restored(str(item))

    def _commits_fail(self, error: Exception) -> None:
        if not self._alarm:
            self._alarm_since = self._clock.boottime()
        self._alarm = str(error)
        self._log.error("leases cannot be stored, clients get no answer", error=str(error))
        self._notices.storage_alarm(str(error))

    def _commits_succeed(self) -> None:
        self._alarm = ""
        self._log.info("leases can be stored again")
        self._notices.storage_restored(self._clock.boottime() - self._alarm_since)


def _ignore(_: object) -> None:
    """Do nothing: what the command line says of the log level stands."""


def _spare_collector() -> None:
    """Keep the cyclic garbage collector from what lives for ever: leases, schemas, code.

    One full collection over a million leases would hold the hub for a third of a second, and VPP would drop packets
    meanwhile; with the thresholds that Python begins with, the young generations cost a fifth of a packet's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
