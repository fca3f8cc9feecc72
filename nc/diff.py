"""What is different between two configurations, as create, delete, update and move of single nodes."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from lxml import etree

from nc.pace import Pace
from nc.schema import Schema, SchemaNode
from nc.xml import Element, elements

Operation = Literal["create", "delete", "update", "move"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One node that is not as it was.

    operation: create and delete concern all that is below the node as well; update is a new value of a leaf or anydata;
        move is another position among the entries of an ordered-by user list.
    node: the schema node.
    element: in the new tree; for delete in the old one.
    """

    operation: Operation
    node: SchemaNode
    element: Element


def differences(schema: Schema, old: Element, new: Element) -> Iterator[Difference]:
    """Compare two data trees of configuration in canonical form; others get their turns.

    A non-presence container has no meaning of its own (RFC 7950, 7.5.1): it is never created or deleted, what is in it
    is.
    """
    if old is not new:
        yield from _below(schema.top, old, new, Pace())


def entry_key(node: SchemaNode, entry: Element) -> tuple[str, ...]:
    """Give what tells an entry of a list or leaf-list from the others: its keys or its value."""
    if node.kind == "list":
        return tuple(entry.findtext(key) or "" for key in node.keys)
    return (entry.text or "",)


def _below(
    children: Mapping[str, SchemaNode], old: Element | None, new: Element | None, pace: Pace
) -> Iterator[Difference]:
    before, after = _grouped(old, pace), _grouped(new, pace)
    for tag in [*after, *(tag for tag in before if tag not in after)]:
        node = children.get(tag)
        if node is None:
            raise ValueError(f"{tag} is not in the schema")
        if node.is_list:
            yield from _entries(node, before.get(tag, []), after.get(tag, []), pace)
        else:
            yield from _single(node, _first(before.get(tag)), _first(after.get(tag)), pace)


def _single(node: SchemaNode, old: Element | None, new: Element | None, pace: Pace) -> Iterator[Difference]:
    if node.kind == "container" and not node.presence:
        yield from _below(node.children, old, new, pace)
    elif old is None and new is not None:
        yield Difference("create", node, new)
    elif new is None and old is not None:
        yield Difference("delete", node, old)
    elif old is not None and new is not None:
        if node.kind == "container":
            yield from _below(node.children, old, new, pace)
        elif not _same(old, new) and (node.kind != "leaf" or old.text != new.text):
            yield Difference("update", node, new)


def _entries(node: SchemaNode, olds: list[Element], news: list[Element], pace: Pace) -> Iterator[Difference]:
    before, after = _by_key(node, olds, pace), _by_key(node, news, pace)
    for key, entry in after.items():
        pace.step()
        if key not in before:
            yield Difference("create", node, entry)
        elif node.kind == "list" and not _same(before[key], entry):
            yield from _below(node.children, before[key], entry, pace)
    for key, entry in before.items():
        if key not in after:
            yield Difference("delete", node, entry)
    if node.user_ordered:
        places = {key: place for place, key in enumerate(before)}
        kept = [key for key in after if key in before]
        stay = _longest_run([places[key] for key in kept])
        for key in kept:
            if places[key] not in stay:
                yield Difference("move", node, after[key])


def _longest_run(places: list[int]) -> set[int]:
    """Find as many numbers as possible that stand in ascending order; the others have been moved."""
    smallest: list[int] = []
    before: dict[int, int | None] = {}
    for place in places:
        length = bisect_left(smallest, place)
        before[place] = smallest[length - 1] if length else None
        smallest[length : length + 1] = [place]
    run: set[int] = set()
    last = smallest[-1] if smallest else None
    while last is not None:
        run.add(last)
        last = before[last]
    return run


def _by_key(node: SchemaNode, entries: list[Element], pace: Pace) -> dict[tuple[str, ...], Element]:
    found = {}
    for entry in entries:
        pace.step()
        found[entry_key(node, entry)] = entry
    return found


def _grouped(parent: Element | None, pace: Pace) -> dict[str, list[Element]]:
    groups: dict[str, list[Element]] = {}
    if parent is not None:
        for child in elements(parent):
            pace.step()
            groups.setdefault(child.tag, []).append(child)
    return groups


def _first(group: list[Element] | None) -> Element | None:
    return group[0] if group else None


def _same(one: Element, other: Element) -> bool:
    """Whether two subtrees certainly are the same; in doubt they are not, and are looked into."""
    return etree.tostring(one, with_tail=False) == etree.tostring(other, with_tail=False)
