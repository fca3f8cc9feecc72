"""Default values in what is retrieved (RFC 6243): of configuration, and of state."""

from collections.abc import Mapping
from typing import Final

from nc.pace import Pace
from nc.schema import Schema, SchemaNode, WithDefaults
from nc.xml import DEFAULT_ATTRIBUTE, Element, elements, qname

TAG: Final = qname(DEFAULT_ATTRIBUTE, "default")
"""Attribute that marks a default value (RFC 6243, section 6)."""


class DefaultedTrees:
    """Configurations with their defaults, made once for each: they are wanted again and again, and are never changed.

    schema: of the configurations.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._made: dict[tuple[str, WithDefaults], tuple[Element, Element]] = {}

    def get(self, datastore: str, tree: Element, mode: WithDefaults) -> Element:
        """Give a configuration with defaults as a mode has them; not to be changed.

        datastore: whose configuration it is; of each the last one is kept.
        """
        if mode == "explicit":
            return tree
        made = self._made.get((datastore, mode))
        if made is None or made[0] is not tree:
            made = tree, self._schema.with_defaults(tree, mode)
            self._made[datastore, mode] = made
        return made[1]


def apply_mode(
    children: Mapping[str, SchemaNode], parent: Element, mode: WithDefaults, *, state_only: bool = True
) -> None:
    """Tag or take away leafs with their default value, as a mode wants it, in a tree that has all values in use.

    children: the schema nodes that can be below the parent.
    mode: trim takes them away, report-all-tagged tags them; the other modes report them, in state also explicit does
        (RFC 6243, 3.3).
    state_only: leave configuration as it is.
    """
    if mode in {"trim", "report-all-tagged"}:
        _apply(children, parent, mode, state_only, Pace())


def _apply(
    children: Mapping[str, SchemaNode], parent: Element, mode: WithDefaults, state_only: bool, pace: Pace
) -> None:
    values: dict[str, list[Element]] = {}
    for child in list(elements(parent)):
        pace.step()
        node = children.get(child.tag)
        if node is None:
            continue
        if not node.is_leaf:
            _apply(node.children, child, mode, state_only, pace)
        elif node.defaults and not (state_only and node.config):
            values.setdefault(child.tag, []).append(child)
    for tag, leafs in values.items():
        if [leaf.text or "" for leaf in leafs] == [default.text for default in children[tag].defaults]:
            for leaf in leafs:
                if mode == "trim":
                    parent.remove(leaf)
                else:
                    leaf.set(TAG, "true")
