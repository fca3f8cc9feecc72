"""Measures what the daemon's start costs with many leases: reading the store, and the memory that they take.

    python -m tools.bench startup [--leases 1000000] [--repeat 3]

Each start is a process of its own. The store is opened once as after a restart of the daemon and once as after a
reboot, which converts every instant in it.
"""

import argparse
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from vppdhc.clock import SystemClock
from vppdhc.dhc4.book import LeaseBook
from vppdhc.leases.lease import Change, Lease, LeaseState
from vppdhc.leases.store import LeaseStore

_GROUP: Final = 4096
_MEBI: Final = 1 << 20


class RebootedClock(SystemClock):
    """The machine's clocks, after a boot that no other process has seen."""

    @property
    def boot_id(self) -> str:
        """An identity of its own."""
        return f"boot of process {os.getpid()}"


def fill(path: Path, count: int) -> None:
    """Make a store with so many leases, spread over a /8 as a hash does."""
    clock = SystemClock()
    now = clock.boottime()
    store = LeaseStore(path, clock)
    numbers = iter(range(count))
    while group := list(itertools.islice(numbers, _GROUP)):
        store.commit([Change(None, _lease(number, now)) for number in group])
    store.close()


def _lease(number: int, now: float) -> Lease:
    address = 10 << 24 | number * 2654435761 & 0xFFFFFF
    hardware = b"\x01\x02\0" + number.to_bytes(4, "big")
    state = LeaseState.ACTIVE
    return Lease(0, address, state, hardware, "tap1", hardware, f"client-{number}", 86400, now, now, now + 86400)


def start(path: Path, *, rebooted: bool) -> None:
    """Be a daemon that starts, and print what that cost."""
    clock = RebootedClock() if rebooted else SystemClock()
    before = _resident()
    started = time.perf_counter()
    store = LeaseStore(path, clock)
    opened = time.perf_counter()
    book = LeaseBook()
    book.load(store.load(), clock.boottime())
    loaded = time.perf_counter()
    figures = {
        "leases": len(book),
        "open": opened - started,
        "load": loaded - opened,
        "resident": (_resident() - before) / _MEBI,
        "most": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    store.close()
    print(json.dumps(figures))


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


def measure(path: Path, how: str, repeat: int) -> None:
    """Start that often, and print a line of the table: medians."""
    command = [sys.executable, "-m", "tools.bench", "startup", "--start", how, "--path", str(path)]
    runs = [json.loads(subprocess.check_output(command)) for _ in range(repeat)]
    middle = {figure: statistics.median(run[figure] for run in runs) for figure in runs[0]}
    print(
        f"| {how} | {middle['leases']:,.0f} | {path.stat().st_size / _MEBI:.0f} MiB | {middle['open']:.1f} s"
        f" | {middle['load']:.1f} s | {middle['resident']:.0f} MiB | {middle['most']:.0f} MiB |",
        flush=True,
    )


def main(arguments: Sequence[str]) -> int:
    """Measure starts after a restart and after a reboot; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench startup", description="measure the daemon's start")
    parser.add_argument("--leases", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3, help="starts of each kind; the table has medians")
    parser.add_argument("--directory", type=Path, help="on the disk to measure; the temporary one by default")
    parser.add_argument("--start", choices=["restart", "reboot"], help=argparse.SUPPRESS)
    parser.add_argument("--path", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.start is not None:
        start(options.path, rebooted=options.start == "reboot")
        return 0
    with tempfile.TemporaryDirectory(dir=options.directory) as temporary:
        path = Path(temporary) / "leases.db"
        fill(path, options.leases)
        print("| start | leases | file | open, check | load | memory for leases | most memory |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for how in ("restart", "reboot"):
            measure(path, how, options.repeat)
    return 0
