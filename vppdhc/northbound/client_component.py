"""What the components of the router's own clients, of DHCPv4 and of DHCPv6, have in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from nc.component import ConfigWarning
from nc.errors import ErrorList, invalid_value
from nc.schema import Schema
from nc.xml import Element
from vppdhc.northbound.components import Interfaces, Ready
from vppdhc.northbound.config import reader, top_entries
from vppdhc.northbound.reading import Fault, Reader

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class ClientReading(Generic[C]):
    """What was read of a list of clients.

    configs: by interface.
    faults: what in it is left out, as it cannot be.
    """

    configs: Mapping[str, C]
    faults: tuple[Fault, ...]


class Named(NamedTuple):
    """An interface that the configuration names, and where."""

    element: Element
    interface: str


class ClientComponent(ABC, Generic[C]):
    """A list of clients.

    name: of the list. server: name of the server of the same protocol.
    """

    name: str
    server: str

    def __init__(
        self,
        schema: Schema,
        interfaces: Callable[[], Interfaces],
        punt_problem: Callable[[], str],
        apply: Callable[[Mapping[str, C]], object],
    ) -> None:
        """Change nothing before prepare().

        interfaces: gives VPP's interfaces as they are.
        punt_problem: says why VPP would give us no packets; empty when it would, or is not there.
        apply: has a client on each interface, and no others.
        """
        self._schema = schema
        self._interfaces = interfaces
        self._punt_problem = punt_problem
        self._apply = apply

    @abstractmethod
    def read(self, tree: Element) -> ClientReading[C]:
        """Read the list."""

    def named(self, entry: Reader) -> Iterator[Named]:
        """Give all interfaces that an entry of the list names: first its own."""
        assert entry.element is not None
        yield Named(entry.element, entry.text("interface"))

    def prepare(self, old: Element, new: Element, *, strict: bool) -> Ready:
        """Check what the schema cannot: the list in itself, and against live VPP.

        An interface that VPP has not, and had not when it was configured, is not refused: it is a warning.
        """
        reading = self.read(new)
        errors, warnings = ErrorList(), []
        for fault, refuses in (*((fault, True) for fault in reading.faults), *self._live_faults(old, new)):
            path = self._schema.instance_path(fault.element)
            warnings.append(ConfigWarning(path, fault.message))
            if strict and refuses:
                errors.add(invalid_value(fault.message, path, app_tag=fault.app_tag))
        errors.raise_any()
        return Ready(lambda: self._apply(reading.configs), tuple(warnings))

    def _live_faults(self, old: Element, new: Element) -> Iterator[tuple[Fault, bool]]:
        """Go through what does not go with VPP or the servers as they are, and whether a commit is refused for it."""
        entries, before = self._entries(new), self._entries(old)
        interfaces = self._interfaces()
        trouble = self._punt_problem() if entries and not before else ""
        known_before = {interface for entry in before for _, interface in self.named(entry)}
        served = self._served(new)
        for entry in entries:
            named = list(self.named(entry))
            element, name = named[0]
            if trouble:
                yield Fault(element, trouble, "no-punt-socket"), True
            if name in served:
                message = f"{name} is served by {self.server} as well: clients there would be offered the provider's "
                message += "addresses"
                yield Fault(element, message, "client-and-server"), False
            for place, interface in named:
                if interfaces.known and interface not in interfaces.by_name:
                    names = ", ".join(sorted(interfaces.by_name)) or "none"
                    message = f"VPP has no interface {interface}; it has {names}"
                    yield Fault(place, message, "no-such-interface"), interface not in known_before

    def _entries(self, tree: Element) -> list[Reader]:
        return top_entries(self._schema, tree, self.name)

    def _served(self, tree: Element) -> set[str]:
        """Return the interfaces that the server names; the rest of its configuration may be long."""
        server = reader(self._schema, tree, self.server)
        return {*server.leafs("interfaces"), *(entry.text("name") for entry in server.entries("interface"))}
