"""A managed router with a provider on its WAN, for tests of the DHCPv4 client."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.northbound.client_wan import WAN, ClientRouter

ISP: Final = "198.51.100.1"
ISP_MAC: Final = "02:00:00:00:99:01"
POOL: Final = "pool 198.51.100.10 198.51.100.20 router 198.51.100.1"
FIRST: Final = "198.51.100.10/24"
"""What the provider gives to the first client."""
SECOND_ONLY: Final = "pool 198.51.100.11 198.51.100.11 router 198.51.100.1"
SECOND: Final = "198.51.100.11/24"
DEFAULT: Final = ("0.0.0.0/0", ISP, 10)
"""The default route of such a lease."""
QUICK: Final = {"interface": WAN, "conflict-detection": "none"}
"""A client that does not wait to see whether somebody else uses its address."""


class Provided(ClientRouter):
    """A router with a LAN, as Managed, and an interface wan0 without an address, on which a provider is."""

    component = "dhc4client"

    def __init__(self, directory: Path, *, terms: str = POOL, **settings: Any) -> None:
        """Make it; the daemon is not started yet.

        terms: what the provider grants. settings: of the daemon, beside QUICK.
        """
        super().__init__(directory, **({"dhc4client": [QUICK]} | settings))
        self.plug(WAN)
        self.rig.ctl(f"simulate host create isp interface {WAN} mac {ISP_MAC} address {ISP}/24")
        self.isp(terms)

    def isp(self, words: str, name: str = "isp") -> None:
        """Have the provider grant other terms, or behave otherwise."""
        assert self.rig.ctl(f"simulate host {name} dhcp-server {words}") == ""

    def heard(self) -> list[dict[str, Any]]:
        """Return what the provider heard of the client."""
        heard: list[dict[str, Any]] = self.hosts()["isp"]["dhcp-server"]["heard"]
        return heard

    # What VPP has

    def there(self) -> str:
        """Say what VPP has."""
        return f"addresses {self.addresses()}, routes {self.routes()}"

    def addresses(self, interface: str = WAN) -> list[str]:
        """Return the IPv4 addresses of an interface."""
        return [address for address in self.addresses_of(interface) if ":" not in address]

    def routes(self, table: int = 0) -> list[tuple[str, str, int]]:
        """Return the routes that were put into VPP: prefix, next hop, preference; broadcasts are not meant."""
        return [
            (route["prefix"], path["next-hop"], path["preference"])
            for route in self.rig.state()["routes"]
            for path in route["paths"]
            if route["table"] == table and route["prefix"] != "255.255.255.255/32"
        ]

    def has(self, *addresses: str, routes: tuple[tuple[str, str, int], ...] = ()) -> None:
        """Wait until VPP has exactly these addresses on the WAN, and these routes."""
        self.eventually(
            lambda: (self.addresses(), sorted(self.routes())) == (list(addresses), sorted(routes)),
            f"VPP has {addresses} and {routes}",
        )

    def is_bound(self, address: str = FIRST, *routes: tuple[str, str, int]) -> None:
        """Wait until the client has a lease, and VPP what it needs; without routes the usual one."""
        self.has(address, routes=routes or (DEFAULT,))
        self.state_is("bound")


def hexadecimal(options: Mapping[int, bytes]) -> str:
    """Make the words of the provider's terms for further options."""
    return "".join(f" option {code} {raw.hex()}" for code, raw in options.items())
