"""VPP's punt socket, on which it takes packets from us."""

import errno
import socket
from dataclasses import dataclass
from typing import Final

from gevent.monkey import get_original
from gevent.socket import timeout as gevent_timeout
from gevent.socket import wait_write

from vppdhc.packet import punt
from vppdhc.vpp.errors import PuntSetupError
from vppdhc.vpp.interfaces import InterfaceTable
from vppdhc.vpp.punt import Tap

_PATIENCE: Final = 0.25
"""Seconds that a frame waits for VPP to take it."""

_raw_socket: Final = get_original("socket", "socket")


@dataclass(slots=True)
class SenderCounters:
    """What the sender did with what it was given.

    sent: taken by VPP. no_interface: not sent as VPP has no such interface (it would die of it).
    refused: VPP did not take it in time. gone: VPP's socket is not there.
    """

    sent: int = 0
    no_interface: int = 0
    refused: int = 0
    gone: int = 0


class PuntSender:
    """Gives packets to VPP.

    taps: see every datagram that VPP has taken.
    """

    def __init__(self, interfaces: InterfaceTable) -> None:
        """Send nothing before connect()."""
        self.counters = SenderCounters()
        self.taps: list[Tap] = []
        self._interfaces = interfaces
        self._socket: socket.socket | None = None
        self._stalled = False
        self._waiting = 0

    def connect(self, path: str) -> None:
        """Send to VPP's punt socket from now on; raises PuntSetupError with what to do about it."""
        self.disconnect()
        # Connected, as only then does waiting for room look at the queue at the other end.
        sender = _raw_socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sender.setblocking(False)
        try:
            sender.connect(path)
        except OSError as error:
            sender.close()
            raise PuntSetupError(f"VPP's punt socket {path}: {_advice(error)}") from error
        self._socket = sender
        self._stalled = False

    def disconnect(self) -> None:
        """Send nothing from now on: VPP has gone."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def send_at_once(self, index: int, action: int, packet: bytes) -> bool:
        """Send a packet if VPP takes it without being waited for; returns whether it has it.

        What it does not take is not counted, as send() may have more luck with it; nor does it go before those that
        wait there. Parameters as of send().
        """
        if self._waiting or self._stalled or self._socket is None or self._interfaces.get(index) is None:
            return False
        datagram = punt.encode(index, action, packet)
        try:
            self._socket.send(datagram)
        except OSError:
            return False
        self._has(datagram)
        return True

    def send(self, index: int, action: int, packet: bytes) -> bool:
        """Send a packet; returns whether VPP has it. What VPP does not take within 0.25 s is dropped and counted.

        index: sw_if_index of an interface that is in the live table now, else nothing is sent.
        action: punt.L2 with an Ethernet frame, punt.IP4 or punt.IP6 with an IP packet.
        """
        datagram = punt.encode(index, action, packet)
        waited = self._stalled
        while True:
            # Looked up again after every wait, right before sending: VPP dies of an index that it does not have.
            if self._interfaces.get(index) is None:
                self.counters.no_interface += 1
                return False
            if self._socket is None:
                self.counters.gone += 1
                return False
            try:
                self._socket.send(datagram)
            except BlockingIOError:
                if waited:
                    # One wait in vain is enough: until VPP reads again, the packets behind it do not wait too.
                    self._stalled = True
                    self.counters.refused += 1
                    return False
                waited = not self._wait_for_room(self._socket)
            except OSError:
                self.counters.gone += 1
                return False
            else:
                self._stalled = False
                self._has(datagram)
                return True

    def _has(self, datagram: bytes) -> None:
        """Take note that VPP has a datagram."""
        self.counters.sent += 1
        for tap in self.taps:
            tap(datagram)

    def _wait_for_room(self, sender: socket.socket) -> bool:
        self._waiting += 1
        try:
            wait_write(sender.fileno(), timeout=_PATIENCE, timeout_exc=gevent_timeout())
        except gevent_timeout:
            return False
        finally:
            self._waiting -= 1
        return True


def _advice(error: OSError) -> str:
    if error.errno == errno.EACCES:
        return (
            "this user may not write to it: give vpp.service UMask=0002 and a group that the daemon is in, "
            "or run the daemon as root"
        )
    return error.strerror or str(error)
