"""The management plane, put together: datastores, their operations, state and notifications, served over NETCONF."""

import os
import pwd
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import structlog

from nc.backend import Backend
from nc.clock import Clock, GeventTimers
from nc.component import Component, ConfigWarning
from nc.errors import RpcError, RpcErrors
from nc.filter import Want
from nc.history import History, StorageError, Version
from nc.schema import Schema
from nc.server import NetconfServer, SshEndpoint
from nc.session import Session, Sessions
from nc.state import StateSource
from nc.unix import TRANSPORT as UNIX_TRANSPORT
from nc.xml import Element
from nc.yang_library import announce
from vppdhc.northbound import built
from vppdhc.northbound.built import Unavailable
from vppdhc.northbound.components import ManagementComponent
from vppdhc.northbound.config import ManagementConfig, parser
from vppdhc.northbound.model import BUILD
from vppdhc.northbound.operations import ConfigOperations
from vppdhc.northbound.sources import Source, matches, nothing

SOCKET_NAME: Final = "netconf.sock"
"""Name of the socket for operators on the machine, in the run directory."""


class IncompleteModelError(Exception):
    """The model has nodes that the program neither reads nor writes; the text names them."""


class Management:
    """The NETCONF server of the daemon, and everything behind it.

    backend: datastores, operations and notifications.
    """

    def __init__(
        self,
        schema: Schema,
        config_file: Path,
        state_dir: Path,
        run_dir: Path,
        clock: Clock,
        components: Sequence[Component],
        sources: Sequence[StateSource],
    ) -> None:
        """Nothing is served before start(), and nothing read before load().

        state_dir: for versions of the configuration and the host key. run_dir: for the socket of local operators.
        """
        self._schema = schema
        self._log = structlog.get_logger()
        self._recovery: frozenset[str] = frozenset()
        self._own_user = _user_name()
        self._problems: dict[str, str] = {}
        self._library_seen = state_dir / "yang-library"
        self._history = History(config_file, state_dir / "versions")
        self._sessions = Sessions(clock)
        management = ManagementComponent(schema, run_dir / SOCKET_NAME, self._configure)
        self.backend: Final = Backend(
            schema,
            [Unavailable(schema), *components, management],
            [*sources, *self._sources()],
            self._history,
            self._sessions,
            self._is_recovery,
            clock,
            GeventTimers(),
            parser(schema),
        )
        operations = self.backend.operations
        ConfigOperations(self.backend.datastores, self.backend.access, self._history.text, parser(schema)).register(
            operations
        )
        self._server = NetconfServer(self._sessions, operations, state_dir / "keys", self._report)

    def check_complete(self) -> None:
        """See that every node of the model has a reader or a writer; raises IncompleteModelError."""
        gaps = [*built.gaps(self._schema), *self.backend.gaps()]
        if gaps:
            raise IncompleteModelError(f"nobody serves {', '.join(node.path for node in gaps)}")

    def load(self) -> list[ConfigWarning]:
        """Put what the configuration file says into effect; raises RpcErrors, RpcError or StorageError."""
        return self.backend.datastores.load()

    def reload(self) -> None:
        """Read the file again, as a commit; what is wrong with it is logged, and changes nothing."""
        try:
            warnings = self.load()
        except (RpcError, RpcErrors, StorageError) as error:
            self._log.error("configuration not reloaded", reason=str(error))
            return
        self.warn(warnings)
        self._log.info("configuration reloaded")

    def warn(self, warnings: Sequence[ConfigWarning]) -> None:
        """Log what components do not like of the configuration."""
        for warning in warnings:
            self._log.warning("configuration", path=str(warning.path or "/"), reason=warning.message)

    def start(self) -> None:
        """Begin to serve; whoever replays notifications after an upgrade learns of another model."""
        self._server.start()
        try:
            announce(self.backend.library, self._library_seen, self.backend.notifications.publish)
        except OSError as error:
            self._log.warning("a change of the model cannot be announced", reason=str(error))

    def stop(self) -> None:
        """End all sessions, and serve no more."""
        self._server.stop()
        self._schema.close()

    def versions(self) -> list[Version]:
        """List the versions of the configuration, the newest first."""
        return self.backend.datastores.versions()

    @property
    def problem(self) -> str:
        """What does not work of the server itself; empty when all is well."""
        return "; ".join(f"{name}: {problem}" for name, problem in sorted(self._problems.items()))

    def _configure(self, config: ManagementConfig) -> None:
        self._recovery = config.recovery_users
        self.backend.notifications.resize(config.notification_log)
        self._server.configure(config.server)

    def _is_recovery(self, session: Session) -> bool:
        """Whether access control is not for somebody; the daemon's own user could edit its files anyway."""
        local = session.transport == UNIX_TRANSPORT and session.username == self._own_user
        return local or session.username in self._recovery

    def _report(self, name: str, problem: str | None) -> None:
        """Remember what does not work, for the state; the server has logged it."""
        if problem is None:
            self._problems.pop(name, None)
        else:
            self._problems[name] = problem

    # State of /vppdhc:netconf-server

    def _sources(self) -> list[Source]:
        return [
            Source("/vppdhc:netconf-server/listener", self._listener),
            Source("/vppdhc:netconf-server/host-key", self._host_key),
            Source("/vppdhc:netconf-server/call-home/status", self._call_home),
            nothing("/vppdhc:netconf-server/call-home/last-error"),
            Source(
                "/vppdhc:netconf-server/refused-connection-count",
                lambda _: [BUILD.leaf("refused-connection-count", self._server.login_counters.refused)],
            ),
            Source(
                "/vppdhc:netconf-server/failed-login-count",
                lambda _: [BUILD.leaf("failed-login-count", self._server.login_counters.failed)],
            ),
        ]

    def _listener(self, want: Want) -> Iterator[Element]:
        for endpoint, listener in self._server.listeners:
            if isinstance(endpoint, SshEndpoint) and matches(want, address=endpoint.address, port=endpoint.port):
                yield BUILD.node(
                    "listener",
                    BUILD.leafs(address=endpoint.address, port=endpoint.port, problem=listener.state.problem),
                )

    def _host_key(self, want: Want) -> Iterator[Element]:
        if matches(want, algorithm="ssh-ed25519"):
            yield BUILD.node(
                "host-key",
                BUILD.leafs(
                    algorithm="ssh-ed25519",
                    fingerprint=self._server.fingerprint,
                    public_key=self._server.public_key,
                ),
            )

    def _call_home(self, want: Want) -> Iterator[Element]:
        for client, call in self._server.clients:
            if matches(want, name=client.name):
                problem = call.state.problem
                status = "connected" if call.connected else "connecting" if problem is None else "waiting"
                yield BUILD.node("call-home", BUILD.leafs(name=client.name, status=status, last_error=problem))


def _user_name() -> str:
    """Return the name of the user that the daemon runs as; empty where the machine has none for it."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return ""
