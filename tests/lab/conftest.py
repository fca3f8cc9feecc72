"""The lab: a router, a LAN, the daemon, and clients that come and go."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemon import Daemon
from tests.lab.clients import KINDS, Client
from tests.lab.network import Segment
from tests.lab.router import Router, make_router

PROGRAMS = ("ip", "tcpdump", "nsenter", "sysctl", "ping", "pidof", *KINDS)

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
    """One router with one LAN interface, `router.api_socket` for the daemon, and clients on the LAN."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._clients: list[Client] = []
        self._daemons: list[Daemon] = []
        self.segment = Segment(directory)
        self.router: Router = make_router(directory)
        self.interface = self.router.attach(self.segment, LAN_DEVICE, LAN_ADDRESS)

    def daemon(self, **settings: Any) -> Daemon:
        """Start a daemon that serves the LAN, in the router's namespace."""
        server = {"interfaces": [self.interface], "name-server": ["192.0.2.53", "192.0.2.54"]} | settings
        prefix = self.router.inside()
        place = self._directory / f"daemon{len(self._daemons)}"
        daemon = Daemon(place, self.router.api_socket, {"dhc4server": server}, prefix)
        self._daemons.append(daemon)
        daemon.start()
        return daemon

    def client(self, kind: str) -> Client:
        """Make a host with a client of that kind, not started yet."""
        client = KINDS[kind](self.segment, self._directory, f"02:00:00:00:77:{len(self._clients) + 1:02x}")
        self._clients.append(client)
        return client

    def restart_router(self) -> None:
        """Kill the router and start it again: it comes back empty and gets its interface and address again."""
        self.router.kill()
        self.router.start()
        self.router.reattach(LAN_DEVICE, LAN_ADDRESS)

    def remove(self) -> None:
        """Take everything away."""
        for daemon in self._daemons:
            daemon.remove()
        for client in self._clients:
            client.remove()
        self.router.remove()
        self.segment.remove()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """Give a scenario its lab and take it away, also after a failure."""
    made = Lab(tmp_path)
    try:
        yield made
    finally:
        made.remove()
