"""A load of DHCPv4 clients in one thread: messages are cut from templates, so that it takes little of the machine."""

import gc
import select
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count, cycle
from random import Random
from typing import Final

from vppdhc.packet import ethernet, frame, punt
from vppdhc.packet.dhcp4 import CLIENT_PORT, SERVER_PORT, Message, encode

_NUMBER: Final = b"\xc1\xe4\x9f\x93"
"""Stands for the number of a client in a template: in its transaction id, hardware address and client id."""
_NAME: Final = b"8-digits"
"""Stands for the same in hexadecimal, in its host name."""
_ADDRESS: Final = b"\xc1\xe4\x9f\x94"
"""Stands for its address."""
_OPTIONS: Final = {12: b"host-" + _NAME, 55: bytes((1, 28, 2, 3, 15, 6, 119, 12, 44, 47, 26, 121, 42))}
_LINK: Final = 42
"""Bytes of the Ethernet, IPv4 and UDP headers."""
_LARGEST: Final = 2048
_PATIENCE: Final = 4.0
"""Seconds after which a client would ask again (RFC 2131, 4.1), and counts as lost."""
_RENEWALS: Final = 9
"""Renewals for each new client in a mix."""


class Kind(StrEnum):
    """What the clients do. An exchange is what one of them has got when it has its ACK."""

    NEW = "new"
    """DISCOVER, OFFER, REQUEST, ACK; no two have the same hardware address."""
    RENEW = "renew"
    """REQUEST, ACK: clients that have a lease renew it, one after the other."""
    MIX = "mix"
    """Nine renewals for each new client."""


class Templates:
    """The messages of all clients of one server.

    payload: offset of the DHCP message in what is sent and received.
    """

    def __init__(self, server: int, *, giaddr: int = 0, punted: tuple[int, bytes] | None = None) -> None:
        """Make them.

        server: its identifier. giaddr: address of the relay agent that the clients are behind; 0 for none.
        punted: sw_if_index and MAC address of the interface that VPP punts the messages from; None for UDP payloads.
        """
        self._punted = punted
        self.payload = 0 if punted is None else punt.HEADER + _LINK
        identifier = server.to_bytes(4, "big")
        address = int.from_bytes(_ADDRESS, "big")
        broadcast = ethernet.BROADCAST
        self._discover = self._make({53: b"\1"}, broadcast, (0, 0xFFFFFFFF), giaddr=giaddr)
        self._select = self._make({53: b"\3", 54: identifier, 50: _ADDRESS}, broadcast, (0, 0xFFFFFFFF), giaddr=giaddr)
        mac = broadcast if punted is None else punted[1]
        self._renew = self._make({53: b"\3"}, mac, (address, server), giaddr=giaddr, ciaddr=address)

    def discover(self, number: bytes) -> bytes:
        """Return a client's first message. number: four bytes that are its own."""
        return self._discover.replace(_NUMBER, number).replace(_NAME, number.hex().encode())

    def select(self, number: bytes, address: bytes) -> bytes:
        """Return its answer to an offer of an address (four bytes)."""
        return self._select.replace(_NUMBER, number).replace(_NAME, number.hex().encode()).replace(_ADDRESS, address)

    def renew(self, number: bytes, address: bytes) -> bytes:
        """Return its message when half of its lease is over."""
        return self._renew.replace(_NUMBER, number).replace(_NAME, number.hex().encode()).replace(_ADDRESS, address)

    def _make(
        self, options: dict[int, bytes], mac: bytes, addresses: tuple[int, int], *, giaddr: int, ciaddr: int = 0
    ) -> bytes:
        """Make one; mac, addresses: destination of the frame, source and destination of the datagram."""
        client = b"\x02\0" + _NUMBER
        options = {**options, 61: b"\1" + client, **_OPTIONS}
        xid = int.from_bytes(_NUMBER, "big")
        hops = 1 if giaddr else 0
        payload = encode(Message(xid=xid, hops=hops, ciaddr=ciaddr, giaddr=giaddr, chaddr=client, options=options))
        if self._punted is None:
            return payload
        # The checksums are of the template and wrong for all clients. VPP has looked at them, and nobody does again.
        packet = frame.encode_udp4(
            source_mac=client,
            destination_mac=mac,
            vlans=(),
            source=addresses[0],
            destination=addresses[1],
            source_port=CLIENT_PORT,
            destination_port=SERVER_PORT,
            payload=payload,
        )
        return punt.encode(self._punted[0], punt.L2, packet)


@dataclass(slots=True)
class Figures:
    """What came of a load.

    exchanges: completed. seconds: how long the load lasted, until its last answer.
    latencies: seconds of each exchange, from when its first message was due to its ACK.
    lost: clients that got no answer within 4 s. refused: answers that gave no address.
    full: how often the socket took no message; in a paced load that message is gone, as VPP drops it, else it waited.
    probes: ARP requests. cpu: seconds of CPU that the generator took.
    """

    exchanges: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    lost: int = 0
    refused: int = 0
    full: int = 0
    probes: int = 0
    cpu: float = 0.0


class Load:
    """Clients of one server.

    leases: number and address of each client that got a lease as a new one.
    """

    def __init__(self, sender: socket.socket, receiver: socket.socket, templates: Templates) -> None:
        """Use these sockets; sender is connected, and both may be the same one."""
        self.leases: list[tuple[bytes, bytes]] = []
        self._sender = sender
        self._receiver = receiver
        self._templates = templates
        self._numbers = count(1)
        self._mixed = cycle((*[True] * _RENEWALS, False))
        self._renewed = 0
        self._offered: dict[bytes, float] = {}
        self._acknowledged: dict[bytes, tuple[float, bytes]] = {}
        self._waiting: deque[bytes] = deque()
        self._patient = True
        self._figures = Figures()
        xid = templates.payload + 4
        yiaddr = templates.payload + 16
        self._xid = slice(xid, xid + 4)
        self._yiaddr = slice(yiaddr, yiaddr + 4)
        for one in (sender, receiver):
            one.setblocking(False)

    def fill(self, clients: int, window: int) -> Figures:
        """Have so many new clients get a lease, a number of them at a time."""
        left = iter(range(clients))
        return self._run(lambda: self._window(Kind.NEW, window, lambda: next(left, None) is not None))

    def saturate(self, kind: Kind, window: int, seconds: float) -> Figures:
        """Keep a number of clients outstanding for so long."""
        end = time.perf_counter() + seconds
        return self._run(lambda: self._window(kind, window, lambda: time.perf_counter() < end))

    def pace(self, kind: Kind, rate: float, seconds: float) -> Figures:
        """Have exchanges begin at random times (a Poisson process), so many a second, whatever has become of others."""
        return self._run(lambda: self._schedule(kind, rate, seconds))

    def _run(self, load: Callable[[], None]) -> Figures:
        self._figures = Figures()
        gc.collect()
        gc.freeze()
        started, cpu = time.perf_counter(), time.process_time()
        load()
        last = time.perf_counter()
        while self._outstanding():
            if self._turn(0.1):
                last = time.perf_counter()
            self._figures.lost += self._give_up()
        self._figures.seconds = last - started
        self._figures.cpu = time.process_time() - cpu
        return self._figures

    def _outstanding(self) -> int:
        return len(self._offered) + len(self._acknowledged)

    def _window(self, kind: Kind, window: int, more: Callable[[], bool]) -> None:
        self._patient = True
        begin = self._beginner(kind)
        look = time.perf_counter() + 1
        while True:
            now = time.perf_counter()
            for _ in range(window - self._outstanding()):
                if not more():
                    return
                begin(now)
            self._turn(1.0)
            if now > look:
                look = now + 1
                self._figures.lost += self._give_up()

    def _schedule(self, kind: Kind, rate: float, seconds: float) -> None:
        self._patient = False
        begin = self._beginner(kind)
        random = Random(1)
        due = time.perf_counter()
        end = due + seconds
        while due < end:
            now = time.perf_counter()
            while due <= now and due < end:
                begin(due)
                due += random.expovariate(rate)
            self._turn(max(0.0, due - time.perf_counter()))

    def _beginner(self, kind: Kind) -> Callable[[float], None]:
        """Return what begins the next exchange, which was due at a time."""
        if kind is Kind.NEW:
            return self._begin_new
        if kind is Kind.RENEW:
            return self._begin_renewal
        return self._begin_mixed

    def _begin_new(self, due: float) -> None:
        number = next(self._numbers).to_bytes(4, "big")
        self._offered[number] = due
        self._send(self._templates.discover(number))

    def _begin_renewal(self, due: float) -> None:
        number, address = self.leases[self._renewed % len(self.leases)]
        self._renewed += 1
        self._acknowledged[number] = due, b""
        self._send(self._templates.renew(number, address))

    def _begin_mixed(self, due: float) -> None:
        if next(self._mixed):
            self._begin_renewal(due)
        else:
            self._begin_new(due)

    def _send(self, message: bytes) -> None:
        try:
            self._sender.send(message)
        except BlockingIOError:
            self._figures.full += 1
            if self._patient:
                self._waiting.append(message)

    def _turn(self, timeout: float) -> bool:
        """Wait so many seconds at most, send what waits, and read what is there; returns whether there was anything."""
        waiting = self._waiting
        readable, writable, _ = select.select([self._receiver], [self._sender] if waiting else [], [], timeout)
        while writable and waiting:
            try:
                self._sender.send(waiting[0])
            except BlockingIOError:
                break
            waiting.popleft()
        receive, take = self._receiver.recv, self._take
        try:
            while readable:
                take(receive(_LARGEST))
        except BlockingIOError:
            pass
        return bool(readable)

    def _take(self, reply: bytes) -> None:
        number = reply[self._xid]
        due = self._offered.pop(number, None)
        if due is not None:
            address = reply[self._yiaddr]
            self._acknowledged[number] = due, address
            self._send(self._templates.select(number, address))
            return
        asked = self._acknowledged.pop(number, None)
        figures = self._figures
        if asked is None:
            figures.probes += len(reply) < self._templates.payload + 240
        elif reply[self._yiaddr] == bytes(4):
            figures.refused += 1
        else:
            due, address = asked
            figures.exchanges += 1
            figures.latencies.append(time.perf_counter() - due)
            if address:
                self.leases.append((number, address))

    def _give_up(self) -> int:
        """Forget clients that have waited too long; returns how many."""
        before = time.perf_counter() - _PATIENCE
        silent = [number for number, due in self._offered.items() if due < before]
        for number in silent:
            del self._offered[number]
        unheard = [number for number, (due, _) in self._acknowledged.items() if due < before]
        for number in unheard:
            del self._acknowledged[number]
        return len(silent) + len(unheard)
