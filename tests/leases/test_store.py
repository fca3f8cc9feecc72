"""The lease store: what goes in comes out, all or nothing, and nobody else writes meanwhile."""

import math
import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.leases.support import FOR_EVER, FakeClock, contents, lease, new
from vppdhc.leases.errors import LeaseStoreError
from vppdhc.leases.lease import NO_DETAILS, Change, Details, Lease, LeaseState
from vppdhc.leases.reading import stored_leases
from vppdhc.leases.store import LeaseStore


def test_every_member_of_a_lease_comes_back(path: Path, clock: FakeClock) -> None:
    full = Lease(
        0xFFFFFFFF,
        0xFFFFFFFE,
        LeaseState.DECLINED,
        bytes(range(256)),
        "GigabitEthernet0/8/0.100",
        b"\x20" + b"\xff" * 16,
        "näme\0'; DROP TABLE lease",
        0xFFFFFFFE,
        1.25,
        2.5,
        3.75,
        Details(0xFFFFFFFF, bytes(range(256)), b"\0", "'; DROP", '{"näme": "\0"}', "host.example.net"),
    )
    empty = Lease(0, 0, LeaseState.RELEASED, b"", "", b"", "", 0, -1.0, 0.0, math.inf)
    store = LeaseStore(path, clock)
    store.commit(new(full, empty))
    assert list(store.load()) == [empty, full]
    store.close()
    loaded = contents(path, clock)
    assert loaded == {(0, 0): empty, (0xFFFFFFFF, 0xFFFFFFFE): full}
    assert all(type(one.state) is LeaseState for one in loaded.values())


@pytest.mark.parametrize("count", [1, 2, 3, 5, 6, 7, 1000, 1024, 1025, 2500])
def test_groups_of_any_size(path: Path, clock: FakeClock, count: int) -> None:
    leases = [lease(number * 7919 % 65536, clock, table=number % 3) for number in range(count)]
    store = LeaseStore(path, clock)
    store.commit(new(*leases))
    store.close()
    assert contents(path, clock) == {(one.table, one.address): one for one in leases}


def test_the_last_of_several_changes_of_a_lease_counts(path: Path, clock: FakeClock) -> None:
    first, second, third = (lease(1, clock, version=version) for version in range(3))
    gone, back, other = lease(2, clock), lease(3, clock), lease(4, clock)
    store = LeaseStore(path, clock)
    store.commit(new(gone, other))
    store.commit(
        [
            Change(None, first),
            Change(gone, lease(2, clock, version=9)),
            Change(first, second),
            Change(gone, None),
            Change(back, None),
            Change(second, third),
            Change(None, back),
        ]
    )
    assert list(store.load()) == [third, back, other]
    store.commit([Change(third, None), Change(lease(9, clock), None), Change(other, None)])
    assert list(store.load()) == [back]
    store.close()
    assert contents(path, clock) == {(0, 3): back}


def test_many_leases_are_forgotten_at_once(path: Path, clock: FakeClock) -> None:
    leases = [lease(address, clock, table=address % 2) for address in range(3000)]
    store = LeaseStore(path, clock)
    store.commit(new(*leases))
    store.commit([Change(one, None) for one in leases[:2900]])
    assert sorted(one.address for one in store.load()) == list(range(2900, 3000))
    store.close()


def test_tables_keep_their_addresses_apart(path: Path, clock: FakeClock) -> None:
    one, other = lease(1, clock, table=1), lease(1, clock, table=2)
    store = LeaseStore(path, clock)
    store.commit(new(other, one))
    store.commit([Change(one, None)])
    assert list(store.load()) == [other]
    store.close()


def test_offers_are_not_stored(path: Path, clock: FakeClock) -> None:
    offer = lease(1, clock, state=LeaseState.OFFERED)
    held = lease(1, clock)
    store = LeaseStore(path, clock)
    store.commit([Change(None, held), Change(None, offer), Change(offer, None)])
    assert list(store.load()) == [held]
    store.close()


@pytest.mark.parametrize(
    ("details", "read"),
    [
        (Details(relay_address=0x0A000001), Details(relay_address=0x0A000001)),
        (Details(circuit_id=b"\0\xff"), Details(circuit_id=b"\0\xff")),
        (Details(remote_id=b"r"), Details(remote_id=b"r")),
        (Details(vendor_class="MSFT 5.0"), Details(vendor_class="MSFT 5.0")),
        (Details(user_class="bad \ud800"), Details(user_class="bad ?")),
        (Details(fqdn="bad \udcff.example.net"), Details(fqdn="bad ?.example.net")),
    ],
)
def test_each_detail_comes_back_by_itself(path: Path, clock: FakeClock, details: Details, read: Details) -> None:
    store = LeaseStore(path, clock)
    store.commit(new(lease(1, clock)._replace(details=details), lease(2, clock)))
    assert [one.details for one in store.load()] == [read, NO_DETAILS]
    assert next(stored_leases(path))
    store.close()


def test_leases_that_are_read_share_what_is_equal(path: Path, clock: FakeClock) -> None:
    """A million leases have to fit into a router's memory."""
    details = Details(vendor_class="udhcp 1.36")
    stored = [
        lease(address, clock, 7200)._replace(client=bytes((1, address)), hardware=bytes((1, address)), details=details)
        for address in (1, 2)
    ]
    store = LeaseStore(path, clock)
    store.commit(new(*stored, lease(3, clock)._replace(details=Details())))
    first, second, plain = store.load()
    assert [first, second] == stored
    assert first.hardware is first.client
    for name in ("table", "state", "interface", "granted", "since", "renewed", "expires", "details"):
        assert getattr(first, name) is getattr(second, name), name
    assert first.since is first.renewed
    assert plain.details is NO_DETAILS
    store.close()


@pytest.mark.parametrize("written", ["[]", '{"fqdn": 1}', '{"circuit_id": "x"}', '{"relay_address": "256.0.0.1"}'])
def test_details_that_are_none_are_damage(path: Path, clock: FakeClock, written: str) -> None:
    LeaseStore(path, clock).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("INSERT INTO lease VALUES (0, 1, 1, x'01', 'tap1', x'', '', 60, 0, 0, 60, ?)", (written,))
        database.commit()
    store = LeaseStore(path, clock)
    with pytest.raises(LeaseStoreError, match=r"corrupt: .*move it and its"):
        list(store.load())
    store.close()


def test_details_that_are_not_even_json_are_found_at_once(path: Path, clock: FakeClock) -> None:
    LeaseStore(path, clock).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA ignore_check_constraints = 1")
        database.execute("INSERT INTO lease VALUES (0, 1, 1, x'01', 'tap1', x'', '', 60, 0, 0, 60, '{')")
        database.commit()
    with pytest.raises(LeaseStoreError, match="corrupt: CHECK constraint failed"):
        LeaseStore(path, clock)


def test_a_hostname_that_cannot_be_written_costs_only_itself(path: Path, clock: FakeClock) -> None:
    store = LeaseStore(path, clock)
    store.commit(new(lease(1, clock, hostname="bad \udcff"), lease(2, clock)))
    assert [one.hostname for one in store.load()] == ["bad ?", "host"]
    store.close()


def test_a_change_that_cannot_be_stored_stores_nothing_of_its_group(path: Path, clock: FakeClock) -> None:
    """More than 1024 leases: the statement before the one that fails has succeeded."""
    store = LeaseStore(path, clock)
    store.commit(new(lease(1, clock, version=1)))
    impossible = lease(5000, clock)._replace(granted=-1)
    with pytest.raises(LeaseStoreError, match="CHECK"):
        store.commit([Change(lease(1, clock), None), *new(*(lease(at, clock) for at in range(2, 2000)), impossible)])
    assert list(store.load()) == [lease(1, clock, version=1)]
    store.commit(new(lease(2, clock)))
    store.close()
    assert set(contents(path, clock)) == {(0, 1), (0, 2)}


def test_files_and_directories_are_private(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "var" / "lib" / "leases.db"
    before = os.umask(0)
    try:
        store = LeaseStore(path, clock)
        store.commit(new(lease(1, clock)))
    finally:
        os.umask(before)
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in tmp_path.rglob("*")}
    store.close()
    files = dict.fromkeys(("leases.db", "leases.db-wal", "leases.db-shm", "leases.db.lock"), 0o600)
    assert modes == files | {"var": 0o700, "lib": 0o700}


def test_a_commit_is_durable_when_it_returns(path: Path, clock: FakeClock) -> None:
    """SQLite's promise rests on these two; nothing from outside shows whether a disk was told to write."""
    store = LeaseStore(path, clock)
    settings = [store._database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    assert settings == ["wal", 2]
    store.close()


def test_another_connection_sees_a_commit_at_once(path: Path, clock: FakeClock) -> None:
    store = LeaseStore(path, clock)
    other = sqlite3.connect(path)
    for address in range(5):
        store.commit(new(lease(address, clock)))
        assert other.execute("SELECT count(*) FROM lease").fetchone() == (address + 1,)
    other.close()
    store.close()


def test_a_second_daemon_is_refused(path: Path, clock: FakeClock) -> None:
    store = LeaseStore(path, clock)
    with pytest.raises(LeaseStoreError, match=rf"another process has it open \(pid {os.getpid()}\); stop that one"):
        LeaseStore(path, clock)
    store.commit(new(lease(1, clock)))
    store.close()
    store.close()
    assert set(contents(path, clock)) == {(0, 1)}


def test_a_lock_ends_with_its_process(path: Path, clock: FakeClock) -> None:
    program = (
        "import sys, pathlib, time, vppdhc.clock, vppdhc.leases.store as store\n"
        "held = store.LeaseStore(pathlib.Path(sys.argv[1]), vppdhc.clock.SystemClock())\n"
        "print('open', flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(LeaseStoreError, match=rf"pid {other.pid}\)"):
            LeaseStore(path, clock)
        other.kill()
    assert contents(path, clock) == {}


def test_an_open_transaction_of_somebody_else_fails_commits_until_it_ends(path: Path, clock: FakeClock) -> None:
    store = LeaseStore(path, clock)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LeaseStoreError, match=r"SQLITE_BUSY.*end the program that keeps it locked"):
        store.commit(new(lease(1, clock)))
    other.execute("ROLLBACK")
    other.close()
    store.commit(new(lease(2, clock)))
    assert [one.address for one in store.load()] == [2]
    store.close()


def test_for_ever_is_stored(path: Path, clock: FakeClock) -> None:
    store = LeaseStore(path, clock)
    store.commit(new(lease(1, clock, FOR_EVER)))
    store.close()
    assert contents(path, clock)[0, 1].expires == math.inf
