"""What is in the server's answers (RFC 8415, 18.3.2 to 18.3.9)."""

from collections.abc import Iterable, Sequence

from vppdhc.dhc6.config import NO_LIFETIMES, Settings, Times
from vppdhc.dhc6.fqdn import agreed_name, server_fqdn
from vppdhc.dhc6.levels import Terms
from vppdhc.dhc6.planning import Grant, Plan
from vppdhc.dhc6.reply import IaAnswer, LeaseAnswer
from vppdhc.dhc6.request import Request
from vppdhc.dhc6.statuses import Status
from vppdhc.dhc6.subnet import Subnet
from vppdhc.packet.dhcp6 import MessageType, Options
from vppdhc.packet.options6 import Option


def identified(request: Request) -> Options:
    """Return what every answer begins with (18.3): who the server is, and the client, where it says so."""
    options: Options = [(Option.SERVERID, request.server_duid)]
    if request.duid:
        options.insert(0, (Option.CLIENTID, request.duid))
    return options


def advertise(request: Request, plans: Sequence[Plan]) -> Options:
    """Return what is in an Advertise (18.3.9); a preference of 0 is that of one without the option (21.8)."""
    options = identified(request)
    preference = request.terms.settings.preference
    if preference:
        options.append((Option.PREFERENCE, bytes((preference,))))
    options += reconfigure_accept(request)
    return options + _leases(request, plans)


def reply(request: Request, plans: Sequence[Plan], authentication: bytes = b"") -> Options:
    """Return what is in a Reply that tells of leases (18.3.2, 18.3.4 and 18.3.5).

    authentication: the option that gives the client its reconfigure key; empty for none.
    """
    options = identified(request)
    if request.message.type == MessageType.SOLICIT:
        options.append((Option.RAPID_COMMIT, b""))
    options += reconfigure_accept(request)
    if authentication:
        options.append((Option.AUTH, authentication))
    return options + _leases(request, plans)


def information(request: Request) -> Options:
    """Return what is in the Reply to an Information-request (18.3.6)."""
    told = request.terms.parameters.answer(request.wanted, request.extra, stateless=True)
    return [*identified(request), *reconfigure_accept(request), *told]


def statuses(request: Request, status: Status, unbound: Iterable[IaAnswer] = ()) -> Options:
    """Return what is in the Reply to a Confirm, Release or Decline (18.3.3, 18.3.7 and 18.3.8).

    unbound: the identity associations that have no binding.
    """
    return [*identified(request), *(one.encode(0, 0) for one in unbound), status.option]


def reconfigure_accept(request: Request) -> Options:
    """Return the option that says that the server would tell the client of changes, for who would like that (21.20)."""
    return [(Option.RECONF_ACCEPT, b"")] if reconfigures(request) else []


def reconfigures(request: Request) -> bool:
    """Whether the client is to be told of changes.

    Not behind several relay agents: of the way to it only the last part is remembered.
    """
    return request.terms.settings.reconfigure and request.reconfigure_accept and len(request.message.relays) <= 1


def _leases(request: Request, plans: Sequence[Plan]) -> Options:
    """Return the identity associations and what else a client is told."""
    grants = [grant for plan in plans for grant in plan.grants]
    t1, t2 = times(grants)
    options = [_answer(plan).encode(t1, t2) for plan in plans]
    terms = terms_of(request, grants)
    options += terms.parameters.answer(request.wanted, request.extra)
    name = name_of(request, terms)
    if request.fqdn is not None and name is not None:
        options.append((Option.CLIENT_FQDN, server_fqdn(request.fqdn, name)))
    return options


def _answer(plan: Plan) -> IaAnswer:
    leases = [LeaseAnswer(grant.choice.network, grant.choice.length, *grant.lifetimes) for grant in plan.grants]
    leases += [LeaseAnswer(network, length, *NO_LIFETIMES) for network, length in plan.dead]
    return IaAnswer(plan.asked.code, plan.asked.ia_id, leases, plan.status)


def times(grants: Iterable[Grant]) -> Times:
    """Return T1 and T2, which are the same for all identity associations of an answer (18.3.2).

    Where nothing lives on, as the prefix of everything is deprecated, there is no point in asking before the end
    (18.3.4).
    """
    leases = [(grant.lifetimes, settings_of(grant)) for grant in grants]
    if not leases:
        return Times(0, 0)
    lifetimes = [one for one, _ in leases]
    if not any(one.preferred for one in lifetimes):
        end = min(one.valid for one in lifetimes)
        return Times(end, end)
    found = [settings.times(lifetimes) for _, settings in leases]
    return Times(min(one.renewal for one in found), min(one.rebinding for one in found))


def settings_of(grant: Grant) -> Settings:
    """Return the settings that hold for something."""
    source = grant.choice.source
    return source.terms_of(grant.choice.network).settings if isinstance(source, Subnet) else source.settings


def terms_of(request: Request, grants: Iterable[Grant]) -> Terms:
    """Return on which terms a client has what it gets: those of its first address, else those of its link."""
    for grant in grants:
        if isinstance(grant.choice.source, Subnet):
            return grant.choice.source.terms_of(grant.choice.network)
    return request.terms


def name_of(request: Request, terms: Terms) -> str | None:
    """Return the full name of a client; None for one that does not ask for the option (RFC 4704, 6)."""
    if request.fqdn is None or request.wanted is None or Option.CLIENT_FQDN not in request.wanted:
        return None
    return agreed_name(request.fqdn, terms.parameters.domain(request.extra))
