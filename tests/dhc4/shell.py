"""A Dhcp4Service with everything round it in the hands of a test: datagrams, commits, interfaces and time."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest

from tests.dhc4.clients import Seen, interface, look, number
from vppdhc.dhc4.book import LeaseBook
from vppdhc.dhc4.config import ServerConfig, Settings
from vppdhc.dhc4.events import Event, PoolEvent
from vppdhc.dhc4.heard import Heard
from vppdhc.dhc4.protocols import Dataplane
from vppdhc.dhc4.server import Server
from vppdhc.dhc4.service import Dhcp4Service
from vppdhc.dhc4.teller import Teller
from vppdhc.interface import Interface
from vppdhc.leases.committer import Work
from vppdhc.leases.lease import Change, Lease, LeaseState
from vppdhc.leases.lease6 import by_version
from vppdhc.servers.protocols import Queue

LAN = interface("192.168.1.1/24")


class EndError(Exception):
    """Ends a loop that would go on for ever."""


class Clock:
    """Time that passes when a test says so, or while somebody sleeps."""

    boot_id = "boot"

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self.until = 0.0

    def boottime(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        if self.now >= self.until > 0:
            raise EndError


class Commits:
    """A committer whose commits end when a test says so.

    work_seconds: how long it takes a reader to make a work, as far as the clock goes.
    """

    def __init__(self, clock: Clock, book: LeaseBook) -> None:
        self.waiting: list[Work] = []
        self.work_seconds = 0.0
        self.full = False
        self.asked = 0
        self._clock = clock
        self._book = book

    def submit(self, work: Work) -> bool:
        self.asked += 1
        self._clock.now += self.work_seconds
        if self.full:
            self._book.take_back(by_version(work.changes[::-1])[0])
            return False
        self.waiting.append(work)
        return True

    def commit(self) -> None:
        for work in self.waiting:
            work.send()
        self.waiting.clear()


class Known(NamedTuple):
    """What VPP knows of a neighbour."""

    mac: bytes
    heard: float


class Router:
    """VPP: interfaces, what it was given to send, its neighbours, and its arping plugin.

    watched: names of the interfaces whose neighbours it tells of. deaf: whether it takes no packets.
    busy: whether it takes packets only from those who wait.
    holders: hardware addresses that its arping plugin finds; None where there is no plugin.
    """

    def __init__(self, *interfaces: Interface) -> None:
        self.interfaces = {interface.index: interface for interface in interfaces}
        self.sent: list[tuple[int, int, bytes]] = []
        self.deaf = False
        self.busy = False
        self.watched: set[str] = set()
        self.known: dict[tuple[str, int], Known] = {}
        self.holders: dict[int, bytes] | None = {}
        self.dataplane = Dataplane(self.interfaces, self, self.send, self.send_at_once, self.arping)

    def send(self, index: int, action: int, packet: bytes) -> bool:
        if not self.deaf:
            self.sent.append((index, action, packet))
        return not self.deaf

    def send_at_once(self, index: int, action: int, packet: bytes) -> bool:
        return not self.busy and self.send(index, action, packet)

    def watches(self, name: str) -> bool:
        return name in self.watched

    def find(self, name: str, address: int) -> Known | None:
        return self.known.get((name, address))

    def arping(self, index: int, address: int) -> bytes | None:
        assert index in self.interfaces
        return None if self.holders is None else self.holders.get(address, b"")


class Source:
    """Gives datagrams in portions, then ends the reader."""

    def __init__(self, *portions: Sequence[bytes]) -> None:
        self._portions = list(portions)

    def receive(self) -> Sequence[bytes]:
        if not self._portions:
            raise EndError
        return self._portions.pop(0)


class Shell:
    """A Dhcp4Service, with everything round it in the hands of a test."""

    def __init__(
        self,
        server: Callable[[ServerConfig, LeaseBook], Server] = Server,
        onto: Interface = LAN,
        **settings: Any,
    ) -> None:
        self.clock = Clock()
        self.book = LeaseBook()
        self.commits = Commits(self.clock, self.book)
        self.router = Router(onto)
        self.interfaces = self.router.interfaces
        self.sent = self.router.sent
        self.heard = Heard()
        self.events: list[Event] = []
        self.pool_events: list[PoolEvent] = []
        self.hook_error: Exception | None = None
        self.server = server(ServerConfig(Settings(**settings)), self.book)
        self.server.interface_changed(None, onto)
        self.service = self.with_queue(self.commits, self.clock.sleep)

    def with_queue(self, queue: Queue, sleep: Callable[[float], object]) -> Dhcp4Service:
        """Make a service of the parts that there are."""
        return Dhcp4Service(
            self.server,
            self.book,
            self.router.dataplane,
            queue,
            self.clock,
            sleep,
            heard=self.heard,
            teller=Teller(self.take_events, self.pool_events.extend),
        )

    def take_events(self, events: Sequence[Event]) -> None:
        """Keep what happened to leases, or fail to."""
        if self.hook_error is not None:
            raise self.hook_error
        self.events += events

    def hear(self, *datagrams: bytes) -> None:
        """Have the reader take datagrams that come together."""
        with pytest.raises(EndError):
            self.service.serve(Source(datagrams))

    def seen(self) -> list[Seen]:
        """What was sent so far, as scapy reads it."""
        return [look(action, packet) for _, action, packet in self.sent]

    def let_expire(self, seconds: float) -> None:
        """Run the expiry for so long."""
        self.clock.until = self.clock.now + seconds
        with pytest.raises(EndError):
            self.service.expire()

    def lease(self, address: str, expires: float, state: LeaseState = LeaseState.ACTIVE) -> Lease:
        """Put a lease into the book."""
        hardware = b"\1" + number(address).to_bytes(6, "big")
        client = b"" if state is LeaseState.DECLINED else hardware
        lease = Lease(0, number(address), state, client, "tap0", hardware, "", 60, 900.0, 900.0, expires)
        self.book.apply(Change(None, lease))
        return lease
