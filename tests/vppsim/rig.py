"""A router for tests, driven through its sockets as the daemon drives it: the simulator, or the real VPP that the
environment names (VPP_API_SOCKET, VPP_CTL, VPP_ATTACH, as for the lab)."""

import contextlib
import json
import os
import re
import shlex
import socket
import struct
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from scapy.layers.l2 import Ether
from scapy.packet import Packet

from tests.lab.network import Namespace, run
from tests.lab.router import RealRouter
from tests.vppsim.client import Api
from tests.waiting import wait_for
from tools.vppsim import ctl

TOP = Path(__file__).resolve().parents[2]
LAN = "host-lan0"
WAN = "host-wan0"
TIMEOUT = 10.0
SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 8, 23
AUXDATA = struct.Struct("=IIIHHHH")
VLAN_VALID = 0x10
SO_RCVBUFFORCE = 33
ALL_PROTOCOLS = 3
MULTICAST_LISTENER_REPORT = "33:33:00:00:00:16"


def mac_of(name: str) -> str:
    """Return the MAC address that `interface` gives an interface."""
    return f"02:00:00:00:01:{sum(name.encode()) % 256:02x}"


def listens(path: Path) -> bool:
    """Tell whether somebody listens on a socket."""
    with socket.socket(socket.AF_UNIX) as sock:
        return sock.connect_ex(str(path)) == 0


class Wire:
    """The far end of an interface. sent: how many frames have been sent. to: where, for a socket of datagrams."""

    def __init__(self, sock: socket.socket, to: str | None = None) -> None:
        self._socket = sock
        self._socket.settimeout(TIMEOUT)
        self._to = to
        self.sent = 0

    def send(self, *frames: Packet | bytes) -> None:
        """Send frames."""
        for frame in frames:
            if self._to is None:
                self._socket.send(bytes(frame))
            else:
                self._socket.sendto(bytes(frame), self._to)
            self.sent += 1

    def receive(self) -> Packet:
        """Receive the next frame; the listener reports of a real VPP are nobody's subject here."""
        while True:
            frame = Ether(self._read())
            if frame.dst != MULTICAST_LISTENER_REPORT:
                return frame

    def _read(self) -> bytes:
        """Receive a frame, with the outer VLAN tag that a kernel takes off and tells beside it."""
        frame, ancillary, _, _ = self._socket.recvmsg(65536, socket.CMSG_SPACE(AUXDATA.size))
        for _, _, data in ancillary:
            status, *_, tag, kind = AUXDATA.unpack(data)
            if status & VLAN_VALID:
                return frame[:12] + struct.pack(">HH", kind, tag) + frame[12:]
        return frame

    def nothing(self) -> bool:
        """Tell whether nothing is waiting to be received."""
        self._socket.setblocking(False)
        try:
            self.receive()
        except BlockingIOError:
            return True
        finally:
            self._socket.settimeout(TIMEOUT)
        return False

    def close(self) -> None:
        """Close this end."""
        self._socket.close()


class Punt:
    """A program's own punt socket."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.settimeout(TIMEOUT)

    def receive(self) -> tuple[int, Packet]:
        """Receive the next datagram: the interface's index and the frame."""
        data = self.socket.recv(65536)
        index, action = struct.unpack_from("<II", data)
        assert action == 0
        return index, Ether(data[8:])

    def pending(self) -> int:
        """Read all that is there and return how many datagrams that were."""
        count = 0
        self.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while self.socket.recv(65536):
                count += 1
        self.socket.settimeout(TIMEOUT)
        return count

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()


class Rig(ABC):
    """A running router. directory: for files of the test. run_dir: where api.sock and punt.sock are."""

    def __init__(self, directory: Path, run_dir: Path) -> None:
        self.directory = directory
        self.run_dir = run_dir
        self._wires: dict[str, Wire] = {}
        self._closing: list[Callable[[], None]] = []

    @abstractmethod
    def ctl(self, line: str) -> str:
        """Run a command and return what it printed."""

    @abstractmethod
    def wire(self, name: str) -> Wire:
        """Make an interface of that name, which begins with `host-`, and return the far end of its wire."""

    @abstractmethod
    def died(self) -> bool:
        """Tell whether the router's process has ended."""

    @abstractmethod
    def restart(self) -> None:
        """End the router without warning and start it again, empty; return when it answers."""

    def connect(self) -> Api:
        """Connect to the API socket."""
        api = Api(self.run_dir / "api.sock")
        self._closing.append(api.close)
        return api

    def api(self) -> Api:
        """Connect to the API socket and load its definitions."""
        return self.connect().load()

    def interface(self, name: str = LAN, *addresses: str) -> tuple[int, Wire]:
        """Make an interface that is up and has addresses; return its index and the far end of its wire."""
        wire = self.wire(name)
        self._wires[name] = wire
        self._closing.append(wire.close)
        self.ctl(f"set interface state {name} up")
        for address in addresses:
            assert self.ctl(f"set interface ip address {name} {address}") == ""
        return self.index(name), wire

    def loopback(self) -> str:
        """Make an interface without a wire and return its name."""
        return self.ctl("create loopback interface")

    def index(self, name: str) -> int:
        """Return an interface's index."""
        found = re.search(rf"^{re.escape(name)} +(\d+) ", self.ctl("show interface"), re.MULTILINE)
        assert found is not None, name
        return int(found[1])

    def errors(self, reason: str) -> int:
        """Return how often an error of a reason was counted; VPP shows 35 characters of it."""
        lines = self.ctl("show errors").splitlines()
        return sum(int(line.split()[0]) for line in lines if reason[:35] in line)

    def received(self, name: str) -> int:
        """Return how many frames an interface has received."""
        found = re.search(r"rx packets +(\d+)", self.ctl(f"show interface {name}"))
        return int(found[1]) if found else 0

    def settled(self) -> None:
        """Return when all frames that were sent on wires have been handled.

        A router handles what it has received before it looks at its command line again.
        """
        wait_for(self._all_received, "the router has received all frames")

    def _all_received(self) -> bool:
        return all(self.received(name) >= wire.sent for name, wire in self._wires.items())

    def punt(self, name: str = "ours") -> Punt:
        """Open a punt socket of a program."""
        punt = Punt(self.directory / name)
        self._closing.append(punt.close)
        return punt

    def punt_to_router(self, index: int, action: int, packet: Packet | bytes) -> None:
        """Send a packet to the router's punt socket."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto(struct.pack("<II", index, action) + bytes(packet), str(self.run_dir / "punt.sock"))

    def close(self) -> None:
        """End everything."""
        for close in self._closing:
            close()


class SimulatorRig(Rig):
    """The simulator, a process of the test's own. options: more of its command line. prefix: words in front of it."""

    def __init__(self, directory: Path, *options: str, prefix: Sequence[str] = ()) -> None:
        super().__init__(directory, directory / "run")
        self._log = directory / "log"
        command = [sys.executable, "-m", "tools.vppsim", "--run-dir", str(self.run_dir), *options]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen([*prefix, *command], cwd=TOP, stdout=log, stderr=log)
        wait_for(lambda: listens(self.run_dir / "cli.sock") or self.died(), "it answers")
        assert not self.died(), self.said()

    def said(self) -> str:
        """Return what the process wrote."""
        return self._log.read_text()

    def state(self) -> dict[str, Any]:
        """Return everything that is programmed."""
        state: dict[str, Any] = json.loads(self.ctl("show simulate state"))
        return state

    def died(self) -> bool:
        return self.process.poll() is not None

    def restart(self) -> None:
        path = self.run_dir / "api.sock"
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(TIMEOUT)
            connection.connect(str(path))
            self.ctl("simulate restart")
            assert connection.recv(1) == b""
        wait_for(lambda: listens(path), "it is back")

    def ctl(self, line: str) -> str:
        return ctl.ask(str(self.run_dir / "cli.sock"), line).rstrip("\n")

    def wire(self, name: str) -> Wire:
        path = str(self.directory / f"{name}.wire")
        assert self.ctl(f"create sim-interface {name} hw-addr {mac_of(name)} wire {path}") == name
        far = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        far.bind(f"{path}.far")
        return Wire(far, path)

    def close(self) -> None:
        super().close()
        self.process.terminate()
        self.process.wait(timeout=TIMEOUT)
        assert "Traceback" not in self.said()


class Veths:
    """Wires that are veths: one end in the router's namespace, given to it by `attach`, the other in the test's."""

    def __init__(self, inside: Callable[..., list[str]], pid: Callable[[], int], ctl: list[str], attach: list[str]):
        self.inside = inside
        self._pid = pid
        self._environment = os.environ | {"VPP_CTL": shlex.join(ctl)}
        self._attach = attach
        self._far: list[str] = []

    def attach(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `attach` in the router's namespace."""
        command = self.inside(*self._attach, *words)
        return subprocess.run(
            command, env=self._environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )

    def link(self, device: str, namespace: str | None = None) -> str:
        """Make a veth and return the name of its far end, which may be in a namespace."""
        far = f"{device}.{os.getpid()}"
        run("ip", "link", "add", far, "type", "veth", "peer", "name", device, "netns", str(self._pid()))
        if namespace is not None:
            run("ip", "link", "set", far, "netns", namespace)
        else:
            self._far.append(far)
            Path(f"/proc/sys/net/ipv6/conf/{far}/disable_ipv6").write_text("1")
            run("ip", "link", "set", far, "up")
        return far

    def give(self, name: str) -> None:
        """Give a device, which is named without the `host-`, to the router."""
        done = self.attach(name.removeprefix("host-"), mac_of(name))
        assert done.stdout.strip() == name, done.stderr

    def wire(self, name: str) -> Wire:
        """Make an interface with a wire that ends in a raw socket."""
        far = self.link(name.removeprefix("host-"))
        self.give(name)
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
        sock.bind((far, ALL_PROTOCOLS))
        return Wire(sock)

    def host(self, name: str, *addresses: str) -> Namespace:
        """Make an interface with a host, a namespace with addresses, at the far end."""
        host = Namespace("host")
        far = self.link(name.removeprefix("host-"), host.name)
        for address in addresses:
            host.run("ip", "address", "add", address, "dev", far, *(["nodad"] if ":" in address else []))
        host.run("ip", "link", "set", far, "up")
        self.give(name)
        return host

    def remove(self) -> None:
        """Take away the far ends, and with them the others."""
        for far in self._far:
            run("ip", "link", "del", far, check=False)


class RealRig(Rig):
    """A real VPP, which is started anew behind each test."""

    def __init__(self, directory: Path) -> None:
        self._router = RealRouter()
        attach = shlex.split(os.environ["VPP_ATTACH"])
        ctl = shlex.split(os.environ["VPP_CTL"])
        self.veths = Veths(self._router.inside, lambda: self._router.pid, ctl, attach)
        super().__init__(directory, self._router.api_socket.parent)

    def died(self) -> bool:
        return not Path(f"/proc/{self._router.pid}/exe").exists()

    def restart(self) -> None:
        self._router.kill()
        self._router.start()

    def ctl(self, line: str) -> str:
        return self._router.ctl(*line.split()).strip("\r\n")

    def wire(self, name: str) -> Wire:
        return self.veths.wire(name)

    def close(self) -> None:
        super().close()
        if not self.died():
            self._router.kill()
        self.veths.remove()
        self._router.start()
        self._router.remove()


class VethRig(SimulatorRig):
    """The simulator in a network namespace of its own, as the lab runs it."""

    def __init__(self, directory: Path) -> None:
        self._namespace = Namespace("router")
        super().__init__(directory, prefix=self._namespace.command())
        tools = TOP / "tools/vppsim"
        command = [sys.executable, str(tools / "ctl.py"), "-s", str(self.run_dir / "cli.sock")]
        attach = [sys.executable, str(tools / "attach.py")]
        self.veths = Veths(self._namespace.command, lambda: self.process.pid, command, attach)

    def wire(self, name: str) -> Wire:
        return self.veths.wire(name)

    def close(self) -> None:
        super().close()
        self.veths.remove()
        self._namespace.remove()


def make_rig(directory: Path) -> Rig:
    """Return the router that the environment asks for: a real VPP where it is named, else the simulator."""
    return RealRig(directory) if "VPP_API_SOCKET" in os.environ else SimulatorRig(directory)


def make_rig_with_veths(directory: Path) -> RealRig | VethRig:
    """Return the same, with Linux devices for wires in either case."""
    return RealRig(directory) if "VPP_API_SOCKET" in os.environ else VethRig(directory)
