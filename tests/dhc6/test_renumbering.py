"""Prefixes that come and go while clients are bound to them: what they are told, packet by packet."""

from ipaddress import IPv6Network

from tests.dhc6.clients import interface, message
from tests.dhc6.lan import LAN, PREFIX, TWO_PREFIXES, Lan, kinds
from vppdhc.dhc6.config import PrefixPoolConfig
from vppdhc.dhc6.delegation import Delegated
from vppdhc.dhc6.events import EventKind
from vppdhc.dhc6.levels import Life
from vppdhc.leases.lease import LeaseState

OLD, NEW = "2001:db8:1:", "fd00:1:"
FROM_ABOVE = PrefixPoolConfig("lan", 64, delegated_from="wan0")


def of(prefix: str, addresses: list[str]) -> list[str]:
    return [address for address in addresses if address.startswith(prefix)]


def states(lan: Lan) -> list[tuple[str, LeaseState]]:
    return sorted((f"{lease.network:032x}"[:8], lease.state) for lease in lan.stored.values())


def test_two_prefixes_of_which_one_is_removed_while_clients_are_bound() -> None:
    lan = Lan(TWO_PREFIXES)
    # Both clients have an address of each prefix.
    first, second = lan.bind(1).na[1], lan.bind(2).na[1]
    for ia in (first, second):
        assert [len(of(prefix, ia.live)) for prefix in (OLD, NEW)] == [1, 1]
        assert set(ia.leases.values()) == {(3600, 7200)}

    lan.become(interface("fd00:1::1/64"))
    lan.now += 1800

    # The first renews all that it has: the one lives on, the other must not be used any longer.
    outcome = lan.hear(message("renew", 1, na={1: first.live}))
    assert kinds(outcome) == [EventKind.WITHDRAWN, EventKind.RENEWED]
    seen = lan.say("renew", 1, na={1: first.live})
    assert seen.type == "reply"
    assert seen.na[1].leases == {of(NEW, first.live)[0]: (3600, 7200), of(OLD, first.live)[0]: (0, 0)}
    assert (seen.na[1].t1, seen.na[1].t2, seen.na[1].status) == (1800, 2880, None)
    # It renews what it has left, and nothing is said of the other any more.
    seen = lan.say("renew", 1, na={1: of(NEW, first.live)})
    assert seen.na[1].leases == {of(NEW, first.live)[0]: (3600, 7200)}

    # The second asks any server: the same.
    seen = lan.say("rebind", 2, na={1: second.live})
    assert seen.na[1].leases == {of(NEW, second.live)[0]: (3600, 7200), of(OLD, second.live)[0]: (0, 0)}
    assert states(lan) == [
        ("20010db8", LeaseState.RELEASED),
        ("20010db8", LeaseState.RELEASED),
        ("fd000001", LeaseState.ACTIVE),
        ("fd000001", LeaseState.ACTIVE),
    ]

    # One that comes back, or names the old prefix in a Request, is told that it does not fit.
    assert lan.say("confirm", 1, na={1: first.live}).status == 4
    assert lan.say("confirm", 1, na={1: of(NEW, first.live)}).status == 0
    seen = lan.say("request", 2, na={1: of(OLD, second.live)})
    assert (seen.na[1].leases, seen.na[1].status) == ({}, 4)

    # A new client gets an address of what is there.
    third = lan.bind(3).na[1]
    assert (len(third.live), of(OLD, third.live)) == (1, [])

    # What the first gives back of the old prefix is gone already.
    seen = lan.say("release", 1, na={1: first.live})
    assert (seen.status, seen.ias) == (0, [])

    # The prefix comes back, and with it the addresses that they had.
    lan.become(TWO_PREFIXES)
    seen = lan.say("renew", 2, na={1: of(NEW, second.live)})
    assert sorted(seen.na[1].live) == sorted(second.live)
    assert seen.na[1].dead == []


def test_a_prefix_is_added() -> None:
    lan = Lan(LAN)
    mine = lan.bind().na[1].live
    lan.become(TWO_PREFIXES)
    outcome = lan.hear(message("renew", na={1: mine}))
    assert kinds(outcome) == [EventKind.RENEWED, EventKind.GRANTED]
    seen = lan.say("renew", na={1: mine})
    assert of(OLD, seen.na[1].live) == mine
    assert len(of(NEW, seen.na[1].live)) == 1


def test_the_provider_replaces_a_prefix() -> None:
    lan = Lan(TWO_PREFIXES)
    mine = lan.bind().na[1].live
    # The old one is deprecated, lives for an hour, and no longer.
    lan.advertise(tap0={"2001:db8:1::/64": (0, 3600), "fd00:1::/64": (7200, 9000)})
    lan.now += 1000
    seen = lan.say("renew", na={1: mine})
    assert seen.na[1].leases == {of(OLD, mine)[0]: (0, 2600), of(NEW, mine)[0]: (3600, 7200)}
    assert (seen.na[1].t1, seen.na[1].t2) == (1800, 2880)
    # Nobody else gets anything of it.
    assert len(lan.say("solicit", 2, na={1: []}).na[1].live) == 1
    lan.now += 2600
    seen = lan.say("renew", na={1: mine})
    assert seen.na[1].leases == {of(NEW, mine)[0]: (3600, 5400), of(OLD, mine)[0]: (0, 0)}


def test_a_prefix_that_was_lost_is_over_at_once() -> None:
    lan = Lan(TWO_PREFIXES)
    mine = lan.bind().na[1].live
    lan.advertise(tap0={"2001:db8:1::/64": (float("-inf"), float("-inf"))})
    seen = lan.say("renew", na={1: mine})
    assert seen.na[1].leases == {of(NEW, mine)[0]: (3600, 7200), of(OLD, mine)[0]: (0, 0)}


def delegated(prefix: str, preferred: float, valid: float) -> Delegated:
    return Delegated(IPv6Network(prefix), (), Life(preferred, valid))


def test_what_is_delegated_on_follows_what_was_delegated_to_us() -> None:
    lan = Lan(pools=[FROM_ABOVE])
    assert lan.say("solicit", pd={1: []}).pd[1].status == 6
    first = delegated("2001:db8:a000::/56", lan.now + 5000, lan.now + 6000)
    lan.server.set_delegations({"wan0": [first]})
    bound = lan.bind(pd={1: []}).pd[1]
    (old,) = bound.live
    assert IPv6Network(old).subnet_of(first.prefix)
    assert bound.leases == {old: (3600, 6000)}

    # The old prefix is deprecated and there is another one: both are told of, with what is left of their lives.
    deprecated = delegated("2001:db8:a000::/56", lan.now, lan.now + 2000)
    second = delegated("2001:db8:b000::/56", lan.now + 9000, lan.now + 9000)
    lan.server.set_delegations({"wan0": [second, deprecated]})
    lan.now += 100
    ia = lan.say("renew", pd={1: [old]}).pd[1]
    (new,) = [prefix for prefix in ia.live if prefix != old]
    assert IPv6Network(new).subnet_of(second.prefix)
    assert ia.leases == {new: (3600, 7200), old: (0, 1900)}
    assert (ia.t1, ia.t2) == (1800, 2880)

    # The old one is gone.
    lan.server.set_delegations({"wan0": [second]})
    outcome = lan.hear(message("renew", pd={1: [old, new]}))
    assert kinds(outcome) == [EventKind.WITHDRAWN, EventKind.RENEWED]
    assert lan.say("renew", pd={1: [old, new]}).pd[1].leases == {new: (3600, 7200), old: (0, 0)}

    # Everything is gone.
    lan.server.set_delegations({})
    ia = lan.say("renew", pd={1: [new]}).pd[1]
    assert (ia.leases, ia.status) == ({new: (0, 0)}, None)


def test_the_network_of_the_lan_is_not_delegated_to_its_clients() -> None:
    lan = Lan(LAN, pools=[PrefixPoolConfig("whole", 64, IPv6Network("2001:db8:1::/63"))])
    assert lan.bind(pd={1: []}).pd[1].live == ["2001:db8:1:1::/64"]
    assert lan.say("solicit", 2, pd={1: []}).pd[1].status == 6
    assert PREFIX == "2001:db8:1::"
