"""Faults on command: what to do to packets on the wire and to API requests."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, Final

from tools.vppsim.loop import Loop

ACTIONS: Final = ("drop", "duplicate", "reorder")
DIRECTIONS: Final = ("rx", "tx")


@dataclass(slots=True)
class Measure:
    """How many packets a fault befalls: a share of all (0 to 1), or the next so many."""

    share: float = 0.0
    left: int = 0

    def hits(self, random: Random) -> bool:
        """Tell whether it befalls the next packet."""
        if self.left:
            self.left -= 1
            return True
        return self.share > 0 and random.random() < self.share


class PacketFaults:
    """What befalls the packets of one direction. latency: how long each is under way, in seconds."""

    def __init__(self, random: Random, loop: Loop) -> None:
        self.latency = 0.0
        self._random = random
        self._loop = loop
        self._measures: dict[str, Measure] = {}
        self._held: Callable[[], object] | None = None

    def set(self, action: str, measure: Measure) -> None:
        """Set how many packets an action befalls."""
        self._measures[action] = measure

    def clear(self) -> None:
        """End all faults; a packet that was held back for reordering goes on, as those do that are under way."""
        self.latency = 0.0
        self._measures.clear()
        self._release()

    def apply(self, deliver: Callable[[], object]) -> None:
        """Deliver a packet, or not, or twice, or later, or behind the next one."""
        if self.latency:
            deliver = partial(self._loop.after, self.latency, deliver)
        if not self._measures:
            deliver()
            return
        if self._hits("drop"):
            return
        if self._held is None and self._hits("reorder"):
            self._held = deliver
            return
        deliver()
        if self._hits("duplicate"):
            deliver()
        self._release()

    def show(self) -> dict[str, Any]:
        """Return what is set."""
        latency = {"latency": self.latency} if self.latency else {}
        return latency | {action: {"share": m.share, "left": m.left} for action, m in self._measures.items()}

    def _hits(self, action: str) -> bool:
        measure = self._measures.get(action)
        return measure is not None and measure.hits(self._random)

    def _release(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            held()


@dataclass(slots=True)
class Refusal:
    """A return value instead of obedience. left: how often, None for always."""

    retval: int
    left: int | None = None


@dataclass(slots=True)
class ApiFaults:
    """What befalls API requests: by message name; a delay in seconds under "" is for all of them."""

    delays: dict[str, float] = field(default_factory=dict)
    refusals: dict[str, Refusal] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)

    def clear(self) -> None:
        """End all of them; what is delayed goes on."""
        self.delays.clear()
        self.refusals.clear()
        self.silent.clear()

    def delay(self, name: str) -> float:
        """Return how long a request waits before it is looked at, in seconds."""
        return self.delays.get(name, self.delays.get("", 0.0))

    def refusal(self, name: str) -> int | None:
        """Return the return value that a request is refused with."""
        refusal = self.refusals.get(name)
        if refusal is None:
            return None
        if refusal.left is not None:
            refusal.left -= 1
            if refusal.left <= 0:
                del self.refusals[name]
        return refusal.retval


class Faults:
    """All faults."""

    def __init__(self, random: Random, loop: Loop) -> None:
        self.api = ApiFaults()
        self.packets = {direction: PacketFaults(random, loop) for direction in DIRECTIONS}

    def clear(self) -> None:
        """End all of them."""
        self.api.clear()
        for packets in self.packets.values():
            packets.clear()

    def show(self) -> dict[str, Any]:
        """Return what is set."""
        return {
            "delays": self.api.delays,
            "refusals": {name: [r.retval, r.left] for name, r in self.api.refusals.items()},
            "silent": sorted(self.api.silent),
            **{direction: packets.show() for direction, packets in self.packets.items()},
        }
