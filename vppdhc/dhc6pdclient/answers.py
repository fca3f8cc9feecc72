"""What becomes of an answer: what it grants is taken, and what it does not grant is counted and shown."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from enum import Enum, auto
from typing import NamedTuple

from vppdhc.clock import Clock
from vppdhc.dhc6pdclient.bindings import Bindings, IaKey
from vppdhc.dhc6pdclient.drops import Drop
from vppdhc.dhc6pdclient.journal import Journal, LostReason, server_text, status_text
from vppdhc.dhc6pdclient.merging import AGAIN, Verdict, merge
from vppdhc.dhc6pdclient.replies import Reply
from vppdhc.dhc6pdclient.talk import Talk
from vppdhc.dhc6pdclient.tenure import Tenure
from vppdhc.packet.dhcp6 import StatusCode


class Result(Enum):
    """What a Reply leads to."""

    ADOPTED = auto()
    """The client has what it grants."""
    ANEW = auto()
    """Its server is to be requested anew."""
    REFUSED = auto()
    """Its server grants nothing."""
    IGNORED = auto()
    """It is as if it had not come."""


class Taken(NamedTuple):
    """What a Reply leads to. bare: associations of which nothing may be wished any more, as it is not for this link."""

    result: Result
    bare: frozenset[IaKey] = frozenset()


class Answers:
    """Takes answers in, for one client."""

    def __init__(self, talk: Talk, tenure: Tenure, journal: Journal, clock: Clock) -> None:
        self._talk = talk
        self._tenure = tenure
        self._journal = journal
        self._clock = clock

    def take(self, reply: Reply, keys: Collection[IaKey], *, beginning: bool, anew: bool) -> Taken:
        """Take what a Reply grants, each association for itself (RFC 8415, 18.2.10.1).

        keys: the associations that were asked for.
        beginning: whether it answers a Solicit or Request, and not a Renew or Rebind.
        anew: whether its server may be requested anew now.
        Raises DuplicateError.
        """
        if reply.failed:
            self.failure(reply)
            return Taken(Result.IGNORED)
        now = self._clock.boottime()
        known = replace(self._tenure.known.at(now), duid=self._talk.duid)
        after, verdicts = merge(known, reply, keys, now)
        said, reason = set(verdicts.values()), _reason(verdicts.values(), known)
        again = said & ({Verdict.NOT_ON_LINK} if beginning else AGAIN)
        refusals = _refusals(reply, verdicts)
        if again and anew:
            self._journal.note(refusals)
            self._tenure.adopt(after, reason)
            bare = [key for key, verdict in verdicts.items() if verdict is Verdict.NOT_ON_LINK]
            return Taken(Result.ANEW, frozenset(bare))
        self._tenure.refused = refusals
        withdrawn = set(known.leases) - set(after.leases)
        if Verdict.GRANTED in said or beginning or again or withdrawn:
            self._tenure.adopt(after.trusted(), reason)
            return Taken(Result.ADOPTED if Verdict.GRANTED in said else Result.REFUSED)
        self._journal.trouble(refusals)
        self._talk.drop(Drop.NOTHING_GRANTED)
        return Taken(Result.IGNORED)

    def useless(self, reply: Reply, keys: Collection[IaKey]) -> None:
        """Count and show an Advertise that has nothing for us (RFC 8415, 18.2.9)."""
        statuses = {reply.status, *(grant.status for key in keys if (grant := reply.grant(key)) is not None)}
        said = ", ".join(sorted(status_text(status) for status in statuses if status.code != StatusCode.SUCCESS))
        self._talk.drop(Drop.NOTHING_OFFERED)
        self._journal.trouble(f"{server_text(reply.server)} offers nothing: {said or 'it does not say why'}")

    def failure(self, reply: Reply) -> None:
        """Count and show a Reply that only says that something has failed; the message is repeated as ever."""
        self._talk.drop(Drop.FAILURE)
        self._journal.trouble(f"{server_text(reply.server)} says {status_text(reply.status)}")


def _reason(verdicts: Iterable[Verdict], known: Bindings) -> LostReason:
    """Return why leases have gone that a Reply took away. known: the bindings before it."""
    said = set(verdicts)
    if Verdict.NOT_ON_LINK in said:
        return LostReason.NOT_ON_LINK
    if Verdict.NO_BINDING in said or any(association.doubted for association in known.associations):
        return LostReason.NO_BINDING
    return LostReason.WITHDRAWN


def _refusals(reply: Reply, verdicts: Mapping[IaKey, Verdict]) -> str:
    """Return what a Reply does not grant, in words; empty where it grants everything."""
    said = []
    for key, verdict in verdicts.items():
        grant = reply.grant(key)
        if grant is None:
            said.append(f"nothing of {key}")
        elif verdict is not Verdict.GRANTED:
            said.append(f"{status_text(grant.status)} of {key}")
    return f"{server_text(reply.server)} says {', '.join(said)}" if said else ""
