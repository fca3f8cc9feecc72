"""A Dhcp6Service with everything round it in the hands of a test: datagrams, commits, interfaces, VPP and time."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from typing import Any

import pytest

from tests.dhc4.shell import Clock, EndError, Source
from tests.dhc6.clients import SERVER_DUID, Seen, interface, look
from vppdhc.dhc6.book import LeaseBook6
from vppdhc.dhc6.config import PrefixPoolConfig, ServerConfig, Settings
from vppdhc.dhc6.events import Event
from vppdhc.dhc6.heard import Heard
from vppdhc.dhc6.protocols import Dataplane
from vppdhc.dhc6.routing import OWNER, DelegatedRoutes
from vppdhc.dhc6.server import Server
from vppdhc.dhc6.service import Dhcp6Service
from vppdhc.dhc6.serving import CrossedPool
from vppdhc.dhc6.teller import Teller
from vppdhc.interface import Interface
from vppdhc.leases.committer import Work
from vppdhc.leases.lease6 import by_version
from vppdhc.packet import punt
from vppdhc.servers.protocols import Queue
from vppdhc.vpp.items import Item

ICMPV6 = 58
LAN = interface("2001:db8:1::1/64")


class Commits:
    """A committer whose commits end when a test says so. work_seconds: how long it takes a reader to make a work."""

    def __init__(self, clock: Clock, book: LeaseBook6) -> None:
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
            self._book.take_back(by_version(work.changes[::-1])[1])
            return False
        self.waiting.append(work)
        return True

    def commit(self) -> None:
        for work in self.waiting:
            work.send()
        self.waiting.clear()


class Table(dict[int, Interface]):
    """The live interface table."""

    def named(self, name: str) -> Interface | None:
        return next((one for one in self.values() if one.name == name), None)


class Router:
    """VPP: interfaces, what it was given to send, and whose neighbours it tells of.

    deaf: whether it takes no packets. busy: whether it takes packets only from those who wait.
    """

    def __init__(self, *interfaces: Interface) -> None:
        self.interfaces = Table({one.index: one for one in interfaces})
        self.sent: list[tuple[int, int, bytes]] = []
        self.deaf = False
        self.busy = False
        self.watched: set[str] = set()
        self.dataplane = Dataplane(self.interfaces, self, self.send, self.send_at_once)

    def send(self, index: int, action: int, packet: bytes) -> bool:
        if not self.deaf:
            self.sent.append((index, action, packet))
        return not self.deaf

    def send_at_once(self, index: int, action: int, packet: bytes) -> bool:
        return not self.busy and self.send(index, action, packet)

    def watches(self, name: str) -> bool:
        return name in self.watched


class Programmer:
    """What VPP has been told to hold, by owner; it refuses what it is said to."""

    def __init__(self) -> None:
        self.held: dict[str, list[Item]] = {}
        self.told = 0
        self.refused: dict[Item, str] = {}

    def want(self, owner: str, items: Sequence[Item]) -> Mapping[Item, str]:
        self.held[owner] = list(items)
        self.told += 1
        return self.problems(owner)

    def problems(self, owner: str) -> Mapping[Item, str]:
        return {item: reason for item, reason in self.refused.items() if item in self.held.get(owner, ())}

    @property
    def routes(self) -> list[str]:
        """What the server has there, in words."""
        return [str(item) for item in self.held.get(OWNER, ())]


class Shell:
    """A Dhcp6Service, with everything round it in the hands of a test."""

    def __init__(
        self,
        server: Callable[..., Server] = Server,
        *interfaces: Interface,
        pools: Iterable[PrefixPoolConfig] = (),
        **settings: Any,
    ) -> None:
        onto = interfaces or (LAN,)
        self.clock = Clock()
        self.book = LeaseBook6()
        self.commits = Commits(self.clock, self.book)
        self.router = Router(*onto)
        self.interfaces = self.router.interfaces
        self.sent = self.router.sent
        self.programmer = Programmer()
        self.settled: list[int] = []
        self.routes = DelegatedRoutes(self.programmer, (), lambda: self.settled.append(1))
        self.routes.have(wanted=True)
        self.heard = Heard()
        self.events: list[Event] = []
        self.pool_events: list[CrossedPool] = []
        self.config = ServerConfig(Settings(**settings), tuple(one.name for one in onto), prefix_pools=tuple(pools))
        keys = count(1)
        self.server = server(
            self.config, self.book, SERVER_DUID, self.clock.wall, lambda size: next(keys).to_bytes(size, "big")
        )
        for one in onto:
            self.server.interface_changed(None, one)
        self.service = self.with_queue(self.commits, self.clock.sleep)

    def with_queue(self, queue: Queue, sleep: Callable[[float], object]) -> Dhcp6Service:
        """Make a service of the parts that there are."""
        return Dhcp6Service(
            self.server,
            self.book,
            self.router.dataplane,
            queue,
            self.clock,
            sleep,
            routes=self.routes,
            heard=self.heard,
            teller=Teller(self.events.extend, self.pool_events.extend),
        )

    def hear(self, *datagrams: bytes) -> None:
        """Have the reader take datagrams that come together."""
        with pytest.raises(EndError):
            self.service.serve(Source(datagrams))

    def seen(self) -> list[Seen]:
        """What was sent so far, as scapy reads it; questions about neighbours left out."""
        return [look(action, packet) for _, action, packet in self.sent if action == punt.IP6 or packet[20] != ICMPV6]

    def let(self, run: Callable[[], None], seconds: float) -> None:
        """Have something run for so long."""
        self.clock.until = self.clock.now + seconds
        with pytest.raises(EndError):
            run()
        self.clock.until = 0.0

    def has_routes(self) -> list[str]:
        """What VPP has of the server when it has been told."""
        self.routes.tell()
        return self.programmer.routes
