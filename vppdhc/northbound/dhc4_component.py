"""The part of the daemon that /vppdhc:dhc4server configures."""

from collections.abc import Iterator, Mapping

from nc.xml import Element
from vppdhc.dhc4.config import ServerConfig
from vppdhc.interface import Interface
from vppdhc.northbound import dhc4_checks
from vppdhc.northbound.dhc4_config import Dhcp4Reading, dhc4server_config
from vppdhc.northbound.server_checks import Problem
from vppdhc.northbound.server_component import ServerComponent


class Dhcp4Component(ServerComponent[ServerConfig, Dhcp4Reading]):
    """/vppdhc:dhc4server."""

    name = "dhc4server"

    def read(self, tree: Element) -> Dhcp4Reading | None:
        """Read the container."""
        return dhc4server_config(self._schema, tree)

    def in_itself(self, reading: Dhcp4Reading) -> Iterator[Problem]:
        """Go through what cannot be, whatever interfaces there are."""
        return dhc4_checks.in_itself(reading.config)

    def on_interfaces(self, reading: Dhcp4Reading, interfaces: Mapping[str, Interface]) -> Iterator[Problem]:
        """Go through what does not go with VPP's interfaces as they are."""
        return dhc4_checks.on_interfaces(reading.config, interfaces)
