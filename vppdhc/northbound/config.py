"""From a configuration file to the daemon's frozen configuration."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from vppdhc.dhc4.config import INFINITE, SHORTEST_LEASE, Overrides, ServerConfig, Settings
from vppdhc.northbound.tree import Container, Issue, boolean, integer, ipv4_address, string

_MODULE = "vppdhc:"
_UNAVAILABLE = ("system", "dhc4client", "dhc6pdclient", "dhc6server", "ip6ndra", "netconf-server")
"""Components that have their place in the configuration and are not built yet."""
_CLIENTS = ("dhc4client", "dhc6pdclient")
DEFAULT_API_SOCKET = Path("/run/vpp/api.sock")


class ConfigError(Exception):
    """A configuration that cannot be used.

    issues: everything that is wrong with it.
    """

    def __init__(self, issues: Sequence[Issue]) -> None:
        super().__init__("; ".join(str(issue) for issue in issues))
        self.issues = tuple(issues)


@dataclass(frozen=True, slots=True)
class VppConfig:
    """How to reach VPP.

    api_socket: path of its binary API socket.
    api_definitions: directory with its *.api.json files, for a VPP that cannot send its definitions itself.
    """

    api_socket: Path = DEFAULT_API_SOCKET
    api_definitions: Path | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration of the daemon.

    dhc4server: None where DHCPv4 is not served.
    unavailable: names of configured components that this version does not have.
    """

    vpp: VppConfig
    dhc4server: ServerConfig | None
    unavailable: tuple[str, ...] = ()


def read_config(path: Path) -> Config:
    """Read a configuration file (RFC 7951 JSON; a top-level name without a module is vppdhc's).

    Raises ConfigError with every mistake that was found in it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError([Issue("/", f"cannot be read: {reason}")]) from error
    return parse_config(text)


def parse_config(text: str) -> Config:
    """Parse a configuration; see read_config()."""
    try:
        members = json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ConfigError([Issue(place, f"not JSON: {error.msg}")]) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError([Issue("/", f"not usable JSON: {error}")]) from error
    issues: list[Issue] = []
    if isinstance(members, dict):
        issues += [Issue(f"/{name}", "there twice, with its module and without") for name in _both_ways(members)]
        members = {name.removeprefix(_MODULE): value for name, value in members.items()}
    root = Container(members, "", issues)
    config = Config(
        vpp=_vpp(root.container("vpp")),
        dhc4server=_dhc4server(root),
        unavailable=tuple(name for name in _UNAVAILABLE if root.has(name)),
    )
    root.finish()
    if issues:
        raise ConfigError(issues)
    return config


def _both_ways(members: dict[str, Any]) -> list[str]:
    return [name for name in members if _MODULE + name in members]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the name '{next(name for name in names if names.count(name) > 1)}' is there twice")
    return members


def _vpp(node: Container | None) -> VppConfig:
    if node is None:
        return VppConfig()
    socket = node.leaf("api-socket", string, None)
    definitions = node.leaf("api-definitions", string, None)
    node.finish()
    return VppConfig(
        api_socket=Path(socket) if socket else DEFAULT_API_SOCKET,
        api_definitions=Path(definitions) if definitions else None,
    )


def _dhc4server(root: Container) -> ServerConfig | None:
    node = root.container("dhc4server")
    if node is None:
        return None
    interfaces = node.leaf_list("interfaces", string) or ()
    entries = node.entries("interface", "name")
    overrides = {name: _settings(entry) for name, entry in entries.items()}
    for entry in entries.values():
        entry.finish()
    settings = _settings(node).over(Settings())
    node.finish()
    for place, merged in [(node, settings), *((entries[name], own.over(settings)) for name, own in overrides.items())]:
        _check_times(place, merged)
    clients = {name for component in _CLIENTS for name in root.entries(component, "interface")}
    return ServerConfig(
        settings=settings, interfaces=interfaces, per_interface=overrides, client_interfaces=frozenset(clients)
    )


def _settings(node: Container) -> Overrides:
    seconds = integer(1, INFINITE)
    return Overrides(
        lease_time=node.leaf("lease-time", integer(SHORTEST_LEASE, INFINITE), None),
        renewal_time=node.leaf("renewal-time", seconds, None),
        rebinding_time=node.leaf("rebinding-time", seconds, None),
        name_servers=_addresses(node, "name-server"),
        ntp_servers=_addresses(node, "ntp-server"),
        domain_name=node.leaf("domain-name", _domain_name, None),
        static_percentage=node.leaf("static-percentage", integer(0, 100), None),
        authoritative=node.leaf("authoritative", boolean, None),
        offer_hold=node.leaf("offer-hold-time", integer(1, 3600), None),
        probation_time=node.leaf("probation-time", integer(0, INFINITE), None),
    )


def _check_times(node: Container, settings: Settings) -> None:
    """RFC 2131, 4.4.5: T1 is earlier than T2, which is earlier than the end of the lease."""
    if settings.rebinding_time is not None and settings.rebinding_time >= settings.lease_time:
        node.fail(f"has to be shorter than lease-time ({settings.lease_time})", "rebinding-time")
    which, last = "rebinding-time", settings.rebinding_time
    if last is None:
        which, last = "rebinding-time, by default 7/8 of lease-time", settings.default_rebinding_time
    if last is None:
        which, last = "lease-time", settings.lease_time
    if settings.renewal_time is not None and settings.renewal_time >= last:
        node.fail(f"has to be shorter than {which} ({last})", "renewal-time")


def _addresses(node: Container, name: str) -> tuple[int, ...] | None:
    addresses: tuple[IPv4Address, ...] | None = node.leaf_list(name, ipv4_address)
    return None if addresses is None else tuple(int(address) for address in addresses)


def _domain_name(value: object) -> str:
    name = string(value)
    if not name.isascii() or len(name) > 253 or not name.isprintable() or " " in name:
        raise ValueError(f"'{name}' is not a domain name in ASCII")
    return name
