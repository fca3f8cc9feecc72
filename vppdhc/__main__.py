"""Entry point: patches the standard library for gevent before anything else is imported."""

from gevent import monkey

monkey.patch_all()

import sys

from vppdhc.cli.command import run_command


def main() -> None:
    """Run the vppdhc command and exit with its status."""
    sys.exit(run_command(sys.argv[1:]))


if __name__ == "__main__":
    main()
