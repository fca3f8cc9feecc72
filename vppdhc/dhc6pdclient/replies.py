"""Which messages of servers are believed (RFC 8415, 16.3 and 16.10)."""

from typing import Final, NamedTuple

from vppdhc.dhc6pdclient.bindings import IaKey, ReconfigureKey
from vppdhc.dhc6pdclient.drops import Drop, DropError
from vppdhc.dhc6pdclient.grants import Grant, read_grants
from vppdhc.packet import auth6, duid6
from vppdhc.packet.dhcp6 import Message, MessageType, StatusCode
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.ia6 import Status, decode_status
from vppdhc.packet.options6 import Option

HIGHEST_PREFERENCE: Final = 255
"""The preference of a server that is to be chosen at once (RFC 8415, 18.2.1)."""
_ANSWERS: Final = frozenset((MessageType.ADVERTISE, MessageType.REPLY))
_MAX_RT: Final = (60, 86_400)
"""What SOL_MAX_RT and INF_MAX_RT may be, in seconds (RFC 8415, 21.24 and 21.25)."""
_OF_ASSOCIATIONS: Final = frozenset(
    (StatusCode.NO_BINDING, StatusCode.NOT_ON_LINK, StatusCode.NO_ADDRS_AVAIL, StatusCode.NO_PREFIX_AVAIL)
)


class Reply(NamedTuple):
    """An Advertise or a Reply.

    server: its DUID. status: that of the whole message. preference: 0 to 255.
    grants: what it says of identity associations. faults: what of that was left aside, and why.
    """

    type: MessageType
    server: bytes
    message: Message
    status: Status
    preference: int
    grants: dict[IaKey, Grant]
    faults: list[Drop]

    @property
    def failed(self) -> bool:
        """Whether it only says that the server could not do what it was asked for, in no way that helps.

        UnspecFail is one of these (RFC 8415, 18.2.10). So is UseMulticast, which RFC 9915 has dropped: this client has
        never sent anything else.
        """
        return self.status.code != StatusCode.SUCCESS and self.status.code not in _OF_ASSOCIATIONS

    @property
    def rapid(self) -> bool:
        """Whether it has the Rapid Commit option."""
        return self.message.get(Option.RAPID_COMMIT) is not None

    def grant(self, key: IaKey) -> Grant | None:
        """Return what it says of an association, None where it says nothing.

        A status of the whole message that is about associations is that of each which has none of its own: servers of
        old say NoBinding only once.
        """
        own = self.grants.get(key)
        if own is None and self.status.code in _OF_ASSOCIATIONS:
            return Grant(0, 0, self.status, ())
        return own

    def seconds(self, code: Option) -> int | None:
        """Return an option of 32 bits, None without it or with another size."""
        raw = self.message.get(code)
        return None if raw is None or len(raw) != 4 else int.from_bytes(raw, "big")

    def max_rt(self, code: Option) -> int | None:
        """Return SOL_MAX_RT or INF_MAX_RT in seconds; None without, or where it is out of its range."""
        seconds = self.seconds(code)
        return seconds if seconds is not None and _MAX_RT[0] <= seconds <= _MAX_RT[1] else None

    @property
    def key(self) -> ReconfigureKey | None:
        """The key that it gives for Reconfigure messages (RFC 8415, 20.4.2)."""
        raw = self.message.get(Option.AUTH)
        try:
            auth = None if raw is None else auth6.decode(raw)
        except DecodeError:
            return None
        key = None if auth is None else auth6.key_of(auth)
        return None if auth is None or key is None else ReconfigureKey(self.server, key, auth.replay_detection)


def read_reply(message: Message, duid: bytes, xid: int) -> Reply:
    """Return the Advertise or Reply that a message is, if it answers a message of ours.

    duid, xid: of that message.
    Raises DropError with the reason why it is not believed.
    """
    if message.type not in _ANSWERS or message.relays:
        raise DropError(Drop.UNEXPECTED)
    if message.transaction_id != xid:
        raise DropError(Drop.WRONG_XID)
    server = check_identifiers(message, duid)
    try:
        status = decode_status(message.get(Option.STATUS_CODE))
    except DecodeError as error:
        raise DropError(error.kind) from None
    preference = message.get(Option.PREFERENCE) or b"\0"
    grants = read_grants(message)
    return Reply(MessageType(message.type), server, message, status, preference[0], grants.by_key, grants.faults)


def check_identifiers(message: Message, duid: bytes) -> bytes:
    """Return the DUID of the server that a message is of, if it is for us; raises DropError."""
    client_id = message.get(Option.CLIENTID)
    if client_id is None:
        raise DropError(Drop.NO_CLIENT_ID)
    if client_id != duid:
        raise DropError(Drop.WRONG_CLIENT_ID)
    server = message.get(Option.SERVERID)
    if server is None:
        raise DropError(Drop.NO_SERVER)
    if not duid6.SHORTEST <= len(server) <= duid6.LONGEST:
        raise DropError(Drop.BAD_SERVER)
    return server
