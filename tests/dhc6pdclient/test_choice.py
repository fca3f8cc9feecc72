"""Which of several servers is asked (RFC 8415, 18.2.9)."""

from typing import Any

import pytest

from tests.dhc6pdclient.provider import Server
from tests.dhc6pdclient.world import ADDRESS, BOTH, NA, PD, PREFIX, World
from vppdhc.clients.wake import Wake
from vppdhc.packet.dhcp6 import StatusCode


def chosen(first: dict[str, Any], second: dict[str, Any]) -> int:
    """Which of two servers was chosen: 1 or 2."""
    world = World(BOTH, **first)
    other = world.add_server(2, **second)
    world.run(10)
    return {world.server.duid: 1, other.duid: 2}[world.bindings.server]


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        ({"preference": 1}, {"preference": 2}, 2),
        ({"preference": 2}, {"preference": 1}, 1),
        ({}, {"preference": 1}, 2),
        ({"preference": 0}, {}, 1),
        ({"preference": 200, "gives": {PD: [PREFIX]}}, {"gives": {PD: [PREFIX], NA: [ADDRESS]}}, 2),
        ({"preferred": 1000}, {"preferred": 2000}, 2),
        ({"status": StatusCode.UNSPEC_FAIL, "preference": 200}, {}, 2),
        ({"statuses": {PD: StatusCode.NO_PREFIX_AVAIL, NA: StatusCode.NO_ADDRS_AVAIL}, "preference": 255}, {}, 2),
        ({"gives": {}, "zero": {PD: [PREFIX], NA: [ADDRESS]}, "preference": 255}, {}, 2),
        ({"preference": 255, "gives": {PD: [PREFIX]}}, {}, 1),
        ({"silent": True}, {}, 2),
    ],
)
def test_the_best_is_chosen(first: dict[str, Any], second: dict[str, Any], wanted: int) -> None:
    assert chosen(first, second) == wanted


def test_the_server_that_the_client_was_with_is_preferred_to_its_equal() -> None:
    for number in (0, 1):
        world = World(BOTH)
        servers = [world.server, world.add_server(2)]
        servers[1 - number].silent = True
        world.run(5)
        assert world.bindings.server == servers[number].duid
        servers[number].silent = True
        world.run(7300)
        assert not world.bindings.leased
        servers[0].silent = servers[1].silent = False
        world.wake(Wake.RENEW)
        world.run(5)
        assert world.bindings.server == servers[number].duid


def test_a_server_that_failed_is_asked_last() -> None:
    world = World(preference=255, breaks_its_word=True)
    other = world.add_server(2)
    world.run(20)
    assert world.bindings.server == other.duid
    assert [heard.type for heard in world.server.heard].count("request") == 1


def test_many_servers_do_not_fill_the_memory() -> None:
    world = World(delay=0.5)
    servers: list[Server] = [world.add_server(number) for number in range(2, 100)]
    world.run(5)
    assert world.bindings.leased
    assert sum(len(server.heard) for server in servers) > 90
