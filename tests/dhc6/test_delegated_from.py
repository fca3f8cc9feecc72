"""A router on the LAN gets a part of what the provider delegates, from end to end: client, server, LANs and VPP."""

import json
from collections.abc import Iterator
from ipaddress import IPv6Network
from pathlib import Path
from typing import Any

import pytest

from tests.dhc6.clients import link_local
from tests.dhc6.served import LAN, Served
from tests.waiting import wait_for

WAN = "wan0"
TERMS = "pool pd 2001:db8:a000::/40 56 preferred 1200 valid 1800"
HOME = IPv6Network("2001:db8:a000::/56")
ELSEWHERE = "pool pd 2001:db8:b000::/40 56 preferred 1200 valid 1800"
POOL = {"pool-id": "on", "delegated-from": WAN, "client-prefix-length": 60}


class Home(Served):
    """A router with a provider on its WAN, and a LAN that gets a part of the delegation."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, prefix_pool=[POOL], dns=["from-upstream"], upstream_interface=WAN)
        content = json.loads(self.daemon.config.read_text())
        content["dhc6pdclient"] = [{"interface": WAN, "lan-interface": [{"name": LAN}]}]
        self.daemon.config.write_text(json.dumps(content))
        self.plug(WAN)
        self.do(f"simulate host create isp interface {WAN} mac 02:00:00:00:99:01", "isp")
        self.do(f"simulate host isp dhcp6-server {TERMS} dns 2001:db8::53")
        self.do("simulate host isp router managed other lifetime 1800 interval 3")
        self.daemon.start()
        self.has_lan(LAN)

    def plug(self, name: str) -> None:
        self.do(f"create sim-interface {name}", name)
        self.do(f"set interface state {name} up")

    def lan(self, name: str) -> list[IPv6Network]:
        """Return the parts of what the provider delegates that a LAN has."""
        (found,) = (one for one in self.rig.state()["interfaces"] if one["name"] == name)
        every = [IPv6Network(address, strict=False) for address in found["addresses"] if ":" in address]
        return [one for one in every if str(one) != "2001:db8:1::/64"]

    def has_lan(self, name: str) -> IPv6Network:
        """Wait until a LAN has a part; returns it."""
        try:
            return wait_for(lambda: self.lan(name), f"{name} has a prefix")[0]
        except AssertionError as error:
            raise AssertionError(f"{error}; the log:\n{self.daemon.said()}") from None

    def lans(self, *names: str) -> None:
        """Have the daemon give parts to these LANs."""
        content = json.loads(self.daemon.config.read_text())
        content["dhc6pdclient"][0]["lan-interface"] = [{"name": name} for name in names]
        self.daemon.config.write_text(json.dumps(content))
        self.reload()

    def to(self, prefix: str) -> str | None:
        return dict(self.routes()).get(prefix)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    try:
        yield made
        assert "Traceback" not in made.daemon.said()
    finally:
        made.close()


def get(home: Home, station: int = 1, **more: Any) -> IPv6Network:
    """Have a router get a prefix."""
    reply = home.host.bind(station, pd={1: []}, **more)
    (prefix,) = reply.pd[1].live
    preferred, valid = reply.pd[1].leases[prefix]
    assert preferred <= 1200, "never longer than the delegation"
    assert valid <= 1800
    wait_for(lambda: home.to(prefix) == link_local(station), f"there is a route to {prefix}")
    return IPv6Network(prefix)


def test_routers_and_lans_share_a_delegation(home: Home) -> None:
    first, second = get(home, 1), get(home, 2)
    assert first.subnet_of(HOME)
    assert second.subnet_of(HOME)
    lan = home.has_lan(LAN)
    assert not any(one.overlaps(other) for one, other in ((first, second), (first, lan), (second, lan)))
    for number in range(3):
        home.plug(f"lan{number + 1}")
    home.lans(LAN, "lan1", "lan2", "lan3")
    parts = [home.has_lan(name) for name in (LAN, "lan1", "lan2", "lan3")]
    assert parts[0] == lan
    for part in parts:
        assert not part.overlaps(first)
        assert not part.overlaps(second)
    third = get(home, 3)
    assert not any(third.overlaps(part) for part in parts)


def test_behind_a_kill_a_router_keeps_its_prefix_and_lans_get_none_of_it(home: Home) -> None:
    first = get(home)
    home.daemon.kill()
    home.plug("lan1")
    content = json.loads(home.daemon.config.read_text())
    content["dhc6pdclient"][0]["lan-interface"] = [{"name": LAN}, {"name": "lan1"}]
    home.daemon.config.write_text(json.dumps(content))
    home.daemon.start()
    assert not home.has_lan("lan1").overlaps(first)
    assert home.host.ask("renew", 1, pd={1: [str(first)]}).pd[1].live == [str(first)]
    assert home.to(str(first)) == link_local(1)


def test_a_router_hears_of_the_providers_options_and_of_a_renumbering(home: Home) -> None:
    first = get(home)
    reply = home.host.ask("information-request", oro=(23,))
    assert reply.get(23) == bytes.fromhex("20010db8000000000000000000000053")
    home.do(f"simulate host isp dhcp6-server {ELSEWHERE}")
    home.do("simulate host isp dhcp6-server forget")
    home.daemon.kill()
    home.daemon.start()
    new = IPv6Network("2001:db8:b000::/56")
    wait_for(lambda: any(one.subnet_of(new) for one in home.lan(LAN)), "the LAN is renumbered")
    renewed = home.host.ask("renew", 1, pd={1: [str(first)]})
    assert renewed.pd[1].dead == [str(first)], "it is told to let go"
    (second,) = renewed.pd[1].live
    assert IPv6Network(second).subnet_of(new)
    wait_for(lambda: (home.to(str(first)), home.to(second)) == (None, link_local(1)), "routes follow")
