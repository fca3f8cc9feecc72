"""NETCONF over a Unix socket: for users of this host, whom the kernel names; framed as over SSH (RFC 6242)."""

import errno
import grp
import os
import pwd
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import gevent
import structlog
from gevent import socket

from nc.exchange import Exchange, Limits
from nc.session import Dispatcher, Sessions, TooManySessionsError

TRANSPORT: Final = "netconf-unix"
"""What RFC 6022 would call this transport, which it does not have."""

_CREDENTIALS: Final = struct.Struct("iII")
"""struct ucred: process, user and group id (unix(7), SO_PEERCRED)."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a Unix socket.

    username: of the user id that the peer had when it connected.
    groups: names of all groups of that user.
    """

    username: str
    groups: frozenset[str]


def peer_of(sock: socket.socket) -> Peer:
    """Ask the kernel who connected to a Unix socket, and the host's user database for his name and groups.

    Raises LookupError for a user or group that the database does not have.
    """
    size = _CREDENTIALS.size
    _, uid, gid = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    # The database may be remote (LDAP): it is asked in a thread.
    return gevent.get_hub().threadpool.apply(_look_up, (uid, gid))


def _look_up(uid: int, gid: int) -> Peer:
    try:
        username = pwd.getpwuid(uid).pw_name
    except KeyError:
        raise LookupError(f"user id {uid} has no name on this host") from None
    names = set()
    for group in os.getgrouplist(username, gid):
        with suppress(KeyError):  # a group without a name is none that a rule could name
            names.add(grp.getgrgid(group).gr_name)
    return Peer(username, frozenset(names))


def bind_unix(path: Path, mode: int = 0o660, group: str = "") -> socket.socket:
    """Bind a Unix socket, with its rights set before anybody can connect.

    A socket that a server left behind when it died is replaced, one that is in use is not.
    group: name of the group that it belongs to; empty for the process's own.
    Raises OSError.
    """
    _remove_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(str(path))
        if group:
            os.chown(path, -1, _group_id(group))
        path.chmod(mode)
    except OSError:
        sock.close()
        raise
    return sock


def _group_id(group: str) -> int:
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise OSError(errno.ENOENT, f"this host has no group {group}; groupadd --system {group}") from None


def _remove_stale(path: Path) -> None:
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except BlockingIOError:
            pass  # somebody listens, and has much to do
    raise OSError(errno.EADDRINUSE, f"another process listens on {path}; stop it")


class UnixServer:
    """Holds the sessions of peers on this host.

    limits: may be replaced while it runs; sessions that there are keep theirs.
    """

    def __init__(self, sessions: Sessions, dispatcher: Dispatcher) -> None:
        self.limits = Limits()
        self._sessions = sessions
        self._dispatcher = dispatcher
        self._log = structlog.get_logger()

    def serve(self, sock: socket.socket, address: Any) -> None:
        """Hold a session over a connected Unix socket, until its end; whoever accepted the socket closes it."""
        del address  # a Unix peer has none
        try:
            peer = peer_of(sock)
            session = self._sessions.register(peer.username, peer.groups, TRANSPORT, "")
        except (LookupError, TooManySessionsError, OSError) as error:
            self._log.warning("session refused", transport=TRANSPORT, reason=str(error))
            return
        try:
            Exchange(session, UnixStream(sock), self._dispatcher, self.limits).run()
        finally:
            self._sessions.forget(session)


class UnixStream:
    """A connected Unix socket as the stream of a session."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def recv(self, size: int) -> bytes:
        """Wait for some bytes."""
        return self._sock.recv(size)

    def sendall(self, data: bytes) -> None:
        """Write all of it."""
        self._sock.sendall(data)

    def stop_reading(self) -> None:
        """Let recv come to an end of the stream."""
        with suppress(OSError):  # the peer is gone
            self._sock.shutdown(socket.SHUT_RD)

    def abort(self) -> None:
        """Cut the connection."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
