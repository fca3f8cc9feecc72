"""What a filter wants of the schema, so that those who make state make little of it in vain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Want:
    """What is wanted of a schema node's instances: never less than the filter selects, often more.

    all: everything below is wanted.
    keys: values that the list keys have to have, by lxml name, as far as they are known; canonical text.
    children: what is wanted of child nodes, by lxml name; several where the filter has several branches.
    """

    all: bool = False
    keys: Mapping[str, str] = field(default_factory=dict)
    children: Mapping[str, tuple[Want, ...]] = field(default_factory=dict)


EVERYTHING = Want(all=True)
"""The want of a request without a filter."""
