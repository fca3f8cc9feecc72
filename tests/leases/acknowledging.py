"""A program that goes on granting leases, through store and committer, and prints each one that is acknowledged.

    python -m tests.leases.acknowledging PATH FIRST_VERSION

A line has address and version: of an IPv4 lease, and of an IPv6 lease that one work makes with it. Versions of an
address only grow.
"""

import itertools
import os
import random
import sys
from functools import partial
from pathlib import Path

import gevent

from tests.leases.support import lease, lease6, new, new6
from vppdhc.clock import SystemClock
from vppdhc.leases.committer import Committer, Work
from vppdhc.leases.store import LeaseStore


def fail(error: Exception) -> None:
    print(error, file=sys.stderr, flush=True)
    os._exit(1)


def acknowledge(address: int, version: int) -> None:
    os.write(1, b"%d %d\n" % (address, version))


def main() -> None:
    path, first = Path(sys.argv[1]), int(sys.argv[2])
    os.write(1, b"opening\n")
    clock = SystemClock()
    committer = Committer(LeaseStore(path, clock), clock, take_back=list, alarm=fail, cleared=list)
    gevent.spawn(committer.run)
    choose = random.Random(first)
    for version in itertools.count(first):
        address = choose.randrange(5000)
        changes4, changes6 = new(lease(address, clock, version=version)), new6(lease6(address, clock, version=version))
        committer.submit(Work([*changes4, *changes6], partial(acknowledge, address, version)))
        if choose.random() < 0.05:
            committer.flush()


main()
