"""What a bad cable, a bad program or a bad person makes of packets."""

import random
from collections.abc import Sequence

from tests.packet.recorded import punted
from vppdhc.packet import frame

_TELLING = (0, 1, 4, 52, 53, 82, 119, 127, 128, 192, 254, 255)
"""Bytes that mean something to some decoder."""


def wrapped(payload: bytes) -> bytes:
    """A datagram of the punt socket with this payload."""
    return punted(
        frame.encode_udp4(
            source_mac=bytes(6),
            destination_mac=bytes(6),
            vlans=(),
            source=0,
            destination=0xFFFFFFFF,
            source_port=68,
            destination_port=67,
            payload=payload,
        )
    )


def mutated(rng: random.Random, packet: bytes, others: Sequence[bytes], start: int = 0) -> bytes:
    """A packet with one to six things done to it behind start."""
    data = bytearray(packet)
    for _ in range(rng.randint(1, 6)):
        where = rng.randint(min(start, len(data)), len(data))
        match rng.randrange(6):
            case 0:
                data[where : where + 1] = rng.randbytes(1)
            case 1:
                data[where : where + 1] = bytes((rng.choice(_TELLING),))
            case 2 if where < len(data):
                data[where] ^= 1 << rng.randrange(8)
            case 3:
                del data[where : where + rng.randint(1, 9)]
            case 4:
                data[where:where] = rng.randbytes(rng.randint(1, 9))
            case _:
                other = rng.choice(others)
                begin = rng.randrange(len(other))
                data[where : where + 40] = other[begin : begin + rng.randint(1, 40)]
    return bytes(data)
