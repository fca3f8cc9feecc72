"""Why a client gets what it gets."""

from enum import StrEnum


class Why(StrEnum):
    """Why a client is offered an address or prefix; in the order in which they count."""

    RESERVATION = "reservation"
    """It is reserved for the client."""
    LEASE = "its lease"
    """The client has a lease of it."""
    LAST_LEASE = "its last lease"
    """The client's last lease was of it."""
    OFFER = "an offer"
    """The client was offered it a moment ago."""
    WISH = "its wish"
    """The client asks for it, and it was never anybody else's."""
    HASH = "hash"
    """The hash of what names the client leads to it."""
    OLDEST_ENDED = "oldest ended"
    """Everything is taken; of what somebody had whose lease has ended, this is what ended first."""
