"""The DHCP server on a simulated host, heard as a router's client hears it: from the punt socket, with scapy."""

from typing import Any

import pytest
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from tests.vppsim.client import register
from tests.vppsim.frames import EVERYBODY
from tests.vppsim.rig import WAN, SimulatorRig, mac_of

SERVER = "198.51.100.1"
SERVER_MAC = "02:00:00:00:99:01"
POOL = "pool 198.51.100.10 198.51.100.11"
FIRST, SECOND = "198.51.100.10", "198.51.100.11"
BROADCAST_FLAG = 0x8000
DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE = 1, 2, 3, 4, 5, 6, 7


class Client:
    """A client on the router's WAN, which has no address.

    mac: whose messages these are; replies for others than the router have to be broadcast.
    """

    def __init__(self, simulator: SimulatorRig) -> None:
        self.simulator = simulator
        self.mac = mac_of(WAN)
        self.index = simulator.index(WAN)
        api = simulator.api()
        api.call("dhcp_client_detect_enable_disable", sw_if_index=self.index, enable=True)
        self.punt = simulator.punt()
        register(api, self.punt.path, 68)
        self._xid = 0

    def says(self, kind: int, *, ciaddr: str = "0.0.0.0", unicast: bool = False, flags: int = 0, **more: Any) -> None:
        """Send a message."""
        self._xid += 1
        hardware = bytes.fromhex(self.mac.replace(":", ""))
        head = BOOTP(xid=self._xid, chaddr=hardware, ciaddr=ciaddr, flags=flags)
        message = head / DHCP(options=[("message-type", kind), *more.items(), "end"])
        destination, mac = (SERVER, SERVER_MAC) if unicast else ("255.255.255.255", EVERYBODY)
        frame = Ether(src=self.mac, dst=mac) / IP(src=ciaddr, dst=destination) / UDP(sport=68, dport=67) / message
        self.simulator.punt_to_router(self.index, 0, frame)

    def hears(self, kind: int) -> tuple[str, dict[Any, Any]]:
        """Receive a message of that type; return the address in it, and its options."""
        _, self.frame = self.punt.receive()
        options = {option[0]: option[1] for option in self.frame[DHCP].options if isinstance(option, tuple)}
        assert (self.frame[BOOTP].xid, options["message-type"]) == (self._xid, kind)
        return self.frame[BOOTP].yiaddr, options

    def binds(self) -> str:
        """Get a lease and return its address."""
        self.says(DISCOVER)
        offered, _ = self.hears(OFFER)
        self.says(REQUEST, requested_addr=offered, server_id=SERVER)
        assert self.hears(ACK)[0] == offered
        return offered


@pytest.fixture
def client(simulator: SimulatorRig) -> Client:
    """Give a client of a provider with a pool of two addresses."""
    simulator.interface(WAN)
    simulator.ctl(f"simulate host create isp interface {WAN} mac {SERVER_MAC} address {SERVER}/24")
    serves(simulator, POOL)
    return Client(simulator)


def serves(simulator: SimulatorRig, words: str) -> None:
    assert simulator.ctl(f"simulate host isp dhcp-server {words}") == ""


def shown(client: Client) -> dict[str, Any]:
    server: dict[str, Any] = client.simulator.state()["hosts"]["isp"]["dhcp-server"]
    return server


def test_a_lease_is_granted_on_its_terms(client: Client) -> None:
    terms = "lease-time 600 t1 100 t2 200 router 198.51.100.1 dns 192.0.2.53,192.0.2.54 option 26 05dc"
    serves(client.simulator, f"{POOL} {terms} relay 198.51.100.2")
    client.says(DISCOVER)
    assert client.hears(OFFER)[0] == FIRST
    client.says(REQUEST, requested_addr=FIRST, server_id=SERVER)
    address, options = client.hears(ACK)
    assert (address, client.frame[BOOTP].giaddr) == (FIRST, "198.51.100.2")
    assert (client.frame.dst, client.frame[IP].dst, client.frame[IP].src) == (client.mac, FIRST, SERVER)
    assert options == {
        "message-type": ACK,
        "server_id": SERVER,
        "lease_time": 600,
        "subnet_mask": "255.255.255.0",
        "renewal_time": 100,
        "rebinding_time": 200,
        "router": "198.51.100.1",
        "name_server": "192.0.2.53",
        "interface-mtu": 1500,
    }
    assert shown(client)["addresses"] == {client.mac: FIRST}


def test_replies_are_broadcast_where_a_client_asks_for_that(client: Client) -> None:
    client.says(DISCOVER, flags=BROADCAST_FLAG)
    client.hears(OFFER)
    assert (client.frame.dst, client.frame[IP].dst) == (EVERYBODY, "255.255.255.255")


def test_an_address_is_renewed_until_it_is_not_in_the_pool_any_more(client: Client) -> None:
    client.binds()
    client.says(REQUEST, ciaddr=FIRST, unicast=True)
    assert client.hears(ACK)[0] == FIRST
    serves(client.simulator, f"pool {SECOND} {SECOND}")
    client.says(REQUEST, ciaddr=FIRST, unicast=True)
    client.hears(NAK)
    assert (client.frame.dst, client.frame[IP].dst) == (EVERYBODY, "255.255.255.255")
    assert client.binds() == SECOND


def test_an_earlier_address_is_confirmed_and_another_one_refused(client: Client) -> None:
    client.binds()
    client.says(REQUEST, requested_addr=FIRST)
    assert client.hears(ACK)[0] == FIRST
    client.says(REQUEST, requested_addr=SECOND)
    client.hears(NAK)


def test_a_wish_is_granted_and_an_address_is_given_to_one_client_only(client: Client) -> None:
    client.says(DISCOVER, requested_addr=SECOND)
    assert client.hears(OFFER)[0] == SECOND
    client.mac = "02:00:00:00:00:77"
    client.says(DISCOVER, flags=BROADCAST_FLAG, requested_addr=SECOND)
    assert client.hears(OFFER)[0] == FIRST
    client.mac = "02:00:00:00:00:78"
    client.says(DISCOVER, flags=BROADCAST_FLAG)
    serves(client.simulator, "pool 198.51.100.10 198.51.100.12")
    client.says(DISCOVER, flags=BROADCAST_FLAG)
    assert client.hears(OFFER)[0] == "198.51.100.12", "and the first time there was none"


def test_a_released_address_is_free_and_a_declined_one_is_not(client: Client) -> None:
    client.binds()
    client.says(RELEASE, ciaddr=FIRST, unicast=True, server_id=SERVER)
    assert shown(client)["addresses"] == {}
    client.binds()
    client.says(DECLINE, requested_addr=FIRST, server_id=SERVER)
    assert client.binds() == SECOND
    assert [heard["type"] for heard in shown(client)["heard"]] == [
        *("discover", "request", "release"),
        *("discover", "request", "decline"),
        *("discover", "request"),
    ]


def test_a_request_for_another_server_is_left_to_that(client: Client) -> None:
    client.says(REQUEST, requested_addr=FIRST, server_id="198.51.100.2")
    assert client.binds() == FIRST


def test_it_refuses_is_silent_and_answers_again(client: Client) -> None:
    client.binds()
    serves(client.simulator, "nak")
    client.says(REQUEST, ciaddr=FIRST)
    client.hears(NAK)
    serves(client.simulator, "silent")
    client.says(REQUEST, ciaddr=FIRST)
    serves(client.simulator, "answer")
    client.says(REQUEST, ciaddr=FIRST)
    client.hears(ACK)
    serves(client.simulator, "none")
    assert "dhcp-server" not in client.simulator.state()["hosts"]["isp"]


def test_what_was_heard_is_shown(client: Client) -> None:
    client.says(DISCOVER, hostname="router", client_id=b"\1\2")
    (heard,) = shown(client)["heard"]
    assert (heard["type"], heard["mac"], heard["ciaddr"]) == ("discover", client.mac, "0.0.0.0")
    assert heard["options"] == {"53": "01", "12": b"router".hex(), "61": "0102"}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [("", "unknown input `'"),
     ("dance", "unknown input `dance'"),
     ("pool 198.51.100.10", "expected pool FIRST LAST"),
     (f"{POOL} t1 soon", "expected a number, not `soon'"),
     (f"{POOL} dns 192.0.2.53,here", "'here' does not appear to be an IPv4 or IPv6 interface"),
     (f"{POOL} option 26", "expected option CODE HEX, of at most 255 bytes"),
     (f"{POOL} option 255 00", "expected option CODE HEX, of at most 255 bytes")],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(client: Client, words: str, complaint: str) -> None:
    assert client.simulator.ctl(f"simulate host isp dhcp-server {words}") == f"simulate host: {complaint}"


def test_only_a_server_can_be_told_how_to_behave(client: Client) -> None:
    client.simulator.ctl(f"simulate host create h interface {WAN} mac 02:00:00:00:00:55")
    assert client.simulator.ctl("simulate host h dhcp-server nak") == "simulate host: h is no DHCP server"
