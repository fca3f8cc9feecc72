"""It is asked about new addresses, before they are advertised or granted, whether somebody uses them."""

import pytest

from tests.dhc6.clients import ROUTER, mac, message, number, octets, raw
from tests.dhc6.lan import LAN, POOL, PREFIX, TWO_PREFIXES, Lan, kinds
from vppdhc.dhc6.config import ConflictDetection
from vppdhc.dhc6.events import EventKind
from vppdhc.dhc6.outcome import ProbeWanted
from vppdhc.dhc6.validation import Drop
from vppdhc.leases.lease import LeaseState
from vppdhc.leases.lease6 import ADDRESS_LENGTH, LeaseKind, Place6

SQUATTER = "02:66:66:66:66:66"
RAPID = raw(14)


def place(address: str) -> Place6:
    return Place6(0, LeaseKind.ADDRESS, ADDRESS_LENGTH, number(address))


def test_new_addresses_are_asked_about_at_once_before_they_are_advertised() -> None:
    lan = Lan(TWO_PREFIXES, pools=[POOL], probe_timeout=0.7)
    outcome = lan.server.handle(message("solicit", 1, na={1: [], 2: []}, pd={3: []}), TWO_PREFIXES, lan.now)
    assert (outcome.replies, outcome.changes, outcome.drop, outcome.reason) == ([], [], None, "hash")
    probe = outcome.probe
    assert probe is not None
    assert len(set(probe.addresses)) == 4
    assert probe == ProbeWanted(0, probe.addresses, number(ROUTER), octets(mac(1)), 0.7)
    seen = lan.say("solicit", 1, na={1: [], 2: []}, pd={3: []})
    live = [number(address) for ia in seen.na.values() for address in ia.live]
    assert sorted(live) == sorted(probe.addresses)


def test_while_it_is_asked_nobody_else_gets_the_address() -> None:
    lan = Lan()
    wish = message("solicit", 1, na={1: [f"{PREFIX}77"]})
    assert lan.server.handle(wish, LAN, lan.now).probe is not None
    assert f"{PREFIX}77" not in lan.say("solicit", 2, na={1: [f"{PREFIX}77"]}).na[1].leases


def test_somebody_answers() -> None:
    lan = Lan()
    lan.squatters = {f"{PREFIX}77": SQUATTER}
    outcome = lan.hear(message("solicit", na={1: [f"{PREFIX}77"]}))
    assert kinds(outcome) == [EventKind.CONFLICT]
    assert outcome.events[0].holder == octets(SQUATTER)
    assert lan.asked[0] == [f"{PREFIX}77"]
    assert len(lan.asked) == 2
    record = lan.stored[place(f"{PREFIX}77")]
    assert (record.state, record.expires, record.hardware) == (
        LeaseState.DECLINED,
        lan.now + 86_400,
        b"\1" + octets(SQUATTER),
    )
    assert outcome.reason == "hash"


def test_somebody_uses_one_of_two() -> None:
    lan = Lan(TWO_PREFIXES)
    lan.squatters = {f"{PREFIX}77": SQUATTER}
    seen = lan.say("solicit", na={1: [f"{PREFIX}77", "fd00:1::77"]})
    assert "fd00:1::77" in seen.na[1].leases
    assert len(seen.na[1].leases) == 2
    first, second = lan.asked
    assert first == [f"{PREFIX}77", "fd00:1::77"]
    assert second == [address for address in seen.na[1].leases if address.startswith("2001")]


def test_after_too_many_conflicts_the_message_is_dropped() -> None:
    lan = Lan()

    class Everybody(dict[str, str]):
        def __contains__(self, address: object) -> bool:
            return True

        def __getitem__(self, address: str) -> str:
            return SQUATTER

    lan.squatters = Everybody()
    outcome = lan.hear(message("solicit", na={1: []}))
    assert (outcome.drop, outcome.replies, len(lan.asked)) == (Drop.CONFLICTS, [], 8)
    assert len(outcome.changes) == 8
    lan.squatters = {}
    assert lan.say("solicit", na={1: []}).na[1].live


@pytest.mark.parametrize("kind", ["request", "renew", "rebind"])
def test_what_the_client_says_it_has_is_not_asked_about(kind: str) -> None:
    lan = Lan(rapid_commit=True)
    assert lan.say(kind, na={1: [f"{PREFIX}77"]}).na[1].live == [f"{PREFIX}77"]
    assert lan.asked == []


@pytest.mark.parametrize("kind", ["request", "renew", "rebind"])
def test_what_it_did_not_know_of_is(kind: str) -> None:
    lan = Lan(rapid_commit=True)
    seen = lan.say(kind, na={1: []})
    assert lan.asked == [seen.na[1].live]
    assert len(lan.stored) == 1


def test_what_was_advertised_or_is_its_own_is_not_asked_about_again() -> None:
    lan = Lan()
    lan.bind()
    assert len(lan.asked) == 1
    lan.say("solicit", na={1: []})
    lan.now += 7201
    lan.expire()
    lan.say("solicit", na={1: []})
    assert len(lan.asked) == 1


def test_two_messages_of_one_client_while_it_is_asked() -> None:
    lan = Lan()
    asked = message("solicit", na={1: []})
    first, second = (lan.server.handle(asked, LAN, lan.now).probe for _ in range(2))
    assert first == second
    assert first is not None
    outcome = lan.server.probed(asked, LAN, lan.now, first.addresses)
    assert (len(outcome.replies), outcome.reason) == (1, "hash")


def test_rapid_commit_waits_for_the_answer() -> None:
    lan = Lan(rapid_commit=True)
    asked = message("solicit", 1, RAPID, na={1: []})
    outcome = lan.server.handle(asked, LAN, lan.now)
    assert (outcome.changes, outcome.replies) == ([], [])
    assert lan.say("solicit", 1, RAPID, na={1: []}).type == "reply"
    assert len(lan.stored) == 1


def test_asking_can_be_turned_off() -> None:
    lan = Lan(conflict_detection=ConflictDetection.NONE)
    assert lan.bind().na[1].live
    assert lan.asked == []


def test_prefixes_are_not_asked_about() -> None:
    lan = Lan(pools=[POOL])
    lan.bind(pd={1: []})
    assert lan.asked == []


def test_an_address_that_was_leased_meanwhile_is_not_taken_from_its_client() -> None:
    lan = Lan()
    asked = message("solicit", 1, na={1: [f"{PREFIX}77"]})
    probe = lan.server.handle(asked, LAN, lan.now).probe
    assert probe is not None
    lan.book.release(place(f"{PREFIX}77"))
    lan.say("request", 2, na={1: [f"{PREFIX}77"]})
    lan.store(lan.server.conflicted(asked, LAN, lan.now, probe.addresses, {number(f"{PREFIX}77"): b"\2" * 6}).changes)
    assert lan.stored[place(f"{PREFIX}77")].state is LeaseState.ACTIVE


def test_what_is_no_longer_served_when_the_answer_comes_is_dropped() -> None:
    lan = Lan()
    asked = message("solicit", 1, na={1: []})
    probe = lan.server.handle(asked, LAN, lan.now).probe
    assert probe is not None
    lan.configure(interfaces=())
    for outcome in (
        lan.server.probed(asked, LAN, lan.now, probe.addresses),
        lan.server.conflicted(asked, LAN, lan.now, probe.addresses, {probe.addresses[0]: b"\2" * 6}),
    ):
        assert (outcome.drop, outcome.changes) == (Drop.NOT_SERVED, [])
