"""Who hears of what happens to leases and pools: the log, and whoever wants to."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeVar

import structlog

from vppdhc.dhc4.events import Event, EventKind, PoolEvent
from vppdhc.leases.lease import Change
from vppdhc.packet.text import address_text, mac_text

_CONFLICT: Final = EventKind.CONFLICT
_TOLD: Final = {kind: f"lease {kind}" for kind in EventKind}
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})

_Told = TypeVar("_Told")


class Teller:
    """Logs what happens, and hands it on."""

    def __init__(
        self,
        on_events: Callable[[Sequence[Event]], object] = lambda _: None,
        on_pool_events: Callable[[Sequence[PoolEvent]], object] = lambda _: None,
    ) -> None:
        """Tell these as well.

        on_events: is told what happened to leases once that is durable.
        on_pool_events: is told of pools that have become too full, or are so no longer.
        Neither may wait for anything.
        """
        self._on_events = on_events
        self._on_pool_events = on_pool_events
        self._log = structlog.get_logger().bind()  # once, and not for every lease

    def leases(self, events: Sequence[Event], circumstances: Mapping[str, str] = _NOTHING) -> None:
        """Tell what happened to leases; circumstances go into the log as well."""
        for event in events:
            if event.kind is _CONFLICT:
                self._tell_conflict(event)
            else:
                self._tell_lease(event, circumstances)
        if events:
            self._hand_on(self._on_events, events)

    def pools(self, events: Sequence[PoolEvent]) -> None:
        """Tell which pools are too full, or are so no longer."""
        for event in events:
            self._log.warning(
                "pool is nearly full" if event.usage.exceeded else "pool has room again",
                network=str(event.network),
                interface=event.interface,
                table=event.table,
                utilization=event.usage.utilization,
                threshold=event.usage.threshold,
            )
        if events:
            self._hand_on(self._on_pool_events, events)

    def usable(self, changes: Sequence[Change]) -> None:
        """Tell of which addresses the probation is over."""
        for change in changes:
            if change.old is not None:
                self._log.info("probation over", address=address_text(change.old.address), table=change.old.table)

    def _tell_lease(self, event: Event, circumstances: Mapping[str, str]) -> None:
        lease = event.lease
        self._log.info(
            _TOLD[event.kind],
            address=address_text(lease.address),
            hardware=mac_text(lease.hardware[1:]),
            interface=lease.interface,
            table=lease.table,
            hostname=lease.hostname,
            lifetime=lease.granted,
            **circumstances,
        )

    def _tell_conflict(self, event: Event) -> None:
        lease = event.lease
        self._log.warning(
            "address is used by somebody else and given to nobody for a while",
            address=address_text(lease.address),
            holder=mac_text(event.holder),
            interface=lease.interface,
            table=lease.table,
            seconds=lease.granted,
        )

    def _hand_on(self, hook: Callable[[Sequence[_Told]], object], events: Sequence[_Told]) -> None:
        """Tell somebody else, whose mistakes must not keep a client from its answer or a lease from its end."""
        try:
            hook(events)
        except Exception:
            self._log.exception("events not handled", count=len(events))
