"""Router advertisements, as others read them: rdisc6, radvdump, dhcpcd, and the Linux kernel, which believes them."""

from typing import Any

import pytest

from tests.daemon import Daemon
from tests.lab import management
from tests.lab.conftest import Lab
from tests.lab.lan6 import Dhcpcd6, Heard, LanHost
from tests.waiting import wait_for

pytestmark = pytest.mark.lab

OFTEN: dict[str, Any] = {"max-rtr-adv-interval": 4, "min-rtr-adv-interval": 3}
EVERYTHING: dict[str, Any] = OFTEN | {
    "managed-flag": False,
    "other-config-flag": True,
    "link-mtu": 1400,
    "reachable-time": 20000,
    "retrans-timer": 2000,
    "cur-hop-limit": 77,
    "default-lifetime": 1200,
    "router-preference": "high",
    "rdnss": ["2001:db8:9::53", "2001:db8:9::54"],
    "rdnss-lifetime": 600,
    "dnssl": ["lan.example", "example"],
    "dnssl-lifetime": 500,
    "route": [{"destination-prefix": "2001:db8:77::/48", "preference": "low", "lifetime": 900}],
    "prefix-list": {
        "prefix": [
            {"prefix-spec": "2001:db8:5::/64", "valid-lifetime": 3000, "preferred-lifetime": 2000},
            {
                "prefix-spec": "2001:db8:6::/64",
                "valid-lifetime": 3000,
                "preferred-lifetime": 2000,
                "autonomous-flag": False,
            },
        ]
    },
}
RDISC6 = """
Soliciting ff02::2 (ff02::2) on eth0...
Hop limit : 77 ( 0x4d)
Stateful address conf. : No
Stateful other conf. : Yes
Mobile home agent : No
Router preference : high
Neighbor discovery proxy : No
Router lifetime : 1200 (0x000004b0) seconds
Reachable time : 20000 (0x00004e20) milliseconds
Retransmit time : 2000 (0x000007d0) milliseconds
Source link-layer address: MAC
MTU : 1400 bytes (valid)
Prefix : 2001:db8:5::/64
On-link : Yes
Autonomous address conf.: Yes
Valid time : 3000 (0x00000bb8) seconds
Pref. time : 2000 (0x000007d0) seconds
Prefix : 2001:db8:6::/64
On-link : Yes
Autonomous address conf.: No
Valid time : 3000 (0x00000bb8) seconds
Pref. time : 2000 (0x000007d0) seconds
Route : 2001:db8:77::/48
Route preference : low
Route lifetime : 900 (0x00000384) seconds
Recursive DNS server : 2001:db8:9::53
Recursive DNS server : 2001:db8:9::54
DNS servers lifetime : 600 (0x00000258) seconds
DNS search list : lan.example example
DNS search list lifetime: 500 (0x000001f4) seconds
from ROUTER
"""
RADVDUMP = """
interface eth0
{
AdvSendAdvert on;
AdvManagedFlag off;
AdvOtherConfigFlag on;
AdvReachableTime 20000;
AdvRetransTimer 2000;
AdvCurHopLimit 77;
AdvDefaultLifetime 1200;
AdvHomeAgentFlag off;
AdvDefaultPreference high;
AdvSourceLLAddress on;
AdvLinkMTU 1400;
prefix 2001:db8:5::/64
{
AdvValidLifetime 3000;
AdvPreferredLifetime 2000;
AdvOnLink on;
AdvAutonomous on;
AdvRouterAddr off;
};
prefix 2001:db8:6::/64
{
AdvValidLifetime 3000;
AdvPreferredLifetime 2000;
AdvOnLink on;
AdvAutonomous off;
AdvRouterAddr off;
};
route 2001:db8:77::/48
{
AdvRoutePreference low;
AdvRouteLifetime 900;
};
RDNSS 2001:db8:9::53 2001:db8:9::54
{
AdvRDNSSLifetime 600;
};
DNSSL lan.example example
{
AdvDNSSLLifetime 500;
};
};
"""
DHCPCD = {
    "nd1_flags": "Oh",
    "nd1_hoplimit": "77",
    "nd1_lifetime": "1200",
    "nd1_mtu": "1400",
    "nd1_prefix_information1_prefix": "2001:db8:5::",
    "nd1_prefix_information1_length": "64",
    "nd1_prefix_information1_flags": "LA",
    "nd1_prefix_information1_vltime": "3000",
    "nd1_prefix_information1_pltime": "2000",
    "nd1_prefix_information2_prefix": "2001:db8:6::",
    "nd1_prefix_information2_flags": "L",
    "nd1_rdnss1_servers": "2001:db8:9::53 2001:db8:9::54",
    "nd1_rdnss1_lifetime": "600",
    "nd1_dnssl1_search": "lan.example example",
    "nd1_dnssl1_lifetime": "500",
}


def advertising(lab: Lab, settings: dict[str, Any]) -> Daemon:
    """Start a daemon that advertises on the LAN with these settings."""
    daemon = lab.daemon_with({"ip6ndra": {"interface": [{"name": lab.interface} | settings]}})
    lab.stack.callback(daemon.stop)
    return daemon


def listening(lab: Lab) -> LanHost:
    """Put a host on the LAN."""
    host = LanHost(lab.segment)
    lab.stack.callback(host.remove)
    return host


def route(host: LanHost) -> str:
    """Return a host's default route, in the words of ip."""
    return host.namespace.run("ip", "-6", "route", "show", "default")


def test_rdisc6_and_radvdump_read_what_is_configured(lab: Lab) -> None:
    advertising(lab, EVERYTHING)
    host = listening(lab)
    wait_for(host.routers, "it has a default router")
    (router,) = host.routers()
    said = [" ".join(line.split()) for line in host.said().splitlines()]
    mac = next(line.split()[-1] for line in said if line.startswith("Source"))
    wanted = RDISC6.replace("MAC", mac).replace("ROUTER", router).strip()
    assert "\n".join(line for line in said if line) == wanted
    assert "\n".join(host.dumped(lab.directory / "radvdump")) == RADVDUMP.strip()


def test_the_kernel_does_what_is_configured(lab: Lab) -> None:
    advertising(lab, EVERYTHING)
    host = listening(lab)
    host.configured("2001:db8:5:")
    assert len(host.addresses()) == 1, "the other prefix is not for that"
    (left,) = host.addresses().values()
    assert left.preferred <= 2000
    assert left.valid <= 3000
    assert "mtu 1400 hoplimit 77 pref high" in route(host)
    on_link = host.namespace.run("ip", "-6", "route", "show", "dev", "eth0")
    assert all(f"2001:db8:{number}::/64 proto kernel" in on_link for number in (5, 6))
    neighbours = "net.ipv6.neigh.eth0"
    times = [f"{neighbours}.base_reachable_time_ms", f"{neighbours}.retrans_time_ms"]
    assert host.namespace.run("sysctl", "-n", *times).split() == ["20000", "2000"]


def test_dhcpcd_reads_what_is_configured(lab: Lab) -> None:
    advertising(lab, EVERYTHING)
    host = Dhcpcd6(lab.segment, lab.directory)
    lab.stack.callback(host.remove)
    told = host.told()
    assert {name: told.get(name) for name in DHCPCD} == DHCPCD


def test_nothing_but_an_interface_makes_a_router_with_dhcpv6_and_without_prefixes(lab: Lab) -> None:
    daemon = lab.daemon_with({"ip6ndra": {"interfaces": [lab.interface]}})
    lab.stack.callback(daemon.stop)
    host = listening(lab)
    wait_for(host.routers, "it has a default router")
    said = host.said()
    assert said.count("Yes") == 2, "the managed and the other flag"
    assert "Prefix" not in said
    assert host.addresses() == {}


def test_a_change_is_announced_at_once_and_an_end_as_well(lab: Lab) -> None:
    daemon = advertising(lab, {"router-preference": "low"})
    host = listening(lab)
    wait_for(lambda: "pref low" in route(host), "the router is one of low preference")
    interface = f"<interface><name>{lab.interface}</name><router-preference>high</router-preference></interface>"
    management.edit(daemon, f"<ip6ndra>{interface}</ip6ndra>")
    wait_for(lambda: "pref high" in route(host), "it is one of high preference")
    management.edit(daemon, '<ip6ndra xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="remove"/>')
    wait_for(lambda: not host.routers(), "it is none any more")


def test_prefixes_of_the_interface_follow_the_interface(lab: Lab) -> None:
    address = ("set", "interface", "ip", "address")
    lab.router.ctl(*address, lab.interface, "2001:db8:8::1/64")
    advertising(lab, OFTEN | {"advertise-interface-prefixes": True, "interface-prefix-autonomous-flag": True})
    host = listening(lab)
    host.configured("2001:db8:8:")
    lab.router.ctl(*address, "del", lab.interface, "2001:db8:8::1/64")
    wait_for(lambda: host.hears() == {"2001:db8:8::/64": Heard(0, 0)}, "hosts hear that it has gone")
    (left,) = host.addresses().values()
    assert left.preferred == 0


def test_a_router_that_comes_back_advertises_itself_again(lab: Lab) -> None:
    advertising(lab, EVERYTHING)
    host = listening(lab)
    wait_for(host.routers, "it has a default router")
    lab.router.restart()
    host.namespace.run("ip", "-6", "route", "flush", "default")
    assert host.routers() == []
    wait_for(host.routers, "it has a default router again")
    assert "hoplimit 77" in route(host)
