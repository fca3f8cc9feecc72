"""What the standards say of a DHCPv4 client in half a sentence, as docs/rfc-dhcpv4-client.md lists it."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from tests.dhc4.clients import Lan, options
from tests.dhc4client.provider import SERVER_MAC, punted
from tests.dhc4client.test_clients import FAST, WANS, Machine
from tests.dhc4client.test_replies import terms
from tests.dhc4client.world import MAC, World, bound, by_type, counts, drops, gaps, wan
from tests.vpp.conftest import until
from vppdhc.dhc4.reply import encode
from vppdhc.dhc4client import messages
from vppdhc.dhc4client.config import ClientConfig
from vppdhc.dhc4client.identity import Identity
from vppdhc.dhc4client.needs import needs
from vppdhc.dhc4client.replies import read_reply
from vppdhc.dhc4client.states import State
from vppdhc.dhc4client.terms import StaticRoute, v6_only_wait
from vppdhc.packet import punt
from vppdhc.packet.dhcp4 import Message, MessageType, receive
from vppdhc.packet.options4 import Option
from vppdhc.vpp.items import Item, Route

SERVER = IPv4Address("192.0.2.1")


# RFC 2131


def test_transaction_ids_of_two_clients_and_of_two_acquisitions_differ() -> None:
    """RFC 2131, 4.1."""
    found = set()
    for seed in range(10):
        world = World(seed=seed)
        world.server.answers = {"discover"}
        world.run(200)
        discovers = [heard.message.xid for heard in by_type(world.heard)["discover"]]
        assert len(discovers) > 1
        assert len(set(discovers)) == len(discovers)
        found.update(discovers)
    assert len(found) > 20


def test_what_the_ack_says_counts_and_not_what_the_offer_said() -> None:
    """RFC 2131, 4.3.2."""
    world = World()
    world.server.answers = {"discover"}
    world.run(2)
    world.server.options = {Option.ROUTERS: ["192.0.2.9"], Option.DOMAIN_NAME: "example.net"}
    world.server.lease_time = 600
    world.server.answers = {"discover", "request"}
    world.run(10)
    assert world.state is State.BOUND
    assert world.vpp.routes == [("0.0.0.0/0", "192.0.2.9", "0")]
    assert world.lease.terms.lease_time == 600
    assert world.learned[-1][Option.DOMAIN_NAME] == b"example.net"


def test_every_message_of_a_client_has_the_same_identifier_and_list() -> None:
    """RFC 2131, 4.2; RFC 4361, 6.4."""
    world = bound()
    world.server.answers = set()
    world.run_until(State.REBINDING)
    world.server.answers = {"discover", "request"}
    world.check.taken.add("192.0.2.51")
    world.server.gives = "192.0.2.51/24"
    world.run_until(State.DECLINED)
    assert set(world.server.types()) == {"discover", "request", "decline"}
    assert len({heard.option(Option.DHCP_CLIENT_IDENTIFIER) for heard in world.heard}) == 1
    asking = [heard for heard in world.heard if heard.type != "decline"]
    assert len({heard.option(Option.DHCP_PARAMETER_REQUEST_LIST) for heard in asking}) == 1


def test_the_address_of_a_relay_agent_is_no_router() -> None:
    """RFC 1542, 3.4."""
    found = terms(without="router", giaddr="192.0.2.1")
    assert not [item for item in needs(found, ClientConfig(), wan()) if isinstance(item, Route)]


# RFC 4039 and RFC 8925: what is asked for


@pytest.mark.parametrize(("able", "asked"), [(False, []), (True, [108])])
def test_an_operator_cannot_ask_for_what_the_client_does_not_do(able: bool, asked: list[int]) -> None:
    config = ClientConfig(rapid_commit=True, ipv6_only_preferred=able, request_options=(80, 108, 125))
    assert list(messages.requested_options(config)) == [1, 121, 3, 6, 15, 119, 42, 26, 58, 59, *asked, 125]


# RFC 3442


def test_bits_behind_the_length_of_a_route_are_zero() -> None:
    """RFC 3442, DHCP Client Behavior, with its own example."""
    raw = b"\x19\x81\xd2\xb1\x84\xc0\0\2\2"
    assert terms({121: raw}).routes == (StaticRoute(IPv4Network("129.210.177.128/25"), IPv4Address("192.0.2.2")),)


@pytest.mark.parametrize("classless", [True, False])
def test_static_routes_with_classes_are_never_used(classless: bool) -> None:
    """RFC 3442, DHCP Client Behavior: not beside classless ones; and without a mask they are of no use."""
    said: dict[object, bytes] = {33: bytes([10, 0, 0, 0, 192, 0, 2, 9])}
    if classless:
        said[121] = b"\x08\x0b\xc0\0\2\2"
    found = terms(said)
    routes = [str(item.prefix) for item in needs(found, ClientConfig(), wan()) if isinstance(item, Route)]
    assert routes == (["11.0.0.0/8"] if classless else ["0.0.0.0/0"])


# RFC 5227


def test_renewals_ask_nobody_whether_he_has_the_address() -> None:
    """RFC 5227, 2.1."""
    world = bound()
    world.run(10 * 3600)
    assert counts(world)["request"] > 10
    assert world.check.asked == ["192.0.2.50"]


def test_after_ten_conflicts_no_address_is_tried_within_a_minute_whatever_the_link_does() -> None:
    """RFC 5227, 2.1.1."""
    world = World()
    world.check.taken = {"192.0.2.50"}
    while counts(world).get("decline", 0) < 10:
        world.run(1)
    since = len(world.heard)
    for _ in range(100):
        world.link_down()
        world.run(2)
        world.link_up()
        world.run(20)
    tries = [heard.at for heard in world.heard[since:] if heard.type == "discover"]
    assert len(tries) > 10
    assert all(pause >= 60 for pause in gaps(tries))


def test_an_address_that_is_used_is_not_asked_about_while_something_else_is_refused() -> None:
    """RFC 5227, 2.1: not as a matter of course."""
    world = World()

    def refuse(item: Item) -> str:
        return "no such table" if isinstance(item, Route) else ""

    world.vpp.refuses = refuse
    world.run(1700)
    assert world.vpp.addresses == ["192.0.2.50/24"]
    assert "no such table" in world.journal.problem
    assert world.check.asked == ["192.0.2.50"]
    world.vpp.refuses = lambda _: ""
    world.run(700)
    assert world.vpp.routes
    assert world.check.asked == ["192.0.2.50"]


# RFC 8925


def offer_none(world: World, wait: int | None) -> None:
    """Answer the last DISCOVER without an address, as RFC 8925, 3.3, wants it from servers. wait: option 108."""
    asked = world.heard[-1].message
    said: dict[int, bytes] = {
        Option.DHCP_MESSAGE_TYPE: b"\2",
        Option.DHCP_SERVER_IDENTIFIER: SERVER.packed,
        Option.DHCP_LEASE_TIME: b"\0\0\x0e\x10",
    }
    if wait is not None:
        said[Option.V6_ONLY_PREFERRED] = wait.to_bytes(4, "big")
    world.deliver(punted(Message(op=2, xid=asked.xid, chaddr=asked.chaddr, options=said), SERVER))


class Listening(Machine):
    """A router with clients. lists: the last parameter list that each has sent."""

    def __init__(self, directory: Path) -> None:
        self.lists: dict[str, bytes] = {}
        super().__init__(directory)

    def send(self, index: int, action: int, frame: bytes) -> bool:
        interface = self.table.get(index)
        assert interface is not None
        sent = receive(punt.encode(index, punt.L2, frame))
        self.lists[interface.name] = sent.options[Option.DHCP_PARAMETER_REQUEST_LIST]
        return super().send(index, action, frame)


def test_on_one_interface_the_client_can_do_without_ipv4_and_on_another_it_cannot(tmp_path: Path) -> None:
    """RFC 8925, 3.2."""
    router = Listening(tmp_path)
    try:
        router.clients.configure({"wan0": FAST, "wan1": replace(FAST, ipv6_only_preferred=True)})
        router.connect(*WANS.values())
        until(lambda: len(router.lists) == 2, "both have sent something")
        assert [108 in router.lists[name] for name in ("wan0", "wan1")] == [False, True]
    finally:
        router.supervisor.stop_all()


def test_an_offer_without_an_address_says_that_none_is_needed() -> None:
    world = World(ClientConfig(ipv6_only_preferred=True))
    world.server.answers = set()
    world.run(1)
    offer_none(world, 1800)
    world.run(2)
    assert world.state is State.IPV6_ONLY
    assert world.server.types() == ["discover"]
    assert (counts(world), drops(world)) == ({"discover": 1, "offer": 1}, {})
    assert "192.0.2.1 wants this network to be used without IPv4" in world.journal.history[-1].text


@pytest.mark.parametrize(("able", "wait"), [(False, 1800), (True, None)], ids=["not asked for", "not said"])
def test_else_it_is_no_offer(able: bool, wait: int | None) -> None:
    world = World(ClientConfig(ipv6_only_preferred=able))
    world.server.answers = set()
    world.run(1)
    offer_none(world, wait)
    world.run(1)
    assert world.state is State.SELECTING
    assert drops(world) == {"bad-address": 1}


def test_without_the_option_the_client_goes_on_as_ever() -> None:
    world = bound(ClientConfig(ipv6_only_preferred=True))
    assert world.server.types() == ["discover", "request"]
    assert all(108 in (heard.option(Option.DHCP_PARAMETER_REQUEST_LIST) or b"") for heard in world.heard)


def test_of_several_servers_the_one_that_says_so_is_named_and_a_lease_of_another_is_given_back() -> None:
    world = World(ClientConfig(ipv6_only_preferred=True, rapid_commit=True))
    world.server.rapid = True
    world.server.delay = 0.5
    other = world.add_server("192.0.2.2", "192.0.2.60/24")
    other.options[Option.V6_ONLY_PREFERRED] = 1800
    world.run(5)
    assert world.state is State.IPV6_ONLY
    assert "192.0.2.2 wants" in world.journal.history[-1].text
    release = world.heard[-1]
    assert (release.type, release.message.ciaddr) == ("release", int(IPv4Address("192.0.2.50")))
    assert release.packet.destination_mac == SERVER_MAC
    assert other.types() == ["discover"]


def test_the_client_understands_this_server() -> None:
    """What the DHCPv4 server of this project says to who asks: both keep to RFC 8925."""
    lan = Lan(options=options(v6_only_preferred=900))
    identity = Identity(MAC, b"\1" + MAC)
    discover = messages.discover(ClientConfig(ipv6_only_preferred=True), identity, 77, 0, None)
    asked = receive(punt.encode(1, punt.L2, messages.broadcast(discover, wan())))
    (reply,) = lan.hear(asked).replies
    _, frame = encode(reply, lan.interfaces[0])
    found = read_reply(punt.encode(3, punt.L2, frame), identity, 77, v6_only=True)
    assert (found.type, found.terms, v6_only_wait(found.message)) == (MessageType.OFFER, None, 900)
