"""The configuration of the DHCPv4 client as it is read, and what of it is refused, with path and app-tag."""

import json
from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import Any

import pytest
from scapy.layers.dhcp import BOOTP, DHCP

from nc.errors import RpcErrors
from nc.schema import Schema
from nc.xml import Element, new_data
from tests.dhc4.clients import interface
from vppdhc.dhc4client import messages
from vppdhc.dhc4client.config import ClientConfig, ClientIdType, ConflictDetection, OnStop
from vppdhc.dhc4client.identity import Identity
from vppdhc.duid import DuidType
from vppdhc.northbound.components import Interfaces
from vppdhc.northbound.config import parser
from vppdhc.northbound.dhc4client_component import Dhcp4ClientComponent
from vppdhc.northbound.dhc4client_config import dhc4client_config
from vppdhc.northbound.duid import DuidComponent, DuidConfig
from vppdhc.packet.dhcp4 import encode

HERE = "/vppdhc:dhc4client[vppdhc:interface='wan0']"
EVERYTHING: dict[str, Any] = {
    "interface": "wan0",
    "client-id-type": "duid",
    "ia-id": 7,
    "hostname": "gate.example",
    "vendor-class": "router",
    "user-class": ["home", "büro"],
    "max-message-size": 1400,
    "requested-address": "198.51.100.10",
    "lease-time": 7200,
    "rapid-commit": True,
    "ipv6-only-preferred": True,
    "request-option": [33, 43],
    "option": [{"code": 60, "hex": "01:02"}, {"code": 224, "text": "hello"}, {"code": 69, "address": ["192.0.2.1"]}],
    "default-route": False,
    "route-preference": 20,
    "route-table-id": 7,
    "use-mtu": True,
    "conflict-detection": "none",
    "on-stop": "keep",
}


class Judge:
    """The component, whose configuration changes. applied: what it changed over to."""

    def __init__(self, schema: Schema, *names: str, known: bool = True, punt_problem: str = "") -> None:
        self.applied: list[Mapping[str, ClientConfig]] = []
        self.warnings: list[tuple[str, str]] = []
        self._schema = schema
        self._running = new_data()
        found = Interfaces([interface(name=name, index=number) for number, name in enumerate(names, 1)], known=known)
        self._component = Dhcp4ClientComponent(schema, lambda: found, lambda: punt_problem, self.applied.append)

    def commit(self, *clients: dict[str, Any], strict: bool = True, **others: Any) -> list[tuple[str, str, str]]:
        """Change over; returns the errors of a refusal, by path, app-tag and message, or nothing."""
        tree = tree_of(self._schema, *clients, **others)
        try:
            ready = self._component.prepare(self._running, tree, strict=strict)
        except RpcErrors as errors:
            return [(str(error.path), error.app_tag or "", error.message) for error in errors.errors]
        ready.apply()
        self._running = tree
        self.warnings = [(str(warning.path), warning.message) for warning in ready.warnings]
        return []


def tree_of(schema: Schema, *clients: dict[str, Any], **others: Any) -> Element:
    tree = parser(schema)(json.dumps({"dhc4client": list(clients), **others}))
    assert schema.validate(tree) == []
    return tree


def test_every_setting_is_read(schema: Schema) -> None:
    reading = dhc4client_config(schema, tree_of(schema, EVERYTHING))
    assert reading.faults == ()
    assert reading.configs == {
        "wan0": ClientConfig(
            client_id_type=ClientIdType.DUID,
            ia_id=7,
            hostname="gate.example",
            vendor_class="router",
            user_classes=("home", "büro"),
            max_message_size=1400,
            requested_address=IPv4Address("198.51.100.10"),
            lease_time=7200,
            rapid_commit=True,
            ipv6_only_preferred=True,
            request_options=(33, 43),
            options={60: b"\1\2", 224: b"hello", 69: bytes((192, 0, 2, 1))},
            default_route=False,
            route_preference=20,
            route_table=7,
            use_mtu=True,
            conflict_detection=ConflictDetection.NONE,
            on_stop=OnStop.KEEP,
        )
    }
    assert set(EVERYTHING) | {"client-id"} == {
        node.name for node in schema.top["{urn:vppdhc:yang}dhc4client"].children.values() if node.config
    }


def test_the_defaults_are_those_of_the_model(schema: Schema) -> None:
    reading = dhc4client_config(schema, tree_of(schema, {"interface": "wan0"}))
    assert reading.configs == {"wan0": ClientConfig()}


@pytest.mark.parametrize(
    ("settings", "config"),
    [
        ({"client-id": "00:aa"}, ClientConfig(client_id=b"\0\xaa")),
        ({"client-id-type": "hardware-address"}, ClientConfig(client_id_type=ClientIdType.HARDWARE_ADDRESS)),
    ],
)
def test_identities_are_read(schema: Schema, settings: dict[str, Any], config: ClientConfig) -> None:
    assert dhc4client_config(schema, tree_of(schema, {"interface": "wan0", **settings})).configs == {"wan0": config}


def test_what_was_read_is_sent(schema: Schema) -> None:
    config = dhc4client_config(schema, tree_of(schema, EVERYTHING)).configs["wan0"]
    message = encode(messages.discover(config, Identity(bytes(6), b"\xff"), 1, 0, config.requested_address))
    options = {option[0]: option[1] for option in BOOTP(message)[DHCP].options if isinstance(option, tuple)}
    assert options["hostname"] == b"gate.example"
    assert (options["lease_time"], options["max_dhcp_size"], options["requested_addr"]) == (7200, 1400, "198.51.100.10")
    assert (options["vendor_class_id"], options[224]) == (b"\1\2", b"hello"), "the option goes before vendor-class"
    assert options["user_class"] == b"\4home\5b\xc3\xbcro"
    assert set(options["param_req_list"]) >= {33, 43, 108}


REFUSED: list[tuple[dict[str, Any], str, str, str]] = [
    (
        {"option": [{"code": 26, "text": "1500"}]},
        "/vppdhc:option[vppdhc:code='26']",
        "invalid-option",
        "this cannot be read as option 26",
    ),
    (
        {"user-class": ["home", "ü" * 128]},
        f"/vppdhc:user-class[.='{'ü' * 128}']",
        "user-class-too-long",
        "this user class has 256 octets: it can have 255",
    ),
    (
        {"option": [{"code": code, "hex": ":".join(["00"] * 900)} for code in (224, 225)]},
        "",
        "message-too-long",
        "options 225 would be left out",
    ),
]


@pytest.mark.parametrize(("settings", "path", "app_tag", "words"), REFUSED, ids=[one[2] for one in REFUSED])
def test_what_cannot_be_sent_is_refused(
    schema: Schema, settings: dict[str, Any], path: str, app_tag: str, words: str
) -> None:
    judge = Judge(schema, "wan0")
    ((where, tag, message),) = judge.commit({"interface": "wan0", **settings})
    assert (where, tag) == (HERE + path, app_tag)
    assert words in message
    assert judge.applied == []


def test_at_the_start_what_cannot_be_sent_is_left_out_with_a_warning(schema: Schema) -> None:
    judge = Judge(schema, "wan0")
    client = {"interface": "wan0", "user-class": ["home", "ü" * 128], "option": [{"code": 26, "text": "1500"}]}
    assert judge.commit(client, strict=False) == []
    assert judge.applied == [{"wan0": ClientConfig(user_classes=("home",))}]
    assert len(judge.warnings) == 2


def test_an_interface_that_vpp_has_not_is_refused(schema: Schema) -> None:
    judge = Judge(schema, "tap0", "wan0")
    ((path, app_tag, message),) = judge.commit({"interface": "wan0"}, {"interface": "wan1"})
    assert (path, app_tag) == ("/vppdhc:dhc4client[vppdhc:interface='wan1']", "no-such-interface")
    assert message == "VPP has no interface wan1; it has tap0, wan0"


def test_an_interface_that_has_gone_is_a_warning(schema: Schema) -> None:
    judge = Judge(schema, "wan0")
    assert judge.commit({"interface": "wan7"}, strict=False) == []
    assert [path for path, _ in judge.warnings] == ["/vppdhc:dhc4client[vppdhc:interface='wan7']"]
    assert judge.commit({"interface": "wan7", "hostname": "gate"}) == [], "it was there when it was configured"


def test_without_vpp_any_interface_is_taken(schema: Schema) -> None:
    judge = Judge(schema, known=False)
    assert judge.commit({"interface": "wan0"}) == []
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
    assert judge.commit({"interface": "wan0"}, dhc4server=server) == []
    ((path, message),) = judge.warnings
    assert path == HERE
    assert "wan0 is served by dhc4server as well" in message
    assert judge.commit({"interface": "wan0"}, dhc4server={}) == []
    assert judge.warnings == []


@pytest.mark.parametrize(
    ("settings", "config"),
    [
        ({}, DuidConfig(b"", DuidType.LLT)),
        ({"duid": {"type": "uuid"}}, DuidConfig(b"", DuidType.UUID)),
        ({"duid": {"value": "00:03:00:01:02"}}, DuidConfig(bytes((0, 3, 0, 1, 2)), DuidType.LLT)),
    ],
)
def test_the_duid_is_read(schema: Schema, settings: dict[str, Any], config: DuidConfig) -> None:
    applied: list[DuidConfig] = []
    DuidComponent(schema, applied.append).prepare(new_data(), tree_of(schema, system=settings), strict=True).apply()
    assert applied == [config]
