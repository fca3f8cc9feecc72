"""The vppdhc command and its subcommands."""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from nc.errors import RpcError, RpcErrors
from nc.history import StorageError
from nc.hostkey import HostKeyError
from nc.schema import SchemaError
from vppdhc.cli.leases import Selection, show_leases
from vppdhc.daemon import run_daemon
from vppdhc.leases.errors import LeaseStoreError
from vppdhc.northbound.files import ConfigError, read_config, to_xml
from vppdhc.northbound.model import load_schema
from vppdhc.places import Places
from vppdhc.vpp.errors import PuntSetupError

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_INVALID = 2
"""The status for a wrong command line (argparse's own) and for an invalid configuration."""

_LEVELS = ("debug", "info", "warning", "error")
_STATES = ("active", "expired", "released", "declined")


def run_command(arguments: Sequence[str]) -> int:
    """Run one vppdhc command.

    arguments: the command line without the program's name.
    Returns the exit status: 0, 1 for a failure, 2 for a wrong command line or an invalid configuration.
    """
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except ConfigError as error:
        for issue in error.issues:
            print(f"{options.config}: {issue}", file=sys.stderr)
        return EXIT_INVALID
    except (LeaseStoreError, PuntSetupError, StorageError, HostKeyError, SchemaError, RpcError, RpcErrors) as error:
        print(f"vppdhc: {error}", file=sys.stderr)
        return EXIT_FAILED
    except BrokenPipeError:  # what `vppdhc leases | head` ends with
        sys.stderr.close()
        return EXIT_FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vppdhc", description="Address configuration for FD.io VPP routers.")
    parser.add_argument("--version", action="version", version=f"vppdhc {version('vppdhc')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run the daemon in the foreground")
    _add_config(run)
    _add_state_dir(run)
    run.add_argument(
        "--run-dir", type=Path, default=Path("/run/vppdhc"), metavar="DIR", help="where our sockets are (%(default)s)"
    )
    run.add_argument("--log-level", choices=_LEVELS, help="least level logged, whatever the configuration says of it")
    run.add_argument("--log-json", action="store_true", help="log JSON objects instead of logfmt")
    run.set_defaults(run=_run)

    validate = commands.add_parser("validate", help="check a configuration file")
    validate.add_argument("config", type=Path, metavar="FILE")
    validate.set_defaults(run=_validate)

    convert = commands.add_parser("convert", help="write a configuration file as canonical JSON or XML")
    convert.add_argument("config", type=Path, metavar="FILE")
    convert.add_argument("--to", choices=("json", "xml"), default="json", help="what to write (%(default)s)")
    convert.set_defaults(run=_convert)

    leases = commands.add_parser("leases", help="show the stored leases, whether the daemon runs or not")
    _add_state_dir(leases)
    either = leases.add_mutually_exclusive_group()
    for number in (4, 6):
        text = f"leases of IPv{number} alone"
        either.add_argument(f"-{number}", dest="version", action="store_const", const=number, help=text)
    leases.add_argument("--interface", metavar="NAME", help="leases on this VPP interface alone")
    leases.add_argument("--state", choices=_STATES, help="leases in this state alone")
    leases.add_argument("--json", action="store_true", help="print JSON instead of a table")
    leases.set_defaults(run=_leases)
    return parser


def _add_config(parser: argparse.ArgumentParser) -> None:
    default = Path("/etc/vppdhc/vppdhc.json")
    parser.add_argument("--config", type=Path, default=default, metavar="FILE", help="configuration (%(default)s)")


def _add_state_dir(parser: argparse.ArgumentParser) -> None:
    default = Path("/var/lib/vppdhc")
    parser.add_argument("--state-dir", type=Path, default=default, metavar="DIR", help="where leases are (%(default)s)")


def _run(options: argparse.Namespace) -> int:
    schema = load_schema()
    read_config(schema, options.config)
    places = Places(options.config, options.state_dir, options.run_dir)
    run_daemon(schema, places, level=options.log_level, json=options.log_json)
    return EXIT_OK


def _validate(options: argparse.Namespace) -> int:
    _, warnings = read_config(load_schema(), options.config)
    for warning in warnings:
        print(f"{options.config}: {warning.path or '/'}: {warning.message}")
    print(f"{options.config}: valid")
    return EXIT_OK


def _convert(options: argparse.Namespace) -> int:
    schema = load_schema()
    tree, _ = read_config(schema, options.config)
    print(to_xml(tree) if options.to == "xml" else schema.to_json(tree), end="")
    return EXIT_OK


def _leases(options: argparse.Namespace) -> int:
    store = Places(Path(), options.state_dir, Path()).leases
    show_leases(store, Selection(options.version, options.interface, options.state), as_json=options.json)
    return EXIT_OK
