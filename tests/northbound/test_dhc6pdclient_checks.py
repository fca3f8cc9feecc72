"""The configuration of the DHCPv6 client as it is read, and what of it is refused, with path and app-tag."""

import json
from collections.abc import Mapping
from ipaddress import IPv6Address, IPv6Network
from typing import Any

import pytest
from scapy.layers.dhcp6 import (
    DHCP6_Solicit,
    DHCP6OptClientId,
    DHCP6OptIA_NA,
    DHCP6OptIA_PD,
    DHCP6OptIAPrefix,
    DHCP6OptOptReq,
    DHCP6OptRapidCommit,
    DHCP6OptReconfAccept,
    DHCP6OptUserClass,
)
from scapy.packet import Packet

from nc.errors import RpcErrors
from nc.schema import Schema
from nc.xml import Element, new_data
from tests.dhc4.clients import interface
from vppdhc.dhc6pdclient import messages
from vppdhc.dhc6pdclient.config import (
    ClientConfig,
    ConflictDetection,
    DefaultRoute,
    IaPd,
    Lan,
    Mode,
    OnStop,
)
from vppdhc.dhc6pdclient.identity import ia_id
from vppdhc.northbound.components import Interfaces
from vppdhc.northbound.config import parser
from vppdhc.northbound.dhc6pdclient_component import Dhcp6ClientComponent
from vppdhc.northbound.dhc6pdclient_config import dhc6pdclient_config
from vppdhc.packet.dhcp6 import MessageType, encode

HERE = "/vppdhc:dhc6pdclient[vppdhc:interface='wan0']"
OWN = IaPd(ia_id("wan0", 0))
"""What a client asks for that is configured to ask for nothing."""
WITH_LANS: dict[str, Any] = {
    "interface": "wan0",
    "ia-pd": [{"ia-id": 1, "prefix-length-hint": 56}, {"ia-id": 2, "prefix-hint": "2001:db8:100::/48"}, {"ia-id": 3}],
    "ia-na": [{"ia-id": 1}, {"ia-id": 7}],
    "lan-interface": [
        {"name": "lan0"},
        {"name": "lan1", "ia-id": 2, "subnet-id": 5, "prefix-length": 60, "interface-id": "::2:0:0:1"},
    ],
    "mode": "stateful",
    "client-duid": "00:03:00:01:02:00:00:00:00:aa",
    "rapid-commit": True,
    "reconfigure-accept": False,
    "request-option": [21, 95],
    "option": [
        {"code": 15, "hex": "00:04:68:6f:6d:65"},
        {"code": 65000, "text": "büro"},
        {"code": 52, "address": ["2001:db8::1", "2001:db8::2"]},
    ],
    "slaac": True,
    "conflict-detection": "none",
    "default-route": "server",
    "route-preference": 20,
    "route-table-id": 7,
    "on-stop": "release",
}
TRANSLATING: dict[str, Any] = {"interface": "wan0", "npt66": True, "internal-prefix": "fd00::/48"}


class Judge:
    """The component, whose configuration changes. applied: what it changed over to."""

    def __init__(self, schema: Schema, *names: str, known: bool = True, punt_problem: str = "") -> None:
        self.applied: list[Mapping[str, ClientConfig]] = []
        self.warnings: list[tuple[str, str]] = []
        self._schema = schema
        self._running = new_data()
        found = Interfaces([interface(name=name, index=number) for number, name in enumerate(names, 1)], known=known)
        self._component = Dhcp6ClientComponent(schema, lambda: found, lambda: punt_problem, self.applied.append)

    def commit(self, *clients: dict[str, Any], strict: bool = True, **others: Any) -> list[tuple[str, str, str]]:
        """Change over; returns the errors of a refusal, by path, app-tag and message, or nothing."""
        try:
            tree = tree_of(self._schema, *clients, **others)
            ready = self._component.prepare(self._running, tree, strict=strict)
        except RpcErrors as refusal:
            return [(str(error.path), error.app_tag or "", error.message) for error in refusal.errors]
        ready.apply()
        self._running = tree
        self.warnings = [(str(warning.path), warning.message) for warning in ready.warnings]
        return []


def tree_of(schema: Schema, *clients: dict[str, Any], **others: Any) -> Element:
    """Make the tree of a configuration; raises RpcErrors for what the schema refuses."""
    tree = parser(schema)(json.dumps({"dhc6pdclient": list(clients), **others}))
    errors = schema.validate(tree)
    if errors:
        raise RpcErrors(errors)
    return tree


def read(schema: Schema, *clients: dict[str, Any]) -> Mapping[str, ClientConfig]:
    reading = dhc6pdclient_config(schema, tree_of(schema, *clients))
    assert reading.faults == ()
    return reading.configs


def test_every_setting_is_read(schema: Schema) -> None:
    assert read(schema, WITH_LANS) == {
        "wan0": ClientConfig(
            ia_pds=(IaPd(1, length_hint=56), IaPd(2, prefix_hint=IPv6Network("2001:db8:100::/48")), IaPd(3)),
            ia_nas=(1, 7),
            mode=Mode.STATEFUL,
            client_duid=bytes.fromhex("000300010200000000aa"),
            rapid_commit=True,
            reconfigure_accept=False,
            request_options=(21, 95),
            options={
                15: b"\0\4home",
                65000: "büro".encode(),
                52: IPv6Address("2001:db8::1").packed + IPv6Address("2001:db8::2").packed,
            },
            lans=(
                Lan("lan0"),
                Lan("lan1", ia_id=2, subnet_id=5, prefix_length=60, interface_id=IPv6Address("::2:0:0:1")),
            ),
            slaac=True,
            conflict_detection=ConflictDetection.NONE,
            default_route=DefaultRoute.SERVER,
            route_preference=20,
            route_table=7,
            on_stop=OnStop.RELEASE,
        )
    }
    assert read(schema, TRANSLATING) == {
        "wan0": ClientConfig(ia_pds=(OWN,), npt66=True, internal_prefix=IPv6Network("fd00::/48"))
    }
    top = schema.top["{urn:vppdhc:yang}dhc6pdclient"].children
    assert {*WITH_LANS, *TRANSLATING} == {node.name for node in top.values() if node.config}
    for name in ("ia-pd", "ia-na", "lan-interface", "option"):
        node = top[f"{{urn:vppdhc:yang}}{name}"]
        assert {key for entry in WITH_LANS[name] for key in entry} == {one.name for one in node.children.values()}


def test_the_defaults_are_those_of_the_model(schema: Schema) -> None:
    assert read(schema, {"interface": "wan0"}) == {"wan0": ClientConfig(ia_pds=(OWN,))}


@pytest.mark.parametrize("mode", ["auto", "stateful", "stateless"])
def test_modes_are_read(schema: Schema, mode: str) -> None:
    assert read(schema, {"interface": "wan0", "mode": mode})["wan0"].mode == mode


@pytest.mark.parametrize("route", ["router-advertisement", "server", "none"])
def test_default_routes_are_read(schema: Schema, route: str) -> None:
    assert read(schema, {"interface": "wan0", "default-route": route})["wan0"].default_route == route


@pytest.mark.parametrize("on_stop", ["keep", "withdraw", "release"])
def test_what_becomes_of_the_lease_is_read(schema: Schema, on_stop: str) -> None:
    assert read(schema, {"interface": "wan0", "on-stop": on_stop})["wan0"].on_stop == on_stop


def test_each_client_has_an_association_of_its_own(schema: Schema) -> None:
    configs = read(schema, {"interface": "wan0"}, {"interface": "wan1"})
    assert [one.ia_pds for one in configs.values()] == [(OWN,), (IaPd(ia_id("wan1", 0)),)]
    assert ia_id("wan0", 0) != ia_id("wan1", 0)


def test_what_was_read_is_sent(schema: Schema) -> None:
    config = read(schema, WITH_LANS | {"reconfigure-accept": True})["wan0"]
    wanted = {key: config.hints(key) for key in config.keys}
    heading = messages.Heading(MessageType.SOLICIT, 1, config.client_duid)
    packet = DHCP6_Solicit(encode(messages.build(heading, config, wanted, 0)))
    assert bytes(packet[DHCP6OptClientId].duid) == config.client_duid
    assert DHCP6OptRapidCommit in packet
    assert DHCP6OptReconfAccept in packet
    assert set(packet[DHCP6OptOptReq].reqopts) >= {21, 95}
    assert [one.data for one in packet[DHCP6OptUserClass].userclassdata] == [b"home"]
    prefixes = []
    for number in range(1, 4):
        association = layer(packet, DHCP6OptIA_PD, number)
        hints = [option for option in association.iapdopt if isinstance(option, DHCP6OptIAPrefix)]
        prefixes.append((association.iaid, [(hint.prefix, hint.plen) for hint in hints]))
    assert prefixes == [(1, [("::", 56)]), (2, [("2001:db8:100::", 48)]), (3, [])]
    assert [layer(packet, DHCP6OptIA_NA, number).iaid for number in (1, 2)] == [1, 7]


def layer(packet: Packet, kind: type[Packet], number: int) -> Packet:
    found = packet.getlayer(kind, number)
    assert found is not None
    return found


LANS: dict[str, Any] = {"interface": "wan0", "lan-interface": [{"name": "lan0"}]}
LAN = "/vppdhc:lan-interface[vppdhc:name='lan0']"
LONG = ":".join(["00"] * 600)

REFUSED: list[tuple[dict[str, Any], str, str, str]] = [
    (
        {"option": [{"code": 23, "text": "dns"}]},
        "/vppdhc:option[vppdhc:code='23']",
        "invalid-option",
        "this cannot be read as option 23",
    ),
    (
        {"option": [{"code": code, "hex": LONG} for code in (65000, 65001)]},
        "",
        "message-too-long",
        "options 65001 would be left out",
    ),
    (
        {"ia-pd": [{"ia-id": number} for number in range(30)]},
        "",
        "message-too-long",
        "ask for fewer of ia-pd and ia-na",
    ),
    (
        {"lan-interface": [{"name": "lan0", "interface-id": "::fdff:ffff:ffff:ffff"}]},
        LAN + "/vppdhc:interface-id",
        "interface-id-not-for-routers",
        "is reserved (RFC 5453): give another one",
    ),
    (
        {"lan-interface": [{"name": "lan0", "prefix-length": 126, "interface-id": "::4"}]},
        LAN + "/vppdhc:interface-id",
        "interface-id-not-for-routers",
        "has more than 2 bits: give another one",
    ),
    (
        {"npt66": True, "internal-prefix": "::/48"},
        "/vppdhc:npt66",
        "npt66-impossible",
        "choose one of your own (RFC 4193)",
    ),
    (
        {"npt66": True, "internal-prefix": "fd00::/48", "ia-pd": [{"ia-id": 1, "prefix-length-hint": 72}]},
        "/vppdhc:npt66",
        "npt66-impossible",
        "ask for a larger one than a /72",
    ),
]
"""What the schema lets through: settings, path below the client, app-tag, words of the message."""

REFUSED_BY_THE_SCHEMA: list[tuple[dict[str, Any], str, str, str]] = [
    ({"npt66": True}, "/vppdhc:npt66", "npt66-without-internal-prefix", "give it"),
    (
        {"internal-prefix": "fd00::/48"},
        "/vppdhc:internal-prefix",
        "internal-prefix-without-npt66",
        "only where npt66 is true",
    ),
    (
        {"npt66": True, "internal-prefix": "fd00::/72"},
        "/vppdhc:internal-prefix",
        "internal-prefix-too-long",
        "at most 64",
    ),
    (TRANSLATING | LANS, LAN, "npt66-leaves-no-prefix", "nothing is left for LANs"),
    (
        {"lan-interface": [{"name": "wan0"}]},
        "/vppdhc:lan-interface[vppdhc:name='wan0']/vppdhc:name",
        "lan-is-upstream",
        "cannot be a LAN of its own",
    ),
    (
        {"lan-interface": [{"name": "lan0", "prefix-length": 40}]},
        LAN + "/vppdhc:prefix-length",
        "lan-prefix-length-out-of-range",
        "within 48 and 126",
    ),
    (
        {"lan-interface": [{"name": "lan0", "interface-id": "2001:db8::1"}]},
        LAN + "/vppdhc:interface-id",
        "invalid-interface-id",
        "such as '::1'",
    ),
    ({"mode": "stateless"} | LANS, "/vppdhc:mode", "stateless-has-no-prefix", "neither prefixes nor addresses"),
]


@pytest.mark.parametrize(("settings", "path", "app_tag", "words"), [*REFUSED, *REFUSED_BY_THE_SCHEMA])
def test_what_cannot_be_is_refused(
    schema: Schema, settings: dict[str, Any], path: str, app_tag: str, words: str
) -> None:
    judge = Judge(schema, "wan0", "lan0")
    ((where, tag, message),) = judge.commit({"interface": "wan0", **settings})
    assert (where, tag) == (HERE + path, app_tag)
    assert words in message
    assert judge.applied == []


def test_two_lans_cannot_have_one_number(schema: Schema) -> None:
    judge = Judge(schema, "wan0", "lan0", "lan1")
    lans = [{"name": name, "subnet-id": 5} for name in ("lan0", "lan1")]
    refused = judge.commit({"interface": "wan0", "lan-interface": lans})
    assert {(path, tag) for path, tag, _ in refused} == {
        (f"{HERE}/vppdhc:lan-interface[vppdhc:name='{name}']/vppdhc:subnet-id", "subnet-id-twice")
        for name in ("lan0", "lan1")
    }


@pytest.mark.parametrize("code", [1, 6, 13, 25, 47, 79, 135])
def test_options_of_the_protocol_cannot_be_set(schema: Schema, code: int) -> None:
    with pytest.raises(RpcErrors) as caught:
        tree_of(schema, {"interface": "wan0", "option": [{"code": code, "hex": "00"}]})
    (error,) = caught.value.errors
    assert error.app_tag == "option-not-settable"
    assert "belongs to the protocol itself" in error.message


def test_a_lan_is_configured_once(schema: Schema) -> None:
    twice = {"interface": "wan0", "lan-interface": [{"name": "lan0"}, {"name": "lan0"}]}
    with pytest.raises(RpcErrors, match="lan0"):
        tree_of(schema, twice)


def test_the_interface_to_another_provider_is_no_lan(schema: Schema) -> None:
    judge = Judge(schema, "wan0", "wan1", "lan0")
    client = {"interface": "wan0", "lan-interface": [{"name": "lan0"}, {"name": "wan1"}]}
    ((path, app_tag, message),) = judge.commit(client, {"interface": "wan1"})
    assert (path, app_tag) == (f"{HERE}/vppdhc:lan-interface[vppdhc:name='wan1']", "lan-is-upstream")
    assert message == "wan1 leads to a provider, by dhc6pdclient, and cannot be a LAN: leave it out here"


def test_a_lan_is_behind_one_provider(schema: Schema) -> None:
    judge = Judge(schema, "wan0", "wan1", "lan0")
    ((path, app_tag, message),) = judge.commit(LANS, LANS | {"interface": "wan1"})
    where = "/vppdhc:dhc6pdclient[vppdhc:interface='wan1']/vppdhc:lan-interface[vppdhc:name='lan0']"
    assert (path, app_tag) == (where, "lan-twice")
    assert message == "lan0 gets its prefix by wan0 already: name it in one dhc6pdclient only"


def test_at_the_start_what_cannot_be_is_left_out_with_a_warning(schema: Schema) -> None:
    judge = Judge(schema, "wan0", "wan1", "lan0", "lan1")
    options = [{"code": 23, "text": "dns"}, *({"code": code, "hex": LONG} for code in (65000, 65001))]
    lans = [{"name": "lan0"}, {"name": "wan1"}, {"name": "lan1", "interface-id": "::fdff:ffff:ffff:ffff"}]
    clients = {"interface": "wan0", "option": options, "lan-interface": lans}, LANS | {"interface": "wan1"}
    assert judge.commit(*clients, strict=False) == []
    assert judge.applied == [
        {
            "wan0": ClientConfig(ia_pds=(OWN,), options={65000: bytes(600)}, lans=(Lan("lan0"),)),
            "wan1": ClientConfig(ia_pds=(IaPd(ia_id("wan1", 0)),)),
        }
    ]
    assert len(judge.warnings) == 5


def test_interfaces_that_vpp_has_not_are_refused(schema: Schema) -> None:
    judge = Judge(schema, "tap0", "wan0")
    refused = judge.commit(LANS, {"interface": "wan1"})
    assert refused == [
        (HERE + LAN, "no-such-interface", "VPP has no interface lan0; it has tap0, wan0"),
        (
            "/vppdhc:dhc6pdclient[vppdhc:interface='wan1']",
            "no-such-interface",
            "VPP has no interface wan1; it has tap0, wan0",
        ),
    ]


def test_interfaces_that_have_gone_are_warnings(schema: Schema) -> None:
    judge = Judge(schema, "tap0")
    assert judge.commit(LANS, strict=False) == []
    assert [path for path, _ in judge.warnings] == [HERE, HERE + LAN]
    assert judge.commit(LANS | {"slaac": True}) == [], "they were there when they were configured"


def test_without_vpp_any_interface_is_taken(schema: Schema) -> None:
    judge = Judge(schema, known=False)
    assert judge.commit(LANS) == []
    assert judge.warnings == []


def test_a_vpp_without_a_punt_socket_is_refused_for_the_first_client(schema: Schema) -> None:
    judge = Judge(schema, "wan0", "wan1", punt_problem="VPP has no punt socket: put one into startup.conf")
    assert judge.commit({"interface": "wan0"}) == [
        (HERE, "no-punt-socket", "VPP has no punt socket: put one into startup.conf")
    ]
    assert judge.commit({"interface": "wan0"}, strict=False) == []
    assert judge.commit({"interface": "wan0"}, {"interface": "wan1"}) == [], "it was so before"
    assert judge.commit() == []


@pytest.mark.parametrize("server", [{"interfaces": ["wan0"]}, {"interface": [{"name": "wan0"}]}])
def test_a_server_on_the_same_interface_is_a_warning(schema: Schema, server: dict[str, Any]) -> None:
    judge = Judge(schema, "wan0")
    assert judge.commit({"interface": "wan0"}, dhc6server=server) == []
    ((path, message),) = judge.warnings
    assert path == HERE
    assert "wan0 is served by dhc6server as well" in message
    assert judge.commit({"interface": "wan0"}, dhc6server={}) == []
    assert judge.warnings == []


def test_the_first_example_of_all_is_read_unchanged(schema: Schema) -> None:
    text = """{
    "dhc6pdclient": { "interface": "tap0", "internal-prefix": "fd00::/48", "npt66": true },
    "dhc6server": { "interfaces": ["tap1"], "dns": ["2001:4860:4860::8888"] },
    "ip6ndra": { "interfaces": ["tap1"] },
    "dhc4server": { "name-server": ["8.8.8.8"], "renewal-time": 600, "lease-time": 3600 }
}"""
    tree = parser(schema)(text)
    assert schema.validate(tree) == []
    applied: list[Mapping[str, ClientConfig]] = []
    nobody = Interfaces([], known=False)
    ready = Dhcp6ClientComponent(schema, lambda: nobody, lambda: "", applied.append).prepare(
        new_data(), tree, strict=True
    )
    assert ready.warnings == ()
    ready.apply()
    own = IaPd(ia_id("tap0", 0))
    assert applied == [{"tap0": ClientConfig(ia_pds=(own,), npt66=True, internal_prefix=IPv6Network("fd00::/48"))}]
