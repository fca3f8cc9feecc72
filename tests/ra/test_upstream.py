"""What is learned from providers and told to hosts: in its place, and only what hosts can do something with."""

from ipaddress import IPv6Address
from typing import Any

from hypothesis import given as examples
from hypothesis import strategies as st

from tests.packet.scapy_layers6 import inet6
from tests.ra.world import World, given, steady
from vppdhc.packet import names
from vppdhc.packet.options6 import Option
from vppdhc.ra.config import UPSTREAM
from vppdhc.ra.upstream import Upstream

OWN = IPv6Address("fd00::53")


def wan(interface: str = "wan0", **options: bytes) -> dict[str, dict[int, bytes]]:
    """What a client has learned, by names of options."""
    return {interface: {int(Option[name.upper()]): value for name, value in options.items()}}


def addresses(*texts: str) -> bytes:
    return b"".join(IPv6Address(text).packed for text in texts)


def domains(world: World) -> list[str]:
    found = world.last.options(inet6.ICMPv6NDOptDNSSL)
    return [name.rstrip(".") for one in found if one.lifetime for name in one.searchlist]


def test_what_is_learned_stands_where_it_is_configured() -> None:
    world = World(rdnss=(OWN, UPSTREAM), dnssl=(UPSTREAM, "example.com"), captive_portal=UPSTREAM)
    world.learn(
        {
            "wan0": {
                Option.DNS_SERVERS: addresses("2001:db8::1", "2001:db8::2"),
                Option.DOMAIN_SEARCH: names.encode_plain_list(["isp.example"]),
                Option.V6_CAPTIVE_PORTAL: b"https://isp.example/api",
            },
            "wan1": {Option.DNS_SERVERS: addresses("2001:db8::2", "2001:db8::3")},
        }
    )
    world.run(0)
    assert list(world.last.servers) == ["fd00::53", "2001:db8::1", "2001:db8::2", "2001:db8::3"]
    assert domains(world) == ["isp.example", "example.com"]
    (portal,) = world.last.options(inet6.ICMPv6NDOptCaptivePortal)
    assert portal.URI.rstrip(b"\0") == b"https://isp.example/api"


def test_one_client_can_be_the_only_source() -> None:
    world = World(rdnss=(UPSTREAM,), upstream_interface="wan1")
    world.learn({"wan0": {Option.DNS_SERVERS: addresses("2001:db8::1")}, "wan1": {}})
    assert world.run(0).last.servers == {}
    world.learn({"wan1": {Option.DNS_SERVERS: addresses("2001:db8::3")}})
    assert world.run(5).last.servers == {"2001:db8::3": 1800}


def test_what_is_learned_later_is_announced_at_once_and_what_goes_is_withdrawn() -> None:
    world = steady(rdnss=(UPSTREAM,), dnssl=(UPSTREAM,))
    domain = names.encode_plain_list(["isp.example"])
    world.learn({"wan0": {Option.DNS_SERVERS: addresses("2001:db8::1"), Option.DOMAIN_SEARCH: domain}})
    assert world.run(0).last.servers == {"2001:db8::1": 1800}
    world.run(100)
    world.learn({})
    world.run(0)
    assert world.last.servers == {"2001:db8::1": 0}
    assert [one.lifetime for one in world.last.options(inet6.ICMPv6NDOptDNSSL)] == [0]
    # Hosts that missed it all believe in it for its lifetime.
    world.run(2500)
    assert world.last.servers == {}


def test_it_lives_no_longer_than_what_is_delegated() -> None:
    world = World(rdnss=(UPSTREAM, OWN, IPv6Address("2001:db8:100:1::53")), rdnss_lifetime=86400)
    world.learn(wan(dns_servers=addresses("2001:db8::1")))
    assert world.run(0).last.servers == {"2001:db8::1": 5400, "fd00::53": 86400, "2001:db8:100:1::53": 86400}
    world.delegate(given(world.now + 1000, world.now + 1003))
    assert world.run(3).last.servers == {"2001:db8::1": 1000, "fd00::53": 86400, "2001:db8:100:1::53": 1000}
    assert list(world.last.servers) == ["2001:db8::1", "fd00::53", "2001:db8:100:1::53"]


def test_addresses_that_hosts_cannot_use_are_not_passed_on() -> None:
    raw = addresses("::", "::1", "ff02::1", "fe80::1", "2001:db8::1", "2001:db8::1")
    assert Upstream({"wan0": {Option.DNS_SERVERS: raw}}).servers(None) == [IPv6Address("2001:db8::1")]
    assert Upstream({"wan0": {Option.DNS_SERVERS: raw[:-1]}}).servers(None) == []


def test_names_that_mean_something_to_scripts_are_not_passed_on() -> None:
    raw = b"\x04$(x)\x00" + b"\x03Isp\x07example\x00" + b"\x00" + b"\x01 \x00"
    assert Upstream({"wan0": {Option.DOMAIN_SEARCH: raw}}).domains(None) == ["isp.example"]
    assert Upstream({"wan0": {Option.DOMAIN_SEARCH: b"\x05cut"}}).domains(None) == []


def test_only_a_uri_of_an_api_is_passed_on() -> None:
    for raw in (b"", b"no uri", b"https://x y", b"https://\xc3\xa4", b"https://" + b"a" * 248, b"javascript:\n"):
        assert Upstream({"wan0": {Option.V6_CAPTIVE_PORTAL: raw}}).captive_portal(None) is None
    assert Upstream({"wan0": {Option.V6_CAPTIVE_PORTAL: b"https://a"}}).captive_portal(None) == "https://a"


def test_of_very_much_only_a_part_is_passed_on() -> None:
    raw = b"".join(IPv6Address(f"2001:db8::{number:x}").packed for number in range(1, 2000))
    assert len(Upstream({"wan0": {Option.DNS_SERVERS: raw}}).servers(None)) == 32


@examples(st.dictionaries(st.sampled_from([23, 24, 103]), st.binary(max_size=300)))
def test_whatever_a_provider_sends_can_be_advertised(learned: dict[int, bytes]) -> None:
    world = World(rdnss=(UPSTREAM,), dnssl=(UPSTREAM,), captive_portal=UPSTREAM)
    world.learn({"wan0": learned})
    packet: Any = world.run(0).last.packet
    assert packet[inet6.ICMPv6ND_RA].routerlifetime == 1800
