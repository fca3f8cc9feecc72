"""The XPath filter of RFC 6241, section 8.9.5, and RFC 8526, xpath-filter.

Most expressions are plain: paths of names with predicates that compare children with texts. These are followed right
here, giving way to others. All other ones are evaluated in a process that can be ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nc.pace import Pace
from nc.schema import Schema, SchemaNode
from nc.schema.xpath import Token, XPathError, tokens
from nc.selection import Selection
from nc.want import EVERYTHING, Want
from nc.xml import Element, local_name, namespace_of, qname


@dataclass(frozen=True, slots=True)
class PlainStep:
    """A step of a plain path.

    tag: lxml name, which may have "*" for its namespace and name. values: what children have to be, by lxml name.
    """

    tag: str
    values: tuple[tuple[str, str], ...] = ()


class XPathRule:
    """Selects what an expression selects.

    Raises XPathError where the expression cannot be one.
    """

    def __init__(self, expression: str, namespaces: Mapping[str, str]) -> None:
        self._expression = expression
        self._namespaces = dict(namespaces)
        self._paths = plain_paths(expression, namespaces)

    def select(self, schema: Schema, tree: Element, selection: Selection) -> None:
        """Add what the expression selects."""
        if self._paths is None:
            for element in schema.select(tree, self._expression, self._namespaces):
                selection.add(element)
            return
        pace = Pace()
        for path in self._paths:
            _follow(tree, path, schema.top, selection, pace)

    def want(self, schema: Schema) -> Want:
        """Return what is wanted of the top-level nodes; everything, where that is hard to tell."""
        if self._paths is None or () in self._paths:
            return EVERYTHING
        children: dict[str, tuple[Want, ...]] = {}
        for path in self._paths:
            for tag, wants in _want(path, schema.top).items():
                children[tag] = (*children.get(tag, ()), *wants)
        return Want(children=children)


def _follow(
    data: Element, path: Sequence[PlainStep], nodes: Mapping[str, SchemaNode], selection: Selection, pace: Pace
) -> None:
    if not path:
        selection.add(data)
        return
    step = path[0]
    for child in data.iterchildren(step.tag):
        pace.step()
        if all(
            any(leaf.text == value or not (leaf.text or value) for leaf in child.iterchildren(tag))
            for tag, value in step.values
        ):
            node = nodes.get(child.tag)
            _follow(child, path[1:], {} if node is None else node.children, selection, pace)


def _want(path: Sequence[PlainStep], nodes: Mapping[str, SchemaNode]) -> dict[str, tuple[Want, ...]]:
    step, rest = path[0], path[1:]
    wants: dict[str, tuple[Want, ...]] = {}
    for node in nodes.values():
        if not _names(step.tag, node):
            continue
        keys = {tag: value for tag, value in step.values if tag in node.keys}
        if not rest:
            wants[node.qname] = (Want(all=True, keys=keys),)
            continue
        children = dict(_want(rest, node.children))
        for tag, _ in step.values:
            children[tag] = (EVERYTHING,)
        wants[node.qname] = (Want(keys=keys, children=children),)
    return wants


def _names(tag: str, node: SchemaNode) -> bool:
    return namespace_of(tag) in {"*", node.namespace} and local_name(tag) in {"*", node.name}


def plain_paths(expression: str, namespaces: Mapping[str, str]) -> list[tuple[PlainStep, ...]] | None:
    """Return the paths of a plain expression; None for any other one.

    Raises XPathError where the expression has no XPath tokens, or a prefix without namespace.
    """
    given = [token for token in tokens(expression) if token.kind != "space"]
    parser = _PlainParser(given, namespaces)
    paths = [parser.path()]
    while parser.take("|"):
        paths.append(parser.path())
    found = [path for path in paths if path is not None]
    return found if len(found) == len(paths) and parser.at_end() else None


class _PlainParser:
    """Reads plain paths: /a:b/c:*[d:e='text'][...]/... and "/"."""

    def __init__(self, given: Sequence[Token], namespaces: Mapping[str, str]) -> None:
        self._given = given
        self._at = 0
        self._namespaces = namespaces
        for token in given:
            if token.kind == "name" and ":" in token.text:
                self._name(token.text)

    def at_end(self) -> bool:
        """Tell whether everything has been read."""
        return self._at == len(self._given)

    def take(self, text: str) -> bool:
        """Go past a token, if it is that one."""
        if not self.at_end() and self._given[self._at].text == text and self._given[self._at].kind != "literal":
            self._at += 1
            return True
        return False

    def path(self) -> tuple[PlainStep, ...] | None:
        """Read one path; None where it is not plain."""
        steps: list[PlainStep] = []
        # The context node is the root (RFC 6241, 8.9.5), so that a path may as well begin without "/".
        if self.take("/") and (self.at_end() or self._given[self._at].text == "|"):
            return ()
        while True:
            tag = self._tag()
            if tag is None:
                return None
            values = []
            while self.take("["):
                value = self._predicate()
                if value is None:
                    return None
                values.append(value)
            steps.append(PlainStep(tag, tuple(values)))
            if not self.take("/"):
                return tuple(steps)

    def _tag(self) -> str | None:
        if self.take("*"):
            return "{*}*"
        if self.at_end() or self._given[self._at].kind != "name":
            return None
        self._at += 1
        return self._name(self._given[self._at - 1].text)

    def _predicate(self) -> tuple[str, str] | None:
        tag = self._tag()
        if tag is None or "*" in tag or not self.take("=") or self.at_end():
            return None
        token = self._given[self._at]
        self._at += 1
        return (tag, token.text[1:-1]) if token.kind == "literal" and self.take("]") else None

    def _name(self, text: str) -> str:
        prefix, _, name = text.rpartition(":")
        if not prefix:
            # XPath 1.0, 2.3: no namespace, so no data node has that name.
            return qname("", name)
        if prefix not in self._namespaces:
            raise XPathError(f"the prefix '{prefix}' has no namespace")
        return qname(self._namespaces[prefix], name)
