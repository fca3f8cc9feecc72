"""Which LAN gets which part of a delegated prefix (RFC 7084, 4.3)."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Interface, IPv6Network
from typing import Final, NamedTuple

from vppdhc.dhc6pdclient.config import Lan
from vppdhc.dhc6pdclient.prefixes import Delegation, OnwardPrefix, Space, number_of, part, without

_BITS: Final = 128
_INTERFACE_ID: Final = 64
_ANYCAST: Final = 128
"""Addresses at the end of a subnet that are anycast addresses (RFC 2526, 2)."""
_RESERVED: Final = (
    (0, 0),  # subnet-router anycast (RFC 4291, 2.6.1)
    (0x02005EFFFE000000, 0x02005EFFFEFFFFFF),  # IANA's Ethernet block, with proxy mobile IPv6
    (0xFDFFFFFFFFFFFF80, 0xFDFFFFFFFFFFFFFF),  # subnet anycast (RFC 2526)
)
"""First and last of the interface ids that no host may have (RFC 5453, 3)."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A part of a delegated prefix on a LAN.

    interface: of the LAN. address: the router's own in it, with the length of the part.
    """

    interface: str
    delegation: Delegation
    address: IPv6Interface

    @property
    def prefix(self) -> IPv6Network:
        """The part."""
        return self.address.network


@dataclass(frozen=True, slots=True)
class LanPrefix:
    """A part of a delegated prefix that a LAN has, or had: what is remembered of an assignment.

    ia_id, delegated: the delegation.
    until: when nobody may believe in it any more; CLOCK_BOOTTIME, infinity for never.
    """

    interface: str
    ia_id: int
    delegated: IPv6Network
    prefix: IPv6Network
    until: float


def why_no_interface_id(lan: Lan) -> str:
    """Return why the router cannot have the interface id of a LAN, and what to do; empty where it can.

    The list of RFC 5453 is of ids of 64 bits. In a longer prefix the first address is anycast too, and the last ones
    where there are more than those (RFC 2526, 2).
    """
    reason = _why_no_number(int(lan.interface_id), lan.prefix_length)
    return f"interface-id {lan.interface_id} of {lan.interface} {reason}: give another one" if reason else ""


def is_reserved(interface_id: int) -> bool:
    """Tell whether no host may have an interface id of 64 bits (RFC 5453)."""
    return any(first <= interface_id <= last for first, last in _RESERVED)


class Division(NamedTuple):
    """What the LANs get, and why some get nothing."""

    assignments: tuple[Assignment, ...]
    problems: tuple[str, ...]


def divide(
    delegations: Sequence[Delegation],
    lans: Sequence[Lan],
    before: Iterable[LanPrefix] = (),
    handed_on: Collection[IPv6Network] = (),
) -> Division:
    """Give each LAN its part of each delegation that it is to have one of.

    delegations: those that can be used, see usable().
    lans: in the order in which they get what is free, each interface once.
    before: what the LANs have and had, the latest first. A LAN keeps the number that it had in a prefix, else in
        another one of the same IA, as long as its length is the same and nobody is configured to have it: neither
        other LANs nor a renumbering change it more than they have to.
    handed_on: what routers behind this one have, which no LAN gets.
    """
    had = list(before)[::-1]
    assignments: list[Assignment] = []
    problems = [reason for reason in map(why_no_interface_id, lans) if reason]
    problems += _without_delegation(delegations, lans)
    able = [lan for lan in lans if not why_no_interface_id(lan)]
    for delegation in delegations:
        wanting = [lan for lan in able if lan.ia_id in (None, delegation.ia_id)]
        found, missed = _divide_one(delegation, wanting, _numbers(delegation, had), handed_on)
        assignments += found
        problems += missed
    return Division(tuple(assignments), tuple(problems))


def _without_delegation(delegations: Sequence[Delegation], lans: Iterable[Lan]) -> Iterator[str]:
    """Tell of LANs that wait for one delegation while there are others."""
    present = {delegation.ia_id for delegation in delegations}
    for lan in lans:
        if present and lan.ia_id is not None and lan.ia_id not in present:
            yield f"{lan.interface} gets no prefix: there is none for ia-pd {lan.ia_id}"


def _numbers(delegation: Delegation, before: Iterable[LanPrefix]) -> dict[tuple[str, int], int]:
    """Return the numbers that LANs had in a delegation, else in another one of its IA, by interface and length.

    before: the latest last.
    """
    alike = [one for one in before if one.ia_id == delegation.ia_id]
    alike.sort(key=lambda one: one.delegated == delegation.prefix)
    return {(one.interface, one.prefix.prefixlen): number_of(one.delegated, one.prefix) for one in alike}


def onward(delegation: Delegation, assignments: Iterable[Assignment], external: IPv6Network | None) -> OnwardPrefix:
    """Return what routers behind this one can have of a delegation; external: what is translated, None without."""
    taken = [one.prefix for one in assignments if one.prefix.subnet_of(delegation.prefix)]
    taken += [one for one in (delegation.excluded, external) if one is not None and one.overlaps(delegation.prefix)]
    return OnwardPrefix(delegation.prefix, tuple(taken), delegation.preferred_until, delegation.valid_until)


def _divide_one(
    delegation: Delegation,
    lans: Sequence[Lan],
    numbers: Mapping[tuple[str, int], int],
    handed_on: Collection[IPv6Network],
) -> Division:
    """Divide one delegation: first those with a configured number, then those that had one, then the others."""
    space = Space(delegation.prefix)
    if delegation.excluded is not None:
        space.take(delegation.excluded, "the provider's link")
    for given in sorted(handed_on, key=_prefix_length):  # one may be within another, which goes first
        _hand_on(delegation, given, space)
    chosen: dict[str, IPv6Network] = {}
    problems = []
    for lan in [lan for lan in lans if lan.subnet_id is not None]:
        try:
            chosen[lan.interface] = _configured(delegation.prefix, lan, space)
        except _NoPartError as error:
            problems.append(f"{lan.interface} gets no prefix: {error}")
    free = [lan for lan in lans if lan.subnet_id is None]
    for lan in free:
        kept = _kept(delegation.prefix, lan, space, numbers.get((lan.interface, lan.prefix_length)))
        if kept is not None:
            chosen[lan.interface] = kept
    for lan in [lan for lan in free if lan.interface not in chosen]:
        network = space.first_free(lan.prefix_length)
        if network is None:
            problems.append(f"{lan.interface} gets no prefix: {_too_small(delegation.prefix, lan)}")
        else:
            space.take(network, lan.interface)
            chosen[lan.interface] = network
    found = [
        Assignment(lan.interface, delegation, _address(lan, chosen[lan.interface]))
        for lan in lans
        if lan.interface in chosen
    ]
    return Division(tuple(found), tuple(problems))


def _hand_on(delegation: Delegation, given: IPv6Network, space: Space) -> None:
    """Take what a router has of a delegation, where it has any."""
    if not given.overlaps(delegation.prefix):
        return
    networks: Iterable[IPv6Network] = [given if given.subnet_of(delegation.prefix) else delegation.prefix]
    if delegation.excluded is not None:
        networks = without(networks, delegation.excluded)
    for network in networks:
        if space.holder(network) is None:
            space.take(network, "a router that it is delegated to")


def _prefix_length(network: IPv6Network) -> int:
    return network.prefixlen


class _NoPartError(Exception):
    """A part that a LAN cannot have."""


def _configured(prefix: IPv6Network, lan: Lan, space: Space) -> IPv6Network:
    """Take the part that a LAN is configured to have; raises _NoPartError."""
    assert lan.subnet_id is not None
    count = _count(prefix, lan.prefix_length)
    if lan.subnet_id >= count:
        raise _NoPartError(
            f"{prefix} has no /{lan.prefix_length} with subnet-id {lan.subnet_id}, the last one is {count - 1}: give a "
            "lower one, or ask the provider for a larger prefix (prefix-length-hint)"
            if count
            else _too_small(prefix, lan)
        )
    network = part(prefix, lan.prefix_length, lan.subnet_id)
    holder = space.holder(network)
    if holder is not None:
        raise _NoPartError(
            f"{network}, with subnet-id {lan.subnet_id}, overlaps {holder[0]} of {holder[1]}: give another one"
        )
    space.take(network, lan.interface)
    return network


def _kept(prefix: IPv6Network, lan: Lan, space: Space, number: int | None) -> IPv6Network | None:
    """Take the part with the number that a LAN had, where that is there and free."""
    if number is None or number >= _count(prefix, lan.prefix_length):
        return None
    network = part(prefix, lan.prefix_length, number)
    if space.holder(network) is not None:
        return None
    space.take(network, lan.interface)
    return network


def _count(prefix: IPv6Network, length: int) -> int:
    """Return how many parts of a length a prefix has."""
    return 1 << (length - prefix.prefixlen) if length >= prefix.prefixlen else 0


def _too_small(prefix: IPv6Network, lan: Lan) -> str:
    """Say that a prefix does not suffice (RFC 7084, WPD-3)."""
    return (
        f"{prefix} has no /{lan.prefix_length} left: ask the provider for a larger prefix (prefix-length-hint), or "
        "name fewer LANs"
    )


def _address(lan: Lan, network: IPv6Network) -> IPv6Interface:
    return IPv6Interface((int(network.network_address) | int(lan.interface_id), network.prefixlen))


def _why_no_number(number: int, length: int) -> str:
    bits = min(_BITS - length, _INTERFACE_ID)
    if number >> bits:
        return f"has more than {bits} bits"
    ends = number == 0 or number >= (1 << bits) - _ANYCAST > 0
    reserved = is_reserved(number) if bits == _INTERFACE_ID else ends
    return "is reserved (RFC 5453)" if reserved else ""
