"""The command `vppdhc leases`: what the lease store holds."""

import io
import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from vppdhc.leases.reading import stored_leases

_COLUMNS: Final = ("table", "address", "state", "hardware", "hostname", "interface", "expires")
_EXTRA: Final = ("relay", "class", "fqdn")
"""Columns that are shown where a lease has something in them and, on a terminal, as many as fit."""
_SHORTENED: Final = ("hostname", "interface")
"""The columns that give way on a narrow terminal, always the wider one."""
_SHORTEST: Final = 7
"""Their least width: with it all leases of Ethernet hosts fit into 80 columns."""
_GAP: Final = "  "
_NOTHING: Final = "-"


def show_leases(store: Path, *, as_json: bool) -> None:
    """Print the leases of a store, as a table or as JSON.

    The table is cut to the width of a terminal, where the last columns go first; written elsewhere it has all of them.
    JSON is an array with a lease a line; docs/lease-store.md describes its members.

    store: the database file.
    Raises LeaseStoreError where it cannot be read.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # clients choose their names, not the terminal
    if as_json:
        _print_json(store)
    else:
        _print_table(store)


def _leases(store: Path) -> Iterator[dict[str, Any]]:
    for lease in stored_leases(store):
        yield lease | {"hardware": _mac(lease["hardware"])}


def _print_json(store: Path) -> None:
    start = "[\n"
    for lease in _leases(store):
        print(start, json.dumps(lease), sep="", end="")
        start = ",\n"
    print("[]" if start == "[\n" else "\n]")


def _print_table(store: Path) -> None:
    """Print in two passes, the first for the widths: there may be more leases than one wants to hold."""
    widths = {name: len(name) for name in (*_COLUMNS, *_EXTRA)}
    used = {*_COLUMNS} - {"table"}
    for lease in _leases(store):
        if lease["table_id"]:
            used.add("table")
        for name, text in _cells(lease).items():
            widths[name] = max(widths[name], len(text))
            if text != _NOTHING and name in _EXTRA:
                used.add(name)
    widths = {name: width for name, width in widths.items() if name in used}
    if sys.stdout.isatty():
        _narrow(widths, shutil.get_terminal_size().columns)
    print(_line({name: name.upper() for name in widths}, widths))
    count = 0
    for lease in _leases(store):
        print(_line(_cells(lease), widths))
        count += 1
    print(f"{count} {'lease' if count == 1 else 'leases'}; times are UTC")


def _cells(lease: Mapping[str, Any]) -> dict[str, str]:
    shown = {
        **lease,
        "table": lease["table_id"],
        "expires": _minute(lease["expires"]),
        "relay": lease["relay_address"],
        "class": lease["vendor_class"],
    }
    return {name: str(shown[name]) or _NOTHING for name in (*_COLUMNS, *_EXTRA)}


def _minute(instant: str | None) -> str:
    """Write an instant of the store as short as people want it."""
    return "never" if instant is None else instant[: len("2026-11-24T15:02")].replace("T", " ")


def _narrow(widths: dict[str, int], columns: int) -> None:
    """Leave extra columns out, and cut others that can be, until a line fits, or nothing more can be done."""
    for name in reversed(_EXTRA):
        if _excess(widths, columns) > 0:
            widths.pop(name, None)
    for _ in range(_excess(widths, columns)):
        widest = max(_SHORTENED, key=lambda name: widths[name])
        widths[widest] = max(_SHORTEST, widths[widest] - 1)


def _excess(widths: Mapping[str, int], columns: int) -> int:
    """Return by how much a line is too wide."""
    return sum(widths.values()) + len(_GAP) * (len(widths) - 1) - columns


def _line(cells: Mapping[str, str], widths: Mapping[str, int]) -> str:
    return _GAP.join(_cut(cells[name], width).ljust(width) for name, width in widths.items()).rstrip()


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _mac(hardware: str) -> str:
    """Write a stored hardware address as people do: without the type where that is Ethernet's."""
    octets = [hardware[start : start + 2] for start in range(0, len(hardware), 2)]
    return ":".join(octets[1:]) if octets[:1] == ["01"] else "-".join(octets)
