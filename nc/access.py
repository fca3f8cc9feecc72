"""NACM, the access control model of RFC 8341: who may execute, read and write what."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from nc.build import Builder
from nc.component import ConfigWarning
from nc.diff import differences
from nc.errors import InstancePath, RpcErrors, access_denied, invalid_value
from nc.filter import Want
from nc.pace import Pace
from nc.policy import Access as AccessOperation
from nc.policy import Policy, Rule, Step, read_policy
from nc.schema import Schema, SchemaNode
from nc.session import Session
from nc.xml import ACM, NC, Element, elements, new_data, qname

_CLOSE_SESSION: Final = qname(NC, "close-session")
_DENIED_BY_DEFAULT: Final = frozenset({qname(NC, "kill-session"), qname(NC, "delete-config")})
"""Operations that need a rule: RFC 8341, 3.4.4, step 11."""

_COUNTER: Final = 2**32
"""Where a counter32 begins again."""

_WRITES: Final[Mapping[str, AccessOperation]] = {
    "create": "create",
    "delete": "delete",
    "update": "update",
    "move": "update",
}


@dataclass(slots=True)
class Denials:
    """The counters of RFC 8341: denied-operations, denied-data-writes and denied-notifications."""

    operations: int = 0
    data_writes: int = 0
    notifications: int = 0


@dataclass(frozen=True, slots=True)
class _Reach:
    """Which rules reach a place in the data tree.

    rules: in their order, each with the steps of its path that lie below this place; without steps the rule matches
        here and in all that is below.
    """

    rules: tuple[tuple[Rule, tuple[Step, ...]], ...]

    @property
    def settled(self) -> bool:
        """Whether every rule matches everything below or nothing."""
        return not any(steps for _, steps in self.rules)

    def enter(self, element: Element, user: str) -> "_Reach":
        """Go down to a child element."""
        inside = []
        for rule, steps in self.rules:
            if not steps:
                inside.append((rule, steps))
            elif steps[0].matches(element, user):
                inside.append((rule, steps[1:]))
        return _Reach(tuple(inside))

    def enter_named(self, tag: str) -> "_Reach":
        """Go down to an action or notification, which is no data."""
        inside = [(rule, steps[1:]) for rule, steps in self.rules if not steps or steps[0].tag == tag]
        return _Reach(tuple(inside))


class AccessControl:
    """Decides by what is configured in /nacm of running.

    schema: of the data.
    recovery: tells a recovery session, which may do everything (RFC 8341, 3.1.4).

    It is a component of the datastores: a new running configuration is in effect for the next request.
    """

    name = "access control"

    def __init__(self, schema: Schema, recovery: Callable[[Session], bool]) -> None:
        self.denials = Denials()
        self._schema = schema
        self._recovery = recovery
        self._policy = read_policy(schema, new_data())
        self._even: dict[SchemaNode, bool] = {}

    # A component of the datastores

    def prepare(self, old: Element, new: Element, *, strict: bool) -> "_NewPolicy":
        """Read a new policy.

        A rule whose path cannot be understood is refused; where that is not possible it denies, and never permits.
        """
        policy = read_policy(self._schema, new)
        fatal = [invalid_value(problem.message, problem.path) for problem in policy.problems if problem.fatal]
        if strict and fatal:
            raise RpcErrors(fatal)
        return _NewPolicy(self, policy)

    def use(self, policy: Policy) -> None:
        """Decide by another policy from now on."""
        self._policy = policy

    # Decisions

    def check_operation(self, session: Session, rpc: SchemaNode) -> None:
        """Check that a session may execute a protocol operation (RFC 8341, 3.4.4).

        Raises RpcError access-denied.
        """
        if rpc.qname == _CLOSE_SESSION or self._exempt(session):
            return
        for rule in self._rules(session):
            if rule.covers(rpc.module, "exec") and (rule.untyped or rule.rpc in {"*", rpc.name}):
                permitted = rule.permit
                break
        else:
            permitted = rpc.qname not in _DENIED_BY_DEFAULT and self._policy.default(rpc, "exec")
        if not permitted:
            self.denials.operations += 1
            raise access_denied(f"{session.username} may not execute {rpc.name}", _rpc_path(rpc), "protocol")

    def check_action(
        self, session: Session, ancestors: Iterable[tuple[SchemaNode, Element]], action: SchemaNode
    ) -> None:
        """Check that a session may execute an action: read all its ancestors, execute the action itself.

        ancestors: from the top on, each with its element, which has its keys.
        Raises RpcError access-denied.
        """
        if self._exempt(session):
            return
        reach = self._reach(session)
        path = None
        for node, element in ancestors:
            reach = reach.enter(element, session.username)
            path = self._schema.instance_path(element)
            if not self._permits(reach, node, "read"):
                self.denials.operations += 1
                raise access_denied(f"{session.username} may not execute {action.name} there", path)
        if not self._permits(reach.enter_named(action.qname), action, "exec"):
            self.denials.operations += 1
            raise access_denied(f"{session.username} may not execute {action.name}", path)

    def permits_notification(self, session: Session, notification: SchemaNode) -> bool:
        """Whether a session may get a notification (RFC 8341, 3.4.6); counted where it may not."""
        if self._exempt(session):
            return True
        for rule in self._rules(session):
            if rule.covers(notification.module, "read") and (
                rule.untyped or rule.notification in {"*", notification.name}
            ):
                permitted = rule.permit
                break
        else:
            permitted = self._policy.default(notification, "read")
        if not permitted:
            self.denials.notifications += 1
        return permitted

    def check_write(self, session: Session, old: Element, new: Element) -> None:
        """Check that a session may make one configuration of another (RFC 8341, 3.4.5).

        Every node that is created, deleted or changed counts, those below a created or deleted one included; what
        is the same before and after does not.

        Raises RpcError access-denied with the path of the first node that may not be touched.
        """
        if old is new or self._exempt(session):
            return
        start = self._reach(session)
        pace = Pace()
        for difference in differences(self._schema, old, new):
            reach = start
            for ancestor in _from_top(difference.element):
                reach = reach.enter(ancestor, session.username)
            access = _WRITES[difference.operation]
            below = difference.operation in {"create", "delete"}
            denied = self._first_denied(session, reach, difference.node, difference.element, access, below, pace)
            if denied is not None:
                self.denials.data_writes += 1
                message = f"{session.username} may not {access} this"
                raise access_denied(message, self._schema.instance_path(denied))

    def prune(self, session: Session, tree: Element) -> bool:
        """Take what a session may not read out of a data tree, in silence (RFC 8341, 3.2.4).

        tree: is changed. A list entry goes when one of its keys is not readable.
        Returns whether there was anything.
        """
        return not self._exempt(session) and self._prune(session, self._reach(session), self._schema.top, tree, Pace())

    def _prune(
        self, session: Session, reach: _Reach, children: Mapping[str, SchemaNode], parent: Element, pace: Pace
    ) -> bool:
        pruned = False
        for child in list(elements(parent)):
            pace.step()
            node = children.get(child.tag)
            if node is None:
                continue
            inside = reach.enter(child, session.username)
            if not self._permits(inside, node, "read"):
                parent.remove(child)
                pruned = True
            elif not (inside.settled and self._is_even(node)):
                pruned = self._prune(session, inside, node.children, child, pace) or pruned
                if any(child.find(key) is None for key in node.keys):
                    parent.remove(child)
        return pruned

    def _first_denied(
        self,
        session: Session,
        reach: _Reach,
        node: SchemaNode,
        element: Element,
        access: AccessOperation,
        below: bool,
        pace: Pace,
    ) -> Element | None:
        """Find the first node of a subtree that may not be accessed."""
        pace.step()
        if not self._permits(reach, node, access):
            return element
        if not below or (reach.settled and self._is_even(node)):
            return None
        for child in elements(element):
            inside = reach.enter(child, session.username)
            denied = self._first_denied(session, inside, node.children[child.tag], child, access, True, pace)
            if denied is not None:
                return denied
        return None

    def _exempt(self, session: Session) -> bool:
        return not self._policy.enabled or self._recovery(session)

    def _rules(self, session: Session) -> list[Rule]:
        return self._policy.rules_for(session.username, session.groups)

    def _reach(self, session: Session) -> _Reach:
        """The rules about data, at the root."""
        return _Reach(
            tuple((rule, rule.path or ()) for rule in self._rules(session) if rule.untyped or rule.path is not None)
        )

    def _permits(self, reach: _Reach, node: SchemaNode, access: AccessOperation) -> bool:
        for rule, steps in reach.rules:
            if not steps and rule.covers(node.module, access):
                return rule.permit
        return self._policy.default(node, access)

    def _is_even(self, node: SchemaNode) -> bool:
        """Whether all below a node is of its module and denied by default like it, so that one decision is for all."""
        even = self._even.get(node)
        if even is None:
            even = all(
                below.module == node.module and below.default_deny == node.default_deny for below in node.descendants()
            )
            self._even[node] = even
        return even


@dataclass(frozen=True, slots=True)
class _NewPolicy:
    """A policy that may come into effect."""

    control: AccessControl
    policy: Policy

    @property
    def warnings(self) -> list[ConfigWarning]:
        """Rules that are of no use."""
        return [ConfigWarning(problem.path, problem.message) for problem in self.policy.problems]

    def apply(self) -> None:
        """Decide by it."""
        self.control.use(self.policy)

    def abandon(self) -> None:
        """Forget it."""


class AccessState:
    """The counters of /nacm as operational state."""

    path = "/ietf-netconf-acm:nacm"

    def __init__(self, control: AccessControl) -> None:
        self._control = control

    def read(self, want: Want) -> Iterator[Element]:
        """Give the three counters."""
        denials = self._control.denials
        build = Builder(ACM, "nacm")
        yield build.node(
            "nacm",
            build.leafs(
                denied_operations=denials.operations % _COUNTER,
                denied_data_writes=denials.data_writes % _COUNTER,
                denied_notifications=denials.notifications % _COUNTER,
            ),
        )


def _from_top(element: Element) -> list[Element]:
    """The ancestors of an element that are data, the topmost first, and itself."""
    chain = [element, *element.iterancestors()]
    return chain[-2::-1]


def _rpc_path(rpc: SchemaNode) -> InstancePath:
    """The path that names a protocol operation (RFC 8341, 3.4.4)."""
    if rpc.namespace == NC:
        return InstancePath(f"/nc:rpc/nc:{rpc.name}", {"nc": NC})
    return InstancePath(f"/nc:rpc/m:{rpc.name}", {"nc": NC, "m": rpc.namespace})
