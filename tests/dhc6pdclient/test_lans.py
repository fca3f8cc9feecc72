"""What the hosts of LANs hear of the prefixes of several clients."""

import math
from ipaddress import IPv6Network

from vppdhc.dhc6pdclient.lans import together
from vppdhc.dhc6pdclient.needs import AdvertisedPrefix


def has(prefix: str) -> AdvertisedPrefix:
    return AdvertisedPrefix(IPv6Network(prefix), IPv6Network("2001:db8::/32"), 100.0, 200.0, stale=False)


def had(prefix: str) -> AdvertisedPrefix:
    return AdvertisedPrefix(IPv6Network(prefix), IPv6Network("2001:db8::/32"), -math.inf, -math.inf, stale=True)


A, B, C = "2001:db8:a::/64", "2001:db8:b::/64", "2001:db8:c::/64"


def test_without_clients_nobody_hears_anything() -> None:
    assert together([]) == {}
    assert together([{}, {}]) == {}


def test_each_lan_hears_its_own() -> None:
    assert together([{"lan0": (has(A),)}, {"lan1": (has(B),)}]) == {"lan0": (has(A),), "lan1": (has(B),)}


def test_what_a_lan_has_goes_before_what_it_had() -> None:
    first = {"lan0": (has(A), had(B))}
    assert together([first, {"lan0": (has(C),)}]) == {"lan0": (has(A), has(C), had(B))}


def test_what_a_lan_has_by_another_client_now_is_not_stale() -> None:
    for order in ([{"lan0": (had(A),)}, {"lan0": (has(A),)}], [{"lan0": (has(A),)}, {"lan0": (had(A),)}]):
        assert together(order) == {"lan0": (has(A),)}
