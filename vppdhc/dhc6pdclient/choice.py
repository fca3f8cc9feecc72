"""Which of the servers that advertise themselves is asked (RFC 8415, 18.2.9)."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from vppdhc.dhc6pdclient.bindings import IaKey
from vppdhc.dhc6pdclient.grants import Grant
from vppdhc.dhc6pdclient.replies import Reply


class Preferences(NamedTuple):
    """By what servers are told apart.

    keys: what the client wants. last: DUID of the server that it was with last. failed: of one that did not keep what
    it advertised; both empty for none.
    """

    keys: Collection[IaKey]
    last: bytes = b""
    failed: bytes = b""


def offers(reply: Reply, keys: Collection[IaKey]) -> bool:
    """Whether an Advertise has something for the client; another one is to be ignored (RFC 8415, 18.2.9)."""
    return not reply.failed and bool(_useful(reply, keys))


def by_merit(advertises: Iterable[Reply], preferences: Preferences) -> list[Reply]:
    """Return Advertise messages of different servers, the best first.

    Better is who has not just failed, then who has something for more associations, then the one with the higher
    preference, then the server that the client was with, then the one whose leases are good for longer.
    """
    newest = {reply.server: reply for reply in advertises}
    return sorted(newest.values(), key=lambda reply: _merit(reply, preferences), reverse=True)


def _merit(reply: Reply, preferences: Preferences) -> tuple[bool, int, int, bool, int]:
    grants = _useful(reply, preferences.keys)
    lifetimes = [lease.preferred for grant in grants for lease in grant.leases]
    return (
        reply.server != preferences.failed,
        len(grants),
        reply.preference,
        reply.server == preferences.last,
        min(lifetimes, default=0),
    )


def _useful(reply: Reply, keys: Collection[IaKey]) -> list[Grant]:
    return [grant for key in keys if (grant := reply.grants.get(key)) is not None and grant.useful]
