"""From pyang's type statements to value types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from ipaddress import ip_network
from socket import AF_INET6, inet_ntop, inet_pton
from typing import Final, TypeVar

from pyang.statements import Statement

from nc.schema.instance import InstanceIdentifierType, PrefixedXPathType
from nc.schema.node import SchemaNode, Value, ValueType
from nc.schema.patterns import Pattern
from nc.schema.reftypes import Identity, IdentityrefType, LeafrefType, UnionType
from nc.schema.types import (
    BinaryType,
    BitsType,
    BooleanType,
    Decimal64Type,
    EmptyType,
    EnumerationType,
    IntegerType,
    Restriction,
    StringType,
)

N = TypeVar("N", int, Decimal)

_INTEGERS: Final = {
    f"{sign}int{bits}": (0, 2**bits - 1) if sign else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    for sign in ("", "u")
    for bits in (8, 16, 32, 64)
}
_LONGEST: Final = 2**64 - 1


def _ipv6_address(text: str) -> str:
    """RFC 6991 asks for the form of RFC 5952."""
    address, percent, zone = text.partition("%")
    try:
        return f"{inet_ntop(AF_INET6, inet_pton(AF_INET6, address))}{percent}{zone}"
    except OSError as error:
        raise ValueError(f"'{text}' is not an IPv6 address") from error


def _ipv4_prefix(text: str) -> str:
    """RFC 6991: the bits after the prefix are zero."""
    return str(ip_network(text, strict=False))


def _ipv6_prefix(text: str) -> str:
    """RFC 6991: the bits after the prefix are zero, and the address is in the form of RFC 5952."""
    network = ip_network(text, strict=False)
    return f"{inet_ntop(AF_INET6, network.network_address.packed)}/{network.prefixlen}"


_CANONICAL: Final[Mapping[tuple[str, str], Callable[[str], str]]] = {
    ("ietf-inet-types", "ipv6-address"): _ipv6_address,
    ("ietf-inet-types", "ipv4-prefix"): _ipv4_prefix,
    ("ietf-inet-types", "ipv6-prefix"): _ipv6_prefix,
    ("ietf-inet-types", "domain-name"): str.lower,
    ("ietf-yang-types", "hex-string"): str.lower,
    ("ietf-yang-types", "mac-address"): str.lower,
    ("ietf-yang-types", "phys-address"): str.lower,
    ("ietf-yang-types", "uuid"): str.lower,
}
"""Typedefs whose description defines a canonical form (RFC 6991)."""

_PREFIXED: Final = frozenset({("ietf-yang-types", "xpath1.0"), ("ietf-netconf-acm", "node-instance-identifier")})


class TypeCompiler:
    """Compiles type statements.

    top: the schema's data nodes; filled while types are compiled.
    identities: all of the schema, by (module, name).
    prefixes: the schema's, by namespace. modules: names of modules by namespace.
    leafrefs: every leafref compiled so far, with the module that its path is written in; the caller sets the targets.
    """

    def __init__(
        self,
        top: Mapping[str, SchemaNode],
        identities: Mapping[tuple[str, str], Identity],
        prefixes: Mapping[str, str],
        modules: Mapping[str, str],
    ) -> None:
        self._top = top
        self._identities = identities
        self._prefixes = prefixes
        self._modules = modules
        self._cache: dict[Statement, ValueType] = {}
        self.leafrefs: list[tuple[LeafrefType, Statement]] = []

    def prefix(self, namespace: str) -> str:
        """Return the schema's prefix for a namespace."""
        return self._prefixes[namespace]

    def compile(self, statement: Statement) -> ValueType:
        """Return the value type of a type statement.

        A leafref is always a new one, as what a relative path points to depends on where the leaf is.
        """
        known = self._cache.get(statement)
        if known is not None:
            return known
        before = len(self.leafrefs)
        compiled = self._compile(statement)
        if len(self.leafrefs) == before:
            self._cache[statement] = compiled
        return compiled

    def default(self, statement: Statement) -> Statement | None:
        """Return the default statement of the typedefs behind a type statement, the nearest one."""
        for typedef in _typedefs(statement):
            default = typedef.search_one("default")
            if default is not None:
                return default
        return None

    def parse_default(self, type_: ValueType, statement: Statement) -> Value:
        """Return the canonical value of a default; integers may be hexadecimal or octal there (RFC 7950, 9.2.1)."""
        text = statement.arg
        if isinstance(type_, IntegerType) and text.lstrip("+-")[:1] == "0" and text.lstrip("+-") != "0":
            sign, digits = ("-" if text.startswith("-") else ""), text.lstrip("+-")
            text = f"{sign}{int(digits, 16 if digits[1:2] in {'x', 'X'} else 8)}"
        return type_.parse(text, self.scope(statement))

    def scope(self, statement: Statement) -> Mapping[str | None, str]:
        """Return the namespaces of the prefixes of the module that a statement is written in."""
        namespaces = {name: namespace for namespace, name in self._modules.items()}
        module = statement.i_orig_module
        scope: dict[str | None, str] = {
            prefix: namespaces[name] for prefix, (name, _) in module.i_prefixes.items() if name in namespaces
        }
        own = namespaces[module.i_modulename]
        return scope | {None: own, module.i_prefix: own}

    def _compile(self, statement: Statement) -> ValueType:
        chain = _chain(statement)
        base = chain[-1].arg
        if base in _INTEGERS:
            return _integer(chain)
        by_name: dict[str, Callable[[list[Statement]], ValueType]] = {
            "decimal64": _decimal64,
            "string": self._string,
            "boolean": lambda _: BooleanType(),
            "enumeration": lambda chain: EnumerationType(_numbered(chain, "enum")),
            "bits": _bits,
            "binary": lambda chain: BinaryType(_restrictions(chain, "length", 0, _LONGEST, int)),
            "empty": lambda _: EmptyType(),
            "identityref": self._identityref,
            "union": self._union,
            "leafref": self._leafref,
            "instance-identifier": self._instance_identifier,
        }
        return by_name[base](chain)

    def _union(self, chain: list[Statement]) -> UnionType:
        members = [self.compile(member) for member in chain[-1].search("type")]
        return UnionType(members, {prefix: namespace for namespace, prefix in self._prefixes.items()})

    def _leafref(self, chain: list[Statement]) -> LeafrefType:
        leafref = LeafrefType(_required(chain))
        self.leafrefs.append((leafref, chain[-1].search_one("path")))
        return leafref

    def _instance_identifier(self, chain: list[Statement]) -> InstanceIdentifierType:
        return InstanceIdentifierType(self._top, self._prefixes, self._modules, required=_required(chain))

    def _string(self, chain: list[Statement]) -> ValueType:
        names = [(typedef.i_orig_module.i_modulename, typedef.arg) for typedef in _typedefs(chain[0])]
        if _PREFIXED.intersection(names):
            return PrefixedXPathType(self._prefixes, self._modules)
        patterns = [pattern for statement in reversed(chain) for pattern in statement.search("pattern")]
        return StringType(
            _restrictions(chain, "length", 0, _LONGEST, int),
            tuple(_pattern(pattern) for pattern in patterns),
            next((_CANONICAL[name] for name in names if name in _CANONICAL), None),
        )

    def _identityref(self, chain: list[Statement]) -> IdentityrefType:
        bases = {
            (base.i_identity.i_module.i_modulename, base.i_identity.arg)
            for statement in chain
            for base in statement.search("base")
        }
        # RFC 7950, 9.10.2: derived from all of the bases.
        return IdentityrefType([identity for identity in self._identities.values() if bases <= identity.bases])


def _chain(statement: Statement) -> list[Statement]:
    """Return a type statement and those of the typedefs behind it, the built-in type's last."""
    chain = [statement]
    while (typedef := chain[-1].i_typedef) is not None:
        chain.append(typedef.search_one("type"))
    return chain


def _typedefs(statement: Statement) -> list[Statement]:
    return [link.i_typedef for link in _chain(statement)[:-1]]


def _integer(chain: list[Statement]) -> IntegerType:
    name = chain[-1].arg
    low, high = _INTEGERS[name]
    return IntegerType(name, (Restriction(((low, high),)), *_restrictions(chain, "range", low, high, int)))


def _bits(chain: list[Statement]) -> BitsType:
    positions = _numbered(chain, "bit")
    return BitsType(tuple(sorted(positions, key=positions.__getitem__)))


def _decimal64(chain: list[Statement]) -> Decimal64Type:
    digits = int(next(found.arg for link in chain if (found := link.search_one("fraction-digits")) is not None))
    largest = Decimal(2**63 - 1).scaleb(-digits)
    smallest = Decimal(-(2**63)).scaleb(-digits)
    return Decimal64Type(digits, _restrictions(chain, "range", smallest, largest, Decimal))


def _restrictions(
    chain: list[Statement], keyword: str, low: N, high: N, number: Callable[[str], N]
) -> tuple[Restriction[N], ...]:
    """Return the range or length statements, the innermost typedef's first; "min" and "max" are the base type's."""
    result: list[Restriction[N]] = []
    for link in reversed(chain):
        statement = link.search_one(keyword)
        if statement is None:
            continue
        parts: list[tuple[N, N]] = []
        for part in statement.arg.split("|"):
            first, _, last = (piece.strip() for piece in part.partition(".."))
            begin = _bound(first, low, high, number)
            parts.append((begin, _bound(last, low, high, number) if last else begin))
        low, high = parts[0][0], parts[-1][1]
        result.append(
            Restriction(tuple(parts), _argument(statement, "error-message"), _argument(statement, "error-app-tag"))
        )
    return tuple(result)


def _bound(text: str, low: N, high: N, number: Callable[[str], N]) -> N:
    return {"min": low, "max": high}[text] if text in {"min", "max"} else number(text)


def _numbered(chain: list[Statement], keyword: str) -> dict[str, int]:
    """Return the enums or bits with their numbers; a derived type names some of its base type's (RFC 7950, 9.6.4.1)."""
    levels = [found for link in chain if (found := link.search(keyword))]
    numbers = {entry.arg: entry.i_value if keyword == "enum" else entry.i_position for entry in levels[-1]}
    supported = [entry for entry in levels[0] if not hasattr(entry, "i_not_implemented")]
    return {entry.arg: numbers[entry.arg] for entry in supported}


def _pattern(statement: Statement) -> Pattern:
    return Pattern(
        statement.arg,
        statement.search_one("modifier", arg="invert-match") is not None,
        _argument(statement, "error-message"),
        _argument(statement, "error-app-tag"),
    )


def _required(chain: list[Statement]) -> bool:
    found = next((found for link in chain if (found := link.search_one("require-instance")) is not None), None)
    return found is None or found.arg == "true"


def _argument(statement: Statement, keyword: str) -> str | None:
    found = statement.search_one(keyword)
    return None if found is None else str(found.arg)
