"""The DUID of the router, /vppdhc:system/duid: its configuration and its state."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from nc.filter import Want
from nc.schema import Schema
from nc.xml import Element
from vppdhc.duid import Duid, DuidType
from vppdhc.northbound.components import Ready
from vppdhc.northbound.config import octets, reader
from vppdhc.northbound.model import BUILD
from vppdhc.northbound.sources import Source, hexadecimal


@dataclass(frozen=True, slots=True)
class DuidConfig:
    """The router's DUID. value: itself; empty for one that is made once, as made_as says, and kept."""

    value: bytes
    made_as: DuidType


class DuidComponent:
    """/vppdhc:system/duid; apply: has the router known by it."""

    name: Final = "duid"

    def __init__(self, schema: Schema, apply: Callable[[DuidConfig], object]) -> None:
        self._schema = schema
        self._apply = apply

    def prepare(self, old: Element, new: Element, *, strict: bool) -> Ready:
        """Read the new configuration."""
        config = _duid_config(self._schema, new)
        return Ready(lambda: self._apply(config))


class DuidState:
    """/vppdhc:system/duid."""

    def __init__(self, duid: Duid) -> None:
        self._duid = duid

    def sources(self) -> list[Source]:
        """Return the source of the DUID in use."""
        return [Source("/vppdhc:system/duid/current", self._current)]

    def _current(self, _: Want) -> Iterator[Element]:
        current = hexadecimal(self._duid.current)
        if current is not None:
            yield BUILD.leaf("current", current)


def _duid_config(schema: Schema, tree: Element) -> DuidConfig:
    """Read /vppdhc:system/duid."""
    duid = reader(schema, tree, "system").container("duid")
    return DuidConfig(octets(duid.leaf("value") or ""), DuidType(duid.leaf("type") or DuidType.LLT))
