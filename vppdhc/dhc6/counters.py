"""The types of messages, as they are counted and shown."""

from collections.abc import Iterator
from typing import Final

from vppdhc.packet.dhcp6 import Message, MessageType

_TYPE_NAMES: Final = {int(one): one.name.lower().replace("_", "-") for one in MessageType}


def type_name(message_type: int) -> str:
    """Name a type of messages, "other" where it is not known."""
    return _TYPE_NAMES.get(message_type, "other")


def type_names(message: Message) -> Iterator[str]:
    """Give the types that a message is counted as: that of the client's, and that of a relay message around it."""
    yield type_name(message.type)
    if message.relays:
        yield type_name(message.relays[0].type)
