"""What a provider tells about the network beside prefixes and addresses, for servers and router advertisements."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from vppdhc.packet.dhcp6 import Message
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.options6 import Option, decode_value

ASKED_FOR: Final = (
    Option.DNS_SERVERS,
    Option.DOMAIN_SEARCH,
    Option.NTP_SERVER,
    Option.SNTP_SERVERS,
    Option.AFTR_NAME,
    Option.V6_CAPTIVE_PORTAL,
)
"""Options that the client asks for so that others can use them."""
_ABOUT_THE_LEASE: Final = frozenset((*range(1, 10), *range(11, 15), 18, 19, 20, 25, 26, 32, 66, 67, 82, 83))
"""Options that client, relay agent and server exchange for themselves."""


def read_learned(message: Message) -> Mapping[int, bytes]:
    """Return every option that tells something about the network and can be read, as it was sent, by its code.

    Of options that come more than once, the first one counts; but each NTP server has an option of its own (RFC 5908,
    4), and what they hold is joined.
    """
    learned: dict[int, bytes] = {}
    for code, raw in message.options:
        if code in _ABOUT_THE_LEASE or (code in learned and code != Option.NTP_SERVER):
            continue
        try:
            decode_value(code, raw)
        except DecodeError:
            continue
        learned[code] = learned.get(code, b"") + raw
    return MappingProxyType(learned)
