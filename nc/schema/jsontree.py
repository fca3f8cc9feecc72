"""Data trees as JSON and back (RFC 7951)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import partial
from typing import Any, Final

from lxml import etree

from nc.errors import (
    ErrorList,
    InstancePath,
    RpcError,
    RpcErrors,
    bad_element,
    data_exists,
    invalid_value,
    missing_element,
    unknown_element,
)
from nc.pace import Pace
from nc.schema.instance import Step
from nc.schema.node import ModuleInfo, SchemaNode, Value
from nc.schema.tree import Names, add
from nc.schema.types import ConstraintError, kind
from nc.xml import Element, elements, local_name, namespace_of, new_data, qname

_INDENT: Final = "  "


def to_json(tree: Element, top: Mapping[str, SchemaNode]) -> str:
    """Return a data tree as text: nodes in the schema's order, list entries in the tree's."""
    parts = ["{"]
    _Writer(parts).members(tree, top, "", "\n")
    parts.append("}\n" if parts[-1] == "{" else "\n}\n")
    return "".join(parts)


class _Writer:
    """Writes a tree as it goes; building objects for the whole first would take the memory twice."""

    def __init__(self, parts: list[str]) -> None:
        self._parts = parts
        self._pace = Pace()

    def members(self, parent: Element, nodes: Mapping[str, SchemaNode], module: str, newline: str) -> None:
        """Write the members of an object, each on its own line, without the braces."""
        found: dict[str, list[Element]] = {}
        for child in elements(parent):
            found.setdefault(child.tag, []).append(child)
        inside = newline + _INDENT
        comma = ""
        for node in _in_order(found, nodes):
            name = node.name if node.module == module else f"{node.module}:{node.name}"
            self._parts.append(f'{comma}{inside}"{name}": ')
            comma = ","
            if node.is_list:
                self._array(found[node.qname], node, inside)
            else:
                self._value(found[node.qname][0], node, inside)

    def _array(self, entries: list[Element], node: SchemaNode, newline: str) -> None:
        inside = newline + _INDENT
        comma = ""
        self._parts.append("[")
        for entry in entries:
            self._parts.append(comma + inside)
            comma = ","
            self._value(entry, node, inside)
        self._parts.append(f"{newline}]")

    def _value(self, element: Element, node: SchemaNode, newline: str) -> None:
        self._pace.step()
        if node.type is not None:
            self._parts.append(json.dumps(node.type.to_json(element.text or "", node.module), ensure_ascii=False))
        elif node.kind in {"anydata", "anyxml"}:
            self._parts.append(json.dumps(_any_to_json(element), ensure_ascii=False))
        else:
            self._parts.append("{")
            self.members(element, node.children, node.module, newline)
            self._parts.append("}" if self._parts[-1] == "{" else f"{newline}}}")


def _in_order(found: Mapping[str, list[Element]], nodes: Mapping[str, SchemaNode]) -> Iterator[SchemaNode]:
    return (node for tag, node in nodes.items() if tag in found)


def _any_to_json(element: Element) -> object:
    """RFC 7951, 5.5 and 5.6: what has no schema here is objects, arrays where a name repeats, and strings."""
    if len(element) == 0:
        return element.text or ""
    members: dict[str, Any] = {}
    for child in elements(element):
        members.setdefault(local_name(child.tag), []).append(_any_to_json(child))
    return {name: values[0] if len(values) == 1 else values for name, values in members.items()}


def from_json(
    text: str, names: Names, modules: Mapping[str, ModuleInfo], default_module: str | None, *, single_entries: bool
) -> Element:
    """Return the data tree of a text; see Schema.from_json().

    Raises RpcErrors, without lines but for those of the syntax.
    """
    try:
        members = json.loads(text, object_pairs_hook=partial(_object, pace=Pace()))
    except json.JSONDecodeError as error:
        message = f"not JSON: {error.msg} (line {error.lineno}, column {error.colno})"
        raise RpcErrors([RpcError("application", "invalid-value", message, line=error.lineno)]) from error
    except (ValueError, RecursionError) as error:
        raise RpcErrors([invalid_value(f"not usable JSON: {error}")]) from error
    reader = _Reader(names, modules, single_entries=single_entries)
    tree = new_data()
    try:
        reader.members(members, tree, names.top, default_module or "", ())
    except RecursionError as error:
        raise RpcErrors([invalid_value("not usable JSON: it is nested too deeply")]) from error
    reader.errors.raise_any()
    return tree


def _object(pairs: list[tuple[str, Any]], pace: Pace) -> dict[str, Any]:
    pace.step()
    members = dict(pairs)
    if len(members) != len(pairs):
        (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"the name '{twice}' is there twice in one object")
    return members


class _Reader:
    """Builds a tree from objects, and remembers everything that was wrong with them."""

    def __init__(self, names: Names, modules: Mapping[str, ModuleInfo], *, single_entries: bool) -> None:
        self._names = names
        self._modules = modules
        self._single_entries = single_entries
        self._pace = Pace()
        self.errors: Final = ErrorList()

    def members(
        self,
        value: object,
        target: Element,
        nodes: Mapping[str, SchemaNode],
        module: str,
        steps: tuple[Step, ...],
        done: tuple[str, ...] = (),
    ) -> None:
        """Add the members of an object, leaving out those that are done, to an element.

        module: of names without one. steps: to the element.
        """
        if not isinstance(value, dict):
            self._wrong(f"expected an object, found {kind(value)}", steps)
            return
        cases: dict[str, str] = {}
        there: set[str] = set()
        for name, content in value.items():
            node = self._node(name, nodes, module, steps)
            if node is None:
                continue
            if node.qname in there:
                self.errors.add(bad_element(node.qname, f"'{node.name}' is there twice", self._path(steps, node)))
            there.add(node.qname)
            for choice, case in node.choices:
                if cases.setdefault(choice.qname, case) != case:
                    message = f"the cases '{cases[choice.qname]}' and '{case}' of '{choice.name}' exclude each other"
                    self.errors.add(bad_element(node.qname, message, self._path(steps, node)))
            if node.qname not in done:
                self._add(content, target, node, steps)

    def _node(
        self, name: str, nodes: Mapping[str, SchemaNode], module: str, steps: tuple[Step, ...]
    ) -> SchemaNode | None:
        prefix, _, local = name.rpartition(":")
        info = self._modules.get(prefix or module)
        node = None if info is None else nodes.get(qname(info.namespace, local))
        if node is None:
            if prefix and info is None:
                message = f"there is no module '{prefix}'"
            elif info is None:
                message = f"'{name}' needs its module in front: module:{name}"
            else:
                message = f"there is no node '{name}' here{_suggestion(local, nodes)}"
            tag = qname(info.namespace, local) if info else local
            path = self._names.write((*steps, Step(tag))) if info else self._names.write(steps) if steps else None
            self.errors.add(unknown_element(tag, path, message=message))
        return node

    def _add(self, value: object, target: Element, node: SchemaNode, steps: tuple[Step, ...]) -> None:
        self._pace.step()
        if node.kind == "list":
            self._entries(value, target, node, steps)
        elif node.kind == "leaf-list":
            self._leaf_list(value, target, node, steps)
        elif node.kind == "leaf":
            parsed = self._parse(value, node, (*steps, Step(node.qname)))
            if parsed is not None:
                add(target, node, parsed)
        elif node.type is None and node.kind in {"anydata", "anyxml"}:
            _any_from_json(value, add(target, node))
        else:
            self.members(value, add(target, node), node.children, node.module, (*steps, Step(node.qname)))

    def _entries(self, value: object, target: Element, node: SchemaNode, steps: tuple[Step, ...]) -> None:
        if self._single_entries and isinstance(value, dict):
            value = [value]
        if not isinstance(value, list):
            self._wrong(f"expected an array of objects, found {kind(value)}", (*steps, Step(node.qname)))
            return
        seen: set[tuple[str, ...]] = set()
        for position, entry in enumerate(value, 1):
            place = Step(node.qname, position=position)
            if not isinstance(entry, dict):
                self._wrong(f"expected an object, found {kind(entry)}", (*steps, place))
                continue
            values = self._keys(entry, node, (*steps, place))
            if values is None:
                continue
            texts = tuple(key.text for key in values)
            if texts:
                place = Step(node.qname, tuple(zip(node.keys, texts, strict=True)))
                if texts in seen:
                    message = f"there is another entry of '{node.name}' with this key"
                    self.errors.add(data_exists(message, self._names.write((*steps, place))))
                seen.add(texts)
            made = add(target, node)
            for key, key_value in zip(node.keys, values, strict=True):
                add(made, node.children[key], key_value)
            self.members(entry, made, node.children, node.module, (*steps, place), node.keys)

    def _keys(self, entry: dict[str, Any], node: SchemaNode, steps: tuple[Step, ...]) -> list[Value] | None:
        values = []
        for key in node.keys:
            leaf = node.children[key]
            name = leaf.name if leaf.name in entry else f"{leaf.module}:{leaf.name}"
            if name not in entry:
                message = f"the key '{leaf.name}' is missing"
                self.errors.add(missing_element(key, self._names.write(steps), message=message))
                continue
            parsed = self._parse(entry[name], leaf, (*steps, Step(key)))
            if parsed is not None:
                values.append(parsed)
        return values if len(values) == len(node.keys) else None

    def _leaf_list(self, value: object, target: Element, node: SchemaNode, steps: tuple[Step, ...]) -> None:
        if not isinstance(value, list):
            self._wrong(f"expected an array, found {kind(value)}", (*steps, Step(node.qname)))
            return
        seen: set[str] = set()
        for position, entry in enumerate(value, 1):
            parsed = self._parse(entry, node, (*steps, Step(node.qname, position=position)))
            if parsed is None:
                continue
            if parsed.text in seen and node.config:
                place = Step(node.qname, ((".", parsed.text),))
                self.errors.add(data_exists(f"{parsed.text} is there twice", self._names.write((*steps, place))))
            seen.add(parsed.text)
            add(target, node, parsed)

    def _parse(self, value: object, node: SchemaNode, steps: tuple[Step, ...]) -> Value | None:
        assert node.type is not None
        try:
            return node.type.from_json(value, node.module)
        except ConstraintError as error:
            self.errors.add(invalid_value(str(error), self._names.write(steps), app_tag=error.app_tag))
        except ValueError as error:
            self._wrong(str(error), steps)
        return None

    def _wrong(self, message: str, steps: tuple[Step, ...]) -> None:
        self.errors.add(invalid_value(message, self._names.write(steps) if steps else None))

    def _path(self, steps: tuple[Step, ...], node: SchemaNode) -> InstancePath:
        return self._names.write((*steps, Step(node.qname)))


def _any_from_json(value: object, element: Element) -> None:
    """The reverse of what to_json does; every name is in the namespace of its parent."""
    if not isinstance(value, dict):
        element.text = value if isinstance(value, str) else json.dumps(value)
        return
    for name, content in value.items():
        for entry in content if isinstance(content, list) else [content]:
            _any_from_json(entry, etree.SubElement(element, qname(namespace_of(element.tag), name.rpartition(":")[2])))


def _suggestion(name: str, nodes: Mapping[str, SchemaNode]) -> str:
    """Say what somebody may have meant: what looks like it, else all that can be configured there."""
    names = [node.name for node in nodes.values() if node.config]
    alike = get_close_matches(name, names)
    if alike:
        return f"; did you mean {' or '.join(alike)}?"
    return f"; known are {', '.join(names) or 'none'}"
