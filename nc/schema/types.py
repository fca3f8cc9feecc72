"""The built-in types of YANG (RFC 7950, section 9): text to canonical text, and the JSON of RFC 7951, section 6.

Every `parse` and `from_json` raises ValueError with a sentence that says what the value should have been.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Generic, TypeVar

from nc.schema.node import Value
from nc.schema.patterns import Pattern

N = TypeVar("N", int, Decimal)

Scope = Mapping[str | None, str]
"""Namespaces by prefix, None being the default namespace."""

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,40}", re.ASCII)
_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?", re.ASCII)
_BASE64: Final = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", re.ASCII)
_NOT_YANG: Final = re.compile(
    "[^\t\n\r\x20-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]|["
    + "".join(chr(plane << 16 | 0xFFFE) + chr(plane << 16 | 0xFFFF) for plane in range(1, 17))
    + "]"
)
"""Characters that a string cannot have (RFC 7950, section 14, yang-char)."""
_SHOWN: Final = 80


class ConstraintError(ValueError):
    """A restriction with an error-message or error-app-tag of its own is broken (RFC 7950, 7.5.4)."""

    def __init__(self, message: str, app_tag: str | None) -> None:
        super().__init__(message)
        self.app_tag: Final = app_tag


def shown(text: str) -> str:
    """Return a value for a message, cut where it is long."""
    return f"'{text}'" if len(text) <= _SHOWN else f"'{text[:_SHOWN]}...'"


@dataclass(frozen=True, slots=True)
class Restriction(Generic[N]):
    """A range or length statement.

    parts: (lowest, highest) each. message, app_tag: what the model wants to be said where none fits.
    """

    parts: tuple[tuple[N, N], ...]
    message: str | None = None
    app_tag: str | None = None

    def check(self, number: N, what: str) -> None:
        """Raise ValueError unless a number is in one of the parts."""
        if any(low <= number <= high for low, high in self.parts):
            return
        allowed = " | ".join(f"{low}" if low == high else f"{low}..{high}" for low, high in self.parts)
        message = f"{what} is not within {allowed}"
        if self.message or self.app_tag:
            raise ConstraintError(self.message or message, self.app_tag)
        raise ValueError(message)


@dataclass(frozen=True, slots=True)
class IntegerType:
    """int8 to uint64. name: of the built-in type."""

    name: str
    ranges: tuple[Restriction[int], ...]

    def parse(self, text: str, namespaces: Scope) -> Value:
        """Return the canonical form; RFC 7950, 9.2: hexadecimal and octal are for modules only."""
        stripped = text.strip()
        if not _INTEGER.fullmatch(stripped):
            raise ValueError(f"{shown(text)} is not a whole number")
        number = int(stripped)
        for restriction in self.ranges:
            restriction.check(number, str(number))
        return Value(str(number))

    def to_json(self, text: str, module: str) -> object:
        """64 bits are a string (RFC 7951, 6.1)."""
        return text if self.name.endswith("64") else int(text)

    def from_json(self, value: object, module: str) -> Value:
        """64 bits are a string (RFC 7951, 6.1)."""
        if self.name.endswith("64"):
            return self.parse(expect_string(value), {})
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError(f"expected a whole number, found {kind(value)}")
        return self.parse(str(value), {})


@dataclass(frozen=True, slots=True)
class Decimal64Type:
    """decimal64 (RFC 7950, 9.3)."""

    fraction_digits: int
    ranges: tuple[Restriction[Decimal], ...]

    def parse(self, text: str, namespaces: Scope) -> Value:
        """Return the canonical form: no zeros that say nothing, but a digit on either side of the point."""
        stripped = text.strip()
        if not _DECIMAL.fullmatch(stripped):
            raise ValueError(f"{shown(text)} is not a decimal number")
        whole, _, fraction = stripped.lstrip("+-").partition(".")
        whole, fraction = whole.lstrip("0"), fraction.rstrip("0")
        if len(fraction) > self.fraction_digits:
            raise ValueError(f"{shown(text)} has more than {self.fraction_digits} fraction digits")
        scaled = int(f"{whole}{fraction.ljust(self.fraction_digits, '0')}")
        sign = "-" if stripped.startswith("-") and scaled else ""
        if scaled > (2**63 if sign else 2**63 - 1):
            raise ValueError(f"{shown(text)} does not fit into a decimal64 with {self.fraction_digits} fraction digits")
        canonical = f"{sign}{whole or '0'}.{fraction or '0'}"
        for restriction in self.ranges:
            restriction.check(Decimal(canonical), canonical)
        return Value(canonical)

    def to_json(self, text: str, module: str) -> object:
        """A string (RFC 7951, 6.1)."""
        return text

    def from_json(self, value: object, module: str) -> Value:
        """A string (RFC 7951, 6.1)."""
        return self.parse(expect_string(value), {})


@dataclass(frozen=True, slots=True)
class StringType:
    """string (RFC 7950, 9.4), and typedefs of it whose canonical form RFC 6991 defines.

    canonical: makes that form of a text that fits the type.
    """

    lengths: tuple[Restriction[int], ...] = ()
    patterns: tuple[Pattern, ...] = ()
    canonical: Callable[[str], str] | None = None

    def parse(self, text: str, namespaces: Scope) -> Value:
        """Return the text if it fits; white space counts."""
        wrong = _NOT_YANG.search(text)
        if wrong:
            raise ValueError(f"the character U+{ord(wrong[0]):04X} is not allowed")
        for restriction in self.lengths:
            restriction.check(len(text), f"the length {len(text)}")
        for pattern in self.patterns:
            if not pattern.matches(text):
                message = f"{shown(text)} does not match {pattern}"
                if pattern.message or pattern.app_tag:
                    raise ConstraintError(pattern.message or message, pattern.app_tag)
                raise ValueError(message)
        return Value(self.canonical(text) if self.canonical else text)

    def to_json(self, text: str, module: str) -> object:
        """A string."""
        return text

    def from_json(self, value: object, module: str) -> Value:
        """A string."""
        return self.parse(expect_string(value), {})


@dataclass(frozen=True, slots=True)
class BooleanType:
    """boolean (RFC 7950, 9.5)."""

    def parse(self, text: str, namespaces: Scope) -> Value:
        """Only "true" and "false"."""
        stripped = text.strip()
        if stripped not in {"true", "false"}:
            raise ValueError(f"{shown(text)} is neither 'true' nor 'false'")
        return Value(stripped)

    def to_json(self, text: str, module: str) -> object:
        """A truth value."""
        return text == "true"

    def from_json(self, value: object, module: str) -> Value:
        """A truth value."""
        if not isinstance(value, bool):
            raise ValueError(f"expected true or false, found {kind(value)}")
        return Value("true" if value else "false")


@dataclass(frozen=True, slots=True)
class EnumerationType:
    """enumeration (RFC 7950, 9.6). values: number of each name."""

    values: Mapping[str, int]

    def parse(self, text: str, namespaces: Scope) -> Value:
        """One of the names."""
        # A name may begin or end with no white space (RFC 7950, 9.6.4), so taking it away loses nothing.
        stripped = text.strip()
        if stripped not in self.values:
            raise ValueError(f"{shown(text)} is none of {', '.join(self.values)}")
        return Value(stripped)

    def to_json(self, text: str, module: str) -> object:
        """A string."""
        return text

    def from_json(self, value: object, module: str) -> Value:
        """A string."""
        return self.parse(expect_string(value), {})


@dataclass(frozen=True, slots=True)
class BitsType:
    """bits (RFC 7950, 9.7). names: in the order of their positions."""

    names: tuple[str, ...]

    def parse(self, text: str, namespaces: Scope) -> Value:
        """Return the names in the order of their positions, with one space between them."""
        given: set[str] = set()
        for name in text.split():
            if name not in self.names:
                raise ValueError(f"{shown(name)} is none of the bits {', '.join(self.names)}")
            if name in given:
                raise ValueError(f"the bit {shown(name)} is there twice")
            given.add(name)
        return Value(" ".join(name for name in self.names if name in given))

    def to_json(self, text: str, module: str) -> object:
        """A string."""
        return text

    def from_json(self, value: object, module: str) -> Value:
        """A string."""
        return self.parse(expect_string(value), {})


@dataclass(frozen=True, slots=True)
class BinaryType:
    """binary (RFC 7950, 9.8); lengths are those of what is encoded."""

    lengths: tuple[Restriction[int], ...] = ()

    def parse(self, text: str, namespaces: Scope) -> Value:
        """Return the base64 (RFC 4648, section 4) without line ends."""
        packed = "".join(text.split())
        if not _BASE64.fullmatch(packed):
            raise ValueError(f"{shown(text)} is not base64")
        octets = base64.b64decode(packed)
        for restriction in self.lengths:
            restriction.check(len(octets), f"the length {len(octets)}")
        return Value(base64.b64encode(octets).decode("ascii"))

    def to_json(self, text: str, module: str) -> object:
        """A string."""
        return text

    def from_json(self, value: object, module: str) -> Value:
        """A string."""
        return self.parse(expect_string(value), {})


@dataclass(frozen=True, slots=True)
class EmptyType:
    """empty (RFC 7950, 9.11)."""

    def parse(self, text: str, namespaces: Scope) -> Value:
        """Nothing."""
        if text.strip():
            raise ValueError(f"expected no value, found {shown(text)}")
        return Value("")

    def to_json(self, text: str, module: str) -> object:
        """[null] (RFC 7951, 6.9)."""
        return [None]

    def from_json(self, value: object, module: str) -> Value:
        """[null] (RFC 7951, 6.9)."""
        if value != [None]:
            raise ValueError(f"expected [null], found {kind(value)}")
        return Value("")


def expect_string(value: object) -> str:
    """Return a JSON string. Raises ValueError for anything else."""
    if not isinstance(value, str):
        raise ValueError(f"expected a string, found {kind(value)}")
    return value


def kind(value: object) -> str:
    """Say what a JSON value is, for messages."""
    names = {dict: "an object", list: "an array", bool: "true or false", type(None): "null"}
    if isinstance(value, str):
        return f"the string {shown(value)}"
    return names.get(type(value), f"the number {shown(str(value))}")
