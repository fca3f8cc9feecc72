"""A part of a data tree: which elements are wanted whole, and a tree of just those with their ancestors and keys."""

from __future__ import annotations

from collections.abc import Mapping

from nc.pace import Pace
from nc.schema import SchemaNode
from nc.xml import Element, copy, elements, shell


class Selection:
    """Elements of one tree.

    tree: its root.
    """

    def __init__(self, tree: Element) -> None:
        self._tree = tree
        self._whole: set[Element] = set()
        self._partly: set[Element] = {tree}

    def add(self, element: Element) -> None:
        """Select an element with everything below it."""
        if element in self._whole:
            return
        self._whole.add(element)
        parent = element.getparent() if element is not self._tree else None
        while parent is not None and parent not in self._partly:
            self._partly.add(parent)
            parent = parent.getparent()

    def build(self, top: Mapping[str, SchemaNode], max_depth: int | None = None) -> Element:
        """Return a new tree of what is selected, with ancestors, and with the keys of list entries.

        max_depth: how many levels of each selected element, itself being one; keys do not count.
        """
        return _Builder(self._whole, self._partly, max_depth).build(self._tree, top)


class _Builder:
    def __init__(self, whole: set[Element], partly: set[Element], max_depth: int | None) -> None:
        self._whole = whole
        self._partly = partly
        self._max_depth = max_depth
        self._pace = Pace()

    def build(self, tree: Element, top: Mapping[str, SchemaNode]) -> Element:
        if tree in self._whole:
            # The root is no node, so what is selected are its children.
            self._whole.update(elements(tree))
        result = shell(tree)
        self._children(tree, result, top, ())
        return result

    def _children(
        self, source: Element, target: Element, nodes: Mapping[str, SchemaNode], keys: tuple[str, ...]
    ) -> None:
        for child in elements(source):
            self._pace.step()
            node = nodes.get(child.tag)
            if child in self._whole:
                target.append(copy(child) if self._max_depth is None else self._cut(child, node, self._max_depth))
            elif child in self._partly:
                made = shell(child)
                target.append(made)
                self._children(child, made, {} if node is None else node.children, () if node is None else node.keys)
            elif child.tag in keys:
                target.append(copy(child))

    def _cut(self, element: Element, node: SchemaNode | None, depth: int) -> Element:
        """Return a copy with so many levels, and keys."""
        self._pace.step()
        made = shell(element)
        nodes = {} if node is None else node.children
        keys = () if node is None else node.keys
        for child in elements(element):
            if child.tag in keys or depth > 1:
                made.append(self._cut(child, nodes.get(child.tag), depth - 1))
        return made


def select_config(tree: Element, top: Mapping[str, SchemaNode], *, config: bool) -> Element:
    """Return a new tree with the nodes whose "config" is as given, with ancestors and keys."""
    result = shell(tree)
    if config:
        _copy_config(tree, result, top, Pace())
    else:
        _copy_state(tree, result, top, (), Pace())
    return result


def _copy_config(source: Element, target: Element, nodes: Mapping[str, SchemaNode], pace: Pace) -> None:
    for child in elements(source):
        pace.step()
        node = nodes.get(child.tag)
        if node is None or not node.config:
            continue
        if node.children:
            made = shell(child)
            target.append(made)
            _copy_config(child, made, node.children, pace)
        else:
            target.append(copy(child))


def _copy_state(
    source: Element, target: Element, nodes: Mapping[str, SchemaNode], keys: tuple[str, ...], pace: Pace
) -> bool:
    """Copy what is state below an element, and its keys; tell whether there was any state."""
    found = False
    for child in elements(source):
        pace.step()
        node = nodes.get(child.tag)
        if node is None:
            continue
        if not node.config or child.tag in keys:
            target.append(copy(child))
            found = found or not node.config
        elif node.children:
            made = shell(child)
            if _copy_state(child, made, node.children, node.keys, pace):
                target.append(made)
                found = True
    return found
