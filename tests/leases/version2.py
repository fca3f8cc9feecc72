"""Lease stores as the second version of the tables had them, made by its own statements."""

import json
from collections.abc import Iterable
from ipaddress import IPv4Address
from pathlib import Path

from tests.leases.version1 import CLOCK, end_of, write
from vppdhc.clock import Clock
from vppdhc.leases.lease import Details, Lease

_STATEMENTS = (
    """
    CREATE TABLE lease (
        table_id INTEGER NOT NULL CHECK (table_id BETWEEN 0 AND 4294967295),    -- routing table (VRF) id
        address INTEGER NOT NULL CHECK (address BETWEEN 0 AND 4294967295),      -- IPv4 address
        state INTEGER NOT NULL CHECK (state IN (1, 2, 3)),                      -- active, released, declined
        client BLOB NOT NULL,
        interface TEXT NOT NULL,
        hardware BLOB NOT NULL,                                                 -- hardware type and address
        hostname TEXT NOT NULL,                                                 -- option 12
        granted INTEGER NOT NULL CHECK (granted BETWEEN 0 AND 4294967295),      -- seconds
        since REAL NOT NULL,                                                    -- first ACK
        renewed REAL NOT NULL,                                                  -- last ACK
        expires REAL,                                                           -- NULL: never
        details TEXT CHECK (details IS NULL OR json_valid(details)),
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
    "PRAGMA application_id = 0x76646863",
    "PRAGMA user_version = 2",
)


def make(path: Path, clock: Clock, leases: Iterable[Lease]) -> None:
    """Make a store of these leases."""
    write(path, clock, _STATEMENTS, [(*one[:10], end_of(one), _text_of(one.details)) for one in leases])


def _text_of(details: Details) -> str | None:
    found = {
        "relay_address": str(IPv4Address(details.relay_address)) if details.relay_address else "",
        "circuit_id": details.circuit_id.hex(),
        "remote_id": details.remote_id.hex(),
        "vendor_class": details.vendor_class,
        "user_class": details.user_class,
        "fqdn": details.fqdn,
    }
    written = {name: text for name, text in found.items() if text}
    return json.dumps(written) if written else None
