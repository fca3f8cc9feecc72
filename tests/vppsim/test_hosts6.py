"""The IPv6 side of simulated hosts, seen from the router: at its punt socket with scapy, and as events of its API."""

from typing import Any

import pytest
from scapy.layers.inet6 import (
    ICMPv6ND_RA,
    ICMPv6ND_RS,
    ICMPv6NDOptPrefixInfo,
    ICMPv6NDOptRDNSS,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
)
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from tests.vppsim.client import ICMP6, Api, enable_ip6, link_local, register
from tests.vppsim.frames import router_solicitation, solicitation
from tests.vppsim.rig import LAN, SimulatorRig, mac_of
from tests.waiting import wait_for

MAC = "02:00:00:00:00:05"
LINK_LOCAL = "fe80::ff:fe00:5"
ROUTER = "fe80::1"
ROUTER_MAC = "02:00:00:00:00:01"
SLAAC = "2001:db8:5::ff:fe00:5"
ROUTER_SOLICITATION = 133
L2, IP6 = 0, 2


class Lan:
    """The router's LAN with a host inside the simulator, and the router in the tests' hands.

    wire: where everything that the router sends can be seen. punt: where router solicitations come.
    """

    def __init__(self, simulator: SimulatorRig) -> None:
        self.simulator = simulator
        self.index, self.wire = simulator.interface(LAN)
        assert simulator.ctl(f"simulate host create h interface {LAN} mac {MAC}") == "h"
        self.api: Api = simulator.api()
        assert enable_ip6(self.api, self.index) == 0
        self.punt = simulator.punt()
        register(self.api, self.punt.path, ROUTER_SOLICITATION, af=1, protocol=ICMP6)

    def do(self, words: str) -> None:
        """Tell the host what to do."""
        assert self.simulator.ctl(f"simulate host h {words}") == ""

    def sends(self, *layers: Packet, source: str = ROUTER, hop_limit: int = 255) -> None:
        """Have the router send an ICMPv6 message to everybody on the LAN."""
        packet: Packet = IPv6(src=source, dst="ff02::1", hlim=hop_limit)
        for layer in layers:
            packet /= layer
        self.simulator.punt_to_router(self.index, L2, Ether(src=ROUTER_MAC, dst="33:33:00:00:00:01") / packet)

    def host(self) -> dict[str, Any]:
        """Return the IPv6 of the host."""
        shown: dict[str, Any] = self.simulator.state()["hosts"]["h"]["ip6"]
        return shown

    def heard(self, count: int) -> list[dict[str, Any]]:
        """Wait until the host has heard so many advertisements, and return them."""

        def all_of_them() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = self.host()["advertisements"]
            return found if len(found) >= count else []

        return wait_for(all_of_them, f"{count} advertisements are heard", 10)


@pytest.fixture
def lan(simulator: SimulatorRig) -> Lan:
    return Lan(simulator)


def prefix(valid: int, preferred: int, autonomous: int = 1) -> Packet:
    return ICMPv6NDOptPrefixInfo(
        prefix="2001:db8:5::", prefixlen=64, L=1, A=autonomous, validlifetime=valid, preferredlifetime=preferred
    )


def test_a_host_that_listens_asks_and_makes_itself_an_address(lan: Lan) -> None:
    lan.do("ip6 listen")
    index, frame = lan.punt.receive()
    assert (index, frame.dst, frame[IPv6].src, frame[IPv6].hlim) == (lan.index, "33:33:00:00:00:02", LINK_LOCAL, 255)
    assert frame[ICMPv6ND_RS][ICMPv6NDOptSrcLLAddr].lladdr == MAC
    servers = ICMPv6NDOptRDNSS(dns=["2001:db8::53"], lifetime=600)
    lan.sends(ICMPv6ND_RA(M=1, O=0, routerlifetime=1800), prefix(3600, 1800), servers)
    (heard,) = lan.heard(1)
    assert (heard["router"], heard["lifetime"], heard["managed"], heard["other"]) == (ROUTER, 1800, True, False)
    assert heard["prefixes"] == [
        {"prefix": "2001:db8:5::/64", "on-link": True, "autonomous": True, "valid": 3600, "preferred": 1800}
    ]
    assert heard["options"][1] == [25, bytes(servers)[2:].hex()]
    host = lan.host()
    assert (list(host["default-routers"]), list(host["addresses"])) == ([ROUTER], [SLAAC])
    lifetimes = host["addresses"][SLAAC]
    assert 1200 < lifetimes["preferred"] <= 1800
    assert 3000 < lifetimes["valid"] <= 3600


def test_a_host_asks_three_times_while_nobody_answers(lan: Lan) -> None:
    lan.do("ip6 listen")
    assert [lan.punt.receive()[1].haslayer(ICMPv6ND_RS) for _ in range(2)] == [1, 1]
    lan.do("ip6 solicit")
    assert lan.punt.receive()[1].haslayer(ICMPv6ND_RS)


def test_a_prefix_that_is_withdrawn_is_deprecated_at_once_and_does_not_end_before_its_time(lan: Lan) -> None:
    """RFC 4862, 5.5.3 e: nobody can end an address with less than two hours to live."""
    lan.do("ip6 listen")
    lan.sends(ICMPv6ND_RA(routerlifetime=1800), prefix(3600, 1800))
    lan.sends(ICMPv6ND_RA(routerlifetime=0), prefix(0, 0))
    lan.heard(2)
    host = lan.host()
    assert host["default-routers"] == {}
    assert host["addresses"][SLAAC]["preferred"] == 0
    assert 3000 < host["addresses"][SLAAC]["valid"] <= 3600
    lan.sends(ICMPv6ND_RA(routerlifetime=0), prefix(86400, 0))
    lan.sends(ICMPv6ND_RA(routerlifetime=0), prefix(0, 0))
    lan.heard(4)
    assert 6600 < lan.host()["addresses"][SLAAC]["valid"] <= 7200


def test_a_prefix_that_is_not_for_that_makes_no_address(lan: Lan) -> None:
    lan.do("ip6 listen")
    lan.sends(ICMPv6ND_RA(), prefix(3600, 1800, autonomous=0))
    lan.sends(ICMPv6ND_RA(), prefix(1800, 3600))
    lan.sends(ICMPv6ND_RA(), prefix(0, 0))
    lan.heard(3)
    assert lan.host()["addresses"] == {}


def test_what_came_over_a_router_is_no_advertisement(lan: Lan) -> None:
    lan.do("ip6 listen")
    lan.sends(ICMPv6ND_RA(), hop_limit=254)
    lan.sends(ICMPv6ND_RA(cksum=0x1234))
    lan.sends(ICMPv6ND_RA(routerlifetime=77))
    assert [heard["lifetime"] for heard in lan.heard(1)] == [77]
    lan.do("ip6 stop")
    assert "advertisements" not in lan.host()


def test_an_address_of_a_host_is_defended_against_duplicates(lan: Lan) -> None:
    """The answer to somebody who has no address yet goes to all (RFC 4861, 7.2.4), which the router sees as well."""
    assert lan.api.retval("want_ip_neighbor_events_v2", enable=True, ip="0.0.0.0", sw_if_index=lan.index) == 0
    lan.do("ip6 address 2001:db8::77 2001:db8::78")
    lan.simulator.punt_to_router(lan.index, L2, solicitation("2001:db8::99", source="::"))
    lan.simulator.punt_to_router(lan.index, L2, solicitation("2001:db8::78", source="::"))
    told = lan.api.event()
    assert (str(told.neighbor.ip_address), str(told.neighbor.mac_address)) == ("2001:db8::78", MAC)
    lan.do("ip6 address none")
    assert lan.host()["static"] == []


def test_router_and_host_ping_each_other(lan: Lan) -> None:
    router = link_local(lan.api, lan.index)
    lan.do(f"ip6 ping {router}")
    wait_for(lambda: lan.host()["received"] == {"echo reply": 1}, "the router has answered")
    lan.do("ip6 address 2001:db8::77")
    lan.simulator.ctl(f"set interface ip address {LAN} 2001:db8::1/64")
    lan.do("ip6 ping 2001:db8::1")
    wait_for(lambda: lan.host()["received"] == {"echo reply": 2}, "the router has answered again")


def test_a_host_speaks_by_its_default_router(simulator: SimulatorRig) -> None:
    """Two hosts, one of them the router and the Internet, and VPP between them with two interfaces."""
    lan = Lan(simulator)
    simulator.interface("host-wan0")
    simulator.ctl("simulate host create isp interface host-wan0 mac 02:00:00:00:99:01")
    simulator.ctl("simulate host isp ip6 address 2001:db8:ffff::1")
    assert enable_ip6(lan.api, simulator.index("host-wan0")) == 0
    simulator.ctl("ip route add ::/0 via fe80::ff:fe00:9901 host-wan0")
    simulator.ctl(f"set interface ip address {LAN} 2001:db8:5::1/64")
    lan.do("ip6 listen")
    lan.simulator.punt_to_router(
        lan.index,
        L2,
        Ether(src=mac_of(LAN), dst="33:33:00:00:00:01")
        / IPv6(src=link_local(lan.api, lan.index), dst="ff02::1", hlim=255)
        / ICMPv6ND_RA(routerlifetime=1800)
        / prefix(3600, 1800),
    )
    lan.heard(1)

    def answered() -> bool:
        lan.do("ip6 ping 2001:db8:ffff::1")
        return "echo reply" in lan.host()["received"]

    wait_for(answered, "the Internet answers, once the routers know each other")


def test_a_router_advertises_itself_and_says_when_it_ends(lan: Lan) -> None:
    assert lan.api.retval("want_ip6_ra_events", enable=True, pid=1) == 0
    lan.do("router lifetime 900 managed other prefix 2001:db8:1::5/64 90 80 prefix 2001:db8:2::/64 60 50 none")
    told = lan.api.event()
    assert (str(told.router_addr), told.router_lifetime_in_sec, told.flags & 0xC0) == (LINK_LOCAL, 900, 0xC0)
    prefixes = [(str(one.prefix), one.flags & 0xC0, one.valid_time, one.preferred_time) for one in told.prefixes]
    assert prefixes == [("2001:db8:1::/64", 0xC0, 90, 80), ("2001:db8:2::/64", 0, 60, 50)]
    lan.do("router none")
    assert lan.api.event().router_lifetime_in_sec == 0
    lan.do("router none")
    lan.do("router lifetime 30")
    assert lan.api.event().router_lifetime_in_sec == 30, "it says only once that it is none"


def test_a_router_answers_a_solicitation_and_advertises_again_until_it_falls_silent(lan: Lan) -> None:
    assert lan.api.retval("want_ip6_ra_events", enable=True, pid=1) == 0
    lan.do("router lifetime 900 interval 1")
    lan.api.event()
    lan.simulator.punt_to_router(lan.index, L2, router_solicitation())
    assert [lan.api.event().router_lifetime_in_sec for _ in range(2)] == [900, 900]
    lan.do("router silent")
    lan.do("router none")
    lan.simulator.punt_to_router(lan.index, L2, router_solicitation())
    lan.do("router lifetime 30")
    assert lan.api.event().router_lifetime_in_sec == 30


@pytest.mark.parametrize(
    ("words", "complaint"),
    [("ip6", "unknown input `'"),
     ("ip6 dance", "unknown input `dance'"),
     ("ip6 ping 10.0.0.1", "10.0.0.1 is no IPv6 address"),
     ("router lifetime 65536", "expected a lifetime of at most 65535 and an interval of at least 1"),
     ("router interval 0", "expected a lifetime of at most 65535 and an interval of at least 1"),
     ("router prefix 2001:db8::/64 90", "expected prefix P/L VALID PREFERRED"),
     ("router prefix 2001:db8::/64 90 soon", "expected a number, not `soon'")],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(lan: Lan, words: str, complaint: str) -> None:
    assert lan.simulator.ctl(f"simulate host h {words}") == f"simulate host: {complaint}"
