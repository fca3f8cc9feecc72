"""Writing elements of one module: state, replies and notifications."""

from collections.abc import Iterable

from lxml import etree

from nc.xml import Element, qname


class Builder:
    """Makes elements of one namespace.

    namespace, prefix: of the elements.
    others: namespaces by prefix that values may use.
    """

    def __init__(self, namespace: str, prefix: str, others: dict[str, str] | None = None) -> None:
        self._namespace = namespace
        self._prefix = prefix
        self._nsmap = {prefix: namespace, **(others or {})}

    def tag(self, name: str) -> str:
        """Return the tag of an element."""
        return qname(self._namespace, name)

    def node(self, name: str, children: Iterable[Element] = ()) -> Element:
        """Make an element with others in it."""
        element = etree.Element(self.tag(name), nsmap=self._nsmap)
        element.extend(children)
        return element

    def leaf(self, name: str, value: object) -> Element:
        """Make an element with a value in it."""
        element = self.node(name)
        element.text = str(value)
        return element

    def leafs(self, **values: object) -> list[Element]:
        """Make an element for each value; an underscore in a name stands for a hyphen, and None for no element."""
        return [self.leaf(name.replace("_", "-"), value) for name, value in values.items() if value is not None]
