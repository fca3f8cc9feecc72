"""The lease that a client has: its terms, and when its times are over."""

import math
from dataclasses import dataclass, replace
from typing import Final

from vppdhc.dhc4client.config import INFINITE
from vppdhc.dhc4client.terms import Terms

FUZZ: Final = 0.05
"""Part of T1 and T2 by which they come earlier, at most, so that routers that were switched on together do not
ask at the same moment for ever (RFC 2131, 4.4.5). Never later: the server counts on its own T1."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease. Instants are CLOCK_BOOTTIME of this boot, infinity for never.

    client_id: client identifier that it was got with.
    obtained: when the address was got first.
    asked: when the request was sent that the last ACK answered. All times count from there (RFC 2131, 4.4.1): the
        server's own count begins later, so the client never uses the address for too long.
    renewal, rebinding, expires: T1, T2 and the end.
    """

    terms: Terms
    client_id: bytes
    obtained: float
    asked: float
    renewal: float
    rebinding: float
    expires: float

    def moved(self, seconds: float, now: float) -> "Lease":
        """Return the lease on a clock that shows so many seconds more; what is left is never more than was granted.

        now: of that clock.
        """
        return replace(
            self,
            obtained=min(self.obtained + seconds, now),
            asked=min(self.asked + seconds, now),
            renewal=min(self.renewal + seconds, now + _until(self.terms.t1)),
            rebinding=min(self.rebinding + seconds, now + _until(self.terms.t2)),
            expires=min(self.expires + seconds, now + _until(self.terms.lease_time)),
        )

    def ended(self, now: float) -> "Lease":
        """Return the lease as one that is over: only its address is remembered."""
        return replace(self, renewal=now, rebinding=now, expires=now)


def grant(terms: Terms, client_id: bytes, asked: float, fuzz: float, before: Lease | None) -> Lease:
    """Return the lease that an ACK grants.

    asked: when the request that it answers was sent for the first time. fuzz: 0 to 1, how early to renew.
    before: the lease until now, if any.
    """
    same = before is not None and before.terms.address.ip == terms.address.ip
    early = 1 - FUZZ * fuzz
    return Lease(
        terms=terms,
        client_id=client_id,
        obtained=before.obtained if before is not None and same else asked,
        asked=asked,
        renewal=asked + _until(terms.t1) * early,
        rebinding=asked + _until(terms.t2) * early,
        expires=asked + _until(terms.lease_time),
    )


def _until(seconds: int) -> float:
    return math.inf if seconds == INFINITE else float(seconds)
