"""Who hears of what happens to leases and pools: the log, and whoever wants to."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Generic, TypeVar

import structlog

from vppdhc.leases.lease6 import AnyChange
from vppdhc.leases.usage import PoolUsage

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})

EventT = TypeVar("EventT")
PoolEventT = TypeVar("PoolEventT")
_Told = TypeVar("_Told")


class Teller(ABC, Generic[EventT, PoolEventT]):
    """Logs what happens, and hands it on."""

    def __init__(
        self,
        on_events: Callable[[Sequence[EventT]], object] = lambda _: None,
        on_pool_events: Callable[[Sequence[PoolEventT]], object] = lambda _: None,
    ) -> None:
        """Tell these as well.

        on_events: is told what happened to leases once that is durable.
        on_pool_events: is told of pools that have become too full, or are so no longer.
        Neither may wait for anything.
        """
        self._on_events = on_events
        self._on_pool_events = on_pool_events
        self._log = structlog.get_logger().bind()  # once, and not for every lease

    def leases(self, events: Sequence[EventT], circumstances: Mapping[str, str] = _NOTHING) -> None:
        """Tell what happened to leases; circumstances go into the log as well."""
        for event in events:
            self._tell(event, circumstances)
        if events:
            self._hand_on(self._on_events, events)

    def pools(self, events: Sequence[PoolEventT]) -> None:
        """Tell which pools are too full, or are so no longer."""
        for event in events:
            self._tell_pool(event)
        if events:
            self._hand_on(self._on_pool_events, events)

    @abstractmethod
    def usable(self, changes: Sequence[AnyChange]) -> None:
        """Tell of which addresses the probation is over, of what expiry has forgotten."""

    @abstractmethod
    def _tell(self, event: EventT, circumstances: Mapping[str, str]) -> None:
        """Log what happened to a lease."""

    @abstractmethod
    def _tell_pool(self, event: PoolEventT) -> None:
        """Log that a pool is too full, or is so no longer."""

    def _log_pool(self, usage: PoolUsage, **pool: object) -> None:
        self._log.warning(
            "pool is nearly full" if usage.exceeded else "pool has room again",
            **pool,
            utilization=usage.utilization,
            threshold=usage.threshold,
        )

    def _hand_on(self, hook: Callable[[Sequence[_Told]], object], events: Sequence[_Told]) -> None:
        """Tell somebody else, whose mistakes must not keep a client from its answer or a lease from its end."""
        try:
            hook(events)
        except Exception:
            self._log.exception("events not handled", count=len(events))
