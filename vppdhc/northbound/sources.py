"""Sources of operational state: how they are made, and what all of them write alike."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import isinf
from typing import Final

from nc.clock import date_and_time
from nc.filter import Want
from nc.xml import Element
from vppdhc.clock import Clock
from vppdhc.northbound.model import name


@dataclass(frozen=True, slots=True)
class Source:
    """Tells one part of the state.

    path: schema path of what it tells. tell: makes the instances that are wanted.
    """

    path: str
    tell: Callable[[Want], Iterable[Element]]

    def read(self, want: Want) -> Iterable[Element]:
        """Make the instances that are wanted."""
        return self.tell(want)


def nothing(path: str) -> Source:
    """Return the source of what is modelled and not built yet: there is none of it."""
    return Source(path, lambda _: ())


def wanted_key(want: Want, local: str) -> str | None:
    """Return the value that a key has to have, None where it may have any."""
    return want.keys.get(name(local))


def matches(want: Want, **keys: object) -> bool:
    """Whether an entry with these keys is wanted; an underscore in a name stands for a hyphen."""
    return all(wanted_key(want, local.replace("_", "-")) in {None, str(value)} for local, value in keys.items())


_READING: Final = 0.01
"""Seconds by which two clocks may seem further apart only as they are read one after the other."""


class Instants:
    """Writes instants of CLOCK_BOOTTIME as date-and-time: the same each time, unless the wall clock was changed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._apart = clock.wall() - clock.boottime()

    def text(self, boottime: float) -> str | None:
        """Return an instant, None where it never comes."""
        if isinf(boottime):
            return None
        apart = self._clock.wall() - self._clock.boottime()
        if abs(apart - self._apart) > _READING:
            self._apart = apart
        return date_and_time(boottime + self._apart)


def hexadecimal(octets: bytes) -> str | None:
    """Return octets as hexadecimal digits with colons between them, None for none."""
    return octets.hex(":") if octets else None


def flag(value: bool) -> str:
    """Return a boolean as YANG has it."""
    return "true" if value else "false"
