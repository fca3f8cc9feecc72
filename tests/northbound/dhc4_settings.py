"""Configurations of the DHCPv4 server as an operator writes them, and what becomes of them, for tests."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from nc.errors import RpcErrors
from nc.schema import Schema
from nc.xml import Element, new_data
from vppdhc.dhc4.config import ServerConfig
from vppdhc.interface import Interface
from vppdhc.northbound.components import Interfaces
from vppdhc.northbound.config import parser
from vppdhc.northbound.dhc4_component import Dhcp4Component
from vppdhc.northbound.dhc4_config import dhc4server_config
from vppdhc.northbound.server_component import ServerComponent

CLIENT = {"interface": "wan0"}
"""A client on the WAN, without which nothing can be learned."""


def tree_of(schema: Schema, server: Mapping[str, Any] | None, name: str = "dhc4server", **others: Any) -> Element:
    """Make a valid tree of the settings of the server of a name, None for none, and of others at the top."""
    content = others if server is None else {name: server, **others}
    tree = parser(schema)(json.dumps(content))
    assert schema.validate(tree) == []
    return tree


def config_of(schema: Schema, server: Mapping[str, Any], **others: Any) -> ServerConfig:
    """Return the configuration that settings make; nothing in them may be wrong."""
    reading = dhc4server_config(schema, tree_of(schema, server, **others))
    assert reading is not None
    assert reading.faults == ()
    return reading.config


Told = list[tuple[str, str]]
"""What is said of a configuration: paths, each with an app-tag of an error or the message of a warning."""


class Judge:
    """A component whose configuration changes."""

    component: ClassVar[type[ServerComponent[Any, Any]]] = Dhcp4Component

    def __init__(self, schema: Schema, *interfaces: Interface, known: bool = True, punt_problem: str = "") -> None:
        self.applied: list[Any] = []
        self.interfaces: Iterable[Interface] = interfaces
        self._schema = schema
        self._known = known
        self._running = new_data()
        self._component = self.component(
            schema, lambda: Interfaces(self.interfaces, known=self._known), lambda: punt_problem, self.applied.append
        )

    def commit(self, server: Mapping[str, Any] | None, *, strict: bool = True, **others: Any) -> Told:
        """Change over; returns the errors of a refusal, by path and app-tag, or nothing."""
        tree = tree_of(self._schema, server, self.component.name, **others)
        try:
            ready = self._component.prepare(self._running, tree, strict=strict)
        except RpcErrors as errors:
            self.messages = [error.message for error in errors.errors]
            return [(self._plain(error.path), error.app_tag or "") for error in errors.errors]
        ready.apply()
        self._running = tree
        self.warnings = [(self._plain(warning.path), warning.message) for warning in ready.warnings]
        return []

    def _plain(self, path: object) -> str:
        return str(path).replace("vppdhc:", "").removeprefix(f"/{self.component.name}")
