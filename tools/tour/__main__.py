"""Goes through the demonstration once, and stays when asked to."""

import argparse
import contextlib
import json
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ncclient import NCClientError

from tools.tour import ipv4, ipv6
from tools.tour.stage import Stage, say

CONFIGURATION: Final[dict[str, Any]] = {
    "dhc6pdclient": {"interface": "tap0", "internal-prefix": "fd00::/48", "npt66": True},
    "dhc6server": {"interfaces": ["tap1"], "dns": ["2001:4860:4860::8888"]},
    "ip6ndra": {"interfaces": ["tap1"]},
    "dhc4server": {"name-server": ["8.8.8.8"], "renewal-time": 600, "lease-time": 3600},
}


def show(stage: Stage) -> None:
    """Go through it once."""
    _start(stage)
    ipv4.serve_hosts(stage)
    ipv4.reserve(stage)
    ipv4.become_client(stage)
    ipv6.show_delegation(stage)
    ipv6.advertise(stage)
    ipv6.lease(stage)
    ipv6.renumber(stage)
    ipv6.give_parts(stage)
    ipv6.renumber_parts(stage)
    ipv4.show_wan(stage)
    ipv4.avoid_conflict(stage)
    ipv4.release_and_crash(stage)
    say("The log, a line for every lease event:")
    stage.show_log('event="lease ')


def _start(stage: Stage) -> None:
    say("A simulated VPP router with a WAN (tap0), behind which there is a provider, and a LAN (tap1).")
    stage.start_router()
    for name, wire in (("tap0", ""), ("tap1", f" wire {stage.lan}")):
        stage.do(f"create sim-interface {name}{wire}", name)
        stage.do(f"set interface state {name} up")
    stage.do("set interface ip address tap1 192.168.1.1/24")
    stage.do("set interface ip address tap1 fd00::1/64")
    stage.do("simulate host create isp interface tap0 mac 02:00:00:00:01:01 address 198.51.100.1/24", "isp")
    stage.do(f"simulate host isp {ipv4.PROVIDER}")
    ipv6.provide(stage)
    stage.show("show interface addr")
    say("The daemon, with the example configuration (and, for this demonstration, without NETCONF over SSH):")
    print(json.dumps(CONFIGURATION, indent=4), flush=True)
    stage.start_daemon(CONFIGURATION)


def keep(stage: Stage) -> None:
    """Stay up until Ctrl-C."""
    say(f"Everything stays up until Ctrl-C. The log is {stage.log}. Try, from another shell:")
    print(f"  {sys.executable} -m tools.vppsim.ctl -s {shlex.quote(str(stage.cli_socket))} show simulate hosts")
    print(f"  {sys.executable} -m vppdhc leases --state-dir {stage.state}")
    print(f"NETCONF is served on {stage.netconf_socket}.", flush=True)
    signal.pause()


@contextlib.contextmanager
def explained(log: Path) -> Iterator[None]:
    """Print the log when something goes wrong, as its directory goes away with the demonstration."""
    try:
        yield
    except (SystemExit, subprocess.CalledProcessError, NCClientError, OSError):
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
        stage = Stage(directory, stack)
        with explained(stage.log):
            show(stage)
        if options.keep:
            keep(stage)
    print("\nDone.")


if __name__ == "__main__":
    main()
