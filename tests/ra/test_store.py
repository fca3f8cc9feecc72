"""What hosts were told, on disk: read back in instants of this boot, and nothing else than was written is believed."""

import json
from collections.abc import Callable
from ipaddress import IPv6Network
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from tests.dhc4client.world import VirtualClock
from tests.ra.world import NAME, World, lan
from vppdhc.ra.config import Pref64Config, PrefixConfig
from vppdhc.ra.memory import NO_MEMORY, Believed, Countdown, Kind, Memory, read_memory
from vppdhc.ra.store import MemoryStore

WALL = 1_800_000_000.0
FULL = Memory(
    MappingProxyType(
        {
            (Kind.PREFIX, "2001:db8:1::/64"): Believed(12_000.0, None, on_link=True, autonomous=True, delegated=True),
            (Kind.PREFIX, "2001:db8:2::/64"): Believed(float("inf"), 9_000.0, on_link=True),
            (Kind.ROUTE, "fd00::/8"): Believed(11_000.0),
            (Kind.RDNSS, "2001:db8::53"): Believed(11_000.0),
            (Kind.DNSSL, "example.com"): Believed(11_000.0),
            (Kind.PREF64, "64:ff9b::/96"): Believed(11_000.0),
        }
    ),
    (Countdown(IPv6Network("2001:db8:3::/64"), 1000, 2000, 9_500.0),),
)


def store(directory: Path, now: float, wall: float = WALL, boot_id: str = "first") -> MemoryStore:
    return MemoryStore(directory / "ra", VirtualClock(now, wall, boot_id))


def document(directory: Path) -> Any:
    return json.loads((directory / "ra" / f"{NAME}.json").read_text())


def test_what_is_stored_is_read_back(tmp_path: Path) -> None:
    assert store(tmp_path, 10_000).save(NAME, FULL)
    assert store(tmp_path, 10_100, WALL + 100).load(NAME) == FULL


def test_after_a_reboot_as_much_time_has_passed_as_the_wall_clock_says(tmp_path: Path) -> None:
    store(tmp_path, 10_000).save(NAME, FULL)
    found = store(tmp_path, 50, WALL + 500, "second").load(NAME)
    assert found == FULL.moved(50 - 500 - 10_000, 0)
    assert found.believed[Kind.PREFIX, "2001:db8:1::/64"].until == 50 + 2000 - 500
    assert found.believed[Kind.PREFIX, "2001:db8:2::/64"].gone == 50 - 1000 - 500
    assert found.countdowns[0].since == 50 - 500 - 500


def test_nothing_is_remembered_of_an_interface_that_is_new(tmp_path: Path) -> None:
    assert store(tmp_path, 10_000).load(NAME) == NO_MEMORY


def _not_json(raw: str) -> str:
    return raw[:-10]


def _other_version(raw: str) -> str:
    return raw.replace('"version": 1', '"version": 2')


def _no_prefix(raw: str) -> str:
    return raw.replace("2001:db8:1::/64", "2001:db8:1::1/64")


def _number(raw: str) -> str:
    return raw.replace('"2001:db8:1::/64"', "42")


def _no_domain(raw: str) -> str:
    return raw.replace("example.com", ".")


def _no_nat64(raw: str) -> str:
    return raw.replace("64:ff9b::/96", "64:ff9b::/95")


def _no_instant(raw: str) -> str:
    return raw.replace("11000.0", "NaN")


def _no_flag(raw: str) -> str:
    return raw.replace("true", "1")


def _no_kind(raw: str) -> str:
    return raw.replace('"rdnss"', '"rdns"')


def _no_lifetime(raw: str) -> str:
    return raw.replace('"preferred": 1000', '"preferred": 3000')


@pytest.mark.parametrize(
    "damage",
    [
        *(_not_json, _other_version, _no_prefix, _number, _no_domain, _no_nat64, _no_instant, _no_flag, _no_kind),
        _no_lifetime,
    ],
)
def test_a_damaged_file_is_moved_aside(tmp_path: Path, damage: Callable[[str], str]) -> None:
    store(tmp_path, 10_000).save(NAME, FULL)
    path = tmp_path / "ra" / f"{NAME}.json"
    whole = path.read_text()
    assert damage(whole) != whole
    path.write_text(damage(whole))
    with structlog.testing.capture_logs() as lines:
        assert store(tmp_path, 10_000).load(NAME) == NO_MEMORY
    assert [line["log_level"] for line in lines] == ["error"]
    assert not path.exists()
    assert (tmp_path / "ra" / f"{NAME}.json.damaged").read_text() == damage(whole)


def test_what_cannot_be_written_is_logged(tmp_path: Path) -> None:
    (tmp_path / "ra").write_text("a file in the way")
    with structlog.testing.capture_logs() as lines:
        assert not store(tmp_path, 10_000).save(NAME, FULL)
    assert lines[0]["log_level"] == "error"
    assert lines[0]["interface"] == NAME


def test_whatever_is_read_back_can_be_withdrawn(tmp_path: Path) -> None:
    store(tmp_path, 10_000).save(NAME, FULL)
    world = World(lan())
    world.disk.files[NAME] = json.dumps(document(tmp_path))
    world.restart()
    last = world.run(40).last
    assert set(last.prefixes.values()) == {(0, 0)}
    assert last.routes == {"fd00::/8": 0}
    assert last.servers == {"2001:db8::53": 0}


def test_an_interface_writes_its_file_through_the_whole_store(tmp_path: Path) -> None:
    world = World(
        prefixes=(PrefixConfig(IPv6Network("2001:db8:7::/64"), decrementing=True),),
        pref64=(Pref64Config(IPv6Network("64:ff9b::/96")),),
    )
    world.run(0)
    memory = read_memory(json.loads(world.disk.files[NAME]))
    assert set(memory.believed) == {(Kind.PREFIX, "2001:db8:7::/64"), (Kind.PREF64, "64:ff9b::/96")}
    assert [one.prefix for one in memory.countdowns] == [IPv6Network("2001:db8:7::/64")]
    kept = store(tmp_path, world.now)
    assert kept.save(NAME, memory)
    assert kept.load(NAME) == memory


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=10) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["believed", "countdowns", "kind", "what", "until", "gone", "prefix", "since"]), inner
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_whatever_is_in_a_file_is_read_or_refused(value: Any) -> None:
    try:
        memory = read_memory(value)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return
    assert isinstance(memory, Memory)
