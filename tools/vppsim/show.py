"""Commands that show something, in about VPP's form, and the whole state as JSON."""

import json
import os
from collections.abc import Callable
from typing import Any

from tools.vppsim import addresses
from tools.vppsim.addresses import NONE, mac_text, text
from tools.vppsim.api import ApiServer
from tools.vppsim.cli import Cli, CommandError, whole_number
from tools.vppsim.faults import Faults
from tools.vppsim.fib import Entry, Path, PathType, Source, Table
from tools.vppsim.interfaces import Interface
from tools.vppsim.ip_handlers import BUILD_DATE, VERSION
from tools.vppsim.packets import ICMP6
from tools.vppsim.ports import Ports
from tools.vppsim.punt import PuntSocket
from tools.vppsim.router import Router

_SOURCES = {
    Source.INTERFACE: "interface",
    Source.API: "API",
    Source.CLI: "CLI",
    Source.ADJACENCY: "adjacency",
    Source.DEFAULT: "default-route",
}


class ShowCommands:
    """What can be shown of a router, its ports, its registrations, its clients and its faults."""

    def __init__(
        self, cli: Cli, router: Router, ports: Ports, punt: PuntSocket, server: ApiServer, faults: Faults
    ) -> None:
        self._router = router
        self._ports = ports
        self._punt = punt
        self._server = server
        self._faults = faults
        commands: dict[str, Callable[[list[str]], str]] = {
            "show version": self._version,
            "show interface": self._interfaces,
            "show interface addr": lambda _: self._addresses(),
            "show interface features": self._features,
            "show ip fib": lambda words: self._fib(4, words),
            "show ip6 fib": lambda words: self._fib(6, words),
            "show ip table": lambda _: self._tables(4),
            "show ip6 table": lambda _: self._tables(6),
            "show ip neighbors": lambda words: self._neighbours((4, 6), words),
            "show ip4 neighbors": lambda words: self._neighbours((4,), words),
            "show ip6 neighbors": lambda words: self._neighbours((6,), words),
            "show punt socket registrations": self._registrations,
            "show npt66 bindings": lambda _: self._bindings(),
            "show errors": lambda _: self._errors(),
            "clear errors": lambda _: self._clear_errors(),
            "show simulate state": lambda _: json.dumps(self.state(), indent=1),
        }
        for name, command in commands.items():
            cli.add(name, command)

    @staticmethod
    def _version(words: list[str]) -> str:
        if words == ["verbose"]:
            return f"Version:                  v{VERSION}\nCurrent PID:              {os.getpid()}"
        return f"vpp v{VERSION} built by vppsim on vppsim at {BUILD_DATE}"

    def _interfaces(self, words: list[str]) -> str:
        head = "              Name               Idx    State  MTU (L3/IP4/IP6/MPLS)     Counter          Count     "
        lines = [head]
        for interface in sorted(self._router.interfaces, key=lambda i: i.name):
            if words and interface.name not in words:
                continue
            mtu = "/".join(map(str, interface.mtu))
            state = "up" if interface.admin_up else "down"
            line = f"{interface.name:<32}{interface.index:>3}{state:^14}{mtu:^18}"
            for way, traffic in (("rx", interface.received), ("tx", interface.sent)):
                for what, count in (("packets", traffic.packets), ("bytes", traffic.octets)):
                    if count:
                        lines.append(f"{line:<68}{f'{way} {what}':<16}{count:>16}")
                        line = ""
            if line:
                lines.append(line)
        return "\n".join(lines)

    def _features(self, words: list[str]) -> str:
        """Of the features of an interface, the simulator has NPTv6."""
        interface = self._router.interfaces.by_name(words[0] if words else "")
        if interface is None:
            raise CommandError("Interface not specified...")
        inside, outside = ("  npt66-input", "  npt66-output") if interface.translates else ("  none configured",) * 2
        return f"Feature paths configured on {interface.name}...\n\nip6-output:\n{outside}\n\nip6-unicast:\n{inside}"

    def _addresses(self) -> str:
        lines = []
        for interface in sorted(self._router.interfaces, key=lambda i: i.name):
            lines.append(f"{interface.name} ({'up' if interface.admin_up else 'dn'}):")
            for prefix in sorted(interface.addresses, key=lambda p: p.af):
                table = interface.tables[prefix.af]
                lines.append(f"  L3 {prefix}" + (f" ip{prefix.af} table-id {table}" if table else ""))
        return "\n".join(lines)

    # --- tables

    def _tables(self, af: int) -> str:
        tables = [table for (family, _), table in sorted(self._router.tables.items()) if family == af]
        return "\n".join(f"[{n}] table_id:{table.table_id} {table.name}" for n, table in enumerate(tables))

    def _fib(self, af: int, words: list[str]) -> str:
        wanted = None
        if "table" in words[:-1]:
            place = words.index("table")
            wanted, words = whole_number(words[place + 1]), words[:place] + words[place + 2 :]
        where = words[0] if words else None
        parts = []
        for (family, table_id), table in sorted(self._router.tables.items()):
            if family == af and wanted in (None, table_id):
                parts.append(f"{table.name}, fib_index:{table_id}, flow hash:[src dst sport dport proto flowlabel ]")
                parts += self._entries(table) if where is None else self._entry(table, where)
        return "\n".join(parts)

    def _entries(self, table: Table) -> list[str]:
        lines = []
        for entry in sorted(table.entries(), key=lambda e: e.prefix):
            lines += [str(entry.prefix), *self._forwarding(entry)]
        return lines

    def _entry(self, table: Table, word: str) -> list[str]:
        try:
            prefix = addresses.parse_prefix(word)
        except ValueError as error:
            raise CommandError(f"unknown input `{word}'") from error
        if prefix.af != table.af:
            raise CommandError(f"unknown input `{word}'")
        entry = table.get(prefix) or table.lookup(prefix.address)
        lines = [f"{entry.prefix} fib:{table.table_id} index:{entry.index} locks:{len(entry.sources) + 1}"]
        for source in sorted(entry.sources):
            active = "added,contributing,active," if source == entry.source else "added,"
            lines.append(f"  {_SOURCES[source]} refs:1 src-flags:{active}")
            lines += [
                f"      path: weight={path.weight} pref={path.preference} {self._way(table, path)}"
                for path in entry.sources[source]
            ]
        return [*lines, " forwarding:", *self._forwarding(entry)]

    def _forwarding(self, entry: Entry) -> list[str]:
        table = next(t for t in self._router.tables.values() if t.get(entry.prefix) is entry)
        best = self._router.best(entry)
        way = self._way(table, best) if best else f"dpo-drop ip{table.af}"
        return [f"  unicast-ip{table.af}-chain", f"    [0] {way}"]

    def _way(self, table: Table, path: Path) -> str:
        af = table.af
        out = self._router.interfaces.get(path.sw_if_index)
        name = out.name if out else ""
        if path.type == PathType.LOCAL:
            return f"dpo-receive: {text(af, path.next_hop)} on {name}" if name else "dpo-receive"
        if path.type != PathType.NORMAL:
            return f"dpo-drop ip{af}" if path.type == PathType.DROP else f"ip{af}-null action:send-unreachable"
        if out is None:
            return f"recursive via {text(af, path.next_hop)}" if path.next_hop else f"ip{af}-link-local"
        if not path.next_hop:
            return f"ipv{af}-glean: {name}"
        mac = self._router.neighbour(out, af, path.next_hop)
        resolved = f"ipv{af}" if mac else f"arp-ipv{af}:"
        return f"{resolved} via {text(af, path.next_hop)} {name} {mac.hex() if mac else ''}".rstrip()

    # --- the rest

    def _neighbours(self, families: tuple[int, ...], words: list[str]) -> str:
        lines = [
            "     Age                       IP                    Flags      Ethernet              Interface       "
        ]
        now = self._router.clock()
        for neighbour in reversed(list(self._router.neighbours.values())):
            interface = self._router.interfaces.get(neighbour.sw_if_index)
            name = interface.name if interface else ""
            if neighbour.af in families and words in ([], [name]):
                address = text(neighbour.af, neighbour.address)
                age = now - neighbour.since
                lines.append(f"{age:>12.4f}{address:>24}                   D    {mac_text(neighbour.mac)} {name}")
        return "\n".join(lines) if len(lines) > 1 else ""

    def _registrations(self, words: list[str]) -> str:
        """Without a word VPP shows the registrations for exceptions, which nobody here can have."""
        if words != ["l4"]:
            return ""
        lines = []
        for (af, port), (protocol, pathname) in sorted(self._punt.clients.items()):
            name = "ICMP6" if protocol == ICMP6 else "UDP"
            lines.append(f" punt ip{af} {name} port {port} to socket {pathname} ")
        return "\n".join(lines)

    def _bindings(self) -> str:
        bindings = self._router.bindings.values()
        return "\n".join(f"[{n}] internal: {inner} external: {outer}" for n, (inner, outer) in enumerate(bindings))

    def _errors(self) -> str:
        """As VPP: the columns are centred, and what is longer than 35 characters is cut."""
        lines = [f"   Count  {_centred('Node')}{_centred('Reason')} Severity "]
        for (node, reason), count in self._router.errors.items():
            lines.append(f"{count:>10}{_centred(node)}{_centred(reason)}   error  ")
        return "\n".join(lines)

    def _clear_errors(self) -> str:
        self._router.errors.clear()
        return ""

    def state(self) -> dict[str, Any]:
        """Return everything that is programmed."""
        router = self._router
        names = {interface.index: interface.name for interface in router.interfaces}
        return {
            "interfaces": [self._interface(interface) for interface in router.interfaces],
            "tables": [{"af": af, "id": table_id} for af, table_id in sorted(router.tables)],
            "routes": [
                self._route(table, entry, source)
                for table in router.tables.values()
                for entry in table.entries()
                for source in entry.sources
                if source in (Source.API, Source.CLI)
            ],
            "multicast-routes": [
                {"table": groups.table_id, "group": str(group.prefix), "entry-flags": group.entry_flags}
                for groups in router.groups.values()
                for group in groups.groups.values()
                if not group.built_in
            ],
            "neighbours": [
                {"interface": names[n.sw_if_index], "address": text(n.af, n.address), "mac": mac_text(n.mac)}
                for n in router.neighbours.values()
            ],
            "punt": [
                {"af": af, "protocol": protocol, "port": port, "path": path}
                for (af, port), (protocol, path) in sorted(self._punt.clients.items())
            ],
            "npt66": [
                {"interface": names.get(index), "internal": str(internal), "external": str(external)}
                for index, (internal, external) in router.bindings.items()
            ],
            "clients": self._server.clients(),
            "hosts": {name: host.show() for name, host in self._ports.hosts.items()},
            "faults": self._faults.show(),
            "errors": {f"{node}: {reason}": count for (node, reason), count in router.errors.items()},
        }

    @staticmethod
    def _interface(interface: Interface) -> dict[str, Any]:
        advertisements = interface.advertisements
        link_local = interface.link_local
        return {
            "name": interface.name,
            "index": interface.index,
            "mac": mac_text(interface.mac),
            "up": interface.admin_up,
            "addresses": [str(prefix) for prefix in interface.addresses],
            "link-local": None if link_local is None else text(6, link_local),
            "tables": {"ip4": interface.tables[4], "ip6": interface.tables[6]},
            "vlans": [vlan for _, vlan in interface.vlans],
            "client-detection": interface.detect > 0,
            "router-advertisements": advertisements.send,
        }

    @staticmethod
    def _route(table: Table, entry: Entry, source: Source) -> dict[str, Any]:
        return {
            "table": table.table_id,
            "prefix": str(entry.prefix),
            "source": _SOURCES[source],
            "paths": [
                {
                    "type": path.type,
                    "next-hop": text(table.af, path.next_hop),
                    "sw-if-index": None if path.sw_if_index == NONE else path.sw_if_index,
                    "preference": path.preference,
                }
                for path in entry.sources[source]
            ],
        }


def _centred(word: str) -> str:
    width = 35
    shown = word[:width]
    return (" " * ((width - len(shown) + 1) // 2) + shown).ljust(width)
