"""The API messages about tables, routes, neighbours and punting, and the few general ones."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from tools.vppsim import addresses, fib
from tools.vppsim import router as state
from tools.vppsim.addresses import NONE, Prefix
from tools.vppsim.api import ApiServer, Client, Later, Values
from tools.vppsim.arping import Arping, Probe
from tools.vppsim.fib import Entry, Path, Source, Table
from tools.vppsim.handlers import address_to_api, prefix_from_api, prefix_to_api
from tools.vppsim.punt import PuntSocket
from tools.vppsim.router import Neighbour, Router

VERSION: Final = "26.06-release"
BUILD_DATE: Final = "2026-06-24T12:00:00"
_FAILED: Final = -1
_L4: Final = 0

RunCommand = Callable[[str], tuple[bool, str]]
"""Runs a command line; returns whether it was understood, and what it printed."""


@dataclass(frozen=True, slots=True)
class NeighbourWatch:
    """Who wants to hear of which neighbours: of one address on one interface, or with 0.0.0.0 of both families' all.

    sw_if_index: NONE, beside 0.0.0.0, for all interfaces. An address with NONE, and ::, match nothing in VPP.
    """

    client: Client
    af: int
    address: int
    sw_if_index: int
    pid: int

    def wants(self, neighbour: Neighbour) -> bool:
        """Tell whether it is for this neighbour."""
        exact = (neighbour.af, neighbour.address, neighbour.sw_if_index)
        return (self.af, self.address, self.sw_if_index) in (exact, (4, 0, neighbour.sw_if_index), (4, 0, NONE))


class IpHandlers:
    """Requests and events about tables, routes and neighbours, and about punting."""

    def __init__(
        self, server: ApiServer, router: Router, arping: Arping, punt: PuntSocket, run_command: RunCommand
    ) -> None:
        self._server = server
        self._router = router
        self._arping = arping
        self._punt = punt
        self._run_command = run_command
        self._watches: list[NeighbourWatch] = []
        server.on_gone.append(self._gone)
        server.handlers |= {
            "show_version": self._show_version,
            "cli_inband": self._cli,
            "ip_table_dump": self._dump_tables,
            "ip_route_add_del": self._change_route,
            "ip_route_dump": self._dump_routes,
            "ip_route_lookup": self._look_up_route,
            "ip_mroute_add_del": self._change_group,
            "ip_mroute_dump": self._dump_groups,
            "ip_neighbor_dump": self._dump_neighbours,
            "want_ip_neighbor_events_v2": self._watch,
            "arping": self._probe,
            "arping_acd": self._probe,
            "punt_socket_register": self._register,
            "punt_socket_deregister": self._deregister,
            "punt_socket_dump": self._dump_registrations,
        }

    def attach(self) -> None:
        """Hear of what happens to the router's neighbours."""
        self._router.on_neighbour.append(self._neighbour_changed)

    def show_watches(self) -> str:
        """Return who wants to hear of neighbours as VPP shows it; a client is shown by its index, with a sign."""
        clients: dict[tuple[int, int, int], list[str]] = {}
        for watch in self._watches:
            client = watch.client.index - (1 << 32 if watch.client.index >> 31 else 0)
            key = watch.sw_if_index, watch.af, watch.address
            clients.setdefault(key, []).append(f"  [pid:{watch.pid}, client:{client}]")
        lines = []
        for (index, af, address), wanted_by in clients.items():
            interface = self._router.interfaces.get(index)
            name = f"DELETED ({index})" if interface is None else interface.name
            lines += [f"Key: [{name}, {addresses.text(af, address)}]", *wanted_by]
        return "\n".join(lines)

    @staticmethod
    def _show_version(_: Client, __: Values) -> Values:
        return {"program": "vpe", "version": VERSION, "build_date": BUILD_DATE, "build_directory": "/vppsim"}

    def _cli(self, _: Client, values: Values) -> Values:
        understood, output = self._run_command(values["cmd"])
        return {"retval": 0 if understood else _FAILED, "reply": output}

    # --- tables and routes

    def _dump_tables(self, _: Client, __: Values) -> Iterator[Values]:
        for af, table_id in sorted(self._router.tables):
            table = self._router.tables[af, table_id]
            yield {"table": {"table_id": table_id, "is_ip6": af == 6, "name": table.name}}

    def _change_route(self, _: Client, values: Values) -> Values:
        route = values["route"]
        prefix = prefix_from_api(route["prefix"])
        table = self._router.tables.get((prefix.af, route["table_id"]))
        if not prefix.is_sound:
            return {"retval": fib.INVALID_PREFIX_LENGTH, "stats_index": NONE}
        if table is None:
            return {"retval": fib.NO_TABLE, "stats_index": NONE}
        paths = [Path.from_api(prefix.af, path) for path in route["paths"]]
        if not paths and (values["is_add"] or values["is_multipath"]):
            return {"retval": fib.NO_PATHS, "stats_index": NONE}
        if any(path.needs_table and (prefix.af, path.table_id) not in self._router.tables for path in paths):
            return {"retval": fib.NO_TABLE, "stats_index": NONE}
        if any(path.sw_if_index != NONE and path.sw_if_index not in self._router.interfaces for path in paths):
            return {"retval": fib.NO_SUCH_INTERFACE, "stats_index": NONE}
        add, multipath = values["is_add"], values["is_multipath"]
        index = self._router.change_route(table, prefix, Source.API, paths, add=add, multipath=multipath)
        return {"stats_index": index if add else NONE}

    def _look_up_route(self, _: Client, values: Values) -> Values:
        prefix = prefix_from_api(values["prefix"])
        table = self._router.tables.get((prefix.af, values["table_id"]))
        if table is None:
            return {"retval": fib.NO_TABLE}
        entry = None
        if prefix.is_sound:
            entry = table.get(prefix) if values["exact"] else table.lookup(prefix.address)
        return {"retval": state.NO_SUCH_ENTRY} if entry is None else {"route": _route_to_api(table, entry)}

    def _table(self, values: Values) -> Table | None:
        table = values["table"]
        return self._router.tables.get((6 if table["is_ip6"] else 4, table["table_id"]))

    def _dump_routes(self, _: Client, values: Values) -> Iterator[Values]:
        table = self._table(values)
        if table is not None:
            yield from ({"route": _route_to_api(table, entry)} for entry in table.entries())

    def _change_group(self, _: Client, values: Values) -> Values:
        route = values["route"]
        where = route["prefix"]
        af = 6 if where["af"] else 4
        groups = self._router.groups.get((af, route["table_id"]))
        if groups is None:
            return {"retval": fib.NO_TABLE, "stats_index": NONE}
        length = min(where["grp_address_length"], addresses.BITS[af])
        prefix = Prefix(af, addresses.unpack(af, where["grp_address"]), length)
        paths = [(path["itf_flags"], Path.from_api(af, path["path"])) for path in route["paths"]]
        add = values["is_add"]
        groups.change(prefix, route["entry_flags"], paths, add=add, multipath=values["is_multipath"])
        return {"stats_index": NONE if paths and not add else 0}

    def _dump_groups(self, _: Client, values: Values) -> Iterator[Values]:
        table = values["table"]
        groups = self._router.groups.get((6 if table["is_ip6"] else 4, table["table_id"]))
        for group in groups.groups.values() if groups else ():
            af = group.prefix.af
            where: Values = {"af": int(af == 6), "grp_address_length": group.prefix.length}
            where["grp_address"] = addresses.pack(af, group.prefix.address)
            yield {
                "route": {
                    "table_id": table["table_id"],
                    "prefix": where,
                    "n_paths": len(group.paths),
                    # of flags, VPP shows neither the entry's nor the paths' forward
                    "paths": [{"itf_flags": flags & ~4, "path": path.to_api(af)} for flags, path in group.paths],
                }
            }

    # --- neighbours

    def _dump_neighbours(self, _: Client, values: Values) -> Iterator[Values]:
        af = 6 if values["af"] else 4
        now = self._router.clock()
        for neighbour in reversed(list(self._router.neighbours.values())):
            if neighbour.af == af and values["sw_if_index"] in (NONE, neighbour.sw_if_index):
                yield {"age": now - neighbour.since, "neighbor": _neighbour_to_api(neighbour)}

    def _watch(self, client: Client, values: Values) -> Values:
        index = values["sw_if_index"]
        if index != NONE and index not in self._router.interfaces:
            return {"retval": state.INVALID_INTERFACE}
        af = 6 if values["ip"]["af"] else 4
        watch = NeighbourWatch(client, af, addresses.unpack(af, values["ip"]["un"]), index or NONE, values["pid"])
        self._watches = [other for other in self._watches if other != watch]
        if values["enable"]:
            self._watches.append(watch)
        return {}

    def _gone(self, client: Client) -> None:
        self._watches = [watch for watch in self._watches if watch.client is not client]

    def _neighbour_changed(self, neighbour: Neighbour, flags: int) -> None:
        values = {"flags": flags, "neighbor": _neighbour_to_api(neighbour)}
        for watch in self._watches:
            if watch.wants(neighbour):
                self._server.event(watch.client, "ip_neighbor_event_v2", {**values, "pid": watch.pid})

    def _probe(self, _: Client, values: Values) -> Values | Later:
        interface = self._router.interfaces.get(values["sw_if_index"])
        if interface is None:
            return {"retval": state.INVALID_INTERFACE}
        af = 6 if values["address"]["af"] else 4
        address = addresses.unpack(af, values["address"]["un"])
        probe = Probe(interface, af, address, values["repeat"], values["interval"], values["is_garp"])
        return Later(partial(self._arping.run, probe))

    # --- punting

    def _register(self, _: Client, values: Values) -> Values:
        subject = _l4(values["punt"])
        pathname = values["pathname"]
        done = subject is not None and self._punt.register(values["header_version"], *subject, pathname)
        return {"retval": 0 if done else _FAILED, "pathname": str(self._punt.path)}

    def _deregister(self, _: Client, values: Values) -> Values:
        subject = _l4(values["punt"])
        if subject is not None:
            self._punt.deregister(subject[0], subject[2])
        return {}

    def _dump_registrations(self, _: Client, values: Values) -> Iterator[Values]:
        if values["type"] == _L4:
            for (af, port), (protocol, pathname) in self._punt.clients.items():
                what = bytes([int(af == 6), protocol]) + port.to_bytes(2, "big")
                yield {"punt": {"type": _L4, "punt": what}, "pathname": pathname}


def _l4(punt: dict[str, Any]) -> tuple[int, int, int] | None:
    """Return family, protocol and port of a `vl_api_punt_t` for a port; None for other kinds."""
    raw = punt["punt"]
    if punt["type"] != _L4:
        return None
    return (6 if raw[0] else 4), raw[1], int.from_bytes(raw[2:4], "big")


def _route_to_api(table: Table, entry: Entry) -> Values:
    return {
        "table_id": table.table_id,
        "stats_index": entry.index,
        "prefix": prefix_to_api(entry.prefix),
        "n_paths": len(entry.paths),
        "paths": [path.to_api(entry.prefix.af) for path in entry.paths],
    }


def _neighbour_to_api(neighbour: Neighbour) -> Values:
    return {
        "sw_if_index": neighbour.sw_if_index,
        "mac_address": neighbour.mac,
        "ip_address": address_to_api(neighbour.af, neighbour.address),
    }
