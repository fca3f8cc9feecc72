"""Filters of get, get-config, get-data and notifications: subtree (RFC 6241, section 6) and XPath (section 8.9.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from nc.errors import RpcErrors, invalid_value
from nc.schema import Schema
from nc.schema.xpath import XPathError
from nc.selection import Selection, select_config
from nc.subtree import SubtreeRule
from nc.want import EVERYTHING, Want
from nc.xml import Element
from nc.xpathfilter import XPathRule

__all__ = ["EVERYTHING", "Filter", "Want", "filter_config"]


class _Rule(Protocol):
    """One of the two kinds of filter."""

    def select(self, schema: Schema, tree: Element, selection: Selection) -> None:
        """Add what the filter selects. Raises RpcErrors."""

    def want(self, schema: Schema) -> Want:
        """Return what is wanted of the top-level nodes."""


class Filter:
    """What a request selects of a data tree."""

    def __init__(self, rule: _Rule) -> None:
        """Take one of the two kinds of filter; see subtree() and xpath()."""
        self._rule = rule

    @classmethod
    def subtree(cls, element: Element) -> Filter:
        """Return the filter of a <filter type="subtree"> or <subtree-filter> element."""
        return cls(SubtreeRule(element))

    @classmethod
    def xpath(cls, expression: str, namespaces: Mapping[str, str]) -> Filter:
        """Return the filter of an XPath 1.0 expression, with the namespaces in scope where it stands.

        Raises RpcErrors where it is none.
        """
        try:
            return cls(XPathRule(expression, namespaces))
        except XPathError as error:
            raise RpcErrors([invalid_value(str(error), type_="protocol")]) from error

    def apply(self, schema: Schema, tree: Element, *, max_depth: int | None = None) -> Element:
        """Return a new tree with what is selected of a tree, its ancestors and the keys of list entries.

        max_depth: of each selected subtree, how many levels are returned, the selected node being one (RFC 8526,
        max-depth); None or 0 are all. The keys of a list entry always come with it.
        Raises RpcErrors, for example when an expression is not a node-set or takes too long.
        """
        selection = Selection(tree)
        self._rule.select(schema, tree, selection)
        return selection.build(schema.top, max_depth or None)

    def want(self, schema: Schema) -> Want:
        """Return what is wanted of the top-level nodes, as the children of one Want."""
        return self._rule.want(schema)


def filter_config(schema: Schema, tree: Element, *, config: bool) -> Element:
    """Return a new tree of the nodes whose "config" is as given, ancestors and keys (RFC 8526, config-filter)."""
    return select_config(tree, schema.top, config=config)
