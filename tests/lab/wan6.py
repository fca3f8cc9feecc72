"""The IPv6 provider's side: a router that advertises itself, a DHCPv6 server, and what the router has from them."""

from collections.abc import Iterable
from ipaddress import IPv6Address, IPv6Network
from pathlib import Path
from typing import Any

from tests.daemon import Daemon
from tests.lab import management
from tests.lab.conftest import Lab
from tests.lab.provider6 import (
    DELEGATED,
    ELSEWHERE,
    MANAGED,
    PROVIDERS6,
    ROUTER,
    Leased,
    Provider6,
    Radvd,
    Terms6,
    Word,
)
from tests.lab.router import Router
from tests.lab.server import DEVICE
from tests.waiting import wait_for

MAC = "02:00:00:00:99:01"
LINK_LOCAL = "fe80::ff:fe00:9901"
"""What the router makes of that."""
INTERNET = "2001:db8:ffff::1"
"""An address that the router reaches by the provider's router."""


class Wan6:
    """A router's interface to a provider of IPv6, and the state of the client there.

    interface: the router's name for it; it has no address.
    gateway: the provider's router, which is INTERNET as well, and forwards what is delegated. It is silent until it is
        started.
    lans: what the router is to have of each delegated prefix, by interface: what is added to that, as `0:0:0:7::1/64`.
    internal: what is to be translated to the first delegated prefix; empty where nothing is.
    """

    def __init__(self, lab: Lab, word: Word = MANAGED) -> None:
        self._lab = lab
        self.lans: dict[str, str] = {}
        self.internal = ""
        self.segment = lab.another_segment()
        self.router: Router = lab.router
        self.interface = lab.router.attach(self.segment, "wan0", mac=MAC)
        self.gateway = Radvd(self.segment, Path(lab.directory), word)
        lab.stack.callback(self.gateway.remove)
        host = self.gateway.namespace
        host.run("ip", "addr", "add", "2001:db8:1::fe/64", "dev", DEVICE, "nodad")
        host.run("ip", "addr", "add", f"{INTERNET}/128", "dev", "lo")
        for pool in (DELEGATED, ELSEWHERE):
            host.run("ip", "route", "add", str(pool), "via", LINK_LOCAL, "dev", DEVICE)

    def provider(self, kind: str, terms: Terms6) -> Provider6:
        """Make a provider's server, not started yet."""
        provider = PROVIDERS6[kind](self.segment, Path(self._lab.directory), terms)
        self._lab.stack.callback(provider.remove)
        return provider

    def daemon(self, **settings: Any) -> Daemon:
        """Start a daemon that is a client here, with these settings of its dhc6pdclient, and serves nobody."""
        return self.daemon_with({}, **settings)

    def daemon_with(self, configuration: dict[str, Any], **settings: Any) -> Daemon:
        """Start a daemon that is a client here, with these settings of its dhc6pdclient.

        configuration: what else it does.

        It does not look whether somebody else has its addresses unless it is told to. In the end it is stopped, and
        not killed, so that it takes what it has out of the router.
        """
        client = {"dhc6pdclient": [{"interface": self.interface, "conflict-detection": "none"} | settings]}
        daemon = self._lab.daemon_with(client | configuration)
        self._lab.stack.callback(daemon.stop)
        return daemon

    def differs(self, leases: Iterable[Leased]) -> str:
        """Compare what the router holds with what its provider's server has leased; return how it differs."""
        leased = list(leases)
        prefixes = sorted(one.network for one in leased if one.kind == "pd")
        wanted = {self.interface: sorted(str(one.network) for one in leased if one.kind == "na")}
        for lan, rest in self.lans.items():
            wanted[lan] = sorted(_address(prefix, rest) for prefix in prefixes)
        held = {name: sorted(self.addresses(name)) for name in wanted}
        wrong = [f"{name} has {held[name]}, not {wanted[name]}" for name in wanted if held[name] != wanted[name]]
        translated = [(self.internal, str(prefix)) for prefix in prefixes[:1] if self.internal]
        if self.router.bindings() != translated:
            wrong.append(f"the bindings are {self.router.bindings()}, not {translated}")
        refused = [str(prefix) for prefix in prefixes[len(translated) :]]
        unreachable = sorted(one for one in self.router.unreachable() if one.startswith("2001:db8:"))
        if unreachable != sorted(refused):
            wrong.append(f"{unreachable} are unreachable, not {refused}")
        return "; ".join(wrong)

    def agrees(self, provider: Provider6, count: int = 1, seconds: float = 30) -> list[Leased]:
        """Wait until the router holds exactly what its provider has leased, so much of it, and return that."""
        wrong = [""]

        def agree() -> bool:
            leases = provider.leases()
            wrong[0] = self.differs(leases) or ("" if len(leases) == count else f"there are {len(leases)} leases")
            return not wrong[0]

        try:
            wait_for(agree, "the router holds what the provider has leased", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}, but {wrong[0]}; leased are {provider.leases()}") from None
        return sorted(provider.leases())

    def empty(self, seconds: float = 30) -> None:
        """Wait until the router has nothing of a lease."""
        wait_for(lambda: not self.differs([]), "the router has nothing left", seconds)

    def addresses(self, interface: str) -> list[str]:
        """Return the IPv6 addresses that the router has on an interface, with their prefix lengths."""
        return [address for address in self.router.addresses(interface) if ":" in address]

    def default_route(self) -> str:
        """Return where the router's default route leads: `NEXT-HOP INTERFACE`; an empty string without one."""
        return self.router.way("::/0")

    def routed(self, hop: str = ROUTER, seconds: float = 30) -> None:
        """Wait until the default route leads to a neighbour; to nobody, where that is empty."""
        wanted = f"{hop} {self.interface}" if hop else ""
        wait_for(lambda: self.default_route() == wanted, f"the default route leads to {hop or 'nobody'}", seconds)

    def works(self, address: str) -> bool:
        """Tell whether the router, with this address, and somebody beyond the provider's router hear each other."""
        answer = self.gateway.namespace.run("ping", "-c1", "-W1", "-I", INTERNET, address, check=False)
        return " 0% packet loss" in answer

    def state(self, daemon: Daemon, leaf: str, within: str = "") -> list[str]:
        """Return the values of a leaf in the state of the client. within: further content of the filter."""
        return management.get(daemon, self._filter(within), leaf)

    def count(self, daemon: Daemon, kind: str) -> int:
        """Return how many messages of a kind, such as `renew`, the client has counted."""
        (value,) = self.state(daemon, f"{kind}-count", "<statistics/>")
        return int(value)

    def becomes(self, daemon: Daemon, state: str, seconds: float = 30) -> None:
        """Wait for a state of the client."""
        management.eventually(daemon, self._filter("<state/>"), "state", state, seconds)

    def act(self, daemon: Daemon, action: str) -> None:
        """Have the client renew, rebind or release."""
        management.act(daemon, self._filter(f"<{action}/>"), "ok")

    def _filter(self, within: str) -> str:
        return f"<dhc6pdclient><interface>{self.interface}</interface>{within}</dhc6pdclient>"


def _address(prefix: IPv6Network, rest: str) -> str:
    """Return the router's address on a LAN. rest: what is added to the prefix."""
    low, _, length = rest.partition("/")
    return f"{prefix[int(IPv6Address(low))]}/{length}"
