"""A router whose DHCPv6 clients run in greenlets, and providers that answer at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv6Address
from pathlib import Path
from random import Random

import gevent
from gevent.event import Event as Signal
from gevent.queue import Queue

from tests.dhc6pdclient.provider import Heard, Server
from tests.dhc6pdclient.world import DUID, GIVES, MANAGED, ONE, FakeTenant
from tests.vpp.conftest import until
from vppdhc.clock import SystemClock
from vppdhc.dhc6pdclient.bindings import Bindings
from vppdhc.dhc6pdclient.client import Dhcp6Clients, World
from vppdhc.dhc6pdclient.config import ClientConfig
from vppdhc.dhc6pdclient.demand import Flags
from vppdhc.dhc6pdclient.journal import Event
from vppdhc.dhc6pdclient.ports import Outcome
from vppdhc.dhc6pdclient.states import State
from vppdhc.interface import Interface
from vppdhc.packet import punt
from vppdhc.packet.dhcp6 import decode
from vppdhc.packet.frame import decode_udp6
from vppdhc.supervisor import Supervisor
from vppdhc.vpp.interfaces import InterfaceTable

WANS = {
    name: Interface(
        name,
        index,
        bytes((2, 0, 0, 0, 9, index)),
        admin_up=True,
        link_up=True,
        link_local=IPv6Address(f"fe80::9:{index}"),
    )
    for index, name in enumerate(("wan0", "wan1"), start=1)
}
FAST = replace(ONE, rapid_commit=True)


class RunningTenant(FakeTenant):
    """A tenant with a greenlet of its own. runs: how often that was started; stopped: how often it has ended."""

    def __init__(self, machine: "Machine", config: ClientConfig) -> None:
        super().__init__()
        self.config = config
        self.runs = 0
        self.stopped = 0
        self.changes = 0
        self._machine = machine

    def adopt(self, bindings: Bindings) -> Outcome:
        while bindings.leased and self._machine.probing:
            self._machine.probes += 1
            gevent.sleep(0.01)
        if self._machine.fails:
            self._machine.fails = False
            raise RuntimeError("once")
        return super().adopt(bindings)

    def routers_changed(self) -> None:
        self.changes += 1

    def run(self) -> None:
        self.runs += 1
        try:
            Signal().wait()
        finally:
            self.stopped += 1


class Provider:
    """The network of the provider on one interface, whose server answers at once."""

    def __init__(self, machine: "Machine", name: str, index: int) -> None:
        gives = {key: [text.replace("100::/56", f"{index}00::/56") for text in texts] for key, texts in GIVES.items()}
        self.server = Server(self, gives=gives, rapid=True)
        self._machine = machine
        self._name = name

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        do()

    def deliver(self, datagram: bytes) -> None:
        interface = self._machine.table.named(self._name)
        assert interface is not None, "an answer to somebody who is not there"
        self._machine.source.put([interface.index.to_bytes(4, "little") + datagram[4:]])


class Machine:
    """A router with clients, and providers that answer at once. table: its live interfaces."""

    def __init__(self, directory: Path) -> None:
        self.clock = SystemClock()
        self.supervisor = Supervisor(self.clock)
        self.table = InterfaceTable()
        self.tenants: dict[str, RunningTenant] = {}
        self.source: Queue[list[bytes]] = Queue()
        self.providers = {name: Provider(self, name, one.index) for name, one in WANS.items()}
        self.heard: list[tuple[str, str]] = []
        self.wanted: list[frozenset[str]] = []
        self.flags: dict[str, Flags] = dict.fromkeys(WANS, MANAGED)
        self.settled = 0
        self.events: list[Event] = []
        self.learned: list[tuple[str, Mapping[int, bytes]]] = []
        self.probing = False
        self.probes = 0
        self.fails = False
        self.duid = DUID
        self.directory = directory
        self.clients = self.make()

    def make(self, routers_within: float = 0.0) -> Dhcp6Clients:
        """Make the clients of a daemon that starts."""
        clients = Dhcp6Clients(
            World(
                interfaces=self.table,
                send=self.send,
                tenant=self.tenant,
                flags=self.flags.get,
                clock=self.clock,
                supervisor=self.supervisor,
                random=Random(1),
                duid=lambda _: self.duid,
                directory=self.directory / "dhc6pdclient",
                want_packets=self.wanted.append,
                settled=self.settle,
                routers_within=routers_within,
            )
        )
        clients.on_event(self.events.append)
        clients.on_learned(lambda name, options: self.learned.append((name, options)))
        self.supervisor.start("reader", lambda: clients.serve(self))
        return clients

    def start_again(self, routers_within: float = 0.0) -> None:
        """Have the daemon stop and start."""
        assert self.clients.stop(10)
        self.supervisor.stop_all()
        self.table = InterfaceTable()
        self.clients = self.make(routers_within)
        self.heard.clear()

    def tenant(self, name: str, config: ClientConfig) -> RunningTenant:
        self.tenants[name] = RunningTenant(self, config)
        return self.tenants[name]

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
        """Take what the client of an interface sends to its provider."""
        assert action == punt.L2
        interface = self.table.get(index)
        assert interface is not None, "sent to an interface that VPP does not have"
        packet = decode_udp6(frame)
        assert (packet.source, packet.destination_port) == (int(interface.link_local or 0), 547)
        heard = Heard(self.clock.boottime(), packet, decode(packet.payload))
        self.heard.append((interface.name, heard.type))
        self.providers[interface.name].server.hear(heard)
        return True

    @property
    def server(self) -> Server:
        """That of the first provider."""
        return self.providers["wan0"].server

    def has(self, name: str = "wan0") -> list[str]:
        return self.tenants[name].has


def bound(machine: Machine, *names: str) -> Callable[[], bool]:
    return lambda: all(
        name in machine.clients.clients and machine.state(name) is State.BOUND for name in names or ("wan0",)
    )


def started(machine: Machine, config: ClientConfig = FAST) -> Machine:
    """Have one client that is bound."""
    machine.clients.configure({"wan0": config})
    machine.connect(*WANS.values())
    until(bound(machine), "it is bound")
    return machine
