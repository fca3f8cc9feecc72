"""What the shell round the DHCPv4 server wants of VPP."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from vppdhc.servers.protocols import Interfaces


class Neighbour(Protocol):
    """A host on a link."""

    @property
    def mac(self) -> bytes:
        """Hardware address."""

    @property
    def heard(self) -> float:
        """CLOCK_BOOTTIME at which VPP last heard of it."""


class Neighbours(Protocol):
    """VPP's neighbour table, as far as it is known here."""

    def watches(self, name: str) -> bool:
        """Whether VPP tells of the neighbours on an interface now."""

    def find(self, name: str, address: int) -> Neighbour | None:
        """Return what is known of an address on an interface."""


@dataclass(frozen=True, slots=True)
class Dataplane:
    """VPP, as the server needs it.

    send: takes sw_if_index, punt action and packet; returns whether VPP has it. May wait a moment.
    send_at_once: the same without waiting; where it returns False, send may have more luck.
    arping: takes sw_if_index and address, and waits; returns the hardware address of who has it, empty where nobody
        answers, None where VPP could not ask.
    """

    interfaces: Interfaces
    neighbours: Neighbours
    send: Callable[[int, int, bytes], bool]
    send_at_once: Callable[[int, int, bytes], bool]
    arping: Callable[[int, int], bytes | None]
