"""The subtree filter of RFC 6241, section 6."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nc.pace import Pace
from nc.schema import Schema, SchemaNode
from nc.selection import Selection
from nc.want import EVERYTHING, Want
from nc.xml import Element, elements, local_name, namespace_of


class SubtreeRule:
    """Selects by example.

    element: the <filter> or <subtree-filter>; it stands for the root of the tree.
    """

    def __init__(self, element: Element) -> None:
        self._element = element

    def select(self, schema: Schema, tree: Element, selection: Selection) -> None:
        """Add what the filter selects; an empty one selects nothing (RFC 6241, 6.4.2)."""
        if len(self._element):
            _Selector(selection).siblings(self._element, tree, schema.top)

    def want(self, schema: Schema) -> Want:
        """Return what is wanted of the top-level nodes."""
        if len(self._element) == 0:
            return Want()
        return _want(self._element, None, schema.top)


class _Selector:
    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._pace = Pace()

    def siblings(self, example: Element, data: Element, nodes: Mapping[str, SchemaNode]) -> bool:
        """Select below an element what the children of a containment node ask for; tell whether that was anything."""
        matched: list[Element] = []
        others: list[Element] = []
        for child in elements(example):
            if not _is_content_match(child):
                others.append(child)
                continue
            # RFC 6241, 6.2.5: all of the content match nodes have to match, or nothing is selected.
            instance = next((leaf for leaf in _instances(child, data) if _has_value(child, leaf, nodes)), None)
            if instance is None:
                return False
            matched.append(instance)
        if not others:
            self._selection.add(data)
            return True
        for leaf in matched:
            self._selection.add(leaf)
        found = [self._one(child, data, nodes) for child in others]
        return bool(matched) or any(found)

    def _one(self, example: Element, data: Element, nodes: Mapping[str, SchemaNode]) -> bool:
        """Select what a containment or selection node asks for among the children of an element."""
        found = False
        for instance in _instances(example, data):
            self._pace.step()
            if len(example) == 0:
                self._selection.add(instance)
                found = True
            else:
                node = nodes.get(instance.tag)
                found = self.siblings(example, instance, {} if node is None else node.children) or found
        return found


def _is_content_match(example: Element) -> bool:
    """RFC 6241, 6.2.5: a leaf of the filter with a text; white space is none."""
    return len(example) == 0 and bool((example.text or "").strip())


def _instances(example: Element, data: Element) -> Iterator[Element]:
    """Go through the children with the name and the attributes of a filter node (RFC 6241, 6.2.1 and 6.2.2)."""
    tag = example.tag if namespace_of(example.tag) else f"{{*}}{local_name(example.tag)}"
    wanted = example.attrib
    for child in data.iterchildren(tag):
        if all(child.get(name) == value for name, value in wanted.items()):
            yield child


def _has_value(example: Element, leaf: Element, nodes: Mapping[str, SchemaNode]) -> bool:
    return leaf.text == _canonical(example, nodes.get(leaf.tag))


def _canonical(example: Element, node: SchemaNode | None) -> str:
    """Return the text of a content match node as the tree would have it; white space around it does not count."""
    text = (example.text or "").strip()
    if node is None or node.type is None:
        return text
    try:
        return node.type.parse(text, example.nsmap).text
    except ValueError:
        # Not a value that the leaf could have: nothing matches it.
        return text


def _want(example: Element, node: SchemaNode | None, nodes: Mapping[str, SchemaNode]) -> Want:
    """Return what is wanted of a node's instances by the children of a filter node."""
    content = [child for child in elements(example) if _is_content_match(child)]
    others = [child for child in elements(example) if not _is_content_match(child)]
    keys = {}
    for child in content:
        if node is not None and child.tag in node.keys:
            keys[child.tag] = _canonical(child, nodes[child.tag])
    if not others:
        return Want(all=True, keys=keys)
    children: dict[str, tuple[Want, ...]] = {}
    for child in (*content, *others):
        for found in _nodes(child, nodes):
            below = EVERYTHING if len(child) == 0 else _want(child, found, found.children)
            children[found.qname] = (*children.get(found.qname, ()), below)
    return Want(keys=keys, children=children)


def _nodes(example: Element, nodes: Mapping[str, SchemaNode]) -> Iterator[SchemaNode]:
    if namespace_of(example.tag):
        node = nodes.get(example.tag)
        if node is not None:
            yield node
    else:
        yield from (node for node in nodes.values() if node.name == example.tag)
