"""Where the nodes of the operational datastore come from (RFC 8342, 5.3.4), and filtering by it (RFC 8526, 3.1.1)."""

from collections.abc import Collection, Mapping
from typing import Final

from lxml import etree

from nc.defaults import TAG, apply_mode
from nc.pace import Pace
from nc.schema import SchemaNode, WithDefaults
from nc.state import ORIGIN_ATTRIBUTE
from nc.xml import Element, elements

_UNKNOWN: Final = "or:unknown"


def mark(tree: Element) -> None:
    """Mark a configuration with its origins.

    tree: its default values are tagged (RFC 6243, report-all-tagged); these tags are taken away.
    """
    pace = Pace()
    for child in elements(tree):
        child.set(ORIGIN_ATTRIBUTE, "or:intended")
        for element in child.iter(etree.Element):
            pace.step()
            if TAG in element.attrib:
                del element.attrib[TAG]
                element.set(ORIGIN_ATTRIBUTE, "or:default")


def apply_mode_in_use(children: Mapping[str, SchemaNode], tree: Element, mode: WithDefaults) -> None:
    """Do with the values in use what a mode of RFC 6243 wants, which the server's basic mode here, report-all, has all.

    Of configuration, what is there only by default is default data; of state, what has the default value.
    """
    apply_mode(children, tree, mode, state_only=mode != "trim")
    if mode not in {"explicit", "report-all-tagged"}:
        return
    pace = Pace()
    for element in list(tree.iter(etree.Element)):
        pace.step()
        parent = element.getparent()
        if parent is not None and element.get(ORIGIN_ATTRIBUTE) == "or:default":
            if mode == "explicit":
                parent.remove(element)
            else:
                element.set(TAG, "true")


def strip(tree: Element) -> None:
    """Take all origins away."""
    pace = Pace()
    for element in tree.iter(etree.Element):
        pace.step()
        if ORIGIN_ATTRIBUTE in element.attrib:
            del element.attrib[ORIGIN_ATTRIBUTE]


def filter_origin(
    children: Mapping[str, SchemaNode], tree: Element, origins: Collection[str], *, negated: bool
) -> None:
    """Take away the configuration whose origin is not wanted; state, ancestors and keys of what is left stay.

    origins: names of identities of ietf-origin; none of them is derived from another.
    negated: these are the ones not wanted.
    """
    _Filter(frozenset(origins), negated).below(children, (), tree, _UNKNOWN)


class _Filter:
    def __init__(self, origins: frozenset[str], negated: bool) -> None:
        self._origins = origins
        self._negated = negated
        self._pace = Pace()

    def below(self, children: Mapping[str, SchemaNode], keys: Collection[str], parent: Element, origin: str) -> bool:
        """Filter what is below a node, except its keys; whether anything is left.

        origin: of the node; a node without one has its parent's (RFC 8342, ietf-origin).
        """
        left = False
        for child in list(elements(parent)):
            self._pace.step()
            if child.tag in keys:
                continue
            node = children.get(child.tag)
            if node is None or not node.config or self._keeps(node, child, child.get(ORIGIN_ATTRIBUTE, origin)):
                left = True
            else:
                parent.remove(child)
        return left

    def _keeps(self, node: SchemaNode, element: Element, origin: str) -> bool:
        """Whether a node of configuration stays, be it for what is below."""
        left = self.below(node.children, node.keys, element, origin)
        transparent = node.kind == "container" and not node.presence
        return left or (not transparent and self._wants(origin))

    def _wants(self, origin: str) -> bool:
        return (origin.rpartition(":")[2] in self._origins) != self._negated
