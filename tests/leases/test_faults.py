"""Files that are not what they should be, disks that are full, and users who may not."""

import random
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.leases.support import FakeClock, contents, lease, new, unprivileged
from vppdhc.leases.errors import LeaseStoreError
from vppdhc.leases.lease import Change, Lease
from vppdhc.leases.schema import APPLICATION_ID, VERSION
from vppdhc.leases.store import LeaseStore

PAGE = 2048


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Have every write of this process beyond a size fail, as on a disk with a quota."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def stored(path: Path, clock: FakeClock) -> Path:
    """A store with a thousand leases, closed."""
    store = LeaseStore(path, clock)
    store.commit(new(*(lease(address, clock) for address in range(1000))))
    store.close()
    return path


@pytest.mark.parametrize("content", [b"", b"\0", b"not a database\n" * 1000, bytes(100_000)])
def test_what_is_no_database_is_refused_and_left_alone(path: Path, clock: FakeClock, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(LeaseStoreError, match="move it and its -wal and -shm files away") as refused:
        LeaseStore(path, clock)
    assert str(refused.value).startswith(f"lease store {path}: ")
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_refused_and_left_alone(path: Path, clock: FakeClock) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE lease (address)")
    content = path.read_bytes()
    with pytest.raises(LeaseStoreError, match="a database of another program"):
        LeaseStore(path, clock)
    assert path.read_bytes() == content


def test_a_newer_store_is_refused_and_left_alone(stored: Path, clock: FakeClock) -> None:
    with closing(sqlite3.connect(stored)) as database:
        database.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(LeaseStoreError, match=rf"version {VERSION + 1} of the tables, this one knows {VERSION}"):
        LeaseStore(stored, clock)
    with closing(sqlite3.connect(stored)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (VERSION + 1,)


def test_a_store_with_its_tables_gone_is_an_error(path: Path, clock: FakeClock) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        database.execute(f"PRAGMA user_version = {VERSION}")
        database.execute("CREATE TABLE other (address)")
    with pytest.raises(LeaseStoreError, match="no such table"):
        LeaseStore(path, clock)


def test_a_lease_that_somebody_edited_is_found(stored: Path, clock: FakeClock) -> None:
    with closing(sqlite3.connect(stored)) as database:
        database.execute("PRAGMA ignore_check_constraints = on")
        database.execute("UPDATE lease SET state = 7 WHERE address = 5")
        database.commit()
    with pytest.raises(LeaseStoreError, match="corrupt: CHECK constraint failed"):
        LeaseStore(stored, clock)


def test_text_that_is_none_is_an_error_while_loading(stored: Path, clock: FakeClock) -> None:
    with closing(sqlite3.connect(stored)) as database:
        database.execute("UPDATE lease SET hostname = CAST(x'fffe' AS TEXT) WHERE address = 5")
        database.commit()
    store = LeaseStore(stored, clock)
    with pytest.raises(LeaseStoreError, match=r"Could not decode to UTF-8.*restore it from a backup"):
        list(store.load())
    store.close()


def test_a_log_without_its_database_is_refused(stored: Path, clock: FakeClock) -> None:
    wal = stored.with_name("leases.db-wal")
    stored.rename(wal)
    with pytest.raises(LeaseStoreError, match=r"missing, but leases\.db-wal is there"):
        LeaseStore(stored, clock)
    assert not stored.exists()


def test_every_truncation_opens_or_is_refused(stored: Path, clock: FakeClock) -> None:
    whole = stored.read_bytes()
    assert len(whole) > 10 * PAGE
    refused = 0
    for length in [*range(200), *range(200, len(whole), 509), *range(PAGE, len(whole), PAGE)]:
        stored.write_bytes(whole[:length])
        refused += not opens(stored, clock)
    assert refused > 0.9 * len(whole) / 509
    stored.write_bytes(whole)
    assert len(contents(stored, clock)) == 1000


def test_damage_anywhere_opens_or_is_refused(stored: Path, clock: FakeClock) -> None:
    """SQLite has no checksums: damage within a value goes unnoticed, in the structure it does not."""
    whole = stored.read_bytes()
    choose = random.Random(11)
    refused = 0
    for _ in range(400):
        damaged = bytearray(whole)
        at = choose.randrange(len(whole))
        length = choose.choice((1, 8, 512, PAGE))
        damaged[at : at + length] = choose.randbytes(len(damaged[at : at + length]))
        stored.write_bytes(damaged)
        refused += not opens(stored, clock)
    assert refused > 100


def test_damage_in_the_log_loses_what_follows_it_and_no_more(path: Path, clock: FakeClock, tmp_path: Path) -> None:
    """The log is checksummed: whatever its end looks like, a store opens with a prefix of the commits."""
    store = LeaseStore(path, clock)
    for address in range(20):
        store.commit(new(lease(address, clock)))
    copy = tmp_path / "copy" / "leases.db"
    choose = random.Random(12)
    kept = set()
    wal = path.with_name("leases.db-wal").read_bytes()
    for _ in range(60):
        shutil.rmtree(copy.parent, ignore_errors=True)
        copy.parent.mkdir()
        shutil.copy(path, copy)
        damaged = bytearray(wal[: choose.randrange(len(wal))])
        if damaged:
            damaged[choose.randrange(len(damaged))] ^= 0x10
        copy.with_name("leases.db-wal").write_bytes(damaged)
        found = sorted(address for _, address in contents(copy, clock))
        assert found == list(range(len(found)))
        kept.add(len(found))
    assert len(kept) > 5
    store.close()


def opens(path: Path, clock: FakeClock) -> bool:
    """Open a store that may be damaged, and use it; anything but a LeaseStoreError is a mistake of ours."""
    for left_over in ("leases.db-wal", "leases.db-shm", "leases.db-journal"):
        path.with_name(left_over).unlink(missing_ok=True)
    try:
        store = LeaseStore(path, clock)
    except LeaseStoreError:
        return False
    try:
        list(store.load())
        store.commit(new(lease(5, clock), lease(70000, clock)))
    except LeaseStoreError:
        return False
    finally:
        store.close()
    return True


def commit_in(store: LeaseStore, group: Sequence[Lease], size: int) -> LeaseStoreError | None:
    """Commit leases with files that may be no larger than this; returns the error."""
    try:
        with files_of_at_most(size):
            store.commit(new(*group))
    except LeaseStoreError as error:
        return error
    return None


def test_files_that_cannot_grow_fail_commits_until_they_can(path: Path, clock: FakeClock) -> None:
    """The limit strikes at every stage of a commit; each time the store is as it was before."""
    store = LeaseStore(path, clock)
    wal = path.with_name("leases.db-wal")
    stored: dict[int, int] = {}
    failed = 0
    for version, room in enumerate(range(0, 8 * PAGE, 300)):
        group = [lease(address, clock, version=version) for address in range(version, version + 60)]
        error = commit_in(store, group, wal.stat().st_size + room)
        if error is None:
            stored.update(dict.fromkeys(range(version, version + 60), version))
        else:
            failed += 1
            assert "disk" in error.cause
            assert "free" in error.remedy or "full" in error.remedy
        assert {one.address: int.from_bytes(one.client) for one in store.load()} == stored
    assert failed > 10
    assert stored
    store.close()
    assert {address: int.from_bytes(one.client) for (_, address), one in contents(path, clock).items()} == stored


def test_a_full_disk_fails_commits_until_it_has_space(path: Path, clock: FakeClock) -> None:
    store = LeaseStore(path, clock)
    store.commit(new(lease(0, clock)))
    (pages,) = store._database.execute("PRAGMA page_count").fetchone()
    store._database.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(LeaseStoreError, match=r"SQLITE_FULL.*free some space"):
        store.commit(new(*(lease(address, clock) for address in range(1, 1000))))
    assert [one.address for one in store.load()] == [0]
    store.commit([Change(lease(0, clock), None), *new(lease(1, clock))])
    store._database.execute("PRAGMA max_page_count = 1000000")
    store.commit(new(*(lease(address, clock) for address in range(2, 1000))))
    store.close()
    assert {address for _, address in contents(path, clock)} == set(range(1, 1000))


@pytest.mark.parametrize("size", [0, 1, 100, PAGE, 2 * PAGE, 3 * PAGE, 5 * PAGE])
def test_a_store_that_cannot_be_made_is_made_later(path: Path, clock: FakeClock, size: int) -> None:
    with files_of_at_most(size), pytest.raises(LeaseStoreError, match=r"free some space|is full|size of files"):
        LeaseStore(path, clock)
    assert contents(path, clock) == {}


def test_a_directory_that_nobody_may_write_to(open_directory: Path, clock: FakeClock) -> None:
    if open_directory.stat().st_uid != 0:
        open_directory.chmod(0o555)
    with unprivileged(), pytest.raises(LeaseStoreError, match="Permission denied; let the daemon's user write"):
        LeaseStore(open_directory / "leases.db", clock)
    with unprivileged(), pytest.raises(LeaseStoreError, match="Permission denied; let the daemon's user write"):
        LeaseStore(open_directory / "deeper" / "leases.db", clock)
    assert list(open_directory.iterdir()) == []


def test_a_file_that_may_only_be_read(open_directory: Path, clock: FakeClock) -> None:
    open_directory.chmod(0o777)
    path = open_directory / "leases.db"
    with unprivileged():
        LeaseStore(path, clock).close()
        path.chmod(0o400)
        with pytest.raises(LeaseStoreError, match=r"SQLITE_READONLY.*let the daemon's user write"):
            LeaseStore(path, clock)
        path.chmod(0o000)
        with pytest.raises(LeaseStoreError, match=r"SQLITE_CANTOPEN.*let the daemon's user write"):
            LeaseStore(path, clock)


def test_a_state_directory_that_is_a_file(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing")
    for directory in ("file", "file/deeper", "nowhere"):
        with pytest.raises(LeaseStoreError, match="name another one"):
            LeaseStore(tmp_path / directory / "leases.db", clock)


def test_a_directory_in_place_of_the_file(path: Path, clock: FakeClock) -> None:
    path.mkdir(parents=True)
    with pytest.raises(LeaseStoreError, match="SQLITE_CANTOPEN"):
        LeaseStore(path, clock)


def test_what_a_failed_start_leaves_is_not_locked(stored: Path, clock: FakeClock) -> None:
    whole = stored.read_bytes()
    stored.write_bytes(whole[: len(whole) // 2])
    for _ in range(2):
        with pytest.raises(LeaseStoreError, match="SQLITE_CORRUPT"):
            LeaseStore(stored, clock)
    stored.write_bytes(whole)
    assert len(contents(stored, clock)) == 1000


def test_a_backup_made_while_it_is_open_can_be_restored(stored: Path, clock: FakeClock, tmp_path: Path) -> None:
    """The documentation's way: a backup made with SQLite while the daemon runs goes in its place."""
    backup = tmp_path / "backup.db"
    program = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('VACUUM INTO ?', (sys.argv[2],))"
    store = LeaseStore(stored, clock)
    store.commit(new(lease(2000, clock)))
    subprocess.run([sys.executable, "-c", program, str(stored), str(backup)], check=True)
    store.close()
    shutil.copy(backup, stored)
    assert len(contents(stored, clock)) == 1001
