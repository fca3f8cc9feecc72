"""What operators do with the DHCPv6 server: clearing leases, asking what a client would get, and why it got it."""

from dataclasses import replace
from ipaddress import IPv6Network

import pytest

from nc.errors import RpcError, RpcErrors
from nc.schema import Schema
from tests.dhc6.clients import Agent, duid, interface, message, number, text
from tests.dhc6.lan import LAN, POOL, PREFIX, Advertised, options
from tests.northbound.dhc6_lan import Watched, texts
from vppdhc.dhc6.config import ConflictDetection, PoolConfig, ServerConfig, Settings, SubnetConfig
from vppdhc.dhc6.events import EventKind
from vppdhc.dhc6.heard import Heard
from vppdhc.dhc6.reservations import Reservation
from vppdhc.leases.lease6 import Change6

FAR = "2001:db8:5::"
RELAY = Agent(link=f"{FAR}1")
CONFIG = ServerConfig(
    Settings(conflict_detection=ConflictDetection.NONE),
    ("tap0",),
    subnets=(
        SubnetConfig(
            "lab", IPv6Network(f"{FAR}/64"), pools=(PoolConfig("few", number(f"{FAR}10"), number(f"{FAR}11")),)
        ),
    ),
    prefix_pools=(POOL,),
)


@pytest.fixture
def lan() -> Watched:
    return Watched(LAN, config=CONFIG)


def key(station: int) -> str:
    return duid(station).hex(":")


def leaf(name: str, value: object) -> str:
    return f"<{name}>{value}</{name}>"


# clear-leases


@pytest.fixture
def busy(lan: Watched) -> Watched:
    """Give a server with four leases, one of which was given back, one in probation and an offer."""
    lan.bind(1, na={1: []}, pd={2: []})
    lan.bind(2, na={7: []}, relays=[RELAY])
    (address,) = lan.bind(3).na[1].live
    lan.say("release", 3, na={1: [address]})
    (address,) = lan.bind(4).na[1].live
    lan.say("decline", 4, na={1: [address]})
    lan.say("solicit", 5, na={1: []})
    return lan


CHOICES = [
    ("<all/>", 6),
    ("<table-id>0</table-id>", 6),
    ("<table-id>1</table-id>", 0),
    (f"<network-prefix>{PREFIX}/64</network-prefix>", 4),
    (f"<network-prefix>{FAR}/64</network-prefix>", 1),
    ("<network-prefix>2001:db8:8000::/40</network-prefix>", 1),
    ("<network-prefix>2001:db8:8000::/64</network-prefix>", 0),
    ("<interface>tap0</interface>", 6),
    ("<interface>tap9</interface>", 0),
    (f"<client-duid>{key(1)}</client-duid>", 2),
    (f"<client-duid>{key(1)}</client-duid><ia-id>2</ia-id>", 1),
    ("<ia-id>7</ia-id>", 1),
    ("<hardware-address>02:00:00:00:00:03</hardware-address>", 1),
    ("<state>offered</state>", 1),
    ("<state>active</state>", 3),
    ("<state>released</state>", 1),
    ("<state>declined</state>", 1),
]


@pytest.mark.parametrize(("chosen", "count"), CHOICES, ids=[one[0] for one in CHOICES])
def test_leases_are_cleared(busy: Watched, schema: Schema, chosen: str, count: int) -> None:
    before = len(busy.book) + len(list(busy.book.offers()))
    assert before == 6
    assert texts(busy.act(schema, "clear-leases", chosen), "cleared") == [str(count)]
    assert len(busy.book) + len(list(busy.book.offers())) == before - count
    assert len(busy.stored) == len(busy.book)
    events = [event.kind for outcome in busy.followed for event in outcome.events]
    assert events == [EventKind.CLEARED] * count


def test_one_address_and_one_prefix_are_cleared(busy: Watched, schema: Schema) -> None:
    held = busy.book.of_association
    (address, prefix) = (one for one in busy.book if one.duid == duid(1))
    chosen = leaf("leased-address", text(address.network))
    assert texts(busy.act(schema, "clear-leases", chosen), "cleared") == ["1"]
    assert held(address.association) == ()
    chosen = leaf("leased-prefix", text(prefix.network, prefix.length))
    assert texts(busy.act(schema, "clear-leases", chosen), "cleared") == ["1"]
    assert held(prefix.association) == ()
    assert [[route.new for route in outcome.routes] for outcome in busy.followed] == [[], [None]], "its route goes"


def test_an_ended_lease_behind_an_offer_is_cleared_with_it(lan: Watched, schema: Schema) -> None:
    (address,) = lan.bind(1).na[1].live
    lan.now += 7201
    lan.expire()
    lan.say("solicit", 1, na={1: [address]})
    assert texts(lan.act(schema, "clear-leases", "<all/>"), "cleared") == ["2"]
    assert len(lan.book) == 0


def test_more_leases_than_fit_one_commit(lan: Watched, schema: Schema) -> None:
    for station in range(1, 521):
        lan.bind(station)
    assert texts(lan.act(schema, "clear-leases", "<all/>"), "cleared") == ["520"]
    assert [len(outcome.changes) for outcome in lan.followed] == [500, 20]


def test_nothing_is_cleared_that_the_store_does_not_take(busy: Watched, schema: Schema) -> None:
    busy.shell.full = True
    with pytest.raises(RpcError, match="0 leases were cleared, the others were not: the lease store takes no changes"):
        busy.act(schema, "clear-leases", f"<client-duid>{key(1)}</client-duid>")
    assert len([one for one in busy.book if one.duid == duid(1)]) == 2
    assert busy.followed == []


def test_it_has_to_be_said_which(lan: Watched, schema: Schema) -> None:
    with pytest.raises(RpcErrors, match="Say which leases"):
        lan.act(schema, "clear-leases", "")


# which-address


def ask(lan: Watched, schema: Schema, station: int, **more: object) -> dict[str, list[str]]:
    """Return the output, by names."""
    said = "".join(leaf(name.replace("_", "-"), value) for name, value in more.items())
    output = lan.act(schema, "which-address", f"<interface>tap0</interface>{leaf('client-duid', key(station))}{said}")
    found: dict[str, list[str]] = {}
    for element in output:
        found.setdefault(element.tag.rpartition("}")[2], []).append(element.text or "")
    return found


def test_a_client_gets_what_was_foretold(lan: Watched, schema: Schema) -> None:
    lan.configure(options=options(dns_servers=["2001:db8::53"]))
    foretold = ask(lan, schema, 1, ia_id=4)
    assert len(lan.book) == 0
    bound = lan.bind(1, na={4: []}, pd={4: []})
    assert (foretold["address"], foretold["prefix"]) == (bound.na[4].live, bound.pd[4].live)
    assert (foretold["preferred-lifetime"], foretold["valid-lifetime"]) == (["3600"], ["7200"])
    assert foretold["interface"] == ["tap0"]
    assert not {"subnet", "pool-id", "reservation"} & foretold.keys()
    assert foretold["explanation"][0].count("is what the hash of the client's DUID and IAID leads to") == 2
    again = ask(lan, schema, 1, ia_id=4)
    assert again["address"] == foretold["address"]
    assert "has a lease of" in again["explanation"][0]


def test_without_an_iaid_it_is_the_one_that_the_client_uses(lan: Watched, schema: Schema) -> None:
    unknown = ask(lan, schema, 1)
    assert unknown["explanation"][0].endswith("This is for ia-id 0.")
    (address,) = lan.bind(1, na={9: []}).na[9].live
    known = ask(lan, schema, 1)
    assert known["address"] == [address] != unknown["address"]
    assert known["explanation"][0].endswith("This is for ia-id 9.")


def test_a_relayed_client_with_a_reservation(lan: Watched, schema: Schema) -> None:
    lan.reserve(Reservation("printer", hardware=b"\1\2\0\0\0\0\7", address=number(f"{FAR}11")))
    found = ask(lan, schema, 1, ia_id=1, hardware_address="02:00:00:00:00:07", link_address=f"{FAR}1")
    assert (found["address"], found["reservation"]) == ([f"{FAR}11"], ["printer"])
    assert (found["subnet"], found["pool-id"]) == (["lab"], ["few"])
    assert found["explanation"][0].startswith(f"{FAR}11 is reserved for the client.")


def test_options_are_in_the_answer_for_people(lan: Watched, schema: Schema) -> None:
    servers = [
        {"option": "server-address", "value": "2001:db8::7"},
        {"option": "server-address", "value": "2001:db8::8"},
    ]
    lan.configure(options=options(dns_servers=["2001:db8::53"], ntp_server=servers))
    output = lan.act(schema, "which-address", f"<interface>tap0</interface>{leaf('client-duid', key(1))}")
    assert texts(output, "name") == ["dns-servers", "ntp-server"], "each code once"
    assert texts(output, "text") == [
        "2001:db8::53",
        "option server-address value 2001:db8::7, option server-address value 2001:db8::8",
    ]


def test_a_client_that_would_get_nothing_or_less(lan: Watched, schema: Schema) -> None:
    lan.configure(prefix_pools=())
    found = ask(lan, schema, 1, ia_id=1)
    assert "prefix" not in found
    assert "There is no 'prefix-pool' for tap0" in found["explanation"][0]
    lan.become(interface())
    found = ask(lan, schema, 1, ia_id=1)
    assert not {"address", "prefix", "valid-lifetime", "interface"} & found.keys()
    assert "there is no network whose prefix is not deprecated" in found["explanation"][0]
    lan.configure(interfaces=())
    found = ask(lan, schema, 1, ia_id=1)
    assert found["explanation"][0].startswith("tap0 is not served.")


def test_an_interface_that_vpp_does_not_have(lan: Watched, schema: Schema) -> None:
    with pytest.raises(RpcError, match="VPP has no interface tap9"):
        lan.act(schema, "which-address", f"<interface>tap9</interface>{leaf('client-duid', key(1))}")


# why


def story(lan: Watched, schema: Schema, asked: str) -> str:
    """Return the whole story, which comes after the exchanges."""
    return texts(lan.act(schema, "why", asked), "explanation")[-1]


def by_duid(station: int) -> str:
    return leaf("client-duid", key(station))


def test_a_client_that_has_what_it_wants(lan: Watched, schema: Schema) -> None:
    bound = lan.bind(1, na={1: []}, pd={2: []})
    (address,), (prefix,) = bound.na[1].live, bound.pd[2].live
    output = lan.act(schema, "why", leaf("leased-address", address))
    assert texts(output, "message-type") == ["request"]
    assert (texts(output, "decision"), texts(output, "reply-type")) == (["answered"], ["reply"])
    assert texts(output, "reason") == ["an-offer"]
    words = texts(output, "explanation")[-1]
    name = f"Client {key(1)} (hardware address 02:00:00:00:00:01)"
    assert words.startswith(f"{name} was last heard 0 seconds ago on tap0: request, answered with reply. ")
    assert f"It has a lease of {address} for IAID 1 on tap0 until " in words
    assert f"It has a lease of {prefix} for IAID 2 on tap0 until " in words
    assert "1 of 256 prefixes of /56 are leased or on offer" in words
    assert "1 of 18446744073692774270 addresses" in words
    for asked in (
        by_duid(1),
        by_duid(1) + leaf("ia-id", 2),
        leaf("leased-prefix", prefix),
        leaf("hardware-address", "02:00:00:00:00:01"),
        by_duid(1) + leaf("interface", "tap0"),
    ):
        assert story(lan, schema, asked).startswith(f"{name} was last heard")
    for asked in (
        by_duid(1) + leaf("ia-id", 3),
        by_duid(1) + leaf("interface", "tap9"),
        by_duid(1) + leaf("leased-address", f"{PREFIX}ffff"),
        leaf("hardware-address", "02:00:00:00:00:02"),
    ):
        assert story(lan, schema, asked).startswith("No such client has been heard")


def test_a_client_that_gets_nothing(lan: Watched, schema: Schema) -> None:
    lan.become(interface())
    lan.configure(prefix_pools=())
    lan.say("solicit", 1, na={1: []}, pd={1: []})
    words = story(lan, schema, by_duid(1))
    assert "solicit, answered with advertise." in words
    assert "Every address that the client could have on tap0 is leased" in words
    assert "There is no 'prefix-pool' for tap0" in words
    assert "It has no lease, and nothing is on offer to it." in words
    lan.dropped(message("request", 2, server_id=b"\0\1\0\1"))
    assert "request, not answered. It is for another DHCPv6 server" in story(lan, schema, by_duid(2))


def test_a_client_that_says_no_duid(lan: Watched, schema: Schema) -> None:
    lan.say("information-request", client_id=None)
    words = story(lan, schema, leaf("hardware-address", "02:00:00:00:00:01"))
    assert words.startswith("Client 02:00:00:00:00:01, which says no DUID, was last heard 0 seconds ago on tap0")
    assert "information-request, answered with reply. The client only asked for options." in words


def test_a_full_pool(lan: Watched, schema: Schema) -> None:
    for station in (1, 2, 3):
        lan.say("solicit", station, na={1: []}, relays=[RELAY])
    words = story(lan, schema, by_duid(1))
    assert (
        f"In the pool from {FAR}10 to {FAR}11 of subnet 'lab' with id 'few', 2 of 2 addresses are leased or on "
        in words
    )
    assert "and 0 in probation, so it is full." in words
    assert "is kept for its IAID 1 until " in words


def test_a_client_whose_reserved_address_somebody_has(lan: Watched, schema: Schema) -> None:
    (taken,) = lan.bind(2).na[1].live
    lan.reserve(
        Reservation("printer", duid=duid(1), address=number(taken), prefix=IPv6Network("2001:db8:8000:500::/56")),
        Reservation("named", duid=duid(3)),
        Reservation("lost", duid=duid(4), address=number("2001:db8:99::1")),
    )
    lan.bind(1)
    words = story(lan, schema, by_duid(1))
    assert f"Host reservation 'printer' is for it, with {taken}." in words
    assert "Host reservation 'printer' is for it, with 2001:db8:8000:500::/56." in words
    assert f"{key(2)} still has a lease of that, and loses it when it renews it." in words
    assert f"{taken} is reserved by host reservation 'printer'." in story(lan, schema, leaf("leased-address", taken))
    reserved = leaf("leased-prefix", "2001:db8:8000:500::/56")
    assert "is reserved by host reservation 'printer'." in story(lan, schema, reserved)
    assert "Host reservation 'named' is for it, without an address." in story(lan, schema, by_duid(3))
    words = story(lan, schema, by_duid(4))
    assert words.startswith("No such client has been heard")
    assert "No client can have that: it is in nothing that is served" in words


def test_an_address_that_somebody_uses_without_a_lease(schema: Schema) -> None:
    lan = Watched()
    (grant,) = lan.server.preview(duid(1), 1, LAN, lan.now).grants
    taken = text(grant.choice.network)
    lan.squatters[taken] = "02:99:00:00:00:01"
    lan.bind(1)
    words = story(lan, schema, leaf("leased-address", taken))
    assert f"{taken} is in probation until " in words
    assert "somebody else was found to use it" in words
    assert "and 1 in probation" in story(lan, schema, by_duid(1))


def test_addresses_that_nobody_is_given(lan: Watched, schema: Schema) -> None:
    for address, words in (
        (f"{PREFIX}1", "is the router's own on tap0."),
        ("2001:db8:99::1", "is in no network that is served."),
        (f"{FAR}99", f"is in {FAR}/64, but in no pool: nobody is given it."),
        (PREFIX, "has a reserved interface id (RFC 5453): nobody is given it."),
    ):
        assert story(lan, schema, leaf("leased-address", address)).endswith(f"{address} {words}")
    assert story(lan, schema, leaf("leased-prefix", "2001:db8:99::/56")).endswith(
        "is in no prefix pool that is served."
    )


def test_somebody_who_was_never_heard(lan: Watched, schema: Schema) -> None:
    assert story(lan, schema, by_duid(1) + leaf("interface", "tap9")) == (
        "No such client has been heard since the start, or others were heard later; it has no lease. If it does"
        " send, 'capture' shows what comes from it. tap9 is not served; 'served-interface' lists what is."
    )
    for asked in ("", "<interface>tap0</interface>", "<ia-id>1</ia-id>"):
        with pytest.raises(RpcErrors, match="Say which client"):
            lan.act(schema, "why", asked)
    both = leaf("leased-address", f"{PREFIX}5") + leaf("leased-prefix", "2001:db8:8000::/56")
    with pytest.raises(RpcError, match="ask about one of them"):
        lan.act(schema, "why", both)


def test_a_lease_of_before_the_restart(lan: Watched, schema: Schema) -> None:
    (address,) = lan.bind(1).na[1].live
    lan.restart()
    lan.heard = Heard()
    words = story(lan, schema, leaf("hardware-address", "02:00:00:00:00:01"))
    assert words.startswith(f"Client {key(1)} (hardware address 02:00:00:00:00:01) has not been heard since the start")
    assert f"It has a lease of {address} for IAID 1 on tap0 until " in words
    lan.now += 7201
    lan.expire()
    assert f"Its lease of {address} for IAID 1 on tap0 has expired." in story(lan, schema, by_duid(1))


def test_a_client_on_two_interfaces(schema: Schema) -> None:
    other = interface("2001:db8:2::1/64", name="tap1", index=2)
    lan = Watched(LAN, other, config=replace(CONFIG, interfaces=("tap0", "tap1")))
    lan.bind(1)
    lan.now += 60
    lan.ask(message("solicit", 1, na={1: []}, index=2), other)
    output = lan.act(schema, "why", by_duid(1))
    assert texts(output, "interface") == ["tap1", "tap0"], "the latest first"
    words = texts(output, "explanation")[-1]
    assert "seconds ago on tap1" in words
    assert "Before that it was heard on tap0." in words


def test_no_more_than_a_few_stories_are_told(lan: Watched, schema: Schema) -> None:
    for station in range(1, 8):
        lan.bind(station)
    for lease in list(lan.book):  # as behind a relay agent that names itself
        lan.book.apply(Change6(lease, lease._replace(hardware=b"\1\2\0\0\0\0\x63")))
    lan.heard = Heard()
    words = story(lan, schema, leaf("hardware-address", "02:00:00:00:00:63"))
    assert words.count("has not been heard since the start") == 5
    assert "2 more clients are meant: say more of the one to be told about." in words


def test_a_client_with_many_leases(lan: Watched, schema: Schema) -> None:
    lan.bind(1, na={ia_id: [] for ia_id in range(12)})
    words = story(lan, schema, by_duid(1))
    assert words.count("It has a lease of") == 10
    assert "It has 2 more leases." in words


def test_a_deprecated_network_and_a_pool_that_is_gone(lan: Watched, schema: Schema) -> None:
    lan.bind(1)
    lan.server.set_delegated({"tap0": [Advertised(IPv6Network(f"{PREFIX}/64"), lan.now - 1, lan.now + 600)]})
    assert f"The prefix of {PREFIX}/64 is deprecated, so nobody gets a new address there." in story(
        lan, schema, by_duid(1)
    )


def test_a_full_disk_is_in_every_story(lan: Watched, schema: Schema) -> None:
    lan.bind(1)
    lan.alarm = "no space left on device"
    assert story(lan, schema, by_duid(1)).endswith(
        "Nobody gets a lease now, as leases cannot be stored: no space left on device."
    )
