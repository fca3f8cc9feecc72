"""Runs one of the benchmarks: python -m tools.bench NAME [options]."""

import sys

from tools.bench import boot, core, dhc4, million, shares, startup, stores

_BENCHMARKS = {
    "boot": boot.main,
    "core": core.main,
    "dhc4": dhc4.main,
    "million": million.main,
    "shares": shares.main,
    "startup": startup.main,
    "stores": stores.main,
}


def main() -> int:
    """Run the benchmark that the first argument names; returns the exit status."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] not in _BENCHMARKS:
        print(f"usage: python -m tools.bench {{{','.join(_BENCHMARKS)}}} [options]", file=sys.stderr)
        return 2
    return _BENCHMARKS[arguments[0]](arguments[1:])


sys.exit(main())
