"""Whatever bytes come over IPv6: decoded, or a DecodeError, never anything else."""

import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import pytest

from tests.fuzz.mutations import mutated
from tests.packet.recorded import punted
from tests.packet.recorded6 import DHCP6, FRAMES6, ND
from vppdhc.packet import auth6, dhcp6, duid6, frame, ia6, nd, nd_options
from vppdhc.packet.dhcp6 import Message
from vppdhc.packet.errors import KINDS, DecodeError
from vppdhc.packet.options6 import Option, decode_value, encode_value

T = TypeVar("T")

MUTATIONS = 100_000
PARTS = 4
KEY = bytes(16)
PAYLOADS = {name: frame.decode_udp6(packet).payload for name, packet in DHCP6.items()}
ICMP = {name: packet[54:] for name, packet in ND.items()}


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


def wrapped(payload: bytes) -> bytes:
    """A datagram of the punt socket with this payload."""
    packet = frame.encode_udp6(
        source_mac=bytes(6),
        destination_mac=bytes(6),
        vlans=(),
        source=1,
        destination=dhcp6.ALL_RELAY_AGENTS_AND_SERVERS,
        source_port=546,
        destination_port=547,
        payload=payload,
    )
    return punted(packet)


def discovered(message_type: int, body: bytes) -> bytes:
    """A datagram of the punt socket with this neighbour discovery message; its checksum is right."""
    packet = frame.encode_icmp6(
        source_mac=bytes(6),
        destination_mac=bytes(6),
        vlans=(),
        source=0xFE80 << 112,
        destination=0xFE80 << 112 | 1,
        message_type=message_type,
        code=0,
        body=body,
    )
    return punted(packet)


def use(message: Message | None, outcomes: Counter[str]) -> None:
    """Do with a message what is done with one: ask for what it says, show its options, answer and write it."""
    if message is None:
        return
    assert isinstance(message.requested, tuple)
    assert isinstance(message.vlans, tuple)
    auth6.verify(message, KEY)
    for code, raw in message.options:
        value = attempt(partial(decode_value, code), raw, outcomes)
        if value is not None:
            written_again(code, value)
        if code in (Option.IA_NA, Option.IA_PD):
            ia = attempt(ia6.decode_ia, raw, outcomes)
            for inner_code, inner in ia.options if ia is not None else ():
                reader = {5: ia6.decode_address, 26: ia6.decode_prefix, 13: ia6.decode_status}.get(inner_code)
                if reader is not None:
                    attempt(reader, inner, outcomes)
        duid6.text(raw)
    again = dhcp6.decode(dhcp6.encode(message))
    assert (again.options, again.relays) == (message.options, message.relays)
    for relay in message.relays:
        assert relay.reply().type == dhcp6.MessageType.RELAY_REPLY


def written_again(code: int, value: object) -> None:
    """Write a value, and read the same; text in which something had to be escaped is read only."""
    try:
        raw = encode_value(code, value)
    except ValueError:
        return
    assert decode_value(code, raw) == value


@pytest.mark.parametrize("name", DHCP6)
def test_every_truncation_of_a_datagram(name: str) -> None:
    datagram = punted(DHCP6[name])
    outcomes: Counter[str] = Counter()
    for length in range(len(datagram)):
        attempt(dhcp6.receive, datagram[:length], outcomes)
    assert outcomes["ipv6-truncated"] > 50
    assert "decoded" not in outcomes
    assert attempt(dhcp6.receive, datagram, outcomes) is not None


@pytest.mark.parametrize("name", PAYLOADS)
def test_every_truncation_of_a_message(name: str) -> None:
    payload = PAYLOADS[name]
    outcomes: Counter[str] = Counter()
    for length in range(len(payload)):
        message = attempt(dhcp6.decode, payload[:length], outcomes)
        use(message, outcomes)
        received = attempt(dhcp6.receive, wrapped(payload[:length]), outcomes)
        assert (received is None) == (message is None)
        assert message is None or (received is not None and received.options == message.options)
    assert outcomes["dhcp6-truncated"]
    use(dhcp6.decode(payload), outcomes)


@pytest.mark.parametrize("name", ND)
def test_every_truncation_of_neighbour_discovery(name: str) -> None:
    datagram = punted(ND[name])
    outcomes: Counter[str] = Counter()
    for length in range(len(datagram)):
        attempt(nd.receive, datagram[:length], outcomes)
    assert "decoded" not in outcomes
    body = ICMP[name][4:]
    for length in range(len(body)):
        attempt(nd.receive, discovered(ICMP[name][0], body[:length]), outcomes)
    assert outcomes["nd-truncated"] >= 4
    assert "icmpv6-checksum" not in outcomes


@pytest.mark.parametrize("part", range(PARTS))
def test_random_mutations_of_messages(part: int) -> None:
    rng = random.Random(f"DHCPv6 {part}")
    frames, payloads = list(FRAMES6.values()), list(PAYLOADS.values())
    outcomes: Counter[str] = Counter()
    for _ in range(MUTATIONS // PARTS // 2):
        payload = mutated(rng, rng.choice(payloads), payloads, start=rng.choice((0, 4)))
        use(attempt(dhcp6.receive, wrapped(payload[:65000]), outcomes), outcomes)
        datagram = mutated(rng, punted(rng.choice(frames)), frames)
        use(attempt(dhcp6.receive, datagram, outcomes), outcomes)
        attempt(nd.receive, datagram, outcomes)
    assert set(outcomes) <= {*KINDS, "decoded"}
    assert outcomes["decoded"] > MUTATIONS // PARTS // 4
    assert {"dhcp6-truncated", "dhcp6-malformed", "dhcp6-option", "nd-hop-limit", "icmpv6-checksum"} <= set(outcomes)


@pytest.mark.parametrize("part", range(PARTS))
def test_random_mutations_of_neighbour_discovery(part: int) -> None:
    rng = random.Random(f"ND {part}")
    messages = list(ICMP.values())
    outcomes: Counter[str] = Counter()
    for _ in range(MUTATIONS // PARTS):
        message = rng.choice(messages)
        body = mutated(rng, message[4:], messages)
        packet = attempt(nd.receive, discovered(message[0], body), outcomes)
        if packet is not None:
            options = nd_options.encode(packet.message.options)
            assert nd_options.decode(options, 0, len(options)) == packet.message.options
    assert outcomes["decoded"] > MUTATIONS // PARTS // 10
    assert {"nd-truncated", "nd-option", "nd-target"} <= set(outcomes)
    assert "icmpv6-checksum" not in outcomes


def test_costly_bytes_cost_little() -> None:
    outcomes: Counter[str] = Counter()
    chained = b"\0" + b"".join((0xC000 + max(2 * i - 1, 0)).to_bytes(2, "big") for i in range(700))
    attempt(lambda raw: decode_value(24, raw), chained, outcomes)
    assert outcomes == {"dhcp6-option": 1}
    assert len(dhcp6.decode(b"\1\0\0\1" + b"\0\x08\0\0" * 16_000).options) == 16_000
