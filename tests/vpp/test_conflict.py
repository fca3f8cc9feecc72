"""Whether somebody else uses an address: asked of hosts on the link, seen by VPP's counter."""

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from pathlib import Path
from random import Random

import pytest
from scapy.layers.l2 import ARP, Ether

from tests.vppsim.rig import WAN, Rig, mac_of, make_rig
from tests.waiting import wait_for
from vppdhc.vpp.api import ApiClient
from vppdhc.vpp.conflict import ArpConflictCheck
from vppdhc.vpp.interfaces import InterfaceTable

ADDRESS = IPv4Address("192.0.2.50")
HOLDER = "02:00:00:00:00:77"


class Bench:
    """A router with an address on its WAN, and a host at the other end that may answer.

    answers: how many probes it answers. noise: what else happens while the client waits.
    """

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        _, self.wire = rig.interface(WAN, f"{ADDRESS}/24")
        self.vpp = ApiClient(str(rig.run_dir / "api.sock"))
        self.vpp.connect()
        self.table = InterfaceTable()
        self.table.read(self.vpp)
        self.answers = 0
        self.probes: list[ARP] = []
        self.slept: list[float] = []
        self.noise: Callable[[], None] = lambda: None
        self.check = ArpConflictCheck(self.vpp, self.table, self.send, Random(1), self.sleep)

    def send(self, index: int, action: int, frame: bytes) -> bool:
        self.rig.punt_to_router(index, action, frame)
        received = self.wire.receive()
        self.probes.append(received[ARP])
        if len(self.probes) <= self.answers:
            self.answer()
        return True

    def sleep(self, seconds: float) -> None:
        """Let the router handle what is on its way, in place of the time."""
        self.slept.append(seconds)
        self.noise()
        self.rig.settled()

    def answer(self) -> None:
        """Answer as a host that has the address."""
        reply = ARP(op=2, hwsrc=HOLDER, psrc=str(ADDRESS), hwdst=mac_of(WAN), pdst="0.0.0.0")
        self.wire.send(Ether(src=HOLDER, dst=mac_of(WAN)) / reply)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    rig = make_rig(tmp_path)
    made = Bench(rig)
    try:
        yield made
    finally:
        made.vpp.close()
        rig.close()


def test_nobody_answers(bench: Bench) -> None:
    assert not bench.check.conflict(WAN, ADDRESS)
    assert len(bench.probes) == 3
    for probe in bench.probes:
        assert (probe.op, probe.psrc, probe.pdst) == (1, "0.0.0.0", str(ADDRESS))
        assert (probe.hwsrc, probe.hwdst) == (mac_of(WAN), "00:00:00:00:00:00")
    assert 0 <= bench.slept[0] <= 1
    assert all(1 <= seconds <= 2 for seconds in bench.slept[1:3])
    assert bench.slept[3:] == [2.0]


def test_somebody_has_it(bench: Bench) -> None:
    bench.answers = 2
    assert bench.check.conflict(WAN, ADDRESS)
    assert len(bench.probes) == 2
    wait_for(lambda: bench.rig.errors("IP4 source address matches local interface") == 2, "the router counts both")


def test_one_answer_is_not_believed(bench: Bench) -> None:
    bench.answers = 1
    assert not bench.check.conflict(WAN, ADDRESS)


def test_an_answer_to_the_last_probe_counts(bench: Bench) -> None:
    def begin_to_answer() -> None:
        if len(bench.probes) == 2:
            bench.answers = 4

    bench.noise = begin_to_answer
    assert bench.check.conflict(WAN, ADDRESS)
    assert len(bench.probes) == 4


def test_an_interface_that_is_gone_has_no_conflict(bench: Bench) -> None:
    assert not bench.check.conflict("nowhere", ADDRESS)
    assert bench.probes == []


def test_without_vpp_nothing_is_known(bench: Bench) -> None:
    bench.vpp.close()
    assert not bench.check.conflict(WAN, ADDRESS)


def test_announcement(bench: Bench) -> None:
    bench.check.announce(WAN, ADDRESS)
    (announced,) = bench.probes
    assert (announced.op, announced.psrc, announced.pdst) == (1, str(ADDRESS), str(ADDRESS))
    assert announced.hwsrc == mac_of(WAN)
