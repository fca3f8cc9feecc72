"""The DUID by which servers and clients know this router: /vppdhc:system/duid."""

from collections.abc import Callable

from nc.component import Component
from nc.schema import Schema
from nc.state import StateSource
from vppdhc.clock import Clock
from vppdhc.duid import Duid
from vppdhc.northbound.duid import DuidComponent, DuidConfig, DuidState
from vppdhc.places import Places


class DuidPart:
    """The DUID, and those who are to know when it is another one."""

    def __init__(self, places: Places, clock: Clock) -> None:
        """Make none yet."""
        self._duid = Duid(places.duid, clock)
        self._listeners: list[Callable[[], object]] = []

    def components(self, schema: Schema) -> list[Component]:
        """Return what configures it."""
        return [DuidComponent(schema, self._configure)]

    def sources(self) -> list[StateSource]:
        """Return what tells of it."""
        return [*DuidState(self._duid).sources()]

    def get(self, mac: bytes) -> bytes:
        """Return the DUID in use. mac: hardware address of an interface, to make one from where there is none."""
        return self._duid.get(mac)

    def on_change(self, listener: Callable[[], object]) -> None:
        """Have a listener told when another DUID is in use; it must not wait."""
        self._listeners.append(listener)

    def _configure(self, config: DuidConfig) -> None:
        before = self._duid.current
        self._duid.configure(value=config.value, made_as=config.made_as)
        if self._duid.current != before:
            for listener in self._listeners:
                listener()
