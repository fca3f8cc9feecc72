"""When a message is repeated, and when that has gone on for long enough (RFC 8415, 7.6 and 15)."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import Final

from vppdhc.packet.dhcp6 import MessageType

_SPREAD: Final = 0.1
"""RAND is within -0.1 and 0.1."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """How a message is repeated. In seconds, mrc a number; 0 is without limit.

    irt: initial retransmission time. mrt: maximum retransmission time. mrc: maximum retransmission count, which counts
    transmissions. mrd: maximum retransmission duration.
    max_delay: longest random wait before the first transmission.
    longer: whether the first wait is longer than IRT in any case (RFC 8415, 18.2.1).
    """

    irt: float
    mrt: float = 0.0
    mrc: int = 0
    mrd: float = 0.0
    max_delay: float = 0.0
    longer: bool = False


CONFIRM: Final = Parameters(irt=1, mrt=4, mrd=10, max_delay=1)
"""Also for the Rebind that asks whether prefixes are good on this link still (RFC 8415, 18.2.12)."""

PARAMETERS: Final[Mapping[MessageType, Parameters]] = MappingProxyType(
    {
        MessageType.SOLICIT: Parameters(irt=1, mrt=3600, max_delay=1, longer=True),
        MessageType.REQUEST: Parameters(irt=1, mrt=30, mrc=10),
        MessageType.CONFIRM: CONFIRM,
        MessageType.RENEW: Parameters(irt=10, mrt=600),
        MessageType.REBIND: Parameters(irt=10, mrt=600),
        MessageType.INFORMATION_REQUEST: Parameters(irt=1, mrt=3600, max_delay=1),
        MessageType.RELEASE: Parameters(irt=1, mrc=4),
        MessageType.DECLINE: Parameters(irt=1, mrc=4),
    }
)
"""RFC 8415, 7.6. How long Renew and Rebind go on depends on the lease, and is for their caller to say."""


def next_wait(parameters: Parameters, previous: float, random: Random) -> float:
    """Return RT: the seconds to wait behind a transmission.

    previous: RT of the transmission before; 0 for the first one.
    """
    if not previous:
        share = 1 - random.random() if parameters.longer else random.uniform(-1, 1)
        return parameters.irt * (1 + _SPREAD * share)
    wait = previous * (2 + random.uniform(-_SPREAD, _SPREAD))
    if parameters.mrt and wait > parameters.mrt:
        return parameters.mrt * (1 + random.uniform(-_SPREAD, _SPREAD))
    return wait
