"""A managed router with a provider on its WAN, for tests of the DHCPv4 client."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from lxml import etree
from netconf_client.ncclient import Manager

from nc.schema import Schema, SchemaNode
from tests.northbound.managed import NS, Managed, action, config, subtree, text, texts
from tests.waiting import wait_for

T = TypeVar("T")

WAN: Final = "wan0"
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


class Provided(Managed):
    """A router with a LAN, as Managed, and an interface wan0 without an address, on which a provider is."""

    def __init__(self, directory: Path, *, terms: str = POOL, **settings: Any) -> None:
        """Make it; the daemon is not started yet.

        terms: what the provider grants. settings: of the daemon, beside QUICK.
        """
        super().__init__(directory, **({"dhc4client": [QUICK]} | settings))
        self.plug(WAN)
        self.rig.ctl(f"simulate host create isp interface {WAN} mac {ISP_MAC} address {ISP}/24")
        self.isp(terms)

    def plug(self, interface: str) -> None:
        """Make an interface that is up."""
        assert self.rig.ctl(f"create sim-interface {interface}") == interface
        self.rig.ctl(f"set interface state {interface} up")

    def isp(self, words: str, name: str = "isp") -> None:
        """Have the provider grant other terms, or behave otherwise."""
        assert self.rig.ctl(f"simulate host {name} dhcp-server {words}") == ""

    def heard(self) -> list[dict[str, Any]]:
        """Return what the provider heard of the client."""
        heard: list[dict[str, Any]] = self.hosts()["isp"]["dhcp-server"]["heard"]
        return heard

    def hears(self, kind: str, more_than: int = 0) -> dict[str, Any]:
        """Wait until the provider has heard a message, more often than so many times, and return the last one."""

        def found() -> list[dict[str, Any]]:
            return [one for one in self.heard() if one["type"] == kind][more_than:]

        return self.eventually(found, f"{kind} is heard more than {more_than} times")[-1]

    # What VPP has

    def addresses(self, interface: str = WAN) -> list[str]:
        """Return the IPv4 addresses of an interface."""
        found = (one for one in self.rig.state()["interfaces"] if one["name"] == interface)
        return [address for address in next(found)["addresses"] if ":" not in address]

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

    # What the daemon says

    def client_state(self, interface: str = WAN) -> etree._Element:
        """Return /dhc4client of an interface as `get` shows it."""
        with self.client() as client:
            wanted = f"<dhc4client><interface>{interface}</interface></dhc4client>"
            data: etree._Element = client.get(filter=subtree(wanted)).data_ele
            return data

    def state_is(self, state: str) -> None:
        """Wait for a state."""
        self.eventually(lambda: texts(self.client_state(), ".//v:state") == [state], f"the client is {state}")

    def problem(self) -> str:
        """Wait for a problem and return it."""
        return self.eventually(lambda: texts(self.client_state(), ".//v:problem"), "there is a problem")[0]

    def counted(self, message: str) -> int:
        """Return how many messages of a type the client has sent or received."""
        return int(text(self.client_state(), f".//v:statistics/v:{message}-count"))

    def knows(self, interface: str) -> None:
        """Wait until the daemon knows an interface of VPP."""
        wanted = subtree(f"<vpp><interface><name>{interface}</name></interface></vpp>")
        with self.client() as client:
            self.eventually(lambda: texts(client.get(filter=wanted).data_ele, ".//v:name"), f"{interface} is known")

    def edit(self, content: str) -> None:
        """Change the configuration of the daemon: edit the candidate and commit it."""
        with self.client() as client:
            client.edit_config(config(content), target="candidate")
            client.commit()

    def set(self, content: str, interface: str = WAN) -> None:
        """Change settings of the client."""
        self.edit(f"<dhc4client><interface>{interface}</interface>{content}</dhc4client>")

    def act(self, verb: str, interface: str = WAN) -> None:
        """Run an action of the client."""
        with self.client() as client:
            client.dispatch(act(verb, interface))

    @contextlib.contextmanager
    def subscribed(self, schema: Schema, name: str) -> Iterator[Callable[[], dict[str, str]]]:
        """Give what waits for the next notification of a name, and returns its leafs; of before as well."""
        with self.client() as client:
            client.create_subscription(start_time="2020-01-01T00:00:00Z", filter=subtree(f"<{name}/>"))
            yield lambda: _next(client, schema, name)

    def eventually(self, ask: Callable[[], T], what: str) -> T:
        try:
            return wait_for(ask, what)
        except AssertionError as error:
            there = f"addresses {self.addresses()}, routes {self.routes()}"
            raise AssertionError(f"{error}; {there}; the log:\n{self.daemon.said()}") from None


def act(verb: str, interface: str = WAN) -> str:
    """Make an action of a client."""
    return action(f"<dhc4client><interface>{interface}</interface><{verb}/></dhc4client>")


def _next(client: Manager, schema: Schema, name: str) -> dict[str, str]:
    while True:
        notification = client.take_notification(True, timeout=30)
        assert notification is not None, f"there is no {name}"
        for content in etree.fromstring(notification.notification_xml).iterchildren(f"{{{NS['v']}}}{name}"):
            check(content, schema.notifications[content.tag])
            return {etree.QName(leaf).localname: leaf.text or "" for leaf in content}


def check(element: etree._Element, node: SchemaNode) -> None:
    """See that an element has what the model says, and nothing else, and that values are of their types."""
    if node.type is not None:
        assert node.type.parse(element.text or "", element.nsmap).text == (element.text or ""), node.path
        return
    for child in element:
        assert child.tag in node.children, f"{child.tag} is not in {node.path}"
        check(child, node.children[child.tag])
    tags = [child.tag for child in element]
    for tag, below in node.children.items():
        assert tags.count(tag) == 1 or not below.mandatory, f"{below.path} is missing"
        assert tags.count(tag) <= 1 or below.kind in ("list", "leaf-list"), f"{below.path} is there twice"


def leafs(element: etree._Element, path: str, *names: str) -> list[tuple[str, ...]]:
    """Return some leafs of each entry that a path leads to."""
    return [tuple(text(entry, f"v:{name}") for name in names) for entry in element.iterfind(path, NS)]


def hexadecimal(options: Mapping[int, bytes]) -> str:
    """Make the words of the provider's terms for further options."""
    return "".join(f" option {code} {raw.hex()}" for code, raw in options.items())
