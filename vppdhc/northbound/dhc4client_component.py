"""The parts of the daemon that /vppdhc:dhc4client and /vppdhc:system/duid configure."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from nc.component import ConfigWarning
from nc.errors import ErrorList, invalid_value
from nc.schema import Schema
from nc.xml import Element
from vppdhc.dhc4client.config import ClientConfig
from vppdhc.northbound.components import Interfaces, Ready
from vppdhc.northbound.config import reader, top_entries
from vppdhc.northbound.dhc4client_config import DuidConfig, dhc4client_config, duid_config

_NAME: Final = "dhc4client"


class DuidComponent:
    """/vppdhc:system/duid; apply: has the router known by it."""

    name: Final = "duid"

    def __init__(self, schema: Schema, apply: Callable[[DuidConfig], object]) -> None:
        self._schema = schema
        self._apply = apply

    def prepare(self, old: Element, new: Element, *, strict: bool) -> Ready:
        """Read the new configuration."""
        config = duid_config(self._schema, new)
        return Ready(lambda: self._apply(config))


class Dhcp4ClientComponent:
    """/vppdhc:dhc4client.

    interfaces: gives VPP's interfaces as they are.
    punt_problem: says why VPP would give us no packets; empty when it would, or is not there.
    apply: has a client on each interface, and no others.
    """

    name: Final = _NAME

    def __init__(
        self,
        schema: Schema,
        interfaces: Callable[[], Interfaces],
        punt_problem: Callable[[], str],
        apply: Callable[[Mapping[str, ClientConfig]], object],
    ) -> None:
        self._schema = schema
        self._interfaces = interfaces
        self._punt_problem = punt_problem
        self._apply = apply

    def prepare(self, old: Element, new: Element, *, strict: bool) -> Ready:
        """Check what the schema cannot: options against their types, and everything against live VPP.

        An interface that VPP has not, and had not when it was configured, is not refused: it is a warning.
        """
        reading = dhc4client_config(self._schema, new)
        before = {entry.text("interface") for entry in top_entries(self._schema, old, _NAME)}
        errors, warnings = ErrorList(), []
        for element, message, app_tag, refuses in self._findings(new, before):
            path = self._schema.instance_path(element)
            warnings.append(ConfigWarning(path, message))
            if strict and refuses:
                errors.add(invalid_value(message, path, app_tag=app_tag))
        for fault in reading.faults:
            path = self._schema.instance_path(fault.element)
            warnings.append(ConfigWarning(path, fault.message))
            if strict:
                errors.add(invalid_value(fault.message, path, app_tag=fault.app_tag))
        errors.raise_any()
        return Ready(lambda: self._apply(reading.configs), tuple(warnings))

    def _findings(self, tree: Element, before: set[str]) -> Iterator[tuple[Element, str, str, bool]]:
        """Go through what is wrong: where, what, its app-tag, and whether a commit is refused for it."""
        entries = top_entries(self._schema, tree, _NAME)
        interfaces = self._interfaces()
        trouble = self._punt_problem() if entries and not before else ""
        served = self._served(tree)
        for entry in entries:
            assert entry.element is not None
            name = entry.text("interface")
            if trouble:
                yield entry.element, trouble, "no-punt-socket", True
            if name in served:
                message = (
                    f"{name} is served by dhc4server as well: clients there would be offered the provider's addresses"
                )
                yield entry.element, message, "client-and-server", False
            if interfaces.known and name not in interfaces.by_name:
                names = ", ".join(sorted(interfaces.by_name)) or "none"
                message = f"VPP has no interface {name}; it has {names}"
                yield entry.element, message, "no-such-interface", name not in before

    def _served(self, tree: Element) -> set[str]:
        """Return the interfaces that dhc4server names; the rest of its configuration may be long."""
        server = reader(self._schema, tree, "dhc4server")
        return {*server.leafs("interfaces"), *(entry.text("name") for entry in server.entries("interface"))}
