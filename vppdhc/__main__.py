"""Entry point: patches the standard library for gevent before anything else is imported."""

import gc

from gevent import monkey

monkey.patch_all()
# All that is imported and compiled at start stays: looking at it again and again for garbage is a seventh of the start.
gc.set_threshold(200_000, 20, 100)

import sys

from vppdhc.cli.command import run_command


def main() -> None:
    """Run the vppdhc command and exit with its status."""
    sys.exit(run_command(sys.argv[1:]))


if __name__ == "__main__":
    main()
