"""XPath 1.0 on data trees, with the functions of RFC 7950, section 10: libxml2 evaluates, this prepares.

In a data tree XPath's root node is the <data> element, so an absolute path begins at the variable $root here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

TokenKind = Literal["space", "literal", "number", "symbol", "operator", "name", "function", "axis"]

_NAME: Final = r"[^\W\d][\w.\-·]*"
_TOKEN: Final = re.compile(
    rf"""
    (?P<space>\s+)
    | (?P<literal>"[^"]*"|'[^']*')
    | (?P<number>\d+(?:\.\d*)?|\.\d+)
    | (?P<name>{_NAME}(?::(?:{_NAME}|\*))?)
    | (?P<symbol>\.\.|::|//|<=|>=|!=|[.()\[\]@,/|+\-=<>$*])
    """,
    re.VERBOSE,
)
_FOLLOWING: Final = re.compile(r"\s*(::|\()")
_LONGEST: Final = 65536
_OPERATOR_NAMES: Final = frozenset({"and", "or", "div", "mod"})
_SYMBOL_OPERATORS: Final = frozenset({"|", "+", "-", "=", "!=", "<", "<=", ">", ">=", "/", "//"})
_NO_OPERAND: Final = frozenset({"@", "::", "(", "[", ",", "$"})


class XPathError(ValueError):
    """An expression that is not XPath 1.0, or that cannot be evaluated."""


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of an expression.

    kind: "name" is a name test, "*" among them is a symbol; "function" is also a node type; "operator" is what stands
    between two operands, "/" and "//" among them.
    """

    kind: TokenKind
    text: str


def tokens(expression: str) -> Iterator[Token]:
    """Cut an expression into its tokens (XPath 1.0, 3.7), white space included. Raises XPathError."""
    if len(expression) > _LONGEST:
        raise XPathError(f"an XPath expression may have {_LONGEST} characters, not {len(expression)}")
    at = 0
    previous: Token | None = None
    while at < len(expression):
        match = _TOKEN.match(expression, at)
        if match is None:
            raise XPathError(f"not an XPath expression: nothing begins with '{expression[at:][:10]}'")
        at = match.end()
        kind = match.lastgroup
        assert kind is not None
        following = _FOLLOWING.match(expression, at) if kind == "name" else None
        token = _classify(kind, match[0], previous, following[1] if following else "")
        yield token
        if token.kind != "space":
            previous = token


def _classify(kind: str, text: str, previous: Token | None, following: str) -> Token:
    # XPath 1.0, 3.7: after an operand, a name or "*" is an operator.
    after_operand = previous is not None and previous.kind != "operator" and previous.text not in _NO_OPERAND
    match kind:
        case "space":
            return Token("space", text)
        case "literal":
            return Token("literal", text)
        case "number":
            return Token("number", text)
        case "symbol":
            is_operator = text in _SYMBOL_OPERATORS or (text == "*" and after_operand)
            return Token("operator" if is_operator else "symbol", text)
    if after_operand and text in _OPERATOR_NAMES:
        return Token("operator", text)
    by_following: dict[str, TokenKind] = {"::": "axis", "(": "function"}
    return Token(by_following.get(following, "name"), text)


def rename(expression: str, change: Callable[[str], str], default: str | None = None) -> str:
    """Return an expression with other prefixes.

    change: gives the new prefix for one. default: the prefix that name tests without one get; None leaves them.
    Raises XPathError, and what change raises.
    """
    parts = []
    previous = ""
    for token in tokens(expression):
        text = token.text
        if token.kind == "name" and previous != "$":
            prefix, _, name = text.rpartition(":")
            if prefix:
                text = f"{change(prefix)}:{name}"
            elif default is not None and previous != "@":
                text = f"{default}:{name}"
        parts.append(text)
        if token.kind != "space":
            previous = token.text
    return "".join(parts)


def at_root(expression: str) -> str:
    """Return an expression in which absolute paths begin at $root. Raises XPathError."""
    given = [token for token in tokens(expression) if token.kind != "space"]
    parts: list[str] = []
    for number, token in enumerate(given):
        before = given[number - 1] if number else None
        absolute = token.text in {"/", "//"} and (
            before is None or before.kind == "operator" or before.text in _NO_OPERAND
        )
        if absolute and token.kind == "operator":
            after = given[number + 1] if number + 1 < len(given) else None
            goes_on = after is not None and (
                after.kind in {"name", "function", "axis"} or after.text in {"*", "@", ".", ".."}
            )
            parts.append(f"$root{token.text}" if goes_on else "$root")
        else:
            parts.append(token.text)
    return " ".join(parts)
