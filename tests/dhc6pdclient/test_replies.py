"""Which messages of servers are believed (RFC 8415, 16.3, 16.10); each mistake is counted by its reason."""

import struct
from collections.abc import Callable
from ipaddress import IPv6Address

import pytest

from tests.dhc6pdclient.provider import SERVER_DUID, punted
from tests.dhc6pdclient.world import BOTH, PD, PREFIX, World, bound, drops
from vppdhc.dhc6pdclient.states import State
from vppdhc.packet.dhcp6 import Message, MessageType, Options, Relay
from vppdhc.packet.ia6 import encode_ia, encode_prefix
from vppdhc.packet.options6 import Option

ADVERTISE, REPLY = MessageType.ADVERTISE, MessageType.REPLY


def without(code: int) -> Callable[[Message], None]:
    def change(message: Message) -> None:
        message.options = [(other, raw) for other, raw in message.options if other != code]

    return change


def put(code: int, raw: bytes) -> Callable[[Message], None]:
    def change(message: Message) -> None:
        message.options = [(other, raw if other == code else old) for other, old in message.options]

    return change


def add(code: int, raw: bytes) -> Callable[[Message], None]:
    return lambda message: message.options.append((code, raw))


def another_xid(message: Message) -> None:
    message.transaction_id ^= 1


def another_type(kind: int) -> Callable[[Message], None]:
    def change(message: Message) -> None:
        message.type = kind

    return change


def relayed(message: Message) -> None:
    message.relays = (Relay(MessageType.RELAY_REPLY, 0, 0, 0, []),)


MISTAKES = [
    (another_xid, "wrong-transaction"),
    (without(Option.CLIENTID), "no-client-id"),
    (put(Option.CLIENTID, b"\0\3\0\1somebody"), "wrong-client-id"),
    (without(Option.SERVERID), "no-server-id"),
    (put(Option.SERVERID, b""), "bad-server-id"),
    (put(Option.SERVERID, b"\0\3"), "bad-server-id"),
    (put(Option.SERVERID, bytes(131)), "bad-server-id"),
    (add(Option.STATUS_CODE, b"\0"), "dhcp6-option"),
    (another_type(MessageType.SOLICIT), "unexpected"),
    (another_type(MessageType.RECONFIGURE), "unexpected"),
    (another_type(99), "unexpected"),
    (relayed, "unexpected"),
]


@pytest.mark.parametrize(("change", "reason"), [*MISTAKES, (another_type(REPLY), "no-rapid-commit")])
def test_one_thing_wrong_with_an_advertise(change: Callable[[Message], None], reason: str) -> None:
    world = World(answers=set())
    world.run(1.05)
    message = world.server.message(world.heard[-1], ADVERTISE, [])
    change(message)
    world.deliver(punted(message, "fe80::1"))
    world.run(0.01)
    assert drops(world) == {reason: 1}
    assert world.state is State.SOLICITING


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        *MISTAKES,
        (another_type(ADVERTISE), "unexpected"),
        (put(Option.SERVERID, b"\0\3\0\1\2\0\0\0\0\x99"), "wrong-server"),
    ],
)
def test_one_thing_wrong_with_a_reply(change: Callable[[Message], None], reason: str) -> None:
    world = World(answers={"solicit"})
    world.run(3)
    assert world.state is State.REQUESTING
    message = world.server.message(world.heard[-1], REPLY, [])
    change(message)
    world.deliver(punted(message, "fe80::1"))
    world.run(0.01)
    assert drops(world) == {reason: 1}
    assert world.state is State.REQUESTING
    world.deliver(world.server.datagram(world.heard[-1], REPLY, []))
    world.run(0.01)
    assert world.state is State.BOUND


def test_any_server_may_answer_a_rebind() -> None:
    world = bound()
    world.server.silent = True
    world.run(2900)
    message = world.server.message(world.heard[-1], REPLY, [])
    put(Option.SERVERID, b"\0\3\0\1\2\0\0\0\0\x99")(message)
    world.deliver(punted(message, "fe80::99"))
    world.run(0.01)
    assert world.state is State.BOUND
    assert world.bindings.server_address == IPv6Address("fe80::99")


def test_nothing_is_expected_while_bound() -> None:
    world = bound()
    late = world.server.datagram(world.heard[-1], REPLY, [])
    world.deliver(late)
    world.deliver(b"\0" * 9)
    world.run(1)
    assert drops(world) == {"unexpected": 1, "ethernet-truncated": 1}


def test_an_answer_to_an_earlier_message_is_too_late() -> None:
    world = bound()
    world.server.silent = True
    world.run(2900)
    renew = next(heard for heard in world.heard if heard.type == "renew")
    world.deliver(world.server.datagram(renew, REPLY, []))
    world.run(0.01)
    assert drops(world) == {"wrong-transaction": 1}
    assert world.state is State.REBINDING


def prefix(text: str, length: int, preferred: int = 3600, valid: int = 7200, more: Options | None = None) -> bytes:
    wire = encode_prefix(int(IPv6Address(text)), length, preferred, valid, more or [])
    return struct.pack(">HH", Option.IAPREFIX, len(wire)) + wire


@pytest.mark.parametrize(
    ("within", "reason"),
    [
        (prefix("fe80::", 64), "bad-lease"),
        (prefix("ff05::", 64), "bad-lease"),
        (prefix("::", 0), "bad-lease"),
        (prefix("::", 56), "bad-lease"),
        (prefix("2001:db8::", 8), "bad-lease"),
        (prefix("2001:db8:7::", 56, 2, 1), "bad-lease"),
        (prefix("2001:db8:7::", 56, more=[(Option.STATUS_CODE, b"\0\6no")]), "bad-lease"),
        (prefix("2001:db8:7::", 56, more=[(Option.STATUS_CODE, b"\0")]), "bad-lease"),
        (struct.pack(">HH", Option.IAPREFIX, 4) + bytes(4), "bad-lease"),
        (struct.pack(">HHIIB16s", Option.IAPREFIX, 25, 1, 1, 129, bytes(16)), "bad-lease"),
        (struct.pack(">HH", Option.IAADDR, 24) + bytes(24), None),
        (struct.pack(">HH", 999, 1) + b"x", None),
        (prefix("2001:db8:100::1", 56), None),
    ],
)
def test_one_lease_that_cannot_be_is_left_aside_alone(within: bytes, reason: str | None) -> None:
    world = World(unknown={PD})
    wire = encode_ia(1, 0, 0, [])
    world.server.raw = [(Option.IA_PD, wire + within + prefix("2001:db8:100::", 56))]
    world.run(5)
    assert world.tenant.has == [PREFIX]
    assert drops(world) == ({} if reason is None else {reason: 2})


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        bytes(11),
        bytes((0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 26, 0, 99)),
        struct.pack(">III", 9, 2, 1),
        struct.pack(">IIIHHB", 9, 0, 0, 13, 1, 0),
    ],
)
def test_an_association_that_cannot_be_is_left_aside_alone(raw: bytes) -> None:
    world = World(BOTH)
    world.server.raw = [(Option.IA_PD, raw)]
    world.run(5)
    assert len(world.tenant.has) == 2
    assert drops(world) == {"bad-identity-association": 2}


def test_associations_of_others_are_not_taken() -> None:
    world = World()
    wire = encode_ia(77, 0, 0, [])
    world.server.raw = [(Option.IA_PD, wire + prefix("2001:db8:700::", 56))]
    world.run(5)
    assert world.tenant.has == [PREFIX]


def test_of_two_with_the_same_iaid_the_first_counts() -> None:
    world = World()
    world.server.raw = [(Option.IA_PD, encode_ia(1, 0, 0, []) + prefix("2001:db8:700::", 56))]
    world.run(5)
    assert world.tenant.has == [PREFIX]


def test_thousands_of_prefixes_in_a_reply() -> None:
    world = World(unknown={PD})
    many = b"".join(prefix(f"2001:db8:{number:x}::", 48) for number in range(2000))
    world.server.raw = [(Option.IA_PD, encode_ia(1, 0, 0, []) + many)]
    world.run(5)
    assert len(world.tenant.has) == 16
    assert world.bindings.server == SERVER_DUID
