"""What the schema cannot check of router advertisements: across the levels of the configuration, and against VPP."""

from collections.abc import Iterator, Mapping
from typing import Final

from vppdhc.interface import Interface
from vppdhc.northbound.ra_config import INTERFACE, INTERFACES, RaReading
from vppdhc.northbound.reading import Fault, Reader
from vppdhc.ra.config import InterfaceConfig

_LONGEST_INTERVAL: Final = "max-rtr-adv-interval"
_LISTS: Final = {"route": ("routes", "destination-prefix"), "pref64": ("pref64", "prefix")}
"""Lists of both levels: by name, the field of the configuration and the key."""


def across_levels(reading: RaReading, top: Reader) -> Iterator[Fault]:
    """Go through times of an interface that do not go with those that it has of ip6ndra.

    On one level the schema sees to it.
    """
    for entry in top.entries(INTERFACE):
        interface = entry.text("name")
        config = reading.config.interfaces[interface]
        for local, said in _times(config):
            message = _disorder(config, local, said)
            own = local if local.replace("-", "_") in reading.own[interface] else _LONGEST_INTERVAL
            place = entry.child(own)
            if message and place is not None:
                yield Fault(place, f"{message}: give this interface one of its own", "times-out-of-order")


def _times(config: InterfaceConfig) -> Iterator[tuple[str, int | None]]:
    yield "min-rtr-adv-interval", config.min_rtr_adv_interval
    yield "default-lifetime", config.default_lifetime
    yield "rdnss-lifetime", config.rdnss_lifetime
    yield "dnssl-lifetime", config.dnssl_lifetime


def _disorder(config: InterfaceConfig, local: str, said: int | None) -> str:
    """Say what is wrong with a time (RFC 4861, 6.2.1; RFC 8106, 5.1); empty when nothing is."""
    longest = config.max_rtr_adv_interval
    if said is None:
        return ""
    if local == "min-rtr-adv-interval":
        fits, rule = said <= 0.75 * longest, "longer than three quarters of"
    else:
        fits, rule = said == 0 or said >= longest, "shorter than"
    return "" if fits else f"{local} {said} is {rule} {_LONGEST_INTERVAL} {longest} here"


def ending_early(reading: RaReading, top: Reader) -> Iterator[Fault]:
    """Go through what hosts forget before the next advertisement tells of it again."""
    for list_, (field, key) in _LISTS.items():
        common = [one for name, one in reading.config.interfaces.items() if field not in reading.own.get(name, {})]
        longest = max((config.max_rtr_adv_interval for config in common), default=0)
        yield from _end_early(top, list_, key, "lifetime", longest)
    for entry in top.entries(INTERFACE):
        longest = reading.config.interfaces[entry.text("name")].max_rtr_adv_interval
        for list_, (_, key) in _LISTS.items():
            yield from _end_early(entry, list_, key, "lifetime", longest)
        yield from _end_early(entry.container("prefix-list"), "prefix", "prefix-spec", "valid-lifetime", longest)


def _end_early(node: Reader, list_: str, key: str, local: str, longest: int) -> Iterator[Fault]:
    """Go through the entries of a list whose lifetime is too short, and does not count down anyway."""
    for entry in node.entries(list_):
        counts_down = list_ == "prefix" and (entry.child("no-advertise") is not None or entry.flag("decrementing"))
        lifetime = entry.whole(local)
        if 0 < lifetime < longest and not counts_down:
            assert entry.element is not None
            message = f"{local} {lifetime} of {entry.text(key)} may end before the next advertisement, which comes up "
            message += f"to {longest} seconds later: lengthen it, or shorten {_LONGEST_INTERVAL}"
            yield Fault(entry.element, message, "lifetime-too-short")


def named(top: Reader) -> Iterator[tuple[Reader, str]]:
    """Go through the interfaces that the configuration names, and where."""
    for entry in top.entries(INTERFACES):
        yield entry, entry.value
    for entry in top.entries(INTERFACE):
        yield entry, entry.text("name")


def missing(top: Reader, interfaces: Mapping[str, Interface]) -> Iterator[tuple[Fault, str]]:
    """Go through interfaces that VPP has not, with their names."""
    for entry, interface in named(top):
        if interface not in interfaces:
            assert entry.element is not None
            message = f"VPP has no interface {interface}; it has {', '.join(sorted(interfaces)) or 'none'}"
            yield Fault(entry.element, message, "no-such-interface"), interface


def leading_upstream(top: Reader, clients: frozenset[str]) -> Iterator[Fault]:
    """Go through interfaces that a dhc4client is on as well; the schema refuses those of a dhc6pdclient."""
    for entry, interface in named(top):
        if interface in clients:
            assert entry.element is not None
            message = f"{interface} leads to a provider, as a dhc4client is configured there: hosts of the provider's "
            message += "network would take this router for theirs"
            yield Fault(entry.element, message, "client-and-server")
