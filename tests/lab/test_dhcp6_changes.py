"""Bound clients of the DHCPv6 server, while what is served changes, or somebody is killed."""

from ipaddress import IPv6Address
from typing import Any

import pytest
from scapy.layers.dhcp6 import DHCP6OptIA_NA, DHCP6OptIAAddress
from scapy.packet import Packet

from tests.daemon import Daemon
from tests.lab import management
from tests.lab.clients6 import HASTY, KINDS6
from tests.lab.conftest import Lab
from tests.lab.served6 import (
    BRIEF,
    LAN,
    ROUTER,
    SECOND,
    Caught,
    Lan6,
    count,
    counted,
    ended,
    leased,
    reached,
    why,
)
from tests.waiting import wait_for

pytestmark = pytest.mark.lab

every_hasty_client = pytest.mark.parametrize("kind", HASTY)


@pytest.fixture
def lan(lab: Lab) -> Lan6:
    """Give a scenario a LAN with IPv6."""
    return Lan6(lab)


def told(reply: Packet) -> dict[str, tuple[int, int]]:
    """Return the preferred and the valid lifetime of each address in a Reply, as scapy reads it."""
    found = {}
    for option in options(reply, DHCP6OptIA_NA):
        for address in option.ianaopts:
            if isinstance(address, DHCP6OptIAAddress):
                found[address.addr] = (address.preflft, address.validlft)
    return found


def options(packet: Packet, kind: type[Packet]) -> list[Any]:
    """Return all options of a kind in a message."""
    found: list[Any] = []
    while layer := packet.getlayer(kind, len(found) + 1):
        found.append(layer)
    return found


@every_hasty_client
def test_a_client_with_two_addresses_is_told_that_one_is_over(lan: Lan6, kind: str) -> None:
    """When a network goes, its addresses get lifetimes of zero at the next Renew (RFC 8415, 18.3.4)."""
    lan.renumber(SECOND)
    daemon = lan.daemon(**BRIEF)
    client = lan.client(kind)
    caught = Caught(client, lan.lab)
    client.start()
    wait_for(lambda: len(client.addresses()) == 2, f"it has an address of each network; {client.said()}")
    stays, goes = sorted(client.addresses(), key=lambda address: IPv6Address(address) in SECOND)
    assert IPv6Address(stays) in LAN
    assert IPv6Address(goes) in SECOND
    (first,) = wait_for(caught.replies, "tcpdump, which lags behind, has caught its Reply")[:1]
    assert told(first) == {stays: (60, 120), goes: (60, 120)}
    lan.lab.router.ctl("set", "interface", "ip", "address", "del", lan.interface, f"{SECOND[1]}/{SECOND.prefixlen}")
    wait_for(lambda: (0, 0) in told(caught.replies()[-1]).values(), "it is told so")
    over = next(reply for reply in caught.replies() if told(reply).get(goes) == (0, 0))
    assert told(over) == {stays: (60, 120), goes: (0, 0)}
    wait_for(lambda: client.addresses() == [stays], f"it does not use that address any longer; {client.said()}")
    ended(daemon, goes, "released")
    assert leased(daemon) == {stays}
    renewed = count(daemon, "renew")
    counted(daemon, "renew", renewed + 1)
    wait_for(lambda: told(caught.replies()[-1]) == {stays: (60, 120)}, "the next Reply has nothing of it")


@every_hasty_client
def test_a_network_that_comes_is_given_at_the_next_renewal(lan: Lan6, kind: str) -> None:
    daemon = lan.daemon(**BRIEF)
    client = lan.client(kind)
    client.start()
    before = client.bound()
    lan.renumber(SECOND, remove=LAN)
    wait_for(lambda: before not in client.addresses(), "it is told that its address is over")
    after = client.bound()
    assert client.addresses() == [after]
    assert IPv6Address(after) in SECOND
    assert leased(daemon) == {after}


def test_a_client_that_comes_back_keeps_its_address(lan: Lan6) -> None:
    lan.daemon()
    client = lan.client("dhcp6c")
    client.start()
    address = client.bound()
    client.stop()
    client.namespace.run("ip", "-6", "addr", "flush", "dev", "eth0", "scope", "global")
    client.start()
    assert client.bound() == address


def test_a_killed_daemon_knows_every_lease_it_acknowledged(lan: Lan6) -> None:
    daemon = lan.daemon()
    clients = [lan.client(kind) for kind in KINDS6]
    for client in clients:
        client.start()
    addresses = {client.bound() for client in clients}
    daemon.kill()
    daemon.start()
    assert leased(daemon) == addresses
    late = lan.client("dhclient")
    late.start()
    assert late.bound() not in addresses


def test_a_router_that_comes_back_is_served_again(lan: Lan6) -> None:
    daemon = lan.daemon()
    first = lan.client("dhcp6c")
    first.start()
    first.bound()
    lan.lab.router.restart()
    daemon.logged("serving DHCPv6", more_than=1, interface=lan.interface, seconds=5)
    second = lan.client("dhcp6c")
    second.start()
    assert second.bound() != first.address()
    reached(second.namespace, ROUTER)


def test_cleared_leases_are_gone_and_their_clients_come_back(lan: Lan6) -> None:
    daemon = lan.daemon(**BRIEF)
    client = lan.client("dhclient")
    client.start()
    address = client.bound()
    clear = f"<dhc6server><clear-leases><client-duid>{client.duid}</client-duid></clear-leases></dhc6server>"
    assert management.act(daemon, clear, "cleared") == ["1"]
    management.notified(daemon, "lease-cleared", leased_address=address)
    assert leased(daemon) == set()
    wait_for(lambda: leased(daemon) == {address}, "its next Renew brings it back")
    assert client.addresses() == [address]


def test_the_server_says_why(lan: Lan6) -> None:
    daemon = lan.daemon(**{"conflict-detection": "none"})
    client = lan.client("dhclient")
    client.start()
    address = client.bound()
    assert why(daemon, client, "message-type") == ["request"]
    assert why(daemon, client, "decision") == ["answered"]
    assert address in "".join(why(daemon, client, "explanation"))


def test_a_stopped_daemon_leaves_nothing_in_the_router(lan: Lan6) -> None:
    daemon = lan.daemon()
    assert punts(lan, daemon)
    assert daemon.stop() == 0
    assert not punts(lan, daemon)


def punts(lan: Lan6, daemon: Daemon) -> bool:
    """Tell whether the router gives packets to the daemon."""
    return str(daemon.directory) in lan.lab.router.ctl("show", "punt", "socket", "registrations", "l4")
