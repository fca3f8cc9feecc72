"""Delegated prefixes for tests, and prefixes at random."""

from ipaddress import IPv6Network

from hypothesis import strategies as st

from vppdhc.dhc6pdclient.bindings import Association, Bindings, IaKey, IaType, Lease
from vppdhc.dhc6pdclient.prefixes import Delegation

INFINITY = 0xFFFFFFFF
PROVIDER = int(IPv6Network("2001:db8::/32").network_address)


def lease(prefix: str, *, excluded: str = "", preferred: int = 3600, valid: int = 7200, granted_at: float = 0) -> Lease:
    without = IPv6Network(excluded) if excluded else None
    return Lease(IPv6Network(prefix), preferred, valid, granted_at, without)


def delegation(prefix: str, ia_id: int = 1, *, excluded: str = "", preferred: int = 3600, at: float = 0) -> Delegation:
    return Delegation(ia_id, lease(prefix, excluded=excluded, preferred=preferred, granted_at=at))


def bindings(*leases: Lease, **further: Lease) -> Bindings:
    """What a client has that asks for one IA_PD, or for more: `ia7=lease(...)` is one of IA_PD 7."""
    associations = [Association(IaKey(IaType.PD, 1), leases)] if leases else []
    associations += [Association(IaKey(IaType.PD, int(name[2:])), (one,)) for name, one in further.items()]
    return Bindings(associations=tuple(associations))


def networks(*texts: str) -> list[IPv6Network]:
    return [IPv6Network(text) for text in texts]


@st.composite
def prefixes(draw: st.DrawFn, within: int = PROVIDER, shortest: int = 32, longest: int = 72) -> IPv6Network:
    """A prefix of a length, somewhere in a /32."""
    length = draw(st.integers(shortest, longest))
    number = draw(st.integers(0, (1 << (length - 32)) - 1))
    return IPv6Network((within + (number << (128 - length)), length))


@st.composite
def delegations(draw: st.DrawFn, shortest: int = 32, longest: int = 72) -> Delegation:
    """A delegated prefix, now and then with a part that belongs to the provider's link."""
    prefix = draw(prefixes(shortest=shortest, longest=longest))
    excluded = None
    if draw(st.booleans()):
        length = draw(st.integers(prefix.prefixlen + 1, min(prefix.prefixlen + 20, 127)))
        # Beginning, end and anywhere: what is in the way of the first part and of the last one, and neither.
        last = (1 << (length - prefix.prefixlen)) - 1
        number = draw(st.sampled_from([0, last]) | st.integers(0, last))
        excluded = IPv6Network((int(prefix.network_address) + (number << (128 - length)), length))
    return Delegation(draw(st.integers(1, 2)), Lease(prefix, 3600, 7200, 0.0, excluded))
