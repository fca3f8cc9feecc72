"""Client classes: options for clients of a kind."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from vppdhc.dhc4.options import NO_OPTIONS, OptionSet

_KNOWN_MOST: Final = 1024
"""Pairs of vendor class and user classes whose client class is remembered; a client makes up new ones at will."""
_ANY: Final = b"*"


@dataclass(frozen=True, slots=True)
class ClientClass:
    """A kind of clients.

    name: names it for people.
    vendor_classes, user_classes: what such a client says in option 60 or 77; one that ends in "*" stands for all that
        begin so. Where there are both, both have to match; where there are none, that option does not matter.
    options: what such clients get.
    """

    name: str
    vendor_classes: tuple[bytes, ...] = ()
    user_classes: tuple[bytes, ...] = ()
    options: OptionSet = NO_OPTIONS

    def matches(self, vendor_class: bytes | None, user_classes: Sequence[bytes]) -> bool:
        """Whether a client is of this kind. Nobody is of a kind that says nothing."""
        if not (self.vendor_classes or self.user_classes):
            return False
        vendor = () if vendor_class is None else (vendor_class,)
        return all(
            not patterns or any(_fits(pattern, said) for pattern in patterns for said in every)
            for patterns, every in ((self.vendor_classes, vendor), (self.user_classes, user_classes))
        )


class ClientClasses:
    """All classes, in the order in which they count, never changed. Two are equal when the same classes are in them."""

    __slots__ = ("_classes", "_known")

    def __init__(self, classes: Iterable[ClientClass] = ()) -> None:
        self._classes = tuple(classes)
        self._known: dict[tuple[bytes | None, tuple[bytes, ...]], ClientClass | None] = {}

    def __iter__(self) -> Iterator[ClientClass]:
        return iter(self._classes)

    def __len__(self) -> int:
        return len(self._classes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ClientClasses) and self._classes == other._classes

    def __hash__(self) -> int:
        return hash(self._classes)

    def match(self, vendor_class: bytes | None, user_classes: Sequence[bytes]) -> ClientClass | None:
        """Return the first class that a client belongs to.

        vendor_class: option 60 as received, None without. NULs at its end are no part of it (RFC 2132, 2).
        user_classes: those in option 77.
        """
        if not self._classes:
            return None
        pair = vendor_class, tuple(user_classes)
        try:
            return self._known[pair]
        except KeyError:
            pass
        found = self._find(*pair)
        if len(self._known) >= _KNOWN_MOST:
            self._known.clear()
        self._known[pair] = found
        return found

    def _find(self, vendor_class: bytes | None, user_classes: Sequence[bytes]) -> ClientClass | None:
        vendor = None if vendor_class is None else vendor_class.rstrip(b"\0")
        users = [user_class.rstrip(b"\0") for user_class in user_classes]
        return next((one for one in self._classes if one.matches(vendor, users)), None)


def _fits(pattern: bytes, said: bytes) -> bool:
    return said.startswith(pattern[:-1]) if pattern.endswith(_ANY) else said == pattern
