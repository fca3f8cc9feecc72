"""What tests of state and notifications read of elements."""

from datetime import datetime
from typing import Final

from lxml import etree

from tests.dhc4client.world import VirtualClock

BOOTED: Final = VirtualClock().offset
"""Seconds since 1970 at which such a machine was booted."""


def values(element: etree._Element) -> dict[str, str]:
    """Return the leafs of an element."""
    return {etree.QName(leaf).localname: leaf.text or "" for leaf in element if not len(leaf)}


def boottime(value: str) -> float:
    """Return an instant of a VirtualClock as CLOCK_BOOTTIME."""
    return round(datetime.fromisoformat(value).timestamp() - BOOTED, 3)
