"""What is remembered of the last exchange with each client, and for how many of them."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.dhc4.clients import Lan, datagram, interface, mac, message, number, octets, reboot, renew, text
from tests.dhc4.shell import Shell
from vppdhc.dhc4 import conversation
from vppdhc.dhc4.allocation import Why
from vppdhc.dhc4.config import ConflictDetection, ServerConfig, Settings
from vppdhc.dhc4.events import EventKind
from vppdhc.dhc4.explanation import SENTENCES, explain, sentence, word
from vppdhc.dhc4.heard import Decision, Exchange, Heard
from vppdhc.dhc4.outcome import Outcome
from vppdhc.dhc4.reply import Nak
from vppdhc.dhc4.request import Drop
from vppdhc.interface import Interface
from vppdhc.packet.dhcp4 import Message


class Told(Lan):
    """A LAN whose server's outcomes are taken note of, as the shell round it does."""

    def __init__(self, *interfaces: Interface, most: int = 65_536, **settings: Any) -> None:
        self.heard = Heard(most)
        settings.setdefault("conflict_detection", ConflictDetection.NONE)
        super().__init__(*interfaces, **settings)

    def hear(self, asked: Message, onto: Interface | None = None) -> Outcome:
        on = onto or self.interfaces[0]
        outcome = super().hear(asked, on)
        self.heard.note(asked, on, outcome, self.now)
        if outcome.changes:
            self.heard.settled(asked, on, outcome)
        return outcome

    def last(self, station: int = 1, table: int = 0) -> Exchange:
        return self.heard.of_client(table, key(station))[0]


def key(station: int) -> bytes:
    return b"\1" + octets(mac(station))


@pytest.fixture
def lan() -> Told:
    return Told()


def nothing() -> None:
    """Let nobody else run."""


def found(heard: Heard, **whom: Any) -> Sequence[Exchange]:
    return list(heard.find(nothing, **whom))


def test_an_exchange_is_remembered_whole(lan: Told) -> None:
    address = lan.bind(1, ("hostname", "printer"))
    assert lan.last() == Exchange(
        table=0,
        client=key(1),
        interface="tap0",
        time=1000.0,
        message_type=b"\3",
        reply_type=b"\5",
        decision=Decision.ANSWERED,
        reason=Why.OFFER,
        address=number(address),
        host_name=b"printer",
        hardware_type=1,
        hardware=octets(mac(1)),
    )
    assert (lan.last().message_name, lan.last().reply_name) == ("request", "ack")


def test_the_last_one_counts(lan: Told) -> None:
    address = lan.bind(1)
    lan.now += 60
    lan.hear(renew(1, "10.9.9.9"))
    last = lan.last()
    assert (last.decision, last.reply_name, last.time) == (Decision.REFUSED, "nak", 1060.0)
    assert (last.reason, last.address) == ("wrong network", number("10.9.9.9"))
    lan.hear(message("release", 1, ciaddr=address, source=address))
    last = lan.last()
    assert (last.decision, last.reply_type, last.reason) == (Decision.ANSWERED, None, EventKind.RELEASED)


def test_a_drop_is_remembered() -> None:
    lan = Told(known_clients_only=True)
    lan.hear(message("discover"))
    assert (lan.last().decision, lan.last().reason) == (Decision.DROPPED, Drop.NO_RESERVATION)


def test_a_client_on_an_interface_that_is_not_served_is_remembered() -> None:
    wan = interface("10.0.0.1/24", name="wan", index=2, table=7)
    lan = Told(config=ServerConfig(Settings(), client_interfaces=frozenset({"wan"})))
    lan.server.interface_changed(None, wan)
    lan.hear(message("discover", index=2), wan)
    last = lan.last(table=7)
    assert (last.interface, last.decision, last.reason) == ("wan", Decision.DROPPED, Drop.NOT_SERVED)


def test_who_has_no_name_is_not_remembered(lan: Told) -> None:
    assert lan.hear(message("discover", hardware=b"", htype=0)).drop == Drop.IDENTITY
    assert len(lan.heard) == 0


def test_clients_are_found_by_what_is_known_of_them(lan: Told) -> None:
    first = lan.bind(1, client_id=b"one")
    second = lan.bind(2)
    assert [one.client for one in found(lan.heard, hardware=octets(mac(1)))] == [b"\0one"]
    assert [one.client for one in found(lan.heard, client=b"\0one")] == [b"\0one"]
    assert [one.client for one in found(lan.heard, address=number(second))] == [key(2)]
    assert found(lan.heard, address=number(first), hardware=octets(mac(2))) == []
    assert [one.client for one in lan.heard] == [b"\0one", key(2)]


def test_those_heard_longest_ago_are_forgotten() -> None:
    lan = Told(most=3)
    for station in (1, 2, 3, 1, 4):
        lan.hear(message("discover", station))
    assert [one.client for one in lan.heard] == [key(3), key(1), key(4)]
    assert lan.heard.of_client(0, key(2)) == []


def test_a_search_lets_others_run_meanwhile(lan: Told) -> None:
    for station in range(1, 2001):
        lan.hear(message("discover", station))

    def hear_another() -> None:
        lan.hear(message("discover", 3000 + len(lan.heard)))

    assert len(list(lan.heard.find(hear_another))) == 2000
    assert len(lan.heard) == 2002


def test_a_client_that_moves_is_remembered_on_both_interfaces() -> None:
    lans = [interface(f"192.168.{n}.1/24", name=f"tap{n}", index=n) for n in range(1, 8)]
    lan = Told(*lans, most=2)
    for one in (*lans[:2], lans[0]):
        lan.hear(message("discover", index=one.index), one)
    assert [one.interface for one in lan.heard.of_client(0, key(1))] == ["tap1", "tap2"]
    for one in lans:
        lan.hear(message("discover", index=one.index), one)
    assert [one.interface for one in lan.heard.of_client(0, key(1))] == ["tap7", "tap6", "tap5", "tap4"]
    for station in (2, 3):
        lan.hear(message("discover", station))
    lan.hear(message("discover", 1))
    assert [one.interface for one in lan.heard.of_client(0, key(1))] == ["tap1"], "all of it was forgotten"


def test_long_names_are_cut(lan: Told) -> None:
    lan.hear(message("discover", 1, ("hostname", "n" * 200)))
    assert lan.last().host_name == b"n" * 64


def test_a_bootp_client() -> None:
    lan = Told()
    lan.hear(message(None, 1))
    assert (lan.last().message_name, lan.last().reason) == ("bootp", Drop.BOOTP)


# The shell round the server


@pytest.fixture
def shell() -> Shell:
    return Shell(conflict_detection=ConflictDetection.NONE)


def heard(shell: Shell) -> Exchange:
    (exchange,) = shell.heard.of_client(0, key(1))
    return exchange


def requested(shell: Shell) -> bytes:
    shell.hear(datagram("discover"))
    shell.commits.commit()
    (offer,) = shell.seen()
    return datagram("request", 1, ("requested_addr", offer.bootp.yiaddr), ("server_id", "192.168.1.1"))


def test_an_answer_is_pending_until_its_lease_is_on_disk(shell: Shell) -> None:
    shell.hear(requested(shell))
    assert (heard(shell).decision, heard(shell).reply_name) == (Decision.PENDING, "ack")
    assert "waits until the lease is on disk" in explain(heard(shell))
    shell.commits.commit()
    assert heard(shell).decision is Decision.ANSWERED
    assert "waits" not in explain(heard(shell))


def test_an_answer_that_found_no_room_is_none(shell: Shell) -> None:
    request = requested(shell)
    shell.commits.full = True
    shell.hear(request)
    assert (heard(shell).decision, heard(shell).reason) == (Decision.DROPPED, "queue-full")
    assert "the client asks again" in explain(heard(shell))


def test_an_answer_whose_interface_went_away_is_none(shell: Shell) -> None:
    shell.hear(requested(shell))
    shell.interfaces.clear()
    shell.commits.commit()
    assert (heard(shell).decision, heard(shell).reason) == (Decision.DROPPED, "interface-gone")


def test_what_a_client_sent_meanwhile_stays(shell: Shell) -> None:
    shell.hear(requested(shell))
    shell.hear(datagram("discover"))
    shell.commits.commit()
    assert (heard(shell).message_name, heard(shell).decision) == ("discover", Decision.ANSWERED)


# Explanations


def test_every_reason_has_its_sentence() -> None:
    others = (EventKind.RELEASED, EventKind.DECLINED, conversation._INFORMED, conversation._NEEDS_NONE)
    for reason in (*Drop, *Why, *Nak, *others):
        told = sentence(reason, number("10.0.0.1"), "tap1")
        assert reason in SENTENCES, reason
        assert "{" not in told
        assert told.endswith(".")
        assert 1 <= len(word(reason)) <= 64
        assert " " not in word(reason)


def test_sentences_name_what_they_are_about(lan: Told) -> None:
    lan.hear(reboot(1, "10.9.9.9"))
    assert explain(lan.last()) == (
        "The client wants 10.9.9.9, which is in no network that is served on tap0. It has moved, or the network's"
        " addresses have changed. It asks for another address now."
    )
    lan.hear(message("inform", 1, ciaddr="192.168.1.9", source="192.168.1.9"))
    assert explain(lan.last()) == "The client has 192.168.1.9 by other means and only asked for options."
    assert sentence(Drop.NO_LEASE, 0, "").startswith("The client gives back, or declines, an address, of which")


def test_a_probe_is_waited_for() -> None:
    lan = Told(conflict_detection=ConflictDetection.PROBE)
    asked = message("discover")
    outcome = lan.server.handle(asked, lan.interfaces[0], lan.now)
    assert outcome.probe is not None
    lan.heard.note(asked, lan.interfaces[0], outcome, lan.now)
    assert (lan.last().decision, lan.last().reply_type) == (Decision.PENDING, None)
    assert explain(lan.last()).endswith(f"known whether somebody uses {text(outcome.probe.address)}.")


def test_a_reason_that_is_not_known_is_said_as_it_is() -> None:
    assert sentence("something {new}", 1, "tap1") == "something {new}."
