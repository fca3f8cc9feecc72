"""The link to VPP: VPP comes, changes, goes and comes back; everything is there each time and nothing after the end."""

from collections.abc import Iterator
from ipaddress import IPv4Interface
from pathlib import Path
from random import Random

import gevent
import pytest
from scapy.layers.inet6 import IPv6
from structlog.testing import capture_logs

from tests.vpp.advertised import advertisement
from tests.vpp.conftest import until
from tests.vppsim.rig import SimulatorRig
from vppdhc.clock import SystemClock
from vppdhc.packet import punt
from vppdhc.vpp.delivery import BroadcastRoute, Delivery
from vppdhc.vpp.errors import VppCallError, VppGoneError
from vppdhc.vpp.interfaces import InterfaceTable
from vppdhc.vpp.items import InterfaceAddress
from vppdhc.vpp.ledger import Ledger
from vppdhc.vpp.link import LinkConfig, VppLink
from vppdhc.vpp.neighbours import Neighbours
from vppdhc.vpp.programming import Programming
from vppdhc.vpp.punt import Port, PuntPorts
from vppdhc.vpp.router_events import RouterEvents
from vppdhc.vpp.sender import PuntSender

DHCP4 = Port(4, 17, 67)
FRAME = bytes.fromhex("ffffffffffff020000000011") + b"\x08\x00" + bytes(60)


class Linked:
    """A link with all its parts, running in a greenlet."""

    def __init__(self, api_socket: Path, run_dir: Path) -> None:
        clock = SystemClock()
        self.interfaces = InterfaceTable()
        self.ports = PuntPorts((DHCP4,), run_dir, clock)
        self.sender = PuntSender(self.interfaces)
        self.delivery = Delivery(self.interfaces.named, clock)
        self.neighbours = Neighbours(self.interfaces, clock)
        self.router_events = RouterEvents(self.interfaces, clock, Random(1))
        self.ledger = Ledger(run_dir.with_name("programmed.json"))
        self.programming = Programming(self.interfaces, self.ledger, clock)
        self.delivery.want(BroadcastRoute, {BroadcastRoute(0)})
        self.link = VppLink(
            LinkConfig(api_socket),
            clock,
            interfaces=self.interfaces,
            ports=self.ports,
            sender=self.sender,
            delivery=self.delivery,
            neighbours=self.neighbours,
            router_events=self.router_events,
            programming=self.programming,
        )
        self.told: list[str] = []
        self.link.on_connected(lambda: self.told.append("connected"))
        self.link.on_lost(lambda: self.told.append("lost"))
        self.greenlet = gevent.spawn(self.link.run)

    def close(self) -> None:
        self.link.stop(10)
        self.greenlet.kill()
        self.ledger.close()
        self.ports.close()


@pytest.fixture
def linked(rig: SimulatorRig, tmp_path: Path) -> Iterator[Linked]:
    made = Linked(rig.run_dir / "api.sock", tmp_path / "ours")
    until(lambda: made.link.connected, "the link is up")
    yield made
    made.close()


def registrations(rig: SimulatorRig) -> str:
    return rig.ctl("show punt socket registrations l4")


def takes_broadcasts(rig: SimulatorRig) -> bool:
    return "dpo-receive" in rig.ctl("show ip fib 255.255.255.255/32")


def test_everything_is_set_up(rig: SimulatorRig, linked: Linked) -> None:
    assert linked.told == ["connected"]
    assert str(linked.ports.socket(DHCP4).path) in registrations(rig)
    assert takes_broadcasts(rig)
    assert linked.link.call("show_version").program == "vpe"
    assert linked.link.dump("sw_interface_dump")[0].interface_name == "local0"


def test_interfaces_and_addresses_are_followed(rig: SimulatorRig, linked: Linked) -> None:
    index, wire = rig.interface("host-lan", "192.168.1.1/24")
    until(lambda: linked.interfaces.get(index) is not None, "the interface is known")
    assert linked.sender.send(index, punt.L2, FRAME)
    assert bytes(wire.receive()) == FRAME
    rig.ctl("set interface ip address host-lan 192.168.2.1/24")  # of which VPP has no event

    def addresses() -> tuple[IPv4Interface, ...]:
        found = linked.interfaces.get(index)
        return () if found is None else found.addresses4

    until(lambda: IPv4Interface("192.168.2.1/24") in addresses(), "the address is known")
    rig.ctl("delete sim-interface host-lan")
    until(lambda: linked.interfaces.get(index) is None, "the interface is forgotten")
    assert not linked.sender.send(index, punt.L2, FRAME)


def test_a_vpp_that_comes_back_empty_gets_everything_again(rig: SimulatorRig, linked: Linked) -> None:
    index, _ = rig.interface("host-lan", "192.168.1.1/24")
    until(lambda: linked.interfaces.get(index) is not None, "the interface is known")
    rig.ctl("simulate restart after 0.5")
    until(lambda: linked.told == ["connected", "lost"], "the loss is told")
    assert len(linked.interfaces) == 0
    assert not linked.ports.owns(DHCP4)
    assert not linked.sender.send(index, punt.L2, FRAME)
    with pytest.raises(VppGoneError):
        linked.link.call("show_version")
    until(lambda: linked.told == ["connected", "lost", "connected"], "the return is told")
    assert str(linked.ports.socket(DHCP4).path) in registrations(rig)
    assert takes_broadcasts(rig)
    assert linked.interfaces.named("host-lan") is None


def test_neighbours_are_heard_of_whenever_vpp_comes_back(rig: SimulatorRig, linked: Linked) -> None:
    rig.ctl("create sim-interface host-lan")
    linked.neighbours.watch(["host-lan"])
    linked.link.settle()
    until(lambda: linked.neighbours.watches("host-lan"), "they are heard of")
    rig.ctl("simulate restart keep-interfaces after 0.2")
    until(lambda: "lost" in linked.told, "the loss is told")
    assert not linked.neighbours.watches("host-lan")
    until(lambda: linked.neighbours.watches("host-lan"), "they are heard of again")
    assert linked.link.stop(10)
    assert not linked.neighbours.watches("host-lan")


def test_what_leases_need_is_there_whenever_vpp_and_the_interface_are(rig: SimulatorRig, linked: Linked) -> None:
    item = InterfaceAddress("host-wan", IPv4Interface("10.0.0.2/24"))

    def present() -> bool:
        return f"L3 {item.address}" in rig.ctl("show interface addr")

    assert "no interface" in linked.programming.want("dhc4client host-wan", [item])[item]
    rig.interface("host-wan")
    until(present, "the address is there as soon as the interface is")
    rig.ctl("set interface ip address del host-wan 10.0.0.2/24")
    until(present, "the address is put back")
    rig.ctl("simulate restart keep-interfaces after 0.5")
    until(lambda: "lost" in linked.told, "the loss is told")
    assert linked.programming.problems("dhc4client host-wan") == {}
    until(lambda: linked.link.connected and present(), "VPP is back with the address")
    rig.ctl("delete sim-interface host-wan")
    until(lambda: item in linked.programming.missing, "the interface is missed")
    rig.ctl("create sim-interface host-wan")
    until(present, "the address is there again")
    linked.programming.withdraw("dhc4client host-wan")
    assert not present()


def test_a_vpp_that_hangs_is_given_up_and_found_again(rig: SimulatorRig, linked: Linked) -> None:
    rig.ctl("simulate silent sw_interface_get_table")
    until(lambda: "lost" in linked.told, "the call has timed out")
    rig.ctl("simulate clear")
    until(lambda: linked.link.connected, "VPP is back")


def test_a_port_that_is_taken_is_taken_back(rig: SimulatorRig, linked: Linked, tmp_path: Path) -> None:
    other = PuntPorts((DHCP4,), tmp_path / "other", SystemClock())
    with capture_logs() as logs:
        other.register(linked.link)
        until(lambda: any(line["event"] == "punt port taken back" for line in logs), "it is taken back")
    assert str(linked.ports.socket(DHCP4).path) in registrations(rig)
    other.close()


def test_what_is_wanted_later_is_put_in_place(rig: SimulatorRig, linked: Linked) -> None:
    linked.delivery.want(BroadcastRoute, ())
    linked.link.settle()
    until(lambda: not takes_broadcasts(rig), "the route has gone")


def test_another_vpp_is_connected_to_when_it_is_configured(linked: Linked, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = SimulatorRig(tmp_path / "other")
    linked.link.configure(LinkConfig(other.run_dir / "api.sock"))
    until(lambda: "lost" in linked.told and linked.link.connected, "the other one is connected to")
    assert str(linked.ports.socket(DHCP4).path) in registrations(other)
    linked.link.stop(10)
    other.close()


def test_a_port_that_is_not_wanted_is_left_to_others(rig: SimulatorRig, linked: Linked) -> None:
    linked.ports.want(DHCP4, wanted=False)
    linked.link.settle()
    until(lambda: "67" not in registrations(rig), "the port is given back")
    linked.ports.want(DHCP4, wanted=True)
    linked.link.settle()
    until(lambda: "67" in registrations(rig), "the port is taken")


def test_what_vpp_was_asked_is_counted(rig: SimulatorRig, linked: Linked) -> None:
    calls = linked.link.counters.calls
    assert calls > 0
    rig.ctl("simulate refuse show_version -1 1")
    with pytest.raises(VppCallError):
        linked.link.call("show_version")
    assert linked.link.counters.calls > calls
    assert linked.link.counters.refused >= 1


def test_a_stop_leaves_nothing_behind(rig: SimulatorRig, linked: Linked) -> None:
    assert linked.link.stop(10)
    assert str(linked.ports.socket(DHCP4).path) not in registrations(rig)
    assert not takes_broadcasts(rig)
    assert not linked.link.connected
    linked.greenlet.join(5)
    assert linked.greenlet.ready()


def test_a_stop_leaves_the_route_to_who_has_the_port(rig: SimulatorRig, linked: Linked, tmp_path: Path) -> None:
    other = PuntPorts((DHCP4,), tmp_path / "other", SystemClock())
    other.register(linked.link)
    linked.link.stop(10)
    assert takes_broadcasts(rig)
    assert str(other.socket(DHCP4).path) in registrations(rig)
    other.close()


def test_a_missing_vpp_is_said_once_and_waited_for(tmp_path: Path) -> None:
    with capture_logs() as logs:
        linked = Linked(tmp_path / "run/api.sock", tmp_path / "ours")
        until(lambda: any("no VPP" in line["event"] for line in logs), "it is said")
        rig = SimulatorRig(tmp_path)
        until(lambda: linked.link.connected, "VPP is found")
        waited = [line for line in logs if "no VPP" in line["event"] and "No such file" in line["reason"]]
        assert len(waited) == 1
    linked.close()
    rig.close()


def test_a_stop_without_vpp_is_a_stop(tmp_path: Path) -> None:
    linked = Linked(tmp_path / "nowhere", tmp_path / "ours")
    gevent.sleep(0)
    assert linked.link.stop(10)
    linked.close()


def test_router_advertisements_are_told_of_and_asked_for_on_every_connection(rig: SimulatorRig, linked: Linked) -> None:
    heard: list[str] = []
    linked.router_events.on_advertisement(lambda name, _: heard.append(name))
    linked.router_events.watch(["host-wan0", "host-wan1"])
    for number, name in enumerate(("host-wan0", "host-wan1"), 1):
        _, wire = rig.interface(name, "2001:db8::1/64")
        linked.link.settle()
        until(lambda name=name: linked.interfaces.named(name) is not None, "the interface is known")
        assert gevent.get_hub().threadpool.apply(wire.receive)[IPv6].dst == "ff02::2"
        wire.send(advertisement())
        until(lambda number=number: len(heard) == number, "the router is told of")
        rig.ctl("simulate restart")
        until(lambda number=number: linked.told == ["connected", *["lost", "connected"] * number], "VPP is back")
    assert heard == ["host-wan0", "host-wan1"]
