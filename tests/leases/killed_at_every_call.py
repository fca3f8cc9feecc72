"""Kills a process at each call of the system or of SQLite with which it opens, writes and closes a store.

    python -m tests.leases.killed_at_every_call create|commit|reboot|migrate DIRECTORY

Looks at the store after each time. Prints how often it was killed; fails where the store was not what it has to be.
"""

import itertools
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from tests.leases import version1
from tests.leases.support import FakeClock, contents, lease, new
from vppdhc.leases.lease import Change
from vppdhc.leases.store import LeaseStore

Versions = dict[int, int]
"""Which version of each address' lease there is."""

BEFORE: Versions = dict.fromkeys(range(400), 1)
AFTER: Versions = dict.fromkeys(range(100, 500), 2)


class Case:
    """One thing that is done to a store, by a process that is killed in it."""

    def __init__(self, path: Path, *, stored: Versions, reboot: bool = False, old: bool = False) -> None:
        """Prepare nothing yet; old: the store is one of the first version of the tables."""
        self._path = path
        self._stored = stored
        self._reboot = reboot
        self._old = old

    def run(self) -> int:
        """Kill at the first call, at the second, and so on until it comes through; returns how often it was killed."""
        for calls in itertools.count():
            clock = self._prepare()
            if self._attempt(clock, calls):
                return calls
        raise AssertionError

    def _prepare(self) -> FakeClock:
        shutil.rmtree(self._path.parent, ignore_errors=True)
        clock = FakeClock()
        leases = [lease(address, clock, version=version) for address, version in self._stored.items()]
        if self._old:
            version1.make(self._path, clock, leases)
        elif leases:
            store = LeaseStore(self._path, clock)
            store.commit(new(*leases))
            store.close()
        if self._reboot:
            clock.reboot(wall_passed=600)
        return clock

    def _attempt(self, clock: FakeClock, calls: int) -> bool:
        """Let a process do it that is killed after so many calls, and see what it left; whether it came through."""
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            sys.setprofile(kill_after(calls))
            self._change(clock, lambda: os.write(writing, b"committed"))
            sys.setprofile(None)
            os._exit(0)
        os.close(writing)
        acknowledged = os.read(reading, 100) == b"committed"
        os.close(reading)
        _, status = os.waitpid(child, 0)
        assert status in (0, signal.SIGKILL)
        left = contents(self._path, clock)
        versions = {address: int.from_bytes(one.client) for (_, address), one in left.items()}
        allowed = [AFTER] if acknowledged else [self._stored, AFTER]
        assert versions in allowed, (calls, acknowledged, len(versions))
        for one in left.values():
            old = int.from_bytes(one.client) == 1
            assert one.expires - clock.boottime() == (3000 if old and self._reboot else 3600), calls
        return status == 0

    def _change(self, clock: FakeClock, acknowledge: Callable[[], object]) -> None:
        store = LeaseStore(self._path, clock)
        before = {one.address: one for one in store.load()}
        gone = [Change(one, None) for address, one in before.items() if address not in AFTER]
        store.commit([*gone, *new(*(lease(address, clock, version=2) for address in AFTER))])
        acknowledge()
        store.close()


def kill_after(calls: int) -> Callable[[FrameType, str, object], None]:
    """Return a profile function that kills this process; calls count twice, before and after."""
    events = 0

    def profile(_: FrameType, event: str, called: object) -> None:
        nonlocal events
        if event in ("c_call", "c_return") and reaches_files(called):
            events += 1
            if events > calls:
                os.kill(os.getpid(), signal.SIGKILL)

    return profile


def reaches_files(called: object) -> bool:
    of_database = isinstance(getattr(called, "__self__", None), sqlite3.Connection | sqlite3.Cursor)
    return of_database or getattr(called, "__module__", "") in ("posix", "fcntl", "_sqlite3")


def main() -> None:
    name, directory = sys.argv[1:]
    path = Path(directory) / "state" / "leases.db"
    cases = {
        "create": Case(path, stored={}),
        "commit": Case(path, stored=BEFORE),
        "reboot": Case(path, stored=BEFORE, reboot=True),
        "migrate": Case(path, stored=BEFORE, old=True),
    }
    print(cases[name].run())


main()
