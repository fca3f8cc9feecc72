"""Who hears of what happens to DHCPv6 leases and pools: the log, and whoever wants to."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv6Address
from typing import Final

from vppdhc.dhc6.events import Event, EventKind
from vppdhc.dhc6.explanation import lease_text
from vppdhc.dhc6.serving import CrossedPool
from vppdhc.leases.lease import LeaseState
from vppdhc.leases.lease6 import AnyChange, Change6, Lease6, LeaseKind
from vppdhc.packet.text import mac_text
from vppdhc.servers import teller

_KINDS: Final = {LeaseKind.ADDRESS: "address", LeaseKind.PREFIX: "prefix"}


class Teller(teller.Teller[Event, CrossedPool]):
    """Logs what happens, and hands it on."""

    def usable(self, changes: Sequence[AnyChange]) -> None:
        """Tell of which addresses the probation is over; leases that ended long ago are forgotten without a word."""
        for change in changes:
            if isinstance(change, Change6) and change.old is not None and change.old.state is LeaseState.DECLINED:
                self._log.info("probation over", **_what(change.old), table=change.old.table)

    def _tell(self, event: Event, circumstances: Mapping[str, str]) -> None:
        if event.kind is EventKind.CONFLICT:
            self._tell_conflict(event)
            return
        lease = event.lease
        self._log.info(
            f"lease {event.kind}",
            **_what(lease),
            duid=lease.duid.hex(":"),
            ia_id=lease.ia_id,
            hardware=mac_text(lease.hardware[1:]),
            interface=lease.interface,
            table=lease.table,
            hostname=lease.hostname,
            lifetime=lease.valid,
            **({"next_hop": str(IPv6Address(lease.next_hop))} if lease.kind is LeaseKind.PREFIX else {}),
            **circumstances,
        )

    def _tell_conflict(self, event: Event) -> None:
        lease = event.lease
        self._log.warning(
            "address is used by somebody else and given to nobody for a while",
            **_what(lease),
            holder=mac_text(event.holder),
            interface=lease.interface,
            table=lease.table,
            seconds=lease.valid,
        )

    def _tell_pool(self, event: CrossedPool) -> None:
        self._log_pool(
            event.usage,
            network=str(event.network),
            of=_KINDS[event.kind],
            interface=event.interface,
            table=event.table,
        )


def _what(lease: Lease6) -> dict[str, str]:
    """Say what a lease is of."""
    return {_KINDS[lease.kind]: lease_text(lease.network, lease.length)}
