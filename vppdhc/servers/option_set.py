"""What a level of the configuration says about options, encoded, and how one level lies over another."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, NamedTuple, Self, TypeAlias


class FromUpstream(NamedTuple):
    """A value that is learned from the provider.

    before, after: constants in front of it and behind it, encoded as the option is; empty without.
    """

    before: bytes = b""
    after: bytes = b""


OptionValue: TypeAlias = bytes | FromUpstream

Upstream: TypeAlias = Mapping[str, Mapping[int, bytes]]
"""What was learned: by the interface of the router's own client, values as received by option code."""

NOTHING_LEARNED: Final[Upstream] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class BaseOptionSet(ABC):
    """What is said about options. Never changed.

    values: by code, encoded or to be learned.
    omitted: codes that are not sent, whatever the levels around say. What is omitted is in no values.
    upstream_interface: interface whose client gives the learned values; None where nothing is said: all of them do.
    """

    values: Mapping[int, OptionValue] = field(default_factory=lambda: MappingProxyType({}))
    omitted: frozenset[int] = frozenset()
    upstream_interface: str | None = None
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        values = {code: value for code, value in self.values.items() if code not in self.omitted}
        content = frozenset(values.items()), self.omitted, self.upstream_interface
        object.__setattr__(self, "values", MappingProxyType(values))
        object.__setattr__(self, "_hash", hash(content))  # once, as the sets of classes are looked up for each packet

    def __hash__(self) -> int:
        return self._hash

    def __bool__(self) -> bool:
        """Whether anything is said."""
        return bool(self.values or self.omitted or self.upstream_interface)

    def over(self, outer: Self) -> Self:
        """Return what holds where this level lies within another one."""
        if not outer:
            return self
        if not self:
            return outer
        kept = {code: value for code, value in outer.values.items() if code not in self.omitted}
        return replace(
            self,
            values={**kept, **self.values},
            omitted=self.omitted | outer.omitted.difference(self.values),
            upstream_interface=self.upstream_interface or outer.upstream_interface,
        )

    def resolved(self, upstream: Upstream) -> dict[int, bytes]:
        """Return the encoded values with what was learned; a value of which nothing is known is left out."""
        one = self.upstream_interface
        sources = list(upstream.values()) if one is None else [upstream.get(one, {})]
        found = {}
        for code, value in self.values.items():
            if isinstance(value, bytes):
                found[code] = value
            elif joined := self._join(code, value, [source[code] for source in sources if code in source]):
                found[code] = joined
        return found

    @staticmethod
    @abstractmethod
    def _join(code: int, value: FromUpstream, learned: Sequence[bytes]) -> bytes:
        """Return the value of an option of what providers said; empty where that is of no use to hosts."""
