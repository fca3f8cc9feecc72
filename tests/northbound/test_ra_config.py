"""What is written about router advertisements is what hosts are told."""

from dataclasses import fields, replace
from ipaddress import IPv6Address, IPv6Network
from typing import Any

import pytest

from nc.errors import RpcErrors
from nc.schema import Schema
from tests.northbound.ra_settings import CLIENT, configs_of, parsed, plain
from vppdhc.northbound.ra_config import ra_config
from vppdhc.packet.nd_options import INFINITY, Preference
from vppdhc.ra.config import UPSTREAM, InterfaceConfig, Pref64Config, PrefixConfig, RouteConfig

DOC = IPv6Network("2001:db8::/32")

SETTINGS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"max-rtr-adv-interval": 30}, {"max_rtr_adv_interval": 30}),
    ({"min-rtr-adv-interval": 3}, {"min_rtr_adv_interval": 3}),
    ({"managed-flag": False}, {"managed_flag": False}),
    ({"other-config-flag": False}, {"other_config_flag": False}),
    ({"link-mtu": 1280}, {"link_mtu": 1280}),
    ({"reachable-time": 30000}, {"reachable_time": 30000}),
    ({"retrans-timer": 1000}, {"retrans_timer": 1000}),
    ({"cur-hop-limit": 0}, {"cur_hop_limit": 0}),
    ({"default-lifetime": 0}, {"default_lifetime": 0}),
    ({"default-lifetime": 65535}, {"default_lifetime": 65535}),
    ({"default-lifetime-follows-upstream": True}, {"default_lifetime_follows_upstream": True}),
    ({"router-preference": "low"}, {"router_preference": Preference.LOW}),
    ({"router-preference": "high"}, {"router_preference": Preference.HIGH}),
    ({"dhcpv6-pd-preferred-flag": True}, {"dhcpv6_pd_preferred_flag": True}),
    ({"source-link-layer-address": False}, {"source_link_layer_address": False}),
    ({"unicast-solicited-advertisements": True}, {"unicast_solicited_advertisements": True}),
    ({"advertise-interface-prefixes": True}, {"advertise_interface_prefixes": True}),
    ({"interface-prefix-autonomous-flag": False}, {"interface_prefix_autonomous_flag": False}),
    ({"advertise-delegated-prefixes": False}, {"advertise_delegated_prefixes": False}),
    (
        {"rdnss": ["2001:db8::53", "from-upstream", "2001:db8::54"]},
        {"rdnss": (IPv6Address("2001:db8::53"), UPSTREAM, IPv6Address("2001:db8::54"))},
    ),
    ({"rdnss-lifetime": 4294967295}, {"rdnss_lifetime": INFINITY}),
    ({"dnssl": ["example.net", "from-upstream"]}, {"dnssl": ("example.net", UPSTREAM)}),
    ({"dnssl-lifetime": 0}, {"dnssl_lifetime": 0}),
    ({"captive-portal": "https://example.net/api"}, {"captive_portal": "https://example.net/api"}),
    ({"captive-portal": "from-upstream"}, {"captive_portal": UPSTREAM}),
    ({"upstream-interface": "wan0"}, {"upstream_interface": "wan0"}),
    (
        {
            "route": [
                {"destination-prefix": "2001:db8::/32"},
                {"destination-prefix": "::/0", "preference": "high", "lifetime": 4294967295},
            ]
        },
        {"routes": (RouteConfig(DOC), RouteConfig(IPv6Network("::/0"), Preference.HIGH, INFINITY))},
    ),
    (
        {"pref64": [{"prefix": "64:ff9b::/96"}, {"prefix": "2001:db8::/32", "lifetime": 65528}]},
        {"pref64": (Pref64Config(IPv6Network("64:ff9b::/96")), Pref64Config(DOC, 65528))},
    ),
]
IDS = [" ".join(map(str, next(iter(written.items())))) for written, _ in SETTINGS]


def test_nothing_written_is_the_default_of_everything(schema: Schema) -> None:
    assert configs_of(schema, {"interfaces": ["tap1", "tap2"]}) == {
        "tap1": InterfaceConfig(),
        "tap2": InterfaceConfig(),
    }
    assert configs_of(schema, {}) == {}


def test_the_defaults_are_those_that_are_promised() -> None:
    config = InterfaceConfig()
    assert (config.managed_flag, config.other_config_flag, config.prefixes) == (True, True, ())
    assert not config.advertise_interface_prefixes
    assert (config.max_rtr_adv_interval, config.min_interval, config.lifetime) == (600, 200, 1800)


def test_no_ip6ndra_is_no_configuration(schema: Schema) -> None:
    assert ra_config(schema, parsed(schema, None)) is None


@pytest.mark.parametrize(("written", "read"), SETTINGS, ids=IDS)
def test_settings_of_ip6ndra_and_of_an_interface(schema: Schema, written: dict[str, Any], read: dict[str, Any]) -> None:
    """Those of ip6ndra are those of an interface without any, and those of an interface are its own."""
    expected = replace(InterfaceConfig(), **read)
    above = configs_of(
        schema, {"interfaces": ["tap1"], "interface": [{"name": "tap2"}], **written}, dhc6pdclient=CLIENT
    )
    assert above == {"tap1": expected, "tap2": expected}
    below = {"interfaces": ["tap1"], "interface": [{"name": "tap2", **written}]}
    assert configs_of(schema, below, dhc6pdclient=CLIENT) == {"tap1": InterfaceConfig(), "tap2": expected}


def test_every_setting_is_read() -> None:
    read = {field for _, fields_ in SETTINGS for field in fields_} | {"prefixes"}
    assert read == {field.name for field in fields(InterfaceConfig)}


def test_an_interface_overrides_what_it_says_and_has_the_rest(schema: Schema) -> None:
    """A list is overridden as a whole."""
    configs = configs_of(
        schema,
        {
            "managed-flag": False,
            "max-rtr-adv-interval": 60,
            "rdnss": ["2001:db8::53"],
            "dnssl": ["example.net"],
            "route": [{"destination-prefix": "2001:db8::/32"}],
            "interface": [
                {
                    "name": "tap1",
                    "max-rtr-adv-interval": 20,
                    "rdnss": ["2001:db8::54"],
                    "route": [{"destination-prefix": "2001:db8:1::/48"}],
                }
            ],
        },
    )
    assert configs == {
        "tap1": InterfaceConfig(
            managed_flag=False,
            max_rtr_adv_interval=20,
            rdnss=(IPv6Address("2001:db8::54"),),
            dnssl=("example.net",),
            routes=(RouteConfig(IPv6Network("2001:db8:1::/48")),),
        )
    }


def test_an_entry_of_its_own_goes_before_the_list_of_names(schema: Schema) -> None:
    settings = {"interfaces": ["tap1"], "interface": [{"name": "tap1", "link-mtu": 1400}]}
    assert configs_of(schema, settings) == {"tap1": InterfaceConfig(link_mtu=1400)}


def test_prefixes_of_an_interface(schema: Schema) -> None:
    prefixes = [
        {"prefix-spec": "2001:db8::/64"},
        {"prefix-spec": "2001:db8:0:1::/64", "no-advertise": [None]},
        {
            "prefix-spec": "2001:db8:0:2::/60",
            "valid-lifetime": 4294967295,
            "preferred-lifetime": 3600,
            "on-link-flag": False,
            "autonomous-flag": False,
        },
        {"prefix-spec": "2001:db8:0:30::/64", "decrementing": True},
    ]
    configs = configs_of(schema, {"interface": [{"name": "tap1", "prefix-list": {"prefix": prefixes}}]})
    assert configs["tap1"].prefixes == (
        PrefixConfig(IPv6Network("2001:db8::/64"), valid_lifetime=2592000, preferred_lifetime=604800),
        PrefixConfig(IPv6Network("2001:db8:0:1::/64"), advertise=False),
        PrefixConfig(
            IPv6Network("2001:db8::/60"),
            valid_lifetime=INFINITY,
            preferred_lifetime=3600,
            on_link_flag=False,
            autonomous_flag=False,
        ),
        PrefixConfig(IPv6Network("2001:db8:0:30::/64"), decrementing=True),
    )


PREFIX = "/interface[name='tap1']/prefix-list/prefix[prefix-spec='2001:db8::/64']"


def with_prefix(**leafs: Any) -> dict[str, Any]:
    prefix = {"prefix-spec": "2001:db8::/64", **{name.replace("_", "-"): value for name, value in leafs.items()}}
    return {"interface": [{"name": "tap1", "prefix-list": {"prefix": [prefix]}}]}


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"max-rtr-adv-interval": 20, "min-rtr-adv-interval": 16}, "/min-rtr-adv-interval", "min-interval-too-long"),
    ({"max-rtr-adv-interval": 20, "default-lifetime": 19}, "/default-lifetime", "default-lifetime-too-short"),
    ({"max-rtr-adv-interval": 20, "rdnss-lifetime": 19}, "/rdnss-lifetime", "dns-lifetime-too-short"),
    ({"max-rtr-adv-interval": 20, "dnssl-lifetime": 19}, "/dnssl-lifetime", "dns-lifetime-too-short"),
    ({"rdnss": ["ff02::1"]}, "/rdnss[.='ff02::1']", "not-a-host-address"),
    ({"rdnss": ["from-upstream"]}, "/rdnss[.='from-upstream']", "no-upstream"),
    ({"dnssl": ["from-upstream"]}, "/dnssl[.='from-upstream']", "no-upstream"),
    ({"captive-portal": "from-upstream"}, "/captive-portal", "no-upstream"),
    ({"upstream-interface": "tap9"}, "/upstream-interface", "no-upstream"),
    (
        {"pref64": [{"prefix": "2001:db8::/33"}]},
        "/pref64[prefix='2001:db8::/33']/prefix",
        "invalid-nat64-prefix-length",
    ),
    (
        {"pref64": [{"prefix": "64:ff9b::/96", "lifetime": 601}]},
        "/pref64[prefix='64:ff9b::/96']/lifetime",
        "not-a-multiple-of-8",
    ),
    (with_prefix(valid_lifetime=3600), f"{PREFIX}/preferred-lifetime", "preferred-longer-than-valid"),
    (
        {"interface": [{"name": "tap1", "prefix-list": {"prefix": [{"prefix-spec": "2001:db8::/60"}]}}]},
        "/interface[name='tap1']/prefix-list/prefix[prefix-spec='2001:db8::/60']/autonomous-flag",
        "autonomous-needs-64",
    ),
]


@pytest.mark.parametrize(("written", "path", "app_tag"), REFUSED, ids=[f"{tag} {path}" for _, path, tag in REFUSED])
def test_the_schema_refuses_what_rfcs_forbid(schema: Schema, written: dict[str, Any], path: str, app_tag: str) -> None:
    errors = schema.validate(parsed(schema, {"interfaces": ["tap1"], **written}))
    assert [(plain(str(error.path)), error.app_tag) for error in errors] == [(path, app_tag)]


def test_no_router_advertises_itself_to_its_provider(schema: Schema) -> None:
    for settings in ({"interfaces": ["wan0"]}, {"interface": [{"name": "wan0"}]}):
        errors = schema.validate(parsed(schema, settings, dhc6pdclient=CLIENT))
        assert [error.app_tag for error in errors] == ["upstream-interface"]


@pytest.mark.parametrize("link_mtu", [1, 1279, 65536])
def test_no_link_has_an_mtu_below_1280(schema: Schema, link_mtu: int) -> None:
    with pytest.raises(RpcErrors) as refused:
        parsed(schema, {"link-mtu": link_mtu})
    (error,) = refused.value.errors
    assert (plain(str(error.path)), error.app_tag) == ("/link-mtu", "link-mtu-out-of-range")
