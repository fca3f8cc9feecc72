"""The shell round the server: readers that go on whatever comes, replies once they are durable, routes, and time."""

import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import IPv6Network
from typing import Any

import gevent
import pytest
import structlog
from gevent.socket import wait_read
from scapy.layers.inet6 import ICMPv6ND_NS
from scapy.layers.l2 import Ether

from tests.dhc4.shell import EndError, Source
from tests.dhc6.clients import (
    ROUTER,
    SERVER_DUID,
    Agent,
    Seen,
    datagram,
    duid,
    interface,
    link_local,
    number,
    octets,
    raw,
)
from tests.dhc6.shell import LAN, Shell
from vppdhc.dhc6.config import PrefixPoolConfig
from vppdhc.dhc6.events import EventKind
from vppdhc.dhc6.server import Outcome, Server
from vppdhc.interface import Interface
from vppdhc.leases.committer import Committer
from vppdhc.leases.lease import LeaseState
from vppdhc.leases.lease6 import AnyChange, Change6, Lease6, LeaseKind, by_version
from vppdhc.packet import punt
from vppdhc.packet.dhcp6 import Message
from vppdhc.servers.counters import Counters
from vppdhc.servers.memory import Decision

POOL = PrefixPoolConfig("customers", 56, IPv6Network("2001:db8:8000::/48"))
ADDRESS = "2001:db8:1::200"
SQUATTER = octets("02:00:00:00:66:66")


class Broken(Server):
    """Cannot handle what station 66 sends."""

    def handle(self, message: Message, interface: Interface, now: float) -> Outcome:
        if message.source_mac[5] == 66:
            raise ZeroDivisionError("a mistake of ours")
        return super().handle(message, interface, now)


class Mute(Server):
    """Gives station 66 answers that cannot be encoded."""

    def handle(self, message: Message, interface: Interface, now: float) -> Outcome:
        outcome = super().handle(message, interface, now)
        if message.source_mac[5] == 66:
            for reply in outcome.replies:
                reply.message.transaction_id = 1 << 24
        return outcome


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


def solicit(station: int = 1, **more: Any) -> bytes:
    return datagram("solicit", station, na={1: []}, **more)


def request(station: int, address: str, **more: Any) -> bytes:
    return datagram("request", station, na={1: [address]}, **more)


def bound(shell: Shell, station: int = 1, **more: Any) -> Seen:
    """Have a client take what it is offered, and the lease be durable."""
    more = more or {"na": {1: []}}
    shell.hear(datagram("solicit", station, **more))
    offered = shell.seen()[-1]
    assert offered.type == "advertise"
    taken = {
        "na": {iaid: ia.live for iaid, ia in offered.na.items()},
        "pd": {iaid: ia.live for iaid, ia in offered.pd.items()},
    }
    shell.hear(datagram("request", station, **{**more, **taken}))
    shell.commits.commit()
    return shell.seen()[-1]


# Readers


def test_a_reply_leaves_once_its_lease_is_durable(lines: list[Any]) -> None:
    shell = Shell()
    shell.hear(solicit())
    assert shell.commits.waiting == [], "an Advertise changes nothing that is stored"
    (offer,) = shell.seen()
    assert offer.type == "advertise"
    (address,) = offer.na[1].live
    shell.hear(request(1, address))
    assert [seen.type for seen in shell.seen()] == ["advertise"]
    assert lines == []
    shell.commits.commit()
    assert [seen.type for seen in shell.seen()] == ["advertise", "reply"]
    assert shell.seen()[1].na[1].live == [address]
    assert [index for index, _, _ in shell.sent] == [LAN.index] * 2
    (line,) = lines
    assert line == {
        "log_level": "info",
        "event": "lease granted",
        "address": address,
        "duid": duid(1).hex(":"),
        "ia_id": 1,
        "hardware": "02:00:00:00:00:01",
        "interface": "tap0",
        "table": 0,
        "hostname": "",
        "lifetime": 7200,
        "during": "request",
    }
    assert shell.service.received == {"solicit": 1, "request": 1}
    assert shell.service.sent == {"advertise": 1, "reply": 1}
    assert shell.service.drops == {}


def test_what_cannot_be_answered_is_counted_by_reason() -> None:
    shell = Shell()
    good = solicit()
    shell.hear(b"", good[:50], good[:70], solicit(index=9), datagram("reply"), datagram(200), good)
    assert shell.service.drops == {
        "punt-truncated": 1,
        "ipv6-truncated": 2,
        "unknown-interface": 1,
        "not-a-request": 1,
        "message-type": 1,
    }
    assert shell.service.received == {"solicit": 1, "reply": 1, "other": 1}
    assert [seen.type for seen in shell.seen()] == ["advertise"]


def test_it_is_counted_where_it_came_in() -> None:
    other = interface("2001:db8:2::1/64", name="tap1", index=2)
    shell = Shell(Server, LAN, other)
    shell.hear(solicit(index=2), datagram("information-request", 2, index=2), solicit(index=2)[:50], b"")
    shell.hear(request(3, ADDRESS))
    shell.commits.commit()
    shell.hear(datagram("decline", 3, na={1: [ADDRESS]}))
    shell.commits.commit()
    first, second = shell.service.interfaces["tap0"], shell.service.interfaces["tap1"]
    assert first == Counters(Counter(request=1, decline=1), Counter(reply=2), conflicts=1)
    assert second == Counters(
        Counter({"solicit": 1, "information-request": 1}),
        Counter(advertise=1, reply=1),
        Counter({"ipv6-truncated": 1}),
        probes=Counter({"not-watched": 1}),
    )
    assert shell.service.drops == {"ipv6-truncated": 1, "punt-truncated": 1}
    assert shell.service.conflicts == 1


def test_relayed_messages_are_counted_twice_and_answered_by_vpps_own_routing(lines: list[Any]) -> None:
    shell = Shell()
    agent = Agent(link="2001:db8:1::1")
    shell.hear(request(1, ADDRESS, relays=[agent], source="2001:db8:ffff::1"))
    shell.commits.commit()
    (reply,) = shell.seen()
    assert (reply.action, reply.destination, reply.ports) == (punt.IP6, "2001:db8:ffff::1", (547, 547))
    assert (reply.type, reply.na[1].live) == ("reply", [ADDRESS])
    assert shell.service.received == {"request": 1, "relay-forward": 1}
    assert shell.service.sent == {"reply": 1}
    assert (lines[0]["during"], lines[0]["relay"]) == ("request", "2001:db8:ffff::1")


def test_an_offer_that_vpp_does_not_take_at_once_waits_behind_the_commits() -> None:
    shell = Shell()
    shell.router.busy = True
    shell.hear(request(1, ADDRESS), solicit(2))
    assert shell.sent == []
    shell.router.busy = False
    shell.hear(solicit(3))
    assert [seen.trid for seen in shell.seen()] == [0x1003]
    shell.commits.commit()
    assert [(seen.type, seen.trid) for seen in shell.seen()[1:]] == [("reply", 0x1001), ("advertise", 0x1002)]


def test_a_packet_that_finds_a_mistake_does_not_end_the_reader(lines: list[Any]) -> None:
    shell = Shell(Broken)
    bad = solicit(66)
    shell.hear(bad, solicit())
    assert [seen.type for seen in shell.seen()] == ["advertise"]
    assert shell.service.drops == {"internal-error": 1}
    (line,) = lines
    assert (line["log_level"], line["exc_info"], line["datagram"]) == ("error", True, bad.hex())


def test_an_answer_that_cannot_be_encoded_makes_no_lease(lines: list[Any]) -> None:
    shell = Shell(Mute)
    shell.hear(request(66, ADDRESS))
    assert (shell.service.drops, len(shell.book), shell.commits.waiting) == ({"internal-error": 1}, 0, [])
    assert lines[0]["event"] == "message not handled"
    shell.hear(request(1, ADDRESS))
    shell.commits.commit()
    assert [seen.na[1].live for seen in shell.seen()] == [[ADDRESS]]


def test_a_full_queue_is_counted_and_leaves_no_lease() -> None:
    shell = Shell()
    shell.router.busy = shell.commits.full = True
    shell.hear(request(1, ADDRESS), solicit(2))
    assert (shell.service.drops, len(shell.book)) == ({"queue-full": 2}, 0)
    assert shell.heard.of_client(0, duid(1))[0].decision is Decision.DROPPED
    shell.commits.full = False
    shell.hear(request(3, ADDRESS))
    shell.commits.commit()
    assert [seen.na[1].live for seen in shell.seen()] == [[ADDRESS]]


@pytest.mark.parametrize(
    "now",
    [None, interface("2001:db8:2::1/64", name="tap9")],
    ids=["gone", "another one has its index"],
)
def test_nothing_is_sent_where_the_interface_has_gone(now: Interface | None, lines: list[Any]) -> None:
    shell = Shell()
    shell.hear(request(1, ADDRESS))
    del shell.interfaces[LAN.index]
    if now is not None:
        shell.interfaces[now.index] = now
    shell.commits.commit()
    assert (shell.sent, shell.service.drops) == ([], {"interface-gone": 1})
    assert [line["event"] for line in lines] == ["lease granted"]


def test_a_reader_gives_others_their_turn_by_time() -> None:
    shell = Shell()
    shell.commits.work_seconds = 0.001
    requests = [request(station, f"2001:db8:1::{station:x}00") for station in range(1, 61)]
    shell.hear(*requests)
    assert 9 <= len(shell.clock.slept) <= 12


def test_a_turn_is_one_of_the_event_loop() -> None:
    shell = Shell()
    shell.commits.work_seconds = 0.001
    service = shell.with_queue(shell.commits, gevent.sleep)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.send(b"x")
        asked: list[int] = []

        def wait() -> None:
            wait_read(ours.fileno())
            asked.append(shell.commits.asked)

        other = gevent.spawn(wait)
        with pytest.raises(EndError):
            service.serve(Source([request(station, f"2001:db8:1::{station:x}00") for station in range(1, 61)]))
        other.join()
    assert 0 < asked[0] < 60, "another socket was read in the middle of it"


# Why it is not served


def test_why_an_interface_is_not_served() -> None:
    bare = interface(name="tap1", index=2)
    without = replace(interface("2001:db8:3::1/64", name="tap2", index=3), link_local=None)
    shell = Shell(Server, LAN, bare, without)
    problems = {name: shell.service.problem(name) for name in ("tap0", "tap1", "tap2", "tap3")}
    assert problems == {
        "tap0": "",
        "tap1": "it has no IPv6 address but its link-local one",
        "tap2": "it has no link-local address",
        "tap3": "VPP has no such interface",
    }


# What is remembered of each client


def test_the_last_exchange_is_pending_until_it_is_durable() -> None:
    shell = Shell()
    shell.hear(request(1, ADDRESS))
    (exchange,) = shell.heard.of_client(0, duid(1))
    assert (exchange.message_name, exchange.reply_name, exchange.decision) == ("request", "reply", Decision.PENDING)
    assert [(one.ia_id, one.network, one.length) for one in exchange.findings] == [(1, number(ADDRESS), 128)]
    assert (exchange.interface, exchange.hardware) == ("tap0", b"\1" + octets("02:00:00:00:00:01"))
    shell.commits.commit()
    assert [one.decision for one in shell.heard] == [Decision.ANSWERED]


def test_refused_and_dropped_clients_are_remembered() -> None:
    shell = Shell()
    shell.hear(datagram("request", 1, pd={1: []}), datagram("renew", 2, na={1: [ADDRESS]}, server_id=b"\0\3\0\1other"))
    shell.commits.commit()
    assert [(one.client, one.decision, one.reason) for one in shell.heard] == [
        (duid(1), Decision.REFUSED, shell.heard.of_client(0, duid(1))[0].findings[0].reason),
        (duid(2), Decision.DROPPED, "other-server"),
    ]


def test_a_client_without_a_duid_is_known_by_its_hardware_address() -> None:
    shell = Shell()
    shell.hear(datagram("information-request", 7, client_id=None))
    (exchange,) = shell.heard
    assert (exchange.client, exchange.hardware) == (b"", b"\1" + octets("02:00:00:00:00:07"))
    assert (exchange.message_name, exchange.reply_name) == ("information-request", "reply")


def test_no_more_findings_are_remembered_than_an_honest_client_has() -> None:
    shell = Shell()
    shell.hear(datagram("solicit", 1, na={iaid: [] for iaid in range(1, 40)}))
    (exchange,) = shell.heard
    assert len(exchange.findings) == 8


# Probes


def test_a_client_waits_for_a_probe_and_gets_another_address_where_somebody_answers(lines: list[Any]) -> None:
    shell = Shell()
    shell.router.watched = {"tap0"}
    shell.hear(datagram("solicit", 1, na={1: [ADDRESS]}))
    assert shell.sent == [], "a reader asks nobody itself"
    assert shell.heard.of_client(0, duid(1))[0].decision is Decision.PENDING
    shell.service.prober.work(shell.clock.now)
    (_, _, question) = shell.sent.pop()
    assert (Ether(question)[ICMPv6ND_NS].tgt, Ether(question).payload.src) == (ADDRESS, ROUTER)
    shell.service.prober.heard("tap0", number(ADDRESS), SQUATTER)
    shell.service.prober.work(shell.clock.now)
    assert shell.service.interfaces["tap0"].probes == {"taken": 1}
    shell.commits.commit()
    (line,) = lines
    assert (line["event"], line["address"], line["holder"]) == (
        "address is used by somebody else and given to nobody for a while",
        ADDRESS,
        "02:00:00:00:66:66",
    )
    for _ in range(3):
        shell.clock.now += 0.2
        shell.service.prober.work(shell.clock.now)
    (offer,) = shell.seen()
    assert (offer.type, offer.na[1].live != [ADDRESS], len(offer.na[1].live)) == ("advertise", True, 1)
    assert shell.service.interfaces["tap0"].probes == {"taken": 1, "free": 1}
    assert shell.service.conflicts == 1
    assert [event.kind for event in shell.events] == [EventKind.CONFLICT]


def test_an_interface_that_goes_while_a_client_waits() -> None:
    shell = Shell()
    shell.router.watched = {"tap0"}
    shell.hear(solicit())
    del shell.interfaces[LAN.index]
    for _ in range(4):
        shell.clock.now += 0.2
        shell.service.prober.work(shell.clock.now)
    assert (shell.sent, shell.service.drops) == ([], {"interface-gone": 1})
    (exchange,) = shell.heard
    assert (exchange.decision, exchange.reason) == (Decision.DROPPED, "interface-gone")


# Routes to delegated prefixes


def delegated(shell: Shell, station: int = 1) -> str:
    """Have a router get a prefix."""
    (prefix,) = bound(shell, station, pd={1: []}).pd[1].live
    return prefix


def route(prefix: str, station: int = 1) -> str:
    return f"route {prefix} in IPv6 table 0 over tap0 via {link_local(station)}"


def test_a_route_comes_once_its_lease_is_durable_and_goes_with_it() -> None:
    shell = Shell(pools=[POOL])
    shell.hear(datagram("solicit", 1, pd={1: []}))
    (prefix,) = shell.seen()[0].pd[1].live
    shell.hear(datagram("request", 1, pd={1: [prefix]}))
    assert shell.has_routes() == []
    shell.commits.commit()
    assert shell.has_routes() == [route(prefix)]
    shell.hear(datagram("release", 1, pd={1: [prefix]}))
    assert shell.has_routes() == [route(prefix)]
    shell.commits.commit()
    assert shell.has_routes() == []


def test_a_route_goes_when_its_lease_expires_and_comes_back_with_it() -> None:
    shell = Shell(pools=[POOL])
    prefix = delegated(shell)
    shell.clock.now += 7201
    shell.let(shell.service.expire, 1)
    assert shell.has_routes() == []
    assert [event.kind for event in shell.events] == [EventKind.GRANTED, EventKind.EXPIRED]
    assert delegated(shell) == prefix
    assert shell.has_routes() == [route(prefix)]


def test_a_lease_that_cannot_be_stored_has_no_route() -> None:
    shell = Shell(pools=[POOL])
    shell.commits.full = True
    shell.hear(datagram("request", 1, pd={1: []}))
    assert (shell.has_routes(), len(shell.book)) == ([], 0)


def test_a_cleared_lease_has_no_route() -> None:
    shell = Shell(pools=[POOL])
    delegated(shell)
    outcome = shell.server.clear(list(shell.book), shell.clock.now)
    shell.service.follow(outcome)
    assert shell.has_routes() == []
    assert [event.kind for event in shell.events] == [EventKind.GRANTED, EventKind.CLEARED]


def test_a_router_behind_a_relay_agent_is_reached_by_the_way_to_that() -> None:
    shell = Shell(pools=[POOL])
    agent = Agent(link="2001:db8:1::1")
    (prefix,) = bound(shell, 1, pd={1: []}, relays=[agent], source="2001:db8:ffff::1").pd[1].live
    assert shell.has_routes() == [f"route {prefix} in IPv6 table 0 via 2001:db8:ffff::1"]


def test_routes_go_while_nobody_is_served_and_vpp_is_told_once_what_there_is() -> None:
    shell = Shell(pools=[POOL])
    prefixes = [delegated(shell, station) for station in (1, 2, 3)]
    running = gevent.spawn(shell.routes.run)
    gevent.sleep(0)
    assert (shell.programmer.told, shell.settled) == (1, [1])
    assert sorted(shell.programmer.routes) == sorted(route(one, number) for number, one in enumerate(prefixes, 1))
    running.kill()
    shell.routes.have(wanted=False)
    assert shell.has_routes() == []
    assert len(shell.routes) == 3
    shell.routes.have(wanted=True)
    assert len(shell.has_routes()) == 3


def test_what_vpp_refuses_is_a_problem() -> None:
    shell = Shell(pools=[POOL])
    delegated(shell)
    shell.has_routes()
    (item,) = shell.programmer.held["dhc6server"]
    assert shell.routes.problem == ""
    shell.programmer.refused[item] = "no such table"
    assert shell.routes.problem == f"{item}: no such table"


# Reconfigure


def test_bound_clients_are_told_of_changes(lines: list[Any]) -> None:
    shell = Shell(reconfigure=True)
    bound(shell, 1, na={1: []}, oro=(23, 20))
    shell.hear(datagram("request", 2, raw(20), na={1: ["2001:db8:1::300"]}))
    shell.commits.commit()
    shell.sent.clear()
    shell.server.interface_changed(LAN, replace(LAN, addresses6=interface("2001:db8:9::1/64").addresses6))
    shell.interfaces[1] = replace(LAN, addresses6=interface("2001:db8:9::1/64").addresses6)
    shell.let(shell.service.tell, 1.5)
    (told,) = shell.seen()
    assert (told.type, told.trid, told.get(2), told.get(1)) == ("reconfigure", 0, SERVER_DUID, duid(2))
    assert (told.destination, told.ports) == (link_local(2), (547, 546))
    assert shell.service.sent["reconfigure"] == 1
    shell.let(shell.service.tell, 2)
    assert shell.service.sent["reconfigure"] == 2, "it is told again until it answers"
    del shell.interfaces[1]
    shell.let(shell.service.tell, 5)
    assert shell.service.sent["reconfigure"] == 2, "nothing is sent where there is no interface"


# The committer that the daemon has


class Disk:
    """A lease store that may be full."""

    def __init__(self) -> None:
        self.full = True
        self.stored: list[AnyChange] = []

    def commit(self, changes: Sequence[AnyChange]) -> None:
        if self.full:
            raise OSError("disk full")
        self.stored += changes


def test_nobody_has_a_lease_while_leases_cannot_be_stored() -> None:
    disk = Disk()
    alarms: list[str] = []
    shell = Shell(pools=[POOL])
    committer = Committer(
        disk,
        shell.clock,
        lambda changes: shell.book.take_back(by_version(changes)[1]),
        alarm=lambda error: alarms.append(str(error)),
        cleared=lambda: alarms.append("cleared"),
    )
    shell.service = shell.with_queue(committer, gevent.sleep)
    running = gevent.spawn(committer.run)
    shell.hear(datagram("request", 1, na={1: [ADDRESS]}, pd={1: []}))
    assert committer.flush(10)
    assert (shell.sent, len(shell.book), shell.has_routes(), alarms) == ([], 0, [], ["disk full"])
    disk.full = False
    shell.hear(datagram("request", 3, na={1: [ADDRESS]}, pd={1: []}))
    assert committer.stop(10)
    running.join()
    assert [seen.na[1].live for seen in shell.seen()] == [[ADDRESS]]
    assert sorted(change.new for change in disk.stored if change.new) == sorted(shell.book)
    assert len(shell.has_routes()) == 1
    assert alarms == ["disk full", "cleared"]


# Time


def lease(shell: Shell, address: str, expires: float, state: LeaseState = LeaseState.ACTIVE) -> Lease6:
    """Put a lease into the book."""
    owner = b"" if state is LeaseState.DECLINED else duid(number(address) & 0xFFFF)
    made = Lease6(
        0,
        LeaseKind.ADDRESS,
        number(address),
        128,
        state,
        owner,
        1,
        "tap0",
        b"",
        "",
        60,
        60,
        900.0,
        900.0,
        expires,
    )
    shell.book.apply(Change6(None, made))
    return made


def test_leases_end_on_time(lines: list[Any]) -> None:
    shell = Shell()
    for last, expires in ((1, 1005.0), (2, 1003.0), (3, 4000.0), (4, 1010.0)):
        lease(shell, f"2001:db8:1::{200 + last}", expires)
    ended = []
    for _ in range(11):
        now = shell.clock.now
        shell.let(shell.service.expire, 1)
        ended += [(now, line["address"]) for line in lines]
        lines.clear()
    assert ended == [(1003.0, "2001:db8:1::202"), (1005.0, "2001:db8:1::201"), (1010.0, "2001:db8:1::204")]


def test_many_leases_end_in_portions(lines: list[Any]) -> None:
    shell = Shell()
    for host in range(250):
        lease(shell, f"2001:db8:1::{0x1000 + host:x}", 1000.0)
    shell.let(shell.service.expire, 1)
    assert len(lines) == 250
    assert shell.clock.slept[:2] == [1e-6, 1e-6], "others have their turn"


def test_a_probation_that_is_over_is_stored_and_told_and_what_is_forgotten_is_not(lines: list[Any]) -> None:
    shell = Shell()
    declined = lease(shell, "2001:db8:1::200", 1001.0, LeaseState.DECLINED)
    lease(shell, "2001:db8:1::201", 1001.0)
    shell.let(shell.service.expire, 2.5)
    assert [work.changes for work in shell.commits.waiting] == [[Change6(declined, None)]]
    shell.commits.commit()
    assert [line["event"] for line in lines] == ["lease expired", "probation over"]
    assert lines[1]["address"] == "2001:db8:1::200"
    lines.clear()
    shell.clock.now += 8 * 86_400
    shell.let(shell.service.expire, 2.5)
    shell.commits.commit()
    assert (lines, len(shell.book)) == ([], 0)


def test_what_cannot_be_stored_is_tried_again_once_a_second() -> None:
    shell = Shell()
    lease(shell, "2001:db8:1::200", 1000.0, LeaseState.DECLINED)
    shell.commits.full = True
    shell.let(shell.service.expire, 10)
    assert 9 <= shell.commits.asked <= 11
    assert shell.book.find(0, number("2001:db8:1::200")) is not None


def test_a_pool_that_becomes_too_full_is_told_once(lines: list[Any]) -> None:
    shell = Shell(pools=[PrefixPoolConfig("few", 58, IPv6Network("2001:db8:8000::/56"), max_utilization=50)])
    for station in (1, 2, 3):
        delegated(shell, station)
    lines.clear()
    shell.let(shell.service.expire, 2)
    (event,) = shell.pool_events
    assert (event.kind, str(event.network), event.pool_id) == (LeaseKind.PREFIX, "2001:db8:8000::/56", "few")
    (line,) = lines
    assert (line["event"], line["network"], line["of"]) == ("pool is nearly full", "2001:db8:8000::/56", "prefix")
