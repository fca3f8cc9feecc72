"""The provider's side: a segment on which the router has an interface without an address, and is a client itself."""

from pathlib import Path
from typing import Any

from tests.daemon import Daemon
from tests.lab import management
from tests.lab.conftest import Lab
from tests.lab.network import Namespace
from tests.lab.provider import GATEWAY, NETWORK, PROVIDERS, Provider, Terms
from tests.lab.router import Router

DEVICE = "wan0"
MAC = "02:00:00:00:99:01"
INTERNET = "203.0.113.1"
"""An address that the router reaches by the provider's gateway."""


class Wan:
    """A router's interface to a provider, the provider's gateway, and the state of the client there.

    interface: the router's name for it; it has no address.
    gateway: the provider's default router, which is INTERNET as well.
    """

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.segment = lab.another_segment()
        self.router: Router = lab.router
        self.interface = lab.router.attach(self.segment, DEVICE, mac=MAC)
        self.gateway: Namespace = lab.host(f"{GATEWAY}/{NETWORK.prefixlen}", segment=self.segment)
        self.gateway.run("ip", "addr", "add", f"{INTERNET}/32", "dev", "lo")

    def provider(self, kind: str, terms: Terms, address: str = "198.51.100.1") -> Provider:
        """Make a provider's server, not started yet."""
        provider = PROVIDERS[kind](self.segment, Path(self._lab.directory), terms, address)
        self._lab.stack.callback(provider.remove)
        return provider

    def daemon(self, **settings: Any) -> Daemon:
        """Start a daemon that is a client here, with these settings of its dhc4client, and serves nobody."""
        return self.daemon_with({}, **settings)

    def daemon_with(self, configuration: dict[str, Any], **settings: Any) -> Daemon:
        """Start a daemon that is a client here, with these settings of its dhc4client.

        configuration: what else it does.

        It does not look whether somebody else has its address, which takes four seconds, unless it is told to.
        In the end it is stopped, and not killed, so that it takes its routes out of the router.
        """
        client = {"dhc4client": [{"interface": self.interface, "conflict-detection": "none"} | settings]}
        daemon = self._lab.daemon_with(client | configuration)
        self._lab.stack.callback(daemon.stop)
        return daemon

    def addresses(self) -> list[str]:
        """Return the addresses that the router has here."""
        return self.router.addresses(self.interface)

    def default_route(self) -> str:
        """Return where the router's default route leads: `NEXT-HOP INTERFACE`; an empty string without one."""
        return self.router.way("0.0.0.0/0")

    def works(self, address: str) -> bool:
        """Tell whether the router, with this address, and somebody beyond its gateway hear each other."""
        answer = self.gateway.run("ping", "-c1", "-W1", "-I", INTERNET, address, check=False)
        return " 0% packet loss" in answer

    def state(self, daemon: Daemon, leaf: str) -> list[str]:
        """Return the values of a leaf in the state of the client, such as `leased-address` in its lease."""
        return management.get(daemon, self._filter, leaf)

    def becomes(self, daemon: Daemon, state: str, seconds: float = 30) -> None:
        """Wait for a state of the client."""
        management.eventually(daemon, self._filter, "state", state, seconds)

    def act(self, daemon: Daemon, action: str) -> None:
        """Have the client renew, rebind or release."""
        content = f"<dhc4client><interface>{self.interface}</interface><{action}/></dhc4client>"
        management.act(daemon, content, "ok")

    @property
    def _filter(self) -> str:
        return f"<dhc4client><interface>{self.interface}</interface></dhc4client>"
