"""Makes the records of leases and offers, so that those that have something in common share it in memory."""

from math import inf

from vppdhc.dhc4.config import INFINITE
from vppdhc.dhc4.details import SharedDetails
from vppdhc.dhc4.request import Request
from vppdhc.dhc4.subnet import Subnet
from vppdhc.leases.instants import Instants
from vppdhc.leases.lease import NO_DETAILS, Lease, LeaseState

_ACTIVE, _OFFERED, _DECLINED = LeaseState.ACTIVE, LeaseState.OFFERED, LeaseState.DECLINED


class LeaseMaker:
    """Makes leases. Their times are whole seconds: the end is never too early, but up to a second late."""

    __slots__ = ("_details", "_instants")

    def __init__(self) -> None:
        self._details = SharedDetails()
        self._instants = Instants()

    def lease(
        self, request: Request, subnet: Subnet, address: int, lifetime: int, fqdn: str, held: Lease | None
    ) -> Lease:
        """Make the lease of an acknowledged address.

        lifetime: seconds. fqdn: see Details.
        held: the lease that the client renews, if it does.

        A renewed lease takes over the objects of the old one that are equal, so that renewals cost no memory.
        """
        renewed = self._instants.before(request.now)
        expires = self._instants.after(request.now + lifetime) if lifetime != INFINITE else inf
        client, hardware, since = request.client, request.hardware, renewed
        host_name = request.host_name()
        details = NO_DETAILS
        if fqdn or request.says_more:
            details = self._details.of(request, fqdn)
        if held is not None:
            address, client, since = held.address, held.client, held.since
            hardware = held.hardware if held.hardware == hardware else hardware
            host_name = host_name if host_name and host_name != held.hostname else held.hostname
            details = held.details if held.details == details else details
        return Lease(
            request.table,
            address,
            _ACTIVE,
            client,
            subnet.interface or request.interface.name,
            hardware,
            host_name,
            lifetime,
            since,
            renewed,
            expires,
            details,
        )


def offer(request: Request, subnet: Subnet, address: int, lifetime: int) -> Lease:
    """Make the offer that holds an address for a client; lifetime: the one that is offered, in seconds."""
    return Lease(
        request.table,
        address,
        _OFFERED,
        request.client,
        subnet.interface or request.interface.name,
        request.hardware,
        "",
        lifetime,
        request.now,
        request.now,
        request.now + subnet.settings.offer_hold,
    )


def probation(request: Request, subnet: Subnet, address: int, hardware: bytes) -> Lease:
    """Make the record of an address that somebody else uses (RFC 2131, 4.3.3).

    hardware: hardware type and address of whom it is about, see Event.
    """
    seconds = subnet.settings.probation_time
    return Lease(
        request.table,
        address,
        _DECLINED,
        b"",
        interface_of(request, subnet),
        hardware,
        "",
        seconds,
        request.now,
        request.now,
        request.now + seconds if seconds != INFINITE else inf,
    )


def interface_of(request: Request, subnet: Subnet) -> str:
    """Return where an address is given out: on the interface whose network it is in, for a relayed client too.

    A network that only relay agents lead to is on none; then it is the one that the message came in by.
    """
    return subnet.interface or request.interface.name
