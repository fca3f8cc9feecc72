"""Clients behind ISC's relay agent, which is a router away from the daemon's."""

from ipaddress import IPv4Address, IPv4Network

import pytest

from tests.lab import management
from tests.lab.clients import Client
from tests.lab.conftest import Lab
from tests.lab.relay import DOWN, PerfDhcp, Relay
from tests.waiting import wait_for

pytestmark = pytest.mark.lab

LINK_ROUTER = "10.78.0.1"
LINK_RELAY = "10.78.0.2"
FAR = IPv4Network("10.79.0.0/24")
FAR_RELAY = "10.79.0.1"
OTHER = IPv4Network("10.80.0.0/24")
OTHER_RELAY = "10.80.0.1"


class Far:
    """A link from the router (10.78.0.0/24) to a relay agent and the segment behind that, where the clients are.

    The router of the lab routes what is for them to the relay agent. subnet is a relay-only subnet for them.
    """

    def __init__(self, lab: Lab, *networks: tuple[IPv4Network, str]) -> None:
        networks = networks or ((FAR, FAR_RELAY),)
        self._lab = lab
        self.link = lab.another_segment()
        self.segment = lab.another_segment()
        self.interface = lab.router.attach(self.link, "link0", f"{LINK_ROUTER}/24")
        downstream = [f"{address}/{network.prefixlen}" for network, address in networks]
        self.relay = Relay(lab.directory, self.link, self.segment, f"{LINK_RELAY}/24", *downstream)
        lab.stack.callback(self.relay.remove)
        self.relay.namespace.run("ip", "route", "add", "default", "via", LINK_ROUTER)
        for network, _ in networks:
            lab.router.route(str(network), LINK_RELAY, self.interface)
        assert " 0% packet loss" in self.relay.namespace.run("ping", "-c1", "-W5", LINK_ROUTER)

    @property
    def settings(self) -> dict[str, object]:
        """Settings of dhc4server that serve the link and the far network."""
        return {"interfaces": [self.interface], "subnet": [self.subnet()]}

    @staticmethod
    def subnet(**settings: object) -> dict[str, object]:
        """Return the far network as a subnet of dhc4server."""
        return {"id": "far", "network-prefix": str(FAR), "router": [FAR_RELAY], "static-percentage": 10} | settings

    def client(self, kind: str, *wishes: str) -> Client:
        """Make a host with a client behind the relay agent."""
        return self._lab.client(kind, *wishes, segment=self.segment)


@pytest.fixture
def far(lab: Lab) -> Far:
    """Give a scenario clients that are a relay agent away."""
    return Far(lab)


@pytest.mark.parametrize("kind", ["dhclient", "udhcpc", "dhcpcd"])
def test_a_relayed_client_gets_a_lease_and_uses_it(lab: Lab, far: Far, kind: str) -> None:
    daemon = lab.daemon(**far.settings)
    far.relay.start(LINK_ROUTER)
    client = far.client(kind)
    client.start()
    address = client.bound()
    assert IPv4Address(address) in FAR
    assert client.reaches(LINK_ROUTER), "the client's default router is the relay agent"
    relayed = f"{LINK_ROUTER}.67 > {FAR_RELAY}.67"
    wait_for(lambda: far.link.heard(relayed), "tcpdump, which lags behind, has heard the reply to the relay agent")
    shown = f"<dhc4server><active-lease><leased-address>{address}</leased-address></active-lease></dhc4server>"
    assert management.get(daemon, shown, "relay-address") == [FAR_RELAY]
    client.release()
    daemon.logged("lease released", address=address)


def test_a_relayed_client_renews_by_unicast(lab: Lab, far: Far) -> None:
    daemon = lab.daemon(**far.settings, **{"lease-time": 120, "renewal-time": 4})
    far.relay.start(LINK_ROUTER)
    client = far.client("dhclient")
    client.start()
    address = client.bound()
    daemon.logged("lease renewed", address=address, during="renewing", seconds=client.patience)
    unicast = f"{address}.68 > {LINK_ROUTER}.67"
    wait_for(lambda: far.link.heard(unicast), "tcpdump, which lags behind, has heard the renewal")
    assert client.address() == address


def test_a_relayed_client_rebinds_through_its_relay_agent(lab: Lab, far: Far) -> None:
    daemon = lab.daemon(**far.settings, **{"lease-time": 120, "renewal-time": 4, "rebinding-time": 8})
    far.relay.start(LINK_ROUTER)
    client = far.client("dhclient")
    client.start()
    address = client.bound()
    client.namespace.run("ip", "route", "add", "blackhole", LINK_ROUTER)  # where its unicast renewals go
    daemon.logged("lease renewed", address=address, during="rebinding", seconds=client.patience)
    assert client.address() == address


def test_the_relay_agent_gets_its_option_back(lab: Lab, far: Far) -> None:
    """dhcrelay -a -D gives clients only what has the option that it added, unchanged (RFC 3046, 2.2)."""
    daemon = lab.daemon(**far.settings)
    far.relay.start(LINK_ROUTER, "-a", "-D")
    client = far.client("udhcpc")
    client.start()
    address = client.bound()
    shown = f"<dhc4server><active-lease><leased-address>{address}</leased-address></active-lease></dhc4server>"
    assert management.get(daemon, shown, "circuit-id") == [DOWN.encode().hex(":")]


def test_a_circuit_has_its_reservation(lab: Lab, far: Far) -> None:
    reserved = str(FAR[200])
    reservation = {"id": "port", "circuit-id": DOWN.encode().hex(":"), "reserved-addr": reserved, "hostname": "port"}
    lab.daemon(interfaces=[far.interface], subnet=[far.subnet(**{"host-reservation": [reservation]})])
    far.relay.start(LINK_ROUTER, "-a")
    client = far.client("dhclient")
    client.start()
    assert client.bound() == reserved
    assert client.told()["new_host_name"] == "port"


def test_a_remote_end_has_its_reservation(lab: Lab, far: Far) -> None:
    reserved = str(FAR[201])
    remote = b"subscriber"
    reservation = {"id": "subscriber", "remote-id": remote.hex(":"), "reserved-addr": reserved}
    lab.daemon(interfaces=[far.interface], subnet=[far.subnet(**{"host-reservation": [reservation]})])
    host = lab.host(f"{FAR[5]}/24", segment=far.segment)
    host.run("ip", "route", "add", "default", "via", FAR_RELAY)
    load = PerfDhcp(lab.directory, host, str(FAR[5]), LINK_ROUTER, gateway=FAR_RELAY)
    load.start(5, 5, "-o", f"82,02{len(remote):02x}{remote.hex()}", clients=1)
    report = load.finish()
    assert report.leases == [reserved] * 5, report.text


def test_the_link_that_a_relay_agent_selects_is_the_clients(lab: Lab, far: Far) -> None:
    """dhcrelay -U: giaddr is on the link to the server, and sub-option 5 says where the client is (RFC 3527)."""
    daemon = lab.daemon(**far.settings)
    far.relay.start(LINK_ROUTER, "-U", "up0")
    client = far.client("udhcpc")
    client.start()
    address = client.bound()
    assert IPv4Address(address) in FAR
    shown = f"<dhc4server><active-lease><leased-address>{address}</leased-address></active-lease></dhc4server>"
    assert management.get(daemon, shown, "relay-address") == [LINK_RELAY]


def test_a_relay_agent_belongs_to_the_subnet_that_names_it(lab: Lab) -> None:
    far = Far(lab, (FAR, FAR_RELAY), (OTHER, OTHER_RELAY))
    other = {
        "id": "other",
        "network-prefix": str(OTHER),
        "relay-address": [FAR_RELAY],
        "router": [OTHER_RELAY],
        "address-pool": [{"pool-id": "all", "start-address": str(OTHER[100]), "end-address": str(OTHER[109])}],
    }
    lab.daemon(interfaces=[far.interface], subnet=[other])
    far.relay.start(LINK_ROUTER)
    client = far.client("udhcpc")
    client.start()
    assert OTHER[100] <= IPv4Address(client.bound()) <= OTHER[109]
    assert client.reaches(LINK_ROUTER)


def test_a_relay_agent_that_no_subnet_is_for_gets_nothing(lab: Lab, far: Far) -> None:
    daemon = lab.daemon(interfaces=[far.interface])
    far.relay.start(LINK_ROUTER)
    client = far.client("udhcpc")
    client.start()
    why = f"<dhc4server><why><hardware-address>{client.mac}</hardware-address></why></dhc4server>"
    wait_for(lambda: management.act(daemon, why, "decision") == ["dropped"], "the daemon says why", 20)
    assert "'relay-address'" in "".join(management.act(daemon, why, "explanation")), "it says what to configure"
    assert client.address() == ""
    assert daemon.leases() == []
