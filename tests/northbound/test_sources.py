"""Options and instants as operational state shows them."""

import pytest

from tests.dhc4client.world import VirtualClock
from vppdhc.northbound.raw_options import OPTIONS4, OPTIONS6
from vppdhc.northbound.sources import Instants


@pytest.mark.parametrize(
    ("code", "raw", "name", "words"),
    [
        (3, "c6336401", "routers", "198.51.100.1"),
        (6, "0808080808080404", "domain-name-servers", "8.8.8.8, 8.8.4.4"),
        (15, "686f6d65", "domain-name", "home"),
        (19, "01", "ip-forwarding", "true"),
        (121, "080ac633640100c6336401", "classless-static-route", "destination 10.0.0.0/8 router 198.51.100.1, "
         "destination 0.0.0.0/0 router 198.51.100.1"),
        (3, "c63364", "routers", None),
        (250, "0102", None, None),
    ],
)  # fmt: skip
def test_an_option_is_written_for_people(code: int, raw: str, name: str | None, words: str | None) -> None:
    leafs = {leaf.tag.rpartition("}")[2]: leaf.text for leaf in OPTIONS4.element(code, bytes.fromhex(raw))}
    expected = {"code": str(code), "name": name, "hex": bytes.fromhex(raw).hex(":"), "text": words}
    assert leafs == {key: value for key, value in expected.items() if value is not None}


@pytest.mark.parametrize(
    ("code", "raw", "name", "words"),
    [
        (23, "20010db8000000000000000000000053", "dns-servers", "2001:db8::53"),
        (24, "0369737007657861" + "6d706c6500", "domain-search", "isp.example"),
        (56, "0001001020010db8" + "00" * 11 + "7b", "ntp-server", "option server-address value 2001:db8::7b"),
        (14, "", "rapid-commit", "true"),
        (23, "20010db8", "dns-servers", None),
        (65000, "0102", None, None),
    ],
)
def test_an_option_of_dhcpv6_is_written_for_people(code: int, raw: str, name: str | None, words: str | None) -> None:
    leafs = {leaf.tag.rpartition("}")[2]: leaf.text for leaf in OPTIONS6.element(code, bytes.fromhex(raw))}
    expected = {"code": str(code), "name": name, "hex": bytes.fromhex(raw).hex(":") or None, "text": words}
    assert leafs == {key: value for key, value in expected.items() if value is not None}


def test_an_instant_reads_the_same_until_the_wall_clock_is_set() -> None:
    clock = VirtualClock(now=1000.0, wall=1_800_000_000.0)
    instants = Instants(clock)
    assert instants.text(1060.0) == "2027-01-15T08:01:00.000000Z"
    clock.now += 30
    clock.offset += 0.000_004  # as the two clocks are read one after the other
    assert instants.text(1060.0) == "2027-01-15T08:01:00.000000Z"
    clock.offset += 3600
    assert instants.text(1060.0) == "2027-01-15T09:01:00.000004Z"
    assert instants.text(float("inf")) is None
