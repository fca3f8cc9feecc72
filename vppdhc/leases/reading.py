"""Looking at stored leases from outside the daemon, while it runs or while it does not."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from vppdhc.leases.errors import READABLE, LeaseStoreError, errors_of
from vppdhc.leases.schema import check_ours

_PAGE: Final = 1000
"""Leases that one query takes."""

_QUERY: Final = (
    "SELECT * FROM lease_readable WHERE (table_id, address_number) > (?, ?) ORDER BY table_id, address_number LIMIT ?"
)

_QUERY6: Final = (
    "SELECT * FROM lease6_readable WHERE (table_id, kind, network, prefix_length) > (?, ?, ?, ?)"
    " ORDER BY table_id, kind, network, prefix_length LIMIT ?"
)

_FIRST_WITH_6: Final = 3
"""The first version of the tables that has DHCPv6 leases."""

_ADDED: Final = dict.fromkeys(("relay_address", "circuit_id", "remote_id", "vendor_class", "user_class", "fqdn"), "")
"""Columns that the view of a file has not which no daemon of this release has opened yet."""


def stored_leases(path: Path) -> Iterator[dict[str, Any]]:
    """Give every stored DHCPv4 lease, ordered by table and address, in words for people.

    path: the store's database file; it is only read, and nobody is disturbed.
    Each lease has the columns of the view lease_readable but the last: instants are UTC, as RFC 3339 writes
    them, expires is None for a lease without end.

    They are read in portions: a reader that takes its time over them, such as a pager, neither holds all of
    them nor keeps the daemon from cutting its write-ahead log. Each lease is as it was at one moment, but not
    all at the same one.

    Raises LeaseStoreError where the file is missing, cannot be read or is not a lease store.
    """
    with errors_of(path, READABLE), _reading(path) as database:
        last = (-1, -1)
        while rows := database.execute(_QUERY, (*last, _PAGE)).fetchall():
            for row in rows:
                lease = dict(row)
                last = lease["table_id"], lease.pop("address_number")
                yield lease if "fqdn" in lease else lease | _ADDED


def stored_leases6(path: Path) -> Iterator[dict[str, Any]]:
    """Give every stored DHCPv6 lease, ordered by table, kind, and address or prefix: see stored_leases().

    Each has the columns of the view lease6_readable, with the network and other addresses as people write them.
    """
    with errors_of(path, READABLE), _reading(path) as database:
        if database.execute("PRAGMA user_version").fetchone()[0] < _FIRST_WITH_6:
            return
        last: tuple[int, str, str, int] = (-1, "", "", -1)
        while rows := database.execute(_QUERY6, (*last, _PAGE)).fetchall():
            for row in rows:
                lease = dict(row)
                last = lease["table_id"], lease["kind"], lease["network"], lease["prefix_length"]
                yield lease | {"network": str(IPv6Address(lease["network"]))}


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a store to be read."""
    try:
        path.stat()
    except FileNotFoundError:
        remedy = "name the state directory of the daemon with --state-dir"
        raise LeaseStoreError(path, "there is none", remedy) from None
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as database:
        check_ours(database, path)
        database.row_factory = sqlite3.Row
        yield database
