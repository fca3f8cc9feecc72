"""Lease stores as the first version of the tables had them, made by its own statements."""

import math
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from vppdhc.clock import Clock
from vppdhc.leases.lease import Lease

CLOCK = """
CREATE TABLE clock (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    boot_id TEXT NOT NULL,             -- /proc/sys/kernel/random/boot_id
    boottime REAL NOT NULL,            -- when the wall clock was read
    wall REAL NOT NULL,                -- what it showed, seconds since 1970
    wall_at_least REAL NOT NULL        -- the same, had it never stepped back
) STRICT
"""

_STATEMENTS = (
    """
    CREATE TABLE lease (
        table_id INTEGER NOT NULL CHECK (table_id BETWEEN 0 AND 4294967295),    -- routing table (VRF) id
        address INTEGER NOT NULL CHECK (address BETWEEN 0 AND 4294967295),      -- IPv4 address
        state INTEGER NOT NULL CHECK (state IN (1, 2, 3)),                      -- active, released, declined
        client BLOB NOT NULL,
        interface TEXT NOT NULL,
        hardware BLOB NOT NULL,                                                 -- hardware type and address
        client_id BLOB NOT NULL,                                                -- option 61
        hostname TEXT NOT NULL,                                                 -- option 12
        granted INTEGER NOT NULL CHECK (granted BETWEEN 0 AND 4294967295),      -- seconds
        since REAL NOT NULL,                                                    -- first ACK
        renewed REAL NOT NULL,                                                  -- last ACK
        expires REAL,                                                           -- NULL: never
        PRIMARY KEY (table_id, address)
    ) STRICT, WITHOUT ROWID
    """,
    CLOCK,
    """
    CREATE VIEW lease_readable AS SELECT
        table_id,
        (address >> 24) || '.' || (address >> 16 & 255) || '.' || (address >> 8 & 255) || '.'
            || (address & 255) AS address,
        CASE state
            WHEN 1 THEN iif(expires - boottime + wall <= strftime('%s', 'now') + 0, 'expired', 'active')
            WHEN 2 THEN 'released'
            ELSE 'declined'
        END AS state,
        lower(hex(client)) AS client,
        interface,
        lower(hex(hardware)) AS hardware,
        lower(hex(client_id)) AS client_id,
        hostname,
        granted,
        strftime('%Y-%m-%dT%H:%M:%SZ', since - boottime + wall, 'unixepoch') AS since,
        strftime('%Y-%m-%dT%H:%M:%SZ', renewed - boottime + wall, 'unixepoch') AS renewed,
        strftime('%Y-%m-%dT%H:%M:%SZ', expires - boottime + wall, 'unixepoch') AS expires,
        address AS address_number
    FROM lease, clock
    """,
    "PRAGMA application_id = 0x76646863",
    "PRAGMA user_version = 1",
)


def make(path: Path, clock: Clock, leases: Iterable[Lease]) -> None:
    """Make a store of these leases, which have no details: the first version knew none."""
    write(path, clock, _STATEMENTS, [(*one[:6], one.client_id, *one[6:10], end_of(one)) for one in leases])


def end_of(lease: Lease) -> float | None:
    return None if lease.expires == math.inf else lease.expires


def write(path: Path, clock: Clock, statements: Iterable[str], rows: Sequence[tuple[object, ...]]) -> None:
    """Make a store by these statements, with these rows of the table lease."""
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA page_size = 2048")
        database.execute("PRAGMA journal_mode = WAL")
        for statement in statements:
            database.execute(statement)
        database.execute("BEGIN")
        database.executemany(f"INSERT INTO lease VALUES ({', '.join('?' * 12)})", rows)
        row = (1, clock.boot_id, clock.boottime(), clock.wall(), clock.wall())
        database.execute("INSERT INTO clock VALUES (?, ?, ?, ?, ?)", row)
        database.execute("COMMIT")
