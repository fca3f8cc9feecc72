"""What ends a state before its time: the link, VPP, operators, the configuration, the end."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from tests.dhc4client.world import (
    VirtualClock,
    World,
    bound,
    counts,
    lost,
    wan,
)
from vppdhc.clients.wake import Wake
from vppdhc.dhc4client.config import ClientConfig, ClientIdType, OnStop
from vppdhc.dhc4client.identity import ia_id
from vppdhc.dhc4client.journal import LostReason
from vppdhc.dhc4client.states import State
from vppdhc.packet.options4 import Option

ADDRESS = IPv4Address("192.0.2.50")


def test_operator_renews() -> None:
    world = bound()
    world.wake(Wake.RENEW)
    world.run(1)
    assert counts(world)["request"] == 2
    assert world.heard[-1].unicast
    assert world.state is State.BOUND


def test_operator_renews_in_vain() -> None:
    world = bound()
    world.server.silent = True
    world.wake(Wake.RENEW)
    world.run(1)
    assert world.state is State.RENEWING
    assert world.vpp.addresses == ["192.0.2.50/24"]
    assert world.journal.problem == ""


def test_operator_rebinds() -> None:
    world = bound()
    other = world.add_server("192.0.2.2", "192.0.2.50/24")
    world.server.silent = True
    world.wake(Wake.REBIND)
    world.run(1)
    assert world.state is State.BOUND
    assert world.lease.terms.server == IPv4Address("192.0.2.2")
    assert not other.heard[-1].unicast
    assert world.journal.problem == ""


@pytest.mark.parametrize("wake", [Wake.RENEW, Wake.REBIND])
def test_operator_asks_without_a_lease(wake: Wake) -> None:
    world = World()
    world.server.silent = True
    world.run(500)
    heard = len(world.heard)
    world.server.silent = False
    world.wake(wake)
    world.run(3)
    assert world.state is State.BOUND
    assert world.server.types()[heard:] == ["discover", "request"]


def test_operator_asks_for_more_of_a_lease_without_end() -> None:
    world = bound(lease_time=0xFFFFFFFF)
    world.server.silent = True
    world.wake(Wake.RENEW)
    world.run(1)
    assert world.state is State.RENEWING
    world.run(60)
    assert world.state is State.REBINDING
    world.run(60)
    assert world.state is State.BOUND
    assert world.vpp.addresses == ["192.0.2.50/24"]


def test_operator_releases_and_the_client_rests() -> None:
    world = bound()
    world.wake(Wake.RELEASE)
    world.run(1000)
    assert world.state is State.RELEASED
    release = world.heard[-1]
    assert release.type == "release"
    assert release.unicast
    assert release.message.ciaddr == release.packet.source == int(ADDRESS)
    assert release.option(Option.DHCP_SERVER_IDENTIFIER) == IPv4Address("192.0.2.1").packed
    assert release.option(Option.DHCP_CLIENT_IDENTIFIER) == world.heard[0].option(Option.DHCP_CLIENT_IDENTIFIER)
    assert world.vpp.held == set()
    assert lost(world) == [LostReason.RELEASED]
    heard = len(world.heard)
    world.link_down()
    world.run(10)
    world.link_up()
    world.run(1000)
    assert world.state is State.RELEASED
    assert len(world.heard) == heard
    world.wake(Wake.RENEW)
    world.run(5)
    assert world.state is State.BOUND
    assert world.heard[heard].option(Option.DHCP_REQUESTED_ADDRESS) == ADDRESS.packed


def test_released_until_configured_anew() -> None:
    world = bound()
    world.wake(Wake.RELEASE)
    world.run(1)
    world.configure(ClientConfig(hostname="router"))
    world.run(5)
    assert world.state is State.BOUND


def test_link_down_keeps_the_lease_and_link_up_asks_at_once() -> None:
    world = bound()
    world.run(100)
    world.link_down()
    world.run(0.01)
    assert world.state is State.LINK_DOWN
    world.run(50)
    assert world.vpp.addresses == ["192.0.2.50/24"]
    heard = len(world.heard)
    up = world.now
    world.link_up()
    world.run(1)
    assert world.server.types()[heard:] == ["request"]
    assert world.heard[heard].at == up
    assert world.heard[heard].message.ciaddr == 0
    assert world.state is State.BOUND


def test_link_down_ends_every_wait_at_once() -> None:
    for silent_for in (0.5, 70, 1000):
        world = World()
        world.server.silent = True
        world.run(silent_for)
        world.link_down()
        world.run(0.001)
        assert world.state is State.LINK_DOWN


def test_link_down_until_the_lease_has_expired() -> None:
    world = bound()
    world.link_down()
    world.run(3700)
    assert world.state is State.LINK_DOWN
    assert world.vpp.held == set()
    assert lost(world) == [LostReason.EXPIRED]
    world.link_up()
    world.run(5)
    assert world.state is State.BOUND


def test_vpp_gone_and_back() -> None:
    world = bound()
    world.vpp_gone()
    world.run(60)
    assert world.vpp.held == set()
    assert not world.tenure.programmed
    world.vpp_back()
    world.run(5)
    assert world.vpp.addresses == ["192.0.2.50/24"]
    assert world.tenure.programmed
    assert world.server.types()[-1] == "request"


def test_lease_that_ends_while_vpp_is_away() -> None:
    world = bound()
    world.vpp_gone()
    world.run(4000)
    world.server.silent = True
    world.vpp_back()
    world.run(60)
    assert world.vpp.held == set()


def test_configured_otherwise_asks_again_with_the_new_wishes() -> None:
    world = bound()
    world.configure(ClientConfig(hostname="router", route_preference=77))
    world.run(1)
    assert world.heard[-1].option(Option.HOST_NAME) == b"router"
    assert world.state is State.BOUND
    assert [item.preference for item in world.vpp.held if hasattr(item, "preference")] == [77]


def test_another_identity_gives_the_old_lease_back() -> None:
    world = bound()
    old = world.heard[0].option(Option.DHCP_CLIENT_IDENTIFIER)
    world.configure(ClientConfig(client_id_type=ClientIdType.HARDWARE_ADDRESS))
    world.run(5)
    assert world.server.types()[2:] == ["release", "discover", "request"]
    assert world.heard[2].option(Option.DHCP_CLIENT_IDENTIFIER) == old
    assert world.heard[3].option(Option.DHCP_CLIENT_IDENTIFIER) == b"\1" + wan().mac
    assert world.heard[3].option(Option.DHCP_REQUESTED_ADDRESS) is None
    assert world.state is State.BOUND


def test_another_hardware_address_of_the_interface() -> None:
    world = bound()
    mac = bytes.fromhex("02fe000000bb")
    world.link_up(wan(mac=mac))
    world.run(5)
    assert world.state is State.BOUND  # a DUID stays, and with it the lease
    assert world.heard[-1].type == "request"
    assert world.heard[-1].message.chaddr == world.heard[-1].packet.source_mac == mac


def test_identity_by_default_is_iaid_and_duid() -> None:
    world = bound()
    identifier = world.heard[0].option(Option.DHCP_CLIENT_IDENTIFIER)
    assert identifier is not None
    assert identifier[0] == 255
    assert int.from_bytes(identifier[1:5], "big") == ia_id("wan0") != ia_id("wan1")
    assert identifier[5:].hex() == "00010001300000000200000000aa"


@pytest.mark.parametrize(
    ("on_stop", "held", "releases"),
    [(OnStop.KEEP, True, False), (OnStop.WITHDRAW, False, False), (OnStop.RELEASE, False, True)],
)
def test_stop(on_stop: OnStop, held: bool, releases: bool) -> None:
    world = bound(ClientConfig(on_stop=on_stop))
    world.wake(Wake.STOP)
    world.run(1)
    assert world.over
    assert bool(world.vpp.held) is held
    assert ("release" in world.server.types()) is releases
    assert world.store.lease is not None
    assert (world.store.lease.expires > world.now) is not releases
    heard = len(world.heard)
    world.restart()
    world.run(5)
    assert world.state is State.BOUND
    assert world.server.types()[heard:] == (["discover", "request"] if releases else ["request"])


@pytest.mark.parametrize("on_stop", list(OnStop))
def test_removed_from_the_configuration_leaves_nothing_behind(on_stop: OnStop) -> None:
    world = bound(ClientConfig(on_stop=on_stop))
    world.wake(Wake.REMOVE)
    world.run(1)
    assert world.over
    assert world.vpp.held == set()


def test_after_a_mistake_of_ours_the_client_goes_on_with_its_lease() -> None:
    world = bound()
    world._greenlet = type(world._greenlet)(world.machine.run)  # as the supervisor would start it again
    world._deadline = float("-inf")
    world.run(5)
    assert world.state is State.BOUND
    assert world.server.types()[-1] == "request"
    assert world.vpp.addresses == ["192.0.2.50/24"]


def test_behind_a_reboot_of_the_machine_the_first_start_waits() -> None:
    world = World(clock=VirtualClock(now=20.0))
    world.server.naks = True
    world.run(0.9)
    assert world.state is State.INIT
    assert world.heard == []
    world.run(20)
    discovers = [heard.at for heard in world.heard if heard.type == "discover"]
    assert 1 <= discovers[0] - 20.0 <= 10
    assert discovers[1] - discovers[0] < 3  # once is enough: this is the second behind a NAK


def test_long_after_the_reboot_nobody_waits() -> None:
    world = World()
    world.run(0.001)
    assert world.server.types() == ["discover"]


def test_interface_in_another_table() -> None:
    world = bound()
    world.link_up(replace(wan(), table4=7))
    world.run(5)
    assert world.vpp.routes == [("0.0.0.0/0", "192.0.2.1", "7")]
