"""What can go wrong between the daemon and VPP: exceptions with fields."""

from collections.abc import Mapping
from typing import Any

from vppdhc.vpp.retvals import retval_name


class VppError(Exception):
    """Base of everything that this package raises on purpose."""


class VppGoneError(VppError):
    """There is no connection to VPP, or it ended while a call waited.

    reason: why, in words.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"no connection to VPP: {reason}")
        self.reason = reason


class VppDefinitionsError(VppError):
    """VPP's message definitions could not be had, so that nothing can be said to it."""


class VppMessageError(VppError):
    """One call failed; the base of the errors that name call and arguments.

    call: name of the API message. arguments: as the caller gave them.
    """

    def __init__(self, call: str, arguments: Mapping[str, Any], what: str) -> None:
        given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        super().__init__(f"{call}({given}): {what}")
        self.call = call
        self.arguments = dict(arguments)


class VppCallError(VppMessageError):
    """VPP refused.

    retval: VPP's return value; retval_name: its name, for example "NO_SUCH_ENTRY".
    """

    def __init__(self, call: str, arguments: Mapping[str, Any], retval: int) -> None:
        self.retval = retval
        self.retval_name = retval_name(retval)
        super().__init__(call, arguments, f"VPP returned {retval} ({self.retval_name})")


class VppTimeoutError(VppMessageError):
    """No reply came in time; VPP answers nothing at all to a request that it cannot decode.

    seconds: how long was waited.
    """

    def __init__(self, call: str, arguments: Mapping[str, Any], seconds: float) -> None:
        super().__init__(call, arguments, f"no reply within {seconds:g} s")
        self.seconds = seconds


class VppUnsupportedError(VppMessageError):
    """This VPP has no such message: too old, a plugin not loaded, or definitions that are not its own."""


class VppArgumentError(VppMessageError):
    """The arguments do not fit the message; nothing was sent."""


class VppDecodeError(VppMessageError):
    """The reply does not fit its definition."""


class PuntSetupError(VppError):
    """A punt socket cannot be set up; the text says what to do about it."""
