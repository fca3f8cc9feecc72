"""From a valid configuration tree to the frozen configuration of each component."""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from nc.callhome import CallHomeClient
from nc.exchange import Limits
from nc.pace import Pace
from nc.schema import Schema
from nc.server import ServerConfig as NetconfConfig
from nc.server import SshEndpoint, UnixEndpoint
from nc.ssh import LoginLimits
from nc.users import User, parse_public_key
from nc.xml import Element
from vppdhc.dhc4.config import Overrides, ServerConfig, Settings
from vppdhc.dhc4.reservations import Reservation, Reservations
from vppdhc.northbound.model import name
from vppdhc.northbound.reading import Reader

_CLIENTS = ("dhc4client", "dhc6pdclient")
_ETHERNET = b"\1"
_IDENTIFIER = b"\0"
RESERVED_TABLE = 0
"""The routing table that reservations are for: the default one. Those of other tables belong into a subnet, and this
version has none."""
FROM_UPSTREAM = "from-upstream"
"""The value of an option that is learned from the provider."""


@dataclass(frozen=True, slots=True)
class VppConfig:
    """How to reach VPP.

    api_socket: path of its binary API socket.
    api_definitions: directory with its *.api.json files, for a VPP that cannot send its definitions itself.
    api_timeout: seconds that a call waits for its reply.
    max_reconnect_interval: seconds between two tries to reach it, at most.
    """

    api_socket: Path
    api_definitions: Path | None
    api_timeout: float
    max_reconnect_interval: float


@dataclass(frozen=True, slots=True)
class ManagementConfig:
    """How the daemon is managed.

    server: the NETCONF server, its Unix socket included.
    recovery_users: those whom access control does not stop (RFC 8341, 3.1.4).
    notification_log: notifications that are kept for replay.
    """

    server: NetconfConfig
    recovery_users: frozenset[str]
    notification_log: int


def reader(schema: Schema, tree: Element, local: str) -> Reader:
    """Return the reader of a top-level container, there or not."""
    tag = name(local)
    return Reader(schema.top[tag], tree.find(tag))


def vpp_config(schema: Schema, tree: Element) -> VppConfig:
    """Read /vppdhc:vpp."""
    vpp = reader(schema, tree, "vpp")
    definitions = vpp.leaf("api-definitions")
    return VppConfig(
        api_socket=Path(vpp.text("api-socket")),
        api_definitions=Path(definitions) if definitions else None,
        api_timeout=vpp.whole("api-timeout"),
        max_reconnect_interval=vpp.whole("max-reconnect-interval"),
    )


def log_level(schema: Schema, tree: Element) -> str:
    """Read the level of /vppdhc:system/logging."""
    return reader(schema, tree, "system").container("logging").text("level")


def dhc4server_config(schema: Schema, tree: Element) -> ServerConfig | None:
    """Read /vppdhc:dhc4server; None where DHCPv4 is not served. Other greenlets run meanwhile."""
    if tree.find(name("dhc4server")) is None:
        return None
    server = reader(schema, tree, "dhc4server")
    clients = {entry.text("interface") for client in _CLIENTS for entry in _top_entries(schema, tree, client)}
    return ServerConfig(
        settings=_settings(server).over(Settings()),
        interfaces=server.leafs("interfaces"),
        per_interface={entry.text("name"): _settings(entry) for entry in server.entries("interface")},
        client_interfaces=frozenset(clients),
        reservations=_reservations(server),
    )


def management_config(schema: Schema, tree: Element, local_socket: Path) -> ManagementConfig:
    """Read /vppdhc:netconf-server.

    local_socket: where operators on the machine connect, always.
    Raises ValueError for a key or a hash that the pattern lets through and nobody can log in with.
    """
    node = reader(schema, tree, "netconf-server")
    limits = node.container("limits")
    addresses = node.leafs("listen-address") if node.flag("enabled") else ()
    server = NetconfConfig(
        ssh=frozenset(SshEndpoint(address, node.whole("port")) for address in addresses),
        unix=frozenset({UnixEndpoint(local_socket)}),
        call_home=frozenset(_call_home(entry) for entry in node.entries("call-home")),
        users=tuple(user(entry) for entry in node.entries("user")),
        login=LoginLimits(
            seconds=limits.whole("login-timeout"),
            tries=limits.whole("max-login-attempts"),
            connections=limits.whole("max-unauthenticated"),
        ),
        limits=Limits(
            hello_timeout=limits.whole("hello-timeout"),
            idle_timeout=limits.whole("idle-timeout"),
            message_size=limits.whole("max-message-size"),
        ),
        session_limit=limits.whole("max-sessions"),
    )
    return ManagementConfig(server, frozenset(node.leafs("recovery-user")), limits.whole("notification-log-size"))


def user(entry: Reader) -> User:
    """Read one entry of /vppdhc:netconf-server/user; raises ValueError for credentials that cannot be used."""
    keys = frozenset(parse_public_key(line) for line in entry.leafs("authorized-key"))
    return User(entry.text("name"), keys, entry.leaf("password-hash") or "")


def netconf_users(schema: Schema, tree: Element) -> list[Reader]:
    """Return the entries of /vppdhc:netconf-server/user."""
    return list(reader(schema, tree, "netconf-server").entries("user"))


def _top_entries(schema: Schema, tree: Element, local: str) -> list[Reader]:
    tag = name(local)
    return [Reader(schema.top[tag], element) for element in tree.iterchildren(tag)]


def _call_home(entry: Reader) -> CallHomeClient:
    return CallHomeClient(
        entry.text("name"),
        ((entry.text("address"), entry.whole("port")),),
        longest_wait=max(1, entry.whole("reconnect-interval")),
    )


def _settings(node: Reader) -> Overrides:
    """Read the settings that the server has and an interface may have otherwise; absent is None."""
    return Overrides(
        lease_time=node.number("lease-time"),
        renewal_time=node.number("renewal-time"),
        rebinding_time=node.number("rebinding-time"),
        name_servers=_addresses(node, "name-server"),
        ntp_servers=_addresses(node, "ntp-server"),
        domain_name=node.leaf("domain-name"),
        static_percentage=node.number("static-percentage"),
        authoritative=node.flag("authoritative"),
        offer_hold=node.number("offer-hold-time"),
        probation_time=node.number("probation-time"),
        max_address_utilization=node.number("max-address-utilization"),
    )


def _addresses(node: Reader, local: str) -> tuple[int, ...] | None:
    """Return addresses as numbers; one that is learned from the provider has none yet."""
    values = [value for value in node.leafs(local) if value != FROM_UPSTREAM]
    return tuple(int(IPv4Address(value)) for value in values) if node.has(local) else None


def _reservations(server: Reader) -> Reservations:
    pace = Pace()
    found: list[Reservation] = []
    for entry in server.entries("host-reservation"):
        pace.step()
        client = _client(entry)
        if client:
            address = entry.leaf("reserved-addr")
            found.append(
                Reservation(
                    id=entry.text("id"),
                    table=RESERVED_TABLE,
                    client=client,
                    address=int(IPv4Address(address)) if address else None,
                    hostname=entry.leaf("hostname") or "",
                )
            )
    return Reservations(found)


def _client(entry: Reader) -> bytes:
    """Return the key of the client that a reservation is for; empty where it is for who comes by a relay agent."""
    sources: tuple[tuple[str, bytes], ...] = (("hardware-address", _ETHERNET), ("client-id", _IDENTIFIER))
    for local, mark in sources:
        value = entry.leaf(local)
        if value:
            return mark + octets(value)
    return b""


def octets(text: str) -> bytes:
    """Return the octets of hexadecimal digits with colons between them."""
    return bytes.fromhex(text.replace(":", ""))


Parser = Callable[[str], Element]
"""Makes a data tree of the text of a configuration file; raises RpcErrors."""


def parser(schema: Schema) -> Parser:
    """Return what reads configuration files, with the two leniencies that docs/configuration.md tells of."""

    def parse(text: str) -> Element:
        if text.lstrip().startswith("<"):
            return schema.from_xml(text.encode())
        return schema.from_json(text, default_module="vppdhc", single_entries=True)

    return parse
