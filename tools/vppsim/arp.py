"""ARP as VPP does it: whom it answers, and from what it learns."""

from collections.abc import Callable
from typing import Final

from tools.vppsim.addresses import BROADCAST, NO_MAC, NONE
from tools.vppsim.dataplane import Dataplane, Received
from tools.vppsim.fib import Entry, PathType, Source, Table
from tools.vppsim.interfaces import Interface
from tools.vppsim.packets import ARP_REPLY, ARP_REQUEST, ETHERTYPE_ARP, Arp
from tools.vppsim.router import Router

CONFLICT: Final = "IP4 source address matches local interface"


class ArpInput:
    """Receives ARP and asks with it. on_reply: called with interface, 4, address and MAC address of every reply."""

    def __init__(self, router: Router, dataplane: Dataplane) -> None:
        self.on_reply: list[Callable[[Interface, int, int, bytes], None]] = []
        self._router = router
        self._dataplane = dataplane

    def request(self, interface: Interface, target: int) -> None:
        """Ask for an address from the interface's own; one that has none asks nothing."""
        sender = interface.source_for(4, target)
        if sender is not None:
            mac = self._router.interfaces.mac(interface)
            packet = Arp(ARP_REQUEST, mac, sender, NO_MAC, target).encode()
            self._dataplane.send(interface, BROADCAST, ETHERTYPE_ARP, packet)

    def announce(self, interface: Interface, address: int) -> None:
        """Tell everybody by a gratuitous request that the interface has an address, whether it has it or not."""
        mac = self._router.interfaces.mac(interface)
        packet = Arp(ARP_REQUEST, mac, address, mac, address).encode()
        self._dataplane.send(interface, BROADCAST, ETHERTYPE_ARP, packet)

    def receive(self, received: Received) -> None:
        """Handle an ARP packet: answer, learn, or count why not."""
        packet = Arp.decode(received.frame, received.offset)
        if packet is None:
            return
        interface = received.interface
        if packet.sender == 0:
            self._router.count("arp-input", "IP4 destination address is unset")
        elif not interface.has_ip4:
            self._router.count("arp-disabled", "ARP Disabled")
        else:
            for listener in self.on_reply if packet.operation == ARP_REPLY else ():
                listener(interface, 4, packet.sender, packet.sender_mac)
            self._look_at(received, packet)

    def _look_at(self, received: Received, packet: Arp) -> None:
        interface = received.interface
        table = self._router.table_of(interface, 4)
        source = self._attached(table, packet.sender)
        if source is None:
            reason = CONFLICT if self._is_ours(table, packet.sender) else "IP4 source address not local to subnet"
            self._router.count("arp-reply", reason)
            return
        target = table.lookup(packet.target)
        if target.source == Source.ADJACENCY:
            if packet.sender == packet.target and target.path.sw_if_index == interface.index:
                self._router.learn(interface, 4, packet.sender, packet.sender_mac)
            return
        if not target.is_local:
            return
        if received.frame[6:12] != packet.sender_mac:
            self._router.count("arp-reply", "ARP hw addr does not match L2 frame src addr")
        elif packet.operation == ARP_REPLY:
            self._router.learn(interface, 4, packet.sender, packet.sender_mac)
        elif packet.operation == ARP_REQUEST:
            self._answer(received, packet, source, target)

    def _answer(self, received: Received, packet: Arp, source: Entry, target: Entry) -> None:
        interface = received.interface
        here = {source.path.sw_if_index, target.path.sw_if_index}
        if here != {interface.index}:
            self._router.count("arp-reply", "RX interface is unnumbered to different subnet")
            return
        mac = self._router.interfaces.mac(interface)
        reply = Arp(ARP_REPLY, mac, packet.target, packet.sender_mac, packet.sender)
        self._router.learn(interface, 4, packet.sender, packet.sender_mac)
        self._dataplane.send(interface, received.frame[6:12], ETHERTYPE_ARP, reply.encode())
        self._router.count("arp-reply", "ARP replies sent")

    @staticmethod
    def _is_ours(table: Table, address: int) -> bool:
        return table.lookup(address).is_local

    @staticmethod
    def _attached(table: Table, sender: int) -> Entry | None:
        """Return the entry that shows a sender to be on a link; None where there is none, or the address is ours."""
        entry = table.lookup(sender)
        if entry.is_local:
            return None
        on_link = entry.path.type == PathType.NORMAL and entry.path.next_hop in (0, sender)
        if on_link and entry.path.sw_if_index != NONE:
            return entry
        covers = (e for e in table.entries() if e.is_connected and e.prefix.holds(sender))
        return next(covers, None)
