"""Reconfigure: bound clients are told of changes at once (RFC 8415, 18.3.11 and 20.4)."""

import hmac
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv6Network
from itertools import pairwise
from math import inf
from typing import Any

import pytest

from tests.dhc6.clients import ROUTER, SERVER_DUID, Agent, Seen, duid, interface, link_local, look, mac, message, raw
from tests.dhc6.lan import LAN, POOL, PREFIX, TWO_PREFIXES, WALL, Lan, options
from tests.packet.scapy_layers6 import dhcp6 as scapy
from vppdhc.dhc6.config import Overrides, PrefixPoolConfig, ServerConfig, Settings, SubnetConfig
from vppdhc.dhc6.delegation import Delegated
from vppdhc.dhc6.levels import FOR_EVER
from vppdhc.dhc6.options import FromUpstream, OptionSet
from vppdhc.dhc6.reconfigure import ReplayDetection
from vppdhc.dhc6.reply import encode
from vppdhc.dhc6.reservations import Reservation
from vppdhc.packet import punt

ACCEPT = raw(20)
OTHER_DNS = options(dns_servers=["2001:db8::54"])


def auth(seen: Seen) -> Any:
    """The authentication option of a message, as scapy sees it."""
    value = seen.get(11)
    assert value is not None
    return scapy.DHCP6OptAuth(b"\0\x0b" + len(value).to_bytes(2, "big") + value)


def key_of(lan: Lan, station: int = 1) -> bytes:
    (key,) = {lease.reconfigure_key for lease in lan.stored.values() if lease.duid == duid(station)}
    return key


def told(lan: Lan) -> list[Seen]:
    """The Reconfigure messages that are due, as scapy sees them."""
    by_name = {one.name: one for one in lan.interfaces}
    return [look(*encode(notice.reply, by_name[notice.interface])) for notice in lan.server.notices(lan.now)]


def bound(stations: int = 1, **settings: Any) -> Lan:
    """A server that has bound so many clients, which accept Reconfigure messages."""
    lan = Lan(pools=[POOL], reconfigure=True, **settings)
    for station in range(1, stations + 1):
        lan.bind(station, ACCEPT, na={1: []}, pd={2: []})
    return lan


# The key


def test_the_reply_gives_a_key_to_who_accepts_reconfigure() -> None:
    lan = Lan(reconfigure=True)
    offered = lan.say("solicit", 1, ACCEPT, na={1: []})
    assert (offered.get(20), offered.get(11)) == (b"", None)
    seen = lan.say("request", 1, ACCEPT, na={1: offered.na[1].live})
    assert seen.get(20) == b""
    option = auth(seen)
    assert (option.proto, option.alg, option.rdm) == (3, 1, 0)
    assert int.from_bytes(option.replay, "big") >> 32 == int(WALL + lan.now) + 2_208_988_800
    assert option.authinfo == b"\1" + key_of(lan)
    assert len(key_of(lan)) == 16


@pytest.mark.parametrize(("configured", "accepts"), [(False, True), (True, False)])
def test_no_key_unless_both_want_it(configured: bool, accepts: bool) -> None:
    lan = Lan(reconfigure=configured)
    seen = lan.bind(1, *([ACCEPT] if accepts else []))
    assert (seen.get(11), seen.get(20), key_of(lan)) == (None, None, b"")


def test_a_rapid_reply_gives_the_key_too() -> None:
    lan = Lan(reconfigure=True, rapid_commit=True)
    assert auth(lan.say("solicit", 1, ACCEPT, raw(14), na={1: []})).authinfo == b"\1" + key_of(lan)


def test_each_client_has_a_key_of_its_own_and_keeps_it() -> None:
    lan = bound(stations=2)
    assert key_of(lan, 1) != key_of(lan, 2)
    before = key_of(lan, 1)
    again = lan.say("request", 1, ACCEPT, na={1: []}, pd={2: []})
    assert (auth(again).authinfo[1:], key_of(lan, 1)) == (before, before)
    renewed = lan.say("renew", 1, ACCEPT, na={1: []}, pd={2: []})
    assert (renewed.get(11), renewed.get(20), key_of(lan, 1)) == (None, b"", before)
    lan.say("renew", 1, na={1: []}, pd={2: []})
    assert key_of(lan, 1) == b""


def test_a_request_that_gets_nothing_gets_no_key() -> None:
    assert Lan(interface(), reconfigure=True).say("request", 1, ACCEPT, na={1: []}).get(11) is None


def test_information_requests_are_told_that_it_is_there_but_get_no_key() -> None:
    seen = Lan(reconfigure=True).say("information-request", 1, ACCEPT)
    assert (seen.get(20), seen.get(11)) == (b"", None)


# The message


def test_reconfigure_message() -> None:
    lan = bound()
    lan.configure(options=OTHER_DNS)
    assert lan.server.next_notice() == -inf
    (seen,) = told(lan)
    assert (seen.action, seen.frame_destination, seen.source) == (punt.L2, mac(1), ROUTER)
    assert (seen.destination, seen.ports) == (link_local(1), (547, 546))
    assert (seen.type, seen.trid, seen.codes) == ("reconfigure", 0, [2, 1, 19, 11])
    assert (seen.get(1), seen.get(2), seen.get(19)) == (duid(1), SERVER_DUID, b"\5")


def test_the_digest_is_made_with_the_key_of_the_client() -> None:
    lan = bound()
    key = key_of(lan)
    lan.configure(options=OTHER_DNS)
    (notice,) = lan.server.notices(lan.now)
    wire = encode(notice.reply, LAN)[1][62:]
    digest = wire[-16:]
    assert wire[-17] == 2
    assert hmac.digest(key, wire[:-16] + bytes(16), "md5") == digest


def test_replay_detection_never_goes_back() -> None:
    now = [1000.0]
    values = ReplayDetection(lambda: now[0])
    found = [values.next(), values.next()]
    now[0] = 500.0
    found.append(values.next())
    now[0] = 2000.0
    found.append(values.next())
    assert found == sorted(set(found))
    assert ReplayDetection(lambda: 2001.0).next() > found[-1]


def test_it_is_repeated_until_the_client_renews() -> None:
    lan = bound()
    lan.configure(options=OTHER_DNS)
    values = []
    waits = []
    for _ in range(3):
        (seen,) = told(lan)
        values.append(auth(seen).replay)
        waits.append(lan.server.next_notice() - lan.now)
        assert told(lan) == []
        lan.now = lan.server.next_notice()
    assert waits == [2, 4, 8]
    assert values == sorted(set(values))
    lan.say("renew", 1, ACCEPT, na={1: []}, pd={2: []})
    lan.now += 1000
    assert told(lan) == []
    assert lan.server.next_notice() == inf


@pytest.mark.parametrize("kind", ["rebind", "information-request"])
def test_other_messages_that_end_it(kind: str) -> None:
    lan = bound()
    lan.configure(options=OTHER_DNS)
    assert len(told(lan)) == 1
    lan.say(kind, 1, ACCEPT)
    lan.now += 1000
    assert told(lan) == []


def test_a_client_that_never_answers_is_told_eight_times() -> None:
    lan = bound(valid_lifetime=100_000)
    lan.configure(options=OTHER_DNS)
    times = []
    while lan.server.next_notice() < inf:
        lan.now = max(lan.now, lan.server.next_notice())
        times += [lan.now for _ in told(lan)]
    assert [later - earlier for earlier, later in pairwise(times)] == [2, 4, 8, 16, 32, 64, 128]


def test_who_has_no_key_is_not_told() -> None:
    lan = Lan(reconfigure=True)
    lan.bind(1, ACCEPT)
    lan.bind(2)
    lan.configure(options=OTHER_DNS)
    assert [seen.get(1) for seen in told(lan)] == [duid(1)]


def test_who_has_gone_is_not_told() -> None:
    lan = bound(stations=2)
    lan.say("release", 1, na={1: lan.say("renew", 1, ACCEPT, na={1: []}).na[1].live})
    lan.say("release", 1, pd={2: lan.say("renew", 1, ACCEPT, pd={2: []}).pd[2].live})
    lan.configure(options=OTHER_DNS)
    assert [seen.get(1) for seen in told(lan)] == [duid(2)]


def test_a_relayed_client_is_told_by_its_relay_agent() -> None:
    far = SubnetConfig("far", IPv6Network("2001:db8:5::/64"))
    settings = Settings(reconfigure=True)
    lan = Lan(interface("2001:db8:fffe::1/64"), config=ServerConfig(settings, ("tap0",), subnets=(far,)))
    agent = Agent("2001:db8:5::1", "fe80::77", options=(scapy.DHCP6OptIfaceId(ifaceid=b"port 3"),))
    lan.bind(1, ACCEPT, na={1: []}, relays=[agent])
    lan.configure(options=OTHER_DNS)
    (seen,) = told(lan)
    assert (seen.action, seen.destination, seen.ports) == (punt.IP6, "2001:db8:ffff::1", (547, 547))
    (relay,) = seen.relays
    assert (relay.msgtype, relay.hopcount, relay.linkaddr, relay.peeraddr) == (13, 0, "2001:db8:5::1", "fe80::77")
    assert relay[scapy.DHCP6OptIfaceId].ifaceid == b"port 3"
    assert seen.type == "reconfigure"


def test_a_client_behind_two_relay_agents_gets_no_key() -> None:
    lan = Lan(reconfigure=True)
    agents = [Agent(f"{PREFIX}99"), Agent("::", "fe80::7", 1)]
    seen = lan.bind(1, ACCEPT, relays=agents)
    assert (seen.get(11), seen.get(20)) == (None, None)


def test_many_clients_are_told_a_portion_at_a_time() -> None:
    lan = bound(stations=5)
    lan.configure(options=OTHER_DNS)
    found = [notice.duid for _ in range(3) for notice in lan.server.notices(lan.now, limit=2)]
    assert sorted(found) == [duid(station) for station in range(1, 6)]


# Which changes


CHANGES: list[tuple[str, Callable[[Lan], None], bool]] = [
    ("another option", lambda lan: lan.configure(options=OTHER_DNS), True),
    ("another lifetime", lambda lan: lan.configure(valid_lifetime=9000), True),
    ("a prefix more", lambda lan: lan.become(TWO_PREFIXES), True),
    ("another prefix", lambda lan: lan.become(interface("2001:db8:77::1/64")), True),
    ("a prefix that ends", lambda lan: lan.advertise(tap0={"2001:db8:1::/64": (0, 100)}), True),
    ("other prefixes to delegate", lambda lan: lan.configure(prefix_pools=()), True),
    ("a reservation", lambda lan: lan.reserve(Reservation("one", duid=duid(1), address=5)), True),
    ("a reservation for another", lambda lan: lan.reserve(Reservation("one", duid=duid(9), address=5)), False),
    ("the same again", lambda lan: lan.server.configure(replace(lan.config)), False),
    ("another address of the router", lambda lan: lan.become(interface("2001:db8:1::2/64")), False),
    ("a probe that waits longer", lambda lan: lan.configure(max_pending_probes=5), False),
    ("nothing learned", lambda lan: lan.server.set_upstream({"wan0": {24: b"\0"}}), False),
]


@pytest.mark.parametrize(("change", "tells"), [one[1:] for one in CHANGES], ids=[one[0] for one in CHANGES])
def test_changes_of_which_clients_are_told(change: Callable[[Lan], None], tells: bool) -> None:
    lan = bound()
    told(lan)
    lan.now += 10
    change(lan)
    assert bool(told(lan)) is tells


def test_other_values_of_the_provider() -> None:
    lan = bound(options=OptionSet({23: FromUpstream()}))
    told(lan)
    lan.now += 10
    lan.server.set_upstream({"wan0": {23: b"\x20\1" + bytes(14)}})
    assert len(told(lan)) == 1


def test_a_prefix_that_lives_longer_is_no_news() -> None:
    lan = Lan(reconfigure=True)
    lan.advertise(tap0={"2001:db8:1::/64": (4000, 8000)})
    told(lan)
    lan.bind(1, ACCEPT)
    lan.now += 100
    lan.advertise(tap0={"2001:db8:1::/64": (4000, 8000)})
    assert told(lan) == []
    lan.now += 100
    lan.advertise(tap0={"2001:db8:1::/64": (100, 200)})
    assert len(told(lan)) == 1


def test_clients_of_another_interface_are_not_told() -> None:
    other = interface("2001:db8:2::1/64", name="tap1", index=2)
    lan = Lan(LAN, other, reconfigure=True)
    lan.bind(1, ACCEPT)
    lan.store(lan.hear(message("request", 2, ACCEPT, na={1: []}), other).changes)
    told(lan)
    lan.now += 10
    lan.configure(per_interface={"tap1": Overrides(options=OTHER_DNS, reconfigure=True)})
    assert [notice.interface for notice in lan.server.notices(lan.now)] == ["tap1"]


def test_a_delegation_that_is_lost() -> None:
    lan = Lan(pools=[PrefixPoolConfig("lan", 64, delegated_from="wan0")], reconfigure=True)
    lan.server.set_delegations({"wan0": [Delegated(IPv6Network("2001:db8:a000::/56"), (), FOR_EVER)]})
    assert told(lan) == []
    lan.bind(1, ACCEPT, pd={1: []})
    lan.now += 10
    lan.server.set_delegations({})
    assert len(told(lan)) == 1
