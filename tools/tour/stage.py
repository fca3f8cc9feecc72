"""What the demonstration plays on: a simulated router, the daemon on it, and ways to do and to show things there."""

import contextlib
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

from lxml import etree
from ncclient import manager

from tools.vppsim import ctl

TOP: Final = Path(__file__).resolve().parents[2]
PATIENCE: Final = 60.0
"""Seconds that anything in here may take."""
_PAUSE: Final = 0.05
_CONFIG: Final = "urn:ietf:params:xml:ns:netconf:base:1.0"
_ACTION: Final = "urn:ietf:params:xml:ns:yang:1"
_OURS: Final = "urn:vppdhc:yang"


class Stage:
    """A simulated router and the daemon, both in processes of their own, with all they write in one directory.

    directory: where that is. stack: ends the processes.
    """

    def __init__(self, directory: Path, stack: contextlib.ExitStack) -> None:
        self.directory = directory
        self.state = directory / "state"
        self.netconf_socket = directory / "run/netconf.sock"
        self.cli_socket = directory / "router/cli.sock"
        self.log = directory / "log"
        self.lan = directory / "lan.sock"
        self._config = directory / "vppdhc.json"
        self._stack = stack
        self._output: IO[bytes] = stack.enter_context(self.log.open("ab"))
        self._daemon: subprocess.Popen[bytes] | None = None

    def start_router(self) -> None:
        """Start the simulator."""
        self._process("-m", "tools.vppsim", "--run-dir", str(self.cli_socket.parent))
        wait_for(self.cli_socket.exists, "the simulator is up")

    def start_daemon(self, configuration: dict[str, Any]) -> None:
        """Start the daemon with a configuration, but without NETCONF over SSH."""
        sockets = {"vpp": {"api-socket": str(self.cli_socket.with_name("api.sock"))}}
        self._config.write_text(json.dumps(configuration | sockets | {"netconf-server": {"enabled": False}}))
        self._run_daemon()

    def crash_daemon(self) -> None:
        """Kill the daemon, and start it again."""
        if self._daemon is not None:
            self._daemon.kill()
            self._daemon.wait()
        self._run_daemon()

    def _run_daemon(self) -> None:
        before = self.said("event=ready")
        places = ["--state-dir", str(self.state), "--run-dir", str(self.netconf_socket.parent)]
        daemon = self._process("-m", "vppdhc", "run", "--config", str(self._config), *places)
        wait_for(lambda: daemon.poll() is not None or self.said("event=ready") > before, "the daemon is ready")
        if daemon.poll() is not None:
            sys.exit("demo: the daemon has ended")
        self._daemon = daemon

    def do(self, line: str, answer: str = "") -> None:
        """Run a command of the simulator; anything but the answer that is due ends the demonstration."""
        given = self._ask(line)
        if given != answer:
            sys.exit(f"demo: {line}: {given}")

    def show(self, line: str) -> None:
        """Run a command of the simulator, and print command and answer."""
        print(f"$ vppctl {line}\n{self._ask(line)}", flush=True)

    def host(self, name: str) -> dict[str, Any]:
        """Return what a host knows."""
        state: dict[str, Any] = json.loads(self._ask("show simulate state"))["hosts"][name]
        return state

    def translated(self) -> str:
        """Return what VPP translates, as its command line shows it."""
        return self._ask("show npt66 bindings")

    def way_out(self) -> str:
        """Return the default route of IPv6, as VPP's command line shows it."""
        return self._ask("show ip6 fib ::/0")

    def _ask(self, line: str) -> str:
        return ctl.ask(str(self.cli_socket), line).rstrip()

    def vppdhc(self, *words: str) -> None:
        """Run our command on the daemon's state, and print it and what it prints."""
        command = [*words, "--state-dir", str(self.state)]
        print(f"$ vppdhc {shlex.join(command)}", flush=True)
        subprocess.run([sys.executable, "-m", "vppdhc", *command], cwd=TOP, check=True)

    def edit(self, content: str) -> None:
        """Change the daemon's configuration over NETCONF, and print the change. content: elements of its model."""
        print(content)
        config = f'<config xmlns="{_CONFIG}" xmlns:nc="{_CONFIG}">{in_model(content)}</config>'
        with self._netconf() as client:
            client.edit_config(target="candidate", config=config)
            client.commit()

    def get(self, wanted: str) -> str:
        """Return state over NETCONF, as XML. wanted: a subtree filter, of elements of its model."""
        with self._netconf() as client:
            data: str = client.get(filter=("subtree", in_model(wanted))).data_xml
        return data

    def show_state(self, wanted: str) -> None:
        """Print state that NETCONF gives, and what was asked for."""
        print(f"NETCONF get {wanted}")
        show_xml(self.get(wanted))

    def act(self, content: str) -> str:
        """Do an action over NETCONF, and return the reply as XML. content: elements of its model."""
        action = f'<action xmlns="{_ACTION}">{in_model(content)}</action>'
        with self._netconf() as client:
            reply: str = client.dispatch(etree.fromstring(action)).xml
        return reply

    def _netconf(self) -> manager.Manager:
        return manager.connect_uds(path=str(self.netconf_socket))

    def said(self, words: str) -> int:
        """Return how often words are in the log."""
        return self.log.read_text(errors="replace").count(words)

    def show_log(self, words: str) -> None:
        """Print the lines of the log that have these words."""
        print(f"$ grep '{words}' log")
        lines = self.log.read_text(errors="replace").splitlines()
        print("\n".join(line for line in lines if words in line), flush=True)

    def _process(self, *arguments: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=TOP, stdout=self._output, stderr=self._output, start_new_session=True
        )
        self._stack.callback(end, process)
        return process


def in_model(content: str) -> str:
    """Return an element that is in the namespace of the daemon's model."""
    name = content.strip().removeprefix("<").split(">")[0].rstrip("/")
    return content.strip().replace(f"<{name}", f'<{name} xmlns="{_OURS}"', 1)


def show_xml(document: str) -> None:
    """Print XML for people."""
    parser = etree.XMLParser(remove_blank_text=True)
    print(etree.tostring(etree.fromstring(document.encode(), parser), pretty_print=True).decode().rstrip())


def say(text: str) -> None:
    """Print a heading."""
    print(f"\n=== {text}", flush=True)


def wait_for(ask: Callable[[], object], what: str) -> None:
    """Ask again until the answer is true; exit with a message when it never is."""
    end_of_patience = time.monotonic() + PATIENCE
    while not ask():
        if time.monotonic() > end_of_patience:
            sys.exit(f"demo: waited {PATIENCE:g} s in vain: {what}")
        time.sleep(_PAUSE)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process as a service manager does."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
