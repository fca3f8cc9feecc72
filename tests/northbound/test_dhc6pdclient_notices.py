"""The notifications of a DHCPv6 client as the model has them: a client in virtual time."""

from dataclasses import replace
from typing import Final

import gevent
import pytest
from lxml import etree

from nc.schema import Schema
from tests.dhc6pdclient.world import (
    ADDRESS,
    ADDRESS_ONLY,
    BOTH,
    NA,
    ONE,
    OTHER_PREFIX,
    PD,
    PREFIX,
    WAN,
    World,
    bound,
)
from tests.northbound.client_wan import check
from tests.northbound.shown import boottime, values
from vppdhc.clients.wake import Wake
from vppdhc.dhc6pdclient.config import Mode
from vppdhc.northbound.notices import Notices
from vppdhc.northbound.sources import Instants
from vppdhc.packet.options6 import Option


class Bulletin:
    """Publishes what happens in a world from now on."""

    def __init__(self, world: World, schema: Schema) -> None:
        self._world = world
        self._schema = schema
        self._seen = len(world.events)

    def news(self) -> list[tuple[str, dict[str, str]]]:
        """Return the notifications of what has happened since the last time, checked by the model."""
        notices = Notices(Instants(self._world.clock))
        events, self._seen = self._world.events[self._seen :], len(self._world.events)
        for event in events:
            notices.client6(event)
        made: list[etree._Element] = []
        running = gevent.spawn(notices.run, lambda _, make: made.append(make()))
        gevent.sleep(0)
        running.kill()
        assert len(made) == len(events)
        for element in made:
            check(element, self._schema.notifications[element.tag])
        return [(etree.QName(element).localname, values(element)) for element in made]


SERVER: Final = "00:03:00:01:02:00:00:00:00:01"
GRANTED: Final = {
    "interface": WAN,
    "ia-id": "1",
    "prefix": PREFIX,
    "preferred-lifetime": "3600",
    "valid-lifetime": "7200",
    "server-duid": SERVER,
}
LOST: Final = {"interface": WAN, "ia-id": "1", "prefix": PREFIX, "server-duid": SERVER}


def test_prefixes_are_notified(schema: Schema) -> None:
    world = World(ONE)
    bulletin = Bulletin(world, schema)
    world.run(5)
    assert bulletin.news() == [("prefix-delegated", GRANTED)]
    world.wake(Wake.RENEW)
    world.run(5)
    assert bulletin.news() == [], "a renewal is no news"
    world.server.gives, world.server.zero = {PD: [OTHER_PREFIX]}, {PD: [PREFIX]}
    world.wake(Wake.RENEW)
    world.run(5)
    changed = {"prefix": OTHER_PREFIX, "previous-prefix": PREFIX}
    assert bulletin.news() == [("prefix-changed", GRANTED | changed)]


def test_a_prefix_that_is_lost_is_notified_with_its_reason(schema: Schema) -> None:
    world = bound()
    bulletin = Bulletin(world, schema)
    world.wake(Wake.RELEASE)
    world.run(5)
    assert bulletin.news() == [("prefix-lost", LOST | {"reason": "released"})]
    world.wake(Wake.RENEW)
    world.run(5)
    assert bulletin.news() == [("prefix-delegated", GRANTED)]
    world.server.silent = True
    world.run(8000)
    news = bulletin.news()
    assert ("prefix-lost", LOST | {"reason": "expired"}) in news
    assert {name for name, _ in news} == {"client-problem", "prefix-lost"}


def test_an_address_is_notified(schema: Schema) -> None:
    world = World(ADDRESS_ONLY)
    bulletin = Bulletin(world, schema)
    client = {"client": "dhc6pdclient", "interface": WAN}
    world.run(5)
    ((name, told),) = bulletin.news()
    assert boottime(told.pop("expires")) == pytest.approx(world.bindings.expires)
    assert (name, told) == ("client-bound", client | {"address": ADDRESS, "server-duid": SERVER})
    world.server.gives, world.server.zero = {NA: ["2001:db8::51"]}, {NA: [ADDRESS]}
    world.wake(Wake.RENEW)
    world.run(5)
    ((name, told),) = bulletin.news()
    assert (name, told["address"], told["previous-address"]) == ("client-changed", "2001:db8::51", ADDRESS)
    world.wake(Wake.RELEASE)
    world.run(5)
    assert bulletin.news() == [("client-lost", client | {"address": "2001:db8::51", "reason": "released"})]


def test_an_address_that_somebody_has_is_notified(schema: Schema) -> None:
    world = World(BOTH)
    world.tenant.taken = {ADDRESS}
    bulletin = Bulletin(world, schema)
    world.run(5)
    news = bulletin.news()
    assert ("address-conflict", {"client": "dhc6pdclient", "interface": WAN, "address": ADDRESS}) in news
    assert {name for name, _ in news} == {"address-conflict", "prefix-delegated", "client-problem"}


def test_information_is_notified(schema: Schema) -> None:
    world = World(replace(ONE, mode=Mode.STATELESS))
    bulletin = Bulletin(world, schema)
    client = {"client": "dhc6pdclient", "interface": WAN}
    world.run(5)
    assert bulletin.news() == [("client-bound", client)]
    world.server.options = {Option.DNS_SERVERS: ["2001:db8::54"]}
    world.wake(Wake.RENEW)
    world.run(5)
    assert bulletin.news() == [("client-changed", client)]


def test_a_problem_is_notified(schema: Schema) -> None:
    world = World(ONE, silent=True)
    bulletin = Bulletin(world, schema)
    world.run(60)
    ((name, told),) = bulletin.news()
    assert (name, told) == (
        "client-problem",
        {"client": "dhc6pdclient", "interface": WAN, "text": world.journal.problem},
    )
    assert "no DHCPv6 server" in told["text"]
