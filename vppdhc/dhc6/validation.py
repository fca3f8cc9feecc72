"""Which messages are not even looked at (RFC 8415, 16)."""

from collections.abc import Mapping
from enum import Enum, StrEnum, auto
from types import MappingProxyType
from typing import Final

from vppdhc.dhc6.associations import IA_CODES
from vppdhc.packet import duid6, ipv6
from vppdhc.packet.dhcp6 import HOP_COUNT_LIMIT, Message, MessageType
from vppdhc.packet.options6 import Option

_MEANT_FOR_CLIENTS: Final = frozenset((MessageType.ADVERTISE, MessageType.REPLY, MessageType.RECONFIGURE))


class Drop(StrEnum):
    """Why a message has no answer, for counters and for people."""

    NOT_A_REQUEST = "not-a-request"
    """A message for clients or relay agents."""
    MESSAGE_TYPE = "message-type"
    """Of a type that servers do not get, or do not know."""
    TOO_MANY_HOPS = "too-many-hops"
    """More relay agents than there can be: a loop."""
    UNICAST = "unicast"
    """A client sent it to the server's own address; without a relay agent everything is multicast."""
    SOURCE = "source-address"
    """It came from an address that nobody can have."""
    IDENTITY = "no-client-id"
    """It has no client identifier, or none that there can be."""
    NO_SERVER_ID = "no-server-id"
    """It has no server identifier and would need one."""
    SERVER_ID = "server-id"
    """It has a server identifier and must not."""
    OTHER_SERVER = "other-server"
    """The client talks to another server."""
    ASSOCIATION = "identity-association"
    """It asks for information alone and has an identity association all the same."""
    MALFORMED = "malformed-option"
    """An option has a length that it cannot have."""
    RELAY_INFORMATION = "malformed-relay-information"
    """What a relay agent added makes no sense."""
    NOT_SERVED = "not-served"
    """The interface is not served."""
    NO_SUBNET = "no-subnet"
    """No served network goes with the interface or the relay agent."""
    NOTHING_TO_CONFIRM = "nothing-to-confirm"
    """A client wants its addresses confirmed and names none."""
    CONFLICTS = "too-many-conflicts"
    """Somebody else was found to use one address after the other."""


class RefusalError(Exception):
    """A message is dropped.

    reason: why.
    """

    def __init__(self, reason: Drop) -> None:
        super().__init__(str(reason))
        self.reason = reason


class _ServerId(Enum):
    """Whether a message names the server that it is for."""

    NEVER = auto()
    ALWAYS = auto()
    PERHAPS = auto()


_SERVER_ID: Final[Mapping[int, _ServerId]] = MappingProxyType(
    {
        MessageType.SOLICIT: _ServerId.NEVER,
        MessageType.CONFIRM: _ServerId.NEVER,
        MessageType.REBIND: _ServerId.NEVER,
        MessageType.REQUEST: _ServerId.ALWAYS,
        MessageType.RENEW: _ServerId.ALWAYS,
        MessageType.DECLINE: _ServerId.ALWAYS,
        MessageType.RELEASE: _ServerId.ALWAYS,
        MessageType.INFORMATION_REQUEST: _ServerId.PERHAPS,
    }
)
"""The messages that servers get (RFC 8415, 16.2, 16.4 to 16.9 and 16.12)."""


def validate(message: Message, server_duid: bytes) -> None:
    """Check what can be wrong with a message whoever sent it, and wherever; raises RefusalError.

    A client that is on the link sends everything to a multicast address: RFC 9915 has dropped the option by which a
    server could allow it anything else. What is not is dropped without a word.
    """
    if message.type in _MEANT_FOR_CLIENTS or (message.relays and message.relays[0].type != MessageType.RELAY_FORWARD):
        raise RefusalError(Drop.NOT_A_REQUEST)
    if any(relay.hop_count > HOP_COUNT_LIMIT for relay in message.relays):
        raise RefusalError(Drop.TOO_MANY_HOPS)
    if not message.relays and not ipv6.is_multicast(message.destination):
        raise RefusalError(Drop.UNICAST)
    if not message.source or ipv6.is_multicast(message.source):
        raise RefusalError(Drop.SOURCE)
    rule = _SERVER_ID.get(message.type)
    if rule is None:
        raise RefusalError(Drop.MESSAGE_TYPE)
    _check_server_id(message, rule, server_duid)
    _check_client_id(message)
    if message.type == MessageType.INFORMATION_REQUEST and any(code in IA_CODES for code, _ in message.options):
        raise RefusalError(Drop.ASSOCIATION)


def _check_server_id(message: Message, rule: _ServerId, server_duid: bytes) -> None:
    server_id = message.get(Option.SERVERID)
    if server_id is None:
        if rule is _ServerId.ALWAYS:
            raise RefusalError(Drop.NO_SERVER_ID)
    elif rule is _ServerId.NEVER:
        raise RefusalError(Drop.SERVER_ID)
    elif server_id != server_duid:
        raise RefusalError(Drop.OTHER_SERVER)


def _check_client_id(message: Message) -> None:
    client_id = message.get(Option.CLIENTID)
    if client_id is None:
        if message.type != MessageType.INFORMATION_REQUEST:
            raise RefusalError(Drop.IDENTITY)
    elif not duid6.SHORTEST <= len(client_id) <= duid6.LONGEST:
        raise RefusalError(Drop.IDENTITY)
