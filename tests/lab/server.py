"""Servers of others, each in a network namespace of its own."""

import os
import signal
import subprocess
from pathlib import Path

from tests.lab.network import Namespace, Segment
from tests.waiting import wait_for

DEVICE = "eth0"


class Server:
    """A server on a segment.

    directory: for its files. What its leases are in begins with `leases`.
    log: file with everything that it printed since it was started last.
    """

    kind = ""

    def __init__(self, segment: Segment, directory: Path) -> None:
        self.namespace: Namespace = segment.host()
        self.directory = directory / self.namespace.name
        self.directory.mkdir()
        self.log = self.directory / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """Write the server's configuration, for what it is to do now, and return its command line."""
        raise AssertionError("a server has a command line")

    def ready(self) -> bool:
        """Tell whether it has said, since it was started last, that it serves."""
        raise AssertionError("a server says when it is ready")

    def environment(self) -> dict[str, str]:
        """Return what it needs in its environment."""
        return {}

    def start(self) -> None:
        """Start it and wait until it serves."""
        self.log.write_text("")
        self._process = self.namespace.start(self.command(), self.log, dict(os.environ) | self.environment())
        wait_for(lambda: self._ended() or self.ready(), f"{self.kind} serves")
        assert not self._ended(), self.log.read_text()

    def stop(self) -> None:
        """End it as a service manager does. It keeps its leases, as real ones do, for when it is started again."""
        self.end(signal.SIGTERM)

    def end(self, number: signal.Signals) -> None:
        """End it by a signal."""
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(timeout=20)

    def forget(self) -> None:
        """Have it, while it is stopped, forget its leases."""
        for path in self.directory.glob("leases*"):
            path.unlink()

    def remove(self) -> None:
        """End it and take its namespace away."""
        self.namespace.remove()

    def _ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None
