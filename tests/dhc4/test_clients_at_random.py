"""Clients that do anything, against a model of what they must be able to rely on."""

from ipaddress import IPv4Address, IPv4Network
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from tests.dhc4.clients import EVERYBODY, Lan, Seen, interface, mac, message, number, see, text
from vppdhc.dhc4.request import client_key
from vppdhc.leases.lease import LeaseState
from vppdhc.packet import punt
from vppdhc.packet.dhcp4 import Message

SERVER = "192.168.1.1"
SWITCH = "02:00:00:00:07:77"
"""What answers for the clients of the link that have an address."""
SMALL = "192.168.1.1/29"  # five addresses for eight clients
STATIONS = st.integers(1, 8)
ADDRESSES = st.integers(number("192.168.1.0"), number("192.168.1.9")).map(text)
FLAGS = st.sampled_from([0, 0x8000])
RELAYS = st.sampled_from(["0.0.0.0", "0.0.0.0", "192.168.1.6"])
WISHES = st.none() | st.sampled_from([1, 200, 100_000])


class Clients(RuleBasedStateMachine):
    """Eight clients on a network with fewer addresses; the model is what each was promised and until when."""

    offers = Bundle("offers")

    def __init__(self) -> None:
        super().__init__()
        self.lan = Lan(interface(SMALL), static_percentage=0)
        self.promised: dict[str, tuple[int, float]] = {}
        self.declined: dict[str, float] = {}
        self.expired_at = self.lan.now

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
        offer = held.get(number(seen.bootp.yiaddr))
        if offer is not None and offer.expires > self.lan.now:
            assert offer.client == client_key(asked), "the address is on offer to somebody else"
        if seen.type == "ack":
            self.keep_in_mind(asked, seen)
        return seen

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
        seen = self.ask(message("discover", station, *options, flags=flags, giaddr=giaddr))
        if seen is None:
            assert len(self.taken()) >= 5, "no offer although an address is free"
            return station, None, flags, giaddr
        address = seen.bootp.yiaddr
        mine = [taken for taken, (holder, until) in self.promised.items() if holder == station and until > self.lan.now]
        if mine:
            assert [address] == mine, "a client with a lease was offered something else"
        return station, address, flags, giaddr

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
            asked = self.lan.select(station, address, *options, flags=flags, giaddr=giaddr)
            self.ask(asked, fail=fail)

    @rule(offer=consumes(offers))
    def select_another_server(self, offer: Any) -> None:
        station, address, flags, giaddr = offer
        if address is not None:
            other = self.lan.select(station, address, server="192.168.1.5", flags=flags, giaddr=giaddr)
            assert self.ask(other) is None

    @rule(station=STATIONS, address=ADDRESSES, flags=FLAGS, fail=st.booleans())
    def reboot(self, station: int, address: str, flags: int, fail: bool) -> None:
        self.ask(message("request", station, ("requested_addr", address), flags=flags), fail=fail)

    @rule(station=STATIONS, address=ADDRESSES, giaddr=RELAYS, flags=FLAGS, fail=st.booleans())
    def renew_or_rebind(self, station: int, address: str, giaddr: str, flags: int, fail: bool) -> None:
        asked = message(
            "request", station, ciaddr=address, source=address, giaddr=giaddr, flags=flags, frame_source=SWITCH
        )
        self.ask(asked, fail=fail)

    @rule(data=st.data(), fail=st.booleans())
    def renew_what_one_has(self, data: st.DataObject, fail: bool) -> None:
        held = sorted(address for address, (_, until) in self.promised.items() if until > self.lan.now)
        if held:
            address = data.draw(st.sampled_from(held))
            station = self.promised[address][0]
            asked = message("request", station, ciaddr=address, source=address, frame_source=SWITCH)
            seen = self.ask(asked, fail=fail)
            assert fail or (seen is not None and seen.type == "ack")

    @rule(station=STATIONS, address=ADDRESSES)
    def release(self, station: int, address: str) -> None:
        assert self.ask(message("release", station, ciaddr=address, source=address)) is None
        if self.promised.get(address, (0,))[0] == station:
            del self.promised[address]

    @rule(station=STATIONS, address=ADDRESSES)
    def decline(self, station: int, address: str) -> None:
        before = dict(self.lan.stored)
        asked = message("decline", station, ("requested_addr", address), ("server_id", SERVER))
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
        assert set(table.taken.within(0, 1 << 32)) == set(table.leases) | set(table.offers)
        for lease in self.lan.book:
            # There is one link, so a client has one address.
            assert list(self.lan.book.of_client(lease.client)) == ([lease] if lease.client else [])
        ended = set(table.ended)
        assert ended <= set(table.leases)
        assert all(table.leases[address].expires <= self.lan.now for address in ended)
        running = [lease for lease in self.lan.book if lease.state is LeaseState.ACTIVE and lease.address not in ended]
        assert all(lease.expires > self.expired_at - 1 for lease in running)
        assert self.lan.book.active.get("tap0", 0) == len(running)
        (queue,) = table._queues.values()
        queued = set(queue)
        assert queued == {address for address in ended if address not in table.offers}


TestClients = Clients.TestCase
TestClients.settings = settings(
    max_examples=100, stateful_step_count=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
