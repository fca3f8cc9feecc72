"""What the schema lets through and does not go is refused, or warned of, with its path and what to do."""

from typing import Any

import pytest

from nc.schema import Schema
from tests.dhc4.clients import interface
from tests.northbound.ra_settings import Judge
from vppdhc.ra.config import RaConfig

LAN = interface("192.168.1.1/24", name="tap1")
WAN = interface("192.0.2.2/24", name="wan0", index=2)
TAP1 = "/interface[name='tap1']"


def below(**leafs: Any) -> dict[str, Any]:
    return {"interface": [{"name": "tap1", **{name.replace("_", "-"): value for name, value in leafs.items()}}]}


ACROSS: list[tuple[dict[str, Any], str, str]] = [
    (
        {"min-rtr-adv-interval": 200, **below(max_rtr_adv_interval=30)},
        f"{TAP1}/max-rtr-adv-interval",
        "min-rtr-adv-interval 200 is longer than three quarters of max-rtr-adv-interval 30 here",
    ),
    (
        {"max-rtr-adv-interval": 30, **below(min_rtr_adv_interval=23)},
        f"{TAP1}/min-rtr-adv-interval",
        "min-rtr-adv-interval 23 is longer than three quarters of max-rtr-adv-interval 30 here",
    ),
    (
        {"default-lifetime": 1800, **below(max_rtr_adv_interval=1801)},
        f"{TAP1}/max-rtr-adv-interval",
        "default-lifetime 1800 is shorter than max-rtr-adv-interval 1801 here",
    ),
    (
        {"max-rtr-adv-interval": 700, **below(default_lifetime=600)},
        f"{TAP1}/default-lifetime",
        "default-lifetime 600 is shorter than max-rtr-adv-interval 700 here",
    ),
    (
        {"rdnss-lifetime": 600, **below(max_rtr_adv_interval=601)},
        f"{TAP1}/max-rtr-adv-interval",
        "rdnss-lifetime 600 is shorter than max-rtr-adv-interval 601 here",
    ),
    (
        {"max-rtr-adv-interval": 700, **below(dnssl_lifetime=600)},
        f"{TAP1}/dnssl-lifetime",
        "dnssl-lifetime 600 is shorter than max-rtr-adv-interval 700 here",
    ),
]


@pytest.mark.parametrize(("settings", "path", "message"), ACROSS, ids=[message for _, _, message in ACROSS])
def test_times_that_do_not_go_with_those_of_the_level_above(
    schema: Schema, settings: dict[str, Any], path: str, message: str
) -> None:
    judge = Judge(schema, LAN)
    assert judge.commit(settings) == [(path, "times-out-of-order")]
    assert judge.messages == [f"{message}: give this interface one of its own"]
    assert judge.applied == []
    assert judge.commit(settings, strict=False) == []
    assert judge.warnings == [(path, f"{message}: give this interface one of its own")]


@pytest.mark.parametrize(
    "settings",
    [
        {"min-rtr-adv-interval": 200, **below(max_rtr_adv_interval=30, min_rtr_adv_interval=10)},
        {"min-rtr-adv-interval": 22, **below(max_rtr_adv_interval=30)},
        {"default-lifetime": 0, "rdnss-lifetime": 0, "dnssl-lifetime": 0, **below(max_rtr_adv_interval=1800)},
        {"default-lifetime": 1800, "rdnss-lifetime": 1800, **below(max_rtr_adv_interval=1800)},
    ],
)
def test_times_that_go(schema: Schema, settings: dict[str, Any]) -> None:
    judge = Judge(schema, LAN)
    assert judge.commit(settings) == []
    assert judge.warnings == []


OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"captive-portal": "https://exämple.net/api"}, "/captive-portal"),
    (below(captive_portal="https://example.net/caf\u00e9"), f"{TAP1}/captive-portal"),
    ({"dnssl": ["example.net", "."]}, "/dnssl[.='.']"),
    (below(dnssl=["."]), f"{TAP1}/dnssl[.='.']"),
]


@pytest.mark.parametrize(("settings", "path"), OPTIONS, ids=[path[:30] for _, path in OPTIONS])
def test_what_does_not_fit_into_an_option(schema: Schema, settings: dict[str, Any], path: str) -> None:
    judge = Judge(schema, LAN)
    assert judge.commit({"interfaces": ["tap1"], **settings}) == [(path, "invalid-option")]
    assert judge.messages[0].startswith("this cannot be sent: ")


SHORT = [
    (
        {"interfaces": ["tap1"], "route": [{"destination-prefix": "2001:db8::/32", "lifetime": 599}]},
        "/route[destination-prefix='2001:db8::/32']",
        "lifetime 599 of 2001:db8::/32",
    ),
    (
        below(pref64=[{"prefix": "64:ff9b::/96", "lifetime": 592}]),
        f"{TAP1}/pref64[prefix='64:ff9b::/96']",
        "lifetime 592 of 64:ff9b::/96",
    ),
    (
        below(
            prefix_list={"prefix": [{"prefix-spec": "2001:db8::/64", "valid-lifetime": 599, "preferred-lifetime": 300}]}
        ),
        f"{TAP1}/prefix-list/prefix[prefix-spec='2001:db8::/64']",
        "valid-lifetime 599 of 2001:db8::/64",
    ),
]


@pytest.mark.parametrize(("settings", "path", "what"), SHORT, ids=[what for _, _, what in SHORT])
def test_what_ends_before_the_next_advertisement_is_warned_of(
    schema: Schema, settings: dict[str, Any], path: str, what: str
) -> None:
    judge = Judge(schema, LAN)
    assert judge.commit(settings) == []
    message = "may end before the next advertisement, which comes up to 600 seconds later: lengthen it, or shorten"
    assert judge.warnings == [(path, f"{what} {message} max-rtr-adv-interval")]


@pytest.mark.parametrize(
    "settings",
    [
        {"max-rtr-adv-interval": 60, "interfaces": ["tap1"], "route": [{"destination-prefix": "::/0", "lifetime": 60}]},
        {"route": [{"destination-prefix": "2001:db8::/32", "lifetime": 0}], "interfaces": ["tap1"]},
        {"route": [{"destination-prefix": "::/0", "lifetime": 60}], **below(max_rtr_adv_interval=60)},
        below(
            prefix_list={
                "prefix": [
                    {
                        "prefix-spec": "2001:db8::/64",
                        "valid-lifetime": 60,
                        "preferred-lifetime": 0,
                        "decrementing": True,
                    },
                    {"prefix-spec": "2001:db8:0:1::/64", "no-advertise": [None]},
                ]
            }
        ),
    ],
)
def test_what_does_not_is_not(schema: Schema, settings: dict[str, Any]) -> None:
    judge = Judge(schema, LAN)
    assert judge.commit(settings) == []
    assert judge.warnings == []


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"interfaces": ["tap1", "tap9"]}, "/interfaces[.='tap9']"),
        ({"interface": [{"name": "tap9"}]}, "/interface[name='tap9']"),
    ],
)
def test_an_interface_that_vpp_has_not_is_refused(schema: Schema, settings: dict[str, Any], path: str) -> None:
    judge = Judge(schema, LAN, WAN)
    assert judge.commit(settings) == [(path, "no-such-interface")]
    assert judge.messages == ["VPP has no interface tap9; it has tap1, wan0"]
    assert judge.applied == []
    assert judge.commit(settings, strict=False) == []
    assert judge.warnings == [(path, judge.messages[0])]


def test_an_interface_that_has_gone_does_not_stop_other_changes(schema: Schema) -> None:
    judge = Judge(schema, LAN)
    judge.commit({"interfaces": ["tap1"]})
    judge.interfaces = [WAN]
    assert judge.commit({"interfaces": ["tap1"], "link-mtu": 1400}) == []
    assert judge.warnings == [("/interfaces[.='tap1']", "VPP has no interface tap1; it has wan0")]


def test_without_vpp_nothing_is_known_of_interfaces(schema: Schema) -> None:
    judge = Judge(schema, known=False)
    assert judge.commit({"interfaces": ["tap9"]}) == []
    assert judge.warnings == []


def test_advertising_where_a_dhcpv4_client_is_is_warned_of(schema: Schema) -> None:
    judge = Judge(schema, WAN)
    assert judge.commit({"interfaces": ["wan0"]}, dhc4client={"interface": "wan0"}) == []
    ((path, message),) = judge.warnings
    assert path == "/interfaces[.='wan0']"
    assert message.startswith("wan0 leads to a provider, as a dhc4client is configured there")


def test_a_vpp_without_punt_socket_is_told_when_advertising_begins(schema: Schema) -> None:
    trouble = "VPP has no punt socket: add punt { socket /run/vpp/punt.sock }"
    judge = Judge(schema, LAN, punt_problem=trouble)
    assert judge.commit({"interfaces": ["tap1"]}) == [("", "no-punt-socket")]
    assert judge.messages == [trouble]
    assert judge.commit({"interfaces": ["tap1"]}, strict=False) == []
    assert judge.commit({"interfaces": ["tap1"], "link-mtu": 1400}) == []


def test_taking_it_away_ends_it(schema: Schema) -> None:
    judge = Judge(schema, LAN)
    judge.commit({"interfaces": ["tap1"]})
    judge.commit(None)
    begun, ended = judge.applied
    assert isinstance(begun, RaConfig)
    assert list(begun.interfaces) == ["tap1"]
    assert ended is None
