"""What is learned beside leases, and information alone (RFC 8415, 18.2.6, 18.2.10.4 and 21.23)."""

import math

import pytest

from tests.dhc6pdclient.world import World, bound, kinds, visited
from vppdhc.dhc6pdclient.config import ClientConfig, Mode
from vppdhc.packet.options6 import Option


def test_information_alone() -> None:
    world = World(ClientConfig(mode=Mode.STATELESS))
    world.run(5)
    assert visited(world) == ["informing", "informed"]
    assert world.server.types() == ["information-request"]
    assert kinds(world) == ["bound"]
    assert set(world.learned[-1]) == {Option.DNS_SERVERS}
    assert not any(bindings.leased for bindings in world.tenant.history)


@pytest.mark.parametrize(("said", "seconds"), [(None, 86_400), (3600, 3600), (0, 600), (599, 600), (600, 600)])
def test_information_is_refreshed(said: int | None, seconds: int) -> None:
    world = World(ClientConfig(mode=Mode.STATELESS))
    if said is not None:
        world.server.options[Option.INFORMATION_REFRESH_TIME] = said
    world.run(5)
    got = world.heard[0].at + world.server.delay
    world.run(2 * 86_400)
    assert got + seconds <= world.heard[1].at <= got + seconds + 1
    assert kinds(world) == ["bound"]


def test_information_without_end_is_never_refreshed() -> None:
    world = World(ClientConfig(mode=Mode.STATELESS))
    world.server.options[Option.INFORMATION_REFRESH_TIME] = 0xFFFFFFFF
    world.run(365 * 86_400)
    assert world.talk.limits.info_refresh_time == math.inf
    assert len(world.heard) == 1


def test_information_that_has_changed_is_told() -> None:
    world = World(ClientConfig(mode=Mode.STATELESS))
    world.run(5)
    world.server.options = {Option.DOMAIN_SEARCH: ["example.net"]}
    world.run(86_400)
    assert kinds(world) == ["bound", "changed"]
    assert set(world.learned[-1]) == {Option.DOMAIN_SEARCH}


def test_what_is_learned_changes_with_a_renewal() -> None:
    world = bound()
    world.server.options = {Option.DNS_SERVERS: ["2001:db8::54"], Option.AFTR_NAME: "aftr.example.net"}
    world.run(1801)
    assert kinds(world) == ["prefix-delegated", "changed"]
    assert set(world.learned[-1]) == {Option.DNS_SERVERS, Option.AFTR_NAME}


def test_everything_that_can_be_learned() -> None:
    options = {
        Option.DNS_SERVERS: ["2001:db8::53", "2001:db8::54"],
        Option.DOMAIN_SEARCH: ["example.net"],
        Option.NTP_SERVER: [{"option": "server-name", "value": "ntp.example.net"}],
        Option.SNTP_SERVERS: ["2001:db8::123"],
        Option.AFTR_NAME: "aftr.example.net",
        Option.V6_CAPTIVE_PORTAL: "https://example.net/api",
    }
    world = bound(options={**options, Option.SOLMAX_RT: 3600})
    assert world.tenure.learned == {code: code.encode(value) for code, value in options.items()}


def test_an_option_that_cannot_be_read_is_left_aside_alone() -> None:
    world = bound(raw=[(Option.AFTR_NAME, b"\x7fx")])
    assert set(world.tenure.learned) == {Option.DNS_SERVERS}


def test_each_time_server_has_an_option_of_its_own() -> None:
    first, second = (
        Option.NTP_SERVER.encode([{"option": "server-address", "value": f"2001:db8::{number}"}]) for number in (1, 2)
    )
    world = bound(raw=[(Option.NTP_SERVER, first), (Option.NTP_SERVER, second), (Option.DNS_SERVERS, bytes(16))])
    assert world.tenure.learned[Option.NTP_SERVER] == first + second
    assert world.tenure.learned[Option.DNS_SERVERS] == Option.DNS_SERVERS.encode(["2001:db8::53"])
