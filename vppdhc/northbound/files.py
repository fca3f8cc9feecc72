"""Configuration files: read, checked with everything that can be checked without VPP, and written."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from lxml import etree

from nc.component import Component, ConfigWarning
from nc.errors import RpcErrors
from nc.schema import Schema
from nc.xml import NC, Element, copy, new_data, qname
from vppdhc.northbound.built import Unavailable
from vppdhc.northbound.components import Interfaces, ManagementComponent
from vppdhc.northbound.config import parser
from vppdhc.northbound.dhc4_component import Dhcp4Component
from vppdhc.northbound.ra_component import RaComponent

_LARGEST: Final = 64 << 20
"""Bytes of the largest file that is read."""


class ConfigError(Exception):
    """A configuration that cannot be used.

    issues: everything that is wrong with it, each with its line and data path where they are known.
    """

    def __init__(self, issues: Sequence[str]) -> None:
        super().__init__("; ".join(issues))
        self.issues = tuple(issues)


def read_config(schema: Schema, path: Path) -> tuple[Element, list[ConfigWarning]]:
    """Read a configuration file, JSON (RFC 7951) or XML, and check it.

    Returns the configuration, and what is not as the operator may think.
    Raises ConfigError with every mistake that was found in it.
    """
    text = _read(path)
    try:
        tree = parser(schema)(text)
    except RpcErrors as errors:
        raise ConfigError([str(error) for error in errors.errors]) from errors
    findings = schema.validate(tree)
    warnings: list[ConfigWarning] = []
    if not findings:
        for component in _components(schema):
            try:
                warnings += component.prepare(new_data(), tree, strict=component.name != "unavailable").warnings
            except RpcErrors as errors:
                findings += errors.errors
    if findings:
        located = findings if text.lstrip().startswith("<") else schema.locate(text, findings)
        raise ConfigError([str(finding) for finding in located])
    return tree, warnings


def to_xml(tree: Element) -> str:
    """Write a configuration as an indented XML document with the root <config> (RFC 6241, 7.2)."""
    root = etree.Element(qname(NC, "config"), nsmap={"nc": NC})
    root.extend(copy(child) for child in tree)
    etree.indent(root)
    text: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)
    return text.decode()


def _components(schema: Schema) -> list[Component]:
    """The components whose checks need no VPP."""
    return [
        Unavailable(schema),
        Dhcp4Component(schema, lambda: Interfaces((), known=False), lambda: "", lambda _: None),
        RaComponent(schema, lambda: Interfaces((), known=False), lambda: "", lambda _: None),
        ManagementComponent(schema, Path("netconf.sock"), lambda _: None),
    ]


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise ConfigError([f"cannot be read: {error.strerror}"]) from error
    if len(content) > _LARGEST:
        raise ConfigError([f"is larger than {_LARGEST >> 20} MiB"])
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ConfigError([f"is not UTF-8: {error.reason} at byte {error.start}"]) from error
