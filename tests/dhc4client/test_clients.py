"""All clients together: in greenlets, under the supervisor, with time that passes by itself."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from random import Random

import gevent
import pytest
from gevent.queue import Queue

from tests.dhc4client.provider import punted
from tests.dhc4client.world import DUID, FakeCheck, FakeVpp
from tests.vpp.conftest import until
from vppdhc.clock import SystemClock
from vppdhc.dhc4client.client import DhcpClients, World
from vppdhc.dhc4client.config import ClientConfig, ClientIdType, OnStop
from vppdhc.dhc4client.journal import Event
from vppdhc.dhc4client.states import State
from vppdhc.interface import Interface
from vppdhc.packet import punt
from vppdhc.packet.dhcp4 import Message, MessageType, receive
from vppdhc.packet.options4 import Option
from vppdhc.supervisor import Supervisor
from vppdhc.vpp.interfaces import InterfaceTable

WANS = {
    name: Interface(name, index, bytes((2, 0, 0, 0, 9, index)), admin_up=True, link_up=True)
    for index, name in enumerate(("wan0", "wan1"), start=1)
}


class Machine:
    """A router with clients, and a provider that answers at once. table: its live interfaces."""

    def __init__(self, directory: Path) -> None:
        self.clock = SystemClock()
        self.supervisor = Supervisor(self.clock)
        self.table = InterfaceTable()
        self.vpp = FakeVpp()
        self.source: Queue[list[bytes]] = Queue()
        self.heard: list[tuple[str, str]] = []
        self.wanted: list[frozenset[str]] = []
        self.settled = 0
        self.events: list[Event] = []
        self.learned: list[tuple[str, Mapping[int, bytes]]] = []
        self.silent = False
        self.probing = False
        self.probes = 0
        self.duid = DUID
        self.directory = directory
        self.clients = self.make()

    def make(self) -> DhcpClients:
        """Make the clients of a daemon that starts."""
        clients = DhcpClients(
            World(
                interfaces=self.table,
                send=self.send,
                programmer=self.vpp,
                check=self.make_check,
                clock=self.clock,
                supervisor=self.supervisor,
                random=Random(1),
                duid=lambda _: self.duid,
                directory=self.directory / "dhc4client",
                want_packets=self.wanted.append,
                settled=self.settle,
            )
        )
        clients.on_event(self.events.append)
        clients.on_learned(lambda name, options: self.learned.append((name, options)))
        self.supervisor.start("reader", lambda: clients.serve(self))
        return clients

    def make_check(self, sleep: Callable[[float], None]) -> FakeCheck:
        """Make what looks for conflicts; it takes as long as it takes while the machine is probing."""

        def wait() -> None:
            self.probes += self.probing
            while self.probing:
                sleep(0.01)

        return FakeCheck(wait)

    def receive(self) -> Sequence[bytes]:
        """Give datagrams to the reader, as a punt socket."""
        datagrams: list[bytes] = self.source.get()
        return datagrams

    def settle(self) -> None:
        self.settled += 1

    def connect(self, *interfaces: Interface) -> None:
        """Have VPP come, with interfaces, when the clients wait for it."""
        gevent.idle()
        self.table._replace(list(interfaces))
        self.clients.vpp_connected()

    def lose(self) -> None:
        """Have VPP go."""
        self.table.clear()
        self.clients.vpp_lost()

    def change(self, *interfaces: Interface) -> None:
        """Have VPP's interfaces be these from now on."""
        self.table._replace(list(interfaces))

    def state(self, name: str = "wan0") -> State:
        return self.clients.clients[name].machine.state

    def send(self, index: int, action: int, frame: bytes) -> bool:
        """Take what the client of an interface sends, and answer as a server that gives each its own address."""
        message = receive(punt.encode(index, punt.L2, frame))
        assert action == punt.L2
        assert message.type is not None
        interface = self.table.get(index)
        assert interface is not None, "sent to an interface that VPP does not have"
        self.heard.append((interface.name, message.type.name.lower()))
        kind = {MessageType.DISCOVER: MessageType.OFFER, MessageType.REQUEST: MessageType.ACK}.get(message.type)
        if kind is not None and not self.silent:
            reply = punted(self.reply(message, kind), IPv4Address("192.0.2.1"))
            self.source.put([index.to_bytes(4, "little") + reply[4:]])
        return True

    def reply(self, message: Message, kind: MessageType) -> Message:
        options: dict[int, bytes] = {
            Option.DHCP_MESSAGE_TYPE: bytes((kind,)),
            Option.DHCP_SERVER_IDENTIFIER: IPv4Address("192.0.2.1").packed,
            Option.DHCP_LEASE_TIME: (3600).to_bytes(4, "big"),
            Option.SUBNET_MASK: IPv4Address("255.255.255.0").packed,
            Option.DOMAIN_NAME_SERVERS: IPv4Address("192.0.2.53").packed,
        }
        if Option.RAPID_COMMIT in message.options:
            options |= {Option.RAPID_COMMIT: b"", Option.DHCP_MESSAGE_TYPE: bytes((MessageType.ACK,))}
        address = int(IPv4Address("192.0.2.50")) + message.chaddr[-1]
        return Message(op=2, xid=message.xid, yiaddr=address, chaddr=message.chaddr, options=options)

    def addresses(self, name: str) -> list[str]:
        items = self.vpp.items.get(f"dhc4client {name}", ())
        return [str(item.address) for item in items if hasattr(item, "address")]


FAST = ClientConfig(rapid_commit=True)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    try:
        yield made
    finally:
        made.supervisor.stop_all()


def bound(machine: Machine, *names: str) -> Callable[[], bool]:
    return lambda: all(
        name in machine.clients.clients and machine.state(name) is State.BOUND for name in names or ("wan0",)
    )


def test_a_client_on_each_interface(machine: Machine) -> None:
    machine.clients.configure(dict.fromkeys(WANS, FAST))
    machine.connect(*WANS.values())
    until(bound(machine, "wan0", "wan1"), "both are bound")
    assert machine.addresses("wan0") == ["192.0.2.51/24"]
    assert machine.addresses("wan1") == ["192.0.2.52/24"]
    assert machine.wanted == [frozenset(WANS)]
    assert sorted((event.interface, str(event.kind)) for event in machine.events) == [
        ("wan0", "bound"),
        ("wan1", "bound"),
    ]
    assert machine.clients.learned("wan0")[6] == IPv4Address("192.0.2.53").packed
    assert machine.clients.learned("nowhere") == {}
    assert sorted(path.name for path in (machine.directory / "dhc4client").iterdir()) == ["wan0.json", "wan1.json"]
    until(lambda: machine.settled == 1, "it is said that all have begun")


def test_nothing_happens_before_vpp_is_there(machine: Machine) -> None:
    machine.clients.configure({"wan0": FAST})
    machine.change(WANS["wan0"])
    gevent.idle()
    assert machine.state() is State.LINK_DOWN
    assert machine.heard == []
    assert machine.settled == 0
    machine.clients.vpp_connected()
    until(bound(machine), "it is bound")


def test_without_clients_all_have_begun_at_once(machine: Machine) -> None:
    machine.clients.configure({})
    machine.connect(*WANS.values())
    until(lambda: machine.settled == 1, "it is said")
    machine.lose()
    machine.connect(*WANS.values())
    gevent.idle()
    assert machine.settled == 1


def test_a_client_without_its_interface_keeps_nobody_waiting(machine: Machine) -> None:
    machine.clients.configure({"wan0": FAST, "missing": FAST})
    machine.connect(replace(WANS["wan0"], link_up=False))
    until(lambda: machine.settled == 1, "it is said")


def test_a_link_that_goes_before_its_client_has_begun_keeps_nobody_waiting(machine: Machine) -> None:
    machine.clients.configure({"wan0": FAST})
    machine.connect(WANS["wan0"])
    machine.change(replace(WANS["wan0"], link_up=False))
    until(lambda: machine.settled == 1, "it is said")
    assert machine.state() is State.LINK_DOWN
    assert machine.heard == []


def test_vpp_goes_and_comes(machine: Machine) -> None:
    machine.clients.configure({"wan0": FAST})
    machine.connect(WANS["wan0"])
    until(bound(machine), "it is bound")
    machine.lose()
    until(lambda: machine.state() is State.LINK_DOWN, "it knows")
    machine.connect(replace(WANS["wan0"], index=7))
    until(bound(machine), "it is bound again")
    assert machine.heard == [("wan0", "discover"), ("wan0", "request")]


def test_interface_goes_down_and_up(machine: Machine) -> None:
    machine.clients.configure({"wan0": FAST})
    machine.connect(WANS["wan0"])
    until(bound(machine), "it is bound")
    for gone in ((replace(WANS["wan0"], link_up=False),), (replace(WANS["wan0"], admin_up=False),), ()):
        heard = len(machine.heard)
        machine.change(*gone)
        until(lambda: machine.state() is State.LINK_DOWN, "it knows")
        machine.change(WANS["wan0"])
        until(bound(machine), "it is bound again")
        assert machine.heard[heard:] == [("wan0", "request")]


def test_another_duid_makes_somebody_else_of_those_alone_who_go_by_it(machine: Machine) -> None:
    mine = {"wan0": FAST, "wan1": replace(FAST, client_id_type=ClientIdType.HARDWARE_ADDRESS)}
    machine.clients.configure(mine)
    machine.connect(*WANS.values())
    until(bound(machine, *WANS), "both are bound")
    machine.heard.clear()
    machine.duid = b"\0\4another"
    machine.clients.duid_changed()
    until(lambda: machine.heard == [("wan0", "release"), ("wan0", "discover")], "it begins anew")
    until(bound(machine, *WANS), "both are bound")


def test_other_changes_of_the_interface_wake_nobody(machine: Machine) -> None:
    machine.clients.configure({"wan0": FAST})
    machine.connect(WANS["wan0"])
    until(bound(machine), "it is bound")
    machine.change(replace(WANS["wan0"], addresses4=(IPv4Interface("192.0.2.51/24"),)))
    gevent.idle()
    assert machine.heard == [("wan0", "discover")]
    machine.change(replace(WANS["wan0"], table4=5))
    until(lambda: machine.heard[-1] == ("wan0", "request"), "another table is another place")


def test_configured_otherwise_without_an_interruption_of_others(machine: Machine) -> None:
    machine.clients.configure(dict.fromkeys(WANS, FAST))
    machine.connect(*WANS.values())
    until(bound(machine, "wan0", "wan1"), "both are bound")
    heard = len(machine.heard)
    machine.clients.configure({"wan0": replace(FAST, hostname="router"), "wan1": FAST})
    until(lambda: len(machine.heard) > heard, "one asks again")
    until(bound(machine, "wan0", "wan1"), "both are bound")
    assert machine.heard[heard:] == [("wan0", "request")]


def test_removed_and_there_again(machine: Machine) -> None:
    machine.clients.configure({"wan0": FAST})
    machine.connect(WANS["wan0"])
    until(bound(machine), "it is bound")
    machine.clients.configure({})
    until(lambda: not machine.clients.clients, "it has ended")
    assert machine.addresses("wan0") == []
    assert machine.learned[-1] == ("wan0", {})
    assert machine.wanted[-1] == frozenset()
    machine.clients.configure({"wan0": FAST})
    until(bound(machine), "another one is bound")


def test_removed_and_there_again_at_once(machine: Machine) -> None:
    machine.clients.configure({"wan0": FAST})
    machine.connect(WANS["wan0"])
    until(bound(machine), "it is bound")
    first = machine.clients.clients["wan0"]
    machine.clients.configure({})
    machine.clients.configure({"wan0": FAST})
    until(lambda: bound(machine)() and machine.clients.clients["wan0"] is not first, "another one is bound")
    assert machine.addresses("wan0") == ["192.0.2.51/24"]


@pytest.mark.parametrize("on_stop", list(OnStop))
def test_stop(machine: Machine, on_stop: OnStop) -> None:
    machine.clients.configure({name: replace(FAST, on_stop=on_stop) for name in WANS})
    machine.connect(*WANS.values())
    until(bound(machine, "wan0", "wan1"), "both are bound")
    assert machine.clients.stop(10)
    assert machine.addresses("wan0") == (["192.0.2.51/24"] if on_stop is OnStop.KEEP else [])
    assert (("wan0", "release") in machine.heard) is (on_stop is OnStop.RELEASE)
    assert machine.clients.clients == {}


def test_stop_without_clients(machine: Machine) -> None:
    assert machine.clients.stop(0)


def test_the_next_daemon_asks_for_the_same_lease(machine: Machine) -> None:
    machine.clients.configure({"wan0": replace(FAST, on_stop=OnStop.KEEP)})
    machine.connect(WANS["wan0"])
    until(bound(machine), "it is bound")
    assert machine.clients.stop(10)
    machine.supervisor.stop_all()
    machine.table = InterfaceTable()
    machine.clients = machine.make()
    machine.heard.clear()
    machine.clients.configure({"wan0": FAST})
    machine.connect(WANS["wan0"])
    until(bound(machine), "it is bound")
    assert machine.heard == [("wan0", "request")]
    until(lambda: machine.settled == 2, "it is said that all have begun")


def test_operator(machine: Machine) -> None:
    machine.clients.configure({"wan0": FAST})
    machine.connect(WANS["wan0"])
    until(bound(machine), "it is bound")
    machine.clients.renew("wan0")
    until(lambda: len(machine.heard) == 2, "it renews")
    until(bound(machine), "it is bound")
    machine.clients.rebind("wan0")
    until(lambda: len(machine.heard) == 3, "it rebinds")
    until(bound(machine), "it is bound")
    machine.clients.release("wan0")
    until(lambda: machine.state() is State.RELEASED, "it has released")
    assert machine.heard == [("wan0", kind) for kind in ("discover", "request", "request", "release")]
    for act in (machine.clients.renew, machine.clients.rebind, machine.clients.release):
        with pytest.raises(KeyError):
            act("nowhere")


def probing(machine: Machine) -> Machine:
    """Have a client look for a conflict, which takes until it is not probing any more."""
    machine.probing = True
    machine.clients.configure({"wan0": replace(FAST, on_stop=OnStop.RELEASE)})
    machine.connect(WANS["wan0"])
    until(lambda: machine.probes, "it looks")
    assert machine.addresses("wan0") == ["192.0.2.51/24"]
    return machine


def test_a_lease_is_released_at_once_while_a_conflict_is_looked_for(machine: Machine) -> None:
    probing(machine)
    machine.clients.renew("wan0")
    machine.clients.release("wan0")
    until(lambda: machine.state() is State.RELEASED, "it has released")
    assert machine.heard == [("wan0", "discover"), ("wan0", "release")]
    assert machine.addresses("wan0") == []
    assert machine.events == [], "nobody was told of the lease"
    machine.probing = False
    machine.clients.renew("wan0")
    until(bound(machine), "it has a lease again")


def test_a_stop_waits_for_no_conflict(machine: Machine) -> None:
    probing(machine)
    assert machine.clients.stop(10)
    assert machine.heard[-1] == ("wan0", "release")
    assert machine.addresses("wan0") == []


def test_a_link_that_goes_while_a_conflict_is_looked_for(machine: Machine) -> None:
    probing(machine)
    machine.change(replace(WANS["wan0"], link_up=False))
    until(lambda: machine.state() is State.LINK_DOWN, "it knows")
    machine.probing = False
    machine.change(WANS["wan0"])
    until(bound(machine), "it is bound")
    assert machine.heard == [("wan0", "discover"), ("wan0", "request")]


@pytest.mark.parametrize("act", ["renew", "rebind"])
def test_more_time_is_asked_for_once_a_conflict_was_looked_for(machine: Machine, act: str) -> None:
    probing(machine)
    getattr(machine.clients, act)("wan0")
    machine.silent = True
    gevent.idle()
    assert machine.heard == [("wan0", "discover")]
    machine.probing = False
    until(lambda: machine.heard[1:] == [("wan0", "request")], "it asks")
    assert machine.state() is (State.RENEWING if act == "renew" else State.REBINDING)


def test_datagrams_for_nobody_are_counted(machine: Machine) -> None:
    machine.clients.configure({"wan0": FAST})
    machine.connect(*WANS.values())
    machine.source.put([b"", b"\2\0\0\0\0\0\0\0frame", b"\x63\0\0\0\0\0\0\0frame", b"\1\0\0\0\0\0\0\0"])
    until(bound(machine), "the reader goes on")
    assert dict(machine.clients.elsewhere) == {"punt-truncated": 1, "no-client": 2}


def test_a_client_that_fails_is_started_again(machine: Machine) -> None:
    machine.clients.configure({"wan0": FAST})
    machine.connect(WANS["wan0"])
    until(bound(machine), "it is bound")

    def fail(_: object) -> str:
        machine.vpp.refuses = lambda _: ""
        raise RuntimeError("once")

    machine.vpp.refuses = fail
    machine.clients.renew("wan0")
    until(lambda: machine.supervisor.restarts["dhc4client wan0"] == 1, "it has failed")
    until(lambda: len(machine.heard) == 3 and bound(machine)(), "it is bound again")


def test_a_listener_that_fails_harms_nobody(machine: Machine) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("listener")

    machine.clients.on_event(fail)
    machine.clients.on_learned(fail)
    machine.clients.configure({"wan0": FAST})
    machine.connect(WANS["wan0"])
    until(bound(machine), "it is bound")
    assert machine.supervisor.restarts["dhc4client wan0"] == 0
