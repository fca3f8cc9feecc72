"""Everything behind the transports, put together: what an embedding program makes one of."""

from collections.abc import Callable, Sequence
from typing import Final

from nc.access import AccessControl, AccessState
from nc.capabilities import capabilities
from nc.clock import Clock, Timers
from nc.component import Component
from nc.datastore import Datastores, Storage
from nc.events import ServerEvents
from nc.monitoring import MonitoringState
from nc.notifications import Notifications, StreamsState
from nc.operations import Operations
from nc.schema import Schema, SchemaNode
from nc.session import Session, Sessions
from nc.state import Operational, StateSource
from nc.xml import Element
from nc.yang_library import ModulesState, YangLibrary, YangLibraryState


class Backend:
    """The datastores, their operations, state and notifications.

    schema: has to contain nc.capabilities.MODULES.
    components: put the configuration into effect, in this order.
    sources: of the state of the program; the server's own state is added.
    storage: keeps running.
    sessions: all sessions of the server.
    recovery: tells a session that access control is not for (RFC 8341, 3.1.4).
    parse: makes a data tree of a stored text, such as schema.from_json.
    """

    def __init__(
        self,
        schema: Schema,
        components: Sequence[Component],
        sources: Sequence[StateSource],
        storage: Storage,
        sessions: Sessions,
        recovery: Callable[[Session], bool],
        clock: Clock,
        timers: Timers,
        parse: Callable[[str], Element],
    ) -> None:
        """Nothing is read before datastores.load()."""
        library = YangLibrary(schema)
        access = AccessControl(schema, recovery)
        self.library: Final = library
        self.access: Final = access
        self.notifications: Final = Notifications(schema, access, clock, timers)
        events = ServerEvents(schema, self.notifications)
        self.datastores: Final = Datastores(schema, [access, *components], storage, clock, timers, events, parse)
        self.operational: Final = Operational(
            schema,
            [
                *sources,
                MonitoringState(schema, self.datastores, sessions, lambda: capabilities(schema, library)),
                YangLibraryState(library),
                ModulesState(library),
                AccessState(access),
                StreamsState(self.notifications),
            ],
        )
        self.operations: Final = Operations(
            schema, self.datastores, self.operational, access, self.notifications, events, library, sessions
        )

    def gaps(self) -> list[SchemaNode]:
        """List what of the schema nobody serves: state without a source, RPCs and actions without a function."""
        return [*self.operational.uncovered(), *self.operations.unsupported()]
