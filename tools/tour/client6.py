"""A host that asks for an address by DHCPv6, made of scapy, at the far end of a simulated interface."""

import socket
from pathlib import Path
from typing import Any, Final, NamedTuple

from scapy.layers.dhcp6 import (
    DUID_LL,
    DHCP6_Advertise,
    DHCP6_Reply,
    DHCP6_Request,
    DHCP6_Solicit,
    DHCP6OptClientId,
    DHCP6OptDNSServers,
    DHCP6OptElapsedTime,
    DHCP6OptIA_NA,
    DHCP6OptIAAddress,
    DHCP6OptOptReq,
    DHCP6OptServerId,
)
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from tools.tour.stage import wait_for

MAC: Final = "02:00:00:00:00:10"
LINK_LOCAL: Final = "fe80::ff:fe00:10"
_ALL_AGENTS_AND_SERVERS: Final = ("33:33:00:01:00:02", "ff02::1:2")
_CLIENT, _SERVER, _DNS_SERVERS = 546, 547, 23
_RETRANSMISSION: Final = 1.0
_LONGEST: Final = 65536


class Lease(NamedTuple):
    """What the host was given. valid: in seconds."""

    address: str
    valid: int
    name_servers: list[str]


class Client6:
    """A host with one identity association.

    wire: path of the socket that is the simulated interface's.
    """

    def __init__(self, wire: Path) -> None:
        self._wire = str(wire)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"{wire}.far")
        self._socket.settimeout(_RETRANSMISSION)
        self._me = DHCP6OptClientId(duid=DUID_LL(lladdr=MAC))

    def close(self) -> None:
        """Unplug it."""
        self._socket.close()

    def ask(self) -> Lease:
        """Get a lease by four messages (RFC 8415, 5.2)."""
        offered = self._exchange(DHCP6_Solicit(trid=1) / DHCP6OptIA_NA(iaid=1), DHCP6_Advertise)
        server = DHCP6OptServerId(duid=offered[DHCP6OptServerId].duid)
        wanted = DHCP6OptIA_NA(iaid=1, ianaopts=[DHCP6OptIAAddress(addr=_address(offered).addr)])
        given = self._exchange(DHCP6_Request(trid=2) / server / wanted, DHCP6_Reply)
        lease = _address(given)
        return Lease(lease.addr, lease.validlft, given[DHCP6OptDNSServers].dnsservers)

    def _exchange(self, message: Packet, kind: type[Packet]) -> Packet:
        """Send a message, again and again, until it is answered."""
        mac, group = _ALL_AGENTS_AND_SERVERS
        heading = Ether(src=MAC, dst=mac) / IPv6(src=LINK_LOCAL, dst=group) / UDP(sport=_CLIENT, dport=_SERVER)
        options = self._me / DHCP6OptElapsedTime() / DHCP6OptOptReq(reqopts=[_DNS_SERVERS])
        frame = bytes(heading / message / options)
        answers: list[Packet] = []

        def answered() -> bool:
            self._socket.sendto(frame, self._wire)
            answers.extend(self._answers(message.trid, kind))
            return bool(answers)

        wait_for(answered, f"an answer to {message.name}")
        return answers[0]

    def _answers(self, trid: int, kind: type[Packet]) -> list[Packet]:
        """Return the next answer, in a list; an empty one where there is none for a while."""
        try:
            while True:
                packet = Ether(self._socket.recv(_LONGEST))
                if kind in packet and packet[kind].trid == trid:
                    return [packet]
        except TimeoutError:
            return []


def _address(message: Packet) -> Any:
    """Return the address option in the identity association of a message."""
    return next(option for option in message[DHCP6OptIA_NA].ianaopts if isinstance(option, DHCP6OptIAAddress))
