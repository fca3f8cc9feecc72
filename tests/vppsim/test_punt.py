import itertools
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from scapy.layers.dhcp import BOOTP
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw

from tests.vppsim.client import ICMP6, Api, change_address, l4, listen_to_broadcasts, register
from tests.vppsim.frames import HOST, arp, discover, offer
from tests.vppsim.rig import LAN, Punt, Rig, SimulatorRig, mac_of
from tests.waiting import wait_for

L2, IP4, IP6 = 0, 1, 2
ROUTER = mac_of(LAN)


class Lan:
    """A router with one interface, and a program that has registered for ports 67 and 68."""

    def __init__(self, rig: Rig, *addresses: str) -> None:
        self.rig = rig
        self.api: Api = rig.api()
        self.index, self.wire = rig.interface(LAN, *addresses)
        self.punt: Punt = rig.punt()
        for port in (67, 68):
            assert register(self.api, self.punt.path, port).retval == 0

    def punted(self, *frames: Packet) -> int:
        """Send frames and return how many came through the punt socket."""
        self.wire.send(*frames)
        self.rig.settled()
        return self.punt.pending()


@pytest.fixture
def lan(rig: Rig) -> Lan:
    return Lan(rig, "10.0.0.1/24")


def unicast(source: str = "10.0.0.5") -> Packet:
    return Ether(bytes(discover(source, "10.0.0.1", ROUTER)))


def test_register_returns_minus_1_when_no_punt_socket_is_configured(start: Callable[..., SimulatorRig]) -> None:
    rig = start("--no-punt-socket")
    assert register(rig.api(), rig.directory / "ours", 67).retval == -1
    assert not (rig.run_dir / "punt.sock").exists()


def test_register_tells_where_vpps_socket_is_and_refuses_other_versions_and_protocols(rig: Rig, api: Api) -> None:
    ours = rig.directory / "ours"
    assert register(api, ours, 67).pathname == str(rig.run_dir / "punt.sock")
    assert register(api, ours, 67, version=2).retval == -1
    assert register(api, ours, 67, protocol=6).retval == -1
    assert register(api, ours, 133, protocol=ICMP6).retval == -1
    assert register(api, ours, 133, af=1, protocol=ICMP6).retval == 0


def test_the_last_registrant_wins_silently_and_the_dump_tells_who(lan: Lan) -> None:
    other = lan.rig.punt("other")
    assert register(lan.api, other.path, 67).retval == 0
    owners = {r.punt.punt.l4.port: r.pathname for r in lan.api.dump("punt_socket_dump", type=0)}
    assert owners == {67: str(other.path), 68: str(lan.punt.path)}
    assert lan.punted(unicast()) == 0
    assert other.pending() == 1


def test_deregister_returns_0_always(lan: Lan) -> None:
    assert [lan.api.retval("punt_socket_deregister", punt=l4(67)) for _ in range(2)] == [0, 0]
    assert lan.punted(unicast()) == 0


def test_a_registration_outlives_the_connection_that_made_it(lan: Lan) -> None:
    lan.api.close()
    assert len(lan.rig.api().dump("punt_socket_dump", type=0)) == 2


def test_no_broadcast_arrives_without_the_local_route(lan: Lan) -> None:
    assert lan.punted(discover()) == 0
    listen_to_broadcasts(lan.api)
    assert lan.punted(discover()) == 1


def test_no_broadcast_arrives_in_a_table_without_the_local_route(rig: Rig) -> None:
    lan = Lan(rig)
    rig.ctl("ip table add 9")
    rig.ctl(f"set interface ip table {LAN} 9")
    rig.ctl(f"set interface ip address {LAN} 10.0.0.1/24")
    listen_to_broadcasts(lan.api)
    assert lan.punted(discover()) == 0
    listen_to_broadcasts(lan.api, table=9)
    assert lan.punted(discover()) == 1


def test_an_interface_without_an_address_punts_nothing(rig: Rig) -> None:
    lan = Lan(rig)
    listen_to_broadcasts(lan.api)
    assert lan.punted(discover()) == 0


def test_enabling_ip4_does_the_opposite_and_is_counted(rig: Rig) -> None:
    lan = Lan(rig)
    listen_to_broadcasts(lan.api)
    for enable, arrives in ((False, 1), (True, 0), (True, 0), (False, 0), (False, 1), (False, 1), (True, 0)):
        values = {"sw_if_index": lan.index, "enable": enable}
        assert lan.api.retval("sw_interface_ip4_enable_disable", **values) == 0
        assert lan.punted(discover()) == arrives
    assert change_address(lan.api, lan.index, "10.0.0.1/24") == 0
    assert lan.punted(discover()) == 1
    assert lan.api.retval("sw_interface_ip4_enable_disable", sw_if_index=lan.index, enable=True) == 0
    assert lan.punted(discover()) == 0


def test_a_datagram_is_8_bytes_and_the_ethernet_frame(lan: Lan) -> None:
    lan.wire.send(unicast())
    index, frame = lan.punt.receive()
    assert (index, bytes(frame)) == (lan.index, bytes(unicast()))


def test_client_detection_is_needed_on_an_interface_without_address(rig: Rig) -> None:
    lan = Lan(rig)
    listen_to_broadcasts(lan.api)
    offers = (offer(), offer("10.9.0.7", ROUTER))
    assert lan.punted(*offers) == 0
    detect = "dhcp_client_detect_enable_disable"
    assert lan.api.retval(detect, sw_if_index=lan.index, enable=True) == 0
    assert lan.punted(*offers) == 2
    assert lan.api.retval(detect, sw_if_index=lan.index, enable=False) == 0
    assert lan.punted(*offers) == 0


def test_client_detection_is_counted(rig: Rig) -> None:
    lan = Lan(rig)
    detect = "dhcp_client_detect_enable_disable"
    for enable in (True, True, False):
        assert lan.api.retval(detect, sw_if_index=lan.index, enable=enable) == 0
    assert lan.punted(offer()) == 1
    assert lan.api.retval(detect, sw_if_index=lan.index, enable=False) == 0
    assert lan.punted(offer()) == 0


def with_field(layer: type[Packet], **values: int) -> Packet:
    frame = unicast()
    for name, value in values.items():
        setattr(frame[layer], name, value)
    return frame


def fragment() -> Packet:
    frame = with_field(IP, flags=1)
    del frame[IP].chksum
    return frame


DAMAGED = {
    "UDP checksum": with_field(UDP, chksum=0x1234),
    "IP checksum": with_field(IP, chksum=0x1234),
    "UDP longer than IP": with_field(UDP, len=2000),
    "fragment": fragment(),
    "another MAC address": Ether(src=HOST, dst="02:00:00:00:00:99") / unicast()[IP],
    "our own source": unicast("10.0.0.1"),
    "source without a route": unicast("99.0.0.1"),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_damaged_packets_never_arrive(lan: Lan, what: str) -> None:
    assert lan.punted(DAMAGED[what]) == 0
    assert lan.punted(unicast()) == 1


def test_what_has_to_be_expected_arrives(lan: Lan) -> None:
    without_checksum = with_field(UDP, chksum=0)
    short = with_field(UDP, len=4, chksum=0)
    padded = Ether(bytes(unicast()) + b"padding")
    assert lan.punted(without_checksum, short, padded) == 3


def test_padding_behind_the_ip_length_is_passed_on(lan: Lan) -> None:
    padded = bytes(unicast()) + b"padding"
    lan.wire.send(padded)
    assert bytes(lan.punt.receive()[1]) == padded


def test_a_relayed_source_arrives_when_there_is_a_route_to_it(lan: Lan) -> None:
    lan.rig.ctl(f"ip route add 99.0.0.0/8 via 10.0.0.2 {LAN}")
    assert lan.punted(unicast("99.0.0.1")) == 1


def test_a_port_that_nobody_registered_is_answered_by_icmp(lan: Lan) -> None:
    lan.wire.send(arp(1, "10.0.0.5", "10.0.0.1"))
    lan.wire.receive()
    lan.wire.send(with_field(UDP, dport=69, chksum=0))
    answer = lan.wire.receive()
    assert (answer[ICMP].type, answer[ICMP].code, answer.dst) == (3, 3, HOST)


def room(path: Path, size: int) -> int:
    """Return how many unread datagrams of a size a sender with VPP's send buffer gets rid of."""
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
    ):
        receiver.bind(str(path))
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        sender.setblocking(False)
        for count in itertools.count():
            try:
                sender.sendto(bytes(size), str(path))
            except BlockingIOError:
                return count
    raise AssertionError("no buffer is endless")


@pytest.mark.parametrize("size", [342, 1242])
def test_the_frames_that_queue_and_buffer_have_no_room_for_are_dropped_and_counted(lan: Lan, size: int) -> None:
    burst = 300
    frame = Ether(src=HOST, dst=ROUTER) / IP(src="10.0.0.5", dst="10.0.0.1") / UDP(dport=67, chksum=0)
    received = lan.punted(*[frame / Raw(bytes(size - len(frame)))] * burst)
    assert received == room(lan.rig.directory / "other", size + 8)
    assert lan.rig.errors("Socket TX error") == burst - received


def test_vpps_one_send_buffer_is_shared_so_that_readers_who_wait_stop_the_others(lan: Lan) -> None:
    lazy = [lan.rig.punt(f"lazy{port}") for port in range(1000, 1030)]
    for port, punt in enumerate(lazy, 1000):
        register(lan.api, punt.path, port)
        lan.wire.send(*[with_field(UDP, dport=port, chksum=0)] * 11)
    assert lan.punted(unicast()) == 0, "its own queue is empty, yet it gets nothing"
    assert sum(punt.pending() for punt in lazy) > 0
    assert lan.punted(unicast()) == 1, "after the full ones were read it does"


def test_a_program_that_has_gone_harms_nobody(lan: Lan) -> None:
    other = lan.rig.punt("other")
    register(lan.api, other.path, 68)
    other.close()
    other.path.unlink()
    to_client = with_field(UDP, dport=68, chksum=0)
    assert lan.punted(to_client, unicast()) == 1
    assert lan.rig.errors("Socket TX error") == 1


def test_an_l2_frame_goes_straight_to_that_interfaces_output(lan: Lan) -> None:
    frame = Ether(src=ROUTER, dst=HOST) / offer()[IP]
    lan.rig.punt_to_router(lan.index, L2, frame)
    assert bytes(lan.wire.receive()) == bytes(frame)


@pytest.mark.parametrize("name", [LAN, "local0"])
def test_the_first_routed_packet_to_an_unresolved_next_hop_is_lost_and_arp_asks(lan: Lan, name: str) -> None:
    index = lan.rig.index(name)
    packet = IP(src="10.0.0.1", dst="10.0.0.5", ttl=1) / UDP(sport=67, dport=68) / BOOTP()
    lan.rig.punt_to_router(index, IP4, packet)
    question = lan.wire.receive()[ARP]
    assert (question.op, question.psrc, question.pdst) == (1, "10.0.0.1", "10.0.0.5")
    lan.wire.send(arp(2, "10.0.0.5", "10.0.0.1", ROUTER))
    lan.rig.settled()
    lan.rig.punt_to_router(index, IP4, packet)
    routed = lan.wire.receive()
    assert (routed.dst, routed.src, bytes(routed[IP])) == (HOST, ROUTER, bytes(packet))


def test_sw_if_index_picks_the_table(lan: Lan) -> None:
    lan.rig.ctl("ip table add 9")
    lan.rig.ctl("ip route add 10.0.0.0/8 table 9 via drop")
    loopback = lan.rig.loopback()
    lan.rig.ctl(f"set interface ip table {loopback} 9")
    packet = IP(src="10.0.0.1", dst="10.0.0.5") / UDP(sport=67, dport=68) / BOOTP()
    lan.rig.punt_to_router(lan.rig.index(loopback), IP4, packet)
    other = IP(src="10.0.0.1", dst="10.0.0.6") / UDP(sport=67, dport=68) / BOOTP()
    lan.rig.punt_to_router(lan.index, IP4, other)
    assert lan.wire.receive()[ARP].pdst == "10.0.0.6"


def test_a_frame_to_an_interface_that_is_down_is_lost(lan: Lan) -> None:
    frame = Ether(src=ROUTER, dst=HOST) / offer()[IP]
    lan.rig.ctl(f"set interface state {LAN} down")
    lan.rig.punt_to_router(lan.index, L2, frame)
    wait_for(lambda: lan.rig.errors("interface is down") == 1, "it is counted")
    lan.rig.ctl(f"set interface state {LAN} up")
    assert lan.wire.nothing()


def test_datagrams_that_are_too_short_and_unknown_actions_are_ignored(lan: Lan) -> None:
    lan.rig.punt_to_router(lan.index, L2, b"")
    lan.rig.punt_to_router(lan.index, IP4, b"short")
    lan.rig.punt_to_router(lan.index, 7, bytes(60))
    last = Ether(src=ROUTER, dst=HOST) / IP(src="10.0.0.1", dst="10.0.0.5") / Raw(b"last")
    lan.rig.punt_to_router(lan.index, L2, last)
    assert bytes(lan.wire.receive()) == bytes(last), "and nothing else"
    assert not lan.rig.died()


CERTAIN = [(0xFFFFFFFF, L2), (0xFFFFFFFF, IP4), (99, IP4)]
LUCK = [(0xFFFFFFFF, IP6), (99, L2), (99, IP6)]


@pytest.mark.parametrize(("index", "action"), CERTAIN)
def test_a_wrong_sw_if_index_kills_vpp(lan: Lan, index: int, action: int) -> None:
    lan.rig.punt_to_router(index, action, bytes(60))
    wait_for(lan.rig.died, "the router has died")


@pytest.mark.parametrize(("index", "action"), LUCK)
def test_a_wrong_sw_if_index_that_vpp_may_survive_kills_the_simulator(
    simulator: SimulatorRig, index: int, action: int
) -> None:
    simulator.punt_to_router(index, action, bytes(60))
    assert simulator.process.wait(timeout=10) == 134
    assert f"names interface {index}" in simulator.said()
    assert (simulator.run_dir / "api.sock").exists(), "a process that dies leaves its sockets behind"


def test_the_read_rate_of_the_punt_socket_can_be_limited(start: Callable[..., SimulatorRig]) -> None:
    rig = start("--punt-rate", "0.001")
    index, wire = rig.interface(LAN, "10.0.0.1/24")
    for _ in range(2):
        rig.punt_to_router(index, L2, offer())
    wire.receive()
    rig.ctl("show version")
    assert wire.nothing(), "the second one waits"


def test_a_limited_read_rate_reads_on(start: Callable[..., SimulatorRig]) -> None:
    rig = start("--punt-rate", "100")
    index, wire = rig.interface(LAN, "10.0.0.1/24")
    for number in range(5):
        rig.punt_to_router(index, L2, offer(f"10.0.0.{number}"))
    assert [wire.receive()[IP].dst for _ in range(5)] == [f"10.0.0.{number}" for number in range(5)]
