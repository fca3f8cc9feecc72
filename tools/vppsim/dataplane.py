"""Frames: from the wire to the right interface and protocol, and out again."""

from functools import partial
from typing import Protocol

from tools.vppsim.faults import Faults
from tools.vppsim.interfaces import Interface, Vlans
from tools.vppsim.packets import ETHERTYPE_ARP, ETHERTYPE_IP4, ETHERTYPE_IP6, ethernet, untagged
from tools.vppsim.router import Router


class Received:
    """A frame that came in.

    interface: the (sub-)interface it belongs to. frame: with its VLAN tags. offset: of the payload.
    trusted: the transport checksum was left to the hardware and is not to be verified.
    """

    __slots__ = ("frame", "interface", "offset", "trusted")

    def __init__(self, interface: Interface, frame: bytes, offset: int, *, trusted: bool) -> None:
        self.interface = interface
        self.frame = frame
        self.offset = offset
        self.trusted = trusted


class Protocols(Protocol):
    """What a protocol does with a frame that is for it."""

    def receive(self, received: Received) -> None:
        """Handle a frame."""


class Bridge:
    """A bridge domain: members, and behind which of them each MAC address was seen."""

    def __init__(self) -> None:
        self.seen: dict[bytes, int] = {}


class Dataplane:
    """Where frames come in and go out."""

    def __init__(self, router: Router, faults: Faults) -> None:
        self._router = router
        self._faults = faults
        self._protocols: dict[int, Protocols] = {}
        self.bridges: dict[int, Bridge] = {}

    def register(self, arp: Protocols, ip4: Protocols, ip6: Protocols) -> None:
        """Say what handles which protocol."""
        self._protocols = {ETHERTYPE_ARP: arp, ETHERTYPE_IP4: ip4, ETHERTYPE_IP6: ip6}

    def receive(self, device: Interface, frame: bytes, *, trusted: bool) -> None:
        """Take a frame from the wire. trusted: see Received."""
        if device.admin_up:
            device.received.count(frame)
            self._faults.packets["rx"].apply(partial(self._input, device, frame, trusted=trusted))

    def _input(self, device: Interface, frame: bytes, *, trusted: bool) -> None:
        if len(frame) < 14 or self._router.interfaces.get(device.index) is not device:
            return
        vlans, kind, offset = untagged(frame)
        interface = self._classify(device, vlans)
        if interface is None or not interface.admin_up:
            self._router.count("ethernet-input", "unknown vlan" if interface is None else "subinterface down")
            return
        if interface.bridge is not None:
            bvi = self._bridge(interface, frame)
            if bvi is None:
                return
            interface = bvi
        elif not frame[0] & 1 and frame[:6] != device.mac:
            self._router.count("ethernet-input", "l3 mac mismatch")
            return
        protocol = self._protocols.get(kind)
        if protocol is not None:
            protocol.receive(Received(interface, frame, offset, trusted=trusted))

    def _classify(self, device: Interface, vlans: Vlans) -> Interface | None:
        if not vlans:
            return device
        return next((sub for sub in self._router.interfaces.subs(device) if sub.vlans == vlans), None)

    def send(self, interface: Interface, destination: bytes, kind: int, payload: bytes) -> None:
        """Send a packet to a MAC address, with the tags of the interface."""
        source = self._router.interfaces.mac(interface)
        self.output(interface, ethernet(destination, source, interface.vlans, kind, payload))

    def output(self, interface: Interface, frame: bytes) -> None:
        """Send a frame out of an interface as it is."""
        device = self._router.interfaces.parent(interface)
        if not interface.admin_up or not device.admin_up:
            self._router.count("interface-output", "interface is down")
        elif interface.bridge is not None and interface.is_bvi:
            self._flood(interface.bridge, frame, came_from=interface.index)
        else:
            self._transmit(device, frame)

    def _transmit(self, device: Interface, frame: bytes) -> None:
        device.sent.count(frame)
        if device.transmit is not None:
            self._faults.packets["tx"].apply(partial(device.transmit, frame))

    def _bridge(self, member: Interface, frame: bytes) -> Interface | None:
        """Pass a frame on in its bridge domain; return the BVI where it is for that, too."""
        assert member.bridge is not None
        domain = self.bridges[member.bridge]
        domain.seen[frame[6:12]] = member.index
        bvi = next((i for i in self._router.interfaces if i.bridge == member.bridge and i.is_bvi), None)
        for_bvi = bvi is not None and (frame[0] & 1 or frame[:6] == bvi.mac)
        if frame[0] & 1 or not for_bvi:
            self._flood(member.bridge, frame, came_from=member.index)
        return bvi if for_bvi and bvi is not None and bvi.admin_up else None

    def _flood(self, bridge: int, frame: bytes, came_from: int) -> None:
        known = self.bridges[bridge].seen.get(frame[:6])
        for member in self._router.interfaces:
            if member.bridge == bridge and not member.is_bvi and member.index != came_from:
                device = self._router.interfaces.parent(member)
                if known in (None, member.index) and member.admin_up:
                    self._transmit(device, frame)
