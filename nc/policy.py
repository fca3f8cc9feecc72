"""The access control rules of RFC 8341 as they are configured, read once and then asked often."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from nc.errors import InstancePath
from nc.schema import Schema, SchemaNode
from nc.xml import ACM, Element, elements, qname

Access = Literal["create", "read", "update", "delete", "exec"]
"""The access operations of RFC 8341, 3.2.2."""

_NACM: Final = qname(ACM, "nacm")
_NAME: Final = r"(?:(?P<{0}prefix>[\w.-]+):)?(?P<{0}name>[\w.-]+)"
_STEP: Final = re.compile(rf"/\s*{_NAME.format('')}")
_PREDICATE: Final = re.compile(
    rf"\s*\[\s*(?:(?P<self>\.)|{_NAME.format('key_')})\s*=\s*"
    r"(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|(?P<user>\$USER))\s*\]"
)


class PathError(ValueError):
    """A rule's path is not a node-instance-identifier."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a rule's path.

    tag: lxml name.
    keys: values that keys have to have, by lxml name; "." is the value of a leaf-list entry, None the user's name.
    """

    tag: str
    keys: Mapping[str, str | None]

    def matches(self, element: Element, user: str) -> bool:
        """Whether an element is meant by this step, given that its ancestors are meant by the steps before."""
        if element.tag != self.tag:
            return False
        for key, value in self.keys.items():
            actual = element.text if key == "." else element.findtext(key)
            if (actual or "") != (user if value is None else value):
                return False
        return True


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    module: name of a module, or "*".
    rpc, notification: the name that a rule of that type is about, or "*"; None for other types.
    path: what a data rule is about; None for other types. A rule without any type is about everything.
    accesses: those the rule is about; None for all.
    """

    module: str
    rpc: str | None
    notification: str | None
    path: tuple[Step, ...] | None
    accesses: frozenset[str] | None
    permit: bool

    @property
    def untyped(self) -> bool:
        """Whether the rule has no type, and so is about everything (RFC 8341, 3.4.4 to 3.4.6)."""
        return self.rpc is None and self.notification is None and self.path is None

    def covers(self, module: str, access: Access) -> bool:
        """Whether the rule is about that module and access."""
        return self.module in {"*", module} and (self.accesses is None or access in self.accesses)


@dataclass(frozen=True, slots=True)
class Problem:
    """A rule whose path is of no use.

    fatal: it cannot be understood. Otherwise it only names what no loaded module has.
    """

    path: InstancePath
    message: str
    fatal: bool


@dataclass(frozen=True, slots=True)
class Policy:
    """All that is configured in /nacm.

    members: names of the groups that a user is in, by user name.
    rule_lists: each the groups it is for and its rules.
    """

    enabled: bool
    defaults: Mapping[str, bool]
    external_groups: bool
    members: Mapping[str, frozenset[str]]
    rule_lists: Sequence[tuple[frozenset[str], Sequence[Rule]]]
    problems: Sequence[Problem]

    def rules_for(self, user: str, external: frozenset[str]) -> list[Rule]:
        """Give the rules for a user in their order: steps 4 to 7 of RFC 8341, 3.4.4.

        external: the groups that the transport says he is in.
        """
        groups = self.members.get(user, frozenset())
        if self.external_groups:
            groups |= external
        if not groups:
            return []
        return [rule for wanted, rules in self.rule_lists if "*" in wanted or wanted & groups for rule in rules]

    def default(self, node: SchemaNode, access: Access) -> bool:
        """Whether access is permitted where no rule matches: the last steps of RFC 8341, 3.4.4 to 3.4.6."""
        if node.default_deny == "all" or (node.default_deny == "write" and access not in {"read", "exec"}):
            return False
        return self.defaults[access]


def read_policy(schema: Schema, config: Element) -> Policy:
    """Read the policy of a configuration."""
    nacm = config.find(_NACM)
    problems: list[Problem] = []

    def setting(name: str, default: str) -> str:
        return default if nacm is None else nacm.findtext(qname(ACM, name)) or default

    write = setting("write-default", "deny") == "permit"
    return Policy(
        enabled=setting("enable-nacm", "true") == "true",
        defaults={
            "read": setting("read-default", "permit") == "permit",
            "exec": setting("exec-default", "permit") == "permit",
            "create": write,
            "update": write,
            "delete": write,
        },
        external_groups=setting("enable-external-groups", "true") == "true",
        members={} if nacm is None else _members(nacm),
        rule_lists=[] if nacm is None else list(_rule_lists(schema, nacm, problems.append)),
        problems=problems,
    )


def parse_path(text: str, prefixes: Mapping[str, str], modules: Mapping[str, str]) -> tuple[Step, ...]:
    """Parse a node-instance-identifier (RFC 8341, section 9); "/" has no steps.

    prefixes: namespaces by prefix, in scope where it stands.
    modules: namespaces by module name, which JSON has instead; a name without either is of the same module as the one
        before it.

    Raises PathError.
    """
    text = text.strip()
    if text == "/":
        return ()
    steps: list[Step] = []
    position = 0
    namespace = ""

    def resolve(prefix: str | None) -> str:
        if prefix is None:
            found: str | None = namespace
        else:
            found = prefixes.get(prefix) or modules.get(prefix)
        if not found:
            raise PathError(f"'{prefix}' is no prefix known there" if prefix else "the first name needs a prefix")
        return found

    while position < len(text):
        step = _STEP.match(text, position)
        if step is None:
            raise PathError(f"not understood from '{text[position:]}' on")
        namespace = resolve(step["prefix"])
        position = step.end()
        keys: dict[str, str | None] = {}
        while predicate := _PREDICATE.match(text, position):
            key = "." if predicate["self"] else qname(resolve(predicate["key_prefix"]), predicate["key_name"])
            value = predicate["double"] if predicate["double"] is not None else predicate["single"]
            keys[key] = None if predicate["user"] else value
            position = predicate.end()
        steps.append(Step(qname(namespace, step["name"]), keys))
    if not steps:
        raise PathError("it is empty")
    return tuple(steps)


def _text(leaf: Element) -> str:
    return (leaf.text or "").strip()


def _members(nacm: Element) -> dict[str, frozenset[str]]:
    members: dict[str, set[str]] = {}
    for group in nacm.iterfind(f"{qname(ACM, 'groups')}/{qname(ACM, 'group')}"):
        for user in group.iterfind(qname(ACM, "user-name")):
            members.setdefault(_text(user), set()).add(group.findtext(qname(ACM, "name")) or "")
    return {user: frozenset(groups) for user, groups in members.items()}


def _rule_lists(
    schema: Schema, nacm: Element, report: Callable[[Problem], None]
) -> Iterator[tuple[frozenset[str], list[Rule]]]:
    for rule_list in nacm.iterfind(qname(ACM, "rule-list")):
        groups = frozenset(_text(group) for group in rule_list.iterfind(qname(ACM, "group")))
        yield groups, [_rule(schema, rule, report) for rule in rule_list.iterfind(qname(ACM, "rule"))]


def _rule(schema: Schema, rule: Element, report: Callable[[Problem], None]) -> Rule:
    leafs = {child.tag: child for child in elements(rule)}

    def text(name: str) -> str | None:
        leaf = leafs.get(qname(ACM, name))
        return None if leaf is None else _text(leaf)

    permit = text("action") == "permit"
    accesses = text("access-operations") or "*"
    path_leaf = leafs.get(qname(ACM, "path"))
    return Rule(
        module=text("module-name") or "*",
        rpc=text("rpc-name"),
        notification=text("notification-name"),
        path=None if path_leaf is None else _path(schema, path_leaf, report, permit=permit),
        accesses=None if accesses == "*" else frozenset(accesses.split()),
        permit=permit,
    )


def _path(schema: Schema, leaf: Element, report: Callable[[Problem], None], *, permit: bool) -> tuple[Step, ...]:
    """Read a rule's path; one that cannot be understood denies everything or permits nothing."""
    prefixes = {**schema.prefixes, **{prefix: namespace for prefix, namespace in leaf.nsmap.items() if prefix}}
    modules = {module.name: module.namespace for module in schema.modules.values()}
    try:
        steps = parse_path(_text(leaf), prefixes, modules)
    except PathError as error:
        report(Problem(schema.instance_path(leaf), f"the rule's path is no instance-identifier: {error}", fatal=True))
        return (Step("", {}),) if permit else ()
    if not _exists(schema, steps):
        report(Problem(schema.instance_path(leaf), "no module has what the rule's path names", fatal=False))
    return steps


def _exists(schema: Schema, steps: tuple[Step, ...]) -> bool:
    known: Mapping[str, SchemaNode] = schema.top
    for step in steps:
        node = known.get(step.tag)
        if node is None:
            return False
        known = {**node.children, **node.actions, **node.notifications}
    return True
