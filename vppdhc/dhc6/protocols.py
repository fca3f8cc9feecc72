"""What the shell round the DHCPv6 server wants of VPP."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from vppdhc.interface import Interface
from vppdhc.servers.protocols import Send
from vppdhc.vpp.items import Item


class Interfaces(Protocol):
    """The live interface table."""

    def get(self, index: int) -> Interface | None:
        """Return the interface that has an index now."""

    def named(self, name: str) -> Interface | None:
        """Return the interface of exactly that name."""


class Neighbours(Protocol):
    """VPP's neighbour events."""

    def watches(self, name: str) -> bool:
        """Whether VPP tells of the neighbours on an interface now."""


class Programmer(Protocol):
    """Keeps what is wanted in VPP; waits for VPP."""

    def want(self, owner: str, items: Sequence[Item]) -> Mapping[Item, str]:
        """Have VPP hold exactly these items for an owner; returns what it refuses, with its reason."""

    def problems(self, owner: str) -> Mapping[Item, str]:
        """Return what an owner wants and VPP has not, with the reason."""


@dataclass(frozen=True, slots=True)
class Dataplane:
    """VPP, as the server needs it.

    send: takes sw_if_index, punt action and packet; returns whether VPP has it. May wait a moment.
    send_at_once: the same without waiting; where it returns False, send may have more luck.
    """

    interfaces: Interfaces
    neighbours: Neighbours
    send: Send
    send_at_once: Send
