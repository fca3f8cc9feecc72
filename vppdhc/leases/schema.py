"""The tables of the lease store, and how a file becomes one of ours.

A file has one row in `clock`, a row in `lease` for each IPv4 address, and one in `lease6` for each IPv6 address and
prefix. All instants in these are CLOCK_BOOTTIME of the boot that `clock` names, and `clock` says what the wall clock
showed at one of them. The views `lease_readable` and `lease6_readable` put both together for people.
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
    (
        """
        CREATE TABLE lease6 (
            table_id INTEGER NOT NULL CHECK (table_id BETWEEN 0 AND 4294967295),    -- routing table (VRF) id
            kind INTEGER NOT NULL CHECK (kind IN (0, 1)),                           -- address, prefix
            network BLOB NOT NULL CHECK (length(network) = 16),
            prefix_length INTEGER NOT NULL CHECK (prefix_length BETWEEN 0 AND 128),
            state INTEGER NOT NULL CHECK (state IN (1, 2, 3)),                      -- active, released, declined
            duid BLOB NOT NULL,
            ia_id INTEGER NOT NULL CHECK (ia_id BETWEEN 0 AND 4294967295),
            interface TEXT NOT NULL,
            hardware BLOB NOT NULL,                                                 -- hardware type and address
            hostname TEXT NOT NULL,                                                 -- option 39
            preferred INTEGER NOT NULL CHECK (preferred BETWEEN 0 AND 4294967295),  -- seconds
            valid INTEGER NOT NULL CHECK (valid BETWEEN 0 AND 4294967295),          -- seconds
            since REAL NOT NULL,                                                    -- first Reply
            renewed REAL NOT NULL,                                                  -- last Reply
            expires REAL,                                                           -- NULL: never
            details TEXT CHECK (details IS NULL OR json_valid(details)),            -- as in table lease
            PRIMARY KEY (table_id, kind, network, prefix_length)
        ) STRICT, WITHOUT ROWID
        """,
    ),
)
"""For each version the statements that make its tables from those before; version 0 is an empty file."""

_VIEWS: Final = (
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
    """,
    """
    CREATE VIEW lease6_readable AS SELECT
        table_id,
        iif(kind, 'prefix', 'address') AS kind,
        lower(
            substr(hex(network), 1, 4) || ':' || substr(hex(network), 5, 4) || ':' || substr(hex(network), 9, 4) || ':'
            || substr(hex(network), 13, 4) || ':' || substr(hex(network), 17, 4) || ':' || substr(hex(network), 21, 4)
            || ':' || substr(hex(network), 25, 4) || ':' || substr(hex(network), 29, 4)
        ) AS network,
        prefix_length,
        CASE state
            WHEN 1 THEN iif(expires - boottime + wall <= strftime('%s', 'now') + 0, 'expired', 'active')
            WHEN 2 THEN 'released'
            ELSE 'declined'
        END AS state,
        lower(hex(duid)) AS duid,
        ia_id,
        interface,
        lower(hex(hardware)) AS hardware,
        hostname,
        preferred,
        valid,
        strftime('%Y-%m-%dT%H:%M:%SZ', since - boottime + wall, 'unixepoch') AS since,
        strftime('%Y-%m-%dT%H:%M:%SZ', renewed - boottime + wall, 'unixepoch') AS renewed,
        strftime('%Y-%m-%dT%H:%M:%SZ', expires - boottime + wall, 'unixepoch') AS expires,
        ifnull(details ->> 'next_hop', '') AS next_hop,
        ifnull(details ->> 'link_address', '') AS link_address,
        ifnull(details ->> 'peer_address', '') AS peer_address,
        ifnull(details ->> 'interface_id', '') AS interface_id,
        ifnull(details ->> 'remote_id', '') AS remote_id
    FROM lease6, clock
    """,
)
"""The leases for people, but not the keys by which Reconfigure messages are signed; every migration makes them anew."""

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
    for view in ("lease_readable", "lease6_readable"):
        database.execute(f"DROP VIEW IF EXISTS {view}")
    for statements in _MIGRATIONS[version:]:
        for statement in statements:
            database.execute(statement)
    for view in _VIEWS:
        database.execute(view)
    database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    database.execute(f"PRAGMA user_version = {VERSION}")
    database.execute("COMMIT")
