"""What a Reply makes of what the client has, each identity association for itself (RFC 8415, 18.2.10.1)."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from enum import Enum, auto
from ipaddress import IPv6Address, IPv6Network
from typing import Final, NamedTuple

from vppdhc.dhc6pdclient.bindings import LEASES_MOST, Association, Bindings, IaKey, Lease, lasting
from vppdhc.dhc6pdclient.grants import Grant, choose_times
from vppdhc.dhc6pdclient.learned import read_learned
from vppdhc.dhc6pdclient.replies import Reply
from vppdhc.packet.dhcp6 import StatusCode

_PUT_OFF: Final = (10.0, 600.0)
"""Seconds after which an association is asked for again that a server said nothing useful of, least and most: those
between Renew messages (RFC 8415, 18.2.10.1: as if the Reply had not been received)."""


class Verdict(Enum):
    """What a Reply means for an association."""

    GRANTED = auto()
    """It has leases with new times."""
    NO_BINDING = auto()
    """The server knows nothing of it: it has to be requested anew."""
    NOT_ON_LINK = auto()
    """What it had or wished is not for this link: it has to be requested anew, without."""
    WITHDRAWN = auto()
    """All that it had was taken away: it has to be requested anew."""
    REFUSED = auto()
    """The server has nothing for it, or could not do it."""
    MISSING = auto()
    """The Reply does not say anything of it."""


AGAIN: Final = frozenset((Verdict.NO_BINDING, Verdict.NOT_ON_LINK, Verdict.WITHDRAWN))
"""Verdicts behind which the server that said so is requested at once."""


class Merged(NamedTuple):
    """Bindings with what a Reply said, and what that meant for each association."""

    bindings: Bindings
    verdicts: Mapping[IaKey, Verdict]


def merge(before: Bindings, reply: Reply, keys: Collection[IaKey], now: float) -> Merged:
    """Return what a Reply makes of bindings.

    keys: the associations that were asked for; of others nothing is taken.
    """
    associations = []
    verdicts = {}
    for key in dict.fromkeys((*before.keys, *keys)):
        association = before.get(key)
        if key in keys:
            association, verdicts[key] = _judge(association, reply.grant(key), reply.server, now)
        associations.append(association)
    after = replace(before, associations=tuple(associations))
    if Verdict.GRANTED in verdicts.values():
        after = replace(
            after,
            server=reply.server,
            server_address=IPv6Address(reply.message.source),
            learned=read_learned(reply.message),
        )
    return Merged(with_key(after, reply), verdicts)


def with_key(bindings: Bindings, reply: Reply) -> Bindings:
    """Return bindings with the key for Reconfigure messages that a Reply gives, if it gives one."""
    key = reply.key
    return bindings if key is None else replace(bindings, key=key)


def _judge(old: Association, grant: Grant | None, server: bytes, now: float) -> tuple[Association, Verdict]:
    if grant is None:
        return _put_off(old, now), Verdict.MISSING
    old = replace(old, status=grant.status)
    match grant.status.code:
        case StatusCode.SUCCESS:
            return _granted(old, grant, server, now)
        case StatusCode.NO_BINDING:
            return replace(old, doubted=True), Verdict.NO_BINDING
        case StatusCode.NOT_ON_LINK:
            return old.keeping(()), Verdict.NOT_ON_LINK
        case _:
            withdrawn = [lease.prefix for lease in grant.leases if not lease.valid]  # Kea does so beside NoPrefixAvail
            return _put_off(old.keeping(_without(old, withdrawn)), now), Verdict.REFUSED


def _without(old: Association, said: Collection[IPv6Network]) -> list[Lease]:
    """Return the leases that there were but those that a Reply says something of; none that are in doubt."""
    return [] if old.doubted else [lease for lease in old.leases if lease.prefix not in said]


def _granted(old: Association, grant: Grant, server: bytes, now: float) -> tuple[Association, Verdict]:
    """Take new leases in, update those that there are, and discard those without any lifetime; others stay."""
    new = [Lease(one.prefix, one.preferred, one.valid, now, one.excluded) for one in grant.leases if one.valid]
    kept = _without(old, [lease.prefix for lease in grant.leases])
    if not new:
        left = old.keeping(kept)
        if left.leases or not old.leases:
            return _put_off(left, now), Verdict.REFUSED
        return left, Verdict.WITHDRAWN
    t1, t2 = choose_times(grant.t1, grant.t2, [lease for lease in grant.leases if lease.valid])
    association = replace(
        old,
        leases=tuple([*new, *kept][:LEASES_MOST]),
        t1=t1,
        t2=t2,
        renewal=now + lasting(t1),
        rebinding=now + lasting(t2),
        server=server,
        obtained=old.obtained if old.obtained is not None and not old.doubted else now,
        renewed=now,
        doubted=False,
    )
    return association, Verdict.GRANTED


def _put_off(association: Association, now: float) -> Association:
    """Return an association that is not asked for again at once; one without leases waits for the others."""
    if not association.leases:
        return replace(association, renewal=float("inf"))
    left = min(lease.valid_until for lease in association.leases) - now
    again = now + min(max(_PUT_OFF[0], left / 2), _PUT_OFF[1])
    return replace(association, renewal=max(association.renewal, again), rebinding=max(association.rebinding, again))
