"""Call home (RFC 8071): the server connects to its client, which then speaks SSH as a client over that connection."""

from dataclasses import dataclass
from typing import Final

import gevent
import structlog
from gevent import socket

from nc.listener import EndpointState, Report
from nc.ssh import SshServer

PORT: Final = 4334
"""The port of netconf-ch-ssh (RFC 8071, section 6)."""

_CONNECT_TIMEOUT: Final = 30.0


@dataclass(frozen=True, slots=True)
class CallHomeClient:
    """A client that is called, and called again whenever the connection is lost (a persistent connection).

    name: what reports and the log call it; unique.
    endpoints: (host name or address, port) of the client; they are tried in this order.
    first_wait, longest_wait: seconds to wait after all of them failed; doubled from the first to the longest.
    """

    name: str
    endpoints: tuple[tuple[str, int], ...]
    first_wait: float = 1
    longest_wait: float = 60

    def __post_init__(self) -> None:
        if not self.endpoints:
            raise ValueError(f"the call-home client {self.name} has no endpoint")
        if not 0 < self.first_wait <= self.longest_wait:
            raise ValueError(f"the waits of call-home client {self.name} are not 0 < first <= longest")


class CallHome:
    """Keeps a connection to one client.

    connected: whether there is one, with or without a session.
    """

    def __init__(self, client: CallHomeClient, ssh: SshServer, report: Report) -> None:
        self._client = client
        self._name = f"call-home {client.name}"
        self._problem: str | None = "not called yet"
        self.connected = False
        self._ssh = ssh
        self._report = report
        self._calling: gevent.Greenlet[..., None] | None = None
        self._log = structlog.get_logger().bind(call_home=client.name)

    @property
    def state(self) -> EndpointState:
        """How it is with it."""
        return EndpointState(self._name, self._problem)

    def start(self) -> None:
        """Begin to call; returns at once."""
        self._calling = gevent.spawn(self._keep_calling)

    def stop(self) -> None:
        """Call no more; a session that there is goes on."""
        if self._calling is not None:
            self._calling.kill(block=False)
        if self._problem is not None:
            self._report(self._name, None)
        self._problem = "stopped"

    def _keep_calling(self) -> None:
        wait = self._client.first_wait
        while True:
            if self._call():
                wait = self._client.first_wait
            gevent.sleep(wait)
            wait = min(wait * 2, self._client.longest_wait)

    def _call(self) -> bool:
        """Try every endpoint until one gives a session, and hold that; tells whether there was one."""
        problems = []
        for host, port in self._client.endpoints:
            try:
                sock = socket.create_connection((host, port), timeout=_CONNECT_TIMEOUT)
            except OSError as error:
                problems.append(f"{host} port {port}: {error.strerror or error}")
                continue
            self._tell(None)
            # A greenlet of its own, which stop() leaves alone.
            self.connected = True
            try:
                if gevent.spawn(self._serve, sock).get():
                    return True
            finally:
                self.connected = False
            problems.append(f"{host} port {port}: the client took the connection and began no session")
        self._tell(f"cannot call home to {self._client.name}: {'; '.join(problems)}; it is tried again")
        return False

    def _serve(self, sock: socket.socket) -> bool:
        try:
            return self._ssh.serve(sock, str(sock.getpeername()[0]))
        except Exception:
            self._log.exception("connection failed")
            return False
        finally:
            sock.close()

    def _tell(self, problem: str | None) -> None:
        if problem != self._problem:
            if problem is not None:
                self._log.warning("no call home", problem=problem)
            self._problem = problem
            self._report(self._name, problem)
