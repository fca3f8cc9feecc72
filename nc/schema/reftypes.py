"""The built-in types of YANG that lead to something else: identityref, union and leafref (RFC 7950, section 9)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from nc.schema.node import Condition, SchemaNode, Value, ValueType
from nc.schema.types import Scope, expect_string, shown

_NAMES: Final = 20


@dataclass(frozen=True, slots=True)
class Identity:
    """An identity, with all that it is derived from.

    module, name, namespace, prefix: the prefix is the schema's for the module.
    bases: (module, name) of every identity that it is derived from, near or far.
    """

    module: str
    name: str
    namespace: str
    prefix: str
    bases: frozenset[tuple[str, str]]

    @property
    def value(self) -> Value:
        """As the value of a leaf."""
        return Value(f"{self.prefix}:{self.name}", {self.prefix: self.namespace})


class IdentityrefType:
    """identityref (RFC 7950, 9.10). identities: those allowed."""

    def __init__(self, identities: Sequence[Identity]) -> None:
        self.identities = tuple(identities)
        self._by_namespace = {(entry.namespace, entry.name): entry.value for entry in identities}
        self._by_module = {(entry.module, entry.name): entry.value for entry in identities}
        self._by_text = {entry.value.text: entry for entry in identities}

    def parse(self, text: str, namespaces: Scope) -> Value:
        """Return the name with the schema's prefix; one without prefix is in the default namespace (9.10.3)."""
        prefix, _, name = text.strip().rpartition(":")
        namespace = namespaces.get(prefix or None)
        if namespace is None and prefix:
            raise ValueError(f"the prefix of {shown(text)} has no namespace")
        return self._known(self._by_namespace.get((namespace or "", name)), text)

    def to_json(self, text: str, module: str) -> object:
        """module:name, where the module is not the leaf's (RFC 7951, 6.8)."""
        identity = self._by_text[text]
        return identity.name if identity.module == module else f"{identity.module}:{identity.name}"

    def from_json(self, value: object, module: str) -> Value:
        """module:name, where the module is not the leaf's (RFC 7951, 6.8)."""
        text = expect_string(value)
        given, _, name = text.rpartition(":")
        return self._known(self._by_module.get((given or module, name)), text)

    def _known(self, value: Value | None, text: str) -> Value:
        if value is None:
            names = sorted(f"{identity.module}:{identity.name}" for identity in self.identities)
            more = f", ... ({len(names)} in all)" if len(names) > _NAMES else ""
            raise ValueError(f"{shown(text)} is none of {', '.join(names[:_NAMES])}{more}")
        return value


@dataclass(frozen=True, slots=True)
class UnionType:
    """union (RFC 7950, 9.12): the first member type that the value fits.

    prefixes: the schema's, which canonical values use.
    """

    members: Sequence[ValueType]
    prefixes: Mapping[str | None, str]

    def parse(self, text: str, namespaces: Scope) -> Value:
        """Return the canonical form that the first fitting member type gives."""
        return self._first(lambda member: member.parse(text, namespaces), text)

    def to_json(self, text: str, module: str) -> object:
        """As the first fitting member type does (RFC 7951, 6.10)."""
        for member in self.members:
            try:
                if member.parse(text, self.prefixes).text == text:
                    return member.to_json(text, module)
            except ValueError:
                continue
        raise ValueError(f"{shown(text)} is not a canonical value of this type")

    def from_json(self, value: object, module: str) -> Value:
        """As the first member type that the JSON fits does (RFC 7951, 6.10)."""
        return self._first(lambda member: member.from_json(value, module), str(value))

    def _first(self, attempt: Callable[[ValueType], Value], text: str) -> Value:
        reasons = []
        for member in self.members:
            try:
                return attempt(member)
            except ValueError as error:
                reasons.append(str(error))
        raise ValueError(f"{shown(text)} fits no type of the union: {'; '.join(dict.fromkeys(reasons))}")


@dataclass(slots=True)
class LeafrefType:
    """leafref (RFC 7950, 9.9): the type of the leaf that it points to.

    path: as a condition's expression. target: that leaf. The compiler sets both when all nodes are there.
    Whether there is an instance is not the type's but the validator's to say.
    """

    require_instance: bool
    path: Condition | None = field(default=None, repr=False)
    target: SchemaNode | None = field(default=None, repr=False)

    def parse(self, text: str, namespaces: Scope) -> Value:
        """As the target's type does."""
        return self._type.parse(text, namespaces)

    def to_json(self, text: str, module: str) -> object:
        """As the target's type does."""
        return self._type.to_json(text, module)

    def from_json(self, value: object, module: str) -> Value:
        """As the target's type does."""
        return self._type.from_json(value, module)

    @property
    def _type(self) -> ValueType:
        assert self.target is not None
        assert self.target.type is not None
        return self.target.type
