"""Which messages of servers are believed."""

from collections.abc import Iterable
from ipaddress import IPv4Address
from typing import Final, NamedTuple

from vppdhc.dhc4client.drops import Drop, DropError
from vppdhc.dhc4client.identity import Identity
from vppdhc.dhc4client.terms import Terms, read_server, read_terms, v6_only_wait
from vppdhc.packet.dhcp4 import BOOTREPLY, Message, MessageType, receive
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.options4 import Option

_ETHERNET: Final = 1
_TYPES: Final = frozenset((MessageType.OFFER, MessageType.ACK, MessageType.NAK))


class Reply(NamedTuple):
    """An OFFER, ACK or NAK.

    terms: what it grants; None for a NAK, and for an OFFER that only says that no address is needed (RFC 8925, 3.3).
    """

    type: MessageType
    server: IPv4Address
    message: Message
    terms: Terms | None


def read_reply(datagram: bytes, identity: Identity, xid: int, *, v6_only: bool = False) -> Reply:
    """Return the reply that a datagram of the punt socket holds, if it answers a message of ours.

    identity, xid: of that message. v6_only: whether it said that the client can do without an address (RFC 8925).
    Raises DropError with the reason why it is not believed.
    """
    try:
        message = receive(datagram)
    except DecodeError as error:
        raise DropError(error.kind) from None
    if message.op != BOOTREPLY:
        raise DropError(Drop.NOT_A_REPLY)
    if message.xid != xid:
        raise DropError(Drop.WRONG_XID)
    if message.htype != _ETHERNET or message.chaddr != identity.mac:
        raise DropError(Drop.WRONG_HARDWARE)
    if message.options.get(Option.DHCP_CLIENT_IDENTIFIER, identity.client_id) != identity.client_id:
        raise DropError(Drop.WRONG_CLIENT_ID)
    if message.type is None:
        raise DropError(Drop.NO_TYPE)
    if message.type not in _TYPES:
        raise DropError(Drop.UNEXPECTED)
    if message.type is MessageType.NAK or (v6_only and _offers_none(message)):
        return Reply(message.type, read_server(message), message, None)
    terms = read_terms(message)
    return Reply(message.type, terms.server, message, terms)


def best_offer(offers: Iterable[Reply], wish: IPv4Address | None, failed: IPv4Address | None) -> Terms:
    """Return the best of what is offered: the address that we wish, else the longest lease, else the first.

    offers: at least one that grants something. failed: a server that did not keep what it offered; it comes last.
    """
    granted = (offer.terms for offer in offers if offer.terms is not None)
    return max(granted, key=lambda terms: (terms.server != failed, terms.address.ip == wish, terms.lease_time))


def _offers_none(message: Message) -> bool:
    """Whether an OFFER has no address, as the network needs none (RFC 8925, 3.3)."""
    return message.type is MessageType.OFFER and not message.yiaddr and v6_only_wait(message) is not None
