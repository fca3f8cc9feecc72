"""The parts of the daemon that are configured: each checks a new configuration, and changes over to it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nc.component import ConfigWarning
from nc.errors import RpcErrors, invalid_value
from nc.schema import Schema
from nc.xml import Element
from vppdhc.interface import Interface
from vppdhc.northbound.config import (
    ManagementConfig,
    VppConfig,
    log_level,
    management_config,
    netconf_users,
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
