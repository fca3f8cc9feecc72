"""A lease as a row of the table `lease`, whose columns are as vppdhc.leases.schema has them."""

import json
from functools import lru_cache
from ipaddress import IPv4Address
from math import inf
from typing import Any, Final, TypeVar

from vppdhc.leases.lease import NO_DETAILS, Details, Lease, LeaseState

Row = tuple[Any, ...]
"""The columns in their order."""

_Value = TypeVar("_Value")

_WRITTEN_MOST: Final = 4096
"""Details whose text is remembered: clients of a kind have the same."""
_SHARED_MOST: Final = 1 << 20
"""Values of a kind that are remembered while leases are read."""


def row_of(lease: Lease) -> Row:
    """Return the row of a lease."""
    (
        table,
        address,
        state,
        client,
        interface,
        hardware,
        hostname,
        granted,
        since,
        renewed,
        expires,
        details,
    ) = lease
    return (
        table,
        address,
        int(state),
        client,
        interface,
        hardware,
        writable(hostname),
        granted,
        since,
        renewed,
        None if expires == inf else expires,
        None if details is NO_DETAILS else _text_of(details),
    )


class LeaseReader:
    """Makes leases of rows. What is equal in many of them becomes one object, so that they take little memory."""

    __slots__ = ("_details", "_instants", "_shared")

    def __init__(self) -> None:
        self._instants: dict[float | None, float] = {None: inf}
        self._details: dict[str | None, Details] = {None: NO_DETAILS}
        self._shared = SharedValues()

    def lease(self, row: Row) -> Lease:
        """Return the lease of a row; raises ValueError where it is none."""
        table, address, state, client, interface, hardware, hostname, granted, *times, text = row
        since, renewed, expires = map(self._instant, times)
        if hardware == client:
            hardware = client
        return Lease(
            self._shared.of(table),
            address,
            LeaseState(state),
            client,
            self._shared.of(interface),
            hardware,
            hostname,
            self._shared.of(granted),
            since,
            renewed,
            expires,
            self._details.get(text) or self._read(text),
        )

    def _instant(self, stored: float | None) -> float:
        known = self._instants.get(stored)
        if known is None:
            assert stored is not None
            if len(self._instants) >= _SHARED_MOST:
                self._instants = {None: inf}
            known = self._instants[stored] = stored
        return known

    def _read(self, text: str) -> Details:
        if len(self._details) >= _SHARED_MOST:
            self._details = {None: NO_DETAILS}
        details = self._details[text] = _details_of(text)
        return details


@lru_cache(_WRITTEN_MOST)
def _text_of(details: Details) -> str | None:
    """Return details as a JSON object that has only what there is, None without anything."""
    found = {
        "relay_address": str(IPv4Address(details.relay_address)) if details.relay_address else "",
        "circuit_id": details.circuit_id.hex(),
        "remote_id": details.remote_id.hex(),
        "vendor_class": writable(details.vendor_class),
        "user_class": writable(details.user_class),
        "fqdn": writable(details.fqdn),
    }
    written = {name: text for name, text in found.items() if text}
    return json.dumps(written, ensure_ascii=False) if written else None


def _details_of(text: str) -> Details:
    """Read details; raises ValueError where they are none."""
    found = json.loads(text)
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ValueError(f"details of a lease are no object of texts: {text}")
    return Details(
        int(IPv4Address(found.get("relay_address", 0))),
        bytes.fromhex(found.get("circuit_id", "")),
        bytes.fromhex(found.get("remote_id", "")),
        found.get("vendor_class", ""),
        found.get("user_class", ""),
        found.get("fqdn", ""),
    )


class SharedValues:
    """Gives equal values as one object; some are remembered."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}

    def of(self, value: _Value) -> _Value:
        """Return a value as the object that others have too."""
        if len(self._known) >= _SHARED_MOST:
            self._known.clear()
        known: _Value = self._known.setdefault(value, value)
        return known


def writable(text: str) -> str:
    """Return a text as it can be written; one that cannot as UTF-8 must not make everybody's commit fail."""
    return text.encode("utf-8", "replace").decode("utf-8")
