"""Doing without an address where the network says so (RFC 8925)."""

from ipaddress import IPv4Address

import pytest

from tests.dhc4client.world import (
    World,
    bound,
)
from vppdhc.dhc4client.config import ClientConfig
from vppdhc.dhc4client.states import State
from vppdhc.packet.options4 import Option

ADDRESS = IPv4Address("192.0.2.50")


def test_ipv6_only_in_selecting() -> None:
    world = World(ClientConfig(ipv6_only_preferred=True))
    world.server.options[Option.V6_ONLY_PREFERRED] = 1800
    world.run(5)
    assert world.state is State.IPV6_ONLY
    assert world.server.types() == ["discover"]
    world.run(1700)
    assert world.server.types() == ["discover"]
    world.run(200)
    assert world.server.types() == ["discover", "discover"]


@pytest.mark.parametrize(("told", "waits"), [(0, 300), (299, 300), (301, 301)])
def test_ipv6_only_for_three_hundred_seconds_at_least(told: int, waits: int) -> None:
    world = World(ClientConfig(ipv6_only_preferred=True))
    world.server.options[Option.V6_ONLY_PREFERRED] = told
    world.run_until(State.IPV6_ONLY, most=60)
    began = world.now
    world.run_until(State.SELECTING, most=1000)
    assert world.now - began == pytest.approx(waits, abs=0.1)


def test_ipv6_only_ends_when_the_link_comes_anew() -> None:
    world = World(ClientConfig(ipv6_only_preferred=True))
    world.server.options[Option.V6_ONLY_PREFERRED] = 86400
    world.run(5)
    world.link_down()
    world.run(1)
    del world.server.options[Option.V6_ONLY_PREFERRED]
    world.link_up()
    world.run(15)
    assert world.state is State.BOUND


def test_ipv6_only_that_was_not_asked_for_is_ignored() -> None:
    world = World()
    world.server.options[Option.V6_ONLY_PREFERRED] = 1800
    world.run(5)
    assert world.state is State.BOUND
    parameters = world.heard[0].option(Option.DHCP_PARAMETER_REQUEST_LIST)
    assert parameters is not None
    assert Option.V6_ONLY_PREFERRED not in parameters


@pytest.mark.parametrize("raw", [b"", b"\x07\x08", b"\0\0\x07\x08\0"])
def test_ipv6_only_that_has_not_four_bytes_is_ignored(raw: bytes) -> None:
    world = World(ClientConfig(ipv6_only_preferred=True))
    world.server.raw[Option.V6_ONLY_PREFERRED] = raw
    world.run(5)
    assert world.state is State.BOUND


def test_ipv6_only_in_rebooting_gives_the_lease_back() -> None:
    world = bound(ClientConfig(ipv6_only_preferred=True))
    world.server.options[Option.V6_ONLY_PREFERRED] = 1800
    world.restart()
    world.run(5)
    assert world.state is State.IPV6_ONLY
    assert world.server.types()[-2:] == ["request", "release"]
    assert world.vpp.held == set()


def test_ipv6_only_in_renewing_changes_nothing() -> None:
    world = bound(ClientConfig(ipv6_only_preferred=True))
    world.server.options[Option.V6_ONLY_PREFERRED] = 1800
    world.run(2000)
    assert world.state is State.BOUND
    assert world.vpp.addresses == ["192.0.2.50/24"]


def test_ipv6_only_with_rapid_commit_gives_the_lease_back() -> None:
    world = World(ClientConfig(ipv6_only_preferred=True, rapid_commit=True))
    world.server.rapid = True
    world.server.options[Option.V6_ONLY_PREFERRED] = 1800
    world.run(5)
    assert world.state is State.IPV6_ONLY
    assert world.server.types() == ["discover", "release"]
