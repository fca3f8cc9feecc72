"""The types of messages, as they are counted."""

from typing import Final

from vppdhc.dhc4.parameters import MESSAGE_TYPE
from vppdhc.packet.dhcp4 import Message, MessageType

TYPE_NAMES: Final = {bytes((message_type,)): message_type.name.lower() for message_type in MessageType}
"""By option 53 as it is in a message, as enumeration members are slow to look up."""


def type_name(message: Message) -> str:
    """Name the type of a message: "bootp" for one without a type, "other" for types that are not known."""
    message_type = message.options.get(MESSAGE_TYPE)
    return "bootp" if message_type is None else TYPE_NAMES.get(message_type, "other")
