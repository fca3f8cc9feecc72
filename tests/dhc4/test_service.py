"""The shell round the server: readers that go on whatever comes, replies once they are durable, and time."""

import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import gevent
import pytest
import structlog
from gevent.socket import wait_read

from tests.dhc4.clients import datagram, interface, number, text
from tests.dhc4.shell import LAN, EndError, Shell, Source
from vppdhc.dhc4.events import EventKind
from vppdhc.dhc4.server import Outcome, Server
from vppdhc.interface import Interface
from vppdhc.leases.committer import Committer
from vppdhc.leases.lease import Change, LeaseState
from vppdhc.leases.lease6 import AnyChange, by_version
from vppdhc.leases.usage import PoolUsage
from vppdhc.packet.dhcp4 import Message
from vppdhc.servers.counters import Counters


class Broken(Server):
    """Cannot handle what station 66 sends."""

    def handle(self, message: Message, interface: Interface, now: float) -> Outcome:
        if message.chaddr[5] == 66:
            raise ZeroDivisionError("a mistake of ours")
        return super().handle(message, interface, now)


class Mute(Server):
    """Gives station 66 answers that cannot be encoded."""

    def handle(self, message: Message, interface: Interface, now: float) -> Outcome:
        outcome = super().handle(message, interface, now)
        if message.chaddr[5] == 66:
            for reply in outcome.replies:
                reply.message.sname = bytes(65)
        return outcome


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


def select(station: int, address: str, **more: Any) -> bytes:
    return datagram("request", station, ("requested_addr", address), ("server_id", "192.168.1.1"), **more)


# Readers


def test_a_reply_leaves_once_its_lease_is_durable(lines: list[Any]) -> None:
    shell = Shell()
    shell.hear(datagram("discover"))
    assert shell.commits.waiting == [], "an offer changes nothing that is stored"
    (offer,) = shell.seen()
    assert offer.type == "offer"
    shell.hear(select(1, offer.bootp.yiaddr))
    assert [seen.type for seen in shell.seen()] == ["offer"]
    assert lines == []
    shell.commits.commit()
    assert [seen.type for seen in shell.seen()] == ["offer", "ack"]
    assert [index for index, _, _ in shell.sent] == [LAN.index] * 2
    (line,) = lines
    assert line == {
        "log_level": "info",
        "event": "lease granted",
        "address": offer.bootp.yiaddr,
        "hardware": "02:00:00:00:00:01",
        "interface": "tap0",
        "table": 0,
        "hostname": "",
        "lifetime": 3600,
        "during": "selecting",
    }
    assert shell.service.received == {"discover": 1, "request": 1}
    assert shell.service.drops == {}


def test_the_log_says_how_a_client_asked(lines: list[Any]) -> None:
    shell = Shell()
    address = "192.168.1.200"
    for asked in (
        datagram("request", 1, ("requested_addr", address)),
        datagram("request", 1, ciaddr=address, destination="192.168.1.1"),
        datagram("request", 1, ciaddr=address),
        datagram("request", 1, ciaddr=address, giaddr="192.168.1.9"),
        datagram("release", 1, ciaddr=address),
    ):
        shell.hear(asked)
    shell.commits.commit()
    assert [line["event"] for line in lines] == ["lease granted", *["lease renewed"] * 3, "lease released"]
    assert [line.get("during") for line in lines] == ["init-reboot", "renewing", "rebinding", "rebinding", None]
    assert [line.get("relay") for line in lines] == [None, None, None, "192.168.1.9", None]


def test_what_cannot_be_answered_is_counted_by_reason() -> None:
    shell = Shell()
    good = datagram("discover")
    shell.hear(b"", good[:50], good[:200], datagram("discover", index=9), datagram("offer"), datagram(None), good)
    assert shell.service.drops == {
        "punt-truncated": 1,
        "ipv4-truncated": 2,
        "unknown-interface": 1,
        "message-type": 1,
        "bootp": 1,
    }
    assert shell.service.received == {"discover": 1, "offer": 1, "bootp": 1}
    shell.commits.commit()
    assert [seen.type for seen in shell.seen()] == ["offer"]


def test_it_is_counted_where_it_came_in() -> None:
    shell = Shell()
    other = interface("192.168.2.1/24", name="tap1", index=2)
    shell.interfaces[2] = other
    shell.server.interface_changed(None, other)
    good = datagram("discover", index=2)
    shell.hear(good, datagram("request", 2, ("requested_addr", "10.9.9.9"), index=2), b"", good[:50])
    shell.hear(
        datagram("request", 3, ("requested_addr", "192.168.1.200")), datagram(200), datagram("discover", index=9)
    )
    shell.commits.commit()
    shell.hear(datagram("decline", 3, ("requested_addr", "192.168.1.200"), ("server_id", "192.168.1.1")))
    shell.commits.commit()
    first, second = shell.service.interfaces["tap0"], shell.service.interfaces["tap1"]
    assert first == Counters(Counter(request=1, other=1, decline=1), Counter(ack=1), Counter({"message-type": 1}), 1)
    assert second == Counters(
        Counter(discover=1, request=1),
        Counter(offer=1, nak=1),
        Counter({"ipv4-truncated": 1}),
        probes=Counter({"not-watched": 1}),
    )
    assert shell.service.received == first.received + second.received
    assert shell.service.sent == {"offer": 1, "nak": 1, "ack": 1}
    assert shell.service.drops == {
        "message-type": 1,
        "ipv4-truncated": 1,
        "punt-truncated": 1,
        "unknown-interface": 1,
    }
    assert shell.service.conflicts == 1


def test_a_reply_is_counted_when_it_is_sent() -> None:
    shell = Shell()
    shell.hear(datagram("discover"), select(2, "192.168.1.200"))
    assert shell.service.sent == {"offer": 1}
    shell.commits.commit()
    assert shell.service.sent == {"offer": 1, "ack": 1}
    shell.router.deaf = True
    shell.hear(datagram("discover", 3))
    shell.commits.commit()
    assert shell.service.sent == {"offer": 1, "ack": 1}


def test_an_offer_that_vpp_does_not_take_at_once_waits_behind_the_commits() -> None:
    shell = Shell()
    shell.router.busy = True
    shell.hear(select(1, "192.168.1.200"), datagram("discover", 2))
    assert shell.sent == []
    shell.router.busy = False
    shell.hear(datagram("discover", 3))
    assert [seen.bootp.chaddr[5] for seen in shell.seen()] == [3]
    shell.commits.commit()
    assert [(seen.type, seen.bootp.chaddr[5]) for seen in shell.seen()[1:]] == [("ack", 1), ("offer", 2)]
    assert shell.service.sent == {"offer": 2, "ack": 1}


def test_events_are_handed_on_once_they_are_durable() -> None:
    shell = Shell()
    shell.hear(select(1, "192.168.1.200"))
    assert shell.events == []
    shell.commits.commit()
    (granted,) = shell.events
    assert (granted.kind, text(granted.lease.address)) == (EventKind.GRANTED, "192.168.1.200")
    shell.clock.now += 3602
    shell.let_expire(1)
    assert [event.kind for event in shell.events] == [EventKind.GRANTED, EventKind.EXPIRED]


def test_who_cannot_handle_events_disturbs_nobody(lines: list[Any]) -> None:
    shell = Shell()
    shell.hook_error = ZeroDivisionError("a mistake of somebody else")
    shell.hear(select(1, "192.168.1.200"))
    shell.commits.commit()
    assert [seen.type for seen in shell.seen()] == ["ack"]
    shell.clock.now += 3602
    shell.let_expire(1)
    assert shell.book.active == {"tap0": 0}
    assert [line["event"] for line in lines] == [
        "lease granted",
        "events not handled",
        "lease expired",
        "events not handled",
    ]


def test_a_pool_that_becomes_too_full_is_told_once(lines: list[Any]) -> None:
    shell = Shell(onto=interface("192.168.1.1/28"), static_percentage=0, max_address_utilization=80)  # 13 addresses
    for host in range(2, 13):
        shell.hear(select(host, f"192.168.1.{host}"))
    shell.let_expire(2)
    (event,) = shell.pool_events
    assert (event.table, str(event.network), event.interface) == (0, "192.168.1.0/28", "tap0")
    assert event.usage == PoolUsage(13, 11, 0, 0, 80, exceeded=True)
    (line,) = lines
    assert line == {
        "log_level": "warning",
        "event": "pool is nearly full",
        "network": "192.168.1.0/28",
        "interface": "tap0",
        "table": 0,
        "utilization": 85,
        "threshold": 80,
    }
    for host in (2, 3):
        shell.hear(datagram("release", host, ciaddr=f"192.168.1.{host}"))
    shell.let_expire(1)
    assert [event.usage.exceeded for event in shell.pool_events] == [True, False]
    assert lines[-1]["event"] == "pool has room again"


def test_a_packet_that_finds_a_mistake_does_not_end_the_reader(lines: list[Any]) -> None:
    shell = Shell(Broken)
    bad = datagram("discover", 66)
    shell.hear(bad, datagram("discover", 1))
    shell.commits.commit()
    assert [seen.type for seen in shell.seen()] == ["offer"]
    assert shell.service.drops == {"internal-error": 1}
    (line,) = lines
    assert (line["log_level"], line["exc_info"], line["datagram"]) == ("error", True, bad.hex())


def test_an_answer_that_cannot_be_encoded_makes_no_lease(lines: list[Any]) -> None:
    shell = Shell(Mute)
    shell.hear(select(66, "192.168.1.200"))
    assert (shell.service.drops, len(shell.book), shell.commits.waiting) == ({"internal-error": 1}, 0, [])
    assert lines[0]["event"] == "message not handled"
    shell.hear(select(1, "192.168.1.200"))
    shell.commits.commit()
    assert [seen.type for seen in shell.seen()] == ["ack"]


def test_a_full_queue_is_counted_and_leaves_no_lease() -> None:
    shell = Shell()
    shell.router.busy = shell.commits.full = True
    shell.hear(select(1, "192.168.1.200"), datagram("discover", 2))
    assert (shell.service.drops, len(shell.book)) == ({"queue-full": 2}, 0)
    shell.commits.full = False
    shell.hear(select(3, "192.168.1.200"))
    shell.commits.commit()
    assert [seen.type for seen in shell.seen()] == ["ack"]


@pytest.mark.parametrize(
    "now",
    [None, interface("192.168.2.1/24", name="tap9")],
    ids=["gone", "another one has its index"],
)
def test_nothing_is_sent_where_the_interface_has_gone(now: Interface | None, lines: list[Any]) -> None:
    shell = Shell()
    shell.hear(select(1, "192.168.1.200"))
    del shell.interfaces[LAN.index]
    if now is not None:
        shell.interfaces[now.index] = now
    shell.commits.commit()
    assert (shell.sent, shell.service.drops) == ([], {"interface-gone": 1})
    assert [line["event"] for line in lines] == ["lease granted"]


def test_a_reader_gives_others_their_turn_by_time() -> None:
    shell = Shell()
    shell.commits.work_seconds = 0.001
    requests = [select(station, f"192.168.1.{100 + station}") for station in range(1, 61)]
    shell.hear(*requests)
    together = len(shell.clock.slept)
    assert 9 <= together <= 12
    with pytest.raises(EndError):
        shell.service.serve(Source(*[[request] for request in requests]))
    one_by_one = len(shell.clock.slept) - together
    assert 9 <= one_by_one <= 12, "portions that come without a pause are one long work"


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
            service.serve(Source([select(station, f"192.168.1.{100 + station}") for station in range(1, 61)]))
        other.join()
    assert 0 < asked[0] < 60, "another socket was read in the middle of it"


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

    shell = Shell()
    committer = Committer(
        disk,
        shell.clock,
        lambda changes: shell.book.take_back(by_version(changes)[0]),
        alarm=lambda error: alarms.append(str(error)),
        cleared=lambda: alarms.append("cleared"),
    )
    shell.service = shell.with_queue(committer, gevent.sleep)
    running = gevent.spawn(committer.run)
    shell.hear(select(1, "192.168.1.200"))
    assert committer.flush(10)
    assert (shell.sent, len(shell.book), alarms) == ([], 0, ["disk full"])
    disk.full = False
    shell.hear(select(3, "192.168.1.200"))
    assert committer.stop(10)
    running.join()
    assert [(seen.type, seen.bootp.yiaddr) for seen in shell.seen()] == [("ack", "192.168.1.200")]
    assert [change.new for change in disk.stored] == list(shell.book)
    assert alarms == ["disk full", "cleared"]


# Time


def test_leases_end_on_time(lines: list[Any]) -> None:
    shell = Shell()
    for last, expires in ((1, 1005.0), (2, 1003.0), (3, 4000.0), (4, 1010.0)):
        shell.lease(f"192.168.1.{200 + last}", expires)
    ended = []
    for _ in range(11):
        now = shell.clock.now
        shell.let_expire(1)
        ended += [(now, line["address"]) for line in lines]
        lines.clear()
    assert ended == [(1003.0, "192.168.1.202"), (1005.0, "192.168.1.201"), (1010.0, "192.168.1.204")]


def test_expiry_looks_when_something_is_due_and_once_a_second() -> None:
    shell = Shell()
    shell.lease("192.168.1.200", 1002.0)
    shell.clock.now = 1000.75
    shell.let_expire(3)
    assert shell.clock.slept == [1.0, 0.25, 1.0, 1.0]
    assert shell.book.active == {"tap0": 0}


def test_many_leases_end_in_portions(lines: list[Any]) -> None:
    shell = Shell()
    for host in range(250):
        shell.lease(text(number("192.168.1.1") + host), 1000.0)
    shell.let_expire(1)
    assert len(lines) == 250
    assert shell.clock.slept[:2] == [1e-6, 1e-6], "others have their turn"
    assert shell.clock.slept[2] == 1.0


def test_offers_end() -> None:
    shell = Shell(offer_hold=3)
    shell.hear(datagram("discover"))
    shell.let_expire(3.5)
    assert shell.book.offer_of(b"\1\2\0\0\0\0\1") is None


def test_a_probation_that_is_over_is_stored_and_told(lines: list[Any]) -> None:
    shell = Shell()
    declined = shell.lease("192.168.1.200", 1001.0, LeaseState.DECLINED)
    shell.let_expire(2.5)
    assert [work.changes for work in shell.commits.waiting] == [[Change(declined, None)]]
    assert (len(shell.book), lines) == (0, [])
    shell.commits.commit()
    assert lines == [{"log_level": "info", "event": "probation over", "address": "192.168.1.200", "table": 0}]


def test_what_cannot_be_stored_is_tried_again_once_a_second() -> None:
    shell = Shell()
    shell.lease("192.168.1.200", 1000.0, LeaseState.DECLINED)
    shell.lease("192.168.1.201", 1000.0)
    shell.commits.full = True
    shell.let_expire(10)
    assert 9 <= shell.commits.asked <= 11
    assert shell.book.get(0, number("192.168.1.200")) is not None
    assert shell.book.active == {"tap0": 0}, "the lease beside it has ended all the same"
    shell.commits.full = False
    shell.let_expire(2)
    assert shell.book.get(0, number("192.168.1.200")) is None
