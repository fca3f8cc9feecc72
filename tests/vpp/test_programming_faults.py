"""What VPP refuses, forgets or never answers: said, tried again, and never half done."""

from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import gevent
import pytest
from gevent.event import Event
from structlog.testing import capture_logs

from tests.vpp.conftest import VirtualClock
from tests.vpp.programmed import CHANGES, DEFAULT, OWNER, Faults, Programmed, address, binding, lease, route
from tests.vppsim.rig import SimulatorRig
from vppdhc.vpp.errors import VppGoneError, VppTimeoutError
from vppdhc.vpp.items import InterfaceMtu, Item

EVERYTHING_CHANGES = sorted(CHANGES)


def everything(interface: str, number: int = 0) -> list[Item]:
    """Return an item of each kind, all of them other ones for another number."""
    return [
        *lease(interface, number),
        InterfaceMtu(interface, 1400 + number),
        binding(interface, f"2001:db8:{number}::/48"),
        route("", f"2001:db8:{number}::/48", kind="unreachable"),
    ]


def ours(bench: Programmed) -> set[Item]:
    """Return what the router has of everything(), of whatever number."""
    prefixes = [DEFAULT, "172.16.0.0/12", *(f"2001:db8:{number}::/48" for number in range(3))]
    routes = [item for item in bench.routes(*prefixes) if (item.kind, str(item.prefix)) != ("drop", DEFAULT)]
    mtus = [InterfaceMtu(one.name, mtu) for one in bench.table if (mtu := bench.ip4_mtu(one.name))]
    bindings = [binding("loop0", text.split()[1]) for text in bench.bindings()]  # VPP does not show on which interface
    return {*bench.addresses(), *routes, *mtus, *bindings}


# --- what VPP refuses


def test_a_network_that_another_interface_has_is_refused_in_words_and_with_it_its_routes(
    bench: Programmed, wan: str
) -> None:
    lan = bench.loopback()
    bench.other_address(address(lan, "10.0.0.200/25"))
    bench.place()
    wanted = [*lease(wan), route("", "10.8.0.0/16", kind="drop")]
    problems = bench.programming.want(OWNER, wanted)
    assert problems == {
        wanted[0]: f"10.0.0.2/24 overlaps 10.0.0.200/25 of interface {lan} in the same table: "
        f"renumber that one, or put {wan} into another table",
        wanted[1]: f"not without the address 10.0.0.2/24 on {wan}",
        wanted[2]: f"not without the address 10.0.0.2/24 on {wan}",
    }
    assert bench.routes(DEFAULT, "172.16.0.0/12") == {route("", DEFAULT, kind="drop", preference=0)}
    assert bench.routes("10.8.0.0/16") == {wanted[3]}, "what is not over the interface has nothing to do with it"
    assert bench.told == [(wanted[0], problems[wanted[0]])]
    bench.other_address(address(lan, "10.0.0.200/25"), add=False)
    bench.place()
    assert bench.programming.problems(OWNER) == {}
    assert bench.addresses() == {wanted[0]}
    assert bench.routes(DEFAULT) == {wanted[1]}
    assert bench.told[1:] == [(wanted[0], "")]


def test_the_network_of_another_table_is_no_obstacle(bench: Programmed, wan: str) -> None:
    bench.rig.ctl("ip table add 7")
    lan = bench.loopback()
    bench.rig.ctl(f"set interface ip table {lan} 7")
    bench.other_address(address(lan, "10.0.0.1/24"))
    bench.place()
    assert bench.programming.want(OWNER, lease(wan)) == {}


def test_a_network_that_nobody_knew_of_yet_is_named_as_well(bench: Programmed, wan: str) -> None:
    lan = bench.loopback()
    bench.place()
    bench.other_address(address(lan, "2001:db8::1/64"))  # not read yet
    (reason,) = bench.programming.want(OWNER, [address(wan, "2001:db8::2/64")]).values()
    assert f"2001:db8::1/64 of interface {lan}" in reason


def test_the_same_address_of_somebody_else_with_another_length_is_left_alone(bench: Programmed, wan: str) -> None:
    theirs = address(wan, "10.0.0.2/16")
    bench.other_address(theirs)
    bench.place()
    (reason, *_) = bench.programming.want(OWNER, lease(wan)).values()
    assert reason == f"10.0.0.2/24 overlaps 10.0.0.2/16, which somebody else put on {wan}: take one of them away"
    bench.programming.withdraw(OWNER)
    assert bench.addresses() == {theirs}


def test_an_address_that_somebody_replaced_by_another_length_is_theirs(bench: Programmed, wan: str) -> None:
    bench.programming.want(OWNER, lease(wan))
    bench.other_address(address(wan, "10.0.0.2/24"), add=False)
    bench.other_address(address(wan, "10.0.0.2/16"))
    bench.place()
    assert set(bench.programming.problems(OWNER)) == set(lease(wan))
    assert bench.routes("172.16.0.0/12") == set(), "no route without the address"
    bench.programming.withdraw(OWNER)
    assert bench.addresses() == {address(wan, "10.0.0.2/16")}


def test_a_route_stays_for_an_owner_who_has_its_address(bench: Programmed, wan: str) -> None:
    lan = bench.loopback()
    bench.other_address(address(lan, "10.1.0.1/24"))
    bench.place()
    shared = route(wan, "172.16.0.0/12", "10.0.0.3")
    assert bench.programming.want("a", [address(wan, "10.0.0.2/24"), shared]) == {}
    assert set(bench.programming.want("b", [address(wan, "10.1.0.2/24"), shared])) == {address(wan, "10.1.0.2/24")}
    assert bench.routes("172.16.0.0/12") == {shared}


def test_a_route_to_a_link_local_address_needs_no_address_of_the_owner(bench: Programmed, wan: str) -> None:
    """Packets of the LANs go that way, whatever becomes of the router's own address."""
    lan = bench.loopback()
    bench.other_address(address(lan, "2001:db8::1/64"))
    bench.rig.ctl(f"enable ip6 interface {wan}")
    bench.place()
    way, other_way = route(wan, "::/0", "fe80::1"), route(wan, "2001:db8:9::/48", "2001:db8::9")
    refused = bench.programming.want(OWNER, [address(wan, "2001:db8::50/128"), way, other_way])
    assert set(refused) == {address(wan, "2001:db8::50/128"), other_way}
    assert way in bench.routes("::/0")


def test_what_is_refused_is_told_once_for_each_reason_and_tried_ever_more_seldom(bench: Programmed, wan: str) -> None:
    item = route(wan, DEFAULT, "10.0.0.1")
    with bench.refusing("ip_route_add_del"), capture_logs() as logs:
        assert "-1 (UNSPECIFIED)" in bench.programming.want(OWNER, [item])[item]
        tries = []
        for second in range(200):
            before = len(bench.faults.changes)
            bench.later(1.0)
            tries += [second] if len(bench.faults.changes) > before else []
    assert len(bench.told) == 1
    assert len([line for line in logs if line["event"] == "VPP refuses what a lease needs"]) == 1
    waits = [later - earlier for earlier, later in pairwise(tries)]
    assert waits == [2, 4, 8, 16, 32, 60, 60]
    with bench.refusing("ip_route_add_del", -2):
        bench.later()
    assert "-2" in bench.told[1][1]
    bench.later()
    assert bench.told[2:] == [(item, "")]
    assert bench.routes(DEFAULT) == {item}


def test_a_new_want_does_not_wait_for_the_next_try(bench: Programmed, wan: str) -> None:
    with bench.refusing("sw_interface_add_del_address"):
        bench.programming.want(OWNER, lease(wan))
    assert bench.programming.want(OWNER, lease(wan)) == {}


def test_somebody_who_hurries_does_not_wait_for_the_next_try(bench: Programmed, wan: str) -> None:
    with bench.refusing("sw_interface_add_del_address"):
        bench.programming.want(OWNER, lease(wan))
    assert set(bench.programming.missing) == set(lease(wan))
    bench.place(again=True)
    assert bench.addresses() == set()
    bench.programming.hurry()
    bench.place()
    assert bench.programming.missing == {}
    assert bench.addresses() == {lease(wan)[0]}


def test_a_table_that_is_not_there_is_said_in_words(bench: Programmed, wan: str) -> None:
    item = route(wan, DEFAULT, "10.0.0.1", table=7)
    reason = "VPP has no IPv4 table 7: make it, or choose another one"
    assert bench.programming.want(OWNER, [address(wan, "10.0.0.2/24"), item]) == {item: reason}
    bench.rig.ctl("ip table add 7")
    bench.later()
    assert bench.routes(DEFAULT, table=7) == {item}
    bench.rig.ctl("ip table del 7")
    bench.place(again=True)
    assert bench.programming.problems(OWNER) == {item: reason}
    bench.programming.withdraw(OWNER)
    assert bench.addresses() == set()


def test_a_vpp_without_npt66_is_told_what_it_lacks(start: Callable[..., SimulatorRig], tmp_path: Path) -> None:
    bench = Programmed(start("--no-npt66"), tmp_path, VirtualClock())
    name = bench.loopback()
    bench.place()
    item = binding(name, "2001:db8::/48")
    assert "npt66_plugin.so { enable }" in bench.programming.want(OWNER, [item, InterfaceMtu(name, 1400)])[item]
    assert bench.ip4_mtu(name) == 1400
    bench.close()


def test_what_vpp_does_not_take_away_is_said_and_tried_again(bench: Programmed, wan: str) -> None:
    wanted = lease(wan)
    bench.programming.want(OWNER, wanted)
    with bench.refusing("sw_interface_add_del_address"):
        bench.programming.withdraw(OWNER)
        bench.later()
    assert bench.addresses() == {wanted[0]}
    assert bench.routes("172.16.0.0/12") == set()
    ((item, reason),) = bench.told
    assert (item, reason.startswith("cannot be taken away: ")) == (wanted[0], True)
    bench.later()
    assert bench.addresses() == set()
    assert bench.told[1:] == [(wanted[0], "")]


def test_a_vpp_that_cannot_be_asked_for_routes_gets_none(bench: Programmed, wan: str) -> None:
    with bench.refusing("ip_route_lookup"):
        problems = bench.programming.want(OWNER, lease(wan))
    assert set(problems) == set(lease(wan)[1:])
    assert bench.addresses() == {lease(wan)[0]}
    bench.later()
    assert bench.routes(DEFAULT) == {lease(wan)[1]}


# --- what VPP does not answer


@pytest.mark.parametrize("name", [*EVERYTHING_CHANGES, "ip_address_dump", "ip_route_lookup", "sw_interface_dump"])
@pytest.mark.parametrize("obeyed", [True, False])
def test_a_call_without_reply_leaves_what_the_next_pass_makes_good(
    bench: Programmed, wan: str, name: str, obeyed: bool
) -> None:
    """The same for what is put, what is changed and what is taken away."""
    for wanted in (everything(wan), everything(wan, 1), []):
        silence = bench.faults.lost if obeyed else bench.faults.silent
        silence.add(name)
        bench.programming.want(OWNER, wanted)
        with suppress(VppTimeoutError):
            bench.programming.place(bench.faults)
        silence.clear()
        bench.reconnect()
        assert ours(bench) == set(wanted)
        assert bench.programming.problems(OWNER) == {}
    assert bench.faults.unanswered > 1
    assert bench.told == []


def test_whoever_is_ended_while_it_waits_leaves_what_the_next_pass_makes_good(bench: Programmed, wan: str) -> None:
    for number in range(12):
        wanted = everything(wan, number % 3)
        greenlet = gevent.spawn(bench.programming.want, OWNER, wanted)
        gevent.sleep(0.0003 * number)
        greenlet.kill()
        bench.place()
        assert ours(bench) == set(wanted)


# --- a VPP that goes and comes back


@pytest.mark.parametrize("changes", range(6))
def test_a_vpp_that_dies_in_the_middle_gets_everything_anew(bench: Programmed, wan: str, changes: int) -> None:
    wanted = everything(wan)
    bench.faults.vanish_at = changes
    assert bench.programming.want(OWNER, wanted) == {}
    with pytest.raises(VppGoneError):
        bench.place()
    bench.restart_router()
    bench.loopback()
    bench.place()
    assert ours(bench) == set(wanted)
    bench.programming.withdraw(OWNER)
    assert ours(bench) == set()
    assert bench.told == []


def test_what_is_wanted_while_there_is_no_vpp_is_done_when_it_is_back(bench: Programmed, wan: str) -> None:
    bench.programming.want(OWNER, everything(wan))
    bench.restart_router()
    assert bench.programming.want(OWNER, everything(wan, 1)) == {}
    assert bench.programming.problems(OWNER) == {}
    assert bench.programming.in_place(OWNER) == []
    bench.loopback()
    bench.place()
    assert ours(bench) == set(everything(wan, 1))


def test_after_a_restart_of_vpp_what_its_configuration_brings_is_not_ours(bench: Programmed, wan: str) -> None:
    bench.programming.want(OWNER, lease(wan))
    bench.restart_router()
    bench.loopback()
    bench.other_address(address(wan, "10.0.0.2/24"))
    bench.place()
    bench.programming.withdraw(OWNER)
    assert bench.addresses() == {address(wan, "10.0.0.2/24")}


def test_who_waited_while_vpp_went_forgets_nothing(bench: Programmed, wan: str) -> None:
    """The table of interfaces is empty then, but that does not mean that they have gone."""
    bench.programming.want(OWNER, everything(wan))
    bench.place()
    going, waits = Event(), Event()

    class Slow(Faults):
        def call(self, name: str, /, **arguments: object) -> object:
            waits.set()
            going.wait()
            raise VppGoneError("gone")

    bench.programming.place(Slow(bench.vpp))
    first = gevent.spawn(bench.programming.want, OWNER, everything(wan, 1))
    waits.wait()
    second = gevent.spawn(bench.programming.want, "another", [])
    gevent.sleep(0)
    bench.lose()
    going.set()
    gevent.joinall([first, second], raise_error=True)
    bench.place()
    assert ours(bench) == set(everything(wan, 1))
    bench.programming.withdraw(OWNER)
    assert ours(bench) == set()


def test_several_callers_take_turns(bench: Programmed, wan: str) -> None:
    names = [wan, *(bench.loopback() for _ in range(4))]
    bench.place()
    greenlets = [gevent.spawn(bench.programming.want, name, lease(name, n)) for n, name in enumerate(names)]
    gevent.joinall(greenlets, raise_error=True)
    assert [greenlet.value for greenlet in greenlets] == [{}] * len(names)
    assert bench.addresses() == {lease(name, n)[0] for n, name in enumerate(names)}
    assert bench.routes(DEFAULT) == {lease(name, n)[1] for n, name in enumerate(names)}
    bench.faults.changes.clear()
    bench.place(again=True)
    assert bench.faults.changes == []


# --- interfaces that go and come back


@pytest.mark.parametrize("heard", [True, False])
def test_an_interface_that_comes_back_with_its_index_gets_everything_anew(
    bench: Programmed, wan: str, heard: bool
) -> None:
    """heard: by an event of VPP; else it happens while the daemon is away."""
    wanted = everything(wan)
    bench.programming.want(OWNER, wanted)
    index = bench.rig.index(wan)
    if not heard:
        bench.lose()
    bench.delete(wan)
    assert bench.loopback() == wan
    assert bench.rig.index(wan) == index
    bench.place(again=not heard)
    assert ours(bench) == set(wanted)
    assert wan in bench.forwards(DEFAULT), "the route leads somewhere again"
    assert "npt66-input" in bench.rig.ctl(f"show interface features {wan}")
    bench.programming.withdraw(OWNER)
    assert ours(bench) == set()


@pytest.mark.parametrize("external", ["2001:db8:1::/48", "2001:db8:2::/48"])
def test_without_an_address_of_ours_routes_and_bindings_are_made_anew_after_a_restart(
    bench: Programmed, wan: str, external: str
) -> None:
    wanted: list[Item] = [route(wan, DEFAULT, "10.0.0.1"), binding(wan, "2001:db8:1::/48")]
    bench.other_address(address(wan, "10.0.0.2/24"))
    bench.programming.want(OWNER, wanted)
    bench.lose()
    bench.delete(wan)
    assert bench.loopback() == wan
    bench.other_address(address(wan, "10.0.0.2/24"))
    bench.start()
    assert bench.routes(DEFAULT) == {wanted[0]}, "nobody has said anything yet"
    wanted[1] = binding(wan, external)
    assert bench.programming.want(OWNER, wanted) == {}
    assert bench.bindings() == [f"fd00::/48 {external}"]
    assert wan in bench.forwards(DEFAULT)
    assert "npt66-input" in bench.rig.ctl(f"show interface features {wan}")


def test_a_translation_that_works_proves_that_nothing_is_dead(bench: Programmed, wan: str) -> None:
    """So neither it nor the routes of its interface go away for a moment when the daemon starts again."""
    wanted: list[Item] = [route(wan, "::/0", "fe80::1"), binding(wan, "2001:db8:1::/48")]
    bench.rig.ctl(f"enable ip6 interface {wan}")
    bench.programming.want(OWNER, wanted)
    for external in ("2001:db8:1::/48", "2001:db8:2::/48"):
        bench.start()
        bench.faults.changes.clear()
        assert bench.programming.want(OWNER, [wanted[0], binding(wan, external)]) == {}
        assert [(name, arguments["is_add"]) for name, arguments in bench.faults.changes] == [
            ("npt66_binding_add_del", True)
        ]
        assert bench.bindings() == [f"fd00::/48 {external}"]
    bench.programming.withdraw(OWNER)
    assert bench.bindings() == []


def test_a_vpp_that_says_nothing_of_its_features_proves_nothing(bench: Programmed, wan: str) -> None:
    wanted = binding(wan, "2001:db8:1::/48")
    bench.programming.want(OWNER, [wanted])
    with bench.refusing("cli_inband"):
        bench.start()
        assert bench.programming.want(OWNER, [wanted]) == {}
    assert bench.bindings() == ["fd00::/48 2001:db8:1::/48"]


def test_an_index_that_another_interface_gets_has_nothing_of_ours(bench: Programmed, wan: str) -> None:
    assert wan == "loop0"
    other = bench.loopback()
    bench.place()
    bench.programming.want(OWNER, everything(wan))
    bench.delete(wan)
    bench.delete(other)
    indexes = bench.loopback(), bench.loopback()  # VPP gives the last one that was given back first
    assert indexes == (wan, other)
    bench.place()
    assert ours(bench) == set(everything(wan))
    assert wan in bench.forwards(DEFAULT)
    assert "npt66-input" not in bench.rig.ctl(f"show interface features {other}")
    bench.programming.withdraw(OWNER)
    assert ours(bench) == set()


def test_a_route_over_an_interface_that_has_gone_does_not_hide_others(bench: Programmed, wan: str) -> None:
    backup = bench.loopback()
    bench.other_address(address(backup, "10.5.0.2/24"))
    assert bench.rig.ctl(f"ip route add {DEFAULT} via 10.5.0.1 {backup}") == ""
    bench.place()
    bench.programming.want(OWNER, lease(wan))
    bench.delete(wan)
    bench.place()
    assert bench.routes(DEFAULT) == {route(backup, DEFAULT, "10.5.0.1", 0)}
    assert bench.routes("172.16.0.0/12") == set()


def test_a_dead_path_beside_those_of_others_waits_until_it_can_be_taken_away(bench: Programmed, wan: str) -> None:
    backup = bench.loopback()
    bench.other_address(address(backup, "10.5.0.2/24"))
    theirs = route(backup, DEFAULT, "10.5.0.1", 50)
    bench.other_route(theirs)
    bench.place()
    bench.programming.want(OWNER, lease(wan))
    index = bench.rig.index(wan)
    bench.delete(wan)
    bench.programming.withdraw(OWNER)
    assert bench.routes(DEFAULT) == {theirs, route(f"index {index}", DEFAULT, "10.0.0.1")}
    assert backup in bench.forwards(DEFAULT)
    bench.start()
    bench.loopback()
    bench.place()
    assert bench.routes(DEFAULT) == {theirs}
