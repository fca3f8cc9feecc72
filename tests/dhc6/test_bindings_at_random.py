"""Clients that take addresses and prefixes while networks, delegations, reservations and lengths change under them.

A model remembers what was promised to whom; it finds out by itself what can be had.
"""

from ipaddress import IPv6Address, IPv6Interface, IPv6Network
from math import inf

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.dhc6.allocating import Advertised, Site, delegated
from tests.dhc6.clients import duid, interface, number
from vppdhc.dhc6.allocation import Asking, Choice, in_force
from vppdhc.dhc6.config import PrefixPoolConfig
from vppdhc.dhc6.delegation import DelegationPool
from vppdhc.dhc6.levels import FOR_EVER, Life
from vppdhc.dhc6.pool import Pool
from vppdhc.dhc6.reservations import Reservation
from vppdhc.dhc6.subnet import Subnet
from vppdhc.interface import Interface
from vppdhc.leases.lease import LeaseState
from vppdhc.leases.lease6 import Association, Lease6, LeaseKind, Place6

LANS = ("2001:db8:0:1::1/125", "2001:db8:0:2::1/125", "2001:db8:0:8::1/126")
"""The last one lies in the delegation."""
CONFIGURED = IPv6Network("2001:db8:0:100::/60")
DELEGATION = IPv6Network("2001:db8:0:8::/62")
STATIONS, IAIDS = st.integers(1, 5), st.integers(1, 2)
LENGTHS = st.sampled_from([61, 62, 63])
SMALL = interface(*LANS[:1])


def spans(place: Place6) -> IPv6Network:
    return IPv6Network((place.network, place.length))


class Bindings(RuleBasedStateMachine):
    """One link with up to three networks, a configured and a delegated prefix pool."""

    def __init__(self) -> None:
        super().__init__()
        self.present = set(LANS[:1])
        self.length = 62
        self.lives = dict.fromkeys(LANS, FOR_EVER)
        self.delegation: Life | None = FOR_EVER
        self.site = Site(self.link(), prefix_pools=self.pools())
        self.promised: dict[Place6, tuple[Association, float]] = {}
        self.quarantined: dict[Place6, float] = {}
        self.reserved: dict[int, Reservation] = {}
        self.tell()

    # What is there

    def link(self) -> Interface:
        return interface(*(lan for lan in LANS if lan in self.present))

    def pools(self) -> tuple[PrefixPoolConfig, ...]:
        return (
            PrefixPoolConfig("configured", self.length, CONFIGURED),
            PrefixPoolConfig("delegated", 63, delegated_from="wan0"),
        )

    def tell(self) -> None:
        lans = [Advertised(IPv6Interface(lan).network, *life) for lan, life in self.lives.items()]
        self.site.serving.set_delegated({"tap0": lans})
        delegations = [] if self.delegation is None else [delegated(str(DELEGATION), life=self.delegation)]
        self.site.serving.set_delegations({"wan0": delegations})

    def live(self, place: Place6) -> bool:
        """Whether something is promised to somebody now."""
        return place in self.promised and self.promised[place][1] > self.site.now

    def check(self, association: Association, choice: Choice, held: bool) -> None:
        """See that a client may get what was chosen."""
        place = choice.place
        for other, (holder, until) in self.promised.items():
            if other.kind is place.kind and until > self.site.now and spans(other).overlaps(spans(place)):
                assert (other, holder) == (place, association), f"{spans(place)} overlaps what {holder} has"
        assert self.quarantined.get(place, 0.0) <= self.site.now
        for station, one in self.reserved.items():
            for kind, length, network in one.things():
                if kind is place.kind and IPv6Network((network, length)).overlaps(spans(place)):
                    assert (station, network) == (association.duid[-1], place.network)
        life = self.life(place)
        assert life is not None
        preferred, valid = choice.lifetimes(self.site.now)
        assert 0 <= preferred <= min(3600, max(0, life.preferred_until - self.site.now))
        assert preferred <= valid <= min(7200, max(0, life.valid_until - self.site.now))
        assert preferred or held

    def life(self, place: Place6) -> Life | None:
        """How long the prefix lives that something is of; None where that is not there at all."""
        if place.kind is LeaseKind.ADDRESS:
            found = [lan for lan in self.present if IPv6Address(place.network) in IPv6Interface(lan).network]
            assert IPv6Address(place.network) != IPv6Interface(found[0]).ip
            assert place.network & 7, "the anycast address of the routers"
            return self.lives[found[0]]
        if spans(place).subnet_of(CONFIGURED):
            return FOR_EVER
        assert spans(place).subnet_of(DELEGATION)
        assert not any(spans(place).overlaps(IPv6Interface(lan).network) for lan in LANS)
        return self.delegation

    def get(self, station: int, ia_id: int, choice: Choice, *, fails: bool) -> None:
        association = Association(choice.place.kind, duid(station), ia_id)
        self.check(association, choice, held=self.live(choice.place))
        if not choice.lifetimes(self.site.now).valid:
            return  # the prefix has ended: the client is told to let go of it
        lease = self.site.grant(station, choice, ia_id, fails=fails)
        if not fails:
            self.promised[choice.place] = association, lease.expires

    # What happens

    @rule(station=STATIONS, ia_id=IAIDS, hint=st.integers(0, 7), fails=st.booleans(), offered=st.booleans())
    def take_addresses(self, station: int, ia_id: int, hint: int, fails: bool, offered: bool) -> None:
        """Ask for an address in each network, as a Solicit does, and then for what was offered."""
        for subnet in self.site.subnets():
            choice = self.site.choose(station, subnet.first + hint, ia_id=ia_id, of=subnet)
            if choice is None:
                self.none_is_free(station, subnet.first, subnet.last)
                continue
            if offered:
                self.site.offer(station, choice, ia_id)
                again = self.site.choose(station, ia_id=ia_id, of=subnet)
                assert again is not None
                assert again.place == choice.place
            self.get(station, ia_id, choice, fails=fails)

    def none_is_free(self, station: int, first: int, last: int) -> None:
        """See that a network has indeed nothing for a client."""
        lan = next(lan for lan in self.present if int(IPv6Interface(lan).network.network_address) == first)
        if self.lives[lan].preferred_until <= self.site.now + 1:
            return
        others = {one.address for other, one in self.reserved.items() if other != station}
        for address in range(first + 1, last + 1):
            place = Place6(0, LeaseKind.ADDRESS, 128, address)
            offered = self.site.book.offer_at(place)
            assert (
                address == int(IPv6Interface(lan).ip)
                or self.live(place)
                or self.quarantined.get(place, 0.0) > self.site.now
                or address in others
                or (offered is not None and offered.expires > self.site.now)
            ), f"{IPv6Address(address)} is free"

    @rule(
        station=STATIONS,
        ia_id=IAIDS,
        wish=st.none() | LENGTHS.map(lambda length: f"::/{length}") | st.just("2001:db8:0:104::/62"),
        fails=st.booleans(),
    )
    def take_a_prefix(self, station: int, ia_id: int, wish: str | None, fails: bool) -> None:
        choice = self.site.choose_prefix(station, *([] if wish is None else [wish]), ia_id=ia_id)
        if choice is not None:
            self.get(station, ia_id, choice, fails=fails)

    @precondition(lambda self: self.promised)
    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        """A client that asks for what it has gets it, unless that is no longer to be had."""
        place = data.draw(st.sampled_from(sorted(self.promised)))
        association, _ = self.promised[place]
        station, ia_id = association.duid[-1], association.ia_id
        asking = self.site.asking(station, ia_id, place.kind)
        networks = self.site.serving.networks
        sources: list[Subnet | DelegationPool] = [*self.site.subnets(), *networks.prefix_pools("tap0")]
        source = next((source for source in sources if self.grantable(asking, source, place)), None)
        if source is not None:
            choice = Choice(place.network, place.length, source, self.site.allocation.why(asking, place))
            self.get(station, ia_id, choice, fails=False)

    def grantable(self, asking: Asking, source: Subnet | DelegationPool, place: Place6) -> bool:
        allocation = self.site.allocation
        if isinstance(source, Subnet):
            return place.kind is LeaseKind.ADDRESS and allocation.grantable(asking, source, place.network)
        prefix = place.kind is LeaseKind.PREFIX
        return prefix and allocation.grantable_prefix(asking, source, place.network, place.length)

    @precondition(lambda self: self.promised)
    @rule(data=st.data(), found_in_use=st.booleans())
    def give_up(self, data: st.DataObject, found_in_use: bool) -> None:
        place = data.draw(st.sampled_from(sorted(self.promised)))
        lease = self.site.book.get(place)
        if lease is None or not in_force(lease, self.site.now):
            return
        del self.promised[place]
        subnet = next((one for one in self.site.subnets() if place.network in one), None)
        if found_in_use and place.kind is LeaseKind.ADDRESS and subnet is not None:
            choice = Choice(place.network, place.length, subnet, self.site.allocation.why(self.site.asking(1), place))
            self.quarantined[place] = self.site.quarantine(choice).expires
        else:
            self.site.end(lease)

    @rule(seconds=st.sampled_from([0.5, 61.0, 1800.0, 7200.0, 90_000.0, 700_000.0]))
    def wait(self, seconds: float) -> None:
        self.site.now += seconds
        self.site.expire()

    @rule(present=st.sets(st.sampled_from(LANS)))
    def renumber(self, present: set[str]) -> None:
        self.present = present
        self.site.become(self.link())

    @rule(
        lan=st.sampled_from(LANS), preferred=st.sampled_from([0.0, 600.0, inf]), more=st.sampled_from([0.0, 900.0, inf])
    )
    def age(self, lan: str, preferred: float, more: float) -> None:
        """A prefix is deprecated, will be, or is fresh again."""
        until = self.site.now + preferred
        self.lives[lan] = FOR_EVER if preferred == inf else Life(until, until + more)
        self.tell()

    @rule(life=st.sampled_from([None, 0.0, 1200.0, inf]))
    def delegate(self, life: float | None) -> None:
        self.delegation = None if life is None else Life(self.site.now + life, self.site.now + 2 * life + 900)
        self.tell()

    @rule(length=LENGTHS)
    def divide_otherwise(self, length: int) -> None:
        self.length = length
        self.site.configure(prefix_pools=self.pools())

    @rule(
        station=STATIONS,
        host=st.none() | st.integers(2, 7),
        part=st.none() | st.tuples(LENGTHS, st.integers(0, 7)),
        by_hardware=st.booleans(),
    )
    def reserve(self, station: int, host: int | None, part: tuple[int, int] | None, by_hardware: bool) -> None:
        prefix = None
        if part is not None:
            length, place = part
            prefix = list(CONFIGURED.subnets(new_prefix=length))[place % (1 << (length - CONFIGURED.prefixlen))]
        address = None if host is None else number("2001:db8:0:1::") + host
        others = {other: one for other, one in self.reserved.items() if other != station}
        if any(one.address == address is not None for one in others.values()):
            address = None
        if any(
            one.prefix is not None and prefix is not None and one.prefix.overlaps(prefix) for one in others.values()
        ):
            prefix = None
        own = Reservation(str(station), address=address, prefix=prefix)
        own = own._replace(hardware=b"\1" + duid(station)[4:]) if by_hardware else own._replace(duid=duid(station))
        self.reserved = {**others, station: own}
        self.site.reserve(*self.reserved.values())

    @rule()
    def restart(self) -> None:
        self.site.restart()
        self.tell()

    # What always holds

    @invariant()
    def book_and_store_agree(self) -> None:
        assert {lease.place: lease for lease in self.site.book} == self.site.stored
        assert len(self.site.book) == len(self.site.stored)

    @invariant()
    def promises_are_stored(self) -> None:
        for place, (association, until) in self.promised.items():
            if until > self.site.now:
                lease = self.site.stored[place]
                assert (lease.association, lease.expires >= until) == (association, True)

    @invariant()
    def no_two_have_the_same(self) -> None:
        leases = [lease for lease in self.site.stored.values() if in_force(lease, self.site.now)]
        prefixes = [spans(lease.place) for lease in leases if lease.kind is LeaseKind.PREFIX]
        assert not any(one.overlaps(two) for number, one in enumerate(prefixes) for two in prefixes[:number])

    @invariant()
    def ended_leases_are_forgotten_after_a_week(self) -> None:
        for lease in self.site.stored.values():
            assert lease.expires + 7 * 86_400 + 1 > self.site.now or lease.state is LeaseState.DECLINED

    @invariant()
    def pools_are_counted(self) -> None:
        book = self.site.book
        served = {own.pool for subnet in self.site.subnets() for own in subnet.pools}
        served |= {pool.pool for pool in self.site.serving.networks.pools() if pool.pool.size}
        for pool in served:
            within = [lease for lease in book if lease_in(lease, pool)]
            active = [lease for lease in within if lease.state is LeaseState.ACTIVE and not over(self, lease)]
            declined = [lease for lease in within if lease.state is LeaseState.DECLINED]
            usage = book.usage(pool)
            assert (usage.size, usage.active, usage.declined) == (pool.size, len(active), len(declined))


def lease_in(lease: Lease6, pool: Pool) -> bool:
    return (lease.table, lease.kind, lease.length) == pool.space and lease.network >> (128 - lease.length) in pool


def over(machine: Bindings, lease: Lease6) -> bool:
    """Whether the book knows that a lease has ended; it may be late by a second."""
    table = machine.site.book._table(machine.site.book._space(lease))
    return machine.site.book._number(lease) in table.ended


TestBindings = Bindings.TestCase
TestBindings.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
