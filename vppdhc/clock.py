"""Clocks, injected everywhere: timers run on CLOCK_BOOTTIME, wall-clock time is only shown and stored."""

import time
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """What the daemon knows of time.

    boot_id names the boot of the machine within which boottime() values can be compared.
    """

    @property
    def boot_id(self) -> str:
        """Identity of this boot of the machine."""

    def boottime(self) -> float:
        """Seconds since the machine booted, suspend included; no step of the wall clock changes it."""

    def wall(self) -> float:
        """Seconds since 1970-01-01 UTC; may step."""


class SystemClock:
    """The machine's clocks."""

    def __init__(self) -> None:
        self._boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()

    @property
    def boot_id(self) -> str:
        """Identity of this boot, as the kernel names it."""
        return self._boot_id

    def boottime(self) -> float:
        """Seconds of CLOCK_BOOTTIME."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def wall(self) -> float:
        """Seconds of CLOCK_REALTIME."""
        return time.time()
