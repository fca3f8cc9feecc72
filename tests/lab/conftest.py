"""The lab: a router, a LAN, the daemon, and clients that come and go."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemon import Daemon
from tests.lab.clients import KINDS, Client
from tests.lab.clients6 import KINDS6
from tests.lab.network import Namespace, Segment
from tests.lab.provider import PROVIDERS
from tests.lab.provider6 import PROVIDERS6
from tests.lab.router import Router, make_router

PROGRAMS = (
    *("ip", "tcpdump", "nsenter", "sysctl", "ping", "pidof", "mount", "dhcrelay", "perfdhcp", "radvd"),
    *("radvdump", "rdisc6"),
    *(*KINDS, *KINDS6, *PROVIDERS, *PROVIDERS6),
)

LAN_DEVICE = "lan0"
LAN_ADDRESS = "10.77.0.1/24"
LAN_ROUTER = "10.77.0.1"


def why_not() -> str:
    """Say why the lab cannot run on this machine; an empty string where it can."""
    if os.geteuid() != 0:
        return "the lab makes network namespaces, which needs root"
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    return f"the lab needs {', '.join(missing)}: tools/test installs them as root" if missing else ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs the lab where there is none, and say why."""
    reason = why_not()
    if reason:
        for item in items:
            if item.get_closest_marker("lab"):
                item.add_marker(pytest.mark.skip(reason=reason))


class Lab:
    """One router with one LAN interface, `router.api_socket` for the daemon, and clients on the LAN.

    What it makes is taken away with `stack`, in reverse order.
    """

    def __init__(self, directory: Path, stack: contextlib.ExitStack) -> None:
        self.directory = directory
        self.stack = stack
        self._clients = 0
        self._daemons = 0
        self.segment = self.another_segment()
        self.router: Router = make_router(directory)
        stack.callback(self.router.remove)
        self.interface = self.router.attach(self.segment, LAN_DEVICE, LAN_ADDRESS)

    def another_segment(self) -> Segment:
        """Make a further wire."""
        segment = Segment(self.directory)
        self.stack.callback(segment.remove)
        return segment

    def daemon(self, **settings: Any) -> Daemon:
        """Start a daemon that serves the LAN with these settings of dhc4server."""
        return self.daemon_with({"dhc4server": self.server(**settings)})

    def server(self, **settings: Any) -> dict[str, Any]:
        """Return settings of dhc4server that serve the LAN."""
        return {"interfaces": [self.interface], "name-server": ["192.0.2.53", "192.0.2.54"]} | settings

    def daemon_with(self, settings: dict[str, Any]) -> Daemon:
        """Start a daemon in the router's namespace; NETCONF is on its Unix socket alone."""
        self._daemons += 1
        place = self.directory / f"d{self._daemons}"  # short: so is the path of a socket
        settings = {"netconf-server": {"enabled": False}} | settings
        daemon = Daemon(place, self.router.api_socket, settings, self.router.inside())
        self.stack.callback(daemon.remove)
        daemon.start()
        return daemon

    def client(self, kind: str, *wishes: str, segment: Segment | None = None, mac: str = "") -> Client:
        """Make a host with a client of that kind, not started yet.

        wishes: further configuration of it, see Client.
        segment: where it is, without it on the LAN.
        mac: its hardware address; without it, one that nobody else has.
        """
        client = KINDS[kind](segment or self.segment, self.directory, mac or self.another_mac(), wishes)
        self.stack.callback(client.remove)
        return client

    def another_mac(self) -> str:
        """Return a hardware address that nobody else has here."""
        self._clients += 1
        return f"02:00:00:00:77:{self._clients:02x}"

    def host(self, *addresses: str, segment: Segment | None = None) -> Namespace:
        """Make a host that has these addresses already, on the LAN if nothing else is said."""
        host = (segment or self.segment).host(*addresses)
        self.stack.callback(host.remove)
        return host


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """Give a scenario its lab and take it away, also after a failure."""
    with contextlib.ExitStack() as stack:
        yield Lab(tmp_path, stack)
