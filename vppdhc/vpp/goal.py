"""What all owners want together, and on which interfaces of VPP that is now."""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence

from vppdhc.interface import Interface
from vppdhc.vpp.actions import NO_INTERFACE
from vppdhc.vpp.items import InterfaceAddress, Item, Route

Wanted = Mapping[str, Sequence[Item]]
"""What each owner wants."""


class Goal:
    """What is to be in VPP.

    indexes: the items, each with the index of its interface. problems: why the others cannot be.
    """

    def __init__(self, wanted: Wanted, named: Callable[[str], Interface | None]) -> None:
        """Of two items that exclude each other the one of the earlier owner is taken."""
        self.indexes: dict[Item, int] = {}
        self.problems: dict[Item, str] = {}
        self._wanted = dict(wanted)
        taken: dict[Hashable, tuple[Item, str]] = {}
        for owner, items in wanted.items():
            for item in items:
                first, its_owner = taken.setdefault(item.slot, (item, owner))
                interface = named(item.interface) if item.interface else None
                if first != item:
                    self.problems[item] = f"{first} is there, for {its_owner}, and VPP has one of that only"
                elif item.interface and interface is None:
                    self.problems[item] = f"VPP has no interface {item.interface}"
                else:
                    self.indexes[item] = NO_INTERFACE if interface is None else interface.index

    def hold_routes(self, failed: Collection[InterfaceAddress]) -> list[Route]:
        """Leave out the routes over an interface of owners whose address there cannot be had; returns them.

        One whose next hop has a link-local address needs none of theirs.
        """
        without = {
            (owner, item.interface, item.address.version): item
            for owner, items in self._wanted.items()
            for item in items
            if isinstance(item, InterfaceAddress) and (item in failed or item in self.problems)
        }
        held = []
        for route in [item for item in self.indexes if isinstance(item, Route) and _needs_address(item)]:
            owners = [owner for owner, items in self._wanted.items() if route in items]
            reasons = [without.get((owner, route.interface, route.prefix.version)) for owner in owners]
            if None not in reasons:
                self.problems[route] = f"not without the address {reasons[0]}"
                del self.indexes[route]
                held.append(route)
        return held


def _needs_address(route: Route) -> bool:
    """Tell whether a next hop can be reached only from an address that is like its own."""
    hop = route.next_hop
    return bool(route.interface) and not (hop is not None and hop.version == 6 and hop.is_link_local)
