"""Configurations of router advertisements as an operator writes them, and what becomes of them, for tests."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from nc.errors import RpcErrors
from nc.schema import Schema
from nc.xml import Element, new_data
from vppdhc.interface import Interface
from vppdhc.northbound.components import Interfaces
from vppdhc.northbound.config import parser
from vppdhc.northbound.ra_component import RaComponent
from vppdhc.northbound.ra_config import ra_config
from vppdhc.ra.config import InterfaceConfig, RaConfig

CLIENT = {"interface": "wan0"}
"""A DHCPv6 client on the WAN, without which nothing can be learned."""

Told = list[tuple[str, str]]
"""What is said of a configuration: paths, each with an app-tag of an error or the message of a warning."""


def parsed(schema: Schema, settings: Mapping[str, Any] | None, **others: Any) -> Element:
    """Make a tree of the settings of ip6ndra, None for none, and of others at the top."""
    return parser(schema)(json.dumps(others if settings is None else {"ip6ndra": settings, **others}))


def tree_of(schema: Schema, settings: Mapping[str, Any] | None, **others: Any) -> Element:
    """Make a valid tree."""
    tree = parsed(schema, settings, **others)
    assert schema.validate(tree) == []
    return tree


def configs_of(schema: Schema, settings: Mapping[str, Any], **others: Any) -> dict[str, InterfaceConfig]:
    """Return what settings make of each interface; nothing in them may be wrong."""
    reading = ra_config(schema, tree_of(schema, settings, **others))
    assert reading is not None
    assert reading.faults == ()
    return dict(reading.config.interfaces)


class Judge:
    """A component whose configuration changes."""

    def __init__(self, schema: Schema, *interfaces: Interface, known: bool = True, punt_problem: str = "") -> None:
        self.applied: list[RaConfig | None] = []
        self.messages: list[str] = []
        self.warnings: Told = []
        self.interfaces: Iterable[Interface] = interfaces
        self._schema = schema
        self._running = new_data()
        self._component = RaComponent(
            schema, lambda: Interfaces(self.interfaces, known=known), lambda: punt_problem, self.applied.append
        )

    def commit(self, settings: Mapping[str, Any] | None, *, strict: bool = True, **others: Any) -> Told:
        """Change over; returns the errors of a refusal, by path and app-tag, or nothing."""
        tree = tree_of(self._schema, settings, **others)
        try:
            ready = self._component.prepare(self._running, tree, strict=strict)
        except RpcErrors as errors:
            self.messages = [error.message for error in errors.errors]
            return [(plain(str(error.path)), error.app_tag or "") for error in errors.errors]
        ready.apply()
        self._running = tree
        self.warnings = [(plain(str(warning.path)), warning.message) for warning in ready.warnings]
        return []


def plain(path: str) -> str:
    """Return a path within ip6ndra without prefixes."""
    return path.replace("vppdhc:", "").removeprefix("/ip6ndra")
