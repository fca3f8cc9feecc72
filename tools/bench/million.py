"""Measures what many leases cost the daemon: memory, and how long it takes to find one of them.

    python -m tools.bench million [--leases 1000 100000 1000000] [--directory DIR]

Clients with hardware addresses and host names take leases of a 10/8 from the server itself; what it makes is stored.
Then another process reads the store, as after a restart. Both, each a process of its own, measure the growth of their
memory by the leases, and CPU time in us for what finds some of them: a new client's DISCOVER, a renewal, a get of one
lease, and the action `why`.
"""

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from typing import Any, Final

from nc.filter import Want
from vppdhc.clock import SystemClock
from vppdhc.dhc4.book import LeaseBook
from vppdhc.dhc4.config import ConflictDetection, ServerConfig, Settings
from vppdhc.dhc4.heard import Heard
from vppdhc.dhc4.outcome import Outcome
from vppdhc.dhc4.protocols import Dataplane
from vppdhc.dhc4.server import Server
from vppdhc.dhc4.service import Dhcp4Service
from vppdhc.dhc4.teller import Teller
from vppdhc.interface import Interface
from vppdhc.leases.committer import Work
from vppdhc.leases.lease import Change
from vppdhc.leases.store import LeaseStore
from vppdhc.northbound.model import name
from vppdhc.northbound.sources import Instants
from vppdhc.northbound.state_dhc4 import Dhcp4State
from vppdhc.northbound.story import Stories, Whom
from vppdhc.packet.dhcp4 import Message
from vppdhc.vpp.interfaces import InterfaceTable
from vppdhc.vpp.neighbours import Neighbours

_LAN: Final = Interface(
    "tap0", 1, bytes.fromhex("02fe00000001"), admin_up=True, link_up=True, addresses4=(IPv4Interface("10.0.0.1/8"),)
)
_SETTINGS: Final = Settings(lease_time=86_400, conflict_detection=ConflictDetection.NONE)
_FIRST: Final = 0x0A400000
_POOL: Final = 0x800000
_GROUP: Final = 1024
_CLIENTS: Final = 1 << 16
"""Clients that are remembered."""
_ASKED: Final = 500
"""Look-ups in a round."""
_ROUNDS: Final = 7


class Nowhere:
    """A committer that forgets."""

    def submit(self, work: Work) -> bool:
        """Take a work."""
        return bool(work)


class Daemon:
    """What a daemon has of leases in memory. It has heard so many clients already that it forgets the first ones."""

    def __init__(self) -> None:
        self.clock = SystemClock()
        self.book = LeaseBook()
        self.server = Server(ServerConfig(_SETTINGS), self.book)
        self.server.interface_changed(None, _LAN)
        self.heard = Heard()
        table = InterfaceTable()
        nobody = Dataplane(table, Neighbours(table, self.clock), lambda *_: False, lambda *_: False, lambda *_: None)
        service = Dhcp4Service(self.server, self.book, nobody, Nowhere(), self.clock, heard=self.heard, teller=Teller())
        instants = Instants(self.clock)
        self.stories = Stories(self.server, self.book, self.heard, self.clock, instants, str)
        state = Dhcp4State(self.server, self.book, service, self.heard, self.clock, instants, 0.0)
        (self.active,) = (one for one in state.sources() if one.path == "/vppdhc:dhc4server/active-lease")
        nothing = Outcome([], [], [], None)
        for number in range(_CLIENTS):
            self.heard.note(_message(number | 0xFF000000, {53: b"\1"}), _LAN, nothing, 0.0)

    def hear(self, message: Message) -> Sequence[Change]:
        """Have a message answered; returns what it changed."""
        now = self.clock.boottime()
        outcome = self.server.handle(message, _LAN, now)
        assert outcome.replies, outcome
        self.heard.note(message, _LAN, outcome, now)
        return outcome.changes


def _address(number: int) -> int:
    """Return the address of a client; neighbours in time are not neighbours in the pool, as with a hash."""
    return _FIRST + number * 2654435761 % _POOL


def _message(number: int, options: dict[int, bytes], ciaddr: int = 0) -> Message:
    mac = b"\x02\0" + number.to_bytes(4, "big")
    options = {**options, 12: f"client-{number}".encode()}
    return Message(xid=number, ciaddr=ciaddr, chaddr=mac, destination=0xFFFFFFFF, options=options)


def _reboot(number: int) -> Message:
    return _message(number, {53: b"\3", 50: _address(number).to_bytes(4, "big")})


def _lookups(daemon: Daemon, count: int) -> Iterator[tuple[str, float]]:
    """Measure look-ups among so many leases, in us of CPU: the median of some rounds."""
    want = {
        number: Want(all=True, keys={name("table-id"): "0", name("leased-address"): str(IPv4Address(_address(number)))})
        for number in range(0, count, max(1, count // _ASKED))
    }
    known = list(want)
    new = iter(range(count, count + 2 * _ROUNDS * _ASKED))
    yield "discover", _median(lambda _: daemon.hear(_message(next(new), {53: b"\1"})), known)
    yield "renew", _median(lambda number: daemon.hear(_message(number, {53: b"\3"}, _address(number))), known)
    yield "get", _median(lambda number: list(daemon.active.read(want[number])), known)
    yield "why", _median(lambda number: daemon.stories.tell(Whom(address=_address(number))), known[:5])


def _median(work: Callable[[int], object], numbers: Sequence[int]) -> float:
    figures = []
    for _ in range(_ROUNDS):
        started = time.process_time()
        for number in numbers:
            work(number)
        figures.append((time.process_time() - started) / len(numbers) * 1e6)
    return statistics.median(figures)


def _resident() -> int:
    """Return the bytes of memory that this process has now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _fresh(path: Path, count: int) -> dict[str, Any]:
    """Be a daemon whose clients come one after the other, and store their leases."""
    daemon = Daemon()
    store = LeaseStore(path, daemon.clock)
    before, started = _resident(), time.perf_counter()
    changes: list[Change] = []
    for number in range(count):
        changes += daemon.hear(_reboot(number))
        if len(changes) >= _GROUP or number == count - 1:
            store.commit(changes)
            changes.clear()
    return _figures(daemon, store, count, before, started)


def _restarted(path: Path, count: int) -> dict[str, Any]:
    """Be a daemon that starts with these leases."""
    daemon = Daemon()
    store = LeaseStore(path, daemon.clock)
    before, started = _resident(), time.perf_counter()
    daemon.book.load(store.load(), daemon.clock.boottime())
    return _figures(daemon, store, count, before, started)


def _figures(daemon: Daemon, store: LeaseStore, count: int, before: int, started: float) -> dict[str, Any]:
    seconds = time.perf_counter() - started
    assert len(daemon.book) == count
    memory = _resident() - before
    gc.collect()
    gc.freeze()
    figures = {"memory": memory, "seconds": seconds, **dict(_lookups(daemon, count))}
    store.close()
    return figures


def _child(how: str, path: Path, count: int) -> None:
    gc.set_threshold(20_000, 20, 100)
    print(json.dumps(_fresh(path, count) if how == "fresh" else _restarted(path, count)))


def _measure(how: str, path: Path, count: int) -> None:
    """Have a process measure, and print a line of the table."""
    command = [sys.executable, "-m", "tools.bench", "million", "--child", how, "--path", str(path)]
    done = json.loads(subprocess.check_output([*command, "--leases", str(count)]))
    lookups = " | ".join(f"{done[what]:.0f}" for what in ("discover", "renew", "get", "why"))
    print(
        f"| {count:,} | {how} | {done['memory'] / 1e6:.0f} MB | {done['memory'] / count:.0f} | {done['seconds']:.1f} s"
        f" | {lookups} |",
        flush=True,
    )


def main(arguments: Sequence[str]) -> int:
    """Measure some numbers of leases and print a table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench million", description="measure what many leases cost")
    parser.add_argument("--leases", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--directory", type=Path, help="where to make the stores; the temporary one by default")
    parser.add_argument("--child", choices=["fresh", "restart"], help=argparse.SUPPRESS)
    parser.add_argument("--path", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child is not None:
        _child(options.child, options.path, options.leases[0])
        return 0
    print("| leases | how | memory | bytes a lease | took | DISCOVER | renewal | get one lease | why |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for count in options.leases:
        with tempfile.TemporaryDirectory(dir=options.directory) as temporary:
            for how in ("fresh", "restart"):
                _measure(how, Path(temporary) / "leases.db", count)
    return 0
