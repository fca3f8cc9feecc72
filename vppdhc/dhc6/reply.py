"""The server's answers: what is in them (RFC 8415, 18.3.9 and 18.3.10) and where they go."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from vppdhc.dhc6.statuses import Status
from vppdhc.interface import Interface, Vlan
from vppdhc.packet import dhcp6, frame, ipv6, punt
from vppdhc.packet.dhcp6 import CLIENT_PORT, SERVER_PORT, Message, MessageType, Options, Relay
from vppdhc.packet.ia6 import encode_address, encode_ia, encode_prefix
from vppdhc.packet.options6 import Option

_HEADERS: Final = 48
"""Octets of an IPv6 and a UDP header."""
_LONGEST_FRAMED: Final = 1500 - _HEADERS
_LONGEST_ROUTED: Final = 1280 - _HEADERS
"""Octets of a message on Ethernet, and on a path of which nothing is known (RFC 8200, 5): nobody fragments it."""
_NEEDED: Final = frozenset(
    {
        Option.CLIENTID,
        Option.SERVERID,
        Option.IA_NA,
        Option.IA_TA,
        Option.IA_PD,
        Option.PREFERENCE,
        Option.AUTH,
        Option.STATUS_CODE,
        Option.RAPID_COMMIT,
        Option.RECONF_MSG,
        Option.RECONF_ACCEPT,
    }
)
"""Options that are sent however long the message becomes."""


class Reply(NamedTuple):
    """A message to be sent from port 547 and where to, which is not yet how.

    message: with the relay messages around it.
    action: punt.L2 for a frame out of the interface, punt.IP6 for a packet that VPP routes in the interface's table.
    destination_mac, vlans: of the frame; empty for a routed packet.
    source, destination: IPv6 addresses.
    destination_port: 546 for a client, 547 for a relay agent, unless that wants another one.
    """

    message: Message
    action: int
    destination_mac: bytes
    vlans: tuple[Vlan, ...]
    source: int
    destination: int
    destination_port: int


class LeaseAnswer(NamedTuple):
    """An address or prefix in an answer. network: it as an integer, and its length. preferred, valid: in seconds."""

    network: int
    length: int
    preferred: int
    valid: int


class IaAnswer(NamedTuple):
    """What is answered to an identity association.

    code: Option.IA_NA, IA_TA or IA_PD.
    leases: those that the client gets, and with lifetimes of zero those that it must not use any longer.
    status: why it gets none; None where there is nothing to say.
    """

    code: int
    ia_id: int
    leases: Sequence[LeaseAnswer] = ()
    status: Status | None = None

    def encode(self, t1: int, t2: int) -> tuple[int, bytes]:
        """Return the option; t1, t2: seconds, for who has a use for them."""
        within: Options = []
        for network, length, preferred, valid in self.leases:
            if self.code == Option.IA_PD:
                within.append((Option.IAPREFIX, encode_prefix(network, length, preferred, valid)))
            else:
                within.append((Option.IAADDR, encode_address(network, preferred, valid)))
        if self.status is not None:
            within.append(self.status.option)
        if self.code == Option.IA_TA:
            return self.code, self.ia_id.to_bytes(4, "big") + dhcp6.join(within)
        return self.code, encode_ia(self.ia_id, t1, t2, within)


def encode(reply: Reply, interface: Interface, omitted: Counter[int] | None = None) -> tuple[int, bytes]:
    """Encode a reply for the interface that the client's message came in by.

    omitted: counts the options that there was no room for, by code.
    Returns the punt action and the packet: an Ethernet frame, or an IPv6 packet.
    """
    payload = _fitting(reply.message, _LONGEST_FRAMED if reply.action == punt.L2 else _LONGEST_ROUTED, omitted)
    if reply.action == punt.IP6:
        return punt.IP6, frame.encode_ip6_udp(
            source=reply.source,
            destination=reply.destination,
            source_port=SERVER_PORT,
            destination_port=reply.destination_port,
            payload=payload,
        )
    return punt.L2, frame.encode_udp6(
        source_mac=interface.mac,
        destination_mac=reply.destination_mac,
        vlans=reply.vlans,
        source=reply.source,
        destination=reply.destination,
        source_port=SERVER_PORT,
        destination_port=reply.destination_port,
        payload=payload,
    )


def _fitting(message: Message, longest: int, omitted: Counter[int] | None) -> bytes:
    """Return a message as it fits into a packet, without the last of its options that it can do without."""
    payload = dhcp6.encode(message)
    options = message.options
    while len(payload) > longest:
        place = next((place for place in range(len(options) - 1, -1, -1) if options[place][0] not in _NEEDED), None)
        if place is None:
            break
        if omitted is not None:
            omitted[options[place][0]] += 1
        options = options[:place] + options[place + 1 :]
        payload = dhcp6.encode(replace(message, options=options))
    return payload


def answer(
    asked: Message, interface: Interface, message_type: MessageType, options: Iterable[tuple[int, bytes]]
) -> Reply:
    """Address an answer to whom a message came from (18.3.10), with its transaction id.

    interface: where the message came in.
    """
    relays = tuple(relay.reply() for relay in asked.relays)
    message = Message(message_type, asked.transaction_id, list(options), relays)
    vlans = interface.vlans
    if not vlans and asked.tags:
        vlans = asked.vlans  # a sub-interface that takes any tag has none of its own
    return addressed(message, interface, asked.source, asked.source_mac, vlans, _port(asked), asked.destination)


def addressed(
    message: Message,
    interface: Interface,
    destination: int,
    destination_mac: bytes,
    vlans: tuple[Vlan, ...],
    port: int,
    called: int = 0,
) -> Reply:
    """Address a message to a client or relay agent.

    Who has a link-local address, or is a client, is on the link; a relay agent with another address may be anywhere.
    called: the address of ours that it has sent to; 0 or a multicast address where it has named none.
    """
    link_local = 0 if interface.link_local is None else int(interface.link_local)
    if not message.relays or ipv6.is_link_local(destination):
        return Reply(message, punt.L2, destination_mac, vlans, link_local, destination, port)
    source = called
    if not called or ipv6.is_multicast(called):
        source = int(interface.addresses6[0].ip) if interface.addresses6 else link_local
    return Reply(message, punt.IP6, b"", (), source, destination, port)


def _port(asked: Message) -> int:
    """Return the port of an answer: a relay agent may want it at the one that it sent from (RFC 8357, 5.2)."""
    if not asked.relays:
        return CLIENT_PORT
    wants = dhcp6.find(asked.relays[0].options, Option.RELAY_SOURCE_PORT) is not None
    return asked.source_port if wants and asked.source_port else SERVER_PORT


def relayed(link_address: int, peer_address: int, interface_id: bytes) -> Relay:
    """Return the Relay-reply by which a relay agent passes a message on that answers none (RFC 8415, 19.3)."""
    options = [(int(Option.INTERFACE_ID), interface_id)] if interface_id else []
    return Relay(MessageType.RELAY_REPLY, 0, link_address, peer_address, options)
