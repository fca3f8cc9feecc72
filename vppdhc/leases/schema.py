"""The tables of the lease store, and how a file becomes one of ours.

A file has one row in `clock` and a row in `lease` for each address. All instants in `lease` are
CLOCK_BOOTTIME of the boot that `clock` names, and `clock` says what the wall clock showed at one of them. The
view `lease_readable` puts both together for people.
"""

import sqlite3
from pathlib import Path
from typing import Final

from vppdhc.leases.errors import MOVE_AWAY, LeaseStoreError

APPLICATION_ID: Final = int.from_bytes(b"vdhc", "big")
"""Marks a SQLite file as a lease store (PRAGMA application_id)."""

_SQLITE_LEAST: Final = (3, 38)
"""The first release of SQLite that always has JSON; STRICT tables are from 3.37."""

_FILE_LEAST: Final = 100
"""The length of a database's header; SQLite takes what is shorter for a new database."""

_MIGRATIONS: Final = (
    (
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
        """
        CREATE TABLE clock (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            boot_id TEXT NOT NULL,             -- /proc/sys/kernel/random/boot_id
            boottime REAL NOT NULL,            -- when the wall clock was read
            wall REAL NOT NULL,                -- what it showed, seconds since 1970
            wall_at_least REAL NOT NULL        -- the same, had it never stepped back
        ) STRICT
        """,
    ),
    (
        "ALTER TABLE lease DROP COLUMN client_id",  # column client begins with 00 and has it
        # Of what most leases have nothing of: a JSON object, as vppdhc.leases.rows writes it; NULL for nothing.
        "ALTER TABLE lease ADD COLUMN details TEXT CHECK (details IS NULL OR json_valid(details))",
    ),
)
"""For each version the statements that make its tables from those before; version 0 is an empty file."""

_VIEW: Final = """
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
        iif(substr(client, 1, 1) = x'00', lower(hex(substr(client, 2))), '') AS client_id,
        hostname,
        granted,
        strftime('%Y-%m-%dT%H:%M:%SZ', since - boottime + wall, 'unixepoch') AS since,
        strftime('%Y-%m-%dT%H:%M:%SZ', renewed - boottime + wall, 'unixepoch') AS renewed,
        strftime('%Y-%m-%dT%H:%M:%SZ', expires - boottime + wall, 'unixepoch') AS expires,
        ifnull(details ->> 'relay_address', '') AS relay_address,
        ifnull(details ->> 'circuit_id', '') AS circuit_id,
        ifnull(details ->> 'remote_id', '') AS remote_id,
        ifnull(details ->> 'vendor_class', '') AS vendor_class,
        ifnull(details ->> 'user_class', '') AS user_class,
        ifnull(details ->> 'fqdn', '') AS fqdn,
        address AS address_number
    FROM lease, clock
"""
"""The leases for people; a view is made anew by every migration."""

VERSION: Final = len(_MIGRATIONS)
"""The version of the tables that this program reads and writes (PRAGMA user_version)."""


def check_ours(database: sqlite3.Connection, path: Path) -> None:
    """See that a database is a lease store that this program understands.

    path: its file, for the error.
    Raises LeaseStoreError where it is not, sqlite3.Error where it is no database at all.
    """
    if sqlite3.sqlite_version_info < _SQLITE_LEAST:
        least = ".".join(map(str, _SQLITE_LEAST))
        raise LeaseStoreError(path, f"SQLite {sqlite3.sqlite_version} is too old", f"install SQLite {least} or newer")
    if path.stat().st_size < _FILE_LEAST:
        raise LeaseStoreError(path, "the file is empty", MOVE_AWAY)
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise LeaseStoreError(path, "a database of another program", "name another file or directory")
    if version > VERSION:
        cause = f"written by a newer vppdhc (version {version} of the tables, this one knows {VERSION})"
        raise LeaseStoreError(path, cause, "install that release again, or restore an older backup")


def migrate(database: sqlite3.Connection) -> None:
    """Bring the tables of an older file, or of an empty one, to VERSION, in one transaction.

    database: in autocommit mode, and not newer than VERSION.
    """
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version == VERSION:
        return
    database.execute("BEGIN IMMEDIATE")
    database.execute("DROP VIEW IF EXISTS lease_readable")
    for statements in _MIGRATIONS[version:]:
        for statement in statements:
            database.execute(statement)
    database.execute(_VIEW)
    database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    database.execute(f"PRAGMA user_version = {VERSION}")
    database.execute("COMMIT")
