"""Reading data trees that somebody else wrote: what is known there, what is canonical, and what is wrong where."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from itertools import count, islice
from typing import Final, cast

from lxml import etree

from nc.errors import (
    ErrorList,
    InstancePath,
    RpcError,
    bad_element,
    data_exists,
    invalid_value,
    missing_element,
    unknown_element,
    unknown_namespace,
)
from nc.pace import Pace
from nc.schema.instance import Step, write_xml
from nc.schema.node import SchemaNode, Value
from nc.schema.types import ConstraintError
from nc.xml import DATA, NC, NMDA, YANG, Element, elements, local_name, namespace_of, qname

_ROOTS: Final = frozenset({DATA, qname(NC, "config"), qname(NMDA, "config"), qname(YANG, "action")})
"""Elements whose children are top-level data nodes."""


class Names:
    """The names of a schema, as paths and elements need them.

    prefixes: by namespace.
    """

    def __init__(self, top: Mapping[str, SchemaNode], prefixes: Mapping[str, str]) -> None:
        self.top: Final = top
        self.prefixes: Final = prefixes

    def knows(self, tag: str) -> bool:
        """Tell whether an lxml name is in a namespace of the schema."""
        return namespace_of(tag) in self.prefixes

    def node(self, element: Element) -> SchemaNode | None:
        """Return the node that an element of a data tree is an instance of; None for the root and unknown ones."""
        children, node = self.top, None
        for part in _from_root(element, None):
            node = children.get(part.tag)
            if node is None:
                return None
            children = node.children
        return node

    def path(self, element: Element, root: Element | None = None) -> InstancePath:
        """Return the path of an element.

        root: the element that stands for the root; None is the nearest that is known as one, or the uppermost.
        """
        children: Mapping[str, SchemaNode] = self.top
        steps = []
        for part in _from_root(element, root):
            node = children.get(part.tag)
            steps.append(step_of(part, node))
            children = {} if node is None else node.children
        return self.write(steps)

    def write(self, steps: Sequence[Step]) -> InstancePath:
        """Return a path as text; namespaces that the schema does not know get a prefix as well."""
        prefixes = dict(self.prefixes)
        for step in steps:
            if namespace_of(step.tag) not in prefixes:
                prefixes[namespace_of(step.tag)] = _unused(prefixes.values())
        value = write_xml(steps, prefixes)
        return InstancePath(value.text, {prefix: name for prefix, name in value.namespaces.items() if name})


def _unused(prefixes: Collection[str]) -> str:
    """Return a prefix for a namespace that the schema does not know."""
    candidates = (f"x{number or ''}" for number in count())
    return next(candidate for candidate in candidates if candidate not in prefixes)


def _from_root(element: Element, root: Element | None) -> list[Element]:
    """Return the elements on the way from the root, without it, to an element."""
    chain = []
    at: Element | None = element
    while at is not None and at is not root and (root is not None or at.tag not in _ROOTS):
        chain.append(at)
        at = at.getparent()
    if at is None:
        chain.pop()
    return chain[::-1]


def step_of(element: Element, node: SchemaNode | None) -> Step:
    """Return the step to an element, with the keys that it has."""
    if node is None or not node.is_list:
        return Step(element.tag)
    if node.kind == "leaf-list":
        if node.config:
            return Step(element.tag, ((".", element.text or ""),))
    elif node.keys:
        found = ((key, element.find(key)) for key in node.keys)
        return Step(element.tag, tuple((key, leaf.text or "") for key, leaf in found if leaf is not None))
    return Step(element.tag, position=1 + sum(1 for _ in element.itersiblings(element.tag, preceding=True)))


def add(parent: Element, node: SchemaNode, value: Value | None = None) -> Element:
    """Append an element for a node to a data tree; a value brings the namespaces that it needs."""
    namespaces: dict[str, str] = {}
    if namespace_of(parent.tag) != node.namespace:
        namespaces[node.prefix] = node.namespace
    if value is None:
        return etree.SubElement(parent, node.qname, nsmap=namespaces)
    # The prefix of the leaf's own name is in scope anyway.
    namespaces.update((prefix, name) for prefix, name in value.namespaces.items() if prefix != node.prefix)
    element = etree.SubElement(parent, node.qname, nsmap=namespaces)
    element.text = value.text
    return element


class Reader:
    """Makes canonical data trees of others, and remembers everything that was wrong with them.

    lines: errors get the lines that elements stood on.
    root: the element whose children are top-level nodes, where that cannot be seen from its name.
    errors: what was found so far.
    """

    def __init__(self, names: Names, *, lines: bool = False, root: Element | None = None) -> None:
        self._names = names
        self._lines = lines
        self._root = root
        self._pace = Pace()
        self.errors: Final = ErrorList()

    def children(
        self, source: Element, target: Element, nodes: Mapping[str, SchemaNode], keys: Sequence[str] = ()
    ) -> None:
        """Copy the children of an element that are instances of nodes, in canonical form; keys are there already."""
        seen: set[object] = set()
        cases: dict[str, str] = {}
        for child in elements(source):
            node = self.known(child, nodes)
            if node is None:
                continue
            self.one_case(child, node, cases)
            if child.tag in keys:
                identity: object = child.tag
            else:
                made = self._copy(child, target, node)
                identity = None if made is None else _identity(made, node)
            if identity is not None and identity in seen:
                wrong = data_exists if node.is_list else partial(bad_element, child.tag)
                self.note(wrong(f"'{node.name}' is there twice", self.path(child)), child)
            seen.add(identity)

    def path(self, element: Element) -> InstancePath:
        """Return the path of an element for an error."""
        return self._names.path(element, self._root)

    def known(self, element: Element, nodes: Mapping[str, SchemaNode]) -> SchemaNode | None:
        """Return the node of an element; without one, note so."""
        self._pace.step()
        node = nodes.get(element.tag)
        if node is None:
            wrong = unknown_element if self._names.knows(element.tag) else unknown_namespace
            self.note(wrong(element.tag, self.path(element)), element)
        return node

    def one_case(self, element: Element, node: SchemaNode, cases: dict[str, str]) -> None:
        """Note where two cases of a choice are there (RFC 7950, 8.3.1); cases are those of its siblings so far."""
        for choice, case in node.choices:
            if cases.setdefault(choice.qname, case) != case:
                message = f"the cases '{cases[choice.qname]}' and '{case}' of '{choice.name}' exclude each other"
                self.note(bad_element(element.tag, message, self.path(element)), element)

    def value(self, element: Element, node: SchemaNode) -> Value | None:
        """Return the canonical value of a leaf; note what is wrong with it, if something is."""
        assert node.type is not None
        if len(element):
            message = f"'{node.name}' has a value, not elements"
            self.note(bad_element(element.tag, message, self.path(element)), element)
            return None
        try:
            return node.type.parse(element.text or "", element.nsmap)
        except ConstraintError as error:
            self.note(invalid_value(str(error), self.path(element), app_tag=error.app_tag), element)
        except ValueError as error:
            self.note(invalid_value(str(error), self.path(element)), element)
        return None

    def keys(self, element: Element, node: SchemaNode) -> tuple[Value, ...] | None:
        """Return the canonical keys of a list entry; note what is missing or wrong (RFC 7950, 8.3.1)."""
        values: list[Value] = []
        for key in node.keys:
            leaf = element.find(key)
            if leaf is None:
                message = f"the key '{local_name(key)}' is missing"
                self.note(missing_element(key, self.path(element), message=message), element)
                continue
            value = self.value(leaf, node.children[key])
            if value is not None:
                values.append(value)
        return tuple(values) if len(values) == len(node.keys) else None

    def note(self, error: RpcError, element: Element) -> None:
        """Remember an error, with the line of an element."""
        if self._lines:
            error.line = cast("int | None", element.sourceline)
        self.errors.add(error)

    def _copy(self, element: Element, target: Element, node: SchemaNode) -> Element | None:
        if node.is_leaf:
            value = self.value(element, node)
            return None if value is None else add(target, node, value)
        if node.kind in {"anydata", "anyxml"}:
            return add_any(target, element)
        if not _is_blank(element):
            message = f"'{node.name}' has elements, not a value"
            self.note(bad_element(element.tag, message, self.path(element)), element)
            return None
        keys: tuple[Value, ...] | None = ()
        if node.keys:
            keys = self.keys(element, node)
            if keys is None:
                return None
        made = add(target, node)
        for key, value in zip(node.keys, keys or (), strict=True):
            add(made, node.children[key], value)
        self.children(element, made, node.children, node.keys)
        return made


def add_any(target: Element, element: Element) -> Element:
    """Append a copy of an anydata or anyxml element with the namespaces in scope, which its content may need."""
    # lxml's own copy would lose namespaces that only content uses, so it is written and read.
    made = etree.fromstring(etree.tostring(element, with_tail=False))
    target.append(made)
    return made


def _identity(element: Element, node: SchemaNode) -> object:
    """Return what can be there only once among siblings; None where anything may repeat."""
    match node.kind:
        case "leaf-list":
            return (node.qname, element.text) if node.config else None
        case "list":
            return (node.qname, *(leaf.text for leaf in islice(element, len(node.keys)))) if node.keys else None
    return node.qname


def _is_blank(element: Element) -> bool:
    texts = [element.text, *(child.tail for child in element)]
    return not any(text and text.strip() for text in texts)
