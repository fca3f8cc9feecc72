"""Whatever bytes come, the DHCPv6 service takes them, and answers the next good client."""

import random
from collections.abc import Iterable, Iterator

import pytest
import structlog

from tests.dhc4.shell import EndError, Source
from tests.dhc6.clients import datagram, duid, interface
from tests.dhc6.shell import Shell
from tests.dhc6.test_mutations import FROM_CLIENTS, PAYLOADS, wrapped
from tests.dhc6.test_service import POOL
from tests.fuzz.mutations import mutated
from tests.packet.recorded import punted
from tests.packet.recorded6 import DHCP6
from vppdhc.dhc6.server import Server

NETWORK = interface("2001:db8:1::1/64", "2001:db8:0:1::1/64")
MUTATIONS = 60_000
PARTS = 4
GOOD = 0x77


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with structlog.testing.capture_logs():
        yield


def network() -> Shell:
    shell = Shell(Server, NETWORK, pools=[POOL], rapid_commit=True, reconfigure=True)
    shell.router.watched = {NETWORK.name}
    return shell


def survive(shell: Shell, datagrams: Iterable[bytes]) -> None:
    """Have the service hear datagrams, with probes and commits between them, and then a good client."""
    for number, rubbish in enumerate(datagrams):
        with pytest.raises(EndError):
            shell.service.serve(Source([rubbish]))
        shell.clock.now += 0.01
        shell.service.prober.work(shell.clock.now)
        if number % 500 == 0:
            shell.commits.commit()
            shell.server.expire(shell.clock.now, 100_000)
            shell.server.notices(shell.clock.now)
            shell.has_routes()
    assert "internal-error" not in shell.service.drops
    shell.commits.commit()
    for _ in range(3):
        shell.clock.now += 1
        shell.service.prober.work(shell.clock.now)
    assert len(shell.service.prober) == 0, "no question waits for ever"
    shell.router.watched = set()
    shell.sent.clear()
    shell.hear(datagram("solicit", GOOD, na={1: []}, pd={1: []}))
    offer = shell.seen()[-1]
    assert (offer.type, offer.get(1)) == ("advertise", duid(GOOD))
    na, pd = {1: offer.na[1].live}, {1: offer.pd[1].live}
    shell.hear(datagram("request", GOOD, na=na, pd=pd))
    shell.commits.commit()
    reply = shell.seen()[-1]
    assert (reply.type, reply.na[1].live, reply.pd[1].live) == ("reply", na[1], pd[1])
    assert any(pd[1][0] in route for route in shell.has_routes())


@pytest.mark.parametrize("name", DHCP6)
def test_every_truncation(name: str) -> None:
    whole = punted(DHCP6[name])
    survive(network(), [whole[:length] for length in range(len(whole) + 1)])


@pytest.mark.parametrize("name", PAYLOADS)
def test_every_truncation_of_a_message_in_a_whole_datagram(name: str) -> None:
    survive(network(), [wrapped(PAYLOADS[name][:length]) for length in range(len(PAYLOADS[name]) + 1)])


@pytest.mark.parametrize("part", range(PARTS))
def test_random_mutations(part: int) -> None:
    rng = random.Random(f"service6 {part}")
    frames, payloads = list(FROM_CLIENTS.values()), list(PAYLOADS.values())
    shell = network()
    rubbish = (
        wrapped(mutated(rng, rng.choice(payloads), payloads))
        if number % 2
        else mutated(rng, punted(rng.choice(frames)), frames)
        for number in range(MUTATIONS // PARTS)
    )
    survive(shell, rubbish)
    assert len(shell.service.drops) > 10, "all sorts of things are dropped"
    assert shell.service.received["solicit"] > MUTATIONS // PARTS // 50
    assert shell.book.active["tap0"] > 1, "and not all of it"
    assert shell.service.interfaces["tap0"].probes["free"] > 1
