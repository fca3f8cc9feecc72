"""The benchmark of the running daemon: its clients, and whether its numbers fit together, not how good they are."""

import json
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tools.bench.load import Kind, Load, Templates
from tools.bench.shares import shares

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from scapy.layers.dhcp import BOOTP, DHCP
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether

TOP = Path(__file__).resolve().parents[2]
ROUTER = 0x0A000001
NUMBER, ADDRESS = bytes.fromhex("00012345"), bytes((10, 9, 8, 7))
CLIENT = bytes.fromhex("020000012345")
LOAD = Templates(ROUTER, punted=(7, bytes.fromhex("02fe00000001")))


@pytest.fixture(scope="module")
def quick() -> dict[str, Any]:
    """Run it once, on a disk (/tmp may be in memory), and return what it prints."""
    command = [sys.executable, "-m", "tools.bench", "dhc4", "--quick", "--json", "--no-kea", "--directory", "/var/tmp"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=TOP, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_every_load_is_put_on_the_daemon(quick: dict[str, Any]) -> None:
    assert [(result["server"], result["load"]) for result in quick["results"]] == [
        ("vppdhc", "new"),
        ("vppdhc", "renew"),
        ("vppdhc", "mix"),
    ]
    for result in quick["results"]:
        assert result["exchanges"] > 0
        assert result["at_most"] > 0
        assert result["rate"] > 0
        assert 0 < result["p50"] <= result["p99"]
        assert 0 <= result["system"] <= result["cpu"]
        assert result["refused"] == 0


def test_what_was_acknowledged_is_on_disk(quick: dict[str, Any]) -> None:
    """A new client each, whose ACK came from a daemon that has the lease on disk by then."""
    (memory,) = quick["memory"]
    by_load = {result["load"]: result["exchanges"] for result in quick["results"]}
    new = memory["made"] + by_load["new"]
    assert new < memory["acknowledged"] <= new + by_load["mix"]
    assert memory["acknowledged"] <= memory["stored"]


def options(frame: Ether) -> dict[str, Any]:
    return {option[0]: option[1] for option in frame[DHCP].options if isinstance(option, tuple)}


def test_a_discover_is_one_to_scapy() -> None:
    datagram = LOAD.discover(NUMBER)
    assert datagram[:8] == bytes((7, 0, 0, 0, 0, 0, 0, 0))
    frame = Ether(datagram[8:])
    assert (frame.src, frame.dst) == ("02:00:00:01:23:45", "ff:ff:ff:ff:ff:ff")
    assert (frame[IP].src, frame[IP].dst, frame[UDP].sport, frame[UDP].dport) == ("0.0.0.0", "255.255.255.255", 68, 67)
    assert (frame[BOOTP].xid, frame[BOOTP].chaddr[:6]) == (0x12345, CLIENT)
    said = options(frame)
    assert (said["message-type"], said["hostname"], said["client_id"]) == (1, b"host-00012345", b"\1" + CLIENT)


def test_a_request_is_one_to_scapy() -> None:
    said = options(Ether(LOAD.select(NUMBER, ADDRESS)[8:]))
    assert (said["message-type"], said["requested_addr"], said["server_id"]) == (3, "10.9.8.7", "10.0.0.1")


def test_a_renewal_is_unicast_to_scapy() -> None:
    frame = Ether(LOAD.renew(NUMBER, ADDRESS)[8:])
    assert (frame.dst, frame[IP].src, frame[IP].dst) == ("02:fe:00:00:00:01", "10.9.8.7", "10.0.0.1")
    assert frame[BOOTP].ciaddr == "10.9.8.7"
    said = options(frame)
    assert (said["message-type"], said["client_id"]) == (3, b"\1" + CLIENT)
    assert {"requested_addr", "server_id"}.isdisjoint(said)


def test_a_relayed_message_is_one_to_scapy() -> None:
    message = BOOTP(Templates(0x7F000001, giaddr=0x7F000002).discover(NUMBER))
    assert (message.giaddr, message.hops, message.xid) == ("127.0.0.2", 1, 0x12345)


def number_of(datagram: bytes) -> int:
    return int.from_bytes(datagram[54:58], "big")


def gives_an_address(datagram: bytes) -> bytes:
    """Answer as a server does: the transaction's, with an address; nothing else in it is looked at."""
    reply = bytearray(datagram)
    reply[66:70] = (0x0A000000 + number_of(datagram)).to_bytes(4, "big")
    return bytes(reply)


@contextmanager
def served(answer: Callable[[bytes], bytes]) -> Iterator[Load]:
    """Give clients whose server answers each datagram so, with an empty answer for none."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)

    def serve() -> None:
        while (datagram := theirs.recv(2048)) != b"stop":
            reply = answer(datagram)
            if reply:
                theirs.send(reply)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield Load(ours, ours, LOAD)
    finally:
        ours.setblocking(True)
        ours.send(b"stop")
        thread.join()
        ours.close()
        theirs.close()


def test_all_clients_get_what_they_are_given() -> None:
    with served(gives_an_address) as load:
        figures = load.fill(100, 8)
        assert (figures.exchanges, figures.lost, figures.refused, len(figures.latencies)) == (100, 0, 0, 100)
        expected = {(n.to_bytes(4, "big"), (0x0A000000 + n).to_bytes(4, "big")) for n in range(1, 101)}
        assert set(load.leases) == expected
        assert load.pace(Kind.RENEW, 1000, 0.1).exchanges > 0
        assert set(load.leases) == expected, "who renews is no new client"


def test_clients_without_an_answer_are_lost() -> None:
    with served(lambda datagram: b"" if number_of(datagram) % 10 == 0 else gives_an_address(datagram)) as load:
        figures = load.fill(100, 16)
    assert (figures.exchanges, figures.lost) == (90, 10)


def test_clients_without_an_address_are_refused() -> None:
    with served(gives_an_address) as load:
        load.fill(10, 4)
        refusing = bytes(4)
        taken = load.leases[0][0]
    with served(lambda datagram: datagram[:66] + refusing + datagram[70:]) as other:
        other.leases.append((taken, ADDRESS))
        figures = other.pace(Kind.RENEW, 200, 0.1)
    assert figures.exchanges == 0
    assert figures.refused > 0


def test_samples_belong_to_the_innermost_part() -> None:
    stacks = [
        "run (a.py:1);Dhcp4Service.serve (s.py:2);Server.handle (d.py:3);helper (x.py:4) 5",
        "run (a.py:1);Dhcp4Service.serve (s.py:9) 2",
        "somewhere (b.py:1) 1",
    ]
    assert shares(stacks) == {"decide: the core": 5, "the shell round it": 2, "everything else": 1}
