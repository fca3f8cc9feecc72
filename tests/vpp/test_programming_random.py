"""A thousand random wants and faults: in the end VPP has what is wanted, what others made, and nothing else."""

from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network
from random import Random

import pytest

from tests.vpp.programmed import CHANGES, DEFAULT, Killed, Programmed, address, binding, route
from vppdhc.vpp.errors import VppCallError, VppError
from vppdhc.vpp.items import InterfaceAddress, InterfaceMtu, Item, NptBinding, Route

OWNED = ("loop0", "loop1", "loop2")
LAN = "loop3"
SHARED = (route("", "2001:db8:f000::/36", kind="unreachable"), route("", "172.31.0.0/16", kind="drop"))
PREFIXES = (DEFAULT, "::/0", "172.16.0.0/12", "172.31.0.0/16", "2001:db8:f000::/36")
STEPS = 250
MESSAGES = (*sorted(CHANGES), "ip_route_lookup", "ip_address_dump", "sw_interface_dump")


class Storm:
    """Random deeds of owners and of others, and what the router has to have by them.

    wanted: by owner. addresses, routes: those of others.
    """

    def __init__(self, bench: Programmed, random: Random) -> None:
        self.bench = bench
        self.random = random
        self.wanted: dict[str, list[Item]] = {}
        self.addresses: set[InterfaceAddress] = set()
        self.routes: set[Route] = set()
        self.counts = dict.fromkeys(("killed", "vanished", "refused", "unanswered", "blocked"), 0)
        self.furnish()

    def furnish(self) -> None:
        """Have all interfaces there."""
        while {one.name for one in self.bench.table} < {"local0", *OWNED, LAN}:
            self.bench.loopback()
            self.bench.table.read(self.bench.vpp)
        self.bench.place()

    # --- what is wanted

    def items(self, interface: str) -> list[Item]:
        """Return a lease that no other owner can have."""
        random, number = self.random, int(interface[-1]) * 3 + self.random.randrange(3)
        length = random.choice((16, 24, 24, 24))
        lease: list[Item] = [address(interface, f"10.{number}.0.{random.randrange(2, 5)}/{length}")]
        lease.append(route(interface, DEFAULT, f"10.{number}.0.1", random.choice((5, 10))))
        more: list[Item] = [
            route(interface, "172.16.0.0/12", f"10.{number}.0.{random.randrange(7, 9)}"),
            address(interface, f"2001:db8:{number}::{random.randrange(2, 4)}/64"),
            route(interface, "::/0", f"fe80::{number + 1}"),
            InterfaceMtu(interface, random.choice((1400, 1492))),
            binding(interface, f"2001:db8:{number + 1:x}00::/48"),
            *SHARED,
        ]
        return lease + random.sample(more, random.randrange(len(more) + 1))

    def want(self) -> None:
        owner = self.random.choice(OWNED)
        self.wanted[owner] = self.items(owner) if self.random.random() < 0.8 else []
        self.bench.programming.want(owner, self.wanted[owner])

    # --- faults

    def want_and_be_killed(self) -> None:
        self.bench.faults.kill_at = self.random.randrange(60)
        try:
            self.want()
        except Killed:
            self.counts["killed"] += 1
        self.bench.faults.kill_at = None
        self.start_again()

    def start_again(self) -> None:
        self.bench.start()
        for owner, items in self.wanted.items():
            self.bench.programming.want(owner, items)
        self.bench.programming.settled()

    def want_and_lose_vpp(self) -> None:
        self.bench.faults.vanish_at = self.random.randrange(8)
        self.want()
        self.counts["vanished"] += self.bench.faults.vanish_at < 0
        self.bench.restart_router()
        self.addresses.clear()
        self.routes.clear()
        self.bench.table.read(self.bench.vpp)
        self.furnish()

    def want_and_be_refused(self) -> None:
        name = self.random.choice([name for name in MESSAGES if not name.endswith("dump")])
        self.bench.faults.refusals[name] = -1
        self.want()
        self.bench.place(again=True)
        self.counts["refused"] += any(self.bench.programming.problems(owner) for owner in OWNED)
        self.bench.faults.refusals.clear()

    def want_without_reply(self) -> None:
        for name in self.random.sample(MESSAGES, 2):
            self.random.choice((self.bench.faults.silent, self.bench.faults.lost)).add(name)
        unanswered = self.bench.faults.unanswered
        self.want()
        with suppress(VppError):
            self.bench.place()
        self.counts["unanswered"] += self.bench.faults.unanswered > unanswered
        self.bench.faults.silent.clear()
        self.bench.faults.lost.clear()
        if self.random.random() < 0.5:
            self.bench.reconnect()

    # --- what others do

    def other_address_comes_or_goes(self) -> None:
        item = address(LAN, f"10.{self.random.randrange(9)}.0.{self.random.choice((100, 200))}/25")
        with suppress(VppCallError):  # where we were first
            index = self.bench.rig.index(LAN)
            add = item not in self.addresses
            self.bench.vpp.call("sw_interface_add_del_address", sw_if_index=index, is_add=add, prefix=str(item.address))
            self.addresses ^= {item}

    def other_route_comes_or_goes(self) -> None:
        item = route(LAN, self.random.choice((DEFAULT, "172.16.0.0/12")), f"10.99.0.{self.random.randrange(3)}", 7)
        self.bench.other_route(item, add=item not in self.routes)
        self.routes ^= {item}

    def somebody_takes_ours_away(self) -> None:
        owner = self.random.choice(OWNED)
        index = self.bench.rig.index(owner)
        for item in self.random.sample(self.wanted.get(owner, []), len(self.wanted.get(owner, [])) // 2):
            if isinstance(item, Route):
                self.bench.other_route(item, add=False)
            elif isinstance(item, InterfaceMtu):
                self.bench.vpp.call("sw_interface_set_mtu", sw_if_index=index, mtu=[9000, 0, 0, 0])
            elif isinstance(item, InterfaceAddress):
                name, prefix = "sw_interface_add_del_address", str(item.address)
                with suppress(VppCallError):  # where it was not there
                    self.bench.vpp.call(name, sw_if_index=index, is_add=False, prefix=prefix)
        self.bench.place(again=self.random.random() < 0.5)

    def interfaces_go_and_come(self) -> None:
        away = self.random.random() < 0.3
        if away:
            self.bench.lose()
        for name in self.random.sample(OWNED, self.random.randrange(1, 4)):
            self.bench.delete(name)
        if not away and self.random.random() < 0.5:
            self.bench.place()
        self.bench.table.read(self.bench.vpp)
        self.furnish()

    # --- what comes of it

    def blocked(self, item: Item) -> bool:
        """Tell whether the network of an address is another's."""
        return isinstance(item, InterfaceAddress) and any(
            isinstance(other.address.network, IPv4Network) and other.address.network.overlaps(item.address.network)
            for other in self.addresses
        )

    def expected(self) -> set[Item]:
        """Return what the router has to have."""
        found: set[Item] = {*self.addresses, *self.routes}
        for items in self.wanted.values():
            refused = {item.interface for item in items if self.blocked(item)}
            self.counts["blocked"] += len(refused)
            found |= {
                item
                for item in items
                if not self.blocked(item)
                and not (isinstance(item, Route) and item.prefix.version == 4 and item.interface in refused)
            }
        return found

    def present(self) -> set[Item]:
        """Return what the router has, except the binding's interface, which VPP does not show."""
        bench = self.bench
        mtus = [InterfaceMtu(one.name, mtu) for one in bench.table if (mtu := bench.ip4_mtu(one.name))]
        drop = [route("", everything, kind="drop", preference=0) for everything in (DEFAULT, "::/0")]
        found: set[Item] = {*bench.addresses(), *bench.routes(*PREFIXES), *mtus, *map(_bound, bench.bindings())}
        return found - {*drop}

    def check(self) -> None:
        """Let VPP's faults be over, and compare."""
        self.furnish()
        self.bench.later()
        self.bench.place(again=True)
        assert self.present() == self.expected()
        for item in self.expected():
            if isinstance(item, Route) and item.interface and item.prefix.version == 4:
                assert not self.dead(item), item

    def dead(self, item: Route) -> bool:
        """Tell whether a path leads nowhere: VPP shows it, but does not use it."""
        shown = self.bench.rig.ctl(f"show ip fib {item.prefix}")
        return "DELETED" in shown or "dpo-drop" in shown.splitlines()[-1]

    def deeds(self) -> list[Callable[[], None]]:
        """Return what can happen."""
        return [
            self.want,
            self.want,
            self.want_and_be_killed,
            self.want_and_be_killed,
            self.want_and_lose_vpp,
            self.want_and_be_refused,
            self.want_without_reply,
            self.want_without_reply,
            self.other_address_comes_or_goes,
            self.other_address_comes_or_goes,
            self.other_route_comes_or_goes,
            self.somebody_takes_ours_away,
            self.somebody_takes_ours_away,
            self.interfaces_go_and_come,
            self.start_again,
            self.bench.reconnect,
        ]


def _bound(text: str) -> NptBinding:
    """Return the binding that VPP shows; its number tells the interface that it is for, see items()."""
    external = text.split()[1]
    number = (int(IPv6Network(external).network_address) >> 88 & 0xFF) - 1
    return binding(f"loop{number // 3}", external)


@pytest.mark.parametrize("seed", range(4))
def test_after_random_faults_vpp_has_exactly_what_is_wanted_and_what_others_made(bench: Programmed, seed: int) -> None:
    random = Random(seed)
    storm = Storm(bench, random)
    done: list[str] = []
    for step in range(STEPS):
        deed = random.choice(storm.deeds())
        done.append(deed.__name__)
        deed()
        if step % 10 == 0:
            try:
                storm.check()
            except AssertionError as error:
                raise AssertionError(f"step {step}, after {done[-6:]}: {error}") from error
    storm.check()
    for owner in OWNED:
        bench.programming.withdraw(owner)
    storm.wanted.clear()
    storm.check()
    assert min(storm.counts.values()) > 2, storm.counts
