"""A router with a daemon's Programming on it, what can go wrong between them, and what the router has in the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv6Network, ip_address, ip_interface, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.vppsim.rig import Rig
from vppdhc.vpp.api import ApiClient
from vppdhc.vpp.errors import VppCallError, VppGoneError, VppTimeoutError
from vppdhc.vpp.interfaces import InterfaceTable
from vppdhc.vpp.items import InterfaceAddress, Item, NptBinding, Route, RouteKind
from vppdhc.vpp.ledger import Ledger
from vppdhc.vpp.programming import Programming

if TYPE_CHECKING:
    from tests.vpp.conftest import VirtualClock

OWNER = "dhc4client loop0"
DEFAULT = "0.0.0.0/0"
NO_INTERFACE = 0xFFFFFFFF
PATH_TYPES: dict[int, RouteKind] = {0: "unicast", 2: "drop", 5: "unreachable"}
CHANGES = frozenset(
    {"sw_interface_add_del_address", "ip_route_add_del", "sw_interface_set_mtu", "npt66_binding_add_del"}
)


def address(interface: str, text: str) -> InterfaceAddress:
    return InterfaceAddress(interface, ip_interface(text))


def route(
    interface: str, prefix: str, hop: str = "", preference: int = 10, kind: RouteKind = "unicast", table: int = 0
) -> Route:
    return Route(table, ip_network(prefix), ip_address(hop) if hop else None, interface, preference, kind)


def lease(interface: str, number: int = 0, host: int = 2) -> list[Item]:
    """Return what a lease needs."""
    return [
        address(interface, f"10.{number}.0.{host}/24"),
        route(interface, DEFAULT, f"10.{number}.0.1"),
        route(interface, "172.16.0.0/12", f"10.{number}.0.3"),
    ]


def binding(interface: str, external: str, internal: str = "fd00::/48") -> NptBinding:
    return NptBinding(interface, IPv6Network(internal), IPv6Network(external))


class Killed(BaseException):
    """The daemon was killed."""


class Faults:
    """VPP's API with what can go wrong on the way.

    refusals: return values by message. silent: messages that get no reply; lost: those that VPP obeys and whose reply
    is lost; unanswered: how often either was so. changes: what VPP was asked to change, by message and arguments.
    kill_at: how many more points there are before the daemon is killed; None for never. A point is before each call,
    and behind each change. vanish_at: how many more changes there are before VPP goes.
    """

    def __init__(self, vpp: ApiClient) -> None:
        self.vpp = vpp
        self.refusals: dict[str, int] = {}
        self.silent: set[str] = set()
        self.lost: set[str] = set()
        self.unanswered = 0
        self.changes: list[tuple[str, dict[str, Any]]] = []
        self.kill_at: int | None = None
        self.vanish_at: int | None = None

    def call(self, name: str, /, **arguments: Any) -> Any:
        self.point()
        if name not in CHANGES:
            return self._do(name, arguments)
        if self.vanish_at is not None:
            self.vanish_at -= 1
            if self.vanish_at < 0:
                raise VppGoneError("gone")
        self.changes.append((name, arguments))
        reply = self._do(name, arguments)
        self.point()
        return reply

    def _do(self, name: str, arguments: dict[str, Any]) -> Any:
        if name in self.refusals:
            raise VppCallError(name, arguments, self.refusals[name])
        if name in self.silent:
            self.unanswered += 1
            raise VppTimeoutError(name, arguments, 5)
        reply = self.vpp.call(name, **arguments)
        if name in self.lost:
            self.unanswered += 1
            raise VppTimeoutError(name, arguments, 5)
        return reply

    def dump(self, name: str, /, **arguments: Any) -> list[Any]:
        self.point()
        if name in self.silent | self.lost:
            self.unanswered += 1
            raise VppTimeoutError(name, arguments, 5)
        return self.vpp.dump(name, **arguments)

    def point(self) -> None:
        """Let the daemon be killed here, if it is time."""
        if self.kill_at is not None:
            self.kill_at -= 1
            if self.kill_at < 0:
                raise Killed


class MortalLedger(Ledger):
    """A ledger whose daemon may be killed before and behind every write."""

    def __init__(self, path: Path, faults: Faults) -> None:
        super().__init__(path)
        self._faults = faults

    def save(self) -> None:
        self._faults.point()
        super().save()
        self._faults.point()


class Programmed:
    """A router, and a daemon that programs it. told: what the listener of drift heard."""

    def __init__(self, rig: Rig, state: Path, clock: "VirtualClock") -> None:
        self.rig = rig
        self.path = state / "programmed.json"
        self.clock = clock
        self.told: list[tuple[Item, str]] = []
        self.table = InterfaceTable()
        self._clients: list[ApiClient] = []
        self._ledgers: list[Ledger] = []
        self.connect()
        self.start()

    def connect(self) -> None:
        """Connect to the router's API."""
        client = ApiClient(str(self.rig.run_dir / "api.sock"))
        client.connect()
        self._clients.append(client)
        self.vpp = client
        self.faults = Faults(client)

    def start(self) -> None:
        """Start the daemon, again: nothing is left of an earlier one but its ledger."""
        self.table = InterfaceTable()
        self.ledger = MortalLedger(self.path, self.faults)
        self._ledgers.append(self.ledger)
        self.programming = Programming(self.table, self.ledger, self.clock)
        self.programming.on_drift(lambda item, reason: self.told.append((item, reason)))
        self.place(again=True)

    def place(self, *, again: bool = False) -> None:
        """Do what the link does all the time."""
        self.table.read(self.vpp)
        self.programming.place(self.faults, again=again)

    def later(self, seconds: float = 61.0) -> None:
        """Let time go by, and do what the link does then."""
        self.clock.now += seconds
        self.place()

    def lose(self) -> None:
        """Do what the link does when VPP has gone."""
        self.programming.forget()
        self.table.clear()

    def restart_router(self) -> None:
        """Have the router die and come back empty, with the daemon connected to it again."""
        self.lose()
        self.rig.restart()
        self.connect()
        self.ledger._faults = self.faults

    def reconnect(self) -> None:
        """Have the connection to the router end and be made anew."""
        self.lose()
        self.place(again=True)

    def loopback(self) -> str:
        """Make an interface that is up."""
        name = self.rig.loopback()
        self.rig.ctl(f"set interface state {name} up")
        return name

    def delete(self, name: str) -> None:
        """Delete an interface and have the daemon hear of it, as it does by VPP's event."""
        index = self.rig.index(name)
        assert self.rig.ctl(f"delete loopback interface intfc {name}") == ""
        self.table.deleted(index)

    def close(self) -> None:
        for client in self._clients:
            client.close()
        for ledger in self._ledgers:
            ledger.close()

    @contextmanager
    def refusing(self, name: str, retval: int = -1) -> Iterator[None]:
        """Have VPP refuse a message for a while."""
        self.faults.refusals[name] = retval
        yield
        del self.faults.refusals[name]

    # --- what others do

    def other_route(self, item: Route, *, add: bool = True) -> None:
        """Add or delete a path as another client of the API does."""
        path: dict[str, Any] = {
            "sw_if_index": self.rig.index(item.interface) if item.interface else NO_INTERFACE,
            "type": next(number for number, kind in PATH_TYPES.items() if kind == item.kind),
            "proto": int(item.prefix.version == 6),
            "preference": item.preference,
            "weight": 1,
            "label_stack": [{}] * 16,
        }
        if item.next_hop is not None:
            path["nh"] = {"address": {f"ip{item.next_hop.version}": str(item.next_hop)}}
        values = {"table_id": item.table, "prefix": str(item.prefix), "n_paths": 1, "paths": [path]}
        self.vpp.call("ip_route_add_del", is_add=add, is_multipath=True, route=values)

    def other_address(self, item: InterfaceAddress, *, add: bool = True) -> None:
        """Add or delete an address as an operator does."""
        verb = "" if add else "del "
        assert self.rig.ctl(f"set interface ip address {verb}{item.interface} {item.address}") == ""

    # --- what the router has

    def _names(self) -> dict[int, str]:
        return {entry.sw_if_index: entry.interface_name for entry in self.vpp.dump("sw_interface_dump")}

    def addresses(self) -> set[InterfaceAddress]:
        """Return all addresses of all interfaces."""
        return {
            address(name, str(entry.prefix))
            for index, name in self._names().items()
            for ipv6 in (False, True)
            for entry in self.vpp.dump("ip_address_dump", sw_if_index=index, is_ipv6=ipv6)
        }

    def routes(self, *prefixes: str, table: int = 0) -> set[Route]:
        """Return all paths that count for some prefixes; over an interface that is not there by its index."""
        names, wanted = self._names(), {ip_network(prefix) for prefix in prefixes}
        found = set()
        for ipv6 in (False, True):
            for entry in self.vpp.dump("ip_route_dump", table={"table_id": table, "is_ip6": ipv6}):
                prefix = entry.route.prefix
                if prefix not in wanted:
                    continue
                for path in entry.route.paths:
                    hop = path.nh.address.ip6 if ipv6 else path.nh.address.ip4
                    index = path.sw_if_index
                    name = "" if index == NO_INTERFACE else names.get(index, f"index {index}")
                    kind = PATH_TYPES[path.type]
                    found.add(Route(table, prefix, hop if int(hop) else None, name, path.preference, kind))
        return found

    def ip4_mtu(self, name: str) -> int:
        """Return the IPv4 MTU of an interface; 0 where it has that of the link."""
        (mtu,) = (e.mtu[1] for e in self.vpp.dump("sw_interface_dump") if e.interface_name == name)
        return int(mtu)

    def bindings(self) -> list[str]:
        """Return the NPTv6 bindings as VPP shows them, internal and external prefix."""
        lines = self.rig.ctl("show npt66 bindings").split("\n")
        return [" ".join(line.split()[2::2]) for line in lines if line.strip()]

    def forwards(self, prefix: str) -> str:
        """Return where packets of a prefix go."""
        return self.rig.ctl(f"show ip fib {prefix}").splitlines()[-1]
