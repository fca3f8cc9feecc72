"""What an Advertise offers or a Reply grants, by identity association; and the times that the client makes of it.

A part that is senseless is left aside as the RFC says, alone: a provider's mistake there must not cut the router off.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv6Network
from typing import Final, NamedTuple

from vppdhc.dhc6pdclient.bindings import LEASES_MOST, IaKey, IaType
from vppdhc.dhc6pdclient.drops import Drop
from vppdhc.dhc6pdclient.prefixes import why_not_for_hosts
from vppdhc.packet.dhcp6 import INFINITY, Message, StatusCode, find
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.ia6 import (
    Ia,
    IaPrefix,
    Status,
    decode_address,
    decode_excluded,
    decode_ia,
    decode_prefix,
    decode_status,
)
from vppdhc.packet.options6 import Option

_IAS_MOST: Final = 64
"""Associations of a message that are looked at."""
_TYPES: Final = ((Option.IA_PD, IaType.PD), (Option.IA_NA, IaType.NA))
_WITHIN: Final = {IaType.PD: Option.IAPREFIX, IaType.NA: Option.IAADDR}
_T1_SHARE: Final = 0.5
_T2_SHARE: Final = 0.8
"""Shares of the shortest preferred lifetime (RFC 8415, 21.4 and 21.21)."""


class Granted(NamedTuple):
    """A prefix, or an address as one of length 128, with its lifetimes in seconds; see bindings.Lease."""

    prefix: IPv6Network
    preferred: int
    valid: int
    excluded: IPv6Network | None


class Grant(NamedTuple):
    """What a message says of an identity association. t1, t2: seconds; 0 leaves it to the client."""

    t1: int
    t2: int
    status: Status
    leases: tuple[Granted, ...]

    @property
    def prefixes(self) -> tuple[IPv6Network, ...]:
        """What there is, without times."""
        return tuple(lease.prefix for lease in self.leases if lease.valid)

    @property
    def useful(self) -> bool:
        """Whether there is something that can be used."""
        return self.status.code == StatusCode.SUCCESS and any(lease.valid for lease in self.leases)


@dataclass(slots=True)
class Grants:
    """All that a message says of identity associations. faults: what in it was left aside, and why."""

    by_key: dict[IaKey, Grant] = field(default_factory=dict)
    faults: list[Drop] = field(default_factory=list)


def read_grants(message: Message) -> Grants:
    """Return what a message says of identity associations; of two with the same IAID the first one counts."""
    grants = Grants()
    for code, ia_type in _TYPES:
        for raw in message.all(code)[:_IAS_MOST]:
            try:
                ia = decode_ia(raw)
                status = decode_status(find(ia.options, Option.STATUS_CODE))
            except DecodeError:
                grants.faults.append(Drop.BAD_IA)
                continue
            if ia.t1 > ia.t2 > 0:
                grants.faults.append(Drop.BAD_IA)
                continue
            leases = tuple(_leases(ia, ia_type, grants.faults))
            grants.by_key.setdefault(IaKey(ia_type, ia.iaid), Grant(ia.t1, ia.t2, status, leases))
    return grants


def choose_times(t1: int, t2: int, leases: Sequence[Granted]) -> tuple[int, int]:
    """Return T1 and T2 in seconds, T1 <= T2; what is 0 or senseless is chosen by the client (RFC 8415, 14.2).

    Senseless is what comes only when the first lease is over. INFINITY is for never.
    leases: at least one, none with a valid lifetime of 0.
    """
    shortest = min(lease.valid for lease in leases)
    preferred = min((lease.preferred for lease in leases if lease.preferred), default=shortest)
    own_t1, own_t2 = _share(preferred, _T1_SHARE), _share(preferred, _T2_SHARE)
    if not _sensible(t2, shortest):
        t2 = max(own_t2, t1) if _sensible(t1, shortest) else own_t2
    if not _sensible(t1, shortest):
        t1 = min(own_t1, t2)
    return t1, t2


def _sensible(seconds: int, shortest: int) -> bool:
    return 0 < seconds < shortest or seconds == shortest == INFINITY


def _share(lifetime: int, share: float) -> int:
    return INFINITY if lifetime == INFINITY else max(1, int(lifetime * share))


def _leases(ia: Ia, ia_type: IaType, faults: list[Drop]) -> Iterator[Granted]:
    """Give the addresses or prefixes of an association that can be used, each once."""
    seen: set[IPv6Network] = set()
    for code, raw in ia.options:
        if code != _WITHIN[ia_type] or len(seen) >= LEASES_MOST:
            continue
        try:
            found = decode_prefix(raw) if ia_type is IaType.PD else _address(raw)
            status = decode_status(find(found.options, Option.STATUS_CODE))
        except DecodeError:
            faults.append(Drop.BAD_LEASE)
            continue
        prefix = IPv6Network((found.prefix, found.length))
        if found.preferred > found.valid or status.code != StatusCode.SUCCESS or why_not_for_hosts(prefix):
            faults.append(Drop.BAD_LEASE)
            continue
        if prefix not in seen:
            seen.add(prefix)
            yield Granted(prefix, found.preferred, found.valid, _excluded(found, faults))


def _address(raw: bytes) -> IaPrefix:
    """Read an address as a prefix of all its bits."""
    address = decode_address(raw)
    return IaPrefix(address.address, 128, address.preferred, address.valid, address.options)


def _excluded(found: IaPrefix, faults: list[Drop]) -> IPv6Network | None:
    """Return what belongs to the provider's link (RFC 6603, 4.2)."""
    raw = find(found.options, Option.PD_EXCLUDE)
    if raw is None:
        return None
    try:
        return IPv6Network(decode_excluded(raw, found.prefix, found.length))
    except DecodeError:
        faults.append(Drop.BAD_EXCLUDED)
        return None
