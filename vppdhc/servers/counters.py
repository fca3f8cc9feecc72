"""What the shell round a server counts."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Counters:
    """What was counted.

    received: messages by type, such as "discover" or "solicit"; "other" for types that are not known.
    sent: replies by type.
    drops: what had no answer, by reason: of the core, of the decoder, or of the shell.
    conflicts: addresses that somebody else was found to use.
    probes: questions whether somebody uses an address, by what came of them, see questions.Result.
    omitted: options that there was no room for in a reply, by code.
    """

    received: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    drops: Counter[str] = field(default_factory=Counter)
    conflicts: int = 0
    probes: Counter[str] = field(default_factory=Counter)
    omitted: Counter[int] = field(default_factory=Counter)


def total(counts: Iterable[Counter[str]]) -> Counter[str]:
    """Return the sum of counters."""
    summed: Counter[str] = Counter()
    for count in counts:
        summed.update(count)
    return summed
