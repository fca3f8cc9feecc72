"""Whether somebody uses an address, asked over the simulator by the link that the daemon has."""

from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import gevent
import pytest

from tests.dhc4.clients import mac, message, number, octets
from tests.vpp.conftest import until
from tests.vpp.test_link import Linked
from tests.vppsim.rig import SimulatorRig
from vppdhc.clock import SystemClock
from vppdhc.dhc4.config import ConflictDetection
from vppdhc.dhc4.outcome import ProbeWanted
from vppdhc.dhc4.probe import Prober
from vppdhc.dhc4.protocols import Dataplane
from vppdhc.interface import Interface
from vppdhc.packet.dhcp4 import Message
from vppdhc.servers.questions import Result
from vppdhc.vpp.arping import Arping

TIMEOUT = 0.3


class Network:
    """A simulator with a LAN on which hosts have addresses, and a prober with the link that the daemon has."""

    def __init__(self, rig: SimulatorRig, directory: Path) -> None:
        self.rig = rig
        self.name = "tap1"
        rig.ctl("create sim-interface tap1")
        rig.ctl("set interface state tap1 up")
        rig.ctl("create sub-interfaces tap1 30 dot1q 200 inner-dot1q 30 exact-match")
        rig.ctl("set interface state tap1.30 up")
        rig.ctl("set interface ip address tap1 10.0.0.1/16")
        rig.ctl("set interface ip address tap1.30 10.9.0.1/16")
        self.linked = Linked(rig.run_dir / "api.sock", directory)
        self.linked.neighbours.watch(["tap1", "tap1.30"])
        self.linked.link.settle()
        self.results: dict[str, Result] = {}
        arping = Arping(self.linked.link).ask
        sender = self.linked.sender
        dataplane = Dataplane(self.linked.interfaces, self.linked.neighbours, sender.send, sender.send_at_once, arping)
        self.prober = Prober(dataplane, SystemClock(), self.take)
        self.linked.neighbours.on_neighbour(self.prober.heard)
        self.loops = [gevent.spawn(self.prober.run), gevent.spawn(self.prober.run_arping)]
        until(lambda: self.linked.link.connected, "the link is up")
        assert self.linked.neighbours.watches("tap1.30")

    def take(self, _: Message, __: Interface, question: ProbeWanted, result: Result, ___: bytes) -> None:
        self.results[str(IPv4Address(question.address))] = result

    def host(self, address: str, more: str = "") -> None:
        last = number(address) & 0xFFFF
        hardware = f"02:00:00:01:{last >> 8:02x}:{last & 255:02x}"
        said = self.rig.ctl(f"simulate host create h{last} interface tap1 mac {hardware} address {address}/16 {more}")
        assert said == f"h{last}"

    def ask(self, address: str, name: str = "tap1", how: ConflictDetection = ConflictDetection.PROBE) -> None:
        onto = self.linked.interfaces.named(name)
        assert onto is not None
        source = int(onto.addresses4[0].ip)
        question = ProbeWanted(0, number(address), source, octets(mac(1)), TIMEOUT, how)
        self.prober.ask(message("discover"), onto, question)

    def close(self) -> None:
        for loop in self.loops:
            loop.kill()
        self.linked.close()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[SimulatorRig]:
    made = SimulatorRig(tmp_path)
    yield made
    made.close()


@pytest.fixture
def network(rig: SimulatorRig, tmp_path: Path) -> Iterator[Network]:
    made = Network(rig, tmp_path / "ours")
    yield made
    made.close()


def test_exactly_those_are_taken_that_hosts_have(network: Network) -> None:
    taken = {f"10.0.{n % 7}.{n}" for n in range(2, 252, 3)}
    for address in taken:
        network.host(address)
    asked = {f"10.0.{n % 7}.{n}" for n in range(2, 252)}
    for address in asked:
        network.ask(address)
    until(lambda: len(network.results) == len(asked), "all are answered")
    assert {address for address, result in network.results.items() if result is Result.TAKEN} == taken
    assert {address for address, result in network.results.items() if result is Result.FREE} == asked - taken


def test_a_host_behind_tags_is_found(network: Network) -> None:
    network.host("10.9.0.5", "vlan 200 inner 30")
    network.host("10.9.0.6")  # which is not in that VLAN
    for address in ("10.9.0.5", "10.9.0.6"):
        network.ask(address, "tap1.30")
    until(lambda: len(network.results) == 2, "both are answered")
    assert network.results == {"10.9.0.5": Result.TAKEN, "10.9.0.6": Result.FREE}


def test_a_request_that_is_lost_is_sent_again(network: Network) -> None:
    network.host("10.0.0.5")
    network.rig.ctl("simulate drop tx 1")
    network.ask("10.0.0.5")
    until(lambda: network.results, "it is answered")
    assert network.results == {"10.0.0.5": Result.TAKEN}


def test_the_arping_plugin_finds_hosts(network: Network) -> None:
    network.host("10.0.0.5")
    for address in ("10.0.0.5", "10.0.0.6"):
        network.ask(address, how=ConflictDetection.ARPING)
    until(lambda: len(network.results) == 2, "both are answered")
    assert network.results == {"10.0.0.5": Result.TAKEN, "10.0.0.6": Result.FREE}


def test_a_vpp_that_goes_meanwhile_gets_nothing_and_keeps_nobody_waiting(network: Network) -> None:
    onto = network.linked.interfaces.named("tap1")
    assert onto is not None
    network.ask("10.0.0.5")
    network.rig.ctl("simulate restart after 0.2")
    until(lambda: "lost" in network.linked.told, "the loss is told")
    question = ProbeWanted(0, number("10.0.0.6"), number("10.0.0.1"), b"", TIMEOUT, ConflictDetection.PROBE)
    network.prober.ask(message("discover"), onto, question)
    assert network.results["10.0.0.6"] is Result.NOT_WATCHED
    until(lambda: len(network.prober) == 0, "nobody waits")
