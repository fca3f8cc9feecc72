"""edit-config on a data tree (RFC 6241, 7.2), as a function of a tree and a <config>."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, cast, get_args

from nc.errors import (
    MISSING_INSTANCE,
    bad_attribute,
    bad_element,
    data_exists,
    data_missing,
    invalid_value,
    missing_attribute,
    unknown_attribute,
    unknown_element,
)
from nc.index import Index
from nc.schema import Schema, SchemaNode, Value
from nc.schema.instance import parse_keys
from nc.schema.tree import Reader, add, add_any
from nc.xml import DEFAULT_ATTRIBUTE, NC, YANG, Element, copy, elements, local_name, namespace_of, new_data, qname

DefaultOperation = Literal["merge", "replace", "none"]
_Operation = Literal["merge", "replace", "create", "delete", "remove", "none"]
_Insert = Literal["first", "last", "before", "after"]

_OPERATION: Final = qname(NC, "operation")
_DEFAULT: Final = qname(DEFAULT_ATTRIBUTE, "default")
_INSERT: Final = qname(YANG, "insert")
_POINT: Final = {"list": qname(YANG, "key"), "leaf-list": qname(YANG, "value")}
"""The attribute that says what to insert before or after."""
_ALLOWED: Final = frozenset({"merge", "replace", "create", "delete", "remove"})
_TAKE_AWAY: Final = frozenset({"delete", "remove"})
_ANY: Final = frozenset({"anydata", "anyxml"})
_XML: Final = "http://www.w3.org/XML/1998/namespace"


def apply_edit(schema: Schema, tree: Element, config: Element, default_operation: DefaultOperation) -> Element:
    """Return the tree that an edit makes of a tree; the given one stays as it is.

    config: the <config> element of an edit-config or edit-data, with its operation attributes.
    Raises RpcErrors with everything that is wrong with the edit. It then has no effect at all, whatever the
    error-option: that is rollback-on-error, which the other two allow.
    """
    # RFC 6241, 7.2: "replace" as the default replaces the whole configuration, not just what is mentioned.
    result = new_data() if default_operation == "replace" else copy(tree)
    edit = _Edit(schema, config)
    edit.apply(config, result, schema.top, default_operation)
    edit.errors.raise_any()
    edit.drop_false(result)
    edit.errors.raise_any()
    return result


@dataclass(frozen=True, slots=True)
class _Target:
    """What an edit element is aimed at.

    parent: in the new tree. found: the instance there, if there is one.
    value: of a leaf; None where it does not matter. keys: of a list entry.
    """

    parent: Element
    node: SchemaNode
    found: Element | None
    value: Value | None = None
    keys: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a user-ordered list an entry goes (RFC 7950, 7.7.9 and 7.8.6); point is what it goes before or after."""

    insert: _Insert
    point: Element | None = None


class _Edit(Reader):
    """Applies edit elements to a tree, and remembers what is wrong with them."""

    def __init__(self, schema: Schema, config: Element) -> None:
        super().__init__(schema.names, root=config)
        self._schema = schema
        self._index = Index()
        self._written: set[Element] = set()
        """What the edit itself has put there."""
        self._chosen: dict[tuple[Element, str], str] = {}
        """The case that the edit has made the only one, by parent and choice."""

    def apply(
        self,
        config: Element,
        parent: Element,
        nodes: Mapping[str, SchemaNode],
        inherited: _Operation,
        keys: Sequence[str] = (),
    ) -> None:
        """Apply the children of an edit element to an element of the tree.

        inherited: the operation of those that name none. keys: which have been dealt with.
        """
        cases: dict[str, str] = {}
        seen: set[str] = set()
        for element in elements(config):
            node = self.known(element, nodes)
            if node is None:
                continue
            operation = self._operation(element, node, inherited)
            if operation is None:
                continue
            if not node.config:
                message = f"'{node.name}' is state and cannot be configured"
                self.note(unknown_element(element.tag, self.path(element), message=message), element)
                continue
            if element.tag in seen and not node.is_list:
                self.note(bad_element(element.tag, f"'{node.name}' is there twice", self.path(element)), element)
                continue
            seen.add(element.tag)
            if operation not in _TAKE_AWAY:
                self.one_case(element, node, cases)
            if element.tag in keys:
                self._key(element, operation)
            else:
                self._one(element, node, parent, operation)

    def drop_false(self, tree: Element) -> None:
        """Take away what has a "when" that the edit makes false (RFC 7950, 8.2).

        What the edit itself has written there is a mistake.
        """
        while True:
            wrong = self._schema.not_allowed(tree)
            for element in wrong:
                if element in self._written:
                    message = f"'{local_name(element.tag)}' is not allowed here: its condition is not met"
                    path = self._schema.instance_path(element)
                    self.errors.add(unknown_element(element.tag, path, message=message))
                parent = element.getparent()
                if parent is not None:
                    parent.remove(element)
            if not wrong:
                return

    def _one(self, element: Element, node: SchemaNode, parent: Element, operation: _Operation) -> None:
        if self._is_default(element, node):
            operation = "remove"
        target = self._target(element, node, parent, operation)
        if target is None:
            return
        found = target.found
        if operation in _TAKE_AWAY:
            if found is not None:
                self._take_away(target, found)
            elif operation == "delete":
                self.note(data_missing(f"'{node.name}' does not exist", self.path(element)), element)
        elif operation == "create" and found is not None:
            self.note(data_exists(f"'{node.name}' exists already", self.path(element)), element)
        elif operation == "none":
            self._go_through(element, target)
        else:
            self._write(element, target, operation)

    def _operation(self, element: Element, node: SchemaNode, inherited: _Operation) -> _Operation | None:
        """Return the operation of an element; None where its attributes are wrong."""
        before = len(self.errors.errors)
        for attribute in element.attrib:
            name = str(attribute)
            known = {
                _OPERATION,
                _DEFAULT,
                *((_INSERT, _POINT[node.kind]) if node.is_list and node.user_ordered else ()),
            }
            if node.kind not in _ANY and name not in known and namespace_of(name) != _XML:
                error = unknown_attribute(element.tag, name, self.path(element), "application")
                if name == "operation":
                    error.message = f"'operation' has to be in the namespace {NC}"
                self.note(error, element)
        given = element.get(_OPERATION)
        if given is not None and given not in _ALLOWED:
            message = f"'{given}' is none of {', '.join(sorted(_ALLOWED))}"
            self.note(bad_attribute(element.tag, _OPERATION, message, self.path(element), "application"), element)
        if len(self.errors.errors) > before:
            return None
        return inherited if given is None else cast(_Operation, given)

    def _key(self, element: Element, operation: _Operation) -> None:
        if element.get(_OPERATION) is not None and operation in _TAKE_AWAY:
            message = "a key can only be deleted with its list entry"
            self.note(bad_attribute(element.tag, _OPERATION, message, self.path(element), "application"), element)

    def _is_default(self, element: Element, node: SchemaNode) -> bool:
        """RFC 6243, 4.5.1: a leaf tagged as default is to have the default value, which nobody sets."""
        if not node.is_leaf or element.get(_DEFAULT) not in {"true", "1"}:
            return False
        value = self.value(element, node)
        if value is not None and value not in node.defaults:
            message = f"'{value.text}' is tagged as default, and is not the default value"
            self.note(invalid_value(message, self.path(element)), element)
        return True

    def _target(self, element: Element, node: SchemaNode, parent: Element, operation: _Operation) -> _Target | None:
        """Find what an element is aimed at; None where its value or keys are wrong."""
        if node.kind == "list":
            keys = self.keys(element, node)
            if keys is None:
                return None
            return _Target(parent, node, self._index.get(parent, node, tuple(key.text for key in keys)), keys=keys)
        if node.kind == "leaf-list" or (node.kind == "leaf" and operation not in _TAKE_AWAY):
            value = self.value(element, node)
            if value is None:
                return None
            listed = node.kind == "leaf-list"
            found = self._index.get(parent, node, (value.text,)) if listed else parent.find(node.qname)
            return _Target(parent, node, found, value)
        return _Target(parent, node, parent.find(node.qname))

    def _take_away(self, target: _Target, found: Element) -> None:
        if target.node.is_list:
            self._index.remove(target.parent, target.node, found)
        target.parent.remove(found)

    def _go_through(self, element: Element, target: _Target) -> None:
        """RFC 6241, 7.2, "none": what is there stays, what is not is a mistake, what is below may say otherwise."""
        node, found = target.node, target.found
        implied = found is None and node.kind == "container" and not node.presence
        if found is None and not implied:
            self.note(data_missing(f"'{node.name}' does not exist", self.path(element)), element)
            return
        if node.is_leaf or node.kind in _ANY:
            return
        at = add(target.parent, node) if found is None else found
        self.apply(element, at, node.children, "none", node.keys)
        if implied and len(at) == 0:
            target.parent.remove(at)
        elif implied:
            self._choose(target)

    def _write(self, element: Element, target: _Target, operation: _Operation) -> None:
        """Make what is there what the element says: merge, replace or create."""
        node = target.node
        place = self._place(element, target)
        self._choose(target)
        made = target.found
        if made is None or node.kind in _ANY:
            made = self._make(element, target)
        elif operation == "replace" and not node.is_leaf:
            self._clear(made, node)
        self._written.add(made)
        if node.is_list and (place is not None or target.found is None):
            _put(made, place or _Place("last"))
        if node.kind == "leaf" and target.value is not None:
            made = self._set(target, made)
        elif not node.is_leaf and node.kind not in _ANY:
            self.apply(element, made, node.children, "merge", node.keys)

    def _make(self, element: Element, target: _Target) -> Element:
        node, parent = target.node, target.parent
        if node.kind in _ANY:
            if target.found is not None:
                parent.remove(target.found)
            made = add_any(parent, element)
            made.attrib.clear()
            return made
        made = add(parent, node, target.value)
        for key, value in zip(node.keys, target.keys, strict=True):
            add(made, node.children[key], value)
        if node.is_list:
            self._index.add(parent, node, made)
        return made

    def _clear(self, element: Element, node: SchemaNode) -> None:
        """Take away everything but the keys."""
        for child in list(element)[len(node.keys) :]:
            element.remove(child)
        self._index.forget(element)

    def _choose(self, target: _Target) -> None:
        """Take away the data of other cases (RFC 7950, 7.9)."""
        node, parent = target.node, target.parent
        siblings = self._schema.top if node.parent is None else node.parent.children
        for choice, case in node.choices:
            if self._chosen.get((parent, choice.qname)) == case:
                continue
            self._chosen[parent, choice.qname] = case
            others = [
                other
                for other in siblings.values()
                if any(found is choice and name != case for found, name in other.choices)
            ]
            for other in others:
                for child in list(parent.iterchildren(other.qname)):
                    self._take_away(_Target(parent, other, child), child)

    def _set(self, target: _Target, leaf: Element) -> Element:
        """Give a leaf its value.

        One that brings namespaces needs a new element, as lxml cannot declare them on an old one.
        """
        value = target.value
        assert value is not None
        if leaf.text == value.text or leaf is not target.found:
            return leaf
        if not value.namespaces:
            leaf.text = value.text
            return leaf
        made = add(target.parent, target.node, value)
        target.parent.replace(leaf, made)
        self._written.add(made)
        return made

    def _place(self, element: Element, target: _Target) -> _Place | None:
        """Read the attributes that say where in a user-ordered list something goes (RFC 7950, 7.7.9 and 7.8.6)."""
        node = target.node
        given = element.get(_INSERT)
        if given is None or not node.is_list:
            return None
        if given not in get_args(_Insert):
            message = f"'{given}' is none of {', '.join(get_args(_Insert))}"
            self.note(bad_attribute(element.tag, _INSERT, message, self.path(element), "application"), element)
            return None
        insert = cast(_Insert, given)
        if insert in {"first", "last"}:
            return _Place(insert)
        attribute = _POINT[node.kind]
        text = element.get(attribute)
        if text is None:
            self.note(missing_attribute(element.tag, attribute, self.path(element), "application"), element)
            return None
        try:
            point = self._index.get(target.parent, node, self._point_key(element, node, text))
        except ValueError as error:
            self.note(bad_attribute(element.tag, attribute, str(error), self.path(element), "application"), element)
            return None
        if point is None:
            message = f"there is no entry {text} to insert {insert}"
            error_ = bad_attribute(element.tag, attribute, message, self.path(element), "application")
            error_.app_tag = MISSING_INSTANCE
            self.note(error_, element)
            return None
        return _Place(insert, point)

    def _point_key(self, element: Element, node: SchemaNode, text: str) -> tuple[str, ...]:
        scope = element.nsmap
        if node.kind == "leaf-list":
            return (self._schema.check_value(node, text, scope).text,)
        keys = parse_keys(text, scope, node.namespace)
        if set(keys) != set(node.keys):
            raise ValueError(f"the keys of '{node.name}' are {', '.join(local_name(key) for key in node.keys)}")
        return tuple(self._schema.check_value(node.children[key], keys[key], scope).text for key in node.keys)


def _put(entry: Element, place: _Place) -> None:
    """Move an entry of a list, or of a leaf-list, to its place among the others."""
    parent, point = entry.getparent(), place.point
    assert parent is not None
    if place.insert in {"first", "last"}:
        others = parent.iterchildren(entry.tag, reversed=place.insert == "last")
        point = next((other for other in others if other is not entry), None)
    if point is None or point is entry:
        return
    if place.insert in {"first", "before"}:
        point.addprevious(entry)
    elif point.getnext() is not entry:
        point.addnext(entry)
