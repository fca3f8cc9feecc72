"""What VPP does not do although it is wanted: said once for every reason, tried again ever more seldom."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from vppdhc.clock import Clock
from vppdhc.vpp.actions import NO_SUCH_TABLE
from vppdhc.vpp.errors import VppCallError, VppMessageError, VppUnsupportedError
from vppdhc.vpp.items import Item, NptBinding, Route

_FIRST: Final = 1.0
_MOST: Final = 60.0
"""Seconds until something refused is tried again, doubled with every attempt."""

Tell = Callable[[Item, str], object]
"""Told of an item and the reason why it is not as it should be; with none when it is again."""


@dataclass(slots=True)
class Refused:
    """One item that VPP refuses.

    reason: what VPP said last. since: CLOCK_BOOTTIME at which it was refused first. attempts: how often it was.
    wait: seconds between the last attempt and the next one. due: CLOCK_BOOTTIME of that.
    """

    reason: str
    since: float
    attempts: int
    wait: float
    due: float


class Refusals:
    """The items that VPP refuses.

    event: what the log says of one.
    """

    def __init__(self, clock: Clock, tell: Tell, event: str) -> None:
        self._clock = clock
        self._tell = tell
        self._event = event
        self._refused: dict[Item, Refused] = {}
        self._log = structlog.get_logger()

    @property
    def items(self) -> Mapping[Item, Refused]:
        """What is refused now."""
        return dict(self._refused)

    def reason(self, item: Item) -> str:
        """Return why an item is refused; empty where it is not."""
        refusal = self._refused.get(item)
        return "" if refusal is None else refusal.reason

    def refuse(self, item: Item, reason: str) -> None:
        """Note that an item is refused, once more or for the first time."""
        refusal = self._refused.get(item)
        if refusal is None or refusal.reason != reason:
            self._log.warning(self._event, item=str(item), reason=reason)
            self._tell(item, reason)
        now = self._clock.boottime()
        since, attempts = (now, 0) if refusal is None else (refusal.since, refusal.attempts)
        wait = _FIRST if refusal is None else min(2 * refusal.wait, _MOST)
        self._refused[item] = Refused(reason, since, attempts + 1, wait, now + wait)

    def accept(self, item: Item) -> None:
        """Note that an item is not refused any more, if it was."""
        if self._refused.pop(item, None) is not None:
            self._log.info("VPP has done what it refused before", item=str(item))
            self._tell(item, "")

    def waits(self, item: Item) -> bool:
        """Tell whether an item is refused, and not due yet."""
        refusal = self._refused.get(item)
        return refusal is not None and refusal.due > self._clock.boottime()

    def any_due(self) -> bool:
        """Tell whether something is to be tried again."""
        return any(not self.waits(item) for item in self._refused)

    def hurry(self) -> None:
        """Have everything tried again at once: what it was refused for may have changed."""
        for refusal in self._refused.values():
            refusal.due = 0.0

    def keep(self, items: Collection[Item]) -> None:
        """Forget what is none of these: nobody wants it any more."""
        for item in self._refused.keys() - items:
            del self._refused[item]


def why(item: Item, error: VppMessageError) -> str:
    """Say why VPP refuses an item, and what helps."""
    if isinstance(item, NptBinding) and isinstance(error, VppUnsupportedError):
        return "this VPP has no NPTv6: put 'plugins { plugin npt66_plugin.so { enable } }' into its startup.conf"
    if isinstance(item, Route) and isinstance(error, VppCallError) and error.retval == NO_SUCH_TABLE:
        return f"VPP has no IPv{item.prefix.version} table {item.table}: make it, or choose another one"
    return str(error)
