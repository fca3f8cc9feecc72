"""The lease on disk: written whole, read back in instants of this boot, and never longer than granted."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dhc4client.world import VirtualClock, World, bound
from vppdhc.clock import Clock
from vppdhc.dhc4client.config import INFINITE
from vppdhc.dhc4client.lease import Lease
from vppdhc.dhc4client.store import LeaseFile
from vppdhc.packet.options4 import Option

WALL = 1_800_000_000.0


def clock(now: float, wall: float = WALL, boot_id: str = "first") -> VirtualClock:
    return VirtualClock(now, wall, boot_id)


def lease(lease_time: int = 3600, at: float = 1000.0) -> Lease:
    """A lease that was granted at an instant."""
    world = World(clock=clock(at))
    world.server.lease_time = lease_time
    world.server.options[Option.DOMAIN_NAME_SERVERS] = ["192.0.2.3"]
    world.run(5)
    return world.lease


LEASE = lease()


def file(directory: Path, at: Clock) -> LeaseFile:
    return LeaseFile(directory / "dhc4client", "wan0", at)


def test_what_is_stored_is_read_back(tmp_path: Path) -> None:
    stored = lease()
    file(tmp_path, clock(1010.0)).save(stored)
    found = file(tmp_path, clock(1020.0, WALL + 10)).load()
    assert found is not None
    assert found.same_boot
    assert found.content == stored


def test_nothing_is_stored_at_first(tmp_path: Path) -> None:
    assert file(tmp_path, clock(1.0)).load() is None


def test_the_file_is_its_owners_and_no_other_is_left(tmp_path: Path) -> None:
    one = file(tmp_path, clock(1010.0))
    one.save(lease())
    one.save(lease())
    assert [path.name for path in one.path.parent.iterdir()] == ["wan0.json"]
    assert one.path.stat().st_mode & 0o777 == 0o600
    assert one.path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", ["GigabitEthernet0/8/0.100", "..", "a%2Fb", "/etc/passwd", "~"])
def test_every_interface_has_a_file_in_the_directory(tmp_path: Path, name: str) -> None:
    one = LeaseFile(tmp_path, name, clock(1010.0))
    one.save(lease())
    assert one.path.parent == tmp_path
    assert LeaseFile(tmp_path, name, clock(1011.0)).load() is not None


def test_names_of_interfaces_do_not_collide(tmp_path: Path) -> None:
    paths = {LeaseFile(tmp_path, name, clock(1.0)).path for name in ("a/b", "a%2Fb", "a_b", "a.b", "a")}
    assert len(paths) == 5


def test_forgotten(tmp_path: Path) -> None:
    one = file(tmp_path, clock(1010.0))
    one.save(lease())
    one.forget()
    one.forget()
    assert one.load() is None


def test_within_a_boot_the_wall_clock_means_nothing(tmp_path: Path) -> None:
    stored = lease()
    file(tmp_path, clock(1010.0)).save(stored)
    found = file(tmp_path, clock(1100.0, wall=0.0)).load()
    assert found is not None
    assert found.content == stored


@pytest.mark.parametrize("passed", [0, 100, 3000, 3500])
def test_behind_a_reboot_the_wall_clock_says_what_has_passed(tmp_path: Path, passed: int) -> None:
    stored = lease()
    file(tmp_path, clock(1010.0)).save(stored)
    found = file(tmp_path, clock(50.0, WALL + passed, "second")).load()
    assert found is not None
    assert not found.same_boot
    assert found.content.expires - 50 == pytest.approx(stored.expires - 1010 - passed)
    assert found.content.renewal - 50 == pytest.approx(stored.renewal - 1010 - passed)
    assert found.content.asked <= 50


def test_a_wall_clock_that_went_back_lets_no_time_pass(tmp_path: Path) -> None:
    stored = lease()
    file(tmp_path, clock(1010.0)).save(stored)
    found = file(tmp_path, clock(50.0, wall=100.0, boot_id="second")).load()
    assert found is not None
    assert found.content.expires - 50 == pytest.approx(stored.expires - 1010)


def test_time_counts_on_from_boot_to_boot(tmp_path: Path) -> None:
    """Where nobody renews the lease, it ends in the end, however often the machine is booted."""
    file(tmp_path, clock(1010.0)).save(lease())
    for boot in range(5):
        assert file(tmp_path, clock(50.0, WALL + 700 * boot, f"boot {boot}")).load() is not None
    found = file(tmp_path, clock(50.0, WALL + 3600, "last")).load()
    assert found is not None
    assert found.content.expires < 50


def test_time_counts_on_where_the_wall_clock_has_gone_back_once(tmp_path: Path) -> None:
    file(tmp_path, clock(1010.0)).save(lease())
    second = file(tmp_path, clock(50.0, 1000.0, "second")).load()
    third = file(tmp_path, clock(50.0, 1600.0, "third")).load()
    assert second is not None
    assert third is not None
    assert third.content.expires == pytest.approx(second.content.expires - 600)


@given(
    st.one_of(st.integers(3, 100_000), st.just(INFINITE)),
    st.floats(0, 1e6),
    st.floats(-1e6, 1e6),
    st.floats(0, 1e5),
)
def test_what_is_left_is_never_more_than_was_granted(
    lease_time: int, saved_after: float, wall_moved: float, booted: float
) -> None:
    stored = replace(LEASE, terms=replace(LEASE.terms, lease_time=lease_time, t1=1, t2=2))
    moved = stored.moved(booted - max(0.0, wall_moved) - 1000.0 - saved_after, booted)
    assert moved.expires <= booted + (math.inf if lease_time == INFINITE else lease_time)
    assert moved.asked <= booted
    assert moved.obtained <= booted


@pytest.mark.parametrize("lease_time", [60, 3600, INFINITE])
def test_leases_of_all_lengths(tmp_path: Path, lease_time: int) -> None:
    stored = lease(lease_time)
    file(tmp_path, clock(1010.0)).save(stored)
    found = file(tmp_path, clock(1011.0)).load()
    assert found is not None
    assert found.content == stored


def damage(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda document: document.update({key: value})


@pytest.mark.parametrize(
    "spoil",
    [
        damage("version", 2),
        damage("interface", "wan1"),
        damage("address", "127.0.0.1"),
        damage("address", 7),
        damage("server-mac", "00"),
        damage("server-mac", "zz"),
        damage("options", {}),
        damage("options", {"54": "c0000201", "51": "00000001"}),
        damage("options", {"x": "00"}),
        damage("options", 1),
        damage("expires", 1e308),
        damage("expires", "soon"),
        damage("renewal", math.inf),
        damage("renewal", math.nan),
        damage("renewal", None),
        damage("asked", math.nan),
        damage("obtained", None),
        damage("boottime", math.inf),
        damage("wall", None),
        lambda document: document.clear(),
        lambda document: document.pop("client-id"),
    ],
)
def test_a_damaged_file_is_moved_aside(tmp_path: Path, spoil: Callable[[dict[str, Any]], object]) -> None:
    one = file(tmp_path, clock(1010.0))
    one.save(lease())
    document = json.loads(one.path.read_text())
    before = json.dumps(document)
    spoil(document)
    after = json.dumps(document)
    assert after != before
    one.path.write_text(after)
    found = one.load()
    if found is not None:  # an instant that is possible, and only wrong: cut to what was granted
        assert found.content.expires <= 1010 + 3600
        return
    assert not one.path.exists()
    assert one.path.with_name("wan0.json.damaged").read_text() == after


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"7", b"\xff", b"[" * 100_000, b"x" * 100_000])
def test_a_file_of_something_else_is_moved_aside(tmp_path: Path, content: bytes) -> None:
    one = file(tmp_path, clock(1010.0))
    one.path.parent.mkdir()
    one.path.write_bytes(content)
    assert one.load() is None
    assert one.path.with_name("wan0.json.damaged").read_bytes() == content
    one.save(lease())
    assert one.load() is not None


def test_every_cut_of_a_file_is_noticed(tmp_path: Path) -> None:
    one = file(tmp_path, clock(1010.0))
    one.save(lease())
    whole = one.path.read_bytes()
    for length in range(0, len(whole) - 2, 7):
        one.path.write_bytes(whole[:length])
        assert one.load() is None


def test_what_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "dhc4client").write_text("in the way")
    with pytest.raises(OSError, match=r"exists|Not a directory"):
        file(tmp_path, clock(1010.0)).save(lease())


def test_a_lease_of_a_client_is_found_by_its_successor(tmp_path: Path) -> None:
    world = bound()
    on_disk = file(tmp_path, world.clock)
    on_disk.save(world.lease)
    world.restart(on_disk)
    world.run(2)
    assert world.server.types()[-1] == "request"
    assert world.vpp.addresses == ["192.0.2.50/24"]
