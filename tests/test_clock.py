"""The machine's clocks are the ones that Linux has."""

import time
from pathlib import Path

from vppdhc.clock import SystemClock


def uptime() -> float:
    return float(Path("/proc/uptime").read_text().split()[0])


def test_boottime_is_the_time_since_the_boot() -> None:
    clock = SystemClock()
    before = uptime()
    now = clock.boottime()
    after = uptime()
    assert before <= now < after + 0.01, "the kernel writes hundredths"


def test_boottime_only_grows() -> None:
    clock = SystemClock()
    readings = [clock.boottime() for _ in range(1000)]
    assert readings == sorted(readings)


def test_the_wall_clock_is_in_seconds_since_1970() -> None:
    before = time.clock_gettime(time.CLOCK_REALTIME)
    now = SystemClock().wall()
    assert before <= now <= time.clock_gettime(time.CLOCK_REALTIME)


def test_the_boot_id_is_the_kernels() -> None:
    said = Path("/proc/sys/kernel/random/boot_id").read_text()
    assert SystemClock().boot_id == SystemClock().boot_id == said.strip()
    assert len(SystemClock().boot_id) == 36
