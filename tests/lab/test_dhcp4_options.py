"""What real clients are told, and what they make of it."""

import pytest

from tests.lab import management
from tests.lab.conftest import LAN_ROUTER, Lab
from tests.waiting import wait_for

pytestmark = pytest.mark.lab

ROUTES = [
    {"destination-prefix": "0.0.0.0/0", "next-hop-address": LAN_ROUTER},
    {"destination-prefix": "192.0.2.128/25", "next-hop-address": "10.77.0.2"},
]
NETWORK = {
    "domain-name": "lan.example",
    "domain-search": ["lan.example", "example.net"],
    "ntp-server": ["192.0.2.10", "192.0.2.11"],
    "interface-mtu": 1280,
    "route": ROUTES,
    "captive-portal": "https://portal.example/api",
}
BOOT = {"next-server": "192.0.2.20", "boot-file-name": "pxelinux.0", "tftp-server-name": "boot.example"}


def test_dhcpcd_sets_up_what_it_is_told(lab: Lab) -> None:
    lab.daemon(**NETWORK)
    wishes = ["option domain_name, domain_search, ntp_servers, interface_mtu, classless_static_routes"]
    client = lab.client("dhcpcd", *wishes, "define 114 string captive_portal_uri", "option captive_portal_uri")
    client.start()
    client.bound()
    told = wait_for(client.told, "its script has run")
    assert told["new_domain_name"] == "lan.example"
    assert told["new_domain_search"] == "lan.example example.net"
    assert told["new_ntp_servers"] == "192.0.2.10 192.0.2.11"
    assert told["new_domain_name_servers"] == "192.0.2.53 192.0.2.54"
    assert told["new_captive_portal_uri"] == "https://portal.example/api"
    routes = client.namespace.run("ip", "route")
    assert f"default via {LAN_ROUTER}" in routes
    assert "192.0.2.128/25 via 10.77.0.2" in routes
    assert "mtu 1280" in routes


def test_dhclient_understands_what_it_is_told(lab: Lab) -> None:
    reservation = {"id": "host", "hardware-address": "02:00:00:00:77:01", "hostname": "printer"}
    lab.daemon(**NETWORK, **{"host-reservation": [reservation]})
    wishes = [
        "option classless-static-routes code 121 = array of unsigned integer 8;",
        "option captive-portal code 114 = text;",
        "request subnet-mask, routers, domain-name-servers, domain-name, host-name, domain-search, ntp-servers,"
        " interface-mtu, classless-static-routes, captive-portal;",
    ]
    client = lab.client("dhclient", *wishes, mac=str(reservation["hardware-address"]))
    client.start()
    client.bound()
    told = client.told()
    assert told["new_host_name"] == "printer"
    assert told["new_domain_name"] == "lan.example"
    assert told["new_domain_search"] == "lan.example. example.net."
    assert told["new_ntp_servers"] == "192.0.2.10 192.0.2.11"
    assert told["new_interface_mtu"] == "1280"
    assert told["new_captive_portal"] == "https://portal.example/api"
    assert told["new_classless_static_routes"] == "0 10 77 0 1 25 192 0 2 128 10 77 0 2"


def test_udhcpc_is_told_where_to_boot(lab: Lab) -> None:
    lab.daemon(**BOOT)
    client = lab.client("udhcpc", "-O", "tftp", "-O", "bootfile")
    client.start()
    client.bound()
    told = client.told()
    assert told["siaddr"] == "192.0.2.20"
    assert told["tftp"] == "boot.example"
    assert "pxelinux.0" in (told.get("boot_file"), told.get("bootfile"))


def test_raw_options_of_every_form_arrive(lab: Lab) -> None:
    options = [
        {"code": 224, "hex": "01:02:ff"},
        {"code": 225, "text": "hello"},
        {"code": 226, "address": ["192.0.2.1", "192.0.2.2"]},
    ]
    lab.daemon(option=options)
    client = lab.client("udhcpc", "-O", "224", "-O", "225", "-O", "226")
    client.start()
    client.bound()
    told = client.told()
    assert (told["opt224"], told["opt225"], told["opt226"]) == ("0102ff", "68656c6c6f", "c0000201c0000202")


@pytest.mark.parametrize(
    ("kind", "wish", "name"),
    [
        ("udhcpc", ["-V", "phone 7.1"], "domain"),
        ("dhclient", ['send vendor-class-identifier "phone 7.1";'], "new_domain_name"),
        ("dhcpcd", ["option domain_name", 'vendorclassid "phone 7.1"'], "new_domain_name"),
    ],
)
def test_a_vendor_class_has_options_of_its_own(lab: Lab, kind: str, wish: list[str], name: str) -> None:
    phones = {"name": "phones", "vendor-class": ["phone*"], "domain-name": "phones.example"}
    daemon = lab.daemon(**{"domain-name": "lan.example", "client-class": [phones]})
    client = lab.client(kind, *wish)
    client.start()
    address = client.bound()
    assert wait_for(client.told, "its script has run")[name] == "phones.example"
    shown = f"<dhc4server><active-lease><leased-address>{address}</leased-address></active-lease></dhc4server>"
    assert management.get(daemon, shown, "vendor-class") == ["phone 7.1"]


def test_a_user_class_has_options_of_its_own(lab: Lab) -> None:
    guests = {"name": "guests", "user-class": ["guest"], "domain-name": "guests.example"}
    lab.daemon(**{"domain-name": "lan.example", "client-class": [guests]})
    client = lab.client("dhcpcd", "option domain_name", "userclass guest")
    client.start()
    client.bound()
    assert wait_for(client.told, "its script has run")["new_domain_name"] == "guests.example"


def test_a_full_name_is_agreed_on(lab: Lab) -> None:
    """dhcpcd wants the server to update both names in the DNS; the server updates none and says so (RFC 4702)."""
    daemon = lab.daemon(**{"domain-name": "lan.example"})
    client = lab.client("dhcpcd", "hostname laptop", "fqdn both", "option fqdn")
    client.start()
    address = client.bound()
    shown = f"<dhc4server><active-lease><leased-address>{address}</leased-address></active-lease></dhc4server>"
    assert management.get(daemon, shown, "fqdn") == ["laptop.lan.example"]
    told = wait_for(client.told, "its script has run")
    assert (told["new_fqdn"], told["new_fqdn_flags"]) == ("laptop.lan.example", "NEO")


def test_rapid_commit_needs_no_offer(lab: Lab) -> None:
    daemon = lab.daemon(**{"rapid-commit": True})
    client = lab.client("dhcpcd", "option rapid_commit")
    client.start()
    client.bound()
    statistics = "<dhc4server><statistics/></dhc4server>"
    counts = [management.get(daemon, statistics, f"{kind}-count") for kind in ("discover", "offer", "request", "ack")]
    assert counts == [["1"], ["0"], ["0"], ["1"]]


def test_a_client_that_can_does_without_an_address(lab: Lab) -> None:
    """RFC 8925: whoever asks for option 108 gets it, and stops; the others get their address."""
    lab.daemon(**{"v6-only-wait": 300})
    able = lab.client("dhcpcd", "option ipv6_only_preferred")
    other = lab.client("udhcpc")
    able.start()
    other.start()
    other.bound()
    wait_for(lambda: "IPv6-Only Preferred received (300 seconds)" in able.said(), "it stops")
    assert able.address() == ""


def test_a_bootp_client_gets_its_reserved_address_for_ever(lab: Lab) -> None:
    client = lab.client("dhcpcd", "bootp")
    reservation = {"id": "old", "hardware-address": client.mac, "reserved-addr": "10.77.0.8"}
    daemon = lab.daemon(**{"host-reservation": [reservation]})
    client.start()
    assert client.bound() == "10.77.0.8"
    (lease,) = daemon.leases()
    assert lease["state"] == "active"
    statistics = "<dhc4server><statistics/></dhc4server>"
    assert management.get(daemon, statistics, "bootp-request-count") != ["0"]
    shown = "<dhc4server><active-lease/></dhc4server>"
    assert management.get(daemon, shown, "leased-address") == ["10.77.0.8"]
    assert management.get(daemon, shown, "expires") == []


def test_any_bootp_client_is_served_where_that_is_wanted(lab: Lab) -> None:
    lab.daemon(**{"bootp-clients": "dynamic"})
    client = lab.client("dhcpcd", "bootp")
    client.start()
    client.bound()
    assert client.reaches(LAN_ROUTER)
