"""Addresses that somebody uses already are not offered, and clients wait for that no longer than they have to."""

from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from tests.dhc4.clients import datagram, interface, look, mac, number, octets, text
from tests.dhc4.shell import LAN, Known, Shell
from vppdhc.dhc4.config import BootpClients, ConflictDetection, ServerConfig
from vppdhc.dhc4.events import EventKind
from vppdhc.dhc4.outcome import Outcome
from vppdhc.dhc4.server import Server
from vppdhc.interface import Interface
from vppdhc.leases.lease import LeaseState
from vppdhc.packet.dhcp4 import Message

SQUATTER = octets("02:00:00:00:66:66")
TIMEOUT = 0.3


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


class Watched(Shell):
    """A shell that is told of the neighbours on its LAN."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, probe_timeout=TIMEOUT, **settings)
        self.router.watched = {LAN.name}

    def after(self, seconds: float) -> None:
        """Let time pass, with all questions that are due by then, and make everything durable."""
        self.clock.now += seconds
        self.service.prober.work(self.clock.now)
        self.commits.commit()

    def wait(self) -> None:
        """Let so much time pass that a question has its answer."""
        for _ in range(3):
            self.after(TIMEOUT / 2)

    def asked(self) -> list[str]:
        """The addresses that were asked about so far, one for each request."""
        return [
            text(int.from_bytes(packet[38:42], "big")) for _, _, packet in self.sent if packet[12:14] == b"\x08\x06"
        ]

    def replies(self) -> list[tuple[str, str]]:
        """What clients were sent so far."""
        seen = [look(action, packet) for _, action, packet in self.sent if packet[12:14] != b"\x08\x06"]
        return [(one.type, one.bootp.yiaddr) for one in seen]

    def answer(self, address: str, holder: bytes = SQUATTER) -> None:
        """Have VPP hear of somebody who has an address."""
        self.service.prober.heard(LAN.name, number(address), holder)


@pytest.fixture
def shell() -> Watched:
    return Watched()


def test_an_address_is_offered_once_nobody_has_answered(shell: Watched) -> None:
    shell.hear(datagram("discover"))
    shell.after(0)
    (address,) = shell.asked()
    assert shell.replies() == []
    shell.wait()
    assert shell.replies() == [("offer", address)]
    assert shell.service.interfaces[LAN.name].probes == {"free": 1}
    assert len(shell.service.prober) == 0


def test_an_address_that_somebody_has_is_in_probation_and_another_one_is_offered(
    shell: Watched, lines: list[Any]
) -> None:
    shell.hear(datagram("discover"))
    shell.after(0)
    (taken,) = shell.asked()
    shell.answer(taken)
    shell.service.prober.work(shell.clock.now)
    assert shell.events == [], "it is not durable yet"
    shell.commits.commit()
    (event,) = shell.events
    assert (event.kind, text(event.lease.address), event.holder) == (EventKind.CONFLICT, taken, SQUATTER)
    assert lines == [
        {
            "log_level": "warning",
            "event": "address is used by somebody else and given to nobody for a while",
            "address": taken,
            "holder": "02:00:00:00:66:66",
            "interface": "tap0",
            "table": 0,
            "seconds": 86_400,
        }
    ]
    record = shell.book.get(0, number(taken))
    assert record is not None
    assert record.state is LeaseState.DECLINED
    shell.wait()
    ((kind, offered),) = shell.replies()
    assert (kind, offered) == ("offer", shell.asked()[-1])
    assert offered != taken
    counters = shell.service.interfaces[LAN.name]
    assert (counters.conflicts, counters.probes) == (1, {"taken": 1, "free": 1})


def test_a_client_that_asks_again_gets_one_answer_to_its_newest_message(shell: Watched) -> None:
    shell.hear(datagram("discover", xid=1))
    shell.after(0.1)
    shell.hear(datagram("discover", xid=2))
    shell.wait()
    assert len(shell.asked()) == 2
    (offer,) = [look(action, packet) for _, action, packet in shell.sent if packet[12:14] != b"\x08\x06"]
    assert offer.bootp.xid == 2
    shell.hear(datagram("discover", xid=3))
    shell.commits.commit()
    assert len(shell.replies()) == 2, "what it was offered is not asked about again"
    assert len(shell.asked()) == 2


def test_a_client_with_a_lease_is_not_kept_waiting(shell: Watched) -> None:
    shell.hear(datagram("request", 1, ("requested_addr", "192.168.1.200")))
    shell.commits.commit()
    shell.hear(datagram("discover"))
    shell.commits.commit()
    assert shell.replies() == [("ack", "192.168.1.200"), ("offer", "192.168.1.200")]
    assert shell.asked() == []


def test_other_clients_are_served_meanwhile(shell: Watched) -> None:
    shell.hear(datagram("discover", 1))
    shell.hear(datagram("request", 2, ("requested_addr", "192.168.1.200")))
    shell.commits.commit()
    assert shell.replies() == [("ack", "192.168.1.200")]


def test_nobody_is_asked_where_that_is_not_wanted() -> None:
    shell = Watched(conflict_detection=ConflictDetection.NONE)
    shell.hear(datagram("discover"))
    shell.commits.commit()
    assert (len(shell.replies()), shell.asked()) == (1, [])


def test_after_too_many_conflicts_the_client_gets_nothing_and_is_served_afresh(shell: Watched) -> None:
    shell.hear(datagram("discover"))
    for _ in range(10):
        shell.after(0)
        if len(shell.service.prober):
            shell.answer(shell.asked()[-1])
    assert (shell.replies(), len(shell.service.prober)) == ([], 0)
    assert shell.service.drops == {"too-many-conflicts": 1}
    assert shell.service.conflicts == 8
    shell.hear(datagram("discover"))
    shell.wait()
    assert [kind for kind, _ in shell.replies()] == ["offer"]


def test_where_too_many_wait_an_address_is_offered_without_asking(shell: Watched) -> None:
    shell.service.prober.limit = 1
    shell.hear(datagram("discover", 1), datagram("discover", 2))
    shell.commits.commit()
    assert [kind for kind, _ in shell.replies()] == ["offer"]
    assert shell.service.interfaces[LAN.name].probes == {"too-many": 1}


def test_where_nobody_is_asked_what_vpp_knows_keeps_an_address_from_being_offered(shell: Watched) -> None:
    shell.service.prober.limit = 0
    shell.hear(datagram("discover", 1))
    shell.commits.commit()
    ((_, first),) = shell.replies()
    shell = Watched()
    shell.service.prober.limit = 0
    shell.router.known[LAN.name, number(first)] = Known(SQUATTER, shell.clock.now)
    shell.hear(datagram("discover", 1))
    shell.commits.commit()
    ((kind, offered),) = shell.replies()
    assert kind == "offer"
    assert offered != first
    assert shell.service.conflicts == 1


# What may happen while a client waits


@pytest.mark.parametrize("now", [None, interface("10.1.0.1/16", name="tap9")], ids=["gone", "another has its index"])
def test_nothing_is_sent_where_the_interface_has_gone(shell: Watched, now: Interface | None) -> None:
    shell.hear(datagram("discover"))
    shell.after(0)
    shell.sent.clear()
    del shell.interfaces[LAN.index]
    if now is not None:
        shell.interfaces[now.index] = now
    shell.wait()
    assert (shell.sent, len(shell.service.prober)) == ([], 0)
    assert shell.service.drops == {"interface-gone": 1}
    (exchange,) = shell.heard
    assert (exchange.decision, exchange.reason) == ("dropped", "interface-gone")


def test_nothing_is_sent_by_a_server_that_no_longer_serves(shell: Watched) -> None:
    shell.hear(datagram("discover"))
    shell.after(0)
    shell.server.configure(ServerConfig(enabled=False))
    shell.wait()
    assert (shell.replies(), len(shell.service.prober), shell.service.drops) == ([], 0, {"not-served": 1})


def test_an_address_that_another_client_has_got_meanwhile_is_not_offered(shell: Watched) -> None:
    shell.hear(datagram("discover", 1))
    shell.after(0)
    (address,) = shell.asked()
    shell.book.withdraw(b"\1" + octets(mac(1)))  # its time is over
    shell.hear(datagram("request", 2, ("requested_addr", address)))
    shell.wait()
    shell.wait()
    kinds = shell.replies()
    assert kinds[0] == ("ack", address)
    assert kinds[1][0] == "offer"
    assert kinds[1][1] != address
    assert shell.asked()[-1] == kinds[1][1], "the other one was asked about as well"
    assert len(shell.service.prober) == 0


def test_an_answer_that_finds_no_room_in_the_queue_is_counted(shell: Watched) -> None:
    shell.hear(datagram("discover"))
    shell.after(0)
    shell.router.busy = shell.commits.full = True
    shell.wait()
    assert (shell.replies(), shell.service.drops) == ([], {"queue-full": 1})


class Broken(Server):
    """Cannot go on with what station 66 sent."""

    def probed(self, message: Message, interface: Interface, now: float, address: int) -> Outcome:
        if message.chaddr[5] == 66:
            raise ZeroDivisionError("a mistake of ours")
        return super().probed(message, interface, now, address)


def test_a_mistake_keeps_nobody_else_from_an_answer(lines: list[Any]) -> None:
    shell = Watched(Broken)
    shell.hear(datagram("discover", 66), datagram("discover", 1))
    shell.wait()
    assert [kind for kind, _ in shell.replies()] == ["offer"]
    assert shell.service.drops == {"internal-error": 1}
    (line,) = lines
    assert (line["event"], line["exc_info"]) == ("message not handled", True)
    assert len(shell.service.prober) == 0


# What else is counted


def test_a_reply_to_a_bootp_client_is_counted() -> None:
    shell = Watched(bootp_clients=BootpClients.DYNAMIC)
    shell.hear(datagram(None))
    shell.wait()
    assert shell.service.sent == {"bootp": 1}


def test_options_without_room_are_counted() -> None:
    shell = Shell(conflict_detection=ConflictDetection.NONE)
    circuit = bytes((1, 250)) + bytes(250)
    relayed = datagram("discover", 1, ("relay_agent_information", circuit), giaddr="192.168.1.9", client_id=bytes(255))
    shell.hear(relayed)
    shell.commits.commit()
    assert shell.service.sent == {"offer": 1}
    assert sum(shell.service.interfaces[LAN.name].omitted.values()) > 0
