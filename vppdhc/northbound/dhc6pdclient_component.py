"""The part of the daemon that /vppdhc:dhc6pdclient configures."""

from collections.abc import Iterator

from nc.xml import Element
from vppdhc.dhc6pdclient.config import ClientConfig
from vppdhc.northbound.client_component import ClientComponent, ClientReading, Named
from vppdhc.northbound.dhc6pdclient_config import dhc6pdclient_config
from vppdhc.northbound.reading import Reader


class Dhcp6ClientComponent(ClientComponent[ClientConfig]):
    """/vppdhc:dhc6pdclient."""

    name = "dhc6pdclient"
    server = "dhc6server"

    def read(self, tree: Element) -> ClientReading[ClientConfig]:
        """Read the list."""
        return dhc6pdclient_config(self._schema, tree)

    def named(self, entry: Reader) -> Iterator[Named]:
        """Give the interface to the provider, then those of the LANs."""
        yield from super().named(entry)
        for lan in entry.entries("lan-interface"):
            assert lan.element is not None
            yield Named(lan.element, lan.text("name"))
