"""Which line of a JSON text a data node stands on; only asked when something is wrong."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from json import JSONDecoder
from typing import Final

from nc.pace import Pace
from nc.schema.instance import Step
from nc.schema.node import ModuleInfo
from nc.xml import local_name, namespace_of

_DECODER: Final = JSONDecoder()
_SPACE: Final = re.compile(r"[ \t\n\r]*")
_SCALAR: Final = re.compile(r"[^,\]}\s]+")


@dataclass(slots=True)
class _Place:
    """A value of the text.

    at: where it begins, or its name where it has one. members, entries: of an object, of an array. scalar: any other.
    """

    at: int
    members: dict[str, _Place] = field(default_factory=dict)
    entries: list[_Place] = field(default_factory=list)
    scalar: str = ""


def find_lines(text: str, paths: Sequence[Sequence[Step]], modules: Mapping[str, ModuleInfo]) -> list[int]:
    """Return the line of each path, counted from 1: of the node, or of the nearest one above it that is there.

    text: JSON without mistakes of syntax.
    """
    root, _ = _Reading(text).value(_skip(text, 0))
    ends = [match.start() for match in re.finditer("\n", text)]
    finder = _Finder({info.namespace: name for name, info in modules.items()})
    return [1 + bisect_left(ends, finder.follow(root, path).at) for path in paths]


class _Finder:
    """Follows paths from place to place.

    names: of modules by namespace.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self._pace = Pace()
        self._by_key: dict[tuple[int, tuple[str, ...]], dict[tuple[str, ...], _Place]] = {}
        """The entries of arrays, which are named by where they begin, by the values of some members."""

    def follow(self, root: _Place, path: Sequence[Step]) -> _Place:
        """Go along a path as far as possible."""
        self._pace.step()
        place = root
        for step in path:
            found = self._member(place, step.tag)
            if found is None:
                return place
            place = self._entry(found, step) or found
        return place

    def _member(self, place: _Place, tag: str) -> _Place | None:
        local = local_name(tag)
        return place.members.get(f"{self._names.get(namespace_of(tag))}:{local}") or place.members.get(local)

    def _entry(self, place: _Place, step: Step) -> _Place | None:
        """Return the entry that a step means; None where it means no entry, or an object stands for a list of one."""
        if step.position is not None:
            return place.entries[step.position - 1] if step.position <= len(place.entries) else None
        tags = tuple(tag for tag, _ in step.keys)
        if not tags or not place.entries:
            return None
        if (place.at, tags) not in self._by_key:
            self._by_key[place.at, tags] = {self._values(entry, tags): entry for entry in place.entries}
        # A canonical value may differ from what was written; then the line of the list has to do.
        return self._by_key[place.at, tags].get(tuple(value for _, value in step.keys))

    def _values(self, entry: _Place, tags: tuple[str, ...]) -> tuple[str, ...]:
        self._pace.step()
        keys = (entry if tag == "." else self._member(entry, tag) for tag in tags)
        return tuple("" if key is None else key.scalar for key in keys)


class _Reading:
    """Reads a text that is known to be JSON."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._pace = Pace()

    def value(self, at: int) -> tuple[_Place, int]:
        """Read the value that begins there; return it and where it ends."""
        self._pace.step()
        text, place = self._text, _Place(at)
        match text[at]:
            case "{":
                at = _skip(text, at + 1)
                while text[at] != "}":
                    begin = at
                    name, at = _DECODER.raw_decode(text, at)
                    member, at = self.value(_skip(text, _skip(text, at) + 1))
                    member.at = begin
                    place.members[name] = member
                    at = _next(text, at)
                return place, at + 1
            case "[":
                at = _skip(text, at + 1)
                while text[at] != "]":
                    entry, at = self.value(at)
                    place.entries.append(entry)
                    at = _next(text, at)
                return place, at + 1
            case '"':
                place.scalar, at = _DECODER.raw_decode(text, at)
                return place, at
        match_ = _SCALAR.match(text, at)
        assert match_ is not None
        place.scalar = match_[0]
        return place, match_.end()


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()


def _next(text: str, at: int) -> int:
    """Skip white space and a comma."""
    at = _skip(text, at)
    return _skip(text, at + 1) if text[at] == "," else at
