"""What we have put into VPP, on disk: so that it is known after a death at any moment.

A trace is written before VPP is asked to add something, and taken out after VPP has removed it. So whatever could be
ours is in the file, and now and then something that is not in VPP.
"""

import json
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import structlog
from gevent.threadpool import ThreadPool

from vppdhc import atomic
from vppdhc.vpp.items import Item, item_from_json, item_to_json

_VERSION: Final = 1
_LARGEST: Final = 16 << 20
"""Bytes of a file that is still read; an item takes less than 300."""


class Run(NamedTuple):
    """One run of VPP: what it forgets at its end is not ours any more.

    boot: identity of the machine's boot. pid: VPP's own process id.
    """

    boot: str
    pid: int


Key = tuple[Item, int]
"""What tells a trace from others: its item and the index of the interface."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One thing that is in VPP by us, or may be.

    index: of the interface that it was put on; of none for what is on no interface.
    previous: what an InterfaceMtu has taken the place of.
    dead: its interface was deleted, and it outlives that in VPP.
    """

    item: Item
    index: int
    previous: int = 0
    dead: bool = False

    @property
    def key(self) -> Key:
        """What tells it from others."""
        return self.item, self.index


class Ledger:
    """All traces, and the run of VPP that they are in. Changes are in memory until save().

    path: of the file. run: None before VPP was met for the first time.
    """

    def __init__(self, path: Path) -> None:
        """Read the file; one that is damaged is moved aside, and what it said is forgotten."""
        self.path = path
        self.run: Run | None = None
        self._traces: dict[Key, Trace] = {}
        self._slots: dict[tuple[int, Hashable], dict[Key, Trace]] = {}
        self._changed = False
        # A thread of its own: one write at most runs at any time, whatever happens to the greenlet that waits for it.
        self._writer = ThreadPool(1)
        self._log = structlog.get_logger()
        self._load()

    def __iter__(self) -> Iterator[Trace]:
        return iter(list(self._traces.values()))

    def get(self, item: Item, index: int) -> Trace | None:
        """Return the trace of an item on an interface."""
        return self._traces.get((item, index))

    def in_slot(self, slot: Hashable, index: int) -> list[Trace]:
        """Return the traces of items that VPP can have only one of, on an interface."""
        return list(self._slots.get((index, slot), {}).values())

    def put(self, trace: Trace) -> None:
        """Note a trace, in the place of an earlier one with its key."""
        if self._traces.get(trace.key) != trace:
            self._keep(trace)
            self._changed = True

    def drop(self, trace: Trace) -> None:
        """Forget a trace."""
        if self._traces.pop(trace.key, None) is not None:
            alike = self._slots[trace.index, trace.item.slot]
            del alike[trace.key]
            if not alike:
                del self._slots[trace.index, trace.item.slot]
            self._changed = True

    def begin(self, run: Run) -> None:
        """Note the run of VPP that we are connected to; another one than before has nothing of ours."""
        if run != self.run:
            self.run = run
            self._traces.clear()
            self._slots.clear()
            self._changed = True

    def save(self) -> None:
        """Make the changes durable; waits for the disk while others run. Raises OSError where that fails."""
        if self._changed:
            text = self._encode()
            self._changed = False
            try:
                error = self._writer.apply(_try_to_write, (self.path, text))
                if error is not None:
                    raise error
            except BaseException:  # even where this greenlet is to end, nobody knows what is on disk
                self._changed = True
                raise

    def close(self) -> None:
        """End the thread that writes."""
        self._writer.kill()

    def _encode(self) -> str:
        items = []
        for trace in self._traces.values():
            item = item_to_json(trace.item) | {"index": trace.index}
            if trace.previous:
                item["previous"] = trace.previous
            if trace.dead:
                item["dead"] = True
            items.append(item)
        run = None if self.run is None else self.run._asdict()
        return json.dumps({"version": _VERSION, "run": run, "items": items}, indent=1) + "\n"

    def _load(self) -> None:
        try:
            self.run, traces = _decode(_read(self.path))
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            self._move_aside(error)
            return
        for trace in traces:
            self._keep(trace)

    def _keep(self, trace: Trace) -> None:
        self._traces[trace.key] = trace
        self._slots.setdefault((trace.index, trace.item.slot), {})[trace.key] = trace

    def _move_aside(self, error: Exception) -> None:
        aside: Path | None = None
        try:
            aside = atomic.move_aside(self.path)
        except OSError as failure:
            error = failure
        self._log.error(
            "the record of what we put into VPP cannot be used: what an earlier run left there stays",
            file=str(self.path),
            moved_to=None if aside is None else str(aside),
            reason=str(error),
        )


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"larger than {_LARGEST} bytes")
    return content


def _decode(content: bytes) -> tuple[Run | None, list[Trace]]:
    """Return what a file says; raises ValueError where it is none of ours, or of a later version."""
    try:
        document = json.loads(content)
        if document["version"] != _VERSION:
            raise ValueError(f"version {document['version']} is not known")
        run = document["run"]
        traces = [_trace(value) for value in document["items"]]
        return (None if run is None else Run(str(run["boot"]), int(run["pid"]))), traces
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not as it was written: {error!r}") from error


def _trace(value: dict[str, Any]) -> Trace:
    return Trace(item_from_json(value), int(value["index"]), int(value.get("previous", 0)), bool(value.get("dead")))


def _try_to_write(path: Path, text: str) -> OSError | None:
    """Write the file in a native thread; gevent prints what is raised there, so errors are returned."""
    try:
        atomic.replace(path, text.encode())
    except OSError as error:
        return error
    return None
