"""What a DHCPv6 client or relay agent sends and sees, by scapy: nothing here is encoded or decoded by the code under
test but the server's own DUID.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv6Address, IPv6Interface, IPv6Network
from types import MappingProxyType
from typing import Any

from tests.packet.scapy_layers6 import UDP, Dot1Q, Ether
from tests.packet.scapy_layers6 import dhcp6 as scapy
from tests.packet.scapy_layers6 import inet6 as ip
from vppdhc.interface import Interface, Vlan
from vppdhc.packet import punt
from vppdhc.packet.dhcp6 import Message, receive

ROUTER_MAC = "02:fe:00:00:00:01"
ROUTER = "fe80::fe:ff:fe00:1"
SERVER_DUID = bytes.fromhex("0003000102fe00000001")
EVERYBODY = "ff02::1:2"
TYPES = {
    "solicit": scapy.DHCP6_Solicit,
    "advertise": scapy.DHCP6_Advertise,
    "request": scapy.DHCP6_Request,
    "confirm": scapy.DHCP6_Confirm,
    "renew": scapy.DHCP6_Renew,
    "rebind": scapy.DHCP6_Rebind,
    "reply": scapy.DHCP6_Reply,
    "release": scapy.DHCP6_Release,
    "decline": scapy.DHCP6_Decline,
    "reconfigure": scapy.DHCP6_Reconf,
    "information-request": scapy.DHCP6_InfoRequest,
}
TO_ONE_SERVER = ("request", "renew", "release", "decline")
ASKING = ("solicit", "request", "renew", "rebind", "information-request")


def number(address: str) -> int:
    return int(IPv6Address(address))


def text(address: int, length: int = 128) -> str:
    """An address, or a prefix, for people."""
    return str(IPv6Address(address)) if length == 128 else str(IPv6Network((address, length)))


def mac(station: int) -> str:
    return f"02:00:00:00:{station >> 8:02x}:{station & 255:02x}"


def octets(address: str) -> bytes:
    return bytes.fromhex(address.replace(":", ""))


def link_local(station: int) -> str:
    return str(IPv6Address(f"fe80::ff:fe00:{station:x}"))


def duid(station: int) -> bytes:
    """A DUID-LL."""
    return bytes.fromhex("00030001") + octets(mac(station))


def interface(
    *addresses: str, name: str = "tap0", index: int = 1, table: int = 0, vlans: tuple[Vlan, ...] = ()
) -> Interface:
    return Interface(
        name,
        index,
        octets(ROUTER_MAC),
        admin_up=True,
        link_up=True,
        vlans=vlans,
        addresses6=tuple(IPv6Interface(address) for address in addresses),
        link_local=IPv6Address(ROUTER),
        table6=table,
    )


@dataclass(frozen=True)
class Agent:
    """A relay agent around a message. options: those of scapy that it adds."""

    link: str = "::"
    peer: str = "fe80::ff:fe00:1"
    hops: int = 0
    options: tuple[Any, ...] = ()


Leases = Mapping[int, Iterable[str]]
"""Addresses or prefixes by IAID."""
NONE: Leases = MappingProxyType({})


def options_of(kind: str, station: int, na: Leases, pd: Leases, ta: Leases) -> list[Any]:
    """The identity associations of a message, and what every message of its kind has."""
    made: list[Any] = [scapy.DHCP6OptElapsedTime(elapsedtime=10)]
    for iaid, addresses in na.items():
        inner = [scapy.DHCP6OptIAAddress(addr=address, preflft=0, validlft=0) for address in addresses]
        made.append(scapy.DHCP6OptIA_NA(iaid=iaid, T1=0, T2=0, ianaopts=inner))
    for iaid, addresses in ta.items():
        inner = [scapy.DHCP6OptIAAddress(addr=address, preflft=0, validlft=0) for address in addresses]
        made.append(scapy.DHCP6OptIA_TA(iaid=iaid, iataopts=inner))
    for iaid, prefixes in pd.items():
        parts = []
        for prefix in prefixes:
            address, _, length = prefix.partition("/")
            parts.append(scapy.DHCP6OptIAPrefix(prefix=address, plen=int(length), preflft=0, validlft=0))
        made.append(scapy.DHCP6OptIA_PD(iaid=iaid, T1=0, T2=0, iapdopt=parts))
    return made


def datagram(
    kind: str | int,
    station: int = 1,
    *options: Any,
    na: Leases = NONE,
    pd: Leases = NONE,
    ta: Leases = NONE,
    oro: Sequence[int] | None = (23, 24),
    client_id: bytes | None = b"",
    server_id: bytes | None = b"",
    relays: Sequence[Agent] = (),
    source: str | None = None,
    destination: str = EVERYBODY,
    vlans: tuple[Vlan, ...] = (),
    index: int = 1,
    port: int = 546,
    trid: int | None = None,
) -> bytes:
    """Build with scapy what VPP's punt socket gives: a client's message that came in on the interface of an index.

    client_id, server_id: None for none; empty for those that such a message should have.
    relays: the innermost first. source: of the datagram; without it, the client's, or of a relay agent on no link.
    """
    transaction = 0x1000 + station if trid is None else trid
    message: Any = (
        TYPES[kind](trid=transaction) if isinstance(kind, str) else scapy.DHCP6(msgtype=kind, trid=transaction)
    )
    if client_id is not None:
        message /= _raw(1, client_id or duid(station))
    if server_id is not None and (server_id or kind in TO_ONE_SERVER):
        message /= _raw(2, server_id or SERVER_DUID)
    for option in options_of(str(kind), station, na, pd, ta):
        message /= option
    if oro is not None and kind in ASKING:
        message /= scapy.DHCP6OptOptReq(reqopts=list(oro))
    for option in options:
        message /= option
    for agent in relays:
        forward = scapy.DHCP6_RelayForward(hopcount=agent.hops, linkaddr=agent.link, peeraddr=agent.peer)
        for option in agent.options:
            forward /= option
        message = forward / scapy.DHCP6OptRelayMsg(message=message)
    frame = Ether(src=mac(station), dst="33:33:00:01:00:02")
    for vlan in vlans:
        frame /= Dot1Q(vlan=vlan.vid)
    source = source or ("2001:db8:ffff::1" if relays else link_local(station))
    packet = frame / ip.IPv6(src=source, dst=destination) / UDP(sport=port, dport=547) / message
    return punt.encode(index, punt.L2, bytes(packet))


def _raw(code: int, value: bytes) -> Any:
    """An option by its bytes."""
    return scapy.DHCP6OptUnknown(optcode=code, data=value)


def raw(code: int, value: bytes = b"") -> Any:
    """An option by its bytes, for messages that are to have it."""
    return _raw(code, value)


def message(kind: str | int, station: int = 1, *options: Any, **more: Any) -> Message:
    """Build a message with scapy, see datagram(), and let our decoder read it as it would from VPP."""
    return receive(datagram(kind, station, *options, **more))


@dataclass
class Ia:
    """An identity association of an answer. leases: preferred and valid lifetime by address or prefix."""

    t1: int
    t2: int
    leases: dict[str, tuple[int, int]]
    status: int | None

    @property
    def live(self) -> list[str]:
        """What may be used."""
        return [network for network, (_, valid) in self.leases.items() if valid]

    @property
    def dead(self) -> list[str]:
        """What must not be used any longer."""
        return [network for network, (_, valid) in self.leases.items() if not valid]


@dataclass
class Seen:
    """A reply as scapy sees it on the wire.

    options: each with its bytes, in order. relays: the outermost first, as scapy has them.
    """

    action: int
    frame_destination: str
    frame_source: str
    vlans: list[int]
    source: str
    destination: str
    ports: tuple[int, int]
    type: str
    trid: int
    options: list[tuple[int, bytes]]
    na: dict[int, Ia]
    pd: dict[int, Ia]
    ta: dict[int, Ia]
    relays: list[Any] = field(default_factory=list)
    size: int = 0

    def get(self, code: int) -> bytes | None:
        return next((value for other, value in self.options if other == code), None)

    @property
    def codes(self) -> list[int]:
        return [code for code, _ in self.options]

    @property
    def status(self) -> int | None:
        """The status of the whole message."""
        value = self.get(13)
        return None if value is None else int.from_bytes(value[:2], "big")

    @property
    def ias(self) -> list[Ia]:
        return [*self.na.values(), *self.pd.values(), *self.ta.values()]


def look(action: int, packet: bytes) -> Seen:
    """Have scapy read a packet that was given to VPP."""
    frame = Ether(packet) if action == punt.L2 else None
    outer = frame[ip.IPv6] if frame is not None else ip.IPv6(packet)
    checked = outer.copy()
    del checked[UDP].chksum
    assert ip.IPv6(bytes(checked))[UDP].chksum == outer[UDP].chksum
    carried = bytes(outer[UDP].payload)
    relays = []
    while carried[0] == 13:
        relay = scapy.DHCP6_RelayReply(carried)
        relays.append(relay)
        carried = bytes(relay[scapy.DHCP6OptRelayMsg].message)
    kind = next(name for name, layer in TYPES.items() if layer().msgtype == carried[0])
    parsed = TYPES[kind](carried)
    assert bytes(parsed) == carried
    options: list[tuple[int, bytes]] = []
    na: dict[int, Ia] = {}
    pd: dict[int, Ia] = {}
    ta: dict[int, Ia] = {}
    for layer in list(parsed.iterpayloads())[1:]:
        alone = layer.copy()
        alone.remove_payload()
        options.append((layer.optcode, bytes(alone)[4:]))
        if layer.optcode in (3, 4, 25):
            into = {3: na, 4: ta, 25: pd}[layer.optcode]
            assert layer.iaid not in into, "twice"
            into[layer.iaid] = _association(layer)
    return Seen(
        action=action,
        frame_destination=frame.dst if frame is not None else "",
        frame_source=frame.src if frame is not None else "",
        vlans=[layer.vlan for layer in frame.iterpayloads() if isinstance(layer, Dot1Q)] if frame is not None else [],
        source=outer.src,
        destination=outer.dst,
        ports=(outer[UDP].sport, outer[UDP].dport),
        type=kind,
        trid=parsed.trid,
        options=options,
        na=na,
        pd=pd,
        ta=ta,
        relays=relays,
        size=outer[UDP].len - 8,
    )


def _association(layer: Any) -> Ia:
    inner = layer.iataopts if layer.optcode == 4 else layer.ianaopts if layer.optcode == 3 else layer.iapdopt
    leases, status = {}, None
    for option in inner:
        match option.optcode:
            case 5:
                leases[option.addr] = option.preflft, option.validlft
            case 26:
                leases[f"{option.prefix}/{option.plen}"] = option.preflft, option.validlft
            case 13:
                status = option.statuscode
            case other:
                raise AssertionError(f"option {other} in an identity association")
    t1, t2 = (0, 0) if layer.optcode == 4 else (layer.T1, layer.T2)
    return Ia(t1, t2, leases, status)
