"""What a client would be advertised, for people who want to know before it asks."""

from typing import Final, NamedTuple

from vppdhc.dhc6.config import Times
from vppdhc.dhc6.planning import Grant
from vppdhc.dhc6.reservations import Reservation
from vppdhc.dhc6.validation import Drop
from vppdhc.packet.dhcp6 import ALL_RELAY_AGENTS_AND_SERVERS, Message, MessageType, Options, Relay
from vppdhc.packet.ia6 import encode_ia
from vppdhc.packet.options6 import Option

_SOMEBODY: Final = 0xFE80 << 112 | 1
"""A link-local address, where it does not matter which."""


class Preview(NamedTuple):
    """The Advertise that a client would get.

    grants: the addresses and prefixes that would be advertised, with their lifetimes.
    times: T1 and T2; None where the client would get nothing.
    reservation: what is reserved for the client, whether or not it can have it.
    drop: why it would get no answer, None where it would.
    options: what it would be told about its network.
    why: why these, or why none, in words that stay the same: those of the first of Outcome.findings, or of the drop.
    """

    grants: tuple[Grant, ...]
    times: Times | None
    reservation: Reservation | None
    drop: Drop | None
    options: Options
    why: str


def solicit_of(duid: bytes, ia_id: int, hardware: bytes, link_address: int) -> Message:
    """Return the Solicit of a client that asks for an address and a prefix; see Server.preview()."""
    options: Options = [
        (Option.CLIENTID, duid),
        (Option.IA_NA, encode_ia(ia_id, 0, 0, ())),
        (Option.IA_PD, encode_ia(ia_id, 0, 0, ())),
    ]
    relays: tuple[Relay, ...] = ()
    if link_address:
        said: Options = [(Option.CLIENT_LINKLAYER_ADDR, b"\0" + hardware)] if hardware else []
        relays = (Relay(MessageType.RELAY_FORWARD, 0, link_address, _SOMEBODY, said),)
    return Message(
        MessageType.SOLICIT,
        0,
        options,
        relays,
        source_mac=hardware[1:],
        source=_SOMEBODY,
        destination=ALL_RELAY_AGENTS_AND_SERVERS,
    )
