"""What a router has behind each kind of change, read back over its API and its command line; and meanwhile."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network
from itertools import pairwise

from tests.dhc6pdclient.delegated import lease
from tests.dhc6pdclient.tenancy import INTERNAL, NEW, OLD, SERVER, advertisement, has, prefix
from tests.dhc6pdclient.tenanted import (
    LAN0,
    LANS,
    NPT,
    WAN,
    Tenanted,
    Watcher,
    lan_addresses,
    reject,
    wan_address,
    way,
)
from vppdhc.dhc6pdclient.bindings import NOTHING, Lease
from vppdhc.dhc6pdclient.config import ClientConfig, DefaultRoute
from vppdhc.packet.nd_options import Preference
from vppdhc.vpp.items import NptBinding

Make = Callable[[ClientConfig], Tenanted]
ADDRESS = "2001:db8:ff::50"
OTHER_ADDRESS = "2001:db8:ff::51"


def npt(external: str) -> NptBinding:
    return NptBinding(WAN, INTERNAL, IPv6Network(external))


def renewed(made: Tenanted, *delegated: str | Lease) -> None:
    """Have the server grant prefixes, a second behind what was before."""
    made.clock.now += 1
    made.adopt(has(*delegated, now=made.clock.now))


def test_translation_comes_changes_and_goes(on_router: Make) -> None:
    made = on_router(NPT)
    renewed(made, OLD)
    assert made.present(OLD, NEW) == {npt(OLD), reject(INTERNAL)}
    renewed(made, OLD)
    assert made.present(OLD, NEW) == {npt(OLD), reject(INTERNAL)}
    renewed(made, NEW, lease(OLD, granted_at=made.clock.now))
    assert made.present(OLD, NEW) == {npt(NEW), reject(INTERNAL), reject(OLD)}
    renewed(made, NEW)
    assert made.present(OLD, NEW) == {npt(NEW), reject(INTERNAL)}
    made.adopt(NOTHING)
    assert made.present(OLD, NEW) == {reject(INTERNAL)}
    made.tenant.withdraw()
    assert made.present(OLD, NEW) == set()


def test_lans_get_change_and_lose_prefixes(on_router: Make) -> None:
    made = on_router(LANS)
    renewed(made, OLD)
    assert made.present(OLD, NEW) == {*lan_addresses(OLD), reject(OLD)}
    renewed(made, OLD, NEW)
    assert made.present(OLD, NEW) == {*lan_addresses(OLD), *lan_addresses(NEW), reject(OLD), reject(NEW)}
    renewed(made, NEW)
    assert made.present(OLD, NEW) == {*lan_addresses(NEW), reject(NEW)}
    made.later(8000)
    assert made.present(OLD, NEW) == set(), "it has ended"


def test_addresses_come_change_and_go(on_router: Make) -> None:
    made = on_router(replace(ClientConfig(), slaac=True))
    now = made.clock.now
    made.adopt(has(addresses=[f"{ADDRESS}/128"], now=now))
    assert made.present() == {wan_address(ADDRESS)}
    made.hear(advertisement("fe80::a", 1800, prefix("2001:db8:ff::/64", valid=7300, preferred=100)))
    (own,) = made.tenant.slaac
    assert made.present() == {wan_address(ADDRESS), wan_address(own.address), way("fe80::a")}
    made.adopt(has(addresses=[f"{OTHER_ADDRESS}/128"], now=now))
    assert made.present() == {wan_address(OTHER_ADDRESS), wan_address(own.address), way("fe80::a")}
    made.duplicates.users = {IPv6Address(ADDRESS)}
    made.adopt(has(addresses=[f"{ADDRESS}/128"], now=now))
    assert made.present() == {wan_address(own.address), way("fe80::a")}
    made.later(7300)
    assert made.present() == set()


def test_default_routes_follow_the_routers(on_router: Make) -> None:
    made = on_router(ClientConfig())
    made.hear(advertisement("fe80::a", 1800))
    made.hear(advertisement("fe80::b", 900))
    assert made.present() == {way("fe80::a"), way("fe80::b")}
    assert "fe80::a" in made.bench.rig.ctl("show ip6 fib ::/0"), "and packets go there"
    made.hear(advertisement("fe80::c", 300, preference=Preference.HIGH))
    assert made.present() == {way("fe80::c")}
    made.later(300)
    assert made.present() == {way("fe80::a"), way("fe80::b")}
    made.hear(advertisement("fe80::a", 0))
    assert made.present() == {way("fe80::b")}
    made.later(900)
    assert made.present() == set()


def test_a_default_route_to_the_server_and_into_another_table(on_router: Make) -> None:
    made = on_router(replace(LANS, default_route=DefaultRoute.SERVER, route_table=7, route_preference=3))
    made.bench.rig.ctl("ip6 table add 7")
    made.adopt(has(OLD, now=made.clock.now))
    assert made.tenant.problem == ""
    ((route),) = made.bench.routes("::/0", table=7) - {replace(reject("::/0"), table=7, preference=0, kind="drop")}
    assert (route.next_hop, route.interface, route.preference) == (SERVER, WAN, 3)
    assert made.bench.routes(OLD, table=7) == {replace(reject(OLD), table=7)}
    assert str(SERVER) in made.bench.rig.ctl("show ip6 fib table 7 ::/0")


def test_a_route_over_a_link_local_address_needs_no_address_of_ours(on_router: Make) -> None:
    """An address that VPP refuses must not cut the LANs off."""
    made = on_router(LANS)
    made.bench.rig.ctl(f"set interface ip address {LAN0} 2001:db8:ff::1/64")
    made.bench.place()
    made.hear(advertisement())
    outcome = made.tenant.adopt(has(OLD, addresses=[f"{ADDRESS}/128"], now=made.clock.now))
    assert f"overlaps 2001:db8:ff::1/64 of interface {LAN0}" in outcome.problem
    assert way("fe80::a") in made.present(OLD)


def test_a_vpp_that_comes_back_gets_everything_anew(on_router: Make) -> None:
    made = on_router(NPT)
    made.hear(advertisement("fe80::a", 9000))
    made.adopt(has(OLD, addresses=[f"{ADDRESS}/128"], now=made.clock.now))
    before = made.present(OLD)
    assert len(before) == 4
    made.bench.restart_router()
    made.furnish()
    made.bench.place()
    assert made.present(OLD) == before
    assert "npt66-input" in made.bench.rig.ctl(f"show interface features {WAN}")


# --- meanwhile


def watched(made: Tenanted) -> Watcher:
    """Have somebody look at the router behind each call from now on."""
    watcher = Watcher(made.bench.vpp, made.bench)
    made.bench.faults = watcher
    made.bench.programming.place(watcher)
    return watcher


def test_a_renumbering_never_leaves_two_translations_nor_none(on_router: Make) -> None:
    made = on_router(NPT)
    made.hear(advertisement("fe80::a", 9000))
    prefixes = [f"2001:db8:{number:x}::/48" for number in range(1, 9)]
    made.adopt(has(prefixes[0], addresses=[f"{ADDRESS}/128"], now=made.clock.now))
    watcher = watched(made)
    for before, after in pairwise(prefixes):
        made.clock.now += 10
        if int(after[9:-5], 16) % 2:  # the old one keeps its time, or has gone at once
            made.adopt(has(after, lease(before, granted_at=made.clock.now - 10), now=made.clock.now))
        made.adopt(has(after, addresses=[f"{ADDRESS}/128"], now=made.clock.now))
        assert [bindings for bindings, _ in watcher.seen[-1:]] == [[f"{INTERNAL} {after}"]]
    assert watcher.calls.count("npt66_binding_add_del") == len(prefixes) - 1
    assert all(len(bindings) == 1 for bindings, _ in watcher.seen)
    assert {bindings[0].split()[1] for bindings, _ in watcher.seen} == set(prefixes[1:])


def test_a_restart_of_the_daemon_leaves_the_translation_in_place(on_router: Make) -> None:
    """Also where no address of ours is on the interface, by which VPP could be known again."""
    made = on_router(NPT)
    made.adopt(has(OLD, now=made.clock.now))
    watcher = watched(made)
    made.start_again()
    made.bench.reconnect()
    made.adopt(has(NEW, now=made.clock.now))
    made.start_again()
    watcher.look()
    assert all(len(bindings) == 1 for bindings, _ in watcher.seen)
    assert watcher.seen[-1][0] == [f"{INTERNAL} {NEW}"]
    removed = [arguments for name, arguments in watcher.changes if name.startswith("npt66") and not arguments["is_add"]]
    assert removed == []


def test_a_lan_has_the_new_prefix_before_the_old_one_goes(on_router: Make) -> None:
    made = on_router(LANS)
    made.adopt(has(OLD, now=made.clock.now))
    watcher = watched(made)
    made.adopt(has(NEW, now=made.clock.now))
    old, new = ({str(one.address) for one in lan_addresses(each)} for each in (OLD, NEW))
    assert all(old <= lans or new <= lans for _, lans in watcher.seen)
    assert watcher.seen[-1][1] == new


def test_a_lost_reply_in_the_middle_of_a_renumbering_ends_in_one_translation(on_router: Make) -> None:
    made = on_router(NPT)
    made.adopt(has(OLD, now=made.clock.now))
    watcher = watched(made)
    for prefix_now, fault in ((NEW, watcher.lost), (OLD, watcher.silent)):
        fault.add("npt66_binding_add_del")
        made.adopt(has(prefix_now, now=made.clock.now))
        watcher.look()
        fault.clear()
        made.bench.later()
        watcher.look()
        assert watcher.seen[-1][0] == [f"{INTERNAL} {prefix_now}"]
    assert watcher.unanswered >= 2
    assert all(len(bindings) == 1 for bindings, _ in watcher.seen)
