"""The parts of the daemon that are configured: each checks a new configuration, and changes over to it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nc.component import ConfigWarning
from nc.errors import InstancePath, RpcError, RpcErrors, invalid_value
from nc.pace import Pace
from nc.schema import Schema
from nc.xml import Element
from vppdhc.dhc4.config import ServerConfig, Settings
from vppdhc.dhc4.reservations import Reservation
from vppdhc.interface import Interface
from vppdhc.northbound.config import (
    ManagementConfig,
    VppConfig,
    dhc4server_config,
    log_level,
    management_config,
    netconf_users,
    reader,
    user,
    vpp_config,
)


@dataclass(frozen=True, slots=True)
class Ready:
    """A component that is ready to change over: apply does it, abandon has nothing to do."""

    apply_it: Callable[[], object]
    warnings: tuple[ConfigWarning, ...] = ()

    def apply(self) -> None:
        """Change over."""
        self.apply_it()

    def abandon(self) -> None:
        """Stay as it is."""


class VppComponent:
    """/vppdhc:vpp; apply: reaches VPP in another way."""

    name: Final = "vpp"

    def __init__(self, schema: Schema, apply: Callable[[VppConfig], object]) -> None:
        self._schema = schema
        self._apply = apply

    def prepare(self, old: Element, new: Element, *, strict: bool) -> Ready:
        """Read the new configuration; a socket that is not there may come."""
        config = vpp_config(self._schema, new)
        return Ready(lambda: self._apply(config))


class LoggingComponent:
    """/vppdhc:system/logging; apply: gets the least level that is logged."""

    name: Final = "system"

    def __init__(self, schema: Schema, apply: Callable[[str], object]) -> None:
        self._schema = schema
        self._apply = apply

    def prepare(self, old: Element, new: Element, *, strict: bool) -> Ready:
        """Read the new configuration."""
        level = log_level(self._schema, new)
        return Ready(lambda: self._apply(level))


class ManagementComponent:
    """/vppdhc:netconf-server; local_socket: where operators on the machine connect."""

    name: Final = "netconf-server"

    def __init__(self, schema: Schema, local_socket: Path, apply: Callable[[ManagementConfig], object]) -> None:
        self._schema = schema
        self._local_socket = local_socket
        self._apply = apply

    def prepare(self, old: Element, new: Element, *, strict: bool) -> Ready:
        """Check the users' keys and hashes. Without them being right nobody would know who may log in, at any time."""
        errors = []
        for entry in netconf_users(self._schema, new):
            try:
                user(entry)
            except ValueError as error:
                assert entry.element is not None
                errors.append(invalid_value(str(error), self._schema.instance_path(entry.element)))
        if errors:
            raise RpcErrors(errors)
        config = management_config(self._schema, new, self._local_socket)
        return Ready(lambda: self._apply(config))


class Interfaces:
    """What the checks want to know of VPP's interfaces, by name; `known` is False while there is no VPP."""

    def __init__(self, interfaces: Iterable[Interface], *, known: bool) -> None:
        self.known = known
        self.by_name = {interface.name: interface for interface in interfaces}


class Dhcp4Component:
    """/vppdhc:dhc4server.

    interfaces: gives VPP's interfaces as they are.
    punt_problem: says why VPP would give us no packets; empty when it would, or is not there.
    apply: changes the server over; None stops it.
    """

    name: Final = "dhc4server"

    def __init__(
        self,
        schema: Schema,
        interfaces: Callable[[], Interfaces],
        punt_problem: Callable[[], str],
        apply: Callable[[ServerConfig | None], object],
    ) -> None:
        self._schema = schema
        self._interfaces = interfaces
        self._punt_problem = punt_problem
        self._apply = apply
        self._read: tuple[Element, ServerConfig | None] | None = None

    def prepare(self, old: Element, new: Element, *, strict: bool) -> Ready:
        """Check what the schema cannot: lifetimes across levels, and everything against live VPP.

        What was there before is not refused because VPP has changed since: it is a warning.
        """
        config = dhc4server_config(self._schema, new)
        if config is None:
            return Ready(lambda: self._change_over(new, None))
        before = self._config_of(old)
        checks = _Checks(self._schema, new, self._interfaces())
        findings = [
            *checks.punting("" if before is not None else self._punt_problem()),
            *checks.lifetimes(config),
            *checks.interfaces(config, before or ServerConfig()),
            *checks.reservations(config, before or ServerConfig()),
        ]
        refused = [finding.error() for finding in findings if finding.refuses]
        if strict and refused:
            raise RpcErrors(refused)
        warnings = tuple(ConfigWarning(finding.path, finding.message) for finding in findings)
        return Ready(lambda: self._change_over(new, config), warnings)

    def _change_over(self, tree: Element, config: ServerConfig | None) -> None:
        self._read = tree, config
        self._apply(config)

    def _config_of(self, tree: Element) -> ServerConfig | None:
        """Read a tree, unless it is the one in effect: with thousands of reservations that takes its time."""
        if self._read is not None and self._read[0] is tree:
            return self._read[1]
        return dhc4server_config(self._schema, tree)


@dataclass(frozen=True, slots=True)
class _Finding:
    """Something that is wrong. refuses: it is new, so that a commit can be refused for it."""

    path: InstancePath
    message: str
    app_tag: str
    refuses: bool

    def error(self) -> RpcError:
        return invalid_value(self.message, self.path, app_tag=self.app_tag)


class _Checks:
    """The checks of one configuration of the DHCPv4 server."""

    def __init__(self, schema: Schema, tree: Element, interfaces: Interfaces) -> None:
        self._schema = schema
        self._server = reader(schema, tree, "dhc4server")
        self._interfaces = interfaces

    def punting(self, problem: str) -> Iterator[_Finding]:
        """VPP gives us the packets."""
        if problem:
            path = InstancePath(self._server.node.path, {self._server.node.prefix: self._server.node.namespace})
            yield _Finding(path, problem, "no-punt-socket", True)

    def lifetimes(self, config: ServerConfig) -> Iterator[_Finding]:
        """T1 is earlier than T2, which is earlier than the end of the lease (RFC 2131, 4.4.5), also between levels."""
        for entry in self._server.entries("interface"):
            settings = config.per_interface[entry.text("name")].over(config.settings)
            message = _lifetimes_message(settings)
            if message and entry.element is not None:
                yield _Finding(self._schema.instance_path(entry.element), message, "lifetimes-out-of-order", True)

    def interfaces(self, config: ServerConfig, before: ServerConfig) -> Iterator[_Finding]:
        """VPP has the interfaces, and those have networks."""
        if not self._interfaces.known:
            return
        known_before = {*before.interfaces, *before.per_interface}
        for path, name in self._named_interfaces():
            interface = self._interfaces.by_name.get(name)
            if interface is None:
                names = ", ".join(sorted(self._interfaces.by_name)) or "none"
                message = f"VPP has no interface {name}; it has {names}"
                yield _Finding(path, message, "no-such-interface", name not in known_before)
            elif not interface.addresses4:
                message = f"{name} has no IPv4 address, so that nobody is served there until it has one"
                yield _Finding(path, message, "no-address", False)

    def reservations(self, config: ServerConfig, before: ServerConfig) -> Iterator[_Finding]:
        """The reserved addresses are in networks that are served, and are not the router's own."""
        if not self._interfaces.known:
            return
        networks = _networks(self._interfaces.by_name.values(), config)
        pace = Pace()
        wrong: dict[str, tuple[str, str]] = {}
        for one in config.reservations:
            pace.step()
            finding = _wrong_address(one, networks)
            if finding is not None:
                wrong[one.id] = finding
        if not wrong:
            return
        for entry in self._server.entries("host-reservation"):
            pace.step()
            finding = wrong.get(entry.text("id"))
            if finding is not None and entry.element is not None:
                path = self._schema.instance_path(entry.element)
                id_ = entry.text("id")
                unchanged = before.reservations.by_id(id_) == config.reservations.by_id(id_)
                yield _Finding(path, finding[0], finding[1], not unchanged)

    def _named_interfaces(self) -> Iterator[tuple[InstancePath, str]]:
        element = self._server.element
        assert element is not None
        for entry in self._server.entries("interface"):
            if entry.element is not None:
                yield self._schema.instance_path(entry.element), entry.text("name")
        for child in element.iterchildren(f"{{{self._server.node.namespace}}}interfaces"):
            yield self._schema.instance_path(child), child.text or ""


def _lifetimes_message(settings: Settings) -> str:
    rebinding = settings.rebinding_time
    if rebinding is not None and rebinding >= settings.lease_time:
        return f"rebinding-time {rebinding} is not shorter than lease-time {settings.lease_time} here"
    last = rebinding or settings.default_rebinding_time or settings.lease_time
    if settings.renewal_time is not None and settings.renewal_time >= last:
        return f"renewal-time {settings.renewal_time} is not shorter than rebinding-time {last} here"
    return ""


_Networks = Mapping[int, list[tuple[int, int, frozenset[int]]]]
"""By table: first and last address of each served network, and the router's own addresses."""


def _networks(interfaces: Iterable[Interface], config: ServerConfig) -> _Networks:
    networks: dict[int, list[tuple[int, int, frozenset[int]]]] = {}
    for interface in interfaces:
        if config.settings_for(interface.name) is None:
            continue
        own = frozenset(int(address.ip) for address in interface.addresses4)
        for address in interface.addresses4:
            network = address.network
            networks.setdefault(interface.table4, []).append(
                (int(network.network_address), int(network.broadcast_address), own)
            )
    return networks


def _wrong_address(one: Reservation, networks: _Networks) -> tuple[str, str] | None:
    """Say what is wrong with a reserved address, with its app-tag; None for nothing."""
    if one.address is None:
        return None
    served = networks.get(one.table, [])
    inside = [entry for entry in served if entry[0] <= one.address <= entry[1]]
    if not inside and any(first <= one.address <= last for table in networks.values() for first, last, _ in table):
        return "reserved-addr is in another routing table, of which this version has no reservations", "other-table"
    if not inside:
        return "reserved-addr is in no network that is served", "address-not-served"
    if any(one.address in own for _, _, own in inside):
        return "reserved-addr is the router's own address", "address-of-router"
    if all(last - first > 1 and one.address in {first, last} for first, last, _ in inside):
        return "reserved-addr is the network's own or its broadcast address", "address-not-for-hosts"
    return None
