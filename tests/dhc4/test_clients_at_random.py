"""Clients that do anything, against a model of what they must be able to rely on."""

from ipaddress import IPv4Address, IPv4Network
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from tests.dhc4.clients import EVERYBODY, Lan, Seen, interface, mac, message, number, octets, reservation, see, text
from vppdhc.dhc4.request import client_key
from vppdhc.dhc4.reservations import Reservation
from vppdhc.leases.lease import LeaseState
from vppdhc.packet import punt
from vppdhc.packet.dhcp4 import Message

SERVER = "192.168.1.1"
SWITCH = "02:00:00:00:07:77"
"""What answers for the clients of the link that have an address."""
SMALL = "192.168.1.1/29"
STATIC = 40  # so that there are four addresses for eight clients, and one that can only be reserved
POOL = ("192.168.1.3", "192.168.1.4", "192.168.1.5", "192.168.1.6")
FOR_CLIENTS = ("192.168.1.2", *POOL)
STATIONS = st.integers(1, 8)
ADDRESSES = st.integers(number("192.168.1.0"), number("192.168.1.9")).map(text)
FLAGS = st.sampled_from([0, 0x8000])
RELAYS = st.sampled_from(["0.0.0.0", "0.0.0.0", "192.168.1.6"])
WISHES = st.none() | st.sampled_from([1, 200, 100_000])


def said(kind: str, station: int, *options: Any, **more: Any) -> Message:
    """A message of a station; two of them send a client identifier."""
    return message(kind, station, *options, client_id=identifier(station), **more)


def identifier(station: int) -> bytes | None:
    return b"station" + bytes([station]) if station >= 7 else None


class Clients(RuleBasedStateMachine):
    """Eight clients on a network with fewer addresses.

    The model is what each was promised and until when, and what is reserved for whom. The last one's reservation is by
    client identifier, all others' by hardware address.
    """

    offers = Bundle("offers")

    def __init__(self) -> None:
        super().__init__()
        self.lan = Lan(interface(SMALL), static_percentage=STATIC)
        self.reserved: dict[int, Reservation] = {}
        self.promised: dict[str, tuple[int, float]] = {}
        self.declined: dict[str, float] = {}
        self.expired_at = self.lan.now
        self.told = False

    def ask(self, asked: Message, *, fail: bool = False) -> Seen | None:
        """Send a message, check how its answer is addressed, and keep what it promises in mind."""
        onto = self.lan.interfaces[0]
        held = dict(self.lan.book._table(0).offers)
        outcome = self.lan.server.handle(asked, onto, self.lan.now)
        if fail:
            self.lan.book.take_back(outcome.changes[::-1])
            self.expired_at = 0.0  # what had ended ends again
            return None
        self.lan.store(outcome.changes)
        if not outcome.replies:
            return None
        seen = see(outcome, onto)
        self.check_addressing(asked, seen)
        self.check_reservations(asked.chaddr[5], seen)
        offer = held.get(number(seen.bootp.yiaddr))
        if offer is not None and offer.expires > self.lan.now and self.holder(seen.bootp.yiaddr) is None:
            assert offer.client == client_key(asked), "the address is on offer to somebody else"
        if seen.type == "ack":
            self.keep_in_mind(asked, seen)
        return seen

    def check_reservations(self, station: int, seen: Seen) -> None:
        mine = self.reserved.get(station)
        if seen.type != "nak":
            assert self.holder(seen.bootp.yiaddr) in {None, station}, "reserved for somebody else"
            assert seen.bootp.yiaddr in POOL or self.holder(seen.bootp.yiaddr) == station
            name = mine.hostname.encode() if mine is not None and mine.hostname else None
            assert seen.options.get("hostname") == name
            own = self.own_address(station)
            assert own is None or seen.bootp.yiaddr == own or not self.is_free_for(station, own)

    def holder(self, address: str) -> int | None:
        """The station that an address is reserved for."""
        return next((station for station, one in self.reserved.items() if one.address == number(address)), None)

    def own_address(self, station: int) -> str | None:
        """The address that is reserved for a station and that a client can have."""
        reserved = self.reserved.get(station)
        own = None if reserved is None or reserved.address is None else text(reserved.address)
        return own if own in FOR_CLIENTS else None

    def is_free_for(self, station: int, address: str) -> bool:
        """Whether nobody else has an address, for certain: the server's seconds are whole."""
        holder, until = self.promised.get(address, (station, 0.0))
        free = holder == station or until <= self.lan.now - 1
        return free and self.declined.get(address, 0.0) <= self.lan.now - 1

    def keep_in_mind(self, asked: Message, seen: Seen) -> None:
        station, address = asked.chaddr[5], seen.bootp.yiaddr
        assert IPv4Address(address) in IPv4Network(SMALL, strict=False)
        assert address not in {SERVER, "192.168.1.0", "192.168.1.7"}
        holder, until = self.promised.get(address, (station, 0.0))
        assert holder == station or until <= self.lan.now, f"{address} is {holder}'s until {until}"
        assert self.declined.get(address, 0.0) <= self.lan.now
        # A client that takes an address has no other one on this link.
        self.promised = {other: promise for other, promise in self.promised.items() if promise[0] != station}
        self.promised[address] = station, self.lan.now + seen.options["lease_time"]
        stored = self.lan.stored[0, number(address)]
        assert (stored.state, stored.client) == (LeaseState.ACTIVE, client_key(asked))
        assert 0 <= stored.expires - self.promised[address][1] < 1, "ends never too early, and at a whole second"
        assert seen.options["renewal_time"] < seen.options["rebinding_time"] < seen.options["lease_time"]

    def check_addressing(self, asked: Message, seen: Seen) -> None:
        """RFC 2131, 4.1."""
        if asked.giaddr:
            expected: tuple[Any, ...] = (punt.IP4, "", text(asked.giaddr), (67, 67))
        elif seen.type == "nak":
            expected = (punt.L2, EVERYBODY, "255.255.255.255", (67, 68))
        elif asked.ciaddr:
            expected = (punt.L2, SWITCH, text(asked.ciaddr), (67, 68))
        elif asked.flags & 0x8000:
            expected = (punt.L2, EVERYBODY, "255.255.255.255", (67, 68))
        else:
            expected = (punt.L2, mac(asked.chaddr[5]), seen.bootp.yiaddr, (67, 68))
        assert (seen.action, seen.frame_destination, seen.destination, seen.ports) == expected
        assert seen.source == seen.options["server_id"] == SERVER
        assert (seen.bootp.xid, seen.bootp.giaddr) == (asked.xid, text(asked.giaddr))

    @rule(target=offers, station=STATIONS, flags=FLAGS, giaddr=RELAYS, wish=st.none() | ADDRESSES)
    def discover(self, station: int, flags: int, giaddr: str, wish: str | None) -> Any:
        options = [("requested_addr", wish)] if wish is not None else []
        seen = self.ask(said("discover", station, *options, flags=flags, giaddr=giaddr))
        if seen is None:
            others = {address for address in POOL if self.holder(address) not in {None, station}}
            assert self.taken() | others >= set(POOL), "no offer although an address is free"
            return station, None, flags, giaddr
        address = seen.bootp.yiaddr
        mine = [taken for taken, (holder, until) in self.promised.items() if holder == station and until > self.lan.now]
        if mine and address != self.own_address(station) and self.may_keep(station, mine[0]):
            assert [address] == mine, "a client with a lease was offered something else"
        return station, address, flags, giaddr

    def may_keep(self, station: int, address: str) -> bool:
        """Whether the configuration lets a client keep an address."""
        holder = self.holder(address)
        return holder == station or (holder is None and address in POOL)

    def taken(self) -> set[str]:
        """What the server may not give to somebody who has nothing."""
        now = self.lan.now
        offered = {text(address) for address, offer in self.lan.book._table(0).offers.items()}
        leased = {address for address, (_, until) in self.promised.items() if until > now - 1}
        return offered | leased | {address for address, until in self.declined.items() if until > now - 1}

    @rule(offer=consumes(offers), wish=WISHES, fail=st.booleans())
    def select(self, offer: Any, wish: int | None, fail: bool) -> None:
        station, address, flags, giaddr = offer
        if address is not None:
            options = [("lease_time", wish)] if wish is not None else []
            asked = self.lan.select(
                station, address, *options, flags=flags, giaddr=giaddr, client_id=identifier(station)
            )
            self.ask(asked, fail=fail)

    @rule(offer=consumes(offers))
    def select_another_server(self, offer: Any) -> None:
        station, address, flags, giaddr = offer
        if address is not None:
            name = identifier(station)
            other = self.lan.select(station, address, server="192.168.1.5", flags=flags, giaddr=giaddr, client_id=name)
            assert self.ask(other) is None

    @rule(station=STATIONS, address=ADDRESSES, flags=FLAGS, fail=st.booleans())
    def reboot(self, station: int, address: str, flags: int, fail: bool) -> None:
        self.ask(said("request", station, ("requested_addr", address), flags=flags), fail=fail)

    @rule(station=STATIONS, address=ADDRESSES, giaddr=RELAYS, flags=FLAGS, fail=st.booleans())
    def renew_or_rebind(self, station: int, address: str, giaddr: str, flags: int, fail: bool) -> None:
        asked = said(
            "request", station, ciaddr=address, source=address, giaddr=giaddr, flags=flags, frame_source=SWITCH
        )
        self.ask(asked, fail=fail)

    @rule(data=st.data(), fail=st.booleans())
    def renew_what_one_has(self, data: st.DataObject, fail: bool) -> None:
        held = sorted(address for address, (_, until) in self.promised.items() if until > self.lan.now)
        if held:
            address = data.draw(st.sampled_from(held))
            station = self.promised[address][0]
            asked = said("request", station, ciaddr=address, source=address, frame_source=SWITCH)
            own = self.own_address(station)
            comes_home = own not in {None, address} and self.is_free_for(station, str(own))
            seen = self.ask(asked, fail=fail)
            if not fail:
                assert seen is not None
                if own in {None, address}:
                    assert seen.type == ("ack" if self.may_keep(station, address) else "nak")
                elif comes_home:
                    assert seen.type == "nak"

    @rule(station=STATIONS, address=ADDRESSES)
    def release(self, station: int, address: str) -> None:
        assert self.ask(said("release", station, ciaddr=address, source=address)) is None
        if self.promised.get(address, (0,))[0] == station:
            del self.promised[address]

    @rule(station=STATIONS, address=ADDRESSES)
    def decline(self, station: int, address: str) -> None:
        before = dict(self.lan.stored)
        asked = said("decline", station, ("requested_addr", address), ("server_id", SERVER))
        assert self.ask(asked) is None
        if self.lan.stored != before:
            holder, until = self.promised.pop(address, (station, 0.0))
            assert holder == station or until <= self.lan.now
            self.declined[address] = self.lan.now + 86_400

    @rule(seconds=st.sampled_from([0.25, 5.0, 61.0, 110.0, 1000.0, 3590.0, 90_000.0]))
    def wait(self, seconds: float) -> None:
        self.lan.now += seconds
        self.expired_at = self.lan.now
        for event in self.lan.expire():
            assert event.lease.expires <= self.lan.now

    @rule()
    def restart(self) -> None:
        self.lan.restart()
        self.told = False

    @rule(station=STATIONS, address=st.none() | ADDRESSES, hostname=st.sampled_from(["", "printer"]))
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
            self.promised.pop(text(change.old.address), None)
            self.declined.pop(text(change.old.address), None)

    @rule(station=STATIONS)
    def preview(self, station: int) -> None:
        """What is previewed is what the client then gets, and previewing changes nothing."""
        hardware = b"\1" + octets(mac(station))
        name = identifier(station)
        client = b"\0" + name if name is not None else hardware
        link = self.lan.interfaces[0]
        before = list(self.lan.book), list(self.lan.book.offers()), self.lan.usage
        preview = self.lan.server.preview(client, hardware, link, 0, self.lan.now)
        assert (list(self.lan.book), list(self.lan.book.offers()), self.lan.usage) == before
        outcome = self.lan.hear(said("discover", station))
        assert outcome.drop == preview.drop
        if preview.address is not None:
            assert see(outcome, link).bootp.yiaddr == text(preview.address)
            assert outcome.replies[0].message.options == {
                **preview.options,
                **({61: name} if name is not None else {}),
            }

    @invariant()
    def book_and_store_agree(self) -> None:
        assert {(lease.table, lease.address): lease for lease in self.lan.book} == self.lan.stored

    @invariant()
    def every_promise_is_stored(self) -> None:
        for address, (station, until) in self.promised.items():
            if until > self.lan.now:
                lease = self.lan.stored[0, number(address)]
                assert lease.state is LeaseState.ACTIVE
                assert until <= lease.expires < until + 1
                assert lease.hardware[6] == station

    @invariant()
    def book_is_whole(self) -> None:
        table = self.lan.book._table(0)
        reserved = {one.address for one in self.reserved.values() if one.address is not None}
        assert set(table.taken) == set(table.leases) | set(table.offers) | reserved
        for lease in self.lan.book:
            # There is one link, so a client has one address.
            assert list(self.lan.book.of_client(lease.client)) == ([lease] if lease.client else [])
        ended = set(table.ended)
        assert ended <= set(table.leases)
        assert all(table.leases[address].expires <= self.lan.now for address in ended)
        running = [lease for lease in self.lan.book if lease.state is LeaseState.ACTIVE and lease.address not in ended]
        assert all(lease.expires > self.expired_at - 1 for lease in running)
        assert self.lan.book.active.get("tap0", 0) == len(running)
        (state,) = table.pools.values()
        waiting = {address for address in ended if address not in table.offers and address not in reserved}
        assert set(state.ended) == {address for address in waiting if address in state.pool}
        assert set(table.unpooled) == waiting - set(state.ended)
        in_pool = {number(address) for address in POOL}
        active = {lease.address for lease in running} & in_pool
        declined = {lease.address for lease in self.lan.book if lease.state is LeaseState.DECLINED} & in_pool
        offered = set(table.offers) & in_pool - active - declined
        assert self.lan.usage[:4] == (4, len(active), len(offered), len(declined))
        for event in self.lan.server.pool_events():
            assert event.usage.exceeded is not self.told
            self.told = event.usage.exceeded
        assert self.told is (self.lan.usage.allocated + self.lan.usage.declined == 4)


TestClients = Clients.TestCase
TestClients.settings = settings(
    max_examples=100, stateful_step_count=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
