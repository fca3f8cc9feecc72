"""A router, either one, with a daemon's Programming and a tenant on it; and what the router has, read back."""

from ipaddress import IPv6Address, IPv6Interface, IPv6Network
from typing import Any

from tests.dhc6pdclient.tenancy import INTERNAL, Advertisement, FakeDuplicates
from tests.vpp.programmed import CHANGES, Faults, Programmed
from vppdhc.dhc6pdclient.bindings import Bindings
from vppdhc.dhc6pdclient.config import ClientConfig, Lan
from vppdhc.dhc6pdclient.routers import UpstreamRouters
from vppdhc.dhc6pdclient.tenant import LeaseTenant, TenantWorld
from vppdhc.vpp.api import ApiClient
from vppdhc.vpp.items import InterfaceAddress, Item, NptBinding, Route

WAN, LAN0, LAN1 = "loop0", "loop1", "loop2"
NPT = ClientConfig(npt66=True, internal_prefix=INTERNAL)
LANS = ClientConfig(lans=(Lan(LAN0), Lan(LAN1)))
DEFAULT = IPv6Network("::/0")


class Watcher(Faults):
    """VPP's API with somebody who looks at VPP behind each call that changes something.

    seen: the bindings, and the addresses of the LANs, behind each.
    """

    def __init__(self, vpp: ApiClient, bench: Programmed) -> None:
        super().__init__(vpp)
        self._bench = bench
        self.calls: list[str] = []
        self.seen: list[tuple[list[str], set[str]]] = []

    def call(self, name: str, /, **arguments: Any) -> Any:
        self.calls.append(name)
        reply = super().call(name, **arguments)
        if name in CHANGES:
            self.look()
        return reply

    def look(self) -> None:
        """Look at VPP."""
        lans = {str(one.address) for one in self._bench.addresses() if one.interface != WAN}
        self.seen.append((self._bench.bindings(), lans))


class Tenanted:
    """The router with everything on it."""

    def __init__(self, bench: Programmed, config: ClientConfig) -> None:
        self.bench = bench
        self.clock = bench.clock
        self.duplicates = FakeDuplicates(bench.clock, WAN)
        self.routers = UpstreamRouters(bench.clock, lambda _: None)
        self.bindings: Bindings | None = None
        self.config = config
        self.furnish()
        self.tenant = self._make()

    def furnish(self) -> None:
        """Have all interfaces there, each with a link-local address."""
        self.bench.table.read(self.bench.vpp)
        while {one.name for one in self.bench.table} < {"local0", WAN, LAN0, LAN1}:
            name = self.bench.loopback()
            self.bench.rig.ctl(f"enable ip6 interface {name}")
            self.bench.table.read(self.bench.vpp)
        self.bench.place()

    def _make(self) -> LeaseTenant:
        world = TenantWorld(
            interfaces=self.bench.table,
            programmer=self.bench.programming,
            duplicates=self.duplicates,
            routers=self.routers.of,
            clock=self.clock,
            directory=self.bench.path.parent,
            on_advertised=lambda *_: None,
        )
        return LeaseTenant(WAN, world, self.config)

    def adopt(self, bindings: Bindings) -> None:
        """Have the tenant use bindings, and decline what others use, as the client does."""
        self.bindings = bindings
        duplicates = self.tenant.adopt(bindings).duplicates
        if duplicates:
            self.bindings = bindings.without([IPv6Network(address) for address in duplicates])
            self.tenant.adopt(self.bindings)

    def hear(self, said: Advertisement) -> None:
        """Hear a router."""
        self.routers.heard(WAN, said)
        self.tenant.work()

    def start_again(self) -> None:
        """Start the daemon, again: the lease is remembered, the routers are heard again."""
        self.bench.start()
        self.tenant = self._make()
        if self.bindings is not None:
            self.adopt(self.bindings)
        self.tenant.work()
        self.bench.programming.settled()

    def later(self, seconds: float) -> None:
        """Let time pass, as tenant and link do when something is due."""
        end = self.clock.now + seconds
        self.tenant.work()
        while (left := self.tenant.left) is not None and self.clock.now + left <= end:
            self.clock.now += left
            self.tenant.work()
        self.clock.now = max(end, self.clock.now)
        self.bench.place()

    # What the router has

    def present(self, *delegated: str) -> set[Item]:
        """Return addresses, bindings, and the routes of some delegated prefixes, read back from the router."""
        bench = self.bench
        routes = bench.routes(str(DEFAULT), str(INTERNAL), *delegated)
        routes.discard(Route(0, DEFAULT, None, "", 0, "drop"))
        bindings = [tuple(map(IPv6Network, line.split())) for line in bench.bindings()]
        addresses = {one for one in bench.addresses() if one.address.version == 6}
        return {*addresses, *routes, *(NptBinding(WAN, inside, outside) for inside, outside in bindings)}


def reject(prefix: str | IPv6Network) -> Route:
    return Route(0, IPv6Network(prefix), None, "", 255, "unreachable")


def way(router: str) -> Route:
    return Route(0, DEFAULT, IPv6Address(router), WAN, 10)


def wan_address(text: str | IPv6Address) -> InterfaceAddress:
    return InterfaceAddress(WAN, IPv6Interface((IPv6Address(text), 128)))


def lan_addresses(delegated: str) -> list[InterfaceAddress]:
    """Return the router's addresses on both LANs: the first two /64 of a delegated prefix."""
    start = int(IPv6Network(delegated).network_address)
    return [
        InterfaceAddress(name, IPv6Interface((start + (number << 64) + 1, 64)))
        for number, name in enumerate((LAN0, LAN1))
    ]
