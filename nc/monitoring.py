"""Monitoring of the NETCONF server (RFC 6022): its state, and get-schema."""

from collections.abc import Callable, Iterator
from typing import Final

from nc.build import Builder
from nc.clock import date_and_time
from nc.datastore import CANDIDATE, RUNNING, Datastores
from nc.errors import NON_UNIQUE, InstancePath, invalid_value, operation_failed
from nc.filter import Want
from nc.schema import ModuleInfo, Schema, SubmoduleInfo
from nc.session import Counters, Session, Sessions
from nc.xml import MONITORING, NC, Element, qname

TRANSPORTS: Final = "urn:x-nc:transports"
"""Namespace of nc-transports, the module with the identities of transports that have no RFC."""

_COUNTER: Final = 2**32
"""Where a counter32 begins again."""

_STANDARD_TRANSPORTS: Final = frozenset({"netconf-ssh", "netconf-tls"})
_BUILD: Final = Builder(MONITORING, "ncm", {"nctr": TRANSPORTS})


class MonitoringState:
    """The container netconf-state."""

    path = "/ietf-netconf-monitoring:netconf-state"

    def __init__(
        self, schema: Schema, datastores: Datastores, sessions: Sessions, capabilities: Callable[[], list[str]]
    ) -> None:
        self._schema = schema
        self._datastores = datastores
        self._sessions = sessions
        self._capabilities = capabilities

    def read(self, want: Want) -> Iterator[Element]:
        """Give the container with those parts that are wanted."""
        parts: dict[str, Callable[[], list[Element]]] = {
            "capabilities": lambda: [_BUILD.leaf("capability", uri) for uri in self._capabilities()],
            "datastores": lambda: [self._datastore(name) for name in (RUNNING, CANDIDATE)],
            "schemas": lambda: list(self._schemas()),
            "sessions": lambda: [_session(session) for session in self._sessions],
            "statistics": self._statistics,
        }
        yield _BUILD.node(
            "netconf-state",
            [
                _BUILD.node(name, build())
                for name, build in parts.items()
                if want.all or qname(MONITORING, name) in want.children
            ],
        )

    def _datastore(self, name: str) -> Element:
        element = _BUILD.node("datastore", [_BUILD.leaf("name", name)])
        lock = self._datastores.lock_of(name)
        if lock is not None:
            held = _BUILD.leafs(locked_by_session=lock.session_id, locked_time=date_and_time(lock.since))
            element.append(_BUILD.node("locks", [_BUILD.node("global-lock", held)]))
        return element

    def _schemas(self) -> Iterator[Element]:
        """Every module and submodule, in the one format that get-schema has."""
        for module in self._schema.modules.values():
            for source in _sources(module):
                yield _BUILD.node(
                    "schema",
                    _BUILD.leafs(
                        identifier=source.name,
                        version=source.revision,
                        format="ncm:yang",
                        namespace=module.namespace,
                        location="NETCONF",
                    ),
                )

    def _statistics(self) -> list[Element]:
        statistics = self._sessions.statistics
        return [
            *_BUILD.leafs(
                netconf_start_time=date_and_time(statistics.start_time),
                in_bad_hellos=statistics.in_bad_hellos % _COUNTER,
                in_sessions=statistics.in_sessions % _COUNTER,
                dropped_sessions=statistics.dropped_sessions % _COUNTER,
            ),
            *_counters(self._sessions.counters),
        ]


def get_schema(schema: Schema, identifier: str, version: str | None, language: str | None) -> Element:
    """Give the reply's data of get-schema (RFC 6022, 3.1): the text of a module or submodule.

    version: its revision; None where the client does not say.
    language: name of the identity of the format; None where the client does not say. There is YANG only.

    Raises RpcError invalid-value where there is none, operation-failed with data-not-unique where there are several.
    """
    sources = [source for module in schema.modules.values() for source in _sources(module)]
    found = [
        source for source in sources if source.name == identifier and (version is None or source.revision == version)
    ]
    if not found or language not in {None, "yang"}:
        wanted = f"{identifier}@{version}" if version else identifier
        message = f"there is no schema {wanted} in format {language or 'yang'}"
        raise invalid_value(message, _parameter("identifier" if not found else "format"))
    if len({source.revision for source in found}) > 1:
        revisions = ", ".join(source.revision for source in found)
        message = f"there are several versions of {identifier}, name one: {revisions}"
        raise operation_failed(message, app_tag=NON_UNIQUE)
    return _BUILD.leaf("data", schema.source(identifier, found[0].revision or None))


def _parameter(name: str) -> InstancePath:
    namespaces = {"nc": NC, "ncm": MONITORING}
    return InstancePath(f"/nc:rpc/ncm:get-schema/ncm:{name}", namespaces)


def _session(session: Session) -> Element:
    prefix = "ncm" if session.transport in _STANDARD_TRANSPORTS else "nctr"
    return _BUILD.node(
        "session",
        [
            *_BUILD.leafs(
                session_id=session.session_id,
                transport=f"{prefix}:{session.transport}",
                username=session.username,
                source_host=session.source_host or None,
                login_time=date_and_time(session.login_time),
            ),
            *_counters(session.counters),
        ],
    )


def _counters(counters: Counters) -> list[Element]:
    return _BUILD.leafs(
        in_rpcs=counters.in_rpcs % _COUNTER,
        in_bad_rpcs=counters.in_bad_rpcs % _COUNTER,
        out_rpc_errors=counters.out_rpc_errors % _COUNTER,
        out_notifications=counters.out_notifications % _COUNTER,
    )


def _sources(module: ModuleInfo) -> list[ModuleInfo | SubmoduleInfo]:
    """Everything of a module that has a text of its own."""
    return [module, *module.submodules]
