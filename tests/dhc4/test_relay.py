"""Clients that come by relay agents: RFC 3046, RFC 3527, RFC 3011, RFC 5107 and RFC 8357."""

from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from tests.dhc4.clients import (
    Lan,
    decline,
    dropped,
    interface,
    kinds,
    message,
    number,
    options,
    release,
    renew,
)
from vppdhc.dhc4.config import Overrides, PoolConfig, ServerConfig, Settings, SubnetConfig
from vppdhc.dhc4.events import EventKind
from vppdhc.dhc4.request import Drop
from vppdhc.dhc4.reservations import Reservation, Reservations
from vppdhc.packet import punt

RELAY = "172.16.9.9"
LINK = "10.1.0.1"
BEHIND = (
    SubnetConfig("behind", IPv4Network("10.1.0.0/24"), relay_addresses=(number(RELAY),)),
    SubnetConfig("other", IPv4Network("10.2.0.0/24")),
)


def suboptions(*pairs: tuple[int, bytes | str]) -> tuple[int, bytes]:
    """Option 82 with these suboptions; an address as text."""
    wire = b""
    for code, value in pairs:
        raw = IPv4Address(value).packed if isinstance(value, str) else value
        wire += bytes((code, len(raw))) + raw
    return 82, wire


def remote(*addresses: str, **config: Any) -> Lan:
    """A server that the clients of two networks without an address of ours reach by a relay agent."""
    config = {"settings": Settings(subnet_selection=True)} | config
    return Lan(
        interface(*(addresses or ("192.168.1.1/24", "192.168.5.1/24"))), config=ServerConfig(subnets=BEHIND, **config)
    )


# Which network


@pytest.mark.parametrize(
    ("giaddr", "said", "network"),
    [
        (RELAY, (), "10.1.0."),
        ("10.1.0.1", (), "10.1.0."),
        ("10.2.0.1", (), "10.2.0."),
        ("192.168.5.9", (), "192.168.5."),
        (RELAY, (suboptions((5, "10.2.0.0")),), "10.2.0."),  # link selection before giaddr (RFC 3527, 3)
        ("192.168.1.9", (suboptions((5, RELAY)),), "10.1.0."),
        (RELAY, ((118, IPv4Address("10.2.0.0").packed),), "10.2.0."),  # subnet selection before giaddr (RFC 3011, 2)
        (RELAY, ((118, IPv4Address("192.168.1.0").packed), suboptions((5, "10.2.0.0"))), "10.2.0."),  # RFC 3527, 3
    ],
)
def test_the_network_of_a_relayed_client(giaddr: str, said: Any, network: str) -> None:
    seen = remote().ask(message("discover", 1, *said, giaddr=giaddr))
    assert (seen.type, seen.destination) == ("offer", giaddr), "whichever it is, the relay agent gets the answer"
    assert seen.bootp.yiaddr.startswith(network)


@pytest.mark.parametrize(
    "said",
    [(suboptions((5, "10.9.0.0")),), ((118, IPv4Address("10.9.0.0").packed),)],
    ids=["link selection", "subnet selection"],
)
def test_nothing_is_offered_from_another_network_than_the_selected_one(said: Any) -> None:
    assert dropped(remote().hear(message("discover", 1, *said, giaddr=RELAY)), Drop.NO_SUBNET)


def test_a_relay_agent_that_nothing_is_known_of() -> None:
    assert dropped(remote().hear(message("discover", giaddr="10.9.0.1")), Drop.NO_SUBNET)


def test_subnet_selection_is_echoed() -> None:
    lan = remote()
    chosen = (118, IPv4Address("10.2.0.0").packed)
    offered = lan.ask(message("discover", 1, chosen, giaddr=RELAY))
    asked = lan.select(1, offered.bootp.yiaddr, chosen, server=offered.options["server_id"], giaddr=RELAY)
    refused = message("request", 2, ("requested_addr", "10.1.0.5"), chosen, giaddr=RELAY)
    for seen, kind in ((offered, "offer"), (lan.ask(asked), "ack"), (lan.ask(refused), "nak")):
        assert (seen.type, seen.options["subnet-selection"]) == (kind, "10.2.0.0")
    assert "subnet-selection" not in lan.ask(message("discover", 3, giaddr=RELAY)).options


def test_subnet_selection_is_off_unless_it_is_configured() -> None:
    lan = remote(settings=Settings())
    seen = lan.ask(message("discover", 1, (118, IPv4Address("10.2.0.0").packed), giaddr=RELAY))
    assert seen.bootp.yiaddr.startswith("10.1.0.")
    assert "subnet-selection" not in seen.options
    seen = lan.ask(message("discover", 2, (118, IPv4Address("192.168.5.0").packed)))
    assert seen.bootp.yiaddr.startswith("192.168.1.")


def test_without_a_relay_agent_a_client_chooses_among_the_networks_of_its_link() -> None:
    lan = remote()
    second = lan.ask(message("discover", 1, (118, IPv4Address("192.168.5.0").packed)))
    assert second.bootp.yiaddr.startswith("192.168.5.")
    assert lan.ask(message("discover", 2)).bootp.yiaddr.startswith("192.168.1.")
    elsewhere = message("discover", 3, (118, IPv4Address("10.1.0.0").packed))
    assert dropped(lan.hear(elsewhere), Drop.NO_SUBNET)


def test_link_selection_is_for_relay_agents() -> None:
    seen = remote().ask(message("discover", 1, suboptions((1, b"port"), (5, "10.1.0.0"))))
    assert seen.bootp.yiaddr.startswith("192.168.1.")
    assert seen.options["relay_agent_information"] == suboptions((1, b"port"), (5, "10.1.0.0"))[1]


def test_pools_and_their_options_for_relayed_clients() -> None:
    pool = PoolConfig(
        "few", number("10.1.0.50"), number("10.1.0.51"), Overrides(60, options=options(routers=["10.1.0.254"]))
    )
    subnet = SubnetConfig("behind", IPv4Network("10.1.0.0/24"), relay_addresses=(number(RELAY),), pools=(pool,))
    lan = Lan(config=ServerConfig(subnets=(subnet,)))
    for station in (1, 2):
        seen = lan.ask(message("discover", station, giaddr=RELAY))
        assert seen.bootp.yiaddr in {"10.1.0.50", "10.1.0.51"}
        assert (seen.options["lease_time"], seen.options["router"]) == (60, "10.1.0.254")
    assert dropped(lan.hear(message("discover", 3, giaddr=RELAY)), Drop.NO_ADDRESS)


# Who we are


def test_the_server_identifier_in_a_network_without_our_address() -> None:
    lan = remote()
    usual = lan.ask(message("discover", 1, giaddr=RELAY, destination="192.168.5.1"))
    assert (usual.options["server_id"], usual.source) == ("192.168.5.1", "192.168.5.1"), "what the agent sent it to"
    elsewhere = lan.ask(message("discover", 1, giaddr=RELAY, destination="10.99.0.1"))
    assert (elsewhere.options["server_id"], elsewhere.source) == ("192.168.1.1", "192.168.1.1")
    assert "router" not in usual.options, "we are none there"
    asked = lan.select(1, usual.bootp.yiaddr, server="192.168.5.1", giaddr=RELAY, destination="192.168.5.1")
    assert lan.ask(asked).type == "ack"
    renewed = lan.ask(renew(1, usual.bootp.yiaddr, frame_source="02:00:00:00:00:77"))
    assert (renewed.type, renewed.action, renewed.destination) == ("ack", punt.L2, usual.bootp.yiaddr)
    given_back = release(
        1, usual.bootp.yiaddr, ("server_id", "192.168.5.1"), destination="192.168.5.1", frame_source="02:00:00:00:00:77"
    )
    assert kinds(lan.hear(given_back)) == [EventKind.RELEASED]


def test_a_relay_agent_that_stands_in_for_the_server() -> None:
    lan = remote()
    override = suboptions((11, LINK), (5, LINK))
    offered = lan.ask(message("discover", 1, override, giaddr=RELAY))
    assert (offered.options["server_id"], offered.source) == (LINK, "192.168.1.1")
    address = offered.bootp.yiaddr
    acked = lan.ask(lan.select(1, address, override, server=LINK, giaddr=RELAY))
    assert (acked.type, acked.options["server_id"]) == ("ack", LINK)
    renewed = lan.ask(renew(1, address, override, giaddr=RELAY))
    assert (renewed.type, renewed.options["server_id"], renewed.destination) == ("ack", LINK, RELAY)
    refused = lan.ask(message("request", 1, ("requested_addr", "10.77.0.1"), override, giaddr=RELAY))
    assert (refused.type, refused.options["server_id"]) == ("nak", LINK)
    given_back = release(1, address, ("server_id", LINK), override, giaddr=RELAY)
    assert kinds(lan.hear(given_back)) == [EventKind.RELEASED]


def test_a_server_identifier_that_nobody_overrode_is_another_servers() -> None:
    lan = remote()
    offered = lan.ask(message("discover", 1, giaddr=RELAY))
    asked = lan.select(1, offered.bootp.yiaddr, server=LINK, giaddr=RELAY)
    assert dropped(lan.hear(asked), Drop.OTHER_SERVER)
    spoofed = lan.select(1, offered.bootp.yiaddr, suboptions((11, "192.168.1.77")), server="192.168.1.77")
    assert dropped(lan.hear(spoofed), Drop.OTHER_SERVER), "without a relay agent there is no override"


# Where answers go


@pytest.mark.parametrize(
    ("said", "port", "to"),
    [
        ((suboptions((19, b"")),), 50_067, 50_067),
        ((suboptions((1, b"port")),), 50_067, 67),
        ((), 50_067, 67),
        ((suboptions((19, b"")),), 67, 67),
    ],
    ids=["relay port", "not asked for", "no option", "the usual one"],
)
def test_the_port_of_the_relay_agent(said: Any, port: int, to: int) -> None:
    lan = remote()
    for asked in (
        message("discover", 1, *said, giaddr=RELAY, port=port),
        message("request", 1, ("requested_addr", "10.77.0.1"), *said, giaddr=RELAY, port=port),
    ):
        seen = lan.ask(asked)
        assert (seen.destination, seen.ports) == (RELAY, (67, to))
        assert seen.options.get("relay_agent_information") == (said[0][1] if said else None)


def test_relay_information_of_several_parts_comes_back_whole_and_last() -> None:
    parts = [(82, bytes((9, 200)) + bytes(200)), (82, bytes((1, 100)) + bytes(100))]
    (reply,) = remote().hear(message("discover", 1, *parts, (57, b"\2\x40"), giaddr=RELAY)).replies
    assert reply.message.options[82] == parts[0][1] + parts[1][1]
    assert list(reply.message.options)[-1] == 82


@pytest.mark.parametrize(
    "raw",
    [b"\1", b"\1\5abc", b"\1\1a\1\1b", b"\5\3\1\2\3", b"\x0b\0", b"\5\5\1\2\3\4\5"],
    ids=["no length", "cut", "twice", "short link", "empty override", "long link"],
)
@pytest.mark.parametrize("giaddr", [RELAY, "0.0.0.0"])
def test_relay_information_that_makes_no_sense(raw: bytes, giaddr: str) -> None:
    lan = remote()
    assert dropped(lan.hear(message("discover", 1, (82, raw), giaddr=giaddr)), Drop.RELAY_INFORMATION)
    assert lan.ask(message("discover", 2, giaddr=giaddr)).type == "offer"


def test_a_subnet_selection_that_makes_no_sense() -> None:
    assert dropped(remote().hear(message("discover", 1, (118, b"\1\2\3"), giaddr=RELAY)), Drop.MALFORMED)


# Who a client is to its relay agent


def circuit(id_: str, address: str, **more: Any) -> Reservation:
    return Reservation(id_, None, b"", number(address), "", **more)


def test_reservations_by_circuit_and_remote_id() -> None:
    reserved = Reservations(
        [
            circuit("both", "10.1.0.10", circuit_id=b"port1", remote_id=b"switch"),
            circuit("circuit", "10.1.0.11", circuit_id=b"port1"),
            circuit("remote", "10.1.0.12", remote_id=b"modem"),
        ]
    )
    lan = remote(reservations=reserved)
    for station, said, address in (
        (1, suboptions((1, b"port1"), (2, b"switch")), "10.1.0.10"),
        (2, suboptions((1, b"port1")), "10.1.0.11"),
        (3, suboptions((1, b"port9"), (2, b"modem")), "10.1.0.12"),
    ):
        assert lan.bind(station, said, giaddr=RELAY) == address
    assert lan.bind(4, suboptions((1, b"port12")), giaddr=RELAY) not in {"10.1.0.10", "10.1.0.11", "10.1.0.12"}


def test_two_clients_on_one_circuit_do_not_share_its_address() -> None:
    lan = remote(reservations=Reservations([circuit("circuit", "10.1.0.11", circuit_id=b"port1")]))
    said = suboptions((1, b"port1"))
    assert lan.bind(1, said, giaddr=RELAY) == "10.1.0.11"
    assert lan.bind(2, said, giaddr=RELAY) != "10.1.0.11"
    assert lan.ask(renew(1, "10.1.0.11", said, giaddr=RELAY)).type == "ack"
    lan.hear(release(1, "10.1.0.11", said, giaddr=RELAY))
    assert lan.bind(3, said, giaddr=RELAY) == "10.1.0.11", "a new device takes the place of the old one"


def test_a_lease_says_where_its_client_is() -> None:
    lan = remote()
    said = suboptions((1, b"port1"), (2, b"switch"))
    address = lan.bind(1, said, (60, b"modem 3"), (77, b"\4test\5other"), giaddr=RELAY)
    lease = lan.stored[0, number(address)]
    assert lease.details == (number(RELAY), b"port1", b"switch", "modem 3", "test, other", "")
    other = lan.stored[0, number(lan.bind(2, said, (60, b"modem 3"), (77, b"\4test\5other"), giaddr=RELAY))]
    assert other.details is lease.details, "leases share what is equal"
    lan.ask(renew(1, address, said, giaddr=RELAY))
    assert lan.stored[0, number(address)].details == (number(RELAY), b"port1", b"switch", "", "", "")
    assert lease.interface == "tap0"


# Giving up addresses


def test_declining_and_releasing_through_a_relay_agent() -> None:
    lan = remote()
    server = lan.ask(message("discover", 1, giaddr=RELAY)).options["server_id"]
    first = lan.bind(1, giaddr=RELAY)
    assert kinds(lan.hear(decline(1, first, server, giaddr=RELAY))) == [EventKind.DECLINED]
    second = lan.bind(1, giaddr=RELAY)
    assert second != first
    assert kinds(lan.hear(release(1, second, giaddr=RELAY))) == [EventKind.RELEASED]
    assert lan.bind(1, giaddr=RELAY) == second


def test_inform_through_a_relay_agent_is_told_of_its_network() -> None:
    seen = remote().ask(message("inform", 1, ciaddr="10.1.0.77", giaddr=RELAY))
    assert (seen.type, seen.action, seen.destination, seen.ports) == ("ack", punt.IP4, "10.1.0.77", (67, 68))
    assert (seen.options["subnet_mask"], seen.options["server_id"]) == ("255.255.255.0", "192.168.1.1")
