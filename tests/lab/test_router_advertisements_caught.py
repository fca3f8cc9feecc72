"""Router advertisements on the wire, caught by tcpdump: what no other reader knows, when they are sent, and to whom."""

import contextlib
from itertools import pairwise
from typing import Any

import pytest
from scapy.layers.inet6 import (
    ICMPv6ND_RA,
    ICMPv6ND_RS,
    ICMPv6NDOptCaptivePortal,
    ICMPv6NDOptPREF64,
    ICMPv6NDOptPrefixInfo,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
)
from scapy.layers.l2 import Ether

from tests.daemon import Daemon
from tests.lab import management
from tests.lab.advertised import Listener
from tests.lab.conftest import Lab
from tests.lab.lan6 import Heard
from tests.lab.network import Namespace
from tests.lab.provider6 import NAME_SERVERS, Terms6
from tests.lab.wan6 import Wan6
from tests.waiting import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.long]

ONE, OTHER, THIRD = "2001:db8:77::/64", "2001:db8:78::/64", "2001:db8:79::/64"
LIFETIMES = {"valid-lifetime": 3600, "preferred-lifetime": 1800}
PREFIXES = {"prefix": [{"prefix-spec": prefix, **LIFETIMES} for prefix in (ONE, OTHER)]}
GONE = Heard(0, 0)
INTERVAL = 3.0
"""Seconds between two advertisements to all hosts, at least (RFC 4861, 6.2.6)."""


def start(lab: Lab, *, server: bool = False, **settings: Any) -> Daemon:
    """Start a daemon that advertises itself on the LAN with these settings of the interface.

    server: whether it serves DHCPv4 there as well.
    """
    entry = {"name": lab.interface, **{name.replace("_", "-"): value for name, value in settings.items()}}
    daemon = lab.daemon_with({"ip6ndra": {"interface": [entry]}, **({"dhc4server": lab.server()} if server else {})})
    lab.stack.callback(_stop, daemon)
    return daemon


def _stop(daemon: Daemon) -> None:
    """End a daemon cleanly, so that it leaves the router as it was; one that has ended stays ended."""
    with contextlib.suppress(ProcessLookupError):
        daemon.stop()


def listener(lab: Lab) -> Listener:
    """Put a host on the LAN."""
    host = Listener(lab.segment, lab.directory)
    lab.stack.callback(host.remove)
    return host


def count(lab: Lab, daemon: Daemon, what: str) -> int:
    """Return a counter of the interface."""
    wanted = f"<ip6ndra><statistics><interface>{lab.interface}</interface></statistics></ip6ndra>"
    return int(*management.get(daemon, wanted, f"{what}-count"))


def test_scapy_reads_the_options_that_others_do_not_know(lab: Lab) -> None:
    host = listener(lab)
    start(
        lab,
        dhcpv6_pd_preferred_flag=True,
        captive_portal="https://example.net/api",
        pref64=[{"prefix": "64:ff9b::/96", "lifetime": 800}],
        prefix_list=PREFIXES,
    )
    frame = host.catches()
    assert (frame[IPv6].hlim, frame[IPv6].dst) == (255, "ff02::1")
    assert frame[ICMPv6NDOptCaptivePortal].URI == b"https://example.net/api"
    pref64 = frame[ICMPv6NDOptPREF64]
    assert (pref64.scaledlifetime * 8, pref64.plc, pref64.prefix) == (800, 0, "64:ff9b::")
    assert bytes(frame[ICMPv6NDOptPrefixInfo])[3] & 0x10, "the P flag (RFC 9762)"


def test_the_kernel_installs_a_further_route(lab: Lab) -> None:
    host = listener(lab)
    start(lab, route=[{"destination-prefix": "2001:db8:ff00::/48", "preference": "low", "lifetime": 600}])
    router = host.catches()[IPv6].src
    route = wait_for(lambda: host.route("2001:db8:ff00::/48"), "it has the route")
    assert f"via {router} " in route
    assert route.endswith("pref low")


@pytest.mark.parametrize("unicast", [False, True])
def test_a_solicitation_is_answered(lab: Lab, unicast: bool) -> None:
    daemon = start(lab, unicast_solicited_advertisements=unicast)
    host = listener(lab)
    assert "Router lifetime" in host.said()
    wanted = host.link_local() if unicast else "ff02::1"
    host.catches(lambda frame: frame[IPv6].dst == wanted)
    assert count(lab, daemon, "solicitation") >= 1


def storm() -> list[bytes]:
    """Return solicitations of many hosts."""
    return [
        bytes(
            Ether(src=f"02:00:00:00:88:{number:02x}", dst="33:33:00:00:00:02")
            / IPv6(src=f"fe80::ff:fe00:{0x8800 + number:x}", dst="ff02::2", hlim=255)
            / ICMPv6ND_RS()
            / ICMPv6NDOptSrcLLAddr(lladdr=f"02:00:00:00:88:{number:02x}")
        )
        for number in range(250)
    ]


def test_a_storm_of_solicitations_changes_nothing(lab: Lab) -> None:
    """DHCP is served meanwhile, and advertisements keep their distance."""
    host = listener(lab)
    daemon = start(lab, server=True)
    host.catches()
    client = lab.client("udhcpc")
    flood = host.send(storm(), 10_000)
    client.start()
    address = client.bound()
    assert flood.wait(timeout=60) == 0
    daemon.logged("lease granted", address=address)
    wait_for(lambda: count(lab, daemon, "solicited") > 0, "they are answered")
    heard = count(lab, daemon, "solicitation")
    assert heard > 1000, "most of 10,000, unless the router itself lost some"
    assert count(lab, daemon, "rate-limited") > heard - 20
    frames = wait_for(lambda: len(host.caught()) > 1 and host.caught(), "tcpdump, which lags behind, has the answer")
    times = [float(frame.time) for frame in frames or ()]
    assert all(later - earlier > 0.9 * INTERVAL for earlier, later in pairwise(times)), times


def test_a_router_that_ends_is_a_default_router_no_more(lab: Lab) -> None:
    host = listener(lab)
    daemon = start(lab, prefix_list=PREFIXES)
    wait_for(lambda: len(host.addresses()) == 2, "the host has its addresses")
    assert wait_for(host.routers, "it has a default router")
    assert daemon.stop() == 0
    wait_for(lambda: not host.routers(), "it has none any more")
    last = host.catches(lambda frame: frame[ICMPv6ND_RA].routerlifetime == 0)
    assert last[ICMPv6NDOptPrefixInfo].validlifetime == 3600
    assert len(host.addresses()) == 2, "another router may have the same prefixes"


def test_a_prefix_that_is_taken_away_is_deprecated(lab: Lab) -> None:
    host = listener(lab)
    daemon = start(lab, prefix_list=PREFIXES)
    address = host.configured("2001:db8:78:")
    management.edit(
        daemon,
        f"<ip6ndra><interface><name>{lab.interface}</name><prefix-list><prefix nc:operation='delete'>"
        f"<prefix-spec>{OTHER}</prefix-spec></prefix></prefix-list></interface></ip6ndra>",
    )
    wait_for(lambda: host.addresses()[address].preferred == 0, "hosts let go of it", 60)
    heard = host.hears()
    assert heard[OTHER] == GONE
    assert heard[ONE] == Heard(1800, 3600)


def test_a_prefix_that_has_gone_over_a_restart_is_deprecated(lab: Lab) -> None:
    host = listener(lab)
    daemon = start(lab, prefix_list=PREFIXES)
    before = host.configured("2001:db8:78:")
    daemon.kill()
    daemon.config.write_text(daemon.config.read_text().replace(OTHER, THIRD))
    daemon.start()
    host.configured("2001:db8:79:")
    wait_for(lambda: host.addresses()[before].preferred == 0, "hosts let go of the old one", 60)
    shown = management.get(daemon, "<ip6ndra><interface-state/></ip6ndra>", "source")
    assert sorted(shown) == ["configured", "configured", "deprecated"]


def test_a_lan_follows_the_provider(lab: Lab) -> None:
    """His DNS servers are told, and without his router this one is none either."""
    wan = Wan6(lab)
    wan.gateway.start()
    wan.provider("kea-dhcp6", Terms6(first="")).start()
    host = listener(lab)
    wan.daemon_with(
        {
            "ip6ndra": {
                "interfaces": [lab.interface],
                "rdnss": ["from-upstream"],
                "default-lifetime-follows-upstream": True,
            }
        },
        **{"lan-interface": [{"name": lab.interface}]},
    )
    wait_for(host.routers, "it has a default router")
    host.configured("2001:db8:a000:")
    said = host.said()
    assert all(f": {server}\n" in said for server in NAME_SERVERS), said
    wan.gateway.stop()
    wait_for(lambda: not host.routers(), "it has none any more")


def test_another_router_that_says_otherwise_is_noticed(lab: Lab) -> None:
    daemon = start(lab)
    address = radvd(lab, lab.host())
    told = management.notified(daemon, "router-advertisement-inconsistent", interface=lab.interface)
    namespace = {"v": "urn:vppdhc:yang"}
    assert [one.text for one in told.iterfind(".//v:address", namespace)] == [address]
    assert "managed flag not set, ours is set" in [one.text for one in told.iterfind(".//v:inconsistency", namespace)]
    shown = management.get(daemon, "<ip6ndra><interface-state><other-router/></interface-state></ip6ndra>", "address")
    assert shown == [address]


def radvd(lab: Lab, host: Namespace) -> str:
    """Have a host advertise itself as a router; returns its link-local address."""
    config = lab.directory / "radvd.conf"
    config.write_text(
        "interface eth0 { AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; AdvManagedFlag off; };\n"
    )
    host.run("sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
    shown = wait_for(lambda: host.run("ip", "-6", "-o", "addr", "show", "eth0", "-tentative"), "it has an address")
    command = ["radvd", "-n", "-C", str(config), "-p", str(lab.directory / "radvd.pid"), "-m", "stderr"]
    host.start(command, lab.directory / "radvd.log")
    words = shown.split()
    return words[words.index("inet6") + 1].split("/")[0]
