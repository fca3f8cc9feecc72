"""Why a client got what it got, in a sentence, and what to do about it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from vppdhc.dhc4.allocation import Why
from vppdhc.dhc4.events import EventKind
from vppdhc.dhc4.heard import Decision, Exchange
from vppdhc.dhc4.reply import Nak
from vppdhc.dhc4.request import Drop
from vppdhc.packet.text import address_text

_GIVEN: Final[Mapping[str, str]] = {
    Why.RESERVATION: "{Address} is reserved for the client.",
    Why.LEASE: "The client has a lease of {address} and keeps it.",
    Why.LAST_LEASE: "The client had {address} before, and nobody else has needed it since.",
    Why.OFFER: "The client was offered {address} a moment ago.",
    Why.WISH: "The client asked for {address}, and nobody else has it.",
    Why.HASH: "{Address} is the one that the hash of the client's hardware address leads to, or the first free one "
    "after it.",
    Why.OLDEST_ENDED: "Every address of the pool was taken. {Address} was the one whose lease had ended before all "
    "others. With a larger pool clients keep their addresses for longer.",
    EventKind.RELEASED: "The client gave {address} back.",
    EventKind.DECLINED: "The client found that somebody else uses {address}. Nobody gets it for 'probation-time'. Find "
    "the host that uses it without a lease; 'clear-leases' ends the probation.",
    "has an address of its own": "The client has {address} by other means and only asked for options.",
    "needs no address": "Client and network can do without IPv4 (option 108), so the client was offered none. Take "
    "'v6-only-wait' away if it has to have one.",
}
"""Of what clients got."""

_REFUSED: Final[Mapping[str, str]] = {
    Nak.WRONG_NETWORK: "The client wants {address}, which is in no network that is served on {interface}. It has "
    "moved, or the network's addresses have changed. It asks for another address now.",
    Nak.RESERVED: "The client wants {address}, but another address is reserved for it, and "
    "free. It asks again now and gets that one. Change the 'host-reservation' if it should not.",
    Nak.OTHER_ADDRESS: "The client wants {address}, but was given another one on {interface}, and has to keep "
    "to that. It asks again now and gets it; 'clear-leases' makes the server forget it.",
    Nak.NOT_AVAILABLE: "The client wants {address}, which is reserved for or leased to somebody else, in "
    "probation, or in no pool. It asks for another one now.",
}
"""Of what clients were refused (DHCPNAK)."""

_DROPPED: Final[Mapping[str, str]] = {
    Drop.NOT_A_REQUEST: "It was a message for clients, not from one. Find the DHCP server or relay agent on "
    "{interface} that sends to port 67.",
    Drop.TOO_MANY_HOPS: "It has come by more relay agents than there can be. Look for a loop of relay agents.",
    Drop.MESSAGE_TYPE: "It is of a type that servers do not get, or do not know. The client, or what calls itself one, "
    "is not in order.",
    Drop.IDENTITY: "It has neither a client identifier nor a hardware address, so there is nobody to give an address "
    "to.",
    Drop.HARDWARE: "No station can have its hardware address: it is zero, of a group, or of the wrong length. Correct "
    "it in the client.",
    Drop.MALFORMED: "One of its options has the wrong length, or one is missing without which it means nothing. "
    "'capture' shows the message; the client is not in order.",
    Drop.RELAY_INFORMATION: "What the relay agent added to it (option 82) makes no sense. 'capture' shows the message; "
    "the relay agent is not in order.",
    Drop.NOT_SERVED: "{Interface} is not served. It needs an IPv4 address, and where 'interfaces' or 'interface' are "
    "configured, it has to be among them; an interface with a client of the router on it is served only then.",
    Drop.NO_SUBNET: "No network is served that the client can be in. One on {interface} needs an IPv4 address of the "
    "router; one behind a relay agent a 'subnet' that has the relay agent's address in it or as 'relay-address'.",
    Drop.OTHER_SERVER: "It is for another DHCP server: the client took that one's offer. If there should be none, find "
    "it: its address is in option 54, which 'capture' shows.",
    Drop.UNKNOWN_CLIENT: "The client says that it has {address}, of which there is no record, and the server is not "
    "'authoritative': another one may have given it. Without an answer the client starts anew when its lease ends.",
    Drop.NO_RESERVATION: "Only clients with a 'host-reservation' are served ('known-clients-only'), and there is none "
    "for this one. Make one, by the identifiers that are shown here.",
    Drop.BOOTP: "It is a BOOTP client. 'bootp-clients' says whether those are served: only with a 'host-reservation' "
    "that has an address, unless it is 'dynamic'.",
    Drop.RATE: "The client sends more than 'max-client-rate' messages a second. One that does so all the time is not "
    "in order, or several clients have the same identifier.",
    Drop.TOO_MANY_LEASES: "Its hardware address has 'max-leases-per-hardware-address' leases on {interface} already, "
    "under other client identifiers. They end by themselves; 'clear-leases' ends them now.",
    Drop.NO_LEASE: "The client gives back, or declines, {address}, of which it has no lease. Nothing is to be done.",
    Drop.NO_ADDRESS: "Every address that the client could have is leased, on offer, reserved for others or in "
    "probation. Make the pool larger or 'lease-time' shorter; 'address-pool-state' shows how full it is.",
    Drop.CONFLICTS: "Somebody answered for one address after the other that the client was to get. They are in "
    "probation now. Find the hosts that use addresses of the pool without a lease, or one that answers for all.",
    "queue-full": "More messages came than leases can be stored: the client asks again. If it lasts, the disk is too "
    "slow, or see 'system/lease-store'.",
    "interface-gone": "{Interface} went away before the answer could be sent. The client asks again.",
}
"""Of what got no answer."""

SENTENCES: Final[Mapping[str, str]] = MappingProxyType({**_GIVEN, **_REFUSED, **_DROPPED})
"""What each reason means; {address} and {interface} stand for those that it is about."""

_OFFERED: Final = frozenset(Why)
"""Reasons for which an address is to be offered; without a reply, it is still asked about."""
_ON_DISK: Final = (
    "The answer waits until the lease is on disk. If it does for more than a moment, 'system/lease-store' says why."
)
_PROBE: Final = "The answer waits until it is known whether somebody uses {address}."


def explain(exchange: Exchange) -> str:
    """Say why an exchange ended as it did, and what to do about it, in a sentence or a few."""
    said = sentence(exchange.reason, exchange.address, exchange.interface)
    if exchange.decision is not Decision.PENDING:
        return said
    waiting = _PROBE if exchange.reply_type is None and exchange.reason in _OFFERED else _ON_DISK
    return f"{said} {_filled(waiting, exchange.address, exchange.interface)}"


def sentence(reason: str, address: int, interface: str) -> str:
    """Say what a reason means.

    reason: of allocation.Why, of request.Drop, or another one of SENTENCES; one that is not there is said as it is.
    address: what it is about, 0 where there is none. interface: name of the client's interface.
    """
    known = SENTENCES.get(reason)
    return f"{reason}." if known is None else _filled(known, address, interface)


def word(reason: str) -> str:
    """Return a reason as one word."""
    return reason.replace(" ", "-")


def _filled(text: str, address: int, interface: str) -> str:
    shown = address_text(address) if address else "an address"
    return text.format(
        address=shown,
        Address=shown[0].upper() + shown[1:],
        interface=interface or "the interface",
        Interface=interface or "The interface",
    )
