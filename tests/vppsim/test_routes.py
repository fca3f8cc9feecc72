from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6ND_NS
from scapy.layers.l2 import ARP, Ether

from tests.vppsim.client import (
    BROADCAST,
    DROP,
    LOCAL,
    NO_INTERFACE,
    UNREACHABLE,
    Api,
    group_route,
    path,
    route,
    routes,
)
from tests.vppsim.frames import HOST, arp
from tests.vppsim.rig import LAN, WAN, Rig, mac_of

DEFAULT = "0.0.0.0/0"


def hops(api: Api, prefix: str = DEFAULT) -> list[tuple[str, int]]:
    """Return next hops and preferences of a prefix."""
    return [(str(path.nh.address.ip4), path.preference) for path in routes(api, prefix)]


def via(index: int, hop: str, preference: int = 0) -> dict[str, Any]:
    return {"sw_if_index": index, "nh": {"address": {"ip4": hop}}, "weight": 1, "preference": preference}


def test_limited_broadcast_is_drop_in_every_table(rig: Rig, api: Api) -> None:
    rig.ctl("ip table add 9")
    assert [routes(api, f"{BROADCAST}/32", table)[0].type for table in (0, 9)] == [DROP, DROP]
    tables = {(t.table.table_id, t.table.is_ip6) for t in api.dump("ip_table_dump")}
    assert tables == {(0, False), (0, True), (9, False)}


def test_a_local_path_makes_limited_broadcast_the_routers_own_and_removing_it_brings_drop_back(api: Api) -> None:
    local = {"type": LOCAL, "sw_if_index": NO_INTERFACE, "weight": 1}
    for _ in range(2):
        assert route(api, True, f"{BROADCAST}/32", local) == 0
    assert routes(api, f"{BROADCAST}/32")[0].type == LOCAL
    for _ in range(2):
        assert route(api, False, f"{BROADCAST}/32", local) == 0
    assert routes(api, f"{BROADCAST}/32")[0].type == DROP


def test_routes_are_refused_without_paths_table_or_interface(api: Api) -> None:
    assert route(api, True, DEFAULT) == -52
    assert route(api, True, DEFAULT, {"type": DROP}, table=7) == -3
    assert route(api, True, DEFAULT, via(77, "10.0.0.1")) == -54
    assert route(api, True, DEFAULT, via(NO_INTERFACE, "10.0.0.1") | {"table_id": 7}) == -3
    assert route(api, False, DEFAULT) == 0
    assert route(api, False, DEFAULT, multipath=True) == -52


def test_a_route_without_its_16_labels_cannot_be_decoded_and_gets_no_reply(api: Api) -> None:
    values = {"n_paths": 1, "paths": [path(type=DROP)], "prefix": DEFAULT}
    head = {"_vl_msg_id": api.number("ip_route_add_del"), "client_index": api.index, "context": 99}
    encoded = api.messages["ip_route_add_del"].pack(head | {"is_add": True, "route": values})
    api.write(encoded[:-1])
    assert api.retval("control_ping") == 0, "the first answer is that of the ping"


def test_multipath_adds_to_and_removes_from_what_is_there(rig: Rig, api: Api) -> None:
    index, _ = rig.interface(LAN, "10.0.0.1/24")
    for hop, preference in (("10.0.0.2", 0), ("10.0.0.3", 5)):
        assert route(api, True, DEFAULT, via(index, hop, preference), multipath=True) == 0
    assert sorted(hops(api)) == [("10.0.0.2", 0), ("10.0.0.3", 5)]
    assert route(api, False, DEFAULT, via(index, "10.0.0.9"), multipath=True) == 0
    assert route(api, False, DEFAULT, via(index, "10.0.0.2"), multipath=True) == 0
    assert hops(api) == [("10.0.0.3", 5)]


def test_multipath_does_not_change_the_preference_of_a_path_that_is_there(rig: Rig, api: Api) -> None:
    index, _ = rig.interface(LAN, "10.0.0.1/24")
    for preference in (3, 7):
        assert route(api, True, DEFAULT, via(index, "10.0.0.2", preference), multipath=True) == 0
        assert hops(api) == [("10.0.0.2", 3)]
    assert route(api, False, DEFAULT, via(index, "10.0.0.2", 7), multipath=True) == 0
    assert route(api, True, DEFAULT, via(index, "10.0.0.2", 7), multipath=True) == 0
    assert hops(api) == [("10.0.0.2", 7)]


def test_without_multipath_all_api_paths_are_replaced(rig: Rig, api: Api) -> None:
    index, _ = rig.interface(LAN, "10.0.0.1/24")
    route(api, True, DEFAULT, via(index, "10.0.0.2"), multipath=True)
    route(api, True, DEFAULT, via(index, "10.0.0.3"))
    assert hops(api) == [("10.0.0.3", 0)]


def test_a_cli_route_lies_underneath_and_comes_back_when_the_api_route_goes(rig: Rig, api: Api) -> None:
    index, _ = rig.interface(LAN, "10.0.0.1/24")
    assert rig.ctl(f"ip route add {DEFAULT} via 10.0.0.7 {LAN}") == ""
    route(api, True, DEFAULT, via(index, "10.0.0.2"))
    assert hops(api) == [("10.0.0.2", 0)]
    route(api, False, DEFAULT)
    assert hops(api) == [("10.0.0.7", 0)]
    assert rig.ctl(f"ip route del {DEFAULT} via 10.0.0.7 {LAN}") == ""
    assert routes(api, DEFAULT)[0].type == DROP


def test_the_path_with_the_lowest_preference_is_taken(rig: Rig, api: Api) -> None:
    lan, wire = rig.interface(LAN, "10.0.0.1/24")
    _, wan_wire = rig.interface(WAN, "10.1.0.1/24")
    route(api, True, DEFAULT, via(lan, "10.0.0.2", 5), via(rig.index(WAN), "10.1.0.2", 1))
    assert {wire.receive()[ARP].pdst, wan_wire.receive()[ARP].pdst} == {"10.0.0.2", "10.1.0.2"}
    wan_wire.send(arp(2, "10.1.0.2", "10.1.0.1", mac_of(WAN)))
    wire.send(arp(2, "10.0.0.2", "10.0.0.1", mac_of(LAN)))
    rig.settled()
    wire.send(Ether(src=HOST, dst=mac_of(LAN)) / IP(src="10.0.0.5", dst="99.0.0.1", ttl=9) / ICMP())
    assert wan_wire.receive()[IP].ttl == 8


def test_the_dump_has_the_routes_that_addresses_bring(rig: Rig, api: Api) -> None:
    index, _ = rig.interface(LAN, "10.0.0.1/24", "2001:db8::1/64")
    assert routes(api, "10.0.0.0/24")[0].sw_if_index == index
    assert routes(api, "10.0.0.1/32")[0].type == LOCAL
    assert [routes(api, edge)[0].type for edge in ("10.0.0.0/32", "10.0.0.255/32")] == [DROP, DROP]
    assert routes(api, "2001:db8::/64", ip6=True)[0].sw_if_index == index


def test_a_host_on_the_link_is_its_own_next_hop(rig: Rig, api: Api) -> None:
    index, wire = rig.interface(LAN, "10.0.0.1/24", "2001:db8::1/64")
    on_link = {"sw_if_index": index, "weight": 1, "preference": 5}
    assert route(api, True, "192.0.2.9/32", on_link, multipath=True) == 0
    assert wire.receive()[ARP].pdst == "192.0.2.9", "it is asked for at once, as any next hop"
    assert route(api, True, "192.0.2.0/24", on_link, multipath=True) == 0
    assert (hops(api, "192.0.2.9/32"), hops(api, "192.0.2.0/24")) == ([("192.0.2.9", 5)], [("0.0.0.0", 5)])
    assert route(api, True, "2001:db8:9::9/128", on_link | {"proto": 1}, multipath=True) == 0
    assert str(routes(api, "2001:db8:9::9/128", ip6=True)[0].nh.address.ip6) == "2001:db8:9::9"
    assert route(api, False, "192.0.2.9/32", on_link, multipath=True) == 0
    assert look_up(api, "192.0.2.9/32") == [("", -6)]
    assert route(api, True, "192.0.2.9/32", on_link, multipath=True) == 0
    assert route(api, False, "192.0.2.9/32", via(index, "192.0.2.9"), multipath=True) == 0
    assert look_up(api, "192.0.2.9/32") == [("", -6)], "said or not, it is the same path"


def test_routes_for_what_is_to_be_discarded_read_back(api: Api) -> None:
    for number, sort in ((1, UNREACHABLE), (2, DROP)):
        assert route(api, True, f"10.{number}.0.0/16", {"type": sort, "weight": 1}) == 0
        assert routes(api, f"10.{number}.0.0/16")[0].type == sort


def forwarding(rig: Rig, prefix: str) -> str:
    """Return where packets of a prefix go."""
    return rig.ctl(f"show ip fib {prefix}").splitlines()[-1]


def test_a_route_outlives_its_interface_and_is_dead_until_it_was_deleted(rig: Rig, api: Api) -> None:
    index, _ = rig.interface(LAN, "10.0.0.1/24")
    route(api, True, DEFAULT, via(index, "10.0.0.2"))
    rig.ctl(f"delete host-interface name {LAN.removeprefix('host-')}")
    assert hops(api) == [("10.0.0.2", 0)]
    assert rig.interface(WAN, "10.0.0.1/24")[0] == index, "the index is another interface's now"
    for multipath in (False, True):
        assert route(api, True, DEFAULT, via(index, "10.0.0.2"), multipath=multipath) == 0
        assert "dpo-drop" in forwarding(rig, DEFAULT), "adding it again does not help"
    route(api, True, "9.0.0.0/8", via(index, "10.0.0.2"))
    route(api, True, "8.0.0.0/8", via(index, "10.0.0.3"))
    assert "dpo-drop" in forwarding(rig, "9.0.0.0/8"), "nor another prefix with the same path"
    assert WAN in forwarding(rig, "8.0.0.0/8"), "another path is not concerned"
    for prefix in (DEFAULT, "9.0.0.0/8"):
        assert route(api, False, prefix, via(index, "10.0.0.2")) == 0
    assert route(api, True, DEFAULT, via(index, "10.0.0.2")) == 0
    assert WAN in forwarding(rig, DEFAULT)


def look_up(api: Api, prefix: str, table: int = 0, *, exact: bool = True) -> list[tuple[str, int]]:
    """Return the prefix that is found, as often as it has paths, each with the path's type."""
    reply = api.call("ip_route_lookup", table_id=table, exact=exact, prefix=prefix)
    assert reply.retval == 0 or not reply.route.paths
    return [(str(reply.route.prefix), path.type) for path in reply.route.paths] or [("", reply.retval)]


def test_one_prefix_can_be_looked_up(rig: Rig, api: Api) -> None:
    index, _ = rig.interface(LAN, "10.0.0.1/24")
    for kind in ({"type": UNREACHABLE, "weight": 1}, via(index, "10.0.0.2")):
        route(api, True, "9.0.0.0/8", kind, multipath=True)
    assert sorted(look_up(api, "9.0.0.0/8")) == [("9.0.0.0/8", 0), ("9.0.0.0/8", UNREACHABLE)]
    assert look_up(api, "9.1.0.0/16") == [("", -6)]
    assert look_up(api, "10.0.0.9/32", exact=False) == [("10.0.0.0/24", 0)]
    assert look_up(api, "9.0.0.0/8", 7) == [("", -3)]
    assert look_up(api, DEFAULT) == [(DEFAULT, DROP)]


def test_a_path_over_no_interface_cannot_be_deleted_but_all_of_a_prefix_can(rig: Rig, api: Api) -> None:
    index, _ = rig.interface(LAN, "10.0.0.1/24")
    route(api, True, "9.0.0.0/8", via(index, "10.0.0.2"), multipath=True)
    rig.ctl(f"delete host-interface name {LAN.removeprefix('host-')}")
    for multipath in (True, False):
        assert route(api, False, "9.0.0.0/8", via(index, "10.0.0.2"), multipath=multipath) == -54
    assert route(api, False, "9.0.0.0/8") == 0
    assert look_up(api, "9.0.0.0/8") == [("", -6)]


def test_a_path_over_an_interface_that_is_down_is_passed_over(rig: Rig, api: Api) -> None:
    lan, _ = rig.interface(LAN, "10.0.0.1/24")
    wan, _ = rig.interface(WAN, "10.1.0.1/24")
    route(api, True, DEFAULT, via(lan, "10.0.0.2"), via(wan, "10.1.0.2", 5))
    assert LAN in forwarding(rig, DEFAULT)
    rig.ctl(f"set interface state {LAN} down")
    assert WAN in forwarding(rig, DEFAULT)
    rig.ctl(f"set interface state {WAN} down")
    assert "dpo-drop" in forwarding(rig, DEFAULT)
    rig.ctl(f"set interface state {LAN} up")
    assert LAN in forwarding(rig, DEFAULT)


@pytest.mark.parametrize("known", [False, True])
def test_the_router_asks_for_a_next_hop_as_soon_as_a_route_leads_to_it(rig: Rig, api: Api, known: bool) -> None:
    index, wire = rig.interface(LAN, "10.0.0.1/24")
    if known:
        wire.send(arp(2, "10.0.0.2", "10.0.0.1", mac_of(LAN)))
        rig.settled()
    route(api, True, DEFAULT, via(index, "10.0.0.2"))
    route(api, True, "9.0.0.0/8", via(NO_INTERFACE, "10.0.0.3"))
    assert wire.receive()[ARP].pdst == ("10.0.0.3" if known else "10.0.0.2")


def test_the_router_asks_for_an_ip6_next_hop(rig: Rig, api: Api) -> None:
    index, wire = rig.interface(LAN, "2001:db8::1/64")
    hop = {"proto": 1, "sw_if_index": index, "nh": {"address": {"ip6": "fe80::2"}}}
    assert route(api, True, "::/0", hop) == 0
    assert wire.receive()[ICMPv6ND_NS].tgt == "fe80::2"
    assert str(routes(api, "::/0", ip6=True)[0].nh.address.ip6) == "fe80::2"


def groups(api: Api) -> dict[str, int]:
    """Return the IPv6 multicast groups and their number of paths."""
    dump = api.dump("ip_mroute_dump", table={"table_id": 0, "is_ip6": True})
    return {str(g.route.prefix.grp_address.ip6): g.route.n_paths for g in dump}


def test_a_multicast_route_reads_back(api: Api) -> None:
    group = group_route("ff02::1:2")
    for _ in range(2):
        assert api.retval("ip_mroute_add_del", is_add=True, is_multipath=True, route=group) == 0
    assert groups(api)["ff02::1:2"] == 1
    assert "ff02::2" in groups(api), "that one is built in"
    assert api.retval("ip_mroute_add_del", is_add=False, is_multipath=True, route=group) == 0
    assert groups(api)["ff02::1:2"] == 0, "the entry stays, for its flags"
    assert api.retval("ip_mroute_add_del", is_add=True, is_multipath=True, route=group) == 0
    assert groups(api)["ff02::1:2"] == 1


def test_a_multicast_route_without_flags_goes_with_its_last_path(api: Api) -> None:
    group = group_route("ff02::1:2") | {"entry_flags": 0}
    assert api.retval("ip_mroute_add_del", is_add=True, is_multipath=True, route=group) == 0
    assert api.retval("ip_mroute_add_del", is_add=False, is_multipath=True, route=group) == 0
    assert "ff02::1:2" not in groups(api)
