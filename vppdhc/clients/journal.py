"""What a client went through: its last events, and counters of its messages."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

import structlog

from vppdhc.clock import Clock

_REMEMBERED: Final = 100
"""Events that are kept."""


class Told(Protocol):
    """Something that others are told of: what kind of thing, and in words."""

    @property
    def kind(self) -> str:
        """The kind."""

    @property
    def text(self) -> str:
        """What happened."""


E = TypeVar("E", bound=Told)


class Entry(NamedTuple):
    """An event of the history. number: counts them. wall: seconds since 1970 at which it was."""

    number: int
    wall: float
    text: str


@dataclass(slots=True)
class Counters:
    """What was counted. messages: sent and received, by type, such as "discover" or "information-request".

    drops: received ones, or parts of them, by reason. since: seconds since 1970 from which it is counted.
    """

    since: float
    messages: Counter[str] = field(default_factory=Counter)
    drops: Counter[str] = field(default_factory=Counter)


class Journal(Generic[E]):
    """The journal of one client.

    history: its last events, the oldest first. problem: what keeps it from having a lease, or VPP from using it; empty
    where all is well.
    """

    def __init__(self, interface: str, clock: Clock, tell: Callable[[E], object], protocol: str) -> None:
        """Tell events to others by calling tell, which must not wait. protocol: as the log calls it."""
        self.history: deque[Entry] = deque(maxlen=_REMEMBERED)
        self.counters = Counters(clock.wall())
        self.problem = ""
        self._interface = interface
        self._clock = clock
        self._tell = tell
        self._protocol = protocol
        self._numbers = 0
        self._log = structlog.get_logger().bind(interface=interface)

    def note(self, text: str, **details: object) -> None:
        """Note what others need not be told of. details: more for the log."""
        self._numbers += 1
        self.history.append(Entry(self._numbers, self._clock.wall(), text))
        self._log.info(f"{self._protocol} client: {text}", **details)

    def well(self) -> None:
        """Say that nothing keeps it from anything."""
        self.problem = ""

    def happened(self, event: E) -> None:
        """Note an event, and tell others of it."""
        self.note(event.text)
        try:
            self._tell(event)
        except Exception:
            self._log.exception("event not handled", kind=str(event.kind))
