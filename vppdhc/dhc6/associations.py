"""The identity associations in a client's message (RFC 8415, 12)."""

from typing import Final, NamedTuple

from vppdhc.leases.lease6 import ADDRESS_LENGTH, Association, LeaseKind
from vppdhc.packet import dhcp6, ia6
from vppdhc.packet.dhcp6 import Message
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.options6 import Option

IA_CODES: Final = frozenset((Option.IA_NA, Option.IA_TA, Option.IA_PD))
"""Codes of the options that are one."""
_IAID: Final = 4
_MOST: Final = 64
"""Identity associations in a message, and leases in one of them: far more than any client has. What is answered to
them is longer than they are, and has to stay within bounds."""


class Asked(NamedTuple):
    """An identity association as a client sends it.

    code: Option.IA_NA, IA_TA or IA_PD.
    leases: the addresses or prefixes in it, each an integer and a length, once. What is asked for by a prefix of zeros
        is its length alone (RFC 8168, 3).
    """

    code: int
    ia_id: int
    leases: tuple[tuple[int, int], ...]

    @property
    def kind(self) -> LeaseKind:
        """What it is of; an IA_TA is of addresses."""
        return LeaseKind.PREFIX if self.code == Option.IA_PD else LeaseKind.ADDRESS

    def of(self, duid: bytes) -> Association:
        """Return it as it is known in the lease book; not for an IA_TA, which has no leases."""
        return Association(self.kind, duid, self.ia_id)


def associations(message: Message) -> tuple[Asked, ...]:
    """Read the identity associations of a message.

    Of two of the same kind and IAID, which a client cannot have (RFC 8415, 12), the first counts. T1, T2 and lifetimes
    are the server's to say (21.4 and 21.6).

    Raises DecodeError, also for more of them than any client has.
    """
    found: dict[tuple[int, int], Asked] = {}
    for code, raw in message.options:
        if code in IA_CODES:
            one = _read(code, raw)
            found.setdefault((code, one.ia_id), one)
    if len(found) > _MOST:
        raise DecodeError("dhcp6-option", 0, f"{len(found)} identity associations")
    return tuple(found.values())


def _read(code: int, raw: bytes) -> Asked:
    if code == Option.IA_TA:
        if len(raw) < _IAID:
            raise DecodeError("dhcp6-option", len(raw), f"an IA_TA of {len(raw)} bytes")
        ia_id, options = int.from_bytes(raw[:_IAID], "big"), dhcp6.split(raw, _IAID, len(raw))
    else:
        ia_id, _, _, options = ia6.decode_ia(raw)
    leases: dict[tuple[int, int], None] = {}
    for inner, value in options:
        if code == Option.IA_PD and inner == Option.IAPREFIX:
            prefix = ia6.decode_prefix(value)
            leases[prefix.prefix, prefix.length] = None
        elif code != Option.IA_PD and inner == Option.IAADDR:
            leases[ia6.decode_address(value).address, ADDRESS_LENGTH] = None
    if len(leases) > _MOST:
        raise DecodeError("dhcp6-option", 0, f"{len(leases)} addresses or prefixes in an identity association")
    return Asked(code, ia_id, tuple(leases))
