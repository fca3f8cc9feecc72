"""A managed router with a provider on its WAN, for tests of the DHCPv6 client."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.northbound.client_wan import WAN, ClientRouter

ISP: Final = "fe80::ff:fe00:9901"
ISP_MAC: Final = "02:00:00:00:99:01"
POOL: Final = "pool pd 2001:db8:a000::/54 56 na 2001:db8:1::/64"
PREFIX: Final = "2001:db8:a000::/56"
ADDRESS: Final = "2001:db8:1::1/128"
"""What the provider gives to the first client."""
ELSEWHERE: Final = "pool pd 2001:db8:b000::/54 56 na 2001:db8:2::/64"
OTHER_PREFIX: Final = "2001:db8:b000::/56"
OTHER_ADDRESS: Final = "2001:db8:2::1/128"
"""The same after a renumbering."""
ROUTER: Final = "managed other interval 600"
"""How the provider's router advertises itself."""
DEFAULT: Final = ("::/0", ISP, 10)
LAN: Final = "tap1"
CLIENT: Final = {
    "interface": WAN,
    "ia-pd": [{"ia-id": 1}],
    "conflict-detection": "none",
    "lan-interface": [{"name": LAN}],
}
"""A client that does not wait to see whether somebody else uses an address."""

UNREACHABLE: Final = "unreachable"
_FATES: Final = {2: "drop", 5: UNREACHABLE}
"""What becomes of packets, by the type of a path that leads nowhere (fib_types.api)."""
Path6 = tuple[str, str, int]
"""A route: prefix, next hop or what becomes of a packet, preference."""
REST: Final = (PREFIX, UNREACHABLE, 255)
OTHER_REST: Final = (OTHER_PREFIX, UNREACHABLE, 255)
"""What is routed to discard of the prefixes."""
ON_LAN: Final = "2001:db8:a000::1/64"
OTHER_ON_LAN: Final = "2001:db8:b000::1/64"
"""The router's address on the LAN."""
TRANSLATING: Final = {
    "interface": WAN,
    "ia-pd": [{"ia-id": 1}],
    "npt66": True,
    "internal-prefix": "fd00::/48",
}


class Provided6(ClientRouter):
    """A router with a LAN, as Managed, and an interface wan0, on which a provider is with router and server."""

    component = "dhc6pdclient"

    def __init__(
        self,
        directory: Path,
        *,
        terms: str = POOL,
        router: str = ROUTER,
        client: Mapping[str, Any] = CLIENT,
        options: Sequence[str] = (),
    ) -> None:
        """Make it; the daemon is not started yet.

        terms: what the provider grants. router: how he advertises himself. client: its settings. options: of the
        simulator.
        """
        super().__init__(directory, options=options, dhc6pdclient=[client])
        self.plug(WAN)
        self.rig.ctl(f"simulate host create isp interface {WAN} mac {ISP_MAC}")
        self.isp(terms)
        self.advertise(router)

    def isp(self, words: str) -> None:
        """Have the provider's server grant other terms, or behave otherwise."""
        assert self.rig.ctl(f"simulate host isp dhcp6-server {words}") == ""

    def advertise(self, words: str) -> None:
        """Have the provider's router advertise itself otherwise."""
        assert self.rig.ctl(f"simulate host isp router {words}") == ""

    def heard(self) -> list[dict[str, Any]]:
        """Return what the provider heard of the client."""
        heard: list[dict[str, Any]] = self.hosts()["isp"]["ip6"]["dhcp6-server"]["heard"]
        return heard

    def kinds(self) -> list[str]:
        """Return the types of what the provider heard."""
        return [one["type"] for one in self.heard()]

    # What VPP has

    def there(self) -> str:
        """Say what VPP has."""
        return f"addresses {self.addresses(WAN)} and {self.addresses()}, routes {self.routes()}, {self.bindings()}"

    def addresses(self, interface: str = LAN) -> list[str]:
        """Return the IPv6 addresses of an interface."""
        return [address for address in self.addresses_of(interface) if ":" in address]

    def routes(self, table: int = 0) -> list[Path6]:
        """Return the routes that were put into VPP."""
        return sorted(
            (route["prefix"], _FATES.get(path["type"], path["next-hop"]), path["preference"])
            for route in self.rig.state()["routes"]
            for path in route["paths"]
            if route["table"] == table and ":" in route["prefix"]
        )

    def bindings(self) -> list[tuple[str, str, str]]:
        """Return what VPP translates: on which interface, from and to what."""
        return [(one["interface"], one["internal"], one["external"]) for one in self.rig.state()["npt66"]]

    def has(self, *lan: str, wan: Sequence[str] = (), routes: Sequence[Path6] = ()) -> None:
        """Wait until VPP has exactly these addresses on LAN and WAN, and these routes."""

        def found() -> bool:
            return (self.addresses(), self.addresses(WAN), self.routes()) == (list(lan), list(wan), sorted(routes))

        self.eventually(found, f"VPP has {lan} and {wan} and {routes}")

    def is_bound(self) -> None:
        """Wait until the client has its prefix, and VPP and the LAN what it needs."""
        self.has(ON_LAN, routes=(DEFAULT, REST))
        self.state_is("bound")

    def translates(self, *bindings: tuple[str, str]) -> None:
        """Wait until VPP translates these prefixes, and no others."""
        wanted = [(WAN, internal, external) for internal, external in bindings]
        self.eventually(lambda: self.bindings() == wanted, f"VPP translates {wanted}")
