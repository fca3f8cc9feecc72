"""The pattern statement (RFC 7950, 9.4.5): regular expressions of XML Schema, matched by libxml2."""

from dataclasses import dataclass, field
from typing import Final

from lxml import etree

_XSD: Final = "http://www.w3.org/2001/XMLSchema"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression that the whole of a string has to match.

    invert: it must not match. message, app_tag: what the model wants to be said.
    """

    expression: str
    invert: bool = False
    message: str | None = None
    app_tag: str | None = None
    _schema: etree.XMLSchema = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        schema = etree.Element(f"{{{_XSD}}}schema", nsmap={"xs": _XSD})
        element = etree.SubElement(schema, f"{{{_XSD}}}element", name="v")
        simple = etree.SubElement(element, f"{{{_XSD}}}simpleType")
        restriction = etree.SubElement(simple, f"{{{_XSD}}}restriction", base="xs:string")
        etree.SubElement(restriction, f"{{{_XSD}}}pattern", value=self.expression)
        object.__setattr__(self, "_schema", etree.XMLSchema(schema))

    def __str__(self) -> str:
        return f"{'anything but ' if self.invert else ''}'{self.expression}'"

    def matches(self, text: str) -> bool:
        """Tell whether a string is allowed."""
        element = etree.Element("v")
        element.text = text
        return self._schema.validate(element) is not self.invert
