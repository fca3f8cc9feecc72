"""A NETCONF server for tests to speak with: starts `server_process` and gives it commands."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, Self

TOP: Final = Path(__file__).resolve().parents[2]

PASSWORD: Final = "Hello world!"
PASSWORD_HASH: Final = (
    "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"
)
"""Of the specification of SHA-crypt, its first example."""
USERS: Final = {"olga": {"password_hash": PASSWORD_HASH, "groups": ["operators"]}}


class Served:
    """A server that keeps its files in a directory and is gone when the test is over.

    settings: `bases`, capabilities of the hello, and `outbox_limit` in bytes.
    """

    def __init__(self, directory: Path, **settings: Any) -> None:
        self.log = directory / "log"
        self.socket = directory / "netconf.sock"
        self.keys = directory / "keys"
        settings["keys"] = str(self.keys)
        command = ["-m", "gevent.monkey", "--module", "tests.nc.server_process", json.dumps(settings)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=TOP
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, do: str, **arguments: Any) -> Any:
        """Have the server do something (see server_process.Process) and return its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, self.log.read_text()
        return json.loads(line)

    def serve(self, **config: Any) -> None:
        """Start it on an SSH port that the system chooses and on its Unix socket, with these settings besides."""
        self.ask("configure", **(self.usual() | config))
        self.ask("start")

    def usual(self) -> dict[str, Any]:
        """What serve() configures when no more is said."""
        return {"ssh": [["127.0.0.1", 0]], "unix": {str(self.socket): {}}, "users": USERS}

    def state(self) -> dict[str, Any]:
        """What the server knows of itself."""
        state = self.ask("state")
        assert isinstance(state, dict)
        return state

    def end_of(self, session_id: int) -> str:
        """How a session ended; empty while it has not."""
        return next((reason for number, reason, _, _ in self.state()["closed"] if number == session_id), "")

    @property
    def port(self) -> int:
        """Of its SSH listener."""
        ports = [at[1] for name, (_, at) in self.state()["endpoints"].items() if name.startswith("ssh") and at]
        assert len(ports) == 1
        return int(ports[0])
