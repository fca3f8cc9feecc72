"""DHCPv4 servers to be measured, started as their users start them, and what the kernel says of their processes."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import IO, Any, Final, Protocol, Self

from tools.bench.load import Load, Templates
from tools.vppsim.ctl import ask
from vppdhc.parts.dhc4server import PORT

_TOP: Final = Path(__file__).resolve().parents[2]
_READY_SECONDS: Final = 60
_VPP_BUFFER: Final = 65_536
"""What VPP asks the kernel for to send to punt sockets, which doubles it."""
_UDP_BUFFER: Final = 4 << 20
_INTERFACE: Final = "tap0"
_ROUTER: Final = IPv4Address("10.0.0.1")
_KEA: Final = IPv4Address("127.0.0.1")
_RELAY: Final = IPv4Address("127.0.0.2")
_KEA_PORTS: Final = (10_067, 10_068)
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds of a process since its start: user and system of all threads, and both of its first thread."""

    user: float
    system: float
    first: float

    @classmethod
    def of(cls, pid: int) -> Self:
        """Ask the kernel."""
        user, system = _times(Path(f"/proc/{pid}/stat"))
        return cls(user, system, sum(_times(Path(f"/proc/{pid}/task/{pid}/stat"))))

    def since(self, before: "Usage") -> "Usage":
        """Return what came to it since an earlier one."""
        return Usage(self.user - before.user, self.system - before.system, self.first - before.first)


def _times(stat: Path) -> tuple[float, float]:
    """Return the user and system seconds in a file like /proc/self/stat (proc(5))."""
    fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    return int(fields[11]) / _TICKS, int(fields[12]) / _TICKS


def resident(pid: int) -> int:
    """Return the bytes of memory that a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE


class Server(Protocol):
    """A server that runs.

    name: for people. pid: of its process. load: its clients.
    """

    name: str
    pid: int
    load: Load

    def leases(self) -> int:
        """Count the leases on its disk."""

    def close(self) -> None:
        """Close our sockets to it."""


class StartError(Exception):
    """A server does not start, and why."""


class Processes:
    """Processes that belong together; their output goes to files in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory: Final = directory
        self._started: list[tuple[str, subprocess.Popen[bytes]]] = []

    def start(self, name: str, command: Sequence[str], environment: dict[str, str] | None = None) -> int:
        """Start one; returns its process id. What it says is in the file NAME.log."""
        log: IO[bytes]
        with self.log(name).open("wb") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=_TOP,
                env=os.environ | (environment or {}),
            )
        self._started.append((name, process))
        return process.pid

    def log(self, name: str) -> Path:
        """Return the file that has what a process said."""
        return self.directory / f"{name}.log"

    def wait_for(self, ready: Callable[[], object], what: str) -> None:
        """Wait until it is so; raises StartError with what was said when it is not in time, or a process ends."""
        end = time.monotonic() + _READY_SECONDS
        while not ready():
            ended = [name for name, process in self._started if process.poll() is not None]
            if ended or time.monotonic() > end:
                said = "\n".join(self.log(name).read_text(errors="replace") for name, _ in self._started)
                raise StartError(f"not so: {what}; ended: {', '.join(ended) or 'nobody'}\n{said[-4000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End all, the last one first; raises ChildProcessError for one that does not end by itself, or badly."""
        bad = []
        for name, process in reversed(self._started):
            process.send_signal(signal.SIGTERM)
            try:
                status = process.wait(_READY_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                status = process.wait()
            if status not in (0, -signal.SIGTERM):
                bad.append(f"{name} ended with status {status}:\n{self.log(name).read_text(errors='replace')[-4000:]}")
        if bad:
            raise ChildProcessError("\n".join(bad))


class Vppdhc:
    """The daemon, which believes that it serves a /8 on an interface of VPP.

    VPP's API is the simulator's. Its punt socket is ours: it lies where the simulator's was before the daemon came, so
    that nobody is between the clients and the daemon.
    """

    def __init__(
        self, processes: Processes, settings: dict[str, Any], options: Sequence[str], python: Sequence[str]
    ) -> None:
        """Start it, with its state in their directory; raises StartError.

        settings: further ones of the server. options: further ones of `vppdhc run`. python: of the interpreter.
        """
        self.name = "vppdhc"
        directory = processes.directory
        self._store = directory / "state" / "leases.db"
        vpp = directory / "vpp"
        processes.start("vpp", [sys.executable, "-m", "tools.vppsim", "--run-dir", str(vpp)])
        processes.wait_for(lambda: _answers(vpp), "the simulator answers")
        for line in (f"create sim-interface {_INTERFACE}", f"set interface state {_INTERFACE} up"):
            _told(vpp, line)
        _told(vpp, f"set interface ip address {_INTERFACE} {_ROUTER}/8")
        (interface,) = json.loads(ask(str(vpp / "cli.sock"), "show simulate state"))["interfaces"][1:]
        config = directory / "vppdhc.json"
        server = {"interfaces": [_INTERFACE], "name-server": ["192.0.2.53"], "domain-name": "example.net"} | settings
        everything = {
            "vpp": {"api-socket": str(vpp / "api.sock")},
            "netconf-server": {"enabled": False},
            "dhc4server": server,
        }
        config.write_text(json.dumps(everything), encoding="utf-8")
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        (vpp / "punt.sock").unlink()
        receiver.bind(str(vpp / "punt.sock"))
        places = ["--config", str(config), "--state-dir", str(self._store.parent), "--run-dir", str(directory / "run")]
        self.pid = processes.start("vppdhc", [sys.executable, *python, "-m", "vppdhc", "run", *places, *options])
        log = processes.log("vppdhc")
        processes.wait_for(lambda: "event=ready" in log.read_text(errors="replace"), "the daemon is ready")
        sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _VPP_BUFFER)
        sender.connect(str(directory / "run" / PORT.file_name))
        self._sockets = (sender, receiver)
        mac = bytes.fromhex(interface["mac"].replace(":", ""))
        self.load = Load(sender, receiver, Templates(int(_ROUTER), punted=(interface["index"], mac)))

    def leases(self) -> int:
        """Count the leases in force in its store, which is read as any SQLite client would."""
        with closing(sqlite3.connect(f"file:{self._store}?mode=ro", uri=True)) as database:
            ((leases,),) = database.execute("SELECT count(*) FROM lease_readable WHERE state = 'active'")
        return int(leases)

    def close(self) -> None:
        """Close our sockets to it."""
        for one in self._sockets:
            one.close()


def _answers(vpp: Path) -> bool:
    """Whether the simulator takes commands by now."""
    try:
        return bool(ask(str(vpp / "cli.sock"), "show version"))
    except OSError:
        return False


def _told(vpp: Path, line: str) -> None:
    answer = ask(str(vpp / "cli.sock"), line)
    if answer.strip() not in ("", _INTERFACE):
        raise StartError(f"the simulator does not {line}: {answer}")


class Kea:
    """Kea's DHCPv4 server with a lease file (memfile), as it is installed; its clients are behind a relay agent."""

    def __init__(self, processes: Processes, program: str) -> None:
        """Start it, with its lease file in their directory; raises StartError."""
        directory = processes.directory
        version = subprocess.run([program, "-v"], capture_output=True, text=True, check=True).stdout.strip()
        self.name = f"Kea {version}"
        self._file = directory / "leases.csv"
        config = directory / "kea.json"
        server = {
            "interfaces-config": {"interfaces": [f"lo/{_KEA}"], "dhcp-socket-type": "udp"},
            "lease-database": {"type": "memfile", "persist": True, "name": str(self._file), "lfc-interval": 0},
            "valid-lifetime": 3600,
            "option-data": [
                {"name": "routers", "data": str(_ROUTER)},
                {"name": "domain-name-servers", "data": "192.0.2.53"},
                {"name": "domain-name", "data": "example.net"},
            ],
            "subnet4": [
                {
                    "subnet": "10.0.0.0/8",
                    "pools": [{"pool": "10.26.0.0 - 10.255.255.254"}],
                    "relay": {"ip-addresses": [str(_RELAY)]},
                }
            ],
            "loggers": [{"name": "kea-dhcp4", "severity": "WARN", "output_options": [{"output": "stdout"}]}],
        }
        config.write_text(json.dumps({"Dhcp4": server}), encoding="utf-8")
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _UDP_BUFFER)
        sock.bind((str(_RELAY), _KEA_PORTS[1]))
        ports = ["-p", str(_KEA_PORTS[0]), "-P", str(_KEA_PORTS[1])]
        places = {"KEA_PIDFILE_DIR": str(directory), "KEA_LOCKFILE_DIR": str(directory)}
        self.pid = processes.start("kea", [program, "-c", str(config), *ports], places)
        processes.wait_for(lambda: _listens(_KEA_PORTS[0]), "Kea listens")
        sock.connect((str(_KEA), _KEA_PORTS[0]))
        self._socket = sock
        self.load = Load(sock, sock, Templates(int(_KEA), giaddr=int(_RELAY)))

    def leases(self) -> int:
        """Count the addresses in its lease file, which has a line for each lease and each renewal."""
        with self._file.open(encoding="utf-8") as lines:
            return len({line.partition(",")[0] for line in lines}) - 1

    def close(self) -> None:
        """Close our sockets to it."""
        self._socket.close()


def _listens(port: int) -> bool:
    """Whether somebody has a UDP port of IPv4 open."""
    entries = Path("/proc/self/net/udp").read_text(encoding="ascii").splitlines()[1:]
    return any(int(entry.split()[1].rpartition(":")[2], 16) == port for entry in entries)


def find_kea() -> str | None:
    """Return Kea's program, None where it is not installed."""
    return shutil.which("kea-dhcp4", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
