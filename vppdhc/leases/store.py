"""Leases on disk: an SQLite database that is durable when commit() returns.

docs/lease-store.md says why SQLite, and how instants survive a reboot.
"""

import fcntl
import os
import sqlite3
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import chain, repeat
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

from vppdhc.clock import Clock
from vppdhc.leases.errors import MOVE_AWAY, WRITABLE, LeaseStoreError, errors_of
from vppdhc.leases.lease import Lease, LeaseState
from vppdhc.leases.lease6 import AnyChange, Lease6, Place6, by_version
from vppdhc.leases.rows import LeaseReader, row_of
from vppdhc.leases.rows6 import Lease6Reader, key6_of, row6_of
from vppdhc.leases.schema import check_ours, migrate

_Latest4 = Mapping[tuple[int, int], Lease | None]
_Latest6 = Mapping[Place6, Lease6 | None]

_OFFERED: Final = LeaseState.OFFERED
"""Offers come and go in memory alone."""

_ROW_COUNTS: Final = tuple(sorted({*(1 << power for power in range(11)), *(3 << power for power in range(9))}))
"""How many rows a statement may write: 1, 2, 3, 4, 6, 8, 12, 16 and so on to 1024."""

_BUSY_SECONDS: Final = 2.0
"""How long a commit waits for another program's write lock (an operator's sqlite3 shell)."""

_STEP: Final = 1.0
"""Seconds by which the wall clock differs from what the store expects, for that to be a step."""

_NOTE_EVERY: Final = 60.0
"""Seconds after which a commit notes the clocks even though the wall clock did not step."""

_PAGE: Final = 2048
"""Bytes of a database page. Leases that are renewed together are on pages far apart, each written whole."""

_LOG_PAGES: Final = 8192
"""Pages after which SQLite moves the write-ahead log into the database, in the middle of a commit."""

_LOG_MOST: Final = 2 * _LOG_PAGES * _PAGE
"""Bytes that SQLite leaves of a write-ahead log that grew while somebody read for long."""


class _Reading(NamedTuple):
    """What the clocks showed at one moment: the row of the table `clock`.

    wall_at_least: the wall clock, had it never stepped back.
    """

    boot_id: str
    boottime: float
    wall: float
    wall_at_least: float


class LeaseStore:
    """The leases in one SQLite file (WAL, synchronous=FULL), and the lock that keeps other daemons from it.

    Instants are CLOCK_BOOTTIME of this boot, in and out. May be used from any thread, by one at a time.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        """Open or create the store; take the lock; convert the instants of an earlier boot.

        path: the database file; its directory is made where it is missing.

        Raises LeaseStoreError: in use, not readable or writable, corrupt, not a lease store, or too new.
        """
        self._path = path
        self._clock = clock
        with ExitStack() as opened, errors_of(path, WRITABLE):
            _make_directory(path.parent)
            opened.callback(os.close, _lock(path))
            if not path.exists():
                _create(path)
            self._database = opened.enter_context(closing(_open(path)))
            self._noted = _enter_boot(self._database, clock)
            self._opened = opened.pop_all()
        self._closed = False

    def load(self) -> Iterator[Lease]:
        """Every stored DHCPv4 lease, expired ones included, ordered by table and address.

        Raises LeaseStoreError, also while iterating.
        """
        with errors_of(self._path, WRITABLE):
            reader = LeaseReader()
            for row in self._database.execute("SELECT * FROM lease ORDER BY table_id, address"):
                yield reader.lease(row)

    def load6(self) -> Iterator[Lease6]:
        """Every stored DHCPv6 lease, expired ones included, ordered by table, kind, and address or prefix.

        Raises LeaseStoreError, also while iterating.
        """
        with errors_of(self._path, WRITABLE):
            reader = Lease6Reader()
            for row in self._database.execute("SELECT * FROM lease6 ORDER BY table_id, kind, network, prefix_length"):
                yield reader.lease(row)

    def commit(self, changes: Sequence[AnyChange]) -> None:
        """Make changes durable, all or none of them.

        changes: in the order they were made; of several for one address or prefix the last one counts. OFFERED leases
            are not stored.

        Raises LeaseStoreError: nothing was stored; the same or other changes may be tried again.
        """
        changes4, changes6 = by_version(changes)
        latest4 = {}
        for old, new in changes4:
            lease = old if new is None else new
            if lease is not None and lease.state is not _OFFERED:
                latest4[lease.table, lease.address] = new
        latest6 = {}
        for old6, new6 in changes6:
            lease6 = old6 if new6 is None else new6
            if lease6 is not None and lease6.state is not _OFFERED:
                latest6[lease6.place] = new6
        if latest4 or latest6:
            self._write(latest4, latest6)

    def close(self) -> None:
        """Close the file and give the lock back; the second time does nothing.

        What the clocks show is noted first: when the leases end after a reboot depends on it. Raises
        LeaseStoreError when that fails; the store is closed all the same.
        """
        if self._closed:
            return
        self._closed = True
        with self._opened:
            if _due(self._noted, _read(self._clock, self._noted)):
                self._write({}, {})

    def _write(self, latest4: _Latest4, latest6: _Latest6) -> None:
        """One transaction: these leases (None: forget it), and what the clocks show where that is due."""
        reading = _read(self._clock, self._noted)
        due = _due(self._noted, reading)
        statements = _statements(latest4, latest6, reading if due else None)
        with errors_of(self._path, WRITABLE):
            if len(statements) == 1:  # the usual case, and a transaction by itself
                self._database.execute(*statements[0])
            else:
                with _transaction(self._database):
                    for statement in statements:
                        self._database.execute(*statement)
        if due:
            self._noted = reading


def _statements(latest4: _Latest4, latest6: _Latest6, reading: _Reading | None) -> list[tuple[str, Sequence[object]]]:
    """Say with which statements to write leases (None: forget it), and what the clocks show; None: not that.

    Each statement gives the GIL away and has to get it back from a busy hub, so they are few: one for many
    rows. For few different ones, each prepared once, the last row is repeated up to a count of _ROW_COUNTS.
    """
    rows4 = [row_of(lease) for lease in latest4.values() if lease is not None]
    gone4 = [key for key, lease in latest4.items() if lease is None]
    rows6 = [row6_of(lease) for lease in latest6.values() if lease is not None]
    gone6 = [key6_of(place) for place, lease in latest6.items() if lease is None]
    statements = [*_of_rows("INSERT OR REPLACE INTO lease VALUES ", rows4)]
    statements += _of_rows("DELETE FROM lease WHERE (table_id, address) IN (VALUES ", gone4, ")")
    statements += _of_rows("INSERT OR REPLACE INTO lease6 VALUES ", rows6)
    statements += _of_rows("DELETE FROM lease6 WHERE (table_id, kind, network, prefix_length) IN (VALUES ", gone6, ")")
    if reading is not None:
        statements.append(("INSERT OR REPLACE INTO clock VALUES (1, ?, ?, ?, ?)", reading))
    return statements


def _of_rows(
    before: str, rows: Sequence[tuple[object, ...]], after: str = ""
) -> Iterator[tuple[str, Sequence[object]]]:
    for start in range(0, len(rows), _ROW_COUNTS[-1]):
        some = rows[start : start + _ROW_COUNTS[-1]]
        count = _ROW_COUNTS[bisect_left(_ROW_COUNTS, len(some))]
        repeated = chain(some, repeat(some[-1], count - len(some)))
        row = f"({', '.join('?' * len(some[0]))})"
        yield f"{before}{', '.join([row] * count)}{after}", list(chain.from_iterable(repeated))


def _read(clock: Clock, before: _Reading) -> _Reading:
    """Read the clocks; before: an earlier reading of the same boot."""
    boottime, wall = clock.boottime(), clock.wall()
    at_least = max(wall, before.wall_at_least + boottime - before.boottime)
    return _Reading(clock.boot_id, boottime, wall, at_least)


def _due(before: _Reading, now: _Reading) -> bool:
    """Whether to note the clocks: the wall clock stepped, or it is long ago."""
    passed = now.boottime - before.boottime
    return abs(now.wall - before.wall - passed) > _STEP or passed >= _NOTE_EVERY


def _note(database: sqlite3.Connection, reading: _Reading) -> None:
    database.execute("INSERT OR REPLACE INTO clock VALUES (1, ?, ?, ?, ?)", reading)


def _enter_boot(database: sqlite3.Connection, clock: Clock) -> _Reading:
    """Convert the instants of an earlier boot to this one's; returns the reading that the store has now.

    As much time passed since the last reading as the wall clock says, and none where it stands before that
    (a router whose clock has no battery): a lease may be kept for too long, but is never lost. None has more
    time left than it was granted.

    Always writes: SQLite opens a file that it may only read, and says so when it has to write.
    """
    row = database.execute("SELECT boot_id, boottime, wall, wall_at_least FROM clock").fetchone()
    boottime, wall = clock.boottime(), clock.wall()
    moved = None
    if row is None:
        reading = _Reading(clock.boot_id, boottime, wall, wall)
    else:
        noted = _Reading(*row)
        # Another boot too where this clock has not got there yet: a container's own offset of it is another.
        if noted.boot_id == clock.boot_id and noted.boottime <= boottime:
            reading = _read(clock, noted)
        else:
            reading = _Reading(clock.boot_id, boottime, wall, max(wall, noted.wall_at_least))
            passed = reading.wall_at_least - noted.wall_at_least
            moved = {"shift": boottime - passed - noted.boottime, "now": boottime}
    with _transaction(database):
        if moved:
            database.execute(
                "UPDATE lease SET since = min(since + :shift, :now), renewed = min(renewed + :shift, :now),"
                " expires = min(expires + :shift, :now + granted)",
                moved,
            )
            database.execute(
                "UPDATE lease6 SET since = min(since + :shift, :now), renewed = min(renewed + :shift, :now),"
                " expires = min(expires + :shift, :now + valid)",
                moved,
            )
        _note(database, reading)
    return reading


@contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    """Commit what the block writes, or nothing of it."""
    try:
        database.execute("BEGIN IMMEDIATE")
        yield
        database.execute("COMMIT")
    finally:
        # SQLite has ended the transaction itself after some errors, and not after others.
        if database.in_transaction:
            database.execute("ROLLBACK")


def _lock(path: Path) -> int:
    """Take the lock that lasts as long as the returned file descriptor: one daemon for one store.

    A file of its own: SQLite's locks come and go with its transactions, so that people can read at any time.
    """
    lock = path.with_name(f"{path.name}.lock")
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, b"%d\n" % os.getpid())
    except BlockingIOError:
        holder = os.read(descriptor, 32).decode("ascii", "replace").strip()
        os.close(descriptor)
        remedy = "stop that one first, or give this one a state directory of its own"
        raise LeaseStoreError(path, f"another process has it open (pid {holder or 'unknown'})", remedy) from None
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _connect(path: Path) -> sqlite3.Connection:
    """Open an existing file, in autocommit mode, for use by any thread."""
    return sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=_BUSY_SECONDS,
    )


def _make_directory(directory: Path) -> None:
    """Make a directory, and those above it that are missing, so that none is gone after a power cut."""
    if directory.is_dir():
        return
    _make_directory(directory.parent)
    directory.mkdir(mode=0o700)
    _sync_directory(directory.parent)


def _sync_directory(directory: Path) -> None:
    """Make durable which names are in a directory."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _create(path: Path) -> None:
    """Make an empty store, under another name first: whatever has the right name is complete."""
    wal = path.with_name(f"{path.name}-wal")
    if wal.exists():
        raise LeaseStoreError(path, f"missing, but {wal.name} is there", MOVE_AWAY)
    new = path.with_name(f"{path.name}.new")
    for left_over in (new.with_name(f"{new.name}-journal"), new):  # of a creation that was killed
        left_over.unlink(missing_ok=True)
    os.close(os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with closing(_connect(new)) as database:
        database.execute(f"PRAGMA page_size = {_PAGE}")
        migrate(database)
    new.rename(path)
    _sync_directory(path.parent)


def _open(path: Path) -> sqlite3.Connection:
    """Open a store, see that it is one and whole, and bring it to this program's version."""
    with ExitStack() as opened:
        database = opened.enter_context(closing(_connect(path)))
        check_ours(database, path)
        (finding,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if finding != "ok":
            raise LeaseStoreError(path, f"corrupt: {finding}", MOVE_AWAY)
        (mode,) = database.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise LeaseStoreError(path, "its file system cannot share memory (SQLite's WAL)", "keep it on a local disk")
        database.execute("PRAGMA synchronous = FULL")
        database.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
        database.execute(f"PRAGMA journal_size_limit = {_LOG_MOST}")
        migrate(database)
        opened.pop_all()
    return database
