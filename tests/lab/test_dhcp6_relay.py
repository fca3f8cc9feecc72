"""DHCPv6 clients behind ISC's relay agent, which is a router away from the daemon's."""

from ipaddress import IPv6Address, IPv6Network
from typing import Any

import pytest

from tests.lab import management
from tests.lab.clients6 import ADDRESS, INNER, KINDS6, Asks, Client6
from tests.lab.conftest import Lab
from tests.lab.network import Segment
from tests.lab.relay import DOWN
from tests.lab.relay6 import Relay6
from tests.lab.served6 import (
    BRIEF,
    DOMAIN,
    NAME_SERVERS,
    POOL,
    client_on,
    count,
    counted,
    delegated,
    entries,
    leased,
    leave,
    reached,
    why,
)
from tests.waiting import wait_for

pytestmark = pytest.mark.lab

LINK = IPv6Network("2001:db8:79::/64")
LINK_ROUTER, LINK_RELAY = "2001:db8:79::1", "2001:db8:79::2"
FAR = IPv6Network("2001:db8:7a::/64")
FAR_RELAY = "2001:db8:7a::1"
BEYOND = IPv6Network("2001:db8:7b::/64")
BEYOND_RELAY = "2001:db8:7b::1"

every_client = pytest.mark.parametrize("kind", KINDS6)


class Far6:
    """A link from the router to a relay agent, and the segment behind that, where the clients are.

    The router of the lab routes what is for them to the relay agent.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.link = lab.another_segment()
        self.segment = lab.another_segment()
        self.interface = lab.router.attach(self.link, "link0", f"{LINK_ROUTER}/64")
        self.relay = self.agent(self.link, self.segment, f"{LINK_RELAY}/64", f"{FAR_RELAY}/64")
        self.relay.namespace.run("ip", "route", "add", "default", "via", LINK_ROUTER)
        lab.router.route(str(FAR), LINK_RELAY, self.interface)

    def agent(self, up: Segment, down: Segment, upstream: str, downstream: str) -> Relay6:
        """Make a relay agent between two segments, not started yet."""
        relay = Relay6(self.lab.directory, up, down, upstream, downstream)
        self.lab.stack.callback(relay.remove)
        return relay

    def settings(self, **settings: Any) -> dict[str, Any]:
        """Return settings of dhc6server that serve the link and the far network."""
        subnet = {"id": "far", "network-prefix": str(FAR)}
        always = {"interfaces": [self.interface], "dns": NAME_SERVERS, "domain-search": [DOMAIN], "subnet": [subnet]}
        return {"dhc6server": always | settings}

    def client(self, kind: str, asks: Asks = ADDRESS, segment: Segment | None = None) -> Client6:
        """Make a host with a client behind the relay agent."""
        client = client_on(self.lab, segment or self.segment, kind, asks)
        client.namespace.run("ip", "route", "add", str(FAR), "dev", "eth0")
        client.namespace.run("ip", "route", "add", "default", "via", FAR_RELAY, "dev", "eth0")
        return client


@pytest.fixture
def far(lab: Lab) -> Far6:
    """Give a scenario clients that are a relay agent away."""
    return Far6(lab)


@every_client
def test_a_relayed_client_gets_a_lease_and_uses_it(far: Far6, kind: str) -> None:
    daemon = far.lab.daemon_with(far.settings())
    far.relay.start()
    client = far.client(kind)
    client.start()
    address = client.bound()
    assert IPv6Address(address) in FAR
    wait_for(lambda: client.reaches(LINK_ROUTER), "its answers find their way back", 10)
    wait_for(lambda: client.resolver() == (NAME_SERVERS, [DOMAIN]), "it knows the resolvers")
    (lease,) = entries(daemon, "active-lease")
    assert (lease["leased-address"], lease["subnet"]) == (address, "far")
    assert (lease["link-address"], lease["peer-address"]) == (FAR_RELAY, client.link_local())
    assert count(daemon, "relay-forward") == 2
    client.release()
    wait_for(lambda: leased(daemon) == set(), "its Release is relayed as well")


def test_a_relay_agent_may_ask_the_router_by_its_address(far: Far6) -> None:
    daemon = far.lab.daemon_with(far.settings())
    far.relay.start(LINK_ROUTER)
    client = far.client("dhclient")
    client.start()
    address = client.bound()
    assert leased(daemon) == {address}
    heard = f"{LINK_ROUTER}.547 > {LINK_RELAY}.547: dhcp6 relay-reply"
    wait_for(lambda: far.link.heard(heard), "tcpdump, which lags behind, has heard the answer to the relay agent")


def test_the_relay_agent_gets_its_interface_back(far: Far6) -> None:
    """dhcrelay -I finds by that where the client is (RFC 8415, 19.3)."""
    daemon = far.lab.daemon_with(far.settings())
    far.relay.start("", "-I")
    client = far.client("dhcpcd")
    client.start()
    client.bound()
    (lease,) = entries(daemon, "active-lease")
    assert lease["interface-id"] != ""


def test_a_relayed_client_renews_and_rebinds(far: Far6) -> None:
    daemon = far.lab.daemon_with(far.settings(**BRIEF))
    far.relay.start()
    client = far.client("dhclient")
    client.start()
    address = client.bound()
    counted(daemon, "renew")
    management.edit(daemon, "<dhc6server><server-duid>00:03:00:01:02:00:00:00:00:99</server-duid></dhc6server>")
    counted(daemon, "rebind")
    assert client.addresses() == [address]
    assert leased(daemon) == {address}


def test_a_relayed_client_is_told_of_the_network(far: Far6) -> None:
    daemon = far.lab.daemon_with(far.settings())
    far.relay.start()
    client = far.client("dhcp6c", Asks(addresses=0))
    client.start()
    wait_for(lambda: client.resolver() == (NAME_SERVERS, [DOMAIN]), "it is told")
    assert entries(daemon, "active-lease") == []


def test_a_relayed_router_gets_a_prefix_by_its_relay_agent(far: Far6) -> None:
    """The route to it leads to the relay agent, from whose address its messages came."""
    pool = {"pool-id": "all", "pool-prefix": str(POOL), "client-prefix-length": 56}
    daemon = far.lab.daemon_with(far.settings(**{"prefix-pool": [pool]}))
    far.lab.stack.callback(leave, far.lab, daemon)
    far.relay.start()
    client = far.client("dhcp6c", Asks(prefixes=1))
    client.start()
    client.delegated()
    (prefix,) = delegated(daemon)
    router = far.lab.router
    wait_for(lambda: list(router.ways(POOL)) == [prefix], "the router has a route to it")
    assert router.ways(POOL)[prefix].split()[0] == LINK_RELAY
    far.relay.namespace.run("ip", "route", "add", prefix, "via", client.link_local(), "dev", DOWN)
    inside = IPv6Network(prefix)[9]
    client.namespace.run("ip", "addr", "add", f"{inside}/64", "dev", INNER, "nodad")
    host = far.lab.host(segment=far.link)
    host.run("ip", "addr", "add", "2001:db8:79::9/64", "dev", "eth0", "nodad")
    host.run("ip", "route", "add", "default", "via", LINK_ROUTER)
    reached(host, inside)
    client.release()
    wait_for(lambda: router.ways(POOL) == {}, "the route goes with the lease")


def test_a_client_behind_two_relay_agents(far: Far6) -> None:
    """The link is that of the agent next to the client (RFC 8415, 13.1)."""
    segment = far.lab.another_segment()
    nearest = far.agent(far.segment, segment, "2001:db8:7a::2/64", f"{BEYOND_RELAY}/64")
    subnet = {"id": "beyond", "network-prefix": str(BEYOND)}
    daemon = far.lab.daemon_with(far.settings(subnet=[subnet]))
    far.relay.start()
    nearest.start(FAR_RELAY)
    client = far.client("dhclient", segment=segment)
    client.start()
    address = client.bound()
    assert IPv6Address(address) in BEYOND
    (lease,) = entries(daemon, "active-lease")
    assert (lease["link-address"], lease["peer-address"]) == (BEYOND_RELAY, client.link_local())
    client.release()
    wait_for(lambda: leased(daemon) == set(), "its Release comes by both")


def test_a_relay_agent_belongs_to_the_subnet_that_names_it(far: Far6) -> None:
    subnet = {"id": "named", "network-prefix": str(BEYOND), "relay-address": [FAR_RELAY]}
    far.lab.daemon_with(far.settings(subnet=[subnet]))
    far.relay.start()
    client = far.client("dhcp6c")
    client.start()
    assert IPv6Address(client.bound()) in BEYOND


def test_a_relay_agent_that_no_subnet_is_for_gets_nothing(far: Far6) -> None:
    daemon = far.lab.daemon_with(far.settings(subnet=[]))
    far.relay.start()
    client = far.client("dhclient")
    client.start()
    wait_for(lambda: why(daemon, client, "decision") == ["dropped"], "the daemon says why", 20)
    assert "'relay-address'" in "".join(why(daemon, client, "explanation")), "it says what to configure"
    assert client.address() == ""
    assert leased(daemon) == set()
