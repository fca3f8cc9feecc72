"""The composition root: makes the parts of the daemon, ties them together, runs them and ends them."""

import gc
import signal
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import gevent
import structlog
from gevent.event import Event

from nc.component import ConfigWarning
from nc.history import Version
from nc.schema import Schema
from vppdhc import log
from vppdhc.clock import Clock, SystemClock
from vppdhc.heartbeat import Heartbeat
from vppdhc.northbound.components import LoggingComponent
from vppdhc.northbound.management import Management
from vppdhc.northbound.notices import Notices
from vppdhc.northbound.sources import Instants
from vppdhc.northbound.state_system import SystemState
from vppdhc.parts import dhc4client, dhc4server, dhc6pdclient, dhc6server, ra
from vppdhc.parts.dhc4client import Dhc4ClientPart
from vppdhc.parts.dhc4server import Dhc4ServerPart
from vppdhc.parts.dhc6pdclient import Audience, Dhc6PdClientPart
from vppdhc.parts.dhc6server import Dhc6ServerPart
from vppdhc.parts.duid import DuidPart
from vppdhc.parts.leases import LeasesPart
from vppdhc.parts.ra import RaPart
from vppdhc.parts.vpp import VppPart
from vppdhc.places import Places
from vppdhc.supervisor import Supervisor

_Told = TypeVar("_Told")

_PORTS: Final = (dhc4server.PORT, dhc4client.PORT, dhc6pdclient.PORT, dhc6server.PORT, ra.PORT)


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
        self._log = structlog.get_logger()
        self._stop = Event()
        self._heartbeat = Heartbeat(clock)
        instants = Instants(clock)
        self._notices = notices = Notices(instants)
        self._vpp = vpp = VppPart(_PORTS, places, clock, supervisor, notices)
        self._leases = leases = LeasesPart(places, clock, supervisor, notices)
        self._server4 = server4 = Dhc4ServerPart(vpp, leases, clock, supervisor, notices)
        duid = DuidPart(places, clock)
        self._client4 = client4 = Dhc4ClientPart(vpp, duid, places, clock, supervisor, notices, server4.learn)
        self._server6 = server6 = Dhc6ServerPart(vpp, leases, duid, clock, supervisor, notices)
        self._advertising = advertising = RaPart(vpp, places, clock, supervisor, notices)
        self._client6 = client6 = Dhc6PdClientPart(
            vpp,
            duid,
            places,
            clock,
            supervisor,
            notices,
            Audience(
                on_learned=_both(advertising.learn, server6.learn),
                on_advertised=_both(advertising.advertise, server6.advertise),
                on_ways=advertising.follow,
                on_onward=server6.delegate,
                handed_on=server6.handed_on,
            ),
        )
        system = SystemState(
            self._components, supervisor.restarts, self._heartbeat, self._versions, instants, clock.boottime()
        )
        self._management = Management(
            schema,
            places.config,
            places.state_dir,
            places.run_dir,
            clock,
            [
                *vpp.components(schema),
                LoggingComponent(schema, set_level),
                *duid.components(schema),
                *client4.components(schema),
                *client6.components(schema),
                *server4.components(schema),
                *server6.components(schema),
                *advertising.components(schema),
            ],
            [
                *vpp.sources(instants),
                *system.sources(),
                *leases.sources(),
                *server4.sources(instants),
                *server6.sources(instants),
                *duid.sources(),
                *client4.sources(instants),
                *client6.sources(instants),
                *advertising.sources(instants),
            ],
        )
        operations = self._management.backend.operations
        vpp.register(operations)
        server4.register(operations, instants)
        server6.register(operations, instants)
        client4.register(operations)
        client6.register(operations)
        advertising.register(operations)
        self._management.check_complete()
        self._warnings: Sequence[ConfigWarning] = self._management.load()
        _spare_collector()

    def run(self) -> None:
        """Serve until stop(), then end cleanly: last leases durable, VPP as it was."""
        self._management.warn(self._warnings)
        self._supervisor.start("heartbeat", self._heartbeat.run)
        publish = self._management.backend.notifications.publish_made
        self._supervisor.start("notifications", lambda: self._notices.run(publish))
        parts = (
            self._leases,
            self._server4,
            self._server6,
            self._advertising,
            self._client4,
            self._client6,
            self._vpp,
            self._management,
        )
        for part in parts:
            part.start()
        self._stop.wait()
        self._log.info("stopping")
        # In the order of a packet's way, so that whatever came in still gets its answer.
        self._management.stop()
        gevent.joinall([gevent.spawn(client.end) for client in (self._client4, self._client6)])
        # Behind the clients, so that the last router advertisements tell hosts which prefixes have gone with them.
        for part in (self._advertising, self._server4, self._server6, self._leases, self._vpp):
            part.end()
        self._log.info("stopped")

    def stop(self) -> None:
        """Have run() end; may be called from a signal handler."""
        self._stop.set()

    def reload(self) -> None:
        """Read the configuration file again; may be called from a signal handler."""
        gevent.spawn(self._management.reload)

    def _versions(self) -> list[Version]:
        return self._management.versions()

    def _components(self) -> dict[str, tuple[str, str]]:
        """Say how it is with each component: its status, and its problem."""
        management = self._management
        return {
            **self._vpp.status(),
            **self._server4.status(),
            **self._server6.status(),
            **self._client4.status(),
            **self._client6.status(),
            **self._advertising.status(),
            "netconf-server": ("failed" if management.problem else "running", management.problem),
        }


def _both(one: Callable[[_Told], object], other: Callable[[_Told], object]) -> Callable[[_Told], None]:
    """Return what tells two."""

    def tell(told: _Told) -> None:
        one(told)
        other(told)

    return tell


def _ignore(_: object) -> None:
    """Do nothing: nobody wants to know."""


def _spare_collector() -> None:
    """Keep the cyclic garbage collector from what lives for ever: leases, schemas, code.

    One full collection over a million leases would hold the hub for a third of a second, and VPP would drop packets
    meanwhile; with the thresholds that Python begins with, the young generations cost a fifth of a packet's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
