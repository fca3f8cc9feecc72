"""Whatever bytes come: decoded, or a DecodeError, never anything else."""

import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import pytest

from tests.fuzz.mutations import mutated, wrapped
from tests.packet.recorded import ARP, DHCP, FRAMES, punted
from vppdhc.packet import arp, dhcp4, frame
from vppdhc.packet.errors import KINDS, DecodeError
from vppdhc.packet.options4 import decode_value

T = TypeVar("T")

MUTATIONS = 100_000
PAYLOADS = {name: frame.decode_udp4(packet).payload for name, packet in DHCP.items()}


def attempt(decode: Callable[[bytes], T], data: bytes, outcomes: Counter[str]) -> T | None:
    """Decode, and count how it ended; what else than a DecodeError is raised fails the test."""
    try:
        result = decode(data)
    except DecodeError as error:
        if not 0 <= error.offset <= len(data):
            pytest.fail(f"{error} of {len(data)} bytes")
        outcomes[error.kind] += 1
        return None
    outcomes["decoded"] += 1
    return result


def use(message: dhcp4.Message | None, outcomes: Counter[str]) -> None:
    """Do with a message what is done with one: ask for its properties, show its options, write it again."""
    if message is None:
        return
    assert message.type is None or message.options[53] == bytes((message.type,))
    assert isinstance(message.vlans, tuple)
    for code, raw in message.options.items():
        attempt(partial(decode_value, code), raw, outcomes)
    payload, dropped = dhcp4.pack(message, dhcp4.size_limit(message))
    kept = {code: raw for code, raw in message.options.items() if code not in dropped}
    assert dhcp4.decode(payload).options == kept


@pytest.mark.parametrize("name", DHCP)
def test_every_truncation_of_a_datagram(name: str) -> None:
    datagram = punted(DHCP[name])
    outcomes: Counter[str] = Counter()
    for length in range(len(datagram)):
        use(attempt(dhcp4.receive, datagram[:length], outcomes), outcomes)
        attempt(lambda data: frame.decode_udp4(data, 8), datagram[:length], outcomes)
    assert outcomes["ipv4-truncated"]
    assert attempt(dhcp4.receive, datagram, outcomes) is not None


@pytest.mark.parametrize("name", PAYLOADS)
def test_every_truncation_of_a_message(name: str) -> None:
    payload = PAYLOADS[name]
    outcomes: Counter[str] = Counter()
    for length in range(len(payload)):
        message = attempt(dhcp4.decode, payload[:length], outcomes)
        use(message, outcomes)
        received = attempt(dhcp4.receive, wrapped(payload[:length]), outcomes)
        assert (received is None) == (message is None)
        assert message is None or (received is not None and received.options == message.options)
    assert outcomes["dhcp4-truncated"]
    assert outcomes["decoded"]


@pytest.mark.parametrize("name", ARP)
def test_every_truncation_of_an_arp_packet(name: str) -> None:
    outcomes: Counter[str] = Counter()
    for length in range(len(ARP[name])):
        attempt(arp.decode, ARP[name][:length], outcomes)
    assert outcomes["arp-truncated"] == 28


@pytest.mark.parametrize("part", range(4))
def test_random_mutations(part: int) -> None:
    rng = random.Random(f"part {part}")
    frames = list(FRAMES.values())
    payloads = [payload.rstrip(b"\0") for payload in PAYLOADS.values()]  # options are hit, not the padding
    outcomes: Counter[str] = Counter()
    for _ in range(MUTATIONS // 8):
        payload = mutated(rng, rng.choice(payloads), payloads, start=rng.choice((0, 240)))
        use(attempt(dhcp4.receive, wrapped(payload), outcomes), outcomes)
        datagram = mutated(rng, punted(rng.choice(frames)), frames)
        use(attempt(dhcp4.receive, datagram, outcomes), outcomes)
        for decode in (frame.decode_udp4, frame.decode_udp6, arp.decode):
            attempt(decode, datagram[8:], outcomes)
    assert set(outcomes) <= {*KINDS, "decoded"}
    assert outcomes["decoded"] > MUTATIONS // 20
    assert len(outcomes) > 10


@pytest.mark.parametrize("name", ["udp6", "udp6-extensions"])
def test_truncations_and_mutations_of_ipv6(name: str) -> None:
    upper = frame.encode_ip6_udp(source=1, destination=2, source_port=546, destination_port=547, payload=bytes(90))
    link = bytes(12) + b"\x88\xa8\0\1\x81\0\0\2\x86\xdd"
    if name == "udp6-extensions":
        headers = b"\x3c\0" + bytes(6) + b"\x2c\0" + bytes(6) + b"\x2b\0" + bytes(6) + b"\x11\1" + bytes(14)
        upper = upper[:4] + bytes((0, 98 + len(headers), 0)) + upper[7:40] + headers + upper[40:]
    outcomes: Counter[str] = Counter()
    packet = link + upper
    assert attempt(frame.decode_udp6, packet, outcomes) is not None
    for length in range(len(packet)):
        attempt(frame.decode_udp6, packet[:length], outcomes)
    rng = random.Random(name)
    for _ in range(3000):
        attempt(frame.decode_udp6, mutated(rng, packet, [packet]), outcomes)
    assert outcomes["decoded"] > 1
    assert outcomes["ipv6-truncated"]


def test_costly_bytes_cost_little() -> None:
    chained = b"\0" + b"".join((0xC000 + max(2 * i - 1, 0)).to_bytes(2, "big") for i in range(700))
    outcomes: Counter[str] = Counter()
    attempt(lambda raw: decode_value(119, raw), chained, outcomes)
    assert outcomes == {"dhcp4-option": 1}
    message = dhcp4.decode(PAYLOADS["bootp-request"][:236] + b"\x63\x82\x53\x63" + b"\x0c\x00" * 30_000)
    assert message.options == {12: b""}
