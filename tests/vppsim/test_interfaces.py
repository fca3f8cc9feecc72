from typing import Any

import pytest

from tests.vppsim.client import (
    NO_INTERFACE,
    Api,
    addresses,
    change_address,
    enable_ip6,
    link_local,
    routes,
)
from tests.vppsim.frames import arp
from tests.vppsim.rig import LAN, WAN, Rig, mac_of

UP, LINK = 1, 2
GET_LINK_LOCAL = "sw_interface_ip6_get_link_local_address"


def interface(api: Api, name: str) -> Any:
    """Return what the dump says of an interface."""
    return next(i for i in api.dump("sw_interface_dump") if i.interface_name == name)


def test_local0_is_always_there(api: Api) -> None:
    (local0,) = api.dump("sw_interface_dump")
    assert (local0.interface_name, local0.sw_if_index, local0.flags) == ("local0", 0, 0)
    assert str(local0.l2_address) == "00:00:00:00:00:00"
    assert api.retval("sw_interface_set_flags", sw_if_index=0, flags=UP) == 0
    assert api.dump("sw_interface_dump")[0].flags == UP, "it never has a link"


def test_the_dump_tells_name_mac_and_flags(rig: Rig, api: Api) -> None:
    index, _ = rig.interface()
    shown = interface(api, LAN)
    assert (shown.sw_if_index, str(shown.l2_address), shown.flags) == (index, mac_of(LAN), UP | LINK)
    assert (shown.link_mtu, shown.mtu[0], shown.type) == (9000, 9000, 0)
    rig.ctl(f"set interface state {LAN} down")
    assert interface(api, LAN).flags & UP == 0


def test_flags_can_be_set(rig: Rig, api: Api) -> None:
    name = rig.loopback()
    assert api.retval("sw_interface_set_flags", sw_if_index=rig.index(name), flags=UP) == 0
    assert interface(api, name).flags & UP == UP
    assert api.retval("sw_interface_set_flags", sw_if_index=rig.index(name), flags=0) == 0
    assert interface(api, name).flags & UP == 0


def test_the_name_filter_matches_substrings(rig: Rig, api: Api) -> None:
    made = [rig.loopback() for _ in range(12)]
    assert made[1] == "loop1"
    found = api.dump("sw_interface_dump", name_filter_valid=True, name_filter="loop1")
    assert [i.interface_name for i in found] == ["loop1", "loop10", "loop11"]


def test_a_sub_interface_has_its_tags_and_a_mac_of_zero(rig: Rig, api: Api) -> None:
    index, _ = rig.interface()
    assert rig.ctl(f"create sub-interfaces {LAN} 100") == f"{LAN}.100"
    assert rig.ctl(f"create sub-interfaces {LAN} 200 dot1q 20 inner-dot1q 7 exact-match") == f"{LAN}.200"
    assert rig.ctl(f"create sub-interfaces {LAN} 300 dot1ad 30 exact-match") == f"{LAN}.300"
    one, two, three = (interface(api, f"{LAN}.{number}") for number in (100, 200, 300))
    assert str(one.l2_address) == "00:00:00:00:00:00"
    assert (one.sup_sw_if_index, one.sub_id, one.type) == (index, 100, 1)
    assert (one.sub_number_of_tags, one.sub_outer_vlan_id, one.sub_inner_vlan_id) == (1, 100, 0)
    assert (two.sub_number_of_tags, two.sub_outer_vlan_id, two.sub_inner_vlan_id) == (2, 20, 7)
    assert [int(sub.sub_if_flags) for sub in (one, two, three)] == [2 | 16, 4 | 16, 2 | 8 | 16]
    assert rig.ctl(f"create sub-interfaces {LAN} 400 dot1q 100") == "create sub-interfaces: vlan is already in use"


def test_an_index_is_given_again_to_the_next_interface(rig: Rig) -> None:
    loopbacks = [rig.loopback() for _ in range(3)]
    freed = rig.index(loopbacks[1])
    rig.ctl(f"delete loopback interface intfc {loopbacks[1]}")
    rig.interface()
    assert rig.index(LAN) == freed


def test_three_changes_in_a_row_give_three_events(rig: Rig, api: Api) -> None:
    assert api.retval("want_interface_events", enable_disable=1, pid=7) == 0
    name = rig.loopback()
    index = rig.index(name)
    for state in ("up", "up", "down"):
        rig.ctl(f"set interface state {name} {state}")
    rig.ctl(f"delete loopback interface intfc {name}")
    events = [api.event() for _ in range(4)]
    assert [(e.sw_if_index, e.flags & UP, e.deleted, e.pid) for e in events] == [
        (index, 0, False, 7),
        (index, UP, False, 7),
        (index, 0, False, 7),
        (index, 0, True, 7),
    ]
    other = rig.loopback()
    assert (api.event().sw_if_index, other) == (index, name), "nothing came between"


def test_deleting_an_interface_takes_its_sub_interfaces_along(rig: Rig, api: Api) -> None:
    rig.interface()
    rig.ctl(f"create sub-interfaces {LAN} 100")
    gone = {rig.index(LAN), rig.index(f"{LAN}.100")}
    api.call("want_interface_events", enable_disable=1)
    rig.ctl(f"delete host-interface name {LAN.removeprefix('host-')}")
    deleted: set[int] = set()
    while deleted != gone:
        event = api.event()
        deleted |= {event.sw_if_index} if event.deleted else set()
    assert [i.interface_name for i in api.dump("sw_interface_dump")] == ["local0"]


def test_there_is_no_event_for_address_changes(rig: Rig, api: Api) -> None:
    index, _ = rig.interface()
    api.call("want_interface_events", enable_disable=1)
    assert change_address(api, index, "10.0.0.1/24") == 0
    rig.ctl(f"set interface state {LAN} down")
    event = api.event()
    assert (event.sw_if_index, event.flags & UP) == (index, 0), "the first event is of the interface that went down"


@pytest.mark.parametrize(
    ("first", "clash", "retval"), [("10.0.0.1/24", "10.0.0.2/16", -105), ("2001:db8::1/64", "2001:db8::2/64", -127)]
)
def test_a_network_of_another_interface_of_the_same_table_is_refused(
    rig: Rig, api: Api, first: str, clash: str, retval: int
) -> None:
    one, _ = rig.interface(LAN)
    other, _ = rig.interface(WAN)
    assert change_address(api, one, first) == 0
    assert change_address(api, one, first) == retval
    assert change_address(api, other, clash) == retval


def test_the_same_network_in_another_table_is_fine(rig: Rig, api: Api) -> None:
    one, _ = rig.interface(LAN)
    other, _ = rig.interface(WAN)
    rig.ctl("ip table add 9")
    assert rig.ctl(f"set interface ip table {WAN} 9") == ""
    assert [change_address(api, one, "10.0.0.1/24"), change_address(api, other, "10.0.0.1/24")] == [0, 0]
    assert api.call("sw_interface_get_table", sw_if_index=other).vrf_id == 9
    assert api.call("sw_interface_get_table", sw_if_index=other, is_ipv6=True).vrf_id == 0


def test_a_table_is_refused_to_an_interface_with_addresses(rig: Rig) -> None:
    rig.interface(LAN, "10.0.0.1/24")
    rig.ctl("ip table add 9")
    refused = rig.ctl(f"set interface ip table {LAN} 9")
    assert refused == f"set interface ip table: IP addresses are still present on {LAN}"


def test_a_second_address_in_a_network_of_the_same_interface_is_fine(rig: Rig, api: Api) -> None:
    index, _ = rig.interface()
    results = [change_address(api, index, a) for a in ("10.0.0.1/24", "10.0.0.2/24", "10.0.0.3/16")]
    assert results == [0, 0, -105]
    assert addresses(api, index) == ["10.0.0.1/24", "10.0.0.2/24"]


def test_deleting_an_address_ignores_the_length_and_refuses_what_is_absent_with_minus_60(rig: Rig, api: Api) -> None:
    index, _ = rig.interface()
    assert change_address(api, index, "10.0.0.1/16") == 0
    assert change_address(api, index, "10.0.0.1/24", add=False) == 0
    assert addresses(api, index) == []
    assert change_address(api, index, "10.0.0.1/24", add=False) == -60
    assert change_address(api, index, "2001:db8::1/64", add=False) == -60


def test_all_addresses_can_be_deleted_at_once(rig: Rig, api: Api) -> None:
    index, _ = rig.interface(LAN, "10.0.0.1/24", "10.1.0.1/24", "2001:db8::1/64")
    assert api.retval("sw_interface_add_del_address", sw_if_index=index, del_all=True) == 0
    assert addresses(api, index) + addresses(api, index, ip6=True) == []


def test_ip6_is_refused_with_minus_81_where_it_is_enabled_already(rig: Rig, api: Api) -> None:
    index, _ = rig.interface()
    assert enable_ip6(api, index, enable=False) == -62
    assert [enable_ip6(api, index) for _ in range(2)] == [0, -81]
    assert [enable_ip6(api, index, enable=False) for _ in range(3)] == [0, 0, -62]


def test_the_link_local_address_comes_from_the_mac_and_can_be_set(rig: Rig, api: Api) -> None:
    index, _ = rig.interface()
    assert api.retval(GET_LINK_LOCAL, sw_if_index=index) == -62
    enable_ip6(api, index)
    low = int(mac_of(LAN)[-2:], 16)
    assert link_local(api, index) == f"fe80::ff:fe00:1{low:02x}"
    assert api.retval("sw_interface_ip6_set_link_local_address", sw_if_index=index, ip="fe80::7") == 0
    assert link_local(api, index) == "fe80::7"
    assert change_address(api, index, "fe80::7/128", add=False) == -61
    assert change_address(api, index, "fe80::8/128", add=False) == -60


def test_an_ip6_address_enables_ip6_until_it_goes(rig: Rig, api: Api) -> None:
    index, _ = rig.interface(LAN, "2001:db8::1/64")
    assert api.retval(GET_LINK_LOCAL, sw_if_index=index) == 0
    change_address(api, index, "2001:db8::1/64", add=False)
    assert api.retval(GET_LINK_LOCAL, sw_if_index=index) == -62


def bind(api: Api, index: int, external: str, internal: str = "fd00::/48", *, add: bool = True) -> int:
    """Add or delete an NPTv6 binding; return the return value."""
    values = {"sw_if_index": index, "internal": internal, "external": external}
    return api.retval("npt66_binding_add_del", is_add=add, **values)


def test_npt66_adding_replaces_and_deleting_what_is_not_there_returns_minus_6(rig: Rig, api: Api) -> None:
    index, _ = rig.interface()
    assert bind(api, index, "2001:db8:1::/48") == 0
    assert bind(api, index, "2001:db8:2::/48") == 0
    assert rig.ctl("show npt66 bindings") == "[0] internal: fd00::/48 external: 2001:db8:2::/48"
    assert [bind(api, index, "2001:db8:2::/48", add=False) for _ in range(2)] == [0, -6]
    assert rig.ctl("show npt66 bindings") == ""


def test_npt66_takes_lengths_up_to_64_and_loses_bits_of_those_that_are_no_multiple_of_8(rig: Rig, api: Api) -> None:
    index, _ = rig.interface()
    assert bind(api, index, "2001:db8::/72") == -7
    assert bind(api, index, "2001:db8:0:1230::/60", "fd00:0:0:4560::/60") == 0
    assert rig.ctl("show npt66 bindings") == "[0] internal: fd00:0:0:4500::/60 external: 2001:db8:0:1200::/60"


def test_an_npt66_binding_outlives_its_interface(rig: Rig, api: Api) -> None:
    index, _ = rig.interface()
    assert bind(api, index, "2001:db8::/48") == 0
    rig.ctl(f"delete host-interface name {LAN.removeprefix('host-')}")
    assert rig.index(rig.loopback()) == index, "the next interface gets the index, and the binding with it"
    assert [bind(api, index, "2001:db8::/48", add=False) for _ in range(2)] == [0, -6]


def translates(rig: Rig, name: str) -> bool:
    """Tell whether packets of an interface go through the NPTv6 plugin."""
    return "npt66-input" in rig.ctl(f"show interface features {name}")


def test_an_npt66_binding_that_outlived_its_interface_translates_nothing_until_it_was_deleted(
    rig: Rig, api: Api
) -> None:
    index, _ = rig.interface()
    assert bind(api, index, "2001:db8::/48") == 0
    assert translates(rig, LAN)
    rig.ctl(f"delete host-interface name {LAN.removeprefix('host-')}")
    assert bind(api, index, "2001:db8::/48", add=False) == -2, "there is no such interface"
    name = rig.loopback()
    assert rig.index(name) == index
    assert bind(api, index, "2001:db8:1::/48") == 0
    assert not translates(rig, name), "replacing it does not help"
    assert bind(api, index, "2001:db8:1::/48", add=False) == 0
    assert bind(api, index, "2001:db8:1::/48") == 0
    assert translates(rig, name)


def test_the_mtus_are_kept_as_they_come(rig: Rig, api: Api) -> None:
    index, _ = rig.interface()
    rig.ctl(f"create sub-interfaces {LAN} 100")
    assert interface(api, f"{LAN}.100").mtu == [0, 0, 0, 0], "it has its parent's"
    for name, mtu in ((LAN, [1500, 1400, 20000, 0]), (f"{LAN}.100", [0, 1300, 0, 0])):
        assert api.retval("sw_interface_set_mtu", sw_if_index=rig.index(name), mtu=mtu) == 0
        assert interface(api, name).mtu == mtu
    assert interface(api, LAN).link_mtu == 9000
    assert api.retval("sw_interface_set_mtu", sw_if_index=index + 7, mtu=[1500, 0, 0, 0]) == -2


def test_an_interface_that_goes_down_loses_its_neighbours(rig: Rig, api: Api) -> None:
    _, wire = rig.interface(LAN, "10.0.0.1/24")
    wire.send(arp(1, "10.0.0.5", "10.0.0.1"))
    wire.receive()
    assert len(api.dump("ip_neighbor_dump", sw_if_index=NO_INTERFACE)) == 1
    rig.ctl(f"set interface state {LAN} down")
    assert api.dump("ip_neighbor_dump", sw_if_index=NO_INTERFACE) == []
    assert routes(api, "10.0.0.1/32") == []
