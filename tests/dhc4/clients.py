"""What a DHCP client sends and sees, by scapy: nothing here is encoded or decoded by the code under test."""

import warnings
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Interface
from typing import Any

from vppdhc.dhc4.book import LeaseBook
from vppdhc.dhc4.config import ServerConfig, Settings
from vppdhc.dhc4.events import EventKind
from vppdhc.dhc4.options import OptionSet
from vppdhc.dhc4.reply import encode
from vppdhc.dhc4.request import Drop
from vppdhc.dhc4.reservations import Reservation, Reservations
from vppdhc.dhc4.server import Outcome, Server
from vppdhc.interface import Interface, Vlan
from vppdhc.leases.lease import Change, Lease
from vppdhc.leases.usage import PoolUsage
from vppdhc.packet import punt
from vppdhc.packet.dhcp4 import Message, receive
from vppdhc.packet.fields4 import NOT_BEGUN
from vppdhc.packet.options4 import by_name

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of scapy about ciphers that it does not need here
    from scapy.layers.dhcp import BOOTP, DHCP
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Dot1Q, Ether

ROUTER_MAC = "02:fe:00:00:00:01"
EVERYBODY = "ff:ff:ff:ff:ff:ff"


def number(address: str) -> int:
    return int(IPv4Address(address))


def text(address: int) -> str:
    return str(IPv4Address(address))


def mac(station: int) -> str:
    return f"02:00:00:00:{station >> 8:02x}:{station & 255:02x}"


def octets(address: str) -> bytes:
    return bytes.fromhex(address.replace(":", ""))


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
        addresses4=tuple(IPv4Interface(address) for address in addresses),
        table4=table,
    )


TWO_LANS = (interface("192.168.1.1/24"), interface("192.168.2.1/24", name="tap1", index=2))


def message(kind: str | int | None, station: int = 1, *options: tuple[Any, ...], **more: Any) -> Message:
    """Build a message with scapy, see datagram(), and let our decoder read it as it would from VPP."""
    return receive(datagram(kind, station, *options, **more))


def datagram(
    kind: str | int | None,
    station: int = 1,
    *options: tuple[Any, ...],
    hardware: bytes | None = None,
    client_id: bytes | None = None,
    flags: int = 0,
    source: str = "0.0.0.0",
    destination: str = "255.255.255.255",
    frame_source: str | None = None,
    vlans: tuple[Vlan, ...] = (),
    index: int = 1,
    port: int = 68,
    cookie: bool = True,
    **header: Any,
) -> bytes:
    """Build with scapy what VPP's punt socket gives: a client's message that came in on the interface of an index.

    cookie: without it, it is BOOTP as RFC 951 has it, with a vendor field of zeros.
    """
    chaddr = octets(mac(station)) if hardware is None else hardware
    fields: dict[str, Any] = {"op": 1, "htype": 1, "hlen": len(chaddr), "xid": 0x1000 + station, **header}
    all_options: list[Any] = [] if kind is None else [("message-type", kind)]
    if client_id is not None:
        all_options.append(("client_id", client_id))
    frame = Ether(src=frame_source or mac(station), dst=EVERYBODY)
    for vlan in vlans:
        frame /= Dot1Q(vlan=vlan.vid)
    packet = frame / IP(src=source, dst=destination) / UDP(sport=port, dport=67)
    if cookie:
        packet /= BOOTP(chaddr=chaddr.ljust(16, b"\0"), flags=flags, **fields)
        packet /= DHCP(options=[*all_options, *options, "end"])
    else:
        packet /= BOOTP(chaddr=chaddr.ljust(16, b"\0"), flags=flags, options=bytes(64), **fields)
    return punt.encode(index, punt.L2, bytes(packet))


@dataclass
class Seen:
    """A reply as scapy sees it on the wire."""

    action: int
    frame_destination: str
    frame_source: str
    vlans: list[int]
    source: str
    destination: str
    ports: tuple[int, int]
    bootp: Any
    options: dict[str, Any]
    order: list[str] = field(default_factory=list)

    size: int = 0

    @property
    def type(self) -> str:
        return {None: "bootp", 2: "offer", 5: "ack", 6: "nak"}[self.options.get("message-type")]


def see(outcome: Outcome, onto: Interface) -> Seen:
    """Encode the one reply of an outcome and have scapy read it; what was laid before is as if laid now."""
    (reply,) = outcome.replies
    encoded = encode(reply, onto)
    assert encoded == encode(reply._replace(begun=NOT_BEGUN), onto)
    return look(*encoded)


def look(action: int, packet: bytes) -> Seen:
    """Have scapy read a packet that was given to VPP."""
    frame = Ether(packet) if action == punt.L2 else None
    datagram = frame[IP] if frame is not None else IP(packet)
    checked = datagram.copy()
    del checked.chksum
    assert IP(bytes(checked)).chksum == datagram.chksum
    options: dict[str, Any] = {}
    order = []
    # scapy expects DHCP at ports 67 and 68 only; a relay agent may have its own.
    bootp = datagram[BOOTP] if BOOTP in datagram else BOOTP(bytes(datagram[UDP].payload))
    for option in bootp[DHCP].options if DHCP in bootp else ():
        if isinstance(option, tuple):
            options[option[0]] = option[1] if len(option) == 2 else list(option[1:])
            order.append(option[0])
    return Seen(
        action=action,
        frame_destination=frame.dst if frame is not None else "",
        frame_source=frame.src if frame is not None else "",
        vlans=[layer.vlan for layer in frame.iterpayloads() if isinstance(layer, Dot1Q)] if frame is not None else [],
        source=datagram.src,
        destination=datagram.dst,
        ports=(datagram[UDP].sport, datagram[UDP].dport),
        bootp=bootp,
        options=options,
        order=order,
        size=datagram[UDP].len - 8,
    )


class Lan:
    """A server with interfaces, a store that remembers what was made durable, and a clock that tests turn.

    squatters: who answers for addresses that he has of nobody, when the server asks.
    asked: what the server has asked about.
    """

    def __init__(self, *interfaces: Interface, config: ServerConfig | None = None, **settings: Any) -> None:
        self.config = config if config is not None else ServerConfig(Settings(**settings))
        self.interfaces = interfaces or (interface("192.168.1.1/24"),)
        self.stored: dict[tuple[int, int], Lease] = {}
        self.squatters: dict[str, str] = {}
        self.asked: list[str] = []
        self.now = 1000.0
        self.restart()

    def restart(self) -> None:
        """Forget everything that is not stored."""
        self.book = LeaseBook()
        self.book.load(self.stored.values(), self.now)
        self.server = Server(self.config, self.book)
        for served in self.interfaces:
            self.server.interface_changed(None, served)

    def reserve(self, *reservations: Reservation) -> None:
        """Have these reservations, and no others."""
        self.config = replace(self.config, reservations=Reservations(reservations))
        self.server.configure(self.config)

    def store(self, changes: list[Change]) -> None:
        for old, new in changes:
            if new is not None:
                self.stored[new.table, new.address] = new
            elif old is not None:
                del self.stored[old.table, old.address]

    def hear(self, asked: Message, onto: Interface | None = None) -> Outcome:
        """Handle a message and make what it changed durable; what the server asks about is answered at once."""
        onto = onto or self.interfaces[0]
        outcome = self.server.handle(asked, onto, self.now)
        changes, events = list(outcome.changes), list(outcome.events)
        while (probe := outcome.probe) is not None:
            self.asked.append(text(probe.address))
            squatter = self.squatters.get(text(probe.address))
            if squatter is not None:
                outcome = self.server.conflicted(asked, onto, self.now, probe.address, octets(squatter))
            else:
                outcome = self.server.probed(asked, onto, self.now, probe.address)
            changes += outcome.changes
            events += outcome.events
        self.store(changes)
        return outcome._replace(changes=changes, events=events)

    def ask(self, asked: Message, onto: Interface | None = None) -> Seen:
        return see(self.hear(asked, onto), onto or self.interfaces[0])

    def bind(self, station: int = 1, *options: tuple[Any, ...], wish: str | None = None, **more: Any) -> str:
        """Take a client through DISCOVER and REQUEST; returns its address."""
        wished = [("requested_addr", wish)] if wish is not None else []
        offered = self.ask(message("discover", station, *wished, *options, **more))
        assert offered.type == "offer"
        address: str = offered.bootp.yiaddr
        acked = self.ask(self.select(station, address, *options, server=offered.options["server_id"], **more))
        assert (acked.type, acked.bootp.yiaddr) == ("ack", address)
        return address

    def select(self, station: int, address: str, *options: Any, server: str = "192.168.1.1", **more: Any) -> Message:
        return message("request", station, ("requested_addr", address), ("server_id", server), *options, **more)

    @property
    def usage(self) -> PoolUsage:
        """How full the pool of the first interface's first network is."""
        served = self.server.networks.served(self.interfaces[0].name)
        assert served is not None
        return self.book.usage(served.subnets[0].pools[0].pool)

    def expire(self) -> list[Any]:
        expired = self.book.expire(self.now, limit=1_000_000)
        self.store(expired.changes)
        return expired.events


def reservation(
    station: int | bytes,
    address: str | None = None,
    hostname: str = "",
    *,
    id_: str = "",
    table: int | None = 0,
    **more: Any,
) -> Reservation:
    """Reserve for a station by its hardware address, or for a client identifier."""
    client = b"\0" + station if isinstance(station, bytes) else b"\1" + octets(mac(station))
    return Reservation(id_ or f"for {station!r}", table, client, number(address) if address else None, hostname, **more)


def options(**named: Any) -> OptionSet:
    """Say what clients are told: options by name, with an underscore for a hyphen, and next_server."""
    next_server = named.pop("next_server", None)
    values = {}
    for name, value in named.items():
        option = by_name(name.replace("_", "-"))
        assert option is not None, name
        values[int(option)] = option.kind.encode(value)
    return OptionSet(values, next_server=number(next_server) if next_server else None)


def renew(station: int, address: str, *options: Any, **more: Any) -> Message:
    return message("request", station, *options, ciaddr=address, source=address, destination="192.168.1.1", **more)


def rebind(station: int, address: str, *options: Any, **more: Any) -> Message:
    return message("request", station, *options, ciaddr=address, source=address, **more)


def reboot(station: int, address: str, *options: Any, **more: Any) -> Message:
    return message("request", station, ("requested_addr", address), *options, **more)


def release(station: int, address: str, *options: Any, **more: Any) -> Message:
    return message("release", station, *options, ciaddr=address, source=address, **more)


def decline(station: int, address: str, server: str = "192.168.1.1", **more: Any) -> Message:
    return message("decline", station, ("requested_addr", address), ("server_id", server), **more)


def kinds(outcome: Outcome) -> list[EventKind]:
    return [event.kind for event in outcome.events]


def dropped(outcome: Outcome, reason: Drop) -> bool:
    """Whether a message had no effect but that it is said why."""
    return outcome[:4] == ([], [], [], reason) and outcome.reason == reason and outcome.probe is None
