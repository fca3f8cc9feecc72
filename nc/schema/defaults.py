"""Default values in data trees, in the modes of RFC 6243."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from nc.pace import Pace
from nc.schema.evaluator import Evaluator
from nc.schema.node import SchemaNode
from nc.schema.tree import Names, add
from nc.xml import DEFAULT_ATTRIBUTE, Element, elements, qname

_DEFAULT: Final = qname(DEFAULT_ATTRIBUTE, "default")


class Defaults:
    """Adds and removes default values.

    names: of the schema.
    """

    def __init__(self, names: Names, evaluator: Evaluator) -> None:
        top = names.top
        self._names = names
        self._top = top
        self._evaluator = evaluator
        self._pace = Pace()
        self._conditional = {node for child in top.values() for node in (child, *child.descendants()) if node.whens}
        self._concerned: set[SchemaNode] = set()
        """Nodes with a default value, or something with one below."""
        for node in top.values():
            _collect(node, self._concerned)

    def fill(self, tree: Element, *, tag: bool = False) -> None:
        """Add the default values that are in use (RFC 7950, 7.6.1 and 7.7.2) to a tree.

        State is completed where its parent is there; no containers of state come into being.
        tag: mark what was added (RFC 6243, section 6).
        """
        filler = self._fill(tree)
        for container in reversed(filler.containers):
            if len(container) == 0:
                remove(container)
        if tag:
            for leaf in filler.leafs:
                leaf.set(_DEFAULT, "true")

    def not_allowed(self, tree: Element) -> list[Element]:
        """Return the elements of a tree whose "when" is not met; nothing of the tree changes by that."""
        tags = {node.qname for node in self._conditional}
        pairs = [(element, self._names.node(element)) for element in (tree.iter(*tags) if tags else ())]
        instances = [(element, node) for element, node in pairs if node in self._conditional]
        if not instances:
            return []
        # Conditions see default values too (RFC 7950, 6.4.1), so these are there for a moment.
        filler = self._fill(tree)
        wrong = [element for element, node in instances if node is not None and not self._allows(node, element, tree)]
        for added in (*filler.leafs, *reversed(filler.containers)):
            if added.getparent() is not None:
                remove(added)
        return wrong

    def trim(self, tree: Element) -> None:
        """Take away the leafs that have their default value (RFC 6243, 3.2), and containers that this leaves empty."""
        _Trimmer(self._concerned).trim(tree, self._top)

    def _fill(self, tree: Element) -> _Filler:
        filler = _Filler(self._concerned)
        filler.fill(tree, self._top, config=True)
        self._drop_false(filler.conditional, tree)
        return filler

    def _allows(self, node: SchemaNode, element: Element, tree: Element) -> bool:
        return all(self._evaluator.holds(when, element, tree) for when in node.whens)

    def _drop_false(self, conditional: list[tuple[Element, SchemaNode]], tree: Element) -> None:
        """Take away what a "when" does not let exist; that may make other ones false."""
        while True:
            allowed = []
            for element, node in conditional:
                self._pace.step()
                if self._allows(node, element, tree):
                    allowed.append((element, node))
                elif element.getparent() is not None:
                    remove(element)
            if len(allowed) == len(conditional):
                return
            conditional = allowed


class _Filler:
    """Adds defaults, and remembers what it has added.

    leafs: what was added. containers: those made to hold it. conditional: of both, those with a "when".
    """

    def __init__(self, concerned: set[SchemaNode]) -> None:
        self._concerned = concerned
        self._pace = Pace()
        self.leafs: list[Element] = []
        self.containers: list[Element] = []
        self.conditional: list[tuple[Element, SchemaNode]] = []

    def fill(self, parent: Element, nodes: Mapping[str, SchemaNode], *, config: bool) -> None:
        """Complete an element; config is that of its node."""
        self._pace.step()
        present: set[str] = set()
        cases: dict[str, str] = {}
        for child in elements(parent):
            node = nodes.get(child.tag)
            if node is None:
                continue
            present.add(child.tag)
            cases.update((choice.qname, case) for choice, case in node.choices)
            if node in self._concerned and node.type is None:
                self.fill(child, node.children, config=node.config)
        for node in nodes.values():
            if node not in self._concerned or node.qname in present or (config and not node.config):
                continue
            if is_in_use(node, cases):
                self._add(parent, node)

    def _add(self, parent: Element, node: SchemaNode) -> None:
        made: list[Element] = []
        if node.type is not None:
            made = [add(parent, node, value) for value in node.defaults]
            self.leafs += made
        elif node.kind == "container" and not node.presence:
            container = add(parent, node)
            made = [container]
            self.containers.append(container)
            self.fill(container, node.children, config=node.config)
        if node.whens:
            self.conditional += [(element, node) for element in made]


class _Trimmer:
    def __init__(self, concerned: set[SchemaNode]) -> None:
        self._concerned = concerned
        self._pace = Pace()

    def trim(self, parent: Element, nodes: Mapping[str, SchemaNode]) -> None:
        """Trim what is below an element."""
        self._pace.step()
        found: dict[SchemaNode, list[Element]] = {}
        for child in elements(parent):
            node = nodes.get(child.tag)
            if node in self._concerned:
                found.setdefault(node, []).append(child)
        for node, instances in found.items():
            if node.type is not None:
                if [leaf.text or "" for leaf in instances] == [value.text for value in node.defaults]:
                    for leaf in instances:
                        remove(leaf)
                continue
            for child in instances:
                before = len(child)
                self.trim(child, node.children)
                if before and len(child) == 0 and node.kind == "container" and not node.presence:
                    remove(child)


def is_in_use(node: SchemaNode, cases: Mapping[str, str]) -> bool:
    """Tell whether defaults of a node apply among siblings of those cases, by choice (RFC 7950, 7.9.3)."""
    return all(cases.get(choice.qname, choice.default) == case for choice, case in node.choices)


def remove(element: Element) -> None:
    """Take an element out of its tree."""
    parent = element.getparent()
    assert parent is not None
    parent.remove(element)


def _collect(node: SchemaNode, concerned: set[SchemaNode]) -> bool:
    below = [_collect(child, concerned) for child in node.children.values()]
    if node.defaults or any(below):
        concerned.add(node)
        return True
    return False
