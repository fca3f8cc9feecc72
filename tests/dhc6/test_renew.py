"""Renew and Rebind (RFC 8415, 18.3.4 and 18.3.5)."""

from ipaddress import IPv6Network

import pytest

from tests.dhc6.clients import duid, interface, message, number
from tests.dhc6.lan import LAN, POOL, PREFIX, Lan, kinds
from vppdhc.dhc6.config import PrefixPoolConfig
from vppdhc.dhc6.events import EventKind
from vppdhc.dhc6.reservations import Reservation
from vppdhc.leases.lease import LeaseState
from vppdhc.leases.lease6 import Lease6

NO_ADDRS_AVAIL, NO_BINDING, NO_PREFIX_AVAIL = 2, 3, 6
BOTH = pytest.mark.parametrize("kind", ["renew", "rebind"])
ELSEWHERE = "2001:db8:99::1"


def active(lan: Lan) -> list[Lease6]:
    return [lease for lease in lan.stored.values() if lease.state is LeaseState.ACTIVE and lease.expires > lan.now]


@BOTH
def test_a_binding_is_extended(kind: str) -> None:
    lan = Lan(pools=[POOL])
    bound = lan.bind(na={1: []}, pd={2: []})
    lan.now += 1800
    outcome = lan.hear(message(kind, na={1: bound.na[1].live}, pd={2: bound.pd[2].live}))
    assert kinds(outcome) == [EventKind.RENEWED, EventKind.RENEWED]
    seen = lan.say(kind, na={1: bound.na[1].live}, pd={2: bound.pd[2].live})
    assert (seen.type, seen.get(1)) == ("reply", duid(1))
    assert (seen.na, seen.pd) == (bound.na, bound.pd)
    assert {lease.expires for lease in active(lan)} == {lan.now + 7200}
    assert {lease.since for lease in active(lan)} == {lan.now - 1800}


@BOTH
def test_an_address_that_does_not_fit_the_link_gets_lifetimes_of_zero(kind: str) -> None:
    lan = Lan()
    mine = lan.bind().na[1].live
    seen = lan.say(kind, na={1: [*mine, ELSEWHERE]})
    assert (seen.na[1].live, seen.na[1].dead, seen.na[1].status) == (mine, [ELSEWHERE], None)


@BOTH
def test_an_address_of_somebody_else_gets_lifetimes_of_zero(kind: str) -> None:
    lan = Lan()
    mine, others = lan.bind(1).na[1].live, lan.bind(2).na[1].live
    seen = lan.say(kind, na={1: [*mine, *others]})
    assert (seen.na[1].live, seen.na[1].dead) == (mine, others)
    assert len(active(lan)) == 2


@BOTH
def test_a_prefix_that_is_no_longer_delegated_gets_lifetimes_of_zero(kind: str) -> None:
    lan = Lan(pools=[POOL])
    before = lan.bind(pd={1: []}).pd[1].live
    lan.configure(prefix_pools=(PrefixPoolConfig("others", 56, IPv6Network("2001:db8:9000::/48")),))
    outcome = lan.hear(message(kind, pd={1: before}))
    assert kinds(outcome) == [EventKind.WITHDRAWN, EventKind.GRANTED]
    seen = lan.say(kind, pd={1: before})
    assert seen.pd[1].dead == before
    assert [prefix[:13] for prefix in seen.pd[1].live] == ["2001:db8:9000"]
    assert [lease.network >> 80 for lease in active(lan)] == [0x20010DB89000]


@BOTH
def test_no_pool_of_prefixes_is_left(kind: str) -> None:
    lan = Lan(pools=[POOL])
    before = lan.bind(pd={1: []}).pd[1].live
    lan.configure(prefix_pools=())
    seen = lan.say(kind, pd={1: before})
    assert (seen.pd[1].live, seen.pd[1].dead, seen.pd[1].status) == ([], before, None)
    assert active(lan) == []


@BOTH
def test_an_association_that_gets_something_else_by_now(kind: str) -> None:
    lan = Lan()
    before = lan.bind().na[1].live
    lan.reserve(Reservation("one", duid=duid(1), address=number(f"{PREFIX}5")))
    seen = lan.say(kind, na={1: before})
    assert (seen.na[1].live, seen.na[1].dead) == ([f"{PREFIX}5"], before)
    assert [lease.network for lease in active(lan)] == [number(f"{PREFIX}5")]


@BOTH
def test_an_address_that_the_client_leaves_out_is_its_own_all_the_same(kind: str) -> None:
    lan = Lan()
    mine = lan.bind().na[1].live
    assert lan.say(kind, na={1: []}).na[1].live == mine


@BOTH
def test_one_association_of_two_is_known(kind: str) -> None:
    lan = Lan()
    mine = lan.bind(na={1: []}).na[1].live
    seen = lan.say(kind, na={1: mine, 2: []})
    assert seen.na[1].live == mine
    if kind == "renew":
        assert len(seen.na[2].live) == 1
    else:
        assert (seen.na[2].leases, seen.na[2].status) == ({}, NO_BINDING)
    assert (seen.na[1].t1, seen.na[1].t2) == (seen.na[2].t1, seen.na[2].t2) == (1800, 2880)


@BOTH
def test_an_association_for_temporary_addresses_has_no_binding(kind: str) -> None:
    seen = Lan().say(kind, ta={1: [f"{PREFIX}9"]})
    assert (seen.ta[1].leases, seen.ta[1].status) == ({}, NO_BINDING)


def test_a_renewal_without_a_binding_makes_one() -> None:
    lan = Lan(pools=[POOL])
    outcome = lan.hear(message("renew", na={1: [f"{PREFIX}77"]}, pd={1: ["2001:db8:8000:4200::/56"]}))
    assert kinds(outcome) == [EventKind.GRANTED, EventKind.GRANTED]
    assert lan.asked == []
    seen = lan.say("renew", na={1: [f"{PREFIX}77"]}, pd={1: ["2001:db8:8000:4200::/56"]})
    assert (seen.na[1].live, seen.pd[1].live) == ([f"{PREFIX}77"], ["2001:db8:8000:4200::/56"])


def test_a_renewal_without_a_binding_and_with_nothing_to_give() -> None:
    lan = Lan(interface())
    seen = lan.say("renew", na={1: []}, pd={2: []})
    assert (seen.na[1].status, seen.pd[2].status) == (NO_ADDRS_AVAIL, NO_PREFIX_AVAIL)
    seen = lan.say("renew", na={1: [ELSEWHERE]})
    assert (seen.na[1].dead, seen.na[1].status) == ([ELSEWHERE], None)


def test_a_renewal_with_a_length_alone_is_a_hint() -> None:
    pools = [POOL, PrefixPoolConfig("offices", 60, IPv6Network("2001:db8:9000::/48"))]
    seen = Lan(pools=pools).say("renew", pd={1: ["::/60"]})
    assert len(seen.pd[1].leases) == 1
    assert seen.pd[1].live[0].endswith("/60")


def test_rebinding_what_another_server_gave() -> None:
    lan = Lan(pools=[POOL])
    seen = lan.say("rebind", na={1: [f"{PREFIX}77"]}, pd={1: ["2001:db8:8000:4200::/56"], 2: ["2001:db8:7000::/56"]})
    assert (seen.na[1].leases, seen.na[1].status) == ({}, NO_BINDING)
    assert [(ia.leases, ia.status) for ia in seen.pd.values()] == [({}, NO_BINDING)] * 2
    assert lan.stored == {}


def test_rebinding_what_does_not_fit_the_link() -> None:
    lan = Lan()
    seen = lan.say("rebind", na={1: [ELSEWHERE, f"{PREFIX}77"], 2: [f"{PREFIX}78"]})
    assert (seen.na[1].leases, seen.na[1].status) == ({ELSEWHERE: (0, 0)}, None)
    assert seen.na[2].status == NO_BINDING


def test_rebinding_makes_a_binding_where_two_messages_would() -> None:
    lan = Lan(rapid_commit=True)
    seen = lan.say("rebind", na={1: [f"{PREFIX}77", ELSEWHERE]})
    assert (seen.na[1].live, seen.na[1].dead) == ([f"{PREFIX}77"], [ELSEWHERE])
    assert len(lan.stored) == 1
    assert 14 not in seen.codes


def test_what_a_client_has_on_another_link_stays() -> None:
    other = interface("2001:db8:2::1/64", name="tap1", index=2)
    lan = Lan(LAN, other)
    first = lan.bind().na[1].live
    moved = lan.ask(message("renew", na={1: []}), other)
    assert moved.na[1].live[0].startswith("2001:db8:2:")
    assert moved.na[1].dead == []
    assert len(active(lan)) == 2
    assert lan.say("renew", na={1: first}).na[1].live == first


def test_a_lease_that_has_expired_is_granted_anew() -> None:
    lan = Lan()
    mine = lan.bind().na[1].live
    lan.now += 7201
    lan.expire()
    outcome = lan.hear(message("renew", na={1: mine}))
    assert kinds(outcome) == [EventKind.GRANTED]
    assert lan.say("rebind", na={1: mine}).na[1].live == mine


def test_a_renewal_behind_a_restart_of_the_server() -> None:
    lan = Lan(pools=[POOL])
    bound = lan.bind(na={1: []}, pd={2: []})
    lan.restart()
    seen = lan.say("rebind", na={1: bound.na[1].live}, pd={2: bound.pd[2].live})
    assert (seen.na, seen.pd) == (bound.na, bound.pd)
