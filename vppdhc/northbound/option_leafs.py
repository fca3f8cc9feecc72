"""Reading the options of one level of the configuration, encoded, whatever the version of DHCP."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Generic, NamedTuple, TypeAlias, TypeVar

from nc.xml import Element, elements
from vppdhc.northbound.model import name
from vppdhc.northbound.raw_options import OptionTable
from vppdhc.northbound.reading import Fault

FROM_UPSTREAM: Final = "from-upstream"
"""The value of an option that is learned from the provider."""

L = TypeVar("L")
"""What stands for a value that is learned."""

Encode: TypeAlias = Callable[[int, Sequence[Element]], bytes | L]
"""Makes the value of the option with a code of the elements that say it; raises ValueError."""


class Said(NamedTuple, Generic[L]):
    """What a level says about options.

    values: by code. omitted: codes of options that are not sent.
    upstream_interface: interface whose client learns values; None where nothing is said.
    others: elements of the further leafs, by their names.
    """

    values: dict[int, bytes | L]
    omitted: frozenset[int]
    upstream_interface: str | None
    others: Mapping[str, Sequence[Element]]


class OptionLeafs(Generic[L]):
    """The leafs and lists by which options are said."""

    def __init__(
        self, leafs: Mapping[str, tuple[int, Encode[L]]], table: OptionTable, others: Sequence[str] = ()
    ) -> None:
        """Read these.

        leafs: the option that each leaf or list is, and how; of others the grouping of both versions has.
        table: tells what bytes can be the value of an option that is given by its code.
        others: names of leafs that are no option, and belong to them.
        """
        self._leafs = leafs
        self._table = table
        named = (*leafs, "option", "omit-option", "upstream-interface", *others)
        self._tags = {name(local): local for local in named}

    def read(self, parent: Element, faults: list[Fault]) -> Said[L] | None:
        """Read what a container or list entry says; None where that is nothing.

        faults: gets what is wrong; that option is left out.
        """
        said: dict[str, list[Element]] = {}
        for child in elements(parent):
            if child.tag in self._tags:
                said.setdefault(self._tags[child.tag], []).append(child)
        if not said:
            return None
        values: dict[int, bytes | L] = {}
        for local, (code, encode) in self._leafs.items():
            if local in said:
                try:
                    values[code] = encode(code, said[local])
                except ValueError as error:
                    faults.append(Fault(said[local][0], f"this cannot be sent: {error}", "invalid-option"))
        for entry in said.get("option", ()):
            try:
                code, raw = self._table.read(entry)
            except ValueError as error:
                faults.append(Fault(entry, str(error), "invalid-option"))
            else:
                values[code] = raw
        return Said(
            values,
            frozenset(int(child.text or 0) for child in said.get("omit-option", ())),
            next((child.text for child in said.get("upstream-interface", ())), None),
            said,
        )


def texts(said: Sequence[Element]) -> list[str]:
    """Return the values of a leaf-list."""
    return [child.text or "" for child in said]


def around_learned(values: Sequence[str]) -> tuple[Sequence[str], Sequence[str]] | None:
    """Return the constants before and behind what is learned; None where nothing is."""
    if FROM_UPSTREAM not in values:
        return None
    place = values.index(FROM_UPSTREAM)
    return values[:place], values[place + 1 :]
