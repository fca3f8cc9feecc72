"""Evaluating XPath on data trees, with the functions of RFC 7950, section 10."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from lxml import etree

from nc.schema.instance import InstanceIdentifierType, find, parse_xml
from nc.schema.node import Condition, SchemaNode
from nc.schema.patterns import Pattern
from nc.schema.reftypes import Identity, LeafrefType
from nc.schema.tree import Names
from nc.schema.types import BitsType, EnumerationType
from nc.schema.xpath import XPathError, at_root
from nc.xml import Element

_NOT_A_NUMBER: Final = math.nan
_MOST_CACHED: Final = 1000


class Evaluator:
    """Evaluates expressions; one at a time, and none of them waits for anything.

    identities: of the schema, by (module, name).
    """

    def __init__(self, names: Names, identities: Mapping[tuple[str, str], Identity]) -> None:
        self._names = names
        self._identities = {(entry.namespace, entry.name): entry for entry in identities.values()}
        self._scope = {prefix: namespace for namespace, prefix in names.prefixes.items()}
        self._namespaces: Mapping[str, str] = {}
        self._current: Element | None = None
        self._root: Element | None = None
        self._functions: dict[tuple[str | None, str], Callable[..., Any]] = {
            (None, "current"): self._do_current,
            (None, "deref"): self._do_deref,
            (None, "re-match"): self._do_re_match,
            (None, "derived-from"): self._do_derived_from,
            (None, "derived-from-or-self"): self._do_derived_from_or_self,
            (None, "enum-value"): self._do_enum_value,
            (None, "bit-is-set"): self._do_bit_is_set,
        }
        self._compile = lru_cache(_MOST_CACHED)(self._compile_expression)

    def holds(self, condition: Condition, element: Element, root: Element) -> bool:
        """Tell whether a condition is true for an element of a tree."""
        for _ in range(condition.above):
            parent = element.getparent()
            assert parent is not None
            element = parent
        expression = f"boolean({condition.expression})"
        return bool(self.evaluate(expression, condition.namespaces, element, root))

    def evaluate(self, expression: str, namespaces: Mapping[str, str], element: Element, root: Element) -> object:
        """Return what an expression is: a list of nodes, a string, a number or a truth value.

        element: the context node. root: the <data> element that stands for XPath's root node.
        Raises XPathError.
        """
        before = self._namespaces, self._current, self._root
        self._namespaces, self._current, self._root = namespaces, element, root
        try:
            compiled = self._compile(expression, tuple(namespaces.items()))
            result: object = compiled(element, root=[root])
        except etree.XPathError as error:
            raise XPathError(f"the XPath expression cannot be evaluated: {error}") from error
        finally:
            self._namespaces, self._current, self._root = before
        return result

    def _compile_expression(self, expression: str, namespaces: tuple[tuple[str, str], ...]) -> etree.XPath:
        return etree.XPath(
            at_root(expression), namespaces=dict(namespaces), extensions=self._functions, smart_strings=True
        )

    def _do_current(self, _: object) -> list[Element]:
        assert self._current is not None
        return [self._current]

    def _do_deref(self, _: object, nodes: list[Element]) -> list[Element]:
        """RFC 7950, 10.3.1."""
        if not nodes:
            return []
        element, root = nodes[0], self._root
        node = self._names.node(element)
        assert root is not None
        if node is not None and isinstance(node.type, LeafrefType) and node.type.path is not None:
            path = node.type.path
            found = self.evaluate(path.expression, path.namespaces, element, root)
            return [target for target in found if target.text == element.text] if isinstance(found, list) else []
        if node is not None and isinstance(node.type, InstanceIdentifierType):
            target = find(root, parse_xml(element.text or "", self._scope))
            return [] if target is None else [target]
        return []

    def _do_re_match(self, _: object, subject: object, pattern: object) -> bool:
        """RFC 7950, 10.2.1."""
        try:
            return Pattern(_string(pattern)).matches(_string(subject))
        except (etree.XMLSchemaParseError, ValueError) as error:
            raise XPathError(f"re-match cannot use its pattern: {error}") from error

    def _do_derived_from(self, _: object, nodes: list[Element], name: object) -> bool:
        """RFC 7950, 10.4.1."""
        return any(self._is_derived(element, _string(name), itself=False) for element in nodes)

    def _do_derived_from_or_self(self, _: object, nodes: list[Element], name: object) -> bool:
        """RFC 7950, 10.4.2."""
        return any(self._is_derived(element, _string(name), itself=True) for element in nodes)

    def _is_derived(self, element: Element, name: str, *, itself: bool) -> bool:
        identity = self._identity(element.text or "", self._scope, element)
        base = self._identity(name, self._namespaces, self._current)
        if identity is None or base is None:
            return False
        return (base.module, base.name) in identity.bases or (itself and identity == base)

    def _identity(self, text: str, namespaces: Mapping[Any, str], element: Element | None) -> Identity | None:
        prefix, _, name = text.strip().rpartition(":")
        if prefix:
            return self._identities.get((namespaces.get(prefix, ""), name))
        node = None if element is None else self._names.node(element)
        return self._identities.get((node.namespace if node else "", name))

    def _do_enum_value(self, _: object, nodes: list[Element]) -> float:
        """RFC 7950, 10.5.1."""
        node = self._first(nodes)
        if node is not None and isinstance(node.type, EnumerationType):
            return float(node.type.values.get(nodes[0].text or "", _NOT_A_NUMBER))
        return _NOT_A_NUMBER

    def _do_bit_is_set(self, _: object, nodes: list[Element], bit: object) -> bool:
        """RFC 7950, 10.6.1."""
        node = self._first(nodes)
        return node is not None and isinstance(node.type, BitsType) and _string(bit) in (nodes[0].text or "").split()

    def _first(self, nodes: list[Element]) -> SchemaNode | None:
        return self._names.node(nodes[0]) if nodes else None


def _string(value: object) -> str:
    """XPath 1.0, 4.2, string()."""
    if isinstance(value, list):
        return str(value[0].xpath("string()")) if value and isinstance(value[0], etree._Element) else "".join(value[:1])
    return str(value)
