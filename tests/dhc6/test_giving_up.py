"""Confirm, Release, Decline and Information-request (RFC 8415, 18.3.3, 18.3.6 to 18.3.8)."""

from typing import Any

import pytest

from tests.dhc6.clients import SERVER_DUID, Agent, duid, interface, message, number
from tests.dhc6.lan import LAN, POOL, PREFIX, TWO_PREFIXES, Lan, kinds, options
from vppdhc.dhc6.events import EventKind
from vppdhc.dhc6.validation import Drop
from vppdhc.leases.lease import LeaseState
from vppdhc.leases.lease6 import ADDRESS_LENGTH, Lease6, LeaseKind, Place6

SUCCESS, NO_BINDING, NOT_ON_LINK = 0, 3, 4
ELSEWHERE = "2001:db8:99::1"


def record(lan: Lan, address: str) -> Lease6:
    return lan.stored[Place6(0, LeaseKind.ADDRESS, ADDRESS_LENGTH, number(address))]


# Confirm


@pytest.mark.parametrize(
    ("na", "ta", "status"),
    [
        ({1: [f"{PREFIX}5"]}, {}, SUCCESS),
        ({1: [f"{PREFIX}5", "fd00:1::7"], 2: [f"{PREFIX}6"]}, {3: [f"{PREFIX}9"]}, SUCCESS),
        ({1: [ELSEWHERE]}, {}, NOT_ON_LINK),
        ({1: [f"{PREFIX}5", ELSEWHERE]}, {}, NOT_ON_LINK),
        ({1: [f"{PREFIX}5"], 2: [ELSEWHERE]}, {}, NOT_ON_LINK),
        ({1: [f"{PREFIX}5"]}, {2: [ELSEWHERE]}, NOT_ON_LINK),
    ],
)
def test_confirm(na: dict[int, list[str]], ta: dict[int, list[str]], status: int) -> None:
    lan = Lan(TWO_PREFIXES)
    seen = lan.say("confirm", na=na, ta=ta)
    assert (seen.type, seen.status, seen.ias) == ("reply", status, [])
    assert (seen.get(1), seen.get(2)) == (duid(1), SERVER_DUID)
    assert lan.hear(message("confirm", na=na, ta=ta)).refused is (status == NOT_ON_LINK)
    assert lan.stored == {}


@pytest.mark.parametrize("ias", [{}, {"na": {1: []}}, {"pd": {1: ["2001:db8:8000::/56"]}}])
def test_nothing_to_confirm(ias: dict[str, Any]) -> None:
    assert Lan().dropped(message("confirm", **ias)) is Drop.NOTHING_TO_CONFIRM


def test_a_link_of_which_nothing_is_known_is_not_confirmed() -> None:
    lan = Lan(interface(), pools=[POOL])
    assert lan.dropped(message("confirm", na={1: [f"{PREFIX}5"]})) is Drop.NO_SUBNET
    relayed = message("confirm", na={1: [f"{PREFIX}5"]}, relays=[Agent(ELSEWHERE)])
    assert Lan().dropped(relayed) is Drop.NO_SUBNET


def test_an_address_of_a_prefix_that_has_ended_is_not_confirmed() -> None:
    lan = Lan()
    lan.advertise(tap0={"2001:db8:1::/64": (0, 60)})
    assert lan.say("confirm", na={1: [f"{PREFIX}5"]}).status == SUCCESS
    lan.now += 60
    assert lan.say("confirm", na={1: [f"{PREFIX}5"]}).status == NOT_ON_LINK


# Release


def test_release() -> None:
    lan = Lan(TWO_PREFIXES, pools=[POOL])
    bound = lan.bind(na={1: []}, pd={2: []})
    one, two = bound.na[1].live
    outcome = lan.hear(message("release", na={1: [one]}, pd={2: bound.pd[2].live}))
    assert kinds(outcome) == [EventKind.RELEASED, EventKind.RELEASED]
    assert (record(lan, one).state, record(lan, one).expires) == (LeaseState.RELEASED, lan.now)
    assert record(lan, two).state is LeaseState.ACTIVE
    seen = lan.say("release", na={1: [two]})
    assert (seen.type, seen.status, seen.ias) == ("reply", SUCCESS, [])
    assert (seen.get(1), seen.get(2)) == (duid(1), SERVER_DUID)


def test_what_was_released_is_free_and_remembered() -> None:
    lan = Lan()
    mine = lan.bind(1).na[1].live
    lan.say("release", 1, na={1: mine})
    assert lan.say("solicit", 1, na={1: []}).na[1].live == mine
    assert lan.bind(1).na[1].live == mine


@pytest.mark.parametrize("kind", ["release", "decline"])
def test_without_a_binding(kind: str) -> None:
    lan = Lan(pools=[POOL])
    mine = lan.bind(1).na[1].live
    before = dict(lan.stored)
    seen = lan.say(kind, 1, na={1: [ELSEWHERE], 2: mine}, pd={3: ["2001:db8:8000::/56"]}, ta={4: [f"{PREFIX}5"]})
    assert seen.status == SUCCESS
    assert [(ia.leases, ia.status) for ia in seen.ias] == [({}, NO_BINDING)] * 3
    assert (list(seen.na), list(seen.pd), list(seen.ta)) == ([2], [3], [4])
    assert {ia.t1 for ia in seen.ias} == {0}
    assert lan.stored == before


@pytest.mark.parametrize("kind", ["release", "decline"])
def test_what_is_somebody_elses_stays(kind: str) -> None:
    lan = Lan()
    mine, others = lan.bind(1).na[1].live, lan.bind(2).na[1].live
    outcome = lan.hear(message(kind, 1, na={1: others}))
    assert (outcome.changes, outcome.refused) == ([], True)
    assert record(lan, mine[0]).state is record(lan, others[0]).state is LeaseState.ACTIVE


# Decline


def test_a_declined_address_is_nobodys_for_a_day() -> None:
    lan = Lan()
    used = lan.bind(1).na[1].live[0]
    outcome = lan.hear(message("decline", 1, na={1: [used]}))
    assert kinds(outcome) == [EventKind.DECLINED]
    declined = record(lan, used)
    assert (declined.state, declined.duid, declined.expires) == (LeaseState.DECLINED, b"", lan.now + 86_400)
    assert declined.hardware == b"\1\2\0\0\0\0\1"
    for station in (1, 2):
        assert lan.say("solicit", station, na={1: [used]}).na[1].live != [used]
    lan.now += 86_401
    lan.expire()
    assert lan.say("solicit", 2, na={1: [used]}).na[1].live == [used]


def test_decline_is_answered_with_success() -> None:
    lan = Lan()
    seen = lan.say("decline", na={1: lan.bind().na[1].live})
    assert (seen.type, seen.status, seen.ias) == ("reply", SUCCESS, [])


def test_a_prefix_cannot_be_declined() -> None:
    lan = Lan(pools=[POOL])
    mine = lan.bind(pd={1: []}).pd[1].live
    outcome = lan.hear(message("decline", pd={1: mine}))
    assert outcome.changes == []
    assert lan.say("renew", pd={1: mine}).pd[1].live == mine


def test_an_address_of_a_network_that_is_gone_is_declined() -> None:
    lan = Lan()
    mine = lan.bind().na[1].live
    lan.become(interface("2001:db8:2::1/64"))
    outcome = lan.hear(message("decline", na={1: mine}))
    assert kinds(outcome) == [EventKind.DECLINED]
    assert record(lan, mine[0]).state is LeaseState.RELEASED


# Information-request


def test_information_request() -> None:
    lan = Lan(options=options(dns_servers=["2001:db8::53"], information_refresh_time=3600))
    seen = lan.say("information-request", oro=[23, 32, 24])
    assert (seen.type, seen.ias, seen.status) == ("reply", [], None)
    assert (seen.get(1), seen.get(2)) == (duid(1), SERVER_DUID)
    assert seen.codes == [1, 2, 23, 32]
    assert (lan.stored, lan.asked) == ({}, [])


def test_information_request_without_client_id() -> None:
    seen = Lan(options=options(dns_servers=["2001:db8::53"])).say("information-request", client_id=None)
    assert seen.codes == [2, 23]


def test_information_request_on_an_interface_without_a_network() -> None:
    lan = Lan(interface(), options=options(dns_servers=["2001:db8::53"]))
    assert lan.say("information-request").codes == [1, 2, 23]


def test_information_request_behind_a_relay_agent() -> None:
    lan = Lan(LAN, options=options(dns_servers=["2001:db8::53"]))
    seen = lan.say("information-request", relays=[Agent(f"{PREFIX}99")])
    assert (seen.codes, len(seen.relays)) == ([1, 2, 23], 1)
