"""Recorded messages of real clients and relay agents through the server: whole, cut, and with anything done to them."""

import random
from collections import Counter
from dataclasses import replace

import pytest

from tests.dhc6.clients import SERVER_DUID, interface, look
from tests.dhc6.lan import POOL, Lan, options
from tests.fuzz.mutations import mutated
from tests.packet.recorded import punted
from tests.packet.recorded6 import DHCP6
from vppdhc.dhc6.outcome import Outcome
from vppdhc.dhc6.reply import encode
from vppdhc.packet import dhcp6
from vppdhc.packet.dhcp6 import ALL_RELAY_AGENTS_AND_SERVERS, Message, MessageType, receive
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.frame import decode_udp6, encode_udp6
from vppdhc.packet.options6 import Option

MUTATIONS = 6_000
PARTS = 4
FROM_CLIENTS = {name: frame for name, frame in DHCP6.items() if not name.startswith(("kea", "dibbler-server"))}
ROUTER = interface("2001:db8:1::1/64", "2001:db8:0:1::1/64")


def network() -> Lan:
    told = options(dns_servers=["2001:db8::53"], domain_search=["example.net"], solmax_rt=3600)
    return Lan(ROUTER, pools=[POOL], rapid_commit=True, reconfigure=True, options=told)


def ours(message: Message) -> Message:
    """A recorded message, as if it were for this server, and from a link that it knows."""
    own = [(code, SERVER_DUID if code == Option.SERVERID else value) for code, value in message.options]
    relays = tuple(relay._replace(link_address=int(ROUTER.addresses6[0].ip)) for relay in message.relays)
    return replace(message, options=own, relays=relays)


def wrapped(payload: bytes) -> bytes:
    return punted(
        encode_udp6(
            source_mac=b"\2" * 6,
            destination_mac=b"\x33\x33\0\1\0\2",
            vlans=(),
            source=0xFE80 << 112 | 7,
            destination=ALL_RELAY_AGENTS_AND_SERVERS,
            source_port=546,
            destination_port=547,
            payload=payload,
        )
    )


PAYLOADS = {
    name: dhcp6.encode(ours(dhcp6.decode(decode_udp6(frame).payload))) for name, frame in sorted(FROM_CLIENTS.items())
}


def answered(lan: Lan, payload: bytes) -> Outcome | None:
    """What the server makes of a payload; None where that cannot be decoded."""
    try:
        message = receive(wrapped(payload))
    except DecodeError:
        return None
    outcome = lan.hear(message)
    assert (outcome.drop is None) == bool(outcome.replies)
    if outcome.drop is not None:
        assert all(event.kind == "conflict" for event in outcome.events)
        return outcome
    (reply,) = outcome.replies
    _, packet = encode(reply, ROUTER)
    answer = dhcp6.decode(packet[62:] if len(reply.destination_mac) else packet[48:])
    assert answer.type in (MessageType.ADVERTISE, MessageType.REPLY)
    assert answer.transaction_id == message.transaction_id
    assert answer.get(Option.SERVERID) == SERVER_DUID
    assert answer.get(Option.CLIENTID) == message.get(Option.CLIENTID)
    assert [relay.peer_address for relay in answer.relays] == [relay.peer_address for relay in message.relays]
    return outcome


@pytest.mark.parametrize("name", PAYLOADS)
def test_every_recorded_message_is_answered(name: str) -> None:
    lan = network()
    message = receive(wrapped(PAYLOADS[name]))
    seen = look(*encode(lan.hear(message).replies[0], ROUTER))
    expected = "advertise" if message.type == MessageType.SOLICIT and 14 not in seen.codes else "reply"
    assert seen.type == expected
    for ia in seen.ias:
        assert ia.leases or ia.status is not None
        assert not ia.live or 0 < ia.t1 <= ia.t2


@pytest.mark.parametrize("name", PAYLOADS)
def test_truncated_at_every_length(name: str) -> None:
    lan = network()
    for length in range(len(PAYLOADS[name])):
        answered(lan, PAYLOADS[name][:length])
    assert answered(lan, PAYLOADS[name]) is not None


@pytest.mark.parametrize("part", range(PARTS))
def test_mutated(part: int) -> None:
    rng = random.Random(part)
    lan = network()
    payloads = list(PAYLOADS.values())
    outcomes: Counter[str] = Counter()
    for _ in range(MUTATIONS // PARTS):
        found = answered(lan, mutated(rng, rng.choice(payloads), payloads))
        outcomes["undecoded" if found is None else found.drop or "answered"] += 1
        lan.now += 0.5
        lan.expire()
    assert outcomes["answered"] > MUTATIONS / PARTS / 10
    assert outcomes["undecoded"] > MUTATIONS / PARTS / 10
    assert len(outcomes) >= 6
