"""What stands between clients and server: ISC's relay agent, and perfdhcp, which is relay agent and clients in one."""

import re
import subprocess
from pathlib import Path

from tests.lab.network import Namespace, Segment
from tests.waiting import wait_for

UP, DOWN = "up0", "down0"


class Relay:
    """A router between two segments with ISC's dhcrelay on it.

    upstream, downstream: its addresses with their prefix lengths, on the segment of the server and that of its clients.
    """

    def __init__(self, directory: Path, up: Segment, down: Segment, upstream: str, *downstream: str) -> None:
        self.namespace = Namespace("relay")
        self._log = directory / f"{self.namespace.name}.log"
        up.plug(UP, namespace=self.namespace)
        down.plug(DOWN, namespace=self.namespace)
        self._up = (UP, [upstream])
        self._down = (DOWN, list(downstream))
        for device, addresses in (self._up, self._down):
            for address in addresses:
                self.namespace.run("ip", "addr", "add", address, "dev", device)
            self.namespace.run("ip", "link", "set", device, "up")
        self.namespace.run("sysctl", "-qw", "net.ipv4.ip_forward=1")

    def start(self, server: str, *options: str) -> None:
        """Start dhcrelay, with these options of its own, to a server."""
        interfaces = ["-iu", UP, "-id", DOWN]
        self.namespace.start(["dhcrelay", "-4", "-d", "--no-pid", *interfaces, *options, server], self._log)

    def said(self) -> str:
        """Return what dhcrelay printed."""
        return self._log.read_text(errors="replace")

    def remove(self) -> None:
        """End dhcrelay and take its namespace away."""
        self.namespace.remove()


class PerfDhcp:
    """Kea's perfdhcp on a host: many clients, with hardware addresses one after the other, behind one relay agent.

    host: where it runs; address is that host's, and the relay agent's (giaddr).
    server: an address of the router.
    gateway: where the host sends what is for the server; without it, the server is on the same link.
    """

    def __init__(self, directory: Path, host: Namespace, address: str, server: str, gateway: str = "") -> None:
        self._host = host
        self._address = address
        self._server = server
        self._process: subprocess.Popen[bytes] | None = None
        self.log = directory / f"{host.name}.perfdhcp"
        # Each side knows the other: nothing is lost because somebody has to be asked for first.
        assert " 0% packet loss" in host.run("ping", "-c1", "-W5", server)
        hop = gateway or server
        neighbour = host.run("ip", "neigh", "show", hop, "dev", "eth0").split()
        mac = neighbour[neighbour.index("lladdr") + 1]
        host.run("ip", "neigh", "replace", hop, "lladdr", mac, "dev", "eth0", "nud", "permanent")

    def start(self, exchanges: int, rate: int, *options: str, clients: int = 0) -> None:
        """Have clients get a lease, so many times, and so many times in a second.

        exchanges: five or more; with less, perfdhcp ends before it has all answers.
        clients: how many there are; without it, each comes once.
        """
        numbers = ["-n", str(exchanges), "-R", str(clients or exchanges), "-r", str(rate), "-W", "1000000"]
        command = ["perfdhcp", "-4", "-g", "single", "-x", "l", "-l", self._address, *numbers, *options, self._server]
        self._process = self._host.start(command, self.log)

    def finish(self) -> "Report":
        """Wait until it has ended and return what it says."""
        process = self._process
        assert process is not None
        wait_for(lambda: process.poll() is not None, "perfdhcp has ended", 120)
        return Report(self.log.read_text())


class Report:
    """What perfdhcp prints.

    drops: answers that did not come, of both exchanges.
    not_unique: addresses that it was given twice.
    leases: the addresses that were acknowledged.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.drops = self._count("drops")
        self.not_unique = self._count("non unique addresses")
        _, _, acknowledged = text.partition("***Leases for REQUEST-ACK***")
        self.leases = re.findall(r"^[0-9a-f:]+,([0-9.]+),", acknowledged, re.MULTILINE)

    def _count(self, name: str) -> int:
        discover, request = re.findall(rf"^{name}: (\d+)$", self.text, re.MULTILINE)
        return int(discover) + int(request)
