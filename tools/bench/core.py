"""Measures the DHCPv4 server without sockets and store: decoding, core, encoding, and the memory that leases take.

    python -m tools.bench core [--leases 1000000] [--clients 5000] [--rounds 7]

Clients ask as dhclient does, for addresses of a 10/8: first on an empty server, then on one with many leases. Times
are of CPU and the median of some rounds, so that what else the machine does counts little. What scapy takes to read a
DISCOVER and to write an OFFER is the yardstick, in the same run.
"""

import argparse
import gc
import os
import statistics
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from typing import Final

from vppdhc.dhc4.book import LeaseBook
from vppdhc.dhc4.config import ConflictDetection, ServerConfig, Settings
from vppdhc.dhc4.options import OptionSet
from vppdhc.dhc4.reply import encode
from vppdhc.dhc4.server import Server
from vppdhc.interface import Interface
from vppdhc.leases.instants import Instants
from vppdhc.leases.lease import Change, Lease, LeaseState
from vppdhc.packet import dhcp4, ethernet, frame, punt
from vppdhc.packet.dhcp4 import Message

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of scapy about ciphers that it does not need here
    from scapy.layers.dhcp import BOOTP, DHCP
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether

_INTERFACE: Final = Interface(
    "tap0",
    1,
    bytes.fromhex("02fe00000001"),
    admin_up=True,
    link_up=True,
    addresses4=(IPv4Interface("10.0.0.1/8"),),
)
_ROUTER: Final = IPv4Address("10.0.0.1")
_SETTINGS: Final = Settings(
    options=OptionSet({6: bytes((8, 8, 8, 8, 8, 8, 4, 4)), 15: b"example.net"}),
    conflict_detection=ConflictDetection.NONE,
)
_ASKED_FOR: Final = bytes((1, 28, 2, 3, 15, 6, 119, 12, 44, 47, 26, 121, 42))
_HOST_NAME: Final = b"client"
_NOW: Final = 1000.0

Measured = Iterator[tuple[str, float]]
"""What was measured, and CPU seconds for each of it."""


def _datagram(number: int, options: dict[int, bytes], *, ciaddr: int = 0) -> bytes:
    """Return what VPP hands over of a client's message; ciaddr makes it a unicast renewal."""
    mac = b"\x02\0" + number.to_bytes(4, "big")
    payload = dhcp4.encode(
        Message(xid=number, ciaddr=ciaddr, chaddr=mac, options={**options, 12: _HOST_NAME, 55: _ASKED_FOR})
    )
    packet = frame.encode_udp4(
        source_mac=mac,
        destination_mac=_INTERFACE.mac if ciaddr else ethernet.BROADCAST,
        vlans=(),
        source=ciaddr,
        destination=int(_ROUTER) if ciaddr else 0xFFFFFFFF,
        source_port=dhcp4.CLIENT_PORT,
        destination_port=dhcp4.SERVER_PORT,
        payload=payload,
    )
    return punt.encode(_INTERFACE.index, punt.L2, packet)


def _exchange(server: Server, datagram: bytes, now: float) -> bytes:
    """Do with a datagram what the daemon does but for store and sockets; returns the answer."""
    outcome = server.handle(dhcp4.receive(datagram), _INTERFACE, now)
    (reply,) = outcome.replies
    return encode(reply, _INTERFACE)[1]


def _each(work: Callable[[bytes], object], datagrams: Sequence[bytes]) -> float:
    """Return the CPU seconds that each datagram took."""
    started = time.process_time()
    for datagram in datagrams:
        work(datagram)
    return (time.process_time() - started) / len(datagrams)


def _round(server: Server, numbers: Sequence[int]) -> Measured:
    """Have new clients take a lease each and renew it."""
    discovers = [_datagram(number, {53: b"\1"}) for number in numbers]
    yield "decode DISCOVER", _each(dhcp4.receive, discovers)
    yield "DISCOVER to OFFER", _each(lambda datagram: _exchange(server, datagram, _NOW), discovers)
    offers = [dhcp4.decode(_exchange(server, datagram, _NOW)[42:]) for datagram in discovers]
    requests = [
        _datagram(number, {53: b"\3", 54: offer.options[54], 50: offer.yiaddr.to_bytes(4, "big")})
        for number, offer in zip(numbers, offers, strict=True)
    ]
    yield "REQUEST to ACK", _each(lambda datagram: _exchange(server, datagram, _NOW + 1), requests)
    renewals = [
        _datagram(number, {53: b"\3"}, ciaddr=offer.yiaddr) for number, offer in zip(numbers, offers, strict=True)
    ]
    yield "renewal to ACK", _each(lambda datagram: _exchange(server, datagram, _NOW + 1800), renewals)


def _scapy() -> Measured:
    """Measure what the codec alone takes with scapy."""
    discovers = [_datagram(number, {53: b"\1"})[punt.HEADER :] for number in range(200)]
    yield "scapy: decode DISCOVER", _each(lambda packet: Ether(packet)[DHCP].options, discovers)
    yield "scapy: encode OFFER", _each(_scapy_offer, discovers)


def _scapy_offer(discover: bytes) -> bytes:
    mac = discover[6:12]
    options = [
        ("message-type", "offer"),
        ("server_id", str(_ROUTER)),
        ("lease_time", 3600),
        ("renewal_time", 1800),
        ("rebinding_time", 3150),
        ("subnet_mask", "255.0.0.0"),
        ("broadcast_address", "10.255.255.255"),
        ("router", str(_ROUTER)),
        ("domain", b"example.net"),
        ("name_server", "8.8.8.8", "8.8.4.4"),
        "end",
    ]
    link = Ether(src=_INTERFACE.mac, dst=mac) / IP(src=str(_ROUTER), dst="10.9.9.9") / UDP(sport=67, dport=68)
    return bytes(link / BOOTP(op=2, chaddr=mac.ljust(16, b"\0"), yiaddr="10.9.9.9") / DHCP(options=options))


def _fill(book: LeaseBook, count: int) -> None:
    """Put so many leases, 8,388,608 at most, into a book, spread over the pool and over an hour as real ones are."""
    instants = Instants()
    for number in range(count):
        hardware = b"\1\2\1" + number.to_bytes(4, "big")
        granted = instants.before(_NOW + number * 3600 // count)
        lease = Lease(
            0,
            0x0A400000 + number * 2654435761 % 0x800000,
            LeaseState.ACTIVE,
            hardware,
            _INTERFACE.name,
            hardware,
            f"host-{number}",
            3600,
            granted,
            granted,
            instants.after(granted + 3600),
        )
        book.apply(Change(None, lease))


def _resident() -> int:
    """Return the bytes of memory that this process has now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _server() -> tuple[Server, LeaseBook]:
    book = LeaseBook()
    server = Server(ServerConfig(_SETTINGS), book)
    server.interface_changed(None, _INTERFACE)
    return server, book


def _measure(server: Server, clients: int, rounds: int) -> dict[str, float]:
    """Return the median of each figure over some rounds."""
    figures: dict[str, list[float]] = {}
    for turn in range(rounds):
        for what, seconds in _round(server, range(turn * clients, (turn + 1) * clients)):
            figures.setdefault(what, []).append(seconds)
    return {what: statistics.median(seconds) for what, seconds in figures.items()}


def main(arguments: Sequence[str]) -> int:
    """Measure and print two tables; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench core", description="cost of the DHCPv4 server's core")
    parser.add_argument("--leases", type=int, default=1_000_000, help="leases on the full server")
    parser.add_argument("--clients", type=int, default=5_000, help="clients in a round")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(arguments)
    empty = _measure(_server()[0], options.clients, options.rounds)
    gc.collect()
    server, book = _server()
    before = _resident()
    _fill(book, options.leases)
    count = len(book)
    memory = _resident() - before
    started = time.process_time()
    gc.collect()
    pause = time.process_time() - started
    full = _measure(server, options.clients, options.rounds)
    print(f"| us of CPU | few leases | {count:,} leases |")
    print("| --- | --- | --- |")
    for what, seconds in empty.items():
        print(f"| {what} | {seconds * 1e6:.1f} | {full[what] * 1e6:.1f} |")
    for what, seconds in _scapy():
        print(f"| {what} | {seconds * 1e6:.1f} | |")
    print(f"\n{memory / count:.0f} bytes a lease, {memory / 1e6:.0f} MB in all; a full collection takes {pause:.2f} s")
    return 0
