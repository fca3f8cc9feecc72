"""What the clients of a network are told about it, encoded once and not for every packet."""

from typing import Final, TypeAlias

from vppdhc.dhc6.options import NO_OPTIONS, NOTHING_LEARNED, OptionSet, Upstream, time_sources
from vppdhc.packet import names
from vppdhc.packet.dhcp6 import join
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.options6 import Option

_ANSWERS_MOST: Final = 1024
"""Answers that are remembered; the clients of a network have a few dozen different option requests."""
_NOT_UNASKED: Final = frozenset({Option.INFORMATION_REFRESH_TIME, Option.SOLMAX_RT, Option.INF_MAX_RT})
"""Options for those who ask for them alone (RFC 8415, 21.23 to 21.25)."""

Answer: TypeAlias = tuple[tuple[int, bytes], ...]
"""Options in the order in which they are sent."""


class Parameters:
    """What clients are told, as encoded options."""

    __slots__ = ("_answers", "_options", "_upstream", "_values")

    def __init__(self, options: OptionSet, upstream: Upstream = NOTHING_LEARNED) -> None:
        """Encode them.

        options: what all levels say together, down to that of the network or pool.
        upstream: what was learned from the provider so far; learn() tells of more.
        """
        self._options = options
        self._upstream = upstream
        self._values = options.resolved(upstream)
        self._answers: dict[tuple[OptionSet, tuple[int, ...] | None, bool], Answer] = {}

    def learn(self, upstream: Upstream) -> bool:
        """Go on with other values of the provider; returns whether clients are told anything else now."""
        before = self._values
        self._upstream = upstream
        self._values = self._options.resolved(upstream)
        self._answers.clear()
        return self._values != before

    def answer(
        self, wanted: tuple[int, ...] | None, extra: OptionSet = NO_OPTIONS, *, stateless: bool = False
    ) -> Answer:
        """Return the options for an option request option (RFC 8415, 21.7), in its order; None is for no such option.

        extra: what the client's reservation says.
        stateless: whether it answers an Information-request, which alone is told when to ask again (21.23).

        Without an option request a client gets everything but what has to be asked for. With one it gets what it asks
        for, and behind that what is configured for this client alone.
        """
        key = extra, wanted, stateless
        known = self._answers.get(key)
        if known is None:
            if len(self._answers) >= _ANSWERS_MOST:
                self._answers.clear()
            known = self._answers[key] = tuple(self._choose(wanted, extra, stateless))
        return known

    def domain(self, extra: OptionSet = NO_OPTIONS) -> str:
        """Return the first domain in which clients look up names; empty without."""
        try:
            domains = names.decode_list(self._told(extra).get(Option.DOMAIN_SEARCH, b""))
        except DecodeError:
            return ""
        return domains[0] if domains else ""

    def _choose(self, wanted: tuple[int, ...] | None, extra: OptionSet, stateless: bool) -> list[tuple[int, bytes]]:
        values = self._told(extra)
        if wanted is None:
            codes = [code for code in sorted(values) if code not in _NOT_UNASKED]
        else:
            codes = [*wanted, *(code for code in extra.values if code not in _NOT_UNASKED)]
        chosen: list[tuple[int, bytes]] = []
        for code in dict.fromkeys(codes):
            if code in values and (stateless or code != Option.INFORMATION_REFRESH_TIME):
                chosen += _instances(code, values[code])
        return chosen

    def _told(self, extra: OptionSet) -> dict[int, bytes]:
        """Return everything that can be sent, by code."""
        return extra.over(self._options).resolved(self._upstream) if extra else self._values


def _instances(code: int, value: bytes) -> list[tuple[int, bytes]]:
    """Return an option as it is sent: that of NTP servers once for each (RFC 5908, 4), others once."""
    if code == Option.NTP_SERVER and (sources := time_sources(value)):
        return [(code, join([source])) for source in sources]
    return [(code, value)]
