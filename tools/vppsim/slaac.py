"""What a simulated host makes of router advertisements: default routers, prefixes, and addresses of its own."""

import struct
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from tools.vppsim.addresses import Prefix, text
from tools.vppsim.packets import ADVERTISEMENT_OPTIONS, AdvertisedPrefix, advertised_prefixes, options

_REMEMBERED: Final = 100
"""Router advertisements that are shown."""
ON_LINK, AUTONOMOUS = 0x80, 0x40
MANAGED, OTHER = 0x80, 0x40
_INTERFACE_ID_BITS: Final = 64
_TWO_HOURS: Final = 7200


@dataclass(slots=True)
class Held:
    """A prefix of a router. Times are those of the clock that advertisements are heard by."""

    prefix: Prefix
    on_link_until: float
    preferred_until: float
    valid_until: float


class View:
    """The links of RFC 4861, section 6.3.4, and the addresses of RFC 4862, section 5.5.3, without its section 5.4.

    interface_id: lower part of the addresses.
    """

    def __init__(self, interface_id: int) -> None:
        self._interface_id = interface_id
        self._routers: dict[int, float] = {}
        self._prefixes: dict[Prefix, Held] = {}
        self._heard: deque[dict[str, Any]] = deque(maxlen=_REMEMBERED)

    def heard(self, router: int, message: bytes, now: float) -> None:
        """Take a router advertisement. message: the ICMPv6 message, of at least 16 bytes."""
        flags, lifetime = struct.unpack_from(">BH", message, 5)
        prefixes = advertised_prefixes(message)
        self._routers[router] = now + lifetime
        for one in prefixes:
            if one.length <= 128 and one.preferred <= one.valid:
                self._prefix(one, now)
        self._heard.append(
            {
                "router": text(6, router),
                "lifetime": lifetime,
                "managed": bool(flags & MANAGED),
                "other": bool(flags & OTHER),
                "prefixes": [_shown(one) for one in prefixes],
                "options": [[kind, body.hex()] for kind, body in options(message, ADVERTISEMENT_OPTIONS)],
            }
        )

    def _prefix(self, told: AdvertisedPrefix, now: float) -> None:
        prefix = Prefix(6, told.address, told.length).network()
        held = self._prefixes.setdefault(prefix, Held(prefix, now, now, now))
        if told.flags & ON_LINK:
            held.on_link_until = now + told.valid
        if told.flags & AUTONOMOUS and told.length == _INTERFACE_ID_BITS and (told.valid or held.valid_until > now):
            held.preferred_until = now + told.preferred
            held.valid_until = now + _believed(told.valid, held.valid_until - now)

    def addresses(self, now: float) -> list[Held]:
        """Return the prefixes that it has an address in, those that are preferred first."""
        valid = [held for held in self._prefixes.values() if held.valid_until > now]
        return sorted(valid, key=lambda held: held.preferred_until <= now)

    def address_in(self, held: Held) -> int:
        """Return its address in a prefix."""
        return held.prefix.address | self._interface_id

    def default_router(self, now: float) -> int | None:
        """Return a router that is one by default, None without."""
        return next((router for router, until in self._routers.items() if until > now), None)

    def is_on_link(self, address: int, now: float) -> bool:
        """Tell whether an address is a neighbour's."""
        return any(held.on_link_until > now and held.prefix.holds(address) for held in self._prefixes.values())

    def show(self, now: float) -> dict[str, Any]:
        """Return the default routers and the addresses of now, and what was heard, the newest last."""
        return {
            "default-routers": {
                text(6, router): round(until - now, 1) for router, until in self._routers.items() if until > now
            },
            "addresses": {
                text(6, self.address_in(held)): {
                    "preferred": round(max(0.0, held.preferred_until - now), 1),
                    "valid": round(held.valid_until - now, 1),
                }
                for held in self.addresses(now)
            },
            "advertisements": list(self._heard),
        }


def _believed(valid: int, remaining: float) -> float:
    """Return the valid lifetime of an address after an advertisement (RFC 4862, 5.5.3 e)."""
    if valid > _TWO_HOURS or valid > remaining:
        return valid
    return remaining if remaining <= _TWO_HOURS else _TWO_HOURS


def _shown(told: AdvertisedPrefix) -> dict[str, Any]:
    return {
        "prefix": f"{text(6, told.address)}/{told.length}",
        "on-link": bool(told.flags & ON_LINK),
        "autonomous": bool(told.flags & AUTONOMOUS),
        "valid": told.valid,
        "preferred": told.preferred,
    }
