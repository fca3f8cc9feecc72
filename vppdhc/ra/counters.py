"""What is counted of one interface."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Counters:
    """What was counted.

    since: CLOCK_BOOTTIME from which on.
    unsolicited, solicited: advertisements that were sent, by themselves and as answers.
    solicitations: valid ones that came. rate_limited: those of them that got no answer of their own, as one was due
        anyway.
    other_advertisements: advertisements of other routers. inconsistent: those of them that said otherwise than ours.
    drops: messages that had no answer, by reason: of the decoder, or of the service.
    """

    since: float
    unsolicited: int = 0
    solicited: int = 0
    solicitations: int = 0
    rate_limited: int = 0
    other_advertisements: int = 0
    inconsistent: int = 0
    drops: Counter[str] = field(default_factory=Counter)
