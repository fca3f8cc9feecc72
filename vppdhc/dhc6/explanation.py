"""Why a client got what it got, in a sentence, and what to do about it."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv6Address, IPv6Network
from types import MappingProxyType
from typing import Final

from vppdhc.dhc6.allocation import Why
from vppdhc.dhc6.conversation import INFORMED
from vppdhc.dhc6.events import EventKind
from vppdhc.dhc6.outcome import Finding
from vppdhc.dhc6.statuses import Status
from vppdhc.dhc6.validation import Drop
from vppdhc.leases.lease6 import ADDRESS_LENGTH

_GIVEN: Final[Mapping[str, str]] = {
    Why.RESERVATION: "{Lease} is reserved for the client.",
    Why.LEASE: "The client has a lease of {lease} and keeps it.",
    Why.LAST_LEASE: "The client had {lease} before, and nobody else has needed it since.",
    Why.OFFER: "The client was offered {lease} a moment ago.",
    Why.WISH: "The client asked for {lease}, and nobody else has it.",
    Why.HASH: "{Lease} is what the hash of the client's DUID and IAID leads to, or the first free one after it.",
    Why.OLDEST_ENDED: "Everything in the pool was taken. {Lease} was that whose lease had ended before all others. "
    "With a larger pool clients keep what they have for longer.",
    Status.RELEASED.text: "The client gave {lease} back.",
    Status.DECLINED.text: "The client found that somebody else uses {lease}. Nobody gets it for 'probation-time'. Find "
    "the host that uses it without a lease; 'clear-leases' ends the probation.",
    Status.ON_LINK.text: "The client wanted to know whether {lease} fits its link, and it does.",
    INFORMED: "The client only asked for options.",
}
"""Of what clients got."""

_REFUSED: Final[Mapping[str, str]] = {
    EventKind.WITHDRAWN: "The client was told not to use {lease} any longer: its network is no longer on {interface}, "
    "or another one is the client's now.",
    Status.NOT_ON_LINK.text: "The client named {lease}, which is in no network that is served on {interface}. It has "
    "moved, or the network's addresses have changed. It begins anew now.",
    Status.NO_ADDRESS.text: "Every address that the client could have on {interface} is leased, on offer, reserved for "
    "others or in probation, or there is no network whose prefix is not deprecated. 'address-pool-state' shows how "
    "full the pools are.",
    Status.NO_TEMPORARY_ADDRESS.text: "The client wants temporary addresses (IA_TA), which the server does not give "
    "out: hosts make their own by SLAAC, where 'ip6ndra' advertises an autonomous prefix.",
    Status.NO_PREFIX.text: "There is no 'prefix-pool' for {interface}, or every prefix of it is delegated, on offer or "
    "reserved for others. 'prefix-pool-state' shows how full the pools are.",
    Status.NO_BINDING.text: "The client spoke of leases that the server does not know. It asks for new ones now.",
    Status.TOO_MANY.text: "The client's message had more identity associations than are answered in one.",
}
"""Of what clients did not get."""

_DROPPED: Final[Mapping[str, str]] = {
    Drop.NOT_A_REQUEST: "It was a message for clients or relay agents. Find the DHCPv6 server or relay agent on "
    "{interface} that sends to port 547.",
    Drop.MESSAGE_TYPE: "It is of a type that servers do not get, or do not know.",
    Drop.TOO_MANY_HOPS: "It has come by more relay agents than there can be. Look for a loop of relay agents.",
    Drop.UNICAST: "The client sent it to an address of the router. Clients send to ff02::1:2; the option by which a "
    "server could allow something else is obsolete. The client, or what calls itself one, is not in order.",
    Drop.SOURCE: "It came from an address that nobody can have, so there is nobody to answer.",
    Drop.IDENTITY: "It has no DUID of 3 to 130 octets in it, so there is nobody to give anything to.",
    Drop.NO_SERVER_ID: "It names no server and would have to. The client is not in order.",
    Drop.SERVER_ID: "It names a server and must not. The client is not in order.",
    Drop.OTHER_SERVER: "It is for another DHCPv6 server: the client took that one's offer. If there should be none, "
    "find it: its DUID is in option 2, which 'capture' shows.",
    Drop.ASSOCIATION: "It asks for information alone, but has an identity association in it. The client is not in "
    "order.",
    Drop.MALFORMED: "One of its identity associations has a wrong length. 'capture' shows the message; the client is "
    "not in order.",
    Drop.RELAY_INFORMATION: "What the relay agent added to it makes no sense. 'capture' shows the message; the relay "
    "agent is not in order.",
    Drop.NOT_SERVED: "{Interface} is not served. It has to be in 'interfaces' or 'interface', and needs a link-local "
    "address, for clients behind a relay agent another one as well.",
    Drop.NO_SUBNET: "No network is served that the client can be in. One on {interface} needs an IPv6 address of the "
    "router; one behind a relay agent a 'subnet' that has the relay agent's link-address in it or as 'relay-address'.",
    Drop.NOTHING_TO_CONFIRM: "The client wanted its addresses confirmed, but named none.",
    Drop.CONFLICTS: "Somebody answered for one address after the other that the client was to get. They are in "
    "probation now. Find the hosts that use addresses of the network without a lease, or one that answers for all.",
    "queue-full": "More messages came than leases can be stored: the client asks again. If it lasts, the disk is too "
    "slow, or see 'system/lease-store'.",
    "interface-gone": "{Interface} went away before the answer could be sent. The client asks again.",
}
"""Of what got no answer."""

SENTENCES: Final[Mapping[str, str]] = MappingProxyType({**_GIVEN, **_REFUSED, **_DROPPED})
"""What each reason means; {lease} and {interface} stand for those that it is about."""


def explain(reason: str, findings: Iterable[Finding], interface: str) -> str:
    """Say what was decided about a message, one sentence for each thing, and once where it is the same.

    reason, findings: see Outcome. interface: name of the client's interface.
    """
    found = [sentence(one.reason, one.network, one.length, interface) for one in findings]
    return " ".join(dict.fromkeys(found)) if found else sentence(reason, 0, 0, interface)


def sentence(reason: str, network: int, length: int, interface: str) -> str:
    """Say what a reason means.

    reason: of Finding or Drop; one that is not in SENTENCES is said as it is.
    network, length: the address or prefix that it is about; length 0 where there is none.
    """
    known = SENTENCES.get(reason)
    if known is None:
        return f"{reason}."
    shown = lease_text(network, length) if length else "an address or prefix"
    return known.format(
        lease=shown,
        Lease=shown if length else "An address or prefix",
        interface=interface or "the interface",
        Interface=interface or "The interface",
    )


def lease_text(network: int, length: int) -> str:
    """Write an address, which has length 128, or a prefix."""
    return str(IPv6Address(network)) if length == ADDRESS_LENGTH else str(IPv6Network((network, length)))
