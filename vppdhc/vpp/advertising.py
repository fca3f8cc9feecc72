"""VPP's own router advertisements: off where the daemon sends them, and as they were when it no longer does.

VPP can send router advertisements itself, with settings of its own, and once a startup file or somebody at its command
line has said so it goes on by itself. Hosts would hear one router say two things. So its sending is suppressed, which
leaves its settings (flags, intervals, prefixes) as they are, and looked at again from time to time. Where it was on, it
is switched on again behind us, with those settings.

That it was on is known from having switched it off. It is remembered while the daemon runs, over lost connections to
the same VPP; a daemon that was killed leaves VPP silent, as the next one cannot know better, and two routers that
contradict each other are worse than none.
"""

from dataclasses import dataclass
from typing import Any

from vppdhc.vpp.interfaces import Calls


@dataclass(frozen=True, slots=True)
class _Place:
    """An interface of one run of VPP; vpp: its process id."""

    vpp: int
    index: int


class OwnAdvertisements:
    """Switches VPP's sending off and on again, and knows where it was on."""

    def __init__(self) -> None:
        """Know of no interface."""
        self._silenced: dict[str, _Place] = {}

    def switch_off(self, vpp: Calls, name: str, index: int) -> bool:
        """Have VPP send none on an interface; returns whether it did until now. Raises VppError."""
        if not any(details.send_radv for details in _settings(vpp, index)):
            return False
        vpp.call("sw_interface_ip6nd_ra_config", sw_if_index=index, suppress=1)
        self._silenced[name] = _Place(_process(vpp), index)
        return True

    def switch_on(self, vpp: Calls, name: str, index: int) -> None:
        """Have VPP send on an interface where switch_off() made it stop; raises VppError."""
        # Without settings IPv6 is off there, and with it all that VPP knew of router advertisements.
        if self._silenced.pop(name, None) == _Place(_process(vpp), index) and _settings(vpp, index):
            vpp.call("sw_interface_ip6nd_ra_config", sw_if_index=index)  # any call that does not suppress

    def forget(self, name: str) -> None:
        """Note that VPP has forgotten what it knew of an interface."""
        self._silenced.pop(name, None)


def _settings(vpp: Calls, index: int) -> list[Any]:
    """Return how VPP advertises itself on an interface: one entry, none where IPv6 is off."""
    return vpp.dump("sw_interface_ip6nd_ra_dump", sw_if_index=index)


def _process(vpp: Calls) -> int:
    return int(vpp.call("control_ping").vpe_pid)
