"""What goes wrong with the lease store."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

MOVE_AWAY: Final = "restore it from a backup, or, to start without any lease, move it and its -wal and -shm files away"
WRITABLE: Final = "let the daemon's user write to the file and its directory"
READABLE: Final = "read it as the daemon's user or as root"

_FREE: Final = "free some space on its file system"
_HARDWARE: Final = "look for disk errors in the kernel's log, and whether its file system is full"
_REMEDIES: Final = {
    "SQLITE_FULL": _FREE,
    "SQLITE_IOERR": _HARDWARE,
    "SQLITE_BUSY": "end the program that keeps it locked, perhaps an open transaction of the sqlite3 shell",
}
"""What to do about SQLite's errors, by the first two words of their names; MOVE_AWAY for all others."""
_DENIED: Final = frozenset({"SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM"})
_OS_REMEDIES: Final = {
    errno.ENOSPC: _FREE,
    errno.EDQUOT: _FREE,
    errno.EFBIG: "raise the limit on the size of files",
    errno.EIO: _HARDWARE,
    errno.EEXIST: "the directory of the store is none: name another one",
    errno.ENOTDIR: "the directory of the store is none: name another one",
}


class LeaseStoreError(Exception):
    """The lease store cannot be opened, read or written.

    path: the file or directory it is about.
    cause: what is wrong.
    remedy: what an operator can do about it.
    """

    def __init__(self, path: Path, cause: str, remedy: str) -> None:
        super().__init__(path, cause, remedy)
        self.path = path
        self.cause = cause
        self.remedy = remedy

    def __str__(self) -> str:
        return f"lease store {self.path}: {self.cause}; {self.remedy}"


@contextmanager
def errors_of(path: Path, denied: str) -> Iterator[None]:
    """Make LeaseStoreErrors of SQLite's and the system's errors.

    path: the store's file.
    denied: the remedy where access is denied: WRITABLE or READABLE.
    """
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        kind = "_".join(name.split("_")[:2])
        remedy = denied if kind in _DENIED else _REMEDIES.get(kind, MOVE_AWAY)
        raise LeaseStoreError(path, f"{error} ({name})" if name else str(error), remedy) from error
    except ValueError as error:  # from within sqlite3, which shows a damaged text to say what is wrong, or of a lease
        raise LeaseStoreError(path, f"corrupt: {error}", MOVE_AWAY) from error
    except OSError as error:
        remedy = _OS_REMEDIES.get(error.errno or 0, denied)
        raise LeaseStoreError(Path(error.filename or path), error.strerror or str(error), remedy) from error
