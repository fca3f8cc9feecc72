"""What the parts of the daemon that the DHCPv4 and the DHCPv6 server configure have in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final, Generic, TypeVar

from nc.component import ConfigWarning
from nc.errors import ErrorList, InstancePath, invalid_value
from nc.schema import Schema
from nc.xml import Element
from vppdhc.interface import Interface
from vppdhc.northbound import server_checks as checks
from vppdhc.northbound.components import Interfaces, Ready
from vppdhc.northbound.config import reader
from vppdhc.northbound.reading import Fault, Reader
from vppdhc.northbound.server_checks import Problem

_KEYS: Final = {
    checks.INTERFACE: "name",
    checks.SUBNET: "id",
    checks.POOL: "pool-id",
    checks.EXCLUDED: "start-address",
    checks.RESERVATION: "id",
    "prefix-pool": "pool-id",
}
"""The keys of the lists that a problem can be about."""

ConfigT = TypeVar("ConfigT")


@dataclass(frozen=True, slots=True)
class ServerReading(Generic[ConfigT]):
    """What was read of a server.

    config: what it says.
    faults: what in it is left out, as it cannot be.
    """

    config: ConfigT
    faults: tuple[Fault, ...]


ReadingT = TypeVar("ReadingT", bound=ServerReading[Any])


class ServerComponent(ABC, Generic[ConfigT, ReadingT]):
    """A server.

    name: of its container.
    """

    name: str

    def __init__(
        self,
        schema: Schema,
        interfaces: Callable[[], Interfaces],
        punt_problem: Callable[[], str],
        apply: Callable[[ConfigT | None], object],
    ) -> None:
        """Change nothing before prepare().

        interfaces: gives VPP's interfaces as they are.
        punt_problem: says why VPP would give us no packets; empty when it would, or is not there.
        apply: changes the server over; None stops it.
        """
        self._schema = schema
        self._interfaces = interfaces
        self._punt_problem = punt_problem
        self._apply = apply
        self._read: tuple[Element, ReadingT | None] | None = None

    @abstractmethod
    def read(self, tree: Element) -> ReadingT | None:
        """Read the container; None where it is not there."""

    @abstractmethod
    def in_itself(self, reading: ReadingT) -> Iterator[Problem]:
        """Go through what cannot be, whatever interfaces there are."""

    @abstractmethod
    def on_interfaces(self, reading: ReadingT, interfaces: Mapping[str, Interface]) -> Iterator[Problem]:
        """Go through what does not go with VPP's interfaces as they are."""

    def prepare(self, old: Element, new: Element, *, strict: bool) -> Ready:
        """Check what the schema cannot: options, ranges and lifetimes across levels, and everything against live VPP.

        What does not go with VPP's interfaces, and did not before this change either, is a warning only.
        """
        reading = self.read(new)
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
        self, tree: Element, reading: ReadingT, before: ReadingT | None
    ) -> Iterator[tuple[InstancePath, str, str, bool]]:
        """Go through what is wrong: where, what, its app-tag, and whether a commit is refused for it."""
        places = _Places(self._schema, reader(self._schema, tree, self.name))
        if before is None and (trouble := self._punt_problem()):
            yield places.top(), trouble, "no-punt-socket", True
        for fault in reading.faults:
            yield self._schema.instance_path(fault.element), fault.message, fault.app_tag, True
        told = set()
        for problem in self.in_itself(reading):
            told.add(problem)
            yield places.of(problem), problem.message, problem.app_tag, not problem.harmless
        interfaces = self._interfaces()
        if not interfaces.known:
            return
        found = [one for one in self.on_interfaces(reading, interfaces.by_name) if one not in told]
        known = set(self.on_interfaces(before, interfaces.by_name)) if found and before is not None else set()
        for problem in dict.fromkeys(found):
            refuses = not problem.harmless and problem not in known
            yield places.of(problem), problem.message, problem.app_tag, refuses

    def _change_over(self, tree: Element, reading: ReadingT | None) -> None:
        self._read = tree, reading
        self._apply(None if reading is None else reading.config)

    def _reading_of(self, tree: Element) -> ReadingT | None:
        """Read a tree, unless it is the one in effect: with thousands of reservations that takes its time."""
        if self._read is not None and self._read[0] is tree:
            return self._read[1]
        return self.read(tree)


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
            index = {_key(list_, entry): entry for entry in parent.entries(list_)}
            self._entries[parent.element, list_] = index
        return index


def _key(list_: str, entry: Reader) -> str:
    if entry.node.is_leaf:  # of a leaf-list, which may have the name of a list elsewhere
        return entry.value
    text = entry.text(_KEYS[list_])
    return str(ip_address(text)) if list_ == checks.EXCLUDED else text
