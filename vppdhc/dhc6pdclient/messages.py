"""What the client says: its messages (RFC 8415, 18.2), and the frames that they travel in.

Everything is multicast: RFC 9915 has dropped the Server Unicast option.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Network
from typing import Final

from vppdhc.dhc6pdclient.bindings import IaKey, IaType
from vppdhc.dhc6pdclient.config import ClientConfig
from vppdhc.dhc6pdclient.learned import ASKED_FOR
from vppdhc.interface import Interface
from vppdhc.packet import ipv6
from vppdhc.packet.dhcp6 import (
    ALL_RELAY_AGENTS_AND_SERVERS,
    CLIENT_PORT,
    SERVER_PORT,
    Message,
    MessageType,
    Options,
    encode,
)
from vppdhc.packet.frame import encode_udp6
from vppdhc.packet.ia6 import encode_address, encode_ia, encode_prefix
from vppdhc.packet.options6 import Option

Wanted = Mapping[IaKey, Iterable[IPv6Network]]
"""Identity associations of a message, each with its leases or with what the client would like to have."""

_ASKING: Final = frozenset(
    (
        MessageType.SOLICIT,
        MessageType.REQUEST,
        MessageType.RENEW,
        MessageType.REBIND,
        MessageType.INFORMATION_REQUEST,
    )
)
"""Messages that say what the client wants to be told (RFC 8415, appendix B)."""
_NEVER_ASKED_FOR: Final = frozenset((*range(1, 10), *range(11, 15), 18, 19, 20, 25, 26))
"""Options that are there without being asked for, or never (RFC 8415, 21.7)."""
_LONGEST_TIME: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class Heading:
    """What all transmissions of a message have alike. server: DUID of the one that it is for; empty for any."""

    type: MessageType
    xid: int
    duid: bytes
    server: bytes = b""


def build(heading: Heading, config: ClientConfig, wanted: Wanted, elapsed: float) -> Message:
    """Return a message. elapsed: seconds since its first transmission (RFC 8415, 21.9)."""
    options: Options = [(Option.CLIENTID, heading.duid)]
    if heading.server:
        options.append((Option.SERVERID, heading.server))
    options.append((Option.ELAPSED_TIME, min(int(elapsed * 100), _LONGEST_TIME).to_bytes(2, "big")))
    options += [_association(key, prefixes) for key, prefixes in wanted.items()]
    if heading.type in _ASKING:
        options.append((Option.ORO, requested_options(heading.type, config, wanted)))
        if config.reconfigure_accept:
            options.append((Option.RECONF_ACCEPT, b""))
        options += config.options.items()
    if heading.type is MessageType.SOLICIT and config.rapid_commit:
        options.append((Option.RAPID_COMMIT, b""))
    return Message(heading.type, heading.xid, options)


def requested_options(message_type: MessageType, config: ClientConfig, wanted: Wanted) -> bytes:
    """Return the option request option (RFC 8415, 21.7), with what the kind of message demands."""
    codes = [int(option) for option in ASKED_FOR]
    if message_type is MessageType.INFORMATION_REQUEST:
        codes += [Option.INFORMATION_REFRESH_TIME, Option.INF_MAX_RT]
    else:
        codes.append(Option.SOLMAX_RT)
        if any(key.type is IaType.PD for key in wanted):
            codes.append(Option.PD_EXCLUDE)
    codes += [code for code in config.request_options if code not in _NEVER_ASKED_FOR]
    if message_type is not MessageType.INFORMATION_REQUEST:
        codes = [code for code in codes if code != Option.INFORMATION_REFRESH_TIME]  # RFC 8415, 21.23
    return b"".join([code.to_bytes(2, "big") for code in dict.fromkeys(codes)])


def frame(message: Message, interface: Interface) -> bytes:
    """Return the frame of a message to all servers and relay agents on the link, from its link-local address."""
    assert interface.link_local is not None
    return encode_udp6(
        source_mac=interface.mac,
        destination_mac=ipv6.multicast_mac(ALL_RELAY_AGENTS_AND_SERVERS),
        vlans=interface.vlans,
        source=int(interface.link_local),
        destination=ALL_RELAY_AGENTS_AND_SERVERS,
        source_port=CLIENT_PORT,
        destination_port=SERVER_PORT,
        payload=encode(message),
        hop_limit=1,
    )


def _association(key: IaKey, prefixes: Iterable[IPv6Network]) -> tuple[int, bytes]:
    """Return an IA option; T1, T2 and lifetimes are 0, the server's to say (RFC 8415, 21.4, 21.6, 21.21 and 21.22)."""
    if key.type is IaType.PD:
        within = [
            (Option.IAPREFIX, encode_prefix(int(prefix.network_address), prefix.prefixlen, 0, 0)) for prefix in prefixes
        ]
        return Option.IA_PD, encode_ia(key.ia_id, 0, 0, within)
    within = [(Option.IAADDR, encode_address(int(prefix.network_address), 0, 0)) for prefix in prefixes]
    return Option.IA_NA, encode_ia(key.ia_id, 0, 0, within)
