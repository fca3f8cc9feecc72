"""The part of the daemon that /vppdhc:dhc4server configures."""

from collections.abc import Callable, Iterator
from typing import Final

from nc.component import ConfigWarning
from nc.errors import ErrorList, InstancePath, invalid_value
from nc.schema import Schema
from nc.xml import Element
from vppdhc.dhc4.config import ServerConfig
from vppdhc.northbound import dhc4_checks as checks
from vppdhc.northbound.components import Interfaces, Ready
from vppdhc.northbound.config import reader
from vppdhc.northbound.dhc4_checks import Problem
from vppdhc.northbound.dhc4_config import Dhcp4Reading, dhc4server_config
from vppdhc.northbound.reading import Reader

_KEYS: Final = {
    checks.INTERFACE: "name",
    checks.SUBNET: "id",
    checks.POOL: "pool-id",
    checks.EXCLUDED: "start-address",
    checks.RESERVATION: "id",
}
"""The keys of the lists that a problem can be about."""


class Dhcp4Component:
    """/vppdhc:dhc4server.

    interfaces: gives VPP's interfaces as they are.
    punt_problem: says why VPP would give us no packets; empty when it would, or is not there.
    apply: changes the server over; None stops it.
    """

    name: Final = "dhc4server"

    def __init__(
        self,
        schema: Schema,
        interfaces: Callable[[], Interfaces],
        punt_problem: Callable[[], str],
        apply: Callable[[ServerConfig | None], object],
    ) -> None:
        self._schema = schema
        self._interfaces = interfaces
        self._punt_problem = punt_problem
        self._apply = apply
        self._read: tuple[Element, Dhcp4Reading | None] | None = None

    def prepare(self, old: Element, new: Element, *, strict: bool) -> Ready:
        """Check what the schema cannot: options, ranges and lifetimes across levels, and everything against live VPP.

        What does not go with VPP's interfaces, and did not before this change either, is a warning only.
        """
        reading = dhc4server_config(self._schema, new)
        if reading is None:
            return Ready(lambda: self._change_over(new, None))
        before = self._reading_of(old)
        errors, warnings = ErrorList(), []
        for path, message, app_tag, refuses in self._findings(new, reading, before):
            warnings.append(ConfigWarning(path, message))
            if strict and refuses:
                errors.add(invalid_value(message, path, app_tag=app_tag))
        errors.raise_any()
        return Ready(lambda: self._change_over(new, reading), tuple(warnings))

    def _findings(
        self, tree: Element, reading: Dhcp4Reading, before: Dhcp4Reading | None
    ) -> Iterator[tuple[InstancePath, str, str, bool]]:
        """Go through what is wrong: where, what, its app-tag, and whether a commit is refused for it."""
        places = _Places(self._schema, reader(self._schema, tree, "dhc4server"))
        if before is None and (trouble := self._punt_problem()):
            yield places.top(), trouble, "no-punt-socket", True
        for fault in reading.faults:
            yield self._schema.instance_path(fault.element), fault.message, fault.app_tag, True
        told = set()
        for problem in checks.in_itself(reading.config):
            told.add(problem)
            yield places.of(problem), problem.message, problem.app_tag, True
        interfaces = self._interfaces()
        if not interfaces.known:
            return
        found = [one for one in checks.on_interfaces(reading.config, interfaces.by_name) if one not in told]
        known = set(checks.on_interfaces(before.config, interfaces.by_name)) if found and before is not None else set()
        for problem in dict.fromkeys(found):
            refuses = not problem.harmless and problem not in known
            yield places.of(problem), problem.message, problem.app_tag, refuses

    def _change_over(self, tree: Element, reading: Dhcp4Reading | None) -> None:
        self._read = tree, reading
        self._apply(None if reading is None else reading.config)

    def _reading_of(self, tree: Element) -> Dhcp4Reading | None:
        """Read a tree, unless it is the one in effect: with thousands of reservations that takes its time."""
        if self._read is not None and self._read[0] is tree:
            return self._read[1]
        return dhc4server_config(self._schema, tree)


class _Places:
    """Finds the paths of problems."""

    def __init__(self, schema: Schema, server: Reader) -> None:
        self._schema = schema
        self._server = server
        self._entries: dict[tuple[Element, str], dict[str, Reader]] = {}

    def top(self) -> InstancePath:
        """Return the path of the server, which need not be there."""
        node = self._server.node
        return InstancePath(node.path, {node.prefix: node.namespace})

    def of(self, problem: Problem) -> InstancePath:
        """Return the path of what a problem is about."""
        at = self._server
        for list_, key in problem.steps:
            at = self._below(at, list_)[key]
        leaf = at.child(problem.leaf) if problem.leaf else None
        found = at.element if leaf is None else leaf
        assert found is not None
        return self._schema.instance_path(found)

    def _below(self, parent: Reader, list_: str) -> dict[str, Reader]:
        """Return the entries of a list or leaf-list by their keys: indexed once, as there may be thousands of each."""
        assert parent.element is not None
        index = self._entries.get((parent.element, list_))
        if index is None:
            key = _KEYS.get(list_)
            index = {(entry.text(key) if key else entry.value): entry for entry in parent.entries(list_)}
            self._entries[parent.element, list_] = index
        return index
