from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vppdhc.dhc4.config import INFINITE, Overrides, ServerConfig, Settings, Times
from vppdhc.dhc4.options import OptionSet

TIMES = st.integers(1, INFINITE)


@pytest.mark.parametrize(
    ("settings", "wish", "times"),
    [
        (Settings(), None, Times(3600, 1800, 3150)),
        (Settings(renewal_time=600), None, Times(3600, 600, 3150)),
        (Settings(renewal_time=600), 300, Times(300, 150, 262)),
        (Settings(), 86_400, Times(3600, 1800, 3150)),
        (Settings(), 1, Times(120, 60, 105)),
        (Settings(lease_time=30), 1, Times(30, 15, 26)),
        (Settings(lease_time=3), None, Times(3, 1, 2)),
        (Settings(lease_time=INFINITE), None, Times(INFINITE, None, None)),
        (Settings(lease_time=INFINITE, renewal_time=600), None, Times(INFINITE, 600, None)),
        (Settings(lease_time=INFINITE), 600, Times(600, 300, 525)),
        (Settings(renewal_time=7200, rebinding_time=9000), None, Times(3600, 1800, 3150)),
        (Settings(rebinding_time=700), None, Times(3600, 400, 700)),
    ],
)
def test_lifetimes(settings: Settings, wish: int | None, times: Times) -> None:
    assert settings.times(wish) == times


@settings(deadline=None)
@given(st.integers(3, INFINITE - 1), st.none() | TIMES, st.none() | TIMES, st.none() | st.integers(0, INFINITE))
def test_t1_is_before_t2_is_before_the_end(
    lease: int, renewal: int | None, rebinding: int | None, wish: int | None
) -> None:
    times = Settings(lease_time=lease, renewal_time=renewal, rebinding_time=rebinding).times(wish)
    assert times.renewal is not None
    assert times.rebinding is not None
    assert 0 < times.renewal < times.rebinding < times.lease <= lease


@pytest.mark.parametrize(
    "wrong",
    [
        {"lease_time": 2},
        {"lease_time": 2**32},
        {"renewal_time": 0},
        {"rebinding_time": -1},
        {"static_percentage": 101},
        {"offer_hold": 0},
        {"probation_time": -1},
        {"max_address_utilization": 0},
        {"max_address_utilization": 101},
    ],
)
def test_refuses_values_out_of_range(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=name.replace("_", "-")):
        Settings(**wrong)


def test_overrides_go_over_the_servers_settings() -> None:
    outer = OptionSet({6: b"\1\1\1\1", 15: b"example.net"})
    settings = Settings(lease_time=1000, options=outer)
    assert Overrides().over(settings) == settings
    assert Overrides(lease_time=60, authoritative=False).over(settings) == Settings(
        lease_time=60, authoritative=False, options=outer
    )
    inner = Overrides(options=OptionSet({15: b"example.org"}, omitted=frozenset({6})))
    assert inner.over(settings).options.values == {15: b"example.org"}


@pytest.mark.parametrize(
    ("config", "served"),
    [
        (ServerConfig(), {"lan", "lan2", "wan"}),
        (ServerConfig(client_interfaces=frozenset({"wan"})), {"lan", "lan2"}),
        (ServerConfig(interfaces=("lan",)), {"lan"}),
        (ServerConfig(interfaces=("wan",), client_interfaces=frozenset({"wan"})), {"wan"}),
        (ServerConfig(per_interface={"lan2": Overrides(lease_time=60)}), {"lan2"}),
        (ServerConfig(interfaces=("lan",), per_interface={"lan2": Overrides()}), {"lan", "lan2"}),
    ],
)
def test_which_interfaces_are_served(config: ServerConfig, served: set[str]) -> None:
    assert {name for name in ("lan", "lan2", "wan") if config.settings_for(name) is not None} == served


def test_an_interface_has_its_overrides() -> None:
    config = ServerConfig(interfaces=("lan", "lan2"), per_interface={"lan2": Overrides(lease_time=60)})
    assert config.settings_for("lan") == Settings()
    assert config.settings_for("lan2") == Settings(lease_time=60)
