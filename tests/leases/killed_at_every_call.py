"""Kills a process at each call of the system or of SQLite with which it opens, writes and closes a store.

    python -m tests.leases.killed_at_every_call create|commit|reboot|migrate1|migrate2 DIRECTORY

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

from tests.leases import version1, version2
from tests.leases.support import BASE6, FakeClock, contents, contents6, lease, lease6, new, new6
from vppdhc.clock import Clock
from vppdhc.leases.lease import Change, Lease
from vppdhc.leases.lease6 import Change6, Lease6, LeaseKind
from vppdhc.leases.store import LeaseStore

Make = Callable[[Path, Clock, list[Lease]], None]
Versions = dict[int, int]
"""Which version of each address' lease there is."""

BEFORE: Versions = dict.fromkeys(range(400), 1)
AFTER: Versions = dict.fromkeys(range(100, 500), 2)


class Case:
    """One thing that is done to a store, by a process that is killed in it."""

    def __init__(self, path: Path, *, stored: Versions, reboot: bool = False, old: Make | None = None) -> None:
        """Prepare nothing yet; old: makes the store, of an older version of the tables, which has no DHCPv6 leases."""
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
        if self._old is not None:
            self._old(self._path, clock, leases)
        elif leases:
            store = LeaseStore(self._path, clock)
            store.commit([*new(*leases), *new6(*leases6(clock, self._stored))])
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
        left6 = contents6(self._path, clock)
        versions6 = {number_of(one): one.ia_id for one in left6.values()}
        assert len(versions6) == len(left6)
        stored6 = {} if self._old is not None else self._stored
        allowed = [(AFTER, AFTER)] if acknowledged else [(self._stored, stored6), (AFTER, AFTER)]
        assert (versions, versions6) in allowed, (calls, acknowledged, len(versions), len(versions6))
        spans = [(int.from_bytes(one.client), one.expires) for one in left.values()]
        spans += [(one.ia_id, one.expires) for one in left6.values()]
        for version, expires in spans:
            assert expires - clock.boottime() == (3000 if version == 1 and self._reboot else 3600), calls
        return status == 0

    def _change(self, clock: FakeClock, acknowledge: Callable[[], object]) -> None:
        store = LeaseStore(self._path, clock)
        before = {one.address: one for one in store.load()}
        gone = [Change(one, None) for address, one in before.items() if address not in AFTER]
        gone6 = [Change6(one, None) for one in store.load6() if number_of(one) not in AFTER]
        there = new(*(lease(address, clock, version=2) for address in AFTER))
        store.commit([*gone, *gone6, *there, *new6(*leases6(clock, AFTER))])
        acknowledge()
        store.close()


def leases6(clock: Clock, versions: Versions) -> list[Lease6]:
    """Make leases of addresses and, of every other number, of prefixes."""
    kinds = (LeaseKind.ADDRESS, LeaseKind.PREFIX)
    return [lease6(number, clock, kind=kinds[number % 2], version=version) for number, version in versions.items()]


def number_of(one: Lease6) -> int:
    return (one.network - BASE6) >> (72 if one.kind is LeaseKind.PREFIX else 0)


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
        "migrate1": Case(path, stored=BEFORE, old=version1.make),
        "migrate2": Case(path, stored=BEFORE, old=version2.make),
    }
    print(cases[name].run())


main()
