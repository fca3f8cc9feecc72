"""A DHCPv6 server with interfaces, and the clients that talk to it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv6Network
from math import inf
from typing import Any

from tests.dhc6.clients import NONE, SERVER_DUID, Leases, Seen, interface, look, message, octets, text
from vppdhc.dhc6.book import LeaseBook6
from vppdhc.dhc6.config import PrefixPoolConfig, ServerConfig, Settings
from vppdhc.dhc6.events import EventKind
from vppdhc.dhc6.options import OptionSet
from vppdhc.dhc6.outcome import Outcome
from vppdhc.dhc6.reply import encode
from vppdhc.dhc6.reservations import Reservation, Reservations
from vppdhc.dhc6.server import Server
from vppdhc.dhc6.validation import Drop
from vppdhc.interface import Interface
from vppdhc.leases.lease6 import Change6, Lease6, Place6
from vppdhc.packet.dhcp6 import Message
from vppdhc.packet.options6 import by_name

PREFIX = "2001:db8:1::"
LAN = interface("2001:db8:1::1/64")
TWO_PREFIXES = interface("2001:db8:1::1/64", "fd00:1::1/64")
POOL = PrefixPoolConfig("customers", 56, IPv6Network("2001:db8:8000::/48"))
WALL = 1_700_000_000.0


def see(outcome: Outcome, onto: Interface) -> Seen:
    """Encode the one reply of an outcome and have scapy read it."""
    (reply,) = outcome.replies
    return look(*encode(reply, onto))


def options(**named: Any) -> OptionSet:
    """Say what clients are told: options by name, with an underscore for a hyphen."""
    values = {}
    for name, value in named.items():
        option = by_name(name.replace("_", "-"))
        assert option is not None, name
        values[int(option)] = option.encode(value)
    return OptionSet(values)


@dataclass(frozen=True)
class Advertised:
    """A prefix that a LAN has of a delegation."""

    prefix: IPv6Network
    preferred_until: float = inf
    valid_until: float = inf


class Lan:
    """A server, a store that remembers what was made durable, and a clock that tests turn.

    squatters: who answers for addresses that he has of nobody, when the server asks.
    asked: what the server has asked about, each time all at once.
    """

    def __init__(
        self,
        *interfaces: Interface,
        config: ServerConfig | None = None,
        pools: Sequence[PrefixPoolConfig] = (),
        **settings: Any,
    ) -> None:
        self.interfaces = interfaces or (LAN,)
        names = tuple(one.name for one in self.interfaces)
        self.config = config or ServerConfig(Settings(**settings), names, prefix_pools=tuple(pools))
        self.stored: dict[Place6, Lease6] = {}
        self.squatters: dict[str, str] = {}
        self.asked: list[list[str]] = []
        self.now = 1000.0
        self.keys = 0
        self.restart()

    def restart(self) -> None:
        """Forget everything that is not stored."""
        self.book = LeaseBook6()
        self.book.load(self.stored.values(), self.now)
        self.server = Server(self.config, self.book, SERVER_DUID, lambda: WALL + self.now, self._random)
        for served in self.interfaces:
            self.server.interface_changed(None, served)

    def _random(self, size: int) -> bytes:
        self.keys += 1
        return self.keys.to_bytes(size, "big")

    def configure(self, **changes: Any) -> None:
        """Have another configuration: some of its members, or of its settings."""
        members = {name: value for name, value in changes.items() if hasattr(self.config, name)}
        settings = {name: value for name, value in changes.items() if name not in members}
        self.config = replace(self.config, settings=replace(self.config.settings, **settings), **members)
        self.server.configure(self.config)

    def reserve(self, *reservations: Reservation) -> None:
        """Have these reservations, and no others."""
        self.configure(reservations=Reservations(reservations))

    def become(self, now: Interface) -> None:
        """Have the first interface be another one."""
        before, self.interfaces = self.interfaces[0], (now, *self.interfaces[1:])
        self.server.interface_changed(before, now)

    def advertise(self, **lifetimes: Mapping[str, tuple[float, float]]) -> None:
        """Say how long the prefixes of LANs live: by name of the interface and prefix, preferred and valid from now."""
        told = {
            name: [
                Advertised(IPv6Network(prefix), self.now + one, self.now + two) for prefix, (one, two) in lives.items()
            ]
            for name, lives in lifetimes.items()
        }
        self.server.set_delegated(told)

    def store(self, changes: Iterable[Change6]) -> None:
        for old, new in changes:
            if new is not None:
                self.stored[new.place] = new
            elif old is not None:
                del self.stored[old.place]

    def hear(self, asked: Message, onto: Interface | None = None) -> Outcome:
        """Handle a message and make what it changed durable; what the server asks about is answered at once."""
        onto = onto or self.interfaces[0]
        outcome = self.server.handle(asked, onto, self.now)
        changes, events = list(outcome.changes), list(outcome.events)
        while (probe := outcome.probe) is not None:
            self.asked.append([text(address) for address in probe.addresses])
            holders = {
                address: octets(self.squatters[text(address)])
                for address in probe.addresses
                if text(address) in self.squatters
            }
            if holders:
                outcome = self.server.conflicted(asked, onto, self.now, probe.addresses, holders)
            else:
                outcome = self.server.probed(asked, onto, self.now, probe.addresses)
            changes += outcome.changes
            events += outcome.events
        self.store(changes)
        return outcome._replace(changes=changes, events=events)

    def ask(self, asked: Message, onto: Interface | None = None) -> Seen:
        return see(self.hear(asked, onto), onto or self.interfaces[0])

    def say(self, kind: str, station: int = 1, *more: Any, **fields: Any) -> Seen:
        """Send a message to the first interface, and see its answer."""
        return self.ask(message(kind, station, *more, **fields))

    def dropped(self, asked: Message, onto: Interface | None = None) -> Drop | None:
        """Why a message has no answer, and no effect; None where it has one."""
        outcome = self.hear(asked, onto)
        if outcome.drop is not None:
            assert outcome[:4] == ([], [], [], outcome.drop)
            assert outcome.reason == outcome.drop
        return outcome.drop

    def bind(self, station: int = 1, *more: Any, na: Leases = NONE, pd: Leases = NONE, **fields: Any) -> Seen:
        """Take a client through Solicit and Request; returns the Reply. Without associations, it wants an address."""
        if not na and not pd:
            na = {1: []}
        offered = self.say("solicit", station, *more, na=na, pd=pd, **fields)
        assert offered.type == "advertise"
        got = {
            code: {iaid: ia.live for iaid, ia in found.items()}
            for code, found in (("na", offered.na), ("pd", offered.pd))
        }
        reply = self.say("request", station, *more, **got, **fields)
        assert reply.type == "reply"
        for now, before in ((reply.na, offered.na), (reply.pd, offered.pd)):
            assert {iaid: ia.leases for iaid, ia in now.items()} == {iaid: ia.leases for iaid, ia in before.items()}
        return reply

    def expire(self) -> Outcome:
        outcome = self.server.expire(self.now, 1_000_000)
        self.store(outcome.changes)
        return outcome


def kinds(outcome: Outcome) -> list[EventKind]:
    return [event.kind for event in outcome.events]
