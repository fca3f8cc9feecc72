"""What the rest of the library knows of a data model: nodes and modules, whoever compiled them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, Protocol

Kind = Literal[
    "container", "list", "leaf", "leaf-list", "anydata", "anyxml", "rpc", "action", "notification", "input", "output"
]
DefaultDeny = Literal["", "write", "all"]

STATE_KINDS: Final = frozenset({"container", "list", "leaf", "leaf-list", "anydata", "anyxml"})
"""Kinds of node that a data tree consists of."""


@dataclass(frozen=True, slots=True)
class ModuleRequest:
    """A module that is to be implemented.

    features: those that are on; None for all that it defines.
    """

    name: str
    features: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class SubmoduleInfo:
    """A submodule. revision: "" without one. path: the file it was read from."""

    name: str
    revision: str
    path: Path


@dataclass(frozen=True, slots=True)
class ModuleInfo:
    """A module of a schema.

    revision: "" without one.
    yang_version: "1" or "1.1", as it says of itself.
    prefix: unique in this schema; mostly the module's own.
    features: those that are on. deviations: names of the modules that deviate from it.
    import_only: it is not implemented, only used by others (RFC 8525).
    path: the file it was read from.
    """

    name: str
    revision: str
    namespace: str
    yang_version: str
    prefix: str
    features: tuple[str, ...]
    deviations: tuple[str, ...]
    submodules: tuple[SubmoduleInfo, ...]
    import_only: bool
    path: Path


@dataclass(frozen=True, slots=True)
class Value:
    """A leaf's value in canonical form.

    text: as XML has it. namespaces: of the prefixes in it, for the few types that have some.
    """

    text: str
    namespaces: Mapping[str, str] = field(default_factory=dict)


class ValueType(Protocol):
    """The type of a leaf or leaf-list."""

    def parse(self, text: str, namespaces: Mapping[str | None, str]) -> Value:
        """Return the canonical form of a value in XML. Raises ValueError saying why there is none."""

    def to_json(self, text: str, module: str) -> object:
        """Return the JSON of a canonical value (RFC 7951, section 6), in a leaf of that module."""

    def from_json(self, value: object, module: str) -> Value:
        """Return the canonical value of JSON (RFC 7951, section 6), in a leaf of that module. Raises ValueError."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice. mandatory: one of its cases has to exist. default: name of its default case, or None.

    qname: lxml name of the choice.
    """

    qname: str
    name: str
    mandatory: bool
    default: str | None
    config: bool


@dataclass(frozen=True, slots=True)
class Condition:
    """A "when" or "must" expression.

    expression: XPath in which every name has a prefix. namespaces: of those prefixes.
    above: how many data nodes above the node its context node is; 0 is the node itself (RFC 7950, 7.21.5).
    """

    expression: str
    namespaces: Mapping[str, str]
    above: int = 0
    message: str | None = None
    app_tag: str | None = None


@dataclass(slots=True, eq=False)
class SchemaNode:
    """A node of the schema, with choices and cases left out of the hierarchy of data nodes.

    qname: lxml name; name: without namespace; prefix: the schema's for the namespace; module: name of its module.
    config: False for state; also False inside RPCs, actions and notifications.
    keys: lxml names of a list's keys, in the model's order.
    user_ordered: "ordered-by user". presence: of a container.
    mandatory: the "mandatory" statement; keys are mandatory as well.
    defaults: canonical default values, of the leaf or its type; several only for a leaf-list.
    type: of a leaf or leaf-list, else None.
    children: by their lxml names, in the model's order. Of an rpc or action they are "input" and "output".
    choices: from the outermost inwards the (choice, case name) that the node is in, within its parent.
    default_deny: what NACM denies by default (RFC 8341, default-deny-*), inherited.
    path: schema path; a name has its module where that differs from its parent's: "/m:a/b/n:c".
    min_elements, max_elements, whens, musts: as the statements say, the whens with those of choices, uses and augments.
    """

    qname: str
    name: str
    namespace: str
    prefix: str
    module: str
    kind: Kind
    parent: SchemaNode | None
    path: str
    config: bool = True
    keys: tuple[str, ...] = ()
    user_ordered: bool = False
    presence: bool = False
    mandatory: bool = False
    defaults: tuple[Value, ...] = ()
    type: ValueType | None = None
    units: str = ""
    min_elements: int = 0
    max_elements: int | None = None
    whens: tuple[Condition, ...] = ()
    musts: tuple[Condition, ...] = ()
    choices: tuple[tuple[Choice, str], ...] = ()
    default_deny: DefaultDeny = ""
    children: dict[str, SchemaNode] = field(default_factory=dict)
    actions: dict[str, SchemaNode] = field(default_factory=dict)
    notifications: dict[str, SchemaNode] = field(default_factory=dict)

    @property
    def is_leaf(self) -> bool:
        """Whether the node has a value."""
        return self.kind in {"leaf", "leaf-list"}

    @property
    def is_list(self) -> bool:
        """Whether there can be several of it."""
        return self.kind in {"list", "leaf-list"}

    @property
    def input(self) -> SchemaNode:
        """What an rpc or action takes."""
        return self.children["input"]

    @property
    def output(self) -> SchemaNode:
        """What an rpc or action returns."""
        return self.children["output"]

    def descendants(self) -> Iterator[SchemaNode]:
        """Go through the data nodes below this one, each before its own children."""
        for child in self.children.values():
            yield child
            yield from child.descendants()

    def __repr__(self) -> str:
        return f"SchemaNode({self.kind} {self.path})"
