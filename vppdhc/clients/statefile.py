"""What a client has, on disk, so that it is asked for again after a restart.

One file for an interface. Instants in it are CLOCK_BOOTTIME of the boot that it names, beside what both clocks showed
when it was written. After a reboot as much time has passed as the wall clock says, and none where it stands before
that.
"""

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Generic, NamedTuple, Protocol, Self, TypeVar
from urllib.parse import quote

import structlog

from vppdhc import atomic
from vppdhc.clock import Clock

_VERSION: Final = 1


class Movable(Protocol):
    """Something with instants in it."""

    def moved(self, seconds: float, now: float) -> Self:
        """Return it on a clock that shows so many seconds more, where it is now."""


T = TypeVar("T", bound=Movable)


class Stored(NamedTuple, Generic[T]):
    """What was stored. same_boot: whether the machine has run ever since."""

    content: T
    same_boot: bool


class StateFile(ABC, Generic[T]):
    """The file of one client. What it holds is for each protocol to say."""

    largest: int
    """Bytes of a file that is still read."""
    what: str
    """What it holds, for messages of the log."""

    def __init__(
        self,
        directory: Path,
        interface: str,
        clock: Clock,
        in_thread: Callable[[Callable[[], None]], None] = lambda work: work(),
    ) -> None:
        """Touch nothing yet.

        directory: made where it is missing.
        in_thread: has a function called where it may wait for the disk, and waits for its end.
        """
        self.path = directory / f"{quote(interface, safe='')}.json"
        self._interface = interface
        self._clock = clock
        self._in_thread = in_thread
        self._log = structlog.get_logger()

    @abstractmethod
    def encode(self, content: T) -> dict[str, Any]:
        """Return the content as JSON has it."""

    @abstractmethod
    def decode(self, document: Mapping[str, Any]) -> T:
        """Return the content of a document, checked as if a server had just sent it.

        Raises ValueError, or KeyError, TypeError and AttributeError where something else than was written is in it.
        """

    def save(self, content: T) -> None:
        """Make it durable; raises OSError."""
        document = {
            "version": _VERSION,
            "interface": self._interface,
            "boot-id": self._clock.boot_id,
            "boottime": self._clock.boottime(),
            "wall": self._clock.wall(),
            **self.encode(content),
        }
        raw = json.dumps(document, indent=1).encode() + b"\n"
        self._in_thread(lambda: _write(self.path, raw))

    def load(self) -> Stored[T] | None:
        """Return what is stored in instants of this boot; None where there is nothing.

        What cannot be read is moved aside, with a line in the log.
        """
        try:
            stored = self._read()
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            self._move_aside(error)
            return None
        if not stored.same_boot:
            self._note(stored.content)
        return stored

    def forget(self) -> None:
        """Remove the file; raises OSError."""
        self.path.unlink(missing_ok=True)

    def _read(self) -> Stored[T]:
        """Raises FileNotFoundError, OSError, ValueError."""
        with self.path.open("rb") as file:
            raw = file.read(self.largest + 1)
        if len(raw) > self.largest:
            raise ValueError(f"larger than {self.largest} bytes")
        try:
            document = json.loads(raw)
            if document["version"] != _VERSION or document["interface"] != self._interface:
                raise ValueError("of another version or interface")
            content = self.decode(document)
            noted_boottime, noted_wall = finite(document["boottime"]), finite(document["wall"])
            boot_id = document["boot-id"]
        except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise ValueError(f"not as it was written: {error!r}") from error
        now = self._clock.boottime()
        # Another boot too where this clock has not got there yet: a container's own offset of it is another.
        same_boot = boot_id == self._clock.boot_id and noted_boottime <= now
        passed = now - noted_boottime if same_boot else max(0.0, self._clock.wall() - noted_wall)
        return Stored(content.moved(now - passed - noted_boottime, now), same_boot)

    def _note(self, content: T) -> None:
        """Write the instants of this boot, so that what passes from now on is not forgotten at the next one."""
        try:
            self.save(content)
        except OSError as error:
            self._log.error(f"{self.what} cannot be stored", file=str(self.path), reason=error.strerror)

    def _move_aside(self, error: Exception) -> None:
        try:
            aside = atomic.move_aside(self.path)
        except OSError as failure:
            self._log.error(f"{self.what} cannot be read", file=str(self.path), reason=str(failure))
        else:
            self._log.error(
                f"{self.what} cannot be used, going on without",
                file=str(self.path),
                moved_to=str(aside),
                reason=str(error),
            )


def finite(value: Any) -> float:
    """Return a number that is one; raises ValueError, TypeError."""
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("an instant that is none")
    return number


def to_json(instant: float) -> float | None:
    """Return an instant for JSON, which has no infinity: one that never comes is null."""
    return None if math.isinf(instant) else instant


def from_json(value: Any) -> float:
    """Return an instant of JSON; raises ValueError, TypeError."""
    return math.inf if value is None else finite(value)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    atomic.replace(path, content)
