"""A daemon on the simulator, managed over NETCONF, for tests."""

import contextlib
import json
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from lxml import etree
from ncclient import manager
from ncclient.manager import Manager as NcclientManager
from netconf_client.connect import connect_ssh
from netconf_client.ncclient import Manager, RPCReply
from netconf_client.session import Session

from tests.daemon import Daemon
from tests.nc.served import PASSWORD, PASSWORD_HASH
from tests.vppsim.rig import SimulatorRig
from tests.waiting import wait_for

NS: Final = {"v": "urn:vppdhc:yang", "nc": "urn:ietf:params:xml:ns:netconf:base:1.0"}
PATIENCE: Final = 30.0


def free_port() -> int:
    """Return a TCP port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Managed:
    """A router with a LAN (tap1, 192.168.1.1/24), hosts on it, and the daemon.

    port: where it serves NETCONF over SSH, to the user olga.
    """

    def __init__(self, directory: Path, *, options: Sequence[str] = (), **settings: Any) -> None:
        """Start a simulator with these options, and make a daemon with these settings, which is not started yet."""
        self.directory = directory
        self.rig = SimulatorRig(directory, *options)
        self.rig.ctl("create sim-interface tap1")
        self.rig.ctl("set interface state tap1 up")
        self.rig.ctl("set interface ip address tap1 192.168.1.1/24")
        self.port = free_port()
        server = {
            "port": self.port,
            "user": [{"name": "olga", "password-hash": PASSWORD_HASH}],
            "recovery-user": ["root", "olga"],
        }
        settings = {"dhc4server": {"lease-time": 3600}, "netconf-server": server} | settings
        self.daemon = Daemon(directory / "daemon", self.rig.run_dir / "api.sock", settings)

    @property
    def socket(self) -> Path:
        return self.daemon.directory / "run/netconf.sock"

    @contextlib.contextmanager
    def client(self) -> Iterator[Manager]:
        """netconf-client over the Unix socket."""
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(self.socket))
        connection.settimeout(PATIENCE)
        with Manager(Session(connection), timeout=PATIENCE) as client:
            try:
                yield client
            finally:
                # Its thread reads on a socket that is only closed, and the server would never see the end.
                connection.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def ssh(self, user: str = "olga") -> Iterator[Manager]:
        """netconf-client over SSH."""
        session = connect_ssh("127.0.0.1", self.port, user, PASSWORD, general_timeout=PATIENCE)
        with Manager(session, timeout=PATIENCE) as client:
            yield client

    def ncclient(self) -> NcclientManager:
        """Use ncclient over SSH; a context manager."""
        return manager.connect(
            host="127.0.0.1",
            port=self.port,
            username="olga",
            password=PASSWORD,
            hostkey_verify=False,
            look_for_keys=False,
            allow_agent=False,
            timeout=PATIENCE,
        )

    def local_ncclient(self) -> NcclientManager:
        """Use ncclient over the Unix socket; a context manager."""
        return manager.connect_uds(path=str(self.socket), timeout=PATIENCE)

    def host(self, number: int) -> str:
        """Plug a host in that asks for an address."""
        name = f"host{number}"
        self.rig.ctl(f"simulate host create {name} interface tap1 mac 02:00:00:00:{number >> 8:02x}:{number & 255:02x}")
        self.rig.ctl(f"simulate host {name} dhcp start")
        return name

    def hosts(self) -> dict[str, dict[str, Any]]:
        hosts: dict[str, dict[str, Any]] = json.loads(self.rig.ctl("show simulate state"))["hosts"]
        return hosts

    def address(self, name: str) -> str:
        """Wait for a host's address."""
        found = wait_for(lambda: self.hosts()[name]["address"], f"{name} has an address; {self.daemon.said()}")
        return str(found).split("/", maxsplit=1)[0]

    def close(self) -> None:
        self.daemon.remove()
        self.rig.close()


def subtree(content: str) -> str:
    """Make a subtree filter of content in the model's namespace."""
    return f'<filter type="subtree">{with_namespace(content)}</filter>'


def config(content: str) -> str:
    """Make the config parameter of an edit-config of content in the model's namespace."""
    namespaces = 'xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0"'
    return f"<config {namespaces}>{with_namespace(content)}</config>"


def with_namespace(content: str) -> str:
    """Put the model's namespace on the outermost element."""
    name, _, rest = content.partition(">")
    if name.endswith("/"):
        return f'{name[:-1]} xmlns="{NS["v"]}"/>{rest}'
    return f'{name} xmlns="{NS["v"]}">{rest}'


def rpc(content: str) -> str:
    """Make an rpc of the model."""
    return with_namespace(content)


def action(content: str) -> str:
    """Make an action (RFC 7950, 7.15.2)."""
    return f'<action xmlns="urn:ietf:params:xml:ns:yang:1">{with_namespace(content)}</action>'


def answer(reply: RPCReply) -> etree._Element:
    """Return the rpc-reply of an operation."""
    return etree.fromstring(reply.xml)


def texts(element: etree._Element, path: str) -> list[str]:
    """Return the texts of what a path, with the prefixes of NS, leads to."""
    return [found.text or "" for found in element.iterfind(path, NS)]


def text(element: etree._Element, path: str) -> str:
    """Return the one text that a path leads to."""
    (found,) = texts(element, path)
    return found
