"""Leases on disk: an SQLite database that is durable when commit() returns.

docs/lease-store.md says why SQLite, and how instants survive a reboot.
"""

import fcntl
import math
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

from vppdhc.clock import Clock
from vppdhc.leases.errors import LeaseStoreError
from vppdhc.leases.lease import Change, Lease, LeaseState
from vppdhc.leases.schema import APPLICATION_ID, VERSION, migrate

_Key = tuple[int, int]
_Row = tuple[int, int, int, bytes, str, bytes, bytes, str, int, float, float, float | None]

_REPLACE: Final = "INSERT OR REPLACE INTO lease VALUES "
_ROW: Final = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

_MOST_ROWS: Final = 256
"""Rows that one statement writes at most; a power of two."""

_BUSY_SECONDS: Final = 2.0
"""How long a commit waits for another program's write lock (an operator's sqlite3 shell)."""

_STEP: Final = 1.0
"""Seconds by which the wall clock differs from what the store expects, for that to be a step."""

_NOTE_EVERY: Final = 60.0
"""Seconds after which a commit notes the clocks even though the wall clock did not step."""

_MOVE_AWAY: Final = (
    "restore it from a backup, or, to start without any lease, move it and its -wal and -shm files away"
)
_PERMIT: Final = "let the daemon's user write to the file and its directory"
_REMEDIES: Final = {
    "SQLITE_FULL": "free some space on its file system",
    "SQLITE_CORRUPT": _MOVE_AWAY,
    "SQLITE_NOTADB": _MOVE_AWAY,
    "SQLITE_READONLY": _PERMIT,
    "SQLITE_CANTOPEN": _PERMIT,
    "SQLITE_PERM": _PERMIT,
    "SQLITE_BUSY": "end the program that keeps it locked, perhaps an open transaction of the sqlite3 shell",
}
"""What to do about SQLite's errors, by the first two words of their names."""


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
        with ExitStack() as opened, _errors_of(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            opened.callback(os.close, _lock(path))
            if not path.exists():
                _create(path)
            self._database = opened.enter_context(closing(_open(path)))
            self._noted = _enter_boot(self._database, clock)
            self._opened = opened.pop_all()
        self._closed = False

    def load(self) -> Iterator[Lease]:
        """Every stored lease, expired ones included, ordered by table and address.

        Raises LeaseStoreError, also while iterating.
        """
        with _errors_of(self._path):
            for row in self._database.execute("SELECT * FROM lease ORDER BY table_id, address"):
                table, address, state, client, interface, hardware, client_id, hostname, *times = row
                granted, since, renewed, expires = times
                yield Lease(
                    table,
                    address,
                    LeaseState(state),
                    client,
                    interface,
                    hardware,
                    client_id,
                    hostname,
                    granted,
                    since,
                    renewed,
                    math.inf if expires is None else expires,
                )

    def commit(self, changes: Sequence[Change]) -> None:
        """Make changes durable, all or none of them.

        changes: in the order they were made; of several for one address the last one counts. OFFERED leases
            are not stored.

        Raises LeaseStoreError: nothing was stored; the same or other changes may be tried again.
        """
        latest = {_key(change): change.new for change in changes if is_stored(change)}
        if latest:
            self._write(latest)

    def close(self) -> None:
        """Close the file and give the lock back; the second time does nothing.

        A step of the wall clock since the last commit is noted first: when the leases end after a reboot
        depends on it. Raises LeaseStoreError when that fails; the store is closed all the same.
        """
        if self._closed:
            return
        self._closed = True
        with self._opened:
            if _stepped(self._noted, _read(self._clock, self._noted)):
                self._write({})

    def _write(self, latest: Mapping[_Key, Lease | None]) -> None:
        """One transaction: these leases (None: forget it), and what the clocks show where that is due."""
        reading = _read(self._clock, self._noted)
        due = _stepped(self._noted, reading) or reading.boottime - self._noted.boottime >= _NOTE_EVERY
        with _errors_of(self._path), _transaction(self._database):
            _replace(self._database, [_row(lease) for lease in latest.values() if lease is not None])
            gone = [key for key, lease in latest.items() if lease is None]
            if gone:
                self._database.executemany("DELETE FROM lease WHERE table_id = ? AND address = ?", gone)
            if due:
                _note(self._database, reading)
        if due:
            self._noted = reading


def is_stored(change: Change) -> bool:
    """Whether a change concerns the store: offers come and go in memory alone."""
    lease = change.old if change.new is None else change.new
    return lease is not None and lease.state is not LeaseState.OFFERED


def _key(change: Change) -> _Key:
    lease = change.old if change.new is None else change.new
    assert lease is not None
    return lease.table, lease.address


def _row(lease: Lease) -> _Row:
    (
        table,
        address,
        state,
        client,
        interface,
        hardware,
        client_id,
        hostname,
        granted,
        since,
        renewed,
        expires,
    ) = lease
    return (
        table,
        address,
        int(state),
        client,
        interface,
        hardware,
        client_id,
        # What cannot be written as UTF-8 must not make everybody's commit fail.
        hostname.encode("utf-8", "replace").decode("utf-8"),
        granted,
        since,
        renewed,
        None if expires == math.inf else expires,
    )


def _replace(database: sqlite3.Connection, rows: Sequence[_Row]) -> None:
    """Write rows, many with one statement.

    Each statement gives the GIL away and has to get it back from a busy hub, so executemany(), which runs one
    for each row, is slow. Powers of two keep the different statements, each prepared once, few.
    """
    start = 0
    while start < len(rows):
        count = min(_MOST_ROWS, 1 << (len(rows) - start).bit_length() - 1)
        parameters = list(chain.from_iterable(rows[start : start + count]))
        database.execute(_REPLACE + ", ".join([_ROW] * count), parameters)
        start += count


def _read(clock: Clock, before: _Reading) -> _Reading:
    """Read the clocks; before: an earlier reading of the same boot."""
    boottime, wall = clock.boottime(), clock.wall()
    at_least = max(wall, before.wall_at_least + boottime - before.boottime)
    return _Reading(clock.boot_id, boottime, wall, at_least)


def _stepped(before: _Reading, now: _Reading) -> bool:
    return abs((now.wall - before.wall) - (now.boottime - before.boottime)) > _STEP


def _note(database: sqlite3.Connection, reading: _Reading) -> None:
    database.execute("INSERT OR REPLACE INTO clock VALUES (1, ?, ?, ?, ?)", reading)


def _enter_boot(database: sqlite3.Connection, clock: Clock) -> _Reading:
    """Convert the instants of an earlier boot to this one's; returns the reading that the store has now.

    As much time passed since the last reading as the wall clock says, and none where it stands before that
    (a router whose clock has no battery): a lease may be kept for too long, but is never lost. None has more
    time left than it was granted.
    """
    row = database.execute("SELECT boot_id, boottime, wall, wall_at_least FROM clock").fetchone()
    boottime, wall = clock.boottime(), clock.wall()
    if row is None:
        reading = _Reading(clock.boot_id, boottime, wall, wall)
    else:
        noted = _Reading(*row)
        if noted.boot_id == clock.boot_id:
            return noted
        reading = _Reading(clock.boot_id, boottime, wall, max(wall, noted.wall_at_least))
        passed = reading.wall_at_least - noted.wall_at_least
        moved = {"shift": boottime - passed - noted.boottime, "now": boottime}
    with _transaction(database):
        if row is not None:
            database.execute(
                "UPDATE lease SET since = min(since + :shift, :now), renewed = min(renewed + :shift, :now),"
                " expires = min(expires + :shift, :now + granted)",
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


@contextmanager
def _errors_of(path: Path) -> Iterator[None]:
    """Make LeaseStoreErrors of SQLite's and the system's errors."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        remedy = _REMEDIES.get("_".join(name.split("_")[:2]), "look for disk errors in the kernel's log")
        raise LeaseStoreError(path, f"{error} ({name})" if name else str(error), remedy) from error
    except OSError as error:
        raise LeaseStoreError(Path(error.filename or path), error.strerror or str(error), _PERMIT) from error


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
        raise LeaseStoreError(
            path, f"another process has it open (pid {holder or 'unknown'})", remedy
        ) from None
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


def _create(path: Path) -> None:
    """Make an empty store, under another name first: whatever has the right name is complete."""
    wal = path.with_name(f"{path.name}-wal")
    if wal.exists():
        raise LeaseStoreError(path, f"missing, but {wal.name} is there", _MOVE_AWAY)
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    os.close(os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with closing(_connect(new)) as database:
        migrate(database)
    new.rename(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _open(path: Path) -> sqlite3.Connection:
    """Open a store, see that it is one and whole, and bring it to this program's version."""
    if path.stat().st_size == 0:
        raise LeaseStoreError(path, "the file is empty", _MOVE_AWAY)
    with ExitStack() as opened:
        database = opened.enter_context(closing(_connect(path)))
        (application,) = database.execute("PRAGMA application_id").fetchone()
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION_ID:
            raise LeaseStoreError(path, "a database of another program", "configure another path")
        if version > VERSION:
            cause = f"written by a newer vppdhc (version {version} of the tables, this one knows {VERSION})"
            raise LeaseStoreError(path, cause, "install that release again, or restore an older backup")
        (finding,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if finding != "ok":
            raise LeaseStoreError(path, f"corrupt: {finding}", _MOVE_AWAY)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        migrate(database)
        opened.pop_all()
    return database
