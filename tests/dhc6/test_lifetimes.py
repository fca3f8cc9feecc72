"""Lifetimes, T1 and T2 (RFC 8415, 14.2)."""

from math import inf
from typing import Any

import pytest

from vppdhc.dhc6.config import Lifetimes, Overrides, ServerConfig, Settings
from vppdhc.dhc6.levels import FOR_EVER, Life
from vppdhc.packet.dhcp6 import INFINITY


@pytest.mark.parametrize(
    ("settings", "leases", "times"),
    [
        (Settings(), [(3600, 7200)], (1800, 2880)),
        (Settings(), [(3600, 7200), (100, 7200)], (50, 80)),
        (Settings(), [(3600, 7200), (0, 300), (0, 0)], (1800, 2880)),
        (Settings(), [(0, 1000), (0, 500)], (250, 400)),
        (Settings(), [(0, 0)], (0, 0)),
        (Settings(), [], (0, 0)),
        (Settings(), [(INFINITY, INFINITY)], (INFINITY, INFINITY)),
        (Settings(), [(INFINITY, INFINITY), (100, INFINITY)], (50, 80)),
        (Settings(), [(3, 3)], (1, 2)),
        (Settings(renewal_time=600, rebinding_time=1200), [(3600, 7200)], (600, 1200)),
        (Settings(renewal_time=600, rebinding_time=1200), [(1000, 7200)], (600, 800)),
        (Settings(renewal_time=600, rebinding_time=1200), [(700, 700)], (350, 560)),
        (Settings(rebinding_time=1000), [(3600, 7200)], (1000, 1000)),
        (Settings(renewal_time=3000), [(3600, 7200)], (1800, 2880)),
        (Settings(renewal_time=600), [(INFINITY, INFINITY)], (600, INFINITY)),
        (Settings(rebinding_time=600), [(INFINITY, INFINITY)], (600, 600)),
    ],
)
def test_t1_and_t2(settings: Settings, leases: list[tuple[int, int]], times: tuple[int, int]) -> None:
    assert settings.times([Lifetimes(*one) for one in leases]) == times


@pytest.mark.parametrize(
    ("life", "left"),
    [
        (FOR_EVER, (3600, 7200)),
        (Life(inf, inf), (3600, 7200)),
        (Life(1100.5, 1200.9), (100, 200)),
        (Life(900.0, 1200.0), (0, 200)),
        (Life(5000.0, 1200.0), (200, 200)),
        (Life(-inf, -inf), (0, 0)),
        (Life(1000.0, 999.0), (0, 0)),
        (Life(1e12, 1e12), (3600, 7200)),
    ],
)
def test_nothing_outlives_its_prefix(life: Life, left: tuple[int, int]) -> None:
    assert life.limit(Lifetimes(3600, 7200), 1000.0) == left
    assert life.is_preferred(1000.0) is (left[0] > 0)


def test_a_lease_for_ever_of_a_prefix_that_ends_ends_with_it() -> None:
    for_ever = Lifetimes(INFINITY, INFINITY)
    assert FOR_EVER.limit(for_ever, 0.0) == for_ever
    assert Life(inf, inf).limit(for_ever, 0.0) == for_ever
    assert Life(10.0, 1e12).limit(for_ever, 0.0) == (10, INFINITY - 1)


def test_a_preferred_lifetime_is_no_longer_than_the_valid_one() -> None:
    inner = Overrides(valid_lifetime=600).over(Settings())
    assert inner.lifetimes == (600, 600)


@pytest.mark.parametrize(
    "wrong",
    [
        {"valid_lifetime": 2},
        {"valid_lifetime": INFINITY + 1},
        {"preferred_lifetime": 0},
        {"renewal_time": 0},
        {"rebinding_time": -1},
        {"max_address_utilization": 101},
        {"preference": 256},
        {"offer_hold": 0},
        {"probation_time": -1},
    ],
)
def test_settings_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is not within"):
        Settings(**wrong)


def test_settings_of_interfaces() -> None:
    config = ServerConfig(interfaces=("a",), per_interface={"b": Overrides(preference=9)})
    assert config.settings_for("a") == Settings()
    assert config.settings_for("b") == Settings(preference=9)
    assert config.settings_for("c") is None
