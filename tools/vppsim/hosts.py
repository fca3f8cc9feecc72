"""Hosts inside this process: they answer ARP and pings for their address and speak DHCP, following T1 and T2.

A host with a static address can be a DHCP server as well. Each has an IPv6 side of its own.
"""

import struct
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Any, Final

from tools.vppsim import dhcp
from tools.vppsim.addresses import BROADCAST, NO_MAC, Prefix, mac_text, text
from tools.vppsim.devices import Wire
from tools.vppsim.dhcp import Message, Type
from tools.vppsim.dhcp_server import DhcpServer, destination
from tools.vppsim.hosts6 import Host6
from tools.vppsim.interfaces import Vlans
from tools.vppsim.loop import Loop, Timer
from tools.vppsim.packets import (
    ARP_REPLY,
    ARP_REQUEST,
    ETHERTYPE_ARP,
    ETHERTYPE_IP4,
    ETHERTYPE_IP6,
    ICMP,
    UDP,
    Arp,
    Ip4,
    checksum,
    ethernet,
    ip4,
    udp4,
    untagged,
)

_EVERYBODY: Final = 0xFFFFFFFF
_FIRST_RETRY: Final = 1.0
_LAST_RETRY: Final = 16.0
_ASKED_FOR: Final = bytes([dhcp.MASK, dhcp.ROUTER, dhcp.DNS, dhcp.LEASE_TIME, dhcp.T1, dhcp.T2])


class State(Enum):
    """States of a DHCP client (RFC 2131 figure 5)."""

    STOPPED = "stopped"
    SELECTING = "selecting"
    REQUESTING = "requesting"
    REBOOTING = "rebooting"
    BOUND = "bound"
    RENEWING = "renewing"
    REBINDING = "rebinding"


@dataclass(slots=True)
class Lease:
    """What a server granted. Times in seconds of the monotonic clock; router 0 where there is none."""

    prefix: Prefix
    server: int
    router: int
    name_servers: list[int]
    renew_at: float
    rebind_at: float
    expires_at: float


class Host:
    """One host.

    mac: its hardware address. vlans: the tags that its frames carry. static: its address without DHCP, None where it
    has none. server: the DHCP server on it, None where it is none. ip6: its IPv6 side.
    """

    def __init__(
        self, name: str, wire: Wire, mac: bytes, *, loop: Loop, random: Random, vlans: Vlans, client_id: bytes
    ) -> None:
        self.name = name
        self.mac = mac
        self.static: Prefix | None = None
        self.server: DhcpServer | None = None
        self.ip6 = Host6(mac, lambda to, packet: self._send(to, ETHERTYPE_IP6, packet), loop)
        self.broadcast = False
        self.lease: Lease | None = None
        self.state = State.STOPPED
        self.received: dict[str, int] = {}
        self._wire = wire
        self._loop = loop
        self._random = random
        self._vlans = vlans
        self._client_id = client_id
        self._neighbours: dict[int, bytes] = {}
        self._waiting: dict[int, bytes] = {}
        self._xid = 0
        self._retry = _FIRST_RETRY
        self._timer = Timer(self.stop)
        self._offer: Message | None = None
        self._last: int | None = None

    # --- what it is asked to do

    def start(self, requested: int | None = None) -> None:
        """Get a lease, the address it had before (INIT-REBOOT) or one it asks for where one is given."""
        self.stop()
        self._xid = self._random.getrandbits(32)
        self._retry = _FIRST_RETRY
        self._last = requested
        self.state = State.SELECTING
        self._discover()

    def reboot(self) -> bool:
        """Ask for the address it had, without a DISCOVER; tell whether it had one."""
        if self.lease is None:
            return False
        self._last = self.lease.prefix.address
        self.stop()
        self._begin(State.REBOOTING)
        return True

    def renew(self) -> bool:
        """Renew by unicast now; tell whether there is a lease."""
        return self._begin_with_lease(State.RENEWING)

    def rebind(self) -> bool:
        """Rebind by broadcast now; tell whether there is a lease."""
        return self._begin_with_lease(State.REBINDING)

    def release(self) -> bool:
        """Give the lease back; tell whether there was one."""
        lease = self.lease
        if lease is None:
            return False
        message = self._message(Type.RELEASE, ciaddr=lease.prefix.address)
        message.options[dhcp.SERVER] = lease.server.to_bytes(4, "big")
        self._unicast(message, lease)
        self.stop()
        return True

    def decline(self) -> bool:
        """Decline the address of the lease; tell whether there is one."""
        lease = self.lease
        if lease is None:
            return False
        self.stop()
        message = self._message(Type.DECLINE)
        message.options[dhcp.REQUESTED] = lease.prefix.address.to_bytes(4, "big")
        message.options[dhcp.SERVER] = lease.server.to_bytes(4, "big")
        self._everybody(message)
        return True

    def inform(self) -> bool:
        """Ask for parameters with its static or leased address; tell whether it has one."""
        prefix = self.prefix
        if prefix is None:
            return False
        message = self._message(Type.INFORM, ciaddr=prefix.address)
        message.options[dhcp.PARAMETERS] = _ASKED_FOR
        self._everybody(message)
        return True

    def stop(self) -> None:
        """Forget the lease without telling anybody."""
        self._timer.cancel()
        self.state = State.STOPPED
        self.lease = None
        self._offer = None

    def ping(self, address: int) -> None:
        """Send an echo request; what comes back is counted."""
        prefix = self.prefix
        if prefix is not None:
            head = b"\x08\0\0\0\0\1\0\1simulated"
            message = head[:2] + checksum(head).to_bytes(2, "big") + head[4:]
            self._send_ip(ip4(prefix.address, address, ICMP, message), address)

    @property
    def prefix(self) -> Prefix | None:
        """Its address, static or leased."""
        return self.static or (self.lease.prefix if self.lease else None)

    def show(self) -> dict[str, Any]:
        """Return what it is and has."""
        lease, now = self.lease, self._loop.now()
        shown: dict[str, Any] = {
            "mac": mac_text(self.mac),
            "state": self.state.value,
            "address": str(self.prefix) if self.prefix else None,
            "received": self.received,
        }
        if lease is not None:
            shown["server"] = text(4, lease.server)
            shown["router"] = text(4, lease.router)
            shown["name-servers"] = [text(4, one) for one in lease.name_servers]
            shown["expires-in"] = round(lease.expires_at - now, 1)
        if self.server is not None:
            shown["dhcp-server"] = self.server.show()
        shown["ip6"] = self.ip6.show()
        return shown

    # --- the client's state machine

    def _begin_with_lease(self, state: State) -> bool:
        if self.lease is None:
            return False
        self._begin(state)
        return True

    def _begin(self, state: State) -> None:
        self._timer.cancel()
        self.state = state
        self._xid = self._random.getrandbits(32)
        self._retry = _FIRST_RETRY
        self._again()

    def _again(self) -> None:
        """Send what the state asks for, and again when nothing comes back."""
        now, lease = self._loop.now(), self.lease
        if lease is not None and now >= lease.expires_at:
            self.start()
            return
        if self.state == State.RENEWING and lease is not None and now >= lease.rebind_at:
            self.state = State.REBINDING
        {
            State.SELECTING: self._discover,
            State.REQUESTING: self._request_offer,
            State.REBOOTING: self._request_known,
            State.RENEWING: self._extend,
            State.REBINDING: self._extend,
        }.get(self.state, self.stop)()

    def _retry_later(self) -> None:
        lease, now = self.lease, self._loop.now()
        wait = self._retry
        if lease is not None:
            border = lease.rebind_at if self.state == State.RENEWING else lease.expires_at
            wait = max(0.0, min(wait, border - now))
        self._timer.cancel()
        self._timer = self._loop.after(wait, self._again)
        self._retry = min(self._retry * 2, _LAST_RETRY)

    def _discover(self) -> None:
        message = self._message(Type.DISCOVER)
        message.options[dhcp.PARAMETERS] = _ASKED_FOR
        if self._last is not None:
            message.options[dhcp.REQUESTED] = self._last.to_bytes(4, "big")
        self._retry_later()
        self._everybody(message)

    def _request_offer(self) -> None:
        if self._offer is None or self._retry >= _LAST_RETRY:
            self.start()
            return
        message = self._message(Type.REQUEST)
        message.options[dhcp.REQUESTED] = self._offer.yiaddr.to_bytes(4, "big")
        message.options[dhcp.SERVER] = self._offer.options[dhcp.SERVER]
        message.options[dhcp.PARAMETERS] = _ASKED_FOR
        self._retry_later()
        self._everybody(message)

    def _request_known(self) -> None:
        if self._last is None or self._retry >= _LAST_RETRY:
            self.start(self._last)
            return
        message = self._message(Type.REQUEST)
        message.options[dhcp.REQUESTED] = self._last.to_bytes(4, "big")
        message.options[dhcp.PARAMETERS] = _ASKED_FOR
        self._retry_later()
        self._everybody(message)

    def _extend(self) -> None:
        lease = self.lease
        if lease is None:
            self.start()
            return
        message = self._message(Type.REQUEST, ciaddr=lease.prefix.address)
        message.options[dhcp.PARAMETERS] = _ASKED_FOR
        self._retry_later()
        if self.state == State.RENEWING:
            self._unicast(message, lease)
        else:
            self._everybody(message)

    def _answered(self, message: Message) -> None:
        kind = message.type
        if message.op != 2 or message.hardware != self.mac:
            return
        name = dhcp.name_of(kind)
        self.received[name] = self.received.get(name, 0) + 1
        if message.xid != self._xid or self.state in (State.STOPPED, State.BOUND):
            return
        if self.state == State.SELECTING:
            if kind == Type.OFFER and dhcp.SERVER in message.options:
                self._offer = message
                self.state = State.REQUESTING
                self._retry = _FIRST_RETRY
                self._request_offer()
        elif kind == Type.ACK:
            self._bind(message)
        elif kind == Type.NAK:
            self.start()

    def _bind(self, ack: Message) -> None:
        granted = ack.number(dhcp.LEASE_TIME)
        if granted is None:
            return
        now = self._loop.now()
        mask = ack.number(dhcp.MASK)
        length = 32 if mask is None else mask.bit_count()
        renew = ack.number(dhcp.T1)
        rebind = ack.number(dhcp.T2)
        self.lease = Lease(
            Prefix(4, ack.yiaddr or ack.ciaddr, length),
            ack.number(dhcp.SERVER) or 0,
            ack.number(dhcp.ROUTER) or 0,
            ack.numbers(dhcp.DNS),
            now + (granted * 0.5 if renew is None else renew),
            now + (granted * 0.875 if rebind is None else rebind),
            now + granted,
        )
        self.state = State.BOUND
        self._offer = None
        self._timer.cancel()
        self._timer = self._loop.after(self.lease.renew_at - now, self._time_to_renew)

    def _time_to_renew(self) -> None:
        self._begin(State.RENEWING)

    # --- the server

    def _serve(self, message: Message) -> None:
        reply = self.server.answer(message, self.static) if self.server and self.static else None
        if self.static is not None and reply is not None:
            where = destination(reply)
            packet = udp4(self.static.address, where, 67, 68, reply.encode())
            self._send(BROADCAST if where == _EVERYBODY else reply.hardware, ETHERTYPE_IP4, packet)

    # --- packets

    def _message(self, kind: Type, ciaddr: int = 0) -> Message:
        if kind in (Type.RELEASE, Type.DECLINE, Type.INFORM):
            self._xid = self._random.getrandbits(32)
        options = {dhcp.TYPE: bytes([kind])}
        if self._client_id:
            options[dhcp.CLIENT_ID] = self._client_id
        return Message(1, self._xid, self.mac, ciaddr, broadcast=self.broadcast, options=options)

    def _everybody(self, message: Message) -> None:
        packet = udp4(message.ciaddr, _EVERYBODY, 68, 67, message.encode())
        self._send(BROADCAST, ETHERTYPE_IP4, packet)

    def _unicast(self, message: Message, lease: Lease) -> None:
        self._send_ip(udp4(lease.prefix.address, lease.server, 68, 67, message.encode()), lease.server)

    def _send_ip(self, packet: bytes, destination: int) -> None:
        """Send to a neighbour or to the router; ARP first where it is not known."""
        prefix = self.prefix
        hop = destination
        if prefix is not None and not prefix.holds(destination) and self.lease is not None:
            hop = self.lease.router or destination
        mac = self._neighbours.get(hop)
        if mac is not None:
            self._send(mac, ETHERTYPE_IP4, packet)
        elif prefix is not None:
            self._waiting[hop] = packet
            ask = Arp(ARP_REQUEST, self.mac, prefix.address, NO_MAC, hop)
            self._send(BROADCAST, ETHERTYPE_ARP, ask.encode())

    def _send(self, destination: bytes, kind: int, payload: bytes) -> None:
        self._wire.from_station(ethernet(destination, self.mac, self._vlans, kind, payload))

    def receive(self, frame: bytes) -> None:
        """Take a frame from the wire."""
        vlans, kind, offset = untagged(frame)
        if vlans != self._vlans:
            return
        if kind == ETHERTYPE_ARP:
            packet = Arp.decode(frame, offset)
            if packet is not None:
                self._arp(packet)
        elif kind == ETHERTYPE_IP4:
            header = Ip4.decode(frame, offset)
            if header is not None:
                self._ip(frame, header)
        elif kind == ETHERTYPE_IP6:
            self.ip6.receive(frame, offset)

    def _arp(self, packet: Arp) -> None:
        prefix = self.prefix
        waiting = self._waiting.pop(packet.sender, None)
        if waiting is not None:
            self._neighbours[packet.sender] = packet.sender_mac
            self._send(packet.sender_mac, ETHERTYPE_IP4, waiting)
        if packet.operation == ARP_REQUEST and prefix is not None and packet.target == prefix.address:
            reply = Arp(ARP_REPLY, self.mac, prefix.address, packet.sender_mac, packet.sender)
            self._send(packet.sender_mac, ETHERTYPE_ARP, reply.encode())

    def _ip(self, frame: bytes, header: Ip4) -> None:
        body = frame[header.payload : header.end]
        if header.protocol == UDP and len(body) >= 8:
            (port,) = struct.unpack_from(">H", body, 2)
            message = Message.decode(body[8:]) if port in (67, 68) else None
            if message is not None:
                (self._answered if port == 68 else self._serve)(message)
        elif header.protocol == ICMP and body[:1] == b"\0":
            self.received["echo reply"] = self.received.get("echo reply", 0) + 1
        elif header.protocol == ICMP and body[:1] == b"\x08" and self.prefix is not None:
            blank = b"\0\0\0\0" + body[4:]
            answer = blank[:2] + checksum(blank).to_bytes(2, "big") + blank[4:]
            self._send(frame[6:12], ETHERTYPE_IP4, ip4(header.destination, header.source, ICMP, answer))
