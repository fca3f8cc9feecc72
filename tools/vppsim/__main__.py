"""Run the simulator: python -m tools.vppsim --run-dir DIR."""

import argparse
import os
import signal
import sys
from pathlib import Path

from tools.vppsim.punt import CrashError
from tools.vppsim.simulator import Options, Simulator

_CRASHED = 134
"""The exit status of a process that died of SIGABRT, as a shell shows it."""


def _options(arguments: list[str] | None) -> Options:
    parser = argparse.ArgumentParser(prog="python -m tools.vppsim", description="Simulate VPP for vppdhc.")
    parser.add_argument("--run-dir", type=Path, required=True, help="directory of api.sock, punt.sock and cli.sock")
    parser.add_argument("--no-api-json", action="store_true", help="do not know get_api_json, as an old VPP")
    parser.add_argument("--no-punt-socket", action="store_true", help="no punt socket in startup.conf")
    parser.add_argument("--no-npt66", action="store_true", help="npt66 plugin not enabled in startup.conf")
    parser.add_argument("--punt-rate", type=float, metavar="N", help="read N datagrams a second from the punt socket")
    parser.add_argument("--seed", type=int, help="makes everything random the same again")
    given = parser.parse_args(arguments)
    return Options(
        given.run_dir,
        serve_definitions=not given.no_api_json,
        punt_configured=not given.no_punt_socket,
        npt66_enabled=not given.no_npt66,
        punt_rate=given.punt_rate,
        seed=given.seed,
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the simulator until SIGTERM, SIGINT, `simulate exit`, or a crash; return the exit status."""
    options = _options(arguments)
    options.run_dir.mkdir(parents=True, exist_ok=True)
    simulator = Simulator(options)
    wake_reader, wake_writer = os.pipe()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: simulator.loop.stop())
    os.set_blocking(wake_writer, False)
    signal.set_wakeup_fd(wake_writer)
    simulator.loop.watch_descriptor(wake_reader, lambda: os.read(wake_reader, 64))
    try:
        simulator.run()
    except CrashError as error:
        print(f"vppsim: crashed, as VPP does: {error}", file=sys.stderr, flush=True)
        os._exit(_CRASHED)  # sockets vanish and their files stay, as with a process that was killed
    simulator.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
