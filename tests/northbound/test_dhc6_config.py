"""What is written about the DHCPv6 server is what the server is given."""

from ipaddress import IPv6Network
from pathlib import Path
from typing import Any

import pytest

from nc.schema import Schema
from tests.dhc6.clients import number
from tests.northbound.dhc4_settings import tree_of
from tests.northbound.dhc6_settings import WAN, config_of
from vppdhc.dhc6.config import (
    ConflictDetection,
    Overrides,
    PoolConfig,
    PrefixPoolConfig,
    ServerConfig,
    Settings,
    SubnetConfig,
)
from vppdhc.dhc6.options import OptionSet
from vppdhc.dhc6.reservations import Reservation
from vppdhc.northbound.config import parser
from vppdhc.northbound.dhc6_config import dhc6server_config

SETTINGS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"valid-lifetime": 6000}, {"valid_lifetime": 6000}),
    ({"preferred-lifetime": 600}, {"preferred_lifetime": 600}),
    ({"renew-time": 60}, {"renewal_time": 60}),
    ({"rebind-time": 90}, {"rebinding_time": 90}),
    ({"max-address-utilization": 50}, {"max_address_utilization": 50}),
    ({"preference": 255}, {"preference": 255}),
    ({"offer-hold-time": 5}, {"offer_hold": 5}),
    ({"probation-time": 5}, {"probation_time": 5}),
    ({"conflict-detection": "none"}, {"conflict_detection": ConflictDetection.NONE}),
    ({"probe-timeout": 250}, {"probe_timeout": 0.25}),
    ({"rapid-commit": True}, {"rapid_commit": True}),
    ({"reconfigure": True}, {"reconfigure": True}),
    ({"info-refresh-time": 600}, {"options": OptionSet({32: b"\0\0\2\x58"})}),
]
LIFETIMES = SETTINGS[:4]
OF_POOLS = [*SETTINGS[:5], SETTINGS[-1]]
SUBNET = {"id": "a", "network-prefix": "2001:db8:1::/64"}


def test_nothing_written_is_what_the_server_is_without_configuration(schema: Schema) -> None:
    assert config_of(schema, {}) == ServerConfig()
    assert dhc6server_config(schema, tree_of(schema, None)) is None


def test_the_smallest_configuration(schema: Schema) -> None:
    written = {"interfaces": ["tap1"], "dns": ["2001:4860:4860::8888"]}
    dns = OptionSet({23: number("2001:4860:4860::8888").to_bytes(16, "big")})
    assert config_of(schema, written) == ServerConfig(Settings(options=dns), ("tap1",))


@pytest.mark.parametrize(("written", "read"), SETTINGS, ids=[next(iter(one[0])) for one in SETTINGS])
def test_settings_of_server_interface_and_subnet(schema: Schema, written: dict[str, Any], read: dict[str, Any]) -> None:
    assert config_of(schema, written).settings == Settings(**read)
    config = config_of(schema, {"interface": [{"name": "tap1", **written}], "subnet": [{**SUBNET, **written}]})
    assert config.settings == Settings()
    assert config.per_interface == {"tap1": Overrides(**read)}
    assert config.subnets[0].overrides == Overrides(**read)


@pytest.mark.parametrize(("written", "read"), OF_POOLS, ids=[next(iter(one[0])) for one in OF_POOLS])
def test_settings_of_a_pool(schema: Schema, written: dict[str, Any], read: dict[str, Any]) -> None:
    pool = {"pool-id": "p", "start-address": "2001:db8:1::9", "end-address": "2001:db8:1::20", **written}
    (subnet,) = config_of(schema, {"subnet": [{**SUBNET, "address-pool": [pool]}]}).subnets
    assert subnet.pools == (PoolConfig("p", number("2001:db8:1::9"), number("2001:db8:1::20"), Overrides(**read)),)


def test_a_pool_by_its_prefix(schema: Schema) -> None:
    pool = {"pool-id": "p", "pool-prefix": "2001:db8:1:0:5::/80"}
    (subnet,) = config_of(schema, {"subnet": [{**SUBNET, "address-pool": [pool]}]}).subnets
    last = number("2001:db8:1:0:5:ffff:ffff:ffff")
    assert subnet.pools == (PoolConfig("p", number("2001:db8:1:0:5::"), last),)


@pytest.mark.parametrize(("written", "read"), LIFETIMES, ids=[next(iter(one[0])) for one in LIFETIMES])
def test_lifetimes_of_a_prefix_pool(schema: Schema, written: dict[str, Any], read: dict[str, Any]) -> None:
    pool = {"pool-id": "p", "pool-prefix": "2001:db8:8000::/40", "client-prefix-length": 56, **written}
    prefix = IPv6Network("2001:db8:8000::/40")
    assert config_of(schema, {"prefix-pool": [pool]}).prefix_pools == (
        PrefixPoolConfig("p", 56, prefix, overrides=Overrides(**read)),
    )


def test_prefix_pools(schema: Schema) -> None:
    written = [
        {
            "pool-id": "far",
            "pool-prefix": "2001:db8:8000::/40",
            "client-prefix-length": 56,
            "table-id": 7,
            "interface": ["tap1", "tap2"],
            "relay-address": ["2001:db8:5::1"],
            "max-pd-space-utilization": 50,
        },
        {"pool-id": "rest", "delegated-from": "wan0", "client-prefix-length": 60},
    ]
    relays = (number("2001:db8:5::1"),)
    far = IPv6Network("2001:db8:8000::/40")
    assert config_of(schema, {"prefix-pool": written}, dhc6pdclient=WAN).prefix_pools == (
        PrefixPoolConfig("far", 56, far, None, 7, ("tap1", "tap2"), relays, max_utilization=50),
        PrefixPoolConfig("rest", 60, delegated_from="wan0"),
    )


def test_a_subnet(schema: Schema) -> None:
    written = {
        **SUBNET,
        "description": "behind the relay agents",
        "table-id": 7,
        "interface": "tap1",
        "relay-address": ["2001:db8:9::9", "2001:db8:9::8"],
        "excluded-range": [
            {"start-address": "2001:db8:1::10", "end-address": "2001:db8:1::12"},
            {"start-address": "2001:db8:1::30"},
        ],
    }
    read = SubnetConfig(
        "a",
        IPv6Network("2001:db8:1::/64"),
        7,
        "tap1",
        (number("2001:db8:9::9"), number("2001:db8:9::8")),
        excluded=(
            (number("2001:db8:1::10"), number("2001:db8:1::12")),
            (number("2001:db8:1::30"), number("2001:db8:1::30")),
        ),
    )
    top = {"subnet": [written], "interfaces": ["tap1"], "max-pending-probes": 5, "server-duid": "00:02:00:00:00:09:01"}
    assert config_of(schema, top) == ServerConfig(
        interfaces=("tap1",), subnets=(read,), server_duid=b"\0\2\0\0\0\x09\1", max_pending_probes=5
    )


CLIENTS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"hardware-address": "02:00:00:00:00:01"}, {"hardware": b"\1\2\0\0\0\0\1"}),
    ({"client-duid": "00:03:00:01:02:00:00:00:00:01"}, {"duid": b"\0\3\0\1\2\0\0\0\0\1"}),
    ({"client-duid": "00:04:05", "ia-id": 7}, {"duid": b"\0\4\5", "ia_id": 7}),
    ({"client-duid": "00:04:05", "ia-id": 0}, {"duid": b"\0\4\5", "ia_id": 0}),
]


@pytest.mark.parametrize(("written", "read"), CLIENTS)
def test_reservations_of_the_server_and_of_subnets(
    schema: Schema, written: dict[str, Any], read: dict[str, Any]
) -> None:
    entry = {
        "id": "x",
        "description": "a printer",
        "reserved-addr": "2001:db8:1::9",
        "reserved-prefix": "2001:db8:8000::/56",
        "info-refresh-time": 600,
        **written,
    }
    told: dict[str, Any] = {
        "address": number("2001:db8:1::9"),
        "prefix": IPv6Network("2001:db8:8000::/56"),
        "options": OptionSet({32: b"\0\0\2\x58"}),
    }
    assert list(config_of(schema, {"host-reservation": [entry]}).reservations) == [Reservation(id="x", **read, **told)]
    subnet = {**SUBNET, "table-id": 7, "host-reservation": [entry]}
    assert list(config_of(schema, {"subnet": [subnet]}).reservations) == [
        Reservation(id="x", table=7, subnet="a", **read, **told)
    ]


def test_a_reservation_of_nothing_but_a_name(schema: Schema) -> None:
    (one,) = config_of(schema, {"host-reservation": [{"id": "x", "client-duid": "00:04:05"}]}).reservations
    assert one == Reservation(id="x", duid=b"\0\4\5")


def test_what_the_guide_begins_with_is_read(schema: Schema) -> None:
    guide = (Path(__file__).resolve().parents[2] / "docs/configuration.md").read_text()
    example = guide.partition("```json\n")[2].partition("```")[0]
    reading = dhc6server_config(schema, parser(schema)(example))
    assert reading is not None
    assert (reading.config.interfaces, reading.faults) == (("tap1",), ())
