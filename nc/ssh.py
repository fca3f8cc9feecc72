"""NETCONF over SSH (RFC 6242): login, and the one channel of each connection that is a session.

The only importer of paramiko, whose threads are greenlets here. One connection has one channel and one session, as with
`MaxSessions 1` of OpenSSH, so that to end a session is to end its connection, and nobody else's.
"""

import logging
import socket as stdlib_socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event as ThreadingEvent
from typing import Final, cast

import gevent
import paramiko
import structlog
from gevent import socket
from gevent.event import Event
from gevent.threadpool import ThreadPool
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_FAILED_UNKNOWN_CHANNEL_TYPE,
    OPEN_SUCCEEDED,
)
from paramiko.packet import Packetizer

from nc.exchange import Exchange, Limits
from nc.pace import Pace
from nc.session import Dispatcher, Session, Sessions, TooManySessionsError
from nc.users import Users

TRANSPORT: Final = "netconf-ssh"
"""The transport of RFC 6022."""
PORT: Final = 830

# The safe ones of what paramiko has, best first. The finite-field groups are left out: their arithmetic holds the
# whole process for tens of milliseconds in each key exchange.
_KEY_EXCHANGES: Final = (
    "mlkem768x25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
)
_CIPHERS: Final = (
    "aes256-gcm@openssh.com",
    "aes128-gcm@openssh.com",
    "aes256-ctr",
    "aes192-ctr",
    "aes128-ctr",
)
_MACS: Final = (
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
)

_LOG_CHANNEL: Final = "nc.ssh"
_WINDOW: Final = 256 * 1024
"""Bytes that a peer may send ahead on a channel."""
_LARGEST_PACKET: Final = 256 * 1024
"""Bytes of an SSH packet; RFC 4253, section 6.1, asks for 35,000, OpenSSH takes this many."""
_MOST_BEFORE_SESSION: Final = 64 * 1024
"""Bytes that a peer may send until his session begins; a login takes 5,000 to 20,000."""
_POLL: Final = 5.0
"""Seconds between two looks of a quiet connection at whether it needs new keys; ends and data do not wait for it."""
_FAREWELL: Final = 3.0
"""Seconds that a peer has to close the connection himself after the end of his session."""
_KEEPALIVE: Final = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 20), (socket.TCP_KEEPCNT, 3))
"""A dead peer is found out after two minutes (RFC 8071, section 4.1, wants that of call home)."""


@dataclass(slots=True)
class LoginCounters:
    """What became of peers who wanted a session.

    refused: those who were cut off, or had to be told that there is no room. failed: tries to prove who they are.
    """

    refused: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class LoginLimits:
    """What a peer may do before he has a session.

    seconds: time from his connection to his session, key exchange and login included.
    tries: failed tries to prove who he is before he is cut off, at most 10.
    connections: how many peers may be at that point at one time; one more, and the oldest of them is cut off, so that
        half-open connections keep nobody out.
    """

    seconds: float = 60
    tries: int = 6
    connections: int = 100


class SshServer:
    """Lets users in over SSH and holds their sessions.

    What paramiko has to say goes to the logger `nc.ssh`, which is silent unless it is given a handler.

    host_key: file of the host key, see hostkey.
    users, login, limits: may be replaced while it runs. Who has a session keeps it: it was let in under the old ones.
    counters: of peers who wanted in.
    """

    def __init__(self, host_key: Path, sessions: Sessions, dispatcher: Dispatcher) -> None:
        self.host_key = paramiko.Ed25519Key.from_private_key_file(str(host_key))
        self.users = Users()
        self.login = LoginLimits()
        self.limits = Limits()
        self.counters: Final = LoginCounters()
        self._sessions = sessions
        self._dispatcher = dispatcher
        self._newcomers: dict[_Connection, None] = {}
        # Not the hub's pool: a flood of logins must not take the threads that others write their files with.
        self._passwords = ThreadPool(1)
        quiet = logging.getLogger(_LOG_CHANNEL)
        quiet.addHandler(logging.NullHandler())
        quiet.propagate = False

    @property
    def fingerprint(self) -> str:
        """The host key's fingerprint, as OpenSSH shows it."""
        return self.host_key.fingerprint

    @property
    def public_key(self) -> str:
        """The host key's public half, in a line as OpenSSH's known_hosts has it behind the name."""
        return f"{self.host_key.get_name()} {self.host_key.get_base64()}"

    def serve(self, sock: socket.socket, source_host: str) -> bool:
        """Speak SSH as a server over a connected TCP socket, until the connection ends; closes the socket.

        source_host: the peer's address.
        Returns whether there was a session.
        """
        connection = _Connection(self, sock, source_host)
        self._newcomers[connection] = None
        if len(self._newcomers) > self.login.connections:
            oldest = next(iter(self._newcomers))
            del self._newcomers[oldest]
            oldest.cut("too many connections are at their login")
        try:
            session = connection.login(self.login.seconds)
        finally:
            self._newcomers.pop(connection, None)
        if session is None:
            return False
        try:
            Exchange(session, connection, self._dispatcher, self.limits).run()
        finally:
            self._sessions.forget(session)
            connection.bid_farewell()
        return True

    def cut_newcomers(self) -> None:
        """End the connections that have no session yet."""
        for connection in list(self._newcomers):
            connection.cut("the server stops")

    def password_fits(self, name: str, password: str | bytes) -> bool:
        """Verify a password in a thread of its own, one at a time."""
        return bool(self._passwords.apply(self.users.password_fits, (name, password)))

    def begin_session(self, name: str, source_host: str) -> Session:
        """Register a session for a user who has proved who he is.

        Raises TooManySessionsError, and LookupError for one who is no user any more.
        """
        user = self.users.get(name)
        if user is None:
            raise LookupError(f"{name} is no user any more")
        return self._sessions.register(name, user.groups, TRANSPORT, source_host)


class _Connection(paramiko.ServerInterface):
    """One SSH connection: decides who is let in, then it is the stream of his session."""

    def __init__(self, server: SshServer, sock: socket.socket, source_host: str) -> None:
        self._server = server
        self._source_host = source_host
        self._decided = Event()
        self._failures = 0
        self._channel: paramiko.Channel | None = None
        self._channel_opened = False
        self._session: Session | None = None
        self._cut_because = ""
        self._log = structlog.get_logger().bind(source=source_host)
        _keep_alive(sock)
        self._transport = _Transport(sock, self._decided)
        self._transport.add_server_key(server.host_key)

    def login(self, seconds: float) -> Session | None:
        """Let the peer log in and begin his session; None when he did not, and the connection is closed."""
        self._transport.start_server(event=ThreadingEvent(), server=self)
        if not self._decided.wait(seconds):
            self.cut(f"no session after {seconds} s")
        if self._session is not None:
            return self._session
        self._transport.close()
        reason = self._cut_because or self._transport.get_exception() or "the peer closed the connection"
        self._log.info("ssh connection without session", reason=str(reason), failed_tries=self._failures)
        return None

    def cut(self, reason: str) -> None:
        """End the connection before there is a session."""
        if not self._cut_because:
            self._server.counters.refused += 1
        self._cut_because = reason
        self._decided.set()

    def bid_farewell(self) -> None:
        """Close the channel, and the connection once the peer has."""
        with suppress(gevent.Timeout), gevent.Timeout(_FAREWELL):
            with suppress(OSError, EOFError, paramiko.SSHException):
                self._channel_of_session().close()
            self._transport.join()
        self._transport.close()

    # Stream

    def recv(self, size: int) -> bytes:
        """Wait for some bytes of the session's channel."""
        with _broken_connections():
            return self._channel_of_session().recv(size)

    def sendall(self, data: bytes) -> None:
        """Write to the session's channel."""
        with _broken_connections():
            self._channel_of_session().sendall(data)

    def stop_reading(self) -> None:
        """Let recv come to an end of the stream."""
        self._channel_of_session().in_buffer.close()

    def abort(self) -> None:
        """Close the socket under the connection."""
        self._transport.close()

    def _channel_of_session(self) -> paramiko.Channel:
        assert self._channel is not None
        return self._channel

    # What paramiko asks of a server, in the greenlet that reads the connection

    def get_allowed_auths(self, username: str) -> str:
        """Name the ways to log in; for every name the same."""
        return "publickey,password"

    def check_auth_none(self, username: str) -> int:
        """Let nobody in without proof; clients ask only to learn the ways."""
        return AUTH_FAILED

    def check_auth_password(self, username: str, password: str) -> int:
        """Verify a password, while others go on."""
        return self._judge(username, "password", fits=self._server.password_fits(username, password))

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        """Tell whether a key is the user's; paramiko then verifies the signature."""
        return self._judge(username, "publickey", fits=self._server.users.key_fits(username, key.asbytes()))

    def check_channel_request(self, kind: str, chanid: int) -> int:
        """Open one channel, for a session."""
        if kind != "session":
            return OPEN_FAILED_UNKNOWN_CHANNEL_TYPE
        if self._channel_opened:
            return OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
        self._channel_opened = True
        return OPEN_SUCCEEDED

    def check_channel_subsystem_request(self, channel: paramiko.Channel, name: str) -> bool:
        """Begin the session; netconf is the only subsystem (RFC 6242, section 3)."""
        if name != "netconf" or self._session is not None or self._decided.is_set():
            return False
        try:
            self._session = self._server.begin_session(self._transport.get_username() or "", self._source_host)
        except (TooManySessionsError, LookupError) as error:
            self._server.counters.refused += 1
            self._log.warning("session refused", user=self._transport.get_username(), reason=str(error))
            return False
        self._channel = channel
        self._transport.trust(channel)
        self._decided.set()
        return True

    def _judge(self, username: str, method: str, *, fits: bool) -> int:
        """Count failures; the last that is allowed ends the connection.

        Raises paramiko.AuthenticationException, which ends paramiko's reading of the connection.
        """
        if fits:
            return AUTH_SUCCESSFUL
        self._failures += 1
        self._server.counters.failed += 1
        self._log.info("login failed", user=username[:255], method=method, failed_tries=self._failures)
        if self._failures >= self._server.login.tries:
            raise paramiko.AuthenticationException(f"{self._failures} failed tries to log in")
        return AUTH_FAILED


class _Transport(paramiko.Transport):
    """The server's end of an SSH connection, with safe algorithms only and bounded memory.

    over: is set when the connection ends.
    """

    def __init__(self, sock: socket.socket, over: Event) -> None:
        super().__init__(sock, default_window_size=_WINDOW)
        self._over = over
        self._meter = _Meter(sock)
        self.set_log_channel(_LOG_CHANNEL)
        self.packetizer = Packetizer(cast(stdlib_socket.socket, self._meter))
        self.packetizer.set_log(self.logger)
        sock.settimeout(_POLL)
        options = self.get_security_options()
        options.kex = _available(_KEY_EXCHANGES, options.kex)
        options.ciphers = _available(_CIPHERS, options.ciphers)
        options.digests = _available(_MACS, options.digests)

    def trust(self, channel: paramiko.Channel) -> None:
        """Take as much as the peer's session wants to send; its own limits count from here."""
        self._meter.channel = channel

    def run(self) -> None:
        """Read the connection, to its end."""
        try:
            super().run()
        finally:
            # Ends the timer of a handshake that was not finished, and with it what still holds on to this connection.
            self.packetizer.complete_handshake()
            self._over.set()


class _Meter:
    """The socket under paramiko's packets, which believes a packet's length and a peer's windows: this does not."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._pace = Pace()
        self._left = _MOST_BEFORE_SESSION
        self.channel: paramiko.Channel | None = None

    def recv(self, size: int) -> bytes:
        """Read, letting other greenlets run now and then also where bytes never cease to come.

        Raises paramiko.SSHException when the peer sends what nobody may.
        """
        self._pace.step()
        if size > _LARGEST_PACKET:
            raise paramiko.SSHException(f"a packet of {size} bytes")
        if self.channel is None:
            if self._left <= 0:
                raise paramiko.SSHException(f"{_MOST_BEFORE_SESSION} bytes, and no session yet")
            data = self._sock.recv(min(size, self._left))
            self._left -= len(data)
            # In the ping-pong of a login, the peer's Nagle and our delayed ACKs would wait for each other.
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            return data
        if len(self.channel.in_buffer) + len(self.channel.in_stderr_buffer) > 2 * _WINDOW:
            raise paramiko.SSHException("more bytes than the window of the channel allows")
        return self._sock.recv(size)

    def send(self, data: bytes) -> int:
        """Write."""
        return self._sock.send(data)

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()


@contextmanager
def _broken_connections() -> Iterator[None]:
    """Turn paramiko's ways of telling that a connection is gone into the one that a Stream has."""
    try:
        yield
    except (EOFError, paramiko.SSHException) as error:
        raise ConnectionError(str(error) or "the connection is closed") from error


def _available(wanted: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Leave out what this paramiko, with this OpenSSL under it, does not have."""
    return tuple(name for name in wanted if name in known)


def _keep_alive(sock: socket.socket) -> None:
    with suppress(OSError):  # the peer may be gone already
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEPALIVE:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
