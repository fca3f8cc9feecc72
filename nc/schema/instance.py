"""Instance-identifiers (RFC 7950, 9.13): their text in XML and in JSON (RFC 7951, 6.11), and what they point to."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from nc.schema.node import SchemaNode, Value
from nc.schema.types import Scope, expect_string, shown
from nc.schema.xpath import rename
from nc.xml import Element, local_name, namespace_of, qname

_NAME: Final = r"[A-Za-z_][\w.-]*"
_STEP: Final = re.compile(rf"/(?:({_NAME}):)?({_NAME})", re.ASCII)
_PREDICATE: Final = re.compile(
    rf"\[\s*(?:([1-9][0-9]*)|(\.|(?:{_NAME}:)?{_NAME})\s*=\s*(?:'([^']*)'|\"([^\"]*)\"))\s*\]", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Step:
    """One node on the way.

    tag: its lxml name. keys: values by the lxml names of keys, or the value of a leaf-list entry by ".".
    position: counted from 1, of an entry without keys.
    """

    tag: str
    keys: tuple[tuple[str, str], ...] = ()
    position: int | None = None


def parse_xml(text: str, namespaces: Scope | Mapping[str, str]) -> tuple[Step, ...]:
    """Read the XML form, where every name has a prefix. Raises ValueError."""

    def resolve(prefix: str, parent: str) -> str:
        namespace = namespaces.get(prefix) if prefix else None
        if not namespace:
            raise ValueError(f"{shown(text)} is no instance-identifier: the prefix '{prefix}' has no namespace")
        return namespace

    return _parse(text, resolve)


def parse_json(text: str, modules: Mapping[str, str]) -> tuple[Step, ...]:
    """Read the JSON form, where a name has its module only where that changes; modules are their namespaces.

    Raises ValueError.
    """

    def resolve(prefix: str, parent: str) -> str:
        namespace = modules.get(prefix) if prefix else parent
        if not namespace:
            raise ValueError(f"{shown(text)} is no instance-identifier: there is no module '{prefix}'")
        return namespace

    return _parse(text, resolve)


def _parse(text: str, resolve: Callable[[str, str], str]) -> tuple[Step, ...]:
    steps: list[Step] = []
    at, namespace = 0, ""
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            raise ValueError(f"{shown(text)} is no instance-identifier")
        namespace = resolve(match[1] or "", namespace)
        at = match.end()
        keys: list[tuple[str, str]] = []
        position = None
        while predicate := _PREDICATE.match(text, at):
            at = predicate.end()
            number, name, single, double = predicate.groups()
            if number:
                position = int(number)
                continue
            prefix, _, local = name.rpartition(":")
            tag = name if name == "." else qname(resolve(prefix, namespace), local)
            keys.append((tag, single if double is None else double))
        steps.append(Step(qname(namespace, match[2]), tuple(keys), position))
    if not steps:
        raise ValueError("an instance-identifier is not empty")
    return tuple(steps)


def parse_keys(text: str, namespaces: Scope, namespace: str) -> dict[str, str]:
    """Read the key predicates of an insertion point (RFC 7950, 7.8.6): texts by lxml name.

    namespace: of names without a prefix, which RFC 7950 does not have.
    Raises ValueError.
    """
    keys: dict[str, str] = {}
    at = 0
    while at < len(text):
        predicate = _PREDICATE.match(text, at)
        if predicate is None or predicate[1] or predicate[2] == ".":
            raise ValueError(f"{shown(text)} is not a sequence of key predicates, as in [name='value']")
        at = predicate.end()
        prefix, _, local = predicate[2].rpartition(":")
        found = namespaces.get(prefix) if prefix else namespace
        if not found:
            raise ValueError(f"{shown(text)}: the prefix '{prefix}' has no namespace")
        keys[qname(found, local)] = predicate[3] if predicate[4] is None else predicate[4]
    return keys


def write_xml(steps: Sequence[Step], prefixes: Mapping[str, str]) -> Value:
    """Return the XML form; prefixes are those of namespaces."""
    used: dict[str, str] = {}

    def name(tag: str, parent: str) -> str:
        namespace = namespace_of(tag)
        prefix = prefixes[namespace]
        used[prefix] = namespace
        return f"{prefix}:{local_name(tag)}"

    return Value(_write(steps, name), used)


def write_json(steps: Sequence[Step], modules: Mapping[str, str]) -> str:
    """Return the JSON form; modules are those of namespaces."""

    def name(tag: str, parent: str) -> str:
        namespace = namespace_of(tag)
        return local_name(tag) if namespace == parent else f"{modules[namespace]}:{local_name(tag)}"

    return _write(steps, name)


def _write(steps: Sequence[Step], name: Callable[[str, str], str]) -> str:
    parts: list[str] = []
    parent = ""
    for step in steps:
        parts += ["/", name(step.tag, parent)]
        parent = namespace_of(step.tag)
        for tag, value in step.keys:
            parts.append(f"[{tag if tag == '.' else name(tag, parent)}={literal(value)}]")
        if step.position is not None:
            parts.append(f"[{step.position}]")
    return "".join(parts)


def literal(text: str) -> str:
    """Return a text as an XPath expression; one with both kinds of quotes cannot be a literal."""
    if "'" not in text:
        return f"'{text}'"
    if '"' not in text:
        return f'"{text}"'
    parts = ', "\'", '.join(f"'{part}'" for part in text.split("'"))
    return f"concat({parts})"


def follow(top: Mapping[str, SchemaNode], steps: Sequence[Step]) -> SchemaNode:
    """Return the schema node that steps lead to. Raises ValueError where there is none."""
    children, node = top, None
    for step in steps:
        node = children.get(step.tag)
        if node is None:
            raise ValueError(f"there is no node '{local_name(step.tag)}' in the schema there")
        children = node.children
    assert node is not None
    return node


def find(tree: Element, steps: Sequence[Step]) -> Element | None:
    """Return the element that steps lead to from the root of a data tree."""
    element: Element | None = tree
    for step in steps:
        if element is None:
            return None
        found = (child for child in element.iterchildren(step.tag) if _is(child, step))
        for _ in range((step.position or 1) - 1):
            next(found, None)
        element = next(found, None)
    return element


def _is(element: Element, step: Step) -> bool:
    return all(
        (element.text if tag == "." else element.findtext(tag)) in {value, None if value else ""}
        for tag, value in step.keys
    )


class InstanceIdentifierType:
    """instance-identifier (RFC 7950, 9.13). Whether there is such an instance is for the validator to say.

    top: the schema's data nodes. prefixes: of namespaces. modules: names of modules by namespace.
    """

    def __init__(
        self, top: Mapping[str, SchemaNode], prefixes: Mapping[str, str], modules: Mapping[str, str], *, required: bool
    ) -> None:
        self._top = top
        self._prefixes = prefixes
        self._modules = modules
        self.require_instance = required

    def parse(self, text: str, namespaces: Scope) -> Value:
        """Return it with the schema's prefixes and canonical key values."""
        steps = parse_xml(text.strip(), namespaces)
        return write_xml(self._with_keys(steps, partial(_parse_key, scope=namespaces)), self._prefixes)

    def to_json(self, text: str, module: str) -> object:
        """With module names where they change (RFC 7951, 6.11)."""
        steps = parse_xml(text, {prefix: namespace for namespace, prefix in self._prefixes.items()})
        return write_json(self._with_keys(steps, _json_key), self._modules)

    def from_json(self, value: object, module: str) -> Value:
        """With module names where they change (RFC 7951, 6.11)."""
        steps = parse_json(expect_string(value), {name: namespace for namespace, name in self._modules.items()})
        scope: Scope = {name: namespace for namespace, name in self._modules.items()}
        return write_xml(self._with_keys(steps, partial(_parse_json_key, scope=scope)), self._prefixes)

    def _with_keys(self, steps: Sequence[Step], change: Callable[[str, SchemaNode], str]) -> list[Step]:
        """Return steps with other key values. Raises ValueError where the schema has no such nodes or keys."""
        result: list[Step] = []
        for number, step in enumerate(steps, 1):
            node = follow(self._top, steps[:number])
            keys = []
            for tag, value in step.keys:
                key = node if tag == "." else node.children.get(tag)
                if key is None or key.type is None:
                    raise ValueError(f"'{local_name(tag)}' is no key of '{node.name}'")
                keys.append((tag, change(value, key)))
            result.append(Step(step.tag, tuple(keys), step.position))
        return result


def _parse_key(text: str, key: SchemaNode, scope: Scope) -> str:
    assert key.type is not None
    return key.type.parse(text, scope).text


def _parse_json_key(text: str, key: SchemaNode, scope: Scope) -> str:
    """Return the canonical form of a key, in which an identity of the key's own module may have no module."""
    assert key.type is not None
    try:
        return key.type.parse(text, scope).text
    except ValueError:
        return key.type.from_json(text, key.module).text


def _json_key(text: str, key: SchemaNode) -> str:
    """Return a key as JSON has it, which is the canonical form but where there are modules in it."""
    assert key.type is not None
    value = key.type.to_json(text, "")
    return value if isinstance(value, str) else text


class PrefixedXPathType:
    """An XPath expression as a value, with its prefixes (yang:xpath1.0; RFC 8341, node-instance-identifier).

    prefixes: of namespaces. modules: names of modules by namespace; they are the prefixes in JSON.
    """

    def __init__(self, prefixes: Mapping[str, str], modules: Mapping[str, str]) -> None:
        self._prefixes = prefixes
        self._modules = modules

    def parse(self, text: str, namespaces: Scope) -> Value:
        """Return it with the schema's prefixes."""
        used: dict[str, str] = {}

        def change(prefix: str) -> str:
            namespace = namespaces.get(prefix)
            if namespace is None or namespace not in self._prefixes:
                raise ValueError(f"the prefix '{prefix}' in {shown(text)} stands for no module of the schema")
            used[self._prefixes[namespace]] = namespace
            return self._prefixes[namespace]

        return Value(rename(text, change), used)

    def to_json(self, text: str, module: str) -> object:
        """With module names for prefixes."""
        names = {prefix: self._modules[namespace] for namespace, prefix in self._prefixes.items()}
        return rename(text, names.__getitem__)

    def from_json(self, value: object, module: str) -> Value:
        """With module names for prefixes."""
        return self.parse(expect_string(value), {name: namespace for namespace, name in self._modules.items()})
