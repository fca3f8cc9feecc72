"""A NETCONF server in a process of its own: the real transports with a small dispatcher behind them.

`tests.nc.served` starts it, with the standard library patched for gevent, and gives it commands in lines of JSON, so
that a test sees what the server knows whatever the test's clients do to their sessions.
"""

import gc
import json
import logging
import sys
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import gevent
import structlog
from gevent.event import Event
from gevent.fileobject import FileObject
from lxml import etree

from nc.callhome import CallHomeClient
from nc.errors import RpcError, invalid_value, operation_not_supported, to_element
from nc.exchange import BASE_10, BASE_11, Limits
from nc.server import NetconfServer, ServerConfig, SshEndpoint, UnixEndpoint
from nc.session import Reply, Session, Sessions, Termination
from nc.ssh import LoginLimits
from nc.users import User, parse_public_key
from nc.xml import NC, NOTIFICATION, Element, local_name, qname

TEST = "urn:test"


class Clock:
    """The machine's."""

    def boottime(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def wall(self) -> float:
        return time.time()


class Dispatcher:
    """Answers get, close-session, kill-session, and some rpcs that make sessions do what a test wants.

    echo: returns itself. big: returns that many bytes. fail: raises. subscribe: makes the session one that may be idle.
    wait: is answered once the test says release. notify: queues that many notifications and tells how many it could.
    """

    def __init__(self, sessions: Sessions, bases: list[str]) -> None:
        self._sessions = sessions
        self._bases = bases
        self._operations: dict[str, Callable[[Session, Element], Element]] = {
            "get": self._get,
            "close-session": lambda session, operation: ok(),
            "kill-session": self._kill,
            "echo": lambda session, operation: deepcopy(operation),
            "big": lambda session, operation: leaf("big", "x" * int(operation.text or "")),
            "fail": self._fail,
            "subscribe": self._subscribe,
            "wait": self._wait,
            "notify": self._notify,
        }
        self.released = Event()
        self.waiting = 0
        self.opened: list[int] = []
        self.closed: list[tuple[int, str, int | None, str]] = []

    def capabilities(self) -> list[str]:
        return [*self._bases, "urn:test:capability?a=1&b=2"]

    def session_opened(self, session: Session) -> None:
        self.opened.append(session.session_id)

    def session_closed(self, session: Session, termination: Termination) -> None:
        self.closed.append((session.session_id, str(termination.reason), termination.killed_by, termination.detail))

    def handle(self, session: Session, rpc: Element) -> Reply:
        reply = etree.Element(qname(NC, "rpc-reply"))
        for name, value in rpc.items():
            reply.set(name, value)
        name = local_name(rpc[0].tag)
        try:
            if name not in self._operations:
                raise operation_not_supported(f"no operation {name}")
            reply.append(self._operations[name](session, rpc[0]))
        except RpcError as error:
            reply.append(to_element(error))
        return Reply(reply, close=name == "close-session")

    def send_notifications(self, session: Session, count: int) -> int:
        queued = 0
        for number in range(count):
            notification = etree.Element(qname(NOTIFICATION, "notification"))
            etree.SubElement(notification, qname(NOTIFICATION, "eventTime")).text = "2026-01-01T00:00:00Z"
            notification.append(leaf("tick", f"{number} ".ljust(1000)))
            queued += session.send_notification(notification)
        return queued

    def _get(self, session: Session, operation: Element) -> Element:
        data = etree.Element(qname(NC, "data"))
        data.append(leaf("value", "42"))
        return data

    def _kill(self, session: Session, operation: Element) -> Element:
        if not self._sessions.kill(int(operation[0].text or ""), session.session_id):
            raise invalid_value("no such session", type_="protocol")
        return ok()

    def _fail(self, session: Session, operation: Element) -> Element:
        raise RuntimeError("as the test asked")

    def _subscribe(self, session: Session, operation: Element) -> Element:
        session.subscribed = True
        return ok()

    def _wait(self, session: Session, operation: Element) -> Element:
        self.waiting += 1
        self.released.wait()
        self.waiting -= 1
        return ok()

    def _notify(self, session: Session, operation: Element) -> Element:
        return leaf("queued", str(self.send_notifications(session, int(operation.text or ""))))


class Heart:
    """Beats, and remembers how late it was at most: how long somebody held the hub."""

    def __init__(self) -> None:
        self.latest = 0.0

    def beat(self) -> None:
        while True:
            before = time.perf_counter()
            gevent.sleep(0.001)
            self.latest = max(self.latest, time.perf_counter() - before - 0.001)


class Process:
    """The server, and the commands that a test has for it."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._sessions = Sessions(Clock(), outbox_limit=settings.get("outbox_limit", 1_000_000))
        self._dispatcher = Dispatcher(self._sessions, settings.get("bases", [BASE_10, BASE_11]))
        self._reports: list[tuple[str, str | None]] = []
        self._server = NetconfServer(self._sessions, self._dispatcher, Path(settings["keys"]), self._report)
        self._heart = Heart()
        gevent.spawn(self._heart.beat)
        self._commands: dict[str, Callable[..., object]] = {
            "configure": self._configure,
            "start": self._server.start,
            "stop": self._server.stop,
            "release": self._dispatcher.released.set,
            "notify": self._notify,
            "hold": self._hold,
            "state": self._state,
        }

    def run(self) -> None:
        for line in FileObject(sys.stdin.fileno(), "rb"):
            command = json.loads(line)
            answer = self._commands[command.pop("do")](**command)
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()

    def _report(self, name: str, problem: str | None) -> None:
        self._reports.append((name, problem))

    def _configure(self, **config: Any) -> None:
        self._server.configure(config_of(config))

    def _notify(self, session_id: int, count: int) -> int:
        session = self._sessions.get(session_id)
        return 0 if session is None else self._dispatcher.send_notifications(session, count)

    def _hold(self) -> float:
        """Seconds that the hub was held at most, since this was asked last."""
        latest, self._heart.latest = self._heart.latest, 0.0
        return latest

    def _state(self) -> dict[str, Any]:
        counters = self._sessions.counters
        statistics = self._sessions.statistics
        return {
            "endpoints": {state.name: [state.problem, state.bound_to] for state in self._server.endpoints},
            "reports": self._reports,
            "sessions": {session.session_id: about(session) for session in self._sessions},
            "opened": self._dispatcher.opened,
            "closed": self._dispatcher.closed,
            "waiting": self._dispatcher.waiting,
            "in_rpcs": counters.in_rpcs,
            "in_bad_rpcs": counters.in_bad_rpcs,
            "out_rpc_errors": counters.out_rpc_errors,
            "out_notifications": counters.out_notifications,
            "in_sessions": statistics.in_sessions,
            "in_bad_hellos": statistics.in_bad_hellos,
            "dropped_sessions": statistics.dropped_sessions,
            "fingerprint": self._server.fingerprint,
            "greenlets": living_greenlets(),
            "files": len(list(Path("/proc/self/fd").iterdir())),
            "rss": memory("VmRSS"),
            "peak_rss": memory("VmHWM"),
        }


def ok() -> Element:
    return etree.Element(qname(NC, "ok"))


def leaf(name: str, text: str) -> Element:
    element = etree.Element(qname(TEST, name))
    element.text = text
    return element


def about(session: Session) -> dict[str, Any]:
    return {
        "username": session.username,
        "groups": sorted(session.groups),
        "transport": session.transport,
        "source_host": session.source_host,
        "login_time": session.login_time,
        "base": session.base,
    }


def living_greenlets() -> int:
    gc.collect()
    return sum(isinstance(thing, gevent.Greenlet) and not thing.dead for thing in gc.get_objects())


def memory(field: str) -> int:
    """Bytes of memory of this process, as the kernel counts them."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(field)


def config_of(given: dict[str, Any]) -> ServerConfig:
    return ServerConfig(
        ssh=frozenset(SshEndpoint(address, port) for address, port in given.get("ssh", [])),
        unix=frozenset(UnixEndpoint(Path(path), **more) for path, more in given.get("unix", {}).items()),
        call_home=frozenset(
            CallHomeClient(name, tuple((host, port) for host, port in endpoints), first_wait=0.05, longest_wait=0.2)
            for name, endpoints in given.get("call_home", {}).items()
        ),
        users=tuple(user_of(name, more) for name, more in given.get("users", {}).items()),
        login=LoginLimits(**given.get("login", {})),
        limits=Limits(**given.get("limits", {})),
        session_limit=given.get("session_limit", 64),
    )


def user_of(name: str, more: dict[str, Any]) -> User:
    keys = frozenset(parse_public_key(key) for key in more.get("keys", []))
    return User(name, keys, more.get("password_hash", ""), frozenset(more.get("groups", [])))


if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    Process(json.loads(sys.argv[1])).run()
