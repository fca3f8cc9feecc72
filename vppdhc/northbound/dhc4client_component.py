"""The part of the daemon that /vppdhc:dhc4client configures."""

from nc.xml import Element
from vppdhc.dhc4client.config import ClientConfig
from vppdhc.northbound.client_component import ClientComponent, ClientReading
from vppdhc.northbound.dhc4client_config import dhc4client_config


class Dhcp4ClientComponent(ClientComponent[ClientConfig]):
    """/vppdhc:dhc4client."""

    name = "dhc4client"
    server = "dhc4server"

    def read(self, tree: Element) -> ClientReading[ClientConfig]:
        """Read the list."""
        return dhc4client_config(self._schema, tree)
