"""What hosts were told, on disk, so that after a restart they are told what has gone (RFC 9096, 3.5)."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import structlog

from vppdhc.clients.statefile import StateFile
from vppdhc.clock import Clock
from vppdhc.ra.memory import NO_MEMORY, Memory, read_memory


class MemoryFile(StateFile[Memory]):
    """The file of one interface."""

    largest = 1 << 20
    """More than can be said in an interval between two advertisements."""
    what = "what hosts were told"

    def encode(self, content: Memory) -> dict[str, Any]:
        """Return the memory as JSON has it."""
        return content.to_json()

    def decode(self, document: Mapping[str, Any]) -> Memory:
        """Return the memory of a document; see StateFile."""
        return read_memory(document)


class MemoryStore:
    """The files of all interfaces."""

    def __init__(
        self,
        directory: Path,
        clock: Clock,
        in_thread: Callable[[Callable[[], None]], None] = lambda work: work(),
    ) -> None:
        """Touch nothing yet; parameters as of StateFile."""
        self._directory = directory
        self._clock = clock
        self._in_thread = in_thread
        self._log = structlog.get_logger()

    def load(self, interface: str) -> Memory:
        """Return what is remembered of an interface; nothing where that cannot be read."""
        stored = self._file(interface).load()
        return NO_MEMORY if stored is None else stored.content

    def save(self, interface: str, memory: Memory) -> bool:
        """Make it durable; may wait. Returns whether it is."""
        try:
            self._file(interface).save(memory)
        except OSError as error:
            self._log.error(
                "what was advertised cannot be stored: hosts may keep old prefixes after a restart",
                interface=interface,
                reason=error.strerror,
            )
            return False
        return True

    def _file(self, interface: str) -> MemoryFile:
        return MemoryFile(self._directory, interface, self._clock, self._in_thread)
