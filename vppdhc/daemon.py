"""The composition root: makes the parts of the daemon, ties them together, runs them and ends them."""

import gc
import signal
from dataclasses import dataclass
from pathlib import Path

import gevent
import structlog
from gevent.event import Event

from vppdhc import log
from vppdhc.clock import Clock, SystemClock
from vppdhc.dhc4.book import LeaseBook
from vppdhc.dhc4.config import ServerConfig
from vppdhc.dhc4.server import Server
from vppdhc.dhc4.service import Dhcp4Service
from vppdhc.interface import Interface
from vppdhc.leases.committer import Committer
from vppdhc.leases.store import LeaseStore
from vppdhc.northbound.config import Config
from vppdhc.supervisor import Supervisor
from vppdhc.vpp.delivery import BroadcastRoute, Delivery
from vppdhc.vpp.interfaces import InterfaceTable
from vppdhc.vpp.link import LinkConfig, VppLink
from vppdhc.vpp.punt import Port, PuntPorts, PuntSender

_DHCP4_SERVER = Port(af=4, protocol=17, port=67)
_FLUSH_SECONDS = 10.0
_LEAVE_SECONDS = 10.0
"""How long a clean stop waits for the last leases to become durable, and for VPP to take our things away."""


@dataclass(frozen=True, slots=True)
class Places:
    """Directories of the daemon.

    state_dir: what outlives it. run_dir: its sockets.
    """

    state_dir: Path
    run_dir: Path

    @property
    def leases(self) -> Path:
        """The lease store's file."""
        return self.state_dir / "leases.db"


def run_daemon(config: Config, places: Places, *, level: str, json: bool) -> None:
    """Run until SIGTERM or SIGINT.

    level, json: see log.configure().
    Raises LeaseStoreError where leases cannot be kept, PuntSetupError where our sockets cannot be made.
    """
    writer = log.LineWriter(2)
    log.configure(writer, level=level, json=json)
    clock = SystemClock()
    supervisor = Supervisor(clock)
    supervisor.start("log", writer.run)
    try:
        daemon = Daemon(config, places, clock, supervisor)
        for number in (signal.SIGTERM, signal.SIGINT):
            gevent.signal_handler(number, daemon.stop)
        daemon.run()
    finally:
        supervisor.stop_all()
        writer.flush()


class Daemon:
    """Everything that runs, from start to stop."""

    def __init__(self, config: Config, places: Places, clock: Clock, supervisor: Supervisor) -> None:
        """Read the leases and make the sockets; nothing runs before run().

        Raises LeaseStoreError where leases cannot be kept, PuntSetupError where our sockets cannot be made.
        """
        self._config = config
        self._supervisor = supervisor
        self._log = structlog.get_logger()
        self._stop = Event()
        self._ready = False
        self._serving: frozenset[str] = frozenset()
        self._interfaces = InterfaceTable()
        self._sender = PuntSender(self._interfaces)
        self._ports = PuntPorts(() if config.dhc4server is None else (_DHCP4_SERVER,), places.run_dir, clock)
        self._delivery = Delivery(self._interfaces.named, clock)
        self._link = VppLink(
            LinkConfig(config.vpp.api_socket, config.vpp.api_definitions),
            clock,
            interfaces=self._interfaces,
            ports=self._ports,
            sender=self._sender,
            delivery=self._delivery,
        )
        self._store = LeaseStore(places.leases, clock)
        self._book = LeaseBook()
        self._book.load(self._store.load(), clock.boottime())
        _spare_collector()
        self._committer = Committer(
            self._store, clock, self._book.take_back, alarm=self._commits_fail, cleared=self._commits_succeed
        )
        self._server = Server(config.dhc4server or ServerConfig(), self._book)
        self._service = Dhcp4Service(
            self._server, self._book, self._interfaces, self._sender.send, self._committer, clock
        )

    def run(self) -> None:
        """Serve until stop(), then end cleanly: last leases durable, VPP as it was."""
        for component in self._config.unavailable:
            self._log.warning("configured, but this version does not have it", component=component)
        self._log.info("leases read", count=len(self._book))
        self._supervisor.start("committer", self._committer.run)
        self._supervisor.start("lease expiry", self._service.expire)
        if self._config.dhc4server is not None:
            self._interfaces.on_change(self._interface_changed)
            source = self._ports.socket(_DHCP4_SERVER)
            self._supervisor.start(f"punt {_DHCP4_SERVER}", lambda: self._service.serve(source))
        self._link.on_connected(self._vpp_connected)
        self._link.on_lost(self._vpp_lost)
        self._supervisor.start("vpp", self._link.run)
        self._stop.wait()
        self._log.info("stopping")
        self._end()

    def stop(self) -> None:
        """Have run() end; may be called from a signal handler."""
        self._stop.set()

    def _end(self) -> None:
        """End in the order of a packet's way, so that whatever came in still gets its answer."""
        self._supervisor.stop(f"punt {_DHCP4_SERVER}")
        self._supervisor.stop("lease expiry")
        flushed = self._committer.stop(_FLUSH_SECONDS)
        if not flushed:
            self._log.error("some leases could not be made durable; their clients have had no answer")
        self._link.stop(_LEAVE_SECONDS)
        self._supervisor.stop("vpp")
        self._ports.close()
        if flushed:
            self._store.close()
        self._log.info("stopped")

    def _vpp_connected(self) -> None:
        if not self._ready:
            self._ready = True
            self._log.info("ready")

    def _vpp_lost(self) -> None:
        self._log.warning("VPP lost")

    def _interface_changed(self, old: Interface | None, new: Interface | None) -> None:
        """Tell the server, and have broadcasts delivered in the tables that it serves."""
        self._server.interface_changed(old, new)
        served = {served.name: served for served in self._server.networks if served.subnets}
        if self._delivery.want(BroadcastRoute, {BroadcastRoute(one.table) for one in served.values()}):
            self._link.settle()
        for name in sorted(served.keys() - self._serving):
            networks = ", ".join(str(subnet.network) for subnet in served[name].subnets)
            self._log.info("serving", interface=name, networks=networks)
        for name in sorted(self._serving - served.keys()):
            self._log.info("not serving any more", interface=name)
        self._serving = frozenset(served)

    def _commits_fail(self, error: Exception) -> None:
        self._log.error("leases cannot be stored, clients get no answer", error=str(error))

    def _commits_succeed(self) -> None:
        self._log.info("leases can be stored again")


def _spare_collector() -> None:
    """Keep the cyclic garbage collector from what lives for ever: leases, schemas, code.

    One full collection over a million leases would hold the hub for a third of a second, and VPP would drop packets
    meanwhile; with the thresholds that Python begins with, the young generations cost a fifth of a packet's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
