"""What the client has, on disk: written whole, read back in instants of this boot, and never longer than granted."""

import json
import math
import os
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv6Network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dhc4client.world import VirtualClock
from tests.dhc6pdclient.world import ADDRESS, PD, PREFIX, SECOND_PREFIX, TWO, bound, has
from vppdhc.clock import Clock
from vppdhc.dhc6pdclient.bindings import Association, Bindings, IaKey, IaType, Lease
from vppdhc.dhc6pdclient.store import BindingsFile
from vppdhc.packet.dhcp6 import INFINITY, StatusCode
from vppdhc.packet.options6 import Option

WALL = 1_800_000_000.0


def clock(now: float, wall: float = WALL, boot_id: str = "first") -> VirtualClock:
    return VirtualClock(now, wall, boot_id)


def bindings() -> Bindings:
    """What was got at about 10000 of the clock."""
    world = bound(
        replace(TWO, ia_nas=(1, 2)),
        statuses={IaKey(IaType.NA, 2): StatusCode.NO_ADDRS_AVAIL},
        excluded={PREFIX: "2001:db8:100:f0::/64"},
        key=bytes(range(16)),
    )
    assert has(world.bindings) == [PREFIX, SECOND_PREFIX, ADDRESS]
    return world.bindings


ALL = bindings()


def file(directory: Path, at: Clock) -> BindingsFile:
    return BindingsFile(directory / "dhc6pdclient", "wan0", at)


def test_what_is_stored_is_read_back(tmp_path: Path) -> None:
    file(tmp_path, clock(10_010.0)).save(ALL)
    found = file(tmp_path, clock(10_020.0, WALL + 10)).load()
    assert found is not None
    assert found.same_boot
    assert found.content == ALL


def test_what_never_ends_is_read_back(tmp_path: Path) -> None:
    world = bound(t1=INFINITY, t2=INFINITY, preferred=INFINITY, valid=INFINITY)
    file(tmp_path, clock(10_010.0)).save(world.bindings)
    found = file(tmp_path, clock(10_020.0)).load()
    assert found is not None
    assert found.content == world.bindings
    assert found.content.expires == math.inf


def test_nothing_is_stored_at_first(tmp_path: Path) -> None:
    assert file(tmp_path, clock(1.0)).load() is None


def test_the_file_is_its_owners_and_no_other_is_left(tmp_path: Path) -> None:
    one = file(tmp_path, clock(10_010.0))
    one.save(ALL)
    one.save(ALL)
    assert [path.name for path in one.path.parent.iterdir()] == ["wan0.json"]
    assert one.path.stat().st_mode & 0o777 == 0o600
    assert one.path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", ["GigabitEthernet0/8/0.100", "..", "a%2Fb", "/etc/passwd", "~"])
def test_every_interface_has_a_file_in_the_directory(tmp_path: Path, name: str) -> None:
    one = BindingsFile(tmp_path, name, clock(10_010.0))
    one.save(ALL)
    assert one.path.parent == tmp_path
    assert BindingsFile(tmp_path, name, clock(10_011.0)).load() is not None


def test_forgotten(tmp_path: Path) -> None:
    one = file(tmp_path, clock(10_010.0))
    one.save(ALL)
    one.forget()
    one.forget()
    assert one.load() is None


def test_within_a_boot_the_wall_clock_means_nothing(tmp_path: Path) -> None:
    file(tmp_path, clock(10_010.0)).save(ALL)
    found = file(tmp_path, clock(10_100.0, wall=0.0)).load()
    assert found is not None
    assert found.content == ALL


@pytest.mark.parametrize("passed", [0, 100, 3000, 7000])
def test_behind_a_reboot_the_wall_clock_says_what_has_passed(tmp_path: Path, passed: int) -> None:
    file(tmp_path, clock(10_010.0)).save(ALL)
    found = file(tmp_path, clock(50.0, WALL + passed, "second")).load()
    assert found is not None
    assert not found.same_boot
    assert found.content.expires - 50 == pytest.approx(ALL.expires - 10_010 - passed)
    assert found.content.renewal - 50 == pytest.approx(ALL.renewal - 10_010 - passed)
    assert found.content.rebinding - 50 == pytest.approx(ALL.rebinding - 10_010 - passed)


def test_a_clock_that_is_not_there_yet_is_another_boot_s(tmp_path: Path) -> None:
    file(tmp_path, clock(10_010.0)).save(ALL)
    found = file(tmp_path, clock(50.0, WALL + 100, "first")).load()
    assert found is not None
    assert not found.same_boot
    assert found.content.expires - 50 == pytest.approx(ALL.expires - 10_010 - 100)


def test_a_reboot_is_counted_once_only(tmp_path: Path) -> None:
    file(tmp_path, clock(10_010.0)).save(ALL)
    first = file(tmp_path, clock(50.0, WALL + 100, "second")).load()
    again = file(tmp_path, clock(80.0, WALL + 100_000, "second")).load()
    assert first is not None
    assert again is not None
    assert again.same_boot
    assert again.content == first.content


INSTANTS = st.floats(0, 1e9)


@given(INSTANTS, INSTANTS, INSTANTS, INSTANTS)
def test_what_is_left_is_never_more_than_was_granted(
    tmp_path_factory: pytest.TempPathFactory, saved: float, saved_wall: float, now: float, wall: float
) -> None:
    directory = tmp_path_factory.mktemp("store")
    file(directory, clock(saved, saved_wall)).save(ALL)
    for boot_id in ("first", "second"):
        found = file(directory, clock(now, wall, boot_id)).load()
        assert found is not None
        for association in found.content.associations:
            if association.leases:
                assert association.renewal <= now + association.t1
                assert association.rebinding <= now + association.t2
            for lease in association.leases:
                assert lease.valid_until <= now + lease.valid
                assert lease.preferred_until <= now + lease.preferred


def damage(*path: str | int, value: Any) -> Callable[[dict[str, Any]], object]:
    def change(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value

    return change


LEASE: tuple[str | int, ...] = ("associations", 0, "leases", 0)


@pytest.mark.parametrize(
    "spoil",
    [
        damage("version", value=2),
        damage("interface", value="wan1"),
        damage("boottime", value=math.nan),
        damage("wall", value=None),
        damage("duid", value="xx"),
        damage("server-address", value="somewhere"),
        damage("learned", value=[]),
        damage("learned", value={"70000": "00"}),
        damage("key", value={}),
        damage("key", "key", value="00"),
        damage("key", "replay", value=-1),
        damage("associations", value=7),
        damage("associations", 0, "type", value="ia-ta"),
        damage("associations", 0, "ia-id", value=1 << 32),
        damage("associations", 0, "ia-id", value=True),
        damage("associations", 1, "ia-id", value=1),
        damage("associations", 0, "t1", value=1.5),
        damage("associations", 0, "renewal", value=math.nan),
        damage("associations", 0, "renewal", value=1e308),
        damage("associations", 0, "renewal", value=None),
        damage("associations", 0, "obtained", value=math.inf),
        damage("associations", 0, "status", value=None),
        damage("associations", 0, "leases", value=[{}]),
        damage(*LEASE, "prefix", value="fe80::/64"),
        damage(*LEASE, "prefix", value="2001:db8::1/64"),
        damage(*LEASE, "valid", value=-1),
        damage(*LEASE, "valid", value=1),
        damage(*LEASE, "granted-at", value="soon"),
        damage(*LEASE, "excluded", value="2001:db8:200::/64"),
        damage("associations", 2, "leases", 0, "prefix", value="2001:db8::/64"),
        lambda document: document.clear(),
        lambda document: document.pop("server"),
        lambda document: document["associations"][0]["leases"].extend(document["associations"][0]["leases"] * 16),
    ],
)
def test_a_damaged_file_is_moved_aside(tmp_path: Path, spoil: Callable[[dict[str, Any]], object]) -> None:
    one = file(tmp_path, clock(10_010.0))
    one.save(ALL)
    document = json.loads(one.path.read_text())
    before = json.dumps(document)
    spoil(document)
    after = json.dumps(document)
    assert after != before
    one.path.write_text(after)
    assert one.load() is None
    assert not one.path.exists()
    assert one.path.with_name("wan0.json.damaged").read_text() == after


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"7", b"\xff", b"[" * 100_000, b"x" * 2_000_000])
def test_a_file_of_something_else_is_moved_aside(tmp_path: Path, content: bytes) -> None:
    one = file(tmp_path, clock(10_010.0))
    one.path.parent.mkdir()
    one.path.write_bytes(content)
    assert one.load() is None
    assert one.path.with_name("wan0.json.damaged").read_bytes() == content
    one.save(ALL)
    assert one.load() is not None


def test_every_cut_of_a_file_is_noticed(tmp_path: Path) -> None:
    one = file(tmp_path, clock(10_010.0))
    one.save(ALL)
    whole = one.path.read_bytes()
    for length in range(0, len(whole) - 2, 7):
        one.path.write_bytes(whole[:length])
        assert one.load() is None


def test_what_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "dhc6pdclient").write_text("in the way")
    with pytest.raises(OSError, match=r"exists|Not a directory"):
        file(tmp_path, clock(10_010.0)).save(ALL)


class KilledError(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("call", ["open", "write", "fsync", "rename", "directory"])
def test_killed_while_writing_the_old_file_or_the_new_one_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Whatever the last call was that a kill let through, the next start reads one of the two."""
    one = file(tmp_path, clock(10_010.0))
    one.save(ALL)
    changed = replace(ALL, server=b"\0\3\0\1another")

    def die(*_: object) -> None:
        raise KilledError

    target = {
        "open": (os, "open"),
        "write": (os, "fdopen"),
        "fsync": (os, "fsync"),
        "rename": (Path, "replace"),
        "directory": (os, "fsync"),
    }[call]
    plain = getattr(*target)
    calls = []

    def second_time(*arguments: Any, **named: Any) -> Any:
        calls.append(arguments)
        if call == "directory" and len(calls) < 2:
            return plain(*arguments, **named)
        return die()

    with monkeypatch.context() as patched:
        patched.setattr(*target, second_time)
        with pytest.raises(KilledError):
            one.save(changed)
    found = one.load()
    assert found is not None
    assert found.content == (changed if call == "directory" else ALL)


def test_what_a_client_has_is_found_by_its_successor(tmp_path: Path) -> None:
    world = bound()
    on_disk = file(tmp_path, world.clock)
    on_disk.save(world.bindings)
    world.restart(on_disk)
    world.run(2)
    assert world.server.types()[-1] == "rebind"
    assert world.tenant.has == [PREFIX]
    stored = on_disk.load()
    assert stored is not None
    assert stored.content == world.bindings
    assert set(stored.content.learned) == {Option.DNS_SERVERS}


def test_empty_associations_keep_nothing_from_an_old_lease() -> None:
    association = Association(PD, leases=(Lease(IPv6Network(PREFIX), 1, 2, 0.0),), t1=1, renewal=1.0, obtained=0.0)
    assert association.keeping(()) == Association(PD)
