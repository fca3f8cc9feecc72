"""What the client asks for: as it is configured, or as the flags of the provider's router say.

The managed flag (M) says that DHCPv6 gives addresses, the other flag (O) that it gives information (RFC 4861, 4.2).
Nothing says whether prefixes are; a router asks for them where either flag is set (RFC 7084, WPD-4).
"""

from typing import Final, NamedTuple

from vppdhc.dhc6pdclient.bindings import IaKey, IaType
from vppdhc.dhc6pdclient.config import ClientConfig, Mode


class Flags(NamedTuple):
    """The flags of the router advertisements that are in force."""

    managed: bool
    other: bool


class Demand(NamedTuple):
    """What to ask for. keys: identity associations; without any, information alone, if that is wanted."""

    keys: tuple[IaKey, ...]
    information: bool


NOTHING: Final = Demand((), information=False)


def demand(config: ClientConfig, flags: Flags | None) -> Demand | None:
    """Return what to ask for; None where that is for a router to say which has not been heard yet.

    flags: None where no router has been heard.
    """
    if config.mode is not Mode.AUTO:
        return everything(config)
    if flags is None:
        return None
    if not flags.managed and not flags.other:
        return NOTHING
    keys = tuple(key for key in config.keys if flags.managed or key.type is IaType.PD)
    return Demand(keys, information=True)


def everything(config: ClientConfig) -> Demand:
    """Return all that is configured: also what is asked for where there is no router that could say what to ask for."""
    return Demand(() if config.mode is Mode.STATELESS else config.keys, information=True)
