"""VPP's arping plugin: asks on a link who has an address. All of VPP's API waits for it, a second where nobody has."""

from ipaddress import IPv4Address
from typing import Final

import structlog

from vppdhc.vpp.errors import VppCallError, VppError, VppTimeoutError, VppUnsupportedError
from vppdhc.vpp.interfaces import Calls

_ADVICE: Final = (
    "set conflict-detection to probe, which needs no plugin, or enable this one in VPP's startup.conf "
    "(plugins { plugin arping_plugin.so { enable } }) and restart VPP"
)


class Arping:
    """Asks, one after the other, and says once why that does not work."""

    def __init__(self, vpp: Calls) -> None:
        self._vpp = vpp
        self._trouble = ""
        self._log = structlog.get_logger()

    def ask(self, index: int, address: int) -> bytes | None:
        """Return the hardware address of who has an address; empty where nobody answers, None where VPP cannot ask.

        index: sw_if_index of the interface to ask on; it needs an IPv4 address. Waits up to a second.
        """
        try:
            reply = self._vpp.call("arping_acd", address=IPv4Address(address), sw_if_index=index, repeat=1)
        except VppError as error:
            self._explain(error)
            return None
        self._trouble = ""
        mac: bytes = reply.mac_address.packed
        return mac if reply.reply_count else b""

    def _explain(self, error: VppError) -> None:
        reason = _reason(error)
        if reason != self._trouble:
            self._trouble = reason
            advice = {"advice": _ADVICE} if isinstance(error, VppUnsupportedError) else {}
            self._log.warning("addresses are offered without asking who has them", reason=reason, **advice)


def _reason(error: VppError) -> str:
    """Say why VPP could not ask, in the same words for every address."""
    if isinstance(error, VppUnsupportedError):
        return "this VPP has no arping plugin"
    if isinstance(error, VppCallError):
        return f"VPP returned {error.retval} ({error.retval_name})"
    if isinstance(error, VppTimeoutError):
        return f"no reply within {error.seconds:g} s"
    return str(error)
