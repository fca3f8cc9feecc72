"""Reading a configuration tree (RFC 7951 JSON) leaf by leaf, collecting everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class Issue(NamedTuple):
    """One thing that is wrong: where, as a data path, and what."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class Container:
    """One JSON object that is read as a YANG container or list entry.

    Every accessor remembers the name it was asked for, so that finish() can report the names nobody knows.

    path: data path of this object, for messages.
    issues: what was found wrong so far, shared by the whole tree.
    """

    def __init__(self, members: object, path: str, issues: list[Issue]) -> None:
        self.path = path
        self.issues = issues
        self._known: set[str] = set()
        self._members: dict[str, Any] = {}
        if isinstance(members, dict):
            self._members = members
        else:
            self.fail(f"expected an object, found {_kind(members)}")

    def fail(self, message: str, name: str = "") -> None:
        """Note that something here, or in the member of that name, is wrong."""
        self.issues.append(Issue(f"{self.path}/{name}" if name else self.path or "/", message))

    def has(self, name: str) -> bool:
        """Tell whether a member is there at all."""
        self._known.add(name)
        return name in self._members

    def container(self, name: str) -> Container | None:
        """Return a container inside this one; None where it is absent."""
        return Container(self._members[name], f"{self.path}/{name}", self.issues) if self.has(name) else None

    def entries(self, name: str, key: str) -> dict[str, Container]:
        """Return the entries of a list by their key; an object where a list is due is a list of one."""
        if not self.has(name):
            return {}
        value = self._members[name]
        entries: dict[str, Container] = {}
        for position, members in enumerate([value] if isinstance(value, dict) else self._list(name)):
            entry = Container(members, f"{self.path}/{name}[{position}]", self.issues)
            identity = entry.leaf(key, string, None)
            if identity is None:
                if isinstance(members, dict) and not entry.has(key):
                    entry.fail(f"the key '{key}' is missing")
                continue
            entry.path = f"{self.path}/{name}[{key}='{identity}']"
            if identity in entries:
                entry.fail("there is another entry with this key")
            entries[identity] = entry
        return entries

    def leaf(self, name: str, parse: Callable[[Any], T], default: T | None) -> T | None:
        """Return a leaf, parsed; the default where it is absent or, after noting so, wrong."""
        if not self.has(name):
            return default
        try:
            return parse(self._members[name])
        except ValueError as error:
            self.fail(str(error), name)
            return default

    def leaf_list(self, name: str, parse: Callable[[Any], T]) -> tuple[T, ...] | None:
        """Return the values of a leaf-list in their order; None where it is absent."""
        if not self.has(name):
            return None
        values: list[T] = []
        for value in self._list(name):
            try:
                parsed = parse(value)
            except ValueError as error:
                self.fail(str(error), name)
                continue
            if parsed in values:
                self.fail(f"{value} is there twice", name)
            values.append(parsed)
        return tuple(values)

    def finish(self) -> None:
        """Report the members that nobody asked for."""
        for name in sorted(self._members.keys() - self._known):
            self.fail(f"there is no such node here; known are {', '.join(sorted(self._known))}", name)

    def _list(self, name: str) -> list[Any]:
        value = self._members[name]
        if isinstance(value, list):
            return value
        self.fail(f"expected a list, found {_kind(value)}", name)
        return []


def string(value: object) -> str:
    """Parse a string that is not empty."""
    if isinstance(value, str) and value:
        return value
    raise ValueError(f"expected a string that is not empty, found {_kind(value)}")


def boolean(value: object) -> bool:
    """Parse true or false."""
    if isinstance(value, bool):
        return value
    raise ValueError(f"expected true or false, found {_kind(value)}")


def integer(least: int, most: int) -> Callable[[object], int]:
    """Return a parser of whole numbers within bounds, both allowed."""

    def parse(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError(f"expected a whole number, found {_kind(value)}")
        if not least <= value <= most:
            raise ValueError(f"{value} is not within {least}..{most}")
        return value

    return parse


def ipv4_address(value: object) -> IPv4Address:
    """Parse an IPv4 address in dotted notation."""
    if not isinstance(value, str):
        raise ValueError(f"expected an IPv4 address, found {_kind(value)}")
    try:
        return IPv4Address(value)
    except AddressValueError as error:
        raise ValueError(f"not an IPv4 address: {error}") from error


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", bool: "true or false", type(None): "null", str: f"the string '{value}'"}
    return names.get(type(value), f"the number {value}")
