"""Unmodified DHCPv6 clients against the daemon, through a router: the simulator, or a real VPP (see router.py)."""

from ipaddress import IPv6Address

import pytest

from tests.daemon import Daemon
from tests.lab import management
from tests.lab.clients6 import HASTY, KINDS6, Asks
from tests.lab.conftest import Lab
from tests.lab.served6 import (
    BRIEF,
    DOMAIN,
    FOR_EVER,
    LAN,
    NAME_SERVERS,
    ROUTER,
    SECOND,
    SECOND_ROUTER,
    Lan6,
    candidate,
    count,
    counted,
    delegated,
    ended,
    entries,
    leased,
    reached,
)
from tests.waiting import wait_for

pytestmark = pytest.mark.lab

every_client = pytest.mark.parametrize("kind", KINDS6)
every_hasty_client = pytest.mark.parametrize("kind", HASTY)
OTHER_DUID = "00:03:00:01:02:00:00:00:00:99"


@pytest.fixture
def lan(lab: Lab) -> Lan6:
    """Give a scenario a LAN with IPv6."""
    return Lan6(lab)


@every_client
def test_a_client_gets_a_lease_and_uses_it(lan: Lan6, kind: str) -> None:
    daemon = lan.daemon()
    client = lan.client(kind)
    client.start()
    address = client.bound()
    assert IPv6Address(address) in LAN
    assert client.addresses() == [address]
    reached(client.namespace, ROUTER)
    wait_for(lambda: client.resolver() == (NAME_SERVERS, [DOMAIN]), f"it knows the resolvers: {client.told()}")
    (lease,) = entries(daemon, "active-lease")
    assert (lease["leased-address"], lease["state"]) == (address, "active")
    assert (lease["client-duid"], int(lease["ia-id"])) == (client.duid, client.ia_id)
    assert lease["hardware-address"] == client.mac
    assert [count(daemon, kind) for kind in ("solicit", "advertise", "request", "reply")] == [1, 1, 1, 1]


@every_client
def test_a_client_that_wants_it_is_served_with_two_messages(lan: Lan6, kind: str) -> None:
    daemon = lan.daemon(**{"rapid-commit": True})
    client = lan.client(kind, asks=Asks(rapid=True))
    client.start()
    address = wait_for(client.address, "it has an address: dibbler does not tell its script of this one")
    assert leased(daemon) == {address}
    assert [count(daemon, kind) for kind in ("advertise", "request")] == [0, 0]


@every_client
def test_a_client_that_wants_two_messages_is_content_with_four(lan: Lan6, kind: str) -> None:
    daemon = lan.daemon(**{"rapid-commit": False})
    client = lan.client(kind, asks=Asks(rapid=True))
    client.start()
    address = client.bound()
    assert leased(daemon) == {address}
    assert count(daemon, "request") == 1


@every_client
def test_a_client_renews(lan: Lan6, kind: str) -> None:
    daemon = lan.daemon(**BRIEF)
    client = lan.client(kind)
    client.start()
    address = client.bound()
    (before,) = entries(daemon, "active-lease")
    counted(daemon, "renew")
    (after,) = entries(daemon, "active-lease")
    assert after["last-renew-rebind"] > before["last-renew-rebind"]
    assert after["allocation-time"] == before["allocation-time"]
    assert client.addresses() == [address]
    assert count(daemon, "rebind") == 0


@every_hasty_client
def test_a_client_rebinds_with_a_server_that_has_another_name(lan: Lan6, kind: str) -> None:
    """Its Renew is for a server that is no more; its Rebind is for any (RFC 8415, 18.2.5)."""
    daemon = lan.daemon(**BRIEF)
    client = lan.client(kind)
    client.start()
    address = client.bound()
    management.edit(daemon, f"<dhc6server><server-duid>{OTHER_DUID}</server-duid></dhc6server>")
    counted(daemon, "rebind")
    assert "other-server" in management.get(daemon, "<dhc6server><discarded-message/></dhc6server>", "reason")
    assert client.addresses() == [address]
    assert leased(daemon) == {address}
    renewed = count(daemon, "renew")
    counted(daemon, "renew", renewed + 1)
    wait_for(lambda: count(daemon, "reply") >= 3, "the server of that name answers")


@every_client
def test_a_client_releases_its_lease(lan: Lan6, kind: str) -> None:
    daemon = lan.daemon()
    client = lan.client(kind)
    client.start()
    address = client.bound()
    client.release()
    ended(daemon, address, "released")
    wait_for(lambda: client.addresses() == [], "the client does not use it any longer")
    assert leased(daemon) == set()
    management.notified(daemon, "lease-released", leased_address=address, client_duid=client.duid)


@pytest.mark.parametrize("kind", ["dhclient", "dhcpcd"])
def test_a_client_that_comes_back_confirms_its_address(lan: Lan6, kind: str) -> None:
    daemon = lan.daemon()
    client = lan.client(kind)
    client.start()
    address = client.bound()
    client.stop()
    client.namespace.run("ip", "-6", "addr", "flush", "dev", "eth0", "scope", "global")
    client.start()
    assert client.bound() == address
    assert [count(daemon, kind) for kind in ("solicit", "confirm")] == [1, 1]


@pytest.mark.parametrize("kind", ["dhclient", "dhcpcd"])
def test_a_client_that_comes_back_to_another_network_begins_anew(lan: Lan6, kind: str) -> None:
    daemon = lan.daemon()
    client = lan.client(kind)
    client.start()
    before = client.bound()
    client.stop()
    client.namespace.run("ip", "-6", "addr", "flush", "dev", "eth0", "scope", "global")
    lan.renumber(SECOND, remove=LAN)
    wait_for(lambda: served(lan, daemon) == [str(SECOND)], "the server has noticed")
    client.start()
    after = client.bound()
    assert IPv6Address(after) in SECOND
    assert after != before
    assert [count(daemon, kind) for kind in ("solicit", "confirm")] == [2, 1]
    client.namespace.run("ip", "route", "add", str(SECOND), "dev", "eth0")
    reached(client.namespace, SECOND_ROUTER)


def served(lan: Lan6, daemon: Daemon) -> list[str]:
    """Return the networks that are served on the LAN."""
    shown = f"<dhc6server><served-interface><name>{lan.interface}</name></served-interface></dhc6server>"
    return management.get(daemon, shown, "network-prefix")


def test_an_address_that_somebody_has_is_not_given(lan: Lan6) -> None:
    daemon = lan.daemon(**{"conflict-detection": "probe", "probe-timeout": 1000})
    client = lan.client("dhclient")
    taken = candidate(daemon, lan.interface, client)
    squatter = lan.host(taken)
    client.start()
    assert client.bound() != taken
    reached(client.namespace, ROUTER)
    ended(daemon, taken, "declined")
    management.notified(daemon, "address-conflict", address=taken, hardware_address=squatter.mac("eth0"))
    assert count(daemon, "conflict") == 1
    assert count(daemon, "decline") == 0


@pytest.mark.parametrize("kind", ["dhclient", "dibbler-client"])  # the others do not decline
def test_an_address_that_a_client_declines_goes_into_probation(lan: Lan6, kind: str) -> None:
    daemon = lan.daemon(**FOR_EVER, **{"conflict-detection": "none"})
    client = lan.client(kind)
    client.suspects()
    taken = candidate(daemon, lan.interface, client)
    lan.host(taken)
    client.start()
    ended(daemon, taken, "declined")
    if kind == "dhclient":  # the other one crashes, as it does behind each Decline
        assert client.bound() != taken
    assert candidate(daemon, lan.interface, client) != taken
    management.notified(daemon, "lease-declined", leased_address=taken, hardware_address=client.mac)
    assert count(daemon, "decline") == 1


@every_client
def test_a_client_that_wants_no_address_is_told_of_the_network(lan: Lan6, kind: str) -> None:
    daemon = lan.daemon()
    client = lan.client(kind, asks=Asks(addresses=0))
    client.start()
    wait_for(lambda: client.resolver() == (NAME_SERVERS, [DOMAIN]), f"it is told; it says {client.said()}")
    assert count(daemon, "information-request") >= 1
    assert count(daemon, "solicit") == 0
    assert entries(daemon, "active-lease") == []


@every_client
def test_each_association_of_a_client_has_its_lease(lan: Lan6, kind: str) -> None:
    daemon = lan.daemon(**lan.prefixes())
    client = lan.client(kind, asks=Asks(addresses=2, prefixes=1))
    client.start()
    wait_for(lambda: len(client.addresses()) == 2, f"it has two addresses; it says {client.said()}")
    assert leased(daemon) == set(client.addresses())
    assert len({one["ia-id"] for one in entries(daemon, "active-lease")}) == 2
    (network,) = client.delegated()
    (prefix,) = delegated(daemon)
    assert str(network.network_address) == prefix.partition("/")[0]
    client.release()
    wait_for(lambda: not leased(daemon) and not delegated(daemon), "all of it is released")


def test_no_two_clients_get_one_address(lan: Lan6) -> None:
    daemon = lan.daemon()
    clients = [lan.client(kind) for kind in KINDS6 for _ in range(2)]
    for client in clients:
        client.start()
    addresses = {client.bound(60) for client in clients}
    assert len(addresses) == len(clients)
    assert leased(daemon) == addresses
    for client in clients:
        reached(client.namespace, ROUTER)


def test_a_client_that_hears_the_router_as_well_has_a_default_route(lan: Lan6) -> None:
    """What the router advertises and what its server gives go together: a network, a way out, and an address."""
    advertised = {"interfaces": [lan.interface], "advertise-interface-prefixes": True}
    daemon = lan.lab.daemon_with({"ip6ndra": advertised, "dhc6server": lan.server()})
    lan.lab.stack.callback(daemon.stop)
    client = lan.client("dhcpcd", "ipv6rs")
    client.namespace.run("ip", "-6", "route", "flush", "dev", "eth0", "proto", "boot")
    client.start()
    address = client.bound()
    assert leased(daemon) == {address}
    wait_for(lambda: "proto ra" in client.namespace.run("ip", "-6", "route", "show", "default"), "it has a way out")
    reached(client.namespace, ROUTER)
