"""The link to VPP: connects, sets up, watches, and does it all again whenever VPP comes back."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog
from gevent.event import Event

from vppdhc.clock import Clock
from vppdhc.vpp.api import ApiClient, CallCounters
from vppdhc.vpp.codec import Codec
from vppdhc.vpp.delivery import Delivery
from vppdhc.vpp.errors import PuntSetupError, VppError, VppGoneError
from vppdhc.vpp.interfaces import InterfaceTable
from vppdhc.vpp.neighbours import Neighbours
from vppdhc.vpp.programming import Programming
from vppdhc.vpp.punt import PuntPorts
from vppdhc.vpp.router_events import RouterEvents
from vppdhc.vpp.sender import PuntSender

_BACKOFF_FIRST: Final = 0.1
_STEADY: Final = 10.0
"""Seconds that a connection has to live for the next one to be tried without delay."""
_READ_EVERY: Final = 1.0
_READ_SHARE: Final = 20
"""Interfaces are read every second, or more seldom where reading takes more than a twentieth of the time."""
_CHECK_EVERY: Final = 5.0
"""Seconds between two looks at who holds our punt ports."""
_PLACE_EVERY: Final = 60.0
"""Seconds after which what VPP needs to deliver packets is put in place again, in case somebody took it away."""
_EVENTS_ON: Final = 1


@dataclass(frozen=True, slots=True)
class LinkConfig:
    """How VPP is reached.

    api_socket: path of its binary API socket.
    api_definitions: directory with its *.api.json files, for a VPP that cannot send its definitions itself.
    api_timeout: seconds that a call waits for its reply.
    max_reconnect_interval: seconds between two tries to reach it, at most.
    """

    api_socket: Path
    api_definitions: Path | None = None
    api_timeout: float = 5.0
    max_reconnect_interval: float = 2.0


class VppLink:
    """Keeps one connection to VPP, and all that hangs on it.

    config: how VPP is reached; configure() changes it.
    connections: how often VPP was connected to. counters: of the calls.
    since: CLOCK_BOOTTIME at which VPP came or went. version: what VPP said of itself, empty before it first did.
    trouble: why there is no connection, empty while there is one.
    """

    def __init__(
        self,
        config: LinkConfig,
        clock: Clock,
        *,
        interfaces: InterfaceTable,
        ports: PuntPorts,
        sender: PuntSender,
        delivery: Delivery,
        neighbours: Neighbours,
        router_events: RouterEvents,
        programming: Programming,
    ) -> None:
        """Nothing happens before run()."""
        self.config = config
        self.connections = 0
        self.counters = CallCounters()
        self.since = clock.boottime()
        self.version = ""
        self.trouble = "not tried yet"
        self._clock = clock
        self._interfaces = interfaces
        self._ports = ports
        self._sender = sender
        self._delivery = delivery
        self._neighbours = neighbours
        self._router_events = router_events
        self._programming = programming
        self._codec = Codec()
        self._client: ApiClient | None = None
        self._wake = Event()
        self._stale = True
        self._unsettled = False
        self._stopping = Event()
        self._ended = Event()
        self._connected: list[Callable[[], object]] = []
        self._lost: list[Callable[[], object]] = []
        self._log = structlog.get_logger()

    @property
    def connected(self) -> bool:
        """Whether VPP is there, with everything set up."""
        return self._client is not None

    def call(self, name: str, /, **arguments: Any) -> Any:
        """Call VPP's API; see ApiClient.call(). Raises VppGoneError while there is no VPP."""
        return self._api().call(name, **arguments)

    def dump(self, name: str, /, **arguments: Any) -> list[Any]:
        """Call VPP's API; see ApiClient.dump(). Raises VppGoneError while there is no VPP."""
        return self._api().dump(name, **arguments)

    def on_connected(self, listener: Callable[[], object]) -> None:
        """Have a listener called whenever VPP is there and everything is set up; it must not wait."""
        self._connected.append(listener)

    def on_lost(self, listener: Callable[[], object]) -> None:
        """Have a listener called whenever VPP has gone; it must not wait."""
        self._lost.append(listener)

    def configure(self, config: LinkConfig) -> None:
        """Reach VPP in another way from now on: another connection takes the place of the present one."""
        if config == self.config:
            return
        self.config = config
        if self._client is not None:
            self._client.close()

    def settle(self) -> None:
        """Have ports, Delivery, Neighbours and RouterEvents looked after soon: something else is wanted."""
        self._unsettled = True
        self._wake.set()

    def run(self) -> None:
        """Connect, watch, and connect again, until stop(); to be supervised."""
        backoff = 0.0
        while not self._stopping.is_set():
            began = self._clock.boottime()
            self._live_one_connection()
            steady = self._clock.boottime() - began > _STEADY
            backoff = 0.0 if steady else min(2 * backoff or _BACKOFF_FIRST, self.config.max_reconnect_interval)
            self._stopping.wait(backoff)
        self._ended.set()

    def stop(self, timeout: float) -> bool:
        """Have run() give back and take away what was put into VPP, and return.

        timeout: seconds to wait for that. Returns whether they were enough.
        """
        self._stopping.set()
        self._wake.set()
        return bool(self._ended.wait(timeout))

    def _api(self) -> ApiClient:
        if self._client is None:
            raise VppGoneError("not connected")
        return self._client

    def _live_one_connection(self) -> None:
        config = self.config
        client = ApiClient(
            str(config.api_socket),
            self._codec,
            definitions=config.api_definitions,
            timeout=config.api_timeout,
            counters=self.counters,
        )
        try:
            client.connect()
            self._set_up(client)
            self._watch(client)
            self._clean_up(client)
        except (VppError, PuntSetupError) as error:
            self._explain(error)
        finally:
            client.close()
            self._tear_down()

    def _set_up(self, client: ApiClient) -> None:
        """Bring everything to life, in the order in which one thing needs the other."""
        client.closed.rawlink(lambda _: self._wake.set())
        client.on_event("sw_interface_event", self._interface_event)
        client.on_event("ip_neighbor_event_v2", self._neighbours.take)
        client.on_event("ip6_ra_event", self._router_events.take)
        client.call("want_interface_events", enable_disable=_EVENTS_ON, pid=os.getpid())
        self._interfaces.read(client)
        self._neighbours.place(client)  # before packets come that lead to questions
        self._send_to(self._ports.register(client))
        self._delivery.place(client, again=True)
        self._router_events.place(client)
        self._programming.place(client, again=True)
        self.version = client.call("show_version").version
        self._client = client
        self.connections += 1
        self.since = self._clock.boottime()
        self.trouble = ""
        self._log.info("VPP connected", version=self.version, interfaces=len(self._interfaces))
        for listener in self._connected:
            listener()

    def _watch(self, client: ApiClient) -> None:
        """Keep up with VPP until stop(); raises VppError when it has gone."""
        now = self._clock.boottime()
        next_read, next_check, next_place = now + _READ_EVERY, now + _CHECK_EVERY, now + _PLACE_EVERY
        while True:
            due = min(next_read, next_check, next_place, self._router_events.due)
            self._wake.wait(max(0.0, due - self._clock.boottime()))
            self._wake.clear()
            if self._stopping.is_set():
                return
            if client.closed.is_set():
                raise VppGoneError(client.reason)
            now = self._clock.boottime()
            if self._stale or now >= next_read:
                next_read = self._read(client)
            self._neighbours.place(client)
            if self._unsettled or now >= next_check:
                self._unsettled = False
                self._send_to(self._ports.check(client))
                next_check = now + _CHECK_EVERY
            again = now >= next_place
            if again:
                next_place = now + _PLACE_EVERY
            self._delivery.place(client, again=again)
            self._router_events.place(client)
            self._programming.place(client, again=again)

    def _clean_up(self, client: ApiClient) -> None:
        try:
            self._neighbours.remove(client)
            self._router_events.remove(client)
            # Who has taken a port from us needs what makes packets arrive there.
            if self._ports.deregister(client):
                self._delivery.remove(client)
        except VppError as error:
            self._log.warning("VPP keeps what we put into it", reason=str(error))

    def _send_to(self, path: str | None) -> None:
        """Send to VPP's punt socket, which it tells when a port is registered."""
        if path is not None:
            self._sender.connect(path)

    def _read(self, client: ApiClient) -> float:
        """Read the interfaces; returns when they are due again."""
        self._stale = False
        began = self._clock.boottime()
        self._interfaces.read(client)
        ended = self._clock.boottime()
        return ended + max(_READ_EVERY, _READ_SHARE * (ended - began))

    def _interface_event(self, event: Any) -> None:
        if event.deleted:
            self._interfaces.deleted(event.sw_if_index)
        self._stale = True
        self._wake.set()

    def _tear_down(self) -> None:
        was_connected, self._client = self._client is not None, None
        self._sender.disconnect()
        self._ports.forget()
        self._delivery.forget()
        self._neighbours.forget()
        self._router_events.forget()
        self._programming.forget()  # before the interfaces seem to go one by one
        self._interfaces.clear()
        if was_connected:
            self.since = self._clock.boottime()
            for listener in self._lost:
                listener()

    def _explain(self, error: Exception) -> None:
        """Log why there is no VPP, once for every reason and not for every try."""
        if self._stopping.is_set() or str(error) == self.trouble:
            return
        self.trouble = str(error)
        self._log.warning("no VPP, trying again", reason=self.trouble)
