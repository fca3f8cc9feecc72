"""What is at the other end of an interface: a Linux device, hosts inside this process, or both."""

import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from tools.vppsim.interfaces import TAGGED
from tools.vppsim.loop import Loop

_SOL_PACKET: Final = 263
_PACKET_ADD_MEMBERSHIP: Final = 1
_PACKET_AUXDATA: Final = 8
_PACKET_IGNORE_OUTGOING: Final = 23
_PROMISCUOUS: Final = 1
_OUTGOING: Final = 4
_ALL_PROTOCOLS: Final = 3
_STATUS_CHECKSUM_NOT_READY: Final = 0x08
_STATUS_VLAN_VALID: Final = 0x10
_AUXDATA: Final = struct.Struct("=IIIHHHH")
_AT_ONCE: Final = 64

Receive = Callable[[bytes, bool], None]
"""Takes a frame, and whether its transport checksum was left to the hardware."""


class LinuxDevice:
    """A network device of the network namespace that the process runs in, through an AF_PACKET socket.

    The kernel takes the outer VLAN tag off a frame and tells it beside it. It is put on again as VPP does it: always
    as 802.1Q, so that 802.1ad does not work on such an interface. Raises OSError.
    """

    def __init__(self, loop: Loop, name: str, receive: Receive) -> None:
        self.name = name
        self._loop = loop
        self._receive = receive
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
            self._socket.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            index = socket.if_nametoindex(name)
            membership = struct.pack("=iHH8s", index, _PROMISCUOUS, 0, b"")
            self._socket.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, membership)
            self._socket.bind((name, _ALL_PROTOCOLS))
        except OSError:
            self._socket.close()
            raise
        loop.watch(self._socket, self._readable)

    def send(self, frame: bytes) -> None:
        """Send a frame; one that the device does not take is lost."""
        try:
            self._socket.send(frame)
        except OSError:  # down, gone, or full
            return

    def close(self) -> None:
        """Let go of the device."""
        self._loop.forget(self._socket)
        self._socket.close()

    def _readable(self) -> None:
        space = socket.CMSG_SPACE(_AUXDATA.size)
        for _ in range(_AT_ONCE):
            try:
                frame, ancillary, _, sender = self._socket.recvmsg(65536, space)
            except OSError:  # nothing left, or the device has gone down
                return
            if sender[2] != _OUTGOING:
                self._receive(*_restored(frame, ancillary))
            if self._socket.fileno() < 0:
                return


def _restored(frame: bytes, ancillary: list[tuple[int, int, bytes]]) -> tuple[bytes, bool]:
    for level, kind, data in ancillary:
        if (level, kind) == (_SOL_PACKET, _PACKET_AUXDATA) and len(data) >= _AUXDATA.size:
            status, _, _, _, _, tag, _ = _AUXDATA.unpack_from(data)
            if status & _STATUS_VLAN_VALID:
                frame = frame[:12] + struct.pack(">HH", TAGGED, tag) + frame[12:]
            return frame, bool(status & _STATUS_CHECKSUM_NOT_READY)
    return frame, False


class SocketDevice:
    """A device for tests without root: frames are datagrams between a socket at a path and one at path + ".far"."""

    def __init__(self, loop: Loop, path: str, receive: Receive) -> None:
        self.name = path
        self._loop = loop
        self._receive = receive
        Path(path).unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(path)
        loop.watch(self._socket, self._readable)

    def send(self, frame: bytes) -> None:
        """Send a frame; it is lost where nobody takes it."""
        try:
            self._socket.sendto(frame, f"{self.name}.far")
        except OSError:  # nobody there, or no room
            return

    def close(self) -> None:
        """Take the socket away."""
        self._loop.forget(self._socket)
        self._socket.close()
        Path(self.name).unlink(missing_ok=True)

    def _readable(self) -> None:
        self._receive(self._socket.recv(65536), False)


class Device(Protocol):
    """What a wire may lead to."""

    name: str

    def send(self, frame: bytes) -> None:
        """Send a frame."""

    def close(self) -> None:
        """Let go of it."""


class Station(Protocol):
    """A host on a wire. mac: its address."""

    mac: bytes

    def receive(self, frame: bytes) -> None:
        """Take a frame that is for it or for everybody."""


class Wire:
    """A wire from an interface to a Linux device, where there is one, and to hosts inside this process."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.device: Device | None = None
        self.stations: dict[bytes, Station] = {}

    def from_router(self, frame: bytes) -> None:
        """Carry a frame of the router."""
        if self.device is not None:
            self.device.send(frame)
        self._to_stations(frame, None)

    def from_station(self, frame: bytes) -> None:
        """Carry a frame of a host inside."""
        self._receive(frame, False)
        self._to_stations(frame, frame[6:12])

    def _to_stations(self, frame: bytes, sender: bytes | None) -> None:
        if not frame[0] & 1:
            station = self.stations.get(frame[:6])
            if station is not None and frame[:6] != sender:
                station.receive(frame)
            return
        for mac, station in list(self.stations.items()):
            if mac != sender:
                station.receive(frame)

    def close(self) -> None:
        """Let go of the device; the hosts stay."""
        if self.device is not None:
            self.device.close()
            self.device = None
