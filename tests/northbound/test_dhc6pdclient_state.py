"""The state of a DHCPv6 client as the model has it: a client in virtual time."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Interface, IPv6Network
from types import SimpleNamespace
from typing import Final, cast

import pytest
from lxml import etree

from nc.schema import Schema
from nc.want import Want
from tests.dhc6pdclient.world import (
    BOTH,
    ONE,
    OTHER_PREFIX,
    PD,
    PD2,
    PREFIX,
    TWO,
    WAN,
    World,
    bound,
)
from tests.northbound.client_wan import check, leafs
from tests.northbound.managed import NS, text, texts
from tests.northbound.shown import boottime, values
from vppdhc.clients.wake import Wake
from vppdhc.dhc6pdclient.client import Dhcp6Clients
from vppdhc.dhc6pdclient.config import ClientConfig, IaPd, Lan, Mode
from vppdhc.dhc6pdclient.layout import Layout, lay_out
from vppdhc.dhc6pdclient.memory import NO_MEMORY
from vppdhc.dhc6pdclient.routers import UpstreamRouter
from vppdhc.dhc6pdclient.slaac import SlaacAddress
from vppdhc.dhc6pdclient.states import State
from vppdhc.northbound.sources import Instants
from vppdhc.northbound.state_dhc6pdclient import Dhcp6ClientState
from vppdhc.packet.dhcp6 import INFINITY, StatusCode
from vppdhc.packet.nd_options import Preference
from vppdhc.packet.options6 import Option, encode_value
from vppdhc.vpp.items import InterfaceAddress, Item, NptBinding, Route

ROUTER: Final = IPv6Address("fe80::1")
ROUTES: Final = (Route(0, IPv6Network("::/0"), ROUTER, WAN, 10),)


class Shown:
    """A client of a world, and its state as the sources make it.

    layout: what became of its prefixes. placed: what VPP has. slaac, routers: its addresses and its routers.
    """

    def __init__(self, world: World, schema: Schema) -> None:
        self.world = world
        self.layout = Layout()
        self.placed: Sequence[Item] = ()
        self.slaac: Sequence[SlaacAddress] = ()
        self.routers: Sequence[UpstreamRouter] = ()
        self._schema = schema
        instants = Instants(world.clock)
        clients = cast(Dhcp6Clients, self)
        self._state = Dhcp6ClientState(clients, self._in_place, lambda _: self.routers, instants)

    @property
    def clients(self) -> Mapping[str, object]:
        world = self.world
        tenant = SimpleNamespace(layout=self.layout, slaac=self.slaac)
        parts = {"journal": world.journal, "tenure": world.tenure, "talk": world.talk, "machine": world.machine}
        return {WAN: SimpleNamespace(name=WAN, tenant=tenant, **parts)}

    def _in_place(self, interface: str) -> Sequence[Item]:
        assert interface == WAN
        return self.placed

    def lay_out(self, config: ClientConfig, before: Layout | None = None) -> None:
        """Make of the prefixes what a configuration says, and have VPP take all of it."""
        memory = NO_MEMORY if before is None else before.memory
        world = self.world
        self.layout = lay_out(config, world.home, world.bindings, memory, world.now)
        self.placed = self.layout.items

    def get(self, local: str) -> list[etree._Element]:
        """Return the instances of a part, each with nothing but what the model has."""
        (source,) = [one for one in self._state.sources() if one.path == f"/vppdhc:dhc6pdclient/{local}"]
        node = self._schema.node_at(source.path)
        assert node is not None
        found = []
        for entry in source.read(Want(all=True)):
            assert text(entry, "v:interface") == WAN
            found += list(entry)[1:]
        for element in found:
            assert element.tag == node.qname
            check(element, node)
        return found

    def one(self, local: str) -> etree._Element:
        (element,) = self.get(local)
        return element

    def names(self, local: str) -> set[str]:
        """Return the names of the nodes that the model has in a part."""
        node = self._schema.node_at(f"/vppdhc:dhc6pdclient/{local}")
        assert node is not None
        return {child.name for child in node.children.values()}


def test_every_part_of_the_model_has_a_source(schema: Schema) -> None:
    sources = {source.path for source in Shown(World(), schema)._state.sources()}
    top = schema.top["{urn:vppdhc:yang}dhc6pdclient"]
    state = [node for node in top.children.values() if not node.config]
    assert sources == {node.path for node in state}


@pytest.mark.parametrize("state", State)
def test_each_state_is_one_of_the_model(schema: Schema, state: State) -> None:
    shown = Shown(World(), schema)
    shown.world.machine.state = state
    assert shown.one("state").text == state


# Identity associations


def test_prefixes_and_addresses_are_shown_with_every_leaf(schema: Schema) -> None:
    world = bound(BOTH, excluded={PREFIX: "2001:db8:100:ff::/64"})
    shown = Shown(world, schema)
    shown.placed = [InterfaceAddress(WAN, IPv6Interface("2001:db8::50/128"))]
    asked = world.now
    world.wake(Wake.RENEW)
    world.run(5)
    prefixes, addresses = shown.get("ia-state")
    for element, list_ in ((prefixes, "delegated-prefix"), (addresses, "leased-address")):
        there = {etree.QName(child).localname for child in element}
        assert there == shown.names("ia-state") - ({"delegated-prefix", "leased-address"} - {list_})
        assert values(element).keys() | {"status", list_} == there
    said = values(prefixes)
    assert (said["ia-type"], said["ia-id"], said["server-duid"]) == ("ia-pd", "1", world.server.duid.hex(":"))
    assert (said["lease-t1"], said["lease-t2"]) == ("1800", "2880")
    renewed = boottime(said["last-renew-rebind"])
    assert boottime(said["allocation-time"]) < asked <= renewed <= world.now
    assert boottime(said["renewal"]) == pytest.approx(renewed + 1800)
    assert boottime(said["rebinding"]) == pytest.approx(renewed + 2880)
    assert leafs(prefixes, "v:status", "code") == [("0",)]
    (prefix,) = [values(one) for one in prefixes.iterfind("v:delegated-prefix", NS)]
    assert prefix.keys() == shown.names("ia-state/delegated-prefix")
    assert boottime(prefix["preferred-until"]) == pytest.approx(renewed + 3600)
    assert boottime(prefix["valid-until"]) == pytest.approx(renewed + 7200)
    assert (prefix["prefix"], prefix["excluded-prefix"]) == (PREFIX, "2001:db8:100:ff::/64")
    assert (prefix["preferred-lifetime"], prefix["valid-lifetime"]) == ("3600", "7200")
    (address,) = [values(one) for one in addresses.iterfind("v:leased-address", NS)]
    assert address.keys() == shown.names("ia-state/leased-address")
    assert (address["address"], address["programmed"]) == ("2001:db8::50", "true")
    shown.placed = ()
    assert texts(shown.get("ia-state")[1], ".//v:programmed") == ["false"]


def test_what_never_ends_has_no_end(schema: Schema) -> None:
    world = bound(ONE, preferred=INFINITY, valid=INFINITY, t1=INFINITY, t2=INFINITY)
    association = Shown(world, schema).one("ia-state")
    assert not {"lease-t1", "lease-t2", "renewal", "rebinding", "last-renew-rebind"} & values(association).keys()
    (prefix,) = [values(one) for one in association.iterfind("v:delegated-prefix", NS)]
    lifetimes = {"prefix": PREFIX, "preferred-lifetime": str(INFINITY), "valid-lifetime": str(INFINITY)}
    assert prefix == lifetimes


def test_an_association_that_got_nothing_says_why(schema: Schema) -> None:
    world = bound(TWO, statuses={PD2: StatusCode.NO_PREFIX_AVAIL})
    other = Shown(world, schema).get("ia-state")[1]
    assert values(other) == {"ia-type": "ia-pd", "ia-id": "2"}
    assert leafs(other, "v:status", "code", "message") == [("6", "sorry")]


def test_what_is_asked_for_is_shown_before_it_is_there(schema: Schema) -> None:
    found = Shown(World(BOTH), schema).get("ia-state")
    assert [values(one) for one in found] == [
        {"ia-type": "ia-pd", "ia-id": "1"},
        {"ia-type": "ia-na", "ia-id": "1"},
    ]
    assert Shown(World(replace(ONE, mode=Mode.STATELESS)), schema).get("ia-state") == []


def test_what_a_server_writes_is_shown_whatever_it_is(schema: Schema) -> None:
    world = bound(TWO, statuses={PD2: StatusCode.NO_PREFIX_AVAIL})
    world.server.spoil = lambda datagram: datagram.replace(b"\0\6sorry", b"\0\6<&\0\x1f\xff")
    world.wake(Wake.RENEW)
    world.run(5)
    other = Shown(world, schema).get("ia-state")[1]
    assert leafs(other, "v:status", "message") == [(r"<&\x00\x1f\xff",)]


# What became of the prefixes

LANS: Final = ClientConfig(ia_pds=(IaPd(1),), lans=(Lan("lan0"), Lan("lan1", subnet_id=255)))


def test_prefixes_of_lans_are_shown_with_every_leaf(schema: Schema) -> None:
    shown = Shown(bound(LANS), schema)
    shown.lay_out(LANS)
    first, second = [values(one) for one in shown.get("lan-prefix")]
    assert first.keys() == shown.names("lan-prefix")
    granted = shown.world.bindings.get(PD).leases[0].granted_at
    assert boottime(first["preferred-until"]) == pytest.approx(granted + 3600)
    assert boottime(first["valid-until"]) == pytest.approx(granted + 7200)
    constants = {
        "prefix": "2001:db8:100::/64",
        "interface": "lan0",
        "delegated-prefix": PREFIX,
        "address": "2001:db8:100::1",
        "deprecated": "false",
        "programmed": "true",
        "preferred-lifetime": "3600",
        "valid-lifetime": "7200",
    }
    assert first.items() >= constants.items()
    assert (second["interface"], second["prefix"]) == ("lan1", "2001:db8:100:ff::/64")
    shown.placed = [item for item in shown.placed if getattr(item, "interface", "") != "lan1"]
    assert texts(shown.get("lan-prefix")[1], "v:programmed") == ["false"]


def test_a_prefix_that_was_lost_is_shown_as_deprecated(schema: Schema) -> None:
    config = replace(LANS, lans=(Lan("lan0"),))
    shown = Shown(bound(config), schema)
    shown.lay_out(config)
    world = shown.world
    world.server.gives, world.server.zero = {PD: [OTHER_PREFIX]}, {PD: [PREFIX]}
    world.wake(Wake.RENEW)
    world.run(5)
    shown.lay_out(config, shown.layout)
    new, old = [values(one) for one in shown.get("lan-prefix")]
    assert (new["prefix"], new["deprecated"]) == ("2001:db8:aa00::/64", "false")
    assert old == {
        "prefix": "2001:db8:100::/64",
        "interface": "lan0",
        "delegated-prefix": PREFIX,
        "deprecated": "true",
        "programmed": "false",
    }


def test_the_translation_is_shown_with_every_leaf(schema: Schema) -> None:
    config = replace(ONE, npt66=True, internal_prefix=IPv6Network("fd00::/48"))
    shown = Shown(bound(config), schema)
    assert shown.get("npt66-binding") == []
    shown.lay_out(config)
    binding = shown.one("npt66-binding")
    assert {etree.QName(child).localname for child in binding} == shown.names("npt66-binding")
    said = {name: texts(binding, f"v:{name}") for name in shown.names("npt66-binding")}
    assert said == {
        "internal-prefix": ["fd00::/56"],
        "external-prefix": [PREFIX],
        "programmed": ["true"],
        "outside-prefix": [f"fd00:0:0:{1 << bit:x}::/{64 - bit}" for bit in range(8, 16)],
        "remark": [
            f"only fd00::/56 of internal-prefix fd00::/48 is translated, as the delegated prefix {PREFIX} has room for "
            "no more: hosts in the rest of it have no way to the provider"
        ],
    }
    shown.placed = [NptBinding(WAN, IPv6Network("fd00::/56"), IPv6Network(OTHER_PREFIX))]
    assert text(shown.one("npt66-binding"), "v:programmed") == "false", "VPP has the one of before"


# The link to the provider


def test_addresses_of_its_own_are_shown(schema: Schema) -> None:
    shown = Shown(bound(), schema)
    now = shown.world.now
    one, other = IPv6Address("2001:db8:7::1"), IPv6Address("2001:db8:8::1")
    shown.slaac = SlaacAddress(one, now + 600, now + 1200), SlaacAddress(other, math.inf, math.inf)
    shown.placed = [InterfaceAddress(WAN, IPv6Interface("2001:db8:7::1/64"))]
    first, second = [values(one) for one in shown.get("slaac-address")]
    assert (first["address"], first["programmed"]) == (str(one), "true")
    assert boottime(first["preferred-until"]) == pytest.approx(now + 600)
    assert boottime(first["valid-until"]) == pytest.approx(now + 1200)
    assert second == {"address": str(other), "programmed": "false"}


def test_routers_are_shown_with_every_leaf(schema: Schema) -> None:
    shown = Shown(bound(), schema)
    now = shown.world.now
    other = IPv6Address("fe80::2")
    shown.routers = (
        UpstreamRouter(
            ROUTER, managed=True, other=False, lifetime=1800, until=now + 900, preference=Preference.MEDIUM, heard=now
        ),
        UpstreamRouter(
            other, managed=False, other=True, lifetime=9000, until=now + 9000, preference=Preference.LOW, heard=now
        ),
    )
    shown.placed = ROUTES
    first, second = [values(one) for one in shown.get("upstream-router")]
    assert first.keys() == shown.names("upstream-router")
    assert boottime(first.pop("valid-until")) == pytest.approx(now + 900)
    assert first == {
        "address": "fe80::1",
        "managed-flag": "true",
        "other-config-flag": "false",
        "default-lifetime": "1800",
        "default-route": "true",
    }
    assert (second["managed-flag"], second["other-config-flag"], second["default-route"]) == ("false", "true", "false")


TOLD: Final = {
    Option.DNS_SERVERS: ["2001:db8::53", "2001:db8::54"],
    Option.DOMAIN_SEARCH: ["isp.example", "home.example"],
    Option.NTP_SERVER: [
        {"option": "server-address", "value": "2001:db8::7b"},
        {"option": "server-name", "value": "time.example"},
    ],
    Option.SNTP_SERVERS: ["2001:db8::7b", "2001:db8::7c"],
    Option.AFTR_NAME: "aftr.example",
    Option.V6_CAPTIVE_PORTAL: "https://portal.example/api",
    Option.SOLMAX_RT: 600,
    Option.INF_MAX_RT: 700,
}


def test_what_the_provider_tells_is_shown_with_every_leaf(schema: Schema) -> None:
    shown = Shown(bound(ONE, options=TOLD, raw=[(65000, b"\1\2")]), schema)
    learned = shown.one("learned")
    assert {etree.QName(child).localname for child in learned} == shown.names("learned")
    said = {
        "name-server": ["2001:db8::53", "2001:db8::54"],
        "domain-search": ["isp.example", "home.example"],
        "ntp-server": ["2001:db8::7b", "time.example", "2001:db8::7c"],
        "aftr-name": ["aftr.example"],
        "captive-portal": ["https://portal.example/api"],
        "sol-max-rt": ["600"],
        "inf-max-rt": ["700"],
        "info-refresh-time": ["86400"],
    }
    assert {leaf: texts(learned, f"v:{leaf}") for leaf in said} == said
    options = {int(code): content for code, content in leafs(learned, "v:option", "code", "hex")}
    assert options[65000] == "01:02"
    kept = set(TOLD) - {Option.SOLMAX_RT, Option.INF_MAX_RT}
    assert options == {code: encode_value(code, TOLD[code]).hex(":") for code in kept} | {65000: "01:02"}


def test_nonsense_of_a_provider_harms_nothing(schema: Schema) -> None:
    raw = [(Option.DNS_SERVERS, b"\1"), (Option.AFTR_NAME, b"\x40"), (Option.V6_CAPTIVE_PORTAL, b"<&\0\xff")]
    learned = Shown(bound(ONE, options={}, raw=raw), schema).one("learned")
    assert texts(learned, "v:name-server") == texts(learned, "v:aftr-name") == []
    assert texts(learned, "v:captive-portal") == [r"<&\x00\xff"]


# History and statistics


def test_what_it_went_through_is_told(schema: Schema) -> None:
    world = bound()
    shown = Shown(world, schema)
    assert texts(shown.one("history"), "v:event/v:text") == [entry.text for entry in world.journal.history]
    assert texts(shown.one("history"), "v:problem") == []
    world.server.silent = True
    world.run(3000)
    (problem,) = texts(shown.one("history"), "v:problem")
    assert "does not renew the lease" in problem


def test_messages_are_counted(schema: Schema) -> None:
    world = bound()
    world.deliver(b"\0" * 60)
    world.wake(Wake.RENEW)
    world.run(5)
    statistics = Shown(world, schema).one("statistics")
    counted = {name: number for name, number in values(statistics).items() if name.endswith("-count")}
    expected = dict.fromkeys(counted, "0") | {
        "solicit-count": "1",
        "advertise-count": "1",
        "request-count": "1",
        "renew-count": "1",
        "reply-count": "2",
        "discarded-message-count": "1",
    }
    assert counted == expected
    assert len(counted) == 12
    assert len(leafs(statistics, "v:discarded-message", "reason", "count")) == 1
    assert boottime(values(statistics)["discontinuity-time"]) <= world.now
