"""Measures the running daemon through its punt socket, side by side with Kea.

    python -m tools.bench dhc4 [--seconds 10] [--clients 50000] [--window 256] [--conflict-detection none|probe]
                               [--load new renew mix] [--repeat 1] [--directory DIR] [--no-kea] [--json] [--quick]

The daemon is a process of its own, started by its command line, with its leases on disk. This process is the other end
of its punt socket and all of its clients. Kea, where it is installed, has the same clients over UDP, behind a relay
agent. An exchange is DISCOVER, OFFER, REQUEST and ACK of a new client, or REQUEST and ACK of one that renews.

Some clients get leases first, for the memory of a lease. Then, for each load: a number of clients is kept outstanding
for some seconds, which shows what the server can do at most, and then half as many exchanges a second begin at random
times, whatever becomes of others, which shows how long they take: from when the first message was due to the ACK.
"""

import argparse
import json
import math
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from tools.bench.load import Figures, Kind
from tools.bench.servers import Kea, Processes, Server, StartError, Usage, Vppdhc, find_kea, resident

_QUEUE_LENGTH: Final = Path("/proc/sys/net/unix/max_dgram_qlen")
_MICRO: Final = 1e6
_QUICK: Final = {"seconds": 0.3, "clients": 400, "window": 32}


@dataclass(frozen=True, slots=True)
class Result:
    """What a server did with a load.

    at_most: exchanges a second with the window full. rate, p50, p99: exchanges a second, and seconds, at half of that.
    cpu: microseconds of the server's CPU for an exchange with the window full; first: of these, its first thread's;
    system: of these, in the kernel. cpu_half: as cpu, at half of the load.
    generator: share of a core that this process took meanwhile.
    exchanges, lost, refused, full: see Figures; of both parts together.
    """

    server: str
    load: str
    at_most: float
    rate: float
    p50: float
    p99: float
    cpu: float
    first: float
    system: float
    cpu_half: float
    generator: float
    exchanges: int
    lost: int
    refused: int
    full: int


@dataclass(frozen=True, slots=True)
class Memory:
    """What leases take.

    made: leases that were made first. resident: bytes of the server's memory for each of them.
    acknowledged: leases that clients got in all. stored: leases that are in force on disk in the end.
    """

    server: str
    made: int
    resident: float
    acknowledged: int
    stored: int


def measure(server: Server, options: argparse.Namespace) -> tuple[list[Result], Memory]:
    """Put each load on a server."""
    before = resident(server.pid)
    server.load.fill(options.clients, options.window)
    made = len(server.load.leases)
    if made < options.clients:
        print(f"{server.name}: {options.clients - made} of {options.clients} clients got no lease", file=sys.stderr)
    grown = (resident(server.pid) - before) / max(1, made)
    results = [_measure_load(server, Kind(kind), options) for kind in options.load]
    acknowledged = len(server.load.leases)
    return results, Memory(server.name, made, grown, acknowledged, server.leases())


def _measure_load(server: Server, kind: Kind, options: argparse.Namespace) -> Result:
    full, usage = _used(server, lambda: server.load.saturate(kind, options.window, options.seconds))
    at_most = full.exchanges / full.seconds
    half, usage_half = _used(server, lambda: server.load.pace(kind, at_most / 2, options.seconds))
    each, each_half = max(1, full.exchanges), max(1, half.exchanges)
    times = [math.inf] * 99
    if len(half.latencies) > 1:
        times = statistics.quantiles(half.latencies, n=100, method="inclusive")
    return Result(
        server.name,
        kind,
        at_most,
        half.exchanges / half.seconds,
        times[49],
        times[98],
        (usage.user + usage.system) / each * _MICRO,
        usage.first / each * _MICRO,
        usage.system / each * _MICRO,
        (usage_half.user + usage_half.system) / each_half * _MICRO,
        full.cpu / full.seconds,
        full.exchanges + half.exchanges,
        full.lost + half.lost,
        full.refused + half.refused,
        full.full + half.full,
    )


def _used(server: Server, load: Callable[[], Figures]) -> tuple[Figures, Usage]:
    """Put a load on a server; returns what it took of the CPU, too."""
    before = Usage.of(server.pid)
    figures = load()
    return figures, Usage.of(server.pid).since(before)


def _run(start: Callable[[Processes], Server], options: argparse.Namespace) -> tuple[list[Result], Memory]:
    """Start a server, measure it and end it."""
    with tempfile.TemporaryDirectory(dir=options.directory, prefix="bench") as directory:
        processes = Processes(Path(directory))
        try:
            server = start(processes)
            try:
                return measure(server, options)
            finally:
                server.close()
        finally:
            processes.stop()


def _in_memory(directory: Path) -> bool:
    """Whether the files of a directory are in memory only."""
    mounts = [line.split()[1:3] for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
    where = directory.resolve()
    _, kind = max((len(Path(at).parts), kind) for at, kind in mounts if where.is_relative_to(at))
    return kind in {"tmpfs", "ramfs"}


def _middle(results: Sequence[Result]) -> dict[str, Any]:
    """Return the median of each figure, and the sums of what went wrong."""
    rows = [asdict(result) for result in results]
    sums = {name: sum(row[name] for row in rows) for name in ("exchanges", "lost", "refused", "full")}
    figures = [name for name, value in rows[0].items() if isinstance(value, float)]
    return rows[0] | {name: statistics.median(row[name] for row in rows) for name in figures} | sums


def _print_tables(results: Sequence[Result], memories: Sequence[Memory]) -> None:
    print("An exchange: of new clients, DISCOVER, OFFER, REQUEST and ACK; of a renewal, REQUEST and ACK.\n")
    print(
        "| server | load | at most, exchanges/s | CPU us/exchange | first thread | kernel | generator | at half, /s"
        " | p50 ms | p99 ms | CPU us/exchange | lost | refused | socket full |"
    )
    print("|" + " --- |" * 14)
    for key in dict.fromkeys((result.server, result.load) for result in results):
        row = _middle([result for result in results if (result.server, result.load) == key])
        print(
            f"| {row['server']} | {row['load']} | {row['at_most']:,.0f} | {row['cpu']:.0f} | {row['first']:.0f}"
            f" | {row['system']:.0f} | {row['generator']:.0%} | {row['rate']:,.0f} | {row['p50'] * 1e3:.2f}"
            f" | {row['p99'] * 1e3:.2f} | {row['cpu_half']:.0f} | {row['lost']} | {row['refused']} | {row['full']} |"
        )
    print("\n| server | memory, bytes a lease | leases acknowledged | leases on disk |")
    print("| --- | --- | --- | --- |")
    for memory in memories:
        print(f"| {memory.server} | {memory.resident:,.0f} | {memory.acknowledged:,} | {memory.stored:,} |")


def _starts(options: argparse.Namespace) -> Iterable[Callable[[Processes], Server]]:
    settings = {"conflict-detection": options.conflict_detection}
    run = [] if options.log_level is None else ["--log-level", options.log_level]
    yield lambda processes: Vppdhc(processes, settings, run, options.python)
    kea = None if options.no_kea else find_kea()
    if kea is not None:
        yield lambda processes: Kea(processes, kea)
    elif not options.no_kea:
        print("Kea: not installed (Debian: kea-dhcp4-server)", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.bench dhc4", description="the daemon through its punt socket, beside Kea"
    )
    kinds = [str(kind) for kind in Kind]
    parser.add_argument("--seconds", type=float, default=10.0, help="of each part of a load")
    parser.add_argument("--clients", type=int, default=50_000, help="that get leases first, and renew them")
    parser.add_argument("--window", type=int, default=256, help="clients that wait for an answer at a time")
    parser.add_argument("--conflict-detection", choices=["none", "probe"], default="none", help="of the daemon")
    parser.add_argument("--load", nargs="+", choices=kinds, default=kinds)
    parser.add_argument("--repeat", type=int, default=1, help="runs of each server, in turns; the table has medians")
    parser.add_argument("--directory", type=Path, help="on the disk to measure; the temporary one by default")
    parser.add_argument("--no-kea", action="store_true", help="measure the daemon alone")
    parser.add_argument("--log-level", help="of the daemon")
    parser.add_argument(
        "--python", nargs="*", default=[], help="options of the interpreter for the daemon, as O for -O"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--quick", action="store_true", help="a second or two, only to see that it runs")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Measure and print; returns the exit status: 1 where something acknowledged is not on disk, or cannot start."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.quick:
        parser.set_defaults(**_QUICK)
        options = parser.parse_args(arguments)
    options.python = [f"-{option}" for option in options.python]
    if options.clients < 2 * options.window:
        parser.error("--clients has to be twice --window at least, as each client renews for itself")
    directory = Path(options.directory or tempfile.gettempdir())
    if _in_memory(directory):
        print(f"{directory} is in memory, where nothing is durable: choose another --directory", file=sys.stderr)
        return 1
    if int(_QUEUE_LENGTH.read_text(encoding="ascii")) < options.window:
        print(f"queues are too short: sysctl -w net.unix.max_dgram_qlen={options.window}", file=sys.stderr)
        return 1
    results: list[Result] = []
    memories: list[Memory] = []
    starts = list(_starts(options))
    try:
        for _ in range(options.repeat):
            for start in starts:
                some, memory = _run(start, options)
                results += some
                memories.append(memory)
    except StartError as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps({"results": [asdict(one) for one in results], "memory": [asdict(one) for one in memories]}))
    else:
        _print_tables(results, memories)
    return 0 if all(memory.stored >= memory.acknowledged for memory in memories) else 1
