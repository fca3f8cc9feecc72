"""Instants of leases, across steps of the wall clock, restarts and reboots."""

import math
from pathlib import Path

import pytest

from tests.leases.support import FOR_EVER, FakeClock, contents, lease, left, new
from vppdhc.leases.store import LeaseStore

HOUR = 3600.0
YEAR = 365 * 24 * HOUR


def commit(path: Path, clock: FakeClock, *addresses: int, granted: int = 3600) -> None:
    store = LeaseStore(path, clock)
    store.commit(new(*(lease(address, clock, granted) for address in addresses)))
    store.close()


@pytest.mark.parametrize("step", [-56 * YEAR, -HOUR, -0.5, 0.0, 0.5, HOUR, 56 * YEAR])
def test_a_step_of_the_wall_clock_changes_nothing_within_a_boot(path: Path, clock: FakeClock, step: float) -> None:
    commit(path, clock, 1)
    before = contents(path, clock)
    clock.step_wall(step)
    assert contents(path, clock) == before
    clock.advance(600)
    assert left(path, clock) == {1: 3000.0}


def test_after_a_reboot_the_wall_clock_counts(path: Path, clock: FakeClock) -> None:
    commit(path, clock, 1)
    clock.advance(600)
    clock.reboot(wall_passed=900, boottime=20.0)
    assert left(path, clock) == {1: 3600.0 - 600 - 900}
    renewed = contents(path, clock)[0, 1].renewed
    assert renewed == 20.0 - 1500
    clock.advance(100)
    assert left(path, clock) == {1: 2000.0}


@pytest.mark.parametrize("boottime", [5.0, 1000.0, 1e7])
def test_the_age_of_either_boot_does_not_matter(path: Path, clock: FakeClock, boottime: float) -> None:
    commit(path, clock, 1)
    clock.reboot(wall_passed=1000, boottime=boottime)
    assert left(path, clock) == {1: 2600.0}
    clock.reboot(wall_passed=1000, boottime=1.0)
    assert left(path, clock) == {1: 1600.0}


def test_what_ended_while_the_machine_was_off_has_ended(path: Path, clock: FakeClock) -> None:
    commit(path, clock, 1)
    clock.reboot(wall_passed=5000)
    assert left(path, clock) == {1: -1400.0}


def test_a_wall_clock_that_lost_its_time_ends_no_lease(path: Path, clock: FakeClock) -> None:
    """A router without a battery: it boots in 1970, and gets the time later."""
    commit(path, clock, 1)
    clock.reboot(wall_passed=-56 * YEAR)
    assert left(path, clock) == {1: 3600.0}
    clock.advance(100)
    clock.step_wall(56 * YEAR + 30)
    assert left(path, clock) == {1: 3500.0}
    clock.advance(50)
    clock.reboot(wall_passed=200)
    assert left(path, clock) == {1: 3250.0}


def test_a_power_cut_before_the_time_was_known_ends_no_lease(path: Path, clock: FakeClock) -> None:
    commit(path, clock, 1)
    clock.reboot(wall_passed=-56 * YEAR)
    commit(path, clock, 2)
    clock.advance(10)
    clock.reboot(wall_passed=56 * YEAR + 100)
    assert left(path, clock) == {1: 3490.0, 2: 3490.0}


def test_a_correction_backwards_never_shortens_a_lease(path: Path, clock: FakeClock) -> None:
    """The clock was two hours ahead; until it has caught up, time spent switched off does not count."""
    commit(path, clock, 1)
    clock.step_wall(-2 * HOUR)
    commit(path, clock, 2)
    clock.reboot(wall_passed=HOUR)
    assert left(path, clock) == {1: 3600.0, 2: 3600.0}
    clock.reboot(wall_passed=HOUR + 500)
    assert left(path, clock) == {1: 3100.0, 2: 3100.0}


def test_a_step_is_known_after_a_crash_that_follows_the_next_commit(path: Path, clock: FakeClock) -> None:
    store = LeaseStore(path, clock)
    store.commit(new(lease(1, clock)))
    clock.step_wall(10 * YEAR)
    clock.advance(1)
    store.commit(new(lease(2, clock)))
    crash(store)
    clock.reboot(wall_passed=60)
    assert left(path, clock) == {1: 3539.0, 2: 3540.0}


def test_a_step_is_known_after_a_clean_stop_and_after_a_start(path: Path, clock: FakeClock) -> None:
    store = LeaseStore(path, clock)
    store.commit(new(lease(1, clock)))
    clock.step_wall(10 * YEAR)
    store.close()
    clock.step_wall(YEAR)
    crash(LeaseStore(path, clock))
    clock.reboot(wall_passed=60)
    assert left(path, clock) == {1: 3540.0}


@pytest.mark.parametrize("minutes", [1, 10, 600])
def test_an_idle_store_needs_no_news_of_the_clocks(path: Path, clock: FakeClock, minutes: int) -> None:
    store = LeaseStore(path, clock)
    store.commit(new(lease(1, clock, 24 * 3600)))
    clock.advance(minutes * 60)
    crash(store)
    clock.reboot(wall_passed=30)
    assert left(path, clock) == {1: 24 * 3600.0 - minutes * 60 - 30}


def test_a_busy_store_notes_the_clocks_every_minute(path: Path, clock: FakeClock) -> None:
    """So a machine that loses its time gives each lease a minute too much at most."""
    store = LeaseStore(path, clock)
    store.commit(new(lease(1, clock)))
    for _ in range(100):
        clock.advance(7)
        store.commit(new(lease(2, clock)))
    crash(store)
    clock.reboot(wall_passed=-YEAR)
    assert 2900 <= left(path, clock)[1] <= 2960


@pytest.mark.parametrize("wall_passed", [-YEAR, -1.0, 0.0, 1.0, YEAR])
def test_for_ever_is_for_ever(path: Path, clock: FakeClock, wall_passed: float) -> None:
    commit(path, clock, 1, granted=FOR_EVER)
    clock.step_wall(-YEAR)
    clock.reboot(wall_passed=wall_passed)
    assert left(path, clock) == {1: math.inf}


def test_no_lease_has_more_left_than_it_was_granted(path: Path, clock: FakeClock) -> None:
    """The clocks of the last boot were noted a minute before the lease was granted, and the time was lost."""
    store = LeaseStore(path, clock)
    clock.advance(59)
    store.commit(new(lease(1, clock, 120), lease(2, clock, FOR_EVER)))
    crash(store)
    clock.reboot(wall_passed=-YEAR)
    assert left(path, clock) == {1: 120.0, 2: math.inf}
    assert all(one.renewed <= clock.boottime() for one in contents(path, clock).values())


def test_a_boottime_that_goes_back_within_a_boot_is_another_boot(path: Path, clock: FakeClock) -> None:
    """A container has its own offset of CLOCK_BOOTTIME, and the boot id of its host."""
    commit(path, clock, 1)
    boot_id = clock.boot_id
    clock.reboot(wall_passed=100, boottime=3.0)
    clock.boot_id = boot_id
    assert left(path, clock) == {1: 3500.0}


def crash(store: LeaseStore) -> None:
    """End it without close()."""
    store._opened.close()
