"""Every transition of RFC 2131, figure 5."""

from ipaddress import IPv4Address

import pytest

from tests.dhc4client.provider import SERVER_MAC
from tests.dhc4client.world import LONG_UP, World, bound, by_type, counts, drops, kinds, lost, visited
from vppdhc.dhc4client.config import ClientConfig, ConflictDetection
from vppdhc.dhc4client.journal import LostReason
from vppdhc.dhc4client.states import State
from vppdhc.packet.dhcp4 import MessageType
from vppdhc.packet.options4 import Option

ADDRESS = IPv4Address("192.0.2.50")


def test_init_to_bound() -> None:
    world = bound()
    discover, request = world.heard
    assert visited(world) == ["selecting", "requesting", "bound"]
    assert (discover.type, request.type) == ("discover", "request")
    assert discover.message.xid == request.message.xid
    assert request.option(Option.DHCP_SERVER_IDENTIFIER) == IPv4Address("192.0.2.1").packed
    assert request.option(Option.DHCP_REQUESTED_ADDRESS) == ADDRESS.packed
    assert request.message.ciaddr == 0
    assert world.vpp.addresses == ["192.0.2.50/24"]
    assert world.vpp.routes == [("0.0.0.0/0", "192.0.2.1", "0")]
    assert kinds(world) == ["bound"]
    assert counts(world) == {"discover": 1, "offer": 1, "request": 1, "ack": 1}
    assert drops(world) == {}


def test_the_lease_is_stored_before_the_address_is_used() -> None:
    world = World()
    stored: list[bool] = []

    def look(_: object) -> str:
        stored.append(world.store.lease is not None)
        return ""

    world.vpp.refuses = look
    world.run(5)
    assert stored
    assert all(stored)


def test_requesting_nak_leads_to_init() -> None:
    world = World()
    world.server.naks = True
    world.run_until(State.INIT, most=60)
    assert counts(world)["nak"] == 1
    world.server.naks = False
    world.run(10)
    assert world.state is State.BOUND
    assert kinds(world) == ["bound"]


def test_requesting_without_an_answer_leads_to_init() -> None:
    world = World()
    world.server.answers = {"discover"}
    world.run(64)
    types = world.server.types()
    assert types[:5] == ["discover", "request", "request", "request", "request"]
    assert types[5] == "discover"
    assert "does not grant" in world.journal.problem
    world.server.answers = {"discover", "request"}
    world.run(70)
    assert world.state is State.BOUND
    assert world.journal.problem == ""


def test_bound_to_renewing_and_back() -> None:
    world = bound()
    world.run(1800)
    assert counts(world)["request"] == 2
    renewal = world.heard[-1]
    assert renewal.unicast
    assert renewal.packet.destination == int(IPv4Address("192.0.2.1"))
    assert renewal.packet.destination_mac == SERVER_MAC
    assert renewal.packet.source == renewal.message.ciaddr == int(ADDRESS)
    assert renewal.option(Option.DHCP_SERVER_IDENTIFIER) is None
    assert renewal.option(Option.DHCP_REQUESTED_ADDRESS) is None
    assert world.state is State.BOUND
    assert kinds(world) == ["bound"]
    assert len(world.vpp.history) == 3  # the address, the rest, and the same again: VPP is not touched by a renewal


def test_renewing_nak_leads_to_init_and_takes_the_address_away() -> None:
    world = bound()
    world.server.naks = True
    world.run_until(State.INIT)
    assert world.vpp.held == set()
    assert lost(world) == [LostReason.NAK]
    assert world.store.lease is None


def test_renewing_to_rebinding_to_bound() -> None:
    world = bound()
    world.server.answers = set()
    world.run_until(State.RENEWING)
    world.run_until(State.REBINDING)
    assert "does not renew" in world.journal.problem
    other = world.add_server("192.0.2.2", "192.0.2.50/24")
    world.run(300)
    assert world.state is State.BOUND
    rebinding = other.heard[-1]
    assert not rebinding.unicast
    assert rebinding.packet.source == rebinding.message.ciaddr == int(ADDRESS)
    assert rebinding.option(Option.DHCP_SERVER_IDENTIFIER) is None
    assert rebinding.option(Option.DHCP_REQUESTED_ADDRESS) is None
    assert world.lease.terms.server == IPv4Address("192.0.2.2")
    assert world.journal.problem == ""
    world.run(1800)
    assert other.types()[-1] == "request"
    assert other.heard[-1].unicast


def test_rebinding_nak_leads_to_init() -> None:
    world = bound()
    world.server.answers = set()
    world.run_until(State.REBINDING)
    world.server.answers = {"discover", "request"}
    world.server.naks = True
    world.run_until(State.INIT)
    assert lost(world) == [LostReason.NAK]


def test_expiry_takes_everything_away_and_begins_anew() -> None:
    world = bound()
    world.server.silent = True
    expires = world.lease.expires
    world.run(expires - world.now - 1)
    assert world.vpp.addresses == ["192.0.2.50/24"]
    assert world.tenure.learned
    world.run(2)
    assert world.vpp.held == set()
    assert world.state is State.SELECTING
    assert lost(world) == [LostReason.EXPIRED]
    assert world.tenure.learned == world.learned[-1] == {}
    wish = world.heard[-1].option(Option.DHCP_REQUESTED_ADDRESS)
    assert wish == ADDRESS.packed
    world.server.silent = False
    world.run(70)
    assert world.vpp.addresses == ["192.0.2.50/24"]
    assert kinds(world) == ["bound", "problem", "lost", "bound"]


def test_init_reboot_ack() -> None:
    world = bound()
    world.run(60)
    lease, heard = world.lease, len(world.heard)
    world.restart()
    world.run(5)
    assert world.state is State.BOUND
    (request,) = world.heard[heard:]
    assert request.type == "request"
    assert not request.unicast
    assert request.message.ciaddr == 0
    assert request.packet.source == 0
    assert request.option(Option.DHCP_REQUESTED_ADDRESS) == ADDRESS.packed
    assert request.option(Option.DHCP_SERVER_IDENTIFIER) is None
    assert world.lease.obtained == lease.obtained
    assert world.lease.asked > lease.asked


def test_init_reboot_nak_leads_to_init() -> None:
    world = bound()
    world.server.gives = "198.51.100.9/24"
    world.server.options = {Option.ROUTERS: ["198.51.100.1"]}
    world.restart()
    world.run(10)
    assert world.server.types()[-3:] == ["request", "discover", "request"]
    assert world.vpp.addresses == ["198.51.100.9/24"]
    discover = by_type(world.heard)["discover"][-1]
    assert discover.option(Option.DHCP_REQUESTED_ADDRESS) is None  # a server has refused it


def test_rebooting_without_an_answer_uses_the_lease_for_the_rest_of_its_time() -> None:
    world = bound()
    world.server.silent = True
    expires = world.lease.expires
    world.restart()
    world.store.same_boot = False
    world.vpp.withdraw("dhc4client wan0")
    world.run(30)
    assert world.state is State.REBOOTING
    assert world.vpp.held == set()  # behind a reboot nothing is used before the server has been asked
    world.run(40)
    assert world.state is State.BOUND
    assert world.vpp.addresses == ["192.0.2.50/24"]
    assert world.lease.expires == expires


def test_within_a_boot_the_lease_is_in_use_from_the_start() -> None:
    world = bound()
    history = len(world.vpp.history)
    world.server.silent = True
    world.restart()
    world.run(0.5)
    assert world.state is State.REBOOTING
    assert world.vpp.addresses == ["192.0.2.50/24"]
    assert all(len(held) == 2 for held in world.vpp.history[history:])  # and no route of it was away meanwhile
    assert world.tenure.learned == world.learned[-1] != {}
    assert world.began == 2


def test_rebooting_ends_with_the_lease() -> None:
    world = bound()
    world.server.silent = True
    world.run(world.lease.expires - world.now - 10)
    world.restart()
    world.run(9)
    assert world.state is State.REBOOTING
    world.run(3)
    assert world.state is State.SELECTING
    assert world.vpp.held == set()


def test_an_expired_lease_is_only_a_wish() -> None:
    world = bound()
    world.server.silent = True
    world.clock.now += 4000
    world.restart()
    world.run(1)
    assert world.state is State.SELECTING
    assert world.heard[-1].option(Option.DHCP_REQUESTED_ADDRESS) == ADDRESS.packed


def test_the_earlier_address_goes_before_the_configured_wish() -> None:
    world = World(ClientConfig(requested_address=IPv4Address("192.0.2.99")))
    world.run(5)
    assert world.heard[0].option(Option.DHCP_REQUESTED_ADDRESS) == IPv4Address("192.0.2.99").packed
    world.server.silent = True
    world.run(4000)
    assert world.heard[-1].option(Option.DHCP_REQUESTED_ADDRESS) == ADDRESS.packed


def test_offers_are_compared_for_a_second() -> None:
    world = World()
    world.server.lease_time = 600
    late = world.add_server("192.0.2.2", "192.0.2.60/24", lease_time=7200, delay=0.9)
    too_late = world.add_server("192.0.2.3", "192.0.2.70/24", lease_time=86400, delay=1.2)
    world.run(5)
    assert world.vpp.addresses == ["192.0.2.60/24"]
    assert late.types() == ["discover", "request"]
    assert world.server.types() == too_late.types() == ["discover", "request"]  # which says that they were not chosen
    assert counts(world)["request"] == 1
    assert drops(world) == {"unexpected": 1}


def test_the_wished_address_is_chosen_before_a_longer_lease() -> None:
    world = World(ClientConfig(requested_address=ADDRESS))
    world.add_server("192.0.2.2", "192.0.2.60/24", lease_time=86400)
    world.run(5)
    assert world.vpp.addresses == ["192.0.2.50/24"]


def test_of_equal_offers_the_first_is_chosen() -> None:
    world = World()
    world.add_server("192.0.2.2", "192.0.2.60/24", delay=0.5)
    world.run(5)
    assert world.vpp.addresses == ["192.0.2.50/24"]


def test_a_server_that_does_not_grant_its_offer_is_chosen_last() -> None:
    world = World()
    world.server.lease_time = 86400
    world.server.answers = {"discover"}
    world.add_server("192.0.2.2", "192.0.2.60/24", lease_time=600)
    world.run(70)
    assert world.vpp.addresses == ["192.0.2.60/24"]


def test_rapid_commit() -> None:
    world = World(ClientConfig(rapid_commit=True))
    world.server.rapid = True
    world.run(0.5)
    assert world.state is State.BOUND
    assert world.server.types() == ["discover"]
    assert world.heard[0].option(Option.RAPID_COMMIT) == b""


def test_rapid_commit_with_a_server_that_does_not_know_it() -> None:
    world = bound(ClientConfig(rapid_commit=True))
    assert world.server.types() == ["discover", "request"]


@pytest.mark.parametrize("asked", [True, False])
def test_an_ack_to_a_discover_without_rapid_commit_is_not_believed(asked: bool) -> None:
    world = World(ClientConfig(rapid_commit=asked))
    world.server.answers = set()
    world.run(0.1)
    world.server.answer(world.heard[0].message, MessageType.ACK, options=_ack_options())
    world.run(0.1)
    assert world.state is State.SELECTING
    assert drops(world) == {"no-rapid-commit" if asked else "unexpected": 1}


def _ack_options() -> dict[int, bytes]:
    return {53: b"\5", 54: IPv4Address("192.0.2.1").packed, 51: b"\0\0\x0e\x10", 1: b"\xff\xff\xff\0"}


def test_address_change_at_renewal_adds_before_it_removes() -> None:
    world = bound()
    history = len(world.vpp.history)
    world.server.gives = "192.0.2.77/24"
    world.run(1810)
    steps = [sorted(str(item.address) for item in held if hasattr(item, "address")) for held in world.vpp.history]
    assert steps[history:] == [["192.0.2.50/24", "192.0.2.77/24"], ["192.0.2.77/24"]]
    assert world.check.asked[-1] == "192.0.2.77"
    assert kinds(world) == ["bound", "changed"]
    assert world.events[-1].previous == ADDRESS
    assert world.lease.obtained > LONG_UP + 1000


def test_other_routes_and_options_at_renewal() -> None:
    world = bound()
    world.server.options = {Option.ROUTERS: ["192.0.2.2"], Option.DOMAIN_NAME_SERVERS: ["192.0.2.3"]}
    world.run(1810)
    assert world.vpp.routes == [("0.0.0.0/0", "192.0.2.2", "0")]
    assert kinds(world) == ["bound", "changed"]
    assert world.learned[-1][6] == IPv4Address("192.0.2.3").packed


def test_conflict_leads_to_decline_and_ten_seconds_of_rest() -> None:
    world = World()
    world.check.taken.add(str(ADDRESS))
    world.run_until(State.DECLINED, most=60)
    declined_at = world.now
    decline = world.heard[-1]
    assert decline.type == "decline"
    assert not decline.unicast
    assert decline.packet.source == decline.message.ciaddr == 0
    assert decline.option(Option.DHCP_REQUESTED_ADDRESS) == ADDRESS.packed
    assert decline.option(Option.DHCP_SERVER_IDENTIFIER) == IPv4Address("192.0.2.1").packed
    assert world.vpp.held == set()
    assert all(len(held) <= 1 for held in world.vpp.history)  # nothing was ever routed by it
    assert "another host uses 192.0.2.50" in world.journal.problem
    assert kinds(world) == ["conflict", "problem"]  # it was never told to be ours
    assert world.events[0].previous == ADDRESS
    world.server.gives = "192.0.2.51/24"
    world.run_until(State.BOUND, most=60)
    discover = by_type(world.heard)["discover"][-1]
    assert discover.at - declined_at >= 9.9
    assert discover.option(Option.DHCP_REQUESTED_ADDRESS) is None
    assert world.vpp.addresses == ["192.0.2.51/24"]
    assert world.journal.problem == ""


def test_conflict_with_a_lease_in_use_is_found_when_the_link_comes_back() -> None:
    world = bound()
    world.link_down()
    world.run(1)
    world.check.taken.add(str(ADDRESS))
    world.link_up()
    world.run_until(State.DECLINED, most=60)
    assert lost(world) == [LostReason.DECLINED]
    assert world.vpp.held == set()


def test_without_conflict_detection_nobody_is_asked() -> None:
    world = World(ClientConfig(conflict_detection=ConflictDetection.NONE))
    world.check.taken.add(str(ADDRESS))
    world.run(5)
    assert world.state is State.BOUND
    assert world.check.asked == []
    assert len(world.vpp.history) == 1  # everything at once


def test_a_new_address_is_announced_twice() -> None:
    world = bound()
    assert world.check.announced == [str(ADDRESS)] * 2
    world.run(3600)
    assert world.check.announced == [str(ADDRESS)] * 2


def test_history_is_bounded_and_numbered() -> None:
    world = bound(lease_time=120)
    world.run(86400)
    numbers = [entry.number for entry in world.journal.history]
    assert len(numbers) == 100
    assert numbers == list(range(numbers[0], numbers[0] + 100))
    assert world.journal.history[-1].wall == pytest.approx(world.clock.wall(), abs=120)
