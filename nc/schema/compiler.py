"""From pyang's statements to the nodes of a schema."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, cast, get_args

from pyang.statements import Statement

from nc.schema.node import Choice, Condition, DefaultDeny, Kind, SchemaNode, Value
from nc.schema.typecompiler import TypeCompiler
from nc.schema.xpath import rename
from nc.xml import qname

_KINDS: Final = frozenset(get_args(Kind))
_DENY: Final[Mapping[tuple[str, str], DefaultDeny]] = {
    ("ietf-netconf-acm", "default-deny-write"): "write",
    ("ietf-netconf-acm", "default-deny-all"): "all",
}
_PREDICATE: Final = re.compile(r"\[[^\]]*\]")
_OPERATIONS: Final = frozenset({"rpc", "action"})


class Compiler:
    """Compiles modules into one schema.

    types: compiles the types.
    namespaces: of the implemented modules, by name. Nodes of others (augments by a module that is only imported) do
    not exist.
    top, rpcs, notifications: what has been compiled, by lxml name.
    """

    def __init__(self, types: TypeCompiler, namespaces: Mapping[str, str], top: dict[str, SchemaNode]) -> None:
        self._types = types
        self._namespaces = namespaces
        self._leafs: list[tuple[SchemaNode, Statement, int, int]] = []
        """Leafs with their statements, and from where to where in the list of leafrefs theirs are."""
        self.top = top
        self.rpcs: dict[str, SchemaNode] = {}
        self.notifications: dict[str, SchemaNode] = {}

    def add(self, module: Statement) -> None:
        """Compile the top-level nodes of a module."""
        for statement, choices, whens in self._flat(module, (), ()):
            node = self._node(statement, None, choices, whens)
            places = {"rpc": self.rpcs, "notification": self.notifications}
            places.get(node.kind, self.top)[node.qname] = node

    def finish(self) -> None:
        """Resolve leafrefs, then defaults, whose types may be leafrefs. To be called once, after all modules.

        Raises ValueError where a path leads nowhere.
        """
        for node, _, first, last in self._leafs:
            for leafref, path in self._types.leafrefs[first:last]:
                leafref.target = self._target(node, path)
                leafref.path = self._condition(path, 0, node.module)
        for node, statement, *_ in self._leafs:
            node.defaults = self._defaults(node, statement)

    def _flat(
        self, parent: Statement, choices: tuple[tuple[Choice, str], ...], whens: tuple[Condition, ...]
    ) -> Iterator[tuple[Statement, tuple[tuple[Choice, str], ...], tuple[Condition, ...]]]:
        """Go through the data nodes of a statement and of its choices, each with the choices and whens above it."""
        for child in getattr(parent, "i_children", ()):
            if child.i_module.i_modulename not in self._namespaces or hasattr(child, "i_not_implemented"):
                continue
            above = whens + self._whens(child)
            if child.keyword == "choice":
                choice = self._choice(child)
                for case in child.i_children:
                    inside = (*choices, (choice, case.arg))
                    if case.keyword == "case":
                        yield from self._flat(case, inside, above + self._whens(case))
                    else:
                        yield case, inside, above
            elif child.keyword in _KINDS:
                yield child, choices, whens

    def _choice(self, statement: Statement) -> Choice:
        default = statement.search_one("default")
        return Choice(
            qname=qname(self._namespaces[statement.i_module.i_modulename], statement.arg),
            name=statement.arg,
            mandatory=_true(statement, "mandatory"),
            default=None if default is None else default.arg,
            config=bool(statement.i_config),
        )

    def _node(
        self,
        statement: Statement,
        parent: SchemaNode | None,
        choices: tuple[tuple[Choice, str], ...],
        whens: tuple[Condition, ...],
    ) -> SchemaNode:
        kind = cast(Kind, statement.keyword)
        module = statement.i_module.i_modulename
        namespace = self._namespaces[module]
        local = statement.arg or kind
        step = local if parent is not None and parent.module == module else f"{module}:{local}"
        node = SchemaNode(
            qname=qname(namespace, local),
            name=local,
            namespace=namespace,
            prefix=self._types.prefix(namespace),
            module=module,
            kind=kind,
            parent=parent,
            path=f"{parent.path if parent else ''}/{step}",
            config=bool(getattr(statement, "i_config", False)),
            user_ordered=_argument(statement, "ordered-by") == "user",
            presence=kind == "container" and statement.search_one("presence") is not None,
            mandatory=_true(statement, "mandatory"),
            units=_argument(statement, "units") or "",
            min_elements=int(_argument(statement, "min-elements") or 0),
            max_elements=_maximum(statement),
            whens=whens + self._whens(statement),
            musts=tuple(self._condition(must, 0) for must in statement.search("must")),
            choices=choices,
            default_deny=_deny(statement) or (parent.default_deny if parent else ""),
        )
        if node.is_leaf:
            first = len(self._types.leafrefs)
            node.type = self._types.compile(statement.search_one("type"))
            self._leafs.append((node, statement, first, len(self._types.leafrefs)))
        if kind == "list":
            node.keys = tuple(qname(namespace, key.arg) for key in statement.i_key or ())
        for child, inside, above in self._flat(statement, (), ()):
            compiled = self._node(child, node, inside, above)
            places = {"action": node.actions, "notification": node.notifications}
            places.get(compiled.kind, node.children)[compiled.name if kind in _OPERATIONS else compiled.qname] = (
                compiled
            )
        return node

    def _defaults(self, node: SchemaNode, statement: Statement) -> tuple[Value, ...]:
        """RFC 7950, 7.6.1 and 7.7.2: the leaf's own, else its type's unless something has to be there anyway."""
        given = statement.search("default")
        if not given and not node.mandatory and not node.min_elements:
            default = self._types.default(statement.search_one("type"))
            given = [] if default is None else [default]
        assert node.type is not None
        return tuple(self._types.parse_default(node.type, default) for default in given)

    def _whens(self, statement: Statement) -> tuple[Condition, ...]:
        """Return the conditions of a node, and of the uses or augment that it comes from (RFC 7950, 7.21.5)."""
        is_data = statement.keyword not in {"choice", "case"}
        conditions = [
            self._condition(when, 0 if is_data and getattr(when, "i_origin", None) != "uses" else 1)
            for when in statement.search("when")
        ]
        augment = getattr(statement, "i_augment", None)
        if augment is not None:
            conditions += [self._condition(when, 1) for when in augment.search("when")]
        return tuple(conditions)

    def _condition(self, statement: Statement, above: int, module: str | None = None) -> Condition:
        """RFC 7950, 6.4.1: a name without prefix is in the node's namespace, not in that of a grouping's module."""
        namespaces = {prefix: namespace for prefix, namespace in self._types.scope(statement).items() if prefix}
        own = "_"
        while own in namespaces:
            own += "_"
        namespaces[own] = self._namespaces[module or statement.i_module.i_modulename]
        return Condition(
            expression=rename(statement.arg, lambda prefix: prefix, own),
            namespaces=namespaces,
            above=above,
            message=_argument(statement, "error-message"),
            app_tag=_argument(statement, "error-app-tag"),
        )

    def _target(self, leaf: SchemaNode, path: Statement) -> SchemaNode:
        """Return the leaf that the path of a leafref leads to (RFC 7950, 9.9.2)."""
        scope = self._types.scope(path)
        own = leaf.namespace
        node: SchemaNode | None = leaf
        for name in _PREDICATE.sub("", path.arg).split("/"):
            if name.strip() == "":
                node = None
            elif name.strip() == "..":
                assert node is not None
                node = node.parent
            else:
                prefix, _, local = name.strip().rpartition(":")
                children = self.top if node is None else node.children
                found = children.get(qname(scope[prefix] if prefix else own, local))
                if found is None:
                    raise ValueError(f"{path.pos}: the path of {leaf.path} leads nowhere: {path.arg}")
                node = found
        if node is None or node.type is None:
            raise ValueError(f"{path.pos}: the path of {leaf.path} does not lead to a leaf: {path.arg}")
        return node


def _true(statement: Statement, keyword: str) -> bool:
    return _argument(statement, keyword) == "true"


def _argument(statement: Statement, keyword: str) -> str | None:
    found = statement.search_one(keyword)
    return None if found is None else str(found.arg)


def _maximum(statement: Statement) -> int | None:
    most = _argument(statement, "max-elements")
    return None if most in {None, "unbounded"} else int(str(most))


def _deny(statement: Statement) -> DefaultDeny:
    """RFC 8341, 3.4.5 and section 4: the extensions default-deny-write and default-deny-all."""
    return next((deny for keyword, deny in _DENY.items() if statement.search_one(keyword) is not None), "")
