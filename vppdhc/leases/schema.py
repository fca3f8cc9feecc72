"""The tables of the lease store, and how a file becomes one of ours.

A file has one row in `clock` and a row in `lease` for each address. All instants in `lease` are
CLOCK_BOOTTIME of the boot that `clock` names, and `clock` says what the wall clock showed at one of them. The
view `lease_readable` puts both together for people.
"""

import sqlite3
from typing import Final

APPLICATION_ID: Final = int.from_bytes(b"vdhc", "big")
"""Marks a SQLite file as a lease store (PRAGMA application_id)."""

_MIGRATIONS: Final = (
    (
        """
        CREATE TABLE lease (
            table_id INTEGER NOT NULL,                            -- routing table (VRF) id
            address INTEGER NOT NULL,                             -- IPv4 address
            state INTEGER NOT NULL CHECK (state IN (1, 2, 3)),    -- active, released, declined
            client BLOB NOT NULL,
            interface TEXT NOT NULL,
            hardware BLOB NOT NULL,                               -- hardware type, hardware address
            client_id BLOB NOT NULL,                              -- option 61
            hostname TEXT NOT NULL,                               -- option 12
            granted INTEGER NOT NULL,                             -- seconds
            since REAL NOT NULL,                                  -- first ACK
            renewed REAL NOT NULL,                                -- last ACK
            expires REAL,                                         -- NULL: never
            PRIMARY KEY (table_id, address)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE clock (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            boot_id TEXT NOT NULL,             -- /proc/sys/kernel/random/boot_id
            boottime REAL NOT NULL,            -- when the wall clock was read
            wall REAL NOT NULL,                -- what it showed, seconds since 1970
            wall_at_least REAL NOT NULL        -- the same, had it never stepped back
        ) STRICT
        """,
        """
        CREATE VIEW lease_readable AS SELECT
            table_id,
            (address >> 24) || '.' || (address >> 16 & 255) || '.' || (address >> 8 & 255) || '.'
                || (address & 255) AS address,
            CASE state WHEN 1 THEN 'active' WHEN 2 THEN 'released' ELSE 'declined' END AS state,
            lower(hex(client)) AS client,
            interface,
            lower(hex(hardware)) AS hardware,
            lower(hex(client_id)) AS client_id,
            hostname,
            granted,
            datetime(since - boottime + wall, 'unixepoch') AS since,
            datetime(renewed - boottime + wall, 'unixepoch') AS renewed,
            datetime(expires - boottime + wall, 'unixepoch') AS expires
        FROM lease, clock
        """,
    ),
)
"""For each version the statements that make it from the one before; version 0 is an empty file."""

VERSION: Final = len(_MIGRATIONS)
"""The version of the tables that this program reads and writes (PRAGMA user_version)."""


def migrate(database: sqlite3.Connection) -> None:
    """Bring the tables of an older file, or of an empty one, to VERSION, in one transaction.

    database: in autocommit mode, and not newer than VERSION.
    """
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version == VERSION:
        return
    database.execute("BEGIN IMMEDIATE")
    for statements in _MIGRATIONS[version:]:
        for statement in statements:
            database.execute(statement)
    database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    database.execute(f"PRAGMA user_version = {VERSION}")
    database.execute("COMMIT")
