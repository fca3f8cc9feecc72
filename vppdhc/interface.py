"""A VPP interface as every part of the daemon sees it."""

from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Address, IPv6Interface


@dataclass(frozen=True, slots=True)
class Vlan:
    """One VLAN tag of a sub-interface.

    tpid: 0x8100 (802.1Q) or 0x88a8 (802.1ad).
    vid: VLAN identifier, 1 to 4094.
    """

    tpid: int
    vid: int


@dataclass(frozen=True, slots=True)
class Interface:
    """A snapshot of one interface of the live interface table.

    The name is the identity. The index is VPP's sw_if_index: VPP gives it again to the next interface, so it
    means something only while this very interface is in the table.

    mac: of the interface; a sub-interface has its parent's.
    admin_up, link_up: administrative state and carrier.
    vlans: the tags a frame has on this interface, outermost first; empty without.
    addresses4, addresses6: configured addresses with their prefix lengths, in VPP's order; no link-local ones.
    table4, table6: id of the routing table (VRF) of each family, 0 is the default one.
    """

    name: str
    index: int
    mac: bytes
    admin_up: bool
    link_up: bool
    vlans: tuple[Vlan, ...] = ()
    addresses4: tuple[IPv4Interface, ...] = ()
    addresses6: tuple[IPv6Interface, ...] = ()
    link_local: IPv6Address | None = None
    table4: int = 0
    table6: int = 0

    @property
    def up(self) -> bool:
        """Whether packets can pass: administratively up with carrier."""
        return self.admin_up and self.link_up
