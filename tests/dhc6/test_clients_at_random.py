"""Clients that do what they like on a link whose prefixes come and go, against a model of what they were promised."""

from ipaddress import IPv6Network
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.dhc6.clients import SERVER_DUID, Agent, Ia, Seen, duid, interface, message, number, raw
from tests.dhc6.lan import Lan, see
from vppdhc.dhc6.config import PrefixPoolConfig
from vppdhc.leases.lease import LeaseState
from vppdhc.leases.lease6 import ADDRESS_LENGTH, LeaseKind, Place6

NETWORKS = ("2001:db8:1::/64", "fd00:1::/124", "2001:db8:2::/64")
POOLS = (
    PrefixPoolConfig("small", 60, IPv6Network("2001:db8:8000::/58")),
    PrefixPoolConfig("large", 52, IPv6Network("2001:db8:9000::/51")),
)
WISHES = {
    "na": ("fd00:1::5", "fd00:1::6", "2001:db8:1::77", "2001:db8:99::1"),
    "pd": ("2001:db8:8000:10::/60", "2001:db8:9000::/52", "::/52", "2001:db8:99::/48"),
}
SQUATTER = "02:66:66:66:66:66"
STATION, IAID = st.integers(1, 5), st.integers(0, 1)
KIND = st.sampled_from(["na", "pd"])
Key = tuple[int, str, int]
"""Station, kind and IAID."""


def place(network: str) -> Place6:
    parsed = IPv6Network(network)
    kind = LeaseKind.ADDRESS if parsed.prefixlen == ADDRESS_LENGTH else LeaseKind.PREFIX
    return Place6(0, kind, parsed.prefixlen, int(parsed.network_address))


class Clients(RuleBasedStateMachine):
    """promised: until when each address or prefix is whose. offered: what was last advertised.
    declined: until when nobody may have an address.
    """

    def __init__(self) -> None:
        super().__init__()
        self.promised: dict[str, tuple[Key, float]] = {}
        self.offered: dict[Key, list[str]] = {}
        self.declined: dict[str, float] = {}

    @initialize(rapid=st.booleans())
    def begin(self, rapid: bool) -> None:
        self.networks = list(NETWORKS[:2])
        self.lan = Lan(self.router(), pools=POOLS, rapid_commit=rapid, probation_time=5000, reconfigure=rapid)

    def router(self) -> Any:
        return interface(*(network.replace("::/", "::1/") for network in self.networks))

    def held(self, key: Key) -> list[str]:
        now = self.lan.now
        return [network for network, (owner, until) in self.promised.items() if owner == key and until > now]

    def send(self, kind: str, key: Key, named: list[str], *options: Any, relayed: bool = False) -> Seen | None:
        station, of, iaid = key
        relays = [Agent("2001:db8:1::99")] if relayed and NETWORKS[0] in self.networks else []
        asked = message(kind, station, *options, relays=relays, **{of: {iaid: named}})
        outcome = self.lan.hear(asked)
        for change in outcome.changes:
            assert change.new is None or self.lan.stored[change.new.place] == change.new
        if outcome.drop is not None:
            return None
        seen = see(outcome, self.lan.interfaces[0])
        self.check(seen, station, relays)
        return seen

    def check(self, seen: Seen, station: int, relays: list[Agent]) -> None:
        """What holds for every answer (RFC 8415, 18.3)."""
        assert (seen.get(1), seen.get(2), seen.trid) == (duid(station), SERVER_DUID, 0x1000 + station)
        assert len(seen.relays) == len(relays)
        for ia in seen.ias:
            assert ia.status is None or not ia.leases
            assert all(preferred <= valid for preferred, valid in ia.leases.values())
            if ia.live:
                assert 0 < ia.t1 <= ia.t2 <= min(ia.leases[network][1] for network in ia.live)
                preferred = [ia.leases[network][0] for network in ia.live if ia.leases[network][0]]
                assert not preferred or ia.t2 <= min(preferred)

    def free_for(self, key: Key, network: str) -> None:
        """Check that nobody else was promised a network, or a part of it, and that it can be given."""
        mine = IPv6Network(network)
        for other, (owner, until) in self.promised.items():
            if until > self.lan.now and owner != key:
                assert not IPv6Network(other).overlaps(mine), f"{network} for {key}, but {other} is {owner}'s"
        assert self.declined.get(network, 0.0) <= self.lan.now
        assert self.is_there(network)
        assert mine.network_address not in [one.ip for one in self.lan.interfaces[0].addresses6]

    def granted(self, key: Key, ia: Ia) -> None:
        """Take note of what a Reply says of an identity association."""
        for network, (_, valid) in ia.leases.items():
            if not valid:
                self.over(key, network)
                continue
            self.free_for(key, network)
            stored = self.lan.stored[place(network)]
            assert (stored.state, stored.duid, stored.ia_id) == (LeaseState.ACTIVE, duid(key[0]), key[2])
            assert stored.expires >= self.lan.now + valid
            self.promised[network] = key, self.lan.now + valid

    def ia_of(self, seen: Seen, key: Key) -> Ia:
        (ia,) = seen.ias
        assert list(getattr(seen, key[1])) == [key[2]]
        return ia

    @rule(station=STATION, of=KIND, iaid=IAID, wish=st.integers(-1, 3), rapid=st.booleans(), relayed=st.booleans())
    def solicit(self, station: int, of: str, iaid: int, wish: int, rapid: bool, relayed: bool) -> None:
        key = station, of, iaid
        named = [WISHES[of][wish]] if wish >= 0 else []
        seen = self.send("solicit", key, named, *([raw(14)] if rapid else []), relayed=relayed)
        if seen is None:
            return
        ia = self.ia_of(seen, key)
        assert not ia.dead
        if seen.type == "reply":
            assert rapid
            self.let_go(key, ia)
            self.granted(key, ia)
        else:
            for network in ia.live:
                self.free_for(key, network)
            self.offered[key] = ia.live

    def over(self, key: Key, network: str) -> None:
        """A client has something no longer, and the server knows."""
        if self.promised.get(network, (None, 0))[0] == key:
            del self.promised[network]
        stored = self.lan.stored.get(place(network))
        if stored is not None and (stored.duid, stored.ia_id) == (duid(key[0]), key[2]):
            assert stored.state is not LeaseState.ACTIVE or stored.expires <= self.lan.now

    def let_go(self, key: Key, ia: Ia) -> None:
        """A client that begins anew has what it gets, and of the link nothing else."""
        for network in self.held(key):
            if network not in ia.leases and self.is_there(network):
                self.over(key, network)

    def is_there(self, network: str) -> bool:
        """Whether an address or prefix is of the link now."""
        mine = IPv6Network(network)
        here = (
            [IPv6Network(one) for one in self.networks]
            if mine.prefixlen == ADDRESS_LENGTH
            else [one.prefix for one in POOLS]
        )
        return any(mine.subnet_of(one) for one in here if one is not None)

    @rule(station=STATION, of=KIND, iaid=IAID, relayed=st.booleans())
    def request(self, station: int, of: str, iaid: int, relayed: bool) -> None:
        key = station, of, iaid
        seen = self.send("request", key, self.offered.get(key, []), relayed=relayed)
        if seen is None:
            return
        ia = self.ia_of(seen, key)
        assert not ia.dead
        if ia.status != 4:
            self.let_go(key, ia)
        self.granted(key, ia)

    @rule(station=STATION, of=KIND, iaid=IAID, rebind=st.booleans(), wish=st.integers(-1, 3))
    def extend(self, station: int, of: str, iaid: int, rebind: bool, wish: int) -> None:
        key = station, of, iaid
        named = self.held(key) + ([WISHES[of][wish]] if wish >= 0 else [])
        seen = self.send("rebind" if rebind else "renew", key, list(dict.fromkeys(named)))
        if seen is None:
            return
        ia = self.ia_of(seen, key)
        assert ia.leases or ia.status in (2, 3, 6)
        if not rebind or self.held(key):
            assert {network for network in named if not network.startswith("::")} <= ia.leases.keys()
        self.granted(key, ia)

    @rule(station=STATION, of=KIND, iaid=IAID, declines=st.booleans())
    def give_up(self, station: int, of: str, iaid: int, declines: bool) -> None:
        key = station, of, iaid
        named = self.held(key)
        seen = self.send("decline" if declines else "release", key, named)
        assert seen is not None
        assert seen.status == 0
        assert not named or not seen.ias
        for network in named:
            if not declines or of == "na":
                self.over(key, network)
            if declines and of == "na" and self.is_there(network):
                self.declined[network] = self.lan.now + 5000

    @rule(station=STATION, iaid=IAID, wish=st.integers(0, 3))
    def confirm(self, station: int, iaid: int, wish: int) -> None:
        named = [*self.held((station, "na", iaid)), WISHES["na"][wish]]
        seen = self.send("confirm", (station, "na", iaid), named)
        if seen is None:
            assert not self.networks
            return
        fits = all(self.is_there(network) for network in named)
        assert (seen.status, seen.ias) == (0 if fits else 4, [])

    @rule(number_of=st.integers(0, 2))
    def come_or_go(self, number_of: int) -> None:
        """A prefix is added to the link or taken away."""
        network = NETWORKS[number_of]
        if network in self.networks:
            self.networks.remove(network)
        else:
            self.networks.append(network)
        self.lan.become(self.router())

    @rule(host=st.integers(2, 15), there=st.booleans())
    def squat(self, host: int, there: bool) -> None:
        """Somebody begins or ends using an address of the small network."""
        address = f"fd00:1::{host:x}"
        self.lan.squatters = {address: SQUATTER} if there else {}

    @rule(seconds=st.sampled_from([1, 59, 1800, 3600, 7200, 90_000]))
    def wait(self, seconds: int) -> None:
        self.lan.now += seconds
        self.lan.expire()

    @rule()
    def restart(self) -> None:
        self.lan.restart()
        self.offered.clear()

    def teardown(self) -> None:
        """Nothing that was promised and is in force has been lost."""
        for network, (key, until) in self.promised.items():
            if until > self.lan.now:
                stored = self.lan.stored[place(network)]
                assert (stored.duid, stored.ia_id, stored.state) == (duid(key[0]), key[2], LeaseState.ACTIVE)
                assert number(network.partition("/")[0]) == stored.network


TestClients = Clients.TestCase
TestClients.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
