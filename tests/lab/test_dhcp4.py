"""Unmodified DHCPv4 clients against the daemon, through a router: the simulator, or a real VPP (see router.py)."""

from ipaddress import IPv4Address, IPv4Network

import pytest

from tests.daemon import Daemon
from tests.lab.clients import KINDS
from tests.lab.conftest import LAN_ADDRESS, LAN_ROUTER, Lab
from tests.waiting import wait_for

pytestmark = pytest.mark.lab

LAN = IPv4Network(LAN_ADDRESS, strict=False)
every_client = pytest.mark.parametrize("kind", KINDS)


@every_client
def test_a_client_gets_a_lease_and_uses_it(lab: Lab, kind: str) -> None:
    daemon = lab.daemon()
    client = lab.client(kind)
    client.start()
    address = client.bound()
    assert IPv4Address(address) in LAN
    assert IPv4Address(address) >= LAN[26], "the first tenth is kept for static use"
    assert client.reaches(LAN_ROUTER)
    assert "default via 10.77.0.1" in client.namespace.run("ip", "route")
    granted = daemon.logged("lease granted", address=address)
    assert granted["hardware"] == client.mac
    (lease,) = daemon.leases()
    assert (lease["address"], lease["state"]) == (address, "active")


@every_client
def test_a_client_renews_by_unicast(lab: Lab, kind: str) -> None:
    daemon = lab.daemon(**{"lease-time": 120, "renewal-time": 4})
    client = lab.client(kind)
    client.start()
    address = client.bound()
    daemon.logged("lease renewed", address=address, during="renewing", seconds=client.patience)
    assert client.address() == address


@every_client
def test_a_client_rebinds_by_broadcast(lab: Lab, kind: str) -> None:
    daemon = lab.daemon(**{"lease-time": 120, "renewal-time": 4, "rebinding-time": 8})
    client = lab.client(kind)
    client.start()
    address = client.bound()
    client.loses(LAN_ROUTER)  # its unicast renewals go nowhere
    daemon.logged("lease renewed", address=address, during="rebinding", seconds=client.patience)
    broadcast = f"{address}.68 > 255.255.255.255.67"
    wait_for(lambda: lab.segment.heard(broadcast), "tcpdump, which lags behind, has heard the broadcast")
    assert client.address() == address


@every_client
def test_a_client_releases_its_lease(lab: Lab, kind: str) -> None:
    daemon = lab.daemon()
    client = lab.client(kind)
    client.start()
    address = client.bound()
    assert client.reaches(LAN_ROUTER)  # so that it knows where the router is: dhcpcd does not wait to find out
    client.release()
    daemon.logged("lease released", address=address)
    (lease,) = daemon.leases()
    assert lease["state"] == "released"


def test_no_two_clients_get_one_address(lab: Lab) -> None:
    lab.daemon()
    clients = [lab.client(kind) for kind in KINDS for _ in range(2)]
    for client in clients:
        client.start()
    addresses = [client.bound(60) for client in clients]
    assert len(set(addresses)) == len(clients)
    assert all(client.reaches(LAN_ROUTER) for client in clients)


def test_a_client_that_comes_back_keeps_its_address(lab: Lab) -> None:
    lab.daemon()
    client = lab.client("udhcpc")
    client.start()
    address = client.bound()
    client.stop()
    client.namespace.run("ip", "addr", "flush", "dev", "eth0")
    client.start()
    assert client.bound() == address


def test_a_killed_daemon_knows_every_lease_it_acknowledged(lab: Lab) -> None:
    daemon = lab.daemon(**{"lease-time": 600})
    clients = [lab.client(kind) for kind in KINDS]
    for client in clients:
        client.start()
    addresses = {client.bound(): client.mac for client in clients}
    daemon.kill()
    assert {lease["address"]: lease["hardware"] for lease in daemon.leases()} == addresses
    daemon.start()
    late = lab.client("udhcpc")
    late.start()
    assert late.bound() not in addresses
    again = clients[1]
    again.stop()
    again.namespace.run("ip", "addr", "flush", "dev", "eth0")
    again.start()
    assert addresses[again.bound()] == again.mac


def test_a_router_that_comes_back_is_served_again_within_five_seconds(lab: Lab) -> None:
    daemon = lab.daemon()
    first = lab.client("udhcpc")
    first.start()
    first.bound()
    lab.router.restart()
    daemon.logged("serving", more_than=1, interface=lab.interface, seconds=5)
    second = lab.client("udhcpc")
    second.start()
    assert second.bound() != first.address()
    assert second.reaches(LAN_ROUTER)


def test_a_stopped_daemon_leaves_nothing_in_the_router(lab: Lab) -> None:
    daemon = lab.daemon()
    assert takes_broadcasts(lab)
    assert punts(lab, daemon)
    assert daemon.stop() == 0
    assert not takes_broadcasts(lab)
    assert not punts(lab, daemon)


def takes_broadcasts(lab: Lab) -> bool:
    """Tell whether the router gives packets to 255.255.255.255 to itself."""
    return "dpo-receive" in lab.router.ctl("show", "ip", "fib", "255.255.255.255/32")


def punts(lab: Lab, daemon: Daemon) -> bool:
    """Tell whether the router gives packets to the daemon."""
    return str(daemon.directory) in lab.router.ctl("show", "punt", "socket", "registrations", "l4")
