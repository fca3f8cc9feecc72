"""What a delegated prefix means for LANs: parts of it, and hosts that hear of them and of a renumbering.

The hosts are the Linux kernel's, which makes itself addresses, and rdisc6, which says what it hears.
"""

from dataclasses import replace
from functools import partial

import pytest

from tests.daemon import Daemon
from tests.lab import management
from tests.lab.conftest import Lab
from tests.lab.lan6 import Heard, LanHost, reaches
from tests.lab.provider6 import ELSEWHERE, Provider6, Terms6
from tests.lab.wan6 import INTERNET, Wan6
from tests.waiting import wait_for

pytestmark = pytest.mark.lab

PREFIXES = Terms6(first="", t1=300, t2=500, preferred=600, valid=900)
BRIEF = replace(PREFIXES, t1=2, t2=4, preferred=5, valid=7)
MOVED = replace(PREFIXES, delegated=ELSEWHERE)
OLD, NEW = "2001:db8:a000::/64", "2001:db8:b000::/64"
"""What the LAN has of Kea's first prefix, of either pool."""


@pytest.fixture
def wan(lab: Lab) -> Wan6:
    """Give a scenario a router with a provider's router that advertises itself, and says that there is DHCPv6."""
    wan = Wan6(lab)
    wan.gateway.start()
    return wan


def served(wan: Wan6, terms: Terms6 = PREFIXES) -> Provider6:
    """Return a provider's server that serves."""
    provider = wan.provider("kea-dhcp6", terms)
    provider.start()
    return provider


def advertising(lab: Lab, wan: Wan6) -> Daemon:
    """Start a daemon that gives the LAN a part of the delegated prefix, and advertises it."""
    wan.lans = {lab.interface: "::1/64"}
    return wan.daemon_with({"ip6ndra": {"interfaces": [lab.interface]}}, **{"lan-interface": [{"name": lab.interface}]})


def listening(lab: Lab) -> LanHost:
    """Put a host on the LAN."""
    host = LanHost(lab.segment)
    lab.stack.callback(host.remove)
    return host


def renumber(wan: Wan6, provider: Provider6, terms: Terms6) -> None:
    """Have the provider give other prefixes, as if he had never given those."""
    provider.stop()
    provider.forget()
    provider.terms = terms
    provider.start()


def deprecated(host: LanHost, address: str) -> bool:
    """Tell whether a host uses an address for nothing new."""
    left = host.addresses().get(address)
    return left is None or left.preferred == 0


def test_two_lans_get_their_parts_and_reach_everybody(lab: Lab, wan: Wan6) -> None:
    other = lab.another_segment()
    guests = lab.router.attach(other, "lan1")
    wan.lans = {lab.interface: "::1/64", guests: "0:0:0:7::53/64"}
    provider = served(wan)
    lans = [{"name": lab.interface}, {"name": guests, "subnet-id": 7, "interface-id": "::53"}]
    daemon = wan.daemon(**{"lan-interface": lans})
    (lease,) = wan.agrees(provider)
    shown = wan.state(daemon, "prefix", "<lan-prefix/>")
    assert sorted(shown) == ["2001:db8:a000:7::/64", "2001:db8:a000::/64"]
    for segment, lan, router in ((lab.segment, lease.network[0], 1), (other, lease.network[7 << 64], 0x53)):
        host = lab.host(segment=segment)
        host.run("ip", "addr", "add", f"{lan + 0x99}/64", "dev", "eth0", "nodad")
        host.run("ip", "route", "add", "default", "via", f"{lan + router}")
        wait_for(partial(reaches, host, INTERNET), "it is answered, once the routers know their neighbours", 15)


def test_a_lan_that_is_named_later_gets_its_part_then(lab: Lab, wan: Wan6) -> None:
    provider = served(wan)
    daemon = wan.daemon()
    wan.agrees(provider)
    wan.lans = {lab.interface: "::1/64"}
    lan = f"<interface>{wan.interface}</interface><lan-interface><name>{lab.interface}</name></lan-interface>"
    management.edit(daemon, f"<dhc6pdclient>{lan}</dhc6pdclient>")
    wan.agrees(provider)


def test_hosts_hear_of_a_renumbering_within_one_exchange(lab: Lab, wan: Wan6) -> None:
    """The old prefix is deprecated and the new one lives (RFC 9096, 3.4 and RFC 7084, L-13)."""
    provider = served(wan)
    daemon = advertising(lab, wan)
    wan.agrees(provider)
    host = listening(lab)
    before = host.configured("2001:db8:a000:")
    wait_for(lambda: host.reaches(INTERNET), "it reaches everybody, once the routers know their neighbours", 15)
    renumber(wan, provider, MOVED)
    wan.act(daemon, "renew")
    after = host.configured("2001:db8:b000:")
    wait_for(lambda: deprecated(host, before), "the old address is deprecated")
    assert host.addresses()[after].preferred > 0
    heard = host.hears()
    assert heard[OLD] == Heard(0, 0)
    assert 0 < heard[NEW].preferred <= MOVED.preferred
    assert 0 < heard[NEW].valid <= MOVED.valid
    assert wan.count(daemon, "renew") == 1
    wan.agrees(provider)
    wait_for(lambda: host.reaches(INTERNET), "it reaches everybody from there", 15)


def test_hosts_hear_that_a_prefix_has_ended(lab: Lab, wan: Wan6) -> None:
    provider = served(wan, BRIEF)
    advertising(lab, wan)
    host = listening(lab)
    address = host.configured("2001:db8:a000:")
    assert host.hears()[OLD].valid <= BRIEF.valid
    provider.stop()
    wan.empty()
    wait_for(lambda: host.addresses() == {}, f"{address} has ended at its time")
    assert host.hears() == {}, "nobody has to be told"


def test_hosts_hear_of_a_renumbering_that_happened_while_nobody_was_there(lab: Lab, wan: Wan6) -> None:
    """A prefix that was advertised before a restart, and is not delegated any more, is withdrawn (RFC 9096, 3.5)."""
    provider = served(wan)
    daemon = advertising(lab, wan)
    wan.agrees(provider)
    host = listening(lab)
    before = host.configured("2001:db8:a000:")
    daemon.kill()
    renumber(wan, provider, MOVED)
    daemon.start()
    host.configured("2001:db8:b000:")
    wait_for(lambda: deprecated(host, before), "the old address is deprecated")
    assert host.hears()[OLD] == Heard(0, 0)
    wan.agrees(provider)


def test_hosts_hear_that_the_router_ends(lab: Lab, wan: Wan6) -> None:
    served(wan)
    daemon = advertising(lab, wan)
    host = listening(lab)
    address = host.configured("2001:db8:a000:")
    wait_for(host.routers, "it has a default router")
    assert daemon.stop() == 0
    wait_for(lambda: host.routers() == [], "the router is none any more")
    wait_for(lambda: deprecated(host, address), "the address is deprecated")
    wan.empty(5)
