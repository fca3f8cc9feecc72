"""A DHCPv6 server whose clients are watched, and all that operators see of it and can do with it, for tests."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from lxml import etree

from nc.filter import EVERYTHING, Want
from nc.operations import ActionRequest
from nc.schema import Schema, SchemaNode
from nc.xml import Element, elements, local_name, new_data
from tests.dhc4client.world import VirtualClock
from tests.dhc6.lan import Lan
from vppdhc.dhc6.counters import type_name, type_names
from vppdhc.dhc6.heard import Heard
from vppdhc.dhc6.outcome import Outcome
from vppdhc.interface import Interface
from vppdhc.leases.committer import Work
from vppdhc.leases.lease6 import by_version
from vppdhc.northbound.model import NAMESPACE, name
from vppdhc.northbound.operations_dhc6 import Dhcp6Operations
from vppdhc.northbound.sources import Instants
from vppdhc.northbound.state_dhc6 import Dhcp6State
from vppdhc.northbound.story6 import Stories6
from vppdhc.packet.dhcp6 import Message
from vppdhc.servers.counters import Counters, total

TOP = "/vppdhc:dhc6server"


class Shell:
    """What is counted, and who takes what is to be stored.

    full: whether nothing more can be stored.
    """

    def __init__(self, lan: "Watched") -> None:
        self.interfaces: defaultdict[str, Counters] = defaultdict(Counters)
        self.full = False
        self._lan = lan

    @property
    def drops(self) -> Any:
        return total(counters.drops for counters in self.interfaces.values())

    def problem(self, name: str) -> str:
        return "" if self._lan.named(name) is not None else "VPP has no such interface"

    def submit(self, work: Work) -> bool:
        if self.full:
            self._lan.book.take_back(by_version(work.changes[::-1])[1])
            return False
        self._lan.store(by_version(work.changes)[1])
        work.send()
        return True


class Watched(Lan):
    """A server and its clients, of whom everything is noted.

    followed: the outcomes of what operators did. alarm: why nothing can be stored.
    """

    def __init__(self, *interfaces: Interface, **settings: Any) -> None:
        super().__init__(*interfaces, **settings)
        self.heard = Heard()
        self.shell = Shell(self)
        self.followed: list[Outcome] = []
        self.alarm = ""

    def hear(self, asked: Message, onto: Interface | None = None) -> Outcome:
        outcome = super().hear(asked, onto)
        interface = onto or self.interfaces[0]
        counters = self.shell.interfaces[interface.name]
        for kind in type_names(asked):
            counters.received[kind] += 1
        for reply in outcome.replies:
            counters.sent[type_name(reply.message.type)] += 1
        if outcome.drop is not None:
            counters.drops[outcome.drop] += 1
        self.heard.note(asked, interface, outcome, self.now)
        if outcome.changes:
            self.heard.settled(asked, interface, outcome)
        return outcome

    def named(self, interface: str) -> Interface | None:
        return next((one for one in self.interfaces if one.name == interface), None)

    @property
    def clock(self) -> VirtualClock:
        return VirtualClock(now=self.now, wall=1_800_000_000.0 + self.now)

    def state(self, schema: Schema, list_name: str, **keys: str) -> list[Element]:
        """Return the entries of a list that have these keys; what is in them has to be in the model."""
        clock = self.clock
        intended = (*self.config.interfaces, *self.config.per_interface)
        made = Dhcp6State(
            self.server,
            self.book,
            self.shell,
            self.heard,
            clock,
            Instants(clock),
            0.0,
            lambda: intended,
        )
        path = f"{TOP}/{list_name}"
        (source,) = (source for source in made.sources() if source.path == path)
        node = schema.node_at(path)
        assert node is not None
        wanted = {name(key.replace("_", "-")): value for key, value in keys.items()}
        entries = list(source.read(Want(all=True, keys=wanted) if wanted else EVERYTHING))
        for entry in entries:
            check(schema, node, entry)
        return entries

    def act(self, schema: Schema, action: str, content: str) -> list[Element]:
        """Perform an action with this input; returns its output, which has to be that of the model."""
        clock = self.clock
        instants = Instants(clock)
        stories = Stories6(self.server, self.book, self.heard, clock, instants, lambda: self.alarm)
        performed: Any = Performed()
        Dhcp6Operations(
            self.server,
            self.book,
            self.shell,
            clock,
            self.named,
            self.followed.append,
            self.heard,
            stories,
            instants,
        ).register(performed)
        tree = new_data()
        tree.append(etree.fromstring(f'<dhc6server xmlns="{NAMESPACE}"><{action}>{content}</{action}></dhc6server>'))
        asked = schema.check_operation(tree[0][0])
        session: Any = None
        output = list(performed.actions[f"{TOP}/{action}"](ActionRequest(session, asked, tree[0])))
        node = schema.node_at(f"{TOP}/{action}")
        assert node is not None
        for element in output:
            check(schema, node.output.children[element.tag], element)
        return output


class Performed:
    """Takes the functions of actions."""

    def __init__(self) -> None:
        self.actions: dict[str, Any] = {}

    def register_action(self, path: str, function: Any) -> None:
        self.actions[path] = function


def check(schema: Schema, node: SchemaNode, element: Element) -> None:
    """See that all in an element is in the model, and every value canonical."""
    if node.is_leaf:
        assert schema.check_value(node, element.text or "", {}).text == (element.text or ""), node.path
        return
    for child in elements(element):
        assert child.tag in node.children, f"{local_name(child.tag)} in {node.path}"
        check(schema, node.children[child.tag], child)
    for key in node.keys if node.kind == "list" else ():
        assert element.find(key) is not None, f"{node.path} without {key}"
    leafs = [child.tag for child in elements(element) if node.children[child.tag].kind in {"leaf", "container"}]
    assert len(leafs) == len(set(leafs)), f"twice the same in {node.path}"


def leafs(element: Element) -> dict[str, str]:
    """Return the leafs of an entry by their names, those in containers as well; the last one of a name."""
    return {local_name(leaf.tag): leaf.text or "" for leaf in element.iter() if not len(leaf)}


def texts(output: Sequence[Element], local: str) -> list[str]:
    """Return the texts of the elements of a name in an output or entry."""
    return [found.text or "" for element in output for found in element.iter(name(local))]
