"""Reading a valid configuration tree: leafs by their names, with the defaults of the schema."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from nc.schema import SchemaNode
from nc.xml import Element
from vppdhc.northbound.model import name


class Reader:
    """One container or list entry of a valid configuration.

    node: what the schema says of it.
    element: where it is in the tree; None for a container that is not there, whose leafs have their defaults.
    """

    def __init__(self, node: SchemaNode, element: Element | None) -> None:
        self.node = node
        self.element = element

    def leaf(self, local: str) -> str | None:
        """Return a leaf's value, or its default; None without either."""
        tag = name(local)
        child = self._find(tag)
        if child is not None:
            return child.text or ""
        defaults = self.node.children[tag].defaults
        return defaults[0].text if defaults else None

    def text(self, local: str) -> str:
        """Return the value of a leaf that always has one: a key, a mandatory one, or one with a default."""
        value = self.leaf(local)
        if value is None:
            raise LookupError(f"{self.node.path}/{local} has no value")
        return value

    def number(self, local: str) -> int | None:
        """Return the value of a leaf with a number, None without."""
        value = self.leaf(local)
        return None if value is None else int(value)

    def whole(self, local: str) -> int:
        """Return the number in a leaf that always has one."""
        return int(self.text(local))

    def flag(self, local: str) -> bool | None:
        """Return the value of a boolean leaf, None without."""
        value = self.leaf(local)
        return None if value is None else value == "true"

    def leafs(self, local: str) -> tuple[str, ...]:
        """Return the values of a leaf-list, or its defaults."""
        tag = name(local)
        values = () if self.element is None else tuple(child.text or "" for child in self.element.iterchildren(tag))
        return values or tuple(default.text for default in self.node.children[tag].defaults)

    def container(self, local: str) -> Self:
        """Return a container below, there or not."""
        tag = name(local)
        return type(self)(self.node.children[tag], self._find(tag))

    def entries(self, local: str) -> Iterator[Self]:
        """Go through the entries of a list or leaf-list."""
        tag = name(local)
        if self.element is not None:
            for child in self.element.iterchildren(tag):
                yield type(self)(self.node.children[tag], child)

    def child(self, local: str) -> Element | None:
        """Return a leaf or container below, None where it is not there."""
        return self._find(name(local))

    @property
    def value(self) -> str:
        """The value of an entry of a leaf-list."""
        return "" if self.element is None else self.element.text or ""

    def _find(self, tag: str) -> Element | None:
        return None if self.element is None else self.element.find(tag)


@dataclass(frozen=True, slots=True)
class Fault:
    """What the schema lets through, and cannot be.

    element: where it is.
    message: what is wrong and what to do.
    app_tag: a word for programs.
    """

    element: Element
    message: str
    app_tag: str
