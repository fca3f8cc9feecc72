"""What is written about the DHCPv4 server is what the server is given."""

from ipaddress import IPv4Network
from typing import Any

import pytest

from nc.schema import Schema
from tests.dhc4.clients import number
from tests.northbound.dhc4_settings import config_of
from vppdhc.dhc4.config import (
    BootpClients,
    ConflictDetection,
    Overrides,
    PoolConfig,
    ServerConfig,
    Settings,
    SubnetConfig,
)
from vppdhc.dhc4.options import OptionSet
from vppdhc.dhc4.reservations import Reservation

SERVICE: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"lease-time": 600}, {"lease_time": 600}),
    ({"renewal-time": 60}, {"renewal_time": 60}),
    ({"rebinding-time": 90}, {"rebinding_time": 90}),
    ({"max-address-utilization": 50}, {"max_address_utilization": 50}),
    ({"static-percentage": 0}, {"static_percentage": 0}),
    ({"authoritative": False}, {"authoritative": False}),
    ({"offer-hold-time": 5}, {"offer_hold": 5}),
    ({"probation-time": 5}, {"probation_time": 5}),
    ({"conflict-detection": "arping"}, {"conflict_detection": ConflictDetection.ARPING}),
    ({"probe-timeout": 250}, {"probe_timeout": 0.25}),
    ({"rapid-commit": True}, {"rapid_commit": True}),
    ({"bootp-clients": "dynamic"}, {"bootp_clients": BootpClients.DYNAMIC}),
    ({"known-clients-only": True}, {"known_clients_only": True}),
    ({"subnet-selection": True}, {"subnet_selection": True}),
    ({"max-client-rate": 10}, {"max_client_rate": 10}),
    ({"max-leases-per-hardware-address": 3}, {"max_leases_per_hardware_address": 3}),
    ({"domain-name": "example.net"}, {"options": OptionSet({15: b"example.net"})}),
]


def test_nothing_written_is_what_the_server_is_without_configuration(schema: Schema) -> None:
    assert config_of(schema, {}) == ServerConfig()


@pytest.mark.parametrize(("written", "read"), SERVICE, ids=[next(iter(one[0])) for one in SERVICE])
def test_settings_of_server_interface_and_subnet(schema: Schema, written: dict[str, Any], read: dict[str, Any]) -> None:
    assert config_of(schema, written).settings == Settings(**read)
    below = {
        "interface": [{"name": "tap1", **written}],
        "subnet": [{"id": "a", "network-prefix": "10.0.0.0/24", **written}],
    }
    config = config_of(schema, below)
    assert config.settings == Settings()
    assert config.per_interface == {"tap1": Overrides(**read)}
    assert config.subnets[0].overrides == Overrides(**read)


@pytest.mark.parametrize(("written", "read"), [*SERVICE[:4], SERVICE[-1]])
def test_settings_of_a_pool(schema: Schema, written: dict[str, Any], read: dict[str, Any]) -> None:
    pool = {"pool-id": "p", "start-address": "10.0.0.9", "end-address": "10.0.0.20", **written}
    (subnet,) = config_of(
        schema, {"subnet": [{"id": "a", "network-prefix": "10.0.0.0/24", "address-pool": [pool]}]}
    ).subnets
    assert subnet.pools == (PoolConfig("p", number("10.0.0.9"), number("10.0.0.20"), Overrides(**read)),)


def test_a_subnet(schema: Schema) -> None:
    written = {
        "id": "a",
        "description": "behind the relay agents",
        "network-prefix": "10.0.0.0/24",
        "table-id": 7,
        "interface": "tap1",
        "relay-address": ["10.9.9.9", "10.9.9.8"],
        "excluded-range": [
            {"start-address": "10.0.0.10", "end-address": "10.0.0.12"},
            {"start-address": "10.0.0.30"},
        ],
    }
    assert config_of(schema, {"subnet": [written], "max-pending-probes": 5}) == ServerConfig(
        subnets=(
            SubnetConfig(
                "a",
                IPv4Network("10.0.0.0/24"),
                7,
                "tap1",
                (number("10.9.9.9"), number("10.9.9.8")),
                excluded=((number("10.0.0.10"), number("10.0.0.12")), (number("10.0.0.30"), number("10.0.0.30"))),
            ),
        ),
        max_pending_probes=5,
    )


def test_client_classes_keep_their_order(schema: Schema) -> None:
    written = [
        {"name": "z", "vendor-class": ["PXEClient*", "HTTPClient*"], "next-server": "192.168.1.5"},
        {"name": "a", "user-class": ["iPXE"], "boot-file-name": "menu.ipxe"},
    ]
    first, second = config_of(schema, {"client-class": written}).classes
    assert (first.name, first.vendor_classes, first.user_classes) == ("z", (b"PXEClient*", b"HTTPClient*"), ())
    assert first.options.next_server == number("192.168.1.5")
    assert (second.name, second.vendor_classes, second.user_classes) == ("a", (), (b"iPXE",))
    assert second.options.values == {67: b"menu.ipxe"}


CLIENTS: list[tuple[dict[str, str], dict[str, bytes]]] = [
    ({"hardware-address": "02:00:00:00:00:01"}, {"client": b"\1\2\0\0\0\0\1"}),
    ({"client-id": "6d:65"}, {"client": b"\0me"}),
    ({"circuit-id": "01:02"}, {"client": b"", "circuit_id": b"\1\2"}),
    ({"remote-id": "03"}, {"client": b"", "remote_id": b"\3"}),
    ({"circuit-id": "01:02", "remote-id": "03"}, {"client": b"", "circuit_id": b"\1\2", "remote_id": b"\3"}),
]


@pytest.mark.parametrize(("written", "read"), CLIENTS)
def test_reservations_of_the_server_and_of_subnets(
    schema: Schema, written: dict[str, str], read: dict[str, Any]
) -> None:
    entry = {"id": "x", "description": "a printer", "reserved-addr": "10.0.0.9", "hostname": "printer", **written}
    told: dict[str, Any] = {
        "address": number("10.0.0.9"),
        "hostname": "printer",
        "options": OptionSet({12: b"printer"}),
    }
    assert list(config_of(schema, {"host-reservation": [entry]}).reservations) == [
        Reservation(id="x", table=None, **read, **told)
    ]
    subnet = {"id": "a", "network-prefix": "10.0.0.0/24", "table-id": 7, "host-reservation": [entry]}
    assert list(config_of(schema, {"subnet": [subnet]}).reservations) == [
        Reservation(id="x", table=7, subnet="a", **read, **told)
    ]


def test_what_a_reservation_says_of_option_12_goes_before_its_host_name(schema: Schema) -> None:
    entry: dict[str, Any] = {"id": "x", "client-id": "01", "hostname": "printer"}
    own = {**entry, "option": [{"code": 12, "text": "plotter"}]}
    (one,) = config_of(schema, {"host-reservation": [own]}).reservations
    assert (one.hostname, one.options.values) == ("printer", {12: b"plotter"})
    (one,) = config_of(schema, {"host-reservation": [{**entry, "omit-option": [12]}]}).reservations
    assert one.options == OptionSet(omitted=frozenset({12}))
