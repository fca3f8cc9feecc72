"""Subnets, pools and reservations, with real clients on the LAN."""

from ipaddress import IPv4Address

import pytest

from tests.lab import management
from tests.lab.conftest import LAN_ROUTER, Lab
from tests.waiting import wait_for

pytestmark = pytest.mark.lab

SECOND_ROUTER = "10.81.0.1"


def lan(*pools: tuple[str, str], **settings: object) -> dict[str, object]:
    """Return the LAN as a subnet with these pools."""
    return {"id": "lan", "network-prefix": "10.77.0.0/24", "address-pool": address_pools(*pools)} | settings


def address_pools(*pools: tuple[str, str]) -> list[dict[str, object]]:
    return [
        {"pool-id": f"{number}", "start-address": first, "end-address": last}
        for number, (first, last) in enumerate(pools, 1)
    ]


def test_clients_get_the_addresses_of_the_pools_and_no_others(lab: Lab) -> None:
    excluded = [{"start-address": "10.77.0.31"}]
    subnet = lan(("10.77.0.30", "10.77.0.32"), ("10.77.0.90", "10.77.0.90"), **{"excluded-range": excluded})
    daemon = lab.daemon(subnet=[subnet | {"max-address-utilization": 50}])
    clients = [lab.client("udhcpc") for _ in range(3)]
    for client in clients:
        client.start()
    assert {client.bound() for client in clients} == {"10.77.0.30", "10.77.0.32", "10.77.0.90"}
    late = lab.client("udhcpc")
    late.start()
    why = f"<dhc4server><why><hardware-address>{late.mac}</hardware-address></why></dhc4server>"
    wait_for(lambda: management.act(daemon, why, "decision") == ["dropped"], f"the server has none left; {late.said()}")
    assert management.act(daemon, why, "explanation") != []
    assert late.address() == ""
    management.notified(daemon, "address-pool-utilization-threshold-exceeded", pool_id="1", utilization="100")
    clients[0].release()
    late.bound()


def test_an_interface_with_two_networks_serves_both(lab: Lab) -> None:
    lab.router.ctl("set", "interface", "ip", "address", lab.interface, f"{SECOND_ROUTER}/24")
    second = {
        "id": "second",
        "network-prefix": "10.81.0.0/24",
        "address-pool": address_pools(("10.81.0.50", "10.81.0.50")),
        "domain-name": "second.example",
    }
    lab.daemon(subnet=[lan(("10.77.0.50", "10.77.0.50"), **{"domain-name": "first.example"}), second])
    told = {}
    for _ in range(2):
        client = lab.client("udhcpc")
        client.start()
        address = client.bound()
        told[address] = (client.told()["domain"], client.told()["router"])
        assert client.reaches(LAN_ROUTER)
        assert client.reaches(SECOND_ROUTER)
    assert told == {
        "10.77.0.50": ("first.example", LAN_ROUTER),
        "10.81.0.50": ("second.example", SECOND_ROUTER),
    }


def test_what_is_said_closer_to_the_client_counts(lab: Lab) -> None:
    """A pool overrides its subnet, that the interface, and that the server."""
    pool = {"pool-id": "all", "start-address": "10.77.0.100", "end-address": "10.77.0.119"}
    subnet = {
        "id": "lan",
        "network-prefix": "10.77.0.0/24",
        "address-pool": [pool | {"domain-name": "pool.example"}],
        "domain-name": "subnet.example",
        "ntp-server": ["192.0.2.3"],
    }
    ours = {"domain-name": "interface.example", "ntp-server": ["192.0.2.2"], "log-server": ["192.0.2.2"]}
    others = {"domain-name": "server.example", "log-server": ["192.0.2.1"], "name-server": ["192.0.2.1"]}
    server = {"interface": [{"name": lab.interface} | ours], "subnet": [subnet]} | others
    lab.daemon_with({"dhc4server": server})
    client = lab.client("udhcpc", "-O", "ntpsrv", "-O", "7")
    client.start()
    client.bound()
    told = client.told()
    seen = (told["domain"], told["ntpsrv"], told["opt7"], told["dns"])
    assert seen == ("pool.example", "192.0.2.3", "c0000202", "192.0.2.1")


@pytest.mark.parametrize("reserved", ["10.77.0.110", "10.77.0.7"], ids=["in-the-pool", "outside-of-it"])
def test_a_hardware_address_has_its_reservation(lab: Lab, reserved: str) -> None:
    client = lab.client("dhclient")
    reservation = {
        "id": "known",
        "hardware-address": client.mac,
        "reserved-addr": reserved,
        "hostname": "known",
        "domain-name": "known.example",
    }
    lab.daemon(subnet=[lan(("10.77.0.100", "10.77.0.119"))], **{"host-reservation": [reservation]})
    client.start()
    assert client.bound() == reserved
    told = client.told()
    assert (told["new_host_name"], told["new_domain_name"]) == ("known", "known.example")
    stranger = lab.client("udhcpc")
    stranger.start()
    assert stranger.bound() != reserved
    assert IPv4Address("10.77.0.100") <= IPv4Address(stranger.address()) <= IPv4Address("10.77.0.119")


def test_a_client_identifier_has_its_reservation(lab: Lab) -> None:
    reservation = {"id": "known", "client-id": "00:6c:61:62", "reserved-addr": "10.77.0.9"}
    lab.daemon(**{"host-reservation": [reservation]})
    client = lab.client("dhclient", "send dhcp-client-identifier 00:6c:61:62;")
    client.start()
    assert client.bound() == "10.77.0.9"


def test_a_leased_address_comes_to_whom_it_is_reserved_for(lab: Lab) -> None:
    """Who has it is refused at his next renewal, and gets another one; then the reserved client comes to it."""
    daemon = lab.daemon(**{"lease-time": 120, "renewal-time": 4})
    holder, wanted = lab.client("dhclient"), lab.client("dhclient")
    for client in (holder, wanted):
        client.start()
    held = holder.bound()
    pooled = wanted.bound()
    management.edit(
        daemon,
        f"<dhc4server><host-reservation><id>wanted</id><hardware-address>{wanted.mac}</hardware-address>"
        f"<reserved-addr>{held}</reserved-addr></host-reservation></dhc4server>",
    )
    wait_for(lambda: holder.address() not in ("", held), f"the holder has another address; {holder.said()}", 60)
    wait_for(lambda: wanted.address() == held, f"the reserved client has its address; {wanted.said()}", 60)
    assert pooled != held
    assert {lease["hardware"]: lease["address"] for lease in daemon.leases() if lease["state"] == "active"} == {
        holder.mac: holder.address(),
        wanted.mac: held,
    }
