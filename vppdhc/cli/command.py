"""The vppdhc command and its subcommands."""

import argparse
import json
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from vppdhc.cli import leases
from vppdhc.leases.store import LeaseStoreError
from vppdhc.northbound.config import Config, ConfigError, read_config

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_INVALID = 2
"""What a wrong command line and an invalid configuration exit with."""


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
            print(f"{options.config}: {issue}", file=sys.stderr)  # noqa: T201 - the command's own output
        return EXIT_INVALID
    except LeaseStoreError as error:
        print(f"vppdhc: {error}", file=sys.stderr)  # noqa: T201 - likewise
        return EXIT_FAILED
