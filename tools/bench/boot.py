"""Measures clients that boot at once, where the daemon asks whether addresses are in use before it offers them.

    python -m tools.bench boot [--clients 500] [--within 1.0] [--holders 100] [--how none probe]

The clients ask an empty server for their first addresses. Some of these are held by hosts that the daemon knows nothing
of, and that answer ARP. While that goes on, another client of VPP's API sends a ping every 5 ms.

The router is the simulator, or with --api-socket and --device a VPP that runs: an interface of it, up and with an
address (--router), is at the other end of that Linux device. Either needs root: as a user, nobody can raise
net.unix.max_dgram_qlen, and bursts of packets are lost.
"""

import argparse
import contextlib
import json
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from typing import Final, Protocol

import gevent

from tools.bench.servers import Processes
from tools.vppsim.ctl import ask
from vppdhc.packet import arp, ethernet, frame
from vppdhc.packet.dhcp4 import BOOTREPLY, CLIENT_PORT, SERVER_PORT, Message, decode, encode
from vppdhc.packet.errors import DecodeError
from vppdhc.vpp.api import ApiClient
from vppdhc.vpp.errors import VppError

_INTERFACE: Final = "tap0"
_ALL_PROTOCOLS: Final = 3
_SOL_PACKET: Final = 263
_PACKET_IGNORE_OUTGOING: Final = 23
_SO_RCVBUFFORCE: Final = 33
_BUFFER: Final = 16 << 20
_AGAIN: Final = 4.0
"""Seconds after which a client asks again (RFC 2131, 4.1)."""
_PATIENCE: Final = 30.0
_QUEUE_SETTING: Final = Path("/proc/sys/net/unix/max_dgram_qlen")
_QUEUE: Final = 2048
_PING_EVERY: Final = 0.005
_OFFER, _ACK, _NAK = b"\2", b"\5", b"\6"


class Wire(Protocol):
    """The far end of an interface."""

    def fileno(self) -> int:
        """Return what to wait for frames with."""

    def send(self, frame: bytes, /) -> int:
        """Send a frame; raises BlockingIOError when there is no room."""

    def recv(self, most: int, /) -> bytes:
        """Return a frame; raises BlockingIOError when there is none."""


@dataclass(slots=True)
class Client:
    """One client. started, bound: when it sent its first DISCOVER and had its ACK; 0.0 before that. sent: messages."""

    mac: bytes
    xid: int
    started: float = 0.0
    bound: float = 0.0
    heard: float = 0.0
    server: bytes = b""
    address: int = 0
    sent: int = 0


@dataclass(slots=True)
class Boot:
    """What came of it.

    clients: all of them. seconds: from the first DISCOVER to the last ACK. offered: all addresses that were offered.
    requests: ARP requests for addresses of hosts and clients. again: messages that clients had to send again.
    """

    clients: list[Client]
    seconds: float = 0.0
    offered: set[int] = field(default_factory=set)
    requests: int = 0
    again: int = 0

    @property
    def latencies(self) -> list[float]:
        """Seconds from the first DISCOVER to the ACK, of each client that has an address."""
        return sorted(client.bound - client.started for client in self.clients if client.bound)


class Lan:
    """Clients and hosts on a wire.

    holders: hardware addresses of hosts by the IPv4 address that they have.
    """

    def __init__(self, wire: Wire, holders: dict[int, bytes]) -> None:
        self._wire = wire
        self._holders = holders
        self._waiting: deque[bytes] = deque()
        self._clients: dict[int, Client] = {}
        self._boot = Boot([])

    def boot(self, count: int, within: float, patience: float = _PATIENCE) -> Boot:
        """Have so many clients boot within some seconds, and wait until all have an address or patience is over."""
        clients = [Client(b"\x02\x0b" + number.to_bytes(4, "big"), 0xB0070000 + number) for number in range(count)]
        self._clients = {client.xid: client for client in clients}
        self._boot = Boot(clients)
        unbound = set(self._clients)
        began = time.monotonic()
        with selectors.DefaultSelector() as selector:
            selector.register(self._wire, selectors.EVENT_READ)
            while unbound and (now := time.monotonic()) < began + patience:
                due = min(count, int((now - began) / within * count) + 1)
                for client in clients[:due]:
                    if not client.bound and now >= client.heard + _AGAIN:
                        self._ask(client, now)
                self._flush()
                selector.select(0.001)
                for client in self._receive():
                    unbound.discard(client.xid)
        self._boot.seconds = max((client.bound for client in clients), default=began) - began
        return self._boot

    def _ask(self, client: Client, now: float) -> None:
        """Send a DISCOVER, or once more what was not answered."""
        client.started = client.started or now
        client.heard = now
        self._boot.again += client.sent > 0
        options = {53: b"\1"}
        if client.server:
            options = {53: b"\3", 54: client.server, 50: client.address.to_bytes(4, "big")}
        self._say(client, options)

    def _say(self, client: Client, options: dict[int, bytes]) -> None:
        client.sent += 1
        payload = encode(Message(xid=client.xid, chaddr=client.mac, options={**options, 55: b"\1\3\6"}))
        packet = frame.encode_udp4(
            source_mac=client.mac,
            destination_mac=ethernet.BROADCAST,
            vlans=(),
            source=0,
            destination=0xFFFFFFFF,
            source_port=CLIENT_PORT,
            destination_port=SERVER_PORT,
            payload=payload,
        )
        self._waiting.append(packet)

    def _flush(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._waiting:
                self._wire.send(self._waiting[0])
                self._waiting.popleft()

    def _receive(self) -> Iterator[Client]:
        """Take what is there, and return the clients that have an address by that."""
        with contextlib.suppress(BlockingIOError):
            while True:
                packet = self._wire.recv(2048)
                with contextlib.suppress(DecodeError):
                    ethertype, _ = ethernet.decode(packet, 0)
                    if ethertype == ethernet.ARP:
                        self._answer(arp.decode(packet))
                    elif ethertype == ethernet.IPV4:
                        client = self._hear(decode(frame.decode_udp4(packet).payload))
                        if client is not None:
                            yield client
                self._flush()

    def _answer(self, request: arp.Arp) -> None:
        """Answer an ARP request as the host that has the address."""
        self._boot.requests += request.operation == arp.REQUEST
        mac = self._holders.get(request.target)
        if mac is not None and request.operation == arp.REQUEST:
            self._waiting.append(
                arp.encode_reply(
                    sender_mac=mac, sender=request.target, target_mac=request.sender_mac, target=request.sender
                )
            )

    def _hear(self, message: Message) -> Client | None:
        """Have a client hear an answer; returns it where it has an address now."""
        client = self._clients.get(message.xid)
        if client is None or message.op != BOOTREPLY or client.bound:
            return None
        now = client.heard = time.monotonic()
        message_type = message.options[53]
        if message_type == _OFFER and not client.server:
            self._boot.offered.add(message.yiaddr)
            client.server, client.address = message.options[54], message.yiaddr
            self._say(client, {53: b"\3", 54: client.server, 50: message.yiaddr.to_bytes(4, "big")})
        elif message_type == _ACK:
            client.bound = now
            return client
        elif message_type == _NAK:
            client.server = b""
        return None


def spread(network: IPv4Interface, count: int) -> dict[int, bytes]:
    """Spread so many hosts over a network, and return their hardware addresses by their addresses."""
    first, size = int(network.network.network_address), network.network.num_addresses
    addresses = [first + 2 + number * (size - 4) // count for number in range(count)]
    return {
        address: b"\x02\x0a" + number.to_bytes(4, "big")
        for number, address in enumerate(addresses)
        if address != int(network.ip)
    }


class FarEnd:
    """The end of a wire that is two sockets of datagrams, as the simulator has it."""

    def __init__(self, path: Path) -> None:
        self._to = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(f"{path}.far")

    def fileno(self) -> int:
        """Return the socket's."""
        return self._socket.fileno()

    def send(self, frame: bytes, /) -> int:
        """Send a frame."""
        return self._socket.sendto(frame, self._to)

    def recv(self, most: int, /) -> bytes:
        """Return a frame."""
        return self._socket.recv(most)

    def close(self) -> None:
        """Close it."""
        self._socket.close()


def _open_device(name: str) -> socket.socket:
    """Return a socket for all frames on a Linux device; raises OSError."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.setblocking(False)
    sock.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
    sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
    sock.bind((name, _ALL_PROTOCOLS))
    return sock


def ping(path: str) -> None:
    """Ping VPP's API every 5 ms until SIGTERM, and print the seconds that each took, as JSON."""
    client = ApiClient(path)
    client.connect()
    took: list[float] = []
    pinging = gevent.spawn(_ping_for_ever, client, took)
    gevent.signal_handler(signal.SIGTERM, pinging.kill, block=False)
    print("pinging", flush=True)
    pinging.join()
    client.close()
    print(json.dumps(took))


def _ping_for_ever(client: ApiClient, took: list[float]) -> None:
    while True:
        began = time.monotonic()
        client.call("control_ping")
        took.append(time.monotonic() - began)
        gevent.sleep(_PING_EVERY)


@contextlib.contextmanager
def pinged(path: str) -> Iterator[list[float]]:
    """Ping VPP's API meanwhile; the seconds that each took are in the list afterwards."""
    command = [sys.executable, "-m", "tools.bench", "boot", "--ping", path]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    took: list[float] = []
    with process:
        while process.stdout.readline().strip() != "pinging":
            if process.poll() is not None:
                raise ChildProcessError(f"what pings {path} has ended with status {process.returncode}")
        yield took
        process.terminate()
        took += json.loads(process.stdout.readlines()[-1])


def _start_daemon(processes: Processes, directory: Path, api_socket: Path, interface: str, how: str) -> None:
    """Start an empty server on one interface."""
    config = directory / "vppdhc.json"
    everything = {
        "vpp": {"api-socket": str(api_socket)},
        "netconf-server": {"enabled": False},
        "dhc4server": {"interfaces": [interface], "conflict-detection": how},
    }
    config.write_text(json.dumps(everything), encoding="utf-8")
    places = ["--config", str(config), "--state-dir", str(directory / "state"), "--run-dir", str(directory / "run")]
    processes.start("vppdhc", [sys.executable, "-m", "vppdhc", "run", *places])
    log = processes.log("vppdhc")
    processes.wait_for(lambda: "event=ready" in log.read_text(errors="replace"), "the daemon is ready")


def _start_simulator(processes: Processes, directory: Path, router: IPv4Interface) -> tuple[Path, FarEnd]:
    """Start a router with one interface; returns its API socket and the far end of the interface."""
    run_dir = directory / "vpp"
    processes.start("vpp", [sys.executable, "-m", "tools.vppsim", "--run-dir", str(run_dir)])
    processes.wait_for((run_dir / "cli.sock").exists, "the simulator runs")
    wire = directory / "wire"
    for line in (
        f"create sim-interface {_INTERFACE} wire {wire}",
        f"set interface state {_INTERFACE} up",
        f"set interface ip address {_INTERFACE} {router}",
    ):
        ask(str(run_dir / "cli.sock"), line)
    return run_dir / "api.sock", FarEnd(wire)


def measure(options: argparse.Namespace, how: str, directory: Path) -> str:
    """Have clients boot against an empty server, and return a line of the table."""
    router = IPv4Interface(options.router)
    processes = Processes(directory)
    wire: FarEnd | socket.socket
    try:
        if options.api_socket is None:
            api_socket, wire = _start_simulator(processes, directory, router)
            interface = _INTERFACE
        else:
            api_socket, wire, interface = options.api_socket, _open_device(options.device), options.interface
        with contextlib.closing(wire):
            _start_daemon(processes, directory, api_socket, interface, how)
            holders = spread(router, options.holders)
            with pinged(str(api_socket)) as took:
                boot = Lan(wire, holders).boot(options.clients, options.within)
    finally:
        processes.stop()
    latencies = boot.latencies
    wrong = len(boot.offered & holders.keys())
    if not latencies:
        return f"| {how} | 0 | | | | {wrong} | {boot.requests} | {boot.again} | |"
    p99 = latencies[int(len(latencies) * 0.99)]
    return (
        f"| {how} | {len(latencies)} | {boot.seconds:.2f} s | {statistics.median(latencies) * 1000:.0f} ms | "
        f"{p99 * 1000:.0f} ms | {wrong} | {boot.requests} | {boot.again} | "
        f"{statistics.median(took) * 1000:.2f} ms, {max(took) * 1000:.1f} ms |"
    )


def main(arguments: Sequence[str]) -> int:
    """Measure and print a table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench boot", description="clients that boot at once")
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--within", type=float, default=1.0, help="seconds in which they send their first message")
    parser.add_argument("--holders", type=int, default=100, help="hosts that have addresses in the network already")
    parser.add_argument("--how", nargs="*", default=["none", "probe"], choices=["none", "probe", "arping"])
    parser.add_argument("--router", default=str(IPv4Address(10 << 24 | 1)) + "/22", help="address of the interface")
    parser.add_argument("--api-socket", type=Path, help="API socket of a VPP that runs, instead of the simulator")
    parser.add_argument("--interface", help="its interface")
    parser.add_argument("--device", help="Linux device at the other end of the interface")
    parser.add_argument("--ping", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.ping is not None:
        with contextlib.suppress(VppError):
            ping(options.ping)
        return 0
    if int(_QUEUE_SETTING.read_text(encoding="ascii")) < _QUEUE:
        _QUEUE_SETTING.write_text(str(_QUEUE), encoding="ascii")
    columns = "have an address | all | p50 | p99 | offers of held addresses | ARP requests | sent again"
    print(f"| conflict-detection | {columns} | ping of VPP's API: p50, longest |")
    print(f"| --- | {'--- | ' * 8}".rstrip())
    for how in options.how:
        with tempfile.TemporaryDirectory() as directory:
            print(measure(options, how, Path(directory)), flush=True)
    return 0
