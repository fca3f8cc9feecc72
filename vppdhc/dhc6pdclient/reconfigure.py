"""Which Reconfigure messages are believed (RFC 8415, 16.11, 18.2.11 and 20.4)."""

from typing import Final

from vppdhc.dhc6pdclient.bindings import ReconfigureKey
from vppdhc.dhc6pdclient.drops import Drop, DropError
from vppdhc.dhc6pdclient.replies import check_identifiers
from vppdhc.packet import auth6, ipv6
from vppdhc.packet.dhcp6 import Message, MessageType
from vppdhc.packet.options6 import Option

_WANTED: Final = frozenset((MessageType.RENEW, MessageType.REBIND, MessageType.INFORMATION_REQUEST))


def check_reconfigure(message: Message, duid: bytes, key: ReconfigureKey | None) -> tuple[MessageType, ReconfigureKey]:
    """Return which message a Reconfigure asks for, and the key with the replay detection value that was used now.

    duid: the client's. key: that of its server, None where it gave none.
    Raises DropError with the reason why it is not believed.
    """
    server = check_identifiers(message, duid)
    wanted = message.get(Option.RECONF_MSG) or b""
    if message.relays or ipv6.is_multicast(message.destination) or len(wanted) != 1 or wanted[0] not in _WANTED:
        raise DropError(Drop.BAD_RECONFIGURE)
    if key is None:
        raise DropError(Drop.NOT_AUTHENTIC)
    auth = auth6.verify(message, key.key)
    if auth is None or server != key.server or auth.replay_detection <= key.replay:
        raise DropError(Drop.NOT_AUTHENTIC)
    return MessageType(wanted[0]), key._replace(replay=auth.replay_detection)
