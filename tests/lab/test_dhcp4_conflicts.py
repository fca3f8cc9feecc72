"""Addresses that somebody else uses, and clients that are not to get one."""

import pytest

from tests.daemon import Daemon
from tests.lab import management
from tests.lab.clients import Client
from tests.lab.conftest import LAN_ROUTER, Lab
from tests.waiting import wait_for

pytestmark = pytest.mark.lab


def candidate(lab: Lab, daemon: Daemon, client: Client) -> str:
    """Return the address that a client would get now."""
    question = f"<interface>{lab.interface}</interface><hardware-address>{client.mac}</hardware-address>"
    (address,) = management.act(
        daemon, f"<dhc4server><which-address>{question}</which-address></dhc4server>", "address"
    )
    return address


def why(daemon: Daemon, client: Client, leaf: str) -> list[str]:
    """Return what the server says about a client's last exchange."""
    question = f"<dhc4server><why><hardware-address>{client.mac}</hardware-address></why></dhc4server>"
    return management.act(daemon, question, leaf)


def refused(daemon: Daemon, client: Client) -> str:
    """Wait until a client got no answer, and return why."""
    wait_for(lambda: "dropped" in why(daemon, client, "decision"), f"{client.kind} is refused; {client.said()}")
    assert client.address() == ""
    return " ".join(why(daemon, client, "explanation"))


def in_probation(daemon: Daemon, address: str) -> None:
    shown = f"<dhc4server><inactive-lease><leased-address>{address}</leased-address></inactive-lease></dhc4server>"
    management.eventually(daemon, shown, "state", "declined")


@pytest.mark.parametrize("how", ["probe", "arping"])
def test_an_address_that_somebody_has_is_not_offered(lab: Lab, how: str) -> None:
    daemon = lab.daemon(**{"conflict-detection": how, "probe-timeout": 1000})
    client = lab.client("udhcpc")
    taken = candidate(lab, daemon, client)
    squatter = lab.host(f"{taken}/24")
    client.start()
    assert client.bound() != taken
    assert client.reaches(LAN_ROUTER)
    in_probation(daemon, taken)
    management.notified(daemon, "address-conflict", address=taken, hardware_address=squatter.mac("eth0"))
    assert management.get(daemon, "<dhc4server><statistics/></dhc4server>", "conflict-count") == ["1"]
    assert management.get(daemon, "<dhc4server><statistics><probe/></statistics></dhc4server>", "result") == [
        "free",
        "taken",
    ]


def test_an_address_that_a_client_declines_goes_into_probation(lab: Lab) -> None:
    daemon = lab.daemon(**{"conflict-detection": "none"})
    client = lab.client("dhcpcd")
    taken = candidate(lab, daemon, client)
    lab.host(f"{taken}/24")
    client.start()
    assert client.bound(60) != taken
    in_probation(daemon, taken)
    management.notified(daemon, "lease-declined", leased_address=taken, hardware_address=client.mac)


def test_a_client_that_comes_back_to_its_address_is_not_kept_waiting(lab: Lab) -> None:
    """Nobody is asked about an address that the client has had: its own host would be thought to be somebody else."""
    daemon = lab.daemon()
    client = lab.client("udhcpc")
    client.start()
    address = client.bound()
    client.stop()  # the host keeps the address, and answers for it
    client.start()
    daemon.logged("lease renewed", address=address)
    assert management.get(daemon, "<dhc4server><statistics/></dhc4server>", "conflict-count") == ["0"]


def test_only_known_clients_are_served_where_that_is_wanted(lab: Lab) -> None:
    known, stranger = lab.client("udhcpc"), lab.client("udhcpc")
    reservation = {"id": "known", "hardware-address": known.mac, "reserved-addr": "10.77.0.9"}
    daemon = lab.daemon(**{"known-clients-only": True, "host-reservation": [reservation]})
    stranger.start()
    known.start()
    assert known.bound() == "10.77.0.9"
    assert "known-clients-only" in refused(daemon, stranger)


def test_one_hardware_address_gets_only_so_many_leases(lab: Lab) -> None:
    daemon = lab.daemon(**{"max-leases-per-hardware-address": 1})
    mac = "02:00:00:00:88:88"
    first = lab.client("dhclient", 'send dhcp-client-identifier "one";', mac=mac)
    first.start()
    first.bound()
    first.stop()
    second = lab.client("dhclient", 'send dhcp-client-identifier "two";', mac=mac)
    second.start()
    assert "max-leases-per-hardware-address" in refused(daemon, second)


def test_cleared_leases_are_gone_and_their_clients_come_back(lab: Lab) -> None:
    daemon = lab.daemon(**{"lease-time": 120, "renewal-time": 4})
    client = lab.client("dhclient")
    client.start()
    address = client.bound()
    clear = f"<dhc4server><clear-leases><leased-address>{address}</leased-address></clear-leases></dhc4server>"
    assert management.act(daemon, clear, "cleared") == ["1"]
    management.notified(daemon, "lease-cleared", leased_address=address)
    daemon.logged("lease granted", address=address, more_than=1, seconds=client.patience)
    assert client.address() == address


def test_a_client_that_sends_too_much_is_answered_now_and_then(lab: Lab) -> None:
    """With one message a second, the REQUEST right behind the OFFER is too much; the client sends it again."""
    daemon = lab.daemon(**{"max-client-rate": 1})
    client = lab.client("udhcpc")
    client.start()
    client.bound()
    assert "too-fast" in management.get(daemon, "<dhc4server><statistics/></dhc4server>", "reason")
