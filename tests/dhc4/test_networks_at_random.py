"""Networks that come, go and move between interfaces under clients that move too, against what clients rely on."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface
from typing import Any, NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.dhc4.clients import Lan, Seen, interface, mac, message, number, reservation, see
from vppdhc.dhc4.config import ConflictDetection, PoolConfig, SubnetConfig
from vppdhc.interface import Interface
from vppdhc.packet.dhcp4 import Message

NETWORKS = ("10.0.0.1/29", "10.1.0.1/29", "10.2.0.1/29")
STATIONS = st.integers(1, 6)
LINKS = st.integers(0, 1)
ROUTER = mac(77)


class Shape(NamedTuple):
    """What is configured for a network, if anything; addresses by their last number.

    pools: first and last address of each; without any, all.
    excluded: the same of what is in no pool.
    named: the link that it is on, whatever its addresses say; None where they say it.
    """

    configured: bool = False
    pools: tuple[tuple[int, int], ...] = ()
    excluded: tuple[tuple[int, int], ...] = ()
    named: int | None = None

    def has(self, host: int) -> bool:
        """Whether an address is in a pool, unless it is the router's."""
        inside = any(first <= host <= last for first, last in self.pools or ((1, 6),))
        return inside and not any(first <= host <= last for first, last in self.excluded)


SHAPES = st.just(Shape()) | st.builds(
    Shape,
    st.just(value=True),
    st.sampled_from([(), ((2, 3),), ((2, 3), (5, 6)), ((1, 6),)]),
    st.sampled_from([(), ((4, 5),), ((3, 3),)]),
    st.none() | LINKS,
)


class Networks(RuleBasedStateMachine):
    """Two links and three networks; each is on one of the links, or nowhere. Addresses are reserved and are not."""

    def __init__(self) -> None:
        super().__init__()
        self.where: dict[str, int | None] = {NETWORKS[0]: 0, NETWORKS[1]: 1, NETWORKS[2]: None}
        self.shapes = dict.fromkeys(NETWORKS, Shape())
        self.lan = Lan(self.link(0), self.link(1), static_percentage=0, conflict_detection=ConflictDetection.NONE)
        self.links = list(self.lan.interfaces)
        self.promised: dict[str, tuple[int, float]] = {}
        self.reserved: dict[int, str] = {}

    def link(self, number_: int) -> Interface:
        """An interface with the networks that are on it now."""
        addresses = [network for network, where in self.where.items() if where == number_]
        return interface(*addresses, name=f"tap{number_}", index=number_ + 1)

    def network_of(self, address: str) -> str:
        """The network that an address is in."""
        return next(network for network in NETWORKS if IPv4Address(address) in IPv4Interface(network).network)

    def link_of(self, address: str) -> int | None:
        """The link that the network of an address is on."""
        network = self.network_of(address)
        named = self.shapes[network].named
        if named is None:
            return self.where[network]
        return named if named in self.where.values() else None

    def is_reachable(self, address: str) -> bool:
        """Whether the network of an address is served, be it by relay agents and routers alone."""
        return self.link_of(address) is not None or self.shapes[self.network_of(address)].configured

    def together(self, one: str, other: str) -> bool:
        """Whether a client has one of two addresses only, as they are on one link or in one network."""
        return self.network_of(one) == self.network_of(other) or (
            self.link_of(one) is not None and self.link_of(one) == self.link_of(other)
        )

    def may_have(self, station: int, address: str) -> bool:
        """Whether an address is for a station: reserved for it, or in a pool and reserved for nobody."""
        holder = self.holder(address)
        pooled = self.is_pooled(self.network_of(address), number(address) & 7)
        return holder == station or (holder is None and pooled)

    def is_pooled(self, network: str, host: int) -> bool:
        """Whether an address is for clients; the first one is the router's where it is on the network."""
        return self.shapes[network].has(host) and (host != 1 or self.where[network] is None)

    def ask(self, asked: Message, link: int, *, fail: bool = False) -> Seen | None:
        """Send a message, and keep in mind what its answer promises."""
        outcome = self.lan.server.handle(asked, self.links[link], self.lan.now)
        if fail:
            self.lan.book.take_back(outcome.changes[::-1])
            return None
        self.lan.store(outcome.changes)
        if not outcome.replies:
            return None
        seen = see(outcome, self.links[link])
        assert seen.type == "nak" or self.may_have(asked.chaddr[5], seen.bootp.yiaddr)
        if seen.type == "ack":
            self.keep_in_mind(asked.chaddr[5], seen.bootp.yiaddr, self.lan.now + seen.options["lease_time"])
        return seen

    def holder(self, address: str) -> int | None:
        """The station that an address is reserved for."""
        return next((station for station, reserved in self.reserved.items() if reserved == address), None)

    def keep_in_mind(self, station: int, address: str, until: float) -> None:
        holder, promised_until = self.promised.get(address, (station, 0.0))
        assert holder == station or promised_until <= self.lan.now, f"{address} is {holder}'s until {promised_until}"
        assert self.is_reachable(address)
        self.promised = {
            other: promise
            for other, promise in self.promised.items()
            if promise[0] != station or not self.together(other, address)
        }
        self.promised[address] = station, until

    def change(self, *links: int) -> None:
        for number_ in links:
            before, self.links[number_] = self.links[number_], self.link(number_)
            self.lan.server.interface_changed(before, self.links[number_])

    @rule(network=st.sampled_from(NETWORKS), where=st.none() | LINKS, first=LINKS)
    def move_network(self, network: str, where: int | None, first: int) -> None:
        """VPP's interfaces are looked at one after the other, in any order."""
        self.where[network] = where
        self.change(first, 1 - first)

    @rule(network=st.sampled_from(NETWORKS), shape=SHAPES)
    def configure(self, network: str, shape: Shape) -> None:
        self.shapes[network] = shape
        subnets = []
        for at, other in self.shapes.items():
            if other.configured:
                inside = IPv4Interface(at).network
                base = int(inside.network_address)
                pools = [PoolConfig(str(first), base + first, base + last) for first, last in other.pools]
                excluded = tuple((base + first, base + last) for first, last in other.excluded)
                named = None if other.named is None else f"tap{other.named}"
                subnets.append(SubnetConfig(at, inside, interface=named, pools=tuple(pools), excluded=excluded))
        self.lan.config = replace(self.lan.config, subnets=tuple(subnets))
        self.lan.server.configure(self.lan.config)

    @rule(station=STATIONS, link=LINKS, fail=st.booleans())
    def take_a_lease(self, station: int, link: int, fail: bool) -> None:
        offer = self.ask(message("discover", station), link)
        if offer is None:
            return
        server = offer.options["server_id"]
        asked = self.lan.select(station, offer.bootp.yiaddr, server=server)
        answer = self.ask(asked, link, fail=fail)
        assert fail or (answer is not None and answer.type == "ack")

    @rule(station=STATIONS, link=LINKS, network=st.sampled_from(NETWORKS), host=st.integers(1, 7), fail=st.booleans())
    def reboot(self, station: int, link: int, network: str, host: int, fail: bool) -> None:
        address = str(IPv4Interface(network).network.network_address + host)
        self.ask(message("request", station, ("requested_addr", address)), link, fail=fail)

    @precondition(lambda self: self.promised)
    @rule(data=st.data(), link=LINKS, how=st.sampled_from(["renew", "rebind", "routed"]))
    def renew(self, data: st.DataObject, link: int, how: str) -> None:
        address = data.draw(st.sampled_from(sorted(self.promised)))
        station, until = self.promised[address]
        more: dict[str, Any] = {} if how == "rebind" else {"destination": "10.0.0.1"}
        if how == "routed":
            more["frame_source"] = ROUTER
        seen = self.ask(message("request", station, ciaddr=address, source=address, **more), link)
        at = self.link_of(address)
        routed = how == "routed" and self.is_reachable(address) and link in self.where.values()
        if not self.may_have(station, address):
            assert seen is None or seen.type == "nak"
        elif self.reserved.get(station, address) != address:
            assert seen is None or seen.bootp.yiaddr in {address, "0.0.0.0"}
        elif until > self.lan.now and (at == link or routed):
            assert seen is not None
            assert (seen.type, seen.bootp.yiaddr) == ("ack", address)
        elif at != link and not routed:
            assert seen is None or seen.type == "nak"

    @precondition(lambda self: self.promised)
    @rule(data=st.data(), link=LINKS)
    def release(self, data: st.DataObject, link: int) -> None:
        address = data.draw(st.sampled_from(sorted(self.promised)))
        asked = message("release", self.promised[address][0], ciaddr=address, source=address)
        outcome = self.lan.hear(asked, self.links[link])
        if outcome.changes:
            del self.promised[address]

    @rule(station=STATIONS, network=st.sampled_from(NETWORKS), host=st.integers(2, 6))
    def reserve(self, station: int, network: str, host: int) -> None:
        address = str(IPv4Interface(network).network.network_address + host)
        self.reserved = {other: reserved for other, reserved in self.reserved.items() if reserved != address}
        self.reserved[station] = address
        self.lan.reserve(*(reservation(*one) for one in self.reserved.items()))

    @precondition(lambda self: self.reserved)
    @rule(data=st.data())
    def unreserve(self, data: st.DataObject) -> None:
        del self.reserved[data.draw(st.sampled_from(sorted(self.reserved)))]
        self.lan.reserve(*(reservation(*one) for one in self.reserved.items()))

    @rule(seconds=st.sampled_from([0.25, 61.0, 1800.0, 3600.0, 90_000.0]))
    def wait(self, seconds: float) -> None:
        self.lan.now += seconds
        self.lan.expire()

    @invariant()
    def book_and_store_agree(self) -> None:
        assert {(lease.table, lease.address): lease for lease in self.lan.book} == self.lan.stored

    @invariant()
    def promises_are_stored(self) -> None:
        for address, (station, until) in self.promised.items():
            if until > self.lan.now:
                lease = self.lan.stored[0, number(address)]
                assert (lease.hardware[6], lease.expires >= until) == (station, True)

    @invariant()
    def ended_addresses_are_where_they_can_be_used_again(self) -> None:
        table = self.lan.book._table(0)
        queued = {address for state in table.pools.values() for address in state.ended}
        pooled = {address for address in table.ended if any(address in pool for pool in table.pools)}
        served = any(True for _ in self.lan.server.networks.subnets())
        assert table.reserved == ({number(address) for address in self.reserved.values()} if served else set())
        kept = set(table.offers) | table.reserved
        assert queued == pooled - kept
        assert set(table.unpooled) == set(table.ended) - pooled - kept

    @invariant()
    def pools_are_counted(self) -> None:
        table = self.lan.book._table(0)
        for pool in table.pools:
            leased = {address for address in set(table.leases) - set(table.ended) if address in pool}
            offered = {address for address in set(table.offers) - leased if address in pool}
            assert self.lan.book.usage(pool)[:4] == (pool.size, len(leased), len(offered), 0)

    @invariant()
    def the_book_has_the_pools_that_are_served(self) -> None:
        served = {own.pool for subnet in self.lan.server.networks.subnets() for own in subnet.pools}
        assert set(self.lan.book._table(0).pools) == served
        for network in NETWORKS:
            base = int(IPv4Interface(network).network.network_address)
            for host in range(8):
                pooled = any(base + host in pool for pool in served)
                assert pooled == (self.is_reachable(network.partition("/")[0]) and self.is_pooled(network, host))


TestNetworks = Networks.TestCase
TestNetworks.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
