"""The provider's end of the link: DHCPv6 servers, and what they hear."""

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv6Address, IPv6Network
from typing import Any, Protocol

from vppdhc.dhc6pdclient.bindings import IaKey, IaType
from vppdhc.packet import auth6, punt
from vppdhc.packet.dhcp6 import Message, MessageType, Options, StatusCode, encode, find
from vppdhc.packet.frame import UdpPacket, encode_udp6
from vppdhc.packet.ia6 import (
    Ia,
    decode_address,
    decode_ia,
    decode_prefix,
    encode_address,
    encode_excluded,
    encode_ia,
    encode_prefix,
    encode_status,
)
from vppdhc.packet.options6 import Option, encode_value

SERVER_MAC = bytes.fromhex("020000000001")
SERVER_DUID = bytes.fromhex("00030001020000000001")
CLIENT_MAC = bytes.fromhex("02fe000000aa")
LINK_LOCAL = IPv6Address("fe80::fe:ff:fe00:aa")
ASKING = ("solicit", "request", "renew", "rebind")
CODES = {Option.IA_PD: IaType.PD, Option.IA_NA: IaType.NA}


class Network(Protocol):
    """Where servers are."""

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        """Do something when so many seconds have passed."""

    def deliver(self, datagram: bytes) -> None:
        """Give the client a datagram."""


@dataclass
class Heard:
    """A message of the client as it was on the wire. at: when."""

    at: float
    packet: UdpPacket
    message: Message

    @property
    def type(self) -> str:
        return MessageType(self.message.type).name.lower().replace("_", "-")

    @property
    def elapsed(self) -> int:
        """Hundredths of a second."""
        return int.from_bytes(self.message.get(Option.ELAPSED_TIME) or b"", "big")

    @property
    def ias(self) -> dict[IaKey, Ia]:
        """The identity associations in it."""
        found = {}
        for code, ia_type in CODES.items():
            for raw in self.message.all(code):
                ia = decode_ia(raw)
                found[IaKey(ia_type, ia.iaid)] = ia
        return found

    def wishes(self, key: IaKey) -> list[str]:
        """The prefixes or addresses of an association in it."""
        return [str(prefix) if key.type is IaType.PD else str(prefix.network_address) for prefix in leases(self, key)]


def leases(heard: Heard, key: IaKey) -> list[IPv6Network]:
    found = []
    for code, raw in heard.ias[key].options:
        if code == Option.IAPREFIX:
            prefix = decode_prefix(raw)
            found.append(IPv6Network((prefix.prefix, prefix.length)))
        elif code == Option.IAADDR:
            found.append(IPv6Network(decode_address(raw).address))
    return found


@dataclass
class Server:
    """A DHCPv6 server of the provider. Its wishes may be changed while it runs.

    gives: prefixes and addresses of each association; zero: those with lifetimes of 0.
    statuses: what is said of an association instead. status: of the whole message.
    unknown: associations that it leaves out. forgot: whether it knows nothing of what it gave, before it is requested.
    silent: does not answer. answers: types of the messages that it answers. delay: seconds until it does.
    excluded: what it excludes of each prefix. raw: more options, as bytes.
    key: that it gives for Reconfigure messages; empty for none.
    lifetimes: preferred and valid lifetimes of leases that have others.
    breaks_its_word: whether it has nothing left when it is requested.
    spoil: what becomes of an answer on its way. watch: is told what it hears, first.
    """

    world: Network
    duid: bytes = SERVER_DUID
    address: str = "fe80::1"
    gives: dict[IaKey, list[str]] = field(default_factory=dict)
    zero: dict[IaKey, list[str]] = field(default_factory=dict)
    statuses: dict[IaKey, StatusCode] = field(default_factory=dict)
    status: StatusCode | None = None
    unknown: set[IaKey] = field(default_factory=set)
    forgot: bool = False
    preferred: int = 3600
    valid: int = 7200
    t1: int = 1800
    t2: int = 2880
    preference: int | None = None
    rapid: bool = False
    silent: bool = False
    answers: set[str] = field(default_factory=lambda: {*ASKING, "confirm", "release", "decline", "information-request"})
    delay: float = 0.01
    options: dict[Option, Any] = field(default_factory=lambda: {Option.DNS_SERVERS: ["2001:db8::53"]})
    raw: Options = field(default_factory=list)
    excluded: dict[str, str] = field(default_factory=dict)
    key: bytes = b""
    replay: int = 0
    lifetimes: dict[str, tuple[int, int]] = field(default_factory=dict)
    breaks_its_word: bool = False
    spoil: Callable[[bytes], bytes] = lambda datagram: datagram
    watch: Callable[[Heard], object] = lambda _: None
    heard: list[Heard] = field(default_factory=list)

    def hear(self, heard: Heard) -> None:
        """Take a message of the client, and answer it if it is for this server."""
        wanted = heard.message.get(Option.SERVERID)
        if wanted not in (None, self.duid):
            return
        self.watch(heard)
        self.heard.append(heard)
        if self.silent or heard.type not in self.answers:
            return
        if heard.type == "request":
            self.forgot = False
        rapid = heard.type == "solicit" and self.rapid and heard.message.get(Option.RAPID_COMMIT) is not None
        if heard.type == "solicit" and not rapid:
            self.answer(heard, MessageType.ADVERTISE)
        else:
            self.answer(heard, MessageType.REPLY, [(Option.RAPID_COMMIT, b"")] if rapid else [])

    def answer(self, heard: Heard, message_type: MessageType, more: Options | None = None) -> None:
        """Send an answer, as the server is minded when it is sent."""
        self.world.after(
            self.delay, lambda: self.world.deliver(self.spoil(self.datagram(heard, message_type, more or [])))
        )

    def datagram(self, heard: Heard, message_type: MessageType, more: Options) -> bytes:
        """Return an answer as VPP's punt socket gives it."""
        return punted(self.message(heard, message_type, more), self.address)

    def message(self, heard: Heard, message_type: MessageType, more: Options) -> Message:
        """Return an answer."""
        options: Options = [
            (Option.CLIENTID, heard.message.get(Option.CLIENTID) or b""),
            (Option.SERVERID, self.duid),
        ]
        if self.status is not None:
            options.append((Option.STATUS_CODE, encode_status(self.status, "as it is")))
        if self.preference is not None and message_type is MessageType.ADVERTISE:
            options.append((Option.PREFERENCE, bytes((self.preference,))))
        if heard.type in ASKING:
            options += [self.association(key, heard) for key in heard.ias if key not in self.unknown]
        if heard.type in (*ASKING, "information-request"):
            options += [(code, encode_value(code, value)) for code, value in self.options.items()]
        if self.key and message_type is MessageType.REPLY:
            self.replay += 1
            options.append((Option.AUTH, auth6.encode_key(self.key, self.replay)))
        return Message(message_type, heard.message.transaction_id, [*options, *more, *self.raw])

    def association(self, key: IaKey, heard: Heard) -> tuple[int, bytes]:
        """Return an IA option."""
        code = Option.IA_PD if key.type is IaType.PD else Option.IA_NA
        status = self.statuses.get(key)
        if self.forgot and heard.type in ("renew", "rebind"):
            status = StatusCode.NO_BINDING
        if self.breaks_its_word and heard.type == "request":
            status = StatusCode.NO_PREFIX_AVAIL
        if status is None and key not in self.gives and key not in self.zero:
            status = StatusCode.NO_PREFIX_AVAIL if key.type is IaType.PD else StatusCode.NO_ADDRS_AVAIL
        zero = [self.lease(key, text, 0, 0) for text in self.zero.get(key, [])]
        if status is not None:
            return code, encode_ia(key.ia_id, 0, 0, [(Option.STATUS_CODE, encode_status(status, "sorry")), *zero])
        within = [
            self.lease(key, text, *self.lifetimes.get(text, (self.preferred, self.valid)))
            for text in self.gives.get(key, [])
        ]
        within += zero
        return code, encode_ia(key.ia_id, self.t1, self.t2, within)

    def lease(self, key: IaKey, text: str, preferred: int, valid: int) -> tuple[int, bytes]:
        """Return an address or prefix option."""
        if key.type is IaType.NA:
            return Option.IAADDR, encode_address(int(IPv6Address(text)), preferred, valid)
        prefix = IPv6Network(text)
        start, length = int(prefix.network_address), prefix.prefixlen
        options: Options = []
        if text in self.excluded:
            excluded = IPv6Network(self.excluded[text])
            wire = encode_excluded(start, length, int(excluded.network_address), excluded.prefixlen)
            options.append((Option.PD_EXCLUDE, wire))
        return Option.IAPREFIX, encode_prefix(start, length, preferred, valid, options)

    def reconfigure(self, wanted: MessageType, *, key: bytes | None = None, **changes: Any) -> bytes:
        """Return a Reconfigure as VPP's punt socket gives it. key: to sign it with, if not the server's own."""
        self.replay += 1
        options: Options = [
            (Option.CLIENTID, find(self.heard[-1].message.options, Option.CLIENTID) or b""),
            (Option.SERVERID, changes.get("server", self.duid)),
            (Option.RECONF_MSG, changes.get("content", bytes((wanted,)))),
        ]
        message = Message(MessageType.RECONFIGURE, 0, options)
        signed = auth6.sign(message, self.key if key is None else key, changes.get("replay", self.replay))
        return punted(signed, self.address, destination=changes.get("destination", LINK_LOCAL))

    def types(self, since: float = 0.0) -> list[str]:
        """The types of what it heard."""
        return [heard.type for heard in self.heard if heard.at >= since]


def punted(reply: Message, source: str, destination: IPv6Address = LINK_LOCAL) -> bytes:
    """Return a message as VPP's punt socket gives it."""
    frame = encode_udp6(
        source_mac=SERVER_MAC,
        destination_mac=CLIENT_MAC,
        vlans=(),
        source=int(IPv6Address(source)),
        destination=int(destination),
        source_port=547,
        destination_port=546,
        payload=encode(reply),
    )
    return punt.encode(3, punt.L2, frame)
