"""The NETCONF server: its listeners, its calls home and who may log in, changed while it runs."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

from gevent import socket

from nc.callhome import CallHome, CallHomeClient
from nc.exchange import Limits
from nc.hostkey import host_key_file
from nc.listener import EndpointState, Listener, Report, bind_tcp
from nc.session import Dispatcher, Sessions, Termination, TerminationReason
from nc.ssh import PORT, LoginCounters, LoginLimits, SshServer
from nc.unix import UnixServer, bind_unix
from nc.users import User, Users

_FAREWELL: Final = 5.0
"""Seconds that sessions have to come to their end when the server stops."""


@dataclass(frozen=True, slots=True)
class SshEndpoint:
    """An address to listen on for SSH; port 0 lets the system choose one."""

    address: str
    port: int = PORT

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True)
class UnixEndpoint:
    """A Unix socket to listen on.

    mode, group: who may connect to it; the group's name is empty for the process's own.
    """

    path: Path
    mode: int = 0o660
    group: str = ""

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """All that can be configured of the server; a change takes effect while it runs.

    ssh: where SSH clients connect to.
    unix: where clients of this host connect to.
    call_home: clients that the server connects to.
    users: who may log in over SSH.
    login: limits before a session, limits: in a session, session_limit: on how many there are.
    """

    ssh: frozenset[SshEndpoint] = frozenset()
    unix: frozenset[UnixEndpoint] = frozenset()
    call_home: frozenset[CallHomeClient] = frozenset()
    users: tuple[User, ...] = ()
    login: LoginLimits = field(default_factory=LoginLimits)
    limits: Limits = field(default_factory=Limits)
    session_limit: int = 64


_Endpoint: TypeAlias = SshEndpoint | UnixEndpoint | CallHomeClient


class NetconfServer:
    """Serves NETCONF over SSH, Unix sockets and call home.

    sessions, dispatcher: of the sessions that it holds, and who answers them.
    host_keys: directory of the SSH host key, which is made there when there is none.
    report: is told of listeners and clients that cannot be had.

    Raises HostKeyError.
    """

    def __init__(self, sessions: Sessions, dispatcher: Dispatcher, host_keys: Path, report: Report) -> None:
        self._sessions = sessions
        self._report = report
        self._ssh = SshServer(host_key_file(host_keys), sessions, dispatcher)
        self._unix = UnixServer(sessions, dispatcher)
        self._config = ServerConfig()
        self._running = False
        self._parts: dict[_Endpoint, Listener | CallHome] = {}

    @property
    def fingerprint(self) -> str:
        """The SSH host key's fingerprint, as OpenSSH shows it."""
        return self._ssh.fingerprint

    @property
    def endpoints(self) -> list[EndpointState]:
        """How it is with each listener and each client to call."""
        return [part.state for part in self._parts.values()]

    @property
    def public_key(self) -> str:
        """The SSH host key's public half, in a line as OpenSSH writes it."""
        return self._ssh.public_key

    @property
    def login_counters(self) -> LoginCounters:
        """What became of peers who wanted to log in over SSH."""
        return self._ssh.counters

    @property
    def listeners(self) -> list[tuple[SshEndpoint | UnixEndpoint, Listener]]:
        """The listeners and where they listen, or try to."""
        return [
            (endpoint, part)
            for endpoint, part in self._parts.items()
            if not isinstance(endpoint, CallHomeClient) and isinstance(part, Listener)
        ]

    @property
    def clients(self) -> list[tuple[CallHomeClient, CallHome]]:
        """The clients that are called."""
        return [
            (endpoint, part)
            for endpoint, part in self._parts.items()
            if isinstance(endpoint, CallHomeClient) and isinstance(part, CallHome)
        ]

    def configure(self, config: ServerConfig) -> None:
        """Take a configuration over. It cannot fail and does not wait.

        Only what differs is touched: other listeners and all sessions go on, also those of users who may not log in any
        more, whom kill-session ends.
        """
        self._config = config
        self._sessions.limit = config.session_limit
        self._ssh.users = Users(config.users)
        self._ssh.login = config.login
        self._ssh.limits = config.limits
        self._unix.limits = config.limits
        if self._running:
            self._follow()

    def start(self) -> None:
        """Begin to listen and to call; returns at once. An address that cannot be had is tried again."""
        self._running = True
        self._follow()

    def stop(self) -> None:
        """Listen and call no more, and end all sessions, waiting some seconds for what they are in the middle of."""
        self._running = False
        self._follow()
        self._ssh.cut_newcomers()
        self._sessions.close_all(Termination(TerminationReason.OTHER, detail="the server stops"), _FAREWELL)

    def _follow(self) -> None:
        """Stop what is not wanted any more and start what is new; in this order, as they may want the same port."""
        config = self._config
        wanted: set[_Endpoint] = {*config.ssh, *config.unix, *config.call_home} if self._running else set()
        for endpoint in [endpoint for endpoint in self._parts if endpoint not in wanted]:
            self._parts.pop(endpoint).stop()
        for endpoint in wanted:
            if endpoint not in self._parts:
                self._parts[endpoint] = self._make(endpoint)
                self._parts[endpoint].start()

    def _make(self, endpoint: _Endpoint) -> Listener | CallHome:
        match endpoint:
            case SshEndpoint(address, port):
                return Listener(f"ssh {endpoint}", partial(bind_tcp, address, port), self._serve_ssh, self._report)
            case UnixEndpoint(path, mode, group):
                bind = partial(bind_unix, path, mode, group)
                unbind = partial(path.unlink, missing_ok=True)
                return Listener(f"unix {endpoint}", bind, self._unix.serve, self._report, unbind)
            case CallHomeClient():
                return CallHome(endpoint, self._ssh, self._report)

    def _serve_ssh(self, sock: socket.socket, address: tuple[Any, ...]) -> None:
        self._ssh.serve(sock, str(address[0]))
