"""Operational state: what sources tell, put together with the configuration in use (RFC 8342, 5.3)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog
from lxml import etree

from nc.diff import entry_key
from nc.errors import InstancePath, RpcError, operation_failed
from nc.filter import Want
from nc.pace import Pace
from nc.schema import Schema, SchemaNode
from nc.select import touches, wants_at
from nc.xml import ORIGIN, Element, elements, qname

ORIGIN_ATTRIBUTE: Final = qname(ORIGIN, "origin")
"""Says where a node of the operational datastore comes from (RFC 8342, 5.3.4), such as `or:learned`."""


class StateSource(Protocol):
    """Tells a part of the operational state.

    path: schema path of the node that it fills, such as `/vppdhc:dhc4server/active-lease`.
    """

    @property
    def path(self) -> str:
        """Schema path of the node that the source fills."""

    def read(self, want: Want) -> Iterable[Element]:
        """Give instances of that node; where it is inside a list, instances of the outermost list around it, with keys.

        want: what is wanted of an instance; not to build more is up to the source. It is asked once for each set of
        wanted keys. Between two instances other greenlets may run.

        Leafs that are in use are given whether they have their default value or not. Configuration that did not come
        from running (RFC 8342, 5.3.4) has an ORIGIN_ATTRIBUTE, whose prefix is `or`. The elements become the caller's.
        """


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a source belongs.

    chain: the schema nodes from the top to the one whose instances it gives.
    below: those from there to the one that it fills.
    """

    source: StateSource
    chain: Sequence[SchemaNode]
    below: Sequence[SchemaNode]


class Operational:
    """All sources of state.

    Raises ValueError where a source's path is not in the schema.
    """

    def __init__(self, schema: Schema, sources: Sequence[StateSource]) -> None:
        self._schema = schema
        self._places = [_place(schema, source) for source in sources]
        self._log = structlog.get_logger()

    def uncovered(self) -> list[SchemaNode]:
        """List the topmost nodes of state that no source fills; a server with such a node is not complete."""
        filled = {(*place.chain, *place.below)[-1] for place in self._places}
        leading = {node for place in self._places for node in (*place.chain, *place.below)}
        return list(_uncovered(self._schema.top, filled, leading))

    def add_state(self, tree: Element, want: Want, *, configuration: bool) -> None:
        """Add the state that is wanted to a tree, asking only the sources that have some of it.

        tree: the configuration; is changed.
        want: of the tree.
        configuration: whether configuration that sources know of, other than from running, is added as well: it belongs
            to the operational datastore, but not to the reply to <get> (RFC 8342, 5.3).

        Raises RpcError where a source fails.
        """
        for place in self._places:
            if not touches(want, [*place.chain, *place.below]):
                continue
            merger = _Merger(configuration)
            try:
                for one in wants_at(want, place.chain):
                    for fragment in place.source.read(one):
                        merger.add(tree, place.chain, fragment)
            except RpcError:
                raise
            except Exception as error:
                self._log.exception("state not read", path=place.source.path)
                message = "the state there cannot be read; the server's log says why"
                raise operation_failed(message, _schema_location(self._schema, place)) from error


class _Merger:
    """Puts fragments into a tree; knows the entries of the lists that it has met."""

    def __init__(self, configuration: bool) -> None:
        self._configuration = configuration
        self._entries: dict[tuple[Element, str], dict[tuple[str, ...], Element]] = {}
        self._pace = Pace()

    def add(self, tree: Element, chain: Sequence[SchemaNode], fragment: Element) -> None:
        """Add an instance of the last node of a chain."""
        self._pace.step()
        if fragment.tag != chain[-1].qname:
            raise ValueError(f"a source of {chain[-1].path} gave {fragment.tag}")
        parent = tree
        for node in chain[:-1]:
            parent = _child(parent, node, fragment)
        self._merge(parent, chain[-1], fragment)

    def _merge(self, parent: Element, node: SchemaNode, fragment: Element) -> None:
        existing = self._existing(parent, node, fragment)
        if existing is None:
            if self._prepare(node, fragment):
                parent.append(fragment)
                if node.kind == "list" and node.keys:
                    self._entries[parent, node.qname][entry_key(node, fragment)] = fragment
        elif node.is_leaf:
            if self._configuration or not node.config:
                parent.replace(existing, fragment)
        elif not node.children:
            parent.replace(existing, fragment)
        else:
            for child in list(elements(fragment)):
                if child.tag not in node.keys:
                    self._merge(existing, node.children[child.tag], child)

    def _existing(self, parent: Element, node: SchemaNode, fragment: Element) -> Element | None:
        """Find the instance that a fragment is about; state without keys is always another one (RFC 7950, 7.8.2)."""
        if not node.is_list:
            return parent.find(node.qname)
        if not node.config and not node.keys:
            return None
        entries = self._entries.get((parent, node.qname))
        if entries is None:
            entries = {}
            for entry in parent.iterchildren(node.qname):
                self._pace.step()
                entries[entry_key(node, entry)] = entry
            self._entries[parent, node.qname] = entries
        return entries.get(entry_key(node, fragment))

    def _prepare(self, node: SchemaNode, fragment: Element) -> bool:
        """Take from a new fragment the configuration that is not wanted; whether anything but keys is left."""
        if self._configuration or not node.config:
            return True
        if not node.children:
            return False
        left = False
        for child in list(elements(fragment)):
            if child.tag in node.keys:
                continue
            if self._prepare(node.children[child.tag], child):
                left = True
            else:
                fragment.remove(child)
        return left


def _child(parent: Element, node: SchemaNode, fragment: Element) -> Element:
    """Find a container, or make it with the prefixes of the fragment that will be in it."""
    found = parent.find(node.qname)
    if found is None:
        prefixes = {prefix: namespace for prefix, namespace in fragment.nsmap.items() if prefix}
        found = etree.SubElement(parent, node.qname, nsmap=prefixes)
    return found


def _place(schema: Schema, source: StateSource) -> _Place:
    node = schema.node_at(source.path)
    if node is None:
        raise ValueError(f"there is no {source.path} in the schema")
    chain: list[SchemaNode] = []
    while node is not None:
        chain.insert(0, node)
        node = node.parent
    outermost = next((depth for depth, step in enumerate(chain) if step.kind == "list"), len(chain) - 1)
    return _Place(source, chain[: outermost + 1], chain[outermost + 1 :])


def _uncovered(
    children: Mapping[str, SchemaNode], filled: set[SchemaNode], leading: set[SchemaNode]
) -> Iterator[SchemaNode]:
    for node in children.values():
        if node in filled:
            continue
        if not node.config and node not in leading:
            yield node
        else:
            yield from _uncovered(node.children, filled, leading)


def _schema_location(schema: Schema, place: _Place) -> InstancePath:
    """The path of the node that a source's instances are of, without keys."""
    prefixes = {namespace: prefix for prefix, namespace in schema.prefixes.items()}
    names = [(prefixes[node.namespace], node) for node in place.chain]
    text = "".join(f"/{prefix}:{node.name}" for prefix, node in names)
    return InstancePath(text, {prefix: node.namespace for prefix, node in names})
