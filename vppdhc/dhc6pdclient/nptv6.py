"""NPTv6: which part of an internal prefix VPP translates to which part of a delegated one (RFC 6296).

VPP has one binding for an interface, of two prefixes of equal length, a multiple of 8 and 64 at most. So the longer of
the two prefixes says how long both are, rounded up, and of each the first part of that length is used.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Network
from typing import Final, NamedTuple

from vppdhc.dhc6pdclient.config import ClientConfig
from vppdhc.dhc6pdclient.prefixes import Delegation, Space, why_not_for_hosts, without

_STEP: Final = 8
_LONGEST: Final = 64
_ADJUSTED_SUBNET: Final = 48
"""Longest prefix with which the checksum is balanced in the subnet id and not in the interface id (RFC 6296, 3.4)."""


class NptError(Exception):
    """A prefix that cannot be translated; its text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Translation:
    """What VPP translates.

    delegation: that the external prefix is, or is a part of.
    outside: the parts of the internal prefix that are not translated, the fewest that there can be.
    remarks: what an operator should know of it, in words.
    """

    delegation: Delegation
    internal: IPv6Network
    external: IPv6Network
    outside: tuple[IPv6Network, ...]
    remarks: tuple[str, ...]


class Choice(NamedTuple):
    """The translation, None where there can be none, and why more wanted delegations are not used for it."""

    translation: Translation | None
    problems: tuple[str, ...]


def choose(internal: IPv6Network, delegations: Sequence[Delegation], now: float, before: IPv6Network | None) -> Choice:
    """Return the translation to use.

    delegations: those that can be used, see usable(). One that is not deprecated goes first, then those of the first
    IA, then what is in use already, so that a renewal changes nothing, then what is preferred for longest.
    before: external prefix in use, if any.
    """
    order = list(dict.fromkeys(delegation.ia_id for delegation in delegations))

    def rank(delegation: Delegation) -> tuple[bool, int, bool, float]:
        in_use = before is not None and before.subnet_of(delegation.prefix)
        until = delegation.preferred_until
        return until <= now, order.index(delegation.ia_id), not in_use, -until

    problems: list[str] = []
    for delegation in sorted(delegations, key=rank):
        try:
            return Choice(translate(internal, delegation), tuple(problems))
        except NptError as error:
            problems.append(str(error))
    return Choice(None, tuple(problems))


def translate(internal: IPv6Network, delegation: Delegation) -> Translation:
    """Return how an internal prefix is translated to a delegated one; raises NptError where it cannot be."""
    delegated = delegation.prefix
    if internal.overlaps(delegated):
        raise NptError(
            f"internal-prefix {internal} overlaps the delegated prefix {delegated}: choose an internal prefix of your "
            "own (RFC 4193), or do without npt66"
        )
    if max(internal.prefixlen, delegated.prefixlen) > _LONGEST:
        raise NptError(
            f"VPP cannot translate {internal} to the delegated prefix {delegated}, as it takes prefixes of "
            f"/{_LONGEST} at most: ask the provider for a larger one (prefix-length-hint)"
        )
    external = _external(internal, delegation)
    cut = IPv6Network((internal.network_address, external.prefixlen))
    outside = tuple(without([internal], cut))
    return Translation(delegation, cut, external, outside, tuple(_remarks(internal, cut, external, delegation)))


def refusal(config: ClientConfig) -> str:
    """Return why the internal prefix of a configuration can never be translated; empty where it can, or need not be."""
    internal = config.internal_prefix
    if not config.npt66 or internal is None:
        return ""
    reason = why_not_for_hosts(internal)
    if reason:
        return f"internal-prefix {internal} cannot be used, {reason}: choose one of your own (RFC 4193)"
    if internal.prefixlen > _LONGEST:
        return f"internal-prefix {internal} is too long, VPP translates prefixes of /{_LONGEST} at most"
    hints = [hint.prefixlen for key in config.keys for hint in config.hints(key)]
    if len(hints) == len(config.ia_pds) and min(hints, default=0) > _LONGEST:
        return f"VPP translates prefixes of /{_LONGEST} at most: ask for a larger one than a /{min(hints)}"
    return ""


def _external(internal: IPv6Network, delegation: Delegation) -> IPv6Network:
    """Return the first part of the delegated prefix that can be used, as large as can be.

    The excluded part is never in it: the router has addresses there itself, and VPP would translate those too.
    """
    space = Space(delegation.prefix)
    if delegation.excluded is not None:
        space.take(delegation.excluded, "the provider's link")
    longer = max(internal.prefixlen, delegation.prefix.prefixlen)
    for length in range(-(-longer // _STEP) * _STEP, _LONGEST + 1, _STEP):
        found = space.first_free(length)
        if found is not None:
            return found
    raise NptError(
        f"of the delegated prefix {delegation.prefix}, {delegation.excluded} belongs to the provider's link, which "
        f"leaves no /{_LONGEST} to translate to: ask the provider for a larger one (prefix-length-hint)"
    )


def _remarks(internal: IPv6Network, cut: IPv6Network, external: IPv6Network, delegation: Delegation) -> Iterable[str]:
    delegated, excluded = delegation.prefix, delegation.excluded
    if cut != internal:
        yield (
            f"only {cut} of internal-prefix {internal} is translated, as the delegated prefix {delegated} has room for "
            "no more: hosts in the rest of it have no way to the provider"
        )
    if external.prefixlen > max(internal.prefixlen, delegated.prefixlen):
        why = f"VPP translates prefixes of a length that is a multiple of {_STEP}"
        if excluded is not None and external.prefixlen - _STEP >= max(internal.prefixlen, delegated.prefixlen):
            why = f"{excluded} belongs to the provider's link"
        yield f"only {external} of the delegated prefix {delegated} is used, as {why}"
    if external.prefixlen <= _ADJUSTED_SUBNET:
        yield "internal networks with subnet id ffff are not translated (RFC 6296, 3.4)"
