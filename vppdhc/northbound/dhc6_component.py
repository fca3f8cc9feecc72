"""The part of the daemon that /vppdhc:dhc6server configures."""

from collections.abc import Iterator, Mapping

from nc.xml import Element
from vppdhc.dhc6.config import ServerConfig
from vppdhc.interface import Interface
from vppdhc.northbound import dhc6_checks
from vppdhc.northbound.dhc6_config import Dhcp6Reading, dhc6server_config
from vppdhc.northbound.server_checks import Problem
from vppdhc.northbound.server_component import ServerComponent


class Dhcp6Component(ServerComponent[ServerConfig, Dhcp6Reading]):
    """/vppdhc:dhc6server."""

    name = "dhc6server"

    def read(self, tree: Element) -> Dhcp6Reading | None:
        """Read the container."""
        return dhc6server_config(self._schema, tree)

    def in_itself(self, reading: Dhcp6Reading) -> Iterator[Problem]:
        """Go through what cannot be, whatever interfaces there are."""
        return dhc6_checks.in_itself(reading)

    def on_interfaces(self, reading: Dhcp6Reading, interfaces: Mapping[str, Interface]) -> Iterator[Problem]:
        """Go through what does not go with VPP's interfaces as they are."""
        return dhc6_checks.on_interfaces(reading, interfaces)
