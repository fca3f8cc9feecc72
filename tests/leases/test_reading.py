"""Looking at stored leases from outside, while the daemon writes and while it does not."""

import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.leases.support import FOR_EVER, FakeClock, contents, lease, new, unprivileged
from vppdhc.clock import SystemClock
from vppdhc.leases.errors import LeaseStoreError
from vppdhc.leases.lease import Change, Details, Lease, LeaseState
from vppdhc.leases.reading import stored_leases
from vppdhc.leases.store import LeaseStore


def instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def now() -> FakeClock:
    """A machine whose wall clock shows the time of this one."""
    return FakeClock(wall=float(int(time.time())))


def test_leases_are_in_words_for_people(path: Path, now: FakeClock) -> None:
    store = LeaseStore(path, now)
    full = Lease(
        7,
        0xC0A80157,
        LeaseState.ACTIVE,
        b"\0\xff" + bytes(4),
        "tap1",
        b"\x01\x02" + bytes(5),
        "naïve",
        3600,
        0.0,
        0.0,
        0.0,
        Details(0x0A000001, b"\0\x04eth1", b"\xfe", "udhcp 1.36", "lab", "naïve.example.net"),
    )
    plain = lease(0xC0A80158, now, table=7)._replace(client=b"\1abc")
    started = now.boottime()
    store.commit(new(full._replace(since=started - 500, renewed=started, expires=started + 3600), plain))
    shown, other = stored_leases(path)
    assert shown == {
        "table_id": 7,
        "address": "192.168.1.87",
        "state": "active",
        "client": "00ff00000000",
        "interface": "tap1",
        "hardware": "01020000000000",
        "client_id": "ff00000000",
        "hostname": "naïve",
        "granted": 3600,
        "since": instant(now.wall() - 500),
        "renewed": instant(now.wall()),
        "expires": instant(now.wall() + 3600),
        "relay_address": "10.0.0.1",
        "circuit_id": "000465746831",
        "remote_id": "fe",
        "vendor_class": "udhcp 1.36",
        "user_class": "lab",
        "fqdn": "naïve.example.net",
    }
    assert list(other) == list(shown)
    details = ("relay_address", "circuit_id", "remote_id", "vendor_class", "user_class", "fqdn")
    assert {other[name] for name in (*details, "client_id")} == {""}
    store.close()


def test_states_are_as_of_now(path: Path, now: FakeClock) -> None:
    store = LeaseStore(path, now)
    over = now.boottime() - 10
    store.commit(
        new(
            lease(1, now),
            lease(2, now, FOR_EVER),
            lease(3, now)._replace(expires=over),
            lease(4, now, state=LeaseState.RELEASED)._replace(expires=over),
            lease(5, now, state=LeaseState.DECLINED),
        )
    )
    shown = [(one["address"], one["state"], one["expires"] is None) for one in stored_leases(path)]
    assert shown == [
        ("0.0.0.1", "active", False),
        ("0.0.0.2", "active", True),
        ("0.0.0.3", "expired", False),
        ("0.0.0.4", "released", False),
        ("0.0.0.5", "declined", False),
    ]
    store.close()


def test_instants_follow_a_correction_of_the_wall_clock(path: Path, now: FakeClock) -> None:
    now.step_wall(-1000)
    store = LeaseStore(path, now)
    store.commit(new(lease(1, now)))
    now.step_wall(1000)
    store.commit(new(lease(2, now)))
    assert [one["expires"] for one in stored_leases(path)] == [instant(now.wall() + 3600)] * 2
    store.close()


def test_leases_come_in_the_order_of_numbers(path: Path, clock: FakeClock) -> None:
    store = LeaseStore(path, clock)
    addresses = [(table, address) for table in (0, 2, 10) for address in (1, 9 << 24, 10 << 24, 0xFFFFFFFF)]
    store.commit(new(*(lease(address, clock, table=table) for table, address in reversed(addresses))))
    shown = [(one["table_id"], one["address"]) for one in stored_leases(path)]
    assert shown == [
        (table, text) for table in (0, 2, 10) for text in ("0.0.0.1", "9.0.0.0", "10.0.0.0", "255.255.255.255")
    ]
    store.close()


@pytest.mark.parametrize("count", [0, 999, 1000, 1001, 2500])
def test_all_leases_are_shown_once(path: Path, clock: FakeClock, count: int) -> None:
    store = LeaseStore(path, clock)
    store.commit(new(*(lease(number, clock, table=number % 3) for number in range(count))))
    store.close()
    shown = [(one["table_id"], one["address"]) for one in stored_leases(path)]
    assert len(shown) == len(set(shown)) == count


def test_a_reader_that_takes_its_time_holds_nothing_up(path: Path, clock: FakeClock) -> None:
    """A long read would keep SQLite from starting its write-ahead log anew, and it would grow for ever."""
    store = LeaseStore(path, clock)
    store.commit(new(*(lease(address, clock) for address in range(3000))))
    reader = stored_leases(path)
    assert next(reader)["address"] == "0.0.0.0"
    wal = path.with_name("leases.db-wal")
    for version in range(400):  # a lease of almost every page, again and again
        store.commit(new(*(lease(address, clock, version=version) for address in range(1019, 3000, 20))))
    assert wal.stat().st_size < 24 << 20
    store.commit([Change(lease(2999, clock), None)])
    rest = list(reader)
    assert len(rest) == 2998
    assert [one["client"] for one in rest if one["address"] == "0.0.11.163"] == ["0000018f"]
    store.close()


def test_reading_a_store_that_nobody_has_open(path: Path, clock: FakeClock) -> None:
    store = LeaseStore(path, clock)
    store.commit(new(lease(1, clock)))
    store.close()
    assert len(list(stored_leases(path))) == 1
    assert set(contents(path, clock)) == {(0, 1)}


def test_reading_a_store_whose_daemon_was_killed(path: Path, clock: FakeClock, tmp_path: Path) -> None:
    store = LeaseStore(path, clock)
    store.commit(new(lease(1, clock)))
    left = tmp_path / "left"
    left.mkdir()
    for name in ("leases.db", "leases.db-wal"):
        (left / name).write_bytes(path.with_name(name).read_bytes())
    store.close()
    assert len(list(stored_leases(left / "leases.db"))) == 1


def test_no_store_at_all(path: Path) -> None:
    with pytest.raises(LeaseStoreError, match=r"there is none; name the state directory.*--state-dir"):
        list(stored_leases(path))
    assert not path.parent.exists()


@pytest.mark.parametrize("content", [b"", b"{}", b"not a database\n" * 1000])
def test_what_is_no_database(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(LeaseStoreError, match="lease store"):
        list(stored_leases(path))
    assert path.read_bytes() == content


def test_a_database_of_another_program(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE lease (address)")
    with pytest.raises(LeaseStoreError, match="another program"):
        list(stored_leases(path))


def test_a_user_who_may_not_read(open_directory: Path) -> None:
    """The daemon's files are its own: whoever else wants to see leases is told as whom."""
    path = open_directory / "state" / "leases.db"
    store = LeaseStore(path, SystemClock())
    store.commit(new(lease(1, SystemClock())))
    if path.stat().st_uid != 0:  # then unprivileged() is the owner
        path.parent.chmod(0o000)
    with (
        unprivileged(),
        pytest.raises(LeaseStoreError, match="Permission denied; read it as the daemon's user or as root"),
    ):
        list(stored_leases(path))
    path.parent.chmod(0o755)
    path.chmod(0o600 if path.stat().st_uid == 0 else 0o000)
    with (
        unprivileged(),
        pytest.raises(LeaseStoreError, match=r"SQLITE_CANTOPEN.*read it as the daemon's user or as root"),
    ):
        list(stored_leases(path))
    store.close()


def test_a_user_who_may_only_read(open_directory: Path) -> None:
    """With the file's mode opened up by an operator, others read while the daemon runs."""
    path = open_directory / "leases.db"
    store = LeaseStore(path, SystemClock())
    store.commit(new(lease(1, SystemClock())))
    for one in open_directory.glob("leases.db*"):
        one.chmod(0o444)
    with unprivileged():
        assert len(list(stored_leases(path))) == 1
    store.commit(new(lease(2, SystemClock())))
    with unprivileged():
        assert len(list(stored_leases(path))) == 2
    store.close()
