"""What the router's DHCPv6 client has of its provider is what hosts on a LAN hear."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet6 import ICMPv6ND_RA, ICMPv6NDOptCaptivePortal, ICMPv6NDOptDNSSL, ICMPv6NDOptRDNSS
from scapy.packet import Packet

from tests.northbound.client_wan import WAN
from tests.northbound.dhc6pdclient_wan import CLIENT, ELSEWHERE, POOL, ROUTER, Provided6
from tests.northbound.ra_lan import LAN, advertisement, prefixes

SUBNET, OTHER_SUBNET = "2001:db8:a000::/64", "2001:db8:b000::/64"
DOMAINS = b"\3isp\7example\0".hex()
PORTAL = b"https://isp.example/api".hex()
GONE = (1, 1, 0, 0)
"""On-link and autonomous as before, with lifetimes of zero (RFC 9096, 3.5)."""


class House(Provided6):
    """A router with a provider, and a LAN that gets a prefix of his and hears of him."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        """Make it; the daemon is not started yet. settings: of ip6ndra, names are written with underscores."""
        terms = f"{POOL} dns 2001:db8::53 option 24 {DOMAINS} option 103 {PORTAL}"
        super().__init__(directory, terms=terms, client={**CLIENT, "lan-interface": [{"name": LAN}]})
        self.wire = self.rig.interface(LAN)[1]
        content = json.loads(self.daemon.config.read_text())
        content["ip6ndra"] = {"interfaces": [LAN]} | {key.replace("_", "-"): value for key, value in settings.items()}
        self.daemon.config.write_text(json.dumps(content))

    def advertisement(self, wanted: Callable[[Packet], bool]) -> Packet:
        """Wait for an advertisement of a kind on the LAN, and return its frame."""
        return advertisement(self.wire, self.daemon, wanted)


Start = Callable[..., House]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Give a function that starts a router with settings of ip6ndra; nothing in it may fail with a traceback."""
    made: list[House] = []

    def start(**settings: object) -> House:
        made.append(House(tmp_path, **settings))
        made[-1].daemon.start()
        return made[-1]

    try:
        yield start
        assert all("Traceback" not in one.daemon.said() for one in made)
    finally:
        for one in made:
            one.close()


def test_what_is_delegated_is_advertised_and_never_outlives_the_delegation(start: Start) -> None:
    frame = start().advertisement(lambda frame: SUBNET in prefixes(frame))
    on_link, autonomous, preferred, valid = prefixes(frame)[SUBNET]
    assert (on_link, autonomous) == (1, 1)
    assert 0 < preferred <= 2700
    assert preferred <= valid <= 5400


def test_it_is_not_where_that_is_turned_off(start: Start) -> None:
    house = start(advertise_delegated_prefixes=False, rdnss=["from-upstream"])
    assert prefixes(house.advertisement(lambda frame: ICMPv6NDOptRDNSS in frame)) == {}


def test_what_is_learned_is_told(start: Start) -> None:
    house = start(rdnss=["2001:db8:1::53", "from-upstream"], dnssl=["from-upstream"], captive_portal="from-upstream")
    frame = house.advertisement(lambda frame: ICMPv6NDOptCaptivePortal in frame)
    servers, layer = [], frame[ICMPv6NDOptRDNSS]
    while isinstance(layer, ICMPv6NDOptRDNSS):
        servers += layer.dns
        layer = layer.payload
    assert servers == ["2001:db8:1::53", "2001:db8::53"]
    assert frame[ICMPv6NDOptDNSSL].searchlist == ["isp.example."]
    assert frame[ICMPv6NDOptCaptivePortal].URI == b"https://isp.example/api"


def test_a_renumbering_is_told_at_once(start: Start) -> None:
    house = start()
    house.advertisement(lambda frame: SUBNET in prefixes(frame))
    house.isp(ELSEWHERE)
    house.act("renew")
    frame = house.advertisement(lambda frame: OTHER_SUBNET in prefixes(frame))
    assert prefixes(frame)[SUBNET] == GONE
    assert prefixes(frame)[OTHER_SUBNET][:2] == (1, 1)


def test_what_went_while_the_daemon_was_away_is_told_as_gone(start: Start) -> None:
    house = start()
    house.advertisement(lambda frame: SUBNET in prefixes(frame))
    house.daemon.kill()
    house.isp(ELSEWHERE)
    house.daemon.start()
    house.act("renew")
    frame = house.advertisement(lambda frame: prefixes(frame).get(SUBNET) == GONE)
    assert OTHER_SUBNET in prefixes(frame)


def test_a_router_without_upstream_is_no_default_router_where_that_is_wanted(start: Start) -> None:
    house = start(default_lifetime_follows_upstream=True, upstream_interface=WAN)
    house.advertisement(lambda frame: frame[ICMPv6ND_RA].routerlifetime == 1800 and SUBNET in prefixes(frame))
    house.advertise("none")
    house.advertisement(lambda frame: frame[ICMPv6ND_RA].routerlifetime == 0)
    house.advertise(ROUTER)
    house.advertisement(lambda frame: frame[ICMPv6ND_RA].routerlifetime == 1800)
    house.rig.ctl(f"set interface state {WAN} down")
    house.advertisement(lambda frame: frame[ICMPv6ND_RA].routerlifetime == 0)


def test_it_stays_one_otherwise(start: Start) -> None:
    house = start()
    house.advertise("none")
    assert house.advertisement(lambda frame: SUBNET in prefixes(frame))[ICMPv6ND_RA].routerlifetime == 1800


def test_the_end_of_the_client_is_told_with_the_last_advertisement(start: Start) -> None:
    house = start()
    house.advertisement(lambda frame: SUBNET in prefixes(frame))
    house.daemon.stop()
    last = house.advertisement(lambda frame: frame[ICMPv6ND_RA].routerlifetime == 0)
    assert prefixes(last)[SUBNET] == GONE, "on-stop is 'withdraw'"
