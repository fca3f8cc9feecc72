"""A client's message as the server looks at it."""

from typing import Final

from vppdhc.dhc6.allocation import Asking
from vppdhc.dhc6.associations import Asked, associations
from vppdhc.dhc6.delegation import DelegationPool
from vppdhc.dhc6.fqdn import ClientFqdn, client_fqdn
from vppdhc.dhc6.options import NO_OPTIONS, OptionSet
from vppdhc.dhc6.relay import NO_RELAY_INFORMATION, relay_information
from vppdhc.dhc6.reservations import Reservation, Reservations
from vppdhc.dhc6.subnet import Networks, Subnet
from vppdhc.dhc6.validation import Drop, RefusalError, validate
from vppdhc.interface import Interface
from vppdhc.packet import dhcp6, duid6, ipv6
from vppdhc.packet.dhcp6 import Message
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.options6 import Option

_ETHERNET: Final = b"\1"
_EUI64_MARK: Final = 0xFFFE
_UNIVERSAL: Final = 2
_WANTED_MOST: Final = 128
"""Options that a client can ask for at once; the answers to option requests are remembered."""
_HARDWARE_TYPE_MOST: Final = 0xFF


class Request:
    """A message with what the server wants to know of it, checked.

    message: as received.
    interface: where it came in.
    now: when, CLOCK_BOOTTIME.
    server_duid: our DUID.
    table: routing table id of that interface.
    subnets: those of the client's link: the one that a relay agent names, else the interface's.
    pools: those that it can have prefixes of.
    terms: what holds for the client, as long as nothing else is said of what it gets.
    duid: of the client; empty where it says none, which is only when it asks for information.
    hardware: the client's hardware addresses, the surest one first: what its relay agent saw (RFC 6939), its frame or
        link-local address, its DUID; each a hardware type of one byte and an address.
    ias: its identity associations.
    wanted: the options that it asks for, each once; None where it does not say.
    relay: what relay agents say of the client.
    reservation: what is reserved for the client, or for its first identity association for which anything is.
    extra: options by its reservation.
    fqdn: option 39, None without.
    probed: addresses that nobody was found to use a moment ago.
    """

    __slots__ = (
        "_reservations",
        "duid",
        "extra",
        "fqdn",
        "hardware",
        "ias",
        "interface",
        "message",
        "now",
        "pools",
        "probed",
        "relay",
        "reservation",
        "server_duid",
        "subnets",
        "table",
        "terms",
        "wanted",
    )

    def __init__(
        self,
        message: Message,
        interface: Interface,
        networks: Networks,
        reservations: Reservations,
        server_duid: bytes,
        now: float,
        *,
        probed: frozenset[int] = frozenset(),
    ) -> None:
        """Read a message; raises RefusalError for one that cannot be answered whatever it asks for."""
        self.message = message
        self.interface = interface
        self.now = now
        self.server_duid = server_duid
        self.probed = probed
        served = networks.served(interface.name)
        if served is None or interface.link_local is None:
            raise RefusalError(Drop.NOT_SERVED)
        self.table = served.table
        self.relay = NO_RELAY_INFORMATION
        if message.relays:
            try:
                self.relay = relay_information(message)
            except DecodeError:
                raise RefusalError(Drop.RELAY_INFORMATION) from None
        validate(message, server_duid)
        if not _can_answer(message, interface):
            raise RefusalError(Drop.NOT_SERVED)
        self.duid = message.get(Option.CLIENTID) or b""
        try:
            self.ias = associations(message)
        except DecodeError:
            raise RefusalError(Drop.MALFORMED) from None
        link = self.relay.link
        self.subnets: tuple[Subnet, ...] = networks.behind(self.table, link) if link else served.subnets
        self.pools: tuple[DelegationPool, ...] = networks.prefix_pools(interface.name, link)
        self.terms = self.subnets[0].terms if self.subnets else served.terms
        if link and not self.subnets and not self.pools:
            raise RefusalError(Drop.NO_SUBNET)
        self.hardware = hardware_addresses(message, self.relay.hardware, self.duid)
        requested = message.get(Option.ORO)
        self.wanted = None if requested is None else tuple(dict.fromkeys(dhcp6.numbers(requested)))[:_WANTED_MOST]
        self.fqdn: ClientFqdn | None = client_fqdn(message.get(Option.CLIENT_FQDN))
        self._reservations = reservations
        reserved = [self.reservation_of(ia_id) for ia_id in (*(ia.ia_id for ia in self.ias), None)]
        self.reservation = next((one for one in reserved if one is not None), None)
        self.extra: OptionSet = NO_OPTIONS if self.reservation is None else self.reservation.options

    def reservation_of(self, ia_id: int | None) -> Reservation | None:
        """Return what is reserved for one of the client's identity associations; None as IAID: for the client."""
        if not self.duid:
            return None
        return self._reservations.of(self.duid, ia_id, self.hardware, self.table, self.subnets)

    def asking(self, asked: Asked) -> Asking:
        """Say who asks, for one of the client's identity associations."""
        return Asking(asked.of(self.duid), self.reservation_of(asked.ia_id), self.now)

    @property
    def tables(self) -> frozenset[int]:
        """The routing tables in which the client can have something."""
        return frozenset((self.table, *(pool.table for pool in self.pools)))

    @property
    def rapid_commit(self) -> bool:
        """Whether the client would like its leases by two messages (RFC 8415, 21.14)."""
        return self.message.get(Option.RAPID_COMMIT) is not None

    @property
    def reconfigure_accept(self) -> bool:
        """Whether the client would like to be told of changes (RFC 8415, 21.20)."""
        return self.message.get(Option.RECONF_ACCEPT) is not None

    def subnet_of(self, address: int) -> Subnet | None:
        """Return the one of the subnets of the client's link that an address lies in."""
        for subnet in self.subnets:
            if subnet.first <= address <= subnet.last:
                return subnet
        return None

    def pool_of(self, network: int, length: int) -> DelegationPool | None:
        """Return the one of the pools that the client can have prefixes of that a prefix is a part of."""
        for pool in self.pools:
            if pool.has(network, length):
                return pool
        return None


def _can_answer(message: Message, interface: Interface) -> bool:
    """Whether there is an address to answer from: a relay agent beyond the link needs another one than a link-local."""
    if not message.relays or ipv6.is_link_local(message.source):
        return True
    return bool(interface.addresses6) or not ipv6.is_multicast(message.destination)


def hardware_addresses(message: Message, seen: bytes, duid: bytes) -> tuple[bytes, ...]:
    """Return the hardware addresses of a client, each once.

    seen: what its relay agent says, empty without. Of a message that no relay agent has passed on, the frame says it.
    """
    found = [seen] if seen else []
    mac = _eui64(message.relays[-1].peer_address) if message.relays else message.source_mac
    if mac:
        found.append(_ETHERNET + mac)
    said = duid6.link_layer_address(duid)
    if said is not None and said[0] <= _HARDWARE_TYPE_MOST:
        found.append(bytes((said[0],)) + said[1])
    return tuple(dict.fromkeys(found))


def _eui64(address: int) -> bytes:
    """Return the Ethernet address that a link-local address is made of (RFC 4291, appendix A); empty for others."""
    if not ipv6.is_link_local(address) or (address >> 24) & 0xFFFF != _EUI64_MARK:
        return b""
    octets = address.to_bytes(16, "big")
    return bytes((octets[8] ^ _UNIVERSAL,)) + octets[9:11] + octets[13:16]
