"""Where the running configuration is kept: one file, and the versions that were in it before.

The file holds the running configuration and nothing else. In a directory of their own lie the versions: the one that is
in the file, and those before it, each a file with a line of metadata (JSON) and the configuration as it was. A version
is written as *pending* before the file is replaced and becomes a proper one afterwards. So whatever moment the
process or the machine stops at, the file is the old or the new one, and `settle` can tell which.
"""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

LARGEST: Final = 64 * 1024 * 1024
"""Bytes of the largest configuration that is read."""

_SUFFIX: Final = ".version"
_PENDING: Final = "pending"
_WRITABLE: Final = "let the server's user write to it and its directory"
_READABLE: Final = "let the server's user read it"
_FREE: Final = "free some space on its file system"
_REMEDIES: Final = {
    errno.ENOSPC: _FREE,
    errno.EDQUOT: _FREE,
    errno.EIO: "look for disk errors in the kernel's log",
    errno.EROFS: "mount its file system writable, or keep the configuration elsewhere",
    errno.ENOENT: "make its directory",
    errno.ENOTDIR: "name a path whose parents are directories",
    errno.EISDIR: "name a file, not a directory",
}


class StorageError(Exception):
    """The configuration, or a version of it, cannot be read or written.

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
        return f"{self.path}: {self.cause}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class Record:
    """How a configuration came to be.

    who: the user; empty where it was the server itself or somebody who wrote the file.
    when: date-and-time.
    how: what changed it, such as `commit` or `file`.
    comment: what the user said about it.
    """

    who: str
    when: str
    how: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the configuration.

    serial: counts up; larger is newer.
    """

    serial: int
    record: Record


class History:
    """The configuration file and its versions.

    config_file: the file; a symbolic link is followed, not replaced.
    state_dir: directory for the versions, made when missing.
    keep: versions kept besides the one in the file.

    Nothing here is called by two greenlets at a time.
    """

    def __init__(self, config_file: Path, state_dir: Path, keep: int = 10) -> None:
        self._config_file = Path(os.path.realpath(config_file))
        self._directory = state_dir
        self._keep = keep
        self._seen: tuple[int, int, int] | None = None

    def read(self) -> str | None:
        """Read the configuration file; None where there is none.

        Raises StorageError.
        """
        with _errors_of(self._config_file, _READABLE):
            seen = _identity(self._config_file)
            text = None if seen is None else _read(self._config_file)
            self._seen = seen
            return text

    def save(self, text: str, record: Record) -> list[StorageError]:
        """Make a text the configuration: durable when this returns, or nothing has changed.

        Returns what went wrong with the versions after the file was replaced. No version is lost by that: the next
        save, or the next start, puts it right.

        Raises StorageError when the file still is what it was.
        """
        self._check_unchanged()
        with _errors_of(self._directory, _WRITABLE):
            self.settle()
            pending = self._directory / _PENDING
            _write(pending, _encode(record, text))
        try:
            self._replace(text)
        except StorageError:
            with suppress(OSError):
                pending.unlink(missing_ok=True)
            raise
        try:
            with _errors_of(self._directory, _WRITABLE):
                self.settle()
        except StorageError as error:
            return [error]
        return []

    def found(self, text: str, record: Record) -> None:
        """Take what was found in the file at start or reload into the history, if it is not its newest version.

        text: canonical form of what the file says.
        Raises StorageError; the file is not touched.
        """
        with _errors_of(self._directory, _WRITABLE):
            self.settle()
            serials = self._serials()
            if not serials or self.text(serials[-1]) != text:
                _write(self._directory / _PENDING, _encode(record, text))
                self._accept()
                self.settle()

    def settle(self) -> None:
        """Bring an interrupted save to its end: a version that got into the file stays, any other is removed.

        Then forget the versions that are too many.

        Raises OSError.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        pending = self._directory / _PENDING
        if pending.exists():
            in_file = _read(self._config_file) if self._config_file.exists() else None
            if in_file is not None and _decode(_read(pending))[1] == in_file:
                self._accept()
            else:
                pending.unlink()
        for serial in self._serials()[: -self._keep - 1]:
            self._path(serial).unlink()

    def versions(self) -> list[Version]:
        """List the versions, the newest first: it is the one in the file. Raises StorageError."""
        with _errors_of(self._directory, _READABLE):
            return [Version(serial, self._record(serial)) for serial in reversed(self._serials())]

    def text(self, serial: int) -> str:
        """Give the configuration of a version.

        Raises KeyError where there is no such version, StorageError when it cannot be read.
        """
        path = self._path(serial)
        with _errors_of(path, _READABLE):
            try:
                return _decode(_read(path))[1]
            except FileNotFoundError:
                raise KeyError(serial) from None

    def _check_unchanged(self) -> None:
        with _errors_of(self._config_file, _READABLE):
            now = _identity(self._config_file)
        if now is not None and now != self._seen:
            cause = "somebody has changed it since the server read it"
            raise StorageError(self._config_file, cause, "reload it, or move it away to keep the running configuration")

    def _replace(self, text: str) -> None:
        """Replace the file; when its directory cannot be synchronised, put back what was in it."""
        old = _read(self._config_file) if self._seen is not None and self._config_file.exists() else None
        with _errors_of(self._config_file, _WRITABLE):
            temporary = _write_temporary(self._config_file, text)
            try:
                temporary.replace(self._config_file)
            except OSError:
                temporary.unlink(missing_ok=True)
                raise
        try:
            with _errors_of(self._config_file, _WRITABLE):
                _synchronise_directory(self._config_file.parent)
        except StorageError:
            self._put_back(old)
            raise
        finally:
            self._seen = _identity(self._config_file)

    def _put_back(self, old: str | None) -> None:
        with _errors_of(self._config_file, "it holds a configuration that is not in effect: write it anew and reload"):
            if old is None:
                self._config_file.unlink()
            else:
                _write_temporary(self._config_file, old).replace(self._config_file)

    def _accept(self) -> None:
        """Make the pending version the newest."""
        serials = self._serials()
        (self._directory / _PENDING).replace(self._path(serials[-1] + 1 if serials else 1))
        _synchronise_directory(self._directory)

    def _serials(self) -> list[int]:
        names = (path.name.removesuffix(_SUFFIX) for path in self._directory.glob(f"*{_SUFFIX}"))
        return sorted(int(name) for name in names if name.isdecimal())

    def _path(self, serial: int) -> Path:
        return self._directory / f"{serial:08d}{_SUFFIX}"

    def _record(self, serial: int) -> Record:
        with self._path(serial).open(encoding="utf-8") as file:
            return _decode(file.readline(65536))[0]


@contextmanager
def _errors_of(path: Path, denied: str) -> Iterator[None]:
    """Make StorageErrors of the system's errors and of text that is none.

    denied: the remedy where it is not a matter of the disk.
    """
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, denied)
        raise StorageError(Path(error.filename or path), error.strerror or str(error), remedy) from error
    except ValueError as error:
        remedy = "restore it from a backup, or move it away"
        raise StorageError(path, f"not as it was written: {error}", remedy) from error


def _identity(path: Path) -> tuple[int, int, int] | None:
    """Tell a file from the one that replaces it; None where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _read(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"larger than {LARGEST} bytes")
    return content.decode()


def _write(path: Path, text: str) -> None:
    """Write a file so that it is there whole and for good, or not at all."""
    temporary = _write_temporary(path, text)
    temporary.replace(path)
    _synchronise_directory(path.parent)


def _write_temporary(path: Path, text: str) -> Path:
    """Write a file's text beside it, synchronised; what an earlier attempt has left there is overwritten."""
    temporary = path.with_name(f".{path.name}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _synchronise_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _encode(record: Record, text: str) -> str:
    return json.dumps(asdict(record)) + "\n" + text


def _decode(content: str) -> tuple[Record, str]:
    """Split a version's file; raises ValueError where it is none."""
    header, _, text = content.partition("\n")
    fields = json.loads(header)
    if not isinstance(fields, dict) or set(fields) != {"who", "when", "how", "comment"}:
        raise ValueError("the first line does not describe a version")
    return Record(**fields), text
