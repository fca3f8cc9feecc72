"""Finding list entries by key, and leaf-list entries by value, without going through all of them each time."""

from __future__ import annotations

from itertools import islice

from nc.pace import Pace
from nc.schema import SchemaNode
from nc.xml import Element


class Index:
    """Knows the entries of the lists of one tree; each list is gone through once, when first asked for.

    Whoever changes a list afterwards says so with add() and remove().
    """

    def __init__(self) -> None:
        self._lists: dict[Element, dict[str, dict[tuple[str, ...], Element]]] = {}
        self._pace = Pace()

    def get(self, parent: Element, node: SchemaNode, key: tuple[str, ...]) -> Element | None:
        """Return the entry with that key, or the leaf-list entry with that one value."""
        return self._entries(parent, node).get(key)

    def add(self, parent: Element, node: SchemaNode, entry: Element) -> None:
        """Take in an entry that has its keys, or its value, by now."""
        self._entries(parent, node)[key_of(entry, node)] = entry

    def remove(self, parent: Element, node: SchemaNode, entry: Element) -> None:
        """Forget an entry."""
        self._entries(parent, node).pop(key_of(entry, node), None)

    def forget(self, parent: Element) -> None:
        """Forget everything about the lists right below an element."""
        self._lists.pop(parent, None)

    def _entries(self, parent: Element, node: SchemaNode) -> dict[tuple[str, ...], Element]:
        lists = self._lists.setdefault(parent, {})
        entries = lists.get(node.qname)
        if entries is None:
            entries = {}
            for entry in parent.iterchildren(node.qname):
                self._pace.step()
                entries[key_of(entry, node)] = entry
            lists[node.qname] = entries
        return entries


def key_of(entry: Element, node: SchemaNode) -> tuple[str, ...]:
    """Return the key of a list entry, or the value of a leaf-list entry, of a canonical tree."""
    if node.kind == "leaf-list":
        return (entry.text or "",)
    # Keys come first, in their order (RFC 7950, 7.8.5).
    return tuple(leaf.text or "" for leaf in islice(entry, len(node.keys)))
