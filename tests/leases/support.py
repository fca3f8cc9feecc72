"""Leases to store, a clock that obeys, and files that are not what they should be."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vppdhc.clock import Clock
from vppdhc.leases.lease import Change, Lease, LeaseState
from vppdhc.leases.lease6 import Change6, Lease6, LeaseKind, Place6
from vppdhc.leases.store import LeaseStore

NOBODY = 65534
FOR_EVER = 0xFFFFFFFF
BASE6 = 0x20010DB8 << 96


class FakeClock:
    """A machine's clocks; nothing passes by itself."""

    def __init__(self, boottime: float = 1000.0, wall: float = 1_800_000_000.0) -> None:
        self.boot_id = "boot 1"
        self._boots = 1
        self._boottime = boottime
        self._wall = wall

    def boottime(self) -> float:
        return self._boottime

    def wall(self) -> float:
        return self._wall

    def advance(self, seconds: float) -> None:
        self._boottime += seconds
        self._wall += seconds

    def step_wall(self, seconds: float) -> None:
        self._wall += seconds

    def reboot(self, wall_passed: float, boottime: float = 20.0) -> None:
        """Be in the next boot; wall_passed: seconds by which the wall clock shows more than it last did."""
        self._boots += 1
        self.boot_id = f"boot {self._boots}"
        self._boottime = boottime
        self._wall += wall_passed


def lease(
    address: int,
    clock: Clock,
    granted: int = 3600,
    *,
    state: LeaseState = LeaseState.ACTIVE,
    table: int = 0,
    hostname: str = "host",
    version: int = 0,
) -> Lease:
    """Return a lease granted now; version is told apart by its client."""
    now = clock.boottime()
    expires = math.inf if granted == FOR_EVER else now + granted
    client = version.to_bytes(4, "big")
    hardware = b"\x01\x02\x00" + address.to_bytes(4, "big")
    return Lease(table, address, state, client, "tap1", hardware, hostname, granted, now, now, expires)


def lease6(
    number: int,
    clock: Clock,
    valid: int = 3600,
    *,
    kind: LeaseKind = LeaseKind.ADDRESS,
    state: LeaseState = LeaseState.ACTIVE,
    version: int = 0,
) -> Lease6:
    """Return a lease of an address or a prefix of 56 bits, granted now; version is told apart by its IAID."""
    now = clock.boottime()
    network, length = (BASE6 + number, 128) if kind is LeaseKind.ADDRESS else (BASE6 + (number << 72), 56)
    expires = math.inf if valid == FOR_EVER else now + valid
    duid = b"\0\3\0\1" + number.to_bytes(6, "big")
    hardware = b"\1" + duid[4:]
    return Lease6(
        0, kind, network, length, state, duid, version, "tap1", hardware, "host", valid // 2, valid, now, now, expires
    )


def new6(*leases: Lease6) -> list[Change6]:
    """Return the changes that these leases are as new ones."""
    return [Change6(None, one) for one in leases]


def contents6(path: Path, clock: Clock) -> dict[Place6, Lease6]:
    """Open a store, return the DHCPv6 leases in it, and close it."""
    store = LeaseStore(path, clock)
    try:
        return {one.place: one for one in store.load6()}
    finally:
        store.close()


def new(*leases: Lease) -> list[Change]:
    """Return the changes that these leases are as new ones."""
    return [Change(None, one) for one in leases]


def contents(path: Path, clock: Clock) -> dict[tuple[int, int], Lease]:
    """Open a store, return what is in it, and close it."""
    store = LeaseStore(path, clock)
    try:
        return {(one.table, one.address): one for one in store.load()}
    finally:
        store.close()


def left(path: Path, clock: Clock) -> dict[int, float]:
    """Return the seconds that each lease in a store has left, by address."""
    return {one.address: one.expires - clock.boottime() for one in contents(path, clock).values()}


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be a user whom the permissions of files concern; root becomes nobody for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
