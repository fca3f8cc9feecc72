"""The part of the daemon that /vppdhc:ip6ndra configures."""

from collections.abc import Callable, Iterator
from typing import Final

from nc.component import ConfigWarning
from nc.errors import ErrorList, InstancePath, invalid_value
from nc.schema import Schema
from nc.xml import Element
from vppdhc.northbound import ra_checks as checks
from vppdhc.northbound.components import Interfaces, Ready
from vppdhc.northbound.config import reader, top_entries
from vppdhc.northbound.ra_config import RaReading, ra_config
from vppdhc.northbound.reading import Reader
from vppdhc.ra.config import RaConfig


class RaComponent:
    """/vppdhc:ip6ndra.

    interfaces: gives VPP's interfaces as they are.
    punt_problem: says why VPP would give us no packets; empty when it would, or is not there.
    apply: changes over; None ends all router advertisements.
    """

    name: Final = "ip6ndra"

    def __init__(
        self,
        schema: Schema,
        interfaces: Callable[[], Interfaces],
        punt_problem: Callable[[], str],
        apply: Callable[[RaConfig | None], object],
    ) -> None:
        self._schema = schema
        self._interfaces = interfaces
        self._punt_problem = punt_problem
        self._apply = apply

    def prepare(self, old: Element, new: Element, *, strict: bool) -> Ready:
        """Check what the schema cannot: times across levels, and everything against live VPP.

        An interface that VPP has not, and had not when it was configured, is a warning only.
        """
        reading = ra_config(self._schema, new)
        if reading is None:
            return Ready(lambda: self._apply(None))
        errors, warnings = ErrorList(), []
        for path, message, app_tag, refuses in self._findings(old, new, reading):
            warnings.append(ConfigWarning(path, message))
            if strict and refuses:
                errors.add(invalid_value(message, path, app_tag=app_tag))
        errors.raise_any()
        return Ready(lambda: self._apply(reading.config), tuple(warnings))

    def _findings(
        self, old: Element, new: Element, reading: RaReading
    ) -> Iterator[tuple[InstancePath, str, str, bool]]:
        """Go through what is wrong: where, what, its app-tag, and whether a commit is refused for it."""
        top, before = self._top(new), self._top(old)
        node = top.node
        if before.element is None and (trouble := self._punt_problem()):
            yield InstancePath(node.path, {node.prefix: node.namespace}), trouble, "no-punt-socket", True
        for fault in (*reading.faults, *checks.across_levels(reading, top)):
            yield self._schema.instance_path(fault.element), fault.message, fault.app_tag, True
        clients = frozenset(entry.text("interface") for entry in top_entries(self._schema, new, "dhc4client"))
        for fault in (*checks.ending_early(reading, top), *checks.leading_upstream(top, clients)):
            yield self._schema.instance_path(fault.element), fault.message, fault.app_tag, False
        interfaces = self._interfaces()
        if interfaces.known:
            known_before = {interface for _, interface in checks.named(before)}
            for fault, interface in checks.missing(top, interfaces.by_name):
                path = self._schema.instance_path(fault.element)
                yield path, fault.message, fault.app_tag, interface not in known_before

    def _top(self, tree: Element) -> Reader:
        return reader(self._schema, tree, "ip6ndra")
