"""Clients for the tests: raw ones, which may say anything, and the ways to begin with real ones."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Protocol, Self

from lxml import etree
from ncclient import manager
from ncclient.manager import Manager as NcclientManager
from netconf_client.connect import connect_ssh
from netconf_client.ncclient import Manager
from netconf_client.parser import parse_messages
from netconf_client.session import Session

from tests.nc.served import PASSWORD, Served

NC: Final = "urn:ietf:params:xml:ns:netconf:base:1.0"
TEST: Final = "urn:test"
BASE_10: Final = "urn:ietf:params:netconf:base:1.0"
BASE_11: Final = "urn:ietf:params:netconf:base:1.1"
PATIENCE: Final = 30.0
"""Seconds after which a test gives up on an answer."""


GET: Final = f"<get xmlns='{NC}'/>"
CLOSE: Final = f"<close-session xmlns='{NC}'/>"


class Connection(Protocol):
    def recv(self, size: int, /) -> bytes: ...

    def sendall(self, data: bytes, /) -> Any: ...

    def close(self) -> None: ...


def hello(*bases: str, more: str = "") -> bytes:
    capabilities = "".join(f"<capability>{base}</capability>" for base in bases)
    return f'<hello xmlns="{NC}"><capabilities>{capabilities}</capabilities>{more}</hello>]]>]]>'.encode()


def ours(operation: str, text: str = "") -> str:
    """One of the operations that only the tests' dispatcher has."""
    return f"<{operation} xmlns='{TEST}'>{text}</{operation}>"


def kill(session_id: int) -> str:
    return f"<kill-session xmlns='{NC}'><session-id>{session_id}</session-id></kill-session>"


def rpc(operation: str, message_id: str = "1") -> bytes:
    return f'<rpc xmlns="{NC}" message-id="{message_id}">{operation}</rpc>'.encode()


def chunked(message: bytes) -> bytes:
    return b"\n#%d\n%s\n##\n" % (len(message), message)


class Raw:
    """A client that sends what a test gives it; what comes back is taken apart by netconf-client's parser."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._mode = "1.0"
        self._messages = parse_messages(connection, self._mode)
        self._first = next(self._messages)
        self.hello = etree.fromstring(self._first)
        self.session_id = int(self.hello.findtext(f"{{{NC}}}session-id") or "")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.connection.close()

    def greet(self, base: str = BASE_11, more: bytes = b"") -> Self:
        """Send a hello with one base, with more right behind it, and go on in its framing."""
        self.connection.sendall(hello(base) + more)
        self._mode = "1.1" if base == BASE_11 else "1.0"
        return self

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def request(self, operation: str, message_id: str = "1") -> etree._Element:
        """Send an rpc and return what comes back first."""
        message = rpc(operation, message_id)
        self.send(chunked(message) if self._mode == "1.1" else message + b"]]>]]>")
        return self.receive()

    def receive(self) -> etree._Element:
        """Return the next message."""
        return etree.fromstring(self._messages.send(self._mode))

    def is_closed(self) -> bool:
        """Read on to the end of the stream: True; fails when it does not end."""
        with contextlib.suppress(ConnectionError):
            while self.connection.recv(65536):
                pass
        return True


def connect_socket(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(path))
    connection.settimeout(PATIENCE)
    return connection


def raw(served: Served) -> Raw:
    """A raw client on the Unix socket."""
    return Raw(connect_socket(served.socket))


def error_tag(reply: etree._Element) -> str:
    return reply.findtext(f".//{{{NC}}}error-tag") or ""


@contextlib.contextmanager
def unix_manager(served: Served) -> Iterator[Manager]:
    """netconf-client over the Unix socket."""
    with Manager(Session(connect_socket(served.socket)), timeout=PATIENCE) as client:
        yield client


@contextlib.contextmanager
def ssh_manager(port: int, username: str = "olga", password: str | None = PASSWORD, **more: Any) -> Iterator[Manager]:
    """netconf-client over SSH."""
    session = connect_ssh("127.0.0.1", port, username, password, general_timeout=PATIENCE, **more)
    with Manager(session, timeout=PATIENCE) as client:
        yield client


def ncclient_ssh(port: int, **more: Any) -> NcclientManager:
    """Use ncclient over SSH; to be closed, as it is a context manager."""
    login = {"username": "olga", "password": PASSWORD, "hostkey_verify": False, "look_for_keys": False}
    return manager.connect(host="127.0.0.1", port=port, allow_agent=False, timeout=PATIENCE, **(login | more))


def is_served(served: Served) -> bool:
    """Whether good clients are: one over SSH, one over the Unix socket."""
    with ssh_manager(served.port) as client:
        over_ssh: bool = client.get().data_ele.findtext(f"{{{TEST}}}value") == "42"
        client.close_session()
    with unix_manager(served) as client:
        over_unix: bool = client.get().data_ele.findtext(f"{{{TEST}}}value") == "42"
        client.close_session()
    return over_ssh and over_unix
