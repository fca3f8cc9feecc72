"""Parts of data trees: what of a tree is wanted, and where in the schema a want leads."""

from collections.abc import Iterable, Mapping, Sequence

from nc.filter import EVERYTHING, Want
from nc.pace import Pace
from nc.schema import SchemaNode
from nc.xml import Element, copy, elements, shell


def select(children: Mapping[str, SchemaNode], tree: Element, want: Want) -> Element:
    """Copy what is wanted of a tree; list keys come along.

    children: the schema nodes that can be below the tree's root.
    """
    if want.all:
        return copy(tree)
    root = shell(tree)
    _select_children(children, (), tree, [want], root, Pace())
    return root


def wants_at(want: Want, chain: Sequence[SchemaNode]) -> list[Want]:
    """Follow a want down to a node; an empty list where nothing of it is wanted.

    chain: the nodes from the top down to it, none of them but the last one a list.
    """
    wants = [want]
    for node in chain:
        if any(one.all for one in wants):
            return [EVERYTHING]
        wants = [below for one in wants for below in one.children.get(node.qname, ())]
    return _combined(wants)


def touches(want: Want, chain: Sequence[SchemaNode]) -> bool:
    """Whether anything at or below a node is wanted; chain: the nodes down to it."""
    if want.all or not chain:
        return True
    return any(touches(below, chain[1:]) for below in want.children.get(chain[0].qname, ()))


def _combined(wants: Sequence[Want]) -> list[Want]:
    """Join wants of the same node so that no instance that is not told by its keys is in two of them."""
    if any(not want.keys for want in wants):
        return [_joined({}, wants)]
    groups: dict[frozenset[tuple[str, str]], list[Want]] = {}
    for want in wants:
        groups.setdefault(frozenset(want.keys.items()), []).append(want)
    return [_joined(group[0].keys, group) for group in groups.values()]


def _joined(keys: Mapping[str, str], wants: Iterable[Want]) -> Want:
    children: dict[str, tuple[Want, ...]] = {}
    everything = False
    for want in wants:
        everything = everything or want.all
        for tag, below in want.children.items():
            children[tag] = (*children.get(tag, ()), *below)
    return Want(everything, keys, {} if everything else children)


def _select_children(
    children: Mapping[str, SchemaNode],
    keys: Sequence[str],
    parent: Element,
    wants: Sequence[Want],
    into: Element,
    pace: Pace,
) -> None:
    for child in elements(parent):
        pace.step()
        below = [one for want in wants for one in want.children.get(child.tag, ()) if _has_keys(child, one.keys)]
        if child.tag in keys or any(want.all for want in below):
            into.append(copy(child))
        elif below:
            node = children[child.tag]
            if node.is_leaf or not node.children:
                into.append(copy(child))
            else:
                part = shell(child)
                into.append(part)
                _select_children(node.children, node.keys, child, below, part, pace)


def _has_keys(entry: Element, keys: Mapping[str, str]) -> bool:
    return all(entry.findtext(key) == value for key, value in keys.items())
