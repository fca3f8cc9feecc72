"""What the client says: its messages (RFC 2131, 4.4, table 5), and the frames that they travel in.

The broadcast flag is never set. A host that cannot receive unicast before it has an address has to set it, any other
one should clear it (RFC 2131, 4.1); with its client detection on, VPP punts a reply to an address that the interface
does not have yet. So replies reach this host alone, and need not be flooded over the provider's network.
"""

from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import Final

from vppdhc.dhc4client.config import ClientConfig
from vppdhc.dhc4client.identity import Identity
from vppdhc.interface import Interface
from vppdhc.packet import ethernet, ipv4, udp
from vppdhc.packet.dhcp4 import CLIENT_PORT, SERVER_PORT, Message, MessageType, encode, pack
from vppdhc.packet.frame import encode_udp4
from vppdhc.packet.options4 import Option

NO_ADDRESS: Final = IPv4Address(0)

# Classless routes before routers, which they take the place of, where a server has not room for both (RFC 3442).
_USED: Final = (
    Option.SUBNET_MASK,
    Option.CLASSLESS_STATIC_ROUTE,
    Option.ROUTERS,
    Option.DOMAIN_NAME_SERVERS,
    Option.DOMAIN_NAME,
    Option.DOMAIN_SEARCH,
    Option.NTP_SERVERS,
    Option.INTERFACE_MTU,
    Option.DHCP_RENEWAL_TIME,
    Option.DHCP_REBINDING_TIME,
)
_SAID_BY_SETTINGS: Final = frozenset((Option.RAPID_COMMIT, Option.V6_ONLY_PREFERRED))
_LONGEST: Final = 1500 - ipv4.HEADER - udp.HEADER
"""Bytes of the longest message sent, which an Ethernet frame has room for. Servers take more than 576 bytes where they
have to, and only a message with many options of the operator's own is that long."""
_LONGEST_IDENTIFIER: Final = 1 + 4 + 130
"""Bytes of the longest client identifier with IAID and DUID (RFC 4361, 6.1; RFC 8415, 11.1)."""


def requested_options(config: ClientConfig) -> bytes:
    """Return the parameter request list (RFC 2132, 9.8), the same in every message (RFC 2131, 4.4.1).

    An operator who asks for further options cannot ask for those that say what the client is able to: rapid commit
    never is in the list (RFC 4039, 3), IPv6-only preferred only where the client heeds it (RFC 8925, 3.2).
    """
    asked = (code for code in config.request_options if code not in _SAID_BY_SETTINGS)
    able = [Option.V6_ONLY_PREFERRED] if config.ipv6_only_preferred else []
    return bytes(dict.fromkeys([*_USED, *able, *asked]))


def without_room(config: ClientConfig) -> tuple[int, ...]:
    """Return the codes of options that the longest message of a client would have no room for."""
    identity = Identity(bytes(6), config.client_id or bytes(_LONGEST_IDENTIFIER))
    return pack(request_offered(config, identity, 0, 0, NO_ADDRESS, NO_ADDRESS), _LONGEST).dropped


def discover(config: ClientConfig, identity: Identity, xid: int, secs: int, wish: IPv4Address | None) -> Message:
    """Return a DHCPDISCOVER. wish: the address that it would like to have."""
    options: dict[int, bytes] = {}
    if wish is not None:
        options[Option.DHCP_REQUESTED_ADDRESS] = wish.packed
    if config.rapid_commit:
        options[Option.RAPID_COMMIT] = b""
    return _asking(MessageType.DISCOVER, config, identity, xid, secs, options)


def request_offered(
    config: ClientConfig, identity: Identity, xid: int, secs: int, address: IPv4Address, server: IPv4Address
) -> Message:
    """Return the DHCPREQUEST of SELECTING. xid, secs: of the DISCOVER (RFC 2131, 3.1, step 3 and table 5)."""
    options: dict[int, bytes] = {
        Option.DHCP_SERVER_IDENTIFIER: server.packed,
        Option.DHCP_REQUESTED_ADDRESS: address.packed,
    }
    return _asking(MessageType.REQUEST, config, identity, xid, secs, options)


def request_again(config: ClientConfig, identity: Identity, xid: int, secs: int, address: IPv4Address) -> Message:
    """Return the DHCPREQUEST of INIT-REBOOT: for an address of old, to any server, ciaddr zero (RFC 2131, 4.3.2)."""
    return _asking(MessageType.REQUEST, config, identity, xid, secs, {Option.DHCP_REQUESTED_ADDRESS: address.packed})


def request_more(config: ClientConfig, identity: Identity, xid: int, secs: int, address: IPv4Address) -> Message:
    """Return the DHCPREQUEST of RENEWING and REBINDING: ciaddr says what for (RFC 2131, 4.3.2)."""
    message = _asking(MessageType.REQUEST, config, identity, xid, secs, {})
    message.ciaddr = int(address)
    return message


def decline(identity: Identity, xid: int, address: IPv4Address, server: IPv4Address) -> Message:
    """Return a DHCPDECLINE: somebody else uses the address."""
    options: dict[int, bytes] = {
        Option.DHCP_SERVER_IDENTIFIER: server.packed,
        Option.DHCP_REQUESTED_ADDRESS: address.packed,
        Option.DHCP_MESSAGE: b"address in use",
    }
    return _message(MessageType.DECLINE, identity, xid, options)


def release(identity: Identity, xid: int, address: IPv4Address, server: IPv4Address) -> Message:
    """Return a DHCPRELEASE; the client identifier is the one that the lease was got with (RFC 2131, 3.1, step 6)."""
    options: dict[int, bytes] = {
        Option.DHCP_SERVER_IDENTIFIER: server.packed,
        Option.DHCP_MESSAGE: b"address no longer used",
    }
    message = _message(MessageType.RELEASE, identity, xid, options)
    message.ciaddr = int(address)
    return message


def broadcast(message: Message, interface: Interface, source: IPv4Address = NO_ADDRESS) -> bytes:
    """Return the frame of a message to every server on the link. source: our address, where we have one."""
    return _frame(message, interface, source, IPv4Address(ipv4.BROADCAST), ethernet.BROADCAST)


def unicast(
    message: Message, interface: Interface, source: IPv4Address, server: IPv4Address, server_mac: bytes
) -> bytes:
    """Return the frame of a message to the server of a lease.

    server_mac: where the last reply of this server came from: its own address, or that of the router before it. VPP
    could route the message, but by its table, which knows nothing of this interface: where another provider's default
    route is the preferred one, it would leave there, with an address that is wrong there. And VPP loses the first
    packet to a neighbour that it does not know, while the client repeats itself after a minute at the earliest.
    """
    return _frame(message, interface, source, server, server_mac)


def _asking(
    message_type: MessageType, config: ClientConfig, identity: Identity, xid: int, secs: int, options: dict[int, bytes]
) -> Message:
    """Return a message that asks for a lease: with the wishes, and what the client tells of itself."""
    message = _message(message_type, identity, xid, {**options, **_wishes(config), **config.options})
    message.secs = min(secs, 0xFFFF)
    return message


def _wishes(config: ClientConfig) -> Mapping[int, bytes]:
    wishes: dict[int, bytes] = {
        Option.DHCP_PARAMETER_REQUEST_LIST: requested_options(config),
        Option.DHCP_MAX_MESSAGE_SIZE: config.max_message_size.to_bytes(2, "big"),
    }
    if config.lease_time is not None:
        wishes[Option.DHCP_LEASE_TIME] = config.lease_time.to_bytes(4, "big")
    if config.hostname:
        wishes[Option.HOST_NAME] = config.hostname.encode()
    if config.vendor_class:
        wishes[Option.VENDOR_CLASS_IDENTIFIER] = config.vendor_class.encode()
    if config.user_classes:
        classes = [user_class.encode() for user_class in config.user_classes]
        wishes[Option.USER_CLASS] = b"".join([bytes((len(one),)) + one for one in classes])  # RFC 3004, 4
    return wishes


def _message(message_type: MessageType, identity: Identity, xid: int, options: Mapping[int, bytes]) -> Message:
    own: dict[int, bytes] = {
        Option.DHCP_MESSAGE_TYPE: bytes((message_type,)),
        Option.DHCP_CLIENT_IDENTIFIER: identity.client_id,
    }
    return Message(xid=xid, chaddr=identity.mac, options={**own, **options})


def _frame(
    message: Message, interface: Interface, source: IPv4Address, destination: IPv4Address, destination_mac: bytes
) -> bytes:
    return encode_udp4(
        source_mac=interface.mac,
        destination_mac=destination_mac,
        vlans=interface.vlans,
        source=int(source),
        destination=int(destination),
        source_port=CLIENT_PORT,
        destination_port=SERVER_PORT,
        payload=encode(message, _LONGEST),
    )
