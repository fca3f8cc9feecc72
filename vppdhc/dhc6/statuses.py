"""What clients are told when they do not get what they want, or when all is well (RFC 8415, 21.13)."""

from enum import Enum

from vppdhc.packet.dhcp6 import StatusCode
from vppdhc.packet.ia6 import encode_status
from vppdhc.packet.options6 import Option


class Status(Enum):
    """A status of a message or of an identity association: its code, and the text for people that goes with it."""

    RELEASED = StatusCode.SUCCESS, "released"
    DECLINED = StatusCode.SUCCESS, "declined"
    ON_LINK = StatusCode.SUCCESS, "all addresses fit the link"
    NOT_ON_LINK = StatusCode.NOT_ON_LINK, "an address does not fit the link"
    NO_ADDRESS = StatusCode.NO_ADDRS_AVAIL, "no address is free"
    NO_TEMPORARY_ADDRESS = StatusCode.NO_ADDRS_AVAIL, "temporary addresses are not given out"
    NO_PREFIX = StatusCode.NO_PREFIX_AVAIL, "no prefix is free"
    NO_BINDING = StatusCode.NO_BINDING, "there is no such binding"
    TOO_MANY = StatusCode.UNSPEC_FAIL, "too many identity associations in one message"

    @property
    def code(self) -> StatusCode:
        """The status code."""
        return self.value[0]

    @property
    def text(self) -> str:
        """What it means, for people."""
        return self.value[1]

    @property
    def option(self) -> tuple[int, bytes]:
        """The status code option."""
        return Option.STATUS_CODE, encode_status(self.code, self.text)
