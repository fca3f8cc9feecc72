"""Configuration of one DHCPv6 client: frozen, complete, in seconds and bytes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv6Address, IPv6Network
from types import MappingProxyType
from typing import Final

from vppdhc.dhc6pdclient.bindings import IaKey, IaType
from vppdhc.packet import duid6

_LARGEST_U32: Final = 0xFFFFFFFF
_FIRST_HOST: Final = IPv6Address("::1")
OPTIONS_MOST: Final = 1000
"""Bytes of the operator's own options: with the client's own they have to fit into one packet of the link."""
_OWN: Final = frozenset(
    (*range(1, 10), *range(11, 15), 18, 19, 20, 25, 26, 37, 38, *range(43, 49), 66, 67, 68, 79, 80, 81, 87, 135)
)
"""Options by which client, relay agent and server talk about the lease."""


class Mode(StrEnum):
    """What the client asks for."""

    AUTO = "auto"
    """What the managed and other flags of the provider's router say."""
    STATEFUL = "stateful"
    """Prefixes and addresses, whatever the flags say."""
    STATELESS = "stateless"
    """Only information."""


class ConflictDetection(StrEnum):
    """How it is found out whether somebody else uses an address."""

    PROBE = "probe"
    NONE = "none"


class DefaultRoute(StrEnum):
    """Where the default route leads."""

    ROUTER_ADVERTISEMENT = "router-advertisement"
    SERVER = "server"
    NONE = "none"


class OnStop(StrEnum):
    """What becomes of the lease when the daemon stops."""

    KEEP = "keep"
    """VPP keeps what came from it."""
    WITHDRAW = "withdraw"
    """That is taken away; the lease is kept for the next start."""
    RELEASE = "release"
    """That is taken away, and the lease is given back to its server."""


@dataclass(frozen=True, slots=True)
class IaPd:
    """Prefixes to ask for. length_hint, prefix_hint: what the client would like to have, one of them at most."""

    ia_id: int
    length_hint: int | None = None
    prefix_hint: IPv6Network | None = None


@dataclass(frozen=True, slots=True)
class Lan:
    """An interface that gets a part of a delegated prefix.

    ia_id: the delegation; None for each. subnet_id: number of the part; None for the next one that is free.
    interface_id: lower part of the router's address.
    """

    interface: str
    ia_id: int | None = None
    subnet_id: int | None = None
    prefix_length: int = 64
    interface_id: IPv6Address = _FIRST_HOST


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """How the client of one interface behaves.

    ia_pds, ia_nas: identity associations to ask for; the latter by their IAIDs.
    client_duid: DUID of this client; empty for that of the router.
    rapid_commit: whether it asks for its lease by two messages.
    reconfigure_accept: whether its server may tell it to renew.
    request_options: codes to ask for beside those that the client uses itself (option 6).
    options: further options to send, by code.
    npt66, internal_prefix: whether VPP translates between the delegated prefix and this one.
    lans: interfaces that get a part of the delegated prefix.
    slaac: whether the interface makes itself addresses from router advertisements.
    route_preference, route_table: of routes of the lease; table None is the interface's own.

    Raises ValueError where a value is out of its range.
    """

    ia_pds: tuple[IaPd, ...] = ()
    ia_nas: tuple[int, ...] = ()
    mode: Mode = Mode.AUTO
    client_duid: bytes = b""
    rapid_commit: bool = False
    reconfigure_accept: bool = True
    request_options: tuple[int, ...] = ()
    options: Mapping[int, bytes] = field(default_factory=lambda: MappingProxyType({}))
    npt66: bool = False
    internal_prefix: IPv6Network | None = None
    lans: tuple[Lan, ...] = ()
    slaac: bool = False
    conflict_detection: ConflictDetection = ConflictDetection.PROBE
    default_route: DefaultRoute = DefaultRoute.ROUTER_ADVERTISEMENT
    route_preference: int = 10
    route_table: int | None = None
    on_stop: OnStop = OnStop.WITHDRAW

    def __post_init__(self) -> None:
        _check("route-preference", self.route_preference, 0, 255)
        for name, value in (*(("ia-id", key.ia_id) for key in self.keys), ("route-table-id", self.route_table or 0)):
            _check(name, value, 0, _LARGEST_U32)
        for ia_pd in self.ia_pds:
            _check("prefix-length-hint", ia_pd.length_hint or 1, 1, 128)
        for code in self.request_options:
            _check("request-option", code, 1, 0xFFFF)
        if len(set(self.keys)) != len(self.keys):
            raise ValueError("two identity associations of one type have the same ia-id")
        if self.client_duid:
            _check("length of client-duid", len(self.client_duid), duid6.SHORTEST, duid6.LONGEST)
        if not _OWN.isdisjoint(self.options):
            raise ValueError(f"options {sorted(_OWN & self.options.keys())} belong to the protocol and cannot be set")
        _check("bytes of options", sum(4 + len(raw) for raw in self.options.values()), 0, OPTIONS_MOST)

    @property
    def keys(self) -> tuple[IaKey, ...]:
        """The identity associations to ask for."""
        return tuple(self._keys())

    def hints(self, key: IaKey) -> tuple[IPv6Network, ...]:
        """Return what the client would like to have for an identity association.

        A length without a prefix is that of the unspecified address (RFC 8415, 21.22).
        """
        for ia_pd in self.ia_pds:
            if key == IaKey(IaType.PD, ia_pd.ia_id):
                if ia_pd.prefix_hint is not None:
                    return (ia_pd.prefix_hint,)
                if ia_pd.length_hint is not None:
                    return (IPv6Network((0, ia_pd.length_hint)),)
        return ()

    def _keys(self) -> Iterator[IaKey]:
        for ia_pd in self.ia_pds:
            yield IaKey(IaType.PD, ia_pd.ia_id)
        for ia_id in self.ia_nas:
            yield IaKey(IaType.NA, ia_id)


def _check(name: str, value: int, lowest: int, highest: int) -> None:
    if not lowest <= value <= highest:
        raise ValueError(f"{name} {value} is not within {lowest} to {highest}")
