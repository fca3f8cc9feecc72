"""The configuration file: the seed's example loads unchanged, and a mistake is named with its path."""

import contextlib
import json
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vppdhc.northbound.config import Config, ConfigError, parse_config, read_config

SEED = """{
    "dhc6pdclient": { "interface": "tap0", "internal-prefix": "fd00::/48", "npt66": true },
    "dhc6server": { "interfaces": ["tap1"], "dns": ["2001:4860:4860::8888"] },
    "ip6ndra": { "interfaces": ["tap1"] },
    "dhc4server": { "name-server": ["8.8.8.8"], "renewal-time": 600, "lease-time": 3600 }
}"""


def parse(tree: Any) -> Config:
    return parse_config(json.dumps(tree))


def test_the_seeds_example_loads_unchanged() -> None:
    config = parse_config(SEED)
    server = config.dhc4server
    assert server is not None
    assert server.settings.name_servers == (int(IPv4Address("8.8.8.8")),)
    assert (server.settings.renewal_time, server.settings.lease_time) == (600, 3600)
    assert config.unavailable == ("dhc6pdclient", "dhc6server", "ip6ndra")


def test_interfaces_of_clients_are_not_served_unless_named() -> None:
    server = parse_config(SEED).dhc4server
    assert server is not None
    assert server.settings_for("tap0") is None
    assert server.settings_for("tap1") == server.settings


def test_an_entry_overrides_the_servers_settings() -> None:
    server = parse({"dhc4server": {"lease-time": 600, "interface": {"name": "tap2", "domain-name": "lan"}}}).dhc4server
    assert server is not None
    settings = server.settings_for("tap2")
    assert settings is not None
    assert (settings.lease_time, settings.domain_name) == (600, "lan")
    assert server.settings_for("tap1") is None


def test_what_is_configured_is_what_clients_get() -> None:
    for configured in (
        {"renewal-time": 3149},
        {"renewal-time": 10, "rebinding-time": 11, "lease-time": 12},
        {"renewal-time": 5_000_000, "lease-time": 4294967295},
    ):
        server = parse({"dhc4server": configured}).dhc4server
        assert server is not None
        times = server.settings.times(None)
        assert times.renewal == configured["renewal-time"]
        assert times.rebinding == configured.get("rebinding-time", times.rebinding)


def test_module_names_are_accepted() -> None:
    assert parse({"vppdhc:dhc4server": {}}).dhc4server is not None


def test_vpp_settings() -> None:
    config = parse({"vpp": {"api-socket": "/tmp/api.sock", "api-definitions": "/usr/share/vpp/api"}})
    assert config.vpp.api_socket == Path("/tmp/api.sock")
    assert config.vpp.api_definitions == Path("/usr/share/vpp/api")


@pytest.mark.parametrize(
    ("tree", "path", "words"),
    [
        ([], "/", "expected an object, found a list"),
        ({"dhcp": {}}, "/dhcp", "no such node"),
        ({"dhc4server": []}, "/dhc4server", "expected an object"),
        ({"dhc4server": {"leasetime": 1}}, "/dhc4server/leasetime", "known are"),
        ({"dhc4server": {"lease-time": 2}}, "/dhc4server/lease-time", "not within 3..4294967295"),
        ({"dhc4server": {"lease-time": "1h"}}, "/dhc4server/lease-time", "expected a whole number"),
        ({"dhc4server": {"lease-time": True}}, "/dhc4server/lease-time", "found true or false"),
        ({"dhc4server": {"lease-time": 1.5}}, "/dhc4server/lease-time", "found the number 1.5"),
        ({"dhc4server": {"lease-time": None}}, "/dhc4server/lease-time", "found null"),
        (
            {"dhc4server": {"renewal-time": 3150}},
            "/dhc4server/renewal-time",
            "shorter than rebinding-time, by default 7/8 of lease-time (3150)",
        ),
        ({"dhc4server": {}, "vppdhc:dhc4server": {}}, "/dhc4server", "there twice, with its module and without"),
        (
            {"dhc4server": {"lease-time": 4294967295, "renewal-time": 4294967295}},
            "/dhc4server/renewal-time",
            "shorter than lease-time (4294967295)",
        ),
        (
            {"dhc4server": {"renewal-time": 60, "rebinding-time": 60}},
            "/dhc4server/renewal-time",
            "shorter than rebinding-time (60)",
        ),
        ({"dhc4server": {"rebinding-time": 3600}}, "/dhc4server/rebinding-time", "shorter than lease-time (3600)"),
        ({"dhc4server": {"name-server": "8.8.8.8"}}, "/dhc4server/name-server", "expected a list"),
        ({"dhc4server": {"name-server": ["8.8.8"]}}, "/dhc4server/name-server", "not an IPv4 address"),
        ({"dhc4server": {"name-server": [8]}}, "/dhc4server/name-server", "expected an IPv4 address"),
        ({"dhc4server": {"name-server": ["1.1.1.1", "1.1.1.1"]}}, "/dhc4server/name-server", "twice"),
        ({"dhc4server": {"interfaces": [""]}}, "/dhc4server/interfaces", "not empty"),
        ({"dhc4server": {"interface": [{}]}}, "/dhc4server/interface[0]", "the key 'name' is missing"),
        (
            {"dhc4server": {"interface": [{"name": "a"}, {"name": "a"}]}},
            "/dhc4server/interface[name='a']",
            "another entry",
        ),
        (
            {"dhc4server": {"interface": [{"name": "a", "renewal-time": 9999}]}},
            "/dhc4server/interface[name='a']/renewal-time",
            "shorter than rebinding-time",
        ),
        ({"dhc4server": {"domain-name": "a b"}}, "/dhc4server/domain-name", "not a domain name"),
        ({"dhc4server": {"static-percentage": 101}}, "/dhc4server/static-percentage", "not within 0..100"),
        ({"vpp": {"api-socket": 1}}, "/vpp/api-socket", "expected a string"),
    ],
)
def test_a_mistake_is_named_with_its_path(tree: Any, path: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(tree)
    assert [issue for issue in caught.value.issues if issue.path == path and words in issue.message], caught.value


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse({"dhc4server": {"lease-time": 1, "name-server": ["x"]}, "nonsense": 1})
    assert len(caught.value.issues) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{\n "dhc4server": {,}\n}', "line 2, column 17"),
        ("", "line 1, column 1"),
        ('{"vpp": {}, "vpp": {}}', "'vpp' is there twice"),
        ("[" * 100_000, "not usable JSON"),
        ('{"dhc4server": {"lease-time": ' + "9" * 5000 + "}}", "not usable JSON"),
    ],
)
def test_what_is_not_json_is_named_with_its_place(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(text)
    assert words in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_config(tmp_path / "none.json")
    binary = tmp_path / "binary.json"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(binary)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["dhc4server", "interfaces", "interface", "name", "lease-time", "name-server", "vpp", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_any_json_is_a_configuration_or_a_configuration_error(tree: Any) -> None:
    with contextlib.suppress(ConfigError):
        parse(tree)
