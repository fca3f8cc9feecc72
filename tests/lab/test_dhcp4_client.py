"""The router's own DHCPv4 client against servers that providers use, and what the router holds in the end."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from tests.lab import management
from tests.lab.conftest import LAN_ADDRESS, Lab
from tests.lab.provider import DOMAIN, GATEWAY, NAME_SERVERS, NETWORK, PROVIDERS, Provider, Terms
from tests.lab.wan import Wan
from tests.northbound.managed import text
from tests.waiting import wait_for

pytestmark = pytest.mark.lab

every_provider = pytest.mark.parametrize("kind", PROVIDERS)
BRIEF = Terms(lease_time=120, renewal_time=4, rebinding_time=8)
BRIEFEST = Terms(lease_time=9, renewal_time=3, rebinding_time=6)
PROBING = {"conflict-detection": "probe"}
ELSEWHERE = replace(BRIEF, first="198.51.100.200", last="198.51.100.209", gateway="198.51.100.253")


@pytest.fixture
def wan(lab: Lab) -> Wan:
    """Give a scenario a router with a provider."""
    return Wan(lab)


def served(wan: Wan, kind: str, terms: Terms = BRIEF) -> Provider:
    """Return a provider's server that serves."""
    provider = wan.provider(kind, terms)
    provider.start()
    return provider


def bound(wan: Wan, terms: Terms = BRIEF, seconds: float = 30) -> str:
    """Wait until the router has one address, one of these terms, and the default route that goes with it."""
    route = f"{terms.gateway} {wan.interface}"

    def address() -> str:
        held = wan.addresses()
        return held[0] if len(held) == 1 and within(held[0], terms) and wan.default_route() == route else ""

    return wait_for(address, "the router has address and default route", seconds).split("/")[0]


def within(address: str, terms: Terms) -> bool:
    """Tell whether an address with its prefix length is one that a provider gives on these terms."""
    host, _, length = address.partition("/")
    return int(length) == NETWORK.prefixlen and IPv4Address(terms.first) <= IPv4Address(host) <= IPv4Address(terms.last)


def empty(wan: Wan, seconds: float = 30) -> None:
    """Wait until the router has neither address nor default route."""
    wait_for(lambda: not wan.addresses() and not wan.default_route(), "the router has nothing of the lease", seconds)


@every_provider
def test_a_lease_is_used(wan: Wan, kind: str) -> None:
    served(wan, kind)
    daemon = wan.daemon(**PROBING)
    address = bound(wan)
    assert wan.works(address)
    wan.becomes(daemon, "bound")
    assert wan.state(daemon, "leased-address") == [address]
    assert wan.state(daemon, "prefix-length") == [str(NETWORK.prefixlen)]
    assert wan.state(daemon, "server-address") == ["198.51.100.1"]
    assert wan.state(daemon, "router") == [GATEWAY]
    assert wan.state(daemon, "name-server") == list(NAME_SERVERS)
    assert wan.state(daemon, "domain-name") == [DOMAIN]
    assert wan.state(daemon, "programmed") == ["true"]
    management.notified(daemon, "client-bound", address=address, interface=wan.interface)


@every_provider
def test_a_lease_is_renewed_by_unicast(wan: Wan, kind: str) -> None:
    served(wan, kind)
    daemon = wan.daemon()
    address = bound(wan)
    wait_for(lambda: wan.state(daemon, "ack-count") == ["2"], "it is renewed")
    unicast = f"{address}.68 > 198.51.100.1.67"
    wait_for(lambda: wan.segment.heard(unicast), "tcpdump, which lags behind, has heard the renewal")
    assert bound(wan) == address


@every_provider
def test_a_lease_is_rebound_when_the_server_has_moved(wan: Wan, kind: str) -> None:
    provider = served(wan, kind)
    daemon = wan.daemon()
    address = bound(wan)
    discovers = wan.state(daemon, "discover-count")
    provider.move("198.51.100.2")
    wait_for(lambda: wan.state(daemon, "server-address") == ["198.51.100.2"], "the server has another address")
    broadcast = f"{address}.68 > 255.255.255.255.67"
    wait_for(lambda: wan.segment.heard(broadcast), "tcpdump, which lags behind, has heard the broadcast")
    assert bound(wan) == address
    assert wan.state(daemon, "discover-count") == discovers


@pytest.mark.parametrize("kind", ["kea-dhcp4", "udhcpd"])
def test_a_lease_that_ends_is_withdrawn(wan: Wan, kind: str) -> None:
    """dnsmasq has no leases of less than two minutes."""
    provider = served(wan, kind, BRIEFEST)
    daemon = wan.daemon()
    address = bound(wan, BRIEFEST)
    provider.stop()
    empty(wan)
    management.notified(daemon, "client-lost", address=address, reason="expired")
    assert wan.state(daemon, "leased-address") == []
    provider.start()
    bound(wan, BRIEFEST, 40)


def test_an_address_that_is_refused_is_given_up_and_another_one_used(wan: Wan) -> None:
    """dnsmasq refuses to renew what is no longer in its range (DHCPNAK); the gateway is another one, too."""
    provider = served(wan, "dnsmasq")
    daemon = wan.daemon()
    address = bound(wan)
    provider.change(ELSEWHERE)
    changed = bound(wan, ELSEWHERE, 40)
    assert changed != address
    assert wan.state(daemon, "nak-count") == ["1"]
    management.notified(daemon, "client-lost", address=address, reason="nak")
    management.notified(daemon, "client-bound", address=changed)


def test_a_renewal_brings_another_default_router(wan: Wan) -> None:
    provider = served(wan, "kea-dhcp4")
    wan.daemon()
    address = bound(wan)
    terms = replace(BRIEF, gateway="198.51.100.253")
    provider.change(terms)
    wait_for(lambda: wan.default_route().startswith(terms.gateway), "the default route leads there")
    assert bound(wan, terms) == address


def test_classless_routes_count_and_the_router_does_not(wan: Wan) -> None:
    """RFC 3442: where option 121 is, option 3 is ignored."""
    routes = bytes.fromhex("08 0a c63364fd 18 cb0071 c63364fe")  # 10.0.0.0/8 and 203.0.113.0/24
    provider = wan.provider("dnsmasq", replace(BRIEF, options=((121, routes),)))
    provider.start()
    daemon = wan.daemon(**{"route-preference": 7})
    wan.becomes(daemon, "bound")
    wait_for(lambda: wan.router.way("10.0.0.0/8") == f"198.51.100.253 {wan.interface}", "a route")
    wait_for(lambda: wan.router.way("203.0.113.0/24") == f"{GATEWAY} {wan.interface}", "the other route")
    assert wan.default_route() == ""
    assert "pref=7" in wan.router.ctl("show", "ip", "fib", "10.0.0.0/8")


def test_an_address_that_somebody_has_is_declined(lab: Lab, wan: Wan) -> None:
    taken = BRIEF.first
    served(wan, "kea-dhcp4")
    lab.host(f"{taken}/24", segment=wan.segment)
    daemon = wan.daemon(**PROBING)
    management.notified(daemon, "address-conflict", address=taken, interface=wan.interface)
    problem = management.notified(daemon, "client-problem", interface=wan.interface)
    assert taken in text(problem, ".//v:text")
    wait_for(lambda: wan.state(daemon, "decline-count") == ["1"], "it is declined")
    assert bound(wan, replace(BRIEF, first="198.51.100.101"), 60) != taken


def test_a_server_that_comes_late_is_found(wan: Wan) -> None:
    daemon = wan.daemon()
    wan.becomes(daemon, "selecting")
    wait_for(lambda: int(wan.state(daemon, "discover-count")[0]) >= 2, "it asks again")
    assert wan.addresses() == []
    served(wan, "kea-dhcp4")
    bound(wan, seconds=60)


@pytest.mark.parametrize(("on_stop", "released"), [("withdraw", False), ("release", True)])
def test_a_stopped_daemon_takes_the_lease_away(wan: Wan, on_stop: str, *, released: bool) -> None:
    provider = served(wan, "kea-dhcp4")
    daemon = wan.daemon(**{"on-stop": on_stop})
    bound(wan)
    assert daemon.stop() == 0
    empty(wan, 5)
    if released:
        wait_for(lambda: "DHCP4_RELEASE" in provider.log.read_text(), "the server has it back")
    else:
        assert "DHCP4_RELEASE" not in provider.log.read_text()


def test_a_stopped_daemon_leaves_the_lease_where_that_is_wanted(wan: Wan) -> None:
    """The next one knows what it is, and takes it away when that is wanted."""
    served(wan, "kea-dhcp4")
    daemon = wan.daemon(**{"on-stop": "keep"})
    address = bound(wan)
    assert daemon.stop() == 0
    assert bound(wan) == address
    assert wan.works(address)
    daemon.start()
    client = f"<interface>{wan.interface}</interface><on-stop>withdraw</on-stop>"
    management.edit(daemon, f"<dhc4client>{client}</dhc4client>")
    assert bound(wan) == address
    assert daemon.stop() == 0
    empty(wan, 5)


@every_provider
def test_a_killed_daemon_confirms_the_address_that_it_had(wan: Wan, kind: str) -> None:
    """INIT-REBOOT: a REQUEST, and no DISCOVER."""
    served(wan, kind)
    daemon = wan.daemon()
    address = bound(wan)
    daemon.kill()
    assert wan.addresses() == [f"{address}/24"], "VPP keeps it"
    daemon.start()
    wait_for(lambda: wan.state(daemon, "ack-count") != ["0"], "the server has confirmed it")
    wan.becomes(daemon, "bound")
    assert wan.state(daemon, "discover-count") == ["0"]
    assert bound(wan) == address


@every_provider
def test_a_killed_daemon_that_is_elsewhere_now_gets_another_address(wan: Wan, kind: str) -> None:
    """The server refuses what the client had (DHCPNAK), and nothing of that is left."""
    provider = served(wan, kind)
    daemon = wan.daemon()
    address = bound(wan)
    daemon.kill()
    provider.stop()
    provider.forget()
    provider.terms = ELSEWHERE
    provider.start()
    daemon.start()
    assert bound(wan, ELSEWHERE, 40) != address
    assert wan.state(daemon, "nak-count") == ["1"]


def test_a_router_that_comes_back_gets_its_address_again(wan: Wan) -> None:
    served(wan, "kea-dhcp4")
    daemon = wan.daemon()
    address = bound(wan)
    wan.router.restart()
    assert bound(wan, seconds=10) == address
    wan.becomes(daemon, "bound")
    wait_for(lambda: wan.works(address), "it works, once the router has asked for the gateway", 10)


def test_an_operator_renews_rebinds_and_releases(wan: Wan) -> None:
    provider = served(wan, "kea-dhcp4", Terms(lease_time=600, renewal_time=300, rebinding_time=500))
    daemon = wan.daemon()
    address = bound(wan)
    wan.act(daemon, "renew")
    wait_for(lambda: wan.state(daemon, "ack-count") == ["2"], "it is renewed")
    wan.act(daemon, "rebind")
    wait_for(lambda: wan.state(daemon, "ack-count") == ["3"], "it is rebound")
    wan.act(daemon, "release")
    empty(wan)
    wan.becomes(daemon, "released")
    wait_for(lambda: "DHCP4_RELEASE" in provider.log.read_text(), "the server has it back")
    wan.act(daemon, "renew")
    assert bound(wan) == address


def test_rapid_commit_needs_no_offer(wan: Wan) -> None:
    served(wan, "dnsmasq")
    daemon = wan.daemon(**{"rapid-commit": True})
    bound(wan)
    assert [wan.state(daemon, f"{kind}-count") for kind in ("offer", "request", "ack")] == [["0"], ["0"], ["1"]]


def test_a_network_that_does_without_ipv4_is_left_alone(wan: Wan) -> None:
    """RFC 8925."""
    provider = wan.provider("dnsmasq", replace(BRIEF, options=((108, (300).to_bytes(4, "big")),)))
    provider.start()
    daemon = wan.daemon(**{"ipv6-only-preferred": True})
    wan.becomes(daemon, "ipv6-only")
    assert wan.addresses() == []
    assert wan.state(daemon, "request-count") == ["0"]


@contextlib.contextmanager
def overlapping(lab: Lab) -> Iterator[None]:
    """Let the router have an address of the provider's network on its LAN."""
    address = ("set", "interface", "ip", "address")
    lab.router.ctl(*address, lab.interface, "198.51.100.65/26")
    yield
    lab.router.ctl(*address, "del", lab.interface, "198.51.100.65/26")


def test_a_lease_that_overlaps_another_interface_is_said_and_not_half_used(lab: Lab, wan: Wan) -> None:
    served(wan, "kea-dhcp4")
    with overlapping(lab):
        daemon = wan.daemon()
        management.notified(daemon, "client-problem", interface=wan.interface)
        assert wan.state(daemon, "programmed") == ["false"]
        assert wan.state(daemon, "problem") != []
        assert (wan.addresses(), wan.default_route()) == ([], "")
        assert LAN_ADDRESS in lab.router.addresses(lab.interface)
    bound(wan, seconds=60)
    wait_for(lambda: wan.state(daemon, "problem") == [], "the problem is gone")


def test_clients_on_the_lan_get_the_name_servers_of_the_provider(lab: Lab, wan: Wan) -> None:
    served(wan, "kea-dhcp4")
    upstream = {"name-server": ["from-upstream"], "domain-name": "from-upstream"}
    wan.daemon_with({"dhc4server": lab.server(**upstream)})
    bound(wan)
    client = lab.client("udhcpc")
    client.start()
    client.bound()
    told = client.told()
    assert (told["dns"].split(), told["domain"]) == (list(NAME_SERVERS), DOMAIN)
