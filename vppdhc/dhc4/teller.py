"""Who hears of what happens to DHCPv4 leases and pools: the log, and whoever wants to."""

from collections.abc import Mapping, Sequence
from typing import Final

from vppdhc.dhc4.events import Event, EventKind, PoolEvent
from vppdhc.leases.lease import Change
from vppdhc.leases.lease6 import AnyChange
from vppdhc.packet.text import address_text, mac_text
from vppdhc.servers import teller

_CONFLICT: Final = EventKind.CONFLICT
_TOLD: Final = {kind: f"lease {kind}" for kind in EventKind}


class Teller(teller.Teller[Event, PoolEvent]):
    """Logs what happens, and hands it on."""

    def usable(self, changes: Sequence[AnyChange]) -> None:
        """Tell of which addresses the probation is over: nothing else is forgotten in time."""
        for change in changes:
            if isinstance(change, Change) and change.old is not None:
                self._log.info("probation over", address=address_text(change.old.address), table=change.old.table)

    def _tell(self, event: Event, circumstances: Mapping[str, str]) -> None:
        if event.kind is _CONFLICT:
            self._tell_conflict(event)
            return
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

    def _tell_pool(self, event: PoolEvent) -> None:
        self._log_pool(event.usage, network=str(event.network), interface=event.interface, table=event.table)
