"""What stands between DHCPv6 clients and server: ISC's relay agent, and perfdhcp, which is many clients in one."""

import re
import subprocess
from ipaddress import IPv6Address
from pathlib import Path

from tests.lab.network import Namespace, Segment
from tests.lab.relay import DOWN, UP
from tests.lab.server import DEVICE
from tests.waiting import wait_for


class Relay6:
    """A router between two segments with ISC's dhcrelay on it.

    upstream, downstream: its addresses with their prefix lengths, on the segment of the server and that of its clients.
    """

    def __init__(self, directory: Path, up: Segment, down: Segment, upstream: str, *downstream: str) -> None:
        self.namespace = Namespace("relay")
        self._log = directory / f"{self.namespace.name}.log"
        up.plug(UP, namespace=self.namespace)
        down.plug(DOWN, namespace=self.namespace)
        self.namespace.run("sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
        for device, addresses in ((UP, [upstream]), (DOWN, list(downstream))):
            self.namespace.run("sysctl", "-qw", f"net.ipv6.conf.{device}.accept_dad=0")
            self.namespace.run("ip", "link", "set", device, "up")
            for address in addresses:
                self.namespace.run("ip", "addr", "add", address, "dev", device, "nodad")

    def start(self, server: str = "", *options: str) -> None:
        """Start dhcrelay, with these options of its own, to a server or relay agent; without, to all servers."""
        up = f"{server}%{UP}" if server else UP
        interfaces = ["-l", DOWN, "-u", up]
        self.namespace.start(["dhcrelay", "-6", "-d", "--no-pid", *options, *interfaces], self._log)
        wait_for(lambda: "Sending on" in self.said(), "dhcrelay has begun")

    def said(self) -> str:
        """Return what dhcrelay printed."""
        return self._log.read_text(errors="replace")

    def remove(self) -> None:
        """End dhcrelay and take its namespace away."""
        self.namespace.remove()


class PerfDhcp6:
    """Kea's perfdhcp on a host: many clients, each with a DUID of its own, and all with the host's addresses.

    link_local: where the host is on its link, and so are all clients.
    """

    def __init__(self, directory: Path, host: Namespace) -> None:
        self._host = host
        self._process: subprocess.Popen[bytes] | None = None
        self.log = directory / f"{host.name}.perfdhcp"
        self.link_local = wait_for(self._link_local, "the host has a link-local address")

    def _link_local(self) -> str:
        shown = self._host.run("ip", "-6", "-o", "addr", "show", "dev", DEVICE, "scope", "link", "-tentative").split()
        return shown[shown.index("inet6") + 1].split("/")[0] if shown else ""

    def start(self, exchanges: int, rate: int, *options: str) -> None:
        """Have so many clients get a lease, so many in a second."""
        numbers = ["-n", str(exchanges), "-R", str(exchanges), "-r", str(rate), "-W", "1000000"]
        command = ["perfdhcp", "-6", "-g", "single", "-x", "l", "-l", DEVICE, *numbers, *options]
        self._process = self._host.start(command, self.log)

    def finish(self) -> "Report6":
        """Wait until it has ended and return what it says."""
        process = self._process
        assert process is not None
        wait_for(lambda: process.poll() is not None, "perfdhcp has ended", 120)
        return Report6(self.log.read_text())


class Report6:
    """What perfdhcp prints.

    drops: answers that did not come, of all exchanges.
    not_unique: addresses and prefixes that it was given twice.
    addresses, prefixes: what was acknowledged.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.drops = self._count("drops")
        self.not_unique = self._count("non unique addresses")
        _, _, acknowledged = text.partition("***Leases for REQUEST-REPLY***")
        rows = re.findall(r"^[0-9a-f:]+,([0-9a-f:]*),([0-9a-f:]*)$", acknowledged, re.MULTILINE)
        self.addresses = {IPv6Address(address) for address, _ in rows if address}
        self.prefixes = {IPv6Address(prefix) for _, prefix in rows if prefix}

    def _count(self, name: str) -> int:
        return sum(int(number) for number in re.findall(rf"^{name}: (\d+)$", self.text, re.MULTILINE))
