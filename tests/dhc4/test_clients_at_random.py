"""Clients that do anything, also behind relay agents, against a model of what they must be able to rely on."""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, precondition, rule

from tests.dhc4.clients import Lan, Seen, interface, kinds, mac, message, number, octets, reservation, see, text
from tests.dhc4.promises import (
    BEHIND,
    DIRECT,
    FAR,
    FOR_CLIENTS,
    LAN,
    POOLS,
    SERVER,
    SWITCH,
    WAYS,
    Promises,
    Via,
    check_addressing,
    network_of,
)
from vppdhc.dhc4.config import BootpClients, ServerConfig, Settings, SubnetConfig
from vppdhc.dhc4.events import EventKind
from vppdhc.dhc4.request import client_key
from vppdhc.dhc4.reservations import Reservation
from vppdhc.dhc4.server import Outcome
from vppdhc.leases.lease import LeaseState
from vppdhc.packet.dhcp4 import Message

STATIONS = st.integers(1, 8)
WITHOUT_ID = st.integers(1, 6)
NEARBY = st.integers(number("192.168.1.0"), number("192.168.1.9")).map(text)
ADDRESSES = NEARBY | st.sampled_from(POOLS[BEHIND])
FLAGS = st.sampled_from([0, 0x8000])
VIAS = st.sampled_from([DIRECT, DIRECT, DIRECT, *WAYS])
WISHES = st.none() | st.sampled_from([1, 200, 100_000])
RAPID = st.sampled_from([(), (), ((80, b""),)])
CONFIG = ServerConfig(
    # So that there are four addresses in each network for eight clients, and one that can only be reserved.
    Settings(static_percentage=40, rapid_commit=True, bootp_clients=BootpClients.DYNAMIC, subnet_selection=True),
    subnets=(SubnetConfig("behind", BEHIND, relay_addresses=(number(FAR),)),),
)


def identifier(station: int) -> bytes | None:
    """Two stations send a client identifier."""
    return b"station" + bytes([station]) if station >= 7 else None


def said(kind: str | None, station: int, via: Via, *options: Any, **more: Any) -> Message:
    return message(
        kind,
        station,
        *options,
        *via.said,
        client_id=identifier(station) if kind is not None else None,
        giaddr=via.giaddr,
        port=via.port if via.giaddr != "0.0.0.0" else 68,
        **more,
    )


class Clients(RuleBasedStateMachine):
    """Eight clients, and two networks with fewer addresses each.

    The model is what each was promised and until when, and what is reserved for whom. The last one's reservation is by
    client identifier, all others' by hardware address. Questions of the server wait until a rule answers them.
    """

    offers = Bundle("offers")

    def __init__(self) -> None:
        super().__init__()
        self.lan = Lan(interface("192.168.1.1/29"), config=CONFIG)
        self.model = Promises()
        self.reserved: dict[int, Reservation] = {}
        self.waiting: dict[str, tuple[Message, Via]] = {}
        self.expired_at = self.lan.now
        self.told: set[tuple[int, str]] = set()

    @property
    def onto(self) -> Any:
        return self.lan.interfaces[0]

    def ask(self, asked: Message, via: Via, *, fail: bool = False) -> Seen | None:
        """Send a message; with fail, the store refuses what it changes."""
        held = dict(self.lan.book._table(0).offers)
        outcome = self.lan.server.handle(asked, self.onto, self.lan.now)
        if fail:
            self.lan.book.take_back(outcome.changes[::-1])
            self.expired_at = 0.0  # what had ended ends again
            return None
        return self.follow(asked, via, outcome, held)

    def follow(self, asked: Message, via: Via, outcome: Outcome, held: Any) -> Seen | None:
        """Check what a message led to, and keep what its answer promises in mind."""
        self.lan.store(outcome.changes)
        if outcome.probe is not None:
            self.check_question(asked, via, outcome)
            return None
        if not outcome.replies:
            return None
        station = asked.chaddr[5]
        seen = see(outcome, self.onto)
        check_addressing(asked, via, seen)
        if seen.type == "nak":
            return seen
        address = seen.bootp.yiaddr
        self.check_choice(asked, via, seen)
        offer = held.get(number(address))
        if offer is not None and offer.expires > self.lan.now and self.holder(address) is None:
            assert offer.client == client_key(asked), "the address is on offer to somebody else"
        if asked.options.get(53) in {None, b"\1"} and via.giaddr == "0.0.0.0":
            self.check_that_it_was_asked_about(station, address, client_key(asked), outcome)
        self.model.told[station, address] = self.lan.now
        if seen.type in {"ack", "bootp"}:
            self.model.acknowledged(station, seen, self.lan.now)
            stored = self.lan.stored[0, number(address)]
            assert (stored.state, stored.client) == (LeaseState.ACTIVE, client_key(asked))
        if seen.type == "ack":
            assert seen.options["renewal_time"] < seen.options["rebinding_time"] < seen.options["lease_time"]
        return seen

    def check_question(self, asked: Message, via: Via, outcome: Outcome) -> None:
        assert outcome.replies == []
        assert outcome.probe is not None
        address = text(outcome.probe.address)
        assert (via.giaddr, outcome.probe.source) == ("0.0.0.0", number(SERVER))
        assert outcome.probe.hardware == asked.chaddr
        assert self.model.held.get(address, (0, 0.0))[1] <= self.lan.now, "nobody is asked about a lease"
        assert self.model.declined.get(address, 0.0) <= self.lan.now
        self.waiting[address] = asked, via

    def check_that_it_was_asked_about(self, station: int, address: str, client: bytes, outcome: Outcome) -> None:
        """A new address is offered on the link only when nobody was found to have it, within the time of an offer."""
        own = any(change.old is not None and change.old.client == client for change in outcome.changes)
        record = self.lan.book.get(0, number(address))
        own = own or (not outcome.changes and record is not None and record.client == client)
        assert own or self.lan.now - self.model.told.get((station, address), -100.0) <= 61.0

    def check_choice(self, asked: Message, via: Via, seen: Seen) -> None:
        """The network is the right one, and reservations count."""
        address, station = seen.bootp.yiaddr, asked.chaddr[5]
        mine = self.reserved.get(station)
        assert network_of(address) == via.network or asked.ciaddr, "only a renewal comes by a router instead"
        assert self.holder(address) in {None, station}, "reserved for somebody else"
        assert address in POOLS[network_of(address) or LAN] or self.holder(address) == station
        name = mine.hostname.encode() if mine is not None and mine.hostname and asked.cookie else None
        assert seen.options.get("hostname") == name
        own = self.own_address(station, network_of(address))
        assert own is None or address == own or not self.model.is_free_for(station, own, self.lan.now)

    def holder(self, address: str) -> int | None:
        """The station that an address is reserved for."""
        return next((station for station, one in self.reserved.items() if one.address == number(address)), None)

    def own_address(self, station: int, network: Any) -> str | None:
        """The address that is reserved for a station and that a client can have in a network."""
        reserved = self.reserved.get(station)
        own = None if reserved is None or reserved.address is None else text(reserved.address)
        return own if own in FOR_CLIENTS and network == LAN else None

    def may_keep(self, station: int, address: str) -> bool:
        """Whether the configuration lets a client keep an address."""
        holder = self.holder(address)
        return holder == station or (holder is None and any(address in pool for pool in POOLS.values()))

    # New addresses

    @rule(target=offers, station=STATIONS, flags=FLAGS, via=VIAS, wish=st.none() | ADDRESSES, rapid=RAPID)
    def discover(self, station: int, flags: int, via: Via, wish: str | None, rapid: Any) -> Any:
        options = [("requested_addr", wish)] if wish is not None else []
        seen = self.ask(said("discover", station, via, *options, *rapid, flags=flags), via)
        if seen is None:
            if not self.waits(station):
                self.check_that_nothing_is_free(station, via)
            return multiple()
        mine = self.model.of_station(station, via.network, self.lan.now)
        own = self.own_address(station, via.network)
        if mine and seen.bootp.yiaddr != own and self.may_keep(station, mine[0]):
            assert [seen.bootp.yiaddr] == mine, "a client with a lease was offered something else"
        return (station, seen.bootp.yiaddr, flags, via) if seen.type == "offer" else multiple()

    @rule(station=WITHOUT_ID, flags=FLAGS, via=VIAS, cookie=st.booleans())
    def bootp(self, station: int, flags: int, via: Via, cookie: bool) -> None:
        via = via if cookie or not via.said else DIRECT  # without options there is nowhere to say more
        self.ask(said(None, station, via, flags=flags, cookie=cookie), via)

    def waits(self, station: int) -> bool:
        return any(asked.chaddr[5] == station for asked, _ in self.waiting.values())

    def check_that_nothing_is_free(self, station: int, via: Via) -> None:
        pool = POOLS[via.network]
        others = {address for address in pool if self.holder(address) not in {None, station}}
        offered = {text(address) for address in self.lan.book._table(0).offers}
        taken = self.model.taken(self.lan.now) | offered | others | self.put_back()
        assert taken >= set(pool), "no offer although an address is free"

    def put_back(self) -> set[str]:
        """Addresses whose leases had ended before they were renewed in vain: free again from the next expiry on."""
        if self.expired_at:
            return set()
        table = self.lan.book._table(0)
        over = {address for address, lease in table.leases.items() if lease.expires <= self.lan.now}
        return {text(address) for address in over - table.ended.keys()}

    @precondition(lambda self: self.waiting)
    @rule(target=offers, data=st.data(), taken=st.sampled_from([False, False, True]))
    def answer_a_question(self, data: st.DataObject, taken: bool) -> Any:
        address = data.draw(st.sampled_from(sorted(self.waiting)))
        asked, via = self.waiting.pop(address)
        station, held = asked.chaddr[5], dict(self.lan.book._table(0).offers)
        if taken:
            holder = octets(mac(200))
            outcome = self.lan.server.conflicted(asked, self.onto, self.lan.now, number(address), holder)
            if EventKind.CONFLICT in kinds(outcome):
                self.model.in_use(address, self.lan.now)
        else:
            self.model.told[station, address] = self.lan.now
            outcome = self.lan.server.probed(asked, self.onto, self.lan.now, number(address))
        seen = self.follow(asked, via, outcome, held)
        offered = seen is not None and seen.type == "offer"
        return (station, seen.bootp.yiaddr, asked.flags, via) if seen is not None and offered else multiple()

    @rule(offer=consumes(offers), wish=WISHES, fail=st.booleans())
    def select(self, offer: Any, wish: int | None, fail: bool) -> None:
        station, address, flags, via = offer
        options = [("lease_time", wish)] if wish is not None else []
        named = [("requested_addr", address), ("server_id", via.server_id)]
        self.ask(said("request", station, via, *named, *options, flags=flags), via, fail=fail)

    @rule(offer=consumes(offers))
    def select_another_server(self, offer: Any) -> None:
        station, address, flags, via = offer
        named = [("requested_addr", address), ("server_id", "192.168.1.5")]
        assert self.ask(said("request", station, via, *named, flags=flags), via) is None

    # Addresses that one has, or says that one has

    @rule(station=STATIONS, address=ADDRESSES, flags=FLAGS, via=VIAS, fail=st.booleans())
    def reboot(self, station: int, address: str, flags: int, via: Via, fail: bool) -> None:
        self.ask(said("request", station, via, ("requested_addr", address), flags=flags), via, fail=fail)

    @rule(station=STATIONS, address=ADDRESSES, via=VIAS, flags=FLAGS, fail=st.booleans())
    def renew_or_rebind(self, station: int, address: str, via: Via, flags: int, fail: bool) -> None:
        asked = said("request", station, via, ciaddr=address, source=address, flags=flags, frame_source=SWITCH)
        self.ask(asked, via, fail=fail)

    @rule(data=st.data(), fail=st.booleans())
    def renew_what_one_has(self, data: st.DataObject, fail: bool) -> None:
        """By unicast, which reaches us from behind a relay agent too."""
        held = sorted(address for address, (_, until) in self.model.held.items() if until > self.lan.now)
        if not held:
            return
        address = data.draw(st.sampled_from(held))
        station, network = self.model.held[address][0], network_of(address)
        asked = said(
            "request", station, DIRECT, ciaddr=address, source=address, destination=SERVER, frame_source=SWITCH
        )
        own = self.own_address(station, network)
        comes_home = own not in {None, address} and self.model.is_free_for(station, str(own), self.lan.now)
        seen = self.ask(asked, DIRECT, fail=fail)
        if not fail:
            assert seen is not None
            if own in {None, address}:
                assert seen.type == ("ack" if self.may_keep(station, address) else "nak")
            elif comes_home:
                assert seen.type == "nak"

    @rule(station=STATIONS, address=ADDRESSES, via=VIAS)
    def release(self, station: int, address: str, via: Via) -> None:
        assert self.ask(said("release", station, via, ciaddr=address, source=address), via) is None
        if self.model.held.get(address, (0,))[0] == station:
            del self.model.held[address]

    @rule(station=STATIONS, address=ADDRESSES, via=VIAS)
    def decline(self, station: int, address: str, via: Via) -> None:
        before = dict(self.lan.stored)
        named = [("requested_addr", address), ("server_id", via.server_id)]
        assert self.ask(said("decline", station, via, *named), via) is None
        if self.lan.stored != before:
            holder, _ = self.model.held.get(address, (station, 0.0))
            if holder == station:
                self.model.held.pop(address, None)
            self.model.in_use(address, self.lan.now)

    # What else happens

    @rule(seconds=st.sampled_from([0.25, 5.0, 61.0, 110.0, 1000.0, 3590.0, 90_000.0]))
    def wait(self, seconds: float) -> None:
        self.lan.now += seconds
        self.expired_at = self.lan.now
        for event in self.lan.expire():
            assert event.lease.expires <= self.lan.now

    @rule()
    def restart(self) -> None:
        self.lan.restart()
        self.told = set()
        self.waiting.clear()
        self.model.told.clear()

    @rule(station=STATIONS, address=st.none() | NEARBY, hostname=st.sampled_from(["", "printer"]))
    def reserve(self, station: int, address: str | None, hostname: str) -> None:
        by: int | bytes = identifier(8) or b"" if station == 8 else station
        one = reservation(by, address, hostname)
        self.reserved = {
            other: held
            for other, held in self.reserved.items()
            if other != station and (address is None or held.address != number(address))
        }
        self.reserved[station] = one
        self.reconfigure()

    @precondition(lambda self: self.reserved)
    @rule(data=st.data())
    def unreserve(self, data: st.DataObject) -> None:
        del self.reserved[data.draw(st.sampled_from(sorted(self.reserved)))]
        self.reconfigure()

    def reconfigure(self) -> None:
        before = list(self.lan.book)
        self.lan.reserve(*self.reserved.values())
        assert list(self.lan.book) == before, "no lease is touched"

    @rule(data=st.data())
    def clear(self, data: st.DataObject) -> None:
        leases = [*self.lan.book, *self.lan.book.offers()]
        chosen = data.draw(st.lists(st.sampled_from(leases), unique=True)) if leases else []
        outcome = self.lan.server.clear(chosen, self.lan.now)
        self.lan.store(outcome.changes)
        assert len(outcome.events) == len(chosen)
        for change in outcome.changes:
            assert change.old is not None
            self.model.held.pop(text(change.old.address), None)
            self.model.declined.pop(text(change.old.address), None)

    @rule(station=STATIONS)
    def preview(self, station: int) -> None:
        """What is previewed is what the client then gets, and previewing changes nothing."""
        hardware = b"\1" + octets(mac(station))
        name = identifier(station)
        client = b"\0" + name if name is not None else hardware
        before = list(self.lan.book), list(self.lan.book.offers()), self.lan.usage
        preview = self.lan.server.preview(client, hardware, self.onto, 0, self.lan.now)
        assert (list(self.lan.book), list(self.lan.book.offers()), self.lan.usage) == before
        asked, held = said("discover", station, DIRECT), dict(self.lan.book._table(0).offers)
        outcome = self.lan.server.handle(asked, self.onto, self.lan.now)
        assert (outcome.drop, outcome.address) == (preview.drop, preview.address or 0)
        self.follow(asked, DIRECT, outcome, held)
        if outcome.replies:
            options = {**preview.options, **({61: name} if name is not None else {})}
            assert outcome.replies[0].message.options == options

    @invariant()
    def book_and_store_agree(self) -> None:
        assert {(lease.table, lease.address): lease for lease in self.lan.book} == self.lan.stored

    @invariant()
    def every_promise_is_stored(self) -> None:
        for address, (station, until) in self.model.held.items():
            if until > self.lan.now:
                lease = self.lan.stored[0, number(address)]
                assert lease.state is LeaseState.ACTIVE
                assert until == lease.expires or until <= lease.expires < until + 1, "never too early"
                assert lease.hardware[6] == station

    @invariant()
    def book_is_whole(self) -> None:
        table = self.lan.book._table(0)
        reserved = {one.address for one in self.reserved.values() if one.address is not None}
        assert set(table.taken) == set(table.leases) | set(table.offers) | reserved
        for lease in self.lan.book:
            # A client has one address on a link.
            mine = self.lan.book.of_client(lease.client) if lease.client else ()
            networks = [network_of(text(one.address)) for one in mine]
            assert len(networks) == len(set(networks))
        ended = set(table.ended)
        assert ended <= set(table.leases)
        assert all(table.leases[address].expires <= self.lan.now for address in ended)
        running = [lease for lease in self.lan.book if lease.state is LeaseState.ACTIVE and lease.address not in ended]
        assert all(lease.expires > self.expired_at - 1 for lease in running)
        assert self.lan.book.active.get("tap0", 0) == len(running)
        for station in range(1, 9):
            hardware = b"\1" + octets(mac(station))
            held = sum(1 for lease in running if lease.hardware == hardware)
            assert self.lan.book.held_by(hardware, "tap0") == held

    @invariant()
    def pools_are_counted(self) -> None:
        table = self.lan.book._table(0)
        ended = set(table.ended)
        active = {
            lease.address for lease in self.lan.book if lease.state is LeaseState.ACTIVE and lease.address not in ended
        }
        declined = {lease.address for lease in self.lan.book if lease.state is LeaseState.DECLINED}
        reserved = {one.address for one in self.reserved.values() if one.address is not None}
        waiting = {address for address in ended if address not in table.offers and address not in reserved}
        assert len(table.pools) == 2
        for state in table.pools.values():
            inside = {number(address) for pool in POOLS.values() for address in pool if number(address) in state.pool}
            offered = (set(table.offers) - active - declined) & inside
            assert state.usage[:4] == (4, len(active & inside), len(offered), len(declined & inside))
            assert set(state.ended) == waiting & inside
            waiting -= inside
        assert set(table.unpooled) == waiting


TestClients = Clients.TestCase
TestClients.settings = settings(
    max_examples=100, stateful_step_count=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
