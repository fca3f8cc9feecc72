"""XML as NETCONF has it: a parser that survives anything, one way to write it, and the namespaces by their names."""

import re
from collections.abc import Iterator
from copy import deepcopy
from itertools import islice
from typing import Final, TypeAlias

from lxml import etree

from nc.pace import Pace

Element: TypeAlias = etree._Element

NC: Final = "urn:ietf:params:xml:ns:netconf:base:1.0"
NOTIFICATION: Final = "urn:ietf:params:xml:ns:netconf:notification:1.0"
NOTIFICATION_MANAGEMENT: Final = "urn:ietf:params:xml:ns:netmod:notification"
MONITORING: Final = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
NMDA: Final = "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"
DATASTORES: Final = "urn:ietf:params:xml:ns:yang:ietf-datastores"
ORIGIN: Final = "urn:ietf:params:xml:ns:yang:ietf-origin"
ACM: Final = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
LIBRARY: Final = "urn:ietf:params:xml:ns:yang:ietf-yang-library"
WITH_DEFAULTS: Final = "urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults"
DEFAULT_ATTRIBUTE: Final = "urn:ietf:params:xml:ns:netconf:default:1.0"
"""Namespace of the attribute "default" of report-all-tagged (RFC 6243, section 6)."""
YANG: Final = "urn:ietf:params:xml:ns:yang:1"
"""Namespace of YANG's own attributes and error-info, and of <action> (RFC 7950, 5.3.1 and 7.15.2)."""

DATA: Final = f"{{{NC}}}data"
"""Tag of the root of every data tree."""

_CHUNK: Final = 1 << 16
_SMALL: Final = 500
_DOCUMENT_TYPE: Final = re.compile(rb"(?:\s+|<\?.*?\?>|<!--.*?-->|\xef\xbb\xbf)*+<!DOCTYPE", re.DOTALL)


class XmlError(ValueError):
    """Bytes that are not XML as NETCONF allows it.

    line: where, counted from 1; 0 where that has no meaning. what: what is wrong there.
    """

    def __init__(self, what: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {what}" if line else what)
        self.line: Final = line
        self.what: Final = what


def qname(namespace: str, name: str) -> str:
    """Return a name as lxml has it: {namespace}name."""
    return f"{{{namespace}}}{name}"


def namespace_of(tag: str) -> str:
    """Return the namespace of an lxml name; "" without one."""
    return tag[1:].partition("}")[0] if tag.startswith("{") else ""


def local_name(tag: str) -> str:
    """Return an lxml name without its namespace."""
    return tag.rpartition("}")[2]


def new_data() -> Element:
    """Return an empty data tree."""
    return etree.Element(DATA, nsmap={"nc": NC})


def elements(parent: Element) -> Iterator[Element]:
    """Go through the child elements, leaving out comments."""
    return parent.iterchildren(etree.Element)


def parse(message: bytes, *, max_elements: int = 2_000_000) -> Element:
    """Parse one document, giving way to other greenlets on the way.

    It is in UTF-8 and has no document type (RFC 6241, section 3), so no entities; nothing is loaded from anywhere.
    Comments, processing instructions and white space between elements are dropped. Elements nest up to 256 deep.

    max_elements: how many elements there may be.
    Raises XmlError.
    """
    # Checked before parsing, as a document type can make attributes and text out of nothing.
    if _DOCUMENT_TYPE.match(message):
        raise XmlError("a document type is not allowed")
    if message.count(b"<") - message.count(b"</") > max_elements:
        raise XmlError(f"there are more than {max_elements} elements")
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_blank_text=True,
        remove_comments=True,
        remove_pis=True,
    )
    pace = Pace()
    message = message.lstrip()
    try:
        for begin in range(0, len(message), _CHUNK):
            parser.feed(message[begin : begin + _CHUNK])
            pace.step()
        return parser.close()
    except etree.XMLSyntaxError as error:
        raise XmlError(error.msg or "not well-formed", error.lineno or 0) from error


def serialise(element: Element) -> bytes:
    """Return an element as a document in UTF-8 with its XML declaration."""
    return etree.tostring(element, encoding="UTF-8", xml_declaration=True)


def copy(element: Element) -> Element:
    """Return a deep copy, giving way to other greenlets where it is large."""
    return _copy(element, Pace())


def _copy(element: Element, pace: Pace) -> Element:
    pace.step()
    if sum(1 for _ in islice(element.iter(), _SMALL)) < _SMALL:
        return deepcopy(element)
    result = shell(element)
    for child in element:
        result.append(_copy(child, pace))
    return result


def shell(element: Element) -> Element:
    """Return a copy of an element with its attributes, without its content."""
    namespaces = {element.prefix: namespace_of(element.tag)} if element.prefix else None
    result = etree.Element(element.tag, nsmap=namespaces)
    for name, value in element.items():
        result.set(name, value)
    result.text = element.text
    return result
