"""Checking the input of RPCs and actions (RFC 7950, 7.14 and 7.15)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from nc.errors import (
    MISSING_CHOICE,
    MUST_VIOLATION,
    TOO_FEW,
    TOO_MANY,
    RpcErrors,
    bad_element,
    data_exists,
    missing_element,
    operation_failed,
    operation_not_supported,
    unknown_element,
)
from nc.schema.defaults import is_in_use, remove
from nc.schema.evaluator import Evaluator
from nc.schema.node import Condition, SchemaNode
from nc.schema.tree import Names, Reader, add
from nc.xml import Element, elements, local_name

_ANY: Final = frozenset({"anydata", "anyxml"})


class OperationChecker:
    """Checks inputs.

    rpcs: by lxml name.
    """

    def __init__(self, names: Names, rpcs: Mapping[str, SchemaNode], evaluator: Evaluator) -> None:
        self._names = names
        self._rpcs = rpcs
        self._evaluator = evaluator

    def check(self, element: Element) -> Element:
        """Check an input where it is; see Schema.check_operation()."""
        node = self._operation(element)
        if node is None:
            raise RpcErrors([operation_not_supported(f"there is no operation '{local_name(element.tag)}'")])
        check = _Check(self._names, self._evaluator, element)
        check.input(element, node.input.children)
        check.errors.raise_any()
        check.musts(element, node.input)
        check.conditions(element, node.input.children)
        check.errors.raise_any()
        return element

    def _operation(self, element: Element) -> SchemaNode | None:
        rpc = self._rpcs.get(element.tag)
        parent = element.getparent()
        if rpc is not None or parent is None:
            return rpc
        place = self._names.node(parent)
        return None if place is None else place.actions.get(element.tag)


class _Check(Reader):
    """Checks what is below an input, and changes it into canonical form where it is."""

    def __init__(self, names: Names, evaluator: Evaluator, element: Element) -> None:
        super().__init__(names)
        self._evaluator = evaluator
        parent = element.getparent()
        self._top = element if parent is None else parent

    def input(self, parent: Element, nodes: Mapping[str, SchemaNode]) -> None:
        """Check the children of an element, and add the defaults of those that are absent."""
        found: dict[str, int] = {}
        seen: set[tuple[str, ...]] = set()
        cases: dict[str, str] = {}
        for child in elements(parent):
            node = self.known(child, nodes)
            if node is None:
                continue
            self.one_case(child, node, cases)
            found[node.qname] = found.get(node.qname, 0) + 1
            if found[node.qname] > 1 and not node.is_list:
                self.note(bad_element(child.tag, f"'{node.name}' is there twice", self.path(child)), child)
            identity = self._one(child, node)
            if identity is not None and identity in seen:
                self.note(data_exists(f"'{node.name}' is there twice", self.path(child)), child)
            if identity is not None:
                seen.add(identity)
        for node in nodes.values():
            self._count(parent, node, found.get(node.qname, 0))
            if node.qname not in found:
                self._absent(parent, node, cases)
        self._choices(parent, nodes, cases)

    def conditions(self, parent: Element, nodes: Mapping[str, SchemaNode]) -> None:
        """Check "when" and "must" of what is below an element."""
        for child in list(elements(parent)):
            node = nodes[child.tag]
            if not self._holds(node.whens, child):
                message = f"'{node.name}' is not allowed here: its condition is not met"
                self.note(unknown_element(child.tag, self.path(child), message=message), child)
            self.musts(child, node)
            if node.type is None and node.kind not in _ANY:
                self.conditions(child, node.children)

    def musts(self, element: Element, node: SchemaNode) -> None:
        """Check the "must" statements of a node; those of an input are about the operation's element."""
        for must in node.musts:
            if not self._holds((must,), element):
                message = must.message or f"the condition '{must.expression}' is not met"
                app_tag = must.app_tag or MUST_VIOLATION
                self.note(operation_failed(message, self.path(element), app_tag=app_tag), element)

    def _one(self, element: Element, node: SchemaNode) -> tuple[str, ...] | None:
        """Check one element; return what makes a list entry the only one of its kind."""
        if node.kind in _ANY:
            return None
        if node.type is not None:
            value = self.value(element, node)
            if value is None:
                return None
            element.text = value.text
            return (node.qname, value.text) if node.kind == "leaf-list" else None
        keys = self.keys(element, node) if node.keys else None
        self.input(element, node.children)
        return None if keys is None else (node.qname, *(key.text for key in keys))

    def _count(self, parent: Element, node: SchemaNode, count: int) -> None:
        if node.is_list and count < node.min_elements:
            self._failed(f"there have to be at least {node.min_elements} of '{node.name}'", parent, TOO_FEW)
        if node.max_elements is not None and count > node.max_elements:
            self._failed(f"there may be at most {node.max_elements} of '{node.name}'", parent, TOO_MANY)

    def _absent(self, parent: Element, node: SchemaNode, cases: Mapping[str, str]) -> None:
        chosen = all(cases.get(choice.qname) == case for choice, case in node.choices)
        if node.mandatory and chosen and node.kind != "list" and self._applies(parent, node):
            self.note(missing_element(node.qname, self.path(parent)), parent)
        elif node.defaults and is_in_use(node, cases) and self._applies(parent, node):
            for value in node.defaults:
                add(parent, node, value)
        elif node.kind == "container" and not node.presence and chosen and self._applies(parent, node):
            container = add(parent, node)
            self.input(container, node.children)
            if len(container) == 0:
                remove(container)

    def _choices(self, parent: Element, nodes: Mapping[str, SchemaNode], cases: Mapping[str, str]) -> None:
        missing = {
            choice.qname: choice
            for node in nodes.values()
            for number, (choice, _) in enumerate(node.choices)
            if choice.mandatory
            and choice.qname not in cases
            and all(cases.get(outer.qname) == case for outer, case in node.choices[:number])
        }
        for tag, choice in missing.items():
            names = [node.name for node in nodes.values() if choice in (found for found, _ in node.choices)]
            message = f"one of {', '.join(names)} has to be there"
            self.note(missing_element(tag, self.path(parent), message=message, app_tag=MISSING_CHOICE), parent)

    def _applies(self, parent: Element, node: SchemaNode) -> bool:
        """Tell whether a node that is absent could be there (RFC 7950, 7.21.5: with a dummy in its place)."""
        if not node.whens:
            return True
        dummy = add(parent, node)
        applies = self._holds(node.whens, dummy)
        remove(dummy)
        return applies

    def _holds(self, conditions: tuple[Condition, ...], element: Element) -> bool:
        return all(self._evaluator.holds(condition, element, self._top) for condition in conditions)

    def _failed(self, message: str, element: Element, app_tag: str) -> None:
        self.note(operation_failed(message, self.path(element), app_tag=app_tag), element)
