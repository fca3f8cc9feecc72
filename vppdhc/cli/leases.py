"""The command `vppdhc leases`: what the lease store holds."""

import io
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final, TypeAlias

from vppdhc.leases.reading import stored_leases, stored_leases6

_SHORTENED: Final = ("hostname", "interface")
"""The columns that give way on a narrow terminal, always the wider one."""
_SHORTEST: Final = 7
"""Their least width: with it leases of Ethernet hosts fit into 80 columns."""
_GAP: Final = "  "
_NOTHING: Final = "-"
_ADDRESS_LENGTH: Final = 128

_Lease: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Selection:
    """Which leases are wanted.

    version: of IP, 4 or 6; None for both.
    interface: name of the VPP interface that they were given out on; None for any.
    state: active, expired, released or declined; None for any.
    """

    version: int | None = None
    interface: str | None = None
    state: str | None = None

    def has(self, lease: _Lease) -> bool:
        """Tell whether a lease is wanted; its version is not looked at."""
        return self.interface in (None, lease["interface"]) and self.state in (None, lease["state"])


@dataclass(frozen=True)
class _Family:
    """How leases of one version of IP are read and shown.

    columns: those that are always shown, but the routing table only where there is another one than 0.
    extra: shown where a lease has something in them and, on a terminal, as many as fit.
    """

    version: int
    stored: Callable[[Path], Iterator[dict[str, Any]]]
    shown: Callable[[_Lease], dict[str, Any]]
    columns: tuple[str, ...]
    extra: tuple[str, ...]

    def leases(self, store: Path, selection: Selection) -> Iterator[dict[str, Any]]:
        """Give the leases that are wanted."""
        for lease in self.stored(store):
            if selection.has(lease):
                yield lease | {"hardware": _mac(lease["hardware"])}

    def cells(self, lease: _Lease) -> dict[str, str]:
        """Return what the columns have of a lease."""
        shown = {**lease, "table": lease["table_id"], "expires": _minute(lease["expires"])} | self.shown(lease)
        return {name: str(shown[name]) or _NOTHING for name in (*self.columns, *self.extra)}


def _shown4(lease: _Lease) -> dict[str, Any]:
    return {"relay": lease["relay_address"], "class": lease["vendor_class"]}


def _shown6(lease: _Lease) -> dict[str, Any]:
    length = lease["prefix_length"]
    return {
        "address": lease["network"] if length == _ADDRESS_LENGTH else f"{lease['network']}/{length}",
        "iaid": lease["ia_id"],
        "relay": lease["link_address"],
    }


_FAMILIES: Final = (
    _Family(
        4,
        stored_leases,
        _shown4,
        ("table", "address", "state", "hardware", "hostname", "interface", "expires"),
        ("relay", "class", "fqdn"),
    ),
    _Family(
        6,
        stored_leases6,
        _shown6,
        ("table", "address", "state", "interface", "expires"),
        ("hostname", "hardware", "duid", "iaid", "relay"),
    ),
)


def show_leases(store: Path, selection: Selection, *, as_json: bool) -> None:
    """Print the leases of a store, as a table for each version of IP or as JSON.

    A table is cut to the width of a terminal, where the last columns go first; written elsewhere it has all of them.
    JSON is an array with a lease a line; docs/lease-store.md describes its members.

    store: the database file. selection: which leases.
    Raises LeaseStoreError where it cannot be read.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # clients choose their names, not the terminal
    families = [family for family in _FAMILIES if selection.version in (None, family.version)]
    if as_json:
        _print_json(chain.from_iterable(family.leases(store, selection) for family in families))
    else:
        _print_tables(store, selection, families)


def _print_json(leases: Iterator[_Lease]) -> None:
    start = "[\n"
    for lease in leases:
        print(start, json.dumps(lease), sep="", end="")
        start = ",\n"
    print("[]" if start == "[\n" else "\n]")


def _print_tables(store: Path, selection: Selection, families: Sequence[_Family]) -> None:
    """Print a table for each family that has leases; the first one where none has."""
    having = [family for family in families if any(family.leases(store, selection))] or families[:1]
    count = 0
    for family in having:
        if family is not having[0]:
            print()
        count += _print_table(store, selection, family)
    print(f"{count} {'lease' if count == 1 else 'leases'}; times are UTC")


def _print_table(store: Path, selection: Selection, family: _Family) -> int:
    """Print in two passes, the first for the widths: there may be more leases than one wants to hold.

    Returns how many leases there are.
    """
    widths = {name: len(name) for name in (*family.columns, *family.extra)}
    used = {*family.columns} - {"table"}
    for lease in family.leases(store, selection):
        if lease["table_id"]:
            used.add("table")
        for name, text in family.cells(lease).items():
            widths[name] = max(widths[name], len(text))
            if text != _NOTHING and name in family.extra:
                used.add(name)
    widths = {name: width for name, width in widths.items() if name in used}
    if sys.stdout.isatty():
        _narrow(widths, family.extra, shutil.get_terminal_size().columns)
    print(_line({name: name.upper() for name in widths}, widths))
    count = 0
    for lease in family.leases(store, selection):
        print(_line(family.cells(lease), widths))
        count += 1
    return count


def _minute(instant: str | None) -> str:
    """Write an instant of the store as short as people want it."""
    return "never" if instant is None else instant[: len("2026-11-24T15:02")].replace("T", " ")


def _narrow(widths: dict[str, int], extra: Sequence[str], columns: int) -> None:
    """Leave extra columns out, and cut others that can be, until a line fits, or nothing more can be done."""
    for name in reversed(extra):
        if name not in _SHORTENED and _excess(widths, columns) > 0:
            widths.pop(name, None)
    for _ in range(_excess(widths, columns)):
        widest = max(_SHORTENED, key=lambda name: widths.get(name, 0))
        widths[widest] = max(_SHORTEST, widths[widest] - 1)
    for name in _SHORTENED:
        if name in extra and _excess(widths, columns) > 0:
            widths.pop(name, None)


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
