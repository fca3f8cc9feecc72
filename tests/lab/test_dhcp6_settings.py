"""Subnets, pools, reservations and options of the DHCPv6 server, with real clients on the LAN."""

from ipaddress import IPv6Address
from typing import Any

import pytest

from tests.lab import management
from tests.lab.clients6 import KINDS6, Asks
from tests.lab.conftest import Lab
from tests.lab.served6 import BRIEF, LAN, NAME_SERVERS, Lan6, counted, entries, leased, why
from tests.waiting import wait_for

pytestmark = pytest.mark.lab

WISHES = (
    "option dhcp6.ntp code 56 = string;",
    "option dhcp6.portal code 103 = text;",
    "option dhcp6.own code 65001 = text;",
    "also request dhcp6.ntp, dhcp6.portal, dhcp6.own;",
)


@pytest.fixture
def lan(lab: Lab) -> Lan6:
    """Give a scenario a LAN with IPv6."""
    return Lan6(lab)


def pool(first: str, last: str, **settings: Any) -> dict[str, Any]:
    """Return an address pool of the LAN."""
    return {
        "pool-id": "few",
        "start-address": str(LAN[0] + int(first, 16)),
        "end-address": str(LAN[0] + int(last, 16)),
    } | settings


def test_clients_get_the_addresses_of_the_pools_and_no_others(lan: Lan6) -> None:
    excluded = [{"start-address": "2001:db8:77::b"}]
    subnet = lan.subnet(**{"address-pool": [pool("a", "c")], "excluded-range": excluded, "max-address-utilization": 50})
    daemon = lan.daemon(subnet=[subnet])
    clients = [lan.client("dhcp6c") for _ in range(2)]
    for client in clients:
        client.start()
    assert {client.bound() for client in clients} == {"2001:db8:77::a", "2001:db8:77::c"}
    late = lan.client("dhcp6c")
    late.start()
    wait_for(lambda: why(daemon, late, "decision") == ["refused"], f"the server has none left; {late.said()}")
    assert "address-pool-state" in "".join(why(daemon, late, "explanation"))
    assert late.address() == ""
    management.notified(daemon, "address-pool-utilization-threshold-exceeded", pool_id="few", utilization="100")
    clients[0].release()
    late.bound()


@pytest.mark.parametrize("kind", KINDS6)
def test_a_duid_has_its_reservation(lan: Lan6, kind: str) -> None:
    client, stranger = lan.client(kind), lan.client("dhcp6c")
    reservation = {
        "id": "known",
        "client-duid": client.duid,
        "reserved-addr": "2001:db8:77::7",
        "domain-search": ["known.example"],
    }
    daemon = lan.daemon(**{"host-reservation": [reservation]})
    client.start()
    assert client.bound() == "2001:db8:77::7"
    wait_for(lambda: client.resolver() == (NAME_SERVERS, ["known.example"]), "it is told what is for it")
    stranger.start()
    assert stranger.bound() != "2001:db8:77::7"
    assert entries(daemon, "active-lease", leased_address="2001:db8:77::7")[0]["reservation"] == "known"


def test_an_association_has_its_reservation(lan: Lan6) -> None:
    client = lan.client("dhcpcd", asks=Asks(addresses=2))
    reservation = {"id": "second", "client-duid": client.duid, "ia-id": 2, "reserved-addr": "2001:db8:77::7"}
    daemon = lan.daemon(**{"host-reservation": [reservation]})
    client.start()
    wait_for(lambda: len(client.addresses()) == 2, f"it has two addresses; {client.said()}")
    (lease,) = entries(daemon, "active-lease", ia_id="2")
    assert lease["leased-address"] == "2001:db8:77::7"
    assert lease["leased-address"] in client.addresses()


def test_a_hardware_address_has_its_reservation(lan: Lan6) -> None:
    """The DUID says nothing about that here: the client's link-local address does."""
    client = lan.client("dhcpcd", "duid 00:04:de:ad:be:ef")
    reservation = {"id": "card", "hardware-address": client.mac, "reserved-addr": "2001:db8:77::7"}
    daemon = lan.daemon(**{"host-reservation": [reservation]})
    client.start()
    assert client.bound() == "2001:db8:77::7"
    (lease,) = entries(daemon, "active-lease")
    assert (lease["client-duid"], lease["reservation"]) == ("00:04:de:ad:be:ef", "card")


def test_a_leased_address_comes_to_whom_it_is_reserved_for(lan: Lan6) -> None:
    """Who has it gets another one at his next renewal; then it comes to the reserved client."""
    daemon = lan.daemon(**BRIEF)
    holder, wanted = lan.client("dhclient"), lan.client("dhclient")
    for client in (holder, wanted):
        client.start()
    held, pooled = holder.bound(), wanted.bound()
    reservation = f"<id>wanted</id><client-duid>{wanted.duid}</client-duid><reserved-addr>{held}</reserved-addr>"
    management.edit(daemon, f"<dhc6server><host-reservation>{reservation}</host-reservation></dhc6server>")
    wait_for(lambda: holder.addresses() not in ([], [held]), f"the holder has another address; {holder.said()}", 60)
    wait_for(lambda: wanted.addresses() == [held], f"the reserved client has its address; {wanted.said()}", 60)
    assert pooled != held
    wait_for(lambda: leased(daemon) == {held, *holder.addresses()}, "the books say so")


def test_what_is_said_closer_to_the_client_counts(lan: Lan6) -> None:
    """A pool overrides its subnet, that the interface, and that the server."""
    subnet = lan.subnet(
        **{
            "address-pool": [pool("100", "1ff", **{"domain-search": ["pool.example"]})],
            "domain-search": ["subnet.example"],
            "sntp-server": ["2001:db8::3"],
        }
    )
    ours = {"name": lan.interface, "domain-search": ["interface.example"], "sntp-server": ["2001:db8::2"]}
    server = {"interface": [ours | {"dns": ["2001:db8::2"]}], "subnet": [subnet], "dns": ["2001:db8::1"]}
    lan.lab.daemon_with({"dhc6server": server | {"domain-search": ["server.example"]}})
    client = lan.client("dhclient")
    client.start()
    assert LAN[0x100] <= IPv6Address(client.bound()) <= LAN[0x1FF]
    assert client.resolver() == (["2001:db8::2"], ["pool.example"])
    assert client.told()["new_dhcp6_sntp_servers"] == "2001:db8::3"


def test_a_client_gets_the_options_that_it_asks_for(lan: Lan6) -> None:
    lan.daemon(
        **{
            "sntp-server": ["2001:db8::123"],
            "ntp-server": ["2001:db8::124"],
            "captive-portal": "https://portal.example/api",
            "option": [{"code": 65001, "text": "our own"}],
            "info-refresh-time": 1234,
        }
    )
    client = lan.client("dhclient", *WISHES, asks=Asks(addresses=0))
    client.start()
    told = wait_for(client.told, "it is told")
    assert told["new_dhcp6_sntp_servers"] == "2001:db8::123"
    assert told["new_dhcp6_portal"] == "https://portal.example/api"
    assert told["new_dhcp6_own"] == "our own"
    assert told["new_dhcp6_info_refresh_time"] == "1234"
    assert "new_dhcp6_ntp" in told


def test_a_client_takes_the_server_that_is_preferred_at_once(lan: Lan6) -> None:
    """With 255 it does not wait for others, which takes it a second (RFC 8415, 18.2.1)."""
    daemon = lan.daemon(preference=255)
    client = lan.client("dhclient")
    client.start()
    client.bound()
    assert "X-- Preference 255" in client.said()
    counted(daemon, "reply")
