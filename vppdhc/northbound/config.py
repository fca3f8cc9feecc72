"""From a valid configuration tree to the frozen configuration of each component."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from socket import AF_INET, AF_INET6, inet_pton

from nc.callhome import CallHomeClient
from nc.exchange import Limits
from nc.schema import Schema
from nc.server import ServerConfig as NetconfConfig
from nc.server import SshEndpoint, UnixEndpoint
from nc.ssh import LoginLimits
from nc.users import User, parse_public_key
from nc.xml import Element
from vppdhc.northbound.model import name
from vppdhc.northbound.reading import Reader


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


def top_entries(schema: Schema, tree: Element, local: str) -> list[Reader]:
    """Return the readers of the entries of a top-level list."""
    tag = name(local)
    return [Reader(schema.top[tag], element) for element in tree.iterchildren(tag)]


def _call_home(entry: Reader) -> CallHomeClient:
    return CallHomeClient(
        entry.text("name"),
        ((entry.text("address"), entry.whole("port")),),
        longest_wait=max(1, entry.whole("reconnect-interval")),
    )


def address(text: str) -> int:
    """Return a valid IPv4 address as a number: in a quarter of the time of IPv4Address, which thousands take."""
    return int.from_bytes(inet_pton(AF_INET, text), "big")


def address6(text: str) -> int:
    """Return a valid IPv6 address as a number, see address()."""
    return int.from_bytes(inet_pton(AF_INET6, text), "big")


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
