"""A store of an older release becomes one of this release, and loses nothing; one of a newer release is left alone."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.leases import version1, version2
from tests.leases.support import FOR_EVER, FakeClock, contents, contents6, lease, lease6, left, new, new6
from vppdhc.leases import schema
from vppdhc.leases.errors import LeaseStoreError
from vppdhc.leases.lease import Details, Lease, LeaseState
from vppdhc.leases.reading import stored_leases, stored_leases6
from vppdhc.leases.store import LeaseStore

Make = Callable[[Path, FakeClock, list[Lease]], None]


def some(clock: FakeClock) -> list[Lease]:
    """Return leases of every kind."""
    identified = lease(2, clock)._replace(client=b"\0\1\2\3", hostname="näme")
    return [
        lease(1, clock),
        identified,
        lease(3, clock, FOR_EVER, table=7),
        lease(4, clock, state=LeaseState.RELEASED),
        lease(5, clock, state=LeaseState.DECLINED)._replace(client=b"", hardware=b""),
    ]


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as database:
        (version,) = database.execute("PRAGMA user_version").fetchone()
    return int(version)


def test_every_lease_of_the_first_version_is_kept(path: Path, clock: FakeClock) -> None:
    leases = some(clock)
    version1.make(path, clock, leases)
    assert version_of(path) == 1
    store = LeaseStore(path, clock)
    assert sorted(store.load()) == sorted(leases)
    detailed = lease(6, clock)._replace(details=Details(fqdn="host.example.net"))
    store.commit(new(detailed))
    store.close()
    assert version_of(path) == 3
    assert sorted(contents(path, clock).values()) == sorted([*leases, detailed])
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_every_lease_of_the_second_version_is_kept(path: Path, clock: FakeClock) -> None:
    details = Details(1, b"c", b"r", "MSFT 5.0", "", "host.example.net")
    leases = [*some(clock), lease(6, clock)._replace(details=details)]
    version2.make(path, clock, leases)
    assert version_of(path) == 2
    before = list(stored_leases(path))
    assert list(stored_leases6(path)) == []
    store = LeaseStore(path, clock)
    assert sorted(store.load()) == sorted(leases)
    assert list(store.load6()) == []
    store.commit([*new(lease(7, clock)), *new6(lease6(7, clock))])
    store.close()
    assert version_of(path) == 3
    assert sorted(contents(path, clock).values()) == sorted([*leases, lease(7, clock)])
    assert list(contents6(path, clock).values()) == [lease6(7, clock)]
    after = list(stored_leases(path))
    assert [one for one in after if one["address"] != "0.0.0.7"] == before
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_an_older_store_has_the_tables_and_views_of_a_new_one(path: Path, clock: FakeClock, tmp_path: Path) -> None:
    found = []
    for number, make in enumerate((version1.make, version2.make, None)):
        store = tmp_path / str(number) / "state" / "leases.db"
        if make is not None:
            make(store, clock, some(clock))
        LeaseStore(store, clock).close()
        with closing(sqlite3.connect(store)) as database:
            names = [name for (name,) in database.execute("SELECT name FROM sqlite_schema ORDER BY name")]
            found.append({name: database.execute(f"PRAGMA table_info({name})").fetchall() for name in names})
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("make", [version1.make, version2.make])
def test_instants_of_older_versions_are_converted_after_a_reboot(path: Path, clock: FakeClock, make: Make) -> None:
    make(path, clock, [lease(1, clock)])
    clock.reboot(wall_passed=600)
    assert left(path, clock) == {1: 3000.0}


def test_a_daemon_that_was_killed_left_part_of_the_first_version_in_the_log(
    path: Path, clock: FakeClock, tmp_path: Path
) -> None:
    """Its last commits are in the write-ahead log alone."""
    version1.make(path, clock, some(clock))
    killed = tmp_path / "killed"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA wal_autocheckpoint = 0")
        database.execute("UPDATE lease SET hostname = 'late' WHERE address = 1")
        killed.mkdir()
        for name in ("leases.db", "leases.db-wal"):
            shutil.copy(path.with_name(name), killed / name)
    assert (killed / "leases.db-wal").stat().st_size > 0
    found = contents(killed / "leases.db", clock)
    assert found[0, 1].hostname == "late"
    assert len(found) == 5


def test_leases_of_the_first_version_are_shown_before_the_daemon_has_run(path: Path, clock: FakeClock) -> None:
    version1.make(path, clock, some(clock))
    before = list(stored_leases(path))
    LeaseStore(path, clock).close()
    after = list(stored_leases(path))
    assert [one.pop("state") for one in before] == [one.pop("state") for one in after]
    assert before == after
    assert after[1]["client_id"] == "010203"


def test_a_migration_that_fails_changes_nothing(path: Path, clock: FakeClock) -> None:
    """An index that an operator made keeps the column that it is of."""
    leases = some(clock)
    version1.make(path, clock, leases)
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE INDEX by_identifier ON lease (client_id)")
    with pytest.raises(LeaseStoreError, match="by_identifier"):
        LeaseStore(path, clock)
    assert version_of(path) == 1
    assert len(list(stored_leases(path))) == len(leases)
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP INDEX by_identifier")
    assert sorted(contents(path, clock).values()) == sorted(leases)


def test_a_newer_version_is_refused(path: Path, clock: FakeClock) -> None:
    LeaseStore(path, clock).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    content = path.read_bytes()
    with pytest.raises(LeaseStoreError, match=r"newer vppdhc \(version 4 of the tables.*install that release"):
        LeaseStore(path, clock)
    assert path.read_bytes() == content
