"""A client's message as the server looks at it, and what is not even looked at."""

from enum import StrEnum

from vppdhc.dhc4.parameters import (
    CLIENT_ID,
    HOST_NAME,
    LEASE_TIME,
    PARAMETER_LIST,
    REQUESTED_ADDRESS,
    SERVER_ID,
)
from vppdhc.dhc4.reservations import Reservations
from vppdhc.dhc4.subnet import Networks, Served, Subnet
from vppdhc.interface import Interface
from vppdhc.packet import ipv4
from vppdhc.packet.dhcp4 import BOOTREQUEST, Message

_HOPS_MOST = 16
_ETHERNET = 1
_HARDWARE_TYPES = tuple(bytes((htype,)) for htype in range(256))
_CLIENT_ID_MARK = b"\0"
_CLIENT_ID_LONGEST = 255
_HOST_NAME_LONGEST = 255


class Drop(StrEnum):
    """Why a message has no answer, for counters and for people."""

    NOT_A_REQUEST = "not-a-request"
    """The op field says that it is for a client."""
    TOO_MANY_HOPS = "too-many-hops"
    """More relay agents than there can be: a loop."""
    MESSAGE_TYPE = "message-type"
    """Not a DHCP message, or none that a server gets."""
    IDENTITY = "no-identity"
    """Neither a client identifier nor a hardware address."""
    HARDWARE = "hardware-address"
    """A hardware address that no station can have."""
    MALFORMED = "malformed-option"
    """An option has the wrong length, or one is missing without which the message means nothing."""
    NOT_SERVED = "not-served"
    """The interface is not served."""
    NO_SUBNET = "no-subnet"
    """No served network goes with the interface, the relay agent or the client's address."""
    OTHER_SERVER = "other-server"
    """The client talks to another server."""
    UNKNOWN_CLIENT = "unknown-client"
    """We have no record of a client that says it has an address, and are not authoritative."""
    NO_LEASE = "no-lease"
    """The client gives back, or declines, an address that it does not have."""
    NO_ADDRESS = "no-address-free"
    """Every address of the pools is in use."""


class RefusalError(Exception):
    """A message is dropped.

    reason: why.
    """

    def __init__(self, reason: Drop) -> None:
        super().__init__(str(reason))
        self.reason = reason


def client_key(message: Message) -> bytes:
    """Return what a client is known by: its client identifier, else its hardware type and address.

    RFC 2131, 4.2. The first octet tells the two apart: 0 for an identifier, else the hardware type, where 0
    is reserved (RFC 5494). So nobody can take over a client by sending that one's hardware address as
    identifier.

    Raises RefusalError for a client that has neither, and for an identifier in several parts (RFC 3396): it
    would only fill our memory.
    """
    identifier = message.options.get(CLIENT_ID)
    if identifier:
        if len(identifier) > _CLIENT_ID_LONGEST:
            raise RefusalError(Drop.MALFORMED)
        return _CLIENT_ID_MARK + identifier
    if message.htype and message.chaddr:
        return _HARDWARE_TYPES[message.htype] + message.chaddr
    raise RefusalError(Drop.IDENTITY)


class Request:
    """A message with what the server wants to know of it, checked.

    message: as received.
    interface: where it came in.
    now: when, CLOCK_BOOTTIME.
    served: the interface as it is served.
    table: routing table id of that interface.
    subnets: those that the client can have an address in: that of the relay agent, else all of the interface; of a
        client that is not on this link but reached us through a router, that of its ciaddr.
    client: key of the client.
    hardware: hardware type and address, empty where the client sent none.
    requested, server_id, wish: options 50, 54 and 51, None without.
    parameters: option 55.
    reservation: what is reserved for the client in this table; None where nothing is.
    given_name: the host name that it has by its reservation, as option 12; empty without.
    """

    __slots__ = (
        "client",
        "given_name",
        "hardware",
        "interface",
        "message",
        "now",
        "parameters",
        "requested",
        "reservation",
        "served",
        "server_id",
        "subnets",
        "table",
        "wish",
    )

    def __init__(
        self, message: Message, interface: Interface, networks: Networks, reservations: Reservations, now: float
    ) -> None:
        """Read a message; raises RefusalError for one that cannot be answered whatever it asks for."""
        options = message.options
        self.message = message
        self.interface = interface
        self.now = now
        if message.op != BOOTREQUEST:
            raise RefusalError(Drop.NOT_A_REQUEST)
        if message.hops > _HOPS_MOST:
            raise RefusalError(Drop.TOO_MANY_HOPS)
        served = networks.served(interface.name)
        if served is None:
            raise RefusalError(Drop.NOT_SERVED)
        self.served: Served = served
        self.table = served.table
        self.subnets = _subnets(message, served, networks)
        chaddr = message.chaddr
        if chaddr and message.htype == _ETHERNET and (len(chaddr) != 6 or chaddr[0] & 1 or not any(chaddr)):
            raise RefusalError(Drop.HARDWARE)
        self.client = client_key(message)
        if self.client[0]:
            self.hardware = self.client  # the same object twice: a million leases are 48 MB smaller
        else:
            self.hardware = _HARDWARE_TYPES[message.htype] + chaddr if chaddr else b""
        self.reservation = reservations.of(self.client, self.hardware, self.table)
        self.given_name = b"" if self.reservation is None else self.reservation.hostname.encode("ascii")
        self.requested = _integer(options.get(REQUESTED_ADDRESS))
        self.server_id = _integer(options.get(SERVER_ID))
        self.wish = _integer(options.get(LEASE_TIME))
        self.parameters = options.get(PARAMETER_LIST)

    def subnet_of(self, address: int) -> Subnet | None:
        """Return the one of the client's subnets that an address lies in."""
        for subnet in self.subnets:
            if subnet.first <= address <= subnet.last:
                return subnet
        return None

    def host_name(self) -> str:
        """Return the client's name for people to read: by its reservation, else as it says; empty without."""
        if self.given_name:
            return self.given_name.decode("ascii")
        raw = self.message.options.get(HOST_NAME)
        if not raw:
            return ""
        text = raw.rstrip(b"\0").decode("utf-8", "replace")[:_HOST_NAME_LONGEST]
        return text if text.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in text)


def _subnets(message: Message, served: Served, networks: Networks) -> tuple[Subnet, ...]:
    """Return the subnets that a client can have an address in (RFC 2131, 4.3.1).

    No relay agent has a part in a unicast message, so there ciaddr is to be trusted (4.3.2, RENEWING). But a client
    that moved to another link without noticing sends the same; what tells them apart is that its frame then comes
    from its own hardware address, and not from that of a router.
    """
    if message.giaddr:
        subnet = networks.find(served.table, message.giaddr)
        if subnet is None:
            raise RefusalError(Drop.NO_SUBNET)
        return (subnet,)
    if message.ciaddr and message.destination != ipv4.BROADCAST and message.source_mac != message.chaddr:
        subnet = networks.find(served.table, message.ciaddr)
        if subnet is not None and subnet.interface != served.name:
            return (subnet,)
    if not served.subnets:
        raise RefusalError(Drop.NO_SUBNET)
    return served.subnets


def _integer(raw: bytes | None) -> int | None:
    if raw is None:
        return None
    if len(raw) != 4:
        raise RefusalError(Drop.MALFORMED)
    return int.from_bytes(raw, "big")
