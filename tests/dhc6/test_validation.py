"""Messages that are dropped, and why (RFC 8415, 16)."""

from dataclasses import replace
from typing import Any

import pytest

from tests.dhc6.clients import ROUTER_MAC, Agent, duid, interface, message, number, octets, raw
from tests.dhc6.lan import Lan
from vppdhc.dhc6.reply import encode
from vppdhc.dhc6.validation import Drop
from vppdhc.packet.dhcp6 import Message, MessageType, Relay, decode
from vppdhc.packet.ia6 import decode_ia, encode_address, encode_ia

TO_ANY = ("solicit", "confirm", "rebind")
TO_ONE = ("request", "renew", "release", "decline")
STATEFUL = (*TO_ANY, *TO_ONE)
OTHER_SERVER = bytes.fromhex("00030001020000009999")


def heard(kind: str | int, **more: Any) -> Drop | None:
    more = {"na": {1: ["2001:db8:1::5"]}, **more} if kind != "information-request" else more
    return Lan().dropped(message(kind, **more))


@pytest.mark.parametrize("kind", [*STATEFUL, "information-request"])
def test_a_message_with_what_it_should_have_is_answered(kind: str) -> None:
    assert heard(kind) is None


@pytest.mark.parametrize("kind", STATEFUL)
def test_without_client_id(kind: str) -> None:
    assert heard(kind, client_id=None) is Drop.IDENTITY


@pytest.mark.parametrize("kind", [*STATEFUL, "information-request"])
@pytest.mark.parametrize("length", [1, 2, 131])
def test_a_duid_of_a_length_that_none_has(kind: str, length: int) -> None:
    assert heard(kind, client_id=bytes(length)) is Drop.IDENTITY


@pytest.mark.parametrize("length", [3, 130])
def test_the_shortest_and_the_longest_duid(length: int) -> None:
    assert heard("solicit", client_id=b"\0" * length) is None


@pytest.mark.parametrize("kind", TO_ANY)
def test_with_a_server_id_that_must_not_be_there(kind: str) -> None:
    assert heard(kind, server_id=bytes.fromhex("0003000102fe00000001")) is Drop.SERVER_ID


@pytest.mark.parametrize("kind", TO_ONE)
def test_without_the_server_id_that_has_to_be_there(kind: str) -> None:
    assert heard(kind, server_id=None) is Drop.NO_SERVER_ID


@pytest.mark.parametrize("kind", [*TO_ONE, "information-request"])
def test_for_another_server(kind: str) -> None:
    assert heard(kind, server_id=OTHER_SERVER) is Drop.OTHER_SERVER


def test_an_information_request_with_our_server_id_is_answered() -> None:
    assert heard("information-request", server_id=bytes.fromhex("0003000102fe00000001")) is None


@pytest.mark.parametrize("ias", [{"na": {1: []}}, {"pd": {1: []}}, {"ta": {1: []}}])
def test_an_information_request_with_an_identity_association(ias: dict[str, Any]) -> None:
    assert Lan().dropped(message("information-request", **ias)) is Drop.ASSOCIATION


@pytest.mark.parametrize("kind", [*STATEFUL, "information-request"])
def test_unicast_from_a_client(kind: str) -> None:
    assert heard(kind, destination="2001:db8:1::1") is Drop.UNICAST
    assert heard(kind, destination="fe80::fe:ff:fe00:1") is Drop.UNICAST


@pytest.mark.parametrize("source", ["::", "ff02::1"])
def test_from_an_address_that_nobody_has(source: str) -> None:
    assert heard("solicit", source=source) is Drop.SOURCE


@pytest.mark.parametrize("kind", ["advertise", "reply", "reconfigure"])
def test_messages_for_clients(kind: str) -> None:
    assert heard(kind) is Drop.NOT_A_REQUEST


@pytest.mark.parametrize("kind", [0, 14, 18, 20, 36, 99, 255])
def test_messages_of_other_types(kind: int) -> None:
    assert heard(kind) is Drop.MESSAGE_TYPE


def test_a_relay_reply_is_for_relay_agents() -> None:
    asked = message("solicit", na={1: []})
    relayed = replace(asked, relays=(Relay(MessageType.RELAY_REPLY, 0, 1, 2, []),))
    assert Lan().dropped(relayed) is Drop.NOT_A_REQUEST


@pytest.mark.parametrize(("hops", "drop"), [(8, None), (9, Drop.TOO_MANY_HOPS), (255, Drop.TOO_MANY_HOPS)])
def test_relayed_too_often(hops: int, drop: Drop | None) -> None:
    agent = Agent("2001:db8:1::9", hops=hops)
    assert heard("solicit", relays=[agent]) is drop


@pytest.mark.parametrize(
    "option",
    [
        raw(3, bytes(11)),
        raw(4, bytes(3)),
        raw(25, bytes(11)),
        raw(3, bytes(12) + b"\0\5\0\x17" + bytes(23)),
        raw(3, bytes(12) + b"\0\5\0\x18" + bytes(4)),
        raw(25, bytes(12) + b"\0\x1a\0\x18" + bytes(24)),
        raw(25, bytes(12) + b"\0\x1a\0\x19" + bytes(8) + b"\x81" + bytes(16)),
    ],
)
def test_a_malformed_identity_association(option: Any) -> None:
    assert Lan().dropped(message("solicit", 1, option)) is Drop.MALFORMED


@pytest.mark.parametrize("option", [raw(37, bytes(4)), raw(18), raw(79, bytes(2))])
def test_malformed_relay_information(option: Any) -> None:
    agent = Agent("2001:db8:1::9", options=(option,))
    assert heard("solicit", relays=[agent]) is Drop.RELAY_INFORMATION


def test_an_interface_that_is_not_served() -> None:
    other = interface("2001:db8:2::1/64", name="tap1", index=2)
    lan = Lan()
    assert lan.dropped(message("solicit", na={1: []}), other) is Drop.NOT_SERVED
    lan.server.interface_changed(None, other)
    assert lan.dropped(message("solicit", na={1: []}), other) is Drop.NOT_SERVED


def test_an_interface_without_link_local_address_is_not_served() -> None:
    bare = replace(interface("2001:db8:1::1/64"), link_local=None)
    assert Lan(bare).dropped(message("solicit", na={1: []})) is Drop.NOT_SERVED


def test_a_client_behind_an_unknown_relay_agent() -> None:
    assert heard("solicit", relays=[Agent("2001:db8:99::1")]) is Drop.NO_SUBNET


def test_a_dropped_message_names_the_client_and_its_table() -> None:
    lan = Lan(interface("2001:db8:1::1/64", table=7))
    outcome = lan.hear(message("renew", 1, na={1: []}, server_id=OTHER_SERVER))
    assert (outcome.client, outcome.table, outcome.reason) == (duid(1), 7, "other-server")


def test_what_is_not_known_is_ignored() -> None:
    extra = [raw(65000, b"anything"), raw(12, bytes(16)), raw(39, b"\1\xff"), raw(16, b"")]
    assert heard("solicit", na={1: []}) is None
    assert Lan().dropped(message("solicit", 1, *extra, na={1: []})) is None


def test_of_two_associations_with_the_same_id_the_first_counts() -> None:
    lan = Lan()
    twice = raw(3, (1).to_bytes(4, "big") + bytes(8))
    assert list(lan.ask(message("solicit", 1, twice, na={1: []})).na) == [1]


def test_an_address_twice_in_an_association_is_answered_once() -> None:
    lan = Lan()
    asked: Message = message("renew", 1, na={1: ["2001:db8:9::1", "2001:db8:9::1"]})
    assert lan.ask(asked).na[1].dead == ["2001:db8:9::1"]


def test_more_associations_or_addresses_than_any_client_has() -> None:
    lan = Lan()
    assert lan.dropped(message("renew", na={iaid: [] for iaid in range(65)})) is Drop.MALFORMED
    assert lan.dropped(message("renew", na={1: [f"2001:db8:99::{host:x}" for host in range(1, 66)]})) is Drop.MALFORMED
    assert len(lan.ask(message("renew", na={1: [f"2001:db8:99::{host:x}" for host in range(1, 65)]})).na[1].dead) == 64


def test_the_longest_answer_can_be_sent() -> None:
    address = number("2001:db8:99::")
    within = [(5, encode_address(address + host, 0, 0)) for host in range(64)]
    ias = [raw(3, encode_ia(iaid, 0, 0, within if iaid < 16 else ())) for iaid in range(64)]
    lan = Lan()
    outcome = lan.hear(message("renew", 1, *ias, relays=[Agent("2001:db8:1::9", options=(raw(18, bytes(4000)),))]))
    _, packet = encode(outcome.replies[0], lan.interfaces[0])
    answered = [decode_ia(value).options for value in decode(packet[48:]).all(3)]
    assert [len(options) for options in answered] == [65] * 16 + [1] * 48


def test_an_option_request_without_end() -> None:
    assert (
        Lan().dropped(message("solicit", na={1: []}, oro=[number % 70_000 % 65_536 for number in range(20_000)]))
        is None
    )


def test_the_address_of_the_frame_does_not_matter() -> None:
    asked = replace(message("solicit", na={1: []}), destination_mac=octets(ROUTER_MAC))
    assert Lan().dropped(asked) is None
