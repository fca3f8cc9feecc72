"""Network namespaces and the wires between them, made for one scenario and taken away with it."""

import itertools
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.waiting import wait_for

_numbers = itertools.count(1)


def run(*command: str, check: bool = True, timeout: float = 30) -> str:
    """Run a command to its end and return what it printed; its standard error is in the failure's text."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)} exited {done.returncode}: {done.stderr or done.stdout}")
    return done.stdout


class Namespace:
    """A network namespace: a host, a switch, or where the router runs."""

    def __init__(self, role: str) -> None:
        self.name = f"vppdhc-{os.getpid()}-{role}-{next(_numbers)}"
        self._processes: list[subprocess.Popen[bytes]] = []
        run("ip", "netns", "add", self.name)
        self.run("ip", "link", "set", "lo", "up")

    def command(self, *command: str) -> list[str]:
        """Return the command line that runs a command in here."""
        return ["ip", "netns", "exec", self.name, *command]

    def run(self, *command: str, check: bool = True, timeout: float = 30) -> str:
        """Run a command in here to its end."""
        return run(*self.command(*command), check=check, timeout=timeout)

    def start(self, command: Sequence[str], log: Path, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a process in here, both its outputs appended to a file; it ends with the namespace."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                self.command(*command), stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env
            )
        self._processes.append(process)
        return process

    def mac(self, device: str) -> str:
        """Return the hardware address of a device in here."""
        words = self.run("ip", "-o", "link", "show", device).split()
        return words[words.index("link/ether") + 1]

    def remove(self) -> None:
        """End every process in here, also those that went into the background, and take the namespace away."""
        for pid in run("ip", "netns", "pids", self.name, check=False).split():
            run("kill", "-9", pid, check=False)
        for process in self._processes:
            process.kill()
            process.wait()
        run("ip", "netns", "del", self.name, check=False)


class Segment:
    """A LAN: a bridge in a namespace of its own, a veth to everybody who is on it, and tcpdump listening."""

    def __init__(self, directory: Path) -> None:
        self._switch = Namespace("switch")
        self._switch.run("ip", "link", "add", "lan", "type", "bridge")
        self._switch.run("ip", "link", "set", "lan", "type", "bridge", "forward_delay", "0")
        self._switch.run("sysctl", "-qw", "net.ipv6.conf.lan.disable_ipv6=1")
        self._switch.run("ip", "link", "set", "lan", "up")
        self._heard = directory / f"{self._switch.name}.txt"
        self._switch.start(["tcpdump", "-l", "-n", "-i", "lan", "udp", "port", "67", "or", "port", "547"], self._heard)
        wait_for(lambda: "listening on" in self._heard.read_text(), "tcpdump listens")

    def host(self, *addresses: str) -> "Namespace":
        """Put a host with these addresses (with their prefix lengths) on the segment, on eth0."""
        host = Namespace("host")
        self.plug("eth0", namespace=host)
        for address in addresses:
            host.run("ip", "addr", "add", address, "dev", "eth0")
        host.run("ip", "link", "set", "eth0", "up")
        return host

    def heard(self, words: str) -> bool:
        """Tell whether tcpdump printed these words, such as `10.0.0.7.68 > 255.255.255.255.67`."""
        return words in self._heard.read_text(errors="replace")

    def plug(self, device: str, *, pid: int | None = None, namespace: Namespace | None = None) -> str:
        """Give a namespace (its own, or that of a process) one end of a new veth, named device."""
        port = f"p{next(_numbers)}"
        end = f"e{next(_numbers)}"
        self._switch.run("ip", "link", "add", port, "type", "veth", "peer", "name", end)
        self._switch.run("sysctl", "-qw", f"net.ipv6.conf.{port}.disable_ipv6=1")
        self._switch.run("ip", "link", "set", port, "master", "lan", "up")
        target = namespace.name if namespace is not None else str(pid)
        self._switch.run("ip", "link", "set", end, "name", device, "netns", target)
        return device

    def remove(self) -> None:
        """Take the bridge and all its wires away."""
        self._switch.remove()
