"""When advertisements are sent to all hosts (RFC 4861, 6.2.4 to 6.2.6). Instants are CLOCK_BOOTTIME."""

import math
from random import Random
from typing import Final

from vppdhc.ra.config import InterfaceConfig

MAX_INITIAL_RTR_ADVERT_INTERVAL: Final = 16.0
MAX_INITIAL_RTR_ADVERTISEMENTS: Final = 3
MAX_FINAL_RTR_ADVERTISEMENTS: Final = 3
MIN_DELAY_BETWEEN_RAS: Final = 3.0
MAX_RA_DELAY_TIME: Final = 0.5
"""Protocol constants (RFC 4861, 10)."""


class Schedule:
    """The timer of one interface.

    next: when the next advertisement is due; infinity while the interface does not advertise.
    answering: whether it answers a solicitation.
    """

    def __init__(self, random: Random) -> None:
        self.next = math.inf
        self.answering = False
        self._random = random
        self._last = -math.inf
        self._first_left = 0

    def announce(self, now: float) -> None:
        """Tell something new, that the router is there or what changed: at once, and again at short intervals."""
        self._first_left = MAX_INITIAL_RTR_ADVERTISEMENTS
        self.request(now)

    def request(self, now: float) -> None:
        """Have an advertisement sent as soon as the rate allows."""
        self.next = min(self.next, self._earliest(now))

    def solicit(self, now: float) -> bool:
        """Answer a solicitation, after a random delay; returns whether it makes for an advertisement of its own.

        It does not where one is due before, or answers an earlier solicitation, from which the delay counts then.
        """
        delay = self._random.uniform(0, MAX_RA_DELAY_TIME)
        due = self._earliest(now) + delay
        if self.answering or due >= self.next:
            return False
        self.next = due
        self.answering = True
        return True

    def sent(self, now: float, config: InterfaceConfig) -> None:
        """Set the timer anew, as one is being sent, whatever for."""
        self._last = now
        self._first_left = max(0, self._first_left - 1)
        interval = self._random.uniform(config.min_interval, config.max_rtr_adv_interval)
        if self._first_left:
            interval = min(interval, MAX_INITIAL_RTR_ADVERT_INTERVAL)
        self.next = now + interval
        self.answering = False

    def taken(self, now: float) -> None:
        """Note that it left only now, as something had to be waited for: the rate counts from here."""
        self._last = now
        self.next = max(self.next, self._earliest(now))

    def not_sent(self, now: float) -> None:
        """Try again soon, as the one of just now was not taken; it was none of the first ones then."""
        self._first_left += 1
        self.next = min(self.next, now + MIN_DELAY_BETWEEN_RAS)

    def rest(self) -> None:
        """Send nothing, as the interface does not advertise."""
        self.next = math.inf
        self.answering = False
        self._first_left = 0

    def _earliest(self, now: float) -> float:
        return max(now, self._last + MIN_DELAY_BETWEEN_RAS)
