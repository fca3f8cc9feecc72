"""Prefixes for routers on the LAN, and the routes to them."""

from ipaddress import IPv6Network
from typing import Any

import pytest

from tests.daemon import Daemon
from tests.lab import management
from tests.lab.clients6 import HASTY, INNER, KINDS6, Asks, Client6
from tests.lab.conftest import Lab
from tests.lab.provider6 import DELEGATED, ELSEWHERE, Terms6
from tests.lab.served6 import (
    BRIEF,
    POOL,
    Lan6,
    counted,
    delegated,
    entries,
    leave,
    reached,
)
from tests.lab.wan6 import Wan6
from tests.waiting import wait_for

pytestmark = pytest.mark.lab

every_client = pytest.mark.parametrize("kind", KINDS6)
PREFIX = Asks(addresses=0, prefixes=1)
LONG = Terms6(length=52, t1=300, t2=500, preferred=600, valid=900)


@pytest.fixture
def lan(lab: Lab) -> Lan6:
    """Give a scenario a LAN with IPv6."""
    return Lan6(lab)


def got(daemon: Daemon, client: Client6) -> IPv6Network:
    """Wait until a client has a prefix, and return it."""
    (network,) = client.delegated()
    (prefix,) = (IPv6Network(one) for one in delegated(daemon))
    assert network.subnet_of(prefix)
    return prefix


def routed(lan: Lan6, client: Client6, prefix: IPv6Network) -> None:
    """Wait until the router's only route to prefixes of a pool is that by a client."""
    way = {str(prefix): f"{client.link_local()} {lan.interface}"}
    pool = prefix.supernet(new_prefix=48)
    wait_for(lambda: lan.lab.router.ways(pool) == way, f"{prefix} is routed: {lan.lab.router.ways(pool)}")


def unrouted(lan: Lan6, pool: IPv6Network = POOL) -> None:
    """Wait until the router has no route to any prefix of a pool."""
    wait_for(lambda: not lan.lab.router.ways(pool), "no route is left")


def reached_inside(lan: Lan6, client: Client6, prefix: IPv6Network) -> None:
    """Wait until a host on the LAN and one in the last network of a prefix, behind a client, hear each other."""
    inside = list(prefix.subnets(new_prefix=64))[-1][9]
    client.namespace.run("ip", "addr", "add", f"{inside}/64", "dev", INNER, "nodad")
    reached(lan.host("2001:db8:77::9"), inside)


@every_client
def test_a_router_gets_a_prefix_and_the_route_to_it(lan: Lan6, kind: str) -> None:
    daemon = lan.daemon(**lan.prefixes())
    client = lan.client(kind, asks=PREFIX)
    client.start()
    prefix = got(daemon, client)
    assert prefix.subnet_of(POOL)
    assert prefix.prefixlen == 56
    routed(lan, client, prefix)
    reached_inside(lan, client, prefix)
    (lease,) = entries(daemon, "active-prefix-lease")
    assert (lease["client-duid"], lease["next-hop-address"]) == (client.duid, client.link_local())
    assert (lease["pool-id"], lease["interface"]) == ("all", lan.interface)
    client.release()
    unrouted(lan)
    (lease,) = entries(daemon, "inactive-prefix-lease")
    assert (lease["leased-prefix"], lease["state"]) == (str(prefix), "released")


@pytest.mark.parametrize("kind", HASTY)
def test_a_router_renews_its_prefix(lan: Lan6, kind: str) -> None:
    daemon = lan.daemon(**lan.prefixes(**BRIEF))
    client = lan.client(kind, asks=PREFIX)
    client.start()
    prefix = got(daemon, client)
    counted(daemon, "renew")
    assert delegated(daemon) == {str(prefix)}
    routed(lan, client, prefix)


def test_a_prefix_that_is_not_renewed_loses_its_route(lan: Lan6) -> None:
    daemon = lan.daemon(**lan.prefixes(**{"valid-lifetime": 6, "preferred-lifetime": 6}))
    client = lan.client("dhcp6c", asks=PREFIX)
    client.start()
    prefix = got(daemon, client)
    routed(lan, client, prefix)
    client.stop()
    unrouted(lan)
    (lease,) = entries(daemon, "inactive-prefix-lease")
    assert (lease["leased-prefix"], lease["state"]) == (str(prefix), "expired")


def test_routes_outlive_a_killed_daemon(lan: Lan6) -> None:
    daemon = lan.daemon(**lan.prefixes())
    client = lan.client("dhcp6c", asks=PREFIX)
    client.start()
    prefix = got(daemon, client)
    routed(lan, client, prefix)
    daemon.kill()
    routed(lan, client, prefix)
    daemon.start()
    assert delegated(daemon) == {str(prefix)}
    routed(lan, client, prefix)
    client.release()
    unrouted(lan)


def test_a_router_that_comes_back_gets_its_routes_again(lan: Lan6) -> None:
    daemon = lan.daemon(**lan.prefixes())
    client = lan.client("dhcp6c", asks=PREFIX)
    client.start()
    prefix = got(daemon, client)
    routed(lan, client, prefix)
    lan.lab.router.restart()
    routed(lan, client, prefix)
    reached_inside(lan, client, prefix)


def test_a_reserved_prefix_comes_to_whom_it_is_reserved_for(lan: Lan6) -> None:
    client, stranger = lan.client("dhcpcd", asks=PREFIX), lan.client("dhcp6c", asks=PREFIX)
    reserved = "2001:db8:a000:ff00::/56"
    reservation = {"id": "branch", "client-duid": client.duid, "reserved-prefix": reserved}
    daemon = lan.daemon(**lan.prefixes(), **{"host-reservation": [reservation]})
    client.start()
    assert str(got(daemon, client)) == reserved
    routed(lan, client, IPv6Network(reserved))
    stranger.start()
    assert not stranger.delegated()[0].subnet_of(IPv6Network(reserved))
    assert [one["reservation"] for one in entries(daemon, "active-prefix-lease", leased_prefix=reserved)] == ["branch"]


def test_cleared_prefixes_lose_their_routes(lan: Lan6) -> None:
    daemon = lan.daemon(**lan.prefixes())
    client = lan.client("dhcp6c", asks=PREFIX)
    client.start()
    prefix = got(daemon, client)
    routed(lan, client, prefix)
    clear = f"<dhc6server><clear-leases><leased-prefix>{prefix}</leased-prefix></clear-leases></dhc6server>"
    assert management.act(daemon, clear, "cleared") == ["1"]
    unrouted(lan)
    assert delegated(daemon) == set()


class Below:
    """A LAN on which parts of what a provider delegates are delegated on.

    wan: the provider's side; provider delegates one prefix of 52 bits, and daemon gives the LAN its first network.
    """

    def __init__(self, lab: Lab) -> None:
        self.lan = Lan6(lab)
        self.wan = Wan6(lab)
        self.wan.gateway.start()
        self.provider = self.wan.provider("kea-dhcp6", LONG)
        self.provider.start()

    def daemon(self, **settings: Any) -> Daemon:
        """Start the daemon. settings: of its dhc6server."""
        pool = {"pool-id": "below", "delegated-from": self.wan.interface, "client-prefix-length": 56}
        server = self.lan.server(**{"prefix-pool": [pool]} | settings)
        lans = [{"name": self.lan.interface}]
        daemon = self.wan.daemon_with({"dhc6server": server}, **{"lan-interface": lans})
        self.lan.lab.stack.callback(leave, self.lan.lab, daemon)
        return daemon

    def upstream(self) -> IPv6Network:
        """Wait until the provider has delegated a prefix, and return it."""
        (lease,) = wait_for(self.provider.leases, "the provider has delegated a prefix")
        return lease.network


@pytest.fixture
def below(lab: Lab) -> Below:
    """Give a scenario a provider and a LAN."""
    return Below(lab)


def test_a_part_of_what_was_delegated_to_us_is_delegated_on(below: Below) -> None:
    lan = below.lan
    daemon = below.daemon()
    upstream = below.upstream()
    client = lan.client("dhcp6c", asks=PREFIX)
    client.start()
    prefix = got(daemon, client)
    assert prefix.subnet_of(upstream)
    assert not next(iter(upstream.subnets(new_prefix=64))).subnet_of(prefix), "that is the LAN's"
    wait_for(lambda: lan.lab.router.way(str(prefix)) == f"{client.link_local()} {lan.interface}", "it is routed")
    (lease,) = entries(daemon, "active-prefix-lease")
    assert lease["pool-id"] == "below"
    assert int(lease["valid-lifetime"]) <= LONG.valid
    assert int(lease["preferred-lifetime"]) <= LONG.preferred
    inside = prefix[9]
    client.namespace.run("ip", "addr", "add", f"{inside}/64", "dev", INNER, "nodad")
    client.namespace.run("ip", "route", "replace", "default", "via", str(upstream[1]), "dev", "eth0", "onlink")
    wait_for(lambda: below.wan.works(str(inside)), "somebody beyond the provider's router reaches it", 10)


def test_a_prefix_that_is_renumbered_above_is_renumbered_below(below: Below) -> None:
    """At its next Renew, the client is told that the old one is over, and gets a new one (RFC 9096, 3.3)."""
    lan = below.lan
    daemon = below.daemon(**BRIEF)
    before = below.upstream()
    client = lan.client("dhcpcd", asks=PREFIX)
    client.start()
    assert got(daemon, client).subnet_of(before)
    below.provider.stop()
    below.provider.forget()
    below.provider.terms = Terms6(delegated=ELSEWHERE, length=52, t1=300, t2=500, preferred=600, valid=900)
    below.provider.start()
    below.wan.act(daemon, "renew")
    wait_for(lambda: below.upstream().subnet_of(ELSEWHERE), "the provider has delegated another one")
    wait_for(
        lambda: [one for one in delegated(daemon) if IPv6Network(one).subnet_of(ELSEWHERE)],
        f"so do we; {client.said()}",
    )
    (prefix,) = (IPv6Network(one) for one in delegated(daemon) if IPv6Network(one).subnet_of(ELSEWHERE))
    wait_for(lambda: lan.lab.router.way(str(prefix)) == f"{client.link_local()} {lan.interface}", "it is routed")
    wait_for(lambda: not [one for one in lan.lab.router.ways(DELEGATED) if one.endswith("/56")], "the old one is not")
    wait_for(lambda: [one for one in client.networks() if one.subnet_of(prefix)], "the client has the new one")
