"""A running daemon, for tests: started as users start it, watched through its log."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.waiting import wait_for

TOP = Path(__file__).resolve().parents[1]


class Daemon:
    """`vppdhc run` with a configuration, a state directory that outlives it, and its log.

    prefix: command line that it is started with in front, such as one that enters a network namespace.
    """

    def __init__(self, directory: Path, api_socket: Path, settings: dict[str, Any], prefix: Sequence[str] = ()) -> None:
        self.directory = directory
        self.directory.mkdir(parents=True, exist_ok=True)
        self.state_dir = directory / "state"
        self._log = directory / "log"
        self._prefix = list(prefix)
        self._process: subprocess.Popen[bytes] | None = None
        self.config = directory / "vppdhc.json"
        self.config.write_text(json.dumps(settings | {"vpp": {"api-socket": str(api_socket)}}))

    def start(self) -> None:
        """Start it and wait until it is ready to serve."""
        before = len(self.lines("ready"))
        self.launch()
        wait_for(lambda: self._ended() or len(self.lines("ready")) > before, "the daemon is ready")
        assert not self._ended(), self.said()

    def launch(self) -> None:
        """Start it."""
        command = [sys.executable, "-m", "vppdhc", "run", "--log-json", "--config", str(self.config)]
        places = ["--state-dir", str(self.state_dir), "--run-dir", str(self.directory / "run")]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._prefix, *command, *places], stdout=log, stderr=log, cwd=TOP, stdin=subprocess.DEVNULL
            )

    def kill(self) -> None:
        """End it as a crash does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """End it as a service manager does, and return its exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=20)

    def hang_up(self) -> None:
        """Have it read its configuration again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def remove(self) -> None:
        """End it, however it stands."""
        if self._process is not None and self._process.poll() is None:
            self.kill()

    @property
    def running(self) -> bool:
        """Whether it runs now."""
        return self._process is not None and not self._ended()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def said(self) -> str:
        """Return its whole log."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def lines(self, event: str, **fields: object) -> list[dict[str, Any]]:
        """Return the log lines of one event whose fields have these values."""
        found = []
        for text in self.said().splitlines():
            if text.startswith("{"):
                line = json.loads(text)
                if line.get("event") == event and all(line.get(name) == value for name, value in fields.items()):
                    found.append(line)
        return found

    def logged(self, event: str, *, more_than: int = 0, seconds: float = 30, **fields: object) -> dict[str, Any]:
        """Wait for a log line, after so many of its kind, and return the last one."""
        what = f"{event} {fields} more than {more_than} times in the log:\n"
        try:
            wait_for(lambda: len(self.lines(event, **fields)) > more_than, what, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}{self.said()}") from None
        return self.lines(event, **fields)[-1]

    def leases(self) -> list[dict[str, Any]]:
        """Return what `vppdhc leases` shows."""
        command = [sys.executable, "-m", "vppdhc", "leases", "--json", "--state-dir", str(self.state_dir)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=TOP, env=dict(os.environ))
        shown: list[dict[str, Any]] = json.loads(done.stdout)
        return shown

    def _ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None
