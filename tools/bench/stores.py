"""Compares lease stores in the daemon's pipeline: datagrams in, a core's work, group commit, replies out.

    python -m tools.bench stores [STORE ...] [--seconds 5] [--repeat 5] [--outstanding 64 512] [--work-us 40]

One process stands for the daemon: a greenlet that drains a Unix datagram socket and works on each packet, and
the Committer. This one keeps a number of datagrams outstanding. Each datagram renews one of many leases. The
stores take turns, so that what else the machine does disturbs all of them; the table has medians.
"""

import argparse
import json
import marshal
import os
import resource
import select
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import gevent
import lmdb
from gevent.socket import wait_read, wait_write

from vppdhc.clock import SystemClock
from vppdhc.leases.committer import Committer, Work
from vppdhc.leases.lease import Change, Lease, LeaseState
from vppdhc.leases.lease6 import AnyChange, by_version
from vppdhc.leases.store import LeaseStore

_QUEUE_LENGTH: Final = Path("/proc/sys/net/unix/max_dgram_qlen")
_LEASES: Final = 20_000
_OPTIONS: Final = bytes.fromhex("63825363 350103 3d0701020000000001 3204c0000201 0c06636c69656e74 370401030f06 ff")
_PACKET: Final = bytes(8 + 14 + 20 + 8 + 236) + _OPTIONS.ljust(64, b"\0")
_STOP: Final = b"stop"
_PATIENCE: Final = 5.0
"""Seconds that a reply waits for the other side to read."""


class NoStore:
    """Nothing is kept: what the pipeline can do at most."""

    def __init__(self, directory: Path) -> None:
        pass

    def commit(self, changes: Sequence[Change]) -> None:
        """Forget the changes."""


class SqliteStore:
    """The daemon's store."""

    def __init__(self, directory: Path) -> None:
        self.commit = LeaseStore(directory / "leases.sqlite", SystemClock()).commit


def _plain(lease: Lease) -> tuple[Any, ...]:
    """Return a lease as marshal takes it."""
    return (lease.table, lease.address, int(lease.state), *lease[3:])


class LmdbStore:
    """A memory-mapped B+ tree; a transaction is durable when it ends."""

    def __init__(self, directory: Path) -> None:
        self._environment = lmdb.open(str(directory / "lmdb"), map_size=1 << 30)

    def commit(self, changes: Sequence[Change]) -> None:
        """Write all changes in one transaction."""
        with self._environment.begin(write=True) as transaction:
            for old, new in changes:
                if new is not None:
                    transaction.put(struct.pack(">II", new.table, new.address), marshal.dumps(_plain(new)))
                elif old is not None:
                    transaction.delete(struct.pack(">II", old.table, old.address))


class JournalStore:
    """A file that grows by one checksummed record a group, and is written anew once most of it is old."""

    _RECORD: Final = struct.Struct("<II")
    _COMPACT_FROM: Final = 1 << 24

    def __init__(self, directory: Path) -> None:
        self._path = directory / "journal"
        self._leases: dict[tuple[int, int], tuple[Any, ...]] = {}
        self._file = self._path.open("a+b", buffering=0)
        self._file.seek(0)
        whole = sum(self._replay(self._file.read()))
        self._file.truncate(whole)
        self._compact_at = max(2 * whole, self._COMPACT_FROM)

    def commit(self, changes: Sequence[Change]) -> None:
        """Append all changes as one record."""
        records = []
        for old, new in changes:
            lease = new or old
            assert lease is not None
            key = lease.table, lease.address
            row = () if new is None else _plain(new)
            records.append((key, row))
            self._leases[key] = row
        self._file.write(self._frame(records))
        os.fdatasync(self._file.fileno())
        if self._file.tell() >= self._compact_at:
            self._compact()

    def _frame(self, records: list[tuple[tuple[int, int], tuple[Any, ...]]]) -> bytes:
        payload = marshal.dumps(records)
        return self._RECORD.pack(len(payload), zlib.crc32(payload)) + payload

    def _replay(self, content: bytes) -> Iterator[int]:
        """Take in the records before a torn one; yields their lengths."""
        start = 0
        while start + self._RECORD.size <= len(content):
            length, checksum = self._RECORD.unpack_from(content, start)
            payload = content[start + self._RECORD.size :][:length]
            if len(payload) < length or zlib.crc32(payload) != checksum:
                return
            self._leases.update(marshal.loads(payload))
            start += self._RECORD.size + length
            yield self._RECORD.size + length

    def _compact(self) -> None:
        self._leases = {key: row for key, row in self._leases.items() if row}
        new = self._path.with_suffix(".new")
        with new.open("wb") as file:
            file.write(self._frame(list(self._leases.items())))
            file.flush()
            os.fsync(file.fileno())
            self._compact_at = max(2 * file.tell(), self._COMPACT_FROM)
        new.rename(self._path)
        directory = os.open(self._path.parent, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)
        self._file = self._path.open("ab", buffering=0)


_Store = NoStore | SqliteStore | LmdbStore | JournalStore
_STORES: Final[dict[str, Callable[[Path], _Store]]] = {
    "none": NoStore,
    "sqlite": SqliteStore,
    "lmdb": LmdbStore,
    "journal": JournalStore,
}


@dataclass
class MeasuredStore:
    """A store, and how large its commits were (changes) and how long they took (seconds)."""

    store: _Store
    sizes: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def commit(self, changes: Sequence[AnyChange]) -> None:
        """Commit and measure."""
        changes4, _ = by_version(changes)
        started = time.perf_counter()
        self.store.commit(changes4)
        self.seconds.append(time.perf_counter() - started)
        self.sizes.append(len(changes))


def core_work(packet: bytes, rounds: int) -> int:
    """Walk a packet's options as a codec does, so many times; what a core does per packet."""
    end = len(packet)
    found = 0
    for _ in range(rounds):
        at = 290
        while at < end and packet[at] != 255:
            code, length = struct.unpack_from("BB", packet, at)
            found ^= code + len(packet[at + 2 : at + 2 + length])
            at += 2 + length
    return found


def rounds_for(microseconds: float) -> int:
    """How many rounds of core_work() take so long on this machine, undisturbed."""
    best = min(_timed(200) for _ in range(20)) / 200
    return max(1, round(microseconds * 1e-6 / best))


def _timed(rounds: int) -> float:
    started = time.perf_counter()
    core_work(_PACKET, rounds)
    return time.perf_counter() - started


class Server:
    """The daemon's part: reader, core and committer."""

    def __init__(self, store: MeasuredStore, address: str, rounds: int) -> None:
        self._clock = SystemClock()
        self._rounds = rounds
        self._leases: dict[int, Lease] = {}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(address)
        self.committer = Committer(
            store, self._clock, take_back=list, alarm=partial(print, file=sys.stderr), cleared=list
        )

    def serve(self) -> None:
        """Read until the other side says stop."""
        while True:
            wait_read(self._socket.fileno())
            for _ in range(64):
                try:
                    datagram, sender = self._socket.recvfrom(2048)
                except BlockingIOError:
                    break
                if datagram == _STOP:
                    return
                self._handle(datagram, sender)

    def _handle(self, datagram: bytes, sender: str) -> None:
        core_work(datagram, self._rounds)
        (number,) = struct.unpack_from("<I", datagram)
        now = self._clock.boottime()
        old = self._leases.get(number)
        # Addresses come from a hash: neighbours in time are not neighbours in the pool.
        address = 0x0A000000 | number * 2654435761 & 0xFFFF
        mac = b"\x01\x02\0" + struct.pack("<I", number)
        since = now if old is None else old.since
        lease = Lease(0, address, LeaseState.ACTIVE, mac, "tap1", mac, "client", 3600, since, now, now + 3600)
        self._leases[number] = lease
        self.committer.submit(Work((Change(old, lease),), partial(self._reply, datagram, sender)))

    def _reply(self, datagram: bytes, receiver: str) -> None:
        try:
            self._socket.sendto(datagram, receiver)
        except BlockingIOError:
            wait_write(self._socket.fileno(), timeout=_PATIENCE, timeout_exc=TimeoutError())
            self._socket.sendto(datagram, receiver)


def serve(name: str, directory: Path, address: str, rounds: int) -> None:
    """Be the server process: print a line when ready, and one with the figures at the end."""
    store = MeasuredStore(_STORES[name](directory))
    server = Server(store, address, rounds)
    gevent.spawn(server.committer.run)
    print("ready", flush=True)
    started = time.perf_counter()
    server.serve()
    server.committer.stop()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    figures = {
        "commits": len(store.sizes),
        "size": statistics.mean(store.sizes),
        "ms": statistics.median(store.seconds) * 1e3,
        "ms_most": max(store.seconds) * 1e3,
        "cpu": (usage.ru_utime + usage.ru_stime) / (time.perf_counter() - started) * 100,
        "lost": server.committer.counters.send_errors + server.committer.counters.dropped_full,
    }
    print(json.dumps(figures), flush=True)


def load(address: str, outstanding: int, seconds: float) -> float:
    """Keep so many datagrams outstanding; returns replies per second."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as generator:
        generator.bind(f"{address}.load")
        generator.connect(address)
        number = 0
        for _ in range(outstanding):
            generator.send(struct.pack("<I", number) + _PACKET[4:])
            number += 1
        replies = 0
        started = time.perf_counter()
        while (passed := time.perf_counter() - started) < seconds:
            if not select.select([generator], [], [], 1)[0]:
                break
            generator.recv(2048)
            replies += 1
            number = (number + 1) % _LEASES
            generator.send(struct.pack("<I", number) + _PACKET[4:])
        while select.select([generator], [], [], 1)[0]:
            generator.recv(2048)
        generator.send(_STOP)
        return replies / passed


def measure(name: str, outstanding: int, seconds: float, rounds: int, directory: Path | None) -> dict[str, float]:
    """Run one server and one load against it; returns the server's figures and the rate."""
    with tempfile.TemporaryDirectory(dir=directory) as temporary:
        address = f"{temporary}/socket"
        command = [sys.executable, "-m", "tools.bench", "stores", name]
        command += ["--serve", temporary, "--rounds", str(rounds)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            assert server.stdout.readline() == "ready\n"
            rate = load(address, outstanding, seconds)
            figures: dict[str, float] = json.loads(server.stdout.read())
    return figures | {"rate": rate}


def show(name: str, outstanding: int, runs: Sequence[dict[str, float]]) -> None:
    """Print a line of the table: medians, and the least and highest rate; of what went wrong, the most."""
    middle = {figure: statistics.median(run[figure] for run in runs) for figure in runs[0]}
    rates = [run["rate"] for run in runs]
    print(
        f"| {name} | {outstanding} | {middle['rate']:,.0f} | {min(rates):,.0f} to {max(rates):,.0f}"
        f" | {middle['size']:.0f} | {middle['ms']:.2f} | {max(run['ms_most'] for run in runs):.0f}"
        f" | {middle['cpu']:.0f} % | {max(run['lost'] for run in runs):.0f} |",
        flush=True,
    )


def main(arguments: Sequence[str]) -> int:
    """Measure the stores named, all by default; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench stores", description="compare lease stores")
    parser.add_argument("store", nargs="*", default=list(_STORES), help=f"any of {', '.join(_STORES)}")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--repeat", type=int, default=5, help="runs of each store; the table has medians")
    parser.add_argument("--outstanding", type=int, nargs="+", default=[64, 512])
    parser.add_argument("--work-us", type=float, default=40.0, help="the core's work per datagram")
    parser.add_argument("--directory", type=Path, help="on the disk to measure; the temporary one by default")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.serve is not None:
        serve(options.store[0], options.serve, f"{options.serve}/socket", options.rounds)
        return 0
    most = max(options.outstanding)
    if int(_QUEUE_LENGTH.read_text()) < most:
        print(f"queues are too short: sysctl -w net.unix.max_dgram_qlen={most}", file=sys.stderr)
        return 1
    rounds = rounds_for(options.work_us)
    print("| store | outstanding | datagrams/s | from, to | changes/commit | ms/commit | slowest | CPU | lost |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for outstanding in options.outstanding:
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in options.store}
        for _ in range(options.repeat):
            for name in options.store:
                runs[name].append(measure(name, outstanding, options.seconds, rounds, options.directory))
        for name in options.store:
            show(name, outstanding, runs[name])
    return 0
