"""The demonstration behind tools/demo: the simulator, the daemon, and hosts that get leases. No root, no VPP."""

import argparse
import contextlib
import json
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from lxml import etree
from ncclient import manager

TOP = Path(__file__).resolve().parents[1]
HOSTS = {
    "laptop": "02:00:00:00:00:0a",
    "phone": "02:00:00:00:00:0b",
    "television": "02:00:00:00:00:0c",
    "printer": "02:00:00:00:00:0d",
}
CONFIGURATION = {
    "dhc6pdclient": {"interface": "tap0", "internal-prefix": "fd00::/48", "npt66": True},
    "dhc6server": {"interfaces": ["tap1"], "dns": ["2001:4860:4860::8888"]},
    "ip6ndra": {"interfaces": ["tap1"]},
    "dhc4server": {"name-server": ["8.8.8.8"], "renewal-time": 600, "lease-time": 3600},
}
EDIT = """\
<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">
  <dhc4server xmlns="urn:vppdhc:yang">
    <lease-time>7200</lease-time>
    <host-reservation>
      <id>plotter</id>
      <hardware-address>02:00:00:00:00:0e</hardware-address>
      <reserved-addr>192.168.1.9</reserved-addr>
    </host-reservation>
  </dhc4server>
</config>"""
POOLS = '<dhc4server xmlns="urn:vppdhc:yang"><address-pool-state/></dhc4server>'
WAN_EDIT = """\
<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">
  <dhc4client xmlns="urn:vppdhc:yang"><interface>tap0</interface></dhc4client>
  <dhc4server xmlns="urn:vppdhc:yang">
    <name-server xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="delete">8.8.8.8</name-server>
    <name-server>from-upstream</name-server>
  </dhc4server>
</config>"""
WAN = '<dhc4client xmlns="urn:vppdhc:yang"><state/><lease-state/></dhc4client>'
GUEST = "02:00:00:00:00:0f"
WHICH = f"""\
<action xmlns="urn:ietf:params:xml:ns:yang:1"><dhc4server xmlns="urn:vppdhc:yang"><which-address>
  <interface>tap1</interface><hardware-address>{GUEST}</hardware-address>
</which-address></dhc4server></action>"""
WHY = f"""\
<action xmlns="urn:ietf:params:xml:ns:yang:1"><dhc4server xmlns="urn:vppdhc:yang"><why>
  <hardware-address>{GUEST}</hardware-address>
</why></dhc4server></action>"""
PROVIDER = ["lease-time", "3600", "router", "198.51.100.1", "dns", "198.51.100.53"]
PATIENCE = 20.0
"""Seconds that anything in here may take."""


class Tour:
    """A simulated router, the daemon on it, and what is done with them."""

    def __init__(self, directory: Path, stack: contextlib.ExitStack) -> None:
        self._directory = directory
        self._stack = stack
        self._router = directory / "router"
        self._config = directory / "vppdhc.json"
        self._daemon: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] = stack.enter_context((directory / "log").open("ab"))

    def show(self) -> None:
        """Go through it once."""
        self._start_router()
        self._start_daemon()
        say("Four hosts plug in and ask for an address.")
        for name, mac in HOSTS.items():
            self._ctl("simulate", "host", "create", name, "interface", "tap1", "mac", mac)
            self._ctl("simulate", "host", name, "dhcp", "start")
        wait_for(lambda: all(host["address"] for host in self._hosts()), "every host has an address")
        print(self._ctl("show", "simulate", "hosts"))
        say("What the daemon has on disk, durable before each ACK left:")
        self._vppdhc("leases", "--state-dir", str(self._directory / "state"))
        self._manage()
        self._bind_wan()
        self._avoid_conflict()
        self._release_and_crash()
        say("The log, a line for every lease event:")
        self._tail()

    def keep(self) -> None:
        """Stay up until Ctrl-C."""
        say(f"Everything stays up until Ctrl-C. The log is {self._directory}/log. Try, from another shell:")
        sockets = shlex.quote(str(self._router / "cli.sock"))
        print(f"  {sys.executable} -m tools.vppsim.ctl -s {sockets} show simulate hosts")
        print(f"  {sys.executable} -m vppdhc leases --state-dir {self._directory}/state")
        print(f"NETCONF is served on {self._directory}/run/netconf.sock.")
        signal.pause()

    def _start_router(self) -> None:
        say("A simulated VPP router with a WAN (tap0) and a LAN (tap1, 192.168.1.1/24).")
        self._process("-m", "tools.vppsim", "--run-dir", str(self._router))
        wait_for((self._router / "cli.sock").exists, "the simulator is up")
        for name in ("tap0", "tap1"):
            self._ctl("create", "sim-interface", name)
            self._ctl("set", "interface", "state", name, "up")
        self._ctl("set", "interface", "ip", "address", "tap1", "192.168.1.1/24")
        print(self._ctl("show", "interface", "addr"))

    def _start_daemon(self) -> None:
        say("The daemon, with the example configuration (and, for this demonstration, without NETCONF over SSH):")
        print(json.dumps(CONFIGURATION, indent=4))
        sockets = {"vpp": {"api-socket": str(self._router / "api.sock")}, "netconf-server": {"enabled": False}}
        settings = CONFIGURATION | sockets
        self._config.write_text(json.dumps(settings))
        self._run_daemon()

    def _run_daemon(self) -> None:
        before = self._said().count("event=ready")
        places = ["--state-dir", str(self._directory / "state"), "--run-dir", str(self._directory / "run")]
        self._daemon = self._process("-m", "vppdhc", "run", "--config", str(self._config), *places)
        wait_for(lambda: self._said().count("event=ready") > before, "the daemon is ready")

    def _manage(self) -> None:
        say("Its configuration is changed over NETCONF, a plotter gets a reserved address, and the pool is asked for:")
        print(EDIT)
        with self._netconf() as client:
            client.edit_config(target="candidate", config=EDIT)
            client.commit()
            self._ctl("simulate", "host", "create", "plotter", "interface", "tap1", "mac", "02:00:00:00:00:0e")
            self._ctl("simulate", "host", "plotter", "dhcp", "start")
            wait_for(lambda: self._address("plotter"), "the plotter has an address")
            reply = client.get(filter=("subtree", POOLS)).data_xml
        show_xml(reply)

    def _bind_wan(self) -> None:
        say("A provider appears behind tap0. The router becomes its client, and hands its DNS server on to the LAN:")
        print(WAN_EDIT)
        self._ctl("simulate", "host", "create", "isp", *["interface", "tap0", "mac", "02:00:00:00:01:01"])
        self._ctl("simulate", "host", "isp", "address", "198.51.100.1/24")
        self._ctl(*["simulate", "host", "isp", "dhcp-server", "pool", "198.51.100.20", "198.51.100.29"], *PROVIDER)
        with self._netconf() as client:
            client.edit_config(target="candidate", config=WAN_EDIT)
            client.commit()
            wait_for(lambda: "<vppdhc:state>bound<" in client.get(filter=("subtree", WAN)).data_xml, "the WAN is bound")
            show_xml(client.get(filter=("subtree", WAN)).data_xml)
        print(self._ctl("show", "ip", "fib", "0.0.0.0/0"))

    def _avoid_conflict(self) -> None:
        say("Somebody has configured by hand the address that a guest would get. The server asks before it offers:")
        with self._netconf() as client:
            answer = client.dispatch(etree.fromstring(WHICH))
            taken = etree.fromstring(answer.xml.encode()).findtext("{urn:vppdhc:yang}address") or ""
            squatter = "simulate host create squatter interface tap1 mac 02:00:00:00:00:99 address"
            self._ctl(*squatter.split(), f"{taken}/24")
            self._ctl("simulate", "host", "create", "guest", "interface", "tap1", "mac", GUEST)
            self._ctl("simulate", "host", "guest", "dhcp", "start")
            wait_for(lambda: self._address("guest"), "the guest has an address")
            print(f"The guest was to have {taken}; it has {self._address('guest')}. Why?")
            show_xml(client.dispatch(etree.fromstring(WHY)).xml)

    def _release_and_crash(self) -> None:
        say("The phone leaves and releases its lease. Then the daemon is killed with -9, and started again.")
        self._ctl("simulate", "host", "phone", "dhcp", "release")
        wait_for(lambda: 'event="lease released"' in self._said(), "the lease is released")
        assert self._daemon is not None
        self._daemon.kill()
        self._daemon.wait()
        self._run_daemon()
        say("It knows every lease. The laptop renews by unicast, the phone comes back to its old address:")
        self._ctl("simulate", "host", "laptop", "dhcp", "renew")
        self._ctl("simulate", "host", "phone", "dhcp", "start")
        wait_for(lambda: "during=renewing" in self._said(), "the laptop's lease is renewed")
        wait_for(lambda: self._address("phone"), "the phone has an address")
        self._vppdhc("leases", "--state-dir", str(self._directory / "state"))

    def _hosts(self) -> list[dict[str, Any]]:
        return list(self._state()["hosts"].values())

    def _address(self, host: str) -> str:
        return str(self._state()["hosts"][host]["address"] or "").partition("/")[0]

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self._ctl("show", "simulate", "state"))
        return state

    def _netconf(self) -> manager.Manager:
        return manager.connect_uds(path=str(self._directory / "run/netconf.sock"))

    def _process(self, *arguments: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=TOP, stdout=self._log, stderr=self._log, start_new_session=True
        )
        self._stack.callback(end, process)
        return process

    def _ctl(self, *words: str) -> str:
        command = [sys.executable, "-m", "tools.vppsim.ctl", "-s", str(self._router / "cli.sock"), *words]
        return subprocess.run(command, cwd=TOP, check=True, capture_output=True, text=True).stdout.rstrip()

    def _vppdhc(self, *words: str) -> None:
        print(f"$ vppdhc {' '.join(words)}", flush=True)
        subprocess.run([sys.executable, "-m", "vppdhc", *words], cwd=TOP, check=True)

    def _said(self) -> str:
        return (self._directory / "log").read_text(errors="replace")

    def _tail(self) -> None:
        print("\n".join(line for line in self._said().splitlines() if 'event="lease ' in line))


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
        time.sleep(0.05)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process as a service manager does."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def explained(log: Path) -> Iterator[None]:
    """Print the log when something goes wrong, as its directory goes away with the demonstration."""
    try:
        yield
    except (SystemExit, subprocess.CalledProcessError):
        print(log.read_text(errors="replace"), file=sys.stderr)
        raise


def main() -> None:
    """Show it; stay when asked to."""
    parser = argparse.ArgumentParser(prog="tools/demo", description="See vppdhc at work, without root and VPP.")
    parser.add_argument("--keep", action="store_true", help="stay up until Ctrl-C")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing is left behind then either
    with contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vppdhc-demo-")))
        tour = Tour(directory, stack)
        with explained(directory / "log"):
            tour.show()
        if options.keep:
            tour.keep()
    print("\nDone.")


if __name__ == "__main__":
    main()
