"""What people can ask the server: previews, reasons, clearing; and the routes that leases want."""

from ipaddress import IPv6Network

import pytest

from tests.dhc6.clients import Agent, duid, interface, message, number
from tests.dhc6.lan import LAN, POOL, PREFIX, TWO_PREFIXES, Lan, kinds, options
from vppdhc.dhc6.allocation import Why
from vppdhc.dhc6.config import ServerConfig, Settings, SubnetConfig, Times
from vppdhc.dhc6.conversation import INFORMED
from vppdhc.dhc6.events import EventKind
from vppdhc.dhc6.explanation import SENTENCES, explain, sentence
from vppdhc.dhc6.reservations import Reservation
from vppdhc.dhc6.routes import DelegatedRoute, RouteChange, routes_of
from vppdhc.dhc6.statuses import Status
from vppdhc.dhc6.validation import Drop

# Previews


def test_a_preview_is_what_the_client_then_gets() -> None:
    lan = Lan(TWO_PREFIXES, pools=[POOL], options=options(dns_servers=["2001:db8::53"]))
    preview = lan.server.preview(duid(1), 1, TWO_PREFIXES, lan.now)
    assert (preview.drop, preview.why, preview.times) == (None, "hash", Times(1800, 2880))
    assert [code for code, _ in preview.options] == [23]
    bound = lan.bind(1, na={1: []}, pd={1: []})
    assert [grant.choice.network for grant in preview.grants] == [
        *(number(address) for address in bound.na[1].live),
        number(bound.pd[1].live[0].partition("/")[0]),
    ]
    assert {grant.lifetimes for grant in preview.grants} == {(3600, 7200)}


def test_a_preview_changes_nothing() -> None:
    lan = Lan(pools=[POOL])
    lan.server.preview(duid(1), 1, LAN, lan.now)
    assert (len(lan.book), list(lan.book.offers())) == (0, [])


def test_a_preview_for_a_reservation() -> None:
    lan = Lan()
    one = Reservation("one", hardware=b"\1" + b"\2" * 6, address=number(f"{PREFIX}5"), options=options(solmax_rt=100))
    lan.reserve(one)
    preview = lan.server.preview(b"\0\2anybody", 1, LAN, lan.now, hardware=b"\1" + b"\2" * 6)
    assert [grant.choice.network for grant in preview.grants] == [number(f"{PREFIX}5")]
    assert (preview.reservation, preview.why) == (one, "reservation")
    assert lan.server.preview(b"\0\2anybody", 1, LAN, lan.now).reservation is None


def test_a_preview_for_a_relayed_client() -> None:
    far = SubnetConfig("far", IPv6Network("2001:db8:5::/64"))
    lan = Lan(config=ServerConfig(Settings(), ("tap0",), subnets=(far,)))
    lan.reserve(Reservation("one", hardware=b"\1" + b"\2" * 6, address=number("2001:db8:5::5")))
    link = number("2001:db8:5::1")
    preview = lan.server.preview(duid(1), 1, LAN, lan.now, hardware=b"\1" + b"\2" * 6, link_address=link)
    assert [grant.choice.network for grant in preview.grants] == [number("2001:db8:5::5")]
    nowhere = lan.server.preview(duid(1), 1, LAN, lan.now, link_address=number("2001:db8:99::1"))
    assert (nowhere.grants, nowhere.drop, nowhere.why) == ((), Drop.NO_SUBNET, "no-subnet")


def test_a_preview_of_nothing() -> None:
    lan = Lan(interface())
    preview = lan.server.preview(duid(1), 1, lan.interfaces[0], lan.now)
    assert (preview.grants, preview.times, preview.drop, preview.why) == ((), None, None, "no address is free")
    preview = lan.server.preview(duid(1), 1, interface(name="tap9"), lan.now)
    assert preview.drop is Drop.NOT_SERVED


# Reasons


def test_every_reason_has_a_sentence() -> None:
    reasons = {*Why, *(status.text for status in Status), *Drop, INFORMED, EventKind.WITHDRAWN}
    assert reasons <= SENTENCES.keys()
    for reason in SENTENCES:
        for length in (0, 56, 128):
            said = sentence(reason, number("2001:db8::"), length, "tap0")
            assert said.endswith(".")
            assert "{" not in said


def test_an_explanation_says_each_thing_once() -> None:
    lan = Lan(pools=[POOL])
    outcome = lan.hear(message("solicit", na={1: [f"{PREFIX}77"]}, pd={2: []}, ta={3: [], 4: []}))
    said = explain(outcome.reason, outcome.findings, "tap0")
    assert said.count(".") == 3
    assert f"asked for {PREFIX}77, and" in said
    assert "2001:db8:8000:" in said
    assert said.count("IA_TA") == 1


def test_an_explanation_of_a_drop() -> None:
    lan = Lan()
    outcome = lan.hear(message("solicit", client_id=None))
    assert explain(outcome.reason, outcome.findings, "tap0").startswith("It has no DUID")
    assert sentence("something new", 0, 0, "") == "something new."


# Clearing


def test_leases_and_offers_are_cleared() -> None:
    lan = Lan(pools=[POOL])
    lan.bind(1, na={1: []}, pd={2: []})
    lan.say("solicit", 2, na={1: []})
    outcome = lan.server.clear([*lan.book, *lan.book.offers()], lan.now)
    assert kinds(outcome) == [EventKind.CLEARED] * 3
    assert [change.new for change in outcome.changes] == [None, None]
    assert (len(lan.book), list(lan.book.offers())) == (0, [])
    assert [route.new for route in outcome.routes] == [None]
    assert all(event.lease.expires == lan.now for event in outcome.events if event.lease.duid == duid(1))


def test_what_has_another_client_by_now_is_not_cleared() -> None:
    lan = Lan()
    lan.bind(1)
    (lease,) = lan.book
    assert lan.server.clear([lease._replace(duid=duid(2))], lan.now).changes == []
    assert len(lan.book) == 1


# Routes


def route(prefix: str, next_hop: str, on: str = "tap0") -> DelegatedRoute:
    network = IPv6Network(prefix)
    return DelegatedRoute(0, int(network.network_address), network.prefixlen, number(next_hop), on)


def test_a_route_comes_and_goes_with_its_lease() -> None:
    lan = Lan(pools=[POOL])
    (offered,) = lan.say("solicit", pd={1: []}).pd[1].live
    outcome = lan.hear(message("request", na={2: []}, pd={1: [offered]}))
    wanted = route(offered, "fe80::ff:fe00:1")
    assert outcome.routes == (RouteChange(None, wanted),)
    assert routes_of(lan.book, lan.now) == {wanted}
    assert lan.hear(message("renew", pd={1: [offered]})).routes == ()
    outcome = lan.hear(message("release", pd={1: [offered]}))
    assert outcome.routes == (RouteChange(wanted, None),)
    assert routes_of(lan.book, lan.now) == set()


def test_the_route_follows_the_client() -> None:
    lan = Lan(pools=[POOL])
    (mine,) = lan.bind(pd={1: []}).pd[1].live
    outcome = lan.hear(message("renew", pd={1: [mine]}, source="fe80::1234"))
    assert outcome.routes == (RouteChange(route(mine, "fe80::ff:fe00:1"), route(mine, "fe80::1234")),)


def test_the_route_behind_a_relay_agent_leads_to_that() -> None:
    lan = Lan(pools=[POOL])
    agent = Agent(f"{PREFIX}99")
    (mine,) = lan.bind(pd={1: []}, relays=[agent], source=f"{PREFIX}99").pd[1].live
    assert routes_of(lan.book, lan.now) == {route(mine, f"{PREFIX}99", "")}
    (mine,) = lan.bind(2, pd={1: []}, relays=[agent], source="fe80::99").pd[1].live
    assert route(mine, "fe80::99") in routes_of(lan.book, lan.now)


def test_routes_are_the_same_behind_a_restart() -> None:
    lan = Lan(pools=[POOL])
    for station in range(1, 4):
        lan.bind(station, na={1: []}, pd={2: []})
    before = routes_of(lan.book, lan.now)
    assert len(before) == 3
    lan.restart()
    assert routes_of(lan.book, lan.now) == before


def test_an_expired_lease_takes_its_route_along() -> None:
    lan = Lan(pools=[POOL])
    bound = lan.bind(na={1: []}, pd={1: []})
    lan.now += 7199
    assert lan.expire().events == []
    lan.now += 1
    outcome = lan.expire()
    assert kinds(outcome) == [EventKind.EXPIRED, EventKind.EXPIRED]
    assert outcome.routes == (RouteChange(route(bound.pd[1].live[0], "fe80::ff:fe00:1"), None),)
    assert routes_of(lan.book, lan.now) == set()


def test_what_has_ended_long_ago_is_forgotten() -> None:
    lan = Lan()
    lan.bind()
    lan.now += 7201
    assert lan.expire().changes == []
    lan.now += 8 * 86_400
    assert [change.new for change in lan.expire().changes] == [None]
    assert lan.stored == {}


@pytest.mark.parametrize("kind", ["renew", "rebind"])
def test_a_prefix_that_is_withdrawn_takes_its_route_along(kind: str) -> None:
    lan = Lan(pools=[POOL])
    (mine,) = lan.bind(pd={1: []}).pd[1].live
    lan.configure(prefix_pools=())
    outcome = lan.hear(message(kind, pd={1: [mine]}))
    assert outcome.routes == (RouteChange(route(mine, "fe80::ff:fe00:1"), None),)
