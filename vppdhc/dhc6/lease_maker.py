"""Makes the records of leases and offers, so that those that have something in common share it in memory."""

from dataclasses import dataclass
from math import inf
from typing import Final

from vppdhc.dhc6.allocation import Choice
from vppdhc.dhc6.config import Lifetimes
from vppdhc.leases.instants import Instants
from vppdhc.leases.lease import LeaseState
from vppdhc.leases.lease6 import NO_DETAILS6, Association, Details6, Lease6
from vppdhc.packet.dhcp6 import INFINITY

_DETAILS_MOST: Final = 65_536
"""Details that are remembered to be shared."""


@dataclass(frozen=True, slots=True)
class Client:
    """Whom a lease is for: what of its message is kept with the lease.

    interface: name of the one that the message came in by.
    hardware, hostname, next_hop, reconfigure_key, details: see Lease6.
    """

    association: Association
    interface: str
    hardware: bytes = b""
    hostname: str = ""
    next_hop: int = 0
    reconfigure_key: bytes = b""
    details: Details6 = NO_DETAILS6


class LeaseMaker:
    """Makes leases. Their times are whole seconds: the end is never too early, but up to a second late."""

    __slots__ = ("_details", "_instants")

    def __init__(self) -> None:
        self._details: dict[Details6, Details6] = {NO_DETAILS6: NO_DETAILS6}
        self._instants = Instants()

    def lease(self, client: Client, choice: Choice, lifetimes: Lifetimes, now: float, held: Lease6 | None) -> Lease6:
        """Make the lease that a Reply tells of.

        lifetimes: those that the Reply has.
        held: the lease that the client renews, if it does.

        A renewed lease takes over the objects of the old one that are equal, so that renewals cost no memory.
        """
        renewed = self._instants.before(now)
        table, kind, length, network = choice.place
        duid, hardware, hostname, since = client.association.duid, client.hardware, client.hostname, renewed
        details = self._shared(client.details)
        if held is not None:
            network, duid, since = held.network, held.duid, held.since
            hardware = held.hardware if held.hardware == hardware else hardware
            hostname = held.hostname if held.hostname == hostname else hostname
            details = held.details if held.details == details else details
        return Lease6(
            table,
            kind,
            network,
            length,
            LeaseState.ACTIVE,
            duid,
            client.association.ia_id,
            interface_of(client, choice),
            hardware,
            hostname,
            lifetimes.preferred,
            lifetimes.valid,
            since,
            renewed,
            inf if lifetimes.valid == INFINITY else self._instants.after(now + lifetimes.valid),
            client.next_hop,
            client.reconfigure_key,
            details,
        )

    def _shared(self, details: Details6) -> Details6:
        if len(self._details) >= _DETAILS_MOST:
            self._details = {NO_DETAILS6: NO_DETAILS6}
        return self._details.setdefault(details, details)


def offer(client: Client, choice: Choice, lifetimes: Lifetimes, now: float) -> Lease6:
    """Make the offer that holds an address or prefix for a client; lifetimes: those that are offered."""
    table, kind, length, network = choice.place
    duid, ia_id = client.association.duid, client.association.ia_id
    return Lease6(
        table,
        kind,
        network,
        length,
        LeaseState.OFFERED,
        duid,
        ia_id,
        interface_of(client, choice),
        client.hardware,
        "",
        lifetimes.preferred,
        lifetimes.valid,
        now,
        now,
        now + choice.settings.offer_hold,
    )


def probation(client: Client, choice: Choice, hardware: bytes, now: float) -> Lease6:
    """Make the record of an address that somebody else uses (RFC 8415, 18.3.8); nobody gets it for a while.

    hardware: hardware type and address of whom it is about: of the client that declined it, or of who uses it.
    """
    seconds = choice.settings.probation_time
    expires = inf if seconds == INFINITY else now + seconds
    table, kind, length, network = choice.place
    return Lease6(
        table,
        kind,
        network,
        length,
        LeaseState.DECLINED,
        b"",
        0,
        interface_of(client, choice),
        hardware,
        "",
        0,
        seconds,
        now,
        now,
        expires,
    )


def interface_of(client: Client, choice: Choice) -> str:
    """Return where something is given out: on the interface whose network an address is in, for a relayed client too.

    A network that only relay agents lead to is on none; then it is the one that the message came in by.
    """
    return choice.source.interface or client.interface
