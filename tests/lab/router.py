"""The router under the daemon: the simulator, or the real VPP that the environment names.

Both are driven by the same three things: the API socket, a command line (`ctl`) and `attach`, which gives
a Linux device to the router. Nothing in a scenario knows which one it runs on.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
from ipaddress import IPv6Network
from pathlib import Path

from tests.lab.network import Namespace, Segment, run
from tests.waiting import wait_for

TOP = Path(__file__).resolve().parents[2]


class Router:
    """A running router and its LAN interfaces.

    api_socket: path of its binary API socket.
    """

    def __init__(self, api_socket: Path, ctl: list[str], attach: list[str]) -> None:
        self.api_socket = api_socket
        self._ctl = ctl
        self._attach = attach
        self._given: dict[str, tuple[str, tuple[str, ...]]] = {}  # MAC and addresses by device
        self._names: dict[str, str] = {}  # of the router for each device
        self._routes: list[tuple[str, str, str]] = []

    @property
    def pid(self) -> int:
        """Process id of the router now."""
        raise AssertionError("a router has a process")

    def _spawn(self) -> None:
        raise AssertionError("a router can be started")

    def ctl(self, *words: str) -> str:
        """Run one command line command and return what the router printed."""
        return run(*self._ctl, *words)

    def inside(self, *command: str) -> list[str]:
        """Return the command line that runs a command in the router's network namespace."""
        return ["nsenter", "-t", str(self.pid), "-n", *command]

    def attach(self, segment: Segment, device: str, *addresses: str, mac: str = "") -> str:
        """Put an interface with these addresses on a segment and return the router's name for it.

        mac: its hardware address; without it, the router makes one, another one each time.
        """
        segment.plug(device, pid=self.pid)
        self._given[device] = (mac, addresses)
        return self._give(device)

    def number(self, device: str, address: str) -> None:
        """Give an interface a further address, with its prefix length; it has it again after a restart as well.

        device: as it was attached.
        """
        mac, addresses = self._given[device]
        self._given[device] = (mac, (*addresses, address))
        self.ctl("set", "interface", "ip", "address", self._names[device], address)

    def _give(self, device: str) -> str:
        mac, addresses = self._given[device]
        environment = os.environ | {"VPP_CTL": shlex.join(self._ctl)}
        command = self.inside(*self._attach, device, *([mac] if mac else []))
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=TOP)
        assert done.returncode == 0, done.stderr
        name = self._names[device] = done.stdout.strip()
        for address in addresses:
            self.ctl("set", "interface", "ip", "address", name, address)
        return name

    def route(self, prefix: str, next_hop: str, interface: str) -> None:
        """Add a route, which is taken away in remove()."""
        self.ctl("ip", "route", "add", prefix, "via", next_hop, interface)
        self._routes.append((prefix, next_hop, interface))

    def addresses(self, interface: str) -> list[str]:
        """Return the addresses of an interface, with their prefix lengths."""
        found = []
        here = False
        for line in self.ctl("show", "interface", "addr").splitlines():
            if not line.startswith(" "):
                here = line.split(" ")[0] == interface
            elif here and line.split()[0] == "L3":
                found.append(line.split()[1])
        return found

    def way(self, prefix: str, table: int = 0) -> str:
        """Return where the route for exactly this prefix leads: `NEXT-HOP INTERFACE`; an empty string without one."""
        shown = self.ctl("show", "ip6" if ":" in prefix else "ip", "fib", prefix, "table", str(table))
        if not re.search(rf"^{re.escape(prefix)} fib:", shown, re.MULTILINE):
            return ""  # what it shows is the route that is used instead
        _, _, forwarding = shown.partition("forwarding:")
        way = re.search(r" via (\S+ [^\s:]+)", forwarding)
        return way[1] if way else ""

    def ways(self, within: IPv6Network) -> dict[str, str]:
        """Return where the routes to all parts of a network lead, as way() does.

        Of a next hop that is not a neighbour by itself, the interface may be missing.
        """
        found = {}
        prefix = ""
        for line in self.ctl("show", "ip6", "fib").splitlines():
            if re.fullmatch(r"[0-9a-f:]+/[0-9]+", line.strip()):
                prefix = line.strip()
            elif (way := re.search(r" via (\S+(?: [^\s:]+)?)", line)) and IPv6Network(prefix).subnet_of(within):
                found[prefix] = way[1]
        return found

    def unreachable(self) -> list[str]:
        """Return the IPv6 prefixes that it answers for as unreachable."""
        found = []
        prefix = ""
        for line in self.ctl("show", "ip6", "fib").splitlines():
            if re.fullmatch(r"[0-9a-f:]+/[0-9]+", line.strip()):
                prefix = line.strip()
            elif "send-unreachable" in line:
                found.append(prefix)
        return found

    def bindings(self) -> list[tuple[str, str]]:
        """Return its NPTv6 bindings: internal and external prefix."""
        shown = self.ctl("show", "npt66", "bindings")
        return re.findall(r"internal: (\S+) external: (\S+)", shown)

    def kill(self) -> None:
        """End the router without warning."""
        os.kill(self.pid, signal.SIGKILL)

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        self._spawn()
        wait_for(self._answers, "the router answers")

    def restart(self) -> None:
        """Kill it and start it again: it comes back empty and gets its interfaces and their addresses again."""
        self.kill()
        self.start()
        for device in self._given:
            self._give(device)

    def _answers(self) -> bool:
        return self.api_socket.exists() and bool(run(*self._ctl, "show", "version", check=False).strip())

    def remove(self) -> None:
        """Take away what the scenario made."""
        raise AssertionError("a router can be removed")


class SimulatedRouter(Router):
    """The simulator, in a network namespace of its own."""

    def __init__(self, directory: Path) -> None:
        self._namespace = Namespace("router")
        self._directory = directory / "vpp"
        self._process: subprocess.Popen[bytes] | None = None
        sockets = self._directory
        super().__init__(
            sockets / "api.sock",
            [sys.executable, str(TOP / "tools/vppsim/ctl.py"), "-s", str(sockets / "cli.sock")],
            [sys.executable, str(TOP / "tools/vppsim/attach.py")],
        )
        self._keeper = self._namespace.start(["sleep", "infinity"], directory / "keeper.log")
        self.start()

    @property
    def pid(self) -> int:
        """Process id of the simulator; of a sleeping process in the same namespace while it is away."""
        alive = self._process is not None and self._process.poll() is None
        return self._process.pid if alive and self._process is not None else self._keeper.pid

    def _spawn(self) -> None:
        self._directory.mkdir(exist_ok=True)
        self._process = self._namespace.start(
            [sys.executable, "-m", "tools.vppsim", "--run-dir", str(self._directory)],
            self._directory.parent / "vppsim.log",
            os.environ | {"PYTHONPATH": str(TOP)},
        )

    def kill(self) -> None:
        """End the simulator without warning."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def remove(self) -> None:
        """Take the simulator and its namespace away."""
        self._namespace.remove()


class RealRouter(Router):
    """A VPP that was started by hand; VPP_API_SOCKET, VPP_CTL and VPP_ATTACH say where it is."""

    def __init__(self) -> None:
        api_socket = Path(os.environ["VPP_API_SOCKET"])
        ctl = shlex.split(os.environ["VPP_CTL"])
        super().__init__(api_socket, ctl, shlex.split(os.environ["VPP_ATTACH"]))
        self._run_dir = api_socket.parent
        self._binary = Path(ctl[0]).with_name("vpp")
        self._namespace_of = f"/proc/{self.pid}/ns/net"
        self._keeper = subprocess.Popen(self.inside("sleep", "infinity"))

    @property
    def pid(self) -> int:
        """Process id of VPP."""
        return int((self._run_dir / "pid").read_text())

    def inside(self, *command: str) -> list[str]:
        """Return the command line that runs a command in VPP's network namespace, also while VPP is away."""
        keeper = getattr(self, "_keeper", None)
        return ["nsenter", "-t", str(keeper.pid if keeper else self.pid), "-n", *command]

    def kill(self) -> None:
        """End VPP without warning."""
        super().kill()
        wait_for(lambda: not Path(f"/proc/{self.pid}/exe").exists(), "VPP has ended")

    def _spawn(self) -> None:
        for leftover in self._run_dir.glob("*.sock"):
            leftover.unlink()
        # It outlives the tests, as the one did that was started by hand: so a shell starts it, and is gone.
        command = self.inside(str(self._binary), "-c", str(self._run_dir / "startup.conf"))
        start = f"setsid {shlex.join(command)} < /dev/null >> {self._run_dir}/out 2>&1 & echo $! > {self._run_dir}/pid"
        subprocess.run(["sh", "-c", start], check=True)

    def remove(self) -> None:
        """Take away the routes and interfaces that the scenario made; VPP itself stays."""
        environment = os.environ | {"VPP_CTL": shlex.join(self._ctl)}
        for prefix, next_hop, interface in self._routes:
            # A route that outlives its interface is dead, and so is every later one that is the same.
            self.ctl("ip", "route", "del", prefix, "via", next_hop, interface)
        for device in self._given:
            subprocess.run(self.inside(*self._attach, "--remove", device), env=environment, check=False)
            run(*self.inside("ip", "link", "del", device), check=False)
        self._keeper.kill()
        self._keeper.wait()


def make_router(directory: Path) -> Router:
    """Return the router that the environment asks for: a real VPP where it is named, else the simulator."""
    if "VPP_API_SOCKET" in os.environ:
        return RealRouter()
    return SimulatedRouter(directory)
