"""A managed router with a client of its own towards a provider, of DHCPv4 or of DHCPv6, for tests."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from lxml import etree
from netconf_client.ncclient import Manager

from nc.schema import Schema, SchemaNode
from tests.northbound.managed import NS, Managed, action, config, subtree, text, texts
from tests.waiting import wait_for

T = TypeVar("T")

WAN: Final = "wan0"


class ClientRouter(Managed):
    """A router with a client. component: name of the list that it is configured in."""

    component: str

    def heard(self) -> list[dict[str, Any]]:
        """Return what the provider heard of the client."""
        raise NotImplementedError

    def there(self) -> str:
        """Say what VPP has, for messages."""
        raise NotImplementedError

    def hears(self, kind: str, more_than: int = 0) -> dict[str, Any]:
        """Wait until the provider has heard a message, more often than so many times, and return the last one."""

        def found() -> list[dict[str, Any]]:
            return [one for one in self.heard() if one["type"] == kind][more_than:]

        return self.eventually(found, f"{kind} is heard more than {more_than} times")[-1]

    def plug(self, interface: str) -> None:
        """Make an interface that is up."""
        assert self.rig.ctl(f"create sim-interface {interface}") == interface
        self.rig.ctl(f"set interface state {interface} up")

    def addresses_of(self, interface: str) -> list[str]:
        """Return the addresses that an interface has in VPP, but the link-local one."""
        (found,) = [one for one in self.rig.state()["interfaces"] if one["name"] == interface]
        addresses: list[str] = found["addresses"]
        return addresses

    def entry(self, content: str, interface: str = WAN) -> str:
        """Make the entry of a client with something in it."""
        return f"<{self.component}><interface>{interface}</interface>{content}</{self.component}>"

    def action(self, verb: str, interface: str = WAN) -> str:
        """Make an action of a client."""
        return action(self.entry(f"<{verb}/>", interface))

    def client_state(self, interface: str = WAN) -> etree._Element:
        """Return the entry of a client as `get` shows it."""
        with self.client() as client:
            wanted = self.entry("", interface)
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
        self.edit(self.entry(content, interface))

    def act(self, verb: str, interface: str = WAN) -> None:
        """Run an action of the client."""
        with self.client() as client:
            client.dispatch(self.action(verb, interface))

    @contextlib.contextmanager
    def subscribed(self, schema: Schema, name: str) -> Iterator[Callable[[], dict[str, str]]]:
        """Give what waits for the next notification of a name, and returns its leafs; of before as well."""
        with self.client() as client:
            client.create_subscription(start_time="2020-01-01T00:00:00Z", filter=subtree(f"<{name}/>"))
            yield lambda: _next(client, schema, name)

    def eventually(self, ask: Callable[[], T], what: str) -> T:
        """Wait until something is true, and return it."""
        try:
            return wait_for(ask, what)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.there()}; the log:\n{self.daemon.said()}") from None


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
