"""Interfaces that lead somewhere: their wires, devices and hosts, which outlive a restart of the router."""

from collections.abc import Callable
from dataclasses import dataclass

from tools.vppsim.addresses import Prefix
from tools.vppsim.dataplane import Dataplane
from tools.vppsim.devices import LinuxDevice, SocketDevice, Wire
from tools.vppsim.hosts import Host
from tools.vppsim.interfaces import Interface
from tools.vppsim.loop import Loop
from tools.vppsim.router import Router


@dataclass(frozen=True, slots=True)
class Kept:
    """What of an interface is kept over a restart."""

    name: str
    kind: str
    mac: bytes
    admin_up: bool
    addresses: list[Prefix]
    device: str | None


class Ports:
    """Wires by interface name, and hosts by their own name."""

    def __init__(self, loop: Loop, router: Router, dataplane: Dataplane) -> None:
        self._loop = loop
        self._router = router
        self._dataplane = dataplane
        self.wires: dict[str, Wire] = {}
        self.hosts: dict[str, Host] = {}

    def wire(self, name: str) -> Wire:
        """Return the wire at an interface; it is there before the interface is, and after."""
        if name not in self.wires:
            self.wires[name] = Wire(self._receiver(name))
        return self.wires[name]

    def _receiver(self, name: str) -> Callable[[bytes, bool], None]:
        def receive(frame: bytes, trusted: bool) -> None:
            interface = self._router.interfaces.by_name(name)
            if interface is not None:
                self._dataplane.receive(interface, frame, trusted=trusted)

        return receive

    def add(self, name: str, kind: str, mac: bytes, device: str | None) -> Interface:
        """Make an interface, at a Linux device where one is named, or at a socket, where that is a path.

        Raises OSError where there is no such device.
        """
        wire = self.wire(name)
        interface: Interface | None = None

        def receive(frame: bytes, trusted: bool) -> None:
            assert interface is not None
            self._dataplane.receive(interface, frame, trusted=trusted)

        if device is not None:
            kind_of_device = SocketDevice if "/" in device else LinuxDevice
            wire.device = kind_of_device(self._loop, device, receive)
        interface = self._router.add_interface(name, kind, mac)
        interface.transmit = wire.from_router
        return interface

    def remove(self, name: str) -> None:
        """Take an interface away; one that is not there is ignored."""
        interface = self._router.interfaces.by_name(name)
        if interface is not None and name in self.wires:
            self.wires[name].close()
            self._router.delete_interface(interface)

    def kept(self) -> list[Kept]:
        """Return what is kept over a restart: interfaces with a wire, their MAC, state and addresses."""
        return [
            Kept(i.name, i.kind, i.mac, i.admin_up, list(i.addresses), device.name if device else None)
            for i in self._router.interfaces
            if i.transmit is not None
            for device in [self.wires[i.name].device]
        ]

    def close(self) -> None:
        """Let go of all devices."""
        for wire in self.wires.values():
            wire.close()

    def restore(self, kept: list[Kept]) -> None:
        """Make interfaces again after a restart."""
        for old in kept:
            interface = self.add(old.name, old.kind, old.mac, old.device)
            self._router.set_state(interface, up=old.admin_up)
            for prefix in old.addresses:
                self._router.add_address(interface, prefix)
