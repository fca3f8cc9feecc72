"""A client's message as the server looks at it, and what is not even looked at."""

from enum import StrEnum

from vppdhc.dhc4.config import ServerConfig
from vppdhc.dhc4.fqdn import CLIENT_FQDN, client_fqdn
from vppdhc.dhc4.options import HOST_NAME, OptionSet
from vppdhc.dhc4.parameters import CLIENT_ID, LEASE_TIME, MESSAGE_TYPE, PARAMETER_LIST, REQUESTED_ADDRESS, SERVER_ID
from vppdhc.dhc4.relay import NO_RELAY_INFORMATION, RELAY_AGENT, SUBNET_SELECTION, relay_information, subnet_selection
from vppdhc.dhc4.subnet import Networks, Served, Subnet
from vppdhc.interface import Interface
from vppdhc.packet import ipv4
from vppdhc.packet.dhcp4 import BOOTREQUEST, Message
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.structures4 import strings

VENDOR_CLASS = 60
USER_CLASS = 77

_HOPS_MOST = 16
_ETHERNET = 1
_HARDWARE_TYPES = tuple(bytes((htype,)) for htype in range(256))
_CLIENT_ID_MARK = b"\0"
_CLIENT_ID_LONGEST = 255
_TEXT_LONGEST = 255
_RAPID_COMMIT = 80
_GIVING_UP = (b"\4", b"\7")
"""DECLINE and RELEASE, by which a client gives up what it has."""


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
    RELAY_INFORMATION = "malformed-relay-information"
    """What a relay agent added makes no sense."""
    NOT_SERVED = "not-served"
    """The interface is not served."""
    NO_SUBNET = "no-subnet"
    """No served network goes with the interface, the relay agent or the client's address."""
    OTHER_SERVER = "other-server"
    """The client talks to another server."""
    UNKNOWN_CLIENT = "unknown-client"
    """We have no record of a client that says it has an address, and are not authoritative."""
    NO_RESERVATION = "no-reservation"
    """Only clients with a reservation are served, and this one has none."""
    BOOTP = "bootp"
    """It is a BOOTP client, and those are not served, or only with a reservation."""
    RATE = "too-fast"
    """The client sends more messages than are answered."""
    TOO_MANY_LEASES = "too-many-leases"
    """The client's hardware address has as many leases on the interface as one can have."""
    NO_LEASE = "no-lease"
    """The client gives back, or declines, an address that it does not have."""
    NO_ADDRESS = "no-address-free"
    """Every address of the pools is in use."""
    CONFLICTS = "too-many-conflicts"
    """Somebody else was found to use one address after the other."""


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
    table: routing table id of that interface.
    subnets: those that the client can have an address in: those where the relay agent says that it is, else all of the
        interface; of a client that is not on this link but reached us through a router, those where its ciaddr is.
    client: key of the client.
    hardware: hardware type and address, empty where the client sent none.
    requested, server_id, wish: options 50, 54 and 51, None without.
    parameters: option 55.
    relay: what a relay agent says of the client.
    selected: the network that it names and may name (option 118); 0 without.
    reservation: what is reserved for the client; None where nothing is.
    given_name: the host name that it has by its reservation, as option 12; empty without.
    user_classes: those in option 77.
    client_class: name of its client class, empty where it belongs to none.
    extra: options by its reservation and class, None where there are none.
    fqdn: option 81, None without.
    probed: an address that nobody was found to use a moment ago, 0 for none.
    """

    __slots__ = (
        "client",
        "client_class",
        "extra",
        "fqdn",
        "given_name",
        "hardware",
        "interface",
        "message",
        "now",
        "parameters",
        "probed",
        "relay",
        "requested",
        "reservation",
        "selected",
        "server_id",
        "subnets",
        "table",
        "user_classes",
        "wish",
    )

    def __init__(
        self,
        message: Message,
        interface: Interface,
        networks: Networks,
        config: ServerConfig,
        now: float,
        *,
        probed: int = 0,
    ) -> None:
        """Read a message; raises RefusalError for one that cannot be answered whatever it asks for."""
        options = message.options
        self.message = message
        self.interface = interface
        self.now = now
        self.probed = probed
        if message.op != BOOTREQUEST:
            raise RefusalError(Drop.NOT_A_REQUEST)
        if message.hops > _HOPS_MOST:
            raise RefusalError(Drop.TOO_MANY_HOPS)
        served = networks.served(interface.name)
        if served is None:
            raise RefusalError(Drop.NOT_SERVED)
        self.table = served.table
        self.relay = NO_RELAY_INFORMATION
        if RELAY_AGENT in options:
            try:
                self.relay = relay_information(message)
            except DecodeError:
                raise RefusalError(Drop.RELAY_INFORMATION) from None
        subnets = _subnets(message, self.relay.link, served, networks)
        self.selected = 0
        if SUBNET_SELECTION in options:
            subnets = self._select(subnets, served, networks, config)
        if not subnets:
            raise RefusalError(Drop.NO_SUBNET)
        chaddr = message.chaddr
        if chaddr and message.htype == _ETHERNET and (len(chaddr) != 6 or chaddr[0] & 1 or not any(chaddr)):
            raise RefusalError(Drop.HARDWARE)
        self.client = client_key(message)
        if self.client[0]:
            self.hardware = self.client  # the same object twice: a million leases are 48 MB smaller
        else:
            self.hardware = _HARDWARE_TYPES[message.htype] + chaddr if chaddr else b""
        self.requested = _integer(options[REQUESTED_ADDRESS]) if REQUESTED_ADDRESS in options else None
        self.server_id = _integer(options[SERVER_ID]) if SERVER_ID in options else None
        self.wish = _integer(options[LEASE_TIME]) if LEASE_TIME in options else None
        self.parameters = options.get(PARAMETER_LIST)
        self.fqdn = client_fqdn(options[CLIENT_FQDN]) if CLIENT_FQDN in options else None
        self.user_classes = _user_classes(options[USER_CLASS]) if USER_CLASS in options else ()
        self._place(subnets, config)

    def _select(
        self, subnets: tuple[Subnet, ...], served: Served, networks: Networks, config: ServerConfig
    ) -> tuple[Subnet, ...]:
        """Return the subnets of the network that the client names, where it may (RFC 3011).

        What the relay agent says of the client's link (RFC 3527) goes before. Without a relay agent, a client can
        choose among the networks of its own link only.

        subnets: those that it has otherwise.
        """
        message = self.message
        settings = subnets[0].settings if subnets else config.settings
        if not settings.subnet_selection:
            return subnets
        try:
            self.selected = subnet_selection(message)
        except DecodeError:
            raise RefusalError(Drop.MALFORMED) from None
        if message.giaddr:
            return subnets if self.relay.link else networks.behind(served.table, self.selected)
        return tuple(subnet for subnet in subnets if subnet.first <= self.selected <= subnet.last)

    def _place(self, subnets: tuple[Subnet, ...], config: ServerConfig) -> None:
        """Find the client's reservation and class, and what follows from them."""
        relay = self.relay
        reservation = config.reservations.of(
            self.client, self.hardware, self.table, subnets, relay.circuit_id, relay.remote_id
        )
        self.reservation = reservation
        self.given_name = b""
        self.extra: OptionSet | None = None
        if reservation is not None:
            self.given_name = reservation.hostname.encode("ascii")
            self.extra = reservation.options
        elif len(subnets) > 1 or subnets[0].settings.known_clients_only:
            subnets = _for_anybody(self.message, subnets)
        self.subnets = subnets
        self.client_class = ""
        if config.classes:
            found = config.classes.match(self.message.options.get(VENDOR_CLASS), self.user_classes)
            if found is not None:
                self.client_class = found.name
                self.extra = found.options if self.extra is None else self.extra.over(found.options)

    @property
    def says_more(self) -> bool:
        """Whether there is more to keep of the client than who it is: a relay agent, a class."""
        message = self.message
        return bool(
            message.giaddr or RELAY_AGENT in message.options or VENDOR_CLASS in message.options or self.user_classes
        )

    @property
    def rapid_commit(self) -> bool:
        """Whether the client would like its lease by two messages (RFC 4039)."""
        return _RAPID_COMMIT in self.message.options

    def subnet_of(self, address: int) -> Subnet | None:
        """Return the one of the client's subnets that an address lies in."""
        for subnet in self.subnets:
            if subnet.first <= address <= subnet.last:
                return subnet
        return None

    def own_address(self, subnet: Subnet) -> int:
        """Return our address towards the clients of a subnet: where their answers come from, and our identifier.

        That is the one in their network. Where we have none there, which needs a relay agent, it is the one that the
        message was sent to, else the first one of the interface.
        """
        if subnet.server_id:
            return subnet.server_id
        own = [int(address.ip) for address in self.interface.addresses4]
        if not own:
            raise RefusalError(Drop.NOT_SERVED)
        return self.message.destination if self.message.destination in own else own[0]

    def host_name(self) -> str:
        """Return the client's name for people to read: by its reservation, else as it says; empty without.

        A client that says its full name means that one, whatever it says in option 12 (RFC 4702, 3.1 and 4).
        """
        if self.given_name:
            return self.given_name.decode("ascii")
        if self.fqdn is not None and self.fqdn.name:
            return readable(self.fqdn.name.partition(".")[0].encode("ascii"))
        raw = self.message.options.get(HOST_NAME)
        return readable(raw) if raw else ""


def readable(raw: bytes) -> str:
    """Return what a client says as text that can be shown anywhere; what cannot is U+FFFD in it."""
    text = raw.rstrip(b"\0").decode("utf-8", "replace")[:_TEXT_LONGEST]
    return text if text.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in text)


def _user_classes(raw: bytes) -> tuple[bytes, ...]:
    """Return the user classes in option 77 (RFC 3004, 4).

    Some clients, iPXE among them, send one name without its length: it is taken as that.
    """
    try:
        classes = strings(raw)
    except DecodeError:
        classes = []
    if classes and all(classes):
        return tuple(classes)
    return (raw,) if raw else ()


def _for_anybody(message: Message, subnets: tuple[Subnet, ...]) -> tuple[Subnet, ...]:
    """Return the subnets in which a client without a reservation is served; it may always give up what it has."""
    if message.options.get(MESSAGE_TYPE) in _GIVING_UP:
        return subnets
    others = tuple(subnet for subnet in subnets if not subnet.settings.known_clients_only)
    if not others:
        raise RefusalError(Drop.NO_RESERVATION)
    return others


def _subnets(message: Message, link: int, served: Served, networks: Networks) -> tuple[Subnet, ...]:
    """Return the subnets that a client can have an address in (RFC 2131, 4.3.1).

    What the relay agent says of the client's link (RFC 3527) goes before its own address.

    No relay agent has a part in a unicast message, so there ciaddr is to be trusted (4.3.2, RENEWING). But a client
    that moved to another link without noticing sends the same; what tells them apart is that its frame then comes
    from its own hardware address, and not from that of a router.

    link: address of the client's link by its relay agent, 0 where that says nothing.
    """
    if message.giaddr:
        return networks.behind(served.table, link or message.giaddr)
    if message.ciaddr and message.destination != ipv4.BROADCAST and message.source_mac != message.chaddr:
        return _of_routed(message.ciaddr, served, networks)
    return served.subnets


def _of_routed(ciaddr: int, served: Served, networks: Networks) -> tuple[Subnet, ...]:
    """Return the subnets of a client whose message may have come by a router."""
    subnet = networks.find(served.table, ciaddr)
    if subnet is not None and subnet not in served.subnets:
        return (subnet,)
    return served.subnets


def _integer(raw: bytes) -> int:
    if len(raw) != 4:
        raise RefusalError(Drop.MALFORMED)
    return int.from_bytes(raw, "big")
