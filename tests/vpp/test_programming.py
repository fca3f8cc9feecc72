"""What leases need is put into VPP, follows what is wanted, and leaves what others have put there as it is."""

from typing import Any

import pytest

from tests.vpp.programmed import DEFAULT, OWNER, Programmed, address, binding, lease, route
from vppdhc.vpp.items import InterfaceMtu, Item


def deeds(bench: Programmed) -> list[tuple[str, str, bool]]:
    """Return what VPP was asked to change: address or route, its prefix, and whether it was added."""
    return [
        ("route" if name == "ip_route_add_del" else "address", prefix(arguments), arguments["is_add"])
        for name, arguments in bench.faults.changes
    ]


def prefix(arguments: dict[str, Any]) -> str:
    return str(arguments["prefix"] if "prefix" in arguments else arguments["route"]["prefix"])


def test_a_lease_is_put_into_vpp_and_goes_again(bench: Programmed, wan: str) -> None:
    wanted = lease(wan)
    assert bench.programming.want(OWNER, wanted) == {}
    assert bench.addresses() == {wanted[0]}
    assert bench.routes(DEFAULT, "172.16.0.0/12") == set(wanted[1:])
    assert set(bench.programming.in_place(OWNER)) == set(wanted)
    bench.programming.withdraw(OWNER)
    assert bench.addresses() == set()
    assert bench.routes("172.16.0.0/12") == set()
    assert bench.programming.in_place(OWNER) == []
    assert bench.told == []


@pytest.mark.parametrize("table", [0, 7])
def test_a_next_hop_may_be_found_in_the_table(bench: Programmed, wan: str, table: int) -> None:
    bench.rig.ctl("ip6 table add 7")
    far = route("", "2001:db8:8000::/56", "2001:db8::ee", preference=0, table=table)
    assert bench.programming.want(OWNER, [far]) == {}
    assert bench.routes("2001:db8:8000::/56", table=table) == {far}
    assert str(far) == f"route 2001:db8:8000::/56 in IPv6 table {table} via 2001:db8::ee"
    bench.faults.changes.clear()
    bench.programming.want(OWNER, [far])
    assert bench.faults.changes == [], "it is found again"
    bench.programming.withdraw(OWNER)
    assert bench.routes("2001:db8:8000::/56", table=table) == set()
    assert bench.programming.want(OWNER, [route("", "2001:db8::/56", "2001:db8::ee", table=9)]) != {}


def test_addresses_come_before_routes_and_go_after_them(bench: Programmed, wan: str) -> None:
    bench.programming.want(OWNER, list(reversed(lease(wan))))
    assert [(what, added) for what, _, added in deeds(bench)] == [("address", True), ("route", True), ("route", True)]
    bench.faults.changes.clear()
    bench.programming.withdraw(OWNER)
    assert [(what, added) for what, _, added in deeds(bench)] == [
        ("route", False),
        ("route", False),
        ("address", False),
    ]


def test_a_new_lease_is_there_before_the_old_one_goes(bench: Programmed, wan: str) -> None:
    bench.programming.want(OWNER, lease(wan, 0))
    bench.faults.changes.clear()
    assert bench.programming.want(OWNER, lease(wan, 1)) == {}
    assert deeds(bench) == [
        ("address", "10.1.0.2/24", True),
        ("route", DEFAULT, True),
        ("route", "172.16.0.0/12", True),
        ("route", DEFAULT, False),
        ("route", "172.16.0.0/12", False),
        ("address", "10.0.0.2/24", False),
    ]
    assert bench.addresses() == {lease(wan, 1)[0]}
    assert bench.routes(DEFAULT) == {lease(wan, 1)[1]}


def test_what_stays_is_not_touched(bench: Programmed, wan: str) -> None:
    bench.programming.want(OWNER, lease(wan, host=2))
    bench.faults.changes.clear()
    bench.programming.want(OWNER, lease(wan, host=2))
    assert bench.faults.changes == []
    bench.programming.want(OWNER, lease(wan, host=7))
    assert deeds(bench) == [("address", "10.0.0.7/24", True), ("address", "10.0.0.2/24", False)]


def test_another_length_of_the_same_address_takes_its_place(bench: Programmed, wan: str) -> None:
    bench.programming.want(OWNER, [address(wan, "10.0.0.2/24")])
    assert bench.programming.want(OWNER, [address(wan, "10.0.0.2/16")]) == {}
    assert bench.addresses() == {address(wan, "10.0.0.2/16")}


@pytest.mark.parametrize(("old", "new"), [("10.0.0.2/24", "10.0.3.3/16"), ("2001:db8::2/64", "2001:db8::3/48")])
def test_an_old_address_goes_first_where_vpp_demands_it_and_its_routes_before_it(
    bench: Programmed, wan: str, old: str, new: str
) -> None:
    hop = "10.0.0.1" if "." in old else "fe80::1"
    everything = DEFAULT if "." in old else "::/0"
    bench.programming.want(OWNER, [address(wan, old), route(wan, everything, hop)])
    bench.faults.changes.clear()
    assert bench.programming.want(OWNER, [address(wan, new)]) == {}
    assert [deed[1:] for deed in deeds(bench)] == [(new, True), (everything, False), (old, False), (new, True)]
    assert bench.addresses() == {address(wan, new)}


def test_an_address_moves_from_one_interface_to_another(bench: Programmed, wan: str) -> None:
    other = bench.loopback()
    bench.place()
    bench.programming.want(OWNER, lease(wan))
    assert bench.programming.want(OWNER, lease(other)) == {}
    assert bench.addresses() == {lease(other)[0]}
    assert bench.routes(DEFAULT) == {lease(other)[1]}


def test_another_preference_of_a_route_takes_effect(bench: Programmed, wan: str) -> None:
    bench.programming.want(OWNER, [route(wan, DEFAULT, "10.0.0.1", 10)])
    assert bench.programming.want(OWNER, [route(wan, DEFAULT, "10.0.0.1", 20)]) == {}
    assert bench.routes(DEFAULT) == {route(wan, DEFAULT, "10.0.0.1", 20)}
    bench.programming.withdraw(OWNER)
    assert "dpo-drop" in bench.forwards(DEFAULT)


def test_routes_of_all_kinds_and_both_families(bench: Programmed, wan: str) -> None:
    bench.rig.ctl("ip table add 7")
    wanted: list[Item] = [
        address(wan, "10.0.0.2/24"),
        address(wan, "2001:db8::2/64"),
        route(wan, DEFAULT, "10.0.0.1", table=7),
        route(wan, "10.9.0.0/16"),
        route("", "10.8.0.0/16", kind="drop"),
        route(wan, "::/0", "fe80::1"),
        route("", "2001:db8:8::/48", kind="unreachable"),
    ]
    assert bench.programming.want(OWNER, wanted) == {}
    assert bench.routes(DEFAULT, table=7) == {wanted[2]}
    assert bench.routes("10.9.0.0/16", "10.8.0.0/16", "::/0", "2001:db8:8::/48") == set(wanted[3:])
    bench.faults.changes.clear()
    bench.later()
    assert bench.faults.changes == [], "all of them are found again"
    bench.programming.withdraw(OWNER)
    assert bench.addresses() == set()
    assert bench.routes("10.9.0.0/16", "10.8.0.0/16", "2001:db8:8::/48") == set()


def test_the_paths_of_others_for_the_same_prefix_stay(bench: Programmed, wan: str) -> None:
    theirs = route(wan, DEFAULT, "10.0.0.9", 5)
    bench.other_route(theirs)
    bench.programming.want(OWNER, lease(wan))
    assert bench.routes(DEFAULT) == {theirs, lease(wan)[1]}
    bench.programming.withdraw(OWNER)
    assert bench.routes(DEFAULT) == {theirs}


def test_what_is_there_already_is_used_and_stays(bench: Programmed, wan: str) -> None:
    wanted = lease(wan)
    bench.other_address(address(wan, "10.0.0.2/24"))
    bench.other_route(route(wan, DEFAULT, "10.0.0.1", 10))
    bench.other_route(route(wan, "172.16.0.0/12", "10.0.0.3", 99))
    assert bench.programming.want(OWNER, wanted) == {}
    assert bench.faults.changes == []
    assert set(bench.programming.in_place(OWNER)) == set(wanted)
    bench.programming.withdraw(OWNER)
    assert bench.faults.changes == []
    assert bench.addresses() == {wanted[0]}
    assert bench.routes(DEFAULT, "172.16.0.0/12") == {wanted[1], route(wan, "172.16.0.0/12", "10.0.0.3", 99)}


def test_what_others_had_and_took_away_becomes_ours(bench: Programmed, wan: str) -> None:
    ours = address(wan, "10.0.0.2/24")
    bench.other_address(ours)
    bench.programming.want(OWNER, [ours])
    bench.other_address(ours, add=False)
    bench.place(again=True)
    assert bench.addresses() == {ours}
    bench.programming.withdraw(OWNER)
    assert bench.addresses() == set()


def test_a_route_of_the_command_line_comes_back_when_ours_goes(bench: Programmed, wan: str) -> None:
    bench.other_address(address(wan, "10.0.0.7/24"))
    assert bench.rig.ctl(f"ip route add {DEFAULT} via 10.0.0.8 {wan}") == ""
    bench.programming.want(OWNER, [route(wan, DEFAULT, "10.0.0.1")])
    assert bench.routes(DEFAULT) == {route(wan, DEFAULT, "10.0.0.1")}
    bench.programming.withdraw(OWNER)
    assert bench.routes(DEFAULT) == {route(wan, DEFAULT, "10.0.0.8", 0)}


def test_a_route_that_a_connected_network_hides_is_no_drift(bench: Programmed, wan: str) -> None:
    hidden = route(wan, "10.0.0.0/24", "10.0.0.1")
    assert bench.programming.want(OWNER, [address(wan, "10.0.0.2/24"), hidden]) == {}
    for _ in range(2):
        bench.later()
    assert bench.told == []
    bench.programming.want(OWNER, [hidden])
    assert bench.routes("10.0.0.0/24") == {hidden}
    bench.programming.withdraw(OWNER)
    assert bench.routes("10.0.0.0/24") == set()


def test_two_owners_share_what_they_want_alike(bench: Programmed, wan: str) -> None:
    both = route("", "10.8.0.0/16", kind="unreachable")
    bench.programming.want("a", [both, address(wan, "10.0.0.2/24")])
    bench.programming.want("b", [both, address(wan, "10.0.0.3/24")])
    bench.programming.withdraw("a")
    assert bench.routes("10.8.0.0/16") == {both}
    assert bench.addresses() == {address(wan, "10.0.0.3/24")}
    bench.programming.withdraw("b")
    assert bench.routes("10.8.0.0/16") == set()


def test_of_two_items_that_exclude_each_other_the_first_is_taken(bench: Programmed, wan: str) -> None:
    first, second = InterfaceMtu(wan, 1400), InterfaceMtu(wan, 1300)
    assert bench.programming.want("a", [first]) == {}
    assert "for a" in bench.programming.want("b", [second])[second]
    assert bench.ip4_mtu(wan) == 1400
    bench.programming.withdraw("a")
    assert bench.ip4_mtu(wan) == 1300
    assert bench.programming.problems("b") == {}


def test_an_mtu_is_set_and_what_was_before_comes_back(bench: Programmed, wan: str) -> None:
    bench.rig.ctl(f"create sub-interfaces {wan} 100")
    bench.place()
    for name in (wan, f"{wan}.100"):
        assert bench.programming.want(OWNER, [InterfaceMtu(name, 1400)]) == {}
        assert bench.ip4_mtu(name) == 1400
        assert bench.programming.want(OWNER, [InterfaceMtu(name, 1300)]) == {}
        assert bench.ip4_mtu(name) == 1300
        bench.programming.withdraw(OWNER)
        assert bench.ip4_mtu(name) == 0


def test_an_mtu_that_somebody_sets_meanwhile_is_not_taken_away(bench: Programmed, wan: str) -> None:
    def set_mtu(mtu: int) -> None:
        bench.vpp.call("sw_interface_set_mtu", sw_if_index=bench.rig.index(wan), mtu=[9000, mtu, 0, 0])

    set_mtu(1450)
    bench.programming.want(OWNER, [InterfaceMtu(wan, 1400)])
    set_mtu(1420)
    bench.later()
    bench.place(again=True)
    assert bench.ip4_mtu(wan) == 1400
    set_mtu(1420)
    bench.programming.withdraw(OWNER)
    assert bench.ip4_mtu(wan) == 1420


def test_an_mtu_that_the_link_does_not_carry_is_refused(bench: Programmed, wan: str) -> None:
    item = InterfaceMtu(wan, 9001)
    assert bench.programming.want(OWNER, [item]) == {item: f"{wan} carries no more than 9000 octets"}
    assert bench.ip4_mtu(wan) == 0


def test_a_binding_is_replaced_in_one_call_and_goes(bench: Programmed, wan: str) -> None:
    assert bench.programming.want(OWNER, [binding(wan, "2001:db8:1::/48")]) == {}
    assert bench.bindings() == ["fd00::/48 2001:db8:1::/48"]
    bench.faults.changes.clear()
    assert bench.programming.want(OWNER, [binding(wan, "2001:db8:2::/48")]) == {}
    assert [arguments["is_add"] for _, arguments in bench.faults.changes] == [True]
    assert bench.bindings() == ["fd00::/48 2001:db8:2::/48"]
    bench.later()
    assert len(bench.faults.changes) == 1, "there is no way to look, and no need to do it again"
    bench.programming.withdraw(OWNER)
    assert bench.bindings() == []


def test_what_somebody_takes_away_is_put_back_and_told(bench: Programmed, wan: str) -> None:
    wanted = lease(wan)
    bench.programming.want(OWNER, wanted)
    bench.other_address(address(wan, "10.0.0.2/24"), add=False)
    bench.other_route(route(wan, DEFAULT, "10.0.0.1"), add=False)
    bench.place(again=True)
    assert bench.addresses() == {wanted[0]}
    assert bench.routes(DEFAULT) == {wanted[1]}
    assert [item for item, reason in bench.told if reason] == wanted[:2]
    assert [item for item, reason in bench.told if not reason] == wanted[:2]


@pytest.mark.parametrize("seen", [True, False])
def test_a_missing_address_is_noticed_with_the_interfaces(bench: Programmed, wan: str, seen: bool) -> None:
    """seen: whether the table of interfaces had it before."""
    bench.programming.want(OWNER, lease(wan))
    if seen:
        bench.place()
    bench.other_address(address(wan, "10.0.0.2/24"), add=False)
    bench.place()
    assert bench.addresses() == {lease(wan)[0]}


def test_nothing_is_asked_of_vpp_where_nothing_is_to_be_done(bench: Programmed, wan: str) -> None:
    bench.programming.want(OWNER, lease(wan))
    bench.place()
    bench.faults.silent = {"ip_route_lookup"}
    bench.programming.place(bench.faults)
    bench.faults.silent = set()


def test_an_interface_that_is_not_there_is_waited_for(bench: Programmed) -> None:
    wanted = lease("loop0")
    problems = bench.programming.want(OWNER, wanted)
    assert problems[wanted[0]] == "VPP has no interface loop0"
    assert set(problems) == set(wanted)
    assert bench.loopback() == "loop0"
    bench.place()
    assert bench.programming.problems(OWNER) == {}
    assert bench.addresses() == {wanted[0]}
    assert bench.routes(DEFAULT) == {wanted[1]}


def test_the_interface_table_shows_our_addresses_as_any_others(bench: Programmed, wan: str) -> None:
    ours = address(wan, "10.0.0.2/24")
    bench.programming.want(OWNER, [ours])
    bench.place()
    interface = bench.table.named(wan)
    assert interface is not None
    assert interface.addresses4 == (ours.address,)
