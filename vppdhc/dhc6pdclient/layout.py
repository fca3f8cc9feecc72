"""All that follows from the delegated prefixes of one client, in one step.

A renumbering is one step, too: what is new, and what has gone, are in one layout, so that neither VPP nor hosts ever
see half of it.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Network
from types import MappingProxyType

from vppdhc.dhc6pdclient.bindings import Bindings
from vppdhc.dhc6pdclient.config import ClientConfig
from vppdhc.dhc6pdclient.memory import NO_MEMORY, Memory, remember
from vppdhc.dhc6pdclient.needs import AdvertisedPrefix, advertised, needs
from vppdhc.dhc6pdclient.nptv6 import Choice, Translation, choose
from vppdhc.dhc6pdclient.prefixes import OnwardPrefix, delegations_of, usable
from vppdhc.dhc6pdclient.subprefixes import Assignment, divide, onward
from vppdhc.interface import Interface
from vppdhc.vpp.items import Item


@dataclass(frozen=True, slots=True)
class Layout:
    """What there is for the prefixes of a client.

    translation: by NPTv6; None without. assignments: what LANs have.
    items: all that is to be in VPP.
    advertised: what the hosts of each LAN are to hear, by its interface; also of what the LAN had.
    onward: what routers behind this one can have.
    problems: what is wrong, in words.
    memory: what the next layout has to know of this one.
    """

    translation: Translation | None = None
    assignments: tuple[Assignment, ...] = ()
    items: tuple[Item, ...] = ()
    advertised: Mapping[str, tuple[AdvertisedPrefix, ...]] = field(default_factory=lambda: MappingProxyType({}))
    onward: tuple[OnwardPrefix, ...] = ()
    problems: tuple[str, ...] = ()
    memory: Memory = NO_MEMORY


def lay_out(
    config: ClientConfig,
    interface: Interface,
    bindings: Bindings,
    before: Memory,
    now: float,
    handed_on: Collection[IPv6Network] = (),
) -> Layout:
    """Return all that follows from what a client has now.

    interface: to the provider. bindings: whole. before: the memory of the layout until now. now: CLOCK_BOOTTIME.
    handed_on: what routers behind this one have of the prefixes.
    It is to be called when any of them has changed, and when time alone changes it: see next_change().
    """
    found, problems = usable(delegations_of(bindings), now)
    table = interface.table6 if config.route_table is None else config.route_table
    choice = Choice(None, ())
    if config.npt66 and config.internal_prefix is not None:
        choice = choose(config.internal_prefix, found, now, before.external)
    external = None if choice.translation is None else choice.translation.external
    division = divide(found, config.lans, before, handed_on)
    memory = remember(before, external, division.assignments, (lan.interface for lan in config.lans), now)
    return Layout(
        translation=choice.translation,
        assignments=division.assignments,
        items=tuple(needs(interface.name, table, found, division.assignments, choice.translation)),
        advertised=MappingProxyType(advertised(division.assignments, memory.stale(now))),
        onward=tuple(onward(one, division.assignments, external) for one in found),
        problems=(*problems, *choice.problems, *division.problems),
        memory=memory,
    )


def next_change(bindings: Bindings, layout: Layout, now: float) -> float:
    """Return when time alone changes the layout next, CLOCK_BOOTTIME; infinity for never."""
    delegations = delegations_of(bindings)
    ends = [instant for one in delegations for instant in (one.preferred_until, one.valid_until)]
    ends += [one.until for one in layout.memory.stale(now)]
    return min((instant for instant in ends if instant > now), default=math.inf)
