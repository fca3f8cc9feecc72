"""Our punt sockets, on which VPP gives us packets, and who holds the ports."""

import errno
import os
import socket
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import structlog
from gevent.monkey import get_original
from gevent.socket import wait_read

from vppdhc.clock import Clock
from vppdhc.vpp.errors import PuntSetupError, VppCallError
from vppdhc.vpp.interfaces import Calls

_L4: Final = 0
_HEADER_VERSION: Final = 1
_LONGEST_PATH: Final = 107
"""Bytes of a Unix socket's path, without the zero at its end (unix(7), and VPP's message)."""
_LARGEST_DATAGRAM: Final = 1 << 16
_DRAIN_MOST: Final = 512
"""Datagrams that one receive() returns at most."""
_QUEUE: Final = 2048
"""Datagrams that VPP may have queued for one of our sockets; its own send buffer is the limit below that."""
_QUEUE_SETTING: Final = Path("/proc/sys/net/unix/max_dgram_qlen")
_TAKE_BACK_FIRST: Final = 10.0
_TAKE_BACK_MOST: Final = 300.0
"""Seconds before a port that somebody took is taken back for the second time, and at most."""

Tap = Callable[[bytes], object]
"""Looks at a datagram that passes; must not wait."""

_raw_socket: Final = get_original("socket", "socket")


class Port(NamedTuple):
    """What VPP is to give us.

    af: 4 or 6. protocol: 17 (UDP) or 58 (ICMPv6). port: UDP port, or ICMPv6 type.
    """

    af: int
    protocol: int
    port: int

    def __str__(self) -> str:
        kind = "udp" if self.protocol == socket.IPPROTO_UDP else "icmp6"
        return f"ipv{self.af}-{kind}-{self.port}"

    @property
    def file_name(self) -> str:
        """Name of its socket: a short one, as the path of a socket has 107 bytes at most."""
        return f"punt{self.af}-{self.protocol}-{self.port}.sock"


def prepare_queue() -> None:
    """Let VPP queue a burst for us: raise net.unix.max_dgram_qlen, or warn that it cannot be raised.

    It is read when a receiving socket is made, in the network namespace of its maker: call this before.
    """
    log = structlog.get_logger()
    try:
        now = _queue_limit()
        if now < _QUEUE:
            _QUEUE_SETTING.write_text(f"{_QUEUE}\n", encoding="ascii")
            log.debug("net.unix.max_dgram_qlen raised", before=now, now=_QUEUE)
    except (OSError, ValueError) as error:
        log.warning(
            "bursts of packets will be lost: net.unix.max_dgram_qlen is too small and cannot be raised from here",
            remedy=f"sysctl -w net.unix.max_dgram_qlen={_QUEUE} before the daemon starts",
            reason=str(error),
        )


def _queue_limit() -> int:
    """Return net.unix.max_dgram_qlen of our network namespace."""
    return int(_QUEUE_SETTING.read_text(encoding="ascii"))


class PuntSocket:
    """Our socket for one port.

    path: where it is. received: datagrams so far.
    queue_limit: datagrams that VPP may have queued for it.
    taps: see every datagram first.
    """

    def __init__(self, path: Path) -> None:
        """Make the socket; raises PuntSetupError with what to do about it."""
        self.path = path
        self.received = 0
        self.queue_limit = _queue_limit()
        self.taps: list[Tap] = []
        if len(os.fsencode(path)) > _LONGEST_PATH:
            raise PuntSetupError(f"{path}: longer than {_LONGEST_PATH} bytes: choose a shorter run directory")
        if _somebody_listens(path):
            raise PuntSetupError(f"{path}: in use by another process: stop it, or choose another run directory")
        self._socket = _raw_socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            path.unlink(missing_ok=True)
            before = os.umask(0o117)  # VPP's user or group writes here, and nobody else
            try:
                self._socket.bind(str(path))
            finally:
                os.umask(before)
        except OSError as error:
            self._socket.close()
            raise PuntSetupError(f"{path}: cannot be made: {error.strerror}") from error
        self._socket.setblocking(False)

    def receive(self) -> list[bytes]:
        """Wait for datagrams and return those that are there; blocks.

        A gevent socket waits even with MSG_DONTWAIT, and every wait is a turn of the event loop: so the first one
        is waited for, and what has come with it is drained from the socket itself.
        """
        while True:
            datagrams = self._drain()
            if datagrams:
                self.received += len(datagrams)
                for tap in self.taps:
                    for datagram in datagrams:
                        tap(datagram)
                return datagrams
            wait_read(self._socket.fileno())

    def close(self) -> None:
        """Take the socket away; nobody may be in receive()."""
        self._socket.close()
        self.path.unlink(missing_ok=True)

    def _drain(self) -> list[bytes]:
        datagrams: list[bytes] = []
        receive = self._socket.recv
        try:
            while len(datagrams) < _DRAIN_MOST:
                datagrams.append(receive(_LARGEST_DATAGRAM))
        except BlockingIOError:
            pass
        return datagrams


@dataclass(slots=True)
class PortState:
    """How it is with one port.

    socket: ours. wanted: whether VPP is to punt to it. ours: whether it did when we last looked.
    holder: path of the socket that VPP punted to when we last looked, empty for none.
    taken: how often somebody has taken it from us.
    backoff, not_before: seconds to wait before it is taken back, and the CLOCK_BOOTTIME until which.
    """

    socket: PuntSocket
    wanted: bool = True
    ours: bool = False
    holder: str = ""
    taken: int = 0
    backoff: float = 0.0
    not_before: float = 0.0


class PuntPorts:
    """The ports that VPP is to punt to us: whoever registers last gets them, without a word to the others."""

    def __init__(self, ports: tuple[Port, ...], run_dir: Path, clock: Clock) -> None:
        """Make the sockets, one a port, in the run directory; raises PuntSetupError."""
        self._clock = clock
        self._log = structlog.get_logger()
        self._taken: list[Callable[[Port, str], object]] = []
        prepare_queue()
        try:
            run_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
        except OSError as error:
            raise PuntSetupError(f"{run_dir}: cannot be made: {error.strerror}") from error
        self._ports: dict[Port, PortState] = {}
        try:
            for port in ports:
                self._ports[port] = PortState(PuntSocket((run_dir / port.file_name).absolute()))
        except PuntSetupError:
            self.close()
            raise

    def __iter__(self) -> Iterator[tuple[Port, PortState]]:
        return iter(self._ports.items())

    def socket(self, port: Port) -> PuntSocket:
        """Return our socket of a port."""
        return self._ports[port].socket

    def owns(self, port: Port) -> bool:
        """Whether VPP gave this port to us when we last looked."""
        return self._ports[port].ours

    def want(self, port: Port, *, wanted: bool) -> None:
        """Say whether VPP is to punt a port to us; the next register() or check() sees to it."""
        self._ports[port].wanted = wanted

    def on_taken(self, listener: Callable[[Port, str], object]) -> None:
        """Have a listener told of every port that somebody takes from us, and of his socket's path, empty for none."""
        self._taken.append(listener)

    def try_out(self, vpp: Calls) -> None:
        """See whether VPP gives packets away at all, with a port that has none; raises PuntSetupError, VppError."""
        for port, state in self._ports.items():
            nobody = Port(port.af, port.protocol, 0)
            _register(vpp, nobody, state.socket.path)
            vpp.call("punt_socket_deregister", punt=_subject(nobody))

    def register(self, vpp: Calls) -> str | None:
        """Take all ports that are wanted, for a new connection; returns the path of VPP's punt socket, if any was.

        A port that somebody else holds is taken and reported.
        Raises PuntSetupError where VPP has no punt socket, and VppError.
        """
        holders = _holders(vpp)
        path = None
        for port, state in self._ports.items():
            state.backoff = state.not_before = 0.0
            state.holder = holders.get(port, "")
            if state.wanted:
                self._report(port, state)
                path = self._take(vpp, port, state)
        return path

    def check(self, vpp: Calls) -> str | None:
        """See that the wanted ports are ours, and no others; what somebody has taken is taken back, with back-off.

        Returns the path of VPP's punt socket where a port was taken.
        """
        holders = _holders(vpp)
        path = None
        for port, state in self._ports.items():
            state.holder = holders.get(port, "")
            held = state.holder == str(state.socket.path)
            if state.wanted and not held:
                path = self._take_back(vpp, port, state) or path
            elif held and not state.wanted:
                self._give_back(vpp, port, state)
        return path

    def deregister(self, vpp: Calls) -> bool:
        """Give back the ports that are ours; returns False when another program has taken one, which it keeps."""
        holders = _holders(vpp)
        left = True
        for port, state in self._ports.items():
            state.holder = holders.get(port, "")
            if state.holder == str(state.socket.path):
                self._give_back(vpp, port, state)
            elif state.wanted and state.holder:
                left = False
        self.forget()
        return left

    def forget(self) -> None:
        """Note that VPP has gone and nothing is registered any more."""
        for state in self._ports.values():
            state.ours = False
            state.holder = ""

    def close(self) -> None:
        """Take our sockets away; nobody may be reading them."""
        for state in self._ports.values():
            state.socket.close()

    def _take_back(self, vpp: Calls, port: Port, state: PortState) -> str | None:
        now = self._clock.boottime()
        lost = state.ours
        if lost:
            self._log.warning("punt port taken by somebody else", port=str(port), holder=state.holder or "nobody")
            state.ours = False
            state.taken += 1
            state.backoff = min(2 * state.backoff or _TAKE_BACK_FIRST, _TAKE_BACK_MOST)
            state.not_before = max(state.not_before, now)
            for listener in self._taken:
                listener(port, state.holder)
        if now < state.not_before:
            return None
        had_it_before = state.backoff > 0
        if not had_it_before:
            self._report(port, state)
        state.not_before = now + state.backoff
        path = self._take(vpp, port, state)
        if had_it_before:
            self._log.warning("punt port taken back", port=str(port))
        return path

    def _give_back(self, vpp: Calls, port: Port, state: PortState) -> None:
        vpp.call("punt_socket_deregister", punt=_subject(port))
        state.ours = False
        state.holder = ""

    def _take(self, vpp: Calls, port: Port, state: PortState) -> str:
        path = _register(vpp, port, state.socket.path)
        state.ours = True
        state.holder = str(state.socket.path)
        return path

    def _report(self, port: Port, state: PortState) -> None:
        holder = state.holder
        if holder in {"", str(state.socket.path)}:
            return
        if _somebody_listens(Path(holder)):
            self._log.warning(
                "punt port was held by another program, which gets nothing now", port=str(port), holder=holder
            )
        else:
            self._log.info("punt port was registered by a program that is gone", port=str(port), holder=holder)


def _register(vpp: Calls, port: Port, pathname: Path) -> str:
    """Have VPP punt a port to a socket; returns the path of VPP's own."""
    try:
        reply = vpp.call(
            "punt_socket_register", header_version=_HEADER_VERSION, punt=_subject(port), pathname=str(pathname)
        )
    except VppCallError as error:
        raise PuntSetupError(
            f"VPP gives no packets away ({error.retval_name}): "
            "put `punt { socket /run/vpp/punt.sock }` into its startup.conf and restart it"
        ) from error
    path: str = reply.pathname
    return path


def _holders(vpp: Calls) -> dict[Port, str]:
    """Return who holds which port: the path of his socket."""
    holders = {}
    for entry in vpp.dump("punt_socket_dump", type=_L4):
        what = entry.punt.punt.l4
        holders[Port(6 if what.af else 4, int(what.protocol), what.port)] = entry.pathname.rstrip("\0")
    return holders


def _subject(port: Port) -> dict[str, Any]:
    return {"type": _L4, "punt": {"l4": {"af": int(port.af == 6), "protocol": port.protocol, "port": port.port}}}


def _somebody_listens(path: Path) -> bool:
    """Whether a process has the socket at a path open; a socket that outlived its process refuses connections."""
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            return False
    except OSError:
        return False
    with _raw_socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        return int(probe.connect_ex(str(path))) not in (errno.ECONNREFUSED, errno.ENOENT)
