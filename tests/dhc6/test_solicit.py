"""Solicit and Request (RFC 8415, 18.3.1, 18.3.2 and 18.3.9)."""

from ipaddress import IPv6Network

import pytest

from tests.dhc6.clients import SERVER_DUID, duid, interface, message, number, raw
from tests.dhc6.lan import LAN, POOL, PREFIX, TWO_PREFIXES, Lan, kinds
from vppdhc.dhc6.config import PoolConfig, PrefixPoolConfig, ServerConfig, Settings, SubnetConfig
from vppdhc.dhc6.events import EventKind
from vppdhc.dhc6.reservations import Reservation
from vppdhc.leases.lease6 import ADDRESS_LENGTH, Lease6, LeaseKind, Place6

NO_ADDRS_AVAIL, NO_BINDING, NOT_ON_LINK, NO_PREFIX_AVAIL, UNSPEC_FAIL = 2, 3, 4, 6, 1
RAPID = raw(14)


def tiny(addresses: int) -> Lan:
    """A network with so many addresses for clients."""
    pool = PoolConfig("tiny", number("2001:db8:1::100"), number("2001:db8:1::100") + addresses - 1)
    subnet = SubnetConfig("lan", IPv6Network("2001:db8:1::/64"), pools=(pool,))
    return Lan(config=ServerConfig(Settings(), ("tap0",), subnets=(subnet,)))


def stored(lan: Lan, address: str) -> Lease6:
    return lan.stored[Place6(0, LeaseKind.ADDRESS, ADDRESS_LENGTH, number(address))]


def test_advertise_says_who_is_who_and_what_there_is() -> None:
    seen = Lan().say("solicit", na={7: []}, trid=0xABCDEF)
    assert (seen.type, seen.trid) == ("advertise", 0xABCDEF)
    assert seen.get(1) == duid(1)
    assert seen.get(2) == SERVER_DUID
    assert list(seen.na) == [7]
    (address,) = seen.na[7].live
    assert address.startswith(PREFIX.rstrip(":"))
    assert seen.na[7].leases == {address: (3600, 7200)}
    assert (seen.na[7].t1, seen.na[7].t2, seen.na[7].status) == (1800, 2880, None)
    assert seen.status is None
    assert 14 not in seen.codes


def test_an_advertise_commits_nothing() -> None:
    lan = Lan()
    outcome = lan.hear(message("solicit", na={1: []}))
    assert (outcome.changes, outcome.events, lan.stored) == ([], [], {})


def test_the_advertised_address_is_granted() -> None:
    lan = Lan()
    address = lan.say("solicit", na={1: []}).na[1].live[0]
    outcome = lan.hear(message("request", na={1: [address]}))
    assert kinds(outcome) == [EventKind.GRANTED]
    lease = stored(lan, address)
    assert (lease.duid, lease.ia_id, lease.interface, lease.valid, lease.preferred) == (duid(1), 1, "tap0", 7200, 3600)
    assert lease.expires == lan.now + 7200


def test_an_address_of_each_prefix_of_the_link() -> None:
    networks = [IPv6Network(address.network) for address in TWO_PREFIXES.addresses6]
    live = Lan(TWO_PREFIXES).bind().na[1].live
    assert len(live) == 2
    assert all(any(IPv6Network(address).subnet_of(network) for address in live) for network in networks)


def test_several_associations_have_different_addresses_and_prefixes() -> None:
    seen = Lan(pools=[POOL]).bind(na={1: [], 2: []}, pd={1: [], 2: []})
    every = [network for ia in seen.ias for network in ia.live]
    assert len(set(every)) == len(every) == 4
    assert {(ia.t1, ia.t2) for ia in seen.ias} == {(1800, 2880)}


def test_two_clients_have_different_addresses() -> None:
    lan = Lan()
    assert lan.bind(1).na[1].live != lan.bind(2).na[1].live


def test_two_associations_that_want_the_same_get_different_ones() -> None:
    wish = f"{PREFIX}77"
    seen = Lan().bind(na={1: [wish], 2: [wish]})
    assert seen.na[1].live == [wish]
    assert seen.na[2].live != [wish]


def test_a_hint_is_honoured_and_one_that_cannot_be_is_not_in_the_answer() -> None:
    lan = Lan()
    assert lan.say("solicit", na={1: [f"{PREFIX}77"]}).na[1].live == [f"{PREFIX}77"]
    ia = lan.say("solicit", 2, na={1: ["2001:db8:99::1", f"{PREFIX}1"]}).na[1]
    assert len(ia.leases) == 1
    assert not {"2001:db8:99::1", f"{PREFIX}1"} & set(ia.leases)


def test_a_client_without_associations_is_told_the_rest() -> None:
    seen = Lan().say("solicit")
    assert (seen.type, seen.ias) == ("advertise", [])


def test_nothing_left() -> None:
    lan = tiny(1)
    lan.bind(1)
    seen = lan.say("solicit", 2, na={1: []})
    assert (seen.type, seen.na[1].leases, seen.na[1].status) == ("advertise", {}, NO_ADDRS_AVAIL)
    seen = lan.say("request", 2, na={1: []})
    assert (seen.type, seen.na[1].leases, seen.na[1].status) == ("reply", {}, NO_ADDRS_AVAIL)
    assert lan.hear(message("solicit", 2, na={1: []})).refused


def test_no_prefixes_are_configured() -> None:
    seen = Lan().say("solicit", na={1: []}, pd={1: []})
    assert (seen.pd[1].leases, seen.pd[1].status) == ({}, NO_PREFIX_AVAIL)
    assert seen.na[1].live
    assert not Lan().hear(message("solicit", na={1: []}, pd={1: []})).refused


def test_no_addresses_but_prefixes() -> None:
    seen = Lan(interface(), pools=[POOL]).bind(na={1: []}, pd={1: []})
    assert (seen.na[1].leases, seen.na[1].status) == ({}, NO_ADDRS_AVAIL)
    (prefix,) = seen.pd[1].live
    assert IPv6Network(prefix).subnet_of(IPv6Network("2001:db8:8000::/48"))
    assert (seen.pd[1].t1, seen.pd[1].t2, seen.pd[1].status) == (1800, 2880, None)


@pytest.mark.parametrize("kind", ["solicit", "request"])
def test_temporary_addresses_are_not_given(kind: str) -> None:
    seen = Lan().say(kind, ta={5: []})
    assert (seen.ta[5].leases, seen.ta[5].status) == ({}, NO_ADDRS_AVAIL)


def test_a_hint_of_a_prefix_or_a_length() -> None:
    pools = [POOL, PrefixPoolConfig("offices", 60, IPv6Network("2001:db8:9000::/48"))]
    lan = Lan(pools=pools)
    assert lan.say("solicit", pd={1: ["2001:db8:8000:4200::/56"]}).pd[1].live == ["2001:db8:8000:4200::/56"]
    assert lan.say("solicit", 2, pd={1: ["::/60"]}).pd[1].live[0].endswith("/60")
    assert lan.say("solicit", 3, pd={1: []}).pd[1].live[0].endswith("/56")


def test_more_associations_than_one_message_may_have() -> None:
    lan = Lan()
    seen = lan.bind(na={iaid: [] for iaid in range(20)})
    assert [iaid for iaid, ia in seen.na.items() if ia.live] == list(range(16))
    assert {seen.na[iaid].status for iaid in range(16, 20)} == {UNSPEC_FAIL}
    assert len(lan.stored) == 16


# Request


def test_a_request_names_an_address_of_another_link() -> None:
    lan = Lan(pools=[POOL])
    seen = lan.say("request", na={1: ["2001:db8:99::1"], 2: []}, pd={3: []})
    assert (seen.na[1].leases, seen.na[1].status) == ({}, NOT_ON_LINK)
    assert seen.na[2].live
    assert seen.pd[3].live
    assert len(lan.stored) == 2


def test_a_request_for_a_temporary_address_of_another_link() -> None:
    seen = Lan().say("request", ta={1: ["2001:db8:99::1"]})
    assert seen.ta[1].status == NOT_ON_LINK


def test_one_address_of_another_link_is_enough() -> None:
    seen = Lan().say("request", na={1: [f"{PREFIX}77", "2001:db8:99::1"]})
    assert (seen.na[1].leases, seen.na[1].status) == ({}, NOT_ON_LINK)


def test_what_somebody_else_has_is_not_granted_and_not_mentioned() -> None:
    lan = Lan()
    taken = lan.bind(1).na[1].live[0]
    seen = lan.say("request", 2, na={1: [taken]})
    assert len(seen.na[1].live) == 1
    assert taken not in seen.na[1].leases


def test_a_request_that_comes_again_is_answered_anew() -> None:
    lan = Lan()
    address = lan.bind().na[1].live[0]
    lan.now += 100
    outcome = lan.hear(message("request", na={1: [address]}))
    assert kinds(outcome) == [EventKind.RENEWED]
    assert stored(lan, address).expires == lan.now + 7200
    assert stored(lan, address).since == lan.now - 100


def test_an_offer_that_was_forgotten_is_granted() -> None:
    lan = Lan()
    address = lan.say("solicit", na={1: []}).na[1].live[0]
    lan.restart()
    assert lan.say("request", na={1: [address]}).na[1].live == [address]


def test_an_offer_holds_for_a_minute() -> None:
    lan = tiny(1)
    lan.say("solicit", 1, na={1: []})
    assert lan.say("solicit", 2, na={1: []}).na[1].status == NO_ADDRS_AVAIL
    lan.now += 61
    lan.expire()
    assert lan.say("solicit", 2, na={1: []}).na[1].live == [f"{PREFIX}100"]


def test_a_client_that_chose_another_server_lets_go_of_our_offer() -> None:
    lan = tiny(1)
    lan.say("solicit", 1, na={1: []})
    lan.hear(message("request", 1, na={1: ["2001:db8:99::1"]}, server_id=bytes.fromhex("00030001020000009999")))
    assert lan.say("solicit", 2, na={1: []}).na[1].live == [f"{PREFIX}100"]


def test_a_client_keeps_its_address_when_it_begins_anew() -> None:
    lan = Lan()
    first = lan.bind(1).na[1].live
    assert lan.bind(1).na[1].live == first
    lan.now += 10_000
    lan.expire()
    assert lan.bind(1).na[1].live == first


def test_what_a_client_had_before_its_reservation_is_withdrawn() -> None:
    lan = Lan()
    before = lan.bind(1).na[1].live[0]
    lan.reserve(Reservation("one", duid=duid(1), address=number(f"{PREFIX}5")))
    seen = lan.bind(1)
    assert seen.na[1].leases == {f"{PREFIX}5": (3600, 7200)}
    assert stored(lan, before).expires == lan.now


def test_a_reserved_prefix_and_address() -> None:
    lan = Lan(pools=[POOL])
    prefix = IPv6Network("2001:db8:8000:ff00::/56")
    lan.reserve(Reservation("one", duid=duid(1), address=number(f"{PREFIX}5"), prefix=prefix))
    seen = lan.bind(1, na={1: []}, pd={1: []})
    assert (seen.na[1].live, seen.pd[1].live) == ([f"{PREFIX}5"], [str(prefix)])
    assert lan.hear(message("solicit", na={1: []})).reason == "reservation"


@pytest.mark.parametrize("by", ["frame", "duid"])
def test_reservations_by_hardware_address(by: str) -> None:
    lan = Lan()
    lan.reserve(Reservation("one", hardware=bytes.fromhex("01020000000001"), address=number(f"{PREFIX}5")))
    client_id = b"\0\2anything" if by == "frame" else duid(1)
    station = 1 if by == "frame" else 2
    assert lan.say("solicit", station, na={1: []}, client_id=client_id).na[1].live == [f"{PREFIX}5"]


# Preference and rapid commit


@pytest.mark.parametrize(("preference", "option"), [(0, None), (1, b"\1"), (255, b"\xff")])
def test_preference(preference: int, option: bytes | None) -> None:
    lan = Lan(preference=preference)
    assert lan.say("solicit", na={1: []}).get(7) == option
    assert 7 not in lan.bind().codes


def test_rapid_commit() -> None:
    lan = Lan(pools=[POOL], rapid_commit=True)
    seen = lan.say("solicit", 1, RAPID, na={1: []}, pd={1: []})
    assert (seen.type, seen.get(14)) == ("reply", b"")
    assert len(lan.stored) == 2


@pytest.mark.parametrize(("configured", "asked"), [(False, True), (True, False)])
def test_no_rapid_commit_unless_both_want_it(configured: bool, asked: bool) -> None:
    lan = Lan(rapid_commit=configured)
    seen = lan.say("solicit", 1, *([RAPID] if asked else []), na={1: []})
    assert (seen.type, seen.get(14), lan.stored) == ("advertise", None, {})


def test_a_reply_to_a_request_has_no_rapid_commit() -> None:
    assert Lan(rapid_commit=True).bind(1).get(14) is None


def test_why_is_said() -> None:
    lan = Lan(LAN, pools=[POOL])
    outcome = lan.hear(message("solicit", na={1: []}, pd={2: []}, ta={3: []}))
    assert outcome.reason == "hash"
    assert [(one.code, one.ia_id, one.length, one.reason) for one in outcome.findings] == [
        (3, 1, 128, "hash"),
        (4, 3, 0, "temporary addresses are not given out"),
        (25, 2, 56, "hash"),
    ]
    assert (outcome.client, outcome.table) == (duid(1), 0)
