"""What the server says to clients (RFC 8415, 18.3)."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from vppdhc.dhc6 import contents
from vppdhc.dhc6.associations import Asked
from vppdhc.dhc6.events import EventKind
from vppdhc.dhc6.granting import Done, Granting
from vppdhc.dhc6.outcome import Finding, Outcome
from vppdhc.dhc6.planning import Plan, Planner, fits_link
from vppdhc.dhc6.probing import Probing
from vppdhc.dhc6.reconfigure import Reconfiguring
from vppdhc.dhc6.reply import IaAnswer, answer
from vppdhc.dhc6.request import Request
from vppdhc.dhc6.routes import route_changes
from vppdhc.dhc6.statuses import Status
from vppdhc.dhc6.validation import Drop, RefusalError
from vppdhc.leases.lease6 import ADDRESS_LENGTH, Lease6, LeaseKind
from vppdhc.packet.auth6 import KEY_SIZE
from vppdhc.packet.dhcp6 import MessageType, Options

IAS_MOST: Final = 16
"""Identity associations of one message that are served: what is answered to them fits into a packet."""
INFORMED: Final = "asks for information only"
_GIVES_KEYS: Final = frozenset((MessageType.SOLICIT, MessageType.REQUEST))
"""Messages whose Reply gives a client its reconfigure key (20.4.2)."""

_Rule = Callable[[Request, Asked], Plan]


class Conversation:
    """Answers requests; whatever it changes is in the lease book."""

    def __init__(
        self,
        planner: Planner,
        granting: Granting,
        probing: Probing,
        reconfiguring: Reconfiguring,
        random: Callable[[int], bytes],
    ) -> None:
        """random: returns so many bytes that nobody can guess."""
        self._planner = planner
        self._granting = granting
        self._probing = probing
        self._reconfiguring = reconfiguring
        self._random = random
        self._handlers: Mapping[int, Callable[[Request], Outcome]] = MappingProxyType(
            {
                MessageType.SOLICIT: self._solicit,
                MessageType.REQUEST: lambda request: self._bind(request, planner.requested),
                MessageType.RENEW: lambda request: self._bind(request, planner.renewed),
                MessageType.REBIND: lambda request: self._bind(request, planner.rebound),
                MessageType.CONFIRM: self._confirm,
                MessageType.RELEASE: lambda request: self._give_up(request, Status.RELEASED),
                MessageType.DECLINE: lambda request: self._give_up(request, Status.DECLINED),
                MessageType.INFORMATION_REQUEST: self._inform,
            }
        )

    def answer(self, request: Request) -> Outcome:
        """Answer a request, which is validated; raises RefusalError for one that has no answer."""
        return self._handlers[request.message.type](request)

    # Solicit: 18.3.1 and 18.3.9. Request, Renew and Rebind: 18.3.2, 18.3.4 and 18.3.5

    def _solicit(self, request: Request) -> Outcome:
        if request.rapid_commit and request.terms.settings.rapid_commit:
            return self._bind(request, self._planner.solicited)
        plans = self._plans(request, self._planner.solicited)
        asked = self._ask(request, plans)
        if asked is not None:
            return asked
        return self._answered(request, plans, contents.advertise(request, plans), MessageType.ADVERTISE)

    def _bind(self, request: Request, rule: _Rule) -> Outcome:
        """Make or extend leases, and tell of them."""
        plans = self._plans(request, rule)
        asked = self._ask(request, plans)
        if asked is not None:
            return asked
        key = self._key(request, plans)
        gives = key and request.message.type in _GIVES_KEYS and any(plan.grants for plan in plans)
        authentication = self._reconfiguring.key_option(key) if gives else b""
        options = contents.reply(request, plans, authentication)
        outcome = self._answered(request, plans, options, MessageType.REPLY)
        done = self._granting.grant(request, plans, key)
        return _with(outcome, request, done)

    def _plans(self, request: Request, rule: _Rule) -> list[Plan]:
        """Say what each identity association gets, and hold that for it, so that no other gets the same."""
        plans = []
        for number, asked in enumerate(request.ias):
            if number < IAS_MOST:
                plan = rule(request, asked)
                self._granting.hold(request, plan)
            else:
                plan = Plan(asked, status=Status.TOO_MANY)
            plans.append(plan)
        return plans

    def _ask(self, request: Request, plans: Sequence[Plan]) -> Outcome | None:
        """Return the question about new addresses, None where there are none."""
        grants = [grant for plan in plans for grant in plan.grants]
        new = [grant.choice for grant in grants if grant.new]
        if not new:
            return None
        probe = self._probing.ask(request, new, [grant.choice for grant in grants])
        findings = self._findings(request, plans)
        return Outcome([], [], [], None, request.duid, request.table, findings[0].reason, findings, probe=probe)

    def _key(self, request: Request, plans: Sequence[Plan]) -> bytes:
        """Return the client's reconfigure key: the one that it has, else a new one; empty where it is to have none.

        A client that has none gets none by a Renew or Rebind, as those do not tell it (20.4.2).
        """
        if not contents.reconfigures(request):
            return b""
        for plan in plans:
            for lease in self._planner.bindings(request, plan.asked):
                if lease.reconfigure_key:
                    return lease.reconfigure_key
        return self._random(KEY_SIZE) if request.message.type in _GIVES_KEYS else b""

    def _answered(self, request: Request, plans: Sequence[Plan], options: Options, kind: MessageType) -> Outcome:
        reply = answer(request.message, request.interface, kind, options)
        findings = self._findings(request, plans)
        reason = findings[0].reason if findings else INFORMED
        refused = bool(plans) and not any(plan.grants for plan in plans)
        return Outcome([reply], [], [], None, request.duid, request.table, reason, findings, refused)

    def _findings(self, request: Request, plans: Sequence[Plan]) -> tuple[Finding, ...]:
        """Say what was decided."""
        found = []
        for asked, grants, dead, _, status in plans:
            for choice, _, _ in grants:
                why = self._probing.why(request, choice)
                found.append(Finding(asked.code, asked.ia_id, choice.network, choice.length, why))
            for network, length in dead:
                found.append(Finding(asked.code, asked.ia_id, network, length, EventKind.WITHDRAWN))
            if status is not None:
                found.append(Finding(asked.code, asked.ia_id, 0, 0, status.text))
        return tuple(found)

    # Confirm: 18.3.3

    def _confirm(self, request: Request) -> Outcome:
        """Say whether addresses fit the link, where that is known; whose they are does not count."""
        named = [(ia, address) for ia in request.ias if ia.kind is LeaseKind.ADDRESS for address, _ in ia.leases]
        if not named:
            raise RefusalError(Drop.NOTHING_TO_CONFIRM)
        if not request.subnets:
            raise RefusalError(Drop.NO_SUBNET)
        fit = all(fits_link(request, address) for _, address in named)
        status = Status.ON_LINK if fit else Status.NOT_ON_LINK
        findings = tuple(Finding(ia.code, ia.ia_id, address, ADDRESS_LENGTH, status.text) for ia, address in named)
        return _told(request, contents.statuses(request, status), findings, status.text, refused=not fit)

    # Release and Decline: 18.3.7 and 18.3.8

    def _give_up(self, request: Request, status: Status) -> Outcome:
        """End leases that a client gives back, or found in use; those that are not its own are ignored.

        Nobody can find a prefix in use.
        """
        given: list[Lease6] = []
        unbound: list[IaAnswer] = []
        findings: list[Finding] = []
        for asked in request.ias:
            bindings = self._planner.bindings(request, asked)
            if not bindings:
                unbound.append(IaAnswer(asked.code, asked.ia_id, (), Status.NO_BINDING))
                findings.append(Finding(asked.code, asked.ia_id, 0, 0, Status.NO_BINDING.text))
            elif status is Status.RELEASED or asked.kind is LeaseKind.ADDRESS:
                mine = [lease for lease in bindings if (lease.network, lease.length) in asked.leases]
                given += mine
                findings += [Finding(asked.code, asked.ia_id, one.network, one.length, status.text) for one in mine]
        end = self._granting.release if status is Status.RELEASED else self._granting.decline
        done = end(request, given)
        reason = findings[0].reason if findings else status.text
        options = contents.statuses(request, status, unbound)
        outcome = _told(request, options, tuple(findings), reason, refused=bool(request.ias) and not given)
        return _with(outcome, request, done)

    # Information-request: 18.3.6

    def _inform(self, request: Request) -> Outcome:
        return _told(request, contents.information(request), (), INFORMED)


def _with(outcome: Outcome, request: Request, done: Done) -> Outcome:
    """Return an outcome with what was changed."""
    routes = route_changes(done.changes, request.now)
    return outcome._replace(changes=done.changes, events=done.events, routes=routes)


def _told(
    request: Request, options: Options, findings: tuple[Finding, ...], reason: str, *, refused: bool = False
) -> Outcome:
    """Answer by a Reply that tells of no leases."""
    reply = answer(request.message, request.interface, MessageType.REPLY, options)
    return Outcome([reply], [], [], None, request.duid, request.table, reason, findings, refused)
