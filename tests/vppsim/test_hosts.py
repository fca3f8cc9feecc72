from typing import Any

import pytest
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Packet

from tests.vppsim.client import listen_to_broadcasts, register
from tests.vppsim.frames import EVERYBODY
from tests.vppsim.rig import LAN, Punt, SimulatorRig, mac_of
from tests.waiting import wait_for

MAC = "02:00:00:00:00:05"
SERVER = "10.0.0.1"
GIVEN = "10.0.0.77"
L2 = 0


class Server:
    """The other side of the conversation, on scapy: it reads what a host says and answers."""

    def __init__(self, simulator: SimulatorRig, interface: str = LAN, tags: Any = None) -> None:
        self.simulator = simulator
        self._index = simulator.index(interface)
        self._tags = tags
        self.frame: Packet = Ether()
        api = simulator.api()
        listen_to_broadcasts(api)
        self.punt: Punt = simulator.punt()
        register(api, self.punt.path, 67)

    def hears(self, kind: int) -> dict[Any, Any]:
        """Receive a message of that type and return its options."""
        index, self.frame = self.punt.receive()
        options = self.options()
        assert (index, options["message-type"]) == (self._index, kind)
        return options

    def options(self) -> dict[Any, Any]:
        """Return the options of what was heard last."""
        return {option[0]: option[1] for option in self.frame[DHCP].options if isinstance(option, tuple)}

    def answers(self, kind: int, address: str = GIVEN, **options: Any) -> None:
        """Answer what was heard last."""
        asked = self.frame[BOOTP]
        filled = {"server_id": SERVER, "lease_time": 3600, "subnet_mask": "255.255.255.0", "router": SERVER} | options
        head = BOOTP(op=2, xid=asked.xid, chaddr=asked.chaddr, yiaddr=address, ciaddr=asked.ciaddr)
        message = head / DHCP(options=[("message-type", kind), *filled.items(), "end"])
        frame = Ether(src=mac_of(LAN), dst=EVERYBODY)
        frame = frame / self._tags if self._tags else frame
        frame = frame / IP(src=SERVER, dst="255.255.255.255") / UDP(sport=67, dport=68) / message
        self.simulator.punt_to_router(self._index, L2, frame)

    def serves(self, **options: Any) -> None:
        """Give a lease to a host that asks for one."""
        self.hears(1)
        self.answers(2, **options)
        self.hears(3)
        self.answers(5, **options)


@pytest.fixture
def server(simulator: SimulatorRig) -> Server:
    simulator.interface(LAN, f"{SERVER}/24")
    assert simulator.ctl(f"simulate host create h interface {LAN} mac {MAC}") == "h"
    return Server(simulator)


def host(server: Server, name: str = "h") -> dict[str, Any]:
    shown: dict[str, Any] = server.simulator.state()["hosts"][name]
    return shown


def becomes(server: Server, state: str) -> dict[str, Any]:
    wait_for(lambda: host(server)["state"] == state, state)
    return host(server)


def do(server: Server, *words: str) -> None:
    assert server.simulator.ctl(f"simulate host h dhcp {' '.join(words)}") == ""


def test_a_host_gets_a_lease(server: Server) -> None:
    do(server, "start")
    discover = server.hears(1)
    assert "requested_addr" not in discover
    assert (server.frame[IP].src, server.frame[IP].dst, server.frame.dst) == ("0.0.0.0", "255.255.255.255", EVERYBODY)
    assert (server.frame[BOOTP].chaddr[:6].hex(":"), int(server.frame[BOOTP].flags)) == (MAC, 0)
    server.answers(2)
    request = server.hears(3)
    assert (request["requested_addr"], request["server_id"]) == (GIVEN, SERVER)
    assert server.frame[BOOTP].ciaddr == "0.0.0.0"
    server.answers(5, name_server="192.0.2.53")
    shown = becomes(server, "bound")
    assert (shown["address"], shown["server"], shown["router"]) == (f"{GIVEN}/24", SERVER, SERVER)
    assert shown["name-servers"] == ["192.0.2.53"]
    assert 3590 < shown["expires-in"] <= 3600
    assert shown["received"] == {"offer": 1, "ack": 1}
    table = server.simulator.ctl("show simulate hosts").splitlines()[1].split()
    assert table[:5] == ["h", MAC, "bound", f"{GIVEN}/24", SERVER]


def test_a_host_asks_again_while_nobody_answers(server: Server) -> None:
    do(server, "start")
    first = [server.hears(1), server.frame[BOOTP].xid]
    second = [server.hears(1), server.frame[BOOTP].xid]
    assert first == second


def test_a_host_asks_for_an_address_and_says_who_it_is(server: Server) -> None:
    server.simulator.ctl(
        f"simulate host create other interface {LAN} mac 02:00:00:00:00:06 client-id 0102aabb broadcast"
    )
    assert server.simulator.ctl(f"simulate host other dhcp start {GIVEN}") == ""
    discover = server.hears(1)
    assert (discover["requested_addr"], discover["client_id"]) == (GIVEN, b"\1\2\xaa\xbb")
    assert int(server.frame[BOOTP].flags) == 0x8000


@pytest.mark.parametrize("verb", ["renew", "rebind"])
def test_a_host_renews_by_unicast_and_rebinds_by_broadcast(server: Server, verb: str) -> None:
    do(server, "start")
    server.serves()
    becomes(server, "bound")
    do(server, verb)
    request = server.hears(3)
    assert not {"requested_addr", "server_id"} & request.keys()
    assert server.frame[BOOTP].ciaddr == GIVEN
    where = {"renew": (mac_of(LAN), SERVER), "rebind": (EVERYBODY, "255.255.255.255")}[verb]
    assert (server.frame.dst, server.frame[IP].dst, server.frame[IP].src) == (*where, GIVEN)
    server.answers(5, lease_time=7200)
    wait_for(lambda: host(server)["expires-in"] > 3600, "the lease is longer")


def test_a_host_renews_at_t1_rebinds_at_t2_and_gives_up_at_the_end(server: Server) -> None:
    do(server, "start")
    server.serves(lease_time=3, renewal_time=1, rebinding_time=2)
    assert server.hears(3)["message-type"] == 3
    assert server.frame[IP].dst == SERVER
    while server.frame[IP].dst == SERVER:
        server.hears(3)
    assert (server.frame[IP].dst, host(server)["state"]) == ("255.255.255.255", "rebinding")
    while server.frame[BOOTP].ciaddr == GIVEN:
        _, server.frame = server.punt.receive()
    assert server.options()["message-type"] == 1
    assert host(server)["address"] is None


def test_a_host_starts_again_after_a_nak(server: Server) -> None:
    do(server, "start")
    server.serves()
    becomes(server, "bound")
    do(server, "reboot")
    request = server.hears(3)
    assert (request["requested_addr"], "server_id" in request) == (GIVEN, False)
    assert server.frame[BOOTP].ciaddr == "0.0.0.0"
    server.answers(6, address="0.0.0.0")
    server.serves(address="10.0.0.78")
    assert becomes(server, "bound")["address"] == "10.0.0.78/24"


def test_a_host_that_reboots_keeps_its_address(server: Server) -> None:
    do(server, "start")
    server.serves()
    becomes(server, "bound")
    do(server, "reboot")
    server.hears(3)
    server.answers(5)
    assert becomes(server, "bound")["address"] == f"{GIVEN}/24"


def test_a_host_releases_declines_and_informs(server: Server) -> None:
    do(server, "start")
    server.serves()
    becomes(server, "bound")
    do(server, "inform")
    assert "requested_addr" not in server.hears(8)
    assert server.frame[BOOTP].ciaddr == GIVEN
    do(server, "release")
    assert server.hears(7)["server_id"] == SERVER
    assert (server.frame[BOOTP].ciaddr, server.frame[IP].dst) == (GIVEN, SERVER)
    assert host(server)["address"] is None
    do(server, "start")
    server.serves()
    becomes(server, "bound")
    do(server, "decline")
    declined = server.hears(4)
    assert (declined["requested_addr"], declined["server_id"]) == (GIVEN, SERVER)
    assert server.frame[BOOTP].ciaddr == "0.0.0.0"


def test_a_host_in_a_vlan_tags_its_frames(simulator: SimulatorRig) -> None:
    simulator.interface(LAN)
    name = simulator.ctl(f"create sub-interfaces {LAN} 20")
    simulator.ctl(f"set interface state {name} up")
    simulator.ctl(f"set interface ip address {name} {SERVER}/24")
    assert simulator.ctl(f"simulate host create h interface {LAN} mac {MAC} vlan 20") == "h"
    server = Server(simulator, name, Dot1Q(vlan=20))
    do(server, "start")
    server.serves()
    assert becomes(server, "bound")["address"] == f"{GIVEN}/24"
    assert server.frame[Dot1Q].vlan == 20


def test_a_host_with_an_address_answers_arp_and_pings_and_is_pinged(server: Server) -> None:
    ctl = server.simulator.ctl
    ctl(f"simulate host create other interface {LAN} mac 02:00:00:00:00:06 address 10.0.0.6/24")
    assert ctl("simulate host h address 10.0.0.5/24") == ""
    assert ctl("simulate host h ping 10.0.0.6") == ""
    assert ctl(f"simulate host other ping {SERVER}") == ""
    assert [host(server, name)["received"] for name in ("h", "other")] == [{"echo reply": 1}] * 2
    assert "10.0.0.6" in ctl("show ip neighbors")
    assert ctl("simulate host h address none") == ""
    assert host(server)["address"] is None


def test_a_host_that_was_deleted_is_silent(server: Server) -> None:
    ctl = server.simulator.ctl
    ctl("simulate host h address 10.0.0.5/24")
    assert ctl("simulate host h delete") == ""
    assert server.simulator.state()["hosts"] == {}
    assert ctl(f"simulate host create again interface {LAN} mac {MAC}") == "again"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [("create", "create: expected NAME interface IF mac MAC"),
     (f"create h interface {LAN} mac 02:00:00:00:00:99", "create: host h is there already"),
     (f"create i interface {LAN} mac {MAC}", f"create: {MAC} is on that interface already"),
     (f"create i interface {LAN} mac nonsense", "create: nonsense is no MAC address"),
     (f"create i interface {LAN} mac 02:00:00:00:00:99 address 2001:db8::1", "create: 2001:db8::1 is no IPv4 address"),
     ("nobody dhcp start", ": no host `nobody'"),
     ("h dhcp dance", ": unknown input `dance'"),
     ("h sleep", ": unknown input `sleep'"),
     ("h dhcp renew", ": h has no address")],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(server: Server, line: str, complaint: str) -> None:
    refused = server.simulator.ctl(f"simulate host {line}")
    assert refused == "simulate host" + (complaint if complaint.startswith(":") else f" {complaint}")
