"""Whatever bytes come, the DHCPv4 service takes them, and answers the next good client."""

import random
from collections.abc import Iterable, Iterator

import pytest
import structlog

from tests.dhc4.clients import datagram, interface
from tests.dhc4.shell import EndError, Shell, Source
from tests.fuzz.mutations import mutated, wrapped
from tests.packet.recorded import DHCP, FRAMES, punted
from vppdhc.packet import frame

SERVER = "192.168.70.1"  # in the network in which the packets were recorded
NETWORK = interface(f"{SERVER}/16")  # which is large enough for whatever asks for an address
MUTATIONS = 100_000
PARTS = 4
PAYLOADS = [frame.decode_udp4(packet).payload for packet in DHCP.values()]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with structlog.testing.capture_logs():
        yield


def survive(shell: Shell, datagrams: Iterable[bytes]) -> None:
    """Have the service hear datagrams, and then a good client."""
    for number, rubbish in enumerate(datagrams):
        with pytest.raises(EndError):
            shell.service.serve(Source([rubbish]))
        shell.clock.now += 0.01
        if number % 1000 == 0:
            shell.commits.commit()
            shell.book.expire(shell.clock.now, 100_000)
    assert "internal-error" not in shell.service.drops
    shell.commits.commit()
    shell.sent.clear()
    shell.hear(datagram("discover", 0x7777))
    shell.commits.commit()
    (offer,) = shell.seen()
    assert (offer.type, offer.bootp.chaddr[:6].hex()) == ("offer", "020000007777")
    shell.hear(
        datagram("request", 0x7777, ("requested_addr", offer.bootp.yiaddr), ("server_id", offer.options["server_id"]))
    )
    shell.commits.commit()
    acked = shell.seen()[-1]
    assert (acked.type, acked.bootp.yiaddr, acked.options["server_id"]) == ("ack", offer.bootp.yiaddr, SERVER)


@pytest.mark.parametrize("name", FRAMES)
def test_every_truncation(name: str) -> None:
    whole = punted(FRAMES[name])
    survive(Shell(onto=NETWORK), [whole[:length] for length in range(len(whole) + 1)])


@pytest.mark.parametrize("name", DHCP)
def test_every_truncation_of_a_message_in_a_whole_datagram(name: str) -> None:
    payload = frame.decode_udp4(DHCP[name]).payload
    survive(Shell(onto=NETWORK), [wrapped(payload[:length]) for length in range(len(payload) + 1)])


@pytest.mark.parametrize("part", range(PARTS))
def test_random_mutations(part: int) -> None:
    rng = random.Random(f"service {part}")
    frames = list(FRAMES.values())
    payloads = [payload.rstrip(b"\0") for payload in PAYLOADS]  # options are hit, not the padding
    shell = Shell(onto=NETWORK)
    rubbish = (
        wrapped(mutated(rng, rng.choice(payloads), payloads, start=rng.choice((0, 240))))
        if number % 2
        else mutated(rng, punted(rng.choice(frames)), frames)
        for number in range(MUTATIONS // PARTS)
    )
    survive(shell, rubbish)
    assert len(shell.service.drops) > 15, "all sorts of things are dropped"
    assert shell.service.received["discover"] > MUTATIONS // PARTS // 50
    assert shell.book.active["tap0"] > 1, "and not all of it"
