"""A managed router with a provider of IPv6 on its WAN: a router that advertises itself, and a DHCPv6 server."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from lxml import etree

from tests.northbound.managed import Managed, action, config, subtree, texts
from tests.waiting import wait_for

T = TypeVar("T")

WAN: Final = "wan0"
ISP: Final = "fe80::ff:fe00:9901"
POOL: Final = "pool pd 2001:db8:100::/40 56"
FIRST: Final = "2001:db8:100::/56"
"""What the provider delegates to the first client."""
OTHER_POOL: Final = "pool pd 2001:db8:aa00::/40 56"
OTHER: Final = "2001:db8:aa00::/56"
LAN_ADDRESS: Final = "2001:db8:100::1/64"
OTHER_LAN_ADDRESS: Final = "2001:db8:aa00::1/64"
DEFAULT: Final = ("::/0", ISP)
"""The default route."""
WITH_LAN: Final = {"interface": WAN, "lan-interface": [{"name": "tap1"}]}
TRANSLATED: Final = {"interface": WAN, "npt66": True, "internal-prefix": "fd00::/48"}


def discarded(prefix: str) -> tuple[str, str]:
    """The route to discard of a prefix that nobody has."""
    return prefix, "unreachable"


class Provided(Managed):
    """A router with a LAN, as Managed, and an interface wan0 without IPv6, on which a provider is."""

    def __init__(self, directory: Path, *, terms: str = POOL, **settings: Any) -> None:
        """Make it; the daemon is not started yet. terms: of the provider. settings: of the daemon."""
        super().__init__(directory, **({"dhc6pdclient": [WITH_LAN]} | settings))
        self.plug(WAN)
        self.rig.ctl(f"simulate host create isp interface {WAN} mac 02:00:00:00:99:01")
        self.isp("router managed other interval 3")
        self.isp(f"dhcp6-server {terms}")

    def plug(self, interface: str) -> None:
        """Make an interface that is up."""
        assert self.rig.ctl(f"create sim-interface {interface}") == interface
        self.rig.ctl(f"set interface state {interface} up")

    def isp(self, words: str, name: str = "isp") -> None:
        """Have the provider be, or behave, otherwise."""
        assert self.rig.ctl(f"simulate host {name} {words}") == ""

    def heard(self) -> list[str]:
        """Return the types of what the provider's server heard."""
        return [one["type"] for one in self.hosts()["isp"]["ip6"]["dhcp6-server"]["heard"]]

    # What VPP has

    def addresses(self, interface: str) -> list[str]:
        """Return the IPv6 addresses of an interface."""
        (found,) = (one for one in self.rig.state()["interfaces"] if one["name"] == interface)
        return [address for address in found["addresses"] if ":" in address]

    def routes(self) -> list[tuple[str, str]]:
        """Return the IPv6 routes that were put into VPP: prefix, and next hop or what becomes of packets."""
        return sorted(
            (route["prefix"], {2: "drop", 5: "unreachable"}.get(path["type"], path["next-hop"]))
            for route in self.rig.state()["routes"]
            for path in route["paths"]
            if ":" in route["prefix"]
        )

    def bindings(self) -> list[tuple[str, str]]:
        """Return the prefix translations: internal and external prefix."""
        return [(one["internal"], one["external"]) for one in self.rig.state()["npt66"]]

    def entry(self, prefix: str) -> str:
        """Return what VPP calls the entry of a prefix; it gets another index when it is removed and made anew."""
        return self.rig.ctl(f"show ip6 fib {prefix}").splitlines()[1]

    def has(self, lan: str = LAN_ADDRESS, *routes: tuple[str, str]) -> None:
        """Wait until VPP has this address on the LAN, and exactly these routes; without any, the usual ones."""
        wanted = sorted(routes or (DEFAULT, discarded(FIRST)))
        self.eventually(lambda: (self.addresses("tap1"), self.routes()) == ([lan], wanted), f"VPP has {lan}, {wanted}")

    def has_nothing(self) -> None:
        """See that nothing of a lease is in VPP."""
        assert (self.addresses("tap1"), self.addresses(WAN), self.routes(), self.bindings()) == ([], [], [], [])

    # What the daemon says

    def client_state(self) -> etree._Element:
        """Return /dhc6pdclient as `get` shows it."""
        with self.client() as client:
            data: etree._Element = client.get(filter=subtree("<dhc6pdclient/>")).data_ele
            return data

    def state_is(self, state: str) -> None:
        """Wait for a state of the client."""
        self.eventually(lambda: texts(self.client_state(), ".//v:state") == [state], f"the client is {state}")

    def edit(self, content: str) -> None:
        """Change the configuration of the daemon: edit the candidate and commit it."""
        with self.client() as client:
            client.edit_config(config(content), target="candidate")
            client.commit()

    def set(self, content: str) -> None:
        """Change settings of the client."""
        self.edit(f"<dhc6pdclient><interface>{WAN}</interface>{content}</dhc6pdclient>")

    def act(self, verb: str) -> None:
        """Run an action of the client."""
        with self.client() as client:
            client.dispatch(action(f"<dhc6pdclient><interface>{WAN}</interface><{verb}/></dhc6pdclient>"))

    def eventually(self, ask: Callable[[], T], what: str) -> T:
        try:
            return wait_for(ask, what)
        except AssertionError as error:
            there = f"LAN {self.addresses('tap1')}, WAN {self.addresses(WAN)}, {self.routes()}, {self.bindings()}"
            raise AssertionError(f"{error}; {there}; the log:\n{self.daemon.said()}") from None
