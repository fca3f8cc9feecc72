"""What libyang accepts and refuses: people's documents, and a document for each mistake that the model catches."""

import json
from typing import Any

import pytest

from tests.yang.bad_others import BAD_CLIENTS, BAD_MANAGEMENT, BAD_RA
from tests.yang.bad_servers import BAD_DHC4, BAD_DHC6
from tests.yang.documents import GOOD, SEED
from tests.yang.model import Model, Refusal, qualified

BAD = [*BAD_DHC4, *BAD_DHC6, *BAD_CLIENTS, *BAD_RA, *BAD_MANAGEMENT]


@pytest.fixture(scope="module")
def model() -> Model:
    return Model()


def test_the_seeds_example_is_valid_after_the_two_leniencies(model: Model) -> None:
    lenient = qualified({**SEED, "dhc6pdclient": [SEED["dhc6pdclient"]]})
    tree = model.parse(lenient)
    assert tree["vppdhc:dhc6pdclient"][0]["npt66"] is True
    assert tree["vppdhc:dhc6server"]["dns"] == ["2001:4860:4860::8888"]
    server = tree["vppdhc:dhc4server"]
    assert (server["lease-time"], server["renewal-time"], server["name-server"]) == (3600, 600, ["8.8.8.8"])
    advertised = tree["vppdhc:ip6ndra"]
    assert (advertised["managed-flag"], advertised["other-config-flag"]) == (True, True)
    assert advertised["advertise-interface-prefixes"] is False


def test_without_the_leniencies_the_seeds_example_is_refused(model: Model) -> None:
    assert model.refusals(SEED)
    assert model.refusals(qualified(SEED))


@pytest.mark.parametrize("name", GOOD)
def test_good_documents_are_accepted(model: Model, name: str) -> None:
    assert model.refusals(qualified(GOOD[name])) == []


def test_good_documents_are_accepted_together(model: Model) -> None:
    everything: dict[str, Any] = {}
    for name in (
        "settings of every level",
        "parts of a delegated prefix",
        "management",
        "router advertisements in full",
    ):
        everything |= GOOD[name]
    assert model.refusals(qualified(everything)) == []


@pytest.mark.parametrize(("tree", "path", "app_tag"), BAD, ids=[f"{n}-{path}" for n, (_, path, _) in enumerate(BAD)])
def test_bad_documents_are_refused_at_the_right_place(
    model: Model, tree: dict[str, Any], path: str | None, app_tag: str | None
) -> None:
    assert Refusal(path, app_tag) in model.refusals(qualified(tree))


def test_no_two_bad_documents_are_the_same() -> None:
    documents = [json.dumps(tree, sort_keys=True) for tree, _, _ in BAD]
    assert len(set(documents)) == len(documents) >= 60


def test_values_have_one_spelling(model: Model) -> None:
    """Prefixes lose their host bits, hexadecimal its capitals: what is compared is compared rightly."""
    tree = model.parse(
        qualified(
            {
                "dhc4server": {"subnet": [{"id": "a", "network-prefix": "10.0.0.7/24"}], "vendor-specific": "AB:cd"},
                "dhc6server": {"subnet": [{"id": "a", "network-prefix": "2001:DB8:0::7/64"}]},
                "dhc6pdclient": [{"interface": "wan", "npt66": True, "internal-prefix": "FD00::1/48"}],
            }
        )
    )
    assert tree["vppdhc:dhc4server"]["subnet"][0]["network-prefix"] == "10.0.0.0/24"
    assert tree["vppdhc:dhc4server"]["vendor-specific"] == "ab:cd"
    assert tree["vppdhc:dhc6server"]["subnet"][0]["network-prefix"] == "2001:db8::/64"
    assert tree["vppdhc:dhc6pdclient"][0]["internal-prefix"] == "fd00::/48"


def test_twenty_thousand_reservations_and_one_mistake(model: Model) -> None:
    reservations: list[dict[str, Any]] = []
    for number in range(1, 20_001):
        high, low = divmod(number, 256)
        mac = f"02:00:00:00:{high:02x}:{low:02x}"
        reservations.append({"id": str(number), "hardware-address": mac, "reserved-addr": f"10.1.{high}.{low}"})
    tree = qualified({"dhc4server": {"host-reservation": reservations}})
    assert model.refusals(tree) == []
    reservations.append({"id": "again", "client-id": "01:02", "reserved-addr": "10.1.1.1"})
    (refusal,) = model.refusals(tree)
    assert refusal.app_tag == "data-not-unique"
    assert refusal.path in {f"/vppdhc:dhc4server/host-reservation[id='{which}']" for which in ("257", "again")}


def test_several_mistakes_are_all_told(model: Model) -> None:
    """Also in lists with 'unique', where libyang crashes when one of its leaves has a default."""
    tree = {
        "dhc4server": {
            "lease-time": 1,
            "subnet": [{"id": "a", "network-prefix": "x"}, {"id": "b", "network-prefix": "y"}],
            "host-reservation": [
                {"id": "1", "client-id": "01:02", "hostname": "a..b"},
                {"id": "2", "client-id": "01:02", "reserved-addr": "x"},
            ],
        },
        "netconf-server": {"call-home": [{"name": "a", "address": ".."}, {"name": "b", "address": "h", "port": 0}]},
        "dhc6server": {"prefix-pool": [{"pool-id": "a"}, {"pool-id": "b", "pool-prefix": "x"}]},
    }
    paths = {refusal.path for refusal in model.refusals(qualified(tree))}
    assert {
        "/vppdhc:dhc4server/lease-time",
        "/vppdhc:dhc4server/subnet[id='a']/network-prefix",
        "/vppdhc:dhc4server/subnet[id='b']/network-prefix",
        "/vppdhc:dhc4server/host-reservation[id='1']/hostname",
        "/vppdhc:dhc4server/host-reservation[id='2']/reserved-addr",
        "/vppdhc:dhc4server/host-reservation[id='2']",
        "/vppdhc:netconf-server/call-home[name='a']/address",
        "/vppdhc:netconf-server/call-home[name='b']/port",
        "/vppdhc:dhc6server/prefix-pool[pool-id='b']/pool-prefix",
    } <= paths
