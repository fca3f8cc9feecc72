"""Which networks are served where: the configuration on the interfaces as they are."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network

from vppdhc.dhc4.config import ServerConfig, Settings, SubnetConfig
from vppdhc.dhc4.subnet import Place, Relayed
from vppdhc.interface import Interface
from vppdhc.servers.layout import BaseLayout, overlaps, widest

__all__ = ["Layout", "overlaps", "widest"]


class Layout(BaseLayout[IPv4Network, Settings, SubnetConfig]):
    """Says which IPv4 networks are served where; see BaseLayout."""

    def __init__(self, config: ServerConfig, interfaces: Iterable[Interface] = ()) -> None:
        self._config = config
        super().__init__(config.subnets, interfaces)

    def settings(self, place: Place) -> Settings | None:
        """Return the settings of all levels around the subnets of a place; None where nobody is served.

        On an interface without an address nobody can be.
        """
        if isinstance(place, Relayed):
            return self._config.settings if self._config.enabled else None
        interface = self.interfaces.get(place)
        return self._config.settings_for(place) if interface is not None and interface.addresses4 else None

    @staticmethod
    def _table_of(interface: Interface) -> int:
        return interface.table4

    @staticmethod
    def _addresses_of(interface: Interface) -> Sequence[tuple[int, IPv4Network]]:
        return [(int(address.ip), address.network) for address in interface.addresses4]
