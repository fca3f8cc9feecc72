"""The states of a client, by the names of the model."""

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """What the client does (RFC 8415, 18.2)."""

    LINK_DOWN = "link-down"
    WAITING = "waiting"
    SOLICITING = "soliciting"
    REQUESTING = "requesting"
    CONFIRMING = "confirming"
    INFORMING = "informing"
    INFORMED = "informed"
    BOUND = "bound"
    RENEWING = "renewing"
    REBINDING = "rebinding"
    DECLINING = "declining"
    RELEASING = "releasing"
    RELEASED = "released"


LED_BY_ROUTERS: Final = frozenset((State.WAITING, State.SOLICITING, State.INFORMING, State.INFORMED))
"""States that depend on what routers say; a lease is kept whatever they say afterwards."""
