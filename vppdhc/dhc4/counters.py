"""What the shell round the DHCPv4 server counts."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from vppdhc.dhc4.parameters import MESSAGE_TYPE
from vppdhc.packet.dhcp4 import Message, MessageType

TYPE_NAMES: Final = {bytes((message_type,)): message_type.name.lower() for message_type in MessageType}
"""By option 53 as it is in a message, as enumeration members are slow to look up."""


@dataclass(slots=True)
class Counters:
    """What was counted.

    received: messages by type, such as "discover"; "bootp" for those without one, "other" for types that are not known.
    sent: replies by type, "bootp" for those to BOOTP clients.
    drops: what had no answer, by reason: of the core, of the decoder, or of this shell.
    conflicts: addresses that somebody else was found to use.
    probes: questions whether somebody uses an address, by what came of them, see probe.Result.
    omitted: options that there was no room for in a reply, by code.
    """

    received: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    drops: Counter[str] = field(default_factory=Counter)
    conflicts: int = 0
    probes: Counter[str] = field(default_factory=Counter)
    omitted: Counter[int] = field(default_factory=Counter)


def total(counts: Iterable[Counter[str]]) -> Counter[str]:
    """Return the sum of counters."""
    summed: Counter[str] = Counter()
    for count in counts:
        summed.update(count)
    return summed


def type_name(message: Message) -> str:
    """Name the type of a message."""
    message_type = message.options.get(MESSAGE_TYPE)
    return "bootp" if message_type is None else TYPE_NAMES.get(message_type, "other")
