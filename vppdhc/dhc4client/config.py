"""Configuration of one DHCPv4 client: frozen, complete, in seconds and bytes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address
from types import MappingProxyType
from typing import Final

INFINITE: Final = 0xFFFFFFFF
"""A lifetime of for ever (RFC 2131, 3.3)."""
SHORTEST_LEASE: Final = 3
"""Seconds of the shortest lease that has room for two different whole seconds before its end, T1 and T2."""

LONGEST_USER_CLASS: Final = 255
"""Octets, as its length is sent in one (RFC 3004, 4)."""

_OWN: Final = frozenset((0, *range(50, 60), 61, 80, 81, 82, 90, 118, 255))
"""Options by which client, relay agent and server talk about the lease."""


class ClientIdType(StrEnum):
    """How the client identifier is made where none is given."""

    DUID = "duid"
    """From the IAID and the DUID, as in DHCPv6 (RFC 4361, 6.1)."""
    HARDWARE_ADDRESS = "hardware-address"
    """From hardware type and address (RFC 2132, 9.14)."""


class ConflictDetection(StrEnum):
    """How it is found out whether somebody else uses the address."""

    PROBE = "probe"
    """By ARP probes, as far as VPP allows."""
    NONE = "none"
    """Not at all."""


class OnStop(StrEnum):
    """What becomes of the lease when the daemon stops."""

    KEEP = "keep"
    """VPP keeps address and routes."""
    WITHDRAW = "withdraw"
    """They are taken away; the lease is kept for the next start."""
    RELEASE = "release"
    """They are taken away, and the lease is given back to its server."""


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """How the client of one interface behaves.

    client_id: option 61 as it is sent; empty for one that is made as client_id_type says.
    ia_id: IAID in a client identifier with a DUID; None for one made from the interface's name.
    hostname, vendor_class, user_classes: what the client tells of itself (options 12, 60, 77); empty for nothing.
    max_message_size: longest message that the client says it takes (option 57), in bytes with IP and UDP headers.
    requested_address: address that the client wishes when it has had none (option 50).
    lease_time: seconds that it wishes (option 51); None leaves that to the server.
    rapid_commit: whether it asks for its lease by two messages (RFC 4039).
    ipv6_only_preferred: whether it does without an address where the network says so (RFC 8925).
    request_options: codes to ask for beside those that the client uses itself (option 55).
    options: further options to send, by code; one of these goes before what the settings above give.
    default_route: whether default routes of the lease go into VPP.
    route_preference, route_table: of all routes of the lease; table None is the interface's own.
    use_mtu: whether the lease's MTU is set on the interface.

    Raises ValueError where a value is out of its range.
    """

    client_id_type: ClientIdType = ClientIdType.DUID
    client_id: bytes = b""
    ia_id: int | None = None
    hostname: str = ""
    vendor_class: str = ""
    user_classes: tuple[str, ...] = ()
    max_message_size: int = 1500
    requested_address: IPv4Address | None = None
    lease_time: int | None = None
    rapid_commit: bool = False
    ipv6_only_preferred: bool = False
    request_options: tuple[int, ...] = ()
    options: Mapping[int, bytes] = field(default_factory=lambda: MappingProxyType({}))
    default_route: bool = True
    route_preference: int = 10
    route_table: int | None = None
    use_mtu: bool = False
    conflict_detection: ConflictDetection = ConflictDetection.PROBE
    on_stop: OnStop = OnStop.WITHDRAW

    def __post_init__(self) -> None:
        _check("max-message-size", self.max_message_size, 576, 0xFFFF)
        _check("route-preference", self.route_preference, 0, 255)
        for name, value, least in (
            ("ia-id", self.ia_id, 0),
            ("route-table-id", self.route_table, 0),
            ("lease-time", self.lease_time, SHORTEST_LEASE),
        ):
            if value is not None:
                _check(name, value, least, 0xFFFFFFFF)
        for code in self.request_options:
            _check("request-option", code, 1, 254)
        for user_class in self.user_classes:
            _check("length of user-class", len(user_class.encode()), 1, LONGEST_USER_CLASS)
        if not _OWN.isdisjoint(self.options):
            raise ValueError(f"options {sorted(_OWN & self.options.keys())} belong to the protocol and cannot be set")


def _check(name: str, value: int, lowest: int, highest: int) -> None:
    if not lowest <= value <= highest:
        raise ValueError(f"{name} {value} is not within {lowest} to {highest}")
