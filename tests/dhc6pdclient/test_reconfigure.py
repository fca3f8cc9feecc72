"""Reconfigure, and its authentication (RFC 8415, 16.11, 18.2.11 and 20.4)."""

from ipaddress import IPv6Address
from typing import Any

import pytest

from tests.dhc6pdclient.world import NA, OTHER_PREFIX, PD, PREFIX, World, bound, counts, drops
from vppdhc.dhc6pdclient.bindings import ReconfigureKey
from vppdhc.dhc6pdclient.config import ClientConfig, Mode
from vppdhc.dhc6pdclient.states import State
from vppdhc.packet.dhcp6 import MessageType
from vppdhc.packet.options6 import Option

KEY = bytes(range(16))
RENEW, REBIND, INFORM = MessageType.RENEW, MessageType.REBIND, MessageType.INFORMATION_REQUEST


def keyed(**wishes: Any) -> World:
    world = bound(key=KEY, **wishes)
    assert world.bindings.key == ReconfigureKey(world.server.duid, KEY, world.server.replay)
    return world


@pytest.mark.parametrize(("wanted", "kind"), [(RENEW, "renew"), (REBIND, "rebind"), (INFORM, "information-request")])
def test_what_a_reconfigure_asks_for_is_done(wanted: MessageType, kind: str) -> None:
    world = keyed()
    world.server.gives[PD], world.server.zero[PD] = [OTHER_PREFIX], [PREFIX]
    world.server.options = {Option.DNS_SERVERS: ["2001:db8::99"]}
    world.deliver(world.server.reconfigure(wanted))
    world.run(2)
    assert world.server.types()[2:] == [kind]
    assert world.state is State.BOUND
    assert counts(world)["reconfigure"] == 1
    assert world.tenant.has == [PREFIX if wanted is INFORM else OTHER_PREFIX]
    assert world.learned[-1][Option.DNS_SERVERS] == IPv6Address("2001:db8::99").packed


def test_a_client_that_has_only_information_asks_anew() -> None:
    world = World(ClientConfig(mode=Mode.STATELESS), key=KEY)
    world.run(5)
    world.deliver(world.server.reconfigure(INFORM))
    world.run(2)
    assert world.server.types() == ["information-request"] * 2
    asked, told = (heard.message.get(Option.SERVERID) for heard in world.heard)
    assert (asked, told) == (None, world.server.duid)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"key": bytes(16)}, "not-authentic"),
        ({"replay": 0}, "not-authentic"),
        ({"replay": 2}, "not-authentic"),
        ({"server": b"\0\3\0\1\2\0\0\0\0\x99"}, "not-authentic"),
        ({"content": b""}, "bad-reconfigure"),
        ({"content": b"\5\5"}, "bad-reconfigure"),
        ({"content": b"\x03"}, "bad-reconfigure"),
        ({"destination": IPv6Address("ff02::1:2")}, "bad-reconfigure"),
    ],
)
def test_one_thing_wrong(changes: dict[str, Any], reason: str) -> None:
    world = keyed()
    world.run(1801)
    assert world.server.replay == 2
    before = len(world.heard)
    world.deliver(world.server.reconfigure(RENEW, **changes))
    world.run(5)
    assert drops(world) == {reason: 1}
    assert len(world.heard) == before


def test_without_a_key_nothing_is_believed() -> None:
    world = bound()
    world.deliver(world.server.reconfigure(RENEW, key=KEY))
    world.run(5)
    assert drops(world) == {"not-authentic": 1}
    assert len(world.heard) == 2


def test_one_that_was_used_cannot_be_used_again_also_not_behind_a_restart() -> None:
    world = keyed()
    world.server.silent = True
    datagram = world.server.reconfigure(RENEW)
    world.deliver(datagram)
    world.run(2)
    assert world.server.types()[2:] == ["renew"]
    for _ in range(2):
        world.restart()
        world.run(20)
        assert world.state is State.BOUND
        world.deliver(datagram)
        world.run(1)
        assert drops(world) == {"not-authentic": 1}
        assert world.server.types().count("renew") == 1


def test_the_key_outlives_a_restart() -> None:
    world = keyed()
    world.restart()
    world.run(3)
    world.deliver(world.server.reconfigure(RENEW))
    world.run(2)
    assert world.server.types()[2:] == ["rebind", "renew"]


def test_a_reconfigure_during_an_exchange_is_not_heard() -> None:
    world = keyed()
    world.server.answers = {"solicit"}
    world.run(1801)
    assert world.state is State.RENEWING
    world.deliver(world.server.reconfigure(REBIND))
    world.run(1)
    assert world.state is State.RENEWING
    assert drops(world) == {"unexpected": 1}


def test_a_server_that_does_not_answer_what_it_asked_for() -> None:
    world = keyed()
    world.server.silent = True
    world.deliver(world.server.reconfigure(INFORM))
    world.run(100)
    assert world.state is State.INFORMING
    assert world.tenant.has == [PREFIX]
    world.run(1720)
    assert world.state is State.RENEWING


def test_another_key_takes_the_place_of_the_first() -> None:
    world = keyed()
    world.server.key = bytes(range(1, 17))
    world.run(1801)
    assert world.bindings.key is not None
    assert world.bindings.key.key == bytes(range(1, 17))
    world.deliver(world.server.reconfigure(RENEW, key=KEY))
    world.run(1)
    assert drops(world) == {"not-authentic": 1}


def test_an_authentication_option_that_cannot_be_read_gives_no_key() -> None:
    for raw in (b"", bytes(10), bytes(28), b"\3\1\0" + bytes(8) + b"\1short"):
        world = bound(raw=[(Option.AUTH, raw)])
        assert world.bindings.key is None
        assert world.bindings.get(NA).leases == ()
