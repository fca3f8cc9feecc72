"""The punt socket: packets to programs that registered for them, and packets from them."""

import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tools.vppsim.interfaces import Interface
from tools.vppsim.loop import Loop
from tools.vppsim.packets import ICMP6, UDP
from tools.vppsim.router import Router

L2, IP4_ROUTED, IP6_ROUTED = 0, 1, 2

_HEADER: Final = struct.Struct("<II")
_SHORTEST: Final = _HEADER.size + 20
_BUFFER: Final = _HEADER.size + 2048
_AT_ONCE: Final = 64
_SEND_BUFFER: Final = 65536
"""What VPP asks the kernel for, which doubles it; all registered sockets share it."""


class CrashError(Exception):
    """VPP would have died here."""


class PuntSocket:
    """VPP's punt socket.

    configured: whether startup.conf has it. rate: the most datagrams a second that are read, None for no limit.
    sends: what to do with a packet for each action, set by whoever composes the simulator.
    """

    def __init__(self, loop: Loop, router: Router, path: Path, *, configured: bool, rate: float | None) -> None:
        self._loop = loop
        self._router = router
        self.path = path
        self.configured = configured
        self._interval = 1 / rate if rate else 0.0
        self._next_read = 0.0
        self._socket: socket.socket | None = None
        self.clients: dict[tuple[int, int], tuple[int, str]] = {}
        self.sends: dict[int, Callable[[Interface, bytes], None]] = {}

    def open(self) -> None:
        """Make the socket, if it is configured, and read it."""
        if self.configured:
            self.path.unlink(missing_ok=True)
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
            self._socket.bind(str(self.path))
            self._loop.watch(self._socket, self._readable)

    def close(self) -> None:
        """Take the socket away and forget who registered."""
        self.clients.clear()
        if self._socket is not None:
            self._loop.forget(self._socket)
            self._socket.close()
            self._socket = None
            self.path.unlink(missing_ok=True)

    # --- to programs

    def register(self, version: int, af: int, protocol: int, port: int, pathname: str) -> bool:
        """Note who gets the packets for a port (of ICMPv6: of a type); the last one wins. Tell whether it may."""
        supported = protocol == UDP or (protocol == ICMP6 and af == 6)
        if not self.configured or version != 1 or not supported or pathname == str(self.path):
            return False
        self.clients[af, port] = (protocol, pathname)
        return True

    def deregister(self, af: int, port: int) -> None:
        """Forget who gets the packets for a port."""
        self.clients.pop((af, port), None)

    def deliver(self, af: int, protocol: int, port: int, interface: Interface, frame: bytes) -> bool:
        """Give a frame to whoever registered, if he has room for it; tell whether anybody had registered."""
        client = self.clients.get((af, port))
        if client is None or client[0] != protocol or self._socket is None:
            return False
        node = f"ip{af}-udp-punt-socket"
        try:
            self._socket.sendto(_HEADER.pack(interface.index, 0) + frame, client[1])
        except OSError:  # his queue or our buffer is full, or he has gone
            self._router.count(node, "Socket TX error")
        else:
            self._router.count(node, "Socket TX")
        return True

    # --- from programs

    def _readable(self) -> None:
        assert self._socket is not None
        if self._interval and self._pause():
            return
        for _ in range(1 if self._interval else _AT_ONCE):
            try:
                datagram = self._socket.recv(_BUFFER)
            except BlockingIOError:
                return
            self._take(datagram)
            if self._socket is None:
                return

    def _pause(self) -> bool:
        """Wait with reading where the rate asks for it."""
        now = self._loop.now()
        if now < self._next_read:
            assert self._socket is not None
            self._loop.forget(self._socket)
            self._loop.after(self._next_read - now, self._resume)
            return True
        self._next_read = max(self._next_read, now - 0.01) + self._interval
        return False

    def _resume(self) -> None:
        if self._socket is not None:
            self._loop.watch(self._socket, self._readable)

    def _take(self, datagram: bytes) -> None:
        if len(datagram) <= _SHORTEST:
            self._router.count("punt-socket-rx", "socket read failure")
            return
        index, action = _HEADER.unpack_from(datagram)
        send = self.sends.get(action)
        if send is None:
            self._router.count("punt-socket-rx", "invalid packet descriptor")
            return
        interface = self._router.interfaces.get(index)
        if interface is None:
            raise CrashError(f"a punt datagram with action {action} names interface {index}, which does not exist")
        send(interface, datagram[_HEADER.size :])
