"""A listening socket that is tried until it can be had."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import gevent
import structlog
from gevent import socket
from gevent.server import StreamServer

_FIRST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 30.0
_BACKLOG: Final = 128


class Report(Protocol):
    """Is told of what does not work, and that it does again: to raise and clear alarms."""

    def __call__(self, name: str, problem: str | None) -> None:
        """Know that something has a problem, or has none any more.

        name: of what; the same for both.
        problem: what is wrong and what to do; None when all is well.
        """


@dataclass(frozen=True, slots=True)
class EndpointState:
    """How it is with a listener or with a client to call.

    name: what reports and the log call it.
    problem: what does not work; None when all is well.
    bound_to: the address of the socket, with the port that the system chose where it was 0; None without one.
    """

    name: str
    problem: str | None
    bound_to: Any = None


class Listener:
    """Accepts connections on one address. While the address cannot be had it tries again, after 1 to 30 s.

    name: what reports and the log call it.
    bind: makes the bound socket, not yet listening; raises OSError.
    handle: is called in a greenlet of its own with each connection and the peer's address, and closes the connection.
    unbind: takes away what a closed socket leaves behind.
    """

    def __init__(
        self,
        name: str,
        bind: Callable[[], socket.socket],
        handle: Callable[[socket.socket, Any], object],
        report: Report,
        unbind: Callable[[], object] | None = None,
    ) -> None:
        self._name = name
        self._problem: str | None = "not started"
        self._bind = bind
        self._handle = handle
        self._report = report
        self._unbind = unbind
        self._server: StreamServer | None = None
        self._trying: gevent.Greenlet[..., None] | None = None
        self._log = structlog.get_logger().bind(listener=name)

    @property
    def state(self) -> EndpointState:
        """How it is with it."""
        return EndpointState(self._name, self._problem, self._server.address if self._server is not None else None)

    def start(self) -> None:
        """Listen; returns at once. Where that cannot be done yet, it goes on trying."""
        if not self._listen():
            self._trying = gevent.spawn(self._try_again)

    def stop(self) -> None:
        """Listen no more; connections that there are go on."""
        if self._trying is not None:
            self._trying.kill(block=False)
        if self._server is not None:
            self._server.stop()
            self._server = None
            if self._unbind is not None:
                self._unbind()
        if self._problem is not None:
            self._report(self._name, None)
        self._problem = "stopped"

    def _try_again(self) -> None:
        wait = _FIRST_WAIT
        while True:
            gevent.sleep(wait)
            if self._listen():
                return
            wait = min(wait * 2, _LONGEST_WAIT)

    def _listen(self) -> bool:
        sock: socket.socket | None = None
        try:
            sock = self._bind()
            sock.listen(_BACKLOG)
            server = StreamServer(sock, self._guard)
            server.start()
        except OSError as error:
            if sock is not None:
                sock.close()
            self._tell(f"cannot listen on {self._name}: {error.strerror or error}; it is tried again")
            return False
        self._server = server
        self._tell(None)
        self._log.info("listening")
        return True

    def _tell(self, problem: str | None) -> None:
        if problem != self._problem:
            if problem is not None:
                self._log.warning("cannot listen", problem=problem)
            self._problem = problem
            self._report(self._name, problem)

    def _guard(self, sock: socket.socket, address: Any) -> None:
        try:
            self._handle(sock, address)
        except Exception:
            self._log.exception("connection failed")
        finally:
            sock.close()


def bind_tcp(address: str, port: int) -> socket.socket:
    """Bind a TCP socket to an IPv4 or IPv6 address; an IPv6 one takes no IPv4 connections.

    Raises OSError.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
    except OSError:
        sock.close()
        raise
    return sock
